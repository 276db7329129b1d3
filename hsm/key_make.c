/* SPDX-License-Identifier: Apache-2.0 */
/* New versions that never pass through host memory: key pairs made on the token, and keys that the token
 * maker's tools brought there. */
#include "base/buf.h"
#include "hsm/key_admin_internal.h"
#include "hsm/p11_p256.h"
#include "hsm/p11_rsa.h"

#include <string.h>

static cw_rc refused(struct cw_fault *f, unsigned code, const char *text) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, code), 0, "hsm.key_make", "HSM_KEY", "%s", text);
}

/* ---- made on the token ---- */

struct form {
        unsigned bits, exponent;
};

static cw_rc form_of(const struct cw_key_call *k, struct form *ret, struct cw_fault *f) {
        int64_t bits = cw_msg_int(k->request, "bits", 0), e = cw_msg_int(k->request, "exponent", 65537);
        if (bits < (int64_t)CW_RSA_MIN * 8 || bits > (int64_t)CW_RSA_MAX * 8 || bits % 8 != 0)
                return refused(f, CW_E_RANGE,
                               "give the length of the key with --bits: 512 to 1984, a multiple of 8, not "
                               "longer than the scheme's CA key that is to certify it");
        if (e != 3 && e != 65537)
                return refused(f, CW_E_RANGE, "the exponent of an EMV key is 3 or 65537");
        *ret = (struct form){(unsigned)bits, (unsigned)e};
        return CW_OK;
}

/* The check value that the new pair has, in the form that the configuration gives for the key. */
static cw_rc kcv_of(const struct cw_key_admin *a, const struct cw_config_key *cfg,
                    const struct cw_rsa_public *pub, char ret[11], struct cw_fault *f) {
        uint8_t hash[20];
        cw_rc rc = cw_hsm_sha1(a->env.c, pub->n, pub->n_len, hash, f);
        if (rc == CW_OK)
                (void)cw_hex_encode(hash, strlen(cfg->kcv) == 10 ? 5 : 3, ret, 11);
        return rc;
}

/* A key that cannot sign what its public half opens must not be certified by anybody. */
static cw_rc prove(const struct cw_key_admin *a, const struct cw_hsm_key *key,
                   const struct cw_rsa_public *pub, struct cw_fault *f) {
        uint8_t block[CW_RSA_MAX] = {0x6a}, out[CW_RSA_MAX];
        cw_rc rc = cw_hsm_random(a->env.c, block + 1, pub->n_len - 1, f);
        block[0] &= (uint8_t)(pub->n[0] - 1); /* below the modulus */
        return rc != CW_OK ? rc : cw_rsa_sign(a->env.c, key, pub, block, out, f);
}

static cw_rc taken(const char *label, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_STATE), 0, "hsm.key_make", "HSM_KEY",
                       "the token already has a key with the label %s; remove it with the token maker's tool "
                       "when nobody needs it",
                       label);
}

static cw_rc make_pair(struct cw_key_admin *a, const struct form *form, const struct cw_config_key *cfg,
                       struct cw_key_version *v, struct cw_rsa_public *ret, struct cw_fault *f) {
        char label[CW_KEY_OBJECT_LABEL_MAX];
        CK_OBJECT_HANDLE h = 0;
        size_t count = 0;
        cw_key_object_label(cfg->label, v->version, "", label);
        cw_rc rc = cw_p11_rsa_find(a->env.p, label, &h, &count, f);
        if (rc == CW_OK && count > 0)
                rc = taken(label, f);
        if (rc == CW_OK)
                rc = cw_p11_rsa_generate_on_token(a->env.p, label, form->bits, form->exponent, v->valid_from,
                                                  v->valid_to, f);
        if (rc == CW_OK)
                rc = cw_p11_rsa_find(a->env.p, label, &h, &count, f);
        const struct cw_hsm_key key = {
            .handle = h, .alg = CW_ALG_RSA, .usage = CW_USE_MAC, .valid = true, .permanent = true};
        if (rc == CW_OK)
                rc = cw_rsa_public_of(a->env.c, &key, ret, f);
        if (rc == CW_OK)
                rc = prove(a, &key, ret, f);
        return rc != CW_OK ? rc : kcv_of(a, cfg, ret, v->kcv, f);
}

static cw_rc tell_hex(struct cw_key_call *k, const char *name, const uint8_t *p, size_t len,
                      struct cw_fault *f) {
        char text[2 * CW_RSA_MAX + 1];
        (void)cw_hex_encode(p, len, text, sizeof(text));
        return cw_key_call_tell(k, name, json_string(text), f);
}

/* What is made: an RSA pair of a form, or one on P-256. */
struct made {
        bool p256;
        struct form form;
        struct cw_rsa_public rsa;
        char pem[CW_P256_PEM_MAX];
};

