/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the devices on the bus is the station's printer: by port path, by serial descriptor, by asking. */
#include "drivers/printer/common.h"

#include <stdio.h>
#include <string.h>

static cw_rc not_there(struct cw_fault *f, const char *driver, const char *serial) {
        if (serial[0])
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "printer.find",
                               "PRT_NOT_REACHABLE",
                               "no %s printer \"%.40s\" is connected; check its power and cable", driver,
                               serial);
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "printer.find",
                       "PRT_NOT_REACHABLE", "no %s printer is connected; check its power and cable", driver);
}

static cw_rc ambiguous(struct cw_fault *f, size_t count) {
        return cw_fail(
            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISMATCH), (int64_t)count, "printer.find",
            "PRT_NOT_REACHABLE",
            "%zu printers fit; set printer_serial of the station, or \"port:...\" when serials are equal",
            count);
}

static cw_rc open_at(struct cw_usb_bus *bus, const struct cw_printer_ops *driver, const char *port,
                     int64_t deadline_ns, struct cw_printer **ret, struct cw_fault *f) {
        struct cw_usb *usb = NULL;
        cw_rc rc = cw_usb_bus_connect(bus, port, &usb, f);
        return rc == CW_OK ? cw_printer_open(driver, usb, deadline_ns, ret, f) : rc;
}

/* Devices without a serial descriptor are opened one by one and asked; one held by another station is passed
 * over. */
static cw_rc ask_each(struct cw_usb_bus *bus, const struct cw_printer_ops *driver,
                      const struct cw_usb_info *list, size_t count, const char *serial, int64_t deadline_ns,
                      struct cw_printer **ret, struct cw_fault *f) {
        for (size_t i = 0; i < count; i++) {
                CW_AUTO(cw_printer_close) struct cw_printer *p = NULL;
                if (list[i].serial[0] || open_at(bus, driver, list[i].port, deadline_ns, &p, f) != CW_OK)
                        continue;
                if (strcmp(p->info.serial, serial) == 0) {
                        *ret = CW_STEAL(p);
                        return CW_OK;
                }
        }
        return not_there(f, driver->family, serial);
}

static bool fits(const struct cw_usb_info *info, const char *serial) {
        if (strncmp(serial, "port:", 5) == 0)
                return strcmp(info->port, serial + 5) == 0;
        return !serial[0] || strcmp(info->serial, serial) == 0;
}

cw_rc cw_printer_find(struct cw_usb_bus *bus, const struct cw_printer_ops *driver, const char *serial,
                      int64_t deadline_ns, struct cw_printer **ret, struct cw_fault *f) {
        struct cw_usb_info list[CW_USB_DEVICES_MAX];
        size_t count = 0, matches = 0, match = 0;
        cw_rc rc = cw_usb_bus_list(bus, driver->vendor_id, list, CW_USB_DEVICES_MAX, &count, f);
        if (rc != CW_OK)
                return rc;
        for (size_t i = 0; i < count; i++)
                if (fits(&list[i], serial)) {
                        match = i;
                        matches++;
                }
        if (matches == 1)
                return open_at(bus, driver, list[match].port, deadline_ns, ret, f);
        if (matches > 1)
                return ambiguous(f, matches);
        return ask_each(bus, driver, list, count, serial, deadline_ns, ret, f);
}
