/* SPDX-License-Identifier: Apache-2.0 */
/* The libusb context: lists printer-class devices, opens one, notices when it leaves. */
#include "drivers/transport/usb_libusb.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PORTS_MAX 7
#define WAIT_SLICE_MS 100
#define RESET_REST_NS ((int64_t)60 * 1000000000)

static int LIBUSB_CALL on_hotplug(libusb_context *context, libusb_device *device, libusb_hotplug_event event,
                                  void *user_data) {
        (void)context;
        struct cw_usb_bus *bus = user_data;
        bus->changes++;
        bus->arrived = bus->arrived || event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED;
        if (event != LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT)
                return 0;
        for (struct cw_usb_real *d = bus->devices; d; d = d->next)
                if (libusb_get_device(d->handle) == device)
                        d->gone = true;
        return 0;
}

static cw_rc start(struct cw_usb_bus *bus, struct cw_fault *f) {
        int error = libusb_init(&bus->context);
        if (error != 0) {
                bus->context = NULL;
                return cw_usb_real_fail(f, error, "usb.init");
        }
        /* Without hot-plug, removal is still noticed by the transfers that fail. */
        if (libusb_has_capability(LIBUSB_CAP_HAS_HOTPLUG))
                bus->watching =
                    libusb_hotplug_register_callback(
                        bus->context, LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT | LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED,
                        0, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
                        on_hotplug, bus, &bus->hotplug) == 0;
        return CW_OK;
}

static void stop(struct cw_usb_bus *bus) {
        if (!bus->context)
                return;
        if (bus->watching)
                libusb_hotplug_deregister_callback(bus->context, bus->hotplug);
        bus->watching = false;
        libusb_exit(bus->context);
        bus->context = NULL;
}

cw_rc cw_usb_bus_open(struct cw_usb_bus **ret, struct cw_fault *f) {
        struct cw_usb_bus *bus = calloc(1, sizeof *bus);
        if (!bus)
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_MEM, "usb.init");
        cw_rc rc = start(bus, f);
        if (rc == CW_OK)
                *ret = bus;
        else
                free(bus);
        return rc;
}

cw_rc cw_usb_bus_renew(struct cw_usb_bus *bus, struct cw_fault *f) {
        stop(bus);
        return start(bus, f);
}

void cw_usb_bus_close(struct cw_usb_bus *bus) {
        if (!bus)
                return;
        while (bus->devices)
                cw_usb_close(&bus->devices->base);
        stop(bus);
        free(bus);
}

static void handle_events(struct cw_usb_bus *bus, int ms) {
        struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
        (void)libusb_handle_events_timeout_completed(bus->context, &tv, NULL);
}

bool cw_usb_bus_wait(struct cw_usb_bus *bus, int64_t deadline_ns) {
        const int64_t slice_ns = cw_deadline_ns(WAIT_SLICE_MS);
        const unsigned before = bus->changes;
        if (cw_deadline_left_ms(deadline_ns) == 0)
                return false;
        do
                handle_events(bus, cw_deadline_left_ms(slice_ns));
        while (bus->changes == before && cw_deadline_left_ms(slice_ns) > 0);
        return true;
}

bool cw_usb_bus_arrived(struct cw_usb_bus *bus) {
        handle_events(bus, 0);
        bool arrived = bus->arrived;
        bus->arrived = false;
        return arrived;
}

/* "1-1.4", the name the kernel gives the device in sysfs. */
static bool port_path(libusb_device *device, char *ret, size_t cap) {
        uint8_t ports[PORTS_MAX];
        int n = libusb_get_port_numbers(device, ports, PORTS_MAX);
        if (n <= 0) {
                int w = snprintf(ret, cap, "%u:%u", libusb_get_bus_number(device),
                                 libusb_get_device_address(device));
                return w > 0 && (size_t)w < cap;
        }
        int at = snprintf(ret, cap, "%u-", libusb_get_bus_number(device));
        for (int i = 0; i < n; i++) {
                if (at < 0 || (size_t)at >= cap)
                        return false;
                at += snprintf(ret + at, cap - (size_t)at, i ? ".%u" : "%u", ports[i]);
        }
        return at > 0 && (size_t)at < cap;
}

