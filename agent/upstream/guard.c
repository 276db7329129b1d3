/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call whose lost answer must not be guessed at: the state is read back, and only "not done", seen twice
 * with a pause between (the server may still be at work), lets the call be repeated.
 */
#include "agent/upstream/client.h"

#include "agent/upstream/rc.h"
#include "agent/upstream/readback.h"

#include <string.h>

#define ROUNDS_MAX 3
#define FIRST_LOOK_MS 500
#define SECOND_LOOK_MS 1500
#define KEYS_LOOKS_MAX 6 /* looks that failed because the gateway's keys are just being changed */
#define KEYS_LOOK_MS 5000

enum guard_state { GUARD_BEFORE, GUARD_SENT, GUARD_WAIT, GUARD_LOOK };

struct cw_guard {
        struct cw_guard *next;
        struct cw_dcms *d;
        const struct cw_dcms_endpoint *e;
        enum guard_state state;
        struct cw_timer *timer;
        json_t *fields;
        json_t *before; /* NULL: the server had nothing of the kind, or it is not asked before */
        char request_id[65];
        int rounds;       /* times sent */
        int blind;        /* looks that the gateway's keys made useless */
        bool lost;        /* an answer of an earlier round was lost */
        bool seen_undone; /* the state said "not done" once since the last round */
        bool refused;     /* after a loss the server refused; fault says why */
        struct cw_fault fault;
        cw_dcms_fn fn;
        void *ctx;
};

static void guard_free(struct cw_guard *g) {
        for (struct cw_guard **at = &g->d->guards; *at; at = &(*at)->next)
                if (*at == g) {
                        *at = g->next;
                        break;
                }
        cw_timer_free(g->timer);
        json_decref(g->fields);
        json_decref(g->before);
        free(g);
}

/* The one end of a guard. */
static void finish(struct cw_guard *g, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply,
                   bool confirmed) {
        struct cw_dcms_reply out = *reply;
        out.confirmed = confirmed;
        out.replayed = out.replayed || g->lost;
        (void)snprintf(out.request_id, sizeof out.request_id, "%s", g->request_id);
        cw_dcms_fn fn = g->fn;
        void *ctx = g->ctx;
        if (fn)
                fn(ctx, rc, f, &out);
        guard_free(g);
}

static void finish_unclear(struct cw_guard *g, const struct cw_dcms_reply *reply, const char *why) {
        struct cw_fault f;
        cw_rc rc =
            cw_fail(&f, CW_UP(IN_DOUBT, CW_E_TIMEOUT), g->fault.native, g->e->name, CW_DCMS_CODE_LOST,
                    "the answer to %s was lost and reading back %s; find out at the bank whether it was done "
                    "before going on",
                    g->e->name, why);
        finish(g, rc, &f, reply, false);
}

static void on_sent(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply);
static void on_look(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply);

static void look(struct cw_guard *g) {
        json_t *fields = NULL;
        const struct cw_dcms_endpoint *probe = cw_readback_probe(g->e, g->fields, &fields);
        if (g->state != GUARD_BEFORE)
                g->state = GUARD_LOOK;
        cw_named_send(g->d, probe, fields, NULL, 0, NULL, on_look, g);
        json_decref(fields);
}

static void send_round(struct cw_guard *g) {
        g->state = GUARD_SENT;
        g->rounds++;
        g->seen_undone = false;
        cw_named_send(g->d, g->e, g->fields, NULL, 0, g->e->request_id ? g->request_id : NULL, on_sent, g);
}

static void look_later(struct cw_guard *g, int64_t ms) {
        g->state = GUARD_WAIT;
        cw_timer_arm(g->timer, ms);
}

static void on_timer(void *ctx) {
        look(ctx);
}

static void on_sent(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_guard *g = ctx;
        bool lost = cw_rc_class(rc) == CW_C_IN_DOUBT;
        /* A refusal after a loss may be the echo of our own success. */
        bool refused = g->lost && cw_rc_class(rc) == CW_C_REJECT;
        if ((!lost && !refused) || g->d->closing) {
                finish(g, rc, f, reply, false);
                return;
        }
        g->lost = true;
        g->refused = refused;
        g->fault = *f;
        look_later(g, FIRST_LOOK_MS);
}

