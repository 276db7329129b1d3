/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and moves. Moves are not answered: the port status tells. */
#include "magicard.h"

#include <string.h>

enum {
        SOH = 0x01,
        ETX = 0x03,
        CLEANING_PROMPT = 1000,
        MODEL_MAG = 0x01,
        MODEL_DUO = 0x02,
        MODEL_CHIP = 0x10
};

static struct emup_reply *frame(struct emup_model *m, const char *text) {
        static const uint8_t begin = SOH, end = ETX;
        struct emup_reply *r = emup_queue_new(m);
        emup_queue_put(r, &begin, 1);
        emup_queue_put(r, text, strlen(text));
        emup_queue_put(r, &end, 1);
        return r;
}

static void answer(struct emup_model *m, const char *text) {
        if (emup_fault_bite(m, "spurious_ok"))
                (void)frame(m, "STAPrinterstatus OK.\n00:00\n(c0300)");
        emup_note(m, '>', "%s", text);
        emup_queue_spoil(m, frame(m, text));
}

/* Of all pairs only 00:00 and 11:01 are publicly known. 90 and the number of our own error stand for "some
 * other". */
static void error_pair(const struct emup_model *m, unsigned *ret_major, unsigned *ret_minor) {
        enum emup_err err = mgc_error(m);
        *ret_major = err == ERR_NONE ? 0 : err == ERR_FEEDER ? 11 : 90;
        *ret_minor = err == ERR_NONE ? 0 : err == ERR_FEEDER ? 1 : (unsigned)err;
}

static void tell_error(struct emup_model *m) {
        char text[160];
        unsigned major, minor;
        error_pair(m, &major, &minor);
        if (major == 0)
                (void)snprintf(text, sizeof text, "STAPrinterstatus OK.\n00:00\n(c0300)");
        else if (emup_fault_bite(m, "localised"))
                (void)snprintf(text, sizeof text,
                               "STABitte Drucker pr\xfc"
                               "fen.\nFehlercode - %02u:%02u\n(c0201)",
                               major, minor);
        else
                (void)snprintf(text, sizeof text, "STA%s\nError code - %02u:%02u\n(c0201)",
                               emup_err_text(mgc_error(m)), major, minor);
        answer(m, text);
}

static const char *film(const struct emup_model *m) {
        static const struct {
                const char *kind, *name;
        } films[] = {{"ymcko", "LC1"}, {"ymckok", "LC8"}, {"ko", "LC6"}};
        if (!m->ribbon.present || !m->ribbon.tagged)
                return "";
        for (size_t i = 0; i < sizeof films / sizeof films[0]; i++)
                if (strcmp(films[i].kind, m->ribbon.kind) == 0)
                        return films[i].name;
        return "LC3";
}

/* One value for each member of the status in the maker's open CUPS filter, in its order. */
static void tell_all(struct emup_model *m) {
        const struct mgc *l = mgc_of(m);
        const bool tag = m->ribbon.present && m->ribbon.tagged;
        char text[EMUP_REPLY_MAX - 2];
        unsigned major, minor;
        error_pair(m, &major, &minor);
        int duo = m->cfg.flip != EMUP_FLIP_NONE ? MODEL_DUO : 0;
        int n =
            snprintf(text, sizeof text, "STA%d,%s,1,%s,H%s,B%s,%s,0,0,0,0,0,0,", MODEL_MAG | MODEL_CHIP | duo,
                     m->model, m->serial, m->serial, m->serial, m->firmware);
        n += snprintf(text + n, sizeof text - (size_t)n, "%llu,%llu,%llu,%llu,%llu,%llu,%d,%u,50,50,%u,%u,",
                      (unsigned long long)l->printed, (unsigned long long)l->printed,
                      (unsigned long long)m->count.panels, (unsigned long long)m->count.cleanings,
                      (unsigned long long)m->count.panels, (unsigned long long)m->count.since_cleaning,
                      CLEANING_PROMPT, l->head_position, major, minor);
        (void)snprintf(text + n, sizeof text - (size_t)n, "%s,%u,%u,%s,0,0,0,0,0,0,0,0,",
                       tag ? m->ribbon.serial : "", tag ? m->ribbon.capacity : 0,
                       tag ? m->ribbon.capacity - m->ribbon.remaining : 0, film(m));
        answer(m, text);
}

static void tell_number(struct emup_model *m, const char *key, uint64_t v) {
        char text[64];
        (void)snprintf(text, sizeof text, "STA,%s%llu,", key, (unsigned long long)v);
        answer(m, text);
}

