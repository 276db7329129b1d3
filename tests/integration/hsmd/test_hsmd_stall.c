/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module that sleeps in one C_* function, for each that hsmd calls: at work, while a session is opened, in
 * the worker that has no session. That worker alone is killed, another chip's session lives on, and the next
 * request works. Stalls run side by side: in workers of one daemon, then in several daemons.
 */
#include "ossl.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PAN16 "4111111111111111"
#define PAN19 "4111111111111111110" /* its card keys come by option B, which hashes */
#define RIGS 9u
#define WORKERS_MAX 40u
#define PATIENCE_MS 20000
#define TRIES 5
#define MAC_TDES "{\"call\":\"mac.generate\",\"key\":\"mac-tdes\",\"algorithm\":\"iso9797-3\",\"padding\":2}"
#define MAC_AES "{\"call\":\"mac.generate\",\"key\":\"mac-aes\",\"algorithm\":\"cmac\"}"
#define TRANSLATE                                                                                            \
        "{\"call\":\"pin.translate\",\"source\":\"zone-in\",\"source_format\":1,\"target\":\"zone-out\","    \
        "\"target_format\":0}"
#define GENERATE "{\"call\":\"pin.generate\",\"length\":6,\"target\":\"zone-out\",\"target_format\":0}"
#define DCVV "{\"call\":\"value.dcvv\",\"atc\":\"3210\",\"service_code\":\"226\"}"
#define DUKPT "dukpt.mac" /* see with_counter */
#define ICC_KEY "{\"call\":\"perso.icc_key\",\"use\":\"dda\",\"bits\":768,\"exponent\":3}"
#define CARD_DATA "{\"call\":\"card.data\"}"

static struct rig rigs[RIGS];

static const struct at_work {
        const char *function, *pan,
            *members; /* pan NULL: a session that makes a card; members NULL: its end */
} at_work[] = {
    {"C_EncryptInit", PAN16, MAC_TDES},
    {"C_Encrypt", PAN16, MAC_TDES},
    {"C_DecryptInit", PAN16, TRANSLATE},
    {"C_Decrypt", PAN16, TRANSLATE},
    {"C_SignInit", PAN16, MAC_AES},
    {"C_Sign", PAN16, MAC_AES},
    {"C_GenerateRandom", PAN16, GENERATE},
    {"C_CreateObject", PAN16, DUKPT},
    {"C_DeriveKey", PAN16, DCVV},
    {"C_GetAttributeValue", PAN16, DCVV},
    {"C_DestroyObject", PAN16, DCVV},
    {"C_DigestInit", PAN19, DCVV},
    {"C_Digest", PAN19, DCVV},
    {"C_GenerateKeyPair", NULL, ICC_KEY},
    {"C_Finalize", PAN16, NULL},
};
#define AT_WORK (sizeof(at_work) / sizeof(at_work[0]))

static const char *const while_opening[] = {
    "C_Initialize",  "C_GetSlotList",       "C_GetTokenInfo", "C_OpenSession",
    "C_Login",       "C_FindObjectsInit",   "C_FindObjects",  "C_FindObjectsFinal",
    "C_CopyObject",  "C_GetAttributeValue", "C_EncryptInit",  "C_Encrypt",
    "C_DecryptInit", "C_Decrypt",           "C_SignInit",     "C_Sign",
    "C_DeriveKey",   "C_DestroyObject",
};
#define WHILE_OPENING (sizeof(while_opening) / sizeof(while_opening[0]))

/* In the worker without a session: what it alone calls. */
static const struct {
        const char *function, *call;
} without_session[] = {{"C_GetSessionInfo", "hello"},  {"C_SetAttributeValue", "selftest"},
                       {"C_WrapKey", "selftest"},      {"C_UnwrapKey", "selftest"},
                       {"C_FindObjectsInit", "hello"}, {"C_FindObjects", "hello"},
                       {"C_FindObjectsFinal", "hello"}};
