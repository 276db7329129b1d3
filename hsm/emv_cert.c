/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_cert.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/pan.h"

#include <string.h>

#define HEAD 0x6a
#define TRAIL 0xbc
#define HASH_LEN 20u
#define ICC_OVERHEAD 42u /* 6.4, table 9: what is not modulus */
#define SSAD_OVERHEAD 26u
#define SHA1_ALGORITHM 1u
#define RSA_ALGORITHM 1u

static cw_rc refuse(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.emv_cert", "HSM_RSA", "%s", text);
}

/* Left-aligned digits in len bytes, F behind. */
static bool put_digits(struct cw_writer *w, const char *digits, size_t len) {
        CW_WIPED(char, text, 33);
        CW_WIPED(uint8_t, packed, 16);
        size_t count = strlen(digits), n = 0;
        if (count > 2 * len || len > sizeof(packed))
                return false;
        memset(text, 'F', 2 * len);
        memcpy(text, digits, count);
        if (!cw_hex_decode(text, 2 * len, packed, sizeof(packed), &n))
                return false;
        cw_put_bytes(w, packed, n);
        return true;
}

/* Head, body, hash, trailer into block; the hash covers body and more. Signs it into ret. */
static cw_rc seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *issuer,
                  const struct cw_rsa_public *pub, struct cw_span body, struct cw_span more,
                  struct cw_emv_cert *ret, struct cw_fault *f) {
        uint8_t block[CW_RSA_MAX], hashed[CW_RSA_MAX * 2 + CW_CERT_STATIC_MAX + 8];
        struct cw_writer w;
        cw_writer_init(&w, hashed, sizeof(hashed));
        cw_put_bytes(&w, body.ptr, body.len);
        cw_put_bytes(&w, more.ptr, more.len);
        if (w.bad || body.len + HASH_LEN + 2 != pub->n_len)
                return refuse("static data is too long for a certificate", f);
        block[0] = HEAD;
        memcpy(block + 1, body.ptr, body.len);
        block[pub->n_len - 1] = TRAIL;
        cw_rc rc = cw_hsm_sha1(c, hashed, w.len, block + 1 + body.len, f);
        if (rc == CW_OK)
                rc = cw_rsa_sign(c, issuer, pub, block, ret->value, f);
        if (rc == CW_OK)
                ret->len = pub->n_len;
        return rc;
}

static bool certificate_body(const struct cw_emv_icc_cert *in, size_t room, struct cw_writer *w) {
        char mmyy[5] = {0};
        size_t n = in->icc->n_len, inside = n < room ? n : room;
        if (strlen(in->expiry) != 4)
                return false;
        memcpy(mmyy, in->expiry + 2, 2);
        memcpy(mmyy + 2, in->expiry, 2);
        cw_put_u8(w, 0x04);
        if (!put_digits(w, in->pan, 10) || !put_digits(w, mmyy, 2))
                return false;
        cw_put_bytes(w, in->serial, sizeof(in->serial));
        cw_put_u8(w, SHA1_ALGORITHM);
        cw_put_u8(w, RSA_ALGORITHM);
        cw_put_u8(w, (uint8_t)n);
        cw_put_u8(w, (uint8_t)in->icc->e_len);
        cw_put_bytes(w, in->icc->n, inside);
        for (size_t i = inside; i < room; i++)
                cw_put_u8(w, 0xbb);
        return !w->bad;
}

cw_rc cw_emv_icc_cert_sign(const struct cw_hsm_crypto *c, const struct cw_hsm_key *issuer,
                           const struct cw_rsa_public *pub, const struct cw_emv_icc_cert *in,
                           struct cw_emv_cert *ret, struct cw_fault *f) {
        uint8_t body[CW_RSA_MAX], more[CW_RSA_MAX + CW_CERT_STATIC_MAX + 8];
        struct cw_writer w, m;
        if (in->icc->n_len > pub->n_len)
                return refuse("the key of a chip must not be longer than the issuer's key", f);
        size_t room = pub->n_len - ICC_OVERHEAD;
        size_t over = in->icc->n_len > room ? in->icc->n_len - room : 0;
        cw_writer_init(&w, body, sizeof(body));
        if (!certificate_body(in, room, &w))
                return refuse("a certificate needs PAN digits and an expiry date", f);
        cw_writer_init(&m, more, sizeof(more));
        cw_put_bytes(&m, in->icc->n + in->icc->n_len - over, over);
        cw_put_bytes(&m, in->icc->e, in->icc->e_len);
        if (in->static_len > 0)
                cw_put_bytes(&m, in->static_data, in->static_len);
        if (m.bad)
                return refuse("static data is too long for a certificate", f);
        cw_rc rc = seal(c, issuer, pub, CW_SPAN(body, w.len), CW_SPAN(more, m.len), ret, f);
        if (rc != CW_OK)
                return rc;
        memcpy(ret->remainder, in->icc->n + in->icc->n_len - over, over);
        ret->remainder_len = over;
        return CW_OK;
}

cw_rc cw_emv_ssad_sign(const struct cw_hsm_crypto *c, const struct cw_hsm_key *issuer,
                       const struct cw_rsa_public *pub, const uint8_t dac[2], const void *static_data,
                       size_t len, struct cw_emv_cert *ret, struct cw_fault *f) {
        uint8_t body[CW_RSA_MAX];
        struct cw_writer w;
        cw_writer_init(&w, body, sizeof(body));
        cw_put_u8(&w, 0x03);
        cw_put_u8(&w, SHA1_ALGORITHM);
        cw_put_bytes(&w, dac, 2);
        for (size_t i = SSAD_OVERHEAD; i < pub->n_len; i++)
                cw_put_u8(&w, 0xbb);
        ret->remainder_len = 0;
        return seal(c, issuer, pub, CW_SPAN(body, w.len), CW_SPAN(static_data, len), ret, f);
}
