/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/hsm_link.h"

#include "base/log.h"
#include "hsm/client/hsm_client.h"

#include <limits.h>
#include <string.h>

#define RETRY_MS 500
#define POLL_MS 2000
/* hsmd has its own deadline on the token; ours is above it, so that its answer explains what happened. */
#define MARGIN_MS 5000

struct cw_hsm_link {
        struct cw_loop *loop;
        const struct cw_config *config;
        uint32_t generation;
        const struct cw_hsm_ops *ops;
        void *ctx;
        struct cw_peer *peer;
        struct cw_timer *timer;
        json_t *hello;
        char trouble[240];
        bool fetching; /* audit records */
};

static void forget_hello(struct cw_hsm_link *l) {
        json_decref(l->hello);
        l->hello = NULL;
}

static void drop(struct cw_hsm_link *l, const struct cw_fault *why) {
        bool was_up = l->hello != NULL;
        (void)snprintf(l->trouble, sizeof l->trouble, "%s", why->text);
        forget_hello(l);
        l->fetching = false;
        cw_timer_arm(l->timer, RETRY_MS);
        cw_peer_free(CW_STEAL(l->peer));
        if (!was_up)
                return;
        cw_log(CW_EV_PEER_LOST, CW_F_STR("PEER", "hsmd"), CW_F_STR("TEXT", l->trouble));
        l->ops->on_change(l->ctx);
}

static void on_closed(void *ctx, struct cw_peer *p, const struct cw_fault *why) {
        (void)p;
        drop(ctx, why);
}

static void on_request(void *ctx, struct cw_peer *p, struct cw_msg *request) {
        (void)ctx;
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_IPC, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.request", "",
                      "cardwrightd answers no requests of hsmd");
        cw_peer_send(p, cw_msg_error(request, &f));
}

/* ---- key operations into the audit chain: one by one, each forgotten by hsmd when it is in the chain ----
 */

static void fetch_audit(struct cw_hsm_link *l);

static void on_acknowledged(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_hsm_link *l = ctx;
        (void)reply;
        l->fetching = false;
        if (rc == CW_OK)
                fetch_audit(l);
        else
                cw_log_fault(CW_EV_REQUEST_FAILED, f);
}

static void on_record(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_hsm_link *l = ctx;
        const json_t *record = rc == CW_OK ? json_object_get(reply->json, "record") : NULL;
        l->fetching = false;
        if (rc != CW_OK)
                cw_log_fault(CW_EV_REQUEST_FAILED, f);
        if (!json_is_object(record) || !l->ops->on_audit(l->ctx, record) || !l->peer)
                return;
        struct cw_msg *ack = cw_msg_request("audit.ack");
        if (ack && json_object_set(ack->json, "seq", json_object_get(record, "seq")) != 0) {
                cw_msg_free(ack);
                ack = NULL;
        }
        l->fetching = true;
        cw_peer_call(l->peer, ack, MARGIN_MS, on_acknowledged, l);
}

static void fetch_audit(struct cw_hsm_link *l) {
        if (l->fetching || !l->peer)
                return;
        l->fetching = true;
        cw_peer_call(l->peer, cw_msg_request("audit.next"), MARGIN_MS, on_record, l);
}

static void on_event(void *ctx, struct cw_peer *p, struct cw_msg *event) {
        (void)p;
        struct cw_hsm_link *l = ctx;
        if (strcmp(cw_msg_str(event, "event", ""), "audit.pending") == 0)
                fetch_audit(l);
        if (strcmp(cw_msg_str(event, "event", ""), "session.closed") == 0)
                l->ops->on_closed(l->ctx, cw_msg_int(event, "session", 0));
}

static const struct cw_peer_ops peer_ops = {on_request, on_event, on_closed};

