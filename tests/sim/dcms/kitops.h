/* SPDX-License-Identifier: Apache-2.0 */
/* What operations on a customer's kit have in common. */
#pragma once

#include "kits.h"

/* The kit when it is the entity's of the body; false after MCC007. */
bool cw_dsim_own_kit(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *kit_no,
                     struct cw_dsim_kit *kit);
/* Why a card in its state cannot take an operation. */
enum cw_dsim_error cw_dsim_state_error(const struct cw_dsim_kit *kit);
/* The edges of the state machine: the state after the operation, NULL when it is not allowed from here. */
const char *cw_dsim_next_status(const struct cw_dsim_kit *kit, const char *operation);
/* old becomes REPLACED; a new kit of the product takes over branch, customer, account and name. */
bool cw_dsim_kit_succeed(const struct cw_dsim_call *call, const struct cw_dsim_kit *old,
                         const struct cw_dsim_product *product, const char *status, char kit_no[40]);
