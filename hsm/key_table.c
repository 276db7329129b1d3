/* SPDX-License-Identifier: Apache-2.0 */
/* The key table: every version of every configured key, as the token has it now. */
#include "base/buf.h"
#include "hsm/kcv.h"
#include "hsm/key_admin.h"
#include "hsm/p11_p256.h"
#include "hsm/rsa.h"

#include <stdlib.h>
#include <string.h>

/* "" where the key's attributes do not let it be computed. At most 3 bytes of a zero block are shown. */
static void kcv_of(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, enum cw_kcv_method method,
                   char ret[11]) {
        uint8_t value[5];
        size_t len = method == CW_KCV_CMAC ? 5 : 3;
        bool able = method == CW_KCV_CMAC ? (key->usage & CW_USE_MAC) != 0
                                          : (key->usage & (CW_USE_ENCRYPT | CW_USE_DERIVE)) != 0;
        ret[0] = '\0';
        if (key->valid && key->alg != CW_ALG_GENERIC && !cw_hsm_alg_is_pair(key->alg) && able &&
            cw_kcv(c, key, method, value, len, NULL) == CW_OK)
                (void)cw_hex_encode(value, len, ret, 11);
}

static const char *state_of(const struct cw_key_version *v, unsigned active) {
        if (v->destroyed)
                return "destroyed";
        return v->version == active ? "in use" : v->version > active ? "waiting" : "kept";
}

/* The public half is what the scheme's CA certifies; the check value is of its modulus. */
static json_t *rsa_row(const struct cw_key_admin_env *env, const struct cw_stored_key *k, json_t *row) {
        char n[2 * CW_RSA_MAX + 1] = "", e[8] = "";
        struct cw_rsa_public pub;
        if (row == NULL || !k->key.valid || k->key.alg != CW_ALG_RSA)
                return row;
        if (cw_rsa_public_of(env->c, &k->key, &pub, NULL) == CW_OK) {
                (void)cw_hex_encode(pub.n, pub.n_len, n, sizeof(n));
                (void)cw_hex_encode(pub.e, pub.e_len, e, sizeof(e));
        }
        if (json_object_set_new(json_object_get(row, "kcv"), "legacy", json_string(k->kcv)) == 0 &&
            json_object_set_new(row, "modulus", json_string(n)) == 0 &&
            json_object_set_new(row, "exponent", json_string(e)) == 0)
                return row;
        json_decref(row);
        return NULL;
}

/* The server that takes the signatures is to know it. */
static json_t *p256_row(const struct cw_key_admin_env *env, const struct cw_stored_key *k, json_t *row) {
        char label[CW_KEY_OBJECT_LABEL_MAX], pem[CW_P256_PEM_MAX] = "";
        struct cw_p256 pair;
        if (row == NULL || !k->key.valid || k->key.alg != CW_ALG_P256)
                return row;
        cw_key_object_label(k->cfg->label, k->version.version, "", label);
        if (cw_p11_p256_find(env->p, label, &pair, NULL) == CW_OK)
                (void)cw_p256_pem(pair.point, pem);
        if (json_object_set_new(json_object_get(row, "kcv"), "legacy", json_string(k->kcv)) == 0 &&
            json_object_set_new(row, "public_key", json_string(pem)) == 0)
                return row;
        json_decref(row);
        return NULL;
}

static json_t *row_json(const struct cw_key_admin_env *env, const struct cw_stored_key *k, unsigned active) {
        char legacy[11], cmac[11], gp[11], handle[24] = "";
        const struct cw_key_version *v = &k->version;
        kcv_of(env->c, &k->key, CW_KCV_LEGACY, legacy);
        kcv_of(env->c, &k->key, CW_KCV_CMAC, cmac);
        kcv_of(env->c, &k->key, CW_KCV_GP, gp);
        if (k->object != 0)
                (void)snprintf(handle, sizeof(handle), "%lu", k->object);
        json_t *row = json_pack(
            "{s:s, s:s, s:s, s:i, s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:s, s:I, s:s, s:b, s:s}", "label",
            k->cfg->label, "purpose", k->cfg->purpose, "algorithm", k->cfg->algorithm, "version",
            (int)v->version, "state", state_of(v, active), "expected", v->kcv, "kcv", "legacy", legacy,
            "cmac", cmac, "gp", gp, "origin", v->origin, "valid_from", v->valid_from, "valid_to", v->valid_to,
            "loaded_ms", (json_int_t)v->loaded_ms, "handle", handle, "ok", k->ok, "text", k->text);
        return p256_row(env, k, rsa_row(env, k, row));
}

static cw_rc append(json_t *list, json_t *row, struct cw_fault *f) {
        if (json_array_append_new(list, row) == 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_table", "", "out of memory");
}

/* Versions beside the one in use; a destroyed one is not looked for. */
static cw_rc add_others(const struct cw_key_admin_env *env, const struct cw_config_key *cfg,
                        const struct cw_key_entry *e, json_t *list, struct cw_fault *f) {
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < e->count && rc == CW_OK; i++) {
                const struct cw_key_version *v = &e->versions[i];
                struct cw_stored_key k = {.cfg = cfg, .version = *v};
                if (v->version == e->active)
                        continue;
                if (!v->destroyed)
                        rc = cw_stored_key_load(env->p, env->c, cfg, v, &k, f);
                if (rc == CW_OK)
                        rc = append(list, row_json(env, &k, e->active), f);
                cw_stored_key_done(env->c, &k);
        }
        return rc;
}

static cw_rc add_key(const struct cw_key_admin_env *env, const struct cw_stored_key *k,
                     struct cw_key_register *r, json_t *list, struct cw_fault *f) {
        const struct cw_key_entry *e = cw_key_register_find(r, k->cfg->label);
        cw_rc rc = CW_OK;
        if (e == NULL || e->active != 0)
                rc = append(list, row_json(env, k, e ? e->active : 1), f);
        return rc != CW_OK || e == NULL ? rc : add_others(env, k->cfg, e, list, f);
}

cw_rc cw_key_table(const struct cw_key_admin_env *env, const struct cw_key_store *ks, json_t **ret,
                   struct cw_fault *f) {
        CW_AUTO_MEM struct cw_key_register *r = calloc(1, sizeof(*r));
        CW_AUTO_JSON json_t *list = json_array();
        if (r == NULL || list == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_table", "",
                               "out of memory");
        cw_rc rc = cw_key_register_load(env->state_dir, r, f);
        for (size_t i = 0; i < ks->count && rc == CW_OK; i++)
                rc = add_key(env, &ks->keys[i], r, list, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(list);
        return rc;
}
