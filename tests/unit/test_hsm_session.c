/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a session's operations, and a token that fails in the midst of one. */
#include "test_hsm_sess_rig.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "hsm/posture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sess_rig rig;

static int setup(void **state) {
        (void)state;
        sess_rig_init(&rig, "/nonexistent");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        int leaked = (int)(soft_key_count(rig.soft) - sess_rig_own_keys());
        sess_rig_done(&rig);
        return leaked;
}

/* Sends a request; returns the class of the answer. *ret_reply may be NULL. */
static enum cw_class ask(struct cw_sess *s, enum cw_sess_from from, struct cw_msg *take, struct cw_fault *f,
                         bool *ret_go_on) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = take, *reply = NULL;
        assert_non_null(request);
        bool go_on = cw_sess_call(s, from, request, &reply);
        assert_non_null(reply);
        if (ret_go_on != NULL)
                *ret_go_on = go_on;
        *f = (struct cw_fault){0};
        if (cw_msg_bool(reply, "ok", false))
                return CW_C_NONE;
        cw_fault_from_json(json_object_get(reply->json, "error"), f);
        return cw_rc_class(f->rc);
}

static struct cw_msg *open_request(const char *kind) {
        struct cw_msg *m = cw_msg_request("session.open");
        char text[128];
        assert_non_null(m);
        sess_rig_seal(&rig, "4266424680446864", text);
        (void)json_object_update_new(m->json, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", kind, "job",
                                                        "J", "kit", "10729390", "plastic_code", "71",
                                                        "expiry", "3012", "name", "Asha Rao"));
        assert_int_equal(cw_msg_attach_copy(m, text, strlen(text)), CW_OK);
        return m;
}

static struct cw_sess *open_session(const char *kind) {
        struct cw_sess *s = NULL;
        struct cw_fault f;
        assert_int_equal(cw_sess_new(&rig.env, &s, &f), CW_OK);
        assert_int_equal(ask(s, CW_FROM_AGENT, open_request(kind), &f, NULL), CW_C_NONE);
        return s;
}

static const char *const station_calls[] = {
    "card.data",    "gp.start",        "gp.card",    "gp.authenticate",  "perso.sensitive", "gp.wrap",
    "gp.unwrap",    "emv.arqc",        "kiosk.pan",  "pin.first",        "pin.second",      "perso.icc_key",
    "perso.ssad",   "perso.icc_parts", "emv.script", "pin.translate",    "pin.pvv",         "pin.offset",
    "pin.generate", "value.dcvv",      "value.cvc3", "value.cavv",       "mac.generate",    "mac.verify",
    "dukpt.mac",    "dukpt.data",      "gp.put_key", "gp.put_key_answer"};
#define STATION_CALLS (sizeof(station_calls) / sizeof(station_calls[0]))
static const char *const agent_calls[] = {"session.open", "kiosk.seal_pan", "kiosk.bind", "pin.form"};

/* Nothing works before session.open, from either side. */
static void nothing_before_open(void **state) {
        (void)state;
        struct cw_fault f;
        for (size_t i = 0; i < STATION_CALLS; i++) {
                CW_AUTO(cw_sess_free) struct cw_sess *s = NULL;
                assert_int_equal(cw_sess_new(&rig.env, &s, &f), CW_OK);
                assert_int_equal(ask(s, CW_FROM_STATION, cw_msg_request(station_calls[i]), &f, NULL),
                                 CW_C_REJECT);
                assert_string_equal(f.code, "HSM_REFUSED");
        }
        for (size_t i = 1; i < 4; i++) {
                CW_AUTO(cw_sess_free) struct cw_sess *s = NULL;
                assert_int_equal(cw_sess_new(&rig.env, &s, &f), CW_OK);
                assert_int_equal(ask(s, CW_FROM_AGENT, cw_msg_request(agent_calls[i]), &f, NULL),
                                 CW_C_REJECT);
                assert_string_equal(f.code, "HSM_REFUSED");
        }
}

