/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known answers: one entry of a file of published vectors is computed on the token, with keys that the entry
 * brings along and that live for this one computation. For test tokens only (hsm.test_token): clear keys,
 * PINs and results pass through host memory.
 */
#pragma once

#include "hsm/crypto.h"

#include <jansson.h>

#define CW_KNOWN_ANSWER_MAX 4096u

/*
 * entry: {"alg": name, inputs...} as tests/vectors/README.md says; "expect" and "source" are not looked at.
 * ret: hex or digits, NUL added. REJECT/CW_E_UNSUPPORTED when neither we nor the token know the algorithm;
 * REJECT with another code when the input must be refused.
 */
CW_WARN_UNUSED cw_rc cw_known_answer(const struct cw_hsm_crypto *c, const json_t *entry,
                                     char ret[CW_KNOWN_ANSWER_MAX], struct cw_fault *f);
