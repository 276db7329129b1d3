/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Effects. The status of a command says yes or no, REQUEST SENSE says why, and the printer tells where the
 * card is. A busy printer is waited for before and after.
 */
#include "drivers/printer/matica/internal.h"

#include "base/clock.h"
#include "base/failpoint.h"

#include <stdio.h>

#define POLL_MS 50
#define GRACE_MS 800

/* One poll interval on the IN endpoint; what comes is the status of nothing and of no use. */
static cw_rc pause_one_poll(struct cw_matica *e, int64_t deadline_ns, struct cw_fault *f) {
        uint8_t bytes[512];
        size_t len = 0;
        cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, sizeof bytes, cw_printer_deadline(deadline_ns, POLL_MS),
                                  &len, f);
        return cw_rc_class(rc) == CW_C_RETRY ? CW_OK : rc;
}

/* Until the printer is not busy; its error then, 0 when it is well. */
static cw_rc wait_idle(struct cw_matica *e, int64_t deadline_ns, uint32_t *ret, struct cw_fault *f) {
        const char *code = "";
        while (cw_deadline_left_ms(deadline_ns) > 0) {
                uint32_t error = 0;
                cw_rc rc = cw_matica_error(e, deadline_ns, &error, f);
                if (rc != CW_OK)
                        return rc;
                if (cw_matica_judge(error, &code) != CW_MATICA_WAIT) {
                        *ret = error;
                        return CW_OK;
                }
                rc = pause_one_poll(e, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_TIMEOUT), 0, "matica.wait", "PRT_TIMEOUT",
                       "the printer did not get ready in time");
}

static void quote_error(struct cw_printer_effect *effect, uint32_t error) {
        (void)snprintf(effect->vendor, sizeof effect->vendor, "error %05X", error);
}

/* An empty feeder stops nothing that needs no card of it. */
static bool stands(uint32_t error, bool cards) {
        return error != 0 && (cards || error != CW_MATICA_NO_CARDS);
}

cw_rc cw_matica_ready(struct cw_matica *e, const char *op, bool cards, int64_t deadline_ns,
                      struct cw_printer_effect *effect, struct cw_fault *f) {
        const char *code = "";
        uint32_t error = 0;
        if (!e->known)
                return cw_fail(
                    f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, op, "PRT_SETUP_ERROR",
                    "this Matica model is not known well enough to move a card; use a model of the list");
        cw_rc rc = wait_idle(e, deadline_ns, &error, f);
        if (rc != CW_OK || !stands(error, cards))
                return rc;
        (void)cw_matica_judge(error, &code);
        quote_error(effect, error);
        return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op, code, effect->vendor);
}

static cw_rc doubt(const char *op, const struct cw_fault *why, struct cw_printer_effect *effect,
                   struct cw_fault *f) {
        effect->where = CW_WHERE_UNKNOWN;
        return cw_printer_doubt(op, why, f);
}

/* The printer said no: why, and where the card is. Never CW_OK. */
static cw_rc refused(struct cw_matica *e, const char *op, uint32_t error, struct cw_printer_effect *effect,
                     struct cw_fault *f) {
        const char *code = "";
        struct cw_fault why = {0};
        enum cw_where where = CW_WHERE_UNKNOWN;
        (void)cw_matica_judge(error, &code);
        quote_error(effect, error);
        if (cw_matica_astray(e, error))
                where = CW_WHERE_TRANSPORT;
        else if (cw_matica_where(e, cw_deadline_ns(GRACE_MS), &where, &why) != CW_OK)
                where = CW_WHERE_UNKNOWN;
        effect->where = where;
        enum cw_class cls = where == CW_WHERE_UNKNOWN ? CW_C_IN_DOUBT : CW_C_OPERATOR;
        return cw_printer_fail(f, cls, CW_E_STATE, op, code, effect->vendor);
}

/* The sites "matica.sent.31" and so on: the command is done and nobody was told yet. */
static bool failpoint(uint8_t command) {
#ifdef CW_FAILPOINTS
        char site[32];
        (void)snprintf(site, sizeof site, "matica.sent.%02X", command);
        return CW_FAILPOINT(site);
#else
        (void)command;
        return false;
#endif
}

cw_rc cw_matica_act(struct cw_matica *e, struct cw_matica_call *c, const char *op, int64_t deadline_ns,
                    struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_fault why = {0};
        uint32_t error = 0;
        cw_rc rc = cw_matica_do(e, c, deadline_ns, &why);
        effect->started = effect->started || c->started;
        if (rc != CW_OK && !effect->started) {
                if (f)
                        *f = why;
                return rc;
        }
        if (rc == CW_OK && failpoint(c->cdb[0]))
                rc = cw_fail(&why, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_TIMEOUT), 0, op, "PRD_TIMEOUT",
                             "the printer's answer was lost");
        if (rc == CW_OK)
                rc = wait_idle(e, deadline_ns, &error, &why);
        if (rc != CW_OK)
                return doubt(op, &why, effect, f);
        if (c->good && !stands(error, false))
                return CW_OK;
        return refused(e, op, error, effect, f);
}

cw_rc cw_matica_need_card(struct cw_matica *e, const char *op, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = cw_matica_ready(e, op, false, deadline_ns, effect, f);
        if (rc == CW_OK)
                rc = cw_matica_where(e, deadline_ns, &effect->where, f);
        if (rc != CW_OK)
                return rc;
        if (effect->where == CW_WHERE_UNKNOWN)
                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op, "PRD_UNEXPECTED_DATA",
                                       effect->vendor);
        if (effect->where == CW_WHERE_NONE)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_STATE), 0, op, "PRD_UNEXPECTED_DATA",
                               "there is no card in the printer");
        return CW_OK;
}

