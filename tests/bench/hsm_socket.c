/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation through a session of a running cardwright-hsmd, against the bare C_* calls it needs on the
 * same token from this process, in turn: what socket, framing and locked memory add. No call of a session
 * gives a KCV alone: the MAC of a zero block under a TDES key is the same value by the same cipher call. The
 * CVV is a CAVV's, which is made as a CVV is.
 */
#include "measure.h"

#include "card.h"
#include "rig.h"

#include "base/buf.h"
#include "hsm/p11_object.h"

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
#define TOKEN "softhsm"
#define ADDED_US 30
#define RESIDENT_MIB 16
#define SESSIONS 30
#define WARM_UP 1 /* the first call of a kind in a new worker pays for its pages and is not counted */
#define WRAPS 250 /* their responses stay away, and no more than 256 may */
#define CALLS_MAX 24

static struct rig rig;
static CK_FUNCTION_LIST *fn;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE aes, working, zone_in, zone_out, pvk, mac_key, cavk, bdk;

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

static void bare_cvv(void) {
        bare_encrypt(CKM_DES3_CBC, cavk, 8);
        bare_encrypt(CKM_DES3_ECB, cavk, 8);
}

static void bare_kcv(void) {
        bare_encrypt(CKM_DES3_CBC, mac_key, 8);
}

/* As the daemon makes them: every attribute explicit, and read back before the key is used. */
static void bare_working_key(CK_MECHANISM_TYPE type, CK_ULONG len) {
        CK_BYTE value[16] = {1, 2, 4, 7};
        const struct cw_p11_spec spec = {
            .alg = CW_ALG_TDES2, .usage = CW_USE_ENCRYPT, .sensitive = true, .value = value, .value_len = 16};
        struct cw_p11_template t;
        CK_BBOOL v[9];
        CK_ATTRIBUTE a[9] = {{CKA_SENSITIVE, &v[0], 1}, {CKA_EXTRACTABLE, &v[1], 1}, {CKA_PRIVATE, &v[2], 1},
                             {CKA_ENCRYPT, &v[3], 1},   {CKA_DECRYPT, &v[4], 1},     {CKA_SIGN, &v[5], 1},
                             {CKA_DERIVE, &v[6], 1},    {CKA_WRAP, &v[7], 1},        {CKA_UNWRAP, &v[8], 1}};
        cw_p11_template_fill(&t, &spec);
        assert_int_equal(fn->C_CreateObject(session, t.attr, t.count, &working), CKR_OK);
        assert_int_equal(fn->C_GetAttributeValue(session, working, a, 9), CKR_OK);
        bare_encrypt(type, working, len);
        assert_int_equal(fn->C_DestroyObject(session, working), CKR_OK);
}

/* Counter with one bit: initial key, one step, the data variant of itself, the data. */
static void bare_dukpt(void) {
        bare_encrypt(CKM_DES3_ECB, bdk, 8);
        bare_encrypt(CKM_DES3_ECB, bdk, 8);
        bare_working_key(CKM_DES3_ECB, 8);
        bare_working_key(CKM_DES3_ECB, 8);
        bare_working_key(CKM_DES3_ECB, 16);
        bare_working_key(CKM_DES3_CBC, 8);
}

static void bare_scp03(void) {
        bare_encrypt(CKM_AES_CBC, aes, 16 + 32);
        bare_cmac(16 + 5 + 32);
}

static void clear_block(uint8_t ret[8]) {
        static const uint8_t block[8] = {0x04, 0x40, 0x15, 0xdb, 0x97, 0xfb, 0xb9, 0x79}; /* 4071, RIG_PAN */
        ossl_cipher("DES-EDE-ECB", true, rig_zone_in, NULL, block, 8, ret);
}

static void report(const struct measure_row *row, struct samples *ours, struct samples *floor) {
        if (ours->count == 0)
                fail_msg("%s: nothing was measured", row->what);
        measure_print(row, ours, floor);
}

#define ROW(what, floor)                                                                                     \
        { what, TOKEN, floor, MEASURE_ADDED, ADDED_US }
