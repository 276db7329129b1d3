/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/run_steps.h"

#include "agent/daemon/run_call.h"
#include "base/log.h"
#include "hsm/client/hsm_client.h"

#include <string.h>

/* A step ends by the station's own deadlines; ours only catches a station that hangs. */
#define STEP_CALL_MS ((int64_t)15 * 60 * 1000)
#define LOOKS_MAX 5u    /* at a printer that is away, some 15 s in all */
#define SESSIONS_MAX 2u /* one after the other before a person is told that the station is not ready */
#define WAKE_MS 5000

/* ---- hsmd session ---- */

static void close_session(struct cw_run *r) {
        cw_fd_cleanup(&r->session_fd);
        if (r->session)
                cw_hsm_link_call(r->daemon->hsm, cw_hsm_msg_close(r->session), NULL, NULL);
        r->session = 0;
}

void cw_run_bind(struct cw_run *r, struct cw_station_link *l) {
        r->wants_station = false;
        r->link = l;
        r->begun = r->beginning = false;
        r->binding++;
        r->failures = 0;
        r->resting = false;
}

void cw_run_release(struct cw_run *r) {
        close_session(r);
        r->link = NULL;
        r->binding++;
        r->begun = r->beginning = false;
        r->has_pending = false;
        r->asks_result = false;
        r->reconciles = false;
        r->looking = false;
}

void cw_run_lose_station(struct cw_run *r) {
        struct cw_job_event e = {.kind = CW_JE_STATION_LOST};
        memcpy(e.station, r->job.station, sizeof e.station);
        cw_run_release(r);
        cw_run_event(r, &e, NULL, "");
}

static struct cw_msg *open_msg(struct cw_run *r, struct cw_fault *f, cw_rc *ret_rc) {
        char sealed[CW_SEALED_MAX + 1];
        *ret_rc = cw_journal_sealed(r->daemon->journal, r->job.id, sealed, sizeof sealed, f);
        if (*ret_rc != CW_OK)
                return NULL;
        struct cw_hsm_issue issue = {.job = r->job.id,
                                     .kit = r->kit.kit,
                                     .plastic_code = r->kit.plastic_code,
                                     .expiry = r->kit.expiry,
                                     .name = r->kit.name,
                                     .encrypted_card_number = sealed};
        return cw_hsm_msg_open_issue(&issue);
}

/* Asks hsmd for a session; fn is called once. False when the journal could not give the sealed data. */
static bool ask_session(struct cw_run *r, cw_run_answer_fn fn) {
        struct cw_fault f = {0};
        cw_rc rc = CW_OK;
        struct cw_msg *m = open_msg(r, &f, &rc);
        if (rc != CW_OK) {
                (void)cw_daemon_check(r->daemon, rc, &f);
                return false;
        }
        r->opening = true;
        cw_run_ask_hsm(r, m, fn);
        return true;
}

/* ---- card data ---- */

static void data_refused(struct cw_run *r, const struct cw_fault *f) {
        struct cw_job_event e = {.kind = CW_JE_DATA_REFUSED};
        (void)snprintf(e.code, sizeof e.code, "%s", *f->code ? f->code : "DATA_PREPARATION_FAILED");
        cw_log_fault(CW_EV_DATA_REFUSED, f);
        cw_run_event(r, &e, NULL, "hsmd");
}

static void on_data(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_hsm_opened opened;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        r->opening = false;
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, &opened, &fault);
        if (cw_rc_class(rc) == CW_C_REJECT) {
                r->wants_data = false;
                data_refused(r, &fault);
                return;
        }
        if (rc != CW_OK) {
                cw_log_fault(CW_EV_SESSION_REFUSED, &fault);
                cw_run_retry_later(r);
                return;
        }
        /* The data is good. The session itself is opened again when a station is there: it holds a worker of
         * hsmd. */
        (void)close(opened.fd);
        cw_hsm_link_call(r->daemon->hsm, cw_hsm_msg_close(opened.session), NULL, NULL);
        struct cw_change change;
        rc = cw_journal_data_ok(r->daemon->journal, r->job.id, opened.pan_hash, opened.masked_pan, &change,
                                &fault);
        if (cw_rc_class(rc) == CW_C_REJECT)
                cw_run_retry_later(r); /* an answer that cannot be right: hsmd is asked again */
        else
                r->wants_data = false;
        if (rc == CW_OK)
                (void)snprintf(r->kit.masked_pan, sizeof r->kit.masked_pan, "%s", opened.masked_pan);
        cw_run_take(r, rc, &fault, &change);
}

