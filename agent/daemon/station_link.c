/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/station_link.h"

#include "base/log.h"

#include <limits.h>
#include <string.h>

#define RETRY_MS 300
#define POLL_MS 700
#define QUICK_CALL_MS 5000

struct cw_station_link {
        struct cw_loop *loop;
        const struct cw_config *config;
        const struct cw_config_station *station;
        uint32_t generation;
        const struct cw_station_ops *ops;
        void *ctx;
        struct cw_peer *peer;
        struct cw_timer *timer;
        json_t *hello, *status;
        bool busy;
        char trouble[240];
};

static void keep(json_t **slot, json_t *borrowed) {
        json_decref(*slot);
        *slot = json_incref(borrowed);
}

static void forget(json_t **slot) {
        json_decref(*slot);
        *slot = NULL;
}

/* It counts as down before its calls are answered: an answer that resets the link then finds nothing left to
 * do. */
static void drop(struct cw_station_link *l, const char *why) {
        bool was_up = l->hello != NULL;
        (void)snprintf(l->trouble, sizeof l->trouble, "%s", why);
        forget(&l->hello);
        forget(&l->status);
        l->busy = false;
        cw_timer_arm(l->timer, RETRY_MS);
        cw_peer_free(CW_STEAL(l->peer));
        if (!was_up)
                return;
        cw_log(CW_EV_PEER_LOST, CW_F_STR("PEER", l->station->name), CW_F_STR("TEXT", l->trouble));
        l->ops->on_down(l->ctx, l);
}

static void on_closed(void *ctx, struct cw_peer *p, const struct cw_fault *why) {
        (void)p;
        drop(ctx, why->text);
}

static void on_request(void *ctx, struct cw_peer *p, struct cw_msg *request) {
        (void)ctx;
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_IPC, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "station.request", "",
                      "cardwrightd answers no requests of a station");
        cw_peer_send(p, cw_msg_error(request, &f));
}

static void on_event(void *ctx, struct cw_peer *p, struct cw_msg *event) {
        (void)p;
        struct cw_station_link *l = ctx;
        l->ops->on_event(l->ctx, l, event);
}

static const struct cw_peer_ops peer_ops = {on_request, on_event, on_closed};

static void on_hello(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_station_link *l = ctx;
        if (!l->peer)
                return;
        const char *name = rc == CW_OK ? cw_msg_str(reply, "station", "") : "";
        if (rc != CW_OK || strcmp(name, l->station->name) != 0) {
                drop(l, rc != CW_OK ? f->text
                                    : "another station answers on this station's socket: check --station");
                return;
        }
        keep(&l->hello, reply->json);
        l->busy = cw_msg_bool(reply, "busy", false);
        l->trouble[0] = '\0';
        cw_log(CW_EV_PEER_CONNECTED, CW_F_STR("PEER", l->station->name));
        cw_timer_arm(l->timer, 0);
        l->ops->on_up(l->ctx, l);
}

static void on_status(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_station_link *l = ctx;
        if (!l->peer)
                return;
        if (cw_rc_class(rc) == CW_C_RECONNECT || cw_rc_class(rc) == CW_C_IN_DOUBT) {
                drop(l, f->text); /* hangs or is gone */
                return;
        }
        cw_timer_arm(l->timer, POLL_MS);
        if (rc != CW_OK) {
                /* It lives and works on, but cannot say how it is: no new job until it can. */
                forget(&l->status);
                (void)snprintf(l->trouble, sizeof l->trouble, "%s", f->text);
                return;
        }
        l->trouble[0] = '\0';
        keep(&l->status, reply->json);
        l->busy = cw_msg_bool(reply, "busy", false);
        l->ops->on_status(l->ctx, l);
}

