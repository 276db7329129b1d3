/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/key_write.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/kcv.h"
#include "hsm/p11_rsa.h"

#include <stdio.h>
#include <string.h>

#define OBJECTS_MAX (1u + CW_KEY_COMPANIONS_MAX)

struct plan {
        const struct cw_key_purpose *purpose;
        enum cw_hsm_alg alg;
        unsigned usage;
        size_t part_count;
        struct cw_key_part parts[CW_KEY_COMPANIONS_MAX];
};

static cw_rc plan_of(const struct cw_p11 *p, const struct cw_config_key *cfg, const char *kcv, bool in_token,
                     struct plan *ret, struct cw_fault *f) {
        unsigned better = 0;
        ret->purpose = cw_key_purpose_find(cfg->purpose);
        if (ret->purpose != NULL && cw_hsm_alg_from_name(cfg->algorithm, &ret->alg)) {
                better = cw_key_purpose_inside(ret->purpose, p, in_token)
                             ? cw_key_purpose_usage_in_token(ret->purpose, ret->alg, kcv)
                             : 0;
                ret->usage = better != 0 ? better : cw_key_purpose_usage(ret->purpose, ret->alg, kcv);
        }
        if (ret->usage == 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.key_write",
                               "HSM_KEY", "purpose %s is not for algorithm %s", cfg->purpose, cfg->algorithm);
        ret->part_count = cw_key_parts(ret->purpose, ret->alg, ret->usage, ret->parts);
        return CW_OK;
}

cw_rc cw_key_value_kcv(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg, const uint8_t *value, bool cmac,
                       uint8_t *ret, size_t ret_len, struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        cw_rc rc = cw_hsm_import(c, alg, CW_USE_ENCRYPT | CW_USE_MAC, value, &k, f);
        if (rc == CW_OK)
                rc = cw_kcv(c, &k, cmac ? CW_KCV_CMAC : CW_KCV_LEGACY, ret, ret_len, f);
        cw_hsm_key_destroy(c, &k);
        return rc;
}

cw_rc cw_key_value_check(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg, const uint8_t *value,
                         const char *kcv, struct cw_fault *f) {
        uint8_t got[5];
        char text[11];
        size_t len = strlen(kcv) == 10 ? 5 : 3;
        if (alg == CW_ALG_GENERIC)
                return CW_OK;
        cw_rc rc = cw_key_value_kcv(c, alg, value, len == 5, got, len, f);
        if (rc != CW_OK)
                return rc;
        (void)cw_hex_encode(got, len, text, sizeof(text));
        if (strcmp(text, kcv) == 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.key_write", "HSM_KEY",
                       "its check value is %s, expected is \"%s\"; nothing was written", text, kcv);
}

static cw_rc check_length(const struct cw_key_write *w, enum cw_hsm_alg alg, struct cw_fault *f) {
        size_t want = cw_hsm_alg_key_len(alg);
        if (want != 0 ? w->len == want : w->len >= 16 && w->len <= CW_KEY_VALUE_MAX)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), (int64_t)w->len, "hsm.key_write",
                       "HSM_KEY", "the key is %zu bytes long, which %s is not", w->len, w->cfg->algorithm);
}

static cw_rc refuse_double(struct cw_p11 *p, const char *label, enum cw_hsm_alg alg, struct cw_fault *f) {
        CK_OBJECT_HANDLE found[CW_P11_FOUND_MAX];
        size_t count = 0;
        cw_rc rc = cw_p11_find(p, label, cw_p11_key_type(alg), found, &count, f);
        if (rc != CW_OK || count == 0)
                return rc;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_STATE), (int64_t)count, "hsm.key_write",
                       "HSM_KEY",
                       "the token already has a key with the label %s; remove it with the token maker's tool "
                       "when nobody needs it",
                       label);
}

/* A token that does not know an attribute refuses it, or breaks off though its session lives on (NSS). */
static bool may_be_template(struct cw_p11 *p, cw_rc rc) {
        return cw_rc_class(rc) == CW_C_REJECT ||
               (cw_rc_class(rc) == CW_C_RECONNECT && cw_p11_check(p, NULL) == CW_OK);
}

