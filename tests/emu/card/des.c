/* SPDX-License-Identifier: Apache-2.0 */
#include "des.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define MSG_MAX 640U

static bool run(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv, bool encrypt,
                const uint8_t *in, size_t len, uint8_t *out) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0;
        bool ok = ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt ? 1 : 0) == 1 &&
                  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
                  EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len;

        EVP_CIPHER_CTX_free(ctx);
        return ok;
}

static void widen(const uint8_t key[16], uint8_t wide[24]) {
        memcpy(wide, key, 16);
        memcpy(wide + 16, key, 8);
}

bool emuc_des3_ecb(const uint8_t key[16], bool encrypt, const uint8_t *in, size_t len, uint8_t *out) {
        uint8_t wide[24];
        bool ok;

        widen(key, wide);
        ok = run(EVP_des_ede3_ecb(), wide, NULL, encrypt, in, len, out);
        OPENSSL_cleanse(wide, sizeof wide);
        return ok;
}

bool emuc_des3_cbc(const uint8_t key[16], bool encrypt, const uint8_t iv[8], const uint8_t *in, size_t len,
                   uint8_t *out) {
        uint8_t wide[24];
        bool ok;

        widen(key, wide);
        ok = run(EVP_des_ede3_cbc(), wide, iv, encrypt, in, len, out);
        OPENSSL_cleanse(wide, sizeof wide);
        return ok;
}

bool emuc_des1_block(const uint8_t key[8], bool encrypt, const uint8_t in[8], uint8_t out[8]) {
        uint8_t twice[16];
        bool ok;

        memcpy(twice, key, 8);
        memcpy(twice + 8, key, 8);
        ok = emuc_des3_ecb(twice, encrypt, in, 8, out);
        OPENSSL_cleanse(twice, sizeof twice);
        return ok;
}

size_t emuc_pad80(uint8_t *buf, size_t len, size_t cap, size_t block) {
        size_t padded = (len / block + 1) * block;

        if (padded > cap)
                return 0;
        buf[len] = 0x80;
        memset(buf + len + 1, 0, padded - len - 1);
        return padded;
}

size_t emuc_unpad80(const uint8_t *buf, size_t len, size_t block) {
        size_t i = len;

        if (len == 0 || len % block)
                return SIZE_MAX;
        while (i > len - block && buf[i - 1] == 0)
                i--;
        return i > len - block && buf[i - 1] == 0x80 ? i - 1 : SIZE_MAX;
}

static bool mac_of_blocks(const uint8_t key[16], const uint8_t *iv, const uint8_t *buf, size_t len,
                          uint8_t ret[8]) {
        uint8_t x[8] = {0};

        if (iv)
                memcpy(x, iv, 8);
        for (size_t i = 0; i < len; i += 8) {
                for (size_t k = 0; k < 8; k++)
                        x[k] ^= buf[i + k];
                if (!emuc_des1_block(key, true, x, x))
                        return false;
        }
        return emuc_des1_block(key + 8, false, x, x) && emuc_des1_block(key, true, x, ret);
}

bool emuc_retail_mac(const uint8_t key[16], const uint8_t *iv, const uint8_t *msg, size_t len,
                     uint8_t ret[8]) {
        uint8_t buf[MSG_MAX];
        size_t padded;

        if (len >= sizeof buf)
                return false;
        memcpy(buf, msg, len);
        padded = emuc_pad80(buf, len, sizeof buf, 8);
        return padded && mac_of_blocks(key, iv, buf, padded, ret);
}

bool emuc_retail_mac_zeros(const uint8_t key[16], const uint8_t *msg, size_t len, uint8_t ret[8]) {
        uint8_t buf[MSG_MAX] = {0};

        if (len > sizeof buf - 8)
                return false;
        memcpy(buf, msg, len);
        return mac_of_blocks(key, NULL, buf, (len + 7) / 8 * 8, ret);
}

bool emuc_des3_kcv(const uint8_t key[16], uint8_t ret[3]) {
        uint8_t zero[8] = {0};

        if (!emuc_des3_ecb(key, true, zero, 8, zero))
                return false;
        memcpy(ret, zero, 3);
        return true;
}
