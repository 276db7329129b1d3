/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end on a signal. What is under way goes on to its end, and cardwrightd gets the result and makes it
 * durable before the process goes: a card is never left with an outcome that nobody heard. Nothing new is
 * begun meanwhile. A second signal does not wait. Loop thread.
 */
#include "drivers/station/station.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"

#define LOOK_MS 20
#define ACK_MS 15000 /* cardwrightd writes the result to its journal; one that was away comes back for it */

static bool told(struct cw_station *st) {
        (void)pthread_mutex_lock(&st->lock);
        bool told = !st->running && !st->last;
        (void)pthread_mutex_unlock(&st->lock);
        return told;
}

static void on_look(void *ctx) {
        struct cw_station *st = ctx;
        bool settled = cw_bench_settled(st->bench);
        if (settled && st->stop_limit_ns == 0)
                st->stop_limit_ns = cw_deadline_ns(ACK_MS);
        if (settled && (told(st) || cw_deadline_left_ms(st->stop_limit_ns) == 0))
                cw_loop_stop(st->loop, 0);
        else
                cw_timer_arm(st->stop_timer, LOOK_MS);
}

cw_rc cw_stop_init(struct cw_station *st) {
        return cw_timer_new(st->loop, on_look, st, &st->stop_timer);
}

void cw_stop_begin(struct cw_station *st) {
        if (st->stopping) {
                cw_loop_stop(st->loop, 0);
                return;
        }
        st->stopping = true;
        cw_notify("STOPPING=1");
        cw_log(CW_EV_DAEMON_STOP, CW_F_STR("STATION", st->self->name));
        on_look(st);
}

void cw_stop_done(struct cw_station *st) {
        if (st->stop_timer)
                cw_timer_free(st->stop_timer);
        st->stop_timer = NULL;
}

cw_rc cw_stop_refuses(const struct cw_station *st, struct cw_fault *f) {
        if (!st->stopping)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY), 0, "station.request", "PRT_PAUSED",
                       "the station is being stopped; ask again when it is back");
}
