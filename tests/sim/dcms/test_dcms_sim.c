/* SPDX-License-Identifier: Apache-2.0 */
#include "test_cases.h"
#include "test_support.h"

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_order_to_delivery),
            cmocka_unit_test(test_order_states),
            cmocka_unit_test(test_order_failures),
            cmocka_unit_test(test_order_file),
            cmocka_unit_test(test_register),
            cmocka_unit_test(test_card_states),
            cmocka_unit_test(test_inventory),
            cmocka_unit_test(test_transfer_and_expire),
            cmocka_unit_test(test_branches),
            cmocka_unit_test(test_restart_keeps_state),
            cmocka_unit_test(test_usage),
            cmocka_unit_test(test_headers),
            cmocka_unit_test(test_tokens),
            cmocka_unit_test(test_bodies),
            cmocka_unit_test(test_every_endpoint_refuses_unknown_field),
            cmocka_unit_test(test_request_id),
            cmocka_unit_test(test_rate_limit),
            cmocka_unit_test(test_dialect_a),
            cmocka_unit_test(test_number_drift),
            cmocka_unit_test(test_client_certificate),
            cmocka_unit_test(test_gateway_codec),
            cmocka_unit_test(test_pin_vectors),
            cmocka_unit_test(test_pin_refusals),
            cmocka_unit_test(test_pin_tries),
            cmocka_unit_test(test_cvv_vectors),
            cmocka_unit_test(test_fault_script),
            cmocka_unit_test(test_fault_responses),
            cmocka_unit_test(test_fault_lost_response),
            cmocka_unit_test(test_fault_tokens),
            cmocka_unit_test(test_down),
            cmocka_unit_test(test_samples),
        };
        return cmocka_run_group_tests_name("dcms-sim", tests, support_setup, support_teardown);
}
