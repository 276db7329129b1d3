/* SPDX-License-Identifier: Apache-2.0 */
/* The server's encryptedCardNumber: opening it, and sealing a PAN for v2/fetchByCardNo. */
#pragma once

#include "hsm/pan.h"

#define CW_CARD_NUMBER_TEXT_MAX 128u

/* Ciphertext, still sealed: IV16 | CT | TAG16 (v2, AES-GCM) or two ECB blocks (v1, 16 PAN digits and a PKCS#7
 * block). */
struct cw_card_number {
        uint8_t bytes[16 + CW_PAN_MAX + 16];
        size_t len;
};

/*
 * Base64 or hex text. The two forms differ in length (32 bytes: v1; 44 to 51 bytes: v2), so nothing is
 * guessed. REJECT/CW_E_SYNTAX with code HSM_CARD_NUMBER.
 */
CW_WARN_UNUSED cw_rc cw_card_number_parse(const void *text, size_t len, struct cw_card_number *ret,
                                          struct cw_fault *f);
/* Opens it with the pan-transport key (AES); the plain text must be a card number. */
CW_WARN_UNUSED cw_rc cw_card_number_open(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                         const struct cw_card_number *n, struct cw_pan *ret,
                                         struct cw_fault *f);
/* Base64 of IV16 | AES-GCM of the ASCII digits | TAG16, IV random, NUL. */
CW_WARN_UNUSED cw_rc cw_card_number_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                         const struct cw_pan *pan, char ret[CW_CARD_NUMBER_TEXT_MAX],
                                         struct cw_fault *f);
