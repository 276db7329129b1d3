/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/worker.h"

#include "base/clock.h"
#include "base/file.h"
#include "hsm/d1_calls.h"
#include "hsm/gp_ledger.h"
#include "hsm/key_admin.h"
#include "hsm/known_answer.h"
#include "hsm/p11_crypto.h"
#include "hsm/p11_kdf.h"
#include "hsm/posture.h"
#include "hsm/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define SEND_TIMEOUT_MS 2000
#define PIN_MAX_LEN 256u
#define KEYS_IDLE_MS 30000 /* the worker for key management ends by itself after this */
#define STACK_WIPED (32u * 1024)
#define BURST_MAX 8

struct worker {
        const struct cw_worker_args *args;
        struct cw_p11 *token;
        struct cw_hsm_crypto crypto;
        struct cw_hsm_crypto_ops ops; /* crypto's own, as know_ways made them */
        struct cw_key_store keys;
        struct cw_capabilities capabilities;
        struct cw_sess *session;
        struct cw_key_admin *key_admin;
        bool station_gone;      /* it closed its socket: an ordinary end */
        struct cw_fault broken; /* why there is no token; rc CW_OK when there is one */
};

static void busy(struct worker *w) {
        atomic_store(&w->args->slot->called_ns, cw_mono_ns(cw_clock_real()));
}

static void idle(struct worker *w) {
        atomic_store(&w->args->slot->called_ns, 0);
}

/* The supervisor's sockets, listeners and other workers' ends are none of ours. */
static void keep_only(int a, int b) {
        int lo = a < b ? a : b, hi = a < b ? b : a;
        unsigned from = 3;
        if (lo >= 3) {
                if ((unsigned)lo > from)
                        (void)close_range(from, (unsigned)lo - 1, 0);
                from = (unsigned)lo + 1;
        }
        if (hi >= 3) {
                if ((unsigned)hi > from)
                        (void)close_range(from, (unsigned)hi - 1, 0);
                from = (unsigned)hi + 1;
        }
        (void)close_range(from, ~0u, 0);
}

static void become_worker(const struct cw_worker_args *args) {
        sigset_t none;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != args->parent_pid)
                _exit(1);
        keep_only(args->control_fd, args->session_fd);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        json_set_alloc_funcs(malloc, cw_wiping_free); /* libjose and card data in JSON */
        (void)signal(SIGPIPE, SIG_IGN);               /* modules of networked HSMs write to dead sockets */
        (void)prctl(PR_SET_NAME, args->session_fd >= 0 ? "hsmd-session"
                                 : args->keys          ? "hsmd-keys"
                                                       : "hsmd-token");
}

static cw_rc open_token(struct worker *w, struct cw_fault *f) {
        const struct cw_config *cfg = w->args->cfg;
        CW_AUTO(cw_secret_free) struct cw_secret *pin = NULL;
        const char *dir = cfg->agent.credential_dir[0] ? cfg->agent.credential_dir : NULL;
        cw_rc rc = cw_credential_read(dir, cfg->hsm.pin_credential, PIN_MAX_LEN, &pin, f);
        if (rc == CW_OK)
                rc = cw_p11_open(&cfg->hsm, w->args->keys, &w->args->slot->called_ns, &w->token, f);
        if (rc == CW_OK)
                rc = cw_p11_login(w->token, pin, f);
        if (rc != CW_OK)
                return rc;
        cw_p11_crypto_init(w->token, &w->crypto);
        return CW_OK;
}

/* What the token lacks is made of what it has. */
static void know_ways(struct worker *w) {
        cw_capabilities_ways(&w->capabilities, &w->args->cfg->hsm, w->token);
        const struct cw_p11_inside inside = {cw_capabilities_cmac_kdf(&w->capabilities),
                                             /* the key was written without CKA_DERIVE there */
                                             !w->token->host_derive &&
                                                 cw_capabilities_key_xor(&w->capabilities),
                                             cw_capabilities_retail_mac(&w->capabilities)};
        cw_p11_offer(&w->crypto, &w->ops, &inside);
}

