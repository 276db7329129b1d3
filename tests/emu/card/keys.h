/* SPDX-License-Identifier: Apache-2.0 */
/* The card manager's static keys: given, or diversified from a master key with the chip's own data. Test keys
 * only. */
#pragma once

#include "aes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum emuc_diversify { EMUC_DIV_NONE, EMUC_DIV_VISA2, EMUC_DIV_EMV, EMUC_DIV_KDF3 };

/* Key order everywhere: 0 ENC, 1 MAC, 2 DEK. 3DES keys are 16 bytes. */
struct emuc_keyset {
        uint8_t kvn;
        struct emuc_aes_key key[3];
};

struct emuc_keysource {
        bool present;
        enum emuc_diversify how; /* NONE: set holds the keys themselves; else set.key[0] is the master key */
        struct emuc_keyset set;
};

struct emuc_keys {
        struct emuc_keysource scp02;
        struct emuc_keysource scp03;
};

/* {"scp02":SRC,"scp03":SRC} or SRC alone for both; SRC = {"kvn","enc","mac","dek"} or
 * {"kvn","kmc","diversify"}. */
int emuc_keys_load(const char *path, struct emuc_keys *ret, char *err, size_t err_cap);
/* The keys inside one chip. False when the source is absent or libcrypto fails. */
bool emuc_keys_derive(const struct emuc_keysource *src, const uint8_t kdd[10], struct emuc_keyset *ret);
