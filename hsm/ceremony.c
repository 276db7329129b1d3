/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/ceremony.h"

#include "base/buf.h"
#include "hsm/key_write.h"

#include <string.h>

struct taken {
        bool done;
        uid_t uid;
        char user[CW_CEREMONY_USER_MAX];
        char kcv[11];
};
struct cw_ceremony {
        struct cw_ceremony_plan plan;
        int64_t deadline_ns;
        unsigned count;
        bool complete;
        struct cw_secret *sum; /* XOR of what was entered */
        struct taken taken[CW_CEREMONY_PARTS_MAX];
};

static cw_rc refused(struct cw_fault *f, unsigned code, const char *text) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, code), 0, "hsm.component", "HSM_COMPONENT", "%s",
                       text);
}

cw_rc cw_ceremony_start(const struct cw_ceremony_plan *plan, int64_t deadline_ns, struct cw_ceremony **ret,
                        struct cw_fault *f) {
        size_t len = cw_hsm_alg_key_len(plan->alg), digits = strlen(plan->kcv);
        if (plan->components < 2 || plan->components > CW_CEREMONY_PARTS_MAX)
                return refused(f, CW_E_RANGE, "a key is entered in 2 or 3 components");
        if (len == 0)
                return refused(f, CW_E_UNSUPPORTED,
                               "a key without check value is not entered by hand; load it as a key block");
        if (digits != 6 && digits != 10)
                return refused(f, CW_E_SYNTAX,
                               "give the check value of the finished key, 6 or 10 hex digits");
        CW_AUTO(cw_ceremony_free) struct cw_ceremony *ce = calloc(1, sizeof(*ce));
        if (ce == NULL || cw_secret_new(len, &ce->sum) != CW_OK)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.component", "",
                               "no locked memory for a key component");
        ce->sum->len = len;
        ce->plan = *plan;
        ce->deadline_ns = deadline_ns;
        *ret = CW_STEAL(ce);
        return CW_OK;
}

void cw_ceremony_free(struct cw_ceremony *ce) {
        if (ce == NULL)
                return;
        cw_secret_free(ce->sum);
        free(ce);
}

/* The number this person's component gets, 0 with a fault when there is none. */
static unsigned number_for(const struct cw_ceremony *ce, const struct cw_custodian *who, struct cw_fault *f) {
        for (unsigned i = 0; i < ce->plan.components; i++) {
                if (ce->taken[i].done && ce->taken[i].uid == who->uid) {
                        (void)refused(f, CW_E_DENIED,
                                      "you have entered a component of this key; another custodian must "
                                      "enter the next");
                        return 0;
                }
        }
        if (who->component > ce->plan.components) {
                (void)refused(f, CW_E_DENIED, "this key has no component of the number that you hold");
                return 0;
        }
        for (unsigned i = 0; i < ce->plan.components; i++) {
                if (!ce->taken[i].done && (who->component == 0 || who->component == i + 1))
                        return i + 1;
        }
        (void)refused(f, CW_E_STATE, "the component that you hold was entered already");
        return 0;
}

static cw_rc read_component(const char *text, size_t len, uint8_t *ret, size_t want, struct cw_fault *f) {
        CW_WIPED(char, digits, 2 * 32);
        size_t n = 0, got = 0;
        uint8_t any = 0;
        for (size_t i = 0; i < len; i++) {
                if (text[i] == ' ')
                        continue;
                if (n == 2 * want)
                        return refused(f, CW_E_RANGE, "the component is too long for this key");
                digits[n++] = text[i];
        }
        if (n != 2 * want)
                return refused(f, CW_E_RANGE, "the component is too short for this key");
        if (!cw_hex_decode(digits, n, ret, want, &got))
                return refused(f, CW_E_SYNTAX, "the component has characters other than 0-9 and A-F");
        for (size_t i = 0; i < want; i++)
                any |= ret[i];
        return any != 0 ? CW_OK : refused(f, CW_E_RANGE, "a component of zeros adds nothing to the key");
}

