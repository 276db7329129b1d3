/* SPDX-License-Identifier: Apache-2.0 */
/* The issuer's own certificate: read, recovered, compared. EMV Book 2, 6.3. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "hsm/emv_cert.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define ISSUER_OVERHEAD 36u
#define HASH_LEN 20u

static cw_rc refuse(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.issuer", "HSM_ISSUER_CERT",
                       "issuer certificate: %s", text);
}

static bool member(const json_t *obj, const char *key, uint8_t *ret, size_t min, size_t cap,
                   size_t *ret_len) {
        const char *text = json_string_value(json_object_get(obj, key));
        return text != NULL && cw_hex_decode(text, strlen(text), ret, cap, ret_len) && *ret_len >= min;
}

static bool exponent(const uint8_t *e, size_t len) {
        return (len == 1 && e[0] == 3) || (len == 3 && memcmp(e, "\1\0\1", 3) == 0);
}

static cw_rc read_members(const json_t *obj, struct cw_emv_issuer *r, struct cw_fault *f) {
        size_t n = 0;
        if (!member(obj, "ca_index", &r->ca_index, 1, 1, &n))
                return refuse("\"ca_index\" must have 2 hex digits (tag 8F)", f);
        if (!member(obj, "ca_modulus", r->ca.n, CW_RSA_MIN, sizeof(r->ca.n), &r->ca.n_len) ||
            !member(obj, "ca_exponent", r->ca.e, 1, sizeof(r->ca.e), &r->ca.e_len) ||
            !exponent(r->ca.e, r->ca.e_len))
                return refuse("\"ca_modulus\" and \"ca_exponent\" must be the key of the scheme's CA", f);
        if (!member(obj, "certificate", r->cert.value, r->ca.n_len, r->ca.n_len, &r->cert.len))
                return refuse("\"certificate\" (tag 90) must be as long as the CA's modulus", f);
        if (!member(obj, "remainder", r->cert.remainder, 0, sizeof(r->cert.remainder),
                    &r->cert.remainder_len))
                return refuse("\"remainder\" (tag 92) must be hex, \"\" when there is none", f);
        if (!member(obj, "exponent", r->pub.e, 1, sizeof(r->pub.e), &r->pub.e_len) ||
            !exponent(r->pub.e, r->pub.e_len))
                return refuse("\"exponent\" (tag 9F32) must be 03 or 010001", f);
        return CW_OK;
}

/* IIN digits left in 4 bytes, F behind. */
static bool read_iin(const uint8_t *packed, char iin[9]) {
        char text[9];
        (void)cw_hex_encode(packed, 4, text, sizeof(text));
        size_t count = strspn(text, "0123456789");
        if (count < 3 || strspn(text + count, "F") != 8 - count)
                return false;
        memcpy(iin, text, count);
        iin[count] = '\0';
        return true;
}

/* Book 2, table 6, all of it. plain has ca.n_len bytes. */
static cw_rc read_recovered(const struct cw_hsm_crypto *c, const uint8_t *plain, struct cw_emv_issuer *r,
                            struct cw_fault *f) {
        uint8_t hashed[CW_RSA_MAX * 2 + 3], hash[HASH_LEN];
        size_t n = r->ca.n_len, room = n - ISSUER_OVERHEAD, key_len = plain[13];
        struct cw_writer w;
        if (plain[0] != 0x6a || plain[n - 1] != 0xbc || plain[1] != 0x02)
                return refuse("it does not open with the CA's key", f);
        cw_writer_init(&w, hashed, sizeof(hashed));
        cw_put_bytes(&w, plain + 1, n - 22);
        cw_put_bytes(&w, r->cert.remainder, r->cert.remainder_len);
        cw_put_bytes(&w, r->pub.e, r->pub.e_len);
        cw_rc rc = w.bad ? refuse("it is too long", f) : cw_hsm_sha1(c, hashed, w.len, hash, f);
        if (rc != CW_OK)
                return rc;
        if (memcmp(hash, plain + n - 1 - HASH_LEN, HASH_LEN) != 0)
                return refuse("its hash is wrong; remainder or exponent are not of this certificate", f);
        if (plain[11] != 1 || plain[12] != 1 || plain[14] != r->pub.e_len || key_len < CW_RSA_MIN ||
            key_len > CW_RSA_MAX || r->cert.remainder_len != (key_len > room ? key_len - room : 0))
                return refuse("algorithms or lengths in it are not those of EMV", f);
        if (!read_iin(plain + 2, r->iin) || !cw_hex_encode(plain + 6, 2, r->expiry, sizeof(r->expiry)))
                return refuse("its issuer number is malformed", f);
        size_t inside = key_len > room ? room : key_len;
        memcpy(r->pub.n, plain + 15, inside);
        memcpy(r->pub.n + inside, r->cert.remainder, r->cert.remainder_len);
        r->pub.n_len = key_len;
        return CW_OK;
}

