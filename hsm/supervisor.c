/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of agent.sock and admin.sock, and their calls. */
#include "base/file.h"
#include "base/log.h"
#include "hsm/posture.h"
#include "hsm/supervisor_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cw_sv_deferred *cw_sv_defer(struct cw_sv_client *client, const struct cw_msg *request) {
        struct cw_sv_deferred *d = calloc(1, sizeof(*d));
        if (d == NULL)
                return NULL;
        *d = (struct cw_sv_deferred){.sv = client->sv,
                                     .client = client,
                                     .id = request->id,
                                     .generation = request->generation,
                                     .next = client->sv->deferred};
        (void)snprintf(d->call, sizeof(d->call), "%s", cw_msg_str(request, "call", ""));
        client->sv->deferred = d;
        return d;
}

static void deferred_free(struct cw_sv_deferred *d) {
        for (struct cw_sv_deferred **at = &d->sv->deferred; *at != NULL; at = &(*at)->next) {
                if (*at == d) {
                        *at = d->next;
                        break;
                }
        }
        json_decref(d->audit);
        free(d);
}

struct cw_msg *cw_sv_move(enum cw_msg_type type, struct cw_msg *from) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(type);
        if (m == NULL || json_object_update(m->json, from->json) != 0)
                return NULL;
        for (unsigned i = 0; i < from->att_count; i++) {
                struct cw_secret *att = cw_msg_take_att(from, i);
                if (att == NULL || cw_msg_attach(m, att) != CW_OK) {
                        cw_secret_free(att);
                        return NULL;
                }
        }
        return CW_STEAL(m);
}

void cw_sv_answer(struct cw_sv_deferred *d, struct cw_msg *from, int take_fd) {
        CW_AUTO_FD int fd = take_fd;
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_sv_move(CW_MSG_REPLY, from);
        if (m != NULL && fd >= 0 && cw_msg_attach_fd(m, fd) == CW_OK)
                fd = -1;
        if (d->client != NULL && m != NULL) {
                m->id = d->id;
                m->generation = d->generation;
                cw_peer_send(d->client->peer, CW_STEAL(m));
        }
        deferred_free(d);
}

void cw_sv_answer_fault(struct cw_sv_deferred *d, const struct cw_fault *f) {
        struct cw_msg request = {.type = CW_MSG_REQUEST, .id = d->id, .generation = d->generation};
        if (d->client != NULL)
                cw_peer_send(d->client->peer, cw_msg_error(&request, f));
        deferred_free(d);
}

void cw_sv_broadcast(struct cw_supervisor *sv, int64_t session, const struct cw_fault *f) {
        for (struct cw_sv_client *c = sv->clients; c != NULL; c = c->next) {
                if (c->admin)
                        continue;
                struct cw_msg *m = cw_msg_event("session.closed");
                if (m != NULL && (json_object_set_new(m->json, "session", json_integer(session)) != 0 ||
                                  json_object_set_new(m->json, "error", cw_fault_to_json(f)) != 0)) {
                        cw_msg_free(m);
                        m = NULL;
                }
                cw_peer_send(c->peer, m);
        }
}

/* The worker that an answer comes from may be gone by now: only what d knows is used. */
static void on_forwarded(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_sv_deferred *d = ctx;
        if (rc == CW_OK) {
                cw_sv_answer(d, reply, -1);
                return;
        }
        struct cw_fault why = {0};
        struct cw_sv_child *c = d->child;
        if (cw_rc_class(rc) == CW_C_IN_DOUBT)
                cw_sv_kill_child(c); /* silent past all patience */
        cw_sv_lost_fault(c, f, &why);
        cw_log(CW_EV_HSM_REQUEST_REFUSED, CW_F_STR("CALL", d->call), CW_F_STR("CODE", why.code),
               CW_F_STR("TEXT", why.text));
        /* A refused card says nothing about the token. */
        if (c->session == 0 && (strncmp(d->call, "d1.", 3) != 0 || cw_rc_class(why.rc) == CW_C_RECONNECT))
                cw_sv_note_failure(d->sv, &why);
        cw_sv_answer_fault(d, &why);
}

void cw_sv_forward(struct cw_sv_client *client, struct cw_sv_child *c, struct cw_msg *request) {
        struct cw_sv_deferred *d = cw_sv_defer(client, request);
        if (d == NULL)
                return;
        d->child = c;
        cw_peer_call(c->peer, cw_sv_move(CW_MSG_REQUEST, request), cw_sv_patience_ms(client->sv),
                     on_forwarded, d);
}

void cw_sv_refuse(struct cw_sv_client *client, const struct cw_msg *request, cw_rc rc, const char *text) {
        struct cw_fault f = {0};
        (void)cw_fail(&f, rc, 0, "hsm.request", "HSM_REQUEST", "%s", text);
        cw_log(CW_EV_HSM_REQUEST_REFUSED, CW_F_STR("CALL", cw_msg_str(request, "call", "")),
               CW_F_STR("TEXT", text));
        cw_peer_send(client->peer, cw_msg_error(request, &f));
}

