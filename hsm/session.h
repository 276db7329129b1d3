/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session: the operations on one card that cardwrightd and a station may ask for, in the states and as
 * often as the table in session.c allows. Knows nothing of processes and sockets: a request goes in, a reply
 * comes out. Calls block on the token.
 */
#pragma once

#include "base/cleanup.h"
#include "base/ipc.h"
#include "config/config.h"
#include "hsm/key_store.h"
#include "hsm/p11_token.h"

/* Who asks. The same call from the other side is refused. */
enum cw_sess_from { CW_FROM_AGENT, CW_FROM_STATION };

struct cw_sess_env {
        const struct cw_config *cfg;
        const struct cw_hsm_crypto *crypto;
        const struct cw_key_store *keys;
        const char *state_dir; /* for the register of key serial numbers */
        struct cw_p11 *token;  /* for PINs that do not leave it; NULL: crypto is all there is */
};
struct cw_sess;

/* env is borrowed. RETRY when out of locked memory. */
CW_WARN_UNUSED cw_rc cw_sess_new(const struct cw_sess_env *env, struct cw_sess **ret, struct cw_fault *f);
/* Destroys session keys, wipes the card's data. */
void cw_sess_free(struct cw_sess *s);
CW_DEFINE_CLEANUP(struct cw_sess *, cw_sess_free);

/*
 * Runs one request (attachments may be taken out of it); *ret_reply is the reply, NULL only when out of
 * memory. Returns false when the session is over: the token failed, or the peer asked for too much that is
 * not allowed.
 */
bool cw_sess_call(struct cw_sess *s, enum cw_sess_from from, struct cw_msg *request,
                  struct cw_msg **ret_reply);