#define WITHOUT_SESSION (sizeof(without_session) / sizeof(without_session[0]))
_Static_assert(WITHOUT_SESSION <= RIGS, "a daemon for each");

static int setup(void **state) {
        (void)state;
        for (size_t k = 0; k < RIGS; k++)
                rig_start(&rigs[k], &(struct rig_options){.shim = true,
                                                          .service = true,
                                                          .issuer = k == 0,
                                                          .like = k > 0 ? &rigs[0] : NULL,
                                                          .call_timeout_ms = 1000});
        return 0;
}

static int teardown(void **state) {
        (void)state;
        for (size_t k = 0; k < RIGS; k++)
                rig_stop(&rigs[k]);
        return 0;
}

static void pause_ms(long ms) {
        const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
}

/* ---- requests ---- */

static struct cw_msg *request_of(const char *members) {
        static uint32_t id = 1000000; /* none that cw_ipc_call gives */
        static const uint8_t eight[8] = {0x3a};
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(CW_MSG_REQUEST);
        CW_AUTO_JSON json_t *json = json_loads(members, 0, NULL);
        assert_non_null(m);
        assert_non_null(json);
        assert_int_equal(json_object_update(m->json, json), 0);
        if (strstr(members, "mac") != NULL || strstr(members, "icc_key") != NULL)
                assert_int_equal(cw_msg_attach_copy(m, eight, sizeof(eight)), CW_OK);
        if (strstr(members, "translate") != NULL) { /* 14 1234 and filler, under zone-in */
                uint8_t block[8] = {0x14, 0x12, 0x34, 0xab, 0xcd, 0xef, 0x01, 0x23};
                ossl_cipher("DES-EDE-ECB", true, rig_zone_in, NULL, block, 8, block);
                assert_int_equal(cw_msg_attach_copy(m, block, sizeof(block)), CW_OK);
        }
        m->id = ++id;
        return CW_STEAL(m);
}

static void send_on(int fd, struct cw_msg *m) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = m;
        assert_int_equal(cw_ipc_send(fd, request, cw_deadline_ns(PATIENCE_MS), NULL), CW_OK);
}

/* The reply, past events; its fault when it is one. */
static cw_rc reply_on(int fd, struct cw_msg **ret, struct cw_fault *f) {
        for (;;) {
                CW_AUTO(cw_msg_free) struct cw_msg *m = NULL;
                cw_rc rc = cw_ipc_recv(fd, cw_deadline_ns(PATIENCE_MS), &m, f);
                if (rc != CW_OK)
                        return rc;
                if (m->type == CW_MSG_EVENT)
                        continue;
                const json_t *error = json_object_get(m->json, "error");
                if (error != NULL) {
                        cw_fault_from_json(error, f);
                        return f->rc;
                }
                *ret = CW_STEAL(m);
                return CW_OK;
        }
}

/* The members, with the next transaction counter of the PIN pad in them. */
static const char *with_counter(const char *members, char text[160]) {
        static int counter;
        if (strcmp(members, DUKPT) != 0)
                return members;
        counter++;
        (void)snprintf(text, 160,
                       "{\"call\":\"dukpt.mac\",\"key\":\"bdk\",\"ksn\":\"FFFF9876543210E0000%d\","
                       "\"direction\":\"generate\"}",
                       counter);
        return text;
}

static void expect_works(int fd, const char *members, const char *after) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_fault f = {0};
        char text[160];
        send_on(fd, request_of(with_counter(members, text)));
        if (reply_on(fd, &reply, &f) != CW_OK)
                fail_msg("after %s: %s: %s", after, members, f.text);
}

static pid_t newest_worker(const struct rig *r, const pid_t *known, size_t count) {
        pid_t now[WORKERS_MAX];
        size_t n = rig_workers(r, now, WORKERS_MAX);
        for (size_t i = 0; i < n; i++) {
                bool old = false;
                for (size_t k = 0; k < count; k++)
                        old |= known[k] == now[i];
                if (!old)
                        return now[i];
        }
        return 0;
}