/* A fresh session of each kind admits exactly these; the calls of one side are unknown to the other. */
static void first_calls(void **state) {
        (void)state;
        static const char *const kinds[] = {"issue", "kiosk", "service"};
        static const char *const admitted[3][12] = {
            {"card.data", "gp.start", "emv.arqc", "perso.icc_key", "perso.ssad"},
            {"kiosk.pan"},
            {"emv.arqc", "pin.translate", "pin.pvv", "pin.offset", "pin.generate", "value.dcvv", "value.cvc3",
             "value.cavv", "mac.generate", "mac.verify", "dukpt.mac", "dukpt.data"}};
        struct cw_fault f;
        for (size_t k = 0; k < 3; k++) {
                for (size_t i = 0; i < STATION_CALLS; i++) {
                        CW_AUTO(cw_sess_free) struct cw_sess *s = open_session(kinds[k]);
                        bool want = false;
                        for (size_t a = 0; a < 12 && admitted[k][a] != NULL; a++)
                                want |= strcmp(admitted[k][a], station_calls[i]) == 0;
                        (void)ask(s, CW_FROM_STATION, cw_msg_request(station_calls[i]), &f, NULL);
                        assert_int_equal(strcmp(f.code, "HSM_REFUSED") != 0, want);
                        assert_int_equal(ask(s, CW_FROM_AGENT, cw_msg_request(station_calls[i]), &f, NULL),
                                         CW_C_REJECT);
                        assert_string_equal(f.code, "HSM_REFUSED");
                }
                for (size_t i = 0; i < 4; i++) {
                        CW_AUTO(cw_sess_free) struct cw_sess *s = open_session(kinds[k]);
                        assert_int_equal(ask(s, CW_FROM_AGENT, cw_msg_request(agent_calls[i]), &f, NULL),
                                         CW_C_REJECT);
                        assert_string_equal(f.code, "HSM_REFUSED");
                        assert_int_equal(ask(s, CW_FROM_STATION, cw_msg_request(agent_calls[i]), &f, NULL),
                                         CW_C_REJECT);
                        assert_string_equal(f.code, "HSM_REFUSED");
                }
        }
}

static void too_many_refusals_end_it(void **state) {
        (void)state;
        CW_AUTO(cw_sess_free) struct cw_sess *s = open_session("issue");
        struct cw_fault f;
        bool go_on = true;
        unsigned n = 0;
        while (go_on && n < 100) {
                assert_int_equal(ask(s, CW_FROM_STATION, cw_msg_request("no.such.call"), &f, &go_on),
                                 CW_C_REJECT);
                n++;
        }
        assert_int_equal(n, 8);
}

/* card.data with the token failing at its n-th call, for every n: RECONNECT, session over, no key left
 * behind. */
static void failing_token(void **state) {
        (void)state;
        bool passed = false;
        for (long n = 0; n < 50 && !passed; n++) {
                CW_AUTO(cw_sess_free) struct cw_sess *s = open_session("issue");
                struct cw_fault f;
                bool go_on = true;
                soft_fail_after(rig.soft, n);
                enum cw_class cls = ask(s, CW_FROM_STATION, cw_msg_request("card.data"), &f, &go_on);
                soft_fail_after(rig.soft, -1);
                passed = cls == CW_C_NONE;
                if (!passed) {
                        assert_int_equal(cls, CW_C_RECONNECT);
                        assert_false(go_on);
                }
        }
        assert_true(passed);
}

static void failing_token_at_open(void **state) {
        (void)state;
        bool passed = false;
        for (long n = 0; n < 50 && !passed; n++) {
                CW_AUTO(cw_sess_free) struct cw_sess *s = NULL;
                struct cw_fault f;
                struct cw_msg *m = open_request("issue");
                assert_int_equal(cw_sess_new(&rig.env, &s, &f), CW_OK);
                soft_fail_after(rig.soft, n);
                enum cw_class cls = ask(s, CW_FROM_AGENT, m, &f, NULL);
                soft_fail_after(rig.soft, -1);
                passed = cls == CW_C_NONE;
                assert_true(passed || cls == CW_C_RECONNECT);
        }
        assert_true(passed);
}

/* A key that is configured for something else, or not usable, is told before a card moves. */
static void keys_are_checked_at_open(void **state) {
        (void)state;
        for (size_t i = 0; i < 11; i++) { /* those of issue and kiosk sessions */
                CW_AUTO(cw_sess_free) struct cw_sess *s = NULL;
                struct cw_fault f;
                const char *purpose = rig.keys_cfg[i].purpose;
                bool kiosk = strcmp(purpose, "bdk") == 0 || strcmp(purpose, "pin-transport") == 0;
                struct cw_msg *m = open_request(kiosk ? "kiosk" : "issue");
                rig.keys.keys[i].ok = false;
                assert_int_equal(cw_sess_new(&rig.env, &s, &f), CW_OK);
                assert_int_equal(ask(s, CW_FROM_AGENT, m, &f, NULL), CW_C_OPERATOR);
                assert_string_equal(f.code, "HSM_KEY");
                rig.keys.keys[i].ok = true;
        }
}