static void endpoints(const struct libusb_interface_descriptor *alt, struct cw_usb_info *info) {
        for (uint8_t i = 0; i < alt->bNumEndpoints; i++) {
                const struct libusb_endpoint_descriptor *e = &alt->endpoint[i];
                if ((e->bmAttributes & 3u) != LIBUSB_TRANSFER_TYPE_BULK)
                        continue;
                if (e->bEndpointAddress & LIBUSB_ENDPOINT_IN)
                        info->endpoint_in = info->endpoint_in ? info->endpoint_in : e->bEndpointAddress;
                else
                        info->endpoint_out = info->endpoint_out ? info->endpoint_out : e->bEndpointAddress;
        }
}

/* Printers that are not, or not known to be, of the printer class: their first interface with both endpoints.
 */
static bool classless_printer(const struct libusb_device_descriptor *dd) {
        return dd->idVendor == 0x2166 && dd->idProduct == 0x701d; /* Matica XID */
}

/* Finds the bidirectional printer interface; a driver cannot work on a printer that does not answer. */
static bool printer_interface(libusb_device *device, bool any_class, struct cw_usb_info *info) {
        struct libusb_config_descriptor *config = NULL;
        if (libusb_get_active_config_descriptor(device, &config) != 0 &&
            libusb_get_config_descriptor(device, 0, &config) != 0)
                return false;
        bool found = false;
        for (uint8_t i = 0; !found && i < config->bNumInterfaces; i++)
                for (int a = 0; !found && a < config->interface[i].num_altsetting; a++) {
                        const struct libusb_interface_descriptor *alt = &config->interface[i].altsetting[a];
                        if ((alt->bInterfaceClass != CW_USB_CLASS_PRINTER && !any_class) ||
                            alt->bAlternateSetting != 0)
                                continue;
                        endpoints(alt, info);
                        info->interface = alt->bInterfaceNumber;
                        info->alternate = alt->bAlternateSetting;
                        info->protocol = alt->bInterfaceProtocol;
                        found = info->endpoint_in != 0 && info->endpoint_out != 0;
                }
        libusb_free_config_descriptor(config);
        return found;
}

static void copy_printable(char *ret, size_t cap, const char *text, size_t len) {
        size_t n = 0;
        for (size_t i = 0; i < len && n + 1 < cap; i++)
                if (text[i] > 0x20 && text[i] < 0x7f)
                        ret[n++] = text[i];
        ret[n] = '\0';
}

/* The kernel read the serial string when it enumerated; taking it from sysfs disturbs no other user of the
 * device. */
static bool serial_from_sysfs(const char *port, char *ret, size_t cap) {
        char path[160], text[256];
        int n = snprintf(path, sizeof path, "/sys/bus/usb/devices/%s/serial", port);
        if (n < 0 || (size_t)n >= sizeof path)
                return false;
        CW_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        ssize_t len = read(fd, text, sizeof text);
        if (len <= 0)
                return false;
        copy_printable(ret, cap, text, (size_t)len);
        return ret[0] != '\0';
}

static void serial_from_device(libusb_device *device, uint8_t index, char *ret, size_t cap) {
        libusb_device_handle *handle = NULL;
        unsigned char text[256];
        ret[0] = '\0';
        if (index == 0 || libusb_open(device, &handle) != 0)
                return;
        int len = libusb_get_string_descriptor_ascii(handle, index, text, sizeof text);
        if (len > 0)
                copy_printable(ret, cap, (const char *)text, (size_t)len);
        libusb_close(handle);
}

