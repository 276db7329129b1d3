/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/pinpad/vx1000_frame.h"

#include "base/secret.h"

#include <stdio.h>
#include <string.h>

#define BLOCK_DIGITS 16u
#define KSN_DIGITS_MIN 10u
#define KSN_DIGITS_MAX 20u
#define PAD_UNIT_S 30u

void cw_vx_parser_reset(struct cw_vx_parser *p) {
        cw_wipe(p, sizeof *p);
}

static enum cw_vx_event begin(struct cw_vx_parser *p, uint8_t byte) {
        switch (byte) {
        case CW_VX_ACK:
                return CW_VX_GOT_ACK;
        case CW_VX_NAK:
                return CW_VX_GOT_NAK;
        case CW_VX_EOT:
                return CW_VX_GOT_EOT;
        case CW_VX_STX:
        case CW_VX_SI:
                cw_vx_parser_reset(p);
                p->start = byte;
                p->state = CW_VX_BODY;
                return CW_VX_NONE;
        default:
                return CW_VX_NONE;
        }
}

static void take_body(struct cw_vx_parser *p, uint8_t byte) {
        uint8_t end = p->start == CW_VX_STX ? CW_VX_ETX : CW_VX_SO;
        p->lrc ^= byte;
        p->bad |= byte > 0x7f;
        if (byte == end)
                p->state = CW_VX_LRC;
        else if (p->len < sizeof p->payload)
                p->payload[p->len++] = byte;
        else
                p->bad = true;
}

enum cw_vx_event cw_vx_parse(struct cw_vx_parser *p, uint8_t byte) {
        if (p->state == CW_VX_IDLE)
                return begin(p, byte);
        if (p->state == CW_VX_BODY) {
                take_body(p, byte);
                return CW_VX_NONE;
        }
        p->state = CW_VX_IDLE;
        return p->bad || byte != p->lrc ? CW_VX_GOT_BAD : CW_VX_GOT_FRAME;
}

void cw_vx_frame(struct cw_writer *w, uint8_t start, struct cw_span payload) {
        uint8_t end = start == CW_VX_STX ? CW_VX_ETX : CW_VX_SO, lrc = end;
        if (payload.len > CW_VX_PAYLOAD_MAX) {
                w->bad = true;
                return;
        }
        for (size_t i = 0; i < payload.len; i++)
                lrc ^= payload.ptr[i];
        cw_put_u8(w, start);
        cw_put_bytes(w, payload.ptr, payload.len);
        cw_put_u8(w, end);
        cw_put_u8(w, lrc);
}

static bool digits_only(struct cw_span s) {
        for (size_t i = 0; i < s.len; i++)
                if (s.ptr[i] < '0' || s.ptr[i] > '9')
                        return false;
        return true;
}

static bool printable(const char *s, size_t min, size_t max) {
        size_t len = strlen(s);
        for (size_t i = 0; i < len; i++)
                if (s[i] < 0x20 || s[i] > 0x7e)
                        return false;
        return len >= min && len <= max;
}

unsigned cw_vx_pad_timeout_s(int64_t timeout_ms) {
        int64_t units = (timeout_ms + PAD_UNIT_S * 1000 - 1) / (PAD_UNIT_S * 1000);
        return PAD_UNIT_S * (unsigned)(units < 1 ? 1 : units > 9 ? 9 : units);
}

static void put_text(struct cw_writer *w, const char *s) {
        cw_put_bytes(w, s, strlen(s));
}

