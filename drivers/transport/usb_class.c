/* SPDX-License-Identifier: Apache-2.0 */
/* USB printer class 1.1: GET_DEVICE_ID, GET_PORT_STATUS, SOFT_RESET, and the IEEE 1284 device id text. */
#include "drivers/transport/usb.h"

#include "base/clock.h"

#include <ctype.h>
#include <string.h>

#define GET_DEVICE_ID 0u
#define GET_PORT_STATUS 1u
#define SOFT_RESET 2u
#define FROM_INTERFACE 0xa1u
#define TO_INTERFACE 0x21u
#define TO_OTHER 0x23u

/* GET_DEVICE_ID alone has the interface in the high byte of wIndex; the other two have it in the low byte. */
static uint16_t index_device_id(const struct cw_usb_info *i) {
        return (uint16_t)(((uint16_t)i->interface << 8) | i->alternate);
}

/*
 * How many bytes of text follow the two length bytes. The length should be big-endian and count itself;
 * devices are known that send it little-endian or do not count it, so whichever reading fits what came wins,
 * and what came bounds it.
 */
static size_t text_length(const uint8_t *answer, size_t len) {
        size_t have = len - 2;
        size_t big = ((size_t)answer[0] << 8) | answer[1];
        size_t little = ((size_t)answer[1] << 8) | answer[0];
        if (big == have + 2 || big == have)
                return have;
        if (little == have + 2 || little == have)
                return have;
        if (big >= 2 && big - 2 < have)
                return big - 2;
        if (little >= 2 && little - 2 < have)
                return little - 2;
        return have;
}

bool cw_usb_device_id_parse(const uint8_t *answer, size_t len, char *ret, size_t cap) {
        if (len < 6 || cap == 0)
                return false;
        size_t n = text_length(answer, len);
        if (n > cap - 1)
                n = cap - 1;
        bool colon = false;
        for (size_t i = 0; i < n; i++) {
                unsigned char c = answer[2 + i];
                if (c == 0) {
                        n = i;
                        break;
                }
                if (c < 0x20 || c > 0x7e)
                        return false;
                colon = colon || c == ':';
                ret[i] = (char)c;
        }
        ret[n] = '\0';
        return colon;
}

static bool key_is(const char *have, size_t have_len, const char *want) {
        static const struct {
                const char *brief, *full;
        } forms[] = {{"MFG", "MANUFACTURER"}, {"MDL", "MODEL"}, {"CMD", "COMMAND SET"},
                     {"SN", "SERIALNUMBER"},  {"SN", "SERN"},   {"CLS", "CLASS"}};
        if (strlen(want) == have_len && strncasecmp(have, want, have_len) == 0)
                return true;
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
                if (strcasecmp(want, forms[i].brief) == 0 && strlen(forms[i].full) == have_len &&
                    strncasecmp(have, forms[i].full, have_len) == 0)
                        return true;
        return false;
}

bool cw_usb_device_id_get(const char *id, const char *key, char *ret, size_t cap) {
        while (*id) {
                size_t item = strcspn(id, ";");
                const char *colon = memchr(id, ':', item);
                while (item && isspace((unsigned char)*id)) {
                        id++;
                        item--;
                }
                if (colon && colon >= id && key_is(id, (size_t)(colon - id), key)) {
                        size_t n = item - (size_t)(colon + 1 - id);
                        if (n >= cap)
                                return false;
                        memcpy(ret, colon + 1, n);
                        ret[n] = '\0';
                        return true;
                }
                id += item;
                id += *id == ';';
        }
        return false;
}

cw_rc cw_usb_device_id(struct cw_usb *u, int64_t deadline_ns, char *ret, size_t cap, struct cw_fault *f) {
        uint8_t answer[CW_USB_DEVICE_ID_MAX];
        char text[CW_USB_DEVICE_ID_MAX];
        uint16_t len = 0;
        cw_rc rc = cw_usb_control(u, FROM_INTERFACE, GET_DEVICE_ID, 0, index_device_id(&u->info), answer,
                                  (uint16_t)sizeof answer, deadline_ns, &len, f);
        if (rc != CW_OK)
                return rc;
        if (!cw_usb_device_id_parse(answer, len, text, sizeof text) || strlen(text) >= cap)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_REJECT, CW_E_SYNTAX), len, "usb.device_id", "",
                               "the device sent no usable IEEE 1284 device id");
        memcpy(ret, text, strlen(text) + 1);
        return CW_OK;
}

cw_rc cw_usb_port_status(struct cw_usb *u, int64_t deadline_ns, uint8_t *ret, struct cw_fault *f) {
        uint8_t status = 0;
        uint16_t len = 0;
        cw_rc rc = cw_usb_control(u, FROM_INTERFACE, GET_PORT_STATUS, 0, u->info.interface, &status, 1,
                                  deadline_ns, &len, f);
        if (rc != CW_OK)
                return rc;
        *ret = len == 1 ? status : 0;
        return CW_OK;
}

cw_rc cw_usb_soft_reset(struct cw_usb *u, int64_t deadline_ns, struct cw_fault *f) {
        cw_rc rc =
            cw_usb_control(u, TO_INTERFACE, SOFT_RESET, 0, u->info.interface, NULL, 0, deadline_ns, NULL, f);
        if (rc == CW_OK || cw_usb_gone(u))
                return rc;
        return cw_usb_control(u, TO_OTHER, SOFT_RESET, 0, u->info.interface, NULL, 0, deadline_ns, NULL, f);
}
