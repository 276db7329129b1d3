/* SPDX-License-Identifier: Apache-2.0 */
/* Issuer scripts by the word of two people. */
#include "agent/daemon/script_orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

static struct cw_script_order_row draft(const char *kit, const char *kiosk) {
        struct cw_script_order_row d = {.command = "application-block", .maker_uid = 1};
        (void)snprintf(d.kit, sizeof d.kit, "%s", kit);
        (void)snprintf(d.kiosk, sizeof d.kiosk, "%s", kiosk);
        return d;
}

static struct cw_script_order_row *filed(struct cw_script_orders *q, const char *kit, const char *kiosk) {
        struct cw_script_order_row d = draft(kit, kiosk), *o = NULL;
        assert_int_equal(cw_script_orders_file(q, &d, NOW, &o, NULL), CW_OK);
        return o;
}

static void confirm(struct cw_script_orders *q, struct cw_script_order_row *o) {
        struct cw_script_order_row *found = NULL;
        assert_int_equal(cw_script_orders_check(q, o->id, 2, NOW, &found, NULL), CW_OK);
        assert_ptr_equal(found, o);
        o->state = CW_SO_CONFIRMED;
}

static void test_two_people(void **state) {
        (void)state;
        CW_AUTO(cw_script_orders_free) struct cw_script_orders *q = cw_script_orders_new();
        struct cw_script_order_row *o = filed(q, "100", "kiosk-1"), *found = NULL;
        struct cw_fault f = {0};
        cw_rc rc = cw_script_orders_check(q, o->id, 1, NOW, &found, &f);
        assert_int_equal(rc & 0xffffu, CW_E_DENIED);
        assert_string_equal(f.code, "SAME_PERSON");
        assert_null(cw_script_orders_next(q, "kiosk-1", NOW)); /* not before the second person */
        confirm(q, o);
        assert_ptr_equal(cw_script_orders_next(q, "kiosk-1", NOW), o);
        assert_null(cw_script_orders_next(q, "kiosk-2", NOW));
        assert_int_equal(cw_rc_class(cw_script_orders_check(q, o->id, 2, NOW, &found, NULL)), CW_C_REJECT);
}

static void test_one_a_kit(void **state) {
        (void)state;
        CW_AUTO(cw_script_orders_free) struct cw_script_orders *q = cw_script_orders_new();
        struct cw_script_order_row *o = filed(q, "100", "kiosk-1"), *other = NULL,
                                   d = draft("100", "kiosk-2");
        assert_int_equal(cw_rc_class(cw_script_orders_file(q, &d, NOW, &other, NULL)), CW_C_REJECT);
        o->state = CW_SO_UNKNOWN; /* over, however it ended */
        assert_int_equal(cw_script_orders_file(q, &d, NOW, &other, NULL), CW_OK);
}

static void test_oldest_first_and_expiry(void **state) {
        (void)state;
        CW_AUTO(cw_script_orders_free) struct cw_script_orders *q = cw_script_orders_new();
        struct cw_script_order_row *a = filed(q, "1", "k"), *b = filed(q, "2", "k");
        confirm(q, a);
        confirm(q, b);
        assert_ptr_equal(cw_script_orders_next(q, "k", NOW), a);
        a->state = CW_SO_RUNNING;
        assert_ptr_equal(cw_script_orders_next(q, "k", NOW), b);
        assert_int_equal(cw_script_orders_drop(q, a->id, NOW, NULL) & 0xffffu, CW_E_BUSY);
        assert_null(cw_script_orders_next(q, "k", NOW + CW_SCRIPT_ORDER_TTL_MS));
        assert_int_equal(a->state, CW_SO_RUNNING); /* what runs is not over */
        assert_int_equal(b->state, CW_SO_NOT_DONE);
}

static size_t count_of(struct cw_script_orders *q, int64_t now_ms) {
        json_t *list = cw_script_orders_json(q, now_ms);
        size_t count = json_array_size(list);
        json_decref(list);
        return count;
}

static void test_no_card_in_time_is_told_once(void **state) {
        (void)state;
        const int64_t late = NOW + CW_SCRIPT_ORDER_TTL_MS;
        CW_AUTO(cw_script_orders_free) struct cw_script_orders *q = cw_script_orders_new();
        struct cw_script_order_row *o = filed(q, "1", "k");
        (void)filed(q, "2", "k"); /* never confirmed */
        confirm(q, o);
        assert_null(cw_script_orders_expired(q, late - 1));
        assert_int_equal(count_of(q, late), 1);
        assert_ptr_equal(cw_script_orders_expired(q, late), o);
        assert_int_equal(o->state, CW_SO_NOT_DONE);
        assert_string_not_equal(o->text, "");
        assert_null(cw_script_orders_expired(q, late));
        assert_int_equal(count_of(q, late + CW_SCRIPT_ORDER_TTL_MS - 1), 1);
        assert_int_equal(count_of(q, late + CW_SCRIPT_ORDER_TTL_MS), 0);
}

static void test_rests_after_a_refused_card(void **state) {
        (void)state;
        CW_AUTO(cw_script_orders_free) struct cw_script_orders *q = cw_script_orders_new();
        struct cw_script_order_row *o = filed(q, "1", "k");
        confirm(q, o);
        o->rest_until_ms = NOW + 100;
        assert_null(cw_script_orders_next(q, "k", NOW + 99));
        assert_ptr_equal(cw_script_orders_next(q, "k", NOW + 100), o);
}

static void test_drop(void **state) {
        (void)state;
        CW_AUTO(cw_script_orders_free) struct cw_script_orders *q = cw_script_orders_new();
        struct cw_script_order_row *o = filed(q, "1", "k");
        char id[9];
        memcpy(id, o->id, sizeof id);
        assert_int_equal(cw_script_orders_drop(q, id, NOW, NULL), CW_OK);
        assert_int_equal(cw_script_orders_drop(q, id, NOW, NULL) & 0xffffu, CW_E_NOT_FOUND);
        assert_null(cw_script_orders_find(q, id));
}

static void test_words(void **state) {
        (void)state;
        assert_string_equal(cw_script_order_command("block-application"), "application-block");
        assert_string_equal(cw_script_order_command("unblock-application"), "application-unblock");
        assert_string_equal(cw_script_order_command("block-card"), "card-block");
        assert_string_equal(cw_script_order_command("unblock-pin"), "pin-unblock");
        assert_null(cw_script_order_command("pin-change"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_two_people),
            cmocka_unit_test(test_one_a_kit),
            cmocka_unit_test(test_oldest_first_and_expiry),
            cmocka_unit_test(test_no_card_in_time_is_told_once),
            cmocka_unit_test(test_rests_after_a_refused_card),
            cmocka_unit_test(test_drop),
            cmocka_unit_test(test_words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
