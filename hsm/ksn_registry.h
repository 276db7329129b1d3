/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last transaction counter per PIN pad (initial KSN), so that no enciphered PIN is taken twice. A small
 * text file under the daemon's runtime directory, shared by the workers under a lock, replaced atomically.
 * Lives until reboot.
 */
#pragma once

#include "base/error.h"
#include "hsm/dukpt.h"

#define CW_KSN_PADS_MAX 256u

/*
 * Notes the KSN as used: REJECT with code HSM_KSN_REPLAY when its counter is not above the last one of that
 * pad. OPERATOR when the file in dir cannot be read, is malformed or full. Blocks on the lock and on the
 * disk.
 */
CW_WARN_UNUSED cw_rc cw_ksn_use(const char *dir, const uint8_t ksn[CW_KSN_LEN], struct cw_fault *f);

/* One table in memory, for cw_ksn_use and tests of the format. */
struct cw_ksn_table {
        size_t count;
        struct {
                uint8_t pad[CW_KSN_LEN]; /* counter bits zero */
                uint32_t last;
        } rows[CW_KSN_PADS_MAX];
};
/* Lines "<20 hex digits> <decimal counter>\n". REJECT/CW_E_SYNTAX when anything else is in the text. */
CW_WARN_UNUSED cw_rc cw_ksn_table_parse(const char *text, size_t len, struct cw_ksn_table *ret,
                                        struct cw_fault *f);
