/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's RSA key out of its DGIs and its dynamic signatures (EMV Book 2, 6.5 and 6.6). */
#pragma once

#include "chip.h"

#define EMUC_RSA_MAX 248U

/* The parts of DGIs 8201 to 8205 (or 8101 and 8103) belong together. */
bool emuc_rsa_key_fits(struct emuc_chip *c);
/* Length byte and 8 random bytes: the ICC dynamic number. */
bool emuc_icc_number(uint8_t ret[9]);
bool emuc_sha1(const void *p, size_t len, uint8_t ret[20]);
/* Signs dynamic (ICC dynamic data) and what the terminal sent. */
bool emuc_sign_dynamic(struct emuc_chip *c, const uint8_t *dynamic, size_t len, const uint8_t *terminal,
                       size_t terminal_len, uint8_t ret[EMUC_RSA_MAX], size_t *ret_len);
