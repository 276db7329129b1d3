/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation through a session of a running cardwright-hsmd, against the bare C_* calls it needs on the
 * same token from this process, in turn: what socket, framing and locked memory add.
 */
#include "measure.h"

#include "card.h"
#include "rig.h"

#include "base/buf.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SESSIONS 25
#define WARM_UP 2 /* calls of a new worker that pay for its pages are not counted */
#define WRAPS 250 /* their responses stay away, and no more than 256 may */

static struct rig rig;
static CK_FUNCTION_LIST *fn;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE aes, zone_in, zone_out, pvk;

static void load_module(void) {
        CK_SLOT_ID slots[8];
        CK_ULONG count = sizeof(slots) / sizeof(slots[0]);
        unsigned char pin[] = {'1', '2', '3', '4'};
        void *module = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
        assert_non_null(module);
        CK_C_GetFunctionList get = (CK_C_GetFunctionList)(uintptr_t)dlsym(module, "C_GetFunctionList");
        assert_int_equal(get(&fn), CKR_OK);
        assert_int_equal(fn->C_Initialize(NULL), CKR_OK);
        assert_int_equal(fn->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
        assert_int_equal(fn->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
        assert_int_equal(fn->C_Login(session, CKU_USER, pin, sizeof(pin)), CKR_OK);
}

static CK_OBJECT_HANDLE make_key(CK_KEY_TYPE type) {
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
        CK_BYTE value[16] = {1, 2, 4, 7};
        CK_OBJECT_HANDLE h = 0;
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &cls, sizeof(cls)},
                            {CKA_KEY_TYPE, &type, sizeof(type)},
                            {CKA_TOKEN, &no, 1},
                            {CKA_ENCRYPT, &yes, 1},
                            {CKA_DECRYPT, &yes, 1},
                            {CKA_SIGN, &yes, 1},
                            {CKA_VALUE, value, 16}};
        assert_int_equal(fn->C_CreateObject(session, t, sizeof(t) / sizeof(t[0]), &h), CKR_OK);
        return h;
}

/* The daemon's own keys: a token object costs more than one of a session. */
static CK_OBJECT_HANDLE find_key(const char *label) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%s", label);
        CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
        CK_ATTRIBUTE want[] = {{CKA_LABEL, text, strlen(text)}, {CKA_CLASS, &cls, sizeof(cls)}};
        CK_OBJECT_HANDLE key = 0;
        CK_ULONG found = 0;
        assert_int_equal(fn->C_FindObjectsInit(session, want, 2), CKR_OK);
        assert_int_equal(fn->C_FindObjects(session, &key, 1, &found), CKR_OK);
        assert_int_equal(fn->C_FindObjectsFinal(session), CKR_OK);
        assert_int_equal(found, 1);
        return key;
}

static void bare_decrypt(CK_OBJECT_HANDLE key) {
        CK_BYTE in[8] = {3}, out[16];
        CK_MECHANISM m = {CKM_DES3_ECB, NULL, 0};
        CK_ULONG n = sizeof(out);
        assert_int_equal(fn->C_DecryptInit(session, &m, key), CKR_OK);
        assert_int_equal(fn->C_Decrypt(session, in, 8, out, &n), CKR_OK);
}

static void bare_encrypt(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, CK_ULONG len) {
        CK_BYTE in[64] = {3}, out[64], iv[16] = {0};
        CK_MECHANISM m = {type, NULL, 0};
        CK_ULONG n = sizeof(out);
        if (type == CKM_AES_CBC || type == CKM_DES3_CBC) {
                m.pParameter = iv;
                m.ulParameterLen = type == CKM_AES_CBC ? 16 : 8;
        }
        assert_int_equal(fn->C_EncryptInit(session, &m, key), CKR_OK);
        assert_int_equal(fn->C_Encrypt(session, in, len, out, &n), CKR_OK);
}

static void bare_cmac(CK_ULONG len) {
        CK_BYTE in[64] = {3}, out[16];
        CK_MECHANISM m = {CKM_AES_CMAC, NULL, 0};
        CK_ULONG n = sizeof(out);
        assert_int_equal(fn->C_SignInit(session, &m, aes), CKR_OK);
        assert_int_equal(fn->C_Sign(session, in, len, out, &n), CKR_OK);
}

static struct samples through, bare;

/* hsmd has room for a few sessions, and a closed one takes a moment to end. */
static void be_patient(cw_rc rc, const struct cw_fault *f) {
        if (cw_rc_class(rc) != CW_C_RETRY)
                fail_msg("%s", f->text);
        (void)poll(NULL, 0, 100);
}

static int service(void) {
        struct cw_fault f = {0};
        int fd = -1;
        cw_rc rc;
        while ((rc = rig_open_service(&rig, RIG_PAN, RIG_SCP03, &fd, &f)) != CW_OK)
                be_patient(rc, &f);
        return fd;
}

static void timed_call(int fd, const char *members, const void *att, size_t len) {
        struct cw_fault f = {0};
        json_error_t error;
        CW_AUTO_JSON json_t *json = json_loads(members, 0, &error);
        int64_t start_ns = measure_now_ns();
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(CW_MSG_REQUEST), *reply = NULL;
        assert_int_equal(json_object_update(m->json, json), 0);
        assert_int_equal(cw_msg_attach_copy(m, att, len), CW_OK);
        cw_rc rc = cw_ipc_call(fd, m, cw_deadline_ns(20000), &reply, &f);
        measure_add(&through, start_ns);
        if (rc != CW_OK)
                fail_msg("%s", f.text);
}

