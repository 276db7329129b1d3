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

cw_rc cw_printer_barred(const struct cw_printer *p, const char *op, struct cw_fault *f) {
        if (!p->info.barred)
                return CW_OK;
        return cw_fail(
            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_DENIED), 0, op, "PRT_SETUP_ERROR",
            "the %s driver is experimental: its printer's language is public in part only; to make "
            "cards with it set printer_experimental of the station to true",
            p->ops->family);
}
