/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cell {
        char *text;
        const char *colour; /* escape sequence, "" = none */
};

struct cw_table {
        struct cw_style style;
        size_t columns;
        struct cell *cells; /* the heads are the first row */
        size_t count, cap;
};

struct cw_table *cw_table_new(const struct cw_style *style, const char *const *heads) {
        struct cw_table *t = calloc(1, sizeof *t);
        if (!t)
                return NULL;
        t->style = *style;
        while (heads[t->columns] && t->columns < CW_TABLE_COLUMNS_MAX)
                t->columns++;
        for (size_t i = 0; i < t->columns; i++)
                cw_table_cell(t, heads[i]);
        return t;
}

void cw_table_cell(struct cw_table *t, const char *text) {
        if (!t)
                return;
        if (t->count == t->cap) {
                size_t cap = t->cap ? t->cap * 2 : 64;
                struct cell *cells = reallocarray(t->cells, cap, sizeof *cells);
                if (!cells)
                        return;
                t->cells = cells;
                t->cap = cap;
        }
        t->cells[t->count++] = (struct cell){strdup(text), ""};
}

void cw_table_number(struct cw_table *t, long long value) {
        char text[24];
        (void)snprintf(text, sizeof text, "%lld", value);
        cw_table_cell(t, text);
}

void cw_table_mark(struct cw_table *t, const char *verdict) {
        if (!t || t->count == 0)
                return;
        const char *colour = strcmp(verdict, "ok") == 0     ? "\033[32m"
                             : strcmp(verdict, "warn") == 0 ? "\033[33m"
                             : strcmp(verdict, "fail") == 0 ? "\033[31m"
                                                            : "";
        t->cells[t->count - 1].colour = colour;
}

/* Characters, not bytes: names may hold any script. */
static size_t width_of(const char *text) {
        size_t n = 0;
        for (; *text; text++)
                if (((unsigned char)*text & 0xc0) != 0x80)
                        n++;
        return n;
}

static size_t column_width(const struct cw_table *t, size_t column) {
        size_t width = 0;
        for (size_t i = column; i < t->count; i += t->columns) {
                size_t w = t->cells[i].text ? width_of(t->cells[i].text) : 0;
                width = w > width ? w : width;
        }
        return width;
}

static void print_cell(const struct cw_table *t, size_t i, size_t width, bool last) {
        const char *text = t->cells[i].text ? t->cells[i].text : "";
        const char *colour = i < t->columns ? "\033[1m" : t->cells[i].colour;
        if (t->style.colour && *colour)
                (void)printf("%s%s\033[0m", colour, text);
        else
                (void)printf("%s", text);
        for (size_t w = width_of(text); !last && w < width + 2; w++)
                (void)putchar(' ');
        if (last)
                (void)putchar('\n');
}

void cw_table_print(struct cw_table *t) {
        if (!t)
                return;
        size_t widths[CW_TABLE_COLUMNS_MAX] = {0};
        for (size_t c = 0; c < t->columns; c++)
                widths[c] = column_width(t, c);
        for (size_t i = 0, c = 0; i < t->count; i++, c = c + 1 < t->columns ? c + 1 : 0) {
                print_cell(t, i, widths[c], c + 1 == t->columns);
                free(t->cells[i].text);
        }
        free(t->cells);
        free(t);
}

void cw_bar(int percent, size_t width, char *ret, size_t cap) {
        size_t full = width * (size_t)(percent < 0 ? 0 : percent > 100 ? 100 : percent) / 100;
        size_t n = width < cap - 1 ? width : cap - 1;
        for (size_t i = 0; i < n; i++)
                ret[i] = i < full ? '#' : '.';
        ret[n] = '\0';
}
