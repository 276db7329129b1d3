/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/d1_calls.h"

#include "base/clock.h"
#include "base/file.h"
#include "hsm/card_number.h"
#include "hsm/cvv.h"
#include "hsm/d1_card.h"
#include "hsm/jose.h"
#include "hsm/jwt_assertion.h"
#include "hsm/session_internal.h"

#include <limits.h>
#include <string.h>

#define OP "hsm.d1"
#define PEM_MAX 16384u
#define TEMPLATE_MAX (4 * CW_D1_EMV_MAX)

/* The clear data of one call. */
struct work {
        const struct cw_d1_env *env;
        const struct cw_config_d1 *d;
        struct cw_secret *memory;
        struct cw_d1_card *card; /* in memory */
};

static void work_done(struct work *w) {
        cw_secret_free(w->memory);
}

static cw_rc work_init(struct work *w, const struct cw_d1_env *env, struct cw_fault *f) {
        *w = (struct work){.env = env, .d = &env->cfg->d1};
        if (!w->d->url[0])
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISSING), 0, OP, "HSM_REQUEST",
                               "no d1.url is configured");
        if (cw_secret_new(sizeof(struct cw_d1_card), &w->memory) != CW_OK)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, OP, "", "out of memory");
        w->card = (struct cw_d1_card *)(void *)w->memory->ptr;
        return CW_OK;
}

/* Looked up for each signature: the version in use changes by a rotation, with no restart. */
static cw_rc sign_key(const struct cw_d1_env *env, struct cw_d1_sign_key *ret, struct cw_fault *f) {
        const struct cw_config_key *cfg = cw_config_key(env->cfg, env->cfg->d1.sign_key);
        struct cw_stored_key stored = {0};
        if (cfg == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISSING), 0, OP, "HSM_KEY",
                               "d1.sign_key is not in hsm.keys; add it there");
        cw_rc rc = cw_stored_key_in_use(env->p11, env->c, env->state_dir, cfg, &stored, f);
        if (rc == CW_OK)
                *ret = (struct cw_d1_sign_key){env->p11, stored.object, stored.version.version};
        cw_stored_key_done(env->c, &stored);
        return rc;
}

cw_rc cw_d1_call_assertion(const struct cw_d1_env *env, struct cw_msg *request, struct cw_msg *reply,
                           struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *jwt = NULL;
        (void)request;
        struct cw_d1_sign_key key;
        const bool on_token = env->cfg->d1.sign_key[0] != '\0';
        cw_rc rc = on_token ? sign_key(env, &key, f) : CW_OK;
        if (rc == CW_OK)
                rc = cw_assertion_for_d1(env->cfg, on_token ? &key : NULL, cw_wall_ms(cw_clock_real()) / 1000,
                                         &jwt, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, jwt->ptr, jwt->len, f);
}

/* ---- where the data come from ---- */

static cw_rc open_jwe(struct work *w, const struct cw_msg *request, struct cw_fault *f) {
        const char *dir = w->env->cfg->agent.credential_dir;
        CW_AUTO(cw_secret_free) struct cw_secret *pem = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        CW_AUTO_JSON json_t *key = NULL;
        struct cw_span text;
        if (!w->d->own_key_credential[0])
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISSING), 0, OP, "HSM_KEY",
                               "no key for sealed card data is configured; set d1.own_key_credential");
        cw_rc rc = cw_sess_att(request, 0, 1, CW_JWE_TEXT_MAX, &text, f);
        if (rc == CW_OK)
                rc = cw_credential_read(dir[0] ? dir : NULL, w->d->own_key_credential, PEM_MAX, &pem, f);
        if (rc == CW_OK)
                rc = cw_jose_key(CW_SPAN(pem->ptr, pem->len), true, "d1.own_key_credential", &key, f);
        if (rc == CW_OK)
                rc = cw_jwe_open(key, w->d->own_kid, text, &clear, f);
        return rc != CW_OK ? rc : cw_d1_card_parse(w->d, CW_SPAN(clear->ptr, clear->len), w->card, f);
}

