/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: fork, watch, kill, reap. */
#include "base/log.h"
#include "base/notify.h"
#include "hsm/supervisor_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define RESPAWN_MIN_MS 500
#define RESPAWN_MAX_MS 30000
#define SESSION_LIFE_NS (INT64_C(30) * 60 * 1000000000)
#define NS_PER_MS INT64_C(1000000)
#define SHARED_LEN (CW_SV_CHILDREN_MAX * sizeof(struct cw_worker_slot) + sizeof(struct cw_worker_posture))

int64_t cw_sv_patience_ms(const struct cw_supervisor *sv) {
        /* The watcher kills a worker whose token call hangs; this is for one that never began to work. */
        return 4 * sv->cfg->hsm.call_timeout_ms + 5000;
}

struct cw_sv_child *cw_sv_find_session(struct cw_supervisor *sv, int64_t session) {
        for (struct cw_sv_child *c = sv->children; c != NULL; c = c->next) {
                if (session != 0 && c->session == session && c->opened && !c->closing)
                        return c;
        }
        return NULL;
}

static void child_free(struct cw_sv_child *c) {
        struct cw_supervisor *sv = c->sv;
        for (struct cw_sv_child **at = &sv->children; *at != NULL; at = &(*at)->next) {
                if (*at == c) {
                        *at = c->next;
                        break;
                }
        }
        if (c->handover_fd >= 0)
                (void)close(c->handover_fd);
        atomic_store(&c->slot->called_ns, 0);
        c->slot->pad[0] = 0;
        free(c);
}

static void free_when_gone(struct cw_sv_child *c) {
        if (c->reaped && c->peer == NULL)
                child_free(c);
}

void cw_sv_kill_child(struct cw_sv_child *c) {
        if (!c->reaped)
                (void)kill(c->pid, SIGKILL);
}

/* A child must not be freed here: callers go on using it. */
void cw_sv_close_child(struct cw_sv_child *c) {
        if (!c->closing) {
                c->closing = true;
                c->since_ns = cw_mono_ns(cw_loop_clock(c->sv->loop));
                if (c->opened)
                        cw_log(CW_EV_HSM_SESSION_CLOSED, CW_F_INT("SESSION", c->session),
                               CW_F_STR("JOB", c->job));
        }
        struct cw_peer *peer = c->peer;
        c->peer = NULL;
        cw_peer_free(peer);
}

void cw_sv_lost_fault(const struct cw_sv_child *c, const struct cw_fault *ipc, struct cw_fault *ret) {
        if (c->timed_out)
                (void)cw_fail(
                    ret, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT), ipc->native, "hsm.worker",
                    "HSM_TOKEN",
                    "the token did not answer within the time that hsm.call_timeout_ms gives; the session is "
                    "closed, others go on");
        else if (cw_rc_layer(ipc->rc) == CW_L_IPC)
                (void)cw_fail(
                    ret, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_CLOSED), ipc->native, "hsm.worker", "HSM_TOKEN",
                    "the worker with the token's module ended; the session is closed, others go on");
        else
                *ret = *ipc;
}

void cw_sv_note_failure(struct cw_supervisor *sv, const struct cw_fault *f) {
        sv->last_failure = *f;
        if (strcmp(f->code, "HSM_LOGIN") != 0 || sv->login_failed.rc != CW_OK)
                return;
        sv->login_failed = *f;
        cw_log_fault(CW_EV_HSM_LOGIN_STOPPED, f);
}

static void schedule_respawn(struct cw_supervisor *sv) {
        if (sv->login_failed.rc != CW_OK)
                return;
        cw_timer_arm(sv->respawn_timer, sv->respawn_ms);
        sv->respawn_ms = sv->respawn_ms * 2 > RESPAWN_MAX_MS ? RESPAWN_MAX_MS : sv->respawn_ms * 2;
}

