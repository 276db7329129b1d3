/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, sensors and settings, as a technician reads them. */
#include "drivers/printer/common.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHEET_LIMIT_MS 5000

static const char *const names[CW_SHEET_MAX_] = {
    [CW_SHEET_COUNTERS] = "counters",
    [CW_SHEET_SENSORS] = "sensors",
    [CW_SHEET_SETTINGS] = "settings",
};

const char *cw_printer_sheet_name(enum cw_printer_sheet sheet) {
        return (unsigned)sheet < CW_SHEET_MAX_ ? names[sheet] : "";
}

bool cw_printer_sheet_from_name(const char *name, enum cw_printer_sheet *ret) {
        for (unsigned i = 0; i < CW_SHEET_MAX_; i++)
                if (strcmp(name, names[i]) == 0) {
                        *ret = (enum cw_printer_sheet)i;
                        return true;
                }
        return false;
}

void cw_printer_put_text(struct cw_printer_lines *l, const char *name, const char *value, const char *unit,
                         bool writable) {
        if (!value[0] || l->count == CW_SHEET_LINES_MAX)
                return;
        struct cw_printer_line *line = &l->line[l->count++];
        (void)snprintf(line->name, sizeof line->name, "%s", name);
        (void)snprintf(line->value, sizeof line->value, "%s", value);
        (void)snprintf(line->unit, sizeof line->unit, "%s", unit);
        line->writable = writable;
}

void cw_printer_put_number(struct cw_printer_lines *l, const char *name, int64_t value, const char *unit) {
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRId64, value);
        if (value >= 0)
                cw_printer_put_text(l, name, text, unit, false);
}

static cw_rc unsupported(struct cw_fault *f, const char *op, const char *text) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, op, "PRT_SETUP_ERROR", "%s",
                       text);
}

cw_rc cw_printer_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                       struct cw_printer_lines *ret, struct cw_fault *f) {
        struct cw_printer_lines lines = {.count = 0};
        cw_rc rc = p->ops->sheet(p, sheet, cw_printer_deadline(deadline_ns, SHEET_LIMIT_MS), &lines, f);
        if (rc != CW_OK)
                return rc;
        if (lines.count == 0 && sheet == CW_SHEET_SETTINGS && p->ops->no_settings)
                return unsupported(f, "printer.sheet", p->ops->no_settings);
        if (lines.count == 0)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "printer.sheet",
                               "PRT_SETUP_ERROR", "this printer tells none of its %s; look at its display",
                               cw_printer_sheet_name(sheet));
        *ret = lines;
        return CW_OK;
}

const char *cw_printer_no_settings(const struct cw_printer *p) {
        if (p->ops->setting)
                return "";
        return p->ops->no_settings ? p->ops->no_settings : "nothing can be set in this printer";
}

static const struct cw_printer_line *line_named(const struct cw_printer_lines *l, const char *name) {
        for (size_t i = 0; i < l->count; i++)
                if (strcmp(l->line[i].name, name) == 0)
                        return &l->line[i];
        return NULL;
}

cw_rc cw_printer_setting(struct cw_printer *p, const char *name, const char *value, int64_t deadline_ns,
                         struct cw_fault *f) {
        struct cw_printer_lines lines;
        cw_rc rc = cw_printer_sheet(p, CW_SHEET_SETTINGS, deadline_ns, &lines, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_printer_line *line = line_named(&lines, name);
        if (!p->ops->setting)
                return unsupported(f, "printer.setting", cw_printer_no_settings(p));
        if (!line || !line->writable)
                return unsupported(f, "printer.setting",
                                   "this printer has no such setting, or it can only be read");
        if (strcmp(line->value, value) == 0)
                return CW_OK; /* as it is already */
        rc = p->ops->setting(p, name, value, deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_printer_sheet(p, CW_SHEET_SETTINGS, deadline_ns, &lines, f);
        if (rc != CW_OK)
                return rc;
        line = line_named(&lines, name);
        if (line && strcmp(line->value, value) == 0)
                return CW_OK;
        return cw_fail(
            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISMATCH), 0, "printer.setting", "PRT_SETUP_ERROR",
            "the printer took the setting %.31s and still says something else; look at its display", name);
}
