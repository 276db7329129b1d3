/* SPDX-License-Identifier: Apache-2.0 */
/* The testbed: sysfs entries, the device node, and hot-plug events. */
#include "carrier_int.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define PRELOAD "libumockdev-preload.so.0"
#define HUB "/devices/pci0000:00/usb1/"
enum { NS_PER_MS = 1000 * 1000 };

#if defined(__SANITIZE_ADDRESS__)
/* The sanitizer's run-time has to come first in the list; where it is, its own symbol tells. */
void __asan_init(void);
static void preload_list(char *ret, size_t cap) {
        Dl_info info;
        void *symbol = dlsym(RTLD_DEFAULT, "__asan_init");
        bool found = symbol && dladdr(symbol, &info) && info.dli_fname && strstr(info.dli_fname, "libasan");
        (void)snprintf(ret, cap, "%s%s%s", found ? info.dli_fname : "", found ? ":" : "", PRELOAD);
}
#else
static void preload_list(char *ret, size_t cap) {
        (void)snprintf(ret, cap, "%s", PRELOAD);
}
#endif

static int failed(const char *what) {
        (void)fprintf(stderr, "%s: %s: %s\n", emup_family.program, what, strerror(errno));
        return -1;
}

/* uevents are sent through the preloaded library: without it there is no hot-plug, so start again with it. */
int emup_carrier_prepare(char **argv) {
        char list[4096];
        const char *now = getenv("LD_PRELOAD");
        if (now && strstr(now, PRELOAD))
                return 0;
        preload_list(list, sizeof list);
        if (setenv("LD_PRELOAD", list, 1) != 0)
                return failed("LD_PRELOAD");
        (void)execv("/proc/self/exe", argv);
        return failed("cannot start again under " PRELOAD);
}