static cw_rc load_keys(struct worker *w, struct cw_fault *f) {
        const struct cw_config_hsm *cfg = &w->args->cfg->hsm;
        know_ways(w);
        return w->args->keys ? CW_OK
                             : cw_key_store_load(&w->keys, cfg, w->args->state_dir, w->token, &w->crypto, f);
}

static cw_rc probe(struct worker *w, struct cw_fault *f) {
        const struct cw_prober x = {w->token, &w->crypto};
        struct cw_worker_posture *shared = w->args->posture;
        cw_capabilities_no_ways(w->token);
        cw_rc rc = cw_capabilities_probe(&x, &w->args->cfg->hsm, &w->capabilities, f);
        if (rc != CW_OK)
                return rc;
        know_ways(w);
        shared->capabilities = w->capabilities;
        atomic_store(&shared->probed, true);
        return CW_OK;
}

/* A copy: another worker may probe the token anew while this one works. */
static cw_rc know_posture(struct worker *w, struct cw_fault *f) {
        struct cw_worker_posture *shared = w->args->posture;
        bool probed = atomic_load(&shared->probed);
        w->capabilities = shared->capabilities;
        if (probed && atomic_load(&shared->probed))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY), 0, "hsm.worker", "HSM_BUSY",
                       "the token is being opened anew; wait a moment");
}

static struct cw_key_admin_env key_env(const struct worker *w) {
        return (struct cw_key_admin_env){&w->args->cfg->hsm, w->args->cfg, w->token, &w->crypto,
                                         w->args->state_dir};
}

static cw_rc start(struct worker *w, struct cw_fault *f) {
        cw_rc rc = open_token(w, f);
        bool answers_hello = !w->args->keys && w->args->session_fd < 0;
        if (rc == CW_OK)
                rc = answers_hello ? probe(w, f) : know_posture(w, f);
        if (rc == CW_OK)
                rc = load_keys(w, f);
        if (rc != CW_OK || answers_hello)
                return rc;
        if (w->args->keys) {
                const struct cw_key_admin_env keys = key_env(w);
                return cw_key_admin_new(&keys, &w->key_admin, f);
        }
        const struct cw_sess_env env = {w->args->cfg, &w->crypto, &w->keys, w->args->state_dir, w->token};
        return cw_sess_new(&env, &w->session, f);
}

/* Loads the keys anew, so that a vanished token or an exchanged key is seen. */
static cw_rc hello(struct worker *w, struct cw_msg *reply, struct cw_fault *f) {
        const struct cw_posture p = {&w->args->cfg->hsm, w->token, &w->keys, &w->capabilities};
        cw_rc rc = cw_p11_check(w->token, f);
        if (rc == CW_OK)
                rc = cw_key_store_load(&w->keys, &w->args->cfg->hsm, w->args->state_dir, w->token, &w->crypto,
                                       f);
        return rc != CW_OK ? rc : cw_posture_to_json(&p, reply->json);
}

static cw_rc capabilities(struct worker *w, struct cw_msg *reply, struct cw_fault *f) {
        const struct cw_posture p = {&w->args->cfg->hsm, w->token, &w->keys, &w->capabilities};
        cw_rc rc = cw_p11_check(w->token, f);
        return rc != CW_OK ? rc : cw_posture_capabilities(&p, reply->json);
}

static cw_rc attach_json(struct cw_msg *reply, const json_t *value) {
        CW_AUTO_MEM char *text = json_dumps(value, JSON_COMPACT);
        return text ? cw_msg_attach_copy(reply, text, strlen(text)) : CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
}

/* att0: the key table; it may be longer than the JSON of a message. */
static cw_rc key_table(struct worker *w, struct cw_msg *reply, struct cw_fault *f) {
        const struct cw_key_admin_env env = key_env(w);
        CW_AUTO_JSON json_t *table = NULL;
        cw_rc rc = cw_p11_check(w->token, f);
        if (rc == CW_OK)
                rc = cw_key_store_load(&w->keys, env.cfg, env.state_dir, w->token, &w->crypto, f);
        if (rc == CW_OK)
                rc = cw_key_table(&env, &w->keys, &table, f);
        return rc != CW_OK ? rc : attach_json(reply, table);
}