/* Without limits of mechanisms, then without dates, where the token does not know them. */
static cw_rc create(struct cw_p11 *p, struct cw_p11_spec *spec, bool *unlimited, CK_OBJECT_HANDLE *ret,
                    struct cw_fault *f) {
        cw_rc rc = refuse_double(p, spec->label, spec->alg, f);
        if (rc != CW_OK)
                return rc;
        spec->mechanism_count = cw_key_mechanisms(spec->alg, spec->usage, spec->mechanisms);
        rc = cw_p11_create(p, spec, ret, f);
        if (rc != CW_OK && may_be_template(p, rc)) {
                spec->mechanism_count = 0;
                *unlimited = true;
                rc = cw_p11_create(p, spec, ret, f);
        }
        if (rc != CW_OK && may_be_template(p, rc)) {
                spec->start_day = spec->end_day = NULL;
                rc = cw_p11_create(p, spec, ret, f);
        }
        return rc;
}

/* The companion's id: its own check value and that of its key. */
static cw_rc companion_id(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg, const uint8_t *companion,
                          const uint8_t *key, uint8_t ret[6], struct cw_fault *f) {
        cw_rc rc = cw_key_value_kcv(c, alg, companion, false, ret, 3, f);
        return rc != CW_OK ? rc : cw_key_value_kcv(c, alg, key, false, ret + 3, 3, f);
}

static cw_rc create_part(struct cw_p11 *p, const struct cw_hsm_crypto *c, const struct cw_key_write *w,
                         const struct plan *plan, const struct cw_key_part *part, bool *unlimited,
                         CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, value, 32);
        uint8_t id[6];
        char label[CW_KEY_OBJECT_LABEL_MAX];
        cw_key_companion_value(part->kind, w->value, w->len, value);
        cw_key_object_label(w->cfg->label, w->version->version, part->suffix, label);
        cw_rc rc = companion_id(c, plan->alg, value, w->value, id, f);
        struct cw_p11_spec spec = {.alg = plan->alg,
                                   .usage = cw_p11_usage(p, plan->alg, part->usage),
                                   .on_token = true,
                                   .sensitive = true,
                                   .value = value,
                                   .value_len = w->len,
                                   .label = label,
                                   .id = id,
                                   .id_len = sizeof(id),
                                   .start_day = w->version->valid_from,
                                   .end_day = w->version->valid_to};
        return rc != CW_OK ? rc : create(p, &spec, unlimited, ret, f);
}

static cw_rc create_all(struct cw_p11 *p, const struct cw_hsm_crypto *c, const struct cw_key_write *w,
                        const struct plan *plan, CK_OBJECT_HANDLE made[OBJECTS_MAX], size_t *made_count,
                        bool *unlimited, struct cw_fault *f) {
        char label[CW_KEY_OBJECT_LABEL_MAX];
        cw_key_object_label(w->cfg->label, w->version->version, "", label);
        struct cw_p11_spec spec = {.alg = plan->alg,
                                   .usage = cw_p11_usage(p, plan->alg, plan->usage),
                                   .on_token = true,
                                   .sensitive = true,
                                   .extractable = w->cfg->exportable != 0,
                                   .value = w->value,
                                   .value_len = w->len,
                                   .label = label,
                                   .start_day = w->version->valid_from,
                                   .end_day = w->version->valid_to};
        cw_rc rc = create(p, &spec, unlimited, &made[0], f);
        *made_count = rc == CW_OK ? 1 : 0;
        for (size_t i = 0; i < plan->part_count && rc == CW_OK; i++) {
                rc = create_part(p, c, w, plan, &plan->parts[i], unlimited, &made[*made_count], f);
                *made_count += rc == CW_OK ? 1 : 0;
        }
        return rc;
}

