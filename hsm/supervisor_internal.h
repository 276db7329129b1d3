/* SPDX-License-Identifier: Apache-2.0 */
/* What supervisor.c (clients and their calls), children.c (workers) and opening.c (session.open) share. */
#pragma once

#include "base/ipc.h"
#include "hsm/audit_spool.h"
#include "hsm/supervisor.h"
#include "hsm/worker.h"

#include <limits.h>
#include <sys/types.h>

#define CW_SV_SESSIONS_MAX 32u
#define CW_SV_CHILDREN_MAX (CW_SV_SESSIONS_MAX + 2u)
#define CW_SV_KEYS INT64_C(-1) /* in place of a session: the worker for key management */
#define CW_SV_JOB_MAX 64u

struct cw_sv_child;

/* The person at the other end of admin.sock, by SO_PEERCRED. */
struct cw_sv_who {
        uid_t uid;
        char user[33];
        unsigned may;      /* what, see admin_calls.c */
        int64_t component; /* number of the component this custodian holds, 0 = any */
};

struct cw_sv_client {
        struct cw_supervisor *sv;
        struct cw_peer *peer;
        bool admin; /* admin.sock */
        struct cw_sv_who who;
        struct cw_sv_client *next;
};

/* A client's request that a worker is answering. */
struct cw_sv_deferred {
        struct cw_supervisor *sv;
        struct cw_sv_client *client; /* NULL when it has gone */
        uint32_t id, generation;
        char call[24];
        struct cw_sv_child *child; /* who works on it */
        json_t *audit;             /* what the trace says of a key operation under way; NULL: no trace */
        char actor[33];
        struct cw_sv_deferred *next;
};

struct cw_sv_child {
        struct cw_supervisor *sv;
        pid_t pid;
        bool reaped, timed_out, closing;
        struct cw_peer *peer; /* control socket; NULL once lost or closed */
        struct cw_worker_slot *slot;
        int64_t session;                /* 0: the worker that answers hello */
        bool opened;                    /* session.open succeeded */
        struct cw_sv_deferred *opening; /* who waits for session.open */
        int handover_fd;                /* the station's end, until it is handed out */
        char job[CW_SV_JOB_MAX + 1];
        bool bench;       /* an administrator's, see cw_sess_open_bench */
        int64_t since_ns; /* birth; while closing, begin of that */
        struct cw_sv_child *next;
};

/* session.open waiting for its turn: workers start one after the other, so that a wrong token PIN is tried
 * once. */
struct cw_sv_opening {
        struct cw_sv_deferred *deferred;
        struct cw_msg *request;
        char job[CW_SV_JOB_MAX + 1];
        bool bench;
        struct cw_sv_opening *next;
};

struct cw_supervisor {
        struct cw_loop *loop;
        const struct cw_config *cfg;
        char dir[PATH_MAX];
        char state_dir[CW_CONFIG_PATH_CAP];
        struct cw_listener *agent_listener, *admin_listener;
        struct cw_sv_client *clients;
        struct cw_sv_deferred *deferred;
        struct cw_sv_child *children;
        struct cw_worker_slot *slots;      /* shared memory */
        struct cw_worker_posture *posture; /* likewise */
        struct cw_timer *watch_timer, *respawn_timer;
        int64_t respawn_ms;
        struct cw_sv_child *token;    /* answers hello; NULL while there is none */
        bool token_ready;             /* it has answered once */
        struct cw_fault login_failed; /* rc set: no worker is started any more */
        struct cw_fault last_failure; /* why there is no token */
        bool disclosed;
        int64_t next_session;
        struct cw_sv_opening *openings; /* oldest first */
        struct cw_sv_child *starting;
        struct cw_sv_child *keys; /* key management; NULL: nobody asks for it */
        unsigned keys_calls;      /* under way there */
        bool keys_keep;           /* it holds an unfinished entry or a request that waits */
        int64_t rotated_ns;       /* last time another version of a key came into use */
        struct cw_audit_spool *spool;
        struct cw_fault spool_failed;        /* why there is none */
        int64_t open_tokens, open_refill_ns; /* rate limit of session.open */
};