/* Without a token the answer comes at once: not ready, and why. */
static void call_hello(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        if (sv->token != NULL && sv->token_ready) {
                cw_sv_forward(client, sv->token, request);
                return;
        }
        const struct cw_fault *why = sv->login_failed.rc != CW_OK ? &sv->login_failed : &sv->last_failure;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        if (reply != NULL &&
            cw_posture_absent(&sv->cfg->hsm, why->rc != CW_OK ? why->text : "the token is being opened",
                              reply->json) == CW_OK)
                cw_peer_send(client->peer, CW_STEAL(reply));
}

static void call_close(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_sv_child *c = cw_sv_find_session(client->sv, cw_msg_int(request, "session", 0));
        /* An administrator has no say over a customer's card under way. */
        if (c != NULL && client->admin && !c->bench) {
                cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED),
                             "only a bench session is closed over admin.sock; cancel a job at cardwrightd");
                return;
        }
        if (c != NULL)
                cw_sv_close_child(c);
        cw_peer_send(client->peer, cw_msg_ok(request)); /* closing twice is no error */
}

static void call_session(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_sv_child *c = cw_sv_find_session(client->sv, cw_msg_int(request, "session", 0));
        if (c == NULL)
                cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_NOT_FOUND),
                             "there is no such session any more; open a new one");
        else
                cw_sv_forward(client, c, request);
}

static void call_capabilities(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        const struct cw_fault *why = sv->login_failed.rc != CW_OK ? &sv->login_failed : &sv->last_failure;
        if (sv->token != NULL && sv->token_ready)
                cw_sv_forward(client, sv->token, request);
        else
                cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY),
                             why->rc != CW_OK ? why->text : "the token is being opened; wait a moment");
}

/* Clear keys come in and are used: only on a token that is configured as one for tests. */
static void call_known_answer(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        if (!sv->cfg->hsm.test_token)
                cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED),
                             "known answers are computed on a token with hsm.test_token only");
        else if (sv->token == NULL || !sv->token_ready)
                cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY),
                             "the token is being opened; wait a moment");
        else
                cw_sv_forward(client, sv->token, request);
}

/* Calls of Thales D1 need the keys and no card: the worker that answers hello has them. */
static void call_d1(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        if (sv->token == NULL || !sv->token_ready)
                cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY),
                             "the token is being opened; wait a moment");
        else
                cw_sv_forward(client, sv->token, request);
}

static void on_request(void *ctx, struct cw_peer *p, struct cw_msg *request) {
        static const struct {
                const char *call;
                bool agent, admin; /* which socket has it */
                void (*fn)(struct cw_sv_client *client, struct cw_msg *request);
        } calls[] = {
            {"hello", true, true, call_hello},
            {"capabilities", true, true, call_capabilities},
            {"algorithm.known_answer", false, true, call_known_answer},
            {"session.open", true, true, cw_sv_open},
            {"session.close", true, true, call_close},
            {"kiosk.bind", true, false, call_session},
            {"kiosk.seal_pan", true, false, call_session},
            {"pin.form", true, false, call_session},
            {"audit.next", true, false, cw_sv_call_audit_next},
            {"audit.ack", true, false, cw_sv_call_audit_ack},
            {"d1.assertion", true, false, call_d1},
            {"d1.seal", true, false, call_d1},
            {"d1.open", true, false, call_d1},
        };
        struct cw_sv_client *client = ctx;
        bool administers = client->admin && cw_sv_who_administers(&client->who);
        (void)p;
        if (client->admin && cw_sv_admin_call(client, request))
                return;
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
                if (strcmp(calls[i].call, cw_msg_str(request, "call", "")) == 0 &&
                    (client->admin ? calls[i].admin && administers : calls[i].agent)) {
                        calls[i].fn(client, request);
                        return;
                }
        }
        cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED),
                     "this socket has no such call");
}

/* Sessions outlive their client: a station may be in the middle of a card while cardwrightd restarts. */
static void client_free(struct cw_sv_client *client) {
        struct cw_supervisor *sv = client->sv;
        for (struct cw_sv_client **at = &sv->clients; *at != NULL; at = &(*at)->next) {
                if (*at == client) {
                        *at = client->next;
                        break;
                }
        }
        for (struct cw_sv_deferred *d = sv->deferred; d != NULL; d = d->next) {
                if (d->client == client)
                        d->client = NULL;
        }
        cw_peer_free(client->peer);
        free(client);
}

static void on_closed(void *ctx, struct cw_peer *p, const struct cw_fault *why) {
        (void)p;
        cw_log_fault(CW_EV_PEER_LOST, why);
        client_free(ctx);
}

static const struct cw_peer_ops client_ops = {on_request, NULL, on_closed};

