/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persons on admin.sock: who they are, what they may ask, and the trace that each key operation leaves. What
 * is asked is done by a worker of its own, started for it; this process sees key components only as
 * attachments in secret memory that it passes on.
 */
#include "base/log.h"
#include "hsm/supervisor_internal.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define MAY_ADMIN 1u     /* root, hsmd's own user, members of agent.admin_group */
#define MAY_CUSTODIAN 2u /* local users of hsm.custodians */

static const struct row {
        const char *call;
        unsigned may;
        bool reads; /* the worker that answers hello does it, and nothing changes */
} rows[] = {
    {"keys", MAY_ADMIN | MAY_CUSTODIAN, true},
    {"selftest", MAY_ADMIN, true},
    {"key.import", MAY_ADMIN, false},
    {"key.generate", MAY_ADMIN, false},
    {"key.adopt", MAY_ADMIN, false},
    {"key.rotate", MAY_ADMIN, false},
    {"key.destroy", MAY_ADMIN, false},
    {"key.export", MAY_ADMIN, false},
    {"key.requests", MAY_ADMIN | MAY_CUSTODIAN, false},
    {"key.confirm", MAY_ADMIN | MAY_CUSTODIAN, false},
    {"key.drop", MAY_ADMIN | MAY_CUSTODIAN, false},
    {"component.start", MAY_ADMIN, false},
    {"component.enter", MAY_CUSTODIAN, false},
    {"component.status", MAY_ADMIN | MAY_CUSTODIAN, false},
    {"component.cancel", MAY_ADMIN | MAY_CUSTODIAN, false},
};

/* ---- who ---- */

static const struct cw_config_custodian *custodian(const struct cw_config *cfg, uid_t uid) {
        for (size_t i = 0; i < cfg->hsm.custodian_count; i++) {
                const struct passwd *pw = getpwnam(cfg->hsm.custodians[i].user);
                if (pw != NULL && pw->pw_uid == uid)
                        return &cfg->hsm.custodians[i];
        }
        return NULL;
}

bool cw_sv_admin_who(const struct cw_config *cfg, int fd, const struct ucred *cred, struct cw_sv_who *ret) {
        const struct group *group = cfg->agent.admin_group[0] ? getgrnam(cfg->agent.admin_group) : NULL;
        *ret = (struct cw_sv_who){.uid = cred->uid};
        if (cred->uid == 0 || cred->uid == geteuid() ||
            (group != NULL && cw_ipc_peer_in_group(fd, group->gr_gid)))
                ret->may |= MAY_ADMIN;
        const struct cw_config_custodian *holder = custodian(cfg, cred->uid);
        if (holder != NULL) {
                ret->may |= MAY_CUSTODIAN;
                ret->component = holder->component;
        }
        const struct passwd *pw = getpwuid(cred->uid);
        if (pw != NULL && strlen(pw->pw_name) < sizeof(ret->user))
                memcpy(ret->user, pw->pw_name, strlen(pw->pw_name) + 1);
        else
                (void)snprintf(ret->user, sizeof(ret->user), "uid %u", cred->uid);
        return ret->may != 0;
}

bool cw_sv_who_administers(const struct cw_sv_who *who) {
        return (who->may & MAY_ADMIN) != 0;
}

/* ---- trace ---- */

void cw_sv_audit_open(struct cw_supervisor *sv) {
        if (cw_audit_spool_open(sv->state_dir, &sv->spool, &sv->spool_failed) != CW_OK)
                cw_log_fault(CW_EV_HSM_AUDIT_FAILED, &sv->spool_failed);
}

void cw_sv_audit_tell(struct cw_sv_client *client) {
        if (client->sv->spool != NULL && cw_audit_spool_count(client->sv->spool) > 0)
                cw_peer_send(client->peer, cw_msg_event("audit.pending"));
}

/* Words of the request that belong into the trace; attachments never do. */
static json_t *detail_of(const struct cw_msg *request) {
        static const char *const members[] = {"label",      "version",    "kbpk",     "block",
                                              "components", "valid_from", "valid_to", "kcv",
                                              "request",    "in_use",     "bits",     "exponent"};
        json_t *detail = json_object();
        for (size_t i = 0; detail != NULL && i < sizeof(members) / sizeof(members[0]); i++) {
                json_t *value = json_object_get(request->json, members[i]);
                const char *text = json_string_value(value);
                bool fits =
                    text != NULL ? strlen(text) <= 80 : json_is_integer(value) || json_is_boolean(value);
                if (fits && json_object_set(detail, members[i], value) != 0) {
                        json_decref(detail);
                        return NULL;
                }
        }
        return detail;
}

