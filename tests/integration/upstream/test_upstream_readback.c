/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls whose lost answer is read back: the answer lost after the effect, the request lost before it, and a
 * state that does not tell. What counts is the server's count of cards, orders and kits, never the client's
 * word.
 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define STOCK_KIT "5000000002"

static int setup(void **state) {
        static struct rig rig;
        rig_make(&rig);
        (void)json_array_append_new(json_object_get(rig.sim_config, "kits"),
                                    json_pack("{s:s, s:s, s:s}", "kitNo", STOCK_KIT, "productId", "TEST_VISA",
                                              "branchId", "BRANCH001"));
        (void)json_array_append_new(json_object_get(rig.sim_config, "branches"),
                                    json_pack("{s:s, s:s}", "branchId", "BRANCH002", "branchName", "Second"));
        rig_start_sim(&rig);
        rig_start_client(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state) {
        rig_stop(*state);
        return 0;
}

static void make(struct rig *rig, const char *name, const char *members, struct outcome *o) {
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *fields = json_loads(members, 0, NULL);
        const struct cw_dcms_named call = {name, fields, NULL, 0, NULL};
        *o = (struct outcome){0};
        if (cw_dcms_call_named(rig->d, &call, outcome_take, o, &f) != CW_OK)
                fail_msg("%s", f.text);
        rig_wait(rig, o, 40000);
        json_decref(o->result);
        o->result = NULL;
}

static void fault(struct rig *rig, const char *path, const char *drop, int count) {
        char rule[160];
        (void)snprintf(rule, sizeof rule, "{\"endpoint\":\"%s\",\"drop\":\"%s\",\"count\":%d}", path, drop,
                       count);
        rig_faults(rig, rule);
}

static void expect_done(const struct outcome *o, bool confirmed) {
        if (o->rc != CW_OK)
                fail_msg("%s: %s", o->fault.code, o->fault.text);
        assert_int_equal(o->calls, 1);
        assert_int_equal(o->reply.confirmed, confirmed);
        assert_true(o->reply.replayed);
}

static size_t kits_of_entity(struct rig *rig) {
        CW_AUTO_JSON json_t *state = rig_state(rig);
        size_t i, count = 0;
        json_t *row;
        json_array_foreach(json_object_get(state, "kits"), i, row) {
                const char *entity = json_string_value(json_object_get(row, "entityId"));
                count += entity && strcmp(entity, RIG_ENTITY) == 0;
        }
        return count;
}

static const char *kit_text(struct rig *rig, const char *kit_no, const char *member) {
        static char text[64];
        CW_AUTO_JSON json_t *kit = rig_kit(rig, kit_no);
        (void)snprintf(text, sizeof text, "%s", json_string_value(json_object_get(kit, member)));
        return text;
}

#define CARD                                                                                                 \
        "{\"entityId\":\"" RIG_ENTITY "\",\"kitInfo\":[{\"accountNo\":\"1001\",\"cardType\":\"PHYSICAL\"}]}"

static void a_lost_answer_makes_no_second_card(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        size_t before = kits_of_entity(rig);
        fault(rig, "/registerCard", "after_commit", 1);
        make(rig, "registerCard", CARD, &o);
        expect_done(&o, true);
        assert_int_equal(kits_of_entity(rig), before + 1);
        assert_int_equal(rig_calls(rig, "/registerCard"), 1);
        fault(rig, "/registerCard", "before_commit", 1);
        make(rig, "registerCard", CARD, &o);
        expect_done(&o, false);
        assert_int_equal(kits_of_entity(rig), before + 2);
        assert_int_equal(rig_calls(rig, "/registerCard"), 3);
        /* Another teller's card in between: nobody can tell whose it is, so a person must. */
        rig_faults(
            rig, "{\"endpoint\":\"/registerCard\",\"drop\":\"after_commit\"},"
                 "{\"endpoint\":\"/kit-manager/fetchKitsByEntityId\",\"status\":503,\"nth\":2,\"count\":3}");
        make(rig, "registerCard", CARD, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_IN_DOUBT);
        assert_int_equal(kits_of_entity(rig), before + 3);
}

static void a_card_is_replaced_once(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        size_t before = kits_of_entity(rig);
        static const char both[] =
            "{\"entityId\":\"" RIG_ENTITY "\",\"oldKit\":\"" RIG_KIT "\",\"operation\":\"BLOCK_AND_REPLACE\","
            "\"cardType\":\"PHYSICAL\"}";
        fault(rig, "/kit-manager/manageKit", "after_commit", 1);
        make(rig, "kit-manager.manageKit", both, &o);
        expect_done(&o, true);
        assert_int_equal(kits_of_entity(rig), before + 1);
        assert_string_equal(kit_text(rig, RIG_KIT, "status"), "REPLACED");
        make(rig, "kit-manager.manageKit", both, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_REJECT);
        assert_int_equal(kits_of_entity(rig), before + 1);
}

static void orders_are_placed_once_and_cancelled(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        static const char order[] =
            "{\"orderId\":\"ORD-7\",\"branchInfo\":{\"branchId\":\"BRANCH001\"},\"products\":[{"
            "\"productId\":\"TEST_VISA\",\"quantity\":3}]}";
        fault(rig, "/card-order", "after_commit", 1);
        make(rig, "card-order.create", order, &o);
        expect_done(&o, true);
        assert_int_equal(rig_calls(rig, "/card-order"), 1);
        fault(rig, "/card-order/cancel", "before_commit", 1);
        make(rig, "card-order.cancel", "{\"orderId\":\"ORD-7\",\"branchId\":\"BRANCH001\"}", &o);
        expect_done(&o, false);
        assert_int_equal(rig_calls(rig, "/card-order/cancel"), 2);
}

static void kits_move_and_expire_once(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        static const char move[] =
            "{\"fromBranch\":\"BRANCH001\",\"toBranch\":\"BRANCH002\",\"kitNo\":[\"" STOCK_KIT "\"]}";
        fault(rig, "/inventory/kitsTransfer", "after_commit", 1);
        make(rig, "inventory.kitsTransfer", move, &o);
        expect_done(&o, true);
        assert_string_equal(kit_text(rig, STOCK_KIT, "branchId"), "BRANCH002");
        assert_int_equal(rig_calls(rig, "/inventory/kitsTransfer"), 1);
        fault(rig, "/inventory/instaKit/expire", "after_commit", 1);
        make(rig, "inventory.instaKit.expire", "{\"kitNo\":\"" STOCK_KIT "\"}", &o);
        expect_done(&o, true);
        assert_string_equal(kit_text(rig, STOCK_KIT, "status"), "EXPIRED_CARD");
}

/* Three losses before the effect: not done, said so, to be tried later. */
static void nothing_done_is_said(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        size_t before = kits_of_entity(rig);
        fault(rig, "/registerCard", "before_commit", 3);
        make(rig, "registerCard", CARD, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
        assert_int_equal(kits_of_entity(rig), before);
        assert_int_equal(rig_calls(rig, "/registerCard"), 3);
}

/* A second mailer would make the first one's PIN wrong: sent once, then a person. */
static void a_pin_mailer_is_ordered_once(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        fault(rig, "/kit-manager/regeneratePinMailer", "after_commit", 1);
        make(rig, "kit-manager.regeneratePinMailer",
             "{\"entityId\":\"" RIG_ENTITY "\",\"kitNo\":\"" RIG_KIT
             "\",\"addressType\":\"PERMANENT\",\"homeCurrencyCode\":\"356\"}",
             &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_IN_DOUBT);
        CW_AUTO_JSON json_t *all = rig_state(rig);
        assert_int_equal(json_integer_value(json_object_get(all, "pin_mailers")), 1);
        assert_int_equal(rig_calls(rig, "/kit-manager/regeneratePinMailer"), 1);
}

static void freeing_answers_a_call_that_waits_to_read_back(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *fields = json_loads(CARD, 0, NULL);
        const struct cw_dcms_named call = {"registerCard", fields, NULL, 0, NULL};
        fault(rig, "/registerCard", "after_commit", 1);
        assert_int_equal(cw_dcms_call_named(rig->d, &call, outcome_take, &o, &f), CW_OK);
        for (int i = 0; i < 300 && rig_calls(rig, "/registerCard") == 0; i++)
                rig_run(rig, 10);
        rig_run(rig, 100);
        cw_dcms_free(rig->d);
        rig->d = NULL;
        assert_int_equal(o.calls, 1);
        assert_int_equal(cw_rc_class(o.rc), CW_C_IN_DOUBT);
        outcome_done(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            TEST(a_lost_answer_makes_no_second_card),
            TEST(a_card_is_replaced_once),
            TEST(orders_are_placed_once_and_cancelled),
            TEST(kits_move_and_expire_once),
            TEST(nothing_done_is_said),
            TEST(a_pin_mailer_is_ordered_once),
            TEST(freeing_answers_a_call_that_waits_to_read_back),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