static void open_data(struct cw_run *r) {
        if (r->opening)
                return;
        if (!cw_hsm_link_ready(r->daemon->hsm) || !ask_session(r, on_data))
                cw_run_retry_later(r);
}

/* ---- job.begin: the session goes to the station ---- */

static void perform_begun(struct cw_run *r, const struct cw_job_action *a);

static void preflight_failed(struct cw_run *r, enum cw_class cls, const struct cw_fault *f,
                             const char *actor) {
        struct cw_job_event e = {.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_FAILED, .cls = cls};
        (void)snprintf(e.code, sizeof e.code, "%s", *f->code ? f->code : "DP_NOT_AVAILABLE");
        r->has_pending = false;
        cw_run_event(r, &e, NULL, actor);
}

static bool pending_preflight(const struct cw_run *r) {
        return r->has_pending && r->pending.kind == CW_JA_PREFLIGHT;
}

/* Before a card is fed, a station that cannot take this job is a station a person must look at. */
static void begin_refused(struct cw_run *r, const struct cw_fault *f) {
        char actor[CW_ACTOR_CAP];
        cw_log_fault(CW_EV_STATION_REFUSED, f);
        close_session(r);
        bool passing = cw_rc_class(f->rc) != CW_C_REJECT && cw_rc_class(f->rc) != CW_C_OPERATOR;
        if (passing || !pending_preflight(r)) {
                cw_run_retry_later(r);
                return;
        }
        cw_run_station_actor(r, actor);
        preflight_failed(r, CW_C_OPERATOR, f, actor);
}

static void on_begun(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        (void)reply;
        r->beginning = false;
        if (rc != CW_OK) {
                begin_refused(r, f);
                return;
        }
        r->begun = r->session != 0; /* hsmd may have lost it meanwhile */
        if (!r->has_pending)
                return;
        if (!r->begun) {
                cw_run_retry_later(r);
                return;
        }
        struct cw_job_action a = r->pending;
        r->has_pending = false;
        perform_begun(r, &a);
}

static void begin(struct cw_run *r) {
        struct cw_msg *m = cw_run_msg(r, "job.begin");
        if (m) {
                (void)json_object_set_new(m->json, "kit", json_string(r->kit.kit));
                (void)json_object_set_new(m->json, "plastic_code", json_string(r->kit.plastic_code));
                if (cw_msg_attach_fd(m, r->session_fd) == CW_OK)
                        r->session_fd = -1;
        }
        r->beginning = true;
        cw_run_ask_station(r, m, CW_QUICK_CALL_MS, on_begun);
}

/*
 * hsmd will never open this data. Before a card is fed that ends the job, later it spoils the card in the
 * machine; a card that is only to leave waits, since it needs nothing of the data.
 */
static void session_refused(struct cw_run *r, const struct cw_fault *f) {
        bool leaving = r->job.step == CW_STEP_EJECT || r->job.step == CW_STEP_REJECT;
        if (leaving) {
                cw_run_retry_later(r);
                return;
        }
        r->has_pending = false;
        data_refused(r, f);
}

static void on_session(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_hsm_opened opened;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        r->opening = false;
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, &opened, &fault);
        if (rc != CW_OK) {
                cw_log_fault(CW_EV_SESSION_REFUSED, &fault);
                if (cw_rc_class(rc) == CW_C_REJECT && r->has_pending)
                        session_refused(r, &fault);
                else
                        cw_run_retry_later(r);
                return;
        }
        close_session(r);
        r->session = opened.session;
        r->session_fd = opened.fd;
        if (r->link && r->has_pending)
                begin(r);
        else
                close_session(r); /* the station went away meanwhile */
}

/* Performs the action once the station holds the job with a live session. */
static void with_session(struct cw_run *r, const struct cw_job_action *a) {
        if (r->begun) {
                perform_begun(r, a);
                return;
        }
        r->pending = *a;
        r->has_pending = true;
        cw_run_continue(r);
}

