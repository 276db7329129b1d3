/* SPDX-License-Identifier: Apache-2.0 */
/* Where each member of a JSON text stands, so that a finding can name its line and column. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cw_place {
        char *path;       /* "stations[1].name" */
        const char *file; /* borrowed; NULL: the file at hand */
        unsigned line, column;
};

struct cw_places {
        struct cw_place *list;
        size_t count, cap;
};

/* Turns every line whose first non-blank characters are two slashes into blanks, in place: positions stay
 * true. */
void cw_blank_comments(char *text, size_t len);

/* Scans text that a JSON parser has accepted. False when out of memory. */
bool cw_places_scan(const char *text, size_t len, struct cw_places *ret);
void cw_places_done(struct cw_places *p);
/* Adds one place under a path of its own (copied). False when out of memory. */
bool cw_places_add(struct cw_places *p, const char *path, struct cw_place at);
/* The last place added for path, or for its nearest parent, or line 1 column 1. */
struct cw_place cw_places_find(const struct cw_places *p, const char *path);