/* Every known answer anew, then the keys. */
static cw_rc selftest(struct worker *w, struct cw_msg *reply, struct cw_fault *f) {
        const struct cw_posture p = {&w->args->cfg->hsm, w->token, &w->keys, &w->capabilities};
        CW_AUTO_JSON json_t *result = NULL;
        cw_rc rc = cw_p11_check(w->token, f);
        if (rc == CW_OK)
                rc = probe(w, f);
        if (rc == CW_OK)
                rc = cw_key_store_load(&w->keys, p.cfg, w->args->state_dir, w->token, &w->crypto, f);
        if (rc == CW_OK)
                rc = cw_posture_selftest(&p, &result);
        return rc != CW_OK ? rc : attach_json(reply, result);
}

/* att0: one entry of a file of vectors; the answer goes back the same way, it may be a PIN or a key. */
static cw_rc known_answer(struct worker *w, struct cw_msg *request, struct cw_msg *reply,
                          struct cw_fault *f) {
        CW_WIPED(char, text, CW_KNOWN_ANSWER_MAX);
        if (!w->args->cfg->hsm.test_token)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.known_answer",
                               "HSM_REQUEST", "known answers are for a token with hsm.test_token");
        const struct cw_secret *att = request->att_count > 0 ? request->att[0] : NULL;
        CW_AUTO_JSON json_t *entry = att ? json_loadb((const char *)att->ptr, att->len, 0, NULL) : NULL;
        if (!json_is_object(entry))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.known_answer",
                               "HSM_REQUEST", "att0 is not a JSON object");
        cw_rc rc = cw_known_answer(&w->crypto, entry, text, f);
        return rc != CW_OK ? rc : cw_msg_attach_copy(reply, text, strlen(text));
}

static cw_rc d1(struct worker *w, const char *call, struct cw_msg *request, struct cw_msg *reply,
                struct cw_fault *f) {
        const struct cw_d1_env env = {w->args->cfg, &w->crypto, &w->keys, w->token, w->args->state_dir};
        if (strcmp(call, "d1.assertion") == 0)
                return cw_d1_call_assertion(&env, request, reply, f);
        return strcmp(call, "d1.seal") == 0 ? cw_d1_call_seal(&env, request, reply, f)
                                            : cw_d1_call_open(&env, request, reply, f);
}

/* The worker without a session: what needs no card. */
static bool answer_hello(struct worker *w, struct cw_msg *request, struct cw_msg **ret_reply) {
        const char *call = cw_msg_str(request, "call", "");
        struct cw_fault f = {0};
        cw_rc rc = CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        if (reply != NULL && strcmp(call, "hello") == 0)
                rc = hello(w, reply, &f);
        else if (reply != NULL && strcmp(call, "capabilities") == 0)
                rc = capabilities(w, reply, &f);
        else if (reply != NULL && strcmp(call, "keys") == 0)
                rc = key_table(w, reply, &f);
        else if (reply != NULL && strcmp(call, "selftest") == 0)
                rc = selftest(w, reply, &f);
        else if (reply != NULL && strcmp(call, "algorithm.known_answer") == 0)
                rc = known_answer(w, request, reply, &f);
        else if (reply != NULL && strncmp(call, "d1.", 3) == 0)
                rc = d1(w, call, request, reply, &f);
        else if (reply != NULL)
                rc = cw_fail(&f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.worker", "",
                             "no such call");
        if (rc != CW_OK && f.rc == CW_OK)
                (void)cw_fail(&f, rc, 0, "hsm.worker", "", "the call failed");
        *ret_reply = rc == CW_OK ? CW_STEAL(reply) : cw_msg_error(request, &f);
        return cw_rc_class(rc) != CW_C_RECONNECT && *ret_reply != NULL;
}

/* Without the ledger no card key is tried: a card that is fed all the same would be wasted. */
static cw_rc before_card(const struct worker *w, const struct cw_msg *request, struct cw_fault *f) {
        if (strcmp(cw_msg_str(request, "call", ""), "session.open") != 0 ||
            strcmp(cw_msg_str(request, "kind", ""), "issue") != 0)
                return CW_OK;
        return cw_gp_ledger_ready(w->args->state_dir, f);
}

