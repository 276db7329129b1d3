/* SPDX-License-Identifier: Apache-2.0 */
/* Stripe and print: what is on the card in the end, and what must never happen twice. */
#include "tests/contract/checks.h"

#include <string.h>

static void write_tracks(struct cw_printer *p) {
        struct cw_tracks tracks = check_tracks();
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        assert_true(e.started);
        assert_true(cw_where_inside(e.where));
}

static void expect_tracks(struct cw_printer *p) {
        struct cw_tracks tracks = check_tracks();
        for (unsigned t = 1; t <= 3; t++) {
                struct cw_secret *got = NULL;
                struct cw_fault f = {0};
                check_ok(cw_printer_stripe_read(p, t, LONG_NS, &got, &f), &f);
                assert_int_equal(got->len, tracks.track[t - 1].len);
                assert_memory_equal(got->ptr, tracks.track[t - 1].ptr, got->len);
                cw_secret_free(got);
        }
}

void stripe_written_and_read(void **state) {
        struct cw_printer *p = check_open(*state);
        check_feed(p);
        write_tracks(p);
        expect_tracks(p);
        assert_int_equal(bench_state(*state, "counters", "mag_writes"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

void stripe_write_fails(void **state) {
        struct cw_tracks tracks = check_tracks();
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'mag_write_fail'}");
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "PRD_MAGSTRIPE");
        assert_true(cw_where_inside(e.where));
        cw_rc rc = check_step(cw_printer_reject, p, &e, &f);
        check_class(rc, &f, bench_family.rejects ? cw_rc_class(CW_OK) : CW_C_OPERATOR, "");
        cw_printer_close(p);
}

void stripe_blank(void **state) {
        struct cw_secret *got = NULL;
        struct cw_printer *p = check_open(*state);
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'mag_blank'}");
        write_tracks(p);
        check_class(cw_printer_stripe_read(p, 2, LONG_NS, &got, &f), &f, CW_C_OPERATOR, "PRD_MAGSTRIPE");
        assert_null(got);
        cw_printer_close(p);
}

void stripe_bad_data_sends_nothing(void **state) {
        static const char *const bad[] = {"40000A", "4000;1", "4000?", "",
                                          "12345678901234567890123456789012345678"};
        struct cw_printer *p = check_open(*state);
        struct cw_secret *got = NULL;
        check_feed(p);
        int64_t before = bench_state(*state, "usb", "commands");
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_tracks tracks = {.track[1] = CW_SPAN((const uint8_t *)bad[i], strlen(bad[i]))};
                struct cw_printer_effect e;
                struct cw_fault f = {0};
                check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_REJECT,
                            "PRD_MAGSTRIPE");
                assert_null(strstr(f.text, "4000"));
        }
        struct cw_fault f = {0};
        check_class(cw_printer_stripe_read(p, 4, LONG_NS, &got, &f), &f, CW_C_REJECT, "");
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        cw_printer_close(p);
}

void stripe_read_by_a_new_process(void **state) {
        struct cw_printer *p = check_open(*state);
        check_feed(p);
        write_tracks(p);
        cw_printer_close(p);
        p = check_open(*state);
        expect_tracks(p);
        assert_int_equal(bench_state(*state, "counters", "mag_writes"), 1);
        cw_printer_close(p);
}

static void expect_printed(struct bench *b, int64_t sets) {
        assert_int_equal(bench_state(b, "counters", "sets"), sets);
        assert_int_equal(bench_state(b, "counters", "panels"), sets * bench_family.panels);
        assert_int_equal(bench_state(b, "ribbon", "remaining"), 100 - sets);
}

void print_whole_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        for (int64_t card = 1; card <= 2; card++) {
                check_feed(p);
                check_ok(check_baseline(p, &before, &f), &f);
                check_ok(check_print(p, &e, &f), &f);
                assert_int_equal(e.where, CW_WHERE_OUTPUT);
                assert_true(e.ribbon_used);
                expect_printed(*state, card);
                check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
                assert_int_equal(e.where, CW_WHERE_OUTPUT);
                assert_false(e.started);
                assert_int_equal(bench_tray(*state, "output"), card);
                check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
                assert_int_equal(finding.verdict,
                                 bench_family.tells_counters ? CW_VERDICT_DONE : CW_VERDICT_UNKNOWN);
        }
        assert_int_equal(bench_state(*state, "counters", "fed"), 2);
        cw_printer_close(p);
}

