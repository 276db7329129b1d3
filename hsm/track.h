/* SPDX-License-Identifier: Apache-2.0 */
/* Magnetic stripe data, ISO/IEC 7813, and EMV track 2 equivalent data (tag 57). */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CW_TRACK_NAME_MAX 26u
#define CW_TRACK1_MAX 76u /* 79 characters less start sentinel, end sentinel and LRC */
#define CW_TRACK2_MAX 37u /* 40 characters less the same */
#define CW_TRACK2_EQUIVALENT_MAX 19u

struct cw_track_data {
        const char *pan, *expiry, *service_code; /* digits; expiry YYMM */
        const char *track_name;                  /* of cw_track_name */
        const char *discretionary;               /* digits with {cvv} in their midst */
};

/*
 * "Asha Rao" -> "RAO/ASHA" (the last word is the surname), "RAO/ASHA" stays: upper case, characters outside
 * of the track 1 set for data dropped, at most 26. REJECT when fewer than 2 characters are left.
 */
CW_WARN_UNUSED cw_rc cw_track_name(const char *name, char ret[CW_TRACK_NAME_MAX + 1], struct cw_fault *f);

/* The outputs hold secrets: NUL-terminated text in memory that the caller wipes. cvv: 3 digits. REJECT when
 * too long. */
CW_WARN_UNUSED cw_rc cw_track1(const struct cw_track_data *d, const char *cvv, char ret[CW_TRACK1_MAX + 1],
                               struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_track2(const struct cw_track_data *d, const char *cvv, char ret[CW_TRACK2_MAX + 1],
                               struct cw_fault *f);
/* Packed digits, D as separator, F to a whole byte. EMV Book 3, annex A. */
CW_WARN_UNUSED cw_rc cw_track2_equivalent(const struct cw_track_data *d, const char *icvv,
                                          uint8_t ret[CW_TRACK2_EQUIVALENT_MAX], size_t *ret_len,
                                          struct cw_fault *f);
