/* SPDX-License-Identifier: Apache-2.0 */
/* What the token really does, found out by doing it with known answers: C_GetMechanismInfo is not believed.
 */
#pragma once

#include "hsm/crypto.h"
#include "hsm/p11_token.h"

#define CW_PROBES_MAX 20u

struct cw_probe {
        const char *name; /* "tdes-ecb", "aes-gcm-iv16", ... */
        const char *needed_for;
        bool ok;
        bool by_ecb;    /* ok, but of CBC the token has none: it is chained here, by ECB calls */
        char text[160]; /* why not; "" when ok, or what to know all the same */
};
struct cw_probe_report {
        size_t count;
        struct cw_probe probes[CW_PROBES_MAX];
};
/* The token, and the primitives over it. */
struct cw_prober {
        struct cw_p11 *p;
        const struct cw_hsm_crypto *c;
};

/* What cardwright cannot work without. An error only when the token itself fails. */
CW_WARN_UNUSED cw_rc cw_probe_run(const struct cw_prober *x, struct cw_probe_report *ret, struct cw_fault *f);
/* What lets more operations stay inside the token: unwrap, wrap, derivations, RSA. */
CW_WARN_UNUSED cw_rc cw_probe_more(const struct cw_prober *x, struct cw_probe_report *ret,
                                   struct cw_fault *f);
/* Whether attributes protect: each probe does what an attribute forbids, and is ok when the token refuses. */
CW_WARN_UNUSED cw_rc cw_probe_enforcement(const struct cw_prober *x, struct cw_probe_report *ret,
                                          struct cw_fault *f);
/* All probes passed. */
bool cw_probe_all_ok(const struct cw_probe_report *r);
/* How a probe that is ok was done: "by ECB", or "" where the token does it itself. */
const char *cw_probe_way(const struct cw_probe *p);
/* NULL for an unknown name. */
const struct cw_probe *cw_probe_find(const struct cw_probe_report *r, const char *name);
