/* SPDX-License-Identifier: Apache-2.0 */
/* P commands: settings, checked against one table, kept as text, lost at power-off unless saved with ";s". */
#include "model_int.h"

#include <stdlib.h>
#include <string.h>

#define RIBBONS "k|ymcko|ymckos|ymckok|kb|kw|kr|kbl|kgr|kgo|ksi|ksc|ko|h|o|Ktc|Ktp|Ka"

enum kind { NONE, WORD, INT, SIGN };

struct field {
        enum kind kind;
        const char *words; /* WORD: accepted, separated by | */
        int low, high;     /* INT */
};

struct rule {
        const char *name;
        struct field field[4];
        unsigned required;
        bool indexed; /* one setting per first field */
        bool save;    /* ";s" may follow */
        const char *power_on;
};

/* clang-format off */
#define PANEL { WORD, "y|m|c|k|o", 0, 0 }
#define TRACK { INT, NULL, 1, 3 }
#define ONE_INT(low, high) { { INT, NULL, low, high } }
#define ONE_WORD(words) { { WORD, words, 0, 0 } }

static const struct rule rules[] = {
        { "Pem", ONE_INT(0, 63), 1, false, true, "0" },
        { "Pr", ONE_WORD(RIBBONS), 1, false, false, NULL },
        { "Pc", { PANEL, { SIGN, NULL, 0, 0 }, { INT, NULL, 0, 100 } }, 3, true, false, NULL },
        { "Pl", { PANEL, { SIGN, NULL, 0, 0 }, { INT, NULL, 0, 100 } }, 3, true, false, NULL },
        { "Ps", { PANEL, { INT, NULL, 0, 100 } }, 2, true, false, NULL },
        { "Px", ONE_INT(-200, 200), 1, false, true, "0" },
        { "Py", ONE_INT(-200, 200), 1, false, true, "0" },
        { "Pos", ONE_INT(0, 2000), 1, false, true, "1158" },
        { "Poc", ONE_INT(0, 2000), 1, false, true, "1158" },
        { "Pmi", ONE_WORD("F"), 1, false, true, "F" },
        { "Pmc", ONE_WORD("h|l"), 1, false, true, "h" },
        { "Pmt", { TRACK, { INT, NULL, 1, 3 } }, 2, true, true, NULL },
        { "Pmd", ONE_WORD("75|210"), 1, false, true, "210" },
        { "Pmtc", { TRACK, { INT, NULL, 0, 255 }, { INT, NULL, 0, 255 }, { WORD, "ON", 0, 0 } }, 4, true, true,
          NULL },
        { "Pmts", { TRACK, { INT, NULL, 0, 200 } }, 2, true, true, NULL },
        { "Pmbs", ONE_INT(1, 4096), 1, false, true, "512" },
        { "Pml", ONE_INT(1, 2000), 1, false, true, "1032" },
        { "Psmgr", ONE_INT(0, 3), 1, false, true, "0" },
        { "Pcim", ONE_WORD("F"), 1, false, true, "F" },
        { "Pcem", ONE_WORD("I|M"), 1, false, true, "M" },
        { "Pcrm", ONE_WORD("D"), 1, false, true, "D" },
        { "Pneab", { { WORD, "E|A", 0, 0 }, { INT, NULL, 0, 1 } }, 1, false, true, "A" },
        /* Seen from the Windows driver and from QZ Tray; without effect on what the card looks like here. */
        { "Pdt", ONE_WORD("DU"), 1, false, false, NULL },
        { "Mr", ONE_WORD("s"), 1, false, false, NULL },
        { "Ppws", ONE_INT(0, 2147483647), 1, false, false, NULL },
        { "Pps", ONE_INT(0, 1), 1, false, false, NULL },
        { "Pwr", ONE_INT(0, 1), 1, false, false, NULL },
        { "Wcb", { { WORD, "k", 0, 0 }, { INT, NULL, 0, 1 } }, 2, true, false, NULL },
};
/* clang-format on */

const char *emup_setting(const struct emup_model *m, const char *key) {
        for (unsigned i = 0; i < m->setting_count; i++)
                if (strcmp(m->settings[i].key, key) == 0)
                        return m->settings[i].value;
        return "";
}

