/* SPDX-License-Identifier: Apache-2.0 */
/* What a technician asks of a printer that has nothing else to do. Bench thread. */
#include "drivers/station/station.h"

#include "base/clock.h"

#include <string.h>

#define LOOK_MS 8000

static struct cw_msg *refused(const struct cw_msg *request, const struct cw_fault *f) {
        return cw_msg_error(request, f);
}

/* The printer, free of any job. */
static cw_rc idle_printer(struct cw_station *st, const char *op, struct cw_printer **ret,
                          struct cw_fault *f) {
        if (cw_work_active(&st->work))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY), 0, op, "PRT_PAUSED",
                               "the station has a card job; ask again when it is finished");
        return cw_machine_use(&st->machine, ret, f);
}

static json_t *lines_json(const struct cw_printer_lines *l) {
        json_t *list = json_array();
        for (size_t i = 0; i < l->count; i++) {
                const struct cw_printer_line *line = &l->line[i];
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "name", line->name,
                                                            "value", line->value, "unit", line->unit,
                                                            "writable", line->writable));
        }
        return list;
}

static struct cw_msg *sheet_reply(const struct cw_msg *request, const struct cw_printer_lines *lines,
                                  const char *text) {
        struct cw_msg *reply = cw_msg_ok(request);
        if (reply)
                (void)json_object_set_new(reply->json, "lines", lines_json(lines));
        if (reply && *text)
                (void)json_object_set_new(reply->json, "text", json_string(text));
        return reply;
}

struct cw_msg *cw_console_sheet(struct cw_station *st, struct cw_msg *request) {
        struct cw_printer *printer = NULL;
        struct cw_printer_lines lines;
        struct cw_fault f = {0};
        enum cw_printer_sheet sheet;
        if (!cw_printer_sheet_from_name(cw_msg_str(request, "sheet", ""), &sheet)) {
                (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_RANGE), 0, "printer.sheet", "",
                              "the sheets of a printer are counters, sensors and settings");
                return refused(request, &f);
        }
        cw_rc rc = idle_printer(st, "printer.sheet", &printer, &f);
        if (rc == CW_OK) {
                rc = cw_printer_sheet(printer, sheet, cw_deadline_ns(LOOK_MS), &lines, &f);
                cw_machine_after(&st->machine, rc, NULL);
        }
        if (rc != CW_OK)
                return refused(request, &f);
        return sheet_reply(request, &lines,
                           sheet == CW_SHEET_SETTINGS ? cw_printer_no_settings(printer) : "");
}

/* All of them or, at the first that is refused, the ones before it: each is a setting of its own. */
static cw_rc apply(struct cw_printer *printer, const json_t *settings, struct cw_fault *f) {
        size_t i = 0;
        const json_t *s = NULL;
        json_array_foreach(settings, i, s) {
                const char *name = json_string_value(json_object_get(s, "name"));
                const char *value = json_string_value(json_object_get(s, "value"));
                if (!name || !value)
                        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "printer.apply",
                                       "", "each setting needs a name and a value, both texts");
                cw_rc rc = cw_printer_setting(printer, name, value, cw_deadline_ns(LOOK_MS), f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

struct cw_msg *cw_console_apply(struct cw_station *st, struct cw_msg *request) {
        struct cw_printer *printer = NULL;
        struct cw_printer_lines lines;
        struct cw_fault f = {0};
        cw_rc rc = idle_printer(st, "printer.apply", &printer, &f);
        if (rc == CW_OK) {
                rc = apply(printer, json_object_get(request->json, "settings"), &f);
                if (rc == CW_OK)
                        rc =
                            cw_printer_sheet(printer, CW_SHEET_SETTINGS, cw_deadline_ns(LOOK_MS), &lines, &f);
                cw_machine_after(&st->machine, rc, NULL);
        }
        return rc == CW_OK ? sheet_reply(request, &lines, "") : refused(request, &f);
}

struct cw_msg *cw_console_raw(struct cw_station *st, struct cw_msg *request) {
        struct cw_printer *printer = NULL;
        struct cw_fault f = {0};
        char answer[512] = "";
        cw_rc rc = idle_printer(st, "printer.raw", &printer, &f);
        if (rc == CW_OK) {
                rc = cw_printer_raw(printer, cw_msg_str(request, "command", ""), cw_deadline_ns(LOOK_MS),
                                    answer, sizeof answer, &f);
                cw_machine_after(&st->machine, rc, NULL);
        }
        struct cw_msg *reply = rc == CW_OK ? cw_msg_ok(request) : refused(request, &f);
        if (rc == CW_OK && reply)
                (void)json_object_set_new(reply->json, "answer", json_string(answer));
        return reply;
}
