/* SPDX-License-Identifier: Apache-2.0 */
#include "emv_crypto.h"

#include "des.h"

#include <string.h>

static bool tdes_session_key(const uint8_t mk[16], const uint8_t r[8], uint8_t ret[16]) {
        uint8_t d[16];

        memcpy(d, r, 8);
        memcpy(d + 8, r, 8);
        d[2] = 0xf0;
        d[10] = 0x0f;
        return emuc_des3_ecb(mk, true, d, sizeof d, ret);
}

/* One block is R itself; for a key longer than a block there are two, with F0 and 0F for R's third byte. */
static bool aes_session_key(const struct emuc_aes_key *mk, const uint8_t r[8], struct emuc_aes_key *ret) {
        uint8_t block[16] = {0};
        bool ok;

        memcpy(block, r, 8);
        ret->len = mk->len;
        if (mk->len == 16)
                return emuc_aes_block(mk, block, ret->bytes);
        block[2] = 0xf0;
        ok = emuc_aes_block(mk, block, ret->bytes);
        block[2] = 0x0f;
        return ok && emuc_aes_block(mk, block, ret->bytes + 16);
}

bool emuc_session_key(const struct emuc_card_key *mk, const uint8_t r[8], struct emuc_card_key *ret) {
        struct emuc_card_key sk = {.aes = mk->aes, .key.len = mk->key.len};
        bool ok = mk->aes ? aes_session_key(&mk->key, r, &sk.key)
                          : tdes_session_key(mk->key.bytes, r, sk.key.bytes);

        *ret = sk;
        return ok;
}

bool emuc_card_mac(const struct emuc_card_key *sk, const uint8_t *msg, size_t len, uint8_t ret[16]) {
        return sk->aes ? emuc_aes_cmac(&sk->key, msg, len, ret)
                       : emuc_retail_mac(sk->key.bytes, NULL, msg, len, ret);
}

bool emuc_card_decipher(const struct emuc_card_key *sk, const uint8_t *in, size_t len, uint8_t *out) {
        static const uint8_t zero[16];

        return sk->aes ? emuc_aes_cbc(&sk->key, false, zero, in, len, out)
                       : emuc_des3_cbc(sk->key.bytes, false, zero, in, len, out);
}

void emuc_script_key(const uint8_t mk[16], uint16_t atc, uint8_t ret[16]) {
        memcpy(ret, mk, 16);
        ret[6] ^= (uint8_t)(atc >> 8);
        ret[7] ^= (uint8_t)atc;
        ret[14] ^= (uint8_t)(~atc >> 8);
        ret[15] ^= (uint8_t)~atc;
}

bool emuc_arpc1(const struct emuc_card_key *sk, const uint8_t arqc[8], const uint8_t arc[2], uint8_t ret[8]) {
        uint8_t x[16] = {0};

        memcpy(x, arqc, 8);
        x[0] ^= arc[0];
        x[1] ^= arc[1];
        if (!(sk->aes ? emuc_aes_block(&sk->key, x, x) : emuc_des3_ecb(sk->key.bytes, true, x, 8, x)))
                return false;
        memcpy(ret, x, 8);
        return true;
}

bool emuc_arpc2(const struct emuc_card_key *sk, const uint8_t arqc[8], const uint8_t *csu, size_t len,
                uint8_t ret[4]) {
        uint8_t msg[8 + 12], mac[16];

        if (len < 4 || len > 12)
                return false;
        memcpy(msg, arqc, 8);
        memcpy(msg + 8, csu, len);
        if (!emuc_card_mac(sk, msg, 8 + len, mac))
                return false;
        memcpy(ret, mac, 4);
        return true;
}

/* LL digits F.. with a length byte; the card keeps 2L digits F.. */
static bool to_format2(const uint8_t block[8], uint8_t ret[8]) {
        unsigned digits = block[0];

        if (digits < 4 || digits > 12)
                return false;
        for (unsigned i = 0; i < 14; i++) {
                unsigned n = i % 2 ? block[1 + i / 2] & 0x0fU : (unsigned)(block[1 + i / 2] >> 4);
                if (i < digits ? n > 9 : n != 0xf)
                        return false;
        }
        memcpy(ret, block, 8);
        ret[0] = (uint8_t)(0x20 | digits);
        return true;
}

bool emuc_script_pin(const uint8_t sk_enc[16], const uint8_t mk_ac[16], const uint8_t *current,
                     const uint8_t cipher[16], uint8_t ret[8]) {
        uint8_t clear[16];

        if (!emuc_des3_ecb(sk_enc, false, cipher, 16, clear) || clear[0] != 8 ||
            emuc_unpad80(clear, 16, 8) != 9)
                return false;
        for (unsigned i = 0; i < 4; i++)
                clear[1 + 4 + i] ^= mk_ac[4 + i];
        for (unsigned i = 0; current && i < (current[0] & 0x0fU); i++) {
                uint8_t n = i % 2 ? current[1 + i / 2] & 0x0f : current[1 + i / 2] & 0xf0;
                clear[1 + i / 2] ^= n;
        }
        return to_format2(clear + 1, ret);
}