void print_chip_and_stripe_first(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        write_tracks(p);
        expect_tracks(p);
        check_ok(check_step(cw_printer_to_contact, p, &e, &f), &f);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        expect_printed(*state, 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        assert_int_equal(bench_state(*state, "counters", "mag_writes"), 1);
        cw_printer_close(p);
}

/* A print that the printer itself breaks off: class OPERATOR, the card inside, rejected next, one set gone at
 * most. */
static void print_fails(struct bench *b, const char *order, const char *code) {
        struct cw_printer *p = check_open(b);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(b, order);
        check_class(check_print(p, &e, &f), &f, CW_C_OPERATOR, code);
        assert_true(cw_where_inside(e.where));
        assert_true(e.ribbon_used);
        assert_true(bench_state(b, "counters", "sets") <= 1);
        assert_int_equal(bench_tray(b, "output"), 0);
        cw_printer_close(p);
}

void print_ribbon_ends(void **state) {
        print_fails(*state, "{'cmd':'fault','name':'ribbon_end','at':{'panel':'c'}}", "PRT_RIBBON_ENDED");
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        cw_printer_close(p);
}

void print_cover_opened(void **state) {
        print_fails(*state, "{'cmd':'fault','name':'cover_open','at':{'panel':'m'}}", "PRT_COVER_OPEN");
}

void print_jam(void **state) {
        print_fails(*state, "{'cmd':'fault','name':'jam','at':{'panel':'y'}}", "PRD_FEEDER_JAM");
}

void print_unplugged(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(*state, "{'cmd':'fault','name':'unplug','at':{'byte':600000}}");
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_true(e.ribbon_used);
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_true(cw_printer_gone(p));
        cw_printer_close(p);
        bench_order(*state, "{'cmd':'plug'}");
        p = check_open(*state);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_not_equal(finding.verdict, CW_VERDICT_DONE);
        assert_true(cw_where_inside(finding.where));
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        assert_int_equal(bench_tray(*state, "output"), 0);
        cw_printer_close(p);
}

/* The second panel stops after each quarter: the printer is reset, the card is found and rejected, no panel
 * is repeated. */
void print_partial_panel_is_never_resent(void **state) {
        for (unsigned quarter = 0; quarter < 4; quarter++) {
                const struct cw_usb_fault_rule rule = {CW_USB_FAULT_OUT, 2, CW_USB_DO_SHORT,
                                                       1 + quarter * 123444, 10000};
                struct cw_usb *layer = NULL;
                struct cw_printer_effect e;
                struct cw_fault f = {0};
                struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
                int64_t panels = bench_state(*state, "counters", "panels");
                int64_t resets = bench_state(*state, "usb", "soft_resets");
                check_feed(p);
                check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
                assert_true(e.ribbon_used);
                assert_int_equal(e.where, CW_WHERE_PRINT);
                /* one before the first sequence of this handle, one for the panel */
                assert_int_equal(bench_state(*state, "usb", "soft_resets"), resets + 2);
                assert_in_range(bench_state(*state, "counters", "panels") - panels, 0, 1);
                check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
                assert_int_equal(bench_tray(*state, "reject"), quarter + 1);
                assert_in_range(bench_state(*state, "counters", "panels") - panels, 0, 1);
                cw_printer_close(p);
        }
        assert_int_equal(bench_state(*state, "counters", "fed"), 4);
        assert_int_equal(bench_tray(*state, "output"), 0);
}

void print_answer_lost_at_the_end(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(*state, "{'cmd':'fault','name':'no_reply','at':{'command':'Se'}}");
        check_class(cw_printer_print(p, panels, cw_deadline_ns(bench_ops.jumps ? 200000 : 4000), &e, &f), &f,
                    CW_C_IN_DOUBT, "");
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_DONE);
        expect_printed(*state, 1);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

/* Neither yes nor no, a wrong no, half a word: the card is printed and out, so it is never called failed. */
void print_answer_garbled_at_the_end(void **state) {
        static const char *const orders[] = {
            "{'cmd':'fault','name':'garbage','at':{'command':'Se'}}",
            "{'cmd':'fault','name':'garbage','text':'K','at':{'command':'Se'}}",
            "{'cmd':'fault','name':'garbage','text':'ERR CARD','at':{'command':'Se'}}",
            "{'cmd':'fault','name':'short_reply','at':{'command':'Se'}}"};
        struct cw_printer *p = check_open(*state);
        for (int64_t i = 0; i < 4; i++) {
                struct cw_printer_baseline before;
                struct cw_printer_finding finding;
                struct cw_printer_effect e;
                struct cw_fault f = {0};
                check_feed(p);
                check_ok(check_baseline(p, &before, &f), &f);
                bench_order(*state, orders[i]);
                check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
                assert_true(e.started && e.ribbon_used);
                check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
                assert_int_equal(finding.verdict, CW_VERDICT_DONE);
                assert_int_equal(finding.where, CW_WHERE_OUTPUT);
                expect_printed(*state, i + 1);
                assert_int_equal(bench_tray(*state, "output"), i + 1);
        }
        cw_printer_close(p);
}

/* A stray yes, and behind it the no that is meant. */
static void refuse_behind_a_yes(struct bench *b, const char *command) {
        char order[96];
        (void)snprintf(order, sizeof order, "{'cmd':'fault','name':'spurious_ok','at':{'command':'%s'}}",
                       command);
        bench_order(b, order);
        (void)snprintf(order, sizeof order, "{'cmd':'fault','name':'error_cde','text':'%s'}", command);
        bench_order(b, order);
}

void print_stray_yes_hides_no_refusal(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        refuse_behind_a_yes(*state, bench_family.panel);
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "PRD_UNEXPECTED_DATA");
        assert_true(e.ribbon_used);
        assert_int_equal(bench_tray(*state, "output"), 0);
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

void stripe_stray_yes_hides_no_refusal(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_tracks tracks = check_tracks();
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        refuse_behind_a_yes(*state, bench_family.track);
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_OPERATOR,
                    "PRD_UNEXPECTED_DATA");
        assert_false(e.started);
        assert_int_equal(bench_state(*state, "counters", "mag_writes"), 0);
        cw_printer_close(p);
}