/*
 * The unit of a station where a chip is read: the contacts with 00 and 01, the antenna with 04 and 05. Which
 * of the latter two is which is inferred.
 */
static cw_rc unit(struct cw_matica *e, enum cw_where station, bool engage, const char *op,
                  int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f) {
        bool antenna = station == CW_WHERE_CONTACTLESS;
        bool second = engage == (antenna && e->fitting.rfid == CW_MATICA_RFID_05_04);
        struct cw_matica_call c = {.cdb = {0x32, (uint8_t)((antenna ? 4 : 0) + second)},
                                   .cdb_len = CW_MATICA_CDB};
        if (antenna && e->fitting.rfid == CW_MATICA_RFID_MOVE_ONLY)
                return CW_OK;
        return cw_matica_act(e, &c, op, deadline_ns, effect, f);
}

static bool chip_station(enum cw_where where) {
        return where == CW_WHERE_CONTACT || where == CW_WHERE_CONTACTLESS;
}

/* Where the card stands after a move that was said to be done. */
static cw_rc arrived(struct cw_matica *e, enum cw_where want, const char *op,
                     struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_fault why = {0};
        bool out = want == CW_WHERE_OUTPUT || want == CW_WHERE_REJECT;
        cw_rc rc = cw_matica_where(e, cw_deadline_ns(GRACE_MS), &effect->where, &why);
        if (rc != CW_OK)
                return doubt(op, &why, effect, f);
        if (effect->where == (out ? CW_WHERE_NONE : want)) {
                e->delivered = want == CW_WHERE_OUTPUT;
                effect->where = want;
                return CW_OK;
        }
        enum cw_class cls = effect->where == CW_WHERE_UNKNOWN ? CW_C_IN_DOUBT : CW_C_OPERATOR;
        return cw_printer_fail(f, cls, CW_E_MISMATCH, op, "PRD_UNEXPECTED_DATA", "said done");
}

cw_rc cw_matica_move_to(struct cw_matica *e, enum cw_where to, const char *op, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_matica_call c = {.cdb = {0x31, 0x0b, [7] = cw_matica_place(to)}, .cdb_len = CW_MATICA_CDB};
        cw_rc rc = CW_OK;
        if (effect->where == to)
                return CW_OK;
        if (chip_station(effect->where))
                rc = unit(e, effect->where, false, op, deadline_ns, effect, f);
        if (rc == CW_OK)
                rc = cw_matica_act(e, &c, op, deadline_ns, effect, f);
        return rc == CW_OK ? arrived(e, to, op, effect, f) : rc;
}

cw_rc cw_matica_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        struct cw_matica_call c = {.cdb = {0x31, 0x01}, .cdb_len = CW_MATICA_CDB};
        cw_rc rc = cw_matica_where(e, deadline_ns, &ret->where, f);
        if (rc != CW_OK)
                return rc;
        if (e->known && ret->where != CW_WHERE_NONE)
                return cw_printer_still_inside("matica.feed", "reject", f);
        rc = cw_matica_ready(e, "matica.feed", true, deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        e->delivered = false;
        rc = cw_matica_act(e, &c, "matica.feed", deadline_ns, ret, f);
        return rc == CW_OK ? arrived(e, CW_WHERE_PRINT, "matica.feed", ret, f) : rc;
}

static cw_rc to_chip(struct cw_matica *e, enum cw_where station, const char *op, int64_t deadline_ns,
                     struct cw_printer_effect *ret, struct cw_fault *f) {
        cw_rc rc = cw_matica_need_card(e, op, deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        /* A second try is out of the contacts and in again. */
        if (ret->where == station)
                rc = unit(e, station, false, op, deadline_ns, ret, f);
        else
                rc = cw_matica_move_to(e, station, op, deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = unit(e, station, true, op, deadline_ns, ret, f);
        return rc == CW_OK ? arrived(e, station, op, ret, f) : rc;
}

cw_rc cw_matica_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                           struct cw_fault *f) {
        return to_chip((struct cw_matica *)p, CW_WHERE_CONTACT, "matica.contact", deadline_ns, ret, f);
}

cw_rc cw_matica_to_contactless(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                               struct cw_fault *f) {
        return to_chip((struct cw_matica *)p, CW_WHERE_CONTACTLESS, "matica.contactless", deadline_ns, ret,
                       f);
}

cw_rc cw_matica_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        cw_rc rc = cw_matica_where(e, deadline_ns, &ret->where, f);
        if (rc != CW_OK)
                return rc;
        /* The print has delivered it, and what stands now (the ink ended with it) concerns the next card. */
        if (ret->where == CW_WHERE_NONE) {
                ret->where = e->delivered ? CW_WHERE_OUTPUT : CW_WHERE_NONE;
                return CW_OK;
        }
        rc = cw_matica_need_card(e, "matica.eject", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        return cw_matica_move_to(e, CW_WHERE_OUTPUT, "matica.eject", deadline_ns, ret, f);
}

cw_rc cw_matica_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        cw_rc rc = cw_matica_need_card(e, "matica.reject", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_matica_move_to(e, CW_WHERE_REJECT, "matica.reject", deadline_ns, ret, f);
        return rc;
}
