/* SPDX-License-Identifier: Apache-2.0 */
/* The command `cardwright`: asks cardwrightd over its control socket and shows the answer to a person or a
 * program. */
#pragma once

#include "agent/cli/table.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>

enum cw_exit {
        CW_EXIT_OK = 0,
        CW_EXIT_FAILED = 1,
        CW_EXIT_USAGE = 2,
        CW_EXIT_NOT_RUNNING = 3,
        CW_EXIT_NEEDS_PERSON = 4
};

struct cw_cli {
        char socket[108];
        bool json;      /* print the answer as it came */
        bool all;       /* jobs --all */
        bool watch;     /* jobs --watch */
        bool modify;    /* station pin --modify */
        bool no_remake; /* job confirm-destroyed --no-remake */
        /* station perso, station verify; NULL when not given */
        const char *reader, *profile, *data, *scp, *key_label, *diversify, *level, *station, *product;
        const char *config; /* --config FILE, NULL when not given */
        const char *key;    /* profile sign, profile check; NULL when not given */
        const char *new_key_label, *new_diversify, *domain, *confirm;
        bool related;                /* station card delete --related */
        const char *file, *from_jwe; /* d1 order; NULL when not given */
        const char *curve;           /* face render, face panels --curve; NULL when not given */
        bool yes;                    /* printer settings apply --yes */
        struct {                     /* options of hsm commands, NULL when not given */
                const char *kbpk, *as, *kcv, *components, *valid_from, *valid_to, *block, *version, *bits,
                    *exponent;
                bool in_use;
        } hsm;
        struct cw_style style;
};

/* A command: args[0..count-1] follow its words. Returns the exit status. */
typedef int (*cw_command_fn)(struct cw_cli *cli, int count, char **args);
struct cw_command {
        const char *words; /* "job cancel" */
        const char *args;  /* "NUMBER", for the usage line */
        int min, max;      /* arguments */
        const char *help;
        cw_command_fn fn;
};
extern const struct cw_command cw_commands[];
extern const size_t cw_command_count;

/*
 * One exchange; blocks. body NULL = GET, else POST with that JSON (taken). On success CW_EXIT_OK and the
 * answer in *ret_answer; otherwise the sentence of what is wrong was printed and the exit status is returned.
 */
int cw_cli_ask(struct cw_cli *cli, const char *path, json_t *take_body, json_t **ret_answer);
/* The same, with a moving bar on a terminal while it takes long. */
int cw_cli_ask_long(struct cw_cli *cli, const char *what, const char *path, json_t *take_body,
                    json_t **ret_answer);
/* Prints the answer as JSON. */
int cw_cli_print_json(const json_t *answer);
/* Text member, "" when absent. */
const char *cw_cli_str(const json_t *object, const char *key);
int64_t cw_cli_int(const json_t *object, const char *key);
bool cw_cli_bool(const json_t *object, const char *key);
/* A word in a path: anything but letters, digits, '-', '_' and '.' cannot be a number or a name of ours, and
 * is told.
 */
bool cw_cli_plain_word(const char *word);
/* The answer for a person or for a program; the exit status is the same for both. */
int cw_cli_show(struct cw_cli *cli, int exit_code, const json_t *answer,
                void (*show)(struct cw_cli *cli, const json_t *answer), int (*verdict)(const json_t *answer));