uint64_t emup_carrier_now_ns(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void emup_carrier_lock(struct emup_carrier *c) {
        g_rec_mutex_lock(&c->mutex);
}

void emup_carrier_unlock(struct emup_carrier *c) {
        g_rec_mutex_unlock(&c->mutex);
}

static void put_hex(GString *s, const uint8_t *bytes, size_t n) {
        for (size_t i = 0; i < n; i++)
                g_string_append_printf(s, "%02x", (unsigned)bytes[i]);
}

static void describe_device(const struct emup_carrier *c, GString *s) {
        uint8_t device[EMUP_DEVICE_DESCRIPTOR_LEN], config[EMUP_CONFIG_DESCRIPTOR_LEN];
        const unsigned vid = emup_family.vid, pid = emup_family.pid;
        const struct emup_usb_strings *t = &c->cfg.strings;
        g_string_append_printf(
            s,
            "P: %s\nN: bus/usb/%03u/%03u\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\n"
            "E: DRIVER=usb\nE: BUSNUM=%03u\nE: DEVNUM=%03u\nE: DEVNAME=%s\nE: PRODUCT=%x/%x/100\n"
            "E: ID_VENDOR_ID=%04x\nE: ID_MODEL_ID=%04x\n",
            c->sys, c->cfg.bus, c->devnum, c->cfg.bus, c->devnum, c->node, vid, pid, vid, pid);
        g_string_append_printf(
            s,
            "A: busnum=%u\\n\nA: devnum=%u\\n\nA: bConfigurationValue=1\\n\nA: speed=480\\n\n"
            "A: idVendor=%04x\\n\nA: idProduct=%04x\\n\nA: manufacturer=%s\\n\nA: product=%s\\n\n",
            c->cfg.bus, c->devnum, vid, pid, t->manufacturer, t->product);
        if (*t->serial)
                g_string_append_printf(s, "A: serial=%s\\n\n", t->serial);
        g_string_append(s, "H: descriptors=");
        emup_device_descriptor(device);
        emup_config_descriptor(config);
        put_hex(s, device, sizeof device);
        put_hex(s, config, sizeof config);
        const bool other = emup_family.other_class;
        g_string_append_printf(s,
                               "\n\nP: %s/%s:1.0\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n%s"
                               "E: INTERFACE=%s\nA: bInterfaceNumber=00\\n\nA: bInterfaceClass=%s\\n\n"
                               "A: bInterfaceSubClass=%s\\n\nA: bInterfaceProtocol=%s\\n\n",
                               c->sys, c->port, other ? "" : "E: DRIVER=usblp\n", other ? "255/0/0" : "7/1/2",
                               other ? "ff" : "07", other ? "00" : "01", other ? "00" : "02");
}

static int put_on_bus(struct emup_carrier *c) {
        g_autoptr(GError) error = NULL;
        GString *s = g_string_new(NULL);
        describe_device(c, s);
        gboolean ok = umockdev_testbed_attach_ioctl(c->testbed, c->node, c->handler, &error) &&
                      umockdev_testbed_add_from_string(c->testbed, s->str, &error);
        (void)g_string_free(s, TRUE);
        if (!ok)
                (void)fprintf(stderr, "%s: testbed: %s\n", emup_family.program,
                              error ? error->message : "refused");
        return ok ? 0 : -1;
}

static bool name_port(struct emup_carrier *c, const char *port) {
        const char *digits = port + strspn(port, "0123456789-.");
        if (*digits || strlen(port) >= sizeof c->port || !*port)
                return false;
        (void)snprintf(c->port, sizeof c->port, "%s", port);
        (void)snprintf(c->sys, sizeof c->sys, HUB "%s", port);
        return true;
}

static int plug_in(struct emup_carrier *c) {
        emup_carrier_lock(c);
        c->devnum = c->cfg.dev + c->generation;
        (void)snprintf(c->node, sizeof c->node, "/dev/bus/usb/%03u/%03u", c->cfg.bus, c->devnum);
        c->generation++;
        c->plugs++;
        c->usblp = true;
        c->halted_in = c->halted_out = false;
        c->replug_at_ns = UINT64_MAX;
        c->plugged = true;
        emup_carrier_unlock(c);
        return put_on_bus(c);
}

static void send_event(struct emup_carrier *c, const char *what) {
        char path[96];
        (void)snprintf(path, sizeof path, "/sys%s", c->sys);
        umockdev_testbed_uevent(c->testbed, path, what);
}

bool emup_carrier_plug(struct emup_carrier *c, const char *port) {
        if (c->plugged || c->unplug_due || (port && !name_port(c, port)) || plug_in(c) != 0)
                return false;
        send_event(c, "add");
        return true;
}

/* The kernel takes the node of a device away with it; the library leaves it. */
static void remove_node(const struct emup_carrier *c) {
        char path[320];
        if ((size_t)snprintf(path, sizeof path, "%s%s", c->root, c->node) < sizeof path)
                (void)unlink(path);
}

/* What the transfers see has happened already; this is what udev sees. Never with the lock: umockdev joins
 * its thread. */
static void leave_bus(struct emup_carrier *c, uint32_t replug_ms) {
        g_autoptr(GError) error = NULL;
        char path[96], interface[128];
        (void)snprintf(path, sizeof path, "/sys%s", c->sys);
        (void)snprintf(interface, sizeof interface, "%s/%s:1.0", path, c->port);
        send_event(c, "remove");
        (void)umockdev_testbed_detach_ioctl(c->testbed, c->node, &error);
        umockdev_testbed_remove_device(c->testbed, interface);
        umockdev_testbed_remove_device(c->testbed, path);
        remove_node(c);
        c->replug_at_ns = replug_ms ? emup_carrier_now_ns() + (uint64_t)replug_ms * NS_PER_MS : UINT64_MAX;
}

bool emup_carrier_unplug(struct emup_carrier *c, uint32_t replug_ms) {
        emup_carrier_lock(c);
        bool was = c->plugged;
        if (was) {
                c->plugged = false;
                c->claimed = NULL;
                emup_usbfs_kill(c);
                emup_model_bus_reset(c->model);
        }
        emup_carrier_unlock(c);
        if (was)
                leave_bus(c, replug_ms);
        return was;
}

void emup_carrier_power_cycle(struct emup_carrier *c, uint32_t off_ms) {
        bool was = emup_carrier_unplug(c, off_ms ? off_ms : 200);
        emup_carrier_lock(c);
        emup_model_power_cycle(c->model);
        emup_carrier_unlock(c);
        if (!was)
                c->replug_at_ns = emup_carrier_now_ns() + (uint64_t)off_ms * NS_PER_MS;
}

static void do_fault(struct emup_carrier *c) {
        bool cycle = c->power_cycle_due;
        uint32_t replug_ms = c->replug_ms ? c->replug_ms : cycle ? 200 : 0;
        emup_carrier_lock(c);
        c->unplug_due = c->power_cycle_due = false;
        c->claimed = NULL;
        emup_model_bus_reset(c->model);
        if (cycle)
                emup_model_power_cycle(c->model);
        emup_carrier_unlock(c);
        leave_bus(c, replug_ms);
}

int emup_carrier_fd(const struct emup_carrier *c) {
        return c->wake_fd;
}

uint64_t emup_carrier_deadline_ns(struct emup_carrier *c) {
        emup_carrier_lock(c);
        uint64_t park = emup_usbfs_expire(c), model = emup_model_deadline_ms(c->model),
                 least = c->replug_at_ns;
        if (c->unplug_due)
                least = 0;
        emup_carrier_unlock(c);
        if (park < least)
                least = park;
        if (model != UINT64_MAX && model * NS_PER_MS < least)
                least = model * NS_PER_MS;
        return least;
}

void emup_carrier_run(struct emup_carrier *c) {
        uint64_t count;
        (void)!read(c->wake_fd, &count, sizeof count);
        emup_carrier_lock(c);
        emup_model_tick(c->model);
        emup_usbfs_pump(c);
        bool unplug = c->unplug_due;
        emup_carrier_unlock(c);
        if (unplug)
                do_fault(c);
        else if (!c->plugged && emup_carrier_now_ns() >= c->replug_at_ns)
                (void)emup_carrier_plug(c, NULL);
}

static void own_folder(const struct emup_carrier *c, char *ret, size_t cap) {
        (void)snprintf(ret, cap, "%s.own", c->root);
}

/*
 * The library gives every testbed a folder of its own. To hang on another emulator's bus it is put aside, and
 * a link to that one's takes its place.
 */
static int join(const struct emup_carrier *c) {
        char own[256];
        if (!c->cfg.testbed)
                return 0;
        own_folder(c, own, sizeof own);
        if (rename(c->root, own) == 0 && symlink(c->cfg.testbed, c->root) == 0 &&
            setenv("UMOCKDEV_DIR", c->cfg.testbed, 1) == 0)
                return 0;
        return failed(c->cfg.testbed);
}

/* Its own again, for the library to take away. */
static void part(const struct emup_carrier *c) {
        char own[256];
        if (!c->cfg.testbed || !c->root)
                return;
        own_folder(c, own, sizeof own);
        if (unlink(c->root) == 0)
                (void)!rename(own, c->root);
}

int emup_carrier_new(const struct emup_carrier_config *config, struct emup_model *m,
                     struct emup_carrier **ret) {
        struct emup_carrier *c = g_new0(struct emup_carrier, 1);
        c->cfg = *config;
        c->model = m;
        c->replug_at_ns = UINT64_MAX;
        g_rec_mutex_init(&c->mutex);
        c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        c->testbed = umockdev_testbed_new();
        c->handler = umockdev_ioctl_base_new();
        c->root = c->testbed ? umockdev_testbed_get_root_dir(c->testbed) : NULL;
        if (c->wake_fd < 0 || !c->root || !name_port(c, config->port) || join(c) != 0) {
                emup_carrier_free(c);
                return -1;
        }
        g_signal_connect(c->handler, "handle-ioctl", G_CALLBACK(emup_usbfs_ioctl), c);
        if (plug_in(c) != 0) {
                emup_carrier_free(c);
                return -1;
        }
        *ret = c;
        return 0;
}

void emup_carrier_free(struct emup_carrier *c) {
        if (!c)
                return;
        if (c->root && c->generation)
                (void)emup_carrier_unplug(c, 0);
        part(c);
        g_clear_object(&c->handler);
        g_clear_object(&c->testbed);
        g_list_free_full(c->files, g_free);
        if (c->wake_fd >= 0)
                (void)close(c->wake_fd);
        g_rec_mutex_clear(&c->mutex);
        g_free(c->root);
        g_free(c);
}

const char *emup_carrier_root(const struct emup_carrier *c) {
        return c->cfg.testbed ? c->cfg.testbed : c->root;
}

json_t *emup_carrier_state(struct emup_carrier *c) {
        return json_pack("{s:s, s:b, s:i, s:b, s:b, s:i, s:I, s:I, s:I, s:I}", "port", c->port, "plugged",
                         c->plugged, "devnum", (int)c->devnum, "claimed", c->claimed != NULL, "usblp",
                         c->usblp, "in_flight", (int)g_list_length(c->urbs), "submits",
                         (json_int_t)c->submits, "reaps", (json_int_t)c->reaps, "stalls",
                         (json_int_t)c->stalls, "plugs", (json_int_t)c->plugs);
}
