/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/probe.h"

#include "base/secret.h"
#include "hsm/probe_internal.h"

#include <stdio.h>
#include <string.h>

/* Published answers; sources: ISO 9797-1 example key, FIPS 197 C.1, RFC 4493, RFC 4231, SP 800-38B, FIPS 180.
 */
const uint8_t cw_probe_tdes_key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                       0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
const uint8_t cw_probe_tdes_zero[8] = {0x08, 0xd7, 0xb4, 0xfb, 0x62, 0x9d, 0x08, 0x85};
const uint8_t cw_probe_aes_key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                      0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
const uint8_t cw_probe_aes_plain[16] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
                                        0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a};
const uint8_t cw_probe_aes_ecb[16] = {0x3a, 0xd7, 0x7b, 0xb4, 0x0d, 0x7a, 0x36, 0x60,
                                      0xa8, 0x9e, 0xca, 0xf3, 0x24, 0x66, 0xef, 0x97};
const uint8_t cw_probe_aes_cmac[16] = {0x07, 0x0a, 0x16, 0xb4, 0x6b, 0x4d, 0x41, 0x44,
                                       0xf7, 0x9b, 0xdd, 0x9d, 0xd0, 0x4a, 0x28, 0x7c};
/* AES-256-GCM, 16-byte IV, so J0 comes from GHASH: the form of the set-PIN and card number texts. */
static const uint8_t gcm_key[32] = {"0123456789ABCDEF0123456789ABCDEF"};
static const uint8_t gcm_plain[8] = {0x04, 0x12, 0x25, 0xee, 0xee, 0xee, 0xee, 0xee};
static const uint8_t gcm_sealed[24] = {0x1d, 0x26, 0xab, 0x4e, 0xd0, 0xac, 0xcd, 0xb7,
                                       0xf0, 0x86, 0xbe, 0x19, 0xd2, 0x0a, 0xdd, 0x10,
                                       0x6b, 0xcf, 0xb3, 0xad, 0x76, 0x78, 0x4d, 0x30};
static const uint8_t sha1_abc[20] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                     0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};

cw_rc cw_probe_answer(const void *got, const void *want, size_t len, struct cw_fault *f) {
        if (cw_equal_ct(got, want, len))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.probe", "HSM_TOKEN",
                       "the token gives a wrong answer to a known question; do not use it");
}