static cw_rc parse(const struct cw_hsm_crypto *c, const json_t *obj, struct cw_emv_issuer *ret,
                   struct cw_fault *f) {
        uint8_t plain[CW_RSA_MAX];
        struct cw_emv_issuer r = {0};
        if (!json_is_object(obj))
                return refuse("the file is neither a JSON object nor a list of them", f);
        cw_rc rc = read_members(obj, &r, f);
        if (rc == CW_OK)
                rc = cw_rsa_recover(&r.ca, r.cert.value, plain, f);
        if (rc == CW_OK)
                rc = read_recovered(c, plain, &r, f);
        if (rc == CW_OK)
                *ret = r;
        return rc;
}

cw_rc cw_emv_issuer_parse(const struct cw_hsm_crypto *c, const void *text, size_t len,
                          struct cw_emv_issuer *ret, struct cw_fault *f) {
        CW_AUTO_JSON json_t *obj = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        return parse(c, obj, ret, f);
}

static bool is_for(const struct cw_emv_issuer *issuer, const struct cw_rsa_public *key) {
        return issuer->pub.n_len == key->n_len && memcmp(issuer->pub.n, key->n, key->n_len) == 0 &&
               issuer->pub.e_len == key->e_len && memcmp(issuer->pub.e, key->e, key->e_len) == 0;
}

cw_rc cw_emv_issuer_pick(const struct cw_hsm_crypto *c, const void *text, size_t len,
                         const struct cw_rsa_public *key, struct cw_emv_issuer *ret, struct cw_fault *f) {
        CW_AUTO_JSON json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        size_t count = json_is_array(root) ? json_array_size(root) : 1;
        cw_rc why = CW_OK;
        if (count == 0 || count > CW_EMV_ISSUERS_MAX)
                return refuse("the file has a list of none or of too many; leave those of keys in use", f);
        for (size_t i = 0; i < count; i++) {
                struct cw_emv_issuer one = {0};
                struct cw_fault wrong = {0};
                cw_rc rc = parse(c, json_is_array(root) ? json_array_get(root, i) : root, &one, &wrong);
                if (rc == CW_OK && is_for(&one, key)) {
                        *ret = one;
                        return CW_OK;
                }
                if (rc != CW_OK && why == CW_OK) {
                        why = rc;
                        if (f != NULL)
                                *f = wrong;
                }
        }
        return why != CW_OK ? why : refuse("it is not for the issuer key on the token", f);
}

/* MMYY and YYMM; both of this century. */
static bool good_until(const char *mmyy, const char *yymm) {
        const char certified[5] = {mmyy[2], mmyy[3], mmyy[0], mmyy[1], 0};
        return strcmp(certified, yymm) >= 0;
}

cw_rc cw_emv_issuer_check(const struct cw_emv_issuer *issuer, const struct cw_rsa_public *key,
                          const char *pan, const char *expiry, struct cw_fault *f) {
        if (!is_for(issuer, key))
                return refuse("it is not for the issuer key on the token", f);
        if (strncmp(pan, issuer->iin, strlen(issuer->iin)) != 0)
                return refuse("it is for card numbers that begin otherwise", f);
        if (!good_until(issuer->expiry, expiry))
                return refuse("it expires before the card does; get a new one from the scheme", f);
        return CW_OK;
}
