/* SPDX-License-Identifier: Apache-2.0 */
/* Commands for cards that are made centrally. */
#pragma once

#include "agent/cli/cli.h"

/* An option with a value that is ours. */
bool cw_d1_option(struct cw_cli *cli, const char *name, const char *value);

int cw_cmd_job_divert(struct cw_cli *cli, int count, char **args);
int cw_cmd_job_central(struct cw_cli *cli, int count, char **args);
int cw_cmd_d1_order(struct cw_cli *cli, int count, char **args);
int cw_cmd_d1_open(struct cw_cli *cli, int count, char **args);
int cw_cmd_d1_status(struct cw_cli *cli, int count, char **args);

/* clang-format off */
/* Rows of the command table. */
#define CW_D1_COMMANDS                                                                                       \
        {"job divert", "JOB", 1, 1, "have the card made centrally, before a plastic is fed",                 \
         cw_cmd_job_divert},                                                                                 \
        {"job central", "JOB ordered|not-ordered|retry [NUMBER]", 2, 3,                                      \
         "say what became of a central order that is unclear or failed", cw_cmd_job_central},                \
        {"d1 order", "KIT... | --file FILE | --from-jwe FILE CARD PLASTIC_CODE", 0, 60,                      \
         "order cards from Thales D1, each once: of these jobs, or of data sealed to us", cw_cmd_d1_order},  \
        {"d1 open", "FILE", 1, 1, "what card data sealed to us hold, masked", cw_cmd_d1_open},               \
        {"d1 status", "[KIT]", 0, 1, "the connection to D1; what D1 says of a card", cw_cmd_d1_status}
/* clang-format on */
