/* SPDX-License-Identifier: Apache-2.0 */
/* USB 2.0 chapter 9 as far as a printer needs it, and the printer class 1.1. */
#include "usb_device.h"

#include <string.h>

void emup_device_descriptor(uint8_t ret[EMUP_DEVICE_DESCRIPTOR_LEN]) {
        static const uint8_t bytes[EMUP_DEVICE_DESCRIPTOR_LEN] = {18, 1, 0x00, 0x02, 0,    0, 0, 64, 0,
                                                                  0,  0, 0,    0x00, 0x01, 1, 2, 3,  1};
        memcpy(ret, bytes, sizeof bytes);
        ret[8] = (uint8_t)(emup_family.vid & 0xff);
        ret[9] = (uint8_t)(emup_family.vid >> 8);
        ret[10] = (uint8_t)(emup_family.pid & 0xff);
        ret[11] = (uint8_t)(emup_family.pid >> 8);
}

/* Configuration, one interface of the printer class (bidirectional), two bulk endpoints of 512 bytes. */
void emup_config_descriptor(uint8_t ret[EMUP_CONFIG_DESCRIPTOR_LEN]) {
        static const uint8_t bytes[EMUP_CONFIG_DESCRIPTOR_LEN] = {9, 2,    EMUP_CONFIG_DESCRIPTOR_LEN,
                                                                  0, 1,    1,
                                                                  0, 0xc0, 1,
                                                                  9, 4,    0,
                                                                  0, 2,    7,
                                                                  1, 2,    0,
                                                                  7, 5,    0,
                                                                  2, 0,    2,
                                                                  0, 7,    5,
                                                                  0, 2,    0,
                                                                  2, 0};
        memcpy(ret, bytes, sizeof bytes);
        if (emup_family.other_class) {
                ret[14] = 0xff;
                ret[15] = ret[16] = 0;
        }
        ret[20] = emup_family.ep_out;
        ret[27] = emup_family.ep_in;
}

enum {
        GET_DEVICE_ID = 0,
        GET_PORT_STATUS = 1,
        SOFT_RESET = 2,
        GET_STATUS = 0,
        GET_DESCRIPTOR = 6,
        GET_CONFIGURATION = 8
};

static unsigned le16(const uint8_t *p) {
        return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static int give(uint8_t *data, size_t want, const uint8_t *from, size_t n) {
        if (n > want)
                n = want;
        memcpy(data, from, n);
        return (int)n;
}

static int string_descriptor(const struct emup_usb_strings *s, unsigned index, uint8_t *data, size_t want) {
        static const uint8_t languages[] = {4, 3, 0x09, 0x04};
        const char *const texts[] = {NULL, s->manufacturer, s->product, s->serial};
        uint8_t out[128] = {0, 3};
        size_t n = 2;
        if (index == 0)
                return give(data, want, languages, sizeof languages);
        if (index > 3 || !*texts[index])
                return -1;
        for (const char *p = texts[index]; *p && n + 2 <= sizeof out; p++) {
                out[n++] = (uint8_t)*p;
                out[n++] = 0;
        }
        out[0] = (uint8_t)n;
        return give(data, want, out, n);
}

static int standard_request(const struct emup_usb_strings *s, const uint8_t *setup, uint8_t *data,
                            size_t want) {
        static const uint8_t status[] = {1, 0}, configuration[] = {1};
        uint8_t device[EMUP_DEVICE_DESCRIPTOR_LEN], config[EMUP_CONFIG_DESCRIPTOR_LEN];
        if (setup[0] == 0x80 && setup[1] == GET_STATUS)
                return give(data, want, status, sizeof status);
        if (setup[0] == 0x80 && setup[1] == GET_CONFIGURATION)
                return give(data, want, configuration, sizeof configuration);
        if (setup[0] != 0x80 || setup[1] != GET_DESCRIPTOR)
                return -1;
        switch (setup[3]) {
        case 1:
                emup_device_descriptor(device);
                return give(data, want, device, sizeof device);
        case 2:
                emup_config_descriptor(config);
                return give(data, want, config, sizeof config);
        case 3:
                return string_descriptor(s, setup[2], data, want);
        default:
                return -1;
        }
}

/* GET_DEVICE_ID has the interface in the high byte of wIndex, the other two in the low byte; both are 0 here.
 */
static int class_request(struct emup_model *m, const uint8_t *setup, uint8_t *data, size_t want) {
        unsigned value = le16(setup + 2), index = le16(setup + 4);
        if (setup[0] == 0xa1 && setup[1] == GET_DEVICE_ID && value == 0 && index == 0)
                return (int)emup_model_device_id(m, data, want);
        if (setup[0] == 0xa1 && setup[1] == GET_PORT_STATUS && value == 0 && index == 0 && want == 1) {
                data[0] = emup_model_port_status(m);
                return 1;
        }
        if (setup[0] == 0x21 && setup[1] == SOFT_RESET && value == 0 && index == 0 && want == 0)
                return emup_model_soft_reset(m) ? 0 : -1;
        /* The 1.0 class wants recipient "other": a driver tries it after a STALL, as this device answers. */
        if (setup[0] == 0x23 && setup[1] == SOFT_RESET)
                return -1;
        emup_violation(m, "printer class request %02x %02x value %04x index %04x length %zu",
                       (unsigned)setup[0], (unsigned)setup[1], value, index, want);
        return -1;
}

int emup_usb_control(struct emup_model *m, const struct emup_usb_strings *strings, const uint8_t *setup,
                     uint8_t *data) {
        size_t want = le16(setup + 6);
        if ((setup[0] & 0x60) == 0)
                return standard_request(strings, setup, data, want);
        if ((setup[0] & 0x60) == 0x20)
                return class_request(m, setup, data, want);
        emup_violation(m, "vendor request %02x %02x", (unsigned)setup[0], (unsigned)setup[1]);
        return -1;
}