/* The control socket is at its end: the worker ended, whatever the reason. */
static void on_child_closed(void *ctx, struct cw_peer *p, const struct cw_fault *why) {
        struct cw_sv_child *c = ctx;
        struct cw_supervisor *sv = c->sv;
        struct cw_fault f = {0};
        cw_peer_free(p);
        c->peer = NULL;
        if (!c->closing) {
                cw_sv_lost_fault(c, why, &f);
                c->closing = true;
                c->since_ns = cw_mono_ns(cw_loop_clock(sv->loop));
                if (c->opened) {
                        cw_log(CW_EV_HSM_SESSION_CLOSED, CW_F_INT("SESSION", c->session),
                               CW_F_STR("JOB", c->job), CW_F_STR("CODE", f.code));
                        cw_sv_broadcast(sv, c->session, &f);
                }
        }
        if (sv->token == c) {
                sv->token = NULL;
                sv->token_ready = false;
                if (sv->last_failure.rc == CW_OK)
                        cw_sv_lost_fault(c, why, &sv->last_failure);
                schedule_respawn(sv);
        }
        if (sv->keys == c)
                sv->keys = NULL;
        if (sv->starting == c) {
                sv->starting = NULL;
                cw_sv_opening_next(sv);
        }
        free_when_gone(c);
}

/* A worker asks nothing of the supervisor. */
static void on_child_request(void *ctx, struct cw_peer *p, struct cw_msg *request) {
        (void)p;
        (void)request;
        cw_sv_kill_child(ctx);
}

/* The one event of a worker: the station closed its socket and the session ends in order. */
static void on_child_event(void *ctx, struct cw_peer *p, struct cw_msg *event) {
        (void)p;
        (void)event;
        cw_sv_close_child(ctx);
}

static const struct cw_peer_ops child_ops = {on_child_request, on_child_event, on_child_closed};

/* One slot is kept for key management, so that full sessions do not lock the custodians out. */
static bool room_for(const struct cw_supervisor *sv, int64_t session) {
        size_t n = 0;
        for (const struct cw_sv_child *c = sv->children; c != NULL; c = c->next)
                n += c->session == CW_SV_KEYS ? 0 : 1;
        return session == CW_SV_KEYS || n < CW_SV_CHILDREN_MAX - 1;
}

static struct cw_worker_slot *take_slot(struct cw_supervisor *sv, int64_t session) {
        if (!room_for(sv, session))
                return NULL;
        for (size_t i = 0; i < CW_SV_CHILDREN_MAX; i++) {
                if (sv->slots[i].pad[0] == 0) {
                        sv->slots[i].pad[0] = 1;
                        /* Until the child says otherwise its start counts as one call. */
                        atomic_store(&sv->slots[i].called_ns, cw_mono_ns(cw_clock_real()));
                        return &sv->slots[i];
                }
        }
        return NULL;
}

static cw_rc fork_worker(struct cw_supervisor *sv, struct cw_sv_child *c, int control, int station,
                         struct cw_fault *f) {
        const struct cw_worker_args args = {.cfg = sv->cfg,
                                            .state_dir = sv->state_dir,
                                            .control_fd = control,
                                            .session_fd = station,
                                            .keys = c->session == CW_SV_KEYS,
                                            .slot = c->slot,
                                            .posture = sv->posture,
                                            .parent_pid = (int)getpid()};
        c->pid = fork();
        if (c->pid == 0)
                cw_worker_run(&args);
        if (c->pid < 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), errno, "hsm.fork", "",
                               "cannot start a worker: %s", strerror(errno));
        return CW_OK;
}