static bool describe(libusb_device *device, uint16_t vendor_id, struct cw_usb_info *ret) {
        struct libusb_device_descriptor dd;
        memset(ret, 0, sizeof *ret);
        if (libusb_get_device_descriptor(device, &dd) != 0 || (vendor_id && dd.idVendor != vendor_id))
                return false;
        if (!printer_interface(device, classless_printer(&dd), ret) ||
            !port_path(device, ret->port, sizeof ret->port))
                return false;
        ret->vendor_id = dd.idVendor;
        ret->product_id = dd.idProduct;
        if (!serial_from_sysfs(ret->port, ret->serial, sizeof ret->serial))
                serial_from_device(device, dd.iSerialNumber, ret->serial, sizeof ret->serial);
        return true;
}

static int by_port(const void *a, const void *b) {
        const struct cw_usb_info *x = a, *y = b;
        return strverscmp(x->port, y->port);
}

cw_rc cw_usb_bus_list(struct cw_usb_bus *bus, uint16_t vendor_id, struct cw_usb_info *ret, size_t cap,
                      size_t *ret_count, struct cw_fault *f) {
        libusb_device **list = NULL;
        handle_events(bus, 0);
        ssize_t n = libusb_get_device_list(bus->context, &list);
        if (n < 0)
                return cw_usb_real_fail(f, (int)n, "usb.list");
        size_t count = 0;
        for (ssize_t i = 0; i < n && count < cap; i++)
                if (describe(list[i], vendor_id, &ret[count]))
                        count++;
        libusb_free_device_list(list, 1);
        qsort(ret, count, sizeof *ret, by_port);
        *ret_count = count;
        return CW_OK;
}

/* A mute printer is looked for every few seconds; its port is not reset each time. */
static bool reset_lately(const struct cw_usb_bus *bus, const char *port) {
        const int64_t since_ns = cw_mono_ns(cw_clock_real()) - RESET_REST_NS;
        for (unsigned i = 0; i < CW_USB_RESETS_MAX; i++)
                if (bus->resets[i].at_ns > since_ns && bus->resets[i].at_ns > 0 &&
                    strcmp(bus->resets[i].port, port) == 0)
                        return true;
        return false;
}

static cw_rc claim(struct cw_usb_bus *bus, libusb_device *device, const struct cw_usb_info *info,
                   struct cw_usb **ret, struct cw_fault *f) {
        struct cw_usb_real *d = calloc(1, sizeof *d);
        if (!d)
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_MEM, "usb.open");
        d->base.ops = &cw_usb_real_ops;
        d->base.info = *info;
        d->base.info.reset_spent = reset_lately(bus, info->port);
        d->bus = bus;
        int error = libusb_open(device, &d->handle);
        if (error != 0) {
                free(d);
                return cw_usb_real_fail(f, error, "usb.open");
        }
        d->next = bus->devices;
        bus->devices = d;
        /* The kernel's usblp binds again on every plug, so this is set on every open. */
        (void)libusb_set_auto_detach_kernel_driver(d->handle, 1);
        error = libusb_claim_interface(d->handle, info->interface);
        if (error != 0) {
                cw_usb_close(&d->base);
                return cw_usb_real_fail(f, error, "usb.claim");
        }
        d->claimed = true;
        *ret = &d->base;
        return CW_OK;
}

cw_rc cw_usb_bus_connect(struct cw_usb_bus *bus, const char *port, struct cw_usb **ret, struct cw_fault *f) {
        libusb_device **list = NULL;
        ssize_t n = libusb_get_device_list(bus->context, &list);
        if (n < 0)
                return cw_usb_real_fail(f, (int)n, "usb.list");
        cw_rc rc = cw_usb_real_fail(f, LIBUSB_ERROR_NO_DEVICE, "usb.open");
        for (ssize_t i = 0; i < n; i++) {
                struct cw_usb_info info;
                if (!describe(list[i], 0, &info) || strcmp(info.port, port) != 0)
                        continue;
                rc = claim(bus, list[i], &info, ret, f);
                break;
        }
        libusb_free_device_list(list, 1);
        return rc;
}
