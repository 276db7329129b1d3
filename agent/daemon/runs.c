/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/runs.h"

#include "agent/daemon/run_steps.h"
#include "base/log.h"

#include <string.h>

#define END_CALL_MS 8000

struct cw_run *cw_runs_find(struct cw_daemon *d, const char *job) {
        for (struct cw_run *r = d->runs; r; r = r->next)
                if (strcmp(r->job.id, job) == 0)
                        return r;
        return NULL;
}

struct cw_run *cw_runs_at(struct cw_daemon *d, const struct cw_station_link *l) {
        for (struct cw_run *r = d->runs; r; r = r->next)
                if (r->link == l)
                        return r;
        return NULL;
}

static bool printer_ready(const struct cw_station_link *l);

static void wake(struct cw_run *r) {
        struct cw_job_event e = {.kind = CW_JE_WAKE};
        r->not_ready_seen = false;
        cw_run_event(r, &e, NULL, "");
}

/* The timer of a job that waits for supplies and has nothing under way is the time to look anew. */
static bool may_wake(const struct cw_run *r) {
        return r->job.wait == CW_WAIT_SUPPLIES && r->link && !r->has_pending && !r->looking;
}

/* Before a card is fed a look moves nothing: it brings people the reason of now, not the one that was mended.
 */
static bool other_reason(const struct cw_run *r) {
        const json_t *printer = json_object_get(cw_station_link_status(r->link), "printer");
        const char *code = json_string_value(json_object_get(printer, "code"));
        return r->job.step == CW_STEP_PREFLIGHT && code && strcmp(code, r->job.code) != 0;
}

/* Waiting for supplies: look anew now and then even when the printer never said that it was not ready. */
static void on_timer(void *ctx) {
        struct cw_run *r = ctx;
        r->resting = false;
        if (may_wake(r) && (printer_ready(r->link) || other_reason(r)))
                wake(r);
        else
                cw_run_continue(r);
}

static struct cw_run *run_new(struct cw_daemon *d, const struct cw_job_row *row) {
        struct cw_run *r = calloc(1, sizeof *r);
        if (!r || cw_timer_new(d->loop, on_timer, r, &r->timer) != CW_OK) {
                free(r);
                return NULL;
        }
        r->daemon = d;
        r->job = row->job;
        r->kit = row->kit;
        r->still_since_ns = cw_mono_ns(d->clock);
        r->session_fd = -1;
        struct cw_run **at = &d->runs;
        while (*at)
                at = &(*at)->next;
        *at = r;
        return r;
}

static void run_free(struct cw_run *r) {
        struct cw_run **at = &r->daemon->runs;
        while (*at && *at != r)
                at = &(*at)->next;
        if (*at)
                *at = r->next;
        cw_run_release(r);
        json_decref(r->baseline);
        cw_timer_free(r->timer);
        free(r);
}

void cw_runs_free(struct cw_daemon *d) {
        while (d->runs)
                run_free(d->runs);
}

/*
 * An action may lead to another event at once (the station is gone): what is left of the older event is then
 * void. False when that happened; r may be gone.
 */
static bool perform_all(struct cw_daemon *d, struct cw_run *r, const struct cw_change *change) {
        unsigned turn = r->turn;
        for (unsigned i = 0; i < change->actions.count; i++) {
                cw_run_perform(r, &change->actions.list[i]);
                if (cw_runs_find(d, change->job.id) != r || r->turn != turn)
                        return false;
        }
        return true;
}

/* What the machine refuses is stale news. Anything else left an event that happened without its row. */
static void not_taken(struct cw_daemon *d, cw_rc rc, const struct cw_fault *f) {
        if (cw_rc_class(rc) == CW_C_REJECT)
                cw_log_fault(CW_EV_EVENT_REFUSED, f);
        else
                cw_daemon_fatal(d, f);
}

void cw_run_take(struct cw_run *r, cw_rc rc, const struct cw_fault *f, const struct cw_change *change) {
        struct cw_daemon *d = r->daemon;
        if (rc != CW_OK) {
                not_taken(d, rc, f);
                return;
        }
        struct cw_change copy = *change;
        bool moved = r->job.state != copy.job.state || r->job.wait != copy.job.wait;
        /* A look at a printer that still lacks something is no step on. */
        if (r->job.state != copy.job.state || r->job.intent_open != copy.job.intent_open)
                r->still_since_ns = cw_mono_ns(d->clock);
        bool given_away = r->job.wait == CW_WAIT_CENTRAL || r->job.wait == CW_WAIT_CENTRAL_DECISION;
        if (given_away && r->job.wait != copy.job.wait)
                r->was_refused = true; /* by the producer or by a person: policy does not try again */
        r->job = copy.job;
        r->turn++;
        r->percent = 0;
        if (r->job.wait == CW_WAIT_CENTRAL)
                r->wants_station = r->wants_data = r->has_pending = false;
        if (moved) {
                r->failures = 0;
                r->resting = false;
                cw_log(CW_EV_JOB_STATE, CW_F_STR("JOB", r->job.id), CW_F_STR("KIT", r->kit.kit),
                       CW_F_STR("STATE", cw_job_state_name(r->job.state)),
                       CW_F_STR("WAIT", cw_job_wait_name(r->job.wait)), CW_F_STR("STATION", r->job.station),
                       CW_F_STR("CODE", r->job.code));
        }
        if (perform_all(d, r, &copy) && cw_job_ended(&r->job))
                run_free(r);
        cw_runs_schedule(d);
}