/* The keys of the older printers; panels remaining is what is on the film, five a card. */
static void tell_one(struct emup_model *m, const char *key) {
        const struct mgc *l = mgc_of(m);
        const struct {
                const char *key;
                uint64_t value;
        } numbers[] = {{"TCQ", l->printed},
                       {"TCP", l->printed},
                       {"TCN", m->count.cleanings},
                       {"CCQ", m->count.since_cleaning},
                       {"CCP", CLEANING_PROMPT},
                       {"TPQ", m->count.panels},
                       {"CPQ", m->count.panels},
                       {"DFR", m->ribbon.present && m->ribbon.tagged ? 5u * m->ribbon.remaining : 0},
                       {"FPP", l->head_position},
                       {"MDL", 0}};
        const struct {
                const char *key, *value;
                const char *before; /* as in tell_all: the head is H, the board B of the printer's */
        } texts[] = {{"MSR", m->serial, ""},
                     {"PSR", m->serial, "H"},
                     {"BSR", m->serial, "B"},
                     {"VRS", m->firmware, ""}};
        char text[EMUP_REPLY_MAX - 2];
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
                if (strcmp(numbers[i].key, key) == 0) {
                        tell_number(m, key, numbers[i].value);
                        return;
                }
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
                if (strcmp(texts[i].key, key) == 0) {
                        (void)snprintf(text, sizeof text, "STA,%s%s%s,", key, texts[i].before,
                                       texts[i].value);
                        answer(m, text);
                        return;
                }
        emup_violation(m, "REQ,STA with an unknown key \"%.8s\"", key);
}

static void test_card(struct emup_model *m) {
        m->seq.ribbon_used = false;
        struct emup_op *op = emup_op_new(m, "TST");
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, STEP_TO_PRINT);
        emup_op_step(op, STEP_TEST_PATTERN);
        emup_op_step(op, STEP_EJECT);
        emup_op_run(m);
}

static bool move(struct emup_model *m, const char *name) {
        struct emup_op *op;
        if (strcmp(name, "TST") == 0) {
                test_card(m);
                return true;
        }
        if (strcmp(name, "CHPUP") == 0) {
                op = emup_op_new(m, name);
                emup_op_step(op, STEP_FEED);
                emup_op_step(op, STEP_TO_CONTACT);
                emup_op_step(op, STEP_ENGAGE);
        } else if (strcmp(name, "CHPDOWN") == 0) {
                emup_op_step(op = emup_op_new(m, name), STEP_TO_PRINT);
        } else if (strcmp(name, "EJT") == 0) {
                emup_op_step(op = emup_op_new(m, name), STEP_EJECT);
        } else if (strcmp(name, "CLN") == 0) {
                emup_op_step(op = emup_op_new(m, name), STEP_CLEAN);
        } else {
                return false;
        }
        emup_op_run(m);
        return true;
}

static bool question(struct emup_model *m, const char *text) {
        const bool old = mgc_of(m)->old;
        bool error = strcmp(text, ",REQ,ERR") == 0, all = strcmp(text, ",REQ,INF") == 0;
        bool one = strncmp(text, "REQ,STA,", 8) == 0;
        if (!error && !all && !one)
                return false;
        /* Each generation ignores what only the other knows. */
        if (one && old)
                tell_one(m, text + 8);
        else if (error && !old)
                tell_error(m);
        else if (all && !old)
                tell_all(m);
        return true;
}

void mgc_request(struct emup_model *m, const char *text) {
        char name[32];
        size_t n = strlen(text);
        if (n && text[n - 1] == ',')
                n--;
        (void)snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 31, text);
        const char *plain = *name == ',' ? name + 1 : name;
        m->stat.commands++;
        emup_note(m, '<', "%s", name);
        emup_fault_on_command(m, plain);
        if (emup_fault_bite_match(m, "error_cde", plain))
                return;
        if (question(m, name))
                return;
        if (strcmp(name, "CAN") == 0) {
                mgc_cancel(m);
                return;
        }
        if (strcmp(name, "RST") == 0) {
                mgc_cancel(m);
                m->reply_count = 0;
                return;
        }
        if (mgc_error(m) != ERR_NONE) {
                emup_violation(m, "%s while an error is shown", name);
                return;
        }
        if (!move(m, name))
                emup_violation(m, "unknown command \"%s\"", name);
}