/* ---- steps ---- */

/* The result object of a reply: under "result" when the station puts it there, else the reply itself. */
static const json_t *result_of(const struct cw_msg *reply) {
        const json_t *result = json_object_get(reply->json, "result");
        return result ? result : reply->json;
}

/* A dead hsmd session ends with the step: the next one needs a new session. True when it may be dead. */
static bool note_dead_session(struct cw_run *r, const json_t *result) {
        const char *cls = json_string_value(json_object_get(result, "class"));
        if (!cls || strcmp(cls, "RECONNECT") != 0)
                return false;
        close_session(r);
        r->begun = false;
        return true;
}

/* Nothing of the job was moved: the same is asked again, with a new session when the station may have lost
 * its one. */
static void ask_again(struct cw_run *r, enum cw_job_action_kind kind, const struct cw_fault *f) {
        cw_log_fault(CW_EV_STATION_REFUSED, f);
        r->begun = r->begun && cw_rc_class(f->rc) == CW_C_RETRY;
        r->pending = (struct cw_job_action){.kind = kind};
        r->has_pending = true;
        cw_run_retry_later(r);
}

static void on_preflight(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_job_event e;
        char actor[CW_ACTOR_CAP];
        r->looking = false;
        if (rc != CW_OK) {
                ask_again(r, CW_JA_PREFLIGHT, f);
                return;
        }
        const json_t *result = result_of(reply);
        if (note_dead_session(r, result) && r->failures < SESSIONS_MAX) {
                /* Nobody but hsmd can mend that, and a new session is all it takes. */
                struct cw_fault fault = {0};
                (void)cw_fail(&fault, CW_RC(CW_L_STATION, CW_C_RECONNECT, CW_E_CLOSED), 0, "run.preflight",
                              "", "the session of hsmd ended while the station was checked");
                ask_again(r, CW_JA_PREFLIGHT, &fault);
                return;
        }
        cw_issuance_event_from_result(CW_STEP_PREFLIGHT, 0, result, &e);
        cw_run_station_actor(r, actor);
        cw_run_event(r, &e, result, actor);
}

static void on_baseline(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        if (rc != CW_OK) {
                ask_again(r, CW_JA_PREPARE_STEP, f);
                return;
        }
        if (r->job.wait != CW_WAIT_INTENT)
                return; /* the step was called off meanwhile */
        struct cw_fault fault = {0};
        struct cw_change change;
        (void)json_object_del(reply->json, "ok");
        rc = cw_journal_intent(r->daemon->journal, r->job.id, r->job.step, r->job.seq, reply->json, &change,
                               &fault);
        json_decref(r->baseline);
        r->baseline = json_incref(reply->json);
        cw_run_take(r, rc, &fault, &change);
}

static void take_result(struct cw_run *r, const json_t *result) {
        struct cw_fault f = {0};
        struct cw_change change;
        (void)note_dead_session(r, result);
        cw_rc rc =
            cw_journal_outcome(r->daemon->journal, r->job.id, r->job.step, r->job.seq, result, &change, &f);
        cw_run_take(r, rc, &f, &change);
}

static void on_result(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        if (rc == CW_OK) {
                take_result(r, result_of(reply));
                return;
        }
        /* Whether the step began is not known here. The connection starts anew, and the station is asked for
         * its result. */
        cw_log_fault(CW_EV_STATION_REFUSED, f);
        cw_station_link_reset(r->link, f->text);
}

static void perform_step(struct cw_run *r, const struct cw_job_action *a) {
        struct cw_msg *m = cw_run_step_msg(r, "step", a->step, a->seq);
        if (m && r->baseline)
                (void)json_object_set(m->json, "baseline", r->baseline);
        (void)snprintf(r->doing, sizeof r->doing, "%s", cw_step_name(a->step));
        cw_run_ask_station(r, m, STEP_CALL_MS, on_result);
}

static void perform_begun(struct cw_run *r, const struct cw_job_action *a) {
        r->looking = a->kind == CW_JA_PREFLIGHT;
        if (r->looking)
                cw_run_ask_station(r, cw_run_step_msg(r, "step", CW_STEP_PREFLIGHT, 0), STEP_CALL_MS,
                                   on_preflight);
        else
                cw_run_ask_station(r, cw_run_msg(r, "baseline"), CW_QUICK_CALL_MS, on_baseline);
}

