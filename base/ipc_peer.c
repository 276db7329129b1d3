/* SPDX-License-Identifier: Apache-2.0 */
/* A message connection on an event loop, and a listener for it. */
#include "base/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define RC(cls, n) CW_RC(CW_L_IPC, (cls), (n))
/* A peer that does not read for this long while the socket is full is treated as gone. */
#define SEND_PATIENCE_MS 2000

struct call {
        struct cw_peer *peer;
        uint32_t id;
        struct cw_timer *timer;
        cw_reply_fn fn;
        void *ctx;
        struct call *next;
};

struct cw_peer {
        struct cw_loop *loop;
        int fd;
        struct cw_watch *watch;
        const struct cw_peer_ops *ops;
        void *ctx;
        uint32_t next_id;
        struct call *calls;
        struct cw_timer *broken_timer; /* reports a failed send from the loop, not from inside the caller */
        struct cw_fault broken;
        bool closed;
        bool freed;
        unsigned depth; /* callbacks of this peer on the stack */
};

static void call_done(struct call *c, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        cw_timer_free(c->timer);
        if (c->fn)
                c->fn(c->ctx, rc, f, reply);
        free(c);
}

static struct call *call_unlink(struct cw_peer *p, uint32_t id) {
        for (struct call **at = &p->calls; *at; at = &(*at)->next) {
                if ((*at)->id != id)
                        continue;
                struct call *c = *at;
                *at = c->next;
                return c;
        }
        return NULL;
}

static void fail_all_calls(struct cw_peer *p, const struct cw_fault *f) {
        while (p->calls) {
                struct call *c = p->calls;
                p->calls = c->next;
                call_done(c, f->rc, f, NULL);
        }
}

static void peer_release(struct cw_peer *p) {
        if (p->freed && p->depth == 0)
                free(p);
}

static void peer_close(struct cw_peer *p, const struct cw_fault *why) {
        if (p->closed)
                return;
        p->closed = true;
        cw_watch_free(p->watch);
        p->watch = NULL;
        cw_fd_cleanup(&p->fd);
        fail_all_calls(p, why);
        if (!p->freed)
                p->ops->on_closed(p->ctx, p, why);
}

static void on_broken(void *ctx) {
        struct cw_peer *p = ctx;
        p->depth++;
        peer_close(p, &p->broken);
        p->depth--;
        peer_release(p);
}

static void on_reply(struct cw_peer *p, struct cw_msg *m) {
        struct call *c = call_unlink(p, m->id);
        if (!c)
                return; /* its caller gave up at the deadline */
        struct cw_fault f = {0};
        cw_rc rc = CW_OK;
        if (!cw_msg_bool(m, "ok", false)) {
                cw_fault_from_json(json_object_get(m->json, "error"), &f);
                rc = f.rc;
        }
        call_done(c, rc, &f, rc == CW_OK ? m : NULL);
}

static void dispatch(struct cw_peer *p, struct cw_msg *m) {
        if (m->type == CW_MSG_REPLY)
                on_reply(p, m);
        else if (m->type == CW_MSG_REQUEST)
                p->ops->on_request(p->ctx, p, m);
        else if (p->ops->on_event)
                p->ops->on_event(p->ctx, p, m);
}

static void on_readable(void *ctx, uint32_t events) {
        (void)events;
        struct cw_peer *p = ctx;
        p->depth++;
        CW_AUTO(cw_msg_free) struct cw_msg *m = NULL;
        struct cw_fault f = {0};
        cw_rc rc = cw_ipc_recv(p->fd, cw_deadline_ns(0), &m, &f);
        if (rc == CW_OK)
                dispatch(p, m);
        else if (cw_rc_class(rc) != CW_C_RETRY)
                peer_close(p, &f);
        p->depth--;
        peer_release(p);
}

cw_rc cw_peer_new(struct cw_loop *loop, int take_fd, const struct cw_peer_ops *ops, void *ctx,
                  struct cw_peer **ret) {
        struct cw_peer *p = calloc(1, sizeof *p);
        if (!p)
                return RC(CW_C_RETRY, CW_E_NOMEM);
        *p = (struct cw_peer){.loop = loop, .fd = take_fd, .ops = ops, .ctx = ctx};
        cw_rc rc = cw_timer_new(loop, on_broken, p, &p->broken_timer);
        if (rc == CW_OK)
                rc = cw_watch_new(loop, take_fd, EPOLLIN, on_readable, p, &p->watch);
        if (rc != CW_OK) {
                cw_timer_free(p->broken_timer);
                free(p);
                return rc;
        }
        *ret = p;
        return CW_OK;
}

