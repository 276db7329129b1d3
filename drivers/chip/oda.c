/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/oda.h"

#include "base/secret.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <string.h>

#define HASH_LEN 20u
#define HEAD 0x6a
#define TRAIL 0xbc
#define STATIC_MAX 8192u
#define ISSUER_OVERHEAD 36u
#define ICC_OVERHEAD 42u

static cw_rc refuse(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_CRYPTOGRAM), 0, "chip.oda", "PRD_SMARTCARD",
                       "%s; the card is to be rejected", text);
}

static cw_rc no_memory(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, "chip.oda", "",
                       "no memory to check a signature; try again");
}

cw_rc cw_oda_sha1(struct cw_span bytes, uint8_t ret[20], struct cw_fault *f) {
        unsigned len = 0;
        return EVP_Digest(bytes.ptr, bytes.len, ret, &len, EVP_sha1(), NULL) == 1 && len == HASH_LEN
                   ? CW_OK
                   : no_memory(f);
}

static bool usual_exponent(struct cw_span e) {
        return (e.len == 1 && e.ptr[0] == 3) || (e.len == 3 && memcmp(e.ptr, "\1\0\1", 3) == 0);
}

/* RSA of a whole block; the block then has the form of annex A2.1: 6A, format, .., hash, BC. */
static cw_rc recover(const struct cw_oda_key *key, struct cw_span in, uint8_t format, uint8_t *out,
                     struct cw_fault *f) {
        int len = (int)key->n_len;
        if (in.len != key->n_len)
                return refuse("a signature is not as long as the key above it", f);
        BN_CTX *ctx = BN_CTX_new();
        BIGNUM *n = BN_bin2bn(key->n, len, NULL), *e = BN_bin2bn(key->e, (int)key->e_len, NULL);
        BIGNUM *x = BN_bin2bn(in.ptr, len, NULL);
        bool memory = ctx && n && e && x;
        bool below = memory && BN_is_odd(n) && !BN_is_one(n) && BN_cmp(x, n) < 0;
        bool done = below && BN_mod_exp(x, x, e, n, ctx) == 1 && BN_bn2binpad(x, out, len) == len;
        BN_free(n);
        BN_free(e);
        BN_free(x);
        BN_CTX_free(ctx);
        if (!memory || (below && !done))
                return no_memory(f);
        if (!below || out[0] != HEAD || out[len - 1] != TRAIL || out[1] != format)
                return refuse("a certificate or signature does not open with the key above it", f);
        return CW_OK;
}

/* The hash of the block covers its body and what follows in more. */
static cw_rc check_hash(const uint8_t *block, size_t len, const struct cw_span *more, size_t count,
                        struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *all = NULL;
        uint8_t hash[HASH_LEN];
        size_t total = len;
        for (size_t i = 0; i < count; i++)
                total += more[i].len;
        if (total > STATIC_MAX)
                return refuse("the card has more static data than a terminal authenticates", f);
        if (cw_secret_new(total, &all) != CW_OK)
                return no_memory(f);
        struct cw_writer w;
        cw_writer_init(&w, all->ptr, all->cap);
        cw_put_bytes(&w, block + 1, len - HASH_LEN - 2);
        for (size_t i = 0; i < count; i++)
                cw_put_bytes(&w, more[i].ptr, more[i].len);
        cw_rc rc = cw_oda_sha1(CW_SPAN(all->ptr, w.len), hash, f);
        if (rc == CW_OK && memcmp(hash, block + len - HASH_LEN - 1, HASH_LEN) != 0)
                rc = refuse("the hash in a certificate or signature is not that of the card's data", f);
        return rc;
}

/* MMYY packed, not before today. */
static bool is_valid(const uint8_t mmyy[2], const char *today) {
        char text[5], yymm[5] = {0};
        (void)cw_hex_encode(mmyy, 2, text, sizeof text);
        memcpy(yymm, text + 2, 2);
        memcpy(yymm + 2, text, 2);
        return strspn(text, "0123456789") == 4 && strcmp(yymm, today) >= 0;
}

/* Digits with F behind; every one of them equal to the PAN's, at least min of them. */
static bool same_digits(const uint8_t *packed, size_t len, struct cw_span pan, size_t min, bool whole) {
        size_t count = 0;
        bool ended = false;
        for (size_t i = 0; i < 2 * len; i++) {
                unsigned nibble = i % 2 ? packed[i / 2] & 0xfu : packed[i / 2] >> 4;
                if (nibble == 0xf) {
                        ended = true;
                        continue;
                }
                if (ended || i >= pan.len || pan.ptr[i] != '0' + nibble)
                        return false;
                count++;
        }
        return count >= min && (!whole || count == pan.len);
}