/* The state before; a server that knows nothing of the kind has none. */
static void take_before(struct cw_guard *g, cw_rc rc, const struct cw_fault *f,
                        const struct cw_dcms_reply *reply) {
        if (g->d->closing || (rc != CW_OK && cw_rc_class(rc) != CW_C_REJECT)) {
                finish(g, rc, f, reply, false);
                return;
        }
        g->before = rc == CW_OK ? json_deep_copy(reply->result) : NULL;
        send_round(g);
}

static void not_done(struct cw_guard *g, const struct cw_dcms_reply *reply) {
        if (g->refused)
                finish(g, g->fault.rc, &g->fault, reply, false);
        else if (!g->seen_undone) {
                g->seen_undone = true;
                look_later(g, SECOND_LOOK_MS);
        } else if (g->rounds < ROUNDS_MAX)
                send_round(g);
        else {
                /* Surely not done, and the network will not carry it now. */
                struct cw_fault f;
                cw_rc rc =
                    cw_fail(&f, CW_UP(RETRY, CW_E_IO), g->fault.native, g->e->name, CW_DCMS_CODE_OFFLINE,
                            "%s was tried %d times without an answer and was not done; try again later",
                            g->e->name, g->rounds);
                finish(g, rc, &f, reply, false);
        }
}

static void on_look(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_guard *g = ctx;
        if (g->state == GUARD_BEFORE) {
                take_before(g, rc, f, reply);
                return;
        }
        if (rc != CW_OK && !g->d->closing && cw_dcms_keys_differ(f) && g->blind < KEYS_LOOKS_MAX) {
                g->blind++;
                look_later(g, KEYS_LOOK_MS);
                return;
        }
        if (rc != CW_OK && cw_rc_class(rc) != CW_C_REJECT) {
                finish_unclear(g, reply, "failed too");
                return;
        }
        const json_t *after = rc == CW_OK ? reply->result : NULL;
        switch (cw_readback_judge(g->e, g->fields, g->before, after)) {
        case CW_READBACK_DONE:
                finish(g, CW_OK, NULL, reply, true);
                break;
        case CW_READBACK_NOT_DONE:
                not_done(g, reply);
                break;
        case CW_READBACK_UNCLEAR:
                finish_unclear(g, reply, "does not tell");
                break;
        }
}

cw_rc cw_guard_start(struct cw_dcms *d, const struct cw_dcms_endpoint *e, const json_t *fields,
                     const char *request_id, cw_dcms_fn fn, void *ctx, struct cw_fault *f) {
        struct cw_guard *g = calloc(1, sizeof *g);
        cw_rc rc = CW_OK;
        if (!g || cw_timer_new(d->loop, on_timer, g, &g->timer) != CW_OK ||
            !(g->fields = json_deep_copy(fields)))
                rc = CW_UP(RETRY, CW_E_NOMEM);
        if (rc == CW_OK && !request_id)
                rc = cw_dcms_request_id(g->request_id);
        else if (rc == CW_OK && (size_t)snprintf(g->request_id, sizeof g->request_id, "%s", request_id) >=
                                    sizeof g->request_id)
                rc = CW_UP(REJECT, CW_E_RANGE);
        if (rc != CW_OK) {
                if (g) {
                        cw_timer_free(g->timer);
                        json_decref(g->fields);
                }
                free(g);
                return cw_fail(f, rc, 0, e->name, "", "no memory to begin %s, or its requestId is too long",
                               e->name);
        }
        g->d = d;
        g->e = e;
        g->fn = fn;
        g->ctx = ctx;
        g->next = d->guards;
        d->guards = g;
        if (cw_readback_needs_before(e))
                look(g);
        else
                send_round(g);
        return CW_OK;
}

void cw_guard_cancel_all(struct cw_dcms *d) {
        const struct cw_dcms_reply nothing = {0};
        while (d->guards)
                finish_unclear(d->guards, &nothing, "was cut short by the end of the program");
}