static void note_trouble(struct cw_hsm_link *l) {
        l->trouble[0] = '\0';
        if (json_is_true(json_object_get(l->hello, "ready")))
                return;
        const char *text = json_string_value(json_object_get(l->hello, "text"));
        (void)snprintf(l->trouble, sizeof l->trouble, "%s",
                       text && *text ? text
                                     : "the token or one of its keys is not ready: see cardwright doctor");
}

static void on_hello(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_hsm_link *l = ctx;
        if (!l->peer)
                return;
        if (rc != CW_OK) {
                drop(l, f);
                return;
        }
        bool changed = !l->hello || !json_equal(l->hello, reply->json);
        if (!l->hello)
                cw_log(CW_EV_PEER_CONNECTED, CW_F_STR("PEER", "hsmd"));
        forget_hello(l);
        l->hello = json_incref(reply->json);
        note_trouble(l);
        cw_timer_arm(l->timer, POLL_MS);
        if (changed)
                l->ops->on_change(l->ctx);
}

static void connect_now(struct cw_hsm_link *l) {
        char path[PATH_MAX];
        struct cw_fault f = {0};
        int fd = -1;
        (void)snprintf(path, sizeof path, "%s/hsmd/agent.sock", l->config->agent.runtime_dir);
        cw_rc rc = cw_ipc_connect(path, &fd, &f);
        if (rc == CW_OK)
                rc = cw_peer_new(l->loop, fd, &peer_ops, l, &l->peer);
        if (rc == CW_OK)
                return;
        cw_fd_cleanup(&fd);
        (void)snprintf(l->trouble, sizeof l->trouble, "%s", f.text);
        cw_timer_arm(l->timer, RETRY_MS);
}

static void on_timer(void *ctx) {
        struct cw_hsm_link *l = ctx;
        if (!l->peer)
                connect_now(l);
        if (l->peer)
                cw_peer_call(l->peer, cw_hsm_msg_hello(l->generation),
                             l->config->hsm.call_timeout_ms + MARGIN_MS, on_hello, l);
}

cw_rc cw_hsm_link_new(struct cw_loop *loop, const struct cw_config *config, uint32_t generation,
                      const struct cw_hsm_ops *ops, void *ctx, struct cw_hsm_link **ret) {
        struct cw_hsm_link *l = calloc(1, sizeof *l);
        if (!l)
                return CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        *l = (struct cw_hsm_link){
            .loop = loop, .config = config, .generation = generation, .ops = ops, .ctx = ctx};
        cw_rc rc = cw_timer_new(loop, on_timer, l, &l->timer);
        if (rc != CW_OK) {
                free(l);
                return rc;
        }
        cw_timer_arm(l->timer, 0);
        *ret = l;
        return CW_OK;
}

void cw_hsm_link_close(struct cw_hsm_link *l) {
        forget_hello(l);
        cw_timer_disarm(l->timer);
        cw_peer_free(CW_STEAL(l->peer));
}

void cw_hsm_link_free(struct cw_hsm_link *l) {
        if (!l)
                return;
        cw_hsm_link_close(l);
        cw_timer_free(l->timer);
        free(l);
}

bool cw_hsm_link_ready(const struct cw_hsm_link *l) {
        return json_is_true(json_object_get(l->hello, "ready"));
}

const json_t *cw_hsm_link_hello(const struct cw_hsm_link *l) {
        return l->hello;
}

const char *cw_hsm_link_trouble(const struct cw_hsm_link *l) {
        return l->trouble;
}

void cw_hsm_link_call(struct cw_hsm_link *l, struct cw_msg *m, cw_reply_fn fn, void *ctx) {
        if (l->peer) {
                cw_peer_call(l->peer, m, l->config->hsm.call_timeout_ms + MARGIN_MS, fn, ctx);
                return;
        }
        struct cw_fault f = {0};
        cw_msg_free(m);
        cw_rc rc = cw_fail(&f, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_CLOSED), 0, "hsm.call", "HSM_TOKEN",
                           "cardwright-hsmd is not running; start it");
        if (fn)
                fn(ctx, rc, &f, NULL);
}
