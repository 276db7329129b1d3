/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, sensors and settings: the R questions of the guide. What a firmware does not know is left out. */
#include "drivers/printer/evolis/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The answer, or "" when the printer has none to give. */
static cw_rc ask(struct cw_evolis *e, const char *command, int64_t deadline_ns, char ret[CW_PRINTER_TEXT_MAX],
                 struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        cw_rc rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        /* OK is no value: a stray one came before the answer, which is still on its way. */
        if (rc == CW_OK && cw_evolis_kind(answer) == CW_EVOLIS_OK) {
                e->out_of_step = true;
                rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        }
        if (rc != CW_OK)
                return rc;
        ret[0] = '\0';
        if (cw_evolis_kind(answer) == CW_EVOLIS_VALUE)
                cw_evolis_quote(answer, ret, CW_PRINTER_TEXT_MAX);
        return CW_OK;
}

struct row {
        const char *name, *command, *unit;
        const char *set;    /* the command that sets it, its value follows; NULL = read only */
        const char *values; /* words, | between */
};

static const struct row counters[] = {
    {"cards", "Rco;c", "cards", NULL, NULL},
    {"panels", "Rco;p", "panels", NULL, NULL},
    {"cleanings", "Rco;n", "", NULL, NULL},
    {"cleaning.interval", "Rco;a", "cards", NULL, NULL},
    {"cleaning.limit", "Rco;m", "cards", NULL, NULL},
    {"ribbon.cards_left", "Rco;l", "cards", NULL, NULL},
    {"ribbon.remaining", "Rrt;count", "prints", NULL, NULL},
    {"ribbon.capacity", "Rrt;qty", "prints", NULL, NULL},
};

/* The guide says of four of them what they see; the others are known by their letter only. */
static const struct row sensors[] = {
    {"cover", "Rse;o", "V", NULL, NULL},      {"feeder", "Rse;f", "V", NULL, NULL},
    {"feeder.low", "Rse;n", "V", NULL, NULL}, {"bezel", "Rse;b", "V", NULL, NULL},
    {"sensor.c", "Rse;c", "V", NULL, NULL},   {"sensor.m", "Rse;m", "V", NULL, NULL},
    {"sensor.p", "Rse;p", "V", NULL, NULL},   {"sensor.r", "Rse;r", "V", NULL, NULL},
};

static const struct row settings[] = {
    {"error_mode", "Rem", "", NULL, NULL},
    {"zone", "Rzp", "", NULL, NULL},
    {"ribbon", "Rr", "", NULL, NULL},
    {"head_kit", "Rkn", "", NULL, NULL},
    {"firmware.checksum", "Rck", "", NULL, NULL},
    {"network.mac", "Rmac", "", NULL, NULL},
    {"network.ip", "Rip", "", NULL, NULL},
    {"mag.coercivity", "Rmc", "", "Pmc;", "h|l"},
    {"mag.track1", "Rmt;1", "", "Pmt;1;", "1|2|3"},
    {"mag.track2", "Rmt;2", "", "Pmt;2;", "1|2|3"},
    {"mag.track3", "Rmt;3", "", "Pmt;3;", "1|2|3"},
    {"mag.density", "Rmd", "", "Pmd;", "75|210"},
};

static void put_volts(struct cw_printer_lines *l, const char *name, const char *answer) {
        int64_t mv = 0;
        char text[24];
        if (!cw_evolis_millivolts(answer, &mv))
                return;
        (void)snprintf(text, sizeof text, "%" PRId64 ".%02" PRId64, mv / 1000, mv % 1000 / 10);
        cw_printer_put_text(l, name, text, "V", false);
}

static void put_count(struct cw_printer_lines *l, const struct row *row, const char *answer) {
        int64_t v = -1;
        if (cw_evolis_number(answer, &v))
                cw_printer_put_number(l, row->name, v, row->unit);
}

static cw_rc read_rows(struct cw_evolis *e, const struct row *rows, size_t count, enum cw_printer_sheet sheet,
                       int64_t deadline_ns, struct cw_printer_lines *ret, struct cw_fault *f) {
        for (size_t i = 0; i < count; i++) {
                char value[CW_PRINTER_TEXT_MAX];
                cw_rc rc = ask(e, rows[i].command, deadline_ns, value, f);
                if (rc != CW_OK)
                        return rc;
                if (sheet == CW_SHEET_SENSORS)
                        put_volts(ret, rows[i].name, value);
                else if (sheet == CW_SHEET_COUNTERS)
                        put_count(ret, &rows[i], value);
                else
                        cw_printer_put_text(ret, rows[i].name, value, "", rows[i].set != NULL);
        }
        return CW_OK;
}

cw_rc cw_evolis_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                      struct cw_printer_lines *ret, struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        switch (sheet) {
        case CW_SHEET_COUNTERS:
                return read_rows(e, counters, sizeof counters / sizeof *counters, sheet, deadline_ns, ret, f);
        case CW_SHEET_SENSORS:
                return read_rows(e, sensors, sizeof sensors / sizeof *sensors, sheet, deadline_ns, ret, f);
        case CW_SHEET_SETTINGS:
                return read_rows(e, settings, sizeof settings / sizeof *settings, sheet, deadline_ns, ret, f);
        case CW_SHEET_MAX_:
                break;
        }
        return CW_OK;
}

static bool one_of(const char *words, const char *value) {
        size_t n = strlen(value);
        for (const char *p = words; n > 0 && p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
                if (strncmp(p, value, n) == 0 && (p[n] == '|' || !p[n]))
                        return true;
        return false;
}

cw_rc cw_evolis_setting(struct cw_printer *p, const char *name, const char *value, int64_t deadline_ns,
                        struct cw_fault *f) {
        char command[16];
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
                const struct row *row = &settings[i];
                if (strcmp(row->name, name) != 0 || !row->set)
                        continue;
                if (!one_of(row->values, value))
                        break;
                (void)snprintf(command, sizeof command, "%s%s", row->set, value);
                return cw_evolis_set((struct cw_evolis *)p, command, deadline_ns, f);
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_RANGE), 0, "evolis.setting",
                       "PRT_SETUP_ERROR", "the setting %.31s does not take this value", name);
}
