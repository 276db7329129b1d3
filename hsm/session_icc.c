/* SPDX-License-Identifier: Apache-2.0 */
/* perso.icc_key, perso.icc_parts, perso.ssad: what an issuer's RSA key does for a chip. */
#include "base/buf.h"
#include "hsm/emv_issuer_file.h"
#include "hsm/session_internal.h"

#include <string.h>

#define PARTS_MAX 5u
#define PART_MAX (CW_RSA_MAX + 16u)

struct issuer {
        struct cw_emv_issuer cert;
        struct cw_rsa_public pub; /* of the key on the token */
        const struct cw_stored_key *key;
};

static cw_rc open_issuer(struct cw_sess *s, struct issuer *ret, struct cw_fault *f) {
        if (s->product->issuer_key[0] == '\0')
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "hsm.icc", "HSM_PRODUCT",
                               "the product has no issuer_key; a chip certificate cannot be made");
        if (s->secret->pan.len == 0)
                return cw_sess_bad("the card has no number yet; bench.pan tells it", f);
        cw_rc rc = cw_sess_key(s, s->product->issuer_key, "issuer-rsa", &ret->key, f);
        if (rc == CW_OK)
                rc = cw_rsa_public_of(s->c, &ret->key->key, &ret->pub, f);
        if (rc == CW_OK)
                rc = cw_emv_issuer_file(s->env.cfg, s->product, s->c, &ret->pub, &ret->cert, f);
        return rc != CW_OK ? rc
                           : cw_emv_issuer_check(&ret->cert, &ret->pub, s->secret->pan.digits, s->expiry, f);
}

cw_rc cw_sess_check_issuer(struct cw_sess *s, struct cw_fault *f) {
        struct issuer is;
        return s->product->issuer_key[0] == '\0' ? CW_OK : open_issuer(s, &is, f);
}

/* Tags 8F, 90, 92, 9F32. */
static cw_rc put_issuer(const struct issuer *is, struct cw_msg *reply, struct cw_fault *f) {
        uint8_t packed[2 * CW_RSA_MAX + 16];
        struct cw_writer w;
        cw_writer_init(&w, packed, sizeof(packed));
        cw_put_item(&w, &is->cert.ca_index, 1);
        cw_put_item(&w, is->cert.cert.value, is->cert.cert.len);
        cw_put_item(&w, is->cert.cert.remainder, is->cert.cert.remainder_len);
        cw_put_item(&w, is->cert.pub.e, is->cert.pub.e_len);
        return cw_sess_put_att(reply, packed, w.len, f);
}

/* Certificate, remainder, exponent of a chip's key. */
static cw_rc put_certificate(const struct cw_emv_cert *cert, const struct cw_rsa_public *icc,
                             struct cw_msg *reply, struct cw_fault *f) {
        uint8_t packed[2 * CW_RSA_MAX + 16];
        struct cw_writer w;
        cw_writer_init(&w, packed, sizeof(packed));
        cw_put_item(&w, cert->value, cert->len);
        cw_put_item(&w, cert->remainder, cert->remainder_len);
        cw_put_item(&w, icc->e, icc->e_len);
        return cw_sess_put_att(reply, packed, w.len, f);
}

/* Which of the chip's two keys the request is about. */
static cw_rc which_key(struct cw_sess *s, const struct cw_msg *request, bool *ret_pin,
                       struct cw_rsa_private **ret, struct cw_fault *f) {
        const char *use = cw_msg_str(request, "use", "");
        bool pin = strcmp(use, "pin") == 0;
        *ret_pin = pin;
        *ret = &s->secret->icc[pin ? 1 : 0];
        if (!pin && strcmp(use, "dda") != 0)
                return cw_sess_bad("\"use\" must be dda or pin", f);
        return CW_OK;
}

static cw_rc static_data(const struct cw_msg *request, bool pin, struct cw_span *ret, struct cw_fault *f) {
        *ret = CW_SPAN(NULL, 0);
        if (pin && request->att_count > 0)
                return cw_sess_bad("the certificate of a PIN key covers no static data", f);
        return pin ? CW_OK : cw_sess_att(request, 0, 1, CW_CERT_STATIC_MAX, ret, f);
}

static cw_rc make_key(struct cw_sess *s, const struct cw_msg *request, struct cw_rsa_private *key,
                      struct cw_fault *f) {
        int64_t bits = cw_msg_int(request, "bits", 0), exponent = cw_msg_int(request, "exponent", 3);
        /* One key, certified over the data of another path. */
        if (cw_msg_bool(request, "keep", false))
                return key->pub.n_len ? CW_OK : cw_sess_bad("there is no key to keep", f);
        cw_wipe(key, sizeof(*key));
        if (bits < 0 || bits > 4096 || exponent < 0 || exponent > 65537)
                return cw_sess_bad("\"bits\" must be 512 to 1984, \"exponent\" 3 or 65537", f);
        return cw_rsa_generate(s->c, (unsigned)bits, (unsigned)exponent, key, f);
}