static void bare_translate(void) {
        bare_decrypt(zone_in);
        bare_encrypt(CKM_DES3_ECB, zone_out, 8);
}

static void bare_pvv(void) {
        bare_decrypt(zone_in);
        bare_encrypt(CKM_DES3_ECB, pvk, 8);
}

static void bare_scp03(void) {
        bare_encrypt(CKM_AES_ECB, aes, 16);
        bare_encrypt(CKM_AES_CBC, aes, 32);
        bare_cmac(16 + 5 + 32);
}

static void clear_block(uint8_t ret[8]) {
        static const uint8_t block[8] = {0x04, 0x40, 0x15, 0xdb, 0x97, 0xfb, 0xb9, 0x79}; /* 4071, RIG_PAN */
        ossl_cipher("DES-EDE-ECB", true, rig_zone_in, NULL, block, 8, ret);
}

struct row {
        const char *name, *bare_name, *call;
        unsigned per_session; /* what the daemon allows */
        void (*bare)(void);
};

static void report(const struct row *r) {
        measure_print(r->name, &through, r->bare_name, &bare);
        (void)printf("  %-32s median %9.1f us\n", "added by the daemon",
                     through.us[through.count / 2] - bare.us[bare.count / 2]);
}

static void in_service_sessions(const struct row *r) {
        uint8_t block[8];
        through.count = bare.count = 0;
        clear_block(block);
        for (int i = 0; i < SESSIONS; i++) {
                int fd = service();
                for (unsigned k = 0; k < r->per_session; k++) {
                        timed_call(fd, r->call, block, sizeof(block));
                        if (k < WARM_UP) {
                                through.count--;
                                continue;
                        }
                        int64_t start_ns = measure_now_ns();
                        r->bare();
                        measure_add(&bare, start_ns);
                }
                (void)close(fd);
        }
        report(r);
}

static void pins_and_macs(void **state) {
        (void)state;
        static const struct row rows[] = {
            {"hsmd: PIN translate", "2 bare ciphers",
             "{\"call\":\"pin.translate\",\"source\":\"zone-in\",\"source_format\":0,\"target\":\"zone-out\","
             "\"target_format\":0}",
             16, bare_translate},
            {"hsmd: PVV of a PIN block", "2 bare ciphers",
             "{\"call\":\"pin.pvv\",\"source\":\"zone-in\",\"source_format\":0}", 4, bare_pvv},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                in_service_sessions(&rows[i]);
}

static void open_channel(struct cw_hsm_session *s, struct card *card) {
        struct cw_fault f = {0};
        uint8_t kvn = 0, challenge[CW_HSM_CHALLENGE_MAX], response[32];
        size_t challenge_len = 0;
        struct cw_hsm_gp_card info = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *auth = NULL;
        assert_int_equal(cw_hsm_session_gp_start(s, NULL, &kvn, challenge, &challenge_len, &f), CW_OK);
        size_t n = card_init_update(card, challenge, response);
        assert_int_equal(cw_hsm_session_gp_card(s, response, n, NULL, &info, &f), CW_OK);
        assert_int_equal(cw_hsm_session_gp_authenticate(s, 0x33, &auth, &f), CW_OK);
}

static void wrap_one(struct cw_hsm_session *s) {
        static const uint8_t store[5 + 24] = {0x80, 0xe2, 0x00, 0x00, 24};
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *wrapped = NULL;
        uint8_t items[64];
        struct cw_writer w;
        cw_writer_init(&w, items, sizeof(items));
        cw_put_item(&w, store, sizeof(store));
        int64_t start_ns = measure_now_ns();
        cw_rc rc = cw_hsm_session_gp_wrap(s, items, w.len, &wrapped, &f);
        measure_add(&through, start_ns);
        if (rc != CW_OK)
                fail_msg("%s", f.text);
}

/* One STORE DATA command in a secure channel at level 33. */
static void one_command(void **state) {
        (void)state;
        static const struct row row = {"hsmd: SCP03 wrap of one APDU", "2 bare ciphers, 1 CMAC", "", 0,
                                       bare_scp03};
        struct card card = {.scp = 3, .enc = rig_enc03, .mac = rig_mac03, .dek = rig_dek03};
        struct cw_hsm_opened o = {0};
        struct cw_fault f = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        assert_int_equal(rig_open_issue(&rig, "W", RIG_SCP03, &o, &s, &f), CW_OK);
        open_channel(s, &card);
        through.count = bare.count = 0;
        for (int i = 0; i < WRAPS; i++) {
                wrap_one(s);
                int64_t start_ns = measure_now_ns();
                row.bare();
                measure_add(&bare, start_ns);
        }
        report(&row);
}

static int setup(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true});
        load_module();
        zone_in = find_key("zone-in");
        zone_out = find_key("zone-out");
        pvk = find_key("pvk");
        aes = make_key(CKK_AES);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        (void)fn->C_Finalize(NULL);
        rig_stop(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest run[] = {
            cmocka_unit_test(one_command),
            cmocka_unit_test(pins_and_macs),
        };
        return cmocka_run_group_tests(run, setup, teardown);
}
