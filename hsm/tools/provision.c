/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardwright-hsm-provision: brings test keys into an existing token, for bring-up and the virtual branch.
 * Keys come in clear from a file, so it is no tool for production keys: those are loaded by the token maker's
 * means under dual control.
 */
#include "base/buf.h"
#include "base/file.h"
#include "hsm/kcv.h"
#include "hsm/key_store.h"
#include "hsm/p11_crypto.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_MAX 64u

struct tool {
        const struct cw_config *cfg;
        struct cw_p11 *p;
        struct cw_hsm_crypto crypto;
        json_t *values; /* {label: hex} */
        struct cw_fault f;
};

static int fail(const struct tool *t, const char *what) {
        (void)fprintf(stderr, "cardwright-hsm-provision: %s: %s\n", what, t->f.text);
        return 1;
}

/* Clear keys: a regular file that only its owner can read. */
static json_t *read_keys(const char *path) {
        struct stat st;
        CW_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 ||
            st.st_uid != geteuid()) {
                (void)fprintf(stderr,
                              "cardwright-hsm-provision: %s must be a file of yours that only you can read "
                              "(chmod 600)\n",
                              path);
                return NULL;
        }
        json_error_t err;
        json_t *values = json_loadfd(fd, JSON_REJECT_DUPLICATES, &err);
        if (!json_is_object(values)) {
                (void)fprintf(stderr, "cardwright-hsm-provision: %s:%d: not a JSON object {label: hex}\n",
                              path, err.line);
                json_decref(values);
                return NULL;
        }
        return values;
}

static cw_rc remove_old(struct tool *t, const char *label, enum cw_hsm_alg alg) {
        for (;;) {
                CK_OBJECT_HANDLE h = 0;
                size_t count = 0;
                cw_rc rc = cw_p11_find(t->p, label, cw_p11_key_type(alg), &h, &count, &t->f);
                if (rc != CW_OK || count == 0)
                        return rc;
                CK_RV rv = t->p->fn->C_DestroyObject(t->p->session, h);
                if (rv != CKR_OK)
                        return cw_p11_fail(&t->f, rv, "provision.remove");
        }
}

/* Creates one token object; without CKA_ALLOWED_MECHANISMS where the token does not know it, and says so. */
static cw_rc create(struct tool *t, struct cw_p11_spec *spec) {
        CK_OBJECT_HANDLE h = 0;
        cw_rc rc = remove_old(t, spec->label, spec->alg);
        if (rc != CW_OK)
                return rc;
        spec->mechanism_count = cw_key_mechanisms(spec->alg, spec->usage, spec->mechanisms);
        rc = cw_p11_create(t->p, spec, &h, &t->f);
        if (rc == CW_OK || cw_rc_class(rc) != CW_C_REJECT)
                return rc;
        spec->mechanism_count = 0;
        rc = cw_p11_create(t->p, spec, &h, &t->f);
        if (rc == CW_OK)
                (void)printf("%-24s note: the token does not limit the mechanisms of a key\n", spec->label);
        return rc;
}

/* Check value of a value in host memory, through a session object. */
static cw_rc kcv_of(struct tool *t, enum cw_hsm_alg alg, const uint8_t *value, enum cw_kcv_method method,
                    uint8_t *ret, size_t len) {
        struct cw_hsm_key k = {0};
        cw_rc rc = cw_hsm_import(&t->crypto, alg, CW_USE_ENCRYPT | CW_USE_MAC, value, &k, &t->f);
        if (rc == CW_OK)
                rc = cw_kcv(&t->crypto, &k, method, ret, len, &t->f);
        cw_hsm_key_destroy(&t->crypto, &k);
        return rc;
}

static cw_rc create_companion(struct tool *t, const struct cw_config_key *k,
                              const struct cw_key_purpose *purpose, enum cw_hsm_alg alg, unsigned usage,
                              const uint8_t *value) {
        CW_WIPED(uint8_t, companion, 16);
        uint8_t id[6];
        char label[160];
        if (purpose->companion == CW_COMPANION_NONE)
                return CW_OK;
        cw_key_companion_value(purpose->companion, value, companion);
        cw_rc rc = kcv_of(t, alg, companion, CW_KCV_LEGACY, id, 3);
        if (rc == CW_OK)
                rc = kcv_of(t, alg, value, CW_KCV_LEGACY, id + 3, 3);
        if (rc != CW_OK)
                return rc;
        (void)snprintf(label, sizeof(label), "%s%s", k->label, cw_key_companion_suffix(purpose->companion));
        struct cw_p11_spec spec = {.alg = alg,
                                   .usage = usage,
                                   .on_token = true,
                                   .sensitive = true,
                                   .value = companion,
                                   .value_len = sizeof(companion),
                                   .label = label,
                                   .id = id,
                                   .id_len = sizeof(id)};
        return create(t, &spec);
}

/* The check value must be the configured one before anything is written; an empty one is printed for the
 * operator. */
