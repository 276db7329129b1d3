/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bench sessions: an administrator personalises or examines a card of his own on a token for tests. Card keys
 * are 40..4F or test keys of the token; the card's data come in clear, so nothing here exists on another
 * token.
 */
#include "hsm/cvv.h"
#include "hsm/session_internal.h"

#include <stdio.h>
#include <string.h>

#define ENCIPHER_ITEMS_MAX 64u
#define ENCIPHER_BYTES_MAX (32u * 1024u)

/* GlobalPlatform's well-known test key, for TDES and AES-128 alike. */
static const uint8_t test_key[16] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
                                     0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};

const uint8_t *cw_sess_bench_test_key(void) {
        return test_key;
}

cw_rc cw_sess_bench_keys(struct cw_sess *s, uint8_t scp, struct cw_gp_keyset *ret, struct cw_fault *f) {
        struct cw_gp_keyset keys = {.own = true};
        enum cw_hsm_alg alg = scp == 3 ? CW_ALG_AES128 : CW_ALG_TDES2;
        unsigned usage = scp == 3 ? CW_USE_MAC : CW_USE_DERIVE;
        unsigned dek = scp == 3 ? CW_USE_MAC | CW_USE_ENCRYPT : CW_USE_DERIVE;
        cw_rc rc = cw_hsm_import(s->c, alg, usage, test_key, &keys.enc, f);
        if (rc == CW_OK)
                rc = cw_hsm_import(s->c, alg, usage, test_key, &keys.mac, f);
        if (rc == CW_OK)
                rc = cw_hsm_import(s->c, alg, dek, test_key, &keys.dek, f);
        if (rc == CW_OK)
                *ret = keys;
        else
                cw_gp_keyset_destroy(s->c, &keys);
        return rc;
}

/* Issuer keys are a product's; without one the session has none. */
static cw_rc choose_product(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f) {
        const char *code = cw_msg_str(request, "product", "");
        const struct cw_config_product *own = cw_config_product_for(
            s->env.cfg, code, cw_msg_str(request, "profile", ""), cw_msg_bool(request, "any_product", false));
        struct cw_config_product p = {.plastic_code = "", .name = "", .profile = "", .face = "", .psn = "00"};
        p.service_code = p.discretionary = p.cvk = p.imk_ac = p.imk_smi = p.imk_smc = "";
        p.new_kmc_enc = p.new_kmc_mac = p.new_kmc_dek = "";
        p.new_diversification = "none";
        p.imk_dcvv = p.imk_cvc3 = p.cavk = p.pvk = p.weak_pins = p.issuer_key = p.issuer_certificate = "";
        p.cvn = CW_CVN18;
        if (!own && *code)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_NOT_FOUND), 0, "hsm.bench", "HSM_PRODUCT",
                               "no product has the plastic code \"%.20s\"; name one of the configuration",
                               code);
        if (own)
                p = *own;
        if (own && !*code && strcmp(own->profile, cw_msg_str(request, "profile", "")) != 0) {
                /* Its card keys are for its own cards only. */
                p.new_kmc_enc = p.new_kmc_mac = p.new_kmc_dek = "";
                p.new_diversification = "none";
        }
        p.kvn = 0;
        p.security_level = 0;
        s->bench.product = p;
        return CW_OK;
}

/* LABEL names three keys: LABEL-enc, LABEL-mac, LABEL-dek. */
static cw_rc name_keys(struct cw_sess *s, const char *label, char (*ret)[CW_SESS_LABEL_MAX],
                       struct cw_fault *f) {
        static const char *const parts[3] = {"enc", "mac", "dek"};
        static const char *const purposes[3] = {"kmc-enc", "kmc-mac", "kmc-dek"};
        const struct cw_stored_key *key = NULL;
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < 3 && rc == CW_OK; i++) {
                int n = snprintf(ret[i], CW_SESS_LABEL_MAX, "%s-%s", label, parts[i]);
                if (n < 0 || (size_t)n >= CW_SESS_LABEL_MAX)
                        return cw_sess_bad("\"key_label\" or \"new_key_label\" is too long", f);
                rc = cw_sess_key(s, ret[i], purposes[i], &key, f);
        }
        return rc;
}

static cw_rc choose_keys(struct cw_sess *s, const char *label, struct cw_fault *f) {
        struct cw_sess_bench *b = &s->bench;
        b->test_keys = label[0] == '\0';
        cw_rc rc = b->test_keys ? CW_OK : name_keys(s, label, b->label, f);
        b->product.kmc_enc = b->label[0];
        b->product.kmc_mac = b->label[1];
        b->product.kmc_dek = b->label[2];
        return rc;
}

/* "none", "visa2", "emv" or "kdf3" of the request as a constant; NULL when it is none of them. */
static const char *how_of(const struct cw_msg *request, const char *member, const char *fallback) {
        static const char *const hows[] = {"none", "visa2", "emv", "kdf3"};
        const char *how = cw_msg_str(request, member, fallback);
        for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
                if (strcmp(how, hows[i]) == 0)
                        return hows[i];
        return NULL;
}

/* What PUT KEY writes: the keys named, else the product's, else the test key. */
static cw_rc choose_new_keys(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f) {
        struct cw_sess_bench *b = &s->bench;
        const char *label = cw_msg_str(request, "new_key_label", "");
        b->product.new_diversification = how_of(request, "new_diversify", b->product.new_diversification);
        if (b->product.new_diversification == NULL)
                return cw_sess_bad("\"new_diversify\" must be none, visa2, emv or kdf3", f);
        b->new_test_keys = label[0] == '\0' && b->product.new_kmc_enc[0] == '\0';
        if (label[0] == '\0')
                return CW_OK;
        cw_rc rc = name_keys(s, label, b->new_label, f);
        b->product.new_kmc_enc = b->new_label[0];
        b->product.new_kmc_mac = b->new_label[1];
        b->product.new_kmc_dek = b->new_label[2];
        return rc;
}

