/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the manual as far as they are known; any other is a violation, Z above all. */
#include "zebra.h"

#include <stdlib.h>
#include <string.h>

enum { BAD_PARAMETER = 10, BAD_PLACE = 11, UNKNOWN = 14, BAD_IMAGE = 31, IN_ENCODER = 5, NOT_IN_ENCODER = 6 };

int zbr_code(enum emup_err err) {
        static const int codes[ERR_COUNT] = {
            [ERR_CARD] = 3,        [ERR_MECHANICAL] = 45, [ERR_COVER] = 48,       [ERR_FEEDER] = 4,
            [ERR_RIBBON] = 35,     [ERR_RIBBON_TAG] = 1,  [ERR_RIBBON_ENDED] = 8, [ERR_OUTPUT_FULL] = 3,
            [ERR_CLEANING] = 3,    [ERR_MAG_WRITE] = 41,  [ERR_MAG_READ] = 42,    [ERR_MAG_DATA] = 40,
            [ERR_COMMAND] = 14,    [ERR_PARAMETER] = 10,  [ERR_SEQUENCE] = 54,    [ERR_DATA] = 31,
            [ERR_REJECT_FULL] = 3,
        };
        return codes[err];
}

/* Decimal numbers with one blank before each; how many, at most cap; -1 = something else. */
static int numbers(const char *text, unsigned *ret, int cap) {
        int n = 0;
        while (*text) {
                char *end;
                if (n == cap || *text != ' ' || text[1] < '0' || text[1] > '9')
                        return -1;
                ret[n++] = (unsigned)strtoul(text + 1, &end, 10);
                text = end;
        }
        return n;
}

static void wrong(struct emup_model *m, int code, const char *what) {
        emup_violation(m, "%s", what);
        zbr_nack(m, code);
}

/* ---- images ---- */

long zbr_image_size(struct emup_model *m, const uint8_t *text, size_t len) {
        struct zbr *l = zbr_of(m);
        char head[ZBR_TEXT_MAX + 1];
        unsigned v[6];
        if (len < 3 || memcmp(text, "GS ", 3) != 0)
                return 0;
        memcpy(head, text, len - 1); /* without the blank behind the last number */
        head[len - 1] = '\0';
        int n = numbers(head + 2, v, 6);
        if (n >= 0 && n < 6)
                return 0;
        if (n != 6 || v[0] > 2 || v[1] != 32 || !v[4] || !v[5] || v[2] + v[4] > l->width ||
            v[3] + v[5] > l->height) {
                wrong(m, BAD_PLACE, "GS with parameters that are not known or do not fit");
                return -1;
        }
        l->image_buffer = v[0];
        l->image_x = v[2];
        l->image_y = v[3];
        l->image_lines = v[4];
        l->image_dots = v[5];
        return (long)v[4] * (long)v[5];
}

static void beside(struct emup_model *m, size_t outside) {
        if (outside)
                emup_violation(m, "%zu dots beside the card", outside);
}

void zbr_image(struct emup_model *m, const uint8_t *data) {
        struct zbr *l = zbr_of(m);
        size_t outside = 0;
        m->stat.commands++;
        emup_note(m, '<', "GS %u", l->image_buffer);
        emup_fault_on_command(m, "GS");
        if (emup_fault_bite_match(m, "error_cde", "GS")) {
                zbr_nack(m, UNKNOWN);
                return;
        }
        for (unsigned x = 0; x < l->image_lines; x++)
                for (unsigned y = 0; y < l->image_dots; y++)
                        outside += !zbr_put(l, l->image_buffer, l->image_x + x, l->image_y + y,
                                            data[(size_t)x * l->image_dots + y]);
        beside(m, outside);
        l->filled[l->image_buffer] = true;
        zbr_ack(m);
}

static void graphic(struct emup_model *m, const char *args, unsigned buffer) {
        struct zbr *l = zbr_of(m);
        struct zbr_area *a = &l->area[buffer - 3];
        unsigned v[6];
        if (numbers(args, v, 6) != 6 || v[1] != 0 || v[2] != 0 || v[5] != 1 || !v[3] || !v[4] ||
            v[3] > ZBR_LINE_MAX || v[3] * 8 > l->height || v[0] + v[4] > l->width) {
                wrong(m, BAD_PLACE, "G with parameters that are not known or do not fit");
                return;
        }
        *a = (struct zbr_area){.open = true, .x = v[0], .bytes = v[3], .lines = v[4]};
        zbr_ack(m);
}

