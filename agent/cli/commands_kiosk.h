/* SPDX-License-Identifier: Apache-2.0 */
/* Issuer scripts at the kiosk. */
#pragma once

#include "agent/cli/cli.h"

int cw_cmd_kiosk_script(struct cw_cli *cli, int count, char **args);
int cw_cmd_kiosk_confirm(struct cw_cli *cli, int count, char **args);
int cw_cmd_kiosk_drop(struct cw_cli *cli, int count, char **args);
int cw_cmd_kiosk_scripts(struct cw_cli *cli, int count, char **args);

#define CW_KIOSK_COMMANDS                                                                                    \
        {"kiosk script",                                                                                     \
         "KIT block-application|unblock-application|block-card|unblock-pin KIOSK",                           \
         3,                                                                                                  \
         3,                                                                                                  \
         "ask for an issuer script for this customer's card",                                                \
         cw_cmd_kiosk_script},                                                                               \
            {"kiosk confirm",     "SCRIPT", 1, 1, "let the kiosk do what another administrator asked for",   \
             cw_cmd_kiosk_confirm},                                                                          \
            {"kiosk drop", "SCRIPT", 1, 1, "take back a script that is not under way", cw_cmd_kiosk_drop}, { \
                "kiosk scripts", "", 0, 0, "issuer scripts that wait, and how the last ones ended",          \
                    cw_cmd_kiosk_scripts                                                                     \
        }