static cw_rc try_session(struct rig *r, const char *pan, int *ret_fd, struct cw_fault *f) {
        static unsigned serial;
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        char text[160], job[16];
        if (pan != NULL)
                return rig_open_service(r, pan, RIG_SCP03, ret_fd, f);
        rig_seal(RIG_PAN, text);
        (void)snprintf(job, sizeof(job), "I%u", ++serial);
        const struct cw_hsm_issue issue = {job, "10729390", RIG_SCP03, RIG_EXPIRY, "Asha Rao", text};
        cw_rc rc = rig_call(r, cw_hsm_msg_open_issue(&issue), &reply, f);
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, &o, f);
        *ret_fd = o.fd;
        return rc;
}

/* A machine that stalls for a second costs a sound worker its life too: then again. */
static int open_session_of(struct rig *r, const char *pan, pid_t *ret_worker) {
        struct cw_fault f = {0};
        for (int i = 0; i < TRIES; i++) {
                pid_t known[WORKERS_MAX];
                size_t n = rig_workers(r, known, WORKERS_MAX);
                int fd = -1;
                if (try_session(r, pan, &fd, &f) == CW_OK) {
                        *ret_worker = newest_worker(r, known, n);
                        assert_int_not_equal(*ret_worker, 0);
                        return fd;
                }
                pause_ms(200);
        }
        fail_msg("no session: %s", f.text);
        return -1;
}

static int open_session(struct rig *r, const char *pan) {
        pid_t worker = 0;
        return open_session_of(r, pan, &worker);
}

static void expect_works_anew(struct rig *r, const struct at_work *row) {
        cw_rc rc = CW_OK;
        struct cw_fault f = {0};
        for (int i = 0; i < TRIES; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                char text[160];
                int fd = open_session(r, row->pan);
                send_on(fd, request_of(with_counter(row->members, text)));
                rc = reply_on(fd, &reply, &f);
                assert_int_equal(close(fd), 0);
                if (cw_rc_class(rc) != CW_C_RECONNECT)
                        break;
        }
        if (rc != CW_OK)
                fail_msg("after %s: %s: %s", row->function, row->members, f.text);
}

/* ---- at work ---- */

/* Every function stalls in a worker of its own, all at a time; two sessions see nothing of it. */
static void stalled_at_work(void **state) {
        (void)state;
        struct rig *r = &rigs[0];
        int fds[AT_WORK], chip = open_session(r, NULL), service = open_session(r, PAN16);
        char text[160];
        for (size_t i = 0; i < AT_WORK; i++) {
                pid_t worker = 0;
                fds[i] = open_session_of(r, at_work[i].pan, &worker);
                (void)snprintf(text, sizeof(text), "%s sleep", at_work[i].function);
                rig_control_worker(r, worker, text);
        }
        for (size_t i = 0; i < AT_WORK; i++) {
                if (at_work[i].members != NULL)
                        send_on(fds[i], request_of(with_counter(at_work[i].members, text)));
                else
                        assert_int_equal(close(fds[i]), 0);
        }
        expect_works(chip, CARD_DATA, "stalls");
        expect_works(service, MAC_TDES, "stalls");
        for (size_t i = 0; i < AT_WORK && at_work[i].members != NULL; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                struct cw_fault f = {0};
                cw_rc rc = reply_on(fds[i], &reply, &f);
                if (cw_rc_class(rc) != CW_C_RECONNECT)
                        fail_msg("%s stalled and %s was answered: %s", at_work[i].function,
                                 at_work[i].members, f.text);
                assert_int_equal(close(fds[i]), 0);
        }
        rig_wait_workers(r, 3); /* theirs and the one without a session */
        expect_works(chip, CARD_DATA, "all stalls");
        expect_works(service, MAC_TDES, "all stalls");
        for (size_t i = 0; i < AT_WORK && at_work[i].members != NULL; i++)
                expect_works_anew(r, &at_work[i]);
        assert_int_equal(close(chip) | close(service), 0);
        rig_wait_workers(r, 1);
}