static void line(struct emup_model *m, const uint8_t *data, size_t len, unsigned buffer) {
        struct zbr *l = zbr_of(m);
        struct zbr_area *a = &l->area[buffer - 3];
        size_t outside = 0;
        if (!a->open || len != a->bytes) {
                wrong(m, BAD_IMAGE, "a line of another length than G said, or without a G");
                return;
        }
        for (unsigned y = 0; y < a->bytes * 8; y++)
                outside += !zbr_put(l, buffer, a->x + a->next, y, (data[y / 8] >> (7 - y % 8)) & 1);
        beside(m, outside);
        if (++a->next == a->lines) {
                a->open = false;
                l->filled[buffer] = true;
        }
        zbr_ack_line(m);
}

/* ---- questions ---- */

static void version(struct emup_model *m, const char *args) {
        const struct zbr *l = zbr_of(m);
        char text[96];
        unsigned option;
        if (!*args) {
                (void)snprintf(text, sizeof text, "%s %s", m->model, m->firmware);
                zbr_text(m, text, false);
        } else if (numbers(args, &option, 1) != 1) {
                wrong(m, BAD_PARAMETER, "V with something that is no option");
        } else if ((option == 12 && l->encoder) || (option == 20 && l->extended)) {
                zbr_ack(m);
        } else {
                zbr_nack(m, BAD_PARAMETER);
        }
}

static void present(struct emup_model *m) {
        zbr_nack(m, m->card && m->pos == POS_MAG ? IN_ENCODER : NOT_IN_ENCODER);
}

/* ---- moves and stripe ---- */

static void run(struct emup_model *m, const char *name, enum emup_step a, enum emup_step b) {
        struct emup_op *op = emup_op_new(m, name);
        emup_op_step(op, a);
        if (b != STEP_COUNT)
                emup_op_step(op, b);
        (void)snprintf(op->box, sizeof op->box, "output");
        emup_op_run(m);
}

static void encode(struct emup_model *m) {
        struct emup_op *op;
        if (!m->card) {
                wrong(m, NOT_IN_ENCODER, "&E* without a card");
                return;
        }
        op = emup_op_new(m, "&E*");
        emup_op_step(op, STEP_TO_MAG);
        emup_op_step(op, STEP_MAG_WRITE);
        emup_op_step(op, STEP_TO_PRINT);
        emup_op_run(m);
}

static void read_track(struct emup_model *m, const char *args) {
        if (strlen(args) != 1 || *args < '1' || *args > '3') {
                wrong(m, BAD_PARAMETER, "&L of something that is no track");
                return;
        }
        if (!m->card) {
                wrong(m, NOT_IN_ENCODER, "&L without a card");
                return;
        }
        struct emup_op *op = emup_op_new(m, "&L");
        op->track = (unsigned)(*args - '1');
        emup_op_step(op, STEP_TO_MAG);
        emup_op_step(op, STEP_MAG_READ);
        emup_op_step(op, STEP_TO_PRINT);
        emup_op_run(m);
}

/* "&B t data": the buffers keep what they have until something else is written to them. */
static void load_track(struct emup_model *m, const uint8_t *args, size_t len) {
        char text[EMUP_TRACK_TEXT_MAX + 1];
        if (len < 4 || args[0] != ' ' || args[1] < '1' || args[1] > '3' || args[2] != ' ' ||
            len - 3 > EMUP_TRACK_TEXT_MAX) {
                wrong(m, BAD_PARAMETER, "&B that is none");
                return;
        }
        unsigned t = (unsigned)(args[1] - '0');
        memcpy(text, args + 3, len - 3);
        text[len - 3] = '\0';
        if (emup_stripe_encode(t, text, &m->seq.loaded[t - 1]) != EMUP_STRIPE_OK)
                wrong(m, zbr_code(ERR_MAG_DATA), "a track that the stripe cannot hold");
        else
                zbr_ack(m);
}

static void intensity(struct emup_model *m, const char *args) {
        unsigned v;
        if (numbers(args, &v, 1) != 1 || v > 99) {
                wrong(m, BAD_PARAMETER, "+C that is none");
                return;
        }
        m->setting_count = 1;
        (void)snprintf(m->settings[0].key, sizeof m->settings[0].key, "+C");
        (void)snprintf(m->settings[0].value, sizeof m->settings[0].value, "%u", v);
        zbr_ack(m);
}

