/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An issuer script that two administrators ordered, at the kiosk: the customer's card is read, found at the
 * server, bound to hsmd's session and gets the script in a transaction of its own. No PIN is asked for. The
 * command is in the audit log before it is sent, and how it ended after; a lost answer is never answered with
 * a second command.
 */
#pragma once

#include "agent/daemon/daemon.h"

/* Starts the order that waits for this kiosk; false when none does. One is under way at most per kiosk. */
bool cw_kiosk_order_look(struct cw_daemon *d, struct cw_station_link *l);
/* One is under way at this kiosk. */
bool cw_kiosk_order_runs(const struct cw_daemon *d, const struct cw_station_link *l);
/* Puts into the audit log what was confirmed and had no card in time; called now and then. */
void cw_kiosk_order_expire(struct cw_daemon *d);
/* The row with this number was taken back: the kiosk that waits for its card is told so. */
void cw_kiosk_order_dropped(struct cw_daemon *d, const char *id);
/* hsmd went away: the numbers of its sessions mean nothing any more. */
void cw_kiosk_order_hsm_down(struct cw_daemon *d);
void cw_kiosk_order_free_all(struct cw_daemon *d);

/* api_scripts.c: file, confirm, drop, list. */
void cw_api_scripts(void *ctx, struct cw_control_request *r);
void cw_api_script(void *ctx, struct cw_control_request *r);
void cw_api_script_confirm(void *ctx, struct cw_control_request *r);
void cw_api_script_drop(void *ctx, struct cw_control_request *r);

#define CW_API_SCRIPT_ROUTES                                                                                 \
        {"GET", "/v1/kiosk-scripts", CW_ROLE_VIEW, cw_api_scripts},                                          \
            {"POST", "/v1/kiosk-scripts", CW_ROLE_ADMIN, cw_api_script},                                     \
            {"POST", "/v1/kiosk-scripts/{}/confirm", CW_ROLE_ADMIN, cw_api_script_confirm}, {                \
                "POST", "/v1/kiosk-scripts/{}/drop", CW_ROLE_ADMIN, cw_api_script_drop                       \
        }
