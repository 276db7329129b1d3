/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hsmd knows about its keys beside the token: the versions of each, their check values, where they came
 * from, which one is in use. A file in hsmd's state folder, written whole; it holds no secret. A key that was
 * never loaded, rotated or destroyed here has no entry: then the configuration alone says what it is.
 */
#pragma once

#include "config/config.h"

#include <stdbool.h>

#define CW_KEY_VERSIONS_MAX 8u
#define CW_KEY_LABEL_MAX 64u
#define CW_KEY_OBJECT_LABEL_MAX 96u /* with version and companion suffix */
#define CW_KEY_REGISTER_FILE_MAX (256u * 1024u)

struct cw_key_version {
        unsigned version;  /* from 1 */
        char kcv[11];      /* as the configuration writes it: 6 or 10 digits; "" for generic keys */
        char origin[16];   /* "configuration" "key block" "components" */
        bool destroyed;    /* its objects were removed from the token; the row stays, its number is spent */
        int64_t loaded_ms; /* wall clock; 0: before the register */
        char valid_from[11], valid_to[11]; /* YYYY-MM-DD, both days included; "" = no limit */
        char usage[3]; /* key usage of the key block that it came in; "": it came otherwise */
};
struct cw_key_entry {
        char label[CW_KEY_LABEL_MAX + 1];
        unsigned active; /* version in use; 0: none */
        size_t count;
        struct cw_key_version versions[CW_KEY_VERSIONS_MAX];
};
struct cw_key_register {
        size_t count;
        struct cw_key_entry keys[CW_CONFIG_KEYS_MAX];
};

/* OPERATOR/CW_E_SYNTAX when the text is not what cw_key_register_save writes. */
CW_WARN_UNUSED cw_rc cw_key_register_parse(const char *text, size_t len, struct cw_key_register *ret,
                                           struct cw_fault *f);
/* <dir>/keys.json; a register that is not there is empty. Blocks on the file system. */
CW_WARN_UNUSED cw_rc cw_key_register_load(const char *dir, struct cw_key_register *ret, struct cw_fault *f);
/* Durable when it returns CW_OK. */
CW_WARN_UNUSED cw_rc cw_key_register_save(const char *dir, const struct cw_key_register *r,
                                          struct cw_fault *f);

/* NULL when there is none. */
struct cw_key_entry *cw_key_register_find(struct cw_key_register *r, const char *label);
/* The entry of a configured key, made when it is not there yet: with version 1 in use, as configured, when
 * there_already. REJECT when the register is full. */
CW_WARN_UNUSED cw_rc cw_key_register_entry(struct cw_key_register *r, const struct cw_config_key *k,
                                           bool there_already, struct cw_key_entry **ret, struct cw_fault *f);
struct cw_key_version *cw_key_entry_version(struct cw_key_entry *e, unsigned version);
/* Room for the next version, numbered; forgets the oldest destroyed one when full. NULL when all are alive.
 */
struct cw_key_version *cw_key_entry_add(struct cw_key_entry *e);

/* "cvk", "cvk#2": the label of a version's object on the token. suffix is a companion's or "". */
void cw_key_object_label(const char *label, unsigned version, const char *suffix,
                         char ret[CW_KEY_OBJECT_LABEL_MAX]);
/* A day YYYY-MM-DD of the calendar, or "". */
bool cw_key_day_ok(const char *day);
/* Today in UTC. */
void cw_key_today(int64_t wall_ms, char ret[11]);
