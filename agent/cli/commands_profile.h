/* SPDX-License-Identifier: Apache-2.0 */
/* The command for product profiles. */
#pragma once

#include "agent/cli/cli.h"

int cw_cmd_profile_check(struct cw_cli *cli, int count, char **args);

/* Row of the command table. */
#define CW_PROFILE_COMMANDS                                                                                  \
        {                                                                                                    \
                "profile check", "FILE", 1, 1, "everything that is wrong in a product profile, and where",   \
                    cw_cmd_profile_check                                                                     \
        }
