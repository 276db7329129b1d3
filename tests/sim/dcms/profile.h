/* SPDX-License-Identifier: Apache-2.0 */
/* A customer as registered and since changed: profile, accounts, mobile numbers. */
#pragma once

#include "kits.h"

/* Account numbers are compared as digits, whichever JSON type carried them. */
void cw_dsim_account_text(const json_t *value, char *out, size_t size);
/* New reference, NULL when there is no such customer. */
json_t *cw_dsim_profile_load(struct cw_dsim *sim, const char *entity_id);
bool cw_dsim_profile_has_mobile(const json_t *profile, const char *mobile);
/* The account objects of the documented samples; account NULL: all of the customer. New reference. */
json_t *cw_dsim_profile_accounts(struct cw_dsim *sim, const char *entity_id, const char *account);