static cw_rc open_card_number(struct work *w, const struct cw_config_product *p, const struct cw_msg *request,
                              struct cw_fault *f) {
        struct cw_card_number number;
        struct cw_span text;
        const struct cw_stored_key *key = NULL;
        cw_rc rc = cw_sess_expiry(request, "expiry", w->card->expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_text(request, "name", w->card->name, sizeof(w->card->name), f);
        if (rc == CW_OK)
                rc = cw_track_name(w->card->name, w->card->encoded_name, f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, 1, CW_CARD_NUMBER_TEXT_MAX, &text, f);
        if (rc == CW_OK)
                rc = cw_card_number_parse(text.ptr, text.len, &number, f);
        if (rc == CW_OK)
                rc = cw_key_store_get(w->env->keys, w->env->cfg->pan_transport_key, "pan-transport", &key, f);
        if (rc == CW_OK)
                rc = cw_card_number_open(w->env->c, &key->key, &number, &w->card->pan, f);
        memcpy(w->card->psn, p->psn, 2);
        return rc;
}

/* ---- the product's model ---- */

static cw_rc verification_value(struct work *w, const struct cw_config_product *p, const char *service_code,
                                char ret[CW_CVV_LEN + 1], struct cw_fault *f) {
        const struct cw_stored_key *key = NULL;
        cw_rc rc = cw_key_store_get(w->env->keys, p->cvk, "cvk", &key, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_retail_key cvk = cw_stored_retail(key);
        return cw_cvv(w->env->c, &cvk, w->card->pan.digits, w->card->expiry, service_code, ret, f);
}

/* The branch's own pattern, "00000{cvv}00". */
static cw_rc branch_pattern(const char *pattern, const char *cvv, char *ret, size_t cap, struct cw_fault *f) {
        const char *mark = strstr(pattern, "{cvv}");
        int n = mark ? snprintf(ret, cap, "%.*s%s%s", (int)(mark - pattern), pattern, cvv, mark + 5)
                     : snprintf(ret, cap, "%s", pattern);
        return n >= 0 && (size_t)n < cap ? CW_OK : cw_sess_bad("the discretionary data are too long", f);
}

static cw_rc set_tracks(struct work *w, const struct cw_config_product *p, struct cw_fault *f) {
        CW_WIPED(char, text, 64);
        if (p->d1_tracks == CW_D1_TRACKS_COMPUTED)
                return CW_OK;
        if (p->d1_tracks == CW_D1_TRACKS_VERBATIM && w->card->track2[0])
                return CW_OK; /* the issuer's own, as they are */
        cw_rc rc = CW_OK;
        if (!w->card->cvv1[0])
                rc = verification_value(w, p, p->service_code, w->card->cvv1, f);
        if (rc == CW_OK && p->d1_tracks == CW_D1_TRACKS_PATTERN)
                rc = cw_d1_pattern(p->d1_track_pattern, w->card->cvv1, w->card->pvv, text, sizeof(text), f);
        else if (rc == CW_OK)
                rc = branch_pattern(p->discretionary, w->card->cvv1, text, sizeof(text), f);
        return rc != CW_OK ? rc : cw_d1_tracks(w->card, p->service_code, text, f);
}

static cw_rc set_emv_data(struct work *w, const struct cw_config_product *p, struct cw_fault *f) {
        char path[PATH_MAX];
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        if (!p->d1_emv_data[0])
                return CW_OK;
        (void)snprintf(path, sizeof(path), "%s/%s", w->env->cfg->profile_dir, p->d1_emv_data);
        cw_rc rc = cw_file_read(path, TEMPLATE_MAX, &text, &len, f);
        return rc != CW_OK ? rc : cw_d1_emv_data(text, w->card, f);
}

static cw_rc apply_model(struct work *w, const struct cw_config_product *p, struct cw_fault *f) {
        cw_rc rc = CW_OK;
        if (w->card->encoded_name[0] == '\0' && w->card->name[0])
                rc = cw_track_name(w->card->name, w->card->encoded_name, f);
        if (rc == CW_OK)
                rc = set_tracks(w, p, f);
        if (rc == CW_OK)
                rc = set_emv_data(w, p, f);
        if (rc == CW_OK && w->d->csc_field[0] && !w->card->csc[0])
                rc = verification_value(w, p, "000", w->card->csc, f);
        return rc;
}

/* ---- replies ---- */

static cw_rc put_masked(struct work *w, struct cw_msg *reply, struct cw_fault *f) {
        uint8_t hash[CW_PAN_HASH_LEN];
        char masked[CW_PAN_MAX + 1];
        const struct cw_stored_key *key = NULL;
        cw_rc rc = cw_key_store_get(w->env->keys, w->env->cfg->pan_hash_key, "pan-hash", &key, f);
        if (rc == CW_OK)
                rc = cw_pan_hash(w->env->c, &key->key, &w->card->pan, hash, f);
        cw_pan_mask(&w->card->pan, masked);
        if (rc == CW_OK)
                rc = cw_sess_put_hex(reply, "pan_hash", hash, sizeof(hash), f);
        if (rc == CW_OK)
                rc = cw_sess_put_str(reply, "masked_pan", masked, f);
        if (rc == CW_OK)
                rc = cw_sess_put_str(reply, "expiry", w->card->expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_put_bool(reply, "tracks", w->card->track2[0] != '\0', f);
        return rc != CW_OK ? rc : cw_sess_put_bool(reply, "emv_data", w->card->emv_data[0] != '\0', f);
}

static cw_rc seal_for_d1(struct work *w, struct cw_msg *reply, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
        CW_AUTO_MEM char *pem = NULL;
        CW_AUTO_JSON json_t *key = NULL;
        size_t len = 0;
        cw_rc rc = cw_file_read(w->d->recipient_key_file, PEM_MAX, &pem, &len, f);
        if (rc == CW_OK)
                rc = cw_jose_key(CW_SPAN((const uint8_t *)pem, len), false, "d1.recipient_key_file", &key, f);
        if (rc == CW_OK)
                rc = cw_secret_new(CW_JWE_CLEAR_MAX, &clear);
        if (rc == CW_OK)
                rc = cw_d1_card_write(w->d, w->card, clear, f);
        if (rc == CW_OK)
                rc = cw_jwe_seal(key, w->d->recipient_kid, CW_SPAN(clear->ptr, clear->len), &text, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, text->ptr, text->len, f);
}

cw_rc cw_d1_call_seal(const struct cw_d1_env *env, struct cw_msg *request, struct cw_msg *reply,
                      struct cw_fault *f) {
        __attribute__((cleanup(work_done))) struct work w;
        char code[33];
        cw_rc rc = work_init(&w, env, f);
        if (rc == CW_OK)
                rc = cw_sess_text(request, "plastic_code", code, sizeof(code), f);
        if (rc != CW_OK)
                return rc;
        const struct cw_config_product *p = cw_config_product(env->cfg, code);
        if (p == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, OP, "HSM_PRODUCT",
                               "no product with plastic code %s is configured", code);
        bool jwe = strcmp(cw_msg_str(request, "from", "card-number"), "jwe") == 0;
        rc = jwe ? open_jwe(&w, request, f) : open_card_number(&w, p, request, f);
        if (rc == CW_OK)
                rc = apply_model(&w, p, f);
        if (rc == CW_OK)
                rc = put_masked(&w, reply, f);
        return rc != CW_OK ? rc : seal_for_d1(&w, reply, f);
}

cw_rc cw_d1_call_open(const struct cw_d1_env *env, struct cw_msg *request, struct cw_msg *reply,
                      struct cw_fault *f) {
        __attribute__((cleanup(work_done))) struct work w;
        cw_rc rc = work_init(&w, env, f);
        if (rc == CW_OK)
                rc = open_jwe(&w, request, f);
        if (rc == CW_OK)
                rc = put_masked(&w, reply, f);
        return rc != CW_OK ? rc : cw_sess_put_str(reply, "name", w.card->name, f);
}