/* ---- supervisor.c ---- */

/* Lets a worker answer the request. */
void cw_sv_forward(struct cw_sv_client *client, struct cw_sv_child *c, struct cw_msg *request);
/* Answers with a fault, and logs it. */
void cw_sv_refuse(struct cw_sv_client *client, const struct cw_msg *request, cw_rc rc, const char *text);

/* Remembers who asked; NULL when out of memory. */
struct cw_sv_deferred *cw_sv_defer(struct cw_sv_client *client, const struct cw_msg *request);
/* Sends the reply (json and attachments of from are moved) or the fault, and frees d. take_fd may be -1. */
void cw_sv_answer(struct cw_sv_deferred *d, struct cw_msg *from, int take_fd);
void cw_sv_answer_fault(struct cw_sv_deferred *d, const struct cw_fault *f);
/* Event session.closed to all agent clients. */
void cw_sv_broadcast(struct cw_supervisor *sv, int64_t session, const struct cw_fault *f);
/* A message with the same json and attachments; attachments are moved. NULL when out of memory. */
struct cw_msg *cw_sv_move(enum cw_msg_type type, struct cw_msg *from);

/* ---- children.c ---- */

cw_rc cw_sv_children_init(struct cw_supervisor *sv, struct cw_fault *f);
void cw_sv_children_done(struct cw_supervisor *sv);
/* Forks a worker; session 0: the one for hello. *ret is in the list of children. */
CW_WARN_UNUSED cw_rc cw_sv_spawn(struct cw_supervisor *sv, int64_t session, struct cw_sv_child **ret,
                                 struct cw_fault *f);
void cw_sv_reap(struct cw_supervisor *sv);
struct cw_sv_child *cw_sv_find_session(struct cw_supervisor *sv, int64_t session);
/* Closes the control socket, so that the worker ends; it is killed when it does not. */
void cw_sv_close_child(struct cw_sv_child *c);
void cw_sv_kill_child(struct cw_sv_child *c);
/* Starts the worker for hello now. */
void cw_sv_start_token(struct cw_supervisor *sv);
/* What a caller is told when its worker went away. */
void cw_sv_lost_fault(const struct cw_sv_child *c, const struct cw_fault *ipc, struct cw_fault *ret);
/* Notes a failed login for good. */
void cw_sv_note_failure(struct cw_supervisor *sv, const struct cw_fault *f);
int64_t cw_sv_patience_ms(const struct cw_supervisor *sv);

/* ---- opening.c ---- */

void cw_sv_open(struct cw_sv_client *client, struct cw_msg *request);
/* The worker being started has answered or is gone. */
void cw_sv_opening_next(struct cw_supervisor *sv);
void cw_sv_opening_done(struct cw_supervisor *sv);

/* ---- admin_calls.c ---- */

/* Who is at the other end; false when this person has no business here. */
bool cw_sv_admin_who(const struct cw_config *cfg, int fd, const struct ucred *cred, struct cw_sv_who *ret);
bool cw_sv_who_administers(const struct cw_sv_who *who);
/* A call of key management; false when it is none. */
bool cw_sv_admin_call(struct cw_sv_client *client, struct cw_msg *request);
void cw_sv_audit_open(struct cw_supervisor *sv);
/* A bench session that may delete something of a card: who wants it, durable before it is opened; nothing to
 * do for another. */
CW_WARN_UNUSED cw_rc cw_sv_audit_delete(struct cw_sv_client *client, const struct cw_msg *request,
                                        struct cw_fault *f);
/* Event audit.pending, when records wait. */
void cw_sv_audit_tell(struct cw_sv_client *client);
void cw_sv_call_audit_next(struct cw_sv_client *client, struct cw_msg *request);
void cw_sv_call_audit_ack(struct cw_sv_client *client, struct cw_msg *request);
