/* SPDX-License-Identifier: Apache-2.0 */
/* Both faces of a card: what is used, what is refused before anything moves, what ends in the middle. */
#include "tests/contract/checks.h"

#include <string.h>

/* A back of the pattern's own panels, its ids as named. */
static struct cw_panels *two_faces(const char *back_panels) {
        struct cw_panels *p = check_panels();
        p->back = check_panels();
        size_t n = 0;
        for (size_t i = 0; i < p->back->count; i++)
                if (strchr(back_panels, p->back->panel[i].id))
                        p->back->panel[n++] = p->back->panel[i];
        p->back->count = n;
        return p;
}

static cw_rc print(struct cw_printer *p, const char *back_panels, struct cw_printer_effect *e,
                   struct cw_fault *f) {
        CW_AUTO(cw_panels_free) struct cw_panels *panels = two_faces(back_panels);
        return cw_printer_print(p, panels, LONG_NS, e, f);
}

static struct cw_printer *fitted(struct bench *b) {
        const struct cw_printer_fitting both = {.both_faces = 1, .flip = -1};
        struct cw_printer *p = check_open(b);
        cw_printer_fit(p, &both);
        assert_true(cw_printer_info(p)->caps & CW_PRINTER_CAP_BOTH_FACES);
        return p;
}

/* One card through a printer that turns cards over; sets and panels it must have taken. */
static void one_card(const char *kind, const char *back_panels, int64_t sets, int64_t panels) {
        struct bench *b = bench_ops.open(&(struct bench_options){.flip = "short"});
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        if (strcmp(kind, "ymckok") == 0)
                bench_order(b, "{'cmd':'ribbon','kind':'ymckok','remaining':100}");
        struct cw_printer *p = fitted(b);
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        before.sets = cw_printer_sets(kind, back_panels);
        check_ok(print(p, back_panels, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        assert_int_equal(bench_state(b, "counters", "sets"), sets);
        assert_int_equal(bench_state(b, "counters", "panels"), panels);
        assert_int_equal(bench_state(b, "counters", "fed"), 1);
        assert_int_equal(bench_tray(b, "output"), 1);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_DONE);
        assert_int_equal(bench_state(b, "", "violations"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}

/* After a crash: the card is out with the ribbon of one face only. */
void one_face_of_two_is_no_card(void **state) {
        static const struct {
                int64_t sets;
                enum cw_verdict verdict;
        } cases[] = {
            {2, CW_VERDICT_UNKNOWN}, {0, CW_VERDICT_UNKNOWN}, {-1, CW_VERDICT_UNKNOWN}, {1, CW_VERDICT_DONE}};
        struct cw_printer *p = fitted(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        CW_AUTO(cw_panels_free) struct cw_panels *front = check_panels();
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        check_ok(cw_printer_print(p, front, LONG_NS, &e, &f), &f);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                before.sets = cases[i].sets;
                check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
                assert_int_equal(finding.verdict, cases[i].verdict);
        }
        cw_printer_close(p);
}

void both_faces_are_printed(void **state) {
        (void)state;
        one_card("ymcko", "ymcko", 2, 2 * (int64_t)bench_family.panels);
        one_card("ymcko", "k", 2, bench_family.panels + 1);
}

void ribbon_for_both_faces_gives_one_set(void **state) {
        (void)state;
        one_card("ymckok", "k", 1, bench_family.panels + 1);
        assert_int_equal(cw_printer_proving_sets("ymckok", "k"), -1);
        assert_int_equal(cw_printer_proving_sets("ymckok", ""), 1);
        assert_int_equal(cw_printer_proving_sets("ymcko", "k"), 2);
}

void back_is_refused_where_it_cannot_be_printed(void **state) {
        struct cw_printer_fitting one = {.flip = -1};
        const struct cw_printer_need need = {.print = true, .panels = "ymcko", .back_panels = "k"};
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        if (bench_family.fitting)
                one = *bench_family.fitting;
        one.both_faces = 0;
        cw_printer_fit(p, &one);
        check_class(check_preflight(p, &need, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_non_null(strstr(f.text, "back"));
        check_feed(p);
        int64_t before = bench_state(*state, "usb", "commands");
        check_class(print(p, "k", &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_false(e.started || e.ribbon_used);
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        assert_int_equal(bench_state(*state, "counters", "sets"), 0);
        cw_printer_close(p);
}

/* A last set that would do for the front only is no ribbon for this card; nothing is fed. */
void preflight_counts_the_sets_of_both_faces(void **state) {
        struct cw_printer_need need = {.print = true, .panels = "ymcko", .back_panels = "k"};
        struct cw_fault f = {0};
        struct cw_printer *p = fitted(*state);
        bench_order(*state, "{'cmd':'ribbon','kind':'ymcko','remaining':1}");
        check_class(check_preflight(p, &need, &f), &f, CW_C_OPERATOR, "PRT_RIBBON_ENDED");
        bench_order(*state, "{'cmd':'ribbon','kind':'ymckok','remaining':1}");
        check_ok(check_preflight(p, &need, &f), &f);
        need.back_panels[0] = '\0';
        bench_order(*state, "{'cmd':'ribbon','kind':'ymcko','remaining':1}");
        check_ok(check_preflight(p, &need, &f), &f);
        cw_printer_close(p);
}

/* The printer stops between the faces: the card is found, nothing is printed twice, it can be rejected. */
void jam_while_turning_is_a_spoiled_card(void **state) {
        (void)state;
        struct bench *b = bench_ops.open(&(struct bench_options){.flip = "short"});
        struct cw_printer *p = fitted(b);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        char order[96];
        check_feed(p);
        (void)snprintf(order, sizeof order, "{'cmd':'fault','name':'jam','at':{'command':'%s'}}",
                       bench_family.turn);
        bench_order(b, order);
        cw_rc rc = print(p, "k", &e, &f);
        assert_true(cw_rc_class(rc) == CW_C_OPERATOR || cw_rc_class(rc) == CW_C_IN_DOUBT);
        assert_true(e.started && e.ribbon_used);
        assert_int_not_equal(e.where, CW_WHERE_OUTPUT);
        assert_true(bench_state(b, "counters", "sets") <= 1);
        assert_int_equal(bench_tray(b, "output"), 0);
        assert_int_equal(bench_state(b, "", "violations"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}
