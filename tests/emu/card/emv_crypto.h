/* SPDX-License-Identifier: Apache-2.0 */
/* EMV Book 2 A1 with TDES and AES, and Visa CVN 18, as the chip computes them. Master keys here are the
 * card's own (already diversified). */
#pragma once

#include "aes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A master or session key of the application: two-key TDES, or AES of 16, 24 or 32 bytes. */
struct emuc_card_key {
        bool aes;
        struct emuc_aes_key key;
};

/* Common session key: A1.3.1 with r (the ATC, or a cryptogram) and zeros up to a block. */
bool emuc_session_key(const struct emuc_card_key *mk, const uint8_t r[8], struct emuc_card_key *ret);
/* A1.2.1 with padding 80, or A1.2.2: CMAC. The cryptogram is ret's first 8 bytes, of TDES all there are. */
bool emuc_card_mac(const struct emuc_card_key *sk, const uint8_t *msg, size_t len, uint8_t ret[16]);
/* CBC with a zero vector; whole blocks of the key's cipher. */
bool emuc_card_decipher(const struct emuc_card_key *sk, const uint8_t *in, size_t len, uint8_t *out);
/* Visa's secure messaging key: ATC on the left half's end, its complement on the right half's. */
void emuc_script_key(const uint8_t mk[16], uint16_t atc, uint8_t ret[16]);
/* ARPC method 1 (8 bytes from ARC) and 2 (4 bytes from CSU and proprietary data). */
bool emuc_arpc1(const struct emuc_card_key *sk, const uint8_t arqc[8], const uint8_t arc[2], uint8_t ret[8]);
bool emuc_arpc2(const struct emuc_card_key *sk, const uint8_t arqc[8], const uint8_t *csu, size_t len,
                uint8_t ret[4]);
/* PIN block of a PIN CHANGE after decipherment: the new PIN as a format 2 block, or false. current NULL for
 * P2 02. */
bool emuc_script_pin(const uint8_t sk_enc[16], const uint8_t mk_ac[16], const uint8_t *current,
                     const uint8_t cipher[16], uint8_t ret[8]);
