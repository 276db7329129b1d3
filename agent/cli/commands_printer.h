/* SPDX-License-Identifier: Apache-2.0 */
/* The commands for printers. */
#pragma once

#include "agent/cli/cli.h"

int cw_cmd_printers(struct cw_cli *cli, int count, char **args);
int cw_cmd_printer(struct cw_cli *cli, int count, char **args);
/* What follows "printer NAME settings". */
int cw_cmd_printer_settings(struct cw_cli *cli, const char *name, int count, char **args);

#define CW_PRINTER_PATH_MAX 256
/* The API's path of a printer; CW_EXIT_USAGE, told, when the name cannot be one. */
int cw_printer_path(const char *printer, const char *rest, char ret[CW_PRINTER_PATH_MAX]);
/* A sheet as a table. */
void cw_printer_show_lines(struct cw_cli *cli, const json_t *answer);

int cw_cmd_test_card(struct cw_cli *cli, int count, char **args);

/* Rows of the command table. */
#define CW_PRINTER_COMMANDS                                                                                  \
        {"printers", "", 0, 0, "every printer: model, serial, ribbon, what it needs", cw_cmd_printers},      \
            {"printer",                                                                                      \
             "NAME status|counters|sensors|settings [snapshot|diff|apply]|clean|test-card KIND|raw COMMAND", \
             2,                                                                                              \
             5,                                                                                              \
             "one printer, by the name of its station; see cardwright(1)",                                   \
             cw_cmd_printer},                                                                                \
        {                                                                                                    \
                "test-card", "STATION [std|tech|mag|chip]", 1, 2,                                            \
                    "make a test card; it is counted as spoiled", cw_cmd_test_card                           \
        }
