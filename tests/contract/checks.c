/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/checks.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int check_setup(void **state) {
        const struct bench_options standard = {.model = NULL};
        *state = bench_ops.open(&standard);
        return *state ? 0 : -1;
}

/* The emulator counts what no driver should ever do. */
int check_teardown(void **state) {
        int64_t violations = bench_state(*state, "", "violations");
        if (violations)
                (void)fprintf(stderr, "the driver did %d things that it should not\n", (int)violations);
        bench_ops.close(*state);
        return violations ? -1 : 0;
}

void check_class(cw_rc rc, const struct cw_fault *f, enum cw_class cls, const char *code) {
        if (cw_rc_class(rc) != cls || (code[0] && strcmp(f->code, code) != 0))
                fail_msg("want %s %s, got %s %s in %s: %s", cw_class_name(cls), code,
                         cw_class_name(cw_rc_class(rc)), f->code, f->op, f->text);
        if (rc != CW_OK)
                assert_string_not_equal(f->text, "");
}

void check_ok(cw_rc rc, const struct cw_fault *f) {
        if (rc != CW_OK)
                fail_msg("%s %s in %s: %s", cw_class_name(cw_rc_class(rc)), f->code, f->op, f->text);
}

/* Asked this often already: once more? */
static bool again(int asked, cw_rc rc, bool started) {
        return asked < 6 && !bench_ops.jumps && cw_rc_class(rc) == CW_C_RETRY && !started;
}

cw_rc check_step(check_step_fn *step, struct cw_printer *p, struct cw_printer_effect *e, struct cw_fault *f) {
        cw_rc rc = step(p, LONG_NS, e, f);
        for (int asked = 1; again(asked, rc, e->started); asked++)
                rc = step(p, LONG_NS, e, f);
        return rc;
}

cw_rc check_preflight(struct cw_printer *p, const struct cw_printer_need *need, struct cw_fault *f) {
        cw_rc rc = cw_printer_preflight(p, need, LONG_NS, NULL, f);
        for (int asked = 1; again(asked, rc, false); asked++)
                rc = cw_printer_preflight(p, need, LONG_NS, NULL, f);
        return rc;
}

cw_rc check_print(struct cw_printer *p, struct cw_printer_effect *e, struct cw_fault *f) {
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        cw_rc rc = cw_printer_print(p, panels, LONG_NS, e, f);
        for (int asked = 1; again(asked, rc, e->started); asked++)
                rc = cw_printer_print(p, panels, LONG_NS, e, f);
        return rc;
}

cw_rc check_baseline(struct cw_printer *p, struct cw_printer_baseline *ret, struct cw_fault *f) {
        cw_rc rc = cw_printer_baseline(p, LONG_NS, ret, f);
        for (int asked = 1; again(asked, rc, false); asked++)
                rc = cw_printer_baseline(p, LONG_NS, ret, f);
        return rc;
}

cw_rc check_reconcile(struct cw_printer *p, enum cw_printer_step step,
                      const struct cw_printer_baseline *before, struct cw_printer_finding *ret,
                      struct cw_fault *f) {
        cw_rc rc = cw_printer_reconcile(p, step, before, LONG_NS, ret, f);
        for (int asked = 1; again(asked, rc, false); asked++)
                rc = cw_printer_reconcile(p, step, before, LONG_NS, ret, f);
        return rc;
}

void check_status(struct cw_printer *p, struct cw_printer_status *ret) {
        struct cw_fault f = {0};
        cw_rc rc = cw_printer_status(p, LONG_NS, ret, &f);
        for (int asked = 1; again(asked, rc, false); asked++)
                rc = cw_printer_status(p, LONG_NS, ret, &f);
        check_ok(rc, &f);
}

void check_state(struct cw_printer *p, enum cw_printer_state state, const char *code) {
        struct cw_printer_status s;
        check_status(p, &s);
        assert_string_equal(s.code, code);
        assert_int_equal(s.state, state);
}