static cw_rc record(struct cw_supervisor *sv, const char *call, const char *actor, const char *phase,
                    json_t *detail, struct cw_fault *f) {
        CW_AUTO_JSON json_t *whole = json_pack("{s:s}", "phase", phase);
        if (sv->spool == NULL) {
                *f = sv->spool_failed;
                return f->rc;
        }
        if (whole == NULL || json_object_update_missing(whole, detail) != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.audit", "",
                               "out of memory");
        cw_rc rc = cw_audit_spool_add(sv->spool, call, actor, whole, f);
        if (rc != CW_OK) {
                cw_log_fault(CW_EV_HSM_AUDIT_FAILED, f);
                return rc;
        }
        cw_log(CW_EV_HSM_KEY_OPERATION, CW_F_STR("CALL", call), CW_F_STR("USER", actor),
               CW_F_STR("PHASE", phase));
        for (struct cw_sv_client *c = sv->clients; c != NULL; c = c->next) {
                if (!c->admin)
                        cw_sv_audit_tell(c);
        }
        return CW_OK;
}

cw_rc cw_sv_audit_delete(struct cw_sv_client *client, const struct cw_msg *request, struct cw_fault *f) {
        const char *aid = cw_msg_str(request, "delete", "");
        const char *reader = cw_msg_str(request, "reader", "");
        if (*aid == '\0')
                return CW_OK;
        if (strlen(aid) > 32 || strlen(reader) > 100)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.open", "HSM_REQUEST",
                               "\"delete\" or \"reader\" is too long");
        CW_AUTO_JSON json_t *detail = json_pack("{s:s, s:s}", "aid", aid, "reader", reader);
        return record(client->sv, "card.delete", client->who.user, "asked", detail, f);
}

/* ---- the chain's side: cardwrightd fetches the records one by one ---- */

void cw_sv_call_audit_next(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        const json_t *first = sv->spool ? cw_audit_spool_first(sv->spool) : NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        json_t *value = first ? json_deep_copy(first) : json_null();
        if (reply != NULL && json_object_set_new(reply->json, "record", value) == 0)
                cw_peer_send(client->peer, CW_STEAL(reply));
}

void cw_sv_call_audit_ack(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        struct cw_fault f = {0};
        cw_rc rc = sv->spool ? cw_audit_spool_drop(sv->spool, cw_msg_int(request, "seq", 0), &f) : CW_OK;
        cw_peer_send(client->peer, rc == CW_OK ? cw_msg_ok(request) : cw_msg_error(request, &f));
}

/* ---- the calls ---- */

static void refuse_fault(struct cw_sv_client *client, const struct cw_msg *request,
                         const struct cw_fault *f) {
        cw_log_fault(CW_EV_HSM_REQUEST_REFUSED, f);
        cw_peer_send(client->peer, cw_msg_error(request, f));
}

static void end_worker(struct cw_supervisor *sv, struct cw_sv_child *c) {
        if (sv->keys != c)
                return;
        sv->keys = NULL;
        cw_sv_close_child(c);
}

/* What the trace says of how it ended: a lost worker may have done it or not. */
static const char *phase_of(cw_rc rc) {
        enum cw_class cls = cw_rc_class(rc);
        if (rc == CW_OK)
                return "done";
        return cls == CW_C_RECONNECT || cls == CW_C_IN_DOUBT ? "in doubt" : "refused";
}

static void close_trace(struct cw_sv_deferred *d, cw_rc rc, const struct cw_fault *why,
                        const struct cw_msg *reply) {
        struct cw_fault f = {0};
        if (d->audit == NULL)
                return;
        if (reply != NULL)
                (void)json_object_update(d->audit, json_object_get(reply->json, "audit"));
        if (rc != CW_OK)
                (void)json_object_set_new(d->audit, "text", json_string(why->text));
        (void)record(d->sv, d->call, d->actor, phase_of(rc), d->audit, &f); /* a failure is in the log */
}

static int64_t now_ns(const struct cw_supervisor *sv) {
        return cw_mono_ns(cw_loop_clock(sv->loop));
}

