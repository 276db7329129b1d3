/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text for a terminal; colour only there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CW_TABLE_COLUMNS_MAX 12

struct cw_style {
        bool terminal; /* stdout is one */
        bool colour;   /* and NO_COLOR is not set */
};

struct cw_table;
/* heads: NULL-ended column titles. NULL when out of memory. */
struct cw_table *cw_table_new(const struct cw_style *style, const char *const *heads);
/* Appends one cell to the current row; a row is full when every column has its cell. Text is copied. */
void cw_table_cell(struct cw_table *t, const char *text);
void cw_table_number(struct cw_table *t, long long value);
/* Colours the last cell by what it means: "ok", "warn", "fail", "" (none). */
void cw_table_mark(struct cw_table *t, const char *verdict);
/* Prints and frees. */
void cw_table_print(struct cw_table *t);

/* A bar of width characters, percent 0..100, into ret (width + 1 bytes or more). */
void cw_bar(int percent, size_t width, char *ret, size_t cap);