static void connect_now(struct cw_station_link *l) {
        char path[PATH_MAX];
        struct cw_fault f = {0};
        int fd = -1;
        (void)snprintf(path, sizeof path, "%s/station/%s.sock", l->config->agent.runtime_dir,
                       l->station->name);
        cw_rc rc = cw_ipc_connect(path, &fd, &f);
        if (rc == CW_OK)
                rc = cw_peer_new(l->loop, fd, &peer_ops, l, &l->peer);
        if (rc != CW_OK) {
                cw_fd_cleanup(&fd);
                (void)snprintf(l->trouble, sizeof l->trouble, "%s", f.text);
                cw_timer_arm(l->timer, RETRY_MS);
                return;
        }
        struct cw_msg *m = cw_msg_request("hello");
        if (m) {
                m->generation = l->generation;
                (void)json_object_set_new(m->json, "generation", json_integer(l->generation));
        }
        cw_peer_call(l->peer, m, QUICK_CALL_MS, on_hello, l);
}

static void on_timer(void *ctx) {
        struct cw_station_link *l = ctx;
        if (!l->peer)
                connect_now(l);
        else if (l->hello)
                cw_station_link_call(l, cw_msg_request("status"), QUICK_CALL_MS, on_status, l);
}

cw_rc cw_station_link_new(struct cw_loop *loop, const struct cw_config *config,
                          const struct cw_config_station *station, uint32_t generation,
                          const struct cw_station_ops *ops, void *ctx, struct cw_station_link **ret) {
        struct cw_station_link *l = calloc(1, sizeof *l);
        if (!l)
                return CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_NOMEM);
        *l = (struct cw_station_link){.loop = loop,
                                      .config = config,
                                      .station = station,
                                      .generation = generation,
                                      .ops = ops,
                                      .ctx = ctx};
        cw_rc rc = cw_timer_new(loop, on_timer, l, &l->timer);
        if (rc != CW_OK) {
                free(l);
                return rc;
        }
        cw_timer_arm(l->timer, 0);
        *ret = l;
        return CW_OK;
}

void cw_station_link_close(struct cw_station_link *l) {
        forget(&l->hello);
        forget(&l->status);
        l->busy = false;
        cw_timer_disarm(l->timer);
        cw_peer_free(CW_STEAL(l->peer));
}

void cw_station_link_free(struct cw_station_link *l) {
        if (!l)
                return;
        cw_station_link_close(l);
        cw_timer_free(l->timer);
        free(l);
}

const struct cw_config_station *cw_station_link_config(const struct cw_station_link *l) {
        return l->station;
}

const char *cw_station_link_name(const struct cw_station_link *l) {
        return l->station->name;
}

bool cw_station_link_up(const struct cw_station_link *l) {
        return l->hello != NULL;
}

bool cw_station_link_busy(const struct cw_station_link *l) {
        return l->busy;
}

const json_t *cw_station_link_hello(const struct cw_station_link *l) {
        return l->hello;
}

const json_t *cw_station_link_status(const struct cw_station_link *l) {
        return l->status;
}

const char *cw_station_link_trouble(const struct cw_station_link *l) {
        return l->trouble;
}

void cw_station_link_call(struct cw_station_link *l, struct cw_msg *m, int64_t timeout_ms, cw_reply_fn fn,
                          void *ctx) {
        if (l->peer && m)
                m->generation = l->generation;
        if (l->peer) {
                cw_peer_call(l->peer, m, timeout_ms, fn, ctx);
                return;
        }
        struct cw_fault f = {0};
        cw_msg_free(m);
        cw_rc rc = cw_fail(&f, CW_RC(CW_L_STATION, CW_C_RECONNECT, CW_E_CLOSED), 0, "station.call",
                           "PRT_NOT_REACHABLE",
                           "the station %s is not running; start its cardwright-stationd", l->station->name);
        if (fn)
                fn(ctx, rc, &f, NULL);
}

void cw_station_link_reset(struct cw_station_link *l, const char *why) {
        drop(l, why);
}

void cw_station_link_poll(struct cw_station_link *l) {
        if (l->hello)
                cw_timer_arm(l->timer, 0);
}