/* ---- what is recorded of a card's issuer keys ---- */

static void set_kcv(const char *label, const char *kcv) {
        for (size_t i = 0; i < rig.keys.count; i++) {
                if (strcmp(rig.keys_cfg[i].label, label) == 0)
                        (void)snprintf(rig.keys.keys[i].version.kcv, 11, "%s", kcv);
        }
}

/* The dCVV of a card with this record, in a service session; its fault in *f. */
static enum cw_class dcvv(const char *record, struct cw_fault *f) {
        CW_AUTO(cw_sess_free) struct cw_sess *s = NULL;
        struct cw_msg *m = open_request("service"), *call = cw_msg_request("value.dcvv");
        assert_true(call != NULL && json_object_set_new(m->json, "issuer_keys", json_string(record)) == 0);
        (void)json_object_update_new(call->json,
                                     json_pack("{s:s, s:s}", "atc", "0005", "service_code", "101"));
        assert_int_equal(cw_sess_new(&rig.env, &s, f), CW_OK);
        enum cw_class cls = ask(s, CW_FROM_AGENT, m, f, NULL);
        if (cls == CW_C_NONE)
                return ask(s, CW_FROM_STATION, call, f, NULL);
        cw_msg_free(call);
        return cls;
}

/* Three check values, or five where the product has a key of its own for values; "-": the AC key was used. */
static void records_of_issuer_keys(void **state) {
        (void)state;
        static const char *const malformed[] = {
            "111111 222222",
            "111111 222222 33333",
            "111111 222222 333333 444444",
            "111111 222222 333333 - - -",
            "111111 222222 - 444444 -",
            "111111 222222 333333 444444 - ",
            "111111 222222 333333 444444 5555555555555555",
        };
        struct cw_fault f;
        set_kcv("ac", "111111");
        set_kcv("dcvv", "444444");
        for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
                assert_int_equal(dcvv(malformed[i], &f), CW_C_REJECT);
                assert_string_equal(f.code, "HSM_REQUEST");
        }
        /* a product without the key: the record of the AC key counts */
        assert_int_equal(dcvv("111111 222222 333333", &f), CW_C_NONE);
        assert_int_equal(dcvv("999999 222222 333333", &f), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "key ac with the check value 999999"));
        rig.cfg.products[0].imk_dcvv = "dcvv";
        assert_int_equal(dcvv("999999 222222 333333 444444 -", &f), CW_C_NONE);
        assert_int_equal(dcvv("111111 222222 333333 999999 -", &f), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "key dcvv with the check value 999999"));
        assert_int_equal(dcvv("999999 222222 333333 - -", &f), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "key ac with the check value 999999"));
        assert_int_equal(dcvv("111111 222222 333333", &f), CW_C_NONE); /* noted before there was one */
}

/* What a card is issued with must be valid; the value of a card made before is not refused for that. */
static void expired_keys(void **state) {
        (void)state;
        struct cw_fault f;
        CW_AUTO(cw_sess_free) struct cw_sess *s = NULL;
        rig.cfg.products[0].imk_dcvv = "dcvv";
        for (size_t i = 0; i < rig.keys.count; i++) {
                struct cw_stored_key *k = &rig.keys.keys[i];
                bool mine = strcmp(k->cfg->label, "dcvv") == 0;
                k->expired = mine;
                k->ok = !mine;
        }
        assert_int_equal(dcvv("", &f), CW_C_NONE);
        assert_int_equal(cw_sess_new(&rig.env, &s, &f), CW_OK);
        assert_int_equal(ask(s, CW_FROM_AGENT, open_request("issue"), &f, NULL), CW_C_OPERATOR);
        assert_string_equal(f.code, "HSM_KEY");
}

/* One expired key does not end the work with the others, nor does the one for D1; a wrong one does. */
static void keys_that_hold_up_the_branch(void **state) {
        (void)state;
        CW_AUTO_MEM struct cw_capabilities *capabilities = calloc(1, sizeof(*capabilities));
        const struct cw_posture p = {.keys = &rig.keys, .capabilities = capabilities};
        struct cw_stored_key *k = &rig.keys.keys[0];
        const struct cw_config_key *cfg = k->cfg;
        struct cw_config_key d1 = *cfg;
        assert_non_null(capabilities);
        for (size_t i = 0; i < rig.keys.count; i++)
                rig.keys.keys[i].ok = true;
        assert_true(cw_posture_ready(&p));
        k->ok = false;
        assert_false(cw_posture_ready(&p));
        k->expired = true;
        assert_true(cw_posture_ready(&p));
        k->expired = false;
        d1.purpose = "d1-sign";
        k->cfg = &d1;
        assert_true(cw_posture_ready(&p));
        k->cfg = cfg;
}

