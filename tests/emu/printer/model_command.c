/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a command to the part of the printer that knows it. */
#include "model_int.h"

#include <stdlib.h>
#include <string.h>

void emup_args_split(char sep, const char *text, struct emup_args *ret) {
        (void)snprintf(ret->text, sizeof ret->text, "%s", text);
        ret->n = 0;
        char *p = ret->text;
        ret->name = p;
        /* Track data may hold the separator (3Bh is a character of ISO track 1): it is the rest of the
         * command. */
        while ((p = strchr(p, sep)) && ret->n < EMUP_ARGS_MAX) {
                *p++ = '\0';
                ret->arg[ret->n++] = p;
                if (ret->n == 2 && strcmp(ret->name, "Dm") == 0)
                        break;
        }
}

unsigned emup_number(const char *text) {
        return (unsigned)strtoul(text, NULL, 10);
}

static bool number(const char *s, unsigned long max, unsigned long *ret) {
        char *end;
        if (*s < '0' || *s > '9')
                return false;
        unsigned long v = strtoul(s, &end, 10);
        if (*end || v > max)
                return false;
        *ret = v;
        return true;
}

bool emup_is_raster(const char *name) {
        return strcmp(name, "Db") == 0 || strcmp(name, "Dbc") == 0 || strcmp(name, "Dbp") == 0;
}

/* Bytes that follow a complete raster header, 0 when its fields make no sense. */
static long raster_bytes(const struct emup_args *a) {
        unsigned long levels, bytes, first, lines;
        if (strlen(a->arg[0]) != 1 || !strchr("ymcko", a->arg[0][0]) || !number(a->arg[1], 256, &levels) ||
            !emup_raster_bits((unsigned)levels))
                return 0;
        if (strcmp(a->name, "Db") == 0)
                return (long)emup_raster_bytes((unsigned)levels, EMUP_LINES);
        if (strcmp(a->name, "Dbc") == 0)
                return number(a->arg[2], EMUP_PANEL_DATA_MAX, &bytes) ? (long)bytes : 0;
        if (!number(a->arg[2], EMUP_LINES - 1, &first) || !number(a->arg[3], 420, &lines) || !lines ||
            first + lines > EMUP_LINES)
                return 0;
        return (long)emup_raster_bytes((unsigned)levels, (unsigned)lines);
}

long emup_command_data(const struct emup_model *m, const char *text, size_t len) {
        struct emup_args a;
        char whole[EMUP_COMMAND_MAX + 1];
        memcpy(whole, text, len);
        whole[len] = '\0';
        emup_args_split(m->frame.sep, whole, &a);
        if (!emup_is_raster(a.name))
                return 0;
        /* The separator that was just read opens an empty last field: the data. */
        unsigned fields = strcmp(a.name, "Db") == 0 ? 3 : strcmp(a.name, "Dbc") == 0 ? 4 : 5;
        if (a.n < fields)
                return -1;
        return raster_bytes(&a);
}

/* Track data stays out of the transcript even though it is of a test BIN. */
static void note_command(struct emup_model *m, const char *text, const uint8_t *data, size_t n) {
        if (strncmp(text, "Dm;", 3) == 0 && strlen(text) > 5)
                emup_note(m, '<', "%.5s(%zu characters)", text, strlen(text) - 5);
        else if (data)
                emup_note(m, '<', "%s(%zu bytes)", text, n);
        else
                emup_note(m, '<', "%s", text);
}

static void set_characters(struct emup_model *m, const struct emup_args *a) {
        unsigned long v[3];
        for (unsigned i = 0; i < 3; i++)
                if (a->n != 3 || !number(a->arg[i], 255, &v[i])) {
                        emup_violation(m, "Psc wants three decimal codes");
                        emup_reply_err(m, ERR_PARAMETER);
                        return;
                }
        m->frame.start = (char)v[0];
        m->frame.sep = (char)v[1];
        m->frame.end = (char)v[2];
        emup_reply_ok(m);
}

void emup_command(struct emup_model *m, const char *text, const uint8_t *data, size_t n) {
        struct emup_args a;
        m->stat.commands++;
        note_command(m, text, data, n);
        emup_fault_on_command(m, text);
        emup_args_split(m->frame.sep, text, &a);
        if (emup_fault_bite_match(m, "error_cde", text)) {
                emup_reply_err(m, ERR_COMMAND);
                return;
        }
        if (strcmp(a.name, "Psc") == 0)
                set_characters(m, &a);
        else if (emup_download(m, &a, data, n) || emup_param(m, &a) || emup_read(m, &a) ||
                 emup_sequence(m, &a))
                return;
        else {
                emup_violation(m, "unknown command \"%.24s\"", a.name);
                emup_reply_err(m, ERR_COMMAND);
        }
}
