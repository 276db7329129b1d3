/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/common.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct cw_printer_baseline at(enum cw_where where, int64_t cards, int64_t panels, int64_t ribbon) {
        return (struct cw_printer_baseline){
            .serial = "S", .cards_fed = cards, .panels = panels, .ribbon_remaining = ribbon, .where = where};
}

struct judged {
        enum cw_printer_step step;
        struct cw_printer_baseline before, now;
        enum cw_verdict verdict;
};

/* A card that left because of the step is where the step puts it; any other is where the printer says. */
static enum cw_where expected_where(const struct judged *c) {
        bool out = c->verdict == CW_VERDICT_DONE && c->now.where == CW_WHERE_NONE;
        if (!out)
                return c->now.where;
        return c->step == CW_PRINTER_STEP_REJECT ? CW_WHERE_REJECT : CW_WHERE_OUTPUT;
}

static void verdicts(void **state) {
        (void)state;
        const struct judged cases[] = {
            {CW_PRINTER_STEP_FEED, at(CW_WHERE_NONE, 7, 0, 9), at(CW_WHERE_PRINT, 8, 0, 9), CW_VERDICT_DONE},
            {CW_PRINTER_STEP_FEED, at(CW_WHERE_NONE, 7, 0, 9), at(CW_WHERE_TRANSPORT, 8, 0, 9),
             CW_VERDICT_DONE},
            {CW_PRINTER_STEP_FEED, at(CW_WHERE_NONE, 7, 0, 9), at(CW_WHERE_NONE, 7, 0, 9),
             CW_VERDICT_NOT_DONE},
            {CW_PRINTER_STEP_FEED, at(CW_WHERE_NONE, 7, 0, 9), at(CW_WHERE_NONE, 8, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_FEED, at(CW_WHERE_NONE, -1, 0, 9), at(CW_WHERE_NONE, -1, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_FEED, at(CW_WHERE_PRINT, 7, 0, 9), at(CW_WHERE_PRINT, 7, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_CONTACT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_CONTACT, 8, 0, 9),
             CW_VERDICT_DONE},
            {CW_PRINTER_STEP_CONTACT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_PRINT, 8, 0, 9),
             CW_VERDICT_NOT_DONE},
            {CW_PRINTER_STEP_CONTACT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_CONTACT, 9, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_CONTACT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_NONE, 8, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_CONTACTLESS, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_CONTACTLESS, 8, 0, 9),
             CW_VERDICT_DONE},
            {CW_PRINTER_STEP_CONTACTLESS, at(CW_WHERE_CONTACT, 8, 0, 9), at(CW_WHERE_CONTACT, 8, 0, 9),
             CW_VERDICT_NOT_DONE},
            {CW_PRINTER_STEP_CONTACTLESS, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_CONTACT, 8, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_PRINT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_NONE, 8, 5, 8), CW_VERDICT_DONE},
            {CW_PRINTER_STEP_PRINT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_PRINT, 8, 0, 9),
             CW_VERDICT_NOT_DONE},
            {CW_PRINTER_STEP_PRINT, at(CW_WHERE_CONTACT, 8, 0, 9), at(CW_WHERE_PRINT, 8, 0, 9),
             CW_VERDICT_NOT_DONE},
            {CW_PRINTER_STEP_PRINT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_PRINT, 8, 1, 8),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_PRINT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_NONE, 8, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_PRINT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_NONE, 9, 10, 7),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_PRINT, at(CW_WHERE_PRINT, -1, -1, -1), at(CW_WHERE_PRINT, -1, -1, -1),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_EJECT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_NONE, 8, 0, 9), CW_VERDICT_DONE},
            {CW_PRINTER_STEP_EJECT, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_PRINT, 8, 0, 9),
             CW_VERDICT_NOT_DONE},
            {CW_PRINTER_STEP_EJECT, at(CW_WHERE_NONE, 8, 0, 9), at(CW_WHERE_NONE, 8, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_REJECT, at(CW_WHERE_CONTACT, 8, 0, 9), at(CW_WHERE_NONE, 8, 0, 9),
             CW_VERDICT_DONE},
            {CW_PRINTER_STEP_REJECT, at(CW_WHERE_CONTACT, 8, 0, 9), at(CW_WHERE_PRINT, 9, 0, 9),
             CW_VERDICT_UNKNOWN},
            {CW_PRINTER_STEP_STRIPE, at(CW_WHERE_PRINT, 8, 0, 9), at(CW_WHERE_PRINT, 8, 0, 9),
             CW_VERDICT_UNKNOWN},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct cw_printer_finding r;
                cw_printer_judge(cases[i].step, &cases[i].before, &cases[i].now, &r);
                if (r.verdict != cases[i].verdict)
                        fail_msg("case %zu: %d, %s", i, r.verdict, r.text);
                assert_int_equal(r.where, expected_where(&cases[i]));
                assert_string_not_equal(r.text, "");
        }
}

