/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and supplies. The lines of SNS and SHW have no public form, so what it senses is its error and
 * port status.
 */
#include "drivers/printer/magicard/internal.h"

#include <stdio.h>

static void put_counters(const struct cw_magicard *e, const struct cw_magicard_info *i,
                         struct cw_printer_lines *ret) {
        cw_printer_put_number(ret, "cards", i->cards, "cards");
        cw_printer_put_number(ret, "panels", i->panels, "panels");
        cw_printer_put_number(ret, "cleanings", i->cleanings, "");
        cw_printer_put_number(ret, "cleaning.since", i->since_cleaning, "cards");
        cw_printer_put_number(ret, "cleaning.interval", i->cleaning_interval, "cards");
        if (e->old)
                cw_printer_put_number(ret, "ribbon.remaining", i->shots, "prints");
        else {
                cw_printer_put_number(ret, "ribbon.capacity", i->shots, "prints");
                cw_printer_put_number(ret, "ribbon.used", i->shots_used, "prints");
        }
}

static cw_rc put_sensors(struct cw_magicard *e, int64_t deadline_ns, struct cw_printer_lines *ret,
                         struct cw_fault *f) {
        struct cw_magicard_error error = {0};
        char text[16];
        bool standing = false;
        uint8_t port = 0;
        cw_rc rc = cw_magicard_trouble(e, deadline_ns, &standing, &error, f);
        if (rc == CW_OK)
                rc = cw_usb_port_status(e->base.usb, deadline_ns, &port, f);
        if (rc != CW_OK)
                return rc;
        (void)snprintf(text, sizeof text, "%02u:%02u", error.major, error.minor);
        cw_printer_put_text(ret, "error", text, "", false);
        (void)snprintf(text, sizeof text, "%02X", port);
        cw_printer_put_text(ret, "port_status", text, "hex", false);
        return CW_OK;
}

cw_rc cw_magicard_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                        struct cw_printer_lines *ret, struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        struct cw_magicard_info info;
        if (sheet == CW_SHEET_SENSORS)
                return put_sensors(e, deadline_ns, ret, f);
        cw_rc rc = cw_magicard_look(e, deadline_ns, &info, f);
        if (rc != CW_OK)
                return rc;
        if (sheet == CW_SHEET_COUNTERS) {
                put_counters(e, &info, ret);
                return CW_OK;
        }
        cw_printer_put_text(ret, "model", p->info.model, "", false);
        cw_printer_put_text(ret, "film", info.film, "", false);
        cw_printer_put_number(ret, "head_position", info.head_position, "px");
        cw_printer_put_number(ret, "cleaning.interval", info.cleaning_interval, "cards");
        return CW_OK;
}
