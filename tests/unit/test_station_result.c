/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/fitting.h"
#include "drivers/station/result.h"
#include "drivers/station/station.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void judge(cw_rc rc, const char *code, const char *outcome, const char *cls, const char *want_code) {
        struct cw_result r;
        struct cw_fault f = {0};
        cw_result_init(&r);
        if (rc != CW_OK)
                (void)cw_fail(&f, rc, 0x6985, "test", code, "a sentence");
        r.where = CW_WHERE_CONTACT;
        cw_result_judge(&r, rc, &f, "PRD_SMARTCARD");
        cw_result_evidence(&r, "cplc", "00AA");
        cw_result_evidence_int(&r, "atc", 7);
        CW_AUTO_JSON json_t *j = cw_result_to_json(&r, "J1", "chip", 4);
        cw_result_done(&r);
        assert_non_null(j);
        assert_string_equal(json_string_value(json_object_get(j, "outcome")), outcome);
        assert_string_equal(json_string_value(json_object_get(j, "class")), cls);
        assert_string_equal(json_string_value(json_object_get(j, "code")), want_code);
        assert_string_equal(json_string_value(json_object_get(j, "where")), "contact");
        assert_string_equal(json_string_value(json_object_get(j, "job")), "J1");
        assert_int_equal(json_integer_value(json_object_get(j, "seq")), 4);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "evidence"), "atc")), 7);
        assert_true(json_is_false(json_object_get(j, "key_tried")));
}

static void test_every_class(void **state) {
        (void)state;
        judge(CW_OK, "", "done", "OK", "");
        judge(CW_RC(CW_L_CHIP, CW_C_REJECT, 1), "PRD_X", "failed", "REJECT", "PRD_X");
        judge(CW_RC(CW_L_HSM, CW_C_RETRY, 1), "", "failed", "RETRY", "PRD_SMARTCARD");
        judge(CW_RC(CW_L_READER, CW_C_RECONNECT, 1), "", "failed", "RECONNECT", "PRD_SMARTCARD");
        judge(CW_RC(CW_L_PRINTER, CW_C_OPERATOR, 1), "PRT_COVER_OPEN", "failed", "OPERATOR",
              "PRT_COVER_OPEN");
        judge(CW_RC(CW_L_PRINTER, CW_C_IN_DOUBT, 1), "", "in_doubt", "IN_DOUBT", "PRD_SMARTCARD");
        /* our own invariant broken: nobody knows what the card went through */
        judge(CW_RC(CW_L_STATION, CW_C_FATAL, 1), "", "in_doubt", "IN_DOUBT", "PRD_SMARTCARD");
}

static bool read_key(const char *json, struct cw_step_key *key) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(CW_MSG_REQUEST);
        assert_non_null(m);
        json_decref(m->json);
        m->json = json_loads(json, 0, NULL);
        assert_non_null(m->json);
        return cw_step_key_read(m, key);
}

static void test_step_keys(void **state) {
        (void)state;
        struct cw_step_key a = {0}, b = {0};
        assert_true(read_key("{\"job\":\"J1\",\"step\":\"feed\",\"seq\":3}", &a));
        assert_true(read_key("{\"seq\":3,\"step\":\"feed\",\"job\":\"J1\"}", &b));
        assert_true(cw_step_key_equal(&a, &b));
        assert_true(read_key("{\"job\":\"J1\",\"step\":\"feed\",\"seq\":4}", &b));
        assert_false(cw_step_key_equal(&a, &b));
        assert_true(read_key("{\"job\":\"J2\",\"step\":\"feed\",\"seq\":3}", &b));
        assert_false(cw_step_key_equal(&a, &b));
        static const char *const bad[] = {
            "{}",
            "{\"job\":\"J1\",\"step\":\"feed\"}",
            "{\"job\":\"J1\",\"step\":\"feed\",\"seq\":\"3\"}",
            "{\"job\":\"\",\"step\":\"feed\",\"seq\":3}",
            "{\"job\":\"J1\",\"step\":\"a step with a long name\",\"seq\":3}",
            "{\"job\":\"JJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJJ\",\"step\":\"feed\","
            "\"seq\":3}",
        };
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_false(read_key(bad[i], &b));
}

static void test_fitting(void **state) {
        (void)state;
        const struct cw_config_station plain = {.name = "a"},
                                       told = {.printer_faces = CW_FACES_ONE,
                                               .printer_flip = CW_FLIP_LONG_EDGE,
                                               .matica_model = CW_CONFIG_MATICA_XID8600,
                                               .matica_sentinels = CW_CONFIG_SENTINELS_HOST,
                                               .matica_jam = CW_CONFIG_JAM_TOLD,
                                               .matica_counters = CW_CONFIG_COUNTERS_SHOWN,
                                               .matica_rfid = CW_CONFIG_RFID_MOVE,
                                               .matica_shift_right_px = -3,
                                               .matica_shift_down_px = 4,
                                               .printer_curve = "y=1:2"};
        struct cw_printer_fitting f;
        cw_station_fitting(&plain, &f);
        assert_int_equal(f.both_faces, -1);
        assert_int_equal(f.flip, -1);
        assert_int_equal(f.matica.model, CW_MATICA_AS_IT_SAYS);
        assert_int_equal(f.matica.sentinels, CW_MATICA_ADDS_SENTINELS);
        assert_int_equal(f.matica.rfid, CW_MATICA_RFID_04_05);
        assert_false(f.matica.jam_place_told || f.matica.counters_prove_nothing);
        cw_station_fitting(&told, &f);
        assert_int_equal(f.both_faces, 0);
        assert_int_equal(f.flip, CW_FLIP_LONG);
        assert_int_equal(f.matica.model, CW_MATICA_XID8600);
        assert_int_equal(f.matica.sentinels, CW_MATICA_WANTS_SENTINELS);
        assert_true(f.matica.jam_place_told);
        assert_true(f.matica.counters_prove_nothing);
        assert_int_equal(f.matica.rfid, CW_MATICA_RFID_MOVE_ONLY);
        assert_int_equal(f.matica.shift_right, -3);
        assert_int_equal(f.matica.shift_down, 4);
        assert_string_equal(f.curve, "y=1:2");
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_class),
                                           cmocka_unit_test(test_step_keys), cmocka_unit_test(test_fitting)};
        return cmocka_run_group_tests_name("station result", tests, NULL, NULL);
}