/* Whatever the counters say, another printer or an unnamed one proves nothing. */
static void other_printers_prove_nothing(void **state) {
        (void)state;
        struct cw_printer_baseline before = at(CW_WHERE_NONE, 7, 0, 9), now = at(CW_WHERE_PRINT, 8, 0, 9);
        struct cw_printer_finding r;
        now.serial[0] = 'T';
        cw_printer_judge(CW_PRINTER_STEP_FEED, &before, &now, &r);
        assert_int_equal(r.verdict, CW_VERDICT_UNKNOWN);
        before.serial[0] = now.serial[0] = '\0';
        cw_printer_judge(CW_PRINTER_STEP_FEED, &before, &now, &r);
        assert_int_equal(r.verdict, CW_VERDICT_UNKNOWN);
}

static void status_names_the_most_urgent(void **state) {
        (void)state;
        struct cw_printer_status s = {.where = CW_WHERE_NONE, .ribbon = {.kind = "ymcko", .remaining = 5}};
        cw_printer_status_judge(&s);
        assert_int_equal(s.state, CW_PRINTER_READY);
        assert_string_equal(s.text, "");
        s.hopper_empty = s.reject_full = true;
        cw_printer_status_judge(&s);
        assert_string_equal(s.code, "PRD_FEEDER_EMPTY");
        s.ribbon.remaining = 0;
        cw_printer_status_judge(&s);
        assert_string_equal(s.code, "PRT_RIBBON_ENDED");
        s.cover_open = true;
        cw_printer_status_judge(&s);
        assert_string_equal(s.code, "PRT_COVER_OPEN");
        assert_int_equal(s.state, CW_PRINTER_NEEDS_OPERATOR);
        s.where = CW_WHERE_TRANSPORT;
        cw_printer_status_judge(&s);
        assert_string_equal(s.code, "PRD_FEEDER_JAM");
        assert_int_equal(s.state, CW_PRINTER_ERROR);
}

static void ribbons_have_panels(void **state) {
        (void)state;
        static const struct {
                const char *kind, *has, *has_not;
        } cases[] = {{"ymcko", "ymcko", ""}, {"ymckok", "ymcko", ""}, {"ko", "ko", "ymc"},
                     {"kb", "k", "ymco"},    {"ktc", "k", "o"},       {"h", "", "ymcko"},
                     {"", "", "ymcko"}};
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                for (const char *p = cases[i].has; *p; p++)
                        assert_true(cw_printer_ribbon_has(cases[i].kind, *p));
                for (const char *p = cases[i].has_not; *p; p++)
                        assert_false(cw_printer_ribbon_has(cases[i].kind, *p));
        }
}

static void names_round_trip(void **state) {
        (void)state;
        for (int w = 0; w < CW_WHERE_MAX_; w++)
                assert_int_equal(cw_where_from_name(cw_where_name((enum cw_where)w)), w);
        assert_int_equal(cw_where_from_name("elsewhere"), CW_WHERE_UNKNOWN);
        assert_int_equal(cw_where_from_name(NULL), CW_WHERE_UNKNOWN);
        assert_string_equal(cw_printer_state_name(CW_PRINTER_NEEDS_OPERATOR), "operator");
        assert_null(cw_printer_driver("nonesuch"));
        assert_string_equal(cw_printer_driver("evolis")->family, "evolis");
        assert_string_not_equal(cw_printer_sentence("PRT_COVER_OPEN"), cw_printer_sentence("X"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(verdicts),
            cmocka_unit_test(other_printers_prove_nothing),
            cmocka_unit_test(status_names_the_most_urgent),
            cmocka_unit_test(ribbons_have_panels),
            cmocka_unit_test(names_round_trip),
        };
        return cmocka_run_group_tests_name("printer judgement", tests, NULL, NULL);
}
