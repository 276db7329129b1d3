/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of the secure channel, for the tests: opens a session and wraps commands. */
#pragma once

#include "aes.h"
#include "test_rig.h"

struct host {
        struct rig *rig;
        unsigned version;
        uint8_t level;
        struct emuc_aes_key enc, mac, rmac, dek;
        uint8_t chain[16];
        uint32_t counter;
};

/* Static keys ENC, MAC, DEK; kvn 0 = the card chooses. Asserts the card cryptogram. Returns SW of EXTERNAL
 * AUTHENTICATE. */
unsigned host_open(struct host *h, struct rig *rig, const struct emuc_aes_key keys[3], uint8_t kvn,
                   uint8_t level);
/* Wraps and sends one plain command in hex (with or without Le); opens the answer. */
unsigned host_send(struct host *h, const char *cmd, char data[600]);
/* STORE DATA of one DGI, enciphered under the DEK when asked. */
unsigned host_dgi(struct host *h, uint8_t p1, uint8_t block, uint16_t id, const char *value);
