/* SPDX-License-Identifier: Apache-2.0 */
/* The documented calls: path below the base path, fields, handler. */
#pragma once

#include "dsim.h"

typedef void cw_dsim_handler(const struct cw_dsim_call *call, struct cw_dsim_reply *reply);

enum cw_dsim_body_kind {
        CW_DSIM_BODY_OBJECT,
        CW_DSIM_BODY_ARRAY,
        CW_DSIM_BODY_OPTIONAL, /* no body, or an object */
        CW_DSIM_BODY_FILE,     /* multipart/form-data with one part "file" */
};

#define CW_DSIM_OPEN 1U      /* no bearer token needed */
#define CW_DSIM_EFFECT 2U    /* changes state: a requestId makes it idempotent */
#define CW_DSIM_ORDER_ARG 4U /* takes ?orderId= */
#define CW_DSIM_CARDS_ARG 8U /* takes ?isAllCardsRequired= */
#define CW_DSIM_PUT 16U      /* called with PUT, all others with POST */

struct cw_dsim_endpoint {
        const char *path; /* a star stands for the path parameter */
        cw_dsim_handler *handler;
        const struct cw_dsim_field *fields;
        enum cw_dsim_body_kind kind;
        unsigned flags;
        enum cw_dsim_error missing; /* error for a required field that is not there */
};

/*
 * The endpoint with this path (below the base path), or NULL. method NULL: any; a method no endpoint of the
 * path has gives the first one, so that the refusal can say so. ret_segment (may be NULL) takes the path
 * parameter.
 */
const struct cw_dsim_endpoint *cw_dsim_endpoint_find(const char *path, const char *method,
                                                     char ret_segment[CW_DSIM_SEGMENT_MAX + 1]);

/* All of them, ended by a NULL path. */
const struct cw_dsim_endpoint *cw_dsim_endpoint_list(void);

/* Orders (orders.c): card-order and the calls below it. */
cw_dsim_handler cw_dsim_orders_create, cw_dsim_orders_create_with_file, cw_dsim_orders_upload,
    cw_dsim_orders_status_of, cw_dsim_orders_cancel, cw_dsim_orders_received, cw_dsim_orders_process,
    cw_dsim_orders_pull, cw_dsim_orders_pull_all, cw_dsim_orders_retry_stuck;
/* Inventory (inventory.c). */
cw_dsim_handler cw_dsim_inventory_details, cw_dsim_inventory_orders, cw_dsim_inventory_summary,
    cw_dsim_inventory_delivery, cw_dsim_inventory_transfer, cw_dsim_inventory_expire;
/* Customers (customers.c). */
cw_dsim_handler cw_dsim_customers_register, cw_dsim_customers_register_card;
/* What the bank sees and changes of a customer (profile.c). */
cw_dsim_handler cw_dsim_profile_view, cw_dsim_profile_by_cif, cw_dsim_profile_by_cif_v2,
    cw_dsim_profile_by_masked, cw_dsim_profile_poi, cw_dsim_profile_poa, cw_dsim_profile_account,
    cw_dsim_profile_kits_by_account, cw_dsim_profile_accounts_by_card;
/* Kits of customers (kitops.c). */
cw_dsim_handler cw_dsim_kitops_activate, cw_dsim_kitops_manage, cw_dsim_kitops_by_entity,
    cw_dsim_kitops_by_entity_v2, cw_dsim_kitops_by_card, cw_dsim_kitops_cvv;
/* Further lives of a card (cardops.c). */
cw_dsim_handler cw_dsim_cardops_manage_all, cw_dsim_cardops_upgrade, cw_dsim_cardops_apply,
    cw_dsim_cardops_track, cw_dsim_cardops_mailer, cw_dsim_cardops_transactions;
/* Preferences (preference.c) and the NCMC wallet (wallet.c). */
cw_dsim_handler cw_dsim_preference_set, cw_dsim_preference_fetch, cw_dsim_preference_opt_in, cw_dsim_ncmc_set,
    cw_dsim_ncmc_fetch, cw_dsim_wallet_load, cw_dsim_wallet_balance, cw_dsim_wallet_services,
    cw_dsim_wallet_authnt, cw_dsim_wallet_ledger;
/* Cards told by their last six digits (cardcheck.c). */
cw_dsim_handler cw_dsim_cardcheck_card, cw_dsim_cardcheck_ending_v1, cw_dsim_cardcheck_ending_v2;
/* PIN (pin.c). */
cw_dsim_handler cw_dsim_pin_set_v1, cw_dsim_pin_set_v2, cw_dsim_pin_validate_v1, cw_dsim_pin_validate_v2;
/* Branches (branch.c). */
cw_dsim_handler cw_dsim_branch_fetch, cw_dsim_branch_create, cw_dsim_branch_update;
