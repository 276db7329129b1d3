/* SPDX-License-Identifier: Apache-2.0 */
/* Kiosk sessions of a running cardwright-hsmd: a card is proven, a PIN entered twice and put into the
 * server's form. */
#include "card.h"
#include "rig.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct rig rig;
static uint32_t counter; /* of the PIN pad, over all tests */

static int setup(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){0});
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static uint32_t next_counter(void) {
        do
                counter++;
        while (__builtin_popcount(counter) > 10);
        return counter;
}

static cw_rc kiosk_pan(struct cw_hsm_session *s, const char *pan, struct cw_fault *f) {
        char hash[CW_HSM_PAN_HASH_HEX], masked[CW_HSM_MASKED_PAN];
        CW_AUTO(cw_secret_free) struct cw_secret *digits = NULL;
        assert_int_equal(cw_secret_dup(pan, strlen(pan), &digits), CW_OK);
        cw_rc rc = cw_hsm_session_kiosk_pan(s, digits, RIG_EXPIRY, "00", hash, masked, f);
        if (rc == CW_OK) {
                assert_int_equal(strlen(hash), 64);
                assert_string_equal(masked, "426642XXXXXX6864");
        }
        return rc;
}

static cw_rc bind_kit(int64_t session, const char *pan, const char *expiry, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        char text[160];
        rig_seal(pan, text);
        return rig_call(&rig, rig_kiosk_bind(session, expiry, "", text), &reply, f);
}

static cw_rc prove(struct cw_hsm_session *s, bool genuine, struct cw_fault *f) {
        static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        struct cw_hsm_arqc result = {0};
        uint8_t mk[16], arqc[8];
        card_emv_master(rig_imk_ac, RIG_PAN, "00", mk);
        card_emv_arqc(mk, 5, data, sizeof(data), arqc);
        arqc[0] ^= genuine ? 0 : 1;
        cw_rc rc = cw_hsm_session_emv_arqc(s, 5, arqc, "00", data, sizeof(data), &result, f);
        if (rc == CW_OK)
                assert_true(result.genuine == genuine);
        return rc;
}

static cw_rc first(struct cw_hsm_session *s, const char *pin, struct cw_fault *f) {
        char ksn[21];
        uint8_t block[8];
        pad_entry(rig_bdk, next_counter(), pin, RIG_PAN, ksn, block);
        return cw_hsm_session_pin_first(s, ksn, block, 8, f);
}

static cw_rc second(struct cw_hsm_session *s, const char *pin, bool *equal, unsigned *left,
                    struct cw_fault *f) {
        char ksn[21];
        uint8_t block[8];
        pad_entry(rig_bdk, next_counter(), pin, RIG_PAN, ksn, block);
        return cw_hsm_session_pin_second(s, ksn, block, 8, equal, left, f);
}

/* A session up to the point where the customer is asked for the PIN. */
static void ready_for_pin(const char *ticket, struct cw_hsm_opened *o, struct cw_hsm_session **s) {
        struct cw_fault f = {0};
        assert_int_equal(rig_open_kiosk(&rig, ticket, o, s, &f), CW_OK);
        assert_int_equal(kiosk_pan(*s, RIG_PAN, &f), CW_OK);
        assert_int_equal(bind_kit(o->session, RIG_PAN, RIG_EXPIRY, &f), CW_OK);
        assert_int_equal(prove(*s, true, &f), CW_OK);
}

static cw_rc pin_form(int64_t session, struct cw_secret **ret, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        cw_rc rc = rig_call(&rig, cw_hsm_msg_pin_form(session, rig_pin_form(&rig)), &reply, f);
        return rc != CW_OK ? rc : cw_hsm_reply_text(reply, ret, f);
}