/* False when the worker is to end. */
static bool answer(struct worker *w, enum cw_sess_from from, struct cw_msg *request,
                   struct cw_msg **ret_reply) {
        if (w->broken.rc != CW_OK) {
                *ret_reply = cw_msg_error(request, &w->broken);
                return false;
        }
        if (w->key_admin != NULL)
                return cw_key_admin_call(w->key_admin, request, ret_reply);
        if (w->session == NULL)
                return answer_hello(w, request, ret_reply);
        struct cw_fault f = {0};
        if (before_card(w, request, &f) != CW_OK) {
                *ret_reply = cw_msg_error(request, &f);
                return true;
        }
        return cw_sess_call(w->session, from, request, ret_reply);
}

/* A module that computes in this process leaves blocks and keys on the stack below its caller. */
__attribute__((noinline)) static void wipe_stack_below(void) {
        uint8_t below[STACK_WIPED];
        cw_wipe(below, sizeof(below));
}

/* *ret_found: there was something, so that there may be more. */
static bool serve(struct worker *w, int fd, enum cw_sess_from from, bool *ret_found) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = NULL, *reply = NULL;
        cw_rc rc = cw_ipc_recv(fd, cw_deadline_ns(0), &request, NULL);
        *ret_found = cw_rc_class(rc) != CW_C_RETRY;
        if (!*ret_found)
                return true;
        if (rc != CW_OK) {
                w->station_gone =
                    from == CW_FROM_STATION && rc == CW_RC(CW_L_IPC, CW_C_RECONNECT, CW_E_CLOSED);
                return false;
        }
        if (request->type != CW_MSG_REQUEST)
                return true;
        busy(w);
        bool go_on = answer(w, from, request, &reply);
        wipe_stack_below();
        idle(w);
        return reply != NULL && cw_ipc_send(fd, reply, cw_deadline_ns(SEND_TIMEOUT_MS), NULL) == CW_OK &&
               go_on;
}

/*
 * Requests of a station come one upon the other, the next often before this process runs on after its reply:
 * it is looked for at once. The agent's socket waits for a few of them at most.
 */
static bool serve_all(struct worker *w, int fd, enum cw_sess_from from) {
        bool found = true;
        for (int i = 0; i < BURST_MAX && found; i++)
                if (!serve(w, fd, from, &found))
                        return false;
        return true;
}

/* So that the end is not taken for a crash; when it cannot be told, it is. */
static bool tell_ended(struct worker *w) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_event("session.ended");
        return m != NULL &&
               cw_ipc_send(w->args->control_fd, m, cw_deadline_ns(SEND_TIMEOUT_MS), NULL) == CW_OK;
}

static void loop(struct worker *w) {
        struct pollfd fds[2] = {{w->args->control_fd, POLLIN, 0}, {w->args->session_fd, POLLIN, 0}};
        for (;;) {
                int kept_ms = w->key_admin ? cw_key_admin_tick(w->key_admin) : -1;
                int n = cw_poll_awake(fds, 2, w->key_admin && kept_ms < 0 ? KEYS_IDLE_MS : kept_ms);
                if (n < 0 && errno != EINTR)
                        return;
                if (n == 0 && w->key_admin != NULL && kept_ms < 0)
                        return;
                if (n <= 0)
                        continue;
                if (fds[0].revents != 0 && !serve_all(w, fds[0].fd, CW_FROM_AGENT))
                        return;
                if (fds[1].revents != 0 && !serve_all(w, fds[1].fd, CW_FROM_STATION)) {
                        (void)(w->station_gone && tell_ended(w));
                        return;
                }
        }
}

void cw_worker_run(const struct cw_worker_args *args) {
        static struct worker w;
        w.args = args;
        become_worker(args);
        busy(&w);
        cw_rc rc = start(&w, &w.broken);
        if (rc != CW_OK && w.broken.rc == CW_OK)
                (void)cw_fail(&w.broken, rc, 0, "hsm.worker", "", "the worker cannot start");
        idle(&w);
        loop(&w);
        busy(&w);
        cw_sess_free(w.session);
        cw_key_admin_free(w.key_admin);
        cw_p11_close(w.token);
        _exit(0);
}
