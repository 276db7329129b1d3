/* SPDX-License-Identifier: Apache-2.0 */
/* A whole card is recorded on the emulated printer and played back to a fresh driver; the recording holds no
 * card data. */
#include "tests/contract/checks.h"

#include "drivers/printer/evolis/codec.h"

#include <string.h>

/* The way of a card without reading the stripe back: what was read is masked in a recording. */
static void one_card(struct cw_usb *usb) {
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        struct cw_tracks tracks = check_tracks();
        struct cw_printer *p = NULL;
        struct cw_printer_effect e;
        struct cw_printer_status s;
        struct cw_fault f = {0};
        check_ok(cw_printer_open(cw_printer_driver("evolis"), usb, bench_family.fitting, LONG_NS, &p, &f),
                 &f);
        check_status(p, &s);
        assert_int_equal(s.ribbon.remaining, 100);
        check_feed(p);
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        check_ok(cw_printer_to_contact(p, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_CONTACT);
        check_ok(cw_printer_print(p, panels, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        cw_printer_close(p);
}

static char *record(struct bench *b, size_t *ret_len) {
        bool track = false;
        char *text = NULL;
        struct cw_usb *usb = NULL, *recorder = NULL;
        struct cw_fault f = {0};
        const struct cw_usb_mask mask = {cw_evolis_mask, &track};
        FILE *out = open_memstream(&text, ret_len);
        assert_non_null(out);
        check_ok(bench_ops.connect(b, &usb, &f), &f);
        assert_int_equal(cw_usb_recorder_new(usb, out, mask, &recorder), CW_OK);
        one_card(recorder);
        (void)fclose(out);
        return text;
}

static void a_recorded_card_plays_back(void **state) {
        size_t len = 0;
        char *text = record(*state, &len);
        bool track = false;
        struct cw_usb *replayer = NULL;
        struct cw_fault f = {0};
        const struct cw_usb_mask mask = {cw_evolis_mask, &track};
        check_ok(cw_usb_replayer_new(text, len, mask, &replayer, &f), &f);
        assert_true(cw_usb_replayer_left(replayer) > 80);
        one_card(replayer);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        free(text);
}

static void a_recording_is_small_and_masked(void **state) {
        size_t len = 0;
        char *text = record(*state, &len);
        assert_true(len < 20000);
        assert_null(strstr(text, "34303030303031"));   /* 400001 */
        assert_non_null(strstr(text, "1B446D3B323B")); /* Dm;2; */
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {CHECK(a_recorded_card_plays_back),
                                           CHECK(a_recording_is_small_and_masked)};
        return cmocka_run_group_tests_name("printer recordings", tests, NULL, NULL);
}
