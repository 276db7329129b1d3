/* SPDX-License-Identifier: Apache-2.0 */
/* What the token really does, found out by doing it with known answers: C_GetMechanismInfo is not believed.
 */
#pragma once

#include "hsm/crypto.h"

#define CW_PROBES_MAX 16u

struct cw_probe {
        const char *name; /* "tdes-ecb", "aes-gcm-iv16", ... */
        const char *needed_for;
        bool ok;
        char text[160]; /* why not; "" when ok */
};
struct cw_probe_report {
        size_t count;
        struct cw_probe probes[CW_PROBES_MAX];
};

/* Runs all probes; an error only when the token itself fails. */
CW_WARN_UNUSED cw_rc cw_probe_run(const struct cw_hsm_crypto *c, struct cw_probe_report *ret,
                                  struct cw_fault *f);
/* All probes passed. */
bool cw_probe_all_ok(const struct cw_probe_report *r);
