/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardwright-hsm-provision: brings test keys into an existing token, for bring-up and the virtual branch.
 * Keys come in clear from a file, so it is no tool for production keys: those are loaded by the token maker's
 * means under dual control.
 */
#include "base/buf.h"
#include "base/file.h"
#include "hsm/capability.h"
#include "hsm/key_store.h"
#include "hsm/key_write.h"
#include "hsm/p11_crypto.h"
#include "hsm/tools/provision_rsa.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define VALUE_MAX 1280u /* a PKCS#1 key of 1984 bits */

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

/* An older key under the label is removed only when the new value has the configured check value. */
static cw_rc provision_key(struct tool *t, const struct cw_config_key *k) {
        CW_WIPED(uint8_t, value, VALUE_MAX);
        const char *hex = json_string_value(json_object_get(t->values, k->label));
        const struct cw_key_version version = cw_key_version_configured(k);
        enum cw_hsm_alg alg = CW_ALG_GENERIC;
        size_t n = 0, removed = 0;
        bool unlimited = false;
        size_t want = cw_hsm_alg_from_name(k->algorithm, &alg) ? cw_hsm_alg_key_len(alg) : 0;
        if (alg == CW_ALG_P256) /* made on the token, or brought there by its maker's tools: only listed */
                return CW_OK;
        if (hex == NULL)
                return cw_fail(&t->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISSING), 0, "provision.key",
                               "HSM_KEY", "the key file has no value for it");
        if (alg == CW_ALG_RSA)
                return cw_hex_decode(hex, strlen(hex), value, sizeof(value), &n)
                           ? cw_provision_rsa(t->p, k, value, n, &t->f)
                           : cw_fail(&t->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "provision.key",
                                     "HSM_KEY", "the value must be the hex of a PKCS#1 RSA key");
        if (!cw_hex_decode(hex, strlen(hex), value, sizeof(value), &n) || (want != 0 ? n != want : n < 16))
                return cw_fail(&t->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), (int64_t)n, "provision.key",
                               "HSM_KEY", "the value must be hex of the right length for %s", k->algorithm);
        const struct cw_key_write w = {.cfg = k,
                                       .version = &version,
                                       .value = value,
                                       .len = n,
                                       .in_token = !t->cfg->hsm.allow_host_memory};
        cw_rc rc = cw_key_value_check(&t->crypto, alg, value, k->kcv, &t->f);
        if (rc == CW_OK)
                rc = cw_key_erase(t->p, k, version.version, &removed, &t->f);
        if (rc == CW_OK)
                rc = cw_key_write(t->p, &t->crypto, &w, &unlimited, &t->f);
        if (rc == CW_OK && unlimited)
                (void)printf("%-24s note: the token does not limit the mechanisms of a key\n", k->label);
        return rc;
}

/* Which attributes a key that derives or makes MACs gets depends on whether the token can do that. */
static cw_rc ways_of(struct tool *t) {
        static struct cw_capabilities capabilities;
        const struct cw_prober x = {t->p, &t->crypto};
        cw_rc rc = cw_capabilities_probe(&x, &t->cfg->hsm, &capabilities, &t->f);
        if (rc == CW_OK)
                cw_capabilities_ways(&capabilities, &t->cfg->hsm, t->p);
        return rc;
}

static cw_rc open_token(struct tool *t) {
        CW_AUTO(cw_secret_free) struct cw_secret *pin = NULL;
        const char *dir = t->cfg->agent.credential_dir[0] ? t->cfg->agent.credential_dir : NULL;
        cw_rc rc = cw_credential_read(dir, t->cfg->hsm.pin_credential, 256, &pin, &t->f);
        if (rc == CW_OK)
                rc = cw_p11_open(&t->cfg->hsm, true, NULL, &t->p, &t->f);
        if (rc == CW_OK)
                rc = cw_p11_login(t->p, pin, &t->f);
        if (rc != CW_OK)
                return rc;
        cw_p11_crypto_init(t->p, &t->crypto);
        return ways_of(t);
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
        if (cw_key_store_load(&store, &t->cfg->hsm, NULL, t->p, &t->crypto, &t->f) != CW_OK)
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
        if (cw_config_main(argc, argv, names, values, NULL, &cfg, &code))
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