/* ---- after a restart or a lost station ---- */

static bool names_this_step(const struct cw_run *r, const json_t *result) {
        const char *job = json_string_value(json_object_get(result, "job"));
        const char *step = json_string_value(json_object_get(result, "step"));
        return job && step && strcmp(job, r->job.id) == 0 && strcmp(step, cw_step_name(r->job.step)) == 0 &&
               json_integer_value(json_object_get(result, "seq")) == (json_int_t)r->job.seq;
}

/* The question may be asked again; every other failure is an answer of a kind: it does not know. */
static bool may_ask_again(const struct cw_fault *f) {
        cw_log_fault(CW_EV_STATION_REFUSED, f);
        return cw_rc_class(f->rc) == CW_C_RETRY || cw_rc_class(f->rc) == CW_C_RECONNECT;
}

static void on_last(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        if (rc != CW_OK && may_ask_again(f)) {
                r->asks_result = true;
                cw_run_retry_later(r);
                return;
        }
        const json_t *result = reply ? json_object_get(reply->json, "result") : NULL;
        if (names_this_step(r, result)) {
                take_result(r, result);
                return;
        }
        struct cw_job_event e = {.kind = CW_JE_RESULT_NONE};
        char actor[CW_ACTOR_CAP];
        cw_run_station_actor(r, actor);
        cw_run_event(r, &e, NULL, actor);
}

/* A printer without its cable or power for a moment can soon say where its card is; later a person must look.
 */
static bool printer_may_return(const struct cw_run *r, const struct cw_fault *f) {
        return strcmp(f->code, "PRT_NOT_REACHABLE") == 0 && r->failures < LOOKS_MAX;
}

static void on_verdict(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        if (rc != CW_OK && (may_ask_again(f) || printer_may_return(r, f))) {
                r->reconciles = true;
                cw_run_retry_later(r);
                return;
        }
        struct cw_job_event e;
        char actor[CW_ACTOR_CAP];
        cw_issuance_event_from_verdict(r->job.step, r->job.seq, reply ? reply->json : NULL, &e);
        cw_run_station_actor(r, actor);
        cw_run_event(r, &e, reply ? reply->json : NULL, actor);
}

static void reconcile(struct cw_run *r) {
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *baseline = NULL;
        cw_rc rc = cw_journal_baseline(r->daemon->journal, r->job.id, &baseline, &f);
        /* Without a baseline the station may still know the answer; only an empty one proves nothing. */
        if (cw_daemon_check(r->daemon, rc, &f) != CW_OK)
                baseline = json_object();
        struct cw_msg *m = cw_run_step_msg(r, "reconcile", r->job.step, r->job.seq);
        if (m)
                (void)json_object_set(m->json, "baseline", baseline);
        cw_run_ask_station(r, m, STEP_CALL_MS, on_verdict);
}

/* Performs what waits for a station that has the job with a live session, or fetches that first. */
static void go_on_pending(struct cw_run *r) {
        if (r->begun) {
                struct cw_job_action a = r->pending;
                r->has_pending = false;
                perform_begun(r, &a);
        } else if (!r->opening && !r->beginning) {
                if (!cw_hsm_link_ready(r->daemon->hsm) || !ask_session(r, on_session))
                        cw_run_retry_later(r);
        }
}

void cw_run_continue(struct cw_run *r) {
        bool idle = r->link && cw_station_link_up(r->link) && !cw_station_link_busy(r->link);
        if (r->resting)
                return;
        if (r->wants_data) {
                open_data(r);
        } else if (r->has_pending && r->link) {
                go_on_pending(r);
        } else if (r->asks_result && idle) {
                r->asks_result = false;
                cw_run_ask_station(r, cw_run_msg(r, "result.last"), CW_QUICK_CALL_MS, on_last);
        } else if (r->reconciles && idle) {
                r->reconciles = false;
                reconcile(r);
        } else if (r->job.wait == CW_WAIT_SUPPLIES && !r->looking) {
                cw_timer_arm(r->timer, WAKE_MS);
        }
}

/* ---- actions ---- */

/*
 * After a person's decision the job goes on where its card is; the station may have come back, or the daemon
 * been restarted, while it waited for that person.
 */
