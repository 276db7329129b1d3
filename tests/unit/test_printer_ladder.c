/* SPDX-License-Identifier: Apache-2.0 */
/* The rungs of the reset ladder, one after the other, and who the printer is asked after each. */
#include "drivers/printer/common.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum rung { NONE, CLEAR, SOFT_21, SOFT_23, PORT, NEVER };

struct fake {
        struct cw_usb usb;
        enum rung cure; /* the remedy that makes it answer */
        bool stalls_21, gone, refuses_reset;
        uint8_t port;
        cw_rc no; /* what identify says until then */
        unsigned asked;
        char done[64]; /* the remedies, in order */
        bool well;
};

static void note(struct fake *k, const char *name) {
        (void)strncat(k->done, name, sizeof k->done - strlen(k->done) - 1);
}

static void remedy(struct fake *k, enum rung rung, const char *name) {
        note(k, name);
        k->well = k->well || k->cure == rung;
}

static cw_rc fake_control(struct cw_usb *u, uint8_t type, uint8_t request, uint16_t value, uint16_t index,
                          void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                          struct cw_fault *f) {
        struct fake *k = (struct fake *)u;
        (void)value;
        (void)index;
        (void)len;
        (void)deadline_ns;
        if (request == 1) {
                *(uint8_t *)data = k->port;
                *ret_len = 1;
                return CW_OK;
        }
        assert_int_equal(request, 2);
        if (type == 0x21 && k->stalls_21) {
                note(k, "stall ");
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), -9, "usb.control", "", "stall");
        }
        remedy(k, type == 0x21 ? SOFT_21 : SOFT_23, type == 0x21 ? "21 " : "23 ");
        return CW_OK;
}

static cw_rc fake_clear(struct cw_usb *u, struct cw_fault *f) {
        (void)f;
        remedy((struct fake *)u, CLEAR, "clear ");
        return CW_OK;
}

static cw_rc fake_reset(struct cw_usb *u, struct cw_fault *f) {
        struct fake *k = (struct fake *)u;
        remedy(k, PORT, "port ");
        return k->refuses_reset
                   ? cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), 0, "usb.reset", "", "no")
                   : CW_OK;
}

static bool fake_gone(struct cw_usb *u) {
        return ((struct fake *)u)->gone;
}

static const struct cw_usb_ops ops = {.name = "fake",
                                      .control = fake_control,
                                      .clear_halt = fake_clear,
                                      .reset = fake_reset,
                                      .gone = fake_gone};

static cw_rc identify(void *ctx, int64_t deadline_ns, struct cw_fault *f) {
        struct fake *k = ctx;
        (void)deadline_ns;
        k->asked++;
        return k->well ? CW_OK : cw_fail(f, k->no, 0, "fake", "PRT_TIMEOUT", "no answer");
}

static cw_rc climb(struct fake *k, bool class_requests, struct cw_fault *f) {
        const struct cw_printer_ladder l = {identify, k, "fake.open", class_requests};
        k->usb.ops = &ops;
        k->well = k->cure == NONE;
        if (!k->no)
                k->no = CW_RC(CW_L_USB, CW_C_RETRY, CW_E_TIMEOUT);
        return cw_printer_ladder(&k->usb, &l, cw_deadline_ns(10000), f);
}

static void each_rung(void **state) {
        static const struct {
                enum rung cure;
                bool stalls_21;
                enum cw_class cls;
                unsigned asked;
                const char *done, *code;
        } cases[] = {
            {NONE, false, CW_C_NONE, 1, "", ""},
            {CLEAR, false, CW_C_NONE, 2, "clear ", ""},
            {SOFT_21, false, CW_C_NONE, 3, "clear 21 ", ""},
            {SOFT_23, true, CW_C_NONE, 3, "clear stall 23 ", ""},
            {PORT, false, CW_C_RECONNECT, 3, "clear 21 port ", "PRT_TIMEOUT"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct fake k = {.cure = cases[i].cure, .stalls_21 = cases[i].stalls_21, .port = 0x18};
                struct cw_fault f = {0};
                assert_int_equal(cw_rc_class(climb(&k, true, &f)), cases[i].cls);
                assert_string_equal(k.done, cases[i].done);
                assert_int_equal(k.asked, cases[i].asked);
                assert_string_equal(f.code, cases[i].code);
        }
}

/* The port was reset already, or cannot be: a person is told what to do. */
static void then_a_person(void **state) {
        (void)state;
        for (int i = 0; i < 2; i++) {
                struct fake k = {.cure = NEVER, .port = 0x18, .refuses_reset = i == 1};
                struct cw_fault f = {0};
                k.usb.info.reset_spent = i == 0;
                assert_int_equal(cw_rc_class(climb(&k, true, &f)), CW_C_OPERATOR);
                assert_string_equal(f.code, "PRT_NOT_REACHABLE");
                assert_non_null(strstr(f.text, "switch it off and on"));
                assert_string_equal(k.done, i == 0 ? "clear 21 " : "clear 21 port ");
        }
}

static void a_printer_at_work_is_left_alone(void **state) {
        struct fake k = {.cure = NEVER, .port = 0x08};
        struct cw_fault f = {0};
        (void)state;
        assert_int_equal(cw_rc_class(climb(&k, true, &f)), CW_C_RETRY);
        assert_string_equal(f.code, "PRT_PAUSED");
        assert_string_equal(k.done, "clear ");
}

static void without_class_requests_none_is_sent(void **state) {
        struct fake k = {.cure = NEVER};
        struct cw_fault f = {0};
        (void)state;
        assert_int_equal(cw_rc_class(climb(&k, false, &f)), CW_C_RECONNECT);
        assert_string_equal(k.done, "clear port ");
}

static void what_no_reset_mends_is_said_at_once(void **state) {
        struct fake k = {.cure = NEVER, .no = CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_STATE)};
        struct fake away = {.cure = NEVER, .gone = true, .no = CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_CLOSED)};
        struct cw_fault f = {0};
        (void)state;
        assert_int_equal(climb(&k, true, &f), k.no);
        assert_string_equal(k.done, "");
        assert_int_equal(climb(&away, true, &f), away.no);
        assert_string_equal(away.done, "");
        assert_string_equal(f.text, "no answer");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(each_rung),
            cmocka_unit_test(then_a_person),
            cmocka_unit_test(a_printer_at_work_is_left_alone),
            cmocka_unit_test(without_class_requests_none_is_sent),
            cmocka_unit_test(what_no_reset_mends_is_said_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