static cw_rc connect_and_fork(struct cw_supervisor *sv, struct cw_sv_child *c, struct cw_fault *f) {
        int control[2] = {-1, -1}, station[2] = {-1, -1};
        cw_rc rc = cw_ipc_pair(control);
        if (rc == CW_OK && c->session > 0)
                rc = cw_ipc_pair(station);
        if (rc != CW_OK)
                rc = cw_fail(f, rc, errno, "hsm.fork", "", "cannot make a socket pair for a worker");
        if (rc == CW_OK)
                rc = fork_worker(sv, c, control[1], station[1], f);
        if (rc == CW_OK) {
                c->handover_fd = station[0];
                station[0] = -1;
                rc = cw_peer_new(sv->loop, control[0], &child_ops, c, &c->peer);
                if (rc == CW_OK)
                        control[0] = -1;
                else
                        cw_sv_kill_child(c);
        }
        cw_fd_cleanup(&control[0]);
        cw_fd_cleanup(&control[1]);
        cw_fd_cleanup(&station[0]);
        cw_fd_cleanup(&station[1]);
        return rc;
}

cw_rc cw_sv_spawn(struct cw_supervisor *sv, int64_t session, struct cw_sv_child **ret, struct cw_fault *f) {
        struct cw_sv_child *c = calloc(1, sizeof(*c));
        struct cw_worker_slot *slot = c ? take_slot(sv, session) : NULL;
        if (slot == NULL) {
                free(c);
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY), 0, "hsm.fork", "HSM_BUSY",
                               "too many sessions are open; close some first");
        }
        *c = (struct cw_sv_child){
            .sv = sv, .slot = slot, .session = session, .handover_fd = -1, .next = sv->children};
        c->since_ns = cw_mono_ns(cw_loop_clock(sv->loop));
        sv->children = c;
        cw_rc rc = connect_and_fork(sv, c, f);
        if (rc == CW_OK) {
                *ret = c;
                return CW_OK;
        }
        cw_log_fault(CW_EV_HSM_FORK_FAILED, f);
        if (c->pid > 0)
                c->closing = true; /* freed when it is reaped */
        else
                child_free(c);
        return rc;
}

static void log_posture(struct cw_supervisor *sv, struct cw_msg *reply) {
        bool ready = cw_msg_bool(reply, "ready", false);
        cw_log(ready ? CW_EV_HSM_READY : CW_EV_HSM_NOT_READY,
               CW_F_STR("PIN_PATH", cw_msg_str(reply, "pin_path", "")),
               CW_F_STR("TEXT", cw_msg_str(reply, "text", "")));
        cw_notify(ready ? "READY=1\nSTATUS=token ready" : "READY=1\nSTATUS=token not ready, see the log");
        if (sv->cfg->hsm.allow_host_memory && !sv->disclosed)
                cw_log(CW_EV_HSM_HOST_MEMORY, CW_F_INT("ALLOWED", 1));
        if (sv->cfg->hsm.test_token && !sv->disclosed)
                cw_log(CW_EV_HSM_TEST_TOKEN, CW_F_INT("ALLOWED", 1));
        sv->disclosed = true;
}

static void on_token_hello(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_sv_child *c = ctx;
        struct cw_supervisor *sv = c->sv;
        if (rc == CW_OK) {
                sv->token_ready = true;
                sv->respawn_ms = RESPAWN_MIN_MS;
                sv->last_failure = (struct cw_fault){0};
                log_posture(sv, reply);
                return;
        }
        if (sv->token != c)
                return; /* being closed by us */
        struct cw_fault why = {0};
        cw_sv_lost_fault(c, f, &why);
        cw_sv_note_failure(sv, &why);
        cw_log_fault(CW_EV_HSM_NOT_READY, &why);
        cw_notify("READY=1\nSTATUS=token not available, see the log");
        cw_sv_kill_child(c);
}

void cw_sv_start_token(struct cw_supervisor *sv) {
        struct cw_fault f = {0};
        if (sv->token != NULL || sv->login_failed.rc != CW_OK)
                return;
        atomic_store(&sv->posture->probed, false);
        if (cw_sv_spawn(sv, 0, &sv->token, &f) != CW_OK) {
                sv->last_failure = f;
                schedule_respawn(sv);
                return;
        }
        cw_peer_call(sv->token->peer, cw_msg_request("hello"), cw_sv_patience_ms(sv), on_token_hello,
                     sv->token);
}

