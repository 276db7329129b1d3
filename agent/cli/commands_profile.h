/* SPDX-License-Identifier: Apache-2.0 */
/* The commands for product profiles. */
#pragma once

#include "agent/cli/cli.h"

int cw_cmd_profile_check(struct cw_cli *cli, int count, char **args);
int cw_cmd_profile_sign(struct cw_cli *cli, int count, char **args);

#define CW_PROFILE_FILES_MAX 50

/* Rows of the command table. */
#define CW_PROFILE_COMMANDS                                                                                  \
        {"profile check",                                                                                    \
         "FILE... [--key PUBLIC]",                                                                           \
         1,                                                                                                  \
         CW_PROFILE_FILES_MAX,                                                                               \
         "everything that is wrong in a product profile, and whether its signature holds",                   \
         cw_cmd_profile_check},                                                                              \
        {                                                                                                    \
                "profile sign", "FILE... --key PRIVATE", 1, CW_PROFILE_FILES_MAX,                            \
                    "sign product profiles: FILE.sig beside each", cw_cmd_profile_sign                       \
        }
