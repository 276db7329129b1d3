/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that speak to a station's admin socket: a card of the administrator's own. */
#pragma once

#include "agent/cli/cli.h"

int cw_cmd_station_perso(struct cw_cli *cli, int count, char **args);
int cw_cmd_station_verify(struct cw_cli *cli, int count, char **args);
int cw_cmd_station_card_status(struct cw_cli *cli, int count, char **args);
int cw_cmd_station_card_delete(struct cw_cli *cli, int count, char **args);
int cw_cmd_station_pin(struct cw_cli *cli, int count, char **args);

/* Takes "--reader" and the other options of these commands; false when it is none of them. */
bool cw_station_option(struct cw_cli *cli, const char *name, const char *value);
bool cw_station_option_known(const char *name);

/* Rows of the command table. */
#define CW_STATION_COMMANDS                                                                                  \
        {"station perso",                                                                                    \
         "--reader NAME --profile FILE --data FILE [--scp 02|03] [--key-label L] [--diversify "              \
         "none|visa2|emv|kdf3] [--level HH] [--new-key-label L] [--new-diversify none|visa2|emv|kdf3] "      \
         "[--product CODE] [--station NAME]",                                                                \
         0,                                                                                                  \
         0,                                                                                                  \
         "personalise the card in that reader (token for tests only)",                                       \
         cw_cmd_station_perso},                                                                              \
            {"station card status",                                                                          \
             "--reader NAME [--scp 02|03] [--key-label L] [--diversify none|visa2|emv|kdf3] [--domain AID] " \
             "[--level HH] [--station NAME]",                                                                \
             0,                                                                                              \
             0,                                                                                              \
             "what is on the card in that reader: life cycle, applications, packages, keys",                 \
             cw_cmd_station_card_status},                                                                    \
            {"station card delete",                                                                          \
             "AID --reader NAME [--related] [--confirm AID] [--scp 02|03] [--key-label L] [--diversify "     \
             "none|visa2|emv|kdf3] [--domain AID] [--level HH] [--station NAME]",                            \
             1,                                                                                              \
             1,                                                                                              \
             "take an application or a package off the card in that reader (token for tests only)",          \
             cw_cmd_station_card_delete},                                                                    \
            {"station pin",                                                                                  \
             "--reader NAME --profile FILE [--modify] [--station NAME]",                                     \
             0,                                                                                              \
             0,                                                                                              \
             "a PIN typed at that reader's own keypad: the chip says whether it is right, or takes a new "   \
             "one",                                                                                          \
             cw_cmd_station_pin},                                                                            \
        {                                                                                                    \
                "station verify", "--reader NAME --profile FILE [--product CODE] [--station NAME]", 0, 0,    \
                    "read and judge the card in that reader as a terminal does", cw_cmd_station_verify       \
        }
