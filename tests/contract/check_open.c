/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, identity, framing, the technician's console. */
#include "tests/contract/checks.h"

#include <string.h>
#include <time.h>

void open_identifies(void **state) {
        struct cw_printer *p = check_open(*state);
        const struct cw_printer_info *i = cw_printer_info(p);
        assert_string_equal(i->family, bench_family.driver);
        assert_string_equal(i->serial, "T1");
        assert_string_equal(i->firmware, bench_family.firmware);
        assert_string_equal(i->head, bench_family.head);
        assert_string_equal(i->board, bench_family.board);
        assert_non_null(strstr(i->model, bench_family.model));
        assert_int_equal(i->width, 648);
        assert_int_equal(i->height, 1016);
        assert_int_equal((i->caps & CW_PRINTER_CAP_CONTACT) != 0, bench_family.contact != NULL);
        assert_int_equal((i->caps & CW_PRINTER_CAP_CONTACTLESS) != 0, bench_family.contactless != NULL);
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
        cw_printer_close(p);
}

/* Nothing, or too late: the number of the head is for the inventory, and its answer is nobody else's. */
void open_without_a_number_of_the_head(void **state) {
        static const char *const orders[] = {
            "{'cmd':'fault','name':'no_reply','at':{'command':'Rkn'}}",
            "{'cmd':'fault','name':'late_reply','ms':2300,'at':{'command':'Rkn'}}"};
        for (size_t i = 0; i < 2; i++) {
                bench_order(*state, orders[i]);
                struct cw_printer *p = check_open(*state);
                struct cw_printer_status s;
                assert_string_equal(cw_printer_info(p)->head, "");
                assert_string_equal(cw_printer_info(p)->serial, "T1");
                check_status(p, &s);
                assert_int_equal(s.ribbon.remaining, 100);
                cw_printer_close(p);
        }
}

void open_again_after_close(void **state) {
        cw_printer_close(check_open(*state));
        cw_printer_close(check_open(*state));
        cw_printer_close(NULL);
}

void open_too_late_touches_nothing(void **state) {
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        int64_t before = bench_state(*state, "usb", "commands");
        check_class(
            cw_printer_open(cw_printer_driver(bench_family.driver), usb, bench_family.fitting, 0, &p, &f), &f,
            CW_C_RETRY, "");
        assert_null(p);
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
}

static void send_and_close(struct bench *b, const void *bytes, size_t len) {
        struct cw_usb *usb = NULL;
        struct cw_fault f = {0};
        size_t sent = 0;
        check_ok(bench_ops.connect(b, &usb, &f), &f);
        check_ok(cw_usb_bulk_out(usb, bytes, len, LONG_NS, &sent, &f), &f);
        assert_int_equal(sent, len);
        cw_usb_close(usb);
}

static size_t dead_questions_len(void) {
        return bench_family.dead_questions_len ? bench_family.dead_questions_len
                                               : strlen(bench_family.dead_questions);
}

void open_drains_what_a_dead_process_left(void **state) {
        send_and_close(*state, bench_family.dead_questions, dead_questions_len());
        struct cw_printer *p = check_open(*state);
        assert_string_equal(cw_printer_info(p)->serial, "T1");
        assert_string_equal(cw_printer_info(p)->firmware, bench_family.firmware);
        cw_printer_close(p);
}

/* Whole or in part, the first answer to the first of the questions. */
static size_t ask_and_read(struct cw_usb *usb, uint8_t *ret, size_t cap) {
        size_t n = 0;
        struct cw_fault f = {0};
        check_ok(cw_usb_bulk_out(usb, bench_family.dead_questions, dead_questions_len(), LONG_NS, &n, &f),
                 &f);
        check_ok(cw_usb_bulk_in(usb, ret, cap, LONG_NS, &n, &f), &f);
        return n;
}

/* Several questions, one answer read: the others are there when the questions are asked again, and not taken
 * for theirs. Through the fault layer and a recorder as well. */
