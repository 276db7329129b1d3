/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this folder only: PC/SC results as faults, and the count of calls that hang. */
#pragma once

#include "drivers/reader/binding.h"
#include "drivers/reader/reader.h"

#include <winscard.h>

/* Fault of a failed SCard call; never RETRY for a call that may have reached the card. Returns its rc. */
cw_rc cw_pcsc_fail(struct cw_fault *f, LONG rv, const char *op);

/* Counts of abandoned workers, owned by the reader and its workers together. */
struct cw_reader_stuck {
        atomic_int hanging;
        atomic_int refs;
};
void cw_reader_stuck_unref(struct cw_reader_stuck *s);

#define CW_SYSFS_USB "/sys/bus/usb/devices"

/* Who the reader behind an open connection says it is. May block as any call on a connection may. */
void cw_pcsc_read_identity(SCARDHANDLE card, struct cw_reader_identity *ret);

/*
 * A worker of its own context; the strings are copied. wanted: as the configuration names the reader
 * (binding.h); RECONNECT/CW_E_READER_GONE when the reader called name is not that one any more. See
 * cw_card_reader_connect.
 */
CW_WARN_UNUSED cw_rc cw_pcsc_channel_open(const char *name, const char *wanted, struct cw_reader_stuck *stuck,
                                          int64_t timeout_ms, struct cw_card_channel **ret,
                                          struct cw_fault *f);
