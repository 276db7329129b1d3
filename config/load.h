/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader and the checks share; nobody outside config includes this. */
#pragma once

#include "config/keys.h"
#include "config/place.h"

#define CW_CONFIG_FILE_MAX ((size_t)256 * 1024)

/* The config with the strings it owns. config must stay first. */
struct cw_config_owner {
        struct cw_config config;
        char **strings;
        size_t string_count;
        struct cw_places
            origins; /* file and place of every member set; elements by name: "products[71].cvk" */
};

/* Findings of one load. */
struct cw_findings {
        FILE *out; /* may be NULL */
        const char *file;
        const struct cw_places *places; /* NULL: the file as a whole */
        const char *element;            /* "products[71]" while its members are read, else NULL */
        unsigned count;
        char first[240];
};

/* Adds "file:line:column: text" for the member at path, which may be "". */
void cw_find(struct cw_findings *fs, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Applies one file's text onto the config. Every finding is reported; the rest is still applied. */
void cw_config_apply_text(struct cw_config_owner *o, char *text, size_t len, struct cw_findings *fs);
/* A new config that holds the defaults. NULL when out of memory. */
struct cw_config_owner *cw_config_defaults(void);
/* Rules between keys, after all files. */
void cw_config_check(const struct cw_config *c, struct cw_findings *fs);