void print_late_panel_answer(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        if (!bench_ops.jumps)
                skip();
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'late_reply','ms':29000,'at':{'command':'Db','n':1}}");
        check_ok(check_print(p, &e, &f), &f);
        expect_printed(*state, 1);
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'late_reply','ms':31000,'at':{'command':'Db','n':1}}");
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_true(e.ribbon_used);
        assert_int_equal(bench_state(*state, "counters", "fed"), 2);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

void print_wrong_panels_send_nothing(void **state) {
        struct cw_printer *p = check_open(*state);
        check_feed(p);
        int64_t before = bench_state(*state, "usb", "commands");
        for (int i = 0; i < 5; i++) {
                CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
                struct cw_printer_effect e;
                struct cw_fault f = {0};
                if (i == 0)
                        panels->width = 640;
                else if (i == 1)
                        panels->panel[1].id = 'y';
                else if (i == 2)
                        panels->panel[3].len--;
                else if (i == 3)
                        panels->panel[0].bits = 7;
                else
                        panels->count = 0;
                check_class(cw_printer_print(p, panels, LONG_NS, &e, &f), &f, CW_C_REJECT,
                            "PRD_UNEXPECTED_DATA");
                assert_false(e.started);
        }
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        cw_printer_close(p);
}

void print_wrong_ribbon_uses_nothing(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'ribbon','kind':'kb','remaining':500}");
        check_class(check_print(p, &e, &f), &f, CW_C_OPERATOR, "PRT_RIBBON");
        assert_false(e.ribbon_used);
        assert_int_equal(e.where, bench_family.fed);
        assert_int_equal(bench_state(*state, "counters", "panels"), 0);
        cw_printer_close(p);
}

