/* SPDX-License-Identifier: Apache-2.0 */
/* Typed access to one object of the configuration, with errors that name the key path. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct cw_dsim_section {
        json_t *object;   /* may be NULL: every key takes its default */
        const char *path; /* for messages, "" at the top */
        bool *ok;         /* set to false by the first wrong value, shared by all sections */
};

/* Says "config: path.key: text" on stderr and marks the configuration wrong. */
void cw_dsim_section_bad(struct cw_dsim_section s, const char *key, const char *text);

/* Refuses every key that is not in the NULL-terminated list. */
void cw_dsim_section_keys(struct cw_dsim_section s, const char *const *keys);

/* The object under key as a section of its own, "" when absent. */
struct cw_dsim_section cw_dsim_section_open(struct cw_dsim_section s, const char *key);

/* A string; fallback NULL makes it required. */
void cw_dsim_section_text(struct cw_dsim_section s, const char *key, const char *fallback, char *out,
                          size_t size);

/* An integer in min..max. */
int64_t cw_dsim_section_int(struct cw_dsim_section s, const char *key, int64_t fallback, int64_t min,
                            int64_t max);

bool cw_dsim_section_bool(struct cw_dsim_section s, const char *key, bool fallback);

/* Index into the NULL-terminated choices; the first is the default. */
int cw_dsim_section_choice(struct cw_dsim_section s, const char *key, const char *const *choices);

/* A key of len bytes in hex; required unless out already holds the fallback and optional is true. */
void cw_dsim_section_key(struct cw_dsim_section s, const char *key, bool optional, uint8_t *out, size_t len);

/* An array (borrowed) or NULL when absent; required says whether that is an error. */
json_t *cw_dsim_section_array(struct cw_dsim_section s, const char *key, bool required);
