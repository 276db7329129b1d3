/* SPDX-License-Identifier: Apache-2.0 */
/* The bash completion, made of the command table. */
#pragma once

#include "agent/cli/cli.h"

int cw_cmd_completion(struct cw_cli *cli, int count, char **args);