static void whole_way(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL, *again = NULL;
        bool equal = false;
        unsigned left = 0;
        uint8_t sealed[64], clear[64];
        ready_for_pin("T1", &o, &s);
        assert_int_equal(first(s, "4071", &f), CW_OK);
        assert_int_equal(second(s, "4071", &equal, &left, &f), CW_OK);
        assert_true(equal);
        assert_int_equal(left, 3);
        assert_int_equal(pin_form(o.session, &text, &f), CW_OK);
        size_t n = ossl_unbase64((const char *)text->ptr, text->len, sealed, sizeof(sealed));
        if (rig.opencryptoki) {
                assert_int_equal(n, 32);
                ossl_cipher("AES-256-ECB", false, rig_pin_key, NULL, sealed, n, clear);
        } else {
                assert_int_equal(text->len, 64);
                assert_int_equal(n, 48);
                assert_true(ossl_gcm_open(rig_pin_key, sealed, n, clear));
        }
        /* 04 4071 FF FFFF FFFF ^ 0000 642468044686 */
        assert_memory_equal(clear, "044015DB97FBB979", 16);
        /* once: neither a second form nor a second pair */
        assert_int_equal(pin_form(o.session, &again, &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_int_equal(cw_rc_class(first(s, "4071", &f)), CW_C_REJECT);
}

static void order_is_enforced(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
        struct cw_hsm_card_data d;
        assert_int_equal(rig_open_kiosk(&rig, "T2", &o, &s, &f), CW_OK);
        assert_int_equal(bind_kit(o.session, RIG_PAN, RIG_EXPIRY, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_int_equal(kiosk_pan(s, RIG_PAN, &f), CW_OK);
        assert_int_equal(kiosk_pan(s, RIG_PAN, &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_int_equal(cw_rc_class(prove(s, true, &f)), CW_C_REJECT); /* the product is not known yet */
        assert_int_equal(bind_kit(o.session, RIG_PAN, RIG_EXPIRY, &f), CW_OK);
        assert_int_equal(cw_rc_class(first(s, "4071", &f)), CW_C_REJECT); /* the card is not proven */
        assert_int_equal(prove(s, false, &f), CW_OK);
        assert_int_equal(cw_rc_class(first(s, "4071", &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_hsm_session_card_data(s, &d, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(pin_form(o.session, &text, &f)), CW_C_REJECT);
}

static void other_card_is_not_bound(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        assert_int_equal(rig_open_kiosk(&rig, "T3", &o, &s, &f), CW_OK);
        assert_int_equal(kiosk_pan(s, RIG_PAN, &f), CW_OK);
        assert_int_equal(bind_kit(o.session, "4111111111111111", RIG_EXPIRY, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
        assert_string_equal(f.code, "HSM_PAN_MISMATCH");
        assert_int_equal(bind_kit(o.session, RIG_PAN, "3011", &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
        assert_int_equal(bind_kit(o.session, RIG_PAN, RIG_EXPIRY, &f), CW_OK);
}

static void sealed_pan_opens_at_the_server(void **state) {
        (void)state;
        rig_skip_opencryptoki(&rig, "a card number is sealed with GCM, which it does not have");
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        uint8_t sealed[2][64], clear[32];
        assert_int_equal(rig_open_kiosk(&rig, "T4", &o, &s, &f), CW_OK);
        assert_int_equal(kiosk_pan(s, RIG_PAN, &f), CW_OK);
        for (size_t i = 0; i < 2; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
                assert_int_equal(rig_call(&rig, cw_hsm_msg_kiosk_seal_pan(o.session), &reply, &f), CW_OK);
                assert_int_equal(cw_hsm_reply_text(reply, &text, &f), CW_OK);
                assert_int_equal(ossl_unbase64((const char *)text->ptr, text->len, sealed[i], 64), 48);
                assert_true(ossl_gcm_open(rig_pan_key, sealed[i], 48, clear));
                assert_memory_equal(clear, RIG_PAN, 16);
        }
        assert_memory_not_equal(sealed[0], sealed[1], 16); /* a fresh IV each time */
}

static void weak_and_ill_formed(void **state) {
        (void)state;
        static const struct {
                const char *pin, *code;
        } bad[] = {{"1234", "PIN_WEAK"}, {"7777", "PIN_WEAK"}, {"9876543", "PIN_LENGTH"}};
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        ready_for_pin("T5", &o, &s);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(cw_rc_class(first(s, bad[i].pin, &f)), CW_C_REJECT);
                assert_string_equal(f.code, bad[i].code);
        }
        assert_int_equal(cw_rc_class(first(s, "4071", &f)), CW_C_REJECT);
        assert_string_equal(f.code, "PIN_ATTEMPTS");
}

/* An entry made for another card: the block's account field does not fit, and nothing more is told. */
static void block_of_another_card(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        char ksn[21];
        uint8_t block[8];
        ready_for_pin("T6", &o, &s);
        pad_entry(rig_bdk, next_counter(), "4071", "5413330089600010", ksn, block);
        assert_int_equal(cw_hsm_session_pin_first(s, ksn, block, 8, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        assert_string_equal(f.code, "PIN_BLOCK");
}

static void mismatch_costs_an_attempt(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
        ready_for_pin("T7", &o, &s);
        for (unsigned i = 0; i < 3; i++) {
                bool equal = true;
                unsigned left = 9;
                assert_int_equal(first(s, "4071", &f), CW_OK);
                assert_int_equal(second(s, "4072", &equal, &left, &f), CW_OK);
                assert_false(equal);
                assert_int_equal(left, 2 - i);
                assert_int_equal(cw_rc_class(pin_form(o.session, &text, &f)), CW_C_REJECT);
        }
        assert_int_equal(cw_rc_class(first(s, "4071", &f)), CW_C_REJECT);
        assert_string_equal(f.code, "PIN_ATTEMPTS");
}

static void replayed_entry(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0}, o2 = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL, *s2 = NULL;
        char ksn[21];
        uint8_t block[8];
        bool equal;
        unsigned left;
        ready_for_pin("T8", &o, &s);
        pad_entry(rig_bdk, next_counter(), "4071", RIG_PAN, ksn, block);
        assert_int_equal(cw_hsm_session_pin_first(s, ksn, block, 8, &f), CW_OK);
        assert_int_equal(cw_hsm_session_pin_second(s, ksn, block, 8, &equal, &left, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_KSN_REPLAY");
        cw_hsm_session_close(CW_STEAL(s));
        rig_restart(&rig); /* the register outlives the daemon */
        ready_for_pin("T9", &o2, &s2);
        assert_int_equal(cw_hsm_session_pin_first(s2, ksn, block, 8, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_KSN_REPLAY");
        assert_int_equal(first(s2, "4071", &f), CW_OK);
}

/* Restarts the daemon with this list of PIN pads, in a file of its own; NULL: without one. */
static void list_pads(const char *iksns) {
        char path[200], text[256];
        rig_path(&rig, "conf.d", path, sizeof(path));
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        rig_path(&rig, "conf.d/pads.json", path, sizeof(path));
        (void)unlink(path);
        (void)snprintf(text, sizeof(text), "{\"hsm\":{\"keys\":[{\"label\":\"bdk\",\"iksns\":\"%s\"}]}}",
                       iksns);
        if (iksns != NULL)
                assert_int_equal(cw_file_write_atomic(path, text, strlen(text), 0600, NULL), CW_OK);
        rig_restart(&rig);
}

static json_int_t pads_listed(size_t *ret_first_sight) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(rig_call(&rig, cw_hsm_msg_hello(1), &reply, &f), CW_OK);
        const json_t *pads = json_object_get(reply->json, "pads");
        *ret_first_sight = json_array_size(json_object_get(pads, "first_sight"));
        return json_integer_value(json_object_get(pads, "listed"));
}

/* A pad that is not listed is refused, costs the customer no attempt, and is taken once it is listed. */
static void pad_that_is_not_listed(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0}, o2 = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL, *s2 = NULL;
        size_t first_sight = 0;
        assert_int_equal(pads_listed(&first_sight), 0);
        assert_int_equal(first_sight, 1);
        list_pads("FFFF9876543210C00000 FFFF9876543211000000");
        assert_int_equal(pads_listed(&first_sight), 2);
        assert_int_equal(first_sight, 0);
        ready_for_pin("T11", &o, &s);
        for (unsigned i = 0; i < 4; i++) { /* there are 3 attempts */
                assert_int_equal(first(s, "4071", &f), CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED));
                assert_string_equal(f.code, "HSM_KSN_UNKNOWN");
                assert_non_null(strstr(f.text, "add it to hsm.keys[bdk].iksns"));
        }
        cw_hsm_session_close(CW_STEAL(s));
        list_pads("FFFF9876543210E00000");
        ready_for_pin("T12", &o2, &s2);
        assert_int_equal(first(s2, "4071", &f), CW_OK);
        cw_hsm_session_close(CW_STEAL(s2));
        list_pads(NULL);
}

/* No clear PIN block or transaction of the run stays in any process once the session is closed. */
static void no_pin_is_left(void **state) {
        (void)state;
        static const uint8_t block[8] = {0x06, 0x83, 0x3d, 0x35,
                                         0x97, 0xfb, 0xb9, 0x79}; /* 835911, with the PAN */
        static const uint8_t digits[6] = {8, 3, 5, 9, 1, 1};
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        bool equal = false;
        unsigned left = 0;
        pid_t workers[4];
        ready_for_pin("T10", &o, &s);
        assert_int_equal(first(s, "835911", &f), CW_OK);
        assert_int_equal(second(s, "835911", &equal, &left, &f), CW_OK);
        size_t n = rig_workers(&rig, workers, 4), holders = 0;
        assert_int_equal(n, 2);
        for (size_t i = 0; i < n; i++)
                holders += rig_memory_has(workers[i], digits, sizeof(digits)) ? 1 : 0;
        assert_int_equal(holders, 1); /* until its form is made, and this proves that the search finds it */
        assert_int_equal(pin_form(o.session, &text, &f), CW_OK);
        for (size_t i = 0; i < n; i++) {
                assert_false(rig_memory_has(workers[i], digits, sizeof(digits)));
                assert_false(rig_memory_has(workers[i], block, sizeof(block)));
        }
        assert_false(rig_memory_has(rig.pid, block, sizeof(block)));
        assert_false(rig_memory_has(rig.pid, digits, sizeof(digits)));
        assert_int_equal(rig_call(&rig, cw_hsm_msg_close(o.session), &reply, &f), CW_OK);
        rig_wait_workers(&rig, 1);
        assert_int_equal(rig_workers(&rig, workers, 4), 1);
        assert_false(rig_memory_has(workers[0], block, sizeof(block)));
        cw_hsm_session_close(s);
}

static int setup_opencryptoki(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.opencryptoki = true});
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(whole_way),
            cmocka_unit_test(order_is_enforced),
            cmocka_unit_test(other_card_is_not_bound),
            cmocka_unit_test(sealed_pan_opens_at_the_server),
            cmocka_unit_test(weak_and_ill_formed),
            cmocka_unit_test(block_of_another_card),
            cmocka_unit_test(mismatch_costs_an_attempt),
            cmocka_unit_test(replayed_entry),
            cmocka_unit_test(pad_that_is_not_listed),
            cmocka_unit_test(no_pin_is_left),
        };
        int failed = cmocka_run_group_tests(tests, setup, teardown);
        if (rig_opencryptoki_missing() == NULL)
                failed += cmocka_run_group_tests_name("opencryptoki", tests, setup_opencryptoki, teardown);
        return failed;
}
