/* SPDX-License-Identifier: Apache-2.0 */
/* The card end of vsmartcard's virtual reader: TCP, frames of a 16-bit length and that many bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMUC_VPCD_FRAME 65535U

enum { EMUC_VPCD_OFF = 0, EMUC_VPCD_ON = 1, EMUC_VPCD_RESET = 2, EMUC_VPCD_ATR = 4 };

struct emuc_vpcd {
        int fd; /* -1 = no card in the reader */
        size_t len;
        uint8_t in[2 + EMUC_VPCD_FRAME];
};

/* 0 or -1 with errno. */
int emuc_vpcd_connect(struct emuc_vpcd *v, const char *host, uint16_t port);
void emuc_vpcd_close(struct emuc_vpcd *v);
/* Reads what is there. False when the reader hung up. */
bool emuc_vpcd_read(struct emuc_vpcd *v);
/* The next whole frame, borrowed until emuc_vpcd_consume; false when none is complete. */
bool emuc_vpcd_frame(const struct emuc_vpcd *v, const uint8_t **ret, size_t *ret_len);
void emuc_vpcd_consume(struct emuc_vpcd *v);
bool emuc_vpcd_send(struct emuc_vpcd *v, const uint8_t *p, size_t len);
