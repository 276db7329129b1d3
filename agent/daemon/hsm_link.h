/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to hsmd: connects again by itself, keeps the last hello. */
#pragma once

#include "base/ipc.h"
#include "config/config.h"

struct cw_hsm_link;

struct cw_hsm_ops {
        void (*on_change)(void *ctx);                  /* hsmd came up, went away, or its posture changed */
        void (*on_closed)(void *ctx, int64_t session); /* hsmd ended this session by itself */
        /* A key operation for the audit chain {seq, at_ms, what, actor, detail}; true when it is in there.
         * hsmd keeps it until then. The same record may come twice. */
        bool (*on_audit)(void *ctx, const json_t *record);
};

/* config and ops are borrowed. */
CW_WARN_UNUSED cw_rc cw_hsm_link_new(struct cw_loop *loop, const struct cw_config *config,
                                     uint32_t generation, const struct cw_hsm_ops *ops, void *ctx,
                                     struct cw_hsm_link **ret);
/* For the end of the daemon: hangs up for good, answers every call under way, tells nobody. */
void cw_hsm_link_close(struct cw_hsm_link *l);
void cw_hsm_link_free(struct cw_hsm_link *l);
/* Connected, and hsmd said that the token and all keys are there. */
bool cw_hsm_link_ready(const struct cw_hsm_link *l);
/* The last hello reply (borrowed), NULL while hsmd is away. */
const json_t *cw_hsm_link_hello(const struct cw_hsm_link *l);
/* Why it is not connected or not ready, a sentence; "" when ready. */
const char *cw_hsm_link_trouble(const struct cw_hsm_link *l);
/* Takes m. fn is called once, at once with RECONNECT while hsmd is away. */
void cw_hsm_link_call(struct cw_hsm_link *l, struct cw_msg *m, cw_reply_fn fn, void *ctx);
