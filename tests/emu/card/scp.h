/* SPDX-License-Identifier: Apache-2.0 */
/* Secure channel of the card side. scp.c holds what SCP02 and SCP03 share, scp02.c and scp03.c what they do
 * not. */
#pragma once

#include "chip.h"

#define EMUC_LEVEL_CMAC 0x01U
#define EMUC_LEVEL_CENC 0x02U
#define EMUC_LEVEL_RMAC 0x10U
#define EMUC_LEVEL_RENC 0x20U

void emuc_scp_close(struct emuc_chip *c);
uint16_t emuc_scp_initialize(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_scp_authenticate(struct emuc_chip *c, const struct emuc_cmd *cmd);
/* Checks and opens one command of an open session in place: buf (room for 256) receives the clear data cmd
 * then points to. */
uint16_t emuc_scp_unwrap(struct emuc_chip *c, struct emuc_cmd *cmd, uint8_t *buf);
/* Protects the answer as the session's level asks. */
bool emuc_scp_protect(struct emuc_chip *c, struct emuc_rsp *r, uint16_t sw);
/* Opens data enciphered under the session's DEK, in place. */
bool emuc_scp_dek_open(const struct emuc_chip *c, uint8_t *data, size_t len);

/* Session keys, cryptograms and the INITIALIZE UPDATE answer after the key information. */
bool emuc_scp02_start(struct emuc_chip *c, const uint8_t host[8], struct emuc_rsp *r);
bool emuc_scp03_start(struct emuc_chip *c, const uint8_t *host, struct emuc_rsp *r);
/* C-MAC over cmd whose data still carries it. False = wrong. */
bool emuc_scp02_mac(struct emuc_chip *c, const struct emuc_cmd *cmd, const uint8_t *clear, size_t clear_len,
                    const uint8_t mac[8], bool first);
bool emuc_scp03_mac(struct emuc_chip *c, const struct emuc_cmd *cmd, const uint8_t *mac);
/* C-DECRYPTION into out (may be in); false on bad length or padding. */
bool emuc_scp02_open(const struct emuc_chip *c, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len);
bool emuc_scp03_open(const struct emuc_chip *c, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len);
/* SCP02: the clear command that the R-MAC of its answer covers, and that R-MAC. */
void emuc_scp02_remember(struct emuc_chip *c, const struct emuc_cmd *cmd);
bool emuc_scp02_protect(struct emuc_chip *c, struct emuc_rsp *r, uint16_t sw);
bool emuc_scp03_protect(struct emuc_chip *c, struct emuc_rsp *r, uint16_t sw);
/* len bytes: the test's, or the protocol's pseudo-random one, or random. */
bool emuc_scp_fixed_challenge(struct emuc_chip *c, uint8_t *out, size_t len);