/* Left part in the certificate, the rest beside it. at: the key in block, room: what fits there. */
static cw_rc take_key(const uint8_t *at, size_t room, size_t key_len, const struct cw_oda_cert *in,
                      struct cw_oda_key *ret, struct cw_fault *f) {
        size_t inside = key_len < room ? key_len : room;
        if (key_len < CW_ODA_KEY_MIN || key_len > CW_ODA_KEY_MAX || in->remainder.len != key_len - inside ||
            !usual_exponent(in->exponent))
                return refuse("the key in a certificate does not fit its remainder and exponent", f);
        memcpy(ret->n, at, inside);
        if (in->remainder.len)
                memcpy(ret->n + inside, in->remainder.ptr, in->remainder.len);
        ret->n_len = key_len;
        memcpy(ret->e, in->exponent.ptr, in->exponent.len);
        ret->e_len = in->exponent.len;
        return CW_OK;
}

cw_rc cw_oda_issuer(const struct cw_ca_key *ca, const struct cw_oda_cert *in, const struct cw_oda_who *who,
                    struct cw_oda_key *ret, struct cw_fault *f) {
        struct cw_oda_key above = {.n_len = ca->n_len, .e_len = ca->e_len};
        struct cw_oda_key key = {0};
        uint8_t block[CW_ODA_KEY_MAX];
        const struct cw_span more[] = {in->remainder, in->exponent};
        memcpy(above.n, ca->n, ca->n_len);
        memcpy(above.e, ca->e, ca->e_len);
        if (ca->n_len < CW_ODA_KEY_MIN)
                return refuse("the scheme's key is too short", f);
        cw_rc rc = recover(&above, in->value, 0x02, block, f);
        if (rc == CW_OK)
                rc = check_hash(block, ca->n_len, more, 2, f);
        if (rc != CW_OK)
                return rc;
        if (!same_digits(block + 2, 4, who->pan, 3, false))
                return refuse("the issuer's certificate is for other card numbers", f);
        if (!is_valid(block + 6, who->today))
                return refuse("the issuer's certificate has expired", f);
        if (block[11] != 1 || block[12] != 1 || block[14] != in->exponent.len)
                return refuse("the issuer's certificate names algorithms or lengths that EMV does not have",
                              f);
        rc = take_key(block + 15, ca->n_len - ISSUER_OVERHEAD, block[13], in, &key, f);
        if (rc == CW_OK)
                *ret = key;
        return rc;
}

cw_rc cw_oda_icc(const struct cw_oda_key *issuer, const struct cw_oda_cert *in, const struct cw_oda_who *who,
                 struct cw_span data, struct cw_oda_key *ret, struct cw_fault *f) {
        uint8_t block[CW_ODA_KEY_MAX];
        struct cw_oda_key key = {0};
        const struct cw_span more[] = {in->remainder, in->exponent, data};
        cw_rc rc = recover(issuer, in->value, 0x04, block, f);
        if (rc == CW_OK)
                rc = check_hash(block, issuer->n_len, more, 3, f);
        if (rc != CW_OK)
                return rc;
        if (!same_digits(block + 2, 10, who->pan, 12, true))
                return refuse("the chip's certificate is for another card number", f);
        if (!is_valid(block + 12, who->today))
                return refuse("the chip's certificate has expired", f);
        if (block[17] != 1 || block[18] != 1 || block[20] != in->exponent.len)
                return refuse("the chip's certificate names algorithms or lengths that EMV does not have", f);
        rc = take_key(block + 21, issuer->n_len - ICC_OVERHEAD, block[19], in, &key, f);
        if (rc == CW_OK)
                *ret = key;
        return rc;
}

cw_rc cw_oda_ssad(const struct cw_oda_key *issuer, struct cw_span ssad, struct cw_span data,
                  uint8_t ret_dac[2], struct cw_fault *f) {
        uint8_t block[CW_ODA_KEY_MAX];
        cw_rc rc = recover(issuer, ssad, 0x03, block, f);
        if (rc == CW_OK && block[2] != 1)
                rc = refuse("the signed static data name a hash algorithm that EMV does not have", f);
        if (rc == CW_OK)
                rc = check_hash(block, issuer->n_len, &data, 1, f);
        if (rc == CW_OK)
                memcpy(ret_dac, block + 3, 2);
        return rc;
}

cw_rc cw_oda_dynamic(const struct cw_oda_key *icc, struct cw_span sdad, struct cw_span sent,
                     uint8_t ret_dynamic[CW_ODA_KEY_MAX], size_t *ret_len, struct cw_fault *f) {
        uint8_t block[CW_ODA_KEY_MAX];
        cw_rc rc = recover(icc, sdad, 0x05, block, f);
        if (rc == CW_OK && (block[2] != 1 || block[3] > icc->n_len - 25))
                rc = refuse("the dynamic signature names an algorithm or a length that EMV does not have", f);
        if (rc == CW_OK)
                rc = check_hash(block, icc->n_len, &sent, 1, f);
        if (rc != CW_OK)
                return rc;
        *ret_len = block[3];
        memcpy(ret_dynamic, block + 4, block[3]);
        return CW_OK;
}