void what_came_unasked_is_no_answer(void **state) {
        const struct timespec arrive = {.tv_nsec = 300000000};
        const struct cw_usb_fault_rule none = {CW_USB_FAULT_CONTROL, 9999, CW_USB_DO_GONE, 0, 0};
        struct cw_usb *usb = NULL, *layer = NULL, *recorder = NULL;
        struct cw_fault f = {0};
        uint8_t first[512], again[512];
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        assert_int_equal(cw_usb_fault_new(usb, &none, 1, &layer), CW_OK);
        assert_int_equal(cw_usb_recorder_new(layer, out, (struct cw_usb_mask){NULL, NULL}, &recorder), CW_OK);
        size_t n = ask_and_read(recorder, first, sizeof first);
        if (!bench_ops.jumps)
                (void)nanosleep(&arrive, NULL);
        assert_int_equal(recorder->unasked, 0);
        assert_int_equal(ask_and_read(recorder, again, sizeof again), n);
        assert_memory_equal(first, again, n);
        assert_int_equal(recorder->unasked, 1);
        assert_true(recorder->unasked_bytes > 0);
        assert_int_equal(recorder->unasked_bytes, usb->unasked_bytes);
        cw_usb_close(recorder);
        (void)fclose(out);
        assert_non_null(strstr(text, "\npurge "));
        free(text);
}

void open_ends_half_a_panel_of_a_dead_process(void **state) {
        static uint8_t half[3000];
        memcpy(half, bench_family.half_job, bench_family.half_job_len);
        send_and_close(*state, half, sizeof half);
        struct cw_printer *p = check_open(*state);
        assert_string_equal(cw_printer_info(p)->serial, "T1");
        assert_true(bench_state(*state, "usb", "soft_resets") >= 1);
        check_feed(p);
        cw_printer_close(p);
}

static void assert_host_mode(struct bench *b) {
        char mode[16];
        bench_state_text(b, "settings", "Pem", mode, sizeof mode);
        assert_string_equal(mode, "2");
}

void open_takes_charge_of_errors(void **state) {
        cw_printer_close(check_open(*state));
        assert_host_mode(*state);
}

void open_takes_charge_again_after_power_cycle(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'power_cycle'}");
        check_class(cw_printer_status(p, LONG_NS, &s, &f), &f, CW_C_RECONNECT, "");
        assert_true(cw_printer_gone(p));
        cw_printer_close(p);
        cw_printer_close(check_open(*state));
        assert_host_mode(*state);
}

void open_refuses_a_printer_that_hides_errors(void **state) {
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'fault','name':'error_cde','text':'Pem','count':0}");
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        check_class(cw_printer_open(cw_printer_driver(bench_family.driver), usb, bench_family.fitting,
                                    LONG_NS, &p, &f),
                    &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
}

void open_fails_cleanly_at_every_transfer(void **state) {
        unsigned transfers = 0;
        for (unsigned n = 1; n < 60; n++) {
                const struct cw_usb_fault_rule rule = {CW_USB_FAULT_ANY, n, CW_USB_DO_GONE, 0, 0};
                struct cw_usb *usb = NULL, *layer = NULL;
                struct cw_printer *p = NULL;
                struct cw_fault f = {0};
                check_ok(bench_ops.connect(*state, &usb, &f), &f);
                assert_int_equal(cw_usb_fault_new(usb, &rule, 1, &layer), CW_OK);
                cw_rc rc = cw_printer_open(cw_printer_driver(bench_family.driver), layer,
                                           bench_family.fitting, LONG_NS, &p, &f);
                cw_printer_close(p);
                if (rc == CW_OK) {
                        transfers = n;
                        break;
                }
                check_class(rc, &f, CW_C_RECONNECT, "");
        }
        assert_in_range(transfers, bench_family.transfers_of_open, 59);
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
}