/* ---- while a session is opened ---- */

static struct cw_msg *opening(const char *job) {
        char text[160];
        rig_seal(RIG_PAN, text);
        const struct cw_hsm_issue issue = {job, "10729390", RIG_SCP03, RIG_EXPIRY, "Asha Rao", text};
        struct cw_msg *m = cw_hsm_msg_open_issue(&issue);
        assert_non_null(m);
        m->id = 2000000;
        return m;
}

static void stalled_while_opening(void **state) {
        (void)state;
        int chip[RIGS];
        char line[80];
        for (size_t k = 0; k < RIGS; k++)
                chip[k] = open_session(&rigs[k], PAN16);
        for (size_t i = 0; i < WHILE_OPENING; i += RIGS) {
                size_t n = WHILE_OPENING - i < RIGS ? WHILE_OPENING - i : RIGS;
                for (size_t k = 0; k < n; k++) {
                        (void)snprintf(line, sizeof(line), "%s sleep", while_opening[i + k]);
                        rig_control(&rigs[k], line);
                        send_on(rigs[k].agent, opening("stalled"));
                }
                for (size_t k = 0; k < n; k++) {
                        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                        struct cw_fault f = {0};
                        if (reply_on(rigs[k].agent, &reply, &f) !=
                            CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT))
                                fail_msg("a session was opened with %s stalled, or: %s", while_opening[i + k],
                                         f.text);
                        rig_control(&rigs[k], NULL);
                        expect_works(chip[k], MAC_TDES, while_opening[i + k]);
                        assert_int_equal(close(open_session(&rigs[k], NULL)), 0);
                }
        }
        for (size_t k = 0; k < RIGS; k++)
                assert_int_equal(close(chip[k]), 0);
}

/* ---- in the worker without a session ---- */

static void expect_ready(struct rig *r, const char *after) {
        for (int i = 0; i < 500; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                struct cw_fault f = {0};
                if (rig_call(r, cw_hsm_msg_hello(1), &reply, &f) == CW_OK &&
                    cw_msg_bool(reply, "ready", false))
                        return;
                pause_ms(20);
        }
        fail_msg("the token is not ready again after %s", after);
}

static void stalled_without_session(void **state) {
        (void)state;
        int admin[WITHOUT_SESSION], chip[WITHOUT_SESSION];
        char text[256];
        for (size_t k = 0; k < WITHOUT_SESSION; k++) {
                chip[k] = open_session(&rigs[k], PAN16);
                rig_path(&rigs[k], "run/hsmd/admin.sock", text, sizeof(text));
                assert_int_equal(cw_ipc_connect(text, &admin[k], NULL), CW_OK);
                (void)snprintf(text, sizeof(text), "%s sleep", without_session[k].function);
                rig_control(&rigs[k], text);
                (void)snprintf(text, sizeof(text), "{\"call\":\"%s\",\"protocol\":1}",
                               without_session[k].call);
                send_on(admin[k], request_of(text));
        }
        for (size_t k = 0; k < WITHOUT_SESSION; k++) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                struct cw_fault f = {0};
                if (cw_rc_class(reply_on(admin[k], &reply, &f)) != CW_C_RECONNECT)
                        fail_msg("%s was answered with %s stalled, or: %s", without_session[k].call,
                                 without_session[k].function, f.text);
                rig_control(&rigs[k], NULL);
                expect_works(chip[k], MAC_TDES, without_session[k].function);
        }
        for (size_t k = 0; k < WITHOUT_SESSION; k++) {
                expect_ready(&rigs[k], without_session[k].function);
                expect_works(chip[k], MAC_TDES, without_session[k].function);
                assert_int_equal(close(admin[k]) | close(chip[k]), 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(stalled_at_work),
            cmocka_unit_test(stalled_while_opening),
            cmocka_unit_test(stalled_without_session),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
