/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardwrightd: one thread, one loop. The journal is the truth; the links are the ways to hsmd and the
 * stations; the runner carries out what the state machine of each job asks for; intake, reports and kiosk are
 * the ways from and to the world.
 */
#pragma once

#include "agent/control/control.h"
#include "agent/daemon/hsm_link.h"
#include "agent/daemon/station_link.h"
#include "agent/journal/journal.h"
#include "agent/upstream/dcms.h"
#include "config/config.h"

struct cw_run;
struct cw_intake;
struct cw_reports;
struct cw_kiosk;
struct cw_central;
struct cw_kit_requests;
struct cw_kiosk_order;
struct cw_script_orders;
struct cw_kit_stock;
struct cw_order_file;
struct cw_d1_batch;

struct cw_daemon {
        const struct cw_config *config;
        struct cw_loop *loop;
        const struct cw_clock *clock;
        struct cw_journal *journal;
        struct cw_dcms *dcms;
        struct cw_hsm_link *hsm;
        size_t station_count;
        struct cw_station_link *stations[CW_CONFIG_STATIONS_MAX];
        struct cw_run *runs; /* every open job, in order of arrival */
        struct cw_intake *intake;
        struct cw_reports *reports;
        struct cw_central *central; /* orders of cards the branch cannot make */
        struct cw_kiosk *kiosks;    /* hand-overs under way */
        int64_t kiosk_rest_until_ns[CW_CONFIG_STATIONS_MAX];
        struct cw_kiosk_order *kiosk_orders;    /* issuer scripts under way */
        struct cw_script_orders *script_orders; /* NULL until the first is filed */
        struct cw_kit_stock *kit_stock;
        struct cw_kit_requests *kit_requests; /* waiting for a second person; NULL until the first is filed */
        struct cw_order_file *order_files;    /* arriving piece by piece */
        struct cw_d1_batch *d1_batch;         /* an order of cards at D1, arriving or carried out */
        struct cw_control *control;
        struct cw_timer *watchdog;
        int64_t started_ms;
};

/* Starts everything and runs until SIGTERM or SIGINT; SIGHUP reads the gateway's keys anew, as config->path
 * then names them. The exit status of the process. */
int cw_daemon_run(const struct cw_config *config);
/* An invariant or the disk is broken: logs, stops the loop with status 1. A restart recovers. */
void cw_daemon_fatal(struct cw_daemon *d, const struct cw_fault *f);
/* For every journal call: stops the daemon when rc is FATAL. Returns rc. */
cw_rc cw_daemon_check(struct cw_daemon *d, cw_rc rc, const struct cw_fault *f);
/* The link with this name, or NULL. */
struct cw_station_link *cw_daemon_station(struct cw_daemon *d, const char *name);