cw_rc cw_sess_icc_key(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct issuer is = {0};
        struct cw_emv_cert cert = {0};
        struct cw_rsa_private *key = NULL;
        struct cw_span data = {0};
        bool pin = false;
        cw_rc rc = which_key(s, request, &pin, &key, f);
        if (rc == CW_OK && (s->state & CW_ST_BENCH) != 0)
                rc = cw_sess_expiry(request, "expiry", s->expiry, f);
        if (rc == CW_OK)
                rc = static_data(request, pin, &data, f);
        if (rc == CW_OK)
                rc = open_issuer(s, &is, f);
        if (rc == CW_OK)
                rc = make_key(s, request, key, f);
        if (rc != CW_OK)
                return rc;
        struct cw_emv_icc_cert in = {.icc = &key->pub,
                                     .pan = s->secret->pan.digits,
                                     .expiry = s->expiry,
                                     .static_data = data.ptr,
                                     .static_len = data.len};
        rc = cw_hsm_random(s->c, in.serial, sizeof(in.serial), f);
        if (rc == CW_OK)
                rc = cw_emv_icc_cert_sign(s->c, &is.key->key, &is.pub, &in, &cert, f);
        if (rc == CW_OK)
                rc = put_certificate(&cert, &key->pub, reply, f);
        if (rc == CW_OK)
                rc = put_issuer(&is, reply, f);
        if (rc != CW_OK)
                cw_wipe(key, sizeof(*key));
        return rc;
}

struct part {
        const uint8_t *value;
        size_t len;
};

/* DGIs 8201..8205 (8301..8305), or 8101 and 8103 (8102 and 8104), EMV CPS 2.0, annex A. */
static size_t list_parts(const struct cw_rsa_private *k, bool crt, struct part ret[PARTS_MAX]) {
        size_t half = cw_rsa_prime_len(k->pub.n_len);
        const struct part by_crt[] = {
            {k->q_inv, half}, {k->dq, half}, {k->dp, half}, {k->q, half}, {k->p, half}};
        const struct part plain[] = {{k->d, k->pub.n_len}, {k->pub.n, k->pub.n_len}};
        if (crt)
                memcpy(ret, by_crt, sizeof(by_crt));
        else
                memcpy(ret, plain, sizeof(plain));
        return crt ? 5 : 2;
}

static cw_rc put_parts(struct cw_sess *s, const struct part *parts, size_t count, bool padded,
                       struct cw_msg *reply, struct cw_fault *f) {
        CW_WIPED(uint8_t, value, PART_MAX + 16);
        uint8_t packed[PARTS_MAX * (PART_MAX + 18)];
        struct cw_writer w;
        cw_writer_init(&w, packed, sizeof(packed));
        for (size_t i = 0; i < count; i++) {
                size_t n = 0;
                cw_rc rc = cw_scp_dek_encrypt(s->scp, parts[i].value, parts[i].len, padded, value,
                                              sizeof(value), &n, f);
                if (rc != CW_OK)
                        return rc;
                cw_put_item(&w, value, n);
        }
        return cw_sess_put_att(reply, packed, w.len, f);
}

cw_rc cw_sess_icc_parts(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct cw_rsa_private *key = NULL;
        struct part parts[PARTS_MAX];
        const char *form = cw_msg_str(request, "form", "crt");
        bool pin = false, crt = strcmp(form, "crt") == 0;
        cw_rc rc = which_key(s, request, &pin, &key, f);
        if (rc != CW_OK)
                return rc;
        if (!crt && strcmp(form, "plain") != 0)
                return cw_sess_bad("\"form\" must be crt or plain", f);
        if (key->pub.n_len == 0)
                return cw_sess_bad("there is no such key; perso.icc_key makes it", f);
        return put_parts(s, parts, list_parts(key, crt, parts), cw_msg_bool(request, "padded", false), reply,
                         f);
}

cw_rc cw_sess_ssad(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct issuer is = {0};
        struct cw_emv_cert ssad = {0};
        struct cw_span data = {0};
        uint8_t dac[2];
        cw_rc rc = cw_sess_hex(request, "dac", dac, sizeof(dac), f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, 1, CW_CERT_STATIC_MAX, &data, f);
        if (rc == CW_OK)
                rc = open_issuer(s, &is, f);
        if (rc == CW_OK)
                rc = cw_emv_ssad_sign(s->c, &is.key->key, &is.pub, dac, data.ptr, data.len, &ssad, f);
        if (rc == CW_OK)
                rc = cw_sess_put_att(reply, ssad.value, ssad.len, f);
        return rc != CW_OK ? rc : put_issuer(&is, reply, f);
}
