/* SPDX-License-Identifier: Apache-2.0 */
/* Key management. These commands speak to cardwright-hsmd itself, on its admin socket, and need no
 * cardwrightd. */
#pragma once

#include "agent/cli/cli.h"

/* Takes "--kbpk LABEL" and its like; false when name is none of them. */
bool cw_hsm_option(struct cw_cli *cli, const char *name, const char *value);

int cw_cmd_hsm_keys(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_capabilities(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_selftest(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_import(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_export(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_component_start(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_component_enter(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_component_status(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_component_cancel(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_generate(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_adopt(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_rotate(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_destroy(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_requests(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_confirm(struct cw_cli *cli, int count, char **args);
int cw_cmd_hsm_drop(struct cw_cli *cli, int count, char **args);

/* Rows of the command table. */
#define CW_HSM_COMMANDS                                                                                      \
        {"hsm keys", "", 0, 0, "the keys: versions, check values, origin, validity", cw_cmd_hsm_keys},       \
            {"hsm capabilities",     "", 0, 0, "what the token can do, and what leaves it",                  \
             cw_cmd_hsm_capabilities},                                                                       \
            {"hsm selftest",     "", 0, 0, "put every known answer to the token, look at every key",         \
             cw_cmd_hsm_selftest},                                                                           \
            {"hsm import",                                                                                   \
             "FILE --kbpk LABEL --as LABEL [--kcv KCV] [--valid-from DAY] [--valid-to DAY]",                 \
             1,                                                                                              \
             1,                                                                                              \
             "load a key block (TR-31, X9.143) as a key or as its next version",                             \
             cw_cmd_hsm_import},                                                                             \
            {"hsm export",                                                                                   \
             "LABEL --kbpk LABEL [--block A|B|C|D] [--version N]",                                           \
             1,                                                                                              \
             1,                                                                                              \
             "ask for an exportable key in a key block; another person confirms",                            \
             cw_cmd_hsm_export},                                                                             \
            {"hsm component start",                                                                          \
             "LABEL [--components 2|3] [--kcv KCV] [--valid-from DAY] [--valid-to DAY]",                     \
             1,                                                                                              \
             1,                                                                                              \
             "begin the entry of a key by its custodians",                                                   \
             cw_cmd_hsm_component_start},                                                                    \
            {"hsm component enter",     "", 0, 0, "enter your component, at a terminal",                     \
             cw_cmd_hsm_component_enter},                                                                    \
            {"hsm component status",     "", 0, 0, "who has entered, and how much time is left",             \
             cw_cmd_hsm_component_status},                                                                   \
            {"hsm component cancel", "", 0, 0, "forget the unfinished entry", cw_cmd_hsm_component_cancel},  \
            {"hsm generate",                                                                                 \
             "LABEL --bits N [--exponent 3|65537] [--valid-from DAY] [--valid-to DAY]",                      \
             1,                                                                                              \
             1,                                                                                              \
             "make an RSA key pair on the token: a key's next version",                                      \
             cw_cmd_hsm_generate},                                                                           \
            {"hsm adopt",                                                                                    \
             "LABEL [--kcv KCV] [--valid-from DAY] [--valid-to DAY]",                                        \
             1,                                                                                              \
             1,                                                                                              \
             "take LABEL#N, which the token maker's tools loaded, as the next version",                      \
             cw_cmd_hsm_adopt},                                                                              \
            {"hsm rotate",                                                                                   \
             "LABEL [--version N]",                                                                          \
             1,                                                                                              \
             1,                                                                                              \
             "use the next version of a key; the one before is kept",                                        \
             cw_cmd_hsm_rotate},                                                                             \
            {"hsm destroy",                                                                                  \
             "LABEL VERSION [--in-use]",                                                                     \
             2,                                                                                              \
             2,                                                                                              \
             "ask for a version of a key to be destroyed; another person confirms",                          \
             cw_cmd_hsm_destroy},                                                                            \
            {"hsm requests", "", 0, 0, "what waits for a second person", cw_cmd_hsm_requests},               \
            {"hsm confirm", "REQUEST", 1, 1, "carry out what another person asked for", cw_cmd_hsm_confirm}, \
        {                                                                                                    \
                "hsm drop", "REQUEST", 1, 1, "take a request back", cw_cmd_hsm_drop                          \
        }