void cw_run_event(struct cw_run *r, const struct cw_job_event *event, const json_t *evidence,
                  const char *actor) {
        struct cw_fault f = {0};
        struct cw_change change;
        cw_rc rc = cw_journal_apply(r->daemon->journal, r->job.id, event, evidence, actor, &change, &f);
        cw_run_take(r, rc, &f, &change);
}

void cw_runs_add(struct cw_daemon *d, const struct cw_job_row *row, const struct cw_change *change) {
        struct cw_run *r = run_new(d, row);
        struct cw_fault f = {0};
        if (r) {
                cw_run_take(r, CW_OK, &f, change);
                return;
        }
        (void)cw_fail(&f, CW_RC(CW_L_ISSUANCE, CW_C_FATAL, CW_E_NOMEM), 0, "run.new", "",
                      "out of memory for a job");
        cw_daemon_fatal(d, &f);
}

void cw_runs_changed(struct cw_daemon *d, const struct cw_change *change) {
        struct cw_run *r = cw_runs_find(d, change->job.id);
        if (r)
                cw_run_take(r, CW_OK, NULL, change);
}

/* ---- stations ---- */

/* "ready" of the printer's last status. */
static bool printer_ready(const struct cw_station_link *l) {
        const json_t *printer = json_object_get(cw_station_link_status(l), "printer");
        const char *state = json_string_value(json_object_get(printer, "state"));
        return state && strcmp(state, "ready") == 0;
}

static bool suits(const struct cw_run *r, const struct cw_station_link *l) {
        const struct cw_config_station *s = cw_station_link_config(l);
        if (!cw_station_link_up(l) || s->kind != CW_STATION_ISSUE || cw_runs_at(r->daemon, l))
                return false;
        if (*r->wanted)
                return strcmp(r->wanted, s->name) == 0;
        if (cw_station_link_busy(l) || strcmp(s->plastic_codes, r->kit.plastic_code) != 0)
                return false;
        return cw_station_link_status(l) != NULL;
}

struct cw_run *cw_runs_holder(struct cw_daemon *d, const struct cw_station_link *l) {
        for (struct cw_run *r = d->runs; r; r = r->next)
                if (cw_job_holds_station(&r->job) && strcmp(r->job.station, cw_station_link_name(l)) == 0)
                        return r;
        return NULL;
}

/* The station has the card of another job, or works for it: only that job may have it. */
static bool reserved_for_another(const struct cw_run *r, const struct cw_station_link *l) {
        const struct cw_run *holder = cw_runs_holder(r->daemon, l);
        return holder && holder != r;
}

/* Another station holds this plastic and is ready, though it may be working: better to wait for it than for
 * supplies. */
static bool ready_elsewhere(const struct cw_run *r) {
        for (size_t i = 0; i < r->daemon->station_count; i++) {
                const struct cw_station_link *l = r->daemon->stations[i];
                const struct cw_config_station *s = cw_station_link_config(l);
                if (s->kind == CW_STATION_ISSUE && printer_ready(l) &&
                    strcmp(s->plastic_codes, r->kit.plastic_code) == 0)
                        return true;
        }
        return false;
}

/* A ready station before one that would have to wait for supplies. */
static struct cw_station_link *pick_station(const struct cw_run *r) {
        struct cw_station_link *second = NULL;
        for (size_t i = 0; i < r->daemon->station_count; i++) {
                struct cw_station_link *l = r->daemon->stations[i];
                if (!suits(r, l) || (!*r->wanted && reserved_for_another(r, l)))
                        continue;
                if (*r->wanted || printer_ready(l))
                        return l;
                second = second ? second : l;
        }
        return ready_elsewhere(r) ? NULL : second;
}

static void assign(struct cw_run *r, struct cw_station_link *l) {
        struct cw_job_event e = {.kind = CW_JE_STATION};
        (void)snprintf(e.station, sizeof e.station, "%s", cw_station_link_name(l));
        cw_run_bind(r, l);
        cw_run_event(r, &e, NULL, "");
}