cw_rc cw_vx_put_pin_request(struct cw_writer *w, const struct cw_pin_ask *ask, struct cw_fault *f) {
        char lengths[8], unit[4];
        if (ask->pan.len < 12 || ask->pan.len > 19 || !digits_only(ask->pan) || ask->min < 4 ||
            ask->max > 12 || ask->min > ask->max || !printable(ask->prompt, 1, CW_PINPAD_TEXT_MAX) ||
            !printable(ask->processing, 0, CW_PINPAD_TEXT_MAX))
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_REJECT, CW_E_RANGE), 0, "pinpad.request", "",
                               "a PIN request is out of range: 12 to 19 digits, 4 to 12 PIN digits, texts of "
                               "16 characters");
        (void)snprintf(lengths, sizeof lengths, "%02u%02uN", ask->min, ask->max);
        (void)snprintf(unit, sizeof unit, "%u", cw_vx_pad_timeout_s(ask->timeout_ms) / PAD_UNIT_S);
        put_text(w, "Z62.");
        cw_put_bytes(w, ask->pan.ptr, ask->pan.len);
        cw_put_u8(w, CW_VX_FS);
        put_text(w, lengths);
        put_text(w, ask->prompt);
        cw_put_u8(w, CW_VX_FS);
        cw_put_u8(w, CW_VX_FS);
        put_text(w, ask->processing);
        cw_put_u8(w, CW_VX_FS);
        put_text(w, unit);
        return CW_OK;
}

static cw_rc refused(uint8_t code, struct cw_fault *f) {
        const char *op = "pinpad.answer";
        switch (code) {
        case '1':
        case 'A':
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_OPERATOR, CW_E_MISSING), code, op, "",
                               "the PIN pad has no key; have it keyed again in the secure room");
        case '6':
        case 'F':
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_OPERATOR, CW_E_RANGE), code, op, "",
                               "the PIN pad has used up its key; exchange it");
        case '0':
        case '2':
        case '3':
        case '4':
        case '5':
        case '8':
                return cw_fail(
                    f, CW_RC(CW_L_PINPAD, CW_C_REJECT, CW_E_SYNTAX), code, op, "",
                    "the PIN pad refuses the request (code %c); this model wants another packet form", code);
        default:
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_OPERATOR, CW_E_IO), code, op, "",
                               "the PIN pad reports a fault; switch it off and on, or exchange it");
        }
}

/* Upper-case hex only: a pad that sends anything else is not understood. */
static bool upper_hex(struct cw_span s) {
        for (size_t i = 0; i < s.len; i++)
                if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'A' && s.ptr[i] <= 'F')))
                        return false;
        return true;
}

cw_rc cw_vx_read_pin(struct cw_span payload, struct cw_pin_block *ret, struct cw_fault *f) {
        struct cw_pin_block block = {0};
        size_t len = 0;
        const cw_rc nonsense = CW_RC(CW_L_PINPAD, CW_C_RECONNECT, CW_E_SYNTAX);
        if (payload.len < 3 || payload.ptr[0] != '7' || payload.ptr[1] != '1')
                return cw_fail(f, nonsense, 0, "pinpad.answer", "",
                               "the PIN pad answers with another packet than 71");
        if (payload.len == 3)
                return refused(payload.ptr[2], f);
        size_t ksn = payload.len - 3 - (payload.len > 3 + BLOCK_DIGITS ? BLOCK_DIGITS : 0);
        struct cw_span hex = CW_SPAN(payload.ptr + 3, payload.len - 3);
        if (payload.ptr[2] != '0' || hex.len <= BLOCK_DIGITS || ksn < KSN_DIGITS_MIN ||
            ksn > KSN_DIGITS_MAX || !upper_hex(hex) ||
            !cw_hex_decode((const char *)hex.ptr + ksn, BLOCK_DIGITS, block.block, sizeof block.block, &len))
                return cw_fail(f, nonsense, (int64_t)payload.len, "pinpad.answer", "",
                               "the PIN pad's answer 71 is malformed; check that it is a DUKPT pad");
        memset(block.ksn, 'F', KSN_DIGITS_MAX);
        memcpy(block.ksn + KSN_DIGITS_MAX - ksn, hex.ptr, ksn);
        *ret = block;
        cw_wipe(&block, sizeof block);
        return CW_OK;
}
