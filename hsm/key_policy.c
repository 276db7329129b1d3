/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/key_policy.h"

#include <stdio.h>
#include <string.h>

#define MAC_KEY 'H'

/* Key usages of X9.143:2021, table 2; modes of table 4. Each key here is used in more ways than some modes
 * allow, so only modes that cover them all are taken. */
static const struct rule {
        const char *purpose, *usages, *modes;
        char mode_out;
} rules[] = {
    {"cvk", "C0", "CGN", 'C'},
    {"imk-ac", "E0", "XN", 'X'},
    {"imk-smc", "E1", "XN", 'X'},
    {"imk-smi", "E2", "XN", 'X'},
    {"kmc-enc", "E5", "XN", 'X'},
    {"kmc-mac", "E5", "XN", 'X'},
    {"kmc-dek", "E5", "XN", 'X'},
    {"bdk", "B0", "XN", 'X'},
    {"pin-transport", "P0 D0", "EBN", 'E'},
    {"pan-transport", "D0", "BN", 'B'},
    {"pan-hash", "M7", "CGN", 'C'},
    {"kbpk", "K1 K0", "BN", 'B'},
    {"zpk-in", "P0", "BDN", 'D'},
    {"zpk-out", "P0", "BEN", 'E'},
    {"pvk", "V2 V1 V0", "CGN", 'C'},
    {"mac", "M3 M6 M1", "CGN", 'C'},
    {"cavk", "C0", "CGN", 'C'},
    {"imk-dcvv", "E4 E0", "XN", 'X'},
    {"imk-cvc3", "E4 E6", "XN", 'X'},
};

static cw_rc refused(struct cw_fault *f, const struct cw_config_key *k, const char *what, const char *has,
                     const char *must) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.key_policy", "KEY_BLOCK",
                       "the block cannot become key %s (%s): its %s is %s, it must be %s", k->label,
                       k->purpose, what, has, must);
}

static cw_rc rule_of(const struct cw_config_key *k, const struct rule **ret, struct cw_fault *f) {
        for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
                if (strcmp(rules[i].purpose, k->purpose) == 0) {
                        *ret = &rules[i];
                        return CW_OK;
                }
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.key_policy", "KEY_BLOCK",
                       "there is no policy for key blocks with keys for %s", k->purpose);
}

static bool usage_in(const char *list, const char usage[3]) {
        for (const char *at = list; *at != '\0'; at++) {
                if ((at == list || at[-1] == ' ') && memcmp(at, usage, 2) == 0 && at[1] != '\0')
                        return true;
        }
        return false;
}

static char algorithm_of(const struct cw_config_key *k) {
        return strncmp(k->algorithm, "tdes", 4) == 0  ? 'T'
               : strncmp(k->algorithm, "aes", 3) == 0 ? 'A'
                                                      : MAC_KEY;
}

static const char *usages_of(const struct cw_config_key *k, const struct rule *r) {
        return k->block_usage != NULL && k->block_usage[0] != '\0' ? k->block_usage : r->usages;
}

static cw_rc check_form(const struct cw_config_hsm *cfg, const struct cw_config_key *k, char version,
                        char algorithm, struct cw_fault *f) {
        const char has[2] = {version, '\0'};
        if (version == '\0' || strchr(cfg->keyblock_versions, version) == NULL)
                return refused(f, k, "version", has, cfg->keyblock_versions);
        if (algorithm == 'A' && version != 'D')
                return refused(f, k, "version", has, "D, since TDES would protect an AES key too weakly");
        return CW_OK;
}

cw_rc cw_key_policy_check(const struct cw_config_hsm *cfg, const struct cw_config_key *k,
                          const struct cw_keyblock_header *h, struct cw_fault *f) {
        const struct rule *r = NULL;
        const char algorithm[2] = {h->algorithm, '\0'}, mode[2] = {h->mode, '\0'};
        const char want[2] = {algorithm_of(k), '\0'};
        cw_rc rc = rule_of(k, &r, f);
        if (rc == CW_OK)
                rc = check_form(cfg, k, h->version, h->algorithm, f);
        if (rc != CW_OK)
                return rc;
        if (h->key_version[0] == 'c')
                return refused(f, k, "content", "a key component", "a whole key");
        if (!usage_in(usages_of(k, r), h->usage))
                return refused(f, k, "key usage", h->usage, usages_of(k, r));
        if (h->algorithm != want[0])
                return refused(f, k, "algorithm", algorithm, want);
        if (strchr(r->modes, h->mode) == NULL)
                return refused(f, k, "mode of use", mode, r->modes);
        if (k->exportable && h->exportability == 'N')
                return refused(f, k, "exportability", "N",
                               "E or S, or the key not exportable in the configuration");
        return CW_OK;
}

cw_rc cw_key_policy_header(const struct cw_config_hsm *cfg, const struct cw_config_key *k, char version,
                           const struct cw_key_version *of, struct cw_keyblock_header *ret,
                           struct cw_fault *f) {
        const struct rule *r = NULL;
        char number[16];
        cw_rc rc = rule_of(k, &r, f);
        if (rc == CW_OK && !k->exportable)
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.key_policy", "KEY_BLOCK",
                             "key %s is not exportable; hsm.keys[].exportable says which ones are", k->label);
        if (rc == CW_OK)
                rc = check_form(cfg, k, version, algorithm_of(k), f);
        if (rc != CW_OK)
                return rc;
        *ret = (struct cw_keyblock_header){.version = version,
                                           .algorithm = algorithm_of(k),
                                           .mode = r->mode_out,
                                           .exportability = 'N',
                                           .context = '0'};
        (void)snprintf(number, sizeof(number), "%02u", of->version % 100);
        memcpy(ret->usage, of->usage[0] != '\0' ? of->usage : usages_of(k, r), 2);
        memcpy(ret->key_version, number, 2);
        return CW_OK;
}

cw_rc cw_key_policy_use(const struct cw_config_key *k, const struct cw_key_version *of, const char *usages,
                        struct cw_fault *f) {
        const bool own = k->block_usage != NULL && k->block_usage[0] != '\0';
        if (own || of->usage[0] == '\0' || usage_in(usages, of->usage))
                return CW_OK;
        return cw_fail(
            f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.key_policy", "HSM_KEY",
            "key %s came in a key block with the key usage %s, this needs %s: use another key, or have "
            "the right usage from its owner",
            k->label, of->usage, usages);
}

/* Bits of security, NIST SP 800-57 part 1, table 2; a key for HMAC counts as the strongest it can be. */
static unsigned strength(enum cw_hsm_alg alg) {
        switch (alg) {
        case CW_ALG_TDES2:
                return 80;
        case CW_ALG_TDES3:
                return 112;
        case CW_ALG_AES128:
                return 128;
        case CW_ALG_AES192:
                return 192;
        case CW_ALG_AES256:
        case CW_ALG_GENERIC:
        case CW_ALG_RSA:
        case CW_ALG_P256:
                break;
        }
        return 256;
}

cw_rc cw_key_policy_strength(enum cw_hsm_alg kbpk, enum cw_hsm_alg key, struct cw_fault *f) {
        if (strength(kbpk) >= strength(key))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.key_policy", "KEY_BLOCK",
                       "the key block protection key has %u bits of strength, the key it protects %u; use a "
                       "stronger one",
                       strength(kbpk), strength(key));
}
