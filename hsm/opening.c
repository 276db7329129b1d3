/* SPDX-License-Identifier: Apache-2.0 */
/* session.open: limits, one worker started after the other, the session socket handed out. */
#include "base/log.h"
#include "hsm/supervisor_internal.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_BURST 60
#define OPEN_REFILL_NS INT64_C(500000000) /* two a second in the long run */

static bool within_rate(struct cw_supervisor *sv) {
        int64_t now = cw_mono_ns(cw_loop_clock(sv->loop));
        int64_t fresh = (now - sv->open_refill_ns) / OPEN_REFILL_NS;
        if (sv->open_refill_ns == 0 || sv->open_tokens + fresh >= OPEN_BURST) {
                sv->open_tokens = OPEN_BURST;
                sv->open_refill_ns = now;
        } else if (fresh > 0) {
                sv->open_tokens += fresh;
                sv->open_refill_ns += fresh * OPEN_REFILL_NS;
        }
        if (sv->open_tokens == 0)
                return false;
        sv->open_tokens--;
        return true;
}

static cw_rc check_open(struct cw_supervisor *sv, struct cw_fault *f) {
        if (sv->login_failed.rc != CW_OK) {
                *f = sv->login_failed;
                return f->rc;
        }
        if (!within_rate(sv))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY), 0, "hsm.open", "HSM_BUSY",
                               "too many sessions are opened in a short time; wait a moment");
        if (sv->token != NULL && sv->token_ready)
                return CW_OK;
        if (sv->last_failure.rc != CW_OK) {
                *f = sv->last_failure;
                return f->rc;
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY), 0, "hsm.open", "HSM_BUSY",
                       "the token is being opened; wait a moment");
}

static void opening_free(struct cw_sv_opening *o) {
        cw_msg_free(o->request);
        free(o);
}

/* One session per job: a new one replaces what an earlier cardwrightd left behind. A bench session has a name
 * of the administrator's choice, which must not end a customer's card. */
static void close_same_job(struct cw_supervisor *sv, const char *job, bool bench) {
        for (struct cw_sv_child *c = sv->children; c != NULL; c = c->next) {
                if (c->session != 0 && !c->closing && c->bench == bench && job[0] != '\0' &&
                    strcmp(c->job, job) == 0)
                        cw_sv_close_child(c);
        }
}

static void on_opened(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_sv_child *c = ctx;
        struct cw_supervisor *sv = c->sv;
        struct cw_sv_deferred *d = c->opening;
        c->opening = NULL;
        if (rc == CW_OK && json_object_set_new(reply->json, "session", json_integer(c->session)) == 0) {
                int fd = c->handover_fd;
                c->handover_fd = -1;
                c->opened = true;
                cw_log(CW_EV_HSM_SESSION_OPENED, CW_F_INT("SESSION", c->session), CW_F_STR("JOB", c->job));
                cw_sv_answer(d, reply, fd);
                sv->starting = NULL;
                cw_sv_opening_next(sv);
                return;
        }
        struct cw_fault why = {0};
        cw_sv_lost_fault(c, f, &why);
        if (strcmp(why.code, "HSM_LOGIN") == 0)
                cw_sv_note_failure(sv, &why);
        cw_log_fault(CW_EV_HSM_REQUEST_REFUSED, &why);
        cw_sv_answer_fault(d, &why);
        if (sv->starting == c) {
                sv->starting = NULL;
                cw_sv_close_child(c);
                cw_sv_opening_next(sv);
        }
}

/* Starts a worker for it, or answers why not. */
static void start(struct cw_supervisor *sv, struct cw_sv_opening *o) {
        struct cw_fault f = {0};
        struct cw_sv_child *c = NULL;
        cw_rc rc = CW_OK;
        if (sv->login_failed.rc != CW_OK) {
                f = sv->login_failed;
                rc = f.rc;
        }
        close_same_job(sv, o->job, o->bench);
        if (rc == CW_OK)
                rc = cw_sv_spawn(sv, ++sv->next_session, &c, &f);
        if (rc != CW_OK) {
                cw_sv_answer_fault(o->deferred, &f);
                return;
        }
        memcpy(c->job, o->job, sizeof(c->job));
        c->bench = o->bench;
        sv->starting = c;
        c->opening = o->deferred;
        struct cw_msg *m = o->request;
        o->request = NULL;
        cw_peer_call(c->peer, m, cw_sv_patience_ms(sv), on_opened, c);
}

void cw_sv_opening_next(struct cw_supervisor *sv) {
        while (sv->starting == NULL && sv->openings != NULL) {
                struct cw_sv_opening *o = sv->openings;
                sv->openings = o->next;
                start(sv, o);
                opening_free(o);
        }
}

static void queue(struct cw_supervisor *sv, struct cw_sv_opening *o) {
        struct cw_sv_opening **at = &sv->openings;
        while (*at != NULL)
                at = &(*at)->next;
        *at = o;
        cw_sv_opening_next(sv);
}

void cw_sv_open(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        struct cw_fault f = {0};
        const char *job = cw_msg_str(request, "job", cw_msg_str(request, "ticket", ""));
        bool bench = strcmp(cw_msg_str(request, "kind", ""), "bench") == 0;
        struct cw_sv_opening *o = calloc(1, sizeof(*o));
        if (o != NULL) {
                o->deferred = cw_sv_defer(client, request);
                o->request = cw_sv_move(CW_MSG_REQUEST, request);
        }
        if (o == NULL || o->deferred == NULL || o->request == NULL) {
                (void)cw_fail(&f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.open", "",
                              "out of memory");
        } else if (bench != client->admin) {
                (void)cw_fail(&f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.open", "HSM_REQUEST",
                              "a bench session is opened over admin.sock, any other over agent.sock");
        } else if (bench && !sv->cfg->hsm.test_token) {
                (void)cw_fail(&f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.open", "HSM_REFUSED",
                              "cards are personalised by hand on a token for tests only; set hsm.test_token "
                              "where the token is one");
        } else if (strlen(job) == 0 || strlen(job) > CW_SV_JOB_MAX) {
                (void)cw_fail(&f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.open", "HSM_REQUEST",
                              "a session is for a \"job\" or a \"ticket\" of at most %u characters",
                              CW_SV_JOB_MAX);
        } else if (check_open(sv, &f) == CW_OK && cw_sv_audit_delete(client, o->request, &f) == CW_OK) {
                memcpy(o->job, job, strlen(job) + 1);
                o->bench = bench;
                queue(sv, o);
                return;
        }
        if (o != NULL && o->deferred != NULL) {
                cw_log_fault(CW_EV_HSM_REQUEST_REFUSED, &f);
                cw_sv_answer_fault(o->deferred, &f);
        }
        if (o != NULL)
                opening_free(o);
}

void cw_sv_opening_done(struct cw_supervisor *sv) {
        while (sv->openings != NULL) {
                struct cw_sv_opening *o = sv->openings;
                sv->openings = o->next;
                opening_free(o);
        }
}
