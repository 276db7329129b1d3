/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/machine.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

#define STATUS_MS 2000
#define FIND_MS 8000
#define POLL_READY_MS 2000
#define POLL_TROUBLE_MS 500
#define RETRY_FIRST_MS 250
#define RETRY_LAST_MS 5000
#define RENEW_AFTER 3 /* looked for so often in vain, what udev told is not relied upon any more */
#define PLUG_MS 250   /* while it is away, how often it is noticed that something was plugged in */

static void set_offline(struct cw_machine *m, const struct cw_fault *f) {
        (void)pthread_mutex_lock(&m->lock);
        struct cw_printer_status status = {.state = CW_PRINTER_OFFLINE, .where = CW_WHERE_UNKNOWN};
        status.ribbon.remaining = status.ribbon.capacity = -1;
        status.counters = (struct cw_printer_counters){-1, -1, -1, -1};
        (void)snprintf(status.code, sizeof status.code, "%s", f->code[0] ? f->code : "PRT_NOT_REACHABLE");
        (void)snprintf(status.text, sizeof status.text, "%.150s", f->text);
        m->status = status;
        m->present = false;
        (void)pthread_mutex_unlock(&m->lock);
}

void cw_machine_init(struct cw_machine *m, const char *driver, const struct cw_printer_pick *pick,
                     const struct cw_printer_fitting *fitting) {
        *m = (struct cw_machine){
            .driver = driver, .pick = *pick, .fitting = *fitting, .retry_ms = RETRY_FIRST_MS};
        (void)pthread_mutex_init(&m->lock, NULL);
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "station.printer", "", "%s",
                      cw_machine_exists(m)
                          ? "the printer has not been found yet; switch it on and look at its cable"
                          : "this station has no printer");
        set_offline(m, &f);
}

/* Counts only: what came may be of a card. */
static void tell_unasked(struct cw_machine *m) {
        uint64_t bytes = 0;
        const unsigned times = cw_printer_unasked(m->printer, &bytes);
        if (times > m->unasked)
                cw_log(CW_EV_PRINTER_UNASKED, CW_F_INT("TIMES", times), CW_F_INT("BYTES", bytes));
        m->unasked = times;
}

static void drop(struct cw_machine *m) {
        if (m->printer)
                tell_unasked(m);
        m->unasked = 0;
        cw_printer_close(m->printer);
        m->printer = NULL;
}

void cw_machine_done(struct cw_machine *m) {
        drop(m);
        if (m->bus)
                cw_usb_bus_close(m->bus);
        (void)pthread_mutex_destroy(&m->lock);
}

bool cw_machine_exists(const struct cw_machine *m) {
        return m->driver[0] != '\0';
}

void cw_machine_view(struct cw_machine *m, struct cw_machine_view *ret) {
        (void)pthread_mutex_lock(&m->lock);
        *ret = (struct cw_machine_view){m->status, m->info, m->present};
        (void)pthread_mutex_unlock(&m->lock);
}

/* The bus, listed anew when the printer stays away: news of its plug may have been lost. */
static cw_rc open_bus(struct cw_machine *m, struct cw_fault *f) {
        if (!m->bus)
                return cw_usb_bus_open(&m->bus, f);
        if (m->misses < RENEW_AFTER)
                return CW_OK;
        cw_rc rc = cw_usb_bus_renew(m->bus, f);
        if (rc != CW_OK) {
                cw_usb_bus_close(m->bus);
                m->bus = NULL;
        }
        return rc;
}

static cw_rc find(struct cw_machine *m, struct cw_fault *f) {
        const struct cw_printer_ops *driver = cw_printer_driver(m->driver);
        if (!driver)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "station.printer",
                               "PRT_SETUP_ERROR",
                               "there is no printer driver \"%.20s\"; correct the configuration", m->driver);
        cw_rc rc = open_bus(m, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_printer_find(m->bus, driver, &m->pick, &m->fitting, cw_deadline_ns(FIND_MS), &m->printer, f);
        m->misses = rc == CW_OK ? 0 : m->misses + 1;
        if (rc != CW_OK)
                return rc;
        (void)pthread_mutex_lock(&m->lock);
        m->info = *cw_printer_info(m->printer);
        m->present = true;
        (void)pthread_mutex_unlock(&m->lock);
        return CW_OK;
}

static bool dead(struct cw_machine *m, cw_rc rc) {
        return cw_rc_class(rc) == CW_C_RECONNECT || cw_printer_gone(m->printer);
}

/* Status of an open printer; a handle that is of no more use is closed. */
static cw_rc ask(struct cw_machine *m, struct cw_fault *f) {
        struct cw_printer_status status;
        cw_rc rc = cw_printer_status(m->printer, cw_deadline_ns(STATUS_MS), &status, f);
        tell_unasked(m);
        if (rc == CW_OK) {
                (void)pthread_mutex_lock(&m->lock);
                m->status = status;
                m->present = true;
                (void)pthread_mutex_unlock(&m->lock);
        } else if (dead(m, rc)) {
                drop(m);
                set_offline(m, f);
        }
        return rc;
}

/* Looked for again when its time has come, or when something was plugged in. */
static bool still_away(struct cw_machine *m) {
        if (m->printer || !m->bus || cw_deadline_left_ms(m->retry_ns) == 0)
                return false;
        return !cw_usb_bus_arrived(m->bus);
}

int64_t cw_machine_poll(struct cw_machine *m) {
        struct cw_fault f = {0};
        if (!cw_machine_exists(m))
                return POLL_READY_MS;
        if (still_away(m))
                return PLUG_MS;
        cw_rc rc = m->printer ? CW_OK : find(m, &f);
        if (rc == CW_OK)
                rc = ask(m, &f);
        if (m->printer) {
                m->retry_ms = RETRY_FIRST_MS;
                return rc == CW_OK && m->status.state == CW_PRINTER_READY ? POLL_READY_MS : POLL_TROUBLE_MS;
        }
        set_offline(m, &f);
        m->retry_ns = cw_deadline_ns(m->retry_ms);
        m->retry_ms = m->retry_ms * 2 < RETRY_LAST_MS ? m->retry_ms * 2 : RETRY_LAST_MS;
        return PLUG_MS;
}

cw_rc cw_machine_use(struct cw_machine *m, struct cw_printer **ret, struct cw_fault *f) {
        if (!cw_machine_exists(m))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "station.printer",
                               "PRT_SETUP_ERROR",
                               "this station has no printer; send card jobs to another one");
        if (m->printer && cw_printer_gone(m->printer))
                drop(m);
        if (!m->printer) {
                cw_rc rc = find(m, f);
                if (rc != CW_OK) {
                        set_offline(m, f);
                        return rc;
                }
        }
        *ret = m->printer;
        return CW_OK;
}

void cw_machine_after(struct cw_machine *m, cw_rc rc, const struct cw_printer_effect *effect) {
        struct cw_fault f = {0};
        if (effect) {
                (void)pthread_mutex_lock(&m->lock);
                m->status.where = effect->where;
                (void)pthread_mutex_unlock(&m->lock);
        }
        if (!m->printer || (rc != CW_OK && dead(m, rc))) {
                (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_RECONNECT, CW_E_CLOSED), 0, "station.printer", "",
                              "the connection to the printer was lost; look at its cable and its display");
                drop(m);
                set_offline(m, &f);
        }
}