void cw_peer_free(struct cw_peer *p) {
        if (!p || p->freed)
                return;
        struct cw_fault f = {0};
        (void)cw_fail(&f, RC(CW_C_RECONNECT, CW_E_CLOSED), 0, "ipc.close", "", "the connection was closed");
        p->freed = true;
        p->depth++;
        peer_close(p, &f);
        cw_timer_free(p->broken_timer);
        p->depth--;
        peer_release(p);
}

static void peer_break(struct cw_peer *p, const struct cw_fault *f) {
        p->broken = *f;
        cw_timer_arm(p->broken_timer, 0);
}

/* Frees m. False when the message could not be sent; then the peer is about to close. */
static bool send_now(struct cw_peer *p, struct cw_msg *m, struct cw_fault *ret_fault) {
        CW_AUTO(cw_msg_free) struct cw_msg *owned = m;
        if (!owned) {
                (void)cw_fail(ret_fault, RC(CW_C_RETRY, CW_E_NOMEM), 0, "ipc.send", "", "out of memory");
                return false;
        }
        if (p->closed) {
                (void)cw_fail(ret_fault, RC(CW_C_RECONNECT, CW_E_CLOSED), 0, "ipc.send", "",
                              "the connection is closed");
                return false;
        }
        cw_rc rc = cw_ipc_send(p->fd, owned, cw_deadline_ns(SEND_PATIENCE_MS), ret_fault);
        if (rc == CW_OK)
                return true;
        if (cw_rc_class(rc) != CW_C_FATAL)
                peer_break(p, ret_fault);
        return false;
}

static void on_call_timeout(void *ctx) {
        struct call *c = ctx;
        struct cw_fault f = {0};
        cw_rc rc = cw_fail(&f, RC(CW_C_IN_DOUBT, CW_E_TIMEOUT), 0, "ipc.call", "",
                           "the other process did not answer in time");
        (void)call_unlink(c->peer, c->id);
        call_done(c, rc, &f, NULL);
}

void cw_peer_call(struct cw_peer *p, struct cw_msg *m, int64_t timeout_ms, cw_reply_fn fn, void *ctx) {
        struct cw_fault f = {0};
        struct call *c = calloc(1, sizeof *c);
        if (!c || cw_timer_new(p->loop, on_call_timeout, c, &c->timer) != CW_OK) {
                free(c);
                cw_msg_free(m);
                cw_rc rc = cw_fail(&f, RC(CW_C_RETRY, CW_E_NOMEM), 0, "ipc.call", "", "out of memory");
                if (fn)
                        fn(ctx, rc, &f, NULL);
                return;
        }
        *c = (struct call){.peer = p, .id = ++p->next_id, .timer = c->timer, .fn = fn, .ctx = ctx};
        if (m)
                m->id = c->id;
        if (!send_now(p, m, &f)) {
                call_done(c, f.rc, &f, NULL);
                return;
        }
        c->next = p->calls;
        p->calls = c;
        cw_timer_arm(c->timer, timeout_ms);
}

void cw_peer_send(struct cw_peer *p, struct cw_msg *m) {
        struct cw_fault f = {0};
        (void)send_now(p, m, &f);
}

int cw_peer_fd(const struct cw_peer *p) {
        return p->fd;
}

struct cw_listener {
        int fd;
        struct cw_watch *watch;
        cw_accept_fn fn;
        void *ctx;
};

static void on_acceptable(void *ctx, uint32_t events) {
        (void)events;
        struct cw_listener *l = ctx;
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return;
        int bytes = 512 * 1024;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        struct ucred cred;
        if (cw_ipc_peer_cred(fd, &cred) != CW_OK) {
                (void)close(fd);
                return;
        }
        l->fn(l->ctx, fd, &cred);
}

cw_rc cw_listener_new(struct cw_loop *loop, int take_fd, cw_accept_fn fn, void *ctx,
                      struct cw_listener **ret) {
        struct cw_listener *l = calloc(1, sizeof *l);
        if (!l)
                return RC(CW_C_RETRY, CW_E_NOMEM);
        *l = (struct cw_listener){.fd = take_fd, .fn = fn, .ctx = ctx};
        cw_rc rc = cw_watch_new(loop, take_fd, EPOLLIN, on_acceptable, l, &l->watch);
        if (rc != CW_OK) {
                free(l);
                return rc;
        }
        *ret = l;
        return CW_OK;
}

void cw_listener_free(struct cw_listener *l) {
        if (!l)
                return;
        cw_watch_free(l->watch);
        cw_fd_cleanup(&l->fd);
        free(l);
}
