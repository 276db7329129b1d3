/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gp.put_key: the issuer's own key set for the card under the open secure channel. The try is in the ledger
 * before the command leaves and stays there until the card has confirmed the keys by their check values:
 * a card of which nobody knows what keys it has gets no second PUT KEY.
 */
#include "base/buf.h"
#include "base/secret.h"
#include "base/status_word.h"
#include "hsm/apdu.h"
#include "hsm/session_internal.h"

#include <stdio.h>
#include <string.h>

static cw_rc master(struct cw_sess *s, size_t n, const struct cw_stored_key **ret, struct cw_fault *f) {
        const struct cw_config_product *p = s->product;
        const char *const labels[3] = {p->new_kmc_enc, p->new_kmc_mac, p->new_kmc_dek};
        static const char *const purposes[3] = {"kmc-enc", "kmc-mac", "kmc-dek"};
        if (!*labels[n])
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISSING), 0, "hsm.put_key",
                               "HSM_PRODUCT",
                               "the profile replaces card keys, and the product names none: set new_kmc_enc, "
                               "new_kmc_mac, new_kmc_dek and new_diversification");
        return cw_sess_key(s, labels[n], purposes[n], ret, f);
}

/* A test key as it is, or as a master. */
static cw_rc test_value(struct cw_sess *s, enum cw_gp_diversification how, size_t n, bool aes,
                        struct cw_gp_key_values *values, struct cw_fault *f) {
        struct cw_hsm_key key = {0};
        values->alg = aes ? CW_ALG_AES128 : CW_ALG_TDES2;
        if (how == CW_GP_NONE) {
                memcpy(values->key[n], cw_sess_bench_test_key(), 16);
                return CW_OK;
        }
        cw_rc rc = cw_hsm_import(s->c, values->alg, aes ? CW_USE_MAC : CW_USE_DERIVE,
                                 cw_sess_bench_test_key(), &key, f);
        if (rc == CW_OK)
                rc = cw_gp_diversify_value(s->c, how, &key, s->attempt.kdd, (uint8_t)(n + 1), values->key[n],
                                           f);
        cw_hsm_key_destroy(s->c, &key);
        return rc;
}

static cw_rc token_value(struct cw_sess *s, enum cw_gp_diversification how, size_t n,
                         struct cw_gp_key_values *values, struct cw_fault *f) {
        const struct cw_stored_key *key = NULL;
        cw_rc rc = master(s, n, &key, f);
        if (rc != CW_OK)
                return rc;
        if (n > 0 && key->key.alg != values->alg)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISMATCH), 0, "hsm.put_key", "HSM_KEY",
                               "the masters new_kmc_enc, new_kmc_mac and new_kmc_dek are of different "
                               "algorithms; give the product three of one");
        values->alg = key->key.alg;
        return cw_gp_diversify_value(s->c, how, &key->key, s->attempt.kdd, (uint8_t)(n + 1), values->key[n],
                                     f);
}

static cw_rc make_values(struct cw_sess *s, bool aes, struct cw_gp_key_values *values, struct cw_fault *f) {
        enum cw_gp_diversification how;
        bool test = (s->state & CW_ST_BENCH) != 0 && s->bench.new_test_keys;
        if (!cw_gp_diversification_from_name(s->product->new_diversification, &how))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "hsm.put_key",
                               "HSM_PRODUCT", "the product's new_diversification is not known");
        cw_rc rc = CW_OK;
        for (size_t n = 0; n < 3 && rc == CW_OK; n++)
                rc = test ? test_value(s, how, n, aes, values, f) : token_value(s, how, n, values, f);
        if (rc == CW_OK && cw_hsm_alg_is_aes(values->alg) != aes)
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISMATCH), 0, "hsm.put_key", "HSM_KEY",
                             "the profile puts %s keys and the product's new masters are for %s; correct one",
                             aes ? "AES" : "DES", aes ? "DES" : "AES");
        return rc;
}

static void name_put(struct cw_sess *s, uint8_t kvn) {
        bool test = (s->state & CW_ST_BENCH) != 0 && s->bench.new_test_keys;
        s->put.attempt = s->attempt;
        s->put.attempt.kvn = kvn;
        (void)snprintf(s->put.attempt.keys, sizeof(s->put.attempt.keys), "put-key:%s/%s",
                       test ? "test-keys" : s->product->new_kmc_enc, s->product->new_diversification);
}

