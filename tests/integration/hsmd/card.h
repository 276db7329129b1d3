/* SPDX-License-Identifier: Apache-2.0 */
/* A card's end of GlobalPlatform secure channels and a DUKPT PIN pad, for tests; written from the
 * specifications. */
#pragma once

#include "ossl.h"

struct card {
        unsigned scp;                   /* 2 or 3 */
        const uint8_t *enc, *mac, *dek; /* static keys, 16 bytes */
        uint8_t host[8], challenge[8];
        uint8_t s_enc[16], s_mac[16], s_rmac[16], s_dek[16];
        uint8_t level;
        uint8_t chain[16]; /* SCP03 chaining value; SCP02 last C-MAC */
        uint32_t counter;
};

/* Response to INITIALIZE UPDATE; ret has room for 32 bytes. */
size_t card_init_update(struct card *c, const uint8_t host[8], uint8_t ret[32]);
/* True when host cryptogram and C-MAC are right. */
bool card_external_authenticate(struct card *c, const uint8_t *apdu, size_t len);
/* Checks C-MAC, deciphers: the plain data of the command. False when anything is wrong. */
bool card_command(struct card *c, const uint8_t *apdu, size_t len, uint8_t *ret, size_t *ret_len);
/* R-APDU (data and SW) to the last command, with R-MAC and R-ENC as the level says (SCP03). */
size_t card_response(struct card *c, const uint8_t *data, size_t len, uint16_t sw, uint8_t *ret);
/* Clear value of what was enciphered under the DEK. */
void card_dek_open(const struct card *c, const uint8_t *in, size_t len, uint8_t *out);

/* Master key of a card by option A and the session key for an ATC, from the issuer's master key. */
void card_emv_master(const uint8_t imk[16], const char *pan, const char *psn, uint8_t ret[16]);
void card_emv_arqc(const uint8_t mk[16], uint16_t atc, const uint8_t *data, size_t len, uint8_t ret[8]);
/* ARPC method 2 for the same session key. */
void card_emv_arpc(const uint8_t mk[16], uint16_t atc, const uint8_t arqc[8], const uint8_t csu[4],
                   uint8_t ret[4]);

/* Enciphered ISO format 0 block and KSN (20 hex digits) of a PIN pad with this BDK. */
void pad_entry(const uint8_t bdk[16], uint32_t counter, const char *pin, const char *pan, char ret_ksn[21],
               uint8_t ret_block[8]);