static cw_rc check_kcv(struct tool *t, const struct cw_config_key *k, enum cw_hsm_alg alg,
                       const uint8_t *value) {
        uint8_t kcv[5];
        char text[11];
        bool cmac = strlen(k->kcv) == 10;
        if (alg == CW_ALG_GENERIC)
                return CW_OK;
        cw_rc rc = kcv_of(t, alg, value, cmac ? CW_KCV_CMAC : CW_KCV_LEGACY, kcv, cmac ? 5 : 3);
        if (rc != CW_OK)
                return rc;
        (void)cw_hex_encode(kcv, cmac ? 5 : 3, text, sizeof(text));
        if (strcmp(text, k->kcv) == 0)
                return CW_OK;
        return cw_fail(&t->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "provision.kcv", "HSM_KEY",
                       "its check value is %s, the configuration says \"%s\"", text, k->kcv);
}

static cw_rc provision_key(struct tool *t, const struct cw_config_key *k) {
        CW_WIPED(uint8_t, value, KEY_MAX);
        const char *hex = json_string_value(json_object_get(t->values, k->label));
        const struct cw_key_purpose *purpose = cw_key_purpose_find(k->purpose);
        enum cw_hsm_alg alg;
        size_t n = 0;
        if (hex == NULL)
                return cw_fail(&t->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISSING), 0, "provision.key",
                               "HSM_KEY", "the key file has no value for it");
        if (purpose == NULL || !cw_hsm_alg_from_name(k->algorithm, &alg) ||
            cw_key_purpose_usage(purpose, alg, k->kcv) == 0)
                return cw_fail(&t->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "provision.key",
                               "HSM_KEY", "purpose %s is not for algorithm %s", k->purpose, k->algorithm);
        size_t want = cw_hsm_alg_key_len(alg);
        if (!cw_hex_decode(hex, strlen(hex), value, sizeof(value), &n) || (want != 0 ? n != want : n < 16))
                return cw_fail(&t->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), (int64_t)n, "provision.key",
                               "HSM_KEY", "the value must be hex of the right length for %s", k->algorithm);
        unsigned usage = cw_key_purpose_usage(purpose, alg, k->kcv);
        struct cw_p11_spec spec = {.alg = alg,
                                   .usage = usage,
                                   .on_token = true,
                                   .sensitive = true,
                                   .value = value,
                                   .value_len = n,
                                   .label = k->label};
        cw_rc rc = check_kcv(t, k, alg, value);
        if (rc == CW_OK)
                rc = create(t, &spec);
        return rc != CW_OK ? rc : create_companion(t, k, purpose, alg, usage, value);
}

static cw_rc open_token(struct tool *t) {
        CW_AUTO(cw_secret_free) struct cw_secret *pin = NULL;
        const char *dir = t->cfg->agent.credential_dir[0] ? t->cfg->agent.credential_dir : NULL;
        cw_rc rc = cw_credential_read(dir, t->cfg->hsm.pin_credential, 256, &pin, &t->f);
        if (rc == CW_OK)
                rc = cw_p11_open(&t->cfg->hsm, true, NULL, &t->p, &t->f);
        if (rc == CW_OK)
                rc = cw_p11_login(t->p, pin, &t->f);
        if (rc == CW_OK)
                cw_p11_crypto_init(t->p, &t->crypto);
        return rc;
}

static int run(struct tool *t) {
        static struct cw_key_store store;
        if (open_token(t) != CW_OK)
                return fail(t, "token");
        for (size_t i = 0; i < t->cfg->hsm.key_count; i++) {
                const struct cw_config_key *k = &t->cfg->hsm.keys[i];
                if (provision_key(t, k) != CW_OK)
                        return fail(t, k->label);
        }
        if (cw_key_store_load(&store, &t->cfg->hsm, t->p, &t->crypto, &t->f) != CW_OK)
                return fail(t, "check");
        int bad = 0;
        for (size_t i = 0; i < store.count; i++) {
                const struct cw_stored_key *k = &store.keys[i];
                (void)printf("%-24s %-14s %-8s kcv %-10s %s %s\n", k->cfg->label, k->cfg->purpose,
                             k->cfg->algorithm, k->kcv[0] ? k->kcv : "-", k->ok ? "ok" : "NOT USABLE",
                             k->text);
                bad += k->ok ? 0 : 1;
        }
        return bad == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
        static const char *const names[] = {"keys", NULL};
        const char *values[1] = {NULL};
        CW_AUTO(cw_config_free) struct cw_config *cfg = NULL;
        int code = 0;
        cw_process_harden();
        if (cw_config_main(argc, argv, names, values, &cfg, &code))
                return code;
        if (values[0] == NULL) {
                (void)fprintf(stderr, "usage: %s --config FILE --keys KEYS.json\n", argv[0]);
                return 2;
        }
        CW_AUTO_JSON json_t *keys = read_keys(values[0]);
        if (keys == NULL)
                return 1;
        struct tool t = {.cfg = cfg, .values = keys};
        code = run(&t);
        cw_p11_close(t.p);
        return code;
}