static void on_respawn(void *ctx) {
        cw_sv_start_token(ctx);
}

static void watch_child(struct cw_supervisor *sv, struct cw_sv_child *c, int64_t now) {
        int64_t timeout_ns = sv->cfg->hsm.call_timeout_ms * NS_PER_MS;
        int64_t called = atomic_load(&c->slot->called_ns);
        if (!c->reaped && !c->timed_out && called != 0 && now - called > timeout_ns) {
                c->timed_out = true;
                cw_log(CW_EV_HSM_WORKER_KILLED, CW_F_INT("SESSION", c->session), CW_F_STR("JOB", c->job),
                       CW_F_INT("MS", (now - called) / NS_PER_MS));
                cw_sv_kill_child(c);
                return;
        }
        /* A worker that was asked to end and does not; a session nobody remembered to close. Key management
         * ends by itself: a ceremony may take longer than any card. */
        int64_t life_ns = c->closing ? timeout_ns : SESSION_LIFE_NS;
        if ((c->closing || c->session > 0) && now - c->since_ns > life_ns)
                cw_sv_kill_child(c);
}

static void on_watch(void *ctx) {
        struct cw_supervisor *sv = ctx;
        int64_t now = cw_mono_ns(cw_clock_real());
        for (struct cw_sv_child *c = sv->children, *next = NULL; c != NULL; c = next) {
                next = c->next;
                watch_child(sv, c, now);
                free_when_gone(c);
        }
        cw_notify("WATCHDOG=1");
        int64_t period = sv->cfg->hsm.call_timeout_ms / 8;
        cw_timer_arm(sv->watch_timer, period < 10 ? 10 : period > 250 ? 250 : period);
}

static void reap_one(struct cw_supervisor *sv, pid_t pid, int status) {
        for (struct cw_sv_child *c = sv->children; c != NULL; c = c->next) {
                if (c->pid != pid)
                        continue;
                c->reaped = true;
                bool ordinary = WIFEXITED(status) && WEXITSTATUS(status) == 0;
                if (!ordinary && !c->timed_out)
                        cw_log(CW_EV_HSM_WORKER_LOST, CW_F_INT("SESSION", c->session),
                               CW_F_STR("JOB", c->job), CW_F_INT("STATUS", status));
                free_when_gone(c); /* else when the rest of its control socket is read */
                return;
        }
}

void cw_sv_reap(struct cw_supervisor *sv) {
        int status = 0;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                reap_one(sv, pid, status);
}

cw_rc cw_sv_children_init(struct cw_supervisor *sv, struct cw_fault *f) {
        void *mem = mmap(NULL, SHARED_LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (mem == MAP_FAILED)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), errno, "hsm.start", "",
                               "out of memory");
        sv->slots = mem;
        sv->posture = (struct cw_worker_posture *)(void *)(sv->slots + CW_SV_CHILDREN_MAX);
        sv->respawn_ms = RESPAWN_MIN_MS;
        cw_rc rc = cw_timer_new(sv->loop, on_watch, sv, &sv->watch_timer);
        if (rc == CW_OK)
                rc = cw_timer_new(sv->loop, on_respawn, sv, &sv->respawn_timer);
        if (rc == CW_OK)
                on_watch(sv);
        return rc;
}

void cw_sv_children_done(struct cw_supervisor *sv) {
        sv->token = sv->keys = NULL;
        while (sv->children != NULL) {
                struct cw_sv_child *c = sv->children;
                cw_sv_close_child(c);
                cw_sv_kill_child(c);
                if (!c->reaped)
                        (void)waitpid(c->pid, NULL, 0);
                child_free(c);
        }
        cw_timer_free(sv->watch_timer);
        cw_timer_free(sv->respawn_timer);
        if (sv->slots != NULL)
                (void)munmap(sv->slots, SHARED_LEN);
}