void emup_setting_put(struct emup_model *m, const char *key, const char *value, bool saved) {
        unsigned i = 0;
        while (i < m->setting_count && strcmp(m->settings[i].key, key) != 0)
                i++;
        if (i == EMUP_SETTINGS_MAX)
                return;
        if (i == m->setting_count)
                m->setting_count++;
        struct emup_setting *s = &m->settings[i];
        (void)snprintf(s->key, sizeof s->key, "%s", key);
        (void)snprintf(s->value, sizeof s->value, "%s", value);
        s->saved = saved;
}

void emup_settings_power_on(struct emup_model *m) {
        unsigned kept = 0;
        for (unsigned i = 0; i < m->setting_count; i++)
                if (m->settings[i].saved)
                        m->settings[kept++] = m->settings[i];
        m->setting_count = kept;
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
                if (rules[i].power_on && !*emup_setting(m, rules[i].name))
                        emup_setting_put(m, rules[i].name, rules[i].power_on, false);
        m->error_mode = (int)emup_number(emup_setting(m, "Pem"));
}

static bool in_words(const char *words, const char *s) {
        size_t n = strlen(s);
        for (const char *p = words; p && n; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
                if (strncmp(p, s, n) == 0 && (p[n] == '|' || p[n] == '\0'))
                        return true;
        return false;
}

static bool in_range(const struct field *f, const char *s) {
        char *end;
        long v = strtol(s, &end, 10);
        return *s && *s != ' ' && *s != '+' && *end == '\0' && v >= f->low && v <= f->high;
}

static bool field_ok(const struct field *f, const char *s) {
        switch (f->kind) {
        case WORD:
                return in_words(f->words, s);
        case INT:
                return in_range(f, s);
        case SIGN:
                return in_words("+|-|=", s);
        case NONE:
                break;
        }
        return false;
}

/* Number of fields when all are fine, else -1. *ret_saved: the ";s" was there. */
static int check(const struct rule *r, const struct emup_args *a, bool *ret_saved) {
        unsigned n = a->n;
        *ret_saved = r->save && n > r->required && strcmp(a->arg[n - 1], "s") == 0;
        if (*ret_saved)
                n--;
        if (n < r->required || n > 4)
                return -1;
        for (unsigned i = 0; i < n; i++)
                if (!field_ok(&r->field[i], a->arg[i]))
                        return -1;
        return (int)n;
}

static void store(struct emup_model *m, const struct rule *r, const struct emup_args *a, int n, bool saved) {
        char key[16], value[48] = "";
        int first = r->indexed ? 1 : 0;
        (void)snprintf(key, sizeof key, r->indexed ? "%s;%s" : "%s", r->name, a->arg[0]);
        for (int i = first; i < n; i++) {
                size_t used = strlen(value);
                (void)snprintf(value + used, sizeof value - used, "%s%s", i > first ? ";" : "", a->arg[i]);
        }
        emup_setting_put(m, key, value, saved);
        if (strcmp(r->name, "Pem") == 0)
                m->error_mode = (int)emup_number(a->arg[0]);
}

bool emup_param(struct emup_model *m, const struct emup_args *a) {
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
                if (strcmp(rules[i].name, a->name) != 0)
                        continue;
                bool saved;
                int n = check(&rules[i], a, &saved);
                if (n < 0) {
                        emup_violation(m, "%s: wrong parameters", a->name);
                        emup_reply_err(m, ERR_PARAMETER);
                } else {
                        store(m, &rules[i], a, n, saved);
                        emup_reply_ok(m);
                }
                return true;
        }
        return false;
}

/* Pem: 0 to 5, 16 and 18 are a list, every other value is a bit field. */
static bool listed(int v) {
        return (v >= 0 && v <= 5) || v == 16 || v == 18;
}

bool emup_host_managed(const struct emup_model *m) {
        int v = m->error_mode;
        return listed(v) ? v != 0 && v != 16 : (v & 2) != 0;
}

bool emup_cover_ignored(const struct emup_model *m) {
        int v = m->error_mode;
        return listed(v) ? v == 1 : (v & 4) != 0;
}

bool emup_busy_line(const struct emup_model *m) {
        int v = m->error_mode;
        return listed(v) ? v < 3 || v > 5 : (v & 8) == 0;
}

bool emup_ack_mode(const struct emup_model *m) {
        int v = m->error_mode;
        return listed(v) ? v == 4 : (v & 16) != 0;
}

bool emup_mag_goes_on(const struct emup_model *m) {
        int v = m->error_mode;
        return listed(v) ? v == 5 : (v & 32) != 0;
}
