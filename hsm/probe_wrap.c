/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers of what keeps an operation inside the token: secrets unwrapped, changed and wrapped again. */
#include "hsm/probe_internal.h"

#include <string.h>

/* "Now is t" and what it is under cw_probe_tdes_key. */
static const uint8_t clear[8] = {0x4e, 0x6f, 0x77, 0x20, 0x69, 0x73, 0x20, 0x74};
static const uint8_t sealed[8] = {0xd8, 0x0a, 0x0d, 0x8b, 0x2b, 0xae, 0x5e, 0x4e};
/* A format 0 block of PIN 4524 and PAN 1122334455667788 under the same key; what its PVV 8523 is made of. */
static const uint8_t pin_block[8] = {0xe5, 0x9e, 0xf1, 0x7c, 0x96, 0x08, 0xd0, 0x41};
static const uint8_t pan_field[8] = {0x00, 0x00, 0x23, 0x34, 0x45, 0x56, 0x67, 0x78};
static const uint8_t pan_and_pvki[6] = {0x33, 0x44, 0x55, 0x66, 0x77, 0x81};
static const uint8_t pvv_cryptogram[8] = {0xc8, 0xfb, 0xf5, 0xfe, 0x23, 0x70, 0xdd, 0xcf};
/* RFC 3394 4.1 */
const uint8_t cw_probe_kw_kek[16] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
                                     0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