void print_without_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_print(p, &e, &f), &f, CW_C_REJECT, "");
        assert_false(e.started || e.ribbon_used);
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
        cw_printer_close(p);
}

/* The mains go while a panel prints: the card is found inside afterwards and rejected, one set is gone at
 * most. */
void print_power_cycle(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(*state, "{'cmd':'fault','name':'power_cycle','at':{'panel':'m'}}");
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_true(e.ribbon_used);
        cw_printer_close(p);
        bench_order(*state, "{'cmd':'plug'}");
        p = check_open(*state);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        assert_int_equal(bench_tray(*state, "output"), 0);
        assert_int_equal(bench_state(*state, "counters", "sets"), 1);
        cw_printer_close(p);
}

/* A hot head lets the host wait; 20 s are waited for, and the card is printed once. */
void print_hot_head(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, bench_ops.jumps
                                ? "{'cmd':'fault','name':'head_hot','ms':20000,'at':{'panel':'c'}}"
                                : "{'cmd':'fault','name':'head_hot','ms':800,'at':{'panel':'c'}}");
        check_ok(check_print(p, &e, &f), &f);
        expect_printed(*state, 1);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

/* A worn encoder: the first try fails and says so, the next card's goes well. */
void stripe_fails_once_then_works(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_tracks tracks = check_tracks();
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'mag_write_fail'}");
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "PRD_MAGSTRIPE");
        assert_true(cw_where_inside(e.where));
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        check_feed(p);
        write_tracks(p);
        expect_tracks(p);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        cw_printer_close(p);
}

/* A technician opened a sequence at the console: neither a test card nor the next card is refused for it. */
void what_the_console_began_is_forgotten(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        char answer[64];
        check_ok(cw_printer_raw(p, "Ss", LONG_NS, answer, sizeof answer, &f), &f);
        check_ok(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f);
        check_ok(cw_printer_raw(p, "Ss", LONG_NS, answer, sizeof answer, &f), &f);
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "output"), 2);
        cw_printer_close(p);
}

/* ---- heat ---- */

static cw_rc open_fitted(struct bench *b, const char *heat, const char *curve, struct cw_printer **ret,
                         struct cw_fault *f) {
        struct cw_printer_fitting fitting = {.both_faces = -1, .flip = -1};
        struct cw_usb *usb = NULL;
        if (bench_family.fitting)
                fitting = *bench_family.fitting;
        fitting.heat = heat;
        fitting.curve = curve;
        check_ok(bench_ops.connect(b, &usb, f), f);
        return cw_printer_open(cw_printer_driver(bench_family.driver), usb, &fitting, LONG_NS, ret, f);
}

/* What the emulator was told, "" = nothing. */
static void heat_told(struct bench *b, char *ret, size_t cap) {
        json_t *request = json_pack("{s:s}", "cmd", "state"), *state = bench_ops.command(b, request);
        const char *value =
            json_string_value(json_object_get(json_object_get(state, "settings"), bench_family.heat_key));
        (void)snprintf(ret, cap, "%s", value ? value : "");
        json_decref(state);
        json_decref(request);
}

static void one_card_with_heat(struct bench *b, const char *heat, char *ret, size_t cap) {
        struct cw_printer *p = NULL;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(open_fitted(b, heat, NULL, &p, &f), &f);
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        heat_told(b, ret, cap);
        cw_printer_close(p);
}

void heat_is_sent_only_when_it_is_set(void **state) {
        static const char *const wrong[] = {"k=999", "x=5", "k", "k=", "k=5x", "y=1,k=-1"};
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        char told[32];
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                check_class(open_fitted(*state, wrong[i], NULL, &p, &f), &f, CW_C_OPERATOR,
                            "PRT_SETUP_ERROR");
                assert_non_null(strstr(f.text, "printer_heat"));
        }
        check_class(open_fitted(*state, NULL, "k=1:2", &p, &f), &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
        if (!bench_family.heat)
                return;
        one_card_with_heat(*state, NULL, told, sizeof told);
        assert_string_equal(told, "");
        one_card_with_heat(*state, bench_family.heat, told, sizeof told);
        assert_string_equal(told, bench_family.heat_value);
}
