/* SPDX-License-Identifier: Apache-2.0 */
/* AES as SCP03 uses it: ECB block, CBC, CMAC, and the counter-mode KDF. key_len 16, 24 or 32. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emuc_aes_key {
        uint8_t bytes[32];
        size_t len;
};

bool emuc_aes_block(const struct emuc_aes_key *key, const uint8_t in[16], uint8_t out[16]);
/* Whole blocks. */
bool emuc_aes_cbc(const struct emuc_aes_key *key, bool encrypt, const uint8_t iv[16], const uint8_t *in,
                  size_t len, uint8_t *out);
bool emuc_aes_cmac(const struct emuc_aes_key *key, const uint8_t *msg, size_t len, uint8_t ret[16]);
/* Amendment D 4.1.5: out_len bytes (1..32) from constant c and context. */
bool emuc_scp03_kdf(const struct emuc_aes_key *key, uint8_t c, const uint8_t *context, size_t context_len,
                    size_t out_len, uint8_t *out);
/* First three bytes of the encipherment of sixteen 01. */
bool emuc_aes_kcv(const struct emuc_aes_key *key, uint8_t ret[3]);