static struct cw_printer *open_on(struct cw_usb *usb) {
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(cw_printer_open(cw_printer_driver(bench_family.driver), usb, bench_family.fitting, LONG_NS,
                                 &p, &f),
                 &f);
        return p;
}

/* A printer that still moves a card of the connection before is left at it, and asked again. */
struct cw_printer *check_open(struct bench *b) {
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        for (int i = 0; i < 60; i++) {
                struct cw_usb *usb = NULL;
                check_ok(bench_ops.connect(b, &usb, &f), &f);
                cw_rc rc = cw_printer_open(cw_printer_driver(bench_family.driver), usb, bench_family.fitting,
                                           LONG_NS, &p, &f);
                if (cw_rc_class(rc) == CW_C_RETRY && strcmp(f.code, "PRT_PAUSED") == 0)
                        continue;
                check_ok(rc, &f);
                return p;
        }
        fail_msg("the printer never gets ready");
        return NULL;
}

struct cw_printer *check_open_faulty(struct bench *b, const struct cw_usb_fault_rule *rules, size_t count,
                                     struct cw_usb **ret_layer) {
        struct cw_usb *usb = NULL;
        struct cw_fault f = {0};
        check_ok(bench_ops.connect(b, &usb, &f), &f);
        assert_int_equal(cw_usb_fault_new(usb, rules, count, ret_layer), CW_OK);
        return open_on(*ret_layer);
}

void check_feed(struct cw_printer *p) {
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_step(cw_printer_feed, p, &e, &f), &f);
        assert_true(cw_where_inside(e.where));
}

static void fill(uint8_t *bytes, size_t len, uint32_t seed) {
        for (size_t i = 0; i < len; i++) {
                seed = seed * 1664525u + 1013904223u;
                bytes[i] = (uint8_t)(seed >> 24);
        }
}

/* An overcoat with one window, as areas can lay it: lines 90 to 260, bytes 38 to 56 of a line free. */
static void boxed_coat(uint8_t *o) {
        memset(o, 0xff, cw_panel_size(CW_PANEL_WIDTH, CW_PANEL_HEIGHT, 1));
        for (size_t line = 90; line <= 260; line++)
                memset(o + line * 81 + 38, 0, 19);
}

struct cw_panels *check_panels(void) {
        struct cw_panels *p = calloc(1, sizeof *p);
        assert_non_null(p);
        p->width = CW_PANEL_WIDTH;
        p->height = CW_PANEL_HEIGHT;
        p->count = 5;
        size_t colour = cw_panel_size(p->width, p->height, 6), mono = cw_panel_size(p->width, p->height, 1);
        p->map_len = 3 * colour + 2 * mono;
        p->map = mmap(NULL, p->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(p->map, MAP_FAILED);
        uint8_t *at = p->map;
        for (size_t i = 0; i < 5; i++) {
                size_t len = i < 3 ? colour : mono;
                fill(at, len, (uint32_t)i + 1);
                p->panel[i] = (struct cw_panel){"ymcko"[i], i < 3 ? 6 : 1, at, len};
                at += len;
        }
        /* A resin panel with white, black and half lines, so that its compressed form is used. */
        uint8_t *k = (uint8_t *)p->map + 3 * colour;
        memset(k, 0, mono);
        memset(k + 81, 0xff, (size_t)81 * 10);
        memset(k + 4000, 0xa5, 30);
        if (bench_family.coat == 'a')
                boxed_coat(k + mono);
        return p;
}

struct cw_tracks check_tracks(void) {
        static const char *const text[3] = {"B4000001234567899^DOE/JANE^29122010000000000000",
                                            "4000001234567899=29122010000000000", "222002"};
        struct cw_tracks t = {0};
        for (int i = 0; i < 3; i++)
                t.track[i] = CW_SPAN((const uint8_t *)text[i], strlen(text[i]));
        return t;
}
