/* SPDX-License-Identifier: Apache-2.0 */
/* What a technician asks of a printer through its station, while no job has it. */
#pragma once

#include "agent/control/control.h"

void cw_api_printers(void *ctx, struct cw_control_request *r);
void cw_api_printer(void *ctx, struct cw_control_request *r);
void cw_api_printer_counters(void *ctx, struct cw_control_request *r);
void cw_api_printer_sensors(void *ctx, struct cw_control_request *r);
void cw_api_printer_settings(void *ctx, struct cw_control_request *r);
void cw_api_printer_apply(void *ctx, struct cw_control_request *r);
void cw_api_printer_clean(void *ctx, struct cw_control_request *r);
void cw_api_printer_raw(void *ctx, struct cw_control_request *r);
void cw_api_test_card(void *ctx, struct cw_control_request *r);

#define CW_API_PRINTER_ROUTES                                                                                \
        {"GET", "/v1/printers", CW_ROLE_VIEW, cw_api_printers},                                              \
            {"GET", "/v1/printers/{}", CW_ROLE_VIEW, cw_api_printer},                                        \
            {"GET", "/v1/printers/{}/counters", CW_ROLE_VIEW, cw_api_printer_counters},                      \
            {"GET", "/v1/printers/{}/sensors", CW_ROLE_VIEW, cw_api_printer_sensors},                        \
            {"GET", "/v1/printers/{}/settings", CW_ROLE_VIEW, cw_api_printer_settings},                      \
            {"POST", "/v1/printers/{}/settings", CW_ROLE_ADMIN, cw_api_printer_apply},                       \
            {"POST", "/v1/printers/{}/clean", CW_ROLE_OPERATE, cw_api_printer_clean},                        \
            {"POST", "/v1/printers/{}/raw", CW_ROLE_ADMIN, cw_api_printer_raw}, {                            \
                "POST", "/v1/stations/{}/test-card", CW_ROLE_ADMIN, cw_api_test_card                         \
        }
