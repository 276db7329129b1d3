/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards whose PIN the bank mails: the hand-over has no kiosk. The teller gives the card to the customer and
 * says so; the agent asks for the PIN mailer, activates the kit and reports it delivered.
 */
#pragma once

#include "agent/daemon/daemon.h"

/* True when the product of this plastic code gets its PIN by mail. */
bool cw_mailer_is_for(const struct cw_daemon *d, const char *plastic_code);
/* POST /v1/mailers {"kit"} */
void cw_api_mailer(void *ctx, struct cw_control_request *r);
