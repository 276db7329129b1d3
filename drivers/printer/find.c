/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the devices on the bus is the station's printer: by port path, by serial descriptor, by asking. */
#include "drivers/printer/common.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* A device whose port was reset is back on the bus by then. */
#define REOPEN_MS 4000

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

static cw_rc others_have(struct cw_fault *f, size_t count) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISMATCH), (int64_t)count, "printer.find",
                       "PRT_NOT_REACHABLE",
                       "every printer that fits is at a port that another station names; set printer_serial "
                       "of this one to \"port:...\" too");
}

/* The same device as before, by all that the bus and the printer itself say. */
static bool same_device(const struct cw_usb_info *before, const struct cw_printer *p) {
        const struct cw_usb_info *now = &p->usb->info;
        return before->vendor_id == now->vendor_id && before->product_id == now->product_id &&
               strcmp(before->serial, now->serial) == 0;
}

static cw_rc open_once(struct cw_usb_bus *bus, const struct cw_printer_ops *driver,
                       const struct cw_usb_info *device, const struct cw_printer_fitting *fitting,
                       int64_t deadline_ns, struct cw_printer **ret, struct cw_fault *f) {
        struct cw_usb *usb = NULL;
        CW_AUTO(cw_printer_close) struct cw_printer *p = NULL;
        cw_rc rc = cw_usb_bus_connect(bus, device->port, &usb, f);
        if (rc == CW_OK)
                rc = cw_printer_open(driver, usb, fitting, deadline_ns, &p, f);
        if (rc != CW_OK)
                return rc;
        if (!same_device(device, p))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISMATCH), 0, "printer.find",
                               "PRT_NOT_REACHABLE",
                               "another printer came up at port %.40s; look which cable is in it",
                               device->port);
        *ret = CW_STEAL(p);
        return CW_OK;
}

/* A driver that had to reset the port has lost its connection by that: a new one, once, to the same device.
 */
static cw_rc open_at(struct cw_usb_bus *bus, const struct cw_printer_ops *driver,
                     const struct cw_usb_info *device, const struct cw_printer_fitting *fitting,
                     int64_t deadline_ns, struct cw_printer **ret, struct cw_fault *f) {
        cw_rc rc = open_once(bus, driver, device, fitting, deadline_ns, ret, f);
        if (cw_rc_class(rc) != CW_C_RECONNECT)
                return rc;
        const int64_t again_ns = cw_deadline_ns(REOPEN_MS);
        do {
                rc = open_once(bus, driver, device, fitting, again_ns > deadline_ns ? again_ns : deadline_ns,
                               ret, f);
                if (cw_rc_class(rc) != CW_C_RECONNECT || !cw_usb_bus_wait(bus, again_ns))
                        break;
        } while (true);
        return rc;
}

static bool of_another_station(const struct cw_usb_info *info, const struct cw_printer_pick *pick) {
        for (const char *const *port = pick->others; port && *port; port++)
                if (strcmp(info->port, *port) == 0)
                        return true;
        return false;
}

/* Devices without a serial descriptor are opened one by one and asked; one held by another station is passed
 * over. */
static cw_rc ask_each(struct cw_usb_bus *bus, const struct cw_printer_ops *driver,
                      const struct cw_usb_info *list, size_t count, const struct cw_printer_pick *pick,
                      const struct cw_printer_fitting *fitting, int64_t deadline_ns, struct cw_printer **ret,
                      struct cw_fault *f) {
        for (size_t i = 0; i < count; i++) {
                CW_AUTO(cw_printer_close) struct cw_printer *p = NULL;
                if (list[i].serial[0] || of_another_station(&list[i], pick) ||
                    open_at(bus, driver, &list[i], fitting, deadline_ns, &p, f) != CW_OK)
                        continue;
                if (strcmp(p->info.serial, pick->serial) == 0) {
                        *ret = CW_STEAL(p);
                        return CW_OK;
                }
        }
        return not_there(f, driver->family, pick->serial);
}

static bool fits(const struct cw_usb_info *info, const char *serial) {
        if (strncmp(serial, "port:", 5) == 0)
                return strcmp(info->port, serial + 5) == 0;
        return !serial[0] || strcmp(info->serial, serial) == 0;
}

/* How many fit, the last one of them, and how many would if no other station named their port. */
struct matches {
        size_t count, last, of_others;
};

static struct matches match(const struct cw_usb_info *list, size_t count,
                            const struct cw_printer_pick *pick) {
        struct matches m = {0};
        for (size_t i = 0; i < count; i++) {
                if (!fits(&list[i], pick->serial))
                        continue;
                if (of_another_station(&list[i], pick)) {
                        m.of_others++;
                        continue;
                }
                m.last = i;
                m.count++;
        }
        return m;
}

cw_rc cw_printer_find(struct cw_usb_bus *bus, const struct cw_printer_ops *driver,
                      const struct cw_printer_pick *pick, const struct cw_printer_fitting *fitting,
                      int64_t deadline_ns, struct cw_printer **ret, struct cw_fault *f) {
        struct cw_usb_info list[CW_USB_DEVICES_MAX];
        size_t count = 0;
        cw_rc rc = cw_usb_bus_list(bus, driver->vendor_id, list, CW_USB_DEVICES_MAX, &count, f);
        if (rc != CW_OK)
                return rc;
        const struct matches m = match(list, count, pick);
        if (m.count == 1)
                return open_at(bus, driver, &list[m.last], fitting, deadline_ns, ret, f);
        if (m.count > 1)
                return ambiguous(f, m.count);
        rc = ask_each(bus, driver, list, count, pick, fitting, deadline_ns, ret, f);
        return rc != CW_OK && m.of_others > 0 ? others_have(f, m.of_others) : rc;
}