void open_copes_with_bad_device_ids(void **state) {
        static const char *const kinds[] = {"length", "without_length", "little_endian", "short", "empty"};
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
                char order[128];
                (void)snprintf(order, sizeof order,
                               "{'cmd':'fault','name':'device_id_bad','text':'%s','count':0}", kinds[i]);
                bench_order(*state, order);
                struct cw_printer *p = check_open(*state);
                assert_non_null(strstr(cw_printer_info(p)->model, bench_family.model));
                cw_printer_close(p);
                bench_order(*state, "{'cmd':'faults_off'}");
        }
}

void unknown_model_moves_nothing(void **state) {
        (void)state;
        const struct bench_options strange = {.model = "Nonesuch"};
        struct bench *b = bench_ops.open(&strange);
        struct cw_printer *p = NULL;
        struct cw_usb *usb = NULL;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(bench_ops.connect(b, &usb, &f), &f);
        check_ok(cw_printer_open(cw_printer_driver(bench_family.driver), usb, bench_family.fitting, LONG_NS,
                                 &p, &f),
                 &f);
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_false(e.started);
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_int_equal(bench_state(b, "counters", "fed"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}

static void one_card_with(const struct bench_options *o) {
        struct bench *b = bench_ops.open(o);
        struct cw_printer *p = check_open(b);
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_status(p, &s);
        assert_int_equal(s.ribbon.remaining, 100);
        check_feed(p);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        cw_printer_close(p);
        bench_ops.close(b);
}

void answers_may_end_with_cr(void **state) {
        (void)state;
        one_card_with(&(struct bench_options){.reply_end = "cr"});
}

void answers_may_end_with_nothing(void **state) {
        (void)state;
        one_card_with(&(struct bench_options){.reply_end = "none"});
}

void raw_answers_and_refuses_card_data(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_fault f = {0};
        char answer[64];
        check_ok(cw_printer_raw(p, bench_family.raw, LONG_NS, answer, sizeof answer, &f), &f);
        assert_string_equal(answer, bench_family.raw_answer);
        int64_t before = bench_state(*state, "usb", "commands");
        for (size_t i = 0; bench_family.raw_refused[i]; i++)
                check_class(
                    cw_printer_raw(p, bench_family.raw_refused[i], LONG_NS, answer, sizeof answer, &f), &f,
                    CW_C_REJECT, "");
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        cw_printer_close(p);
}

static const char *line_value(const struct cw_printer_lines *l, const char *name) {
        for (size_t i = 0; i < l->count; i++)
                if (strcmp(l->line[i].name, name) == 0)
                        return l->line[i].value;
        return "absent";
}

/* The counter follows a card; what can be set is set, and nothing else; a snapshot goes back in. */
void sheets_tell_and_settings_stick(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_lines l;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        for (unsigned s = 0; s < CW_SHEET_MAX_; s++) {
                check_ok(cw_printer_sheet(p, (enum cw_printer_sheet)s, LONG_NS, &l, &f), &f);
                assert_true(l.count > 0);
        }
        unsigned set = 0;
        for (size_t i = 0; i < l.count; i++) {
                if (l.line[i].writable) {
                        check_ok(cw_printer_setting(p, l.line[i].name, l.line[i].value, LONG_NS, &f), &f);
                        set++;
                } else
                        check_class(cw_printer_setting(p, l.line[i].name, l.line[i].value, LONG_NS, &f), &f,
                                    CW_C_REJECT, "");
        }
        if (set > 0)
                check_class(cw_printer_setting(p, "mag.coercivity", "x", LONG_NS, &f), &f, CW_C_REJECT, "");
        check_class(cw_printer_setting(p, "nothing", "1", LONG_NS, &f), &f, CW_C_REJECT, "");
        check_ok(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f);
        check_ok(cw_printer_sheet(p, CW_SHEET_COUNTERS, LONG_NS, &l, &f), &f);
        assert_string_equal(line_value(&l, "cards"), "1");
        cw_printer_close(p);
}
