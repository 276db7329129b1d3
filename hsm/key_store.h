/* SPDX-License-Identifier: Apache-2.0 */
/* The configured keys on the token: found by label, class and type, proven by check value, copied to session
 * objects. */
#pragma once

#include "config/config.h"
#include "hsm/dukpt.h"
#include "hsm/key_purpose.h"
#include "hsm/key_register.h"
#include "hsm/retail_mac.h"

struct cw_stored_key {
        const struct cw_config_key *cfg;
        const struct cw_key_purpose *purpose;
        struct cw_key_version version; /* which one, and what it must be */
        CK_OBJECT_HANDLE object;       /* on the token, found in this load; 0: none */
        struct cw_hsm_key key, companion, companion2;
        bool ok;        /* may be used */
        bool expired;   /* not ok for one reason alone: past its valid_to. Only for cards made before */
        char kcv[11];   /* what the token's key really has, at most 3 bytes for TDES and legacy AES; "" when
                           unknown */
        char text[200]; /* why not, or what to know */
};
struct cw_key_store {
        size_t count;
        struct cw_stored_key keys[CW_CONFIG_KEYS_MAX];
};

/*
 * Loads the version in use of every configured key, as the register in state_dir says (NULL: none is
 * looked at), else as configured.
 * What is wrong with one key stands in its text, ok false; an error is returned only when the token itself
 * fails or the register is damaged. Session objects of an earlier load are destroyed.
 */
CW_WARN_UNUSED cw_rc cw_key_store_load(struct cw_key_store *ks, const struct cw_config_hsm *cfg,
                                       const char *state_dir, struct cw_p11 *p, const struct cw_hsm_crypto *c,
                                       struct cw_fault *f);
/* Loads one version of one key; ret is not read before and is to be given to cw_stored_key_done. */
CW_WARN_UNUSED cw_rc cw_stored_key_load(struct cw_p11 *p, const struct cw_hsm_crypto *c,
                                        const struct cw_config_key *cfg, const struct cw_key_version *version,
                                        struct cw_stored_key *ret, struct cw_fault *f);
/* Other versions of a key that are on the token, newest first: cards may have been made under them. */
struct cw_kept_keys {
        size_t count;
        struct cw_stored_key keys[CW_KEY_VERSIONS_MAX];
};
/*
 * Loads what can be used of them, those past their validity too; destroyed ones and those whose validity has
 * not begun are left out. ret is not read before and is to be given to cw_kept_keys_done, also after an
 * error. state_dir as in cw_key_store_load.
 */
CW_WARN_UNUSED cw_rc cw_kept_keys_load(struct cw_p11 *p, const struct cw_hsm_crypto *c, const char *state_dir,
                                       const struct cw_stored_key *in_use, struct cw_kept_keys *ret,
                                       struct cw_fault *f);
void cw_kept_keys_done(const struct cw_hsm_crypto *c, struct cw_kept_keys *k);
void cw_stored_key_done(const struct cw_hsm_crypto *c, struct cw_stored_key *k);
/* Version 1 as the configuration alone describes it. */
struct cw_key_version cw_key_version_configured(const struct cw_config_key *cfg);
/* Finds the RSA private key of k with this label; used by the loads above (key_store_rsa.c). k->text says
 * what is wrong. */
CW_WARN_UNUSED cw_rc cw_key_store_load_rsa(struct cw_p11 *p, const struct cw_hsm_crypto *c, const char *label,
                                           struct cw_stored_key *k, struct cw_fault *f);
/* The same for a P-256 key, whose check value is of its public point. */
CW_WARN_UNUSED cw_rc cw_key_store_load_p256(struct cw_p11 *p, const char *label, struct cw_stored_key *k,
                                            struct cw_fault *f);
/*
 * Loads the version of one key that is in use now, whatever was loaded before; OPERATOR with code HSM_KEY
 * when it cannot be used. Free with cw_stored_key_done, also after an error. state_dir as in
 * cw_key_store_load.
 */
CW_WARN_UNUSED cw_rc cw_stored_key_in_use(struct cw_p11 *p, const struct cw_hsm_crypto *c,
                                          const char *state_dir, const struct cw_config_key *cfg,
                                          struct cw_stored_key *ret, struct cw_fault *f);
/*
 * The same for what is done with a card that was made before: a version in use that is past its validity is
 * taken too, since cards do not get new keys at its end.
 */
CW_WARN_UNUSED cw_rc cw_key_store_get_made(const struct cw_key_store *ks, const char *label,
                                           const char *purpose, const struct cw_stored_key **ret,
                                           struct cw_fault *f);
/* The usable key with this label and purpose; OPERATOR with code HSM_KEY when there is none. */
CW_WARN_UNUSED cw_rc cw_key_store_get(const struct cw_key_store *ks, const char *label, const char *purpose,
                                      const struct cw_stored_key **ret, struct cw_fault *f);
/* The pair of a cvk, of a bdk. */
static inline struct cw_retail_key cw_stored_retail(const struct cw_stored_key *k) {
        return (struct cw_retail_key){k->key, k->companion};
}
static inline struct cw_dukpt_bdk cw_stored_bdk(const struct cw_stored_key *k) {
        return (struct cw_dukpt_bdk){k->key, k->companion};
}
