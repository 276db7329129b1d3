/* SPDX-License-Identifier: Apache-2.0 */
/* The station's socket: one client, cardwrightd. Everything here runs on the loop and never blocks. */
#include "drivers/station/station.h"

#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cw_step_key_equal(const struct cw_step_key *a, const struct cw_step_key *b) {
        return a->seq == b->seq && strcmp(a->job, b->job) == 0 && strcmp(a->step, b->step) == 0;
}

bool cw_step_key_read(const struct cw_msg *m, struct cw_step_key *ret) {
        const char *job = cw_msg_str(m, "job", ""), *step = cw_msg_str(m, "step", "");
        if (!*job || strlen(job) >= sizeof ret->job || !*step || strlen(step) >= sizeof ret->step ||
            !json_is_integer(json_object_get(m->json, "seq")))
                return false;
        (void)snprintf(ret->job, sizeof ret->job, "%s", job);
        (void)snprintf(ret->step, sizeof ret->step, "%s", step);
        ret->seq = cw_msg_int(m, "seq", 0);
        return true;
}

static void refuse(struct cw_peer *p, const struct cw_msg *request, const struct cw_fault *f) {
        cw_log(CW_EV_REQUEST_FAILED, CW_F_STR("CALL", cw_msg_str(request, "call", "?")),
               CW_F_STR("TEXT", f->text));
        cw_peer_send(p, cw_msg_error(request, f));
}

static void refuse_text(struct cw_peer *p, const struct cw_msg *request, unsigned code, const char *text) {
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, code), 0, "station.request", "", "%s", text);
        refuse(p, request, &f);
}

/* The stored result as a reply: the members of a result are the members of the reply. */
static struct cw_msg *reply_result(const struct cw_msg *request, const json_t *result) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_ok(request);
        if (!m || json_object_update(m->json, (json_t *)(uintptr_t)result) < 0)
                return NULL;
        return CW_STEAL(m);
}

static void submit(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        struct cw_fault f = {0};
        cw_rc rc = cw_stop_refuses(st, &f);
        if (rc == CW_OK)
                rc = cw_bench_submit(st->bench, st->client, request, &f);
        if (rc != CW_OK)
                refuse(p, request, &f);
}

/* ---- steps ---- */

enum gate { GATE_NEW, GATE_KNOWN, GATE_RUNNING, GATE_BUSY, GATE_CLOSED };

/* A step that is known is answered from what is kept; one under way gets a new addressee; neither is
 * performed again. */
static enum gate pass_gate(struct cw_station *st, const struct cw_msg *request, const struct cw_step_key *key,
                           struct cw_msg **ret_reply) {
        bool preflight = strcmp(key->step, "preflight") == 0;
        if (st->running) {
                if (!cw_step_key_equal(key, &st->running_key))
                        return GATE_BUSY;
                st->running_client = st->client;
                st->running_id = request->id;
                return GATE_RUNNING;
        }
        if (!preflight && st->last && cw_step_key_equal(key, &st->last_key)) {
                *ret_reply = reply_result(request, st->last);
                return GATE_KNOWN;
        }
        if (st->stopping)
                return GATE_CLOSED;
        if (!preflight && st->last) {
                json_decref(st->last);
                st->last = NULL;
        }
        st->running = true;
        st->running_key = *key;
        st->running_client = st->client;
        st->running_id = request->id;
        return GATE_NEW;
}

static void on_step(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        struct cw_step_key key = {0};
        struct cw_msg *reply = NULL;
        struct cw_fault f = {0};
        if (!cw_step_key_read(request, &key)) {
                refuse_text(p, request, CW_E_SYNTAX, "a step needs job, step and seq");
                return;
        }
        (void)pthread_mutex_lock(&st->lock);
        enum gate gate = pass_gate(st, request, &key, &reply);
        (void)pthread_mutex_unlock(&st->lock);
        if (gate == GATE_KNOWN)
                cw_peer_send(p, reply);
        if (gate == GATE_BUSY) {
                (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY), 0, "station.step", "",
                              "the station works on another step; wait for its result");
                refuse(p, request, &f);
        }
        if (gate == GATE_CLOSED && cw_stop_refuses(st, &f) != CW_OK)
                refuse(p, request, &f);
        if (gate != GATE_NEW)
                return;
        if (cw_bench_submit(st->bench, st->client, request, &f) == CW_OK)
                return;
        (void)pthread_mutex_lock(&st->lock);
        st->running = false;
        (void)pthread_mutex_unlock(&st->lock);
        refuse(p, request, &f);
}