cw_rc cw_sess_gp_put_key(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(struct cw_gp_key_values, values, 1);
        uint8_t plain[CW_GP_PUT_KEY_MAX];
        struct cw_scp_wrapped wrapped;
        size_t len = 0;
        const char *algorithm = cw_msg_str(request, "algorithm", "");
        int64_t kvn = cw_msg_int(request, "kvn", 0), replaces = cw_msg_int(request, "replaces", 0);
        bool aes = strcmp(algorithm, "aes") == 0;
        if (kvn < 1 || kvn > 0x7f || replaces < 0 || replaces > 0xff)
                return cw_sess_bad("\"kvn\" must be 1 to 127 and \"replaces\" 0 to 255", f);
        if (!aes && strcmp(algorithm, "des") != 0)
                return cw_sess_bad("\"algorithm\" must be aes or des", f);
        cw_rc rc = make_values(s, aes, values, f);
        if (rc == CW_OK)
                rc = cw_gp_put_key(s->c, s->scp, values, (uint8_t)kvn, (uint8_t)replaces, plain, &len,
                                   s->put.answer, f);
        if (rc == CW_OK)
                rc = cw_scp_check(s->scp, plain, len, f);
        name_put(s, (uint8_t)kvn);
        if (rc == CW_OK)
                rc = cw_gp_ledger_try(s->env.state_dir, &s->put.attempt, f);
        if (rc != CW_OK)
                return rc;
        s->state |= CW_ST_PUT | CW_ST_PUT_WAITS;
        rc = cw_scp_wrap(s->scp, plain, len, &wrapped, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, cw_scp_apdu(&wrapped), wrapped.len, f);
}

static cw_rc judge_answer(const struct cw_sess *s, const uint8_t *clear, size_t len, bool version_only,
                          struct cw_fault *f) {
        bool all = len == CW_GP_PUT_KEY_ANSWER && cw_equal_ct(clear, s->put.answer, len);
        bool version = version_only && len == 1 && clear[0] == s->put.answer[0];
        if (all || version)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), (int64_t)len, "hsm.put_key",
                       "HSM_PUT_KEY",
                       "the card took the keys and answers %s; set it aside, its keys are not known",
                       len == CW_GP_PUT_KEY_ANSWER ? "other check values than ours"
                       : len == 1                  ? "without check values"
                                                   : "with something that is no confirmation");
}

static cw_rc put_outcome(const struct cw_sess *s, bool accepted, struct cw_msg *reply, struct cw_fault *f) {
        const uint8_t *kcv = s->put.answer + 1;
        cw_rc rc = cw_sess_put_bool(reply, "accepted", accepted, f);
        if (rc == CW_OK && accepted)
                rc = cw_sess_put_hex(reply, "kcv", kcv, CW_GP_PUT_KEY_ANSWER - 1, f);
        return rc;
}

cw_rc cw_sess_gp_put_key_answer(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                                struct cw_fault *f) {
        uint8_t clear[258];
        struct cw_span response;
        size_t n = 0;
        cw_rc rc = cw_sess_att(request, 0, 2, 258, &response, f);
        if (rc == CW_OK)
                rc = cw_scp_unwrap(s->scp, response.ptr, response.len, clear, sizeof(clear), &n, f);
        s->state &= ~(unsigned)CW_ST_PUT_WAITS;
        if (rc != CW_OK)
                return rc;
        const uint8_t *end = response.ptr + response.len;
        uint16_t sw = (uint16_t)(end[-2] << 8 | end[-1]);
        bool accepted = sw == 0x9000;
        if (accepted)
                rc = judge_answer(s, clear, n, cw_msg_bool(request, "version_only", false), f);
        if (rc == CW_OK && (accepted || cw_sw_surely_refused(sw)))
                rc = cw_gp_ledger_accepted(s->env.state_dir, &s->put.attempt, f);
        return rc != CW_OK ? rc : put_outcome(s, accepted, reply, f);
}