static const struct call_row {
        struct measure_row row;
        const char *call;
        bool block;     /* att0 is a PIN block, else eight zeros */
        unsigned count; /* a session; what the daemon allows */
        void (*bare)(void);
} calls[] = {
    {ROW("hsmd: PIN translate", "1 C_Decrypt, 1 C_Encrypt"),
     "{\"call\":\"pin.translate\",\"source\":\"zone-in\",\"source_format\":0,\"target\":\"zone-out\","
     "\"target_format\":0}",
     true, 16, bare_translate},
    {ROW("hsmd: PVV of a PIN block", "1 C_Decrypt, 1 C_Encrypt"),
     "{\"call\":\"pin.pvv\",\"source\":\"zone-in\",\"source_format\":0}", true, 4, bare_pvv},
    {ROW("hsmd: CVV (of a CAVV)", "2 C_Encrypt"),
     "{\"call\":\"value.cavv\",\"upn\":\"1234\",\"auth_result\":\"0\",\"second_factor\":\"00\"}", false, 16,
     bare_cvv},
    {ROW("hsmd: KCV (MAC of a zero block)", "1 C_Encrypt"),
     "{\"call\":\"mac.generate\",\"key\":\"mac-tdes\",\"algorithm\":\"iso9797-1\",\"padding\":1}", false,
     CALLS_MAX, bare_kcv},
    {ROW("hsmd: TDES DUKPT data", "6 C_Encrypt, 4 keys made"),
     "{\"call\":\"dukpt.data\",\"key\":\"bdk\",\"ksn\":\"FFFF9876543210E00008\",\"direction\":\"encrypt\"}",
     false, CALLS_MAX, bare_dukpt},
};
#define ROWS (sizeof(calls) / sizeof(calls[0]))
static struct samples through_row[ROWS], bare_row[ROWS];

static void sample(const struct call_row *c, int fd, struct samples *ours, struct samples *floor) {
        uint8_t block[8] = {0};
        if (c->block)
                clear_block(block);
        for (unsigned k = 0; k < c->count; k++) {
                through.count = 0;
                timed_call(fd, c->call, block, sizeof(block));
                if (k < WARM_UP || ours->count == MEASURE_MAX)
                        continue;
                ours->us[ours->count++] = through.us[0];
                int64_t start_ns = measure_now_ns();
                c->bare();
                measure_add(floor, start_ns);
        }
}

/* Resident memory that belongs to the daemon's processes, what they share with each other counted once. */
static double resident_mib(void) {
        pid_t pids[8] = {rig.pid};
        size_t count = 1 + rig_workers(&rig, pids + 1, 7);
        long kib = 0, one = 0;
        char path[64], line[128];
        for (size_t i = 0; i < count; i++) {
                (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pids[i]);
                FILE *f = fopen(path, "re");
                assert_non_null(f);
                while (fgets(line, sizeof(line), f) != NULL)
                        kib += sscanf(line, "Pss: %ld kB", &one) == 1 ? one : 0;
                (void)fclose(f);
        }
        return (double)kib / 1024;
}

static void service_calls(void **state) {
        (void)state;
        double most_mib = 0;
        for (int i = 0; i < SESSIONS; i++) {
                int fd = service();
                for (size_t r = 0; r < ROWS; r++)
                        sample(&calls[r], fd, &through_row[r], &bare_row[r]);
                double mib = resident_mib();
                most_mib = mib > most_mib ? mib : most_mib;
                (void)close(fd);
        }
        for (size_t r = 0; r < ROWS; r++)
                report(&calls[r].row, &through_row[r], &bare_row[r]);
        measure_print_value("hsmd: supervisor and workers resident", TOKEN, most_mib, "MiB", RESIDENT_MIB);
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
        static const struct measure_row row = ROW("hsmd: SCP03 wrap of one APDU", "1 C_Encrypt, 1 C_Sign");
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
                bare_scp03();
                measure_add(&bare, start_ns);
        }
        report(&row, &through, &bare);
}

static int setup(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true});
        load_module();
        zone_in = find_key("zone-in");
        zone_out = find_key("zone-out");
        pvk = find_key("pvk");
        mac_key = find_key("mac-tdes");
        cavk = find_key("cavk");
        bdk = find_key("bdk");
        aes = make_key(CKK_AES);
        measure_head();
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
            cmocka_unit_test(service_calls),
        };
        return cmocka_run_group_tests(run, setup, teardown);
}