cw_rc cw_key_write(struct cw_p11 *p, const struct cw_hsm_crypto *c, const struct cw_key_write *w,
                   bool *ret_unlimited, struct cw_fault *f) {
        struct plan plan = {0};
        CK_OBJECT_HANDLE made[OBJECTS_MAX] = {0};
        size_t made_count = 0;
        bool unlimited = false;
        cw_rc rc = plan_of(p, w->cfg, w->version->kcv, w->in_token, &plan, f);
        if (rc == CW_OK && cw_hsm_alg_is_pair(plan.alg))
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.key_write", "HSM_KEY",
                             "a key pair is made on the token, or loaded with the token maker's tools");
        if (rc == CW_OK)
                rc = check_length(w, plan.alg, f);
        if (rc == CW_OK)
                rc = cw_key_value_check(c, plan.alg, w->value, w->version->kcv, f);
        if (rc == CW_OK)
                rc = create_all(p, c, w, &plan, made, &made_count, &unlimited, f);
        for (size_t i = 0; i < made_count && rc != CW_OK; i++)
                (void)p->fn->C_DestroyObject(p->session, made[i]);
        if (rc == CW_OK && ret_unlimited != NULL)
                *ret_unlimited = unlimited;
        return rc;
}

/* Of a key pair both halves. */
static cw_rc find_label(struct cw_p11 *p, const char *label, enum cw_hsm_alg alg,
                        CK_OBJECT_HANDLE ret[CW_P11_FOUND_MAX], size_t *ret_count, struct cw_fault *f) {
        return cw_hsm_alg_is_pair(alg)
                   ? cw_p11_pair_find_all(p, cw_p11_key_type(alg), label, ret, ret_count, f)
                   : cw_p11_find(p, label, cw_p11_key_type(alg), ret, ret_count, f);
}

static cw_rc count_label(struct cw_p11 *p, const char *label, enum cw_hsm_alg alg, size_t *count,
                         struct cw_fault *f) {
        CK_OBJECT_HANDLE found[CW_P11_FOUND_MAX];
        size_t n = 0;
        cw_rc rc = find_label(p, label, alg, found, &n, f);
        *count += rc == CW_OK ? n : 0;
        return rc;
}

static cw_rc erase_label(struct cw_p11 *p, const char *label, enum cw_hsm_alg alg, size_t *count,
                         struct cw_fault *f) {
        for (;;) {
                CK_OBJECT_HANDLE found[CW_P11_FOUND_MAX];
                size_t n = 0;
                cw_rc rc = find_label(p, label, alg, found, &n, f);
                if (rc != CW_OK || n == 0)
                        return rc;
                for (size_t i = 0; i < n; i++) {
                        cw_p11_called(p);
                        CK_RV rv = p->fn->C_DestroyObject(p->session, found[i]);
                        if (rv != CKR_OK)
                                return cw_p11_fail(f, rv, "p11.destroy");
                        (*count)++;
                }
        }
}

typedef cw_rc (*label_fn)(struct cw_p11 *p, const char *label, enum cw_hsm_alg alg, size_t *count,
                          struct cw_fault *f);

static cw_rc each_label(struct cw_p11 *p, const struct cw_config_key *cfg, unsigned version, label_fn fn,
                        size_t *ret_count, struct cw_fault *f) {
        struct plan plan = {0};
        char label[CW_KEY_OBJECT_LABEL_MAX];
        size_t count = 0;
        cw_rc rc = plan_of(p, cfg, cfg->kcv, false, &plan, f);
        if (rc != CW_OK)
                return rc;
        cw_key_object_label(cfg->label, version, "", label);
        rc = fn(p, label, plan.alg, &count, f);
        for (size_t i = 0; i < plan.part_count && rc == CW_OK; i++) {
                cw_key_object_label(cfg->label, version, plan.parts[i].suffix, label);
                rc = fn(p, label, plan.alg, &count, f);
        }
        if (rc == CW_OK)
                *ret_count = count;
        return rc;
}

cw_rc cw_key_count(struct cw_p11 *p, const struct cw_config_key *cfg, unsigned version, size_t *ret_count,
                   struct cw_fault *f) {
        return each_label(p, cfg, version, count_label, ret_count, f);
}

cw_rc cw_key_erase(struct cw_p11 *p, const struct cw_config_key *cfg, unsigned version, size_t *ret_count,
                   struct cw_fault *f) {
        return each_label(p, cfg, version, erase_label, ret_count, f);
}
