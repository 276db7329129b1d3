/* SPDX-License-Identifier: Apache-2.0 */
/* A session over the test backend with a key for every purpose: no token, no process. */
#pragma once

#include "test_hsm_soft.h"

#include "hsm/session.h"

struct sess_rig {
        struct soft_hsm *soft;
        struct cw_hsm_crypto crypto;
        struct cw_config cfg;
        struct cw_config_key keys_cfg[20];
        struct cw_key_store keys;
        struct cw_sess_env env;
};
/* state_dir is for the register of key serial numbers; borrowed. */
void sess_rig_init(struct sess_rig *r, const char *state_dir);
void sess_rig_done(struct sess_rig *r);
/* Keys alive when no session is open. */
size_t sess_rig_own_keys(void);
/* encryptedCardNumber (Base64) of digits under the rig's pan-transport key. */
void sess_rig_seal(struct sess_rig *r, const char *digits, char ret[128]);
