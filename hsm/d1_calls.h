/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the worker without a session does for Thales D1: sign a token request, seal a card's data to D1, open
 * data sealed to us. Clear data never leave the worker; replies name masked fields.
 */
#pragma once

#include "base/ipc.h"
#include "hsm/key_store.h"

struct cw_d1_env {
        const struct cw_config *cfg;
        const struct cw_hsm_crypto *c;
        const struct cw_key_store *keys;
        struct cw_p11 *p11;
        const char *state_dir; /* of the register of versions */
};
/* att0 of the reply: the assertion. */
CW_WARN_UNUSED cw_rc cw_d1_call_assertion(const struct cw_d1_env *env, struct cw_msg *request,
                                          struct cw_msg *reply, struct cw_fault *f);
/*
 * Request "plastic_code"; "from" card-number: "expiry" (YYMM), "name", att0 = encryptedCardNumber; "from"
 * jwe: att0 = JWE for our key. Reply: masked fields, att0 = JWE for D1's key.
 */
CW_WARN_UNUSED cw_rc cw_d1_call_seal(const struct cw_d1_env *env, struct cw_msg *request,
                                     struct cw_msg *reply, struct cw_fault *f);
/* att0 = JWE for our key; reply: masked fields. */
CW_WARN_UNUSED cw_rc cw_d1_call_open(const struct cw_d1_env *env, struct cw_msg *request,
                                     struct cw_msg *reply, struct cw_fault *f);
