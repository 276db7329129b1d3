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

struct cw_dsim_endpoint {
        const char *path;
        cw_dsim_handler *handler;
        const struct cw_dsim_field *fields;
        enum cw_dsim_body_kind kind;
        unsigned flags;
        enum cw_dsim_error missing; /* error for a required field that is not there */
};

/* The endpoint with this path (below the base path), or NULL. */
const struct cw_dsim_endpoint *cw_dsim_endpoint_find(const char *path);

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
/* Kits of customers (kitops.c). */
cw_dsim_handler cw_dsim_kitops_activate, cw_dsim_kitops_manage, cw_dsim_kitops_by_entity,
    cw_dsim_kitops_by_entity_v2, cw_dsim_kitops_by_card, cw_dsim_kitops_cvv;
/* PIN (pin.c). */
cw_dsim_handler cw_dsim_pin_set_v1, cw_dsim_pin_set_v2, cw_dsim_pin_validate_v1, cw_dsim_pin_validate_v2;
/* Branches (branch.c). */
cw_dsim_handler cw_dsim_branch_fetch;
