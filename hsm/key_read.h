/* SPDX-License-Identifier: Apache-2.0 */
/* The clear value of an exportable key, for the key block it leaves in: host memory only. */
#pragma once

#include "base/secret.h"
#include "hsm/key_purpose.h"

/*
 * No token gives a sensitive key away in clear. The key is wrapped under a random key of this one call and
 * unwrapped into an object that may be read; all three are destroyed. REJECT/CW_E_DENIED when the key is not
 * extractable, CW_E_UNSUPPORTED when the token has no way to wrap it.
 */
CW_WARN_UNUSED cw_rc cw_key_read(struct cw_p11 *p, CK_OBJECT_HANDLE object, enum cw_hsm_alg alg,
                                 struct cw_secret **ret, struct cw_fault *f);