static void find_own_station(struct cw_run *r) {
        struct cw_station_link *l = cw_daemon_station(r->daemon, r->job.station);
        if (l && cw_station_link_up(l) && !cw_runs_at(r->daemon, l))
                cw_run_bind(r, l);
}

static void end_at_station(struct cw_run *r) {
        if (!r->link)
                find_own_station(r);
        if (r->link)
                cw_run_tell_station(r, cw_run_msg(r, "job.end"));
        cw_run_release(r);
}

static void need_station(struct cw_run *r, const struct cw_job_action *a) {
        r->wants_station = true;
        (void)snprintf(r->wanted, sizeof r->wanted, "%s", a->station);
}

static void wake_later(struct cw_run *r, const struct cw_job_action *a) {
        cw_log(CW_EV_JOB_WAITS, CW_F_STR("JOB", r->job.id), CW_F_STR("STATION", r->job.station),
               CW_F_STR("CODE", a->code), CW_F_STR("ADVICE", cw_issuance_advice(&r->job)));
        r->not_ready_seen = false;
        if (!r->link)
                find_own_station(r);
        if (r->link)
                cw_timer_arm(r->timer, WAKE_MS);
        else
                cw_run_lose_station(r);
}

static void perform_with_station(struct cw_run *r, const struct cw_job_action *a) {
        switch (a->kind) {
        case CW_JA_PREFLIGHT:
        case CW_JA_PREPARE_STEP:
                with_session(r, a);
                break;
        case CW_JA_PERFORM:
                perform_step(r, a);
                break;
        case CW_JA_ATTEMPT_ACK:
                cw_run_tell_station(r, cw_run_step_msg(r, "attempt.ack", CW_STEP_CHIP, a->seq));
                break;
        case CW_JA_RESULT_ACK:
                cw_run_tell_station(r, cw_run_step_msg(r, "result.ack", a->step, a->seq));
                break;
        case CW_JA_ASK_RESULT:
                r->asks_result = true;
                cw_station_link_poll(r->link);
                cw_run_continue(r);
                break;
        case CW_JA_RECONCILE:
                r->reconciles = true;
                cw_run_continue(r);
                break;
        case CW_JA_REPORT:
        case CW_JA_MOVE:
        case CW_JA_FORGET_SEALED:
        case CW_JA_OPEN_DATA:
        case CW_JA_NEED_STATION:
        case CW_JA_WAKE_LATER:
        case CW_JA_WAIT_PERSON:
        case CW_JA_JOB_END:
        case CW_JA_MAX_:
                break;
        }
}

void cw_run_perform(struct cw_run *r, const struct cw_job_action *a) {
        switch (a->kind) {
        case CW_JA_OPEN_DATA:
                r->wants_data = true;
                open_data(r);
                return;
        case CW_JA_NEED_STATION:
                need_station(r, a);
                return;
        case CW_JA_WAKE_LATER:
                wake_later(r, a);
                return;
        case CW_JA_WAIT_PERSON:
                cw_log(CW_EV_JOB_NEEDS_PERSON, CW_F_STR("JOB", r->job.id),
                       CW_F_STR("STATION", r->job.station), CW_F_STR("CODE", a->code),
                       CW_F_STR("ADVICE", cw_issuance_advice(&r->job)));
                return;
        case CW_JA_JOB_END:
                end_at_station(r);
                return;
        case CW_JA_REPORT:
        case CW_JA_MOVE:
        case CW_JA_FORGET_SEALED:
        case CW_JA_MAX_:
                return; /* the journal did them with the event */
        case CW_JA_PREFLIGHT:
        case CW_JA_PREPARE_STEP:
        case CW_JA_PERFORM:
        case CW_JA_ATTEMPT_ACK:
        case CW_JA_RESULT_ACK:
        case CW_JA_ASK_RESULT:
        case CW_JA_RECONCILE:
                break;
        }
        bool news_only = a->kind == CW_JA_RESULT_ACK || a->kind == CW_JA_ATTEMPT_ACK;
        if (!r->link && !news_only)
                find_own_station(r);
        if (r->link)
                perform_with_station(r, a);
        else if (!news_only)
                cw_run_lose_station(r);
}
