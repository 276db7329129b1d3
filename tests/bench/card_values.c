/* SPDX-License-Identifier: Apache-2.0 */
/* CVV, CVV2 and iCVV of a card, with its tracks, through a session of a running cardwright-hsmd, against the
 * bare C_Encrypt calls they are made of on the same token. */
#include "measure.h"

#include "base/clock.h"
#include "rig.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CARDS 100
#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
/* Each value is a retail MAC of two blocks: one call with the left half, one with the whole key. */
#define CALLS (3 * 2)

static struct samples through_session, bare;

/* hsmd has room for a few sessions, and a closed one takes a moment to end. */
static void open_patiently(struct rig *rig, const char *job, struct cw_hsm_opened *o,
                           struct cw_hsm_session **ret) {
        struct cw_fault f = {0};
        int64_t limit_ns = cw_deadline_ns(10000);
        cw_rc rc = CW_OK;
        while ((rc = rig_open_issue(rig, job, RIG_SCP03, o, ret, &f)) != CW_OK) {
                if (cw_rc_class(rc) != CW_C_RETRY || cw_deadline_left_ms(limit_ns) == 0)
                        fail_msg("%s", f.text);
                (void)poll(NULL, 0, 10);
        }
}

static void card_values(struct rig *rig, int number) {
        char job[16];
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_card_data d = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        (void)snprintf(job, sizeof job, "B%d", number);
        open_patiently(rig, job, &o, &s);
        int64_t start_ns = measure_now_ns();
        assert_int_equal(cw_hsm_session_card_data(s, &d, &f), CW_OK);
        measure_add(&through_session, start_ns);
        assert_int_equal(d.cvv2->len, 3);
        cw_hsm_card_data_done(&d);
}

static CK_FUNCTION_LIST *load_module(void) {
        CK_FUNCTION_LIST *fn = NULL;
        void *module = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
        assert_non_null(module);
        CK_C_GetFunctionList get = (CK_C_GetFunctionList)(uintptr_t)dlsym(module, "C_GetFunctionList");
        assert_non_null(get);
        assert_int_equal(get(&fn), CKR_OK);
        assert_int_equal(fn->C_Initialize(NULL), CKR_OK);
        return fn;
}

static CK_SESSION_HANDLE log_in(CK_FUNCTION_LIST *fn) {
        CK_SLOT_ID slots[8];
        CK_ULONG count = sizeof slots / sizeof slots[0];
        CK_SESSION_HANDLE session = 0;
        unsigned char pin[] = {'1', '2', '3', '4'};
        assert_int_equal(fn->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
        assert_true(count > 0);
        assert_int_equal(fn->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
        assert_int_equal(fn->C_Login(session, CKU_USER, pin, sizeof pin), CKR_OK);
        return session;
}

static CK_OBJECT_HANDLE find_cvk(CK_FUNCTION_LIST *fn, CK_SESSION_HANDLE session) {
        char label[] = "cvk";
        CK_OBJECT_CLASS class = CKO_SECRET_KEY;
        CK_ATTRIBUTE want[] = {{CKA_LABEL, label, 3}, {CKA_CLASS, &class, sizeof class}};
        CK_OBJECT_HANDLE key = 0;
        CK_ULONG found = 0;
        assert_int_equal(fn->C_FindObjectsInit(session, want, 2), CKR_OK);
        assert_int_equal(fn->C_FindObjects(session, &key, 1, &found), CKR_OK);
        assert_int_equal(fn->C_FindObjectsFinal(session), CKR_OK);
        assert_int_equal(found, 1);
        return key;
}

static void bare_calls(CK_FUNCTION_LIST *fn, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
        CK_MECHANISM ecb = {CKM_DES3_ECB, NULL, 0};
        unsigned char block[8] = {0};
        int64_t start_ns = measure_now_ns();
        for (int i = 0; i < CALLS; i++) {
                unsigned char out[16];
                CK_ULONG len = sizeof out;
                assert_int_equal(fn->C_EncryptInit(session, &ecb, key), CKR_OK);
                assert_int_equal(fn->C_Encrypt(session, block, sizeof block, out, &len), CKR_OK);
                memcpy(block, out, sizeof block);
        }
        measure_add(&bare, start_ns);
}

static void values_against_calls(void **state) {
        (void)state;
        static struct rig rig;
        rig_start(&rig, &(struct rig_options){0});
        CK_FUNCTION_LIST *fn = load_module();
        CK_SESSION_HANDLE session = log_in(fn);
        CK_OBJECT_HANDLE key = find_cvk(fn, session);
        for (int i = 0; i < CARDS; i++) {
                card_values(&rig, i);
                bare_calls(fn, session, key);
        }
        (void)fn->C_Finalize(NULL);
        rig_stop(&rig);
        static const struct measure_row row = {"hsmd: CVV, CVV2, iCVV and tracks", "softhsm", "6 C_Encrypt",
                                               MEASURE_NO_GOAL, 0};
        measure_head();
        measure_print(&row, &through_session, &bare);
}

int main(void) {
        const struct CMUnitTest run[] = {cmocka_unit_test(values_against_calls)};
        return cmocka_run_group_tests(run, NULL, NULL);
}