void cw_runs_schedule(struct cw_daemon *d) {
        /* Every assignment changes the list; begin again until nothing moves. */
        for (bool moved = true; moved;) {
                moved = false;
                for (struct cw_run *r = d->runs; r && !moved; r = r->next) {
                        struct cw_station_link *l = r->wants_station ? pick_station(r) : NULL;
                        if (!l)
                                continue;
                        moved = true;
                        assign(r, l);
                }
        }
}

/* The run after r may vanish while r works: remember jobs by their place in the list. */
static void for_each_run(struct cw_daemon *d, void (*fn)(struct cw_run *r)) {
        size_t n = 0;
        for (struct cw_run *r = d->runs; r; r = r->next)
                n++;
        char(*ids)[CW_JOB_ID_CAP] = calloc(n ? n : 1, sizeof *ids);
        n = 0;
        for (struct cw_run *r = d->runs; ids && r; r = r->next)
                memcpy(ids[n++], r->job.id, CW_JOB_ID_CAP);
        for (size_t i = 0; ids && i < n; i++) {
                struct cw_run *r = cw_runs_find(d, ids[i]);
                if (r)
                        fn(r);
        }
        free(ids);
}

/*
 * A station that was restarted, or that we lost while we ended its job, may still have a job that is no
 * longer its own, and would refuse every other one.
 */
static void end_stale_job(struct cw_daemon *d, struct cw_station_link *l) {
        const char *job = json_string_value(json_object_get(cw_station_link_hello(l), "job"));
        if (!job || !*job)
                return;
        const struct cw_run *holder = cw_runs_holder(d, l);
        if (holder && strcmp(holder->job.id, job) == 0)
                return;
        struct cw_msg *m = cw_msg_request("job.end");
        if (m)
                (void)json_object_set_new(m->json, "job", json_string(job));
        cw_station_link_call(l, m, END_CALL_MS, NULL, NULL);
}

void cw_runs_station_up(struct cw_daemon *d, struct cw_station_link *l) {
        end_stale_job(d, l);
        cw_runs_schedule(d);
}

static void try_now(struct cw_run *r) {
        r->resting = false;
        cw_run_continue(r);
}

void cw_runs_hsm_up(struct cw_daemon *d) {
        for_each_run(d, try_now);
}

static void forget_session(struct cw_run *r) {
        r->session = 0;
        r->begun = false;
}

void cw_runs_hsm_down(struct cw_daemon *d) {
        for_each_run(d, forget_session);
}

void cw_runs_session_closed(struct cw_daemon *d, int64_t session) {
        for (struct cw_run *r = d->runs; r; r = r->next)
                if (session != 0 && r->session == session)
                        forget_session(r);
}

void cw_runs_station_down(struct cw_daemon *d, struct cw_station_link *l) {
        struct cw_run *r = cw_runs_at(d, l);
        if (r)
                cw_run_lose_station(r);
}

/* Supplies are back when the printer, seen not ready before, is ready again. */
static void look_at_supplies(struct cw_run *r) {
        if (!printer_ready(r->link))
                r->not_ready_seen = true;
        else if (r->not_ready_seen)
                wake(r);
}

void cw_runs_station_status(struct cw_daemon *d, struct cw_station_link *l) {
        struct cw_run *r = cw_runs_at(d, l);
        if (r && may_wake(r))
                look_at_supplies(r);
        else if (r)
                cw_run_continue(r);
        cw_runs_schedule(d);
}

static void on_attempt(struct cw_run *r, const struct cw_msg *m) {
        struct cw_fault f = {0};
        struct cw_change change;
        int64_t seq = cw_msg_int(m, "seq", 0);
        if (seq != (int64_t)r->job.seq)
                return;
        cw_rc rc = cw_journal_attempt(r->daemon->journal, r->job.id, r->job.seq, cw_msg_str(m, "card", ""),
                                      (unsigned)cw_msg_int(m, "kvn", 0) & 0xff,
                                      (unsigned)cw_msg_int(m, "scp", 0) & 0xff, &change, &f);
        /* Without the acknowledgement the station makes no try and reports the step as failed. */
        cw_run_take(r, rc, &f, &change);
}

static void on_progress(struct cw_run *r, const struct cw_msg *m) {
        int64_t percent = cw_msg_int(m, "percent", 0);
        r->percent = percent < 0 ? 0 : percent > 100 ? 100 : (int)percent;
        (void)snprintf(r->doing, sizeof r->doing, "%s", cw_msg_str(m, "text", ""));
}

void cw_runs_station_event(struct cw_daemon *d, struct cw_station_link *l, struct cw_msg *event) {
        const char *name = cw_msg_str(event, "event", "");
        struct cw_run *r = cw_runs_find(d, cw_msg_str(event, "job", ""));
        if (!r || r->link != l)
                return;
        if (strcmp(name, "attempt") == 0)
                on_attempt(r, event);
        else if (strcmp(name, "progress") == 0)
                on_progress(r, event);
}