static void on_attempt_ack(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        (void)pthread_mutex_lock(&st->lock);
        bool fits = st->attempt.waiting && st->attempt.key.seq == cw_msg_int(request, "seq", -1) &&
                    strcmp(st->attempt.key.job, cw_msg_str(request, "job", "")) == 0;
        if (fits)
                st->attempt.acked = true;
        (void)pthread_cond_broadcast(&st->attempted);
        (void)pthread_mutex_unlock(&st->lock);
        if (fits)
                cw_peer_send(p, cw_msg_ok(request));
        else
                refuse_text(p, request, CW_E_STATE,
                            "no key try of this job and seq waits for its acknowledgement");
}

static void on_result_last(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_ok(request);
        if (!m)
                return;
        (void)pthread_mutex_lock(&st->lock);
        int rc = json_object_set_new(m->json, "result", st->last ? json_deep_copy(st->last) : json_null());
        (void)pthread_mutex_unlock(&st->lock);
        if (rc == 0)
                cw_peer_send(p, CW_STEAL(m));
}

static void on_result_ack(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        struct cw_step_key key = {0};
        if (!cw_step_key_read(request, &key)) {
                refuse_text(p, request, CW_E_SYNTAX, "result.ack needs job, step and seq");
                return;
        }
        if (CW_FAILPOINT("station.ack.before"))
                return;
        (void)pthread_mutex_lock(&st->lock);
        if (st->last && cw_step_key_equal(&key, &st->last_key)) {
                json_decref(st->last);
                st->last = NULL;
        }
        (void)pthread_mutex_unlock(&st->lock);
        cw_peer_send(p, cw_msg_ok(request));
}

static void on_hello(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        cw_peer_send(p, cw_view_hello(st, request));
}

static void on_status(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        cw_peer_send(p, cw_view_status(st, request));
}

static void on_kiosk_begin(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        atomic_store(&st->cancel, false);
        submit(st, p, request);
}

/* Whatever waits for the customer gives up, so that the end can be carried out. */
static void on_kiosk_end(struct cw_station *st, struct cw_peer *p, struct cw_msg *request) {
        atomic_store(&st->cancel, true);
        if (st->reader)
                cw_card_reader_wake(st->reader);
        submit(st, p, request);
}

static const struct {
        const char *name;
        void (*fn)(struct cw_station *st, struct cw_peer *p, struct cw_msg *request);
} calls[] = {
    {"hello", on_hello},
    {"status", on_status},
    {"step", on_step},
    {"attempt.ack", on_attempt_ack},
    {"result.last", on_result_last},
    {"result.ack", on_result_ack},
    {"kiosk.begin", on_kiosk_begin},
    {"kiosk.end", on_kiosk_end},
    {"baseline", submit},
    {"reconcile", submit},
    {"job.begin", submit},
    {"job.end", submit},
    {"test_card", submit},
    {"printer.clean", submit},
    {"printer.sheet", submit},
    {"printer.apply", submit},
    {"printer.raw", submit},
    {"kiosk.prove", submit},
    {"kiosk.pin", submit},
    {"kiosk.script", submit},
    {"kiosk.keypad", submit},
    {"kiosk.show", submit},
};

static void on_request(void *ctx, struct cw_peer *p, struct cw_msg *request) {
        const char *call = cw_msg_str(request, "call", "");
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                if (strcmp(calls[i].name, call) == 0) {
                        calls[i].fn(ctx, p, request);
                        return;
                }
        }
        refuse_text(p, request, CW_E_UNSUPPORTED,
                    "the station does not know this call; compare the versions");
}

