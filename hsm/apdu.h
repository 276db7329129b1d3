/* SPDX-License-Identifier: Apache-2.0 */
/* Short command APDUs, ISO/IEC 7816-4. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_APDU_MAX 261u

struct cw_capdu {
        uint8_t cla, ins, p1, p2;
        const uint8_t *data; /* borrowed */
        size_t data_len;     /* 0..255 */
        bool has_le;
        uint8_t le;
};

/* Cases 1 to 4, short form. REJECT/CW_E_SYNTAX otherwise. */
CW_WARN_UNUSED cw_rc cw_capdu_parse(const uint8_t *bytes, size_t len, struct cw_capdu *ret,
                                    struct cw_fault *f);
/* Appends 80 and zeros up to a whole block; always adds. Returns the new length; cap >= len + block. */
size_t cw_pad80(uint8_t *buf, size_t len, size_t block);
/* Length without the padding of cw_pad80; false when there is none. */
bool cw_unpad80(const uint8_t *buf, size_t len, size_t *ret_len);