/* ---- which is it ---- */

static void clear(struct emup_model *m, unsigned first, unsigned last) {
        for (unsigned i = first; i <= last; i++)
                zbr_clear(zbr_of(m), i);
        zbr_ack(m);
}

static bool plain(struct emup_model *m, const char *t) {
        if (strcmp(t, "MI") == 0)
                run(m, t, STEP_FEED, STEP_TO_PRINT);
        else if (strcmp(t, "MO") == 0 || strcmp(t, "MC") == 0)
                run(m, t, STEP_EJECT, STEP_COUNT);
        else if (strcmp(t, "A") == 0 || strcmp(t, "IMB") == 0) {
                struct emup_op *op = emup_op_new(m, t);
                m->seq.ribbon_used = false;
                emup_op_step(op, STEP_FEED);
                emup_op_step(op, STEP_TO_PRINT);
                emup_op_step(op, STEP_TEST_PATTERN);
                emup_op_step(op, STEP_EJECT);
                emup_op_run(m);
        } else if (strcmp(t, "F") == 0)
                clear(m, 3, 3);
        else if (strcmp(t, "vF") == 0)
                clear(m, 4, 4);
        else if (strcmp(t, "$F") == 0)
                clear(m, 0, 2);
        else if (strcmp(t, "&R") == 0 || strcmp(t, "&CDEW 0 0") == 0 || strcmp(t, "&CDER 0 0") == 0)
                zbr_ack(m);
        else if (strcmp(t, "&E*") == 0)
                encode(m);
        else if (strcmp(t, "&P") == 0)
                present(m);
        else
                return false;
        return true;
}

static bool with_arguments(struct emup_model *m, const char *t) {
        if (*t == 'V' && (!t[1] || t[1] == ' '))
                version(m, t + 1);
        else if (strncmp(t, "G ", 2) == 0)
                graphic(m, t + 1, 3);
        else if (strncmp(t, "vG ", 3) == 0)
                graphic(m, t + 2, 4);
        else if (strncmp(t, "&L", 2) == 0)
                read_track(m, t + 2);
        else if (strncmp(t, "M 1 ", 4) == 0)
                zbr_print(m, t + 4, "M");
        else if (strncmp(t, "+C ", 3) == 0)
                intensity(m, t + 2);
        else if (strncmp(t, "I", 1) == 0)
                zbr_print(m, t, "I");
        else
                return false;
        return true;
}

/* The name of a command as a fault's "command" uses it. */
static void name_of(const char *t, char *ret, size_t cap) {
        static const char *const names[] = {"&CDEW", "&CDER", "&B", "&L", "vG", "vO", "IMB", "IS", "IV"};
        size_t n = t[0] == 'O' || t[0] == 'V' || (t[0] == 'M' && t[1] == ' ') || t[0] == 'G' ? 1 : strlen(t);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strncmp(t, names[i], strlen(names[i])) == 0)
                        n = strlen(names[i]);
        (void)snprintf(ret, cap, "%.*s", (int)(n < cap ? n : cap - 1), t);
}

static void dispatch(struct emup_model *m, const char *t, size_t len) {
        struct zbr *l = zbr_of(m);
        if (strcmp(t, ".") == 0) {
                l->error = ERR_NONE;
                zbr_ack(m);
        } else if (len >= 1 && t[0] == 'O') {
                line(m, (const uint8_t *)t + 1, len - 1, 3);
        } else if (len >= 2 && memcmp(t, "vO", 2) == 0) {
                line(m, (const uint8_t *)t + 2, len - 2, 4);
        } else if (len >= 2 && memcmp(t, "&B", 2) == 0) {
                load_track(m, (const uint8_t *)t + 2, len - 2);
        } else if (strlen(t) != len || (!plain(m, t) && !with_arguments(m, t))) {
                wrong(m, UNKNOWN, "a command that nobody has published");
        }
}

void zbr_command(struct emup_model *m, const uint8_t *text, size_t len) {
        char t[ZBR_TEXT_MAX + 1], name[16];
        memcpy(t, text, len);
        t[len] = '\0';
        name_of(t, name, sizeof name);
        m->stat.commands++;
        emup_note(m, '<', "%s", name);
        emup_fault_on_command(m, name);
        if (emup_fault_bite_match(m, "error_cde", name))
                zbr_nack(m, UNKNOWN);
        else
                dispatch(m, t, len);
}
