/* SPDX-License-Identifier: Apache-2.0 */
/* Every call of the client, each once as it should be and once refused, in both exception dialects. */
#include "rig.h"

#include <string.h>

static int setup(void **state) {
        static struct rig rig;
        rig_start(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state) {
        rig_stop(*state);
        return 0;
}

static void expect_ok(struct rig *rig, struct outcome *o) {
        rig_wait(rig, o, 20000);
        if (o->rc != CW_OK)
                fail_msg("%s: %s", o->fault.code, o->fault.text);
}

static void expect_code(struct rig *rig, struct outcome *o, enum cw_class cls, const char *code) {
        rig_wait(rig, o, 20000);
        if (cw_rc_class(o->rc) != cls || strcmp(o->fault.code, code) != 0)
                fail_msg("%s %s: %s", cw_class_name(cw_rc_class(o->rc)), o->fault.code, o->fault.text);
        outcome_done(o);
}

static void login(void **state) {
        struct rig *rig = *state;
        struct outcome a = {0}, b = {0};
        struct cw_dcms_health h;
        cw_dcms_health(rig->d, &h);
        assert_int_equal(h.state, CW_DCMS_UNTRIED);
        assert_false(h.token_held);
        cw_dcms_login(rig->d, outcome_take, &a);
        cw_dcms_login(rig->d, outcome_take, &b);
        assert_false(a.done || b.done);
        expect_ok(rig, &a);
        expect_ok(rig, &b);
        assert_int_equal(rig_calls(rig, "/api/authenticate"), 1);
        cw_dcms_health(rig->d, &h);
        assert_int_equal(h.state, CW_DCMS_ONLINE);
        assert_true(h.token_held && h.last_contact_ms > 0);
        assert_int_equal(h.server_cert_days_left, 8);
        assert_true(h.ca_days_left >= 29);
        assert_true(h.clock_offset_ms > -3000 && h.clock_offset_ms < 3000);
        assert_int_equal(h.open_calls, 0);
        outcome_done(&a);
        outcome_done(&b);
}

static void kits(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        const struct cw_dcms_kit_filter filter = {.branch_id = "BRANCH001", .kit_status = "INACTIVE"};
        cw_dcms_kits_inventory(rig->d, &filter, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.kit_count, 1);
        assert_string_equal(o.kits[0].kit_no, RIG_KIT);
        assert_string_equal(o.kits[0].entity_id, RIG_ENTITY);
        assert_string_equal(o.kits[0].plastic_code, "71");
        assert_string_equal(o.kits[0].expiry, "2907");
        assert_string_equal(o.kits[0].delivery_status, "BANK");
        outcome_done(&o);
        cw_dcms_kits_by_entity(rig->d, RIG_ENTITY, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.kit_count, 1);
        assert_string_equal(o.kits[0].masked_pan, "411111XXXXXX1111");
        assert_string_equal(o.kits[0].account_no, "1001");
        assert_string_equal(o.kits[0].alias_name, "A CUSTOMER");
        assert_int_equal(strlen(o.sealed[0]), 64);
        outcome_done(&o);
        cw_dcms_kits_by_entity(rig->d, "nobody", outcome_take, &o);
        expect_code(rig, &o, CW_C_REJECT, "entity.not.found");
}

static void kit_by_card(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        char sealed[128];
        rig_sealed_pan(sealed, sizeof sealed);
        cw_dcms_kit_by_card(rig->d, sealed, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.kit_count, 1);
        assert_string_equal(o.kits[0].kit_no, RIG_KIT);
        assert_string_equal(o.kits[0].entity_id, RIG_ENTITY);
        assert_string_equal(o.kits[0].expiry, "2907");
        outcome_done(&o);
        cw_dcms_kit_by_card(rig->d, "QUJD", outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(cw_rc_class(o.rc), CW_C_REJECT);
        outcome_done(&o);
}

static void pin_and_activation(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *pin = rig_pin("1234");
        CW_AUTO(cw_secret_free) struct cw_secret *other = rig_pin("4321");
        struct cw_dcms_set_pin in = {RIG_ENTITY, RIG_KIT, "0729", pin, NULL, false};
        cw_dcms_set_pin(rig->d, &in, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(strlen(o.reply.request_id), CW_DCMS_REQUEST_ID_LEN);
        outcome_done(&o);
        CW_AUTO_JSON json_t *kit = rig_kit(rig, RIG_KIT);
        assert_true(json_is_true(json_object_get(kit, "pin_set")));
        in.pin = other;
        cw_dcms_set_pin(rig->d, &in, outcome_take, &o);
        expect_code(rig, &o, CW_C_REJECT, "pin.already.set");
        in.expiry_mmyy = "0730";
        cw_dcms_set_pin(rig->d, &in, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(cw_rc_class(o.rc), CW_C_REJECT);
        assert_false(o.reply.replayed);
        outcome_done(&o);
        cw_dcms_activate(rig->d, RIG_ENTITY, RIG_KIT, "activation-1", outcome_take, &o);
        expect_ok(rig, &o);
        assert_string_equal(o.reply.request_id, "activation-1");
        outcome_done(&o);
        cw_dcms_activate(rig->d, RIG_ENTITY, RIG_KIT, "activation-1", outcome_take, &o);
        expect_ok(rig, &o);
        outcome_done(&o);
        cw_dcms_activate(rig->d, RIG_ENTITY, "99999999", NULL, outcome_take, &o);
        expect_code(rig, &o, CW_C_REJECT, "MCC007");
        CW_AUTO_JSON json_t *active = rig_kit(rig, RIG_KIT);
        assert_string_equal(json_string_value(json_object_get(active, "status")), "ACTIVE");
        assert_int_equal(json_integer_value(json_object_get(active, "activationCount")), 1);
}

static void deliveries(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        const struct cw_dcms_delivery items[] = {
            {RIG_KIT, "DELIVERED"},
            {"99999999", "DELIVERED"},
            {RIG_KIT2, "BANK"},
        };
        cw_dcms_delivery(rig->d, items, 3, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.delivered_count, 3);
        assert_true(o.delivered[0].ok);
        assert_string_equal(o.delivered[0].kit_no, RIG_KIT);
        assert_false(o.delivered[1].ok);
        assert_string_equal(o.delivered[1].code, "MCC007");
        assert_true(o.delivered[2].ok);
        CW_AUTO_JSON json_t *kit = rig_kit(rig, RIG_KIT2);
        assert_string_equal(json_string_value(json_object_get(kit, "deliveryStatus")), "BANK");
        outcome_done(&o);
}

static void orders_and_pages(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        json_decref(
            rig_teller(rig, "/card-order",
                       "{\"orderId\":\"ORD-001\",\"branchInfo\":{\"branchId\":\"BRANCH001\"},\"products\":[{"
                       "\"bin\":\"411111\",\"productId\":\"TEST_VISA\",\"quantity\":13}]}"));
        cw_dcms_orders_received(rig->d, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.order_count, 1);
        assert_string_equal(o.orders[0].order_id, "ORD-001");
        outcome_done(&o);
        cw_dcms_order_process(rig->d, "ORD-001", NULL, outcome_take, &o);
        expect_ok(rig, &o);
        outcome_done(&o);
        cw_dcms_order_process(rig->d, "ORD-404", NULL, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(cw_rc_class(o.rc), CW_C_REJECT);
        outcome_done(&o);
        cw_dcms_order_status(rig->d, "ORD-001", outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.order_count, 1);
        assert_true(o.orders[0].status[0] != '\0');
        assert_int_equal(o.orders[0].cards, 13);
        outcome_done(&o);
        rig_run(rig, 100);
        /* 13 kits of the order and the second seeded one, 4 a page. */
        const struct cw_dcms_kit_filter filter = {
            .branch_id = "BRANCH001", .kit_status = "UNALLOCATED", .page_size = 4};
        int64_t before = rig_calls(rig, "/inventory/fetchKitDetailsFromInventory");
        cw_dcms_kits_inventory(rig->d, &filter, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.kit_count, 14);
        assert_int_equal(json_array_size(o.result), 14);
        assert_int_equal(rig_calls(rig, "/inventory/fetchKitDetailsFromInventory") - before, 4);
        assert_int_equal(o.reply.tries, 4);
        outcome_done(&o);
}

static void branch(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        cw_dcms_branch(rig->d, "BRANCH001", outcome_take, &o);
        expect_ok(rig, &o);
        assert_non_null(o.result);
        outcome_done(&o);
}

static void wrong_arguments_are_the_programs_fault(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        const struct cw_dcms_kit_filter nothing = {.kit_status = "INACTIVE"};
        cw_dcms_kits_inventory(rig->d, &nothing, outcome_take, &o);
        assert_false(o.done);
        expect_code(rig, &o, CW_C_FATAL, "");
        cw_dcms_activate(rig->d, RIG_ENTITY, "", NULL, outcome_take, &o);
        expect_code(rig, &o, CW_C_FATAL, "");
        cw_dcms_delivery(rig->d, NULL, 0, outcome_take, &o);
        expect_code(rig, &o, CW_C_FATAL, "");
}

static void other_dialect(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        rig_stop_sim(rig);
        (void)json_object_set_new(rig->sim_config, "exception_dialect", json_string("A"));
        (void)json_object_set_new(rig->sim_config, "business_errors_http", json_string("ok"));
        rig_start_sim(rig);
        cw_dcms_activate(rig->d, RIG_ENTITY, "99999999", NULL, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(cw_rc_class(o.rc), CW_C_REJECT);
        assert_true(o.fault.code[0] != '\0' && strcmp(o.fault.code, CW_DCMS_CODE_REFUSED) != 0);
        assert_non_null(strchr(o.fault.code, '.'));
        outcome_done(&o);
        cw_dcms_kits_by_entity(rig->d, RIG_ENTITY, outcome_take, &o);
        expect_ok(rig, &o);
        outcome_done(&o);
}

static size_t seen(const struct outcome *o, const char *kit) {
        size_t n = 0;
        for (size_t i = 0; i < o->reply.kit_count && i < 16; i++)
                n += strcmp(o->kits[i].kit_no, kit) == 0;
        return n;
}

/* Members and states of a later version, rows twice and in any order, page after page. */
static void strange_answers(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        rig_stop_sim(rig);
        json_t *traps = json_object_get(rig->sim_config, "traps");
        static const char *const names[] = {"unknown_fields", "unknown_enums", "repeated_rows",
                                            "shuffled_rows"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                (void)json_object_set_new(traps, names[i], json_true());
        rig_start_sim(rig);
        static const int64_t sizes[] = {1, 2, 50};
        for (size_t i = 0; i < 3; i++) {
                const struct cw_dcms_kit_filter filter = {.branch_id = "BRANCH001", .page_size = sizes[i]};
                cw_dcms_kits_inventory(rig->d, &filter, outcome_take, &o);
                expect_ok(rig, &o);
                assert_int_equal(seen(&o, RIG_KIT), 1);
                assert_int_equal(seen(&o, "9999999999"), 1);
                assert_int_equal(o.reply.rows_skipped, 0);
                outcome_done(&o);
        }
        const struct cw_dcms_delivery told = {RIG_KIT, "BANK"};
        cw_dcms_delivery(rig->d, &told, 1, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(o.reply.delivered_count, 1);
        assert_true(o.delivered[0].ok || o.delivered[0].code[0]);
        outcome_done(&o);
        cw_dcms_kits_by_entity(rig->d, RIG_ENTITY, outcome_take, &o);
        expect_ok(rig, &o);
        assert_int_equal(seen(&o, RIG_KIT), 1);
        outcome_done(&o);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(login),         cmocka_unit_test(kits),
            cmocka_unit_test(kit_by_card),   cmocka_unit_test(pin_and_activation),
            cmocka_unit_test(deliveries),    cmocka_unit_test(orders_and_pages),
            cmocka_unit_test(branch),        cmocka_unit_test(wrong_arguments_are_the_programs_fault),
            cmocka_unit_test(other_dialect), cmocka_unit_test(strange_answers),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
