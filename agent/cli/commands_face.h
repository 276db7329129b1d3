/* SPDX-License-Identifier: Apache-2.0 */
/* The commands for card faces. */
#pragma once

#include "agent/cli/cli.h"

/* --curve; false for another option. */
bool cw_face_option(struct cw_cli *cli, const char *name, const char *value);
int cw_cmd_face_render(struct cw_cli *cli, int count, char **args);
int cw_cmd_face_panels(struct cw_cli *cli, int count, char **args);

/* Rows of the command table. */
#define CW_FACE_COMMANDS                                                                                     \
        {"face render",                                                                                      \
         "TEMPLATE DATA -o FILE.png [--curve CURVE]",                                                        \
         4,                                                                                                  \
         4,                                                                                                  \
         "draw a card face; card numbers are masked",                                                        \
         cw_cmd_face_render},                                                                                \
        {                                                                                                    \
                "face panels", "TEMPLATE DATA -o FOLDER [--curve CURVE]", 4, 4,                              \
                    "one picture for each panel of the printer", cw_cmd_face_panels                          \
        }