static cw_rc kcv_text(const struct cw_ceremony *ce, const struct cw_hsm_crypto *c, const uint8_t *value,
                      char ret[11], struct cw_fault *f) {
        uint8_t kcv[5];
        size_t len = strlen(ce->plan.kcv) / 2;
        cw_rc rc = cw_key_value_kcv(c, ce->plan.alg, value, len == 5, kcv, len, f);
        if (rc == CW_OK)
                (void)cw_hex_encode(kcv, len, ret, 11);
        return rc;
}

/* TDES with equal halves is single DES. */
static bool weak(enum cw_hsm_alg alg, const uint8_t *key) {
        if (!cw_hsm_alg_is_tdes(alg))
                return false;
        bool triple = alg == CW_ALG_TDES3;
        return cw_equal_ct(key, key + 8, 8) || (triple && cw_equal_ct(key + 8, key + 16, 8));
}

static cw_rc finish(struct cw_ceremony *ce, const struct cw_hsm_crypto *c, struct cw_ceremony_step *step,
                    struct cw_fault *f) {
        if (weak(ce->plan.alg, ce->sum->ptr))
                return refused(f, CW_E_MISMATCH,
                               "the finished key has equal halves and is no TDES key; begin anew");
        cw_rc rc = kcv_text(ce, c, ce->sum->ptr, step->key_kcv, f);
        if (rc != CW_OK)
                return rc;
        if (strcmp(step->key_kcv, ce->plan.kcv) != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.component",
                               "HSM_COMPONENT",
                               "the finished key has the check value %s, expected is %s; nothing is loaded, "
                               "begin anew",
                               step->key_kcv, ce->plan.kcv);
        step->complete = ce->complete = true;
        return CW_OK;
}

cw_rc cw_ceremony_enter(struct cw_ceremony *ce, const struct cw_hsm_crypto *c, const struct cw_custodian *who,
                        const char *text, size_t len, const char *kcv, struct cw_ceremony_step *ret,
                        bool *ret_over, struct cw_fault *f) {
        CW_WIPED(uint8_t, value, 32);
        struct cw_ceremony_step step = {.component = number_for(ce, who, f)};
        if (step.component == 0)
                return f != NULL ? f->rc : CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED);
        cw_rc rc = read_component(text, len, value, ce->sum->len, f);
        if (rc == CW_OK)
                rc = kcv_text(ce, c, value, step.kcv, f);
        if (rc != CW_OK)
                return rc;
        if (kcv[0] != '\0' && strcmp(kcv, step.kcv) != 0)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.component", "HSM_COMPONENT",
                    "the component has the check value %s and not the one you gave; enter it again",
                    step.kcv);
        struct taken *t = &ce->taken[step.component - 1];
        *t = (struct taken){.done = true, .uid = who->uid};
        (void)snprintf(t->user, sizeof(t->user), "%s", who->user);
        memcpy(t->kcv, step.kcv, sizeof(t->kcv));
        for (size_t i = 0; i < ce->sum->len; i++)
                ce->sum->ptr[i] ^= value[i];
        ce->count++;
        if (ce->count == ce->plan.components)
                rc = finish(ce, c, &step, f);
        *ret_over = rc != CW_OK;
        if (rc == CW_OK)
                *ret = step;
        return rc;
}

const struct cw_ceremony_plan *cw_ceremony_plan_of(const struct cw_ceremony *ce) {
        return &ce->plan;
}

const struct cw_secret *cw_ceremony_key(const struct cw_ceremony *ce) {
        return ce->complete ? ce->sum : NULL;
}

int64_t cw_ceremony_deadline_ns(const struct cw_ceremony *ce) {
        return ce->deadline_ns;
}

json_t *cw_ceremony_json(const struct cw_ceremony *ce) {
        json_t *list = json_array();
        for (unsigned i = 0; i < ce->plan.components; i++) {
                const struct taken *t = &ce->taken[i];
                if (t->done &&
                    json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "component", (int)i + 1,
                                                          "custodian", t->user, "kcv", t->kcv)) != 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return json_pack("{s:s, s:i, s:s, s:o}", "label", ce->plan.label, "components",
                         (int)ce->plan.components, "kcv", ce->plan.kcv, "entered", list);
}
