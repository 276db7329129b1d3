/* SPDX-License-Identifier: Apache-2.0 */
/* What the header of a key block must say for each purpose of a key here, and what it is told in turn. */
#pragma once

#include "config/config.h"
#include "hsm/crypto.h"
#include "hsm/key_register.h"
#include "hsm/keyblock_header.h"

/*
 * Holds the header of an incoming block against the key it is to become: version, key usage, algorithm, mode
 * of use, exportability. REJECT/CW_E_DENIED, code KEY_BLOCK, naming what was found and what it must be.
 */
CW_WARN_UNUSED cw_rc cw_key_policy_check(const struct cw_config_hsm *cfg, const struct cw_config_key *k,
                                         const struct cw_keyblock_header *h, struct cw_fault *f);
/* The header of an outgoing block of this format version; not exportable any further. A key that came in a
 * block goes with the key usage of that one. */
CW_WARN_UNUSED cw_rc cw_key_policy_header(const struct cw_config_hsm *cfg, const struct cw_config_key *k,
                                          char version, const struct cw_key_version *of,
                                          struct cw_keyblock_header *ret, struct cw_fault *f);
/*
 * Whether a key that came in a block may do what keys of these usages do ("V2 V0"). The usages that
 * hsm.keys[].block_usage names may do all that the purpose does. REJECT/CW_E_DENIED, code HSM_KEY.
 */
CW_WARN_UNUSED cw_rc cw_key_policy_use(const struct cw_config_key *k, const struct cw_key_version *of,
                                       const char *usages, struct cw_fault *f);
/* REJECT/CW_E_DENIED when the protection key is weaker than the key it protects. */
CW_WARN_UNUSED cw_rc cw_key_policy_strength(enum cw_hsm_alg kbpk, enum cw_hsm_alg key, struct cw_fault *f);
