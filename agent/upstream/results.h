/* SPDX-License-Identifier: Apache-2.0 */
/* Typed rows from the JSON of an answer. Collects over several pages; every kit and order once. */
#pragma once

#include "agent/upstream/dcms.h"

struct cw_results {
        struct cw_dcms_kit *kits;
        size_t kit_count, kit_cap;
        struct cw_dcms_order *orders;
        size_t order_count, order_cap;
        struct cw_dcms_delivered *delivered;
        size_t delivered_count;
        size_t skipped;
};

void cw_results_done(struct cw_results *r);

/*
 * Kits wherever they stand in result: rows of an array, kitInfo of a customer, kitDetails of an account.
 * entityId, accountNo and branchId of the objects around a kit are its own unless it says otherwise.
 * RETRY/CW_E_NOMEM. encrypted_card_number borrows from result.
 */
CW_WARN_UNUSED cw_rc cw_results_kits(struct cw_results *r, const json_t *result);
/* Orders: objects with orderId, cardOrderId or cardOrderName, one or an array. RETRY/CW_E_NOMEM. */
CW_WARN_UNUSED cw_rc cw_results_orders(struct cw_results *r, const json_t *result);
/* One row for every kit number in asked (array of strings), matched to the answer's rows. RETRY/CW_E_NOMEM.
 */
CW_WARN_UNUSED cw_rc cw_results_delivered(struct cw_results *r, const json_t *result, const json_t *asked);
/* ISO date or time, or epoch milliseconds, to YYMM; "" when it is neither. */
void cw_results_expiry(const json_t *value, char ret[5]);
