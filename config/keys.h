/* SPDX-License-Identifier: Apache-2.0 */
/* The key table: every key of the configuration once, with type, default, range and help. */
#pragma once

#include "config/config.h"

enum cw_key_type { CW_KEY_TEXT, CW_KEY_INT, CW_KEY_BOOL, CW_KEY_WORD };

enum cw_key_flags {
        CW_KEY_REQUIRED = 1, /* must be set and not empty */
        CW_KEY_DIGITS = 2,   /* digits 0-9 only */
        CW_KEY_HEX = 4,      /* upper-case hex, even length */
        CW_KEY_NAME = 8,     /* A-Z a-z 0-9 - _ . */
};

/* One member of one section. */
struct cw_key {
        const char *name;
        enum cw_key_type type;
        size_t offset;        /* of the value in the section's struct */
        const char *fallback; /* default as text */
        int64_t min, max;     /* of a number; of the length of a text */
        const char *const
            *words; /* allowed words, NULL-ended; the enum value is the index, or the text itself for TEXT */
        unsigned flags;
        const char *help;
};

/* One object, or one array of objects whose first key identifies an element. */
struct cw_section {
        const char *path; /* "agent"; "" for the top level */
        const struct cw_key *keys;
        size_t key_count;
        size_t offset; /* of the struct, or of element 0, in struct cw_config */
        size_t stride; /* 0 for an object */
        size_t count_offset;
        size_t count_max;
        const char *help;
};

extern const struct cw_section cw_sections[];
extern const size_t cw_section_count;

/* Address of a key's value in the object at base. */
static inline void *cw_key_value(void *base, const struct cw_key *k) {
        return (char *)base + k->offset;
}
