/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The printer of a station: opened, watched while idle, and opened again by itself after an unplug. Bench
 * thread only, except cw_machine_view.
 */
#pragma once

#include "drivers/printer/printer.h"

#include <pthread.h>

struct cw_machine {
        const char *driver; /* of the configuration, borrowed; "" = a station without printer */
        struct cw_printer_pick pick;
        struct cw_printer_fitting fitting;
        struct cw_usb_bus *bus;
        struct cw_printer *printer; /* NULL while it is away */
        unsigned unasked;           /* of what it sent unasked, how much was told */
        int64_t retry_ms, retry_ns; /* back-off while it is away, and when it is looked for next */
        unsigned misses;            /* how often it was looked for in vain */
        pthread_mutex_t lock;       /* guards what follows */
        struct cw_printer_status status;
        struct cw_printer_info info;
        bool present;
};

/* A copy for others. */
struct cw_machine_view {
        struct cw_printer_status status;
        struct cw_printer_info info;
        bool present;
};

void cw_machine_init(struct cw_machine *m, const char *driver, const struct cw_printer_pick *pick,
                     const struct cw_printer_fitting *fitting);
void cw_machine_done(struct cw_machine *m);
bool cw_machine_exists(const struct cw_machine *m);
void cw_machine_view(struct cw_machine *m, struct cw_machine_view *ret);
/* Asks the printer, or looks for it; returns milliseconds until it should be asked again. Blocks up to two
 * seconds. */
int64_t cw_machine_poll(struct cw_machine *m);
/* The open printer, found again if need be. OPERATOR/PRT_NOT_REACHABLE. Blocks a few seconds at most. */
CW_WARN_UNUSED cw_rc cw_machine_use(struct cw_machine *m, struct cw_printer **ret, struct cw_fault *f);
/* After a call: a dead handle is closed, and where the card is becomes part of the view. */
void cw_machine_after(struct cw_machine *m, cw_rc rc, const struct cw_printer_effect *effect);
