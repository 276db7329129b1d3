/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "base/buf.h"
#include "des.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *const key_names[3] = {"enc", "mac", "dek"};

static bool get_key(const json_t *o, const char *name, bool aes, struct emuc_aes_key *ret) {
        const char *text = json_string_value(json_object_get(o, name));

        if (!text || !cw_hex_decode(text, strlen(text), ret->bytes, sizeof ret->bytes, &ret->len))
                return false;
        return ret->len == 16 || (aes && (ret->len == 24 || ret->len == 32));
}

static bool get_kvn(const json_t *o, uint8_t fallback, uint8_t *ret) {
        const char *text = json_string_value(json_object_get(o, "kvn"));
        size_t n = 0;

        *ret = fallback;
        return !text ||
               (cw_hex_decode(text, strlen(text), ret, 1, &n) && n == 1 && *ret >= 0x01 && *ret <= 0x7f);
}

static bool get_diversify(const json_t *o, enum emuc_diversify *ret) {
        static const struct {
                const char *name;
                enum emuc_diversify how;
        } names[] = {{"visa2", EMUC_DIV_VISA2}, {"emv", EMUC_DIV_EMV}, {"kdf3", EMUC_DIV_KDF3}};
        const char *text = json_string_value(json_object_get(o, "diversify"));

        *ret = EMUC_DIV_NONE;
        if (!text || strcmp(text, "none") == 0)
                return true;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                if (strcmp(text, names[i].name) == 0) {
                        *ret = names[i].how;
                        return true;
                }
        }
        return false;
}

static bool get_source(const json_t *o, bool aes, uint8_t kvn, struct emuc_keysource *ret) {
        struct emuc_keysource src = {.present = true};

        if (!get_kvn(o, kvn, &src.set.kvn) || !get_diversify(o, &src.how))
                return false;
        if (json_object_get(o, "kmc")) {
                for (size_t i = 0; i < 3; i++)
                        if (!get_key(o, "kmc", aes, &src.set.key[i]))
                                return false;
        } else {
                if (src.how != EMUC_DIV_NONE)
                        return false;
                for (size_t i = 0; i < 3; i++)
                        if (!get_key(o, key_names[i], aes, &src.set.key[i]))
                                return false;
        }
        if ((src.how == EMUC_DIV_VISA2 || src.how == EMUC_DIV_EMV) && src.set.key[0].len != 16)
                return false;
        *ret = src;
        return true;
}

int emuc_keys_load(const char *path, struct emuc_keys *ret, char *err, size_t err_cap) {
        json_error_t je;
        json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
        struct emuc_keys keys = {0};
        const json_t *o02, *o03;
        bool ok;

        if (!root) {
                (void)snprintf(err, err_cap, "%s: %s", path, je.text);
                return -1;
        }
        o02 = json_object_get(root, "scp02");
        o03 = json_object_get(root, "scp03");
        if (!o02 && !o03)
                o02 = o03 = root;
        ok = (!o02 || get_source(o02, false, 0x20, &keys.scp02)) &&
             (!o03 || get_source(o03, true, 0x30, &keys.scp03));
        json_decref(root);
        if (!ok) {
                (void)snprintf(err, err_cap, "%s: not a key file (kvn, enc, mac, dek or kmc, diversify; hex)",
                               path);
                return -1;
        }
        *ret = keys;
        return 0;
}

/* x[8] with the key number in the last nibble pair: F0 n for the left half, 0F n for the right. */
static bool derive_3des(const struct emuc_aes_key *kmc, const uint8_t x[6], uint8_t n,
                        struct emuc_aes_key *ret) {
        uint8_t block[16];

        memcpy(block, x, 6);
        block[6] = 0xf0;
        block[7] = n;
        memcpy(block + 8, x, 6);
        block[14] = 0x0f;
        block[15] = n;
        ret->len = 16;
        return emuc_des3_ecb(kmc->bytes, true, block, 16, ret->bytes);
}

static bool derive_kdf3(const struct emuc_aes_key *kmc, const uint8_t kdd[10], uint8_t n,
                        struct emuc_aes_key *ret) {
        uint8_t out[32], msg[16] = {0, 0, 0, 0, n, 0};

        memcpy(msg + 6, kdd, 10);
        for (uint8_t i = 1; i <= 2; i++) {
                msg[0] = i;
                if (!emuc_aes_cmac(kmc, msg, sizeof msg, out + (i - 1) * 16))
                        return false;
        }
        ret->len = kmc->len;
        memcpy(ret->bytes, out, kmc->len);
        return true;
}

bool emuc_keys_derive(const struct emuc_keysource *src, const uint8_t kdd[10], struct emuc_keyset *ret) {
        uint8_t x[6];
        struct emuc_keyset set = src->set;

        if (!src->present)
                return false;
        memcpy(x, kdd + 4, 6);
        if (src->how == EMUC_DIV_VISA2) {
                memcpy(x, kdd, 2);
                memcpy(x + 2, kdd + 4, 4);
        }
        for (uint8_t n = 1; n <= 3; n++) {
                bool ok = true;
                if (src->how == EMUC_DIV_KDF3)
                        ok = derive_kdf3(&src->set.key[0], kdd, n, &set.key[n - 1]);
                else if (src->how != EMUC_DIV_NONE)
                        ok = derive_3des(&src->set.key[0], x, n, &set.key[n - 1]);
                if (!ok)
                        return false;
        }
        *ret = set;
        return true;
}
