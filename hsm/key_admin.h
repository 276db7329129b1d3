/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key management in the worker that the supervisor starts for it: load, rotate, export, destroy, component
 * entry, requests that wait for a second person. The worker ends as soon as nothing is kept any more.
 */
#pragma once

#include "base/ipc.h"
#include "hsm/key_store.h"

struct cw_key_admin_env {
        const struct cw_config_hsm *cfg;
        const struct cw_config *whole; /* cfg is in it; the products are looked at */
        struct cw_p11 *p;              /* read-write session, logged in */
        const struct cw_hsm_crypto *c;
        const char *state_dir;
};
struct cw_key_admin;

/* env is copied, what it points to is borrowed. */
CW_WARN_UNUSED cw_rc cw_key_admin_new(const struct cw_key_admin_env *env, struct cw_key_admin **ret,
                                      struct cw_fault *f);
void cw_key_admin_free(struct cw_key_admin *a);
CW_DEFINE_CLEANUP(struct cw_key_admin *, cw_key_admin_free);

/*
 * One request of the supervisor, which has checked who asks and put "actor", "uid" and, for a custodian,
 * "component" into it. The reply has "audit" (object: what is to stand in the audit log) and "keep" (the
 * worker holds something and must live on) beside what ARCHITECTURE.md says. False when the token is lost and
 * the worker is to end.
 */
bool cw_key_admin_call(struct cw_key_admin *a, struct cw_msg *request, struct cw_msg **ret_reply);
/* Forgets what is too old. Milliseconds until something gets too old, -1 when nothing is kept. */
int cw_key_admin_tick(struct cw_key_admin *a);

/*
 * The key table: [{label, purpose, algorithm, version, state, kcv {legacy, cmac, gp}, origin, valid_from,
 * valid_to, loaded_ms, handle, ok, text, of an RSA key modulus, exponent, of a P-256 key public_key (PEM)}],
 * every version of every configured key. ks has the versions in use; the others are looked up.
 */
CW_WARN_UNUSED cw_rc cw_key_table(const struct cw_key_admin_env *env, const struct cw_key_store *ks,
                                  json_t **ret, struct cw_fault *f);