cw_rc cw_sess_open_bench(struct cw_sess *s, struct cw_msg *request, struct cw_fault *f) {
        int64_t scp = cw_msg_int(request, "scp", 0);
        if (!s->env.cfg->hsm.test_token)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.bench", "HSM_REFUSED",
                               "cards are personalised by hand on a token for tests only; set "
                               "hsm.test_token where the token is one");
        if (scp != 0 && scp != 2 && scp != 3)
                return cw_sess_bad("\"scp\" must be 2, 3 or 0", f);
        cw_rc rc = choose_product(s, request, f);
        if (rc != CW_OK)
                return rc;
        s->bench.product.diversification = how_of(request, "diversify", "none");
        if (s->bench.product.diversification == NULL)
                return cw_sess_bad("\"diversify\" must be none, visa2, emv or kdf3", f);
        s->bench.product.scp = scp;
        const char *aid = cw_msg_str(request, "delete", "");
        if (!cw_hex_decode(aid, strlen(aid), s->bench.delete_aid, sizeof(s->bench.delete_aid),
                           &s->bench.delete_len) ||
            (*aid && s->bench.delete_len < 5))
                return cw_sess_bad("\"delete\" must be a name of 5 to 16 bytes in hex", f);
        rc = choose_keys(s, cw_msg_str(request, "key_label", ""), f);
        if (rc == CW_OK)
                rc = choose_new_keys(s, request, f);
        if (rc != CW_OK)
                return rc;
        s->product = &s->bench.product;
        memcpy(s->psn, "00", 3);
        s->state |= CW_ST_OPEN | CW_ST_BENCH | CW_ST_GP;
        return CW_OK;
}

cw_rc cw_sess_bench_pan(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct cw_span digits;
        char masked[CW_PAN_MAX + 1];
        if (!*s->bench.product.plastic_code)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISSING), 0, "hsm.bench", "HSM_PRODUCT",
                    "no product of the configuration has this profile, so there are no issuer keys; "
                    "name one with --product");
        cw_rc rc = cw_sess_digits(request, "psn", 2, s->psn, f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, CW_PAN_MIN, CW_PAN_MAX, &digits, f);
        if (rc == CW_OK)
                rc = cw_pan_set(&s->secret->pan, digits.ptr, digits.len, f);
        if (rc != CW_OK)
                return rc;
        cw_pan_mask(&s->secret->pan, masked);
        return cw_sess_put_str(reply, "masked_pan", masked, f);
}

/* The chip's check value (service code 999) of this card, by the product's key. */
cw_rc cw_sess_bench_icvv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        const struct cw_stored_key *key = NULL;
        CW_WIPED(char, icvv, CW_CVV_LEN + 1);
        char expiry[5];
        if (s->secret->pan.len == 0)
                return cw_sess_bad("the card has no number yet; bench.pan tells it", f);
        cw_rc rc = cw_sess_expiry(request, "expiry", expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->cvk, "cvk", &key, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_retail_key cvk = cw_stored_retail(key);
        rc = cw_cvv(s->c, &cvk, s->secret->pan.digits, expiry, "999", icvv, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, icvv, CW_CVV_LEN, f);
}

static cw_rc encipher_item(struct cw_sess *s, struct cw_span item, bool padded, uint8_t *scratch, size_t cap,
                           struct cw_writer *w, struct cw_fault *f) {
        size_t n = 0;
        cw_rc rc = cw_scp_dek_encrypt(s->scp, item.ptr, item.len, padded, scratch, cap, &n, f);
        if (rc == CW_OK)
                cw_put_item(w, scratch, n);
        return rc;
}

cw_rc cw_sess_perso_encipher(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                             struct cw_fault *f) {
        CW_WIPED(uint8_t, scratch, 272);
        CW_AUTO(cw_secret_free) struct cw_secret *out = NULL;
        const json_t *padded = json_object_get(request->json, "padded");
        struct cw_span items;
        struct cw_reader r;
        struct cw_writer w;
        cw_rc rc = cw_sess_att(request, 0, 3, ENCIPHER_BYTES_MAX, &items, f);
        if (rc == CW_OK)
                rc = cw_secret_new(items.len + (size_t)ENCIPHER_ITEMS_MAX * 18, &out);
        if (rc != CW_OK)
                return rc;
        cw_reader_init(&r, items.ptr, items.len);
        cw_writer_init(&w, out->ptr, out->cap);
        for (unsigned i = 0; r.left > 0 && rc == CW_OK; i++) {
                struct cw_span item = cw_get_item(&r);
                if (r.bad || i == ENCIPHER_ITEMS_MAX)
                        return cw_sess_bad("the attachment is not a list of at most 64 packed items", f);
                rc = encipher_item(s, item, json_is_true(json_array_get(padded, i)), scratch, sizeof(scratch),
                                   &w, f);
        }
        if (rc == CW_OK && w.bad)
                return cw_sess_bad("too many bytes to encipher at once", f);
        out->len = w.len;
        if (rc == CW_OK)
                rc = cw_msg_attach(reply, out);
        if (rc == CW_OK)
                out = NULL;
        return rc;
}
