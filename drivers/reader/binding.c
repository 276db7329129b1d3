/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/binding.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BY_PORT "usb:"
#define BY_SERIAL "serial:"
#define CHANNEL_USB 0x0020u

static const char *after(const char *wanted, const char *word) {
        size_t n = strlen(word);
        return strncmp(wanted, word, n) == 0 ? wanted + n : NULL;
}

bool cw_reader_binding_asks(const char *wanted) {
        return after(wanted, BY_PORT) || after(wanted, BY_SERIAL);
}

bool cw_reader_channel_usb(uint32_t channel_id, uint8_t *ret_bus, uint8_t *ret_device) {
        if (channel_id >> 16 != CHANNEL_USB)
                return false;
        *ret_bus = (uint8_t)(channel_id >> 8);
        *ret_device = (uint8_t)channel_id;
        return true;
}

static long read_number(const char *sysfs, const char *device, const char *file) {
        char path[PATH_MAX], text[16] = "";
        int n = snprintf(path, sizeof path, "%s/%s/%s", sysfs, device, file);
        FILE *in = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
        if (!in)
                return -1;
        char *end = NULL;
        long value = fgets(text, sizeof text, in) ? strtol(text, &end, 10) : -1;
        (void)fclose(in);
        return end && end != text ? value : -1;
}

bool cw_reader_usb_port(const char *sysfs, uint8_t bus, uint8_t device, char ret[CW_READER_PORT_MAX]) {
        bool found = false;
        DIR *dir = opendir(sysfs);
        if (!dir)
                return false;
        for (struct dirent *e = readdir(dir); e && !found; e = readdir(dir)) {
                if (e->d_name[0] == '.' || strchr(e->d_name, ':') || strlen(e->d_name) >= CW_READER_PORT_MAX)
                        continue; /* interfaces have a colon */
                found = read_number(sysfs, e->d_name, "busnum") == bus &&
                        read_number(sysfs, e->d_name, "devnum") == device;
                if (found)
                        (void)snprintf(ret, CW_READER_PORT_MAX, "%s", e->d_name);
        }
        (void)closedir(dir);
        return found;
}

/* libccid puts the serial number of a USB reader into its name, in parentheses. */
static bool name_has_serial(const char *name, const char *serial) {
        size_t n = strlen(serial);
        for (const char *at = strchr(name, '('); at; at = strchr(at + 1, '('))
                if (strncmp(at + 1, serial, n) == 0 && at[1 + n] == ')')
                        return true;
        return false;
}

bool cw_reader_binding_matches(const char *wanted, const char *name, const struct cw_reader_identity *id,
                               const char *sysfs) {
        char port[CW_READER_PORT_MAX];
        const char *serial = after(wanted, BY_SERIAL), *at = after(wanted, BY_PORT);
        if (serial)
                return *serial && (strcmp(id->serial, serial) == 0 || name_has_serial(name, serial));
        if (at)
                return id->on_usb && cw_reader_usb_port(sysfs, id->bus, id->device, port) &&
                       strcmp(port, at) == 0;
        return strncmp(name, wanted, strlen(wanted)) == 0;
}