static void on_done(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_sv_deferred *d = ctx;
        struct cw_supervisor *sv = d->sv;
        struct cw_sv_child *c = d->child;
        struct cw_fault why = {0};
        sv->keys_calls--;
        if (rc == CW_OK) {
                sv->keys_keep = cw_msg_bool(reply, "keep", false);
                close_trace(d, rc, NULL, reply);
                if (strcmp(d->call, "key.rotate") == 0)
                        sv->rotated_ns = now_ns(sv);
                (void)json_object_del(reply->json, "audit");
                (void)json_object_del(reply->json, "keep");
                cw_sv_answer(d, reply, -1);
        } else {
                if (cw_rc_class(rc) == CW_C_IN_DOUBT)
                        cw_sv_kill_child(c);
                cw_sv_lost_fault(c, f, &why);
                if (strcmp(why.code, "HSM_LOGIN") == 0)
                        cw_sv_note_failure(sv, &why);
                close_trace(d, why.rc, &why, NULL);
                cw_log_fault(CW_EV_HSM_REQUEST_REFUSED, &why);
                cw_sv_answer_fault(d, &why);
        }
        if (sv->keys_calls == 0 && !sv->keys_keep)
                end_worker(sv, c);
}

static size_t old_sessions(const struct cw_supervisor *sv) {
        size_t n = 0;
        for (const struct cw_sv_child *c = sv->children; c != NULL; c = c->next)
                n += c->session > 0 && !c->closing && c->since_ns < sv->rotated_ns ? 1 : 0;
        return n;
}

/* Members that only this process may set: they say who asks. */
static bool sign(const struct cw_sv_client *client, struct cw_msg *m) {
        const struct cw_sv_who *who = &client->who;
        return m != NULL && json_object_set_new(m->json, "actor", json_string(who->user)) == 0 &&
               json_object_set_new(m->json, "uid", json_integer((json_int_t)who->uid)) == 0 &&
               json_object_set_new(m->json, "component", json_integer(who->component)) == 0 &&
               json_object_set_new(m->json, "old_sessions",
                                   json_integer((json_int_t)old_sessions(client->sv))) == 0;
}

static cw_rc worker_ready(struct cw_supervisor *sv, struct cw_fault *f) {
        if (sv->login_failed.rc != CW_OK) {
                *f = sv->login_failed;
                return f->rc;
        }
        /* One login at a time, so that a wrong token PIN is tried once. */
        if (sv->token == NULL || !sv->token_ready || sv->starting != NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY), 0, "hsm.keys", "HSM_BUSY",
                               "the token is being opened; wait a moment");
        if (sv->keys != NULL)
                return CW_OK;
        sv->keys_keep = false;
        return cw_sv_spawn(sv, CW_SV_KEYS, &sv->keys, f);
}

static void change(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        const char *call = cw_msg_str(request, "call", "");
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *detail = detail_of(request);
        /* Looking at what waits leaves no trace. */
        bool traced = strcmp(call, "key.requests") != 0 && strcmp(call, "component.status") != 0;
        cw_rc rc = detail ? worker_ready(sv, &f) : CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        if (rc == CW_OK && traced)
                rc = record(sv, call, client->who.user, "asked", detail, &f);
        CW_AUTO(cw_msg_free) struct cw_msg *m = rc == CW_OK ? cw_sv_move(CW_MSG_REQUEST, request) : NULL;
        struct cw_sv_deferred *d = rc == CW_OK && sign(client, m) ? cw_sv_defer(client, request) : NULL;
        if (d == NULL) {
                if (rc == CW_OK)
                        rc = cw_fail(&f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.keys", "",
                                     "out of memory");
                refuse_fault(client, request, &f);
                if (sv->keys != NULL && sv->keys_calls == 0 && !sv->keys_keep)
                        end_worker(sv, sv->keys);
                return;
        }
        d->child = sv->keys;
        d->audit = traced ? CW_STEAL(detail) : NULL;
        memcpy(d->actor, client->who.user, sizeof(d->actor));
        sv->keys_calls++;
        cw_peer_call(sv->keys->peer, CW_STEAL(m), cw_sv_patience_ms(sv), on_done, d);
}

static void look(struct cw_sv_client *client, struct cw_msg *request) {
        struct cw_supervisor *sv = client->sv;
        if (sv->token == NULL || !sv->token_ready)
                cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY),
                             sv->last_failure.rc != CW_OK ? sv->last_failure.text
                                                          : "the token is being opened; wait a moment");
        else
                cw_sv_forward(client, sv->token, request);
}

bool cw_sv_admin_call(struct cw_sv_client *client, struct cw_msg *request) {
        const char *call = cw_msg_str(request, "call", "");
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                if (strcmp(rows[i].call, call) != 0)
                        continue;
                if ((rows[i].may & client->who.may) == 0)
                        cw_sv_refuse(client, request, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED),
                                     rows[i].may == MAY_CUSTODIAN
                                         ? "only a custodian of hsm.custodians may do this"
                                         : "only an administrator (agent.admin_group) may do this");
                else if (rows[i].reads)
                        look(client, request);
                else
                        change(client, request);
                return true;
        }
        return false;
}
