/* SPDX-License-Identifier: Apache-2.0 */
/* The test functions of the simulator's integration test, by file. */
#pragma once

/* test_flow.c: what a branch does, from order to delivery. */
void test_order_to_delivery(void **state);
void test_order_states(void **state);
void test_order_failures(void **state);
void test_order_file(void **state);
void test_register(void **state);
void test_card_states(void **state);
void test_inventory(void **state);
void test_transfer_and_expire(void **state);
void test_branches(void **state);
void test_restart_keeps_state(void **state);

/* test_checks.c: what is refused before any work, and idempotency. */
void test_usage(void **state);
void test_headers(void **state);
void test_tokens(void **state);
void test_bodies(void **state);
void test_every_endpoint_refuses_unknown_field(void **state);
void test_request_id(void **state);
void test_rate_limit(void **state);
void test_dialect_a(void **state);
void test_number_drift(void **state);
void test_client_certificate(void **state);
void test_gateway_codec(void **state);

/* test_pin.c */
void test_pin_vectors(void **state);
void test_pin_refusals(void **state);
void test_pin_tries(void **state);
void test_cvv_vectors(void **state);

/* test_faults.c */
void test_fault_script(void **state);
void test_fault_responses(void **state);
void test_fault_lost_response(void **state);
void test_fault_tokens(void **state);
void test_down(void **state);

/* test_samples.c: the documented exchanges. */
void test_samples(void **state);
