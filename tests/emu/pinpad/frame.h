/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on the line: STX..ETX LRC, SI..SO LRC, and the single bytes between them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMUD_PAYLOAD_MAX 128U
#define EMUD_FRAME_MAX (EMUD_PAYLOAD_MAX + 3U)

enum {
        EMUD_STX = 0x02,
        EMUD_ETX = 0x03,
        EMUD_EOT = 0x04,
        EMUD_ACK = 0x06,
        EMUD_SO = 0x0e,
        EMUD_SI = 0x0f,
        EMUD_NAK = 0x15,
        EMUD_SUB = 0x1a,
        EMUD_FS = 0x1c,
};

enum emud_event {
        EMUD_EV_NONE,
        EMUD_EV_FRAME,   /* good LRC; kind and payload are set */
        EMUD_EV_BAD_LRC, /* damaged frame */
        EMUD_EV_CONTROL, /* ACK, NAK or EOT between frames */
        EMUD_EV_STRAY,   /* any other byte between frames */
        EMUD_EV_LONG,    /* frame longer than any packet */
};

struct emud_parser {
        enum { EMUD_OUTSIDE, EMUD_INSIDE, EMUD_AT_LRC } where;
        uint8_t kind; /* STX or SI */
        uint8_t lrc;
        bool high_bit;
        char payload[EMUD_PAYLOAD_MAX + 1];
        size_t len;
        uint8_t control;
};

enum emud_event emud_parser_byte(struct emud_parser *p, uint8_t byte);
/* Drops a frame that was cut off; true when there was one. */
bool emud_parser_abandon(struct emud_parser *p);
/* kind STX or SI; returns the frame's length. payload at most EMUD_PAYLOAD_MAX. */
size_t emud_frame_make(uint8_t kind, const char *payload, size_t len, uint8_t ret[EMUD_FRAME_MAX]);
