/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/profiles.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

void cw_profiles_init(struct cw_profiles *ps, const struct cw_config *config) {
        *ps = (struct cw_profiles){.config = config};
        (void)pthread_mutex_init(&ps->lock, NULL);
}

void cw_profiles_done(struct cw_profiles *ps) {
        for (size_t i = 0; i < CW_CONFIG_PRODUCTS_MAX; i++) {
                if (ps->profile[i])
                        cw_profile_free(ps->profile[i]);
                ps->profile[i] = NULL;
        }
        (void)pthread_mutex_destroy(&ps->lock);
}

static cw_rc load(struct cw_profiles *ps, size_t product, struct cw_fault *f) {
        const struct cw_config *c = ps->config;
        CW_AUTO(cw_profile_keys_free) struct cw_profile_keys *keys = NULL;
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s/%s", c->profile_dir, c->products[product].profile);
        cw_rc rc = cw_profile_keys_load(c->profile_keys, &keys, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_profile_trust trust = {keys, cw_config_profiles_signed(c)};
        CW_AUTO(cw_profile_free) struct cw_profile *profile = NULL;
        rc = cw_profile_load_trusted(path, &trust, stderr, &profile, ps->key[product], f);
        if (rc == CW_OK && cw_profile_puts_keys(profile) && !*c->products[product].new_kmc_enc)
                rc = cw_fail(f, CW_RC(CW_L_STATION, CW_C_OPERATOR, CW_E_MISSING), 0, "station.profile",
                             "PRT_SETUP_ERROR",
                             "profile %.60s puts card keys and its product names none; set new_kmc_enc, "
                             "new_kmc_mac, new_kmc_dek and new_diversification",
                             c->products[product].profile);
        if (rc == CW_OK)
                ps->profile[product] = CW_STEAL(profile);
        return rc;
}

cw_rc cw_profiles_get(struct cw_profiles *ps, size_t product, const struct cw_profile **ret,
                      struct cw_fault *f) {
        struct cw_fault why = {0};
        if (!ps->profile[product]) {
                cw_rc rc = load(ps, product, &why);
                (void)pthread_mutex_lock(&ps->lock);
                ps->loaded[product] = rc == CW_OK;
                ps->refused[product] = rc != CW_OK;
                if (rc != CW_OK)
                        (void)snprintf(ps->text, sizeof ps->text, "%s", why.text);
                (void)pthread_mutex_unlock(&ps->lock);
                if (rc != CW_OK) {
                        if (f)
                                *f = why;
                        return rc;
                }
        }
        *ret = ps->profile[product];
        return CW_OK;
}

json_t *cw_profiles_json(struct cw_profiles *ps) {
        json_int_t with = 0, without = 0, refused = 0;
        char text[sizeof ps->text];
        const char *policy = cw_config_profiles_signed(ps->config)                            ? "required"
                             : ps->config->profile_signature == CW_PROFILE_SIGNATURE_OPTIONAL ? "optional"
                                                                                              : "none";
        (void)pthread_mutex_lock(&ps->lock);
        for (size_t i = 0; i < ps->config->product_count; i++) {
                refused += ps->refused[i];
                with += ps->loaded[i] && ps->key[i][0];
                without += ps->loaded[i] && !ps->key[i][0];
        }
        (void)snprintf(text, sizeof text, "%s", refused ? ps->text : "");
        (void)pthread_mutex_unlock(&ps->lock);
        return json_pack("{s:s, s:I, s:I, s:I, s:s}", "signature", policy, "signed", with, "unsigned",
                         without, "refused", refused, "text", text);
}