/* ---- connections ---- */

/* Nobody is there any more who could confirm the key try: the step need not wait for it. */
static void give_up_attempt(struct cw_station *st) {
        (void)pthread_mutex_lock(&st->lock);
        st->attempt.waiting = st->attempt.waiting && st->attempt.acked;
        (void)pthread_cond_broadcast(&st->attempted);
        (void)pthread_mutex_unlock(&st->lock);
}

static void forget_client(struct cw_station *st) {
        st->client++;
        atomic_store(&st->cancel, true);
        if (st->reader)
                cw_card_reader_wake(st->reader);
        give_up_attempt(st);
}

static void on_closed(void *ctx, struct cw_peer *p, const struct cw_fault *why) {
        struct cw_station *st = ctx;
        if (p != st->peer)
                return;
        cw_log(CW_EV_PEER_LOST, CW_F_STR("TEXT", why->text));
        st->peer = NULL;
        forget_client(st);
        cw_peer_free(p);
}

static const struct cw_peer_ops peer_ops = {on_request, NULL, on_closed};

static void on_accept(void *ctx, int take_fd, const struct ucred *cred) {
        struct cw_station *st = ctx;
        CW_AUTO_FD int fd = take_fd;
        if (!cw_ipc_peer_is_ours(fd)) {
                cw_log(CW_EV_PEER_REFUSED, CW_F_INT("UID", cred->uid));
                return;
        }
        if (st->peer) {
                struct cw_peer *old = st->peer;
                st->peer = NULL;
                cw_peer_free(old);
        }
        forget_client(st);
        if (cw_peer_new(st->loop, fd, &peer_ops, st, &st->peer) != CW_OK) {
                cw_log(CW_EV_PEER_REFUSED, CW_F_STR("TEXT", "no memory"));
                return;
        }
        fd = -1;
        cw_log(CW_EV_PEER_CONNECTED, CW_F_INT("PID", cred->pid));
}

cw_rc cw_server_listen(struct cw_station *st, const char *ending, unsigned mode, cw_accept_fn fn,
                       struct cw_listener **ret, struct cw_fault *f) {
        char path[PATH_MAX];
        CW_AUTO_FD int fd = -1;
        (void)snprintf(path, sizeof path, "%s/station", st->config->agent.runtime_dir);
        cw_rc rc = cw_mkdirs(path, 0750, f);
        if (rc != CW_OK)
                return rc;
        (void)snprintf(path, sizeof path, "%s/station/%s.%s", st->config->agent.runtime_dir, st->self->name,
                       ending);
        rc = cw_ipc_listen(path, mode, &fd, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_listener_new(st->loop, fd, fn, st, ret);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "station.listen", "",
                               "no memory for the socket of the station; free some");
        fd = -1;
        return CW_OK;
}

cw_rc cw_server_open(struct cw_station *st, struct cw_fault *f) {
        return cw_server_listen(st, "sock", 0660, on_accept, &st->listener, f);
}

void cw_server_close(struct cw_station *st) {
        struct cw_peer *peer = st->peer;
        st->peer = NULL;
        if (peer)
                cw_peer_free(peer);
        if (st->listener)
                cw_listener_free(st->listener);
        st->listener = NULL;
}

void cw_server_deliver(void *ctx, uint64_t client, struct cw_msg *m) {
        struct cw_station *st = ctx;
        if (client & CW_ADMIN_CLIENT) {
                cw_admin_deliver(st, client, m);
                return;
        }
        if (!st->peer || client != st->client) {
                if (strcmp(cw_msg_str(m, "event", ""), "attempt") == 0)
                        give_up_attempt(st);
                return;
        }
        /* The peer takes messages; this one is the bench's parcel, so its contents move over. */
        struct cw_msg *out = cw_msg_new(m->type);
        if (!out)
                return;
        json_t *json = out->json;
        out->id = m->id;
        out->json = m->json;
        m->json = json;
        cw_peer_send(st->peer, out);
}
