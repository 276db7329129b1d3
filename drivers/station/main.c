/* SPDX-License-Identifier: Apache-2.0 */
/* cardwright-stationd: one station's printer, readers and PIN pad. */
#include "drivers/station/fitting.h"
#include "drivers/station/station.h"

#include "base/log.h"
#include "base/notify.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void on_signal(void *ctx, int signo) {
        struct cw_station *st = ctx;
        (void)signo;
        atomic_store(&st->cancel, true);
        if (st->reader)
                cw_card_reader_wake(st->reader);
        cw_stop_begin(st);
}

static void on_watchdog(void *ctx) {
        struct cw_station *st = ctx;
        cw_notify("WATCHDOG=1");
        cw_timer_arm(st->watchdog, cw_notify_watchdog_ms());
}

static void init_lock(struct cw_station *st) {
        pthread_condattr_t attr;
        (void)pthread_mutex_init(&st->lock, NULL);
        (void)pthread_condattr_init(&attr);
        (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&st->attempted, &attr);
        (void)pthread_condattr_destroy(&attr);
}

/* A profile that is broken, or not the bank's, stops its own products only; preflight says so again, and
 * reads it anew. */
static void check_profiles(struct cw_station *st) {
        for (size_t i = 0; i < st->config->product_count; i++) {
                const struct cw_profile *profile = NULL;
                struct cw_fault f = {0};
                if (cw_profiles_get(&st->profiles, i, &profile, &f) != CW_OK)
                        cw_log_fault(CW_EV_PROFILE_BAD, &f);
        }
}

static cw_rc open_parts(struct cw_station *st, struct cw_fault *f) {
        static const struct cw_bench_ops ops = {cw_calls_work, cw_calls_idle, cw_server_deliver};
        static const int signals[] = {SIGTERM, SIGINT};
        cw_rc rc = cw_loop_signals(st->loop, signals, sizeof signals / sizeof *signals, on_signal, st);
        if (rc == CW_OK)
                rc = cw_timer_new(st->loop, on_watchdog, st, &st->watchdog);
        if (rc == CW_OK)
                rc = cw_stop_init(st);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "station.start", "", "no memory for the event loop; free some");
        rc = cw_card_reader_open(st->self->reader, NULL, NULL, &st->reader, f);
        if (rc == CW_OK)
                cw_card_reader_allow_extended(st->reader, st->self->extended_apdu);
        if (rc == CW_OK)
                rc = cw_bench_new(st->loop, &ops, st, &st->bench, f);
        if (rc == CW_OK)
                rc = cw_admin_open(st, f);
        return rc == CW_OK ? cw_server_open(st, f) : rc;
}

static void close_parts(struct cw_station *st) {
        cw_server_close(st);
        cw_admin_close(st);
        if (st->bench)
                cw_bench_free(st->bench);
        cw_work_end(&st->work);
        cw_kiosk_clear(st);
        if (st->pad)
                cw_pinpad_close(st->pad);
        if (st->reader)
                cw_card_reader_close(st->reader);
        cw_machine_done(&st->machine);
        cw_profiles_done(&st->profiles);
        json_decref(st->last);
        if (st->watchdog)
                cw_timer_free(st->watchdog);
        cw_stop_done(st);
        (void)pthread_mutex_destroy(&st->lock);
        (void)pthread_cond_destroy(&st->attempted);
}

static int serve(struct cw_station *st) {
        struct cw_fault f = {0};
        int code = 1;
        init_lock(st);
        struct cw_printer_fitting fitting;
        cw_station_fitting(st->self, &fitting);
        struct cw_printer_pick pick;
        const char *others[CW_CONFIG_STATIONS_MAX + 1];
        cw_station_pick(st->config, st->self, others, &pick);
        cw_machine_init(&st->machine, st->self->printer_driver, &pick, &fitting);
        cw_profiles_init(&st->profiles, st->config);
        check_profiles(st);
        if (open_parts(st, &f) == CW_OK) {
                cw_log(CW_EV_DAEMON_READY, CW_F_STR("STATION", st->self->name));
                cw_notify("READY=1");
                if (cw_notify_watchdog_ms() > 0)
                        on_watchdog(st);
                code = cw_loop_run(st->loop);
        } else {
                cw_log_fault(CW_EV_DAEMON_FAILED, &f);
        }
        close_parts(st);
        return code;
}

int main(int argc, char **argv) {
        static const char *const names[] = {"station", NULL};
        const char *values[1] = {NULL};
        CW_AUTO(cw_config_free) struct cw_config *config = NULL;
        CW_AUTO(cw_loop_free) struct cw_loop *loop = NULL;
        int code = 2;
        cw_process_harden();
        if (cw_config_main(argc, argv, names, values, NULL, &config, &code))
                return code;
        const struct cw_config_station *self = values[0] ? cw_config_station(config, values[0]) : NULL;
        if (!self) {
                (void)fprintf(stderr, "%s: %s; name one with --station\n", argv[0],
                              values[0] ? "the configuration has no such station" : "no station was named");
                return 2;
        }
        cw_log_open("cardwright-stationd");
        cw_log(CW_EV_DAEMON_START, CW_F_STR("STATION", self->name), CW_F_STR("VERSION", CW_VERSION));
        if (cw_loop_new(cw_clock_real(), &loop) != CW_OK)
                return 1;
        struct cw_station st = {.config = config, .self = self, .loop = loop};
        return serve(&st);
}
