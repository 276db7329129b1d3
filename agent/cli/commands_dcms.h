/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that speak to the bank's server: the catalogue, card orders, kits that leave the branch. */
#pragma once

#include "agent/cli/cli.h"

int cw_cmd_dcms_endpoints(struct cw_cli *cli, int count, char **args);
int cw_cmd_dcms_call(struct cw_cli *cli, int count, char **args);
int cw_cmd_order_create(struct cw_cli *cli, int count, char **args);
int cw_cmd_order_create_with_file(struct cw_cli *cli, int count, char **args);
int cw_cmd_order_status(struct cw_cli *cli, int count, char **args);
int cw_cmd_order_cancel(struct cw_cli *cli, int count, char **args);
int cw_cmd_order_process(struct cw_cli *cli, int count, char **args);
int cw_cmd_order_sync(struct cw_cli *cli, int count, char **args);
int cw_cmd_order_retry(struct cw_cli *cli, int count, char **args);
int cw_cmd_kit_receive(struct cw_cli *cli, int count, char **args);
int cw_cmd_kit_transfer(struct cw_cli *cli, int count, char **args);
int cw_cmd_kit_expire(struct cw_cli *cli, int count, char **args);
int cw_cmd_kit_expire_pack(struct cw_cli *cli, int count, char **args);
int cw_cmd_kit_requests(struct cw_cli *cli, int count, char **args);
int cw_cmd_kit_approve(struct cw_cli *cli, int count, char **args);
int cw_cmd_kit_drop(struct cw_cli *cli, int count, char **args);

/* Rows of the command table. */
#define CW_DCMS_COMMANDS                                                                                       \
        {"order create",                                                                                       \
         "ORDER PRODUCT:COUNT... [address=|pinCode=|validity=|processStartTime=]",                             \
         2,                                                                                                    \
         40,                                                                                                   \
         "order cards of the bank for this branch",                                                            \
         cw_cmd_order_create},                                                                                 \
            {"order create-with-file",                                                                         \
             "ORDER FILE PRODUCT:COUNT... [address=|...]",                                                     \
             3,                                                                                                \
             40,                                                                                               \
             "order pre-generated kits; the file is checked, then uploaded",                                   \
             cw_cmd_order_create_with_file},                                                                   \
            {"order status", "ORDER", 1, 1, "what the server says of an order", cw_cmd_order_status},          \
            {"order cancel", "ORDER", 1, 1, "cancel an order that is only RECEIVED", cw_cmd_order_cancel},     \
            {"order process", "ORDER", 1, 1, "send a RECEIVED order on to be made", cw_cmd_order_process},     \
            {"order sync",                                                                                     \
             "[ORDER]",                                                                                        \
             0,                                                                                                \
             1,                                                                                                \
             "let the server ask its CMS for one order, or all pending ones",                                  \
             cw_cmd_order_sync},                                                                               \
            {"order retry", "", 0, 0, "let the server place stuck pending orders again", cw_cmd_order_retry},  \
            {"kit receive",                                                                                    \
             "KIT...",                                                                                         \
             1,                                                                                                \
             50,                                                                                               \
             "empty kits arrived at the branch: the bank is told, also later when it is away",                 \
             cw_cmd_kit_receive},                                                                              \
            {"kit transfer",                                                                                   \
             "TO_BRANCH KIT...",                                                                               \
             2,                                                                                                \
             60,                                                                                               \
             "ask for kits to be moved to another branch; another operator approves",                          \
             cw_cmd_kit_transfer},                                                                             \
            {"kit expire",                                                                                     \
             "KIT",                                                                                            \
             1,                                                                                                \
             1,                                                                                                \
             "ask for an unassigned kit to be expired; another operator approves",                             \
             cw_cmd_kit_expire},                                                                               \
            {"kit expire-pack",     "PARENT_KIT", 1, 1, "the same for every kit of a pack",                    \
             cw_cmd_kit_expire_pack},                                                                          \
            {"kit requests", "", 0, 0, "what waits for a second operator", cw_cmd_kit_requests},               \
            {"kit approve", "REQUEST", 1, 1, "carry out what another operator asked for", cw_cmd_kit_approve}, \
            {"kit drop", "REQUEST", 1, 1, "take a request back", cw_cmd_kit_drop},                             \
            {"dcms endpoints", "", 0, 0, "every call of the server's catalogue", cw_cmd_dcms_endpoints}, {     \
                "dcms call", "NAME [member=value | member:=JSON]...", 1, 60,                                   \
                    "make one call of the catalogue by hand", cw_cmd_dcms_call                                 \
        }