static void accept_client(struct cw_supervisor *sv, int take_fd, const struct ucred *cred, bool admin) {
        CW_AUTO_FD int fd = take_fd;
        struct cw_sv_who who = {0};
        /* Anyone may knock at the admin socket; the agent's user comes in by our group. */
        bool ours = admin ? cw_sv_admin_who(sv->cfg, fd, cred, &who) : cw_ipc_peer_is_ours(fd);
        if (!ours) {
                cw_log(CW_EV_PEER_REFUSED, CW_F_INT("UID", cred->uid), CW_F_INT("PID", cred->pid));
                return;
        }
        struct cw_sv_client *client = calloc(1, sizeof(*client));
        if (client == NULL)
                return;
        *client = (struct cw_sv_client){.sv = sv, .admin = admin, .who = who, .next = sv->clients};
        if (cw_peer_new(sv->loop, fd, &client_ops, client, &client->peer) != CW_OK) {
                free(client);
                return;
        }
        fd = -1;
        sv->clients = client;
        cw_log(CW_EV_PEER_CONNECTED, CW_F_INT("UID", cred->uid), CW_F_INT("PID", cred->pid),
               CW_F_STR("SOCKET", admin ? "admin" : "agent"));
        if (!admin)
                cw_sv_audit_tell(client);
}

static void accept_agent(void *ctx, int take_fd, const struct ucred *cred) {
        accept_client(ctx, take_fd, cred, false);
}

static void accept_admin(void *ctx, int take_fd, const struct ucred *cred) {
        accept_client(ctx, take_fd, cred, true);
}

static cw_rc listen_at(struct cw_supervisor *sv, const char *name, unsigned mode, cw_accept_fn fn,
                       struct cw_listener **ret, struct cw_fault *f) {
        char path[PATH_MAX + 16];
        CW_AUTO_FD int fd = -1;
        (void)snprintf(path, sizeof(path), "%s/%s", sv->dir, name);
        cw_rc rc = cw_ipc_listen(path, mode, &fd, f);
        if (rc == CW_OK)
                rc = cw_listener_new(sv->loop, fd, fn, sv, ret);
        if (rc == CW_OK)
                fd = -1;
        return rc;
}

static void on_signal(void *ctx, int signo) {
        struct cw_supervisor *sv = ctx;
        if (signo == SIGCHLD)
                cw_sv_reap(sv);
        else
                cw_loop_stop(sv->loop, 0);
}

/* Custodians and administrators are other users: they may pass through to admin.sock, and see nothing else.
 */
static cw_rc open_way(const struct cw_supervisor *sv, struct cw_fault *f) {
        if (chmod(sv->dir, 0751) == 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_IO), errno, "hsm.start", "",
                       "%s must belong to the user of cardwright-hsmd: %s", sv->dir, strerror(errno));
}

cw_rc cw_supervisor_new(struct cw_loop *loop, const struct cw_config *cfg, struct cw_supervisor **ret,
                        struct cw_fault *f) {
        static const int signals[] = {SIGCHLD, SIGTERM, SIGINT};
        CW_AUTO(cw_supervisor_free) struct cw_supervisor *sv = calloc(1, sizeof(*sv));
        if (sv == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.start", "",
                               "out of memory");
        sv->loop = loop;
        sv->cfg = cfg;
        (void)snprintf(sv->dir, sizeof(sv->dir), "%s/hsmd", cfg->agent.runtime_dir);
        cw_rc rc = cw_mkdirs(sv->dir, 0751, f);
        if (rc == CW_OK)
                rc = open_way(sv, f);
        if (rc == CW_OK)
                rc = cw_config_hsm_state_dir(cfg, sv->state_dir, f);
        if (rc == CW_OK)
                rc = cw_mkdirs(sv->state_dir, 0700, f);
        if (rc == CW_OK)
                rc = cw_loop_signals(loop, signals, sizeof(signals) / sizeof(signals[0]), on_signal, sv);
        if (rc == CW_OK)
                rc = cw_sv_children_init(sv, f);
        if (rc == CW_OK)
                rc = listen_at(sv, "agent.sock", 0660, accept_agent, &sv->agent_listener, f);
        if (rc == CW_OK)
                rc = listen_at(sv, "admin.sock", 0666, accept_admin, &sv->admin_listener, f);
        if (rc != CW_OK)
                return rc;
        cw_sv_audit_open(sv);
        cw_sv_start_token(sv);
        *ret = CW_STEAL(sv);
        return CW_OK;
}

void cw_supervisor_free(struct cw_supervisor *sv) {
        if (sv == NULL)
                return;
        cw_listener_free(sv->agent_listener);
        cw_listener_free(sv->admin_listener);
        cw_sv_opening_done(sv);
        cw_sv_children_done(sv);
        while (sv->clients != NULL)
                client_free(sv->clients);
        while (sv->deferred != NULL)
                deferred_free(sv->deferred);
        cw_audit_spool_close(sv->spool);
        free(sv);
}
