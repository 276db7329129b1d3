/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration switches in a driver. */
#include "drivers/printer/common.h"

#include <stdio.h>
#include <string.h>

static const char separators[] = " ,";

static bool bit_of(const struct cw_printer_quirk *list, const char *word, size_t len, uint32_t *ret) {
        for (uint32_t i = 0; list && list[i].word; i++)
                if (strlen(list[i].word) == len && memcmp(list[i].word, word, len) == 0) {
                        *ret |= UINT32_C(1) << i;
                        return true;
                }
        return false;
}

/* "a, b" of all words the driver knows, for the sentence. */
static void known_words(const struct cw_printer_quirk *list, char *ret, size_t cap) {
        size_t n = 0;
        ret[0] = '\0';
        for (; list && list->word && n < cap; list++)
                n += (size_t)snprintf(ret + n, cap - n, "%s%s", n ? ", " : "", list->word);
}

cw_rc cw_printer_quirks(const struct cw_printer_ops *driver, const char *words, uint32_t *ret,
                        struct cw_fault *f) {
        uint32_t bits = 0;
        char known[120];
        for (const char *p = words ? words : ""; *p; p += strspn(p, separators)) {
                size_t len = strcspn(p, separators);
                if (len > 0 && !bit_of(driver->quirks, p, len, &bits)) {
                        known_words(driver->quirks, known, sizeof known);
                        return cw_fail(
                            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "printer.open",
                            "PRT_SETUP_ERROR", "printer_quirks: the %s driver has no \"%.*s\"; it has: %s",
                            driver->family, len < 24 ? (int)len : 24, p, known[0] ? known : "none");
                }
                p += len;
        }
        *ret = bits;
        return CW_OK;
}

static const char heat_order[] = "ymcko";

/* "k=10"; false when it is no such thing or out of range. */
static bool heat_of(const struct cw_printer_heat_range *range, const char *p, size_t len, int16_t ret[5]) {
        const char *at = len > 2 && p[1] == '=' ? strchr(heat_order, p[0]) : NULL;
        int value = 0;
        if (!at || !strchr(range->panels, p[0]) || len > 5)
                return false;
        for (size_t i = 2; i < len; i++) {
                if (p[i] < '0' || p[i] > '9')
                        return false;
                value = value * 10 + (p[i] - '0');
        }
        if (value < range->min || value > range->max)
                return false;
        ret[at - heat_order] = (int16_t)value;
        return true;
}

static cw_rc bad_heat(struct cw_fault *f, const struct cw_printer_ops *driver) {
        const struct cw_printer_heat_range *r = driver->heat;
        if (!r)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "printer.open",
                               "PRT_SETUP_ERROR",
                               "printer_heat: no public command sets the heat of a %s printer; set it at the "
                               "printer",
                               driver->family);
        return cw_fail(
            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_RANGE), 0, "printer.open", "PRT_SETUP_ERROR",
            "printer_heat of a %s printer is PANEL=%d..%d, commas between, of the panels %s%s",
            driver->family, r->min, r->max, r->panels, r->one_colour ? ", y m and c the same" : "");
}

cw_rc cw_printer_heats(const struct cw_printer_ops *driver, const char *words, int16_t ret[5],
                       struct cw_fault *f) {
        int16_t heat[5] = {-1, -1, -1, -1, -1};
        for (const char *p = words ? words : ""; *p; p += strspn(p, separators)) {
                size_t len = strcspn(p, separators);
                if (len > 0 && (!driver->heat || !heat_of(driver->heat, p, len, heat)))
                        return bad_heat(f, driver);
                p += len;
        }
        if (driver->heat && driver->heat->one_colour && (heat[0] != heat[1] || heat[1] != heat[2]))
                return bad_heat(f, driver);
        memcpy(ret, heat, sizeof heat);
        return CW_OK;
}

int cw_printer_heat(const struct cw_printer *p, char panel) {
        const char *at = panel ? strchr(heat_order, panel) : NULL;
        return at ? p->heat[at - heat_order] : -1;
}

void cw_printer_put_firmware(struct cw_printer_info *info, const char *part, const char *version) {
        size_t i = 0;
        while (i < CW_PRINTER_FIRMWARES_MAX && info->parts[i].part[0])
                i++;
        if (i == CW_PRINTER_FIRMWARES_MAX || !version[0])
                return;
        (void)snprintf(info->parts[i].part, sizeof info->parts[i].part, "%s", part);
        (void)snprintf(info->parts[i].version, sizeof info->parts[i].version, "%.23s", version);
}

cw_rc cw_printer_barred(const struct cw_printer *p, const char *op, struct cw_fault *f) {
        if (!p->info.barred)
                return CW_OK;
        return cw_fail(
            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_DENIED), 0, op, "PRT_SETUP_ERROR",
            "the %s driver is experimental: its printer's language is public in part only; to make "
            "cards with it set printer_experimental of the station to true",
            p->ops->family);
}
