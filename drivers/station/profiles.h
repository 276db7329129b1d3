/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles by product: read once, judged by their signature, and read again while one is refused. */
#pragma once

#include "config/config.h"
#include "drivers/chip/profile.h"
#include "drivers/chip/profile_sign.h"

#include <pthread.h>

struct cw_profiles {
        const struct cw_config *config;
        struct cw_profile *profile[CW_CONFIG_PRODUCTS_MAX];
        char key[CW_CONFIG_PRODUCTS_MAX][CW_PROFILE_KEY_ID]; /* who signed it, "" = nobody */
        pthread_mutex_t lock;                                /* of all below */
        bool refused[CW_CONFIG_PRODUCTS_MAX], loaded[CW_CONFIG_PRODUCTS_MAX];
        char text[240]; /* the last refusal */
};

void cw_profiles_init(struct cw_profiles *ps, const struct cw_config *config);
void cw_profiles_done(struct cw_profiles *ps);
/* Blocks on the file system. OPERATOR for a profile whose signature is missing or does not hold, REJECT with
 * the first finding for one that is not well; all findings go to stderr. One thread. */
CW_WARN_UNUSED cw_rc cw_profiles_get(struct cw_profiles *ps, size_t product, const struct cw_profile **ret,
                                     struct cw_fault *f);
/* For status, from any thread: {"signature": "required"|"optional"|"none" (a test token without keys, where
 * unsigned ones are taken), "signed", "unsigned", "refused": products, "text": the last refusal}. NULL when
 * out of memory. */
json_t *cw_profiles_json(struct cw_profiles *ps);
