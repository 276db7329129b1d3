/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/extended.h"

#include "drivers/reader/secure_pin.h"

#define SHORT_MAX 256u       /* what libccid tells of a reader that takes short APDUs only */
#define EXTENDED_LE_LC 0x40u /* third byte of the card capabilities */

/* ISO 7816-3, 8.2: T0, then TA to TD for each bit, as long as a TD follows. */
static struct cw_span historical_bytes(struct cw_span atr) {
        size_t at = 2, historical = atr.len > 1 ? atr.ptr[1] & 0x0fu : 0;
        uint8_t next = atr.len > 1 ? atr.ptr[1] & 0xf0u : 0;
        while (next) {
                size_t count = 0;
                for (uint8_t bit = 0x10; bit; bit = (uint8_t)(bit << 1))
                        count += (next & bit) != 0;
                at += count;
                if (at > atr.len)
                        return CW_SPAN(NULL, 0);
                next = next & 0x80u ? atr.ptr[at - 1] & 0xf0u : 0;
        }
        return at + historical <= atr.len ? CW_SPAN(atr.ptr + at, historical) : CW_SPAN(NULL, 0);
}

bool cw_atr_says_extended(struct cw_span atr) {
        struct cw_span h = historical_bytes(atr);
        /* Category 80: compact TLV to the end; 00: three bytes of status behind. Others are the maker's. */
        if (h.len == 0 || (h.ptr[0] != 0x80 && (h.ptr[0] != 0x00 || h.len < 4)))
                return false;
        const size_t end = h.ptr[0] == 0x80 ? h.len : h.len - 3;
        for (size_t at = 1; at < end;) {
                const uint8_t tag = h.ptr[at] >> 4, len = h.ptr[at] & 0x0fu;
                if (len > end - at - 1)
                        return false;
                if (tag == 7)
                        return len >= 3 && h.ptr[at + 3] & EXTENDED_LE_LC;
                at += 1u + len;
        }
        return false;
}

cw_rc cw_card_agree_extended(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f) {
        struct cw_secure_pin reader = {0};
        c->answer_max = 0;
        if (c->t0 || !c->ops->control || !cw_atr_says_extended(CW_SPAN(c->atr, c->atr_len)))
                return CW_OK;
        cw_rc rc = cw_secure_pin_look(c, timeout_ms, &reader, f);
        if (rc != CW_OK)
                return cw_rc_class(rc) == CW_C_REJECT ? CW_OK : rc;
        if (reader.properties.apdu_max > SHORT_MAX)
                c->answer_max = reader.properties.apdu_max < CW_APDU_DATA_MAX ? reader.properties.apdu_max
                                                                              : CW_APDU_DATA_MAX;
        return CW_OK;
}