static cw_rc make_p256(struct cw_key_admin *a, const struct cw_config_key *cfg, struct cw_key_version *v,
                       char ret_pem[CW_P256_PEM_MAX], struct cw_fault *f) {
        char label[CW_KEY_OBJECT_LABEL_MAX];
        CK_OBJECT_HANDLE there[CW_P11_FOUND_MAX];
        struct cw_p256 pair;
        size_t count = 0;
        cw_key_object_label(cfg->label, v->version, "", label);
        cw_rc rc = cw_p11_pair_find_all(a->env.p, CKK_EC, label, there, &count, f);
        if (rc == CW_OK && count > 0)
                rc = taken(label, f);
        if (rc == CW_OK)
                rc = cw_p11_p256_generate(a->env.p, label, v->valid_from, v->valid_to, f);
        if (rc == CW_OK)
                rc = cw_p11_p256_find(a->env.p, label, &pair, f);
        if (rc == CW_OK)
                rc = cw_p11_p256_prove(a->env.p, &pair, f);
        if (rc != CW_OK)
                return rc;
        cw_p256_kcv(pair.point, strlen(cfg->kcv) == 10 ? 5 : 3, v->kcv);
        return cw_p256_pem(pair.point, ret_pem) ? CW_OK : CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
}

static cw_rc what_of(const struct cw_key_call *k, const struct cw_config_key *cfg, struct made *ret,
                     struct cw_fault *f) {
        ret->p256 = strcmp(cfg->algorithm, "p256") == 0;
        if (strcmp(cfg->algorithm, "rsa") == 0)
                return form_of(k, &ret->form, f);
        if (!ret->p256)
                return refused(f, CW_E_UNSUPPORTED,
                               "only key pairs are made on the token; other keys come by key blocks or "
                               "components");
        return cw_msg_int(k->request, "bits", 0) == 0
                   ? CW_OK
                   : refused(f, CW_E_RANGE, "a key on P-256 has its length from the curve; leave --bits out");
}

static cw_rc tell_public(struct cw_key_call *k, const struct made *made, struct cw_fault *f) {
        if (made->p256)
                return cw_key_call_tell(k, "public_key", json_string(made->pem), f);
        cw_rc rc = tell_hex(k, "modulus", made->rsa.n, made->rsa.n_len, f);
        return rc != CW_OK ? rc : tell_hex(k, "exponent", made->rsa.e, made->rsa.e_len, f);
}

cw_rc cw_key_call_generate(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_config_key *cfg = NULL;
        struct cw_key_entry *e = NULL;
        struct cw_key_version as = {.origin = "generated"}, *v = NULL;
        struct made made = {0};
        cw_rc rc = cw_key_call_key(a, k, "label", &cfg, f);
        if (rc == CW_OK)
                rc = what_of(k, cfg, &made, f);
        if (rc == CW_OK)
                rc = cw_key_call_validity(k, cfg, as.valid_from, as.valid_to, f);
        if (rc == CW_OK)
                rc = cw_key_version_begin(a, cfg, &as, &e, &v, f);
        if (rc == CW_OK)
                rc = made.p256 ? make_p256(a, cfg, v, made.pem, f)
                               : make_pair(a, &made.form, cfg, v, &made.rsa, f);
        if (rc == CW_OK)
                rc = cw_key_version_finish(a, cfg, e, v, f);
        if (rc == CW_OK)
                rc = cw_key_call_tell_version(k, a, cfg, v, f);
        return rc != CW_OK ? rc : tell_public(k, &made, f);
}

/* ---- brought by the token maker's tools ---- */

/* The object must be there under the label of the next version, and be the right key by its check value. */
static cw_rc look(struct cw_key_admin *a, const struct cw_config_key *cfg, const struct cw_key_entry *e,
                  const struct cw_key_version *v, struct cw_fault *f) {
        struct cw_stored_key stored = {0};
        struct cw_key_version next = {.version = e->count > 0 ? e->versions[e->count - 1].version + 1 : 1};
        memcpy(next.kcv, v->kcv, sizeof(next.kcv));
        cw_rc rc = cw_stored_key_load(a->env.p, a->env.c, cfg, &next, &stored, f);
        if (rc == CW_OK && !stored.ok)
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.key_make", "HSM_KEY",
                             "version %u of key %s is not taken: %.140s", next.version, cfg->label,
                             stored.text);
        cw_stored_key_done(a->env.c, &stored);
        return rc;
}

cw_rc cw_key_call_adopt(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_config_key *cfg = NULL;
        struct cw_key_entry *e = NULL;
        struct cw_key_version as = {.origin = "token"}, *v = NULL;
        cw_rc rc = cw_key_call_key(a, k, "label", &cfg, f);
        if (rc == CW_OK)
                rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc == CW_OK)
                rc = cw_key_expected_kcv(cfg, e, cw_msg_str(k->request, "kcv", ""), as.kcv, f);
        if (rc == CW_OK)
                rc = cw_key_call_validity(k, cfg, as.valid_from, as.valid_to, f);
        if (rc == CW_OK)
                rc = look(a, cfg, e, &as, f);
        if (rc == CW_OK)
                rc = cw_key_version_begin(a, cfg, &as, &e, &v, f);
        if (rc == CW_OK)
                rc = cw_key_version_finish(a, cfg, e, v, f);
        return rc != CW_OK ? rc : cw_key_call_tell_version(k, a, cfg, v, f);
}
