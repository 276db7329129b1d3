/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <string.h>

static enum emud_event between(struct emud_parser *p, uint8_t byte) {
        if (byte == EMUD_STX || byte == EMUD_SI) {
                *p = (struct emud_parser){.where = EMUD_INSIDE, .kind = byte};
                return EMUD_EV_NONE;
        }
        p->control = byte;
        return byte == EMUD_ACK || byte == EMUD_NAK || byte == EMUD_EOT ? EMUD_EV_CONTROL : EMUD_EV_STRAY;
}

static enum emud_event inside(struct emud_parser *p, uint8_t byte) {
        p->lrc ^= byte;
        p->high_bit = p->high_bit || (byte & 0x80);
        if (byte == (p->kind == EMUD_STX ? EMUD_ETX : EMUD_SO)) {
                p->payload[p->len] = '\0';
                p->where = EMUD_AT_LRC;
                return EMUD_EV_NONE;
        }
        if (p->len == EMUD_PAYLOAD_MAX) {
                p->where = EMUD_OUTSIDE;
                return EMUD_EV_LONG;
        }
        p->payload[p->len++] = (char)byte;
        return EMUD_EV_NONE;
}

enum emud_event emud_parser_byte(struct emud_parser *p, uint8_t byte) {
        switch (p->where) {
        case EMUD_OUTSIDE:
                return between(p, byte);
        case EMUD_INSIDE:
                return inside(p, byte);
        default:
                p->where = EMUD_OUTSIDE;
                return byte == p->lrc && !p->high_bit ? EMUD_EV_FRAME : EMUD_EV_BAD_LRC;
        }
}

bool emud_parser_abandon(struct emud_parser *p) {
        bool was = p->where != EMUD_OUTSIDE;

        p->where = EMUD_OUTSIDE;
        return was;
}

size_t emud_frame_make(uint8_t kind, const char *payload, size_t len, uint8_t ret[EMUD_FRAME_MAX]) {
        uint8_t lrc = kind == EMUD_STX ? EMUD_ETX : EMUD_SO;

        ret[0] = kind;
        memcpy(ret + 1, payload, len);
        ret[1 + len] = lrc;
        for (size_t i = 0; i < len; i++)
                lrc ^= (uint8_t)payload[i];
        ret[2 + len] = lrc;
        return len + 3;
}
