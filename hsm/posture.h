/* SPDX-License-Identifier: Apache-2.0 */
/* What hello answers: the token, its keys, what it can do, and which way a PIN goes. */
#pragma once

#include "hsm/capability.h"
#include "hsm/key_store.h"
#include "hsm/p11_token.h"

struct cw_posture {
        const struct cw_config_hsm *cfg;
        const struct cw_p11 *token;
        const struct cw_key_store *keys;
        const struct cw_capabilities *capabilities;
};

/* All probes passed, and no key is wrong that all work waits for: an expired one and that for D1 are refused
 * where they are needed. */
bool cw_posture_ready(const struct cw_posture *p);
/* "host-memory" or "refused": no generic token can do the PIN pad's DUKPT and the set-PIN forms inside. */
const char *cw_posture_pin_path(const struct cw_config_hsm *cfg);
/* {ok, tests: [{test, needed_for, ok, text}], keys: [as in hello]}: every known answer and every key. */
CW_WARN_UNUSED cw_rc cw_posture_selftest(const struct cw_posture *p, json_t **ret);
/* Adds the members of the reply to obj. RETRY when out of memory. */
CW_WARN_UNUSED cw_rc cw_posture_to_json(const struct cw_posture *p, json_t *obj);
/* The same members when no worker has the token: no keys, not ready, text says why. */
CW_WARN_UNUSED cw_rc cw_posture_absent(const struct cw_config_hsm *cfg, const char *text, json_t *obj);
/* What the call capabilities answers. RETRY when out of memory. */
CW_WARN_UNUSED cw_rc cw_posture_capabilities(const struct cw_posture *p, json_t *obj);
