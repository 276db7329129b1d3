/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status. The printer tells its counters, its film and one error as a pair of numbers, of which two are
 * publicly known. It does not tell where a card is: that follows from our own commands, and is unknown after
 * an open.
 */
#include "drivers/printer/magicard/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define PANELS_A_CARD 5

static cw_rc ask_number(struct cw_magicard *e, const char *key, int64_t deadline_ns, int64_t *ret,
                        struct cw_fault *f) {
        char value[CW_PRINTER_TEXT_MAX];
        cw_rc rc = cw_magicard_ask_value(e, key, deadline_ns, value, sizeof value, f);
        if (rc == CW_OK && !cw_magicard_number(value, ret))
                *ret = -1;
        return rc;
}

/* The old generation names no film: its driver assumes the colour film that these printers are sold with. */
static cw_rc look_old(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_info *ret,
                      struct cw_fault *f) {
        int64_t panels_left = -1;
        *ret = (struct cw_magicard_info){.shots = -1, .shots_used = -1, .head_position = -1};
        cw_rc rc = ask_number(e, "TCQ", deadline_ns, &ret->cards, f);
        if (rc == CW_OK)
                rc = ask_number(e, "TPQ", deadline_ns, &ret->panels, f);
        if (rc == CW_OK)
                rc = ask_number(e, "TCN", deadline_ns, &ret->cleanings, f);
        if (rc == CW_OK)
                rc = ask_number(e, "CCQ", deadline_ns, &ret->since_cleaning, f);
        if (rc == CW_OK)
                rc = ask_number(e, "CCP", deadline_ns, &ret->cleaning_interval, f);
        if (rc == CW_OK)
                rc = ask_number(e, "DFR", deadline_ns, &panels_left, f);
        if (rc == CW_OK && panels_left >= 0) {
                (void)snprintf(ret->film, sizeof ret->film, "LC1");
                ret->shots = panels_left / PANELS_A_CARD;
                ret->shots_used = 0;
        }
        return rc;
}

cw_rc cw_magicard_look(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_info *ret,
                       struct cw_fault *f) {
        return e->old ? look_old(e, deadline_ns, ret, f) : cw_magicard_ask_info(e, deadline_ns, ret, f);
}

/* 00 carries no information. */
static bool port_error(uint8_t port) {
        return port != 0 && !(port & CW_USB_PORT_NOT_ERROR);
}

cw_rc cw_magicard_trouble(struct cw_magicard *e, int64_t deadline_ns, bool *ret_standing,
                          struct cw_magicard_error *ret, struct cw_fault *f) {
        uint8_t port = 0;
        cw_rc rc;
        *ret = (struct cw_magicard_error){0};
        if (!e->old) {
                rc = cw_magicard_ask_error(e, deadline_ns, ret, f);
                *ret_standing = rc == CW_OK && (ret->major || ret->minor);
                return rc;
        }
        rc = cw_usb_port_status(e->base.usb, deadline_ns, &port, f);
        *ret_standing = rc == CW_OK && port_error(port);
        return rc;
}

void cw_magicard_ribbon(const struct cw_magicard *e, const struct cw_magicard_info *info,
                        struct cw_ribbon *ret) {
        bool present = e->old ? info->shots >= 0 : info->tag[0] != '\0' && info->shots >= 0;
        *ret = (struct cw_ribbon){.remaining = -1, .capacity = -1};
        if (!present)
                return;
        (void)snprintf(ret->kind, sizeof ret->kind, "%s", cw_magicard_film_kind(info->film));
        (void)snprintf(ret->serial, sizeof ret->serial, "%s", info->tag);
        ret->capacity = e->old ? -1 : info->shots;
        if (info->shots_used >= 0)
                ret->remaining = info->shots > info->shots_used ? info->shots - info->shots_used : 0;
}

static void tell_trouble(const struct cw_magicard *e, bool standing, const struct cw_magicard_error *error,
                         struct cw_printer_status *s) {
        uint8_t port = 0;
        if (cw_usb_port_status(e->base.usb, cw_deadline_ns(200), &port, NULL) != CW_OK)
                port = 0;
        (void)snprintf(s->vendor, sizeof s->vendor, "error %02u:%02u, port %02X", error->major, error->minor,
                       port);
        s->hopper_empty = standing && cw_magicard_not_fed(error);
        s->vendor_error = standing && !s->hopper_empty;
}

cw_rc cw_magicard_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                         struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        struct cw_printer_status s = {0};
        struct cw_magicard_error error;
        struct cw_magicard_info info;
        bool standing = false;
        cw_rc rc = cw_magicard_trouble(e, deadline_ns, &standing, &error, f);
        if (rc == CW_OK)
                rc = cw_magicard_look(e, deadline_ns, &info, f);
        if (rc != CW_OK)
                return rc;
        cw_magicard_ribbon(e, &info, &s.ribbon);
        int64_t to_cleaning = info.cleaning_interval;
        s.counters = (struct cw_printer_counters){info.cards, info.panels, info.cleanings, to_cleaning};
        s.cleaning_due = to_cleaning > 0 && info.since_cleaning >= to_cleaning;
        tell_trouble(e, standing, &error, &s);
        /* Not knowing is this family's normal state before the first card, no fault of the printer. */
        s.where = e->where == CW_WHERE_UNKNOWN ? CW_WHERE_NONE : e->where;
        cw_printer_status_judge(&s);
        s.where = e->where;
        *ret = s;
        return CW_OK;
}

cw_rc cw_magicard_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                           struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        struct cw_printer_baseline b = {.where = e->where};
        struct cw_magicard_error error;
        struct cw_magicard_info info;
        struct cw_ribbon ribbon;
        bool standing = false;
        /* The error is asked first: an answer to an older INF, still on its way, is then passed over. */
        cw_rc rc = cw_magicard_trouble(e, deadline_ns, &standing, &error, f);
        if (rc == CW_OK)
                rc = cw_magicard_look(e, deadline_ns, &info, f);
        if (rc != CW_OK)
                return rc;
        cw_magicard_ribbon(e, &info, &ribbon);
        (void)snprintf(b.serial, sizeof b.serial, "%s", p->info.serial);
        b.cards_fed = info.cards;
        b.panels = info.panels;
        b.ribbon_remaining = ribbon.remaining;
        *ret = b;
        return CW_OK;
}