/* ---- scripts ---- */

/* The command of an "emv.script" call with these PIN blocks of the source zone; the fault's code in *f. */
static enum cw_class script(struct cw_sess *s, json_t *take, const char *const blocks[2], char ret[81],
                            struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_request("emv.script"), *reply = NULL;
        CW_AUTO_JSON json_t *members = take;
        uint8_t block[8];
        size_t n = 0;
        assert_non_null(m);
        assert_int_equal(json_object_update(m->json, members), 0);
        for (size_t i = 0; i < 2 && blocks[i] != NULL; i++) {
                assert_true(cw_hex_decode(blocks[i], 16, block, sizeof(block), &n));
                assert_int_equal(cw_msg_attach_copy(m, block, n), CW_OK);
        }
        (void)cw_sess_call(s, CW_FROM_STATION, m, &reply);
        *f = (struct cw_fault){0};
        if (!cw_msg_bool(reply, "ok", false)) {
                cw_fault_from_json(json_object_get(reply->json, "error"), f);
                return cw_rc_class(f->rc);
        }
        assert_true(cw_hex_encode(reply->att[0]->ptr, reply->att[0]->len, ret, 81));
        return CW_C_NONE;
}

/* CVN18, ATC 5; the commands were computed apart (PIN 9075 in place of 4071). */
static void pin_change_with_the_current_one(void **state) {
        (void)state;
        static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        static const char *const both[] = {"AC2ACB0519821284", "D24CAB58AA46ACAB"};
        static const char *const one[] = {"AC2ACB0519821284", NULL};
        char command[81] = "";
        struct cw_fault f;
        CW_AUTO(cw_sess_free) struct cw_sess *s = open_session("service");
        struct cw_msg *arqc = cw_msg_request("emv.arqc");
        assert_non_null(arqc);
        (void)json_object_update_new(
            arqc->json, json_pack("{s:s, s:s, s:s}", "atc", "0005", "arqc", "1C3169971A4F94BB", "psn", "00"));
        assert_int_equal(cw_msg_attach_copy(arqc, data, sizeof(data)), CW_OK);
        assert_int_equal(ask(s, CW_FROM_STATION, arqc, &f, NULL), CW_C_NONE);
#define CHANGE(more)                                                                                         \
        json_pack("{s:s, s:s, s:i, s:b}", "command", "pin-change", "source", "zin", "source_format", 0,      \
                  "current", more)
        assert_int_equal(script(s, CHANGE(0), one, command, &f), CW_C_NONE);
        assert_string_equal(command, "84240002180B0BAA5605B78F8CF39F15E5C79D69B31135760D51A08BDF");
        assert_int_equal(script(s, CHANGE(1), both, command, &f), CW_C_NONE);
        assert_string_equal(command, "84240001182964D9B843515AB6F39F15E5C79D69B3D6BF9B321B3B1E45");
        assert_int_equal(script(s, CHANGE(1), one, command, &f), CW_C_REJECT); /* the block is missing */
        rig.cfg.products[0].cvn = CW_CVN_MCHIP20;
        assert_int_equal(script(s, CHANGE(1), both, command, &f), CW_C_REJECT);
        assert_non_null(strstr(f.text, "Visa"));
#undef CHANGE
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(nothing_before_open, setup, teardown),
            cmocka_unit_test_setup_teardown(first_calls, setup, teardown),
            cmocka_unit_test_setup_teardown(too_many_refusals_end_it, setup, teardown),
            cmocka_unit_test_setup_teardown(failing_token, setup, teardown),
            cmocka_unit_test_setup_teardown(failing_token_at_open, setup, teardown),
            cmocka_unit_test_setup_teardown(keys_are_checked_at_open, setup, teardown),
            cmocka_unit_test_setup_teardown(records_of_issuer_keys, setup, teardown),
            cmocka_unit_test_setup_teardown(expired_keys, setup, teardown),
            cmocka_unit_test_setup_teardown(keys_that_hold_up_the_branch, setup, teardown),
            cmocka_unit_test_setup_teardown(pin_change_with_the_current_one, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