/* Encrypts and decrypts back under an imported key. */
static cw_rc round_trip(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg, const uint8_t *key,
                        const uint8_t *plain, const uint8_t *want, struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        uint8_t out[16];
        size_t n = cw_hsm_alg_block(alg);
        cw_rc rc = cw_hsm_import(c, alg, CW_USE_ENCRYPT | CW_USE_DECRYPT, key, &k, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(c, &k, CW_MODE_ECB, NULL, plain, n, out, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(out, want, n, f);
        if (rc == CW_OK)
                rc = cw_hsm_decrypt(c, &k, CW_MODE_ECB, NULL, want, n, out, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(out, plain, n, f);
        cw_hsm_key_destroy(c, &k);
        return rc;
}

static cw_rc probe_tdes_ecb(const struct cw_prober *x, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        static const uint8_t zero[8];
        return round_trip(c, CW_ALG_TDES2, cw_probe_tdes_key, zero, cw_probe_tdes_zero, f);
}

static cw_rc probe_aes_ecb(const struct cw_prober *x, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        return round_trip(c, CW_ALG_AES128, cw_probe_aes_key, cw_probe_aes_plain, cw_probe_aes_ecb, f);
}

static cw_rc probe_aes_cmac(const struct cw_prober *x, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        struct cw_hsm_key k = {0};
        uint8_t out[16];
        cw_rc rc = cw_hsm_import(c, CW_ALG_AES128, CW_USE_MAC, cw_probe_aes_key, &k, f);
        if (rc == CW_OK)
                rc = cw_hsm_cmac(c, &k, cw_probe_aes_plain, sizeof(cw_probe_aes_plain), out, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(out, cw_probe_aes_cmac, sizeof(out), f);
        cw_hsm_key_destroy(c, &k);
        return rc;
}

/* Seals, opens, and sees to it that a changed tag is refused. */
static cw_rc probe_gcm(const struct cw_prober *x, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        struct cw_hsm_key k = {0};
        uint8_t iv[16], out[24], back[8];
        for (size_t i = 0; i < sizeof(iv); i++)
                iv[i] = (uint8_t)i;
        cw_rc rc = cw_hsm_import(c, CW_ALG_AES256, CW_USE_ENCRYPT | CW_USE_DECRYPT, gcm_key, &k, f);
        if (rc == CW_OK)
                rc = cw_hsm_gcm_seal(c, &k, iv, gcm_plain, sizeof(gcm_plain), out, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(out, gcm_sealed, sizeof(out), f);
        if (rc == CW_OK)
                rc = cw_hsm_gcm_open(c, &k, iv, out, sizeof(out), back, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(back, gcm_plain, sizeof(back), f);
        out[23] ^= 1;
        if (rc == CW_OK && cw_hsm_gcm_open(c, &k, iv, out, sizeof(out), back, NULL) !=
                               CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH))
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.probe", "HSM_TOKEN",
                             "the token opens sealed data with a wrong tag; do not use it");
        cw_hsm_key_destroy(c, &k);
        return rc;
}

/* The derived key enciphers like the bytes it must consist of. */
static cw_rc derive_answer(const struct cw_prober *x, enum cw_hsm_alg alg, enum cw_hsm_mode mode,
                           const uint8_t *base_value, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        struct cw_hsm_key base = {0}, derived = {0};
        static const uint8_t data[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
        uint8_t value[16];
        cw_rc rc = cw_hsm_import(c, alg, CW_USE_DERIVE, base_value, &base, f);
        if (rc == CW_OK)
                rc = cw_hsm_derive(c, &base, mode, data, sizeof(data), alg, CW_USE_ENCRYPT, &derived, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(c, &base, mode, NULL, data, sizeof(data), value, f);
        if (rc == CW_OK)
                rc = cw_probe_derived(x, &derived, value, f);
        cw_hsm_key_destroy(c, &base);
        cw_hsm_key_destroy(c, &derived);
        return rc;
}

static cw_rc probe_derive_ecb(const struct cw_prober *x, struct cw_fault *f) {
        return derive_answer(x, CW_ALG_TDES2, CW_MODE_ECB, cw_probe_tdes_key, f);
}

static cw_rc probe_derive_cbc(const struct cw_prober *x, struct cw_fault *f) {
        return derive_answer(x, CW_ALG_TDES2, CW_MODE_CBC, cw_probe_tdes_key, f);
}

static cw_rc probe_sha1(const struct cw_prober *x, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        uint8_t out[20];
        cw_rc rc = cw_hsm_sha1(c, "abc", 3, out, f);
        return rc != CW_OK ? rc : cw_probe_answer(out, sha1_abc, sizeof(out), f);
}

/* Two draws of a generator that lives are not equal. */
static cw_rc probe_random(const struct cw_prober *x, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        uint8_t a[16] = {0}, b[16] = {0};
        cw_rc rc = cw_hsm_random(c, a, sizeof(a), f);
        if (rc == CW_OK)
                rc = cw_hsm_random(c, b, sizeof(b), f);
        if (rc == CW_OK && cw_equal_ct(a, b, sizeof(a)))
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.probe", "HSM_TOKEN",
                             "the token's random numbers repeat; do not use it");
        return rc;
}

/* The token must refuse what the key's attributes do not allow, whoever asks. */
static cw_rc probe_enforcement(const struct cw_prober *x, struct cw_fault *f) {
        const struct cw_hsm_crypto *c = x->c;
        struct cw_hsm_key k = {0};
        uint8_t out[8];
        static const uint8_t zero[8];
        cw_rc rc = cw_hsm_import(c, CW_ALG_TDES2, CW_USE_ENCRYPT, cw_probe_tdes_key, &k, f);
        if (rc != CW_OK)
                return rc;
        struct cw_hsm_key pretended = k;
        pretended.usage = CW_USE_DECRYPT;
        rc = cw_hsm_decrypt(c, &pretended, CW_MODE_ECB, NULL, zero, 8, out, f);
        cw_hsm_key_destroy(c, &k);
        if (rc == CW_OK)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.probe", "HSM_TOKEN",
                    "the token lets a key do what its attributes forbid; its protection is nominal");
        return cw_rc_class(rc) == CW_C_REJECT ? CW_OK : rc;
}

static const struct cw_probe_row required[] = {
    {"tdes-ecb", "CVV, card keys, PIN pads", probe_tdes_ecb},
    {"tdes-cbc", "MACs, SCP02", cw_probe_tdes_cbc},
    {"tdes-ecb-derive", "EMV and SCP02 card keys in the token", probe_derive_ecb},
    {"tdes-cbc-derive", "SCP02 session keys in the token", probe_derive_cbc},
    {"aes-ecb", "SCP03", probe_aes_ecb},
    {"aes-cbc", "SCP03", cw_probe_aes_cbc},
    {"aes-cmac", "SCP03", probe_aes_cmac},
    {"aes-gcm-iv16", "encryptedCardNumber and set-PIN", probe_gcm},
    {"sha1", "card keys of PANs over 16 digits", probe_sha1},
    {"random", "challenges and IVs", probe_random},
    {"enforcement", "key separation", probe_enforcement},
};

/*
 * A failure that is the token's answer to this one question is noted. Modules also say GENERAL_ERROR or
 * DEVICE_ERROR to what they do not know: as long as the session lives on, that is an answer too.
 */
static cw_rc weigh(const struct cw_prober *x, cw_rc rc, struct cw_fault *why, struct cw_fault *f) {
        enum cw_class cls = cw_rc_class(rc);
        if (rc == CW_OK || cls == CW_C_REJECT || cls == CW_C_OPERATOR)
                return CW_OK;
        if (cls == CW_C_RECONNECT && cw_p11_check(x->p, NULL) == CW_OK)
                return CW_OK;
        if (f != NULL)
                *f = *why;
        return rc;
}

/*
 * CBC that the token says it does not do is asked again with the chain made here. Not so where it answers
 * falsely, or fails otherwise: that is no token without CBC.
 */
static bool by_ecb(const struct cw_prober *x, const struct cw_probe_row *row, cw_rc rc) {
        enum cw_cbc cbc = row->run == cw_probe_tdes_cbc  ? CW_CBC_TDES
                          : row->run == cw_probe_aes_cbc ? CW_CBC_AES
                                                         : CW_CBC_NONE;
        if (cbc == CW_CBC_NONE || rc != CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_UNSUPPORTED))
                return false;
        x->p->cbc_by_ecb[cbc] = true;
        x->p->cbc_by_ecb[cbc] = row->run(x, NULL) == CW_OK;
        return x->p->cbc_by_ecb[cbc];
}

/*
 * p11-kit's client refuses what it cannot put into a message: the token was not asked. What was tried
 * before another way did it is told where the table shows that way.
 */
static const char *text_of(const struct cw_prober *x, const struct cw_probe *p, const struct cw_fault *why) {
        if (p->ok && !p->by_ecb && why->rc != CW_OK)
                return "";
        return x->p->by_p11_kit && why->native == (int64_t)CKR_MECHANISM_INVALID
                   ? "CKR_MECHANISM_INVALID: p11-kit does not carry it, or the token does not know it"
                   : why->text;
}

cw_rc cw_probe_rows(const struct cw_prober *x, const struct cw_probe_row *rows, size_t count,
                    struct cw_probe_report *ret, struct cw_fault *f) {
        memset(ret, 0, sizeof(*ret));
        for (size_t i = 0; i < count && i < CW_PROBES_MAX; i++) {
                struct cw_fault why = {0};
                struct cw_probe *p = &ret->probes[ret->count++];
                cw_rc rc = rows[i].run(x, &why);
                p->name = rows[i].name;
                p->needed_for = rows[i].needed_for;
                p->by_ecb = by_ecb(x, &rows[i], rc);
                p->ok = rc == CW_OK || p->by_ecb;
                (void)snprintf(p->text, sizeof(p->text), "%s%.130s",
                               p->by_ecb ? "chained by ECB calls: " : "", text_of(x, p, &why));
                rc = weigh(x, rc, &why, f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

cw_rc cw_probe_run(const struct cw_prober *x, struct cw_probe_report *ret, struct cw_fault *f) {
        return cw_probe_rows(x, required, sizeof(required) / sizeof(required[0]), ret, f);
}

const struct cw_probe *cw_probe_find(const struct cw_probe_report *r, const char *name) {
        for (size_t i = 0; i < r->count; i++) {
                if (strcmp(r->probes[i].name, name) == 0)
                        return &r->probes[i];
        }
        return NULL;
}

const char *cw_probe_way(const struct cw_probe *p) {
        return p->by_ecb ? "by ECB" : "";
}

bool cw_probe_all_ok(const struct cw_probe_report *r) {
        for (size_t i = 0; i < r->count; i++) {
                if (!r->probes[i].ok)
                        return false;
        }
        return true;
}
