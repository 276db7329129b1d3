/* SPDX-License-Identifier: Apache-2.0 */
#include "emv_crypto.h"

#include "des.h"

#include <string.h>

bool emuc_session_key(const uint8_t mk[16], const uint8_t r[8], uint8_t ret[16]) {
        uint8_t d[16];

        memcpy(d, r, 8);
        memcpy(d + 8, r, 8);
        d[2] = 0xf0;
        d[10] = 0x0f;
        return emuc_des3_ecb(mk, true, d, sizeof d, ret);
}

void emuc_script_key(const uint8_t mk[16], uint16_t atc, uint8_t ret[16]) {
        memcpy(ret, mk, 16);
        ret[6] ^= (uint8_t)(atc >> 8);
        ret[7] ^= (uint8_t)atc;
        ret[14] ^= (uint8_t)(~atc >> 8);
        ret[15] ^= (uint8_t)~atc;
}

bool emuc_arpc1(const uint8_t sk[16], const uint8_t arqc[8], const uint8_t arc[2], uint8_t ret[8]) {
        uint8_t x[8];

        memcpy(x, arqc, 8);
        x[0] ^= arc[0];
        x[1] ^= arc[1];
        return emuc_des3_ecb(sk, true, x, 8, ret);
}

bool emuc_arpc2(const uint8_t sk[16], const uint8_t arqc[8], const uint8_t *csu, size_t len, uint8_t ret[4]) {
        uint8_t msg[8 + 12], mac[8];

        if (len < 4 || len > 12)
                return false;
        memcpy(msg, arqc, 8);
        memcpy(msg + 8, csu, len);
        if (!emuc_retail_mac(sk, NULL, msg, 8 + len, mac))
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