static const uint8_t kw_key[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
const uint8_t cw_probe_kw_wrapped[24] = {0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47,
                                         0xae, 0xf3, 0x4b, 0xd8, 0xfb, 0x5a, 0x7b, 0x82,
                                         0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf, 0xe5};
/* RFC 4231, test case 6: key of 131 bytes AA */
static const char hmac_text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
static const uint8_t hmac_want[32] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26,
                                      0xaa, 0xcb, 0xf5, 0xb7, 0x7f, 0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28,
                                      0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
/* SP 800-38B D.4, two-key TDES, empty message */
static const uint8_t cmac_key[16] = {0x4c, 0xf1, 0x51, 0x34, 0xa2, 0x85, 0x0d, 0xd5,
                                     0x8a, 0x3d, 0x10, 0xba, 0x80, 0x57, 0x0d, 0x38};
static const uint8_t cmac_want[8] = {0xbd, 0x2e, 0xbf, 0x9a, 0x3b, 0xa0, 0x03, 0x61};

static const struct cw_p11_spec secret8 = {
    .alg = CW_ALG_GENERIC, .usage = CW_USE_DERIVE, .sensitive = true, .extractable = true, .value_len = 8};

static cw_rc key(const struct cw_prober *x, enum cw_hsm_alg alg, unsigned usage, const uint8_t *value,
                 CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        const struct cw_p11_spec spec = {.alg = alg,
                                         .usage = usage,
                                         .sensitive = true,
                                         .value = value,
                                         .value_len = cw_hsm_alg_key_len(alg)};
        return cw_p11_create(x->p, &spec, ret, f);
}

/* A secret of the caller as an object that can be changed and wrapped. */
static cw_rc secret(const struct cw_prober *x, const uint8_t *value, size_t len, CK_OBJECT_HANDLE *ret,
                    struct cw_fault *f) {
        struct cw_p11_spec spec = secret8;
        spec.value = value;
        spec.value_len = len;
        return cw_p11_create(x->p, &spec, ret, f);
}

/* What the object holds is seen by wrapping it under a key whose answers are known. */
static cw_rc wraps_to(const struct cw_prober *x, CK_OBJECT_HANDLE object, const uint8_t want[8],
                      struct cw_fault *f) {
        CK_OBJECT_HANDLE wrapping = 0;
        uint8_t got[8];
        cw_rc rc = key(x, CW_ALG_TDES2, CW_USE_WRAP, cw_probe_tdes_key, &wrapping, f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(x->p, wrapping, CKM_DES3_ECB, object, got, sizeof(got), f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, want, sizeof(got), f);
        cw_p11_destroy(x->p, wrapping);
        return rc;
}

static cw_rc unwrapped(const struct cw_prober *x, const uint8_t in[8], CK_OBJECT_HANDLE *ret,
                       struct cw_fault *f) {
        CK_OBJECT_HANDLE unwrapping = 0;
        cw_rc rc = key(x, CW_ALG_TDES2, CW_USE_UNWRAP, cw_probe_tdes_key, &unwrapping, f);
        if (rc == CW_OK)
                rc = cw_p11_unwrap(x->p, unwrapping, CKM_DES3_ECB, in, 8, &secret8, ret, f);
        cw_p11_destroy(x->p, unwrapping);
        return rc;
}

static cw_rc probe_tdes_wrap(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE h = 0;
        cw_rc rc = secret(x, clear, sizeof(clear), &h, f);
        if (rc == CW_OK)
                rc = wraps_to(x, h, sealed, f);
        cw_p11_destroy(x->p, h);
        return rc;
}

static cw_rc probe_tdes_unwrap(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE h = 0;
        cw_rc rc = unwrapped(x, sealed, &h, f);
        if (rc == CW_OK)
                rc = wraps_to(x, h, sealed, f);
        cw_p11_destroy(x->p, h);
        return rc;
}

static cw_rc probe_aes_wrap(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE h = 0, wrapping = 0;
        uint8_t got[16];
        cw_rc rc = secret(x, cw_probe_aes_plain, 16, &h, f);
        if (rc == CW_OK)
                rc = key(x, CW_ALG_AES128, CW_USE_WRAP, cw_probe_aes_key, &wrapping, f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(x->p, wrapping, CKM_AES_ECB, h, got, sizeof(got), f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, cw_probe_aes_ecb, sizeof(got), f);
        cw_p11_destroy(x->p, h);
        cw_p11_destroy(x->p, wrapping);
        return rc;
}

static cw_rc probe_aes_unwrap(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE h = 0, k = 0;
        uint8_t got[16];
        struct cw_p11_spec spec = secret8;
        spec.value_len = 16;
        cw_rc rc = key(x, CW_ALG_AES128, CW_USE_WRAP | CW_USE_UNWRAP, cw_probe_aes_key, &k, f);
        if (rc == CW_OK)
                rc = cw_p11_unwrap(x->p, k, CKM_AES_ECB, cw_probe_aes_ecb, 16, &spec, &h, f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(x->p, k, CKM_AES_ECB, h, got, sizeof(got), f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, cw_probe_aes_ecb, sizeof(got), f);
        cw_p11_destroy(x->p, h);
        cw_p11_destroy(x->p, k);
        return rc;
}

static cw_rc probe_xor(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE h = 0, changed = 0;
        uint8_t other[8];
        for (size_t i = 0; i < sizeof(other); i++)
                other[i] = clear[i] ^ pan_field[i];
        cw_rc rc = secret(x, other, sizeof(other), &h, f);
        if (rc == CW_OK)
                rc = cw_p11_xor(x->p, h, pan_field, sizeof(pan_field), &secret8, &changed, f);
        if (rc == CW_OK)
                rc = wraps_to(x, changed, sealed, f);
        cw_p11_destroy(x->p, h);
        cw_p11_destroy(x->p, changed);
        return rc;
}

/* data | base and base | data make the same eight bytes out of different halves. */
static cw_rc probe_concatenate(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE left = 0, right = 0, before = 0, after = 0;
        cw_rc rc = secret(x, clear, 4, &left, f);
        if (rc == CW_OK)
                rc = secret(x, clear + 4, 4, &right, f);
        if (rc == CW_OK)
                rc = cw_p11_append(x->p, left, clear + 4, 4, &secret8, &after, f);
        if (rc == CW_OK)
                rc = cw_p11_prepend(x->p, right, clear, 4, &secret8, &before, f);
        if (rc == CW_OK)
                rc = wraps_to(x, after, sealed, f);
        if (rc == CW_OK)
                rc = wraps_to(x, before, sealed, f);
        cw_p11_destroy(x->p, left);
        cw_p11_destroy(x->p, right);
        cw_p11_destroy(x->p, before);
        cw_p11_destroy(x->p, after);
        return rc;
}

static cw_rc probe_extract(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE h = 0, part = 0;
        uint8_t whole[16] = {0};
        memcpy(whole + 4, clear, sizeof(clear));
        cw_rc rc = secret(x, whole, sizeof(whole), &h, f);
        if (rc == CW_OK)
                rc = cw_p11_extract(x->p, h, 32, &secret8, &part, f);
        if (rc == CW_OK)
                rc = wraps_to(x, part, sealed, f);
        cw_p11_destroy(x->p, h);
        cw_p11_destroy(x->p, part);
        return rc;
}

/* A whole PVV: unwrapped block, PAN taken off, four digits cut out, PAN and key index put before them. */
static cw_rc probe_pvv(const struct cw_prober *x, struct cw_fault *f) {
        CK_OBJECT_HANDLE block = 0, field = 0, pin = 0, tsp = 0;
        struct cw_p11_spec digits = secret8;
        digits.value_len = 2;
        cw_rc rc = unwrapped(x, pin_block, &block, f);
        if (rc == CW_OK)
                rc = cw_p11_xor(x->p, block, pan_field, sizeof(pan_field), &secret8, &field, f);
        if (rc == CW_OK)
                rc = cw_p11_extract(x->p, field, 8, &digits, &pin, f);
        if (rc == CW_OK)
                rc = cw_p11_prepend(x->p, pin, pan_and_pvki, sizeof(pan_and_pvki), &secret8, &tsp, f);
        if (rc == CW_OK)
                rc = wraps_to(x, tsp, pvv_cryptogram, f);
        cw_p11_destroy(x->p, block);
        cw_p11_destroy(x->p, field);
        cw_p11_destroy(x->p, pin);
        cw_p11_destroy(x->p, tsp);
        return rc;
}

static cw_rc probe_key_wrap(const struct cw_prober *x, struct cw_fault *f) {
        static const struct cw_p11_spec wrappable = {.alg = CW_ALG_AES128,
                                                     .usage = CW_USE_ENCRYPT,
                                                     .sensitive = true,
                                                     .extractable = true,
                                                     .value_len = 16};
        struct cw_p11_spec given = wrappable;
        CK_OBJECT_HANDLE kek = 0, k = 0, back = 0;
        uint8_t got[24], again[24];
        given.value = kw_key;
        cw_rc rc = key(x, CW_ALG_AES128, CW_USE_WRAP | CW_USE_UNWRAP, cw_probe_kw_kek, &kek, f);
        if (rc == CW_OK)
                rc = cw_p11_create(x->p, &given, &k, f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(x->p, kek, CKM_AES_KEY_WRAP, k, got, sizeof(got), f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, cw_probe_kw_wrapped, sizeof(got), f);
        if (rc == CW_OK)
                rc = cw_p11_unwrap(x->p, kek, CKM_AES_KEY_WRAP, cw_probe_kw_wrapped,
                                   sizeof(cw_probe_kw_wrapped), &wrappable, &back, f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(x->p, kek, CKM_AES_KEY_WRAP, back, again, sizeof(again), f);
        if (rc == CW_OK)
                rc = cw_probe_answer(again, cw_probe_kw_wrapped, sizeof(again), f);
        cw_p11_destroy(x->p, kek);
        cw_p11_destroy(x->p, k);
        cw_p11_destroy(x->p, back);
        return rc;
}

static cw_rc probe_hmac(const struct cw_prober *x, struct cw_fault *f) {
        uint8_t value[131], got[32];
        struct cw_hsm_key k = {.alg = CW_ALG_GENERIC, .usage = CW_USE_MAC, .valid = true};
        struct cw_p11_spec spec = {
            .alg = CW_ALG_GENERIC, .usage = CW_USE_MAC, .sensitive = true, .value_len = sizeof(value)};
        memset(value, 0xaa, sizeof(value));
        spec.value = value;
        cw_rc rc = cw_p11_create(x->p, &spec, &k.handle, f);
        if (rc == CW_OK)
                rc = cw_hsm_hmac_sha256(x->c, &k, hmac_text, sizeof(hmac_text) - 1, got, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, hmac_want, sizeof(got), f);
        cw_p11_destroy(x->p, k.handle);
        return rc;
}

/* The mechanism itself: with ENCRYPT too the primitive would make it out of CBC. */
static cw_rc probe_tdes_cmac(const struct cw_prober *x, struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        uint8_t got[8];
        cw_rc rc = cw_hsm_import(x->c, CW_ALG_TDES2, CW_USE_MAC, cmac_key, &k, f);
        if (rc == CW_OK)
                rc = cw_hsm_cmac(x->c, &k, "", 0, got, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, cmac_want, sizeof(got), f);
        cw_hsm_key_destroy(x->c, &k);
        return rc;
}

/* With a key that may also encipher, so that a token without the mechanism can do it too. */
static cw_rc probe_aes_cmac(const struct cw_prober *x, struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        uint8_t got[16];
        cw_rc rc = cw_hsm_import(x->c, CW_ALG_AES128, CW_USE_MAC | CW_USE_ENCRYPT, cw_probe_aes_key, &k, f);
        if (rc == CW_OK)
                rc = cw_hsm_cmac(x->c, &k, cw_probe_aes_plain, 16, got, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, cw_probe_aes_cmac, sizeof(got), f);
        cw_hsm_key_destroy(x->c, &k);
        return rc;
}

static cw_rc probe_aes_derive(const struct cw_prober *x, struct cw_fault *f) {
        struct cw_hsm_key base = {0}, derived = {0};
        cw_rc rc = cw_hsm_import(x->c, CW_ALG_AES128, CW_USE_DERIVE, cw_probe_aes_key, &base, f);
        if (rc == CW_OK)
                rc = cw_hsm_derive(x->c, &base, CW_MODE_ECB, cw_probe_aes_plain, 16, CW_ALG_AES128,
                                   CW_USE_ENCRYPT, &derived, f);
        if (rc == CW_OK)
                rc = cw_probe_derived(x, &derived, cw_probe_aes_ecb, f);
        cw_hsm_key_destroy(x->c, &base);
        cw_hsm_key_destroy(x->c, &derived);
        return rc;
}

/* A key that cannot be modified, as those on the token are: does a copy work like it, with its attributes? */
static cw_rc probe_copy(const struct cw_prober *x, struct cw_fault *f) {
        struct cw_hsm_key copy = {.alg = CW_ALG_TDES2, .usage = CW_USE_ENCRYPT, .valid = true};
        CK_OBJECT_HANDLE h = 0;
        uint8_t got[8];
        cw_rc rc = key(x, CW_ALG_TDES2, CW_USE_ENCRYPT, cw_probe_tdes_key, &h, f);
        if (rc == CW_OK)
                rc = cw_p11_copy_to_session(x->p, h, &copy.handle, f);
        if (rc == CW_OK)
                rc = cw_p11_read_back(x->p, copy.handle, CW_USE_ENCRYPT, false, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(x->c, &copy, CW_MODE_ECB, NULL, clear, sizeof(clear), got, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, sealed, sizeof(got), f);
        cw_p11_destroy(x->p, h);
        cw_p11_destroy(x->p, copy.handle);
        return rc;
}

static const struct cw_probe_row more[] = {
    {"session-copy", "keys worked with as session objects, faster on some tokens", probe_copy},
    {"aes-ecb-derive", "AES DUKPT in the token", probe_aes_derive},
    {"aes-cmac-derive", "SCP03 and KDF3 keys in the token", cw_probe_cmac_derive},
    {"tdes-key-xor", "scripts of CVN10 and CVN18 in the token", cw_probe_key_xor},
    {"retail-mac", "verification values with no block outside", cw_probe_retail_mac},
    {"hmac-sha256", "the keyed hash of PANs", probe_hmac},
    {"aes-cmac-or-cipher", "SCP03 with keys that may also encipher", probe_aes_cmac},
    {"tdes-cmac", "check values of TDES keys by CMAC", probe_tdes_cmac},
    {"tdes-ecb-wrap", "PIN blocks in the token", probe_tdes_wrap},
    {"tdes-ecb-unwrap", "PIN blocks in the token", probe_tdes_unwrap},
    {"aes-ecb-wrap", "format 4 PIN blocks in the token", probe_aes_wrap},
    {"aes-ecb-unwrap", "format 4 PIN blocks in the token", probe_aes_unwrap},
    {"xor", "another PAN in a PIN block, in the token", probe_xor},
    {"concatenate", "PVV in the token", probe_concatenate},
    {"extract", "PVV in the token", probe_extract},
    {"pvv", "PVV in the token", probe_pvv},
    {"aes-key-wrap", "keys that come and go under AES", probe_key_wrap},
    {"rsa-generate", "key pairs of chips", cw_probe_rsa_generate},
    {"rsa-sign", "chip certificates", cw_probe_rsa_sign},
};

cw_rc cw_probe_more(const struct cw_prober *x, struct cw_probe_report *ret, struct cw_fault *f) {
        return cw_probe_rows(x, more, sizeof(more) / sizeof(more[0]), ret, f);
}
