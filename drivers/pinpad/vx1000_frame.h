/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of the VeriFone 1000SE packets (README.md): frames, the request for a PIN, the answer. Pure. */
#pragma once

#include "base/buf.h"
#include "drivers/pinpad/pinpad.h"

#define CW_VX_STX 0x02u
#define CW_VX_ETX 0x03u
#define CW_VX_EOT 0x04u
#define CW_VX_ACK 0x06u
#define CW_VX_SO 0x0eu
#define CW_VX_SI 0x0fu
#define CW_VX_NAK 0x15u
#define CW_VX_SUB 0x1au
#define CW_VX_FS 0x1cu
#define CW_VX_PAYLOAD_MAX 128u
#define CW_VX_FRAME_MAX (CW_VX_PAYLOAD_MAX + 3u)

enum cw_vx_event {
        CW_VX_NONE, /* more bytes are needed       */
        CW_VX_GOT_ACK,
        CW_VX_GOT_NAK,
        CW_VX_GOT_EOT,
        CW_VX_GOT_FRAME, /* payload, len and start are valid until the next byte */
        CW_VX_GOT_BAD,   /* a frame with a wrong LRC, too long, or with a byte of 8 bits */
};

struct cw_vx_parser {
        enum { CW_VX_IDLE, CW_VX_BODY, CW_VX_LRC } state;
        bool bad;
        uint8_t start; /* STX or SI */
        uint8_t lrc;
        size_t len;
        uint8_t payload[CW_VX_PAYLOAD_MAX];
};
/* Also forgets what the last frame held. */
void cw_vx_parser_reset(struct cw_vx_parser *p);
/* Bytes between frames that mean nothing are dropped. */
enum cw_vx_event cw_vx_parse(struct cw_vx_parser *p, uint8_t byte);

/* start, payload, end, LRC (exclusive-or of all after start, end included). bad when the payload is too long.
 */
void cw_vx_frame(struct cw_writer *w, uint8_t start, struct cw_span payload);

/* Payload of packet Z62 in its DUKPT form. REJECT when a field is out of its range. */
CW_WARN_UNUSED cw_rc cw_vx_put_pin_request(struct cw_writer *w, const struct cw_pin_ask *ask,
                                           struct cw_fault *f);
/* Seconds after which the pad itself gives up: ask's timeout in units of 30 s, 1 to 9 of them. */
unsigned cw_vx_pad_timeout_s(int64_t timeout_ms);
/*
 * Reads packet 71 in its DUKPT form. OPERATOR: no key, worn out, memory; REJECT: it refuses the request;
 * RECONNECT: this is no such packet.
 */
CW_WARN_UNUSED cw_rc cw_vx_read_pin(struct cw_span payload, struct cw_pin_block *ret, struct cw_fault *f);
