/* SPDX-License-Identifier: Apache-2.0 */
/* R commands: they answer at once and move nothing. */
#include "model_int.h"

#include <string.h>

static bool arg_is(const struct emup_args *a, const char *what) {
        return a->n == 1 && strcmp(a->arg[0], what) == 0;
}

static void reply_number(struct emup_model *m, uint64_t v) {
        char text[24];
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)v);
        emup_reply_text(m, text);
}

static void refuse(struct emup_model *m, const struct emup_args *a) {
        emup_violation(m, "%s;%s: no such field", a->name, a->n ? a->arg[0] : "");
        emup_reply_err(m, ERR_PARAMETER);
}

/* Two generations use OK for opposite things: the path is empty, or a card stands at the head. */
static const char *position_text(const struct emup_model *m) {
        if (m->jammed)
                return "ERR CARD";
        if (m->cfg.old_positions)
                return m->pos == POS_NONE ? "NO CARD" : m->pos == POS_PRINT ? "OK" : "ERR CARD";
        switch (m->pos) {
        case POS_NONE:
                return "OK";
        case POS_CONTACT:
                return "SMART CARD";
        case POS_CONTACTLESS:
                return "CONTACTLESS CARD";
        case POS_TRANSPORT:
        case POS_MAG:
        case POS_PRINT:
                break;
        }
        return "CARD";
}

static void read_levels(struct emup_model *m, const struct emup_args *a) {
        if (a->n == 0)
                emup_reply_text(m, m->jammed ? "ERR CARD" : "OK");
        else if (arg_is(a, "p"))
                emup_reply_text(m, position_text(m));
        else if (arg_is(a, "h"))
                emup_reply_text(m, m->reject_full || m->reject_count == EMUP_TRAY_MAX ? "CARD" : "OK");
        else if (arg_is(a, "r"))
                emup_reply_text(m, m->count.since_cleaning >= EMUP_CLEANING_AVERAGE ? "ERR NEED CLEANING"
                                                                                    : "OK");
        else
                refuse(m, a);
}

static void read_counters(struct emup_model *m, const struct emup_args *a) {
        const struct {
                const char *field;
                uint64_t value;
        } counters[] = {
            {"p", m->count.panels},       {"c", m->count.fed},
            {"a", EMUP_CLEANING_AVERAGE}, {"m", EMUP_CLEANING_MAXIMUM},
            {"n", m->count.cleanings},    {"l", m->ribbon.present ? m->ribbon.remaining : 0},
        };
        for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
                if (arg_is(a, counters[i].field)) {
                        reply_number(m, counters[i].value);
                        return;
                }
        refuse(m, a);
}

static void read_ribbon_tag(struct emup_model *m, const struct emup_args *a) {
        if (!m->ribbon.present || !m->ribbon.tagged)
                emup_reply_err(m, ERR_RIBBON_TAG);
        else if (arg_is(a, "zone"))
                emup_reply_text(m, "1");
        else if (arg_is(a, "qty"))
                reply_number(m, m->ribbon.capacity);
        else if (arg_is(a, "count"))
                reply_number(m, m->ribbon.remaining);
        else
                refuse(m, a);
}

/* Sensor voltages with a decimal comma. c m p r are known by name only: at rest they tell what is in front of
 * them. */
static void read_sensor(struct emup_model *m, const struct emup_args *a) {
        uint32_t cards = m->hopper + m->inserted_count;
        const struct {
                const char *sensor;
                bool high;
        } sensors[] = {
            {"o", !m->cover_open},      {"f", cards > 0},
            {"n", cards <= 10},         {"b", false},
            {"c", m->pos != POS_NONE},  {"m", m->pos == POS_MAG},
            {"p", m->pos == POS_PRINT}, {"r", m->ribbon.present},
        };
        for (size_t i = 0; i < sizeof sensors / sizeof *sensors; i++)
                if (arg_is(a, sensors[i].sensor)) {
                        emup_reply_text(m, sensors[i].high ? "5,00 Volts" : "0,00 Volts");
                        return;
                }
        refuse(m, a);
}

static void read_error_mode(struct emup_model *m) {
        char text[24];
        const char *saved = "0";
        for (unsigned i = 0; i < m->setting_count; i++)
                if (strcmp(m->settings[i].key, "Pem") == 0 && m->settings[i].saved)
                        saved = m->settings[i].value;
        (void)snprintf(text, sizeof text, "%d,%s", m->error_mode, saved);
        emup_reply_text(m, text);
}

/* Rmt;t Rmtc;t tell what Pmt and Pmtc set; Rmc and Rmd their one value. */
static void read_magnetic(struct emup_model *m, const struct emup_args *a) {
        char key[24];
        int n = snprintf(key, sizeof key, "P%s%s%.8s", a->name + 1, a->n ? ";" : "", a->n ? a->arg[0] : "");
        const char *value = n > 0 ? emup_setting(m, key) : "";
        if (!*value && strcmp(a->name, "Rmt") == 0 && a->n == 1 && strlen(a->arg[0]) == 1 &&
            strchr("123", a->arg[0][0]))
                value = a->arg[0]; /* the ISO format of that track, before anybody sets one */
        if (*value)
                emup_reply_text(m, value);
        else
                refuse(m, a);
}

static const char *plain_text(const struct emup_model *m, const char *name) {
        const struct {
                const char *name, *text;
        } texts[] = {
            {"Rfv", m->firmware},
            {"Rsn", m->serial},
            {"Rtp", m->model},
            {"Rkn", "001000123"},
            {"Rck", "4F2A"},
            {"Rmac", "00:00:00:00:00:00"},
            {"Rip", "0.0.0.0"},
            {"Rzp", "1"},
            {"Rr", m->ribbon.tagged ? m->ribbon.kind : emup_setting(m, "Pr")},
        };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                if (strcmp(texts[i].name, name) == 0)
                        return texts[i].text;
        return NULL;
}

bool emup_read(struct emup_model *m, const struct emup_args *a) {
        const char *text = plain_text(m, a->name);
        if (text && a->n == 0)
                emup_reply_text(m, text);
        else if (text)
                refuse(m, a);
        else if (strcmp(a->name, "Rlr") == 0)
                read_levels(m, a);
        else if (strcmp(a->name, "Rco") == 0)
                read_counters(m, a);
        else if (strcmp(a->name, "Rrt") == 0)
                read_ribbon_tag(m, a);
        else if (strcmp(a->name, "Rse") == 0)
                read_sensor(m, a);
        else if (strcmp(a->name, "Rem") == 0 && a->n == 0)
                read_error_mode(m);
        else if (strcmp(a->name, "Rmt") == 0 || strcmp(a->name, "Rmc") == 0 || strcmp(a->name, "Rmd") == 0 ||
                 strcmp(a->name, "Rmtc") == 0)
                read_magnetic(m, a);
        else
                return false;
        return true;
}
