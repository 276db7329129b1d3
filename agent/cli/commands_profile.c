/* SPDX-License-Identifier: Apache-2.0 */
/* profile check: the station's own linter, before a file is put where a station finds it. */
#include "agent/cli/commands_profile.h"

#include "drivers/chip/profile_report.h"

int cw_cmd_profile_check(struct cw_cli *cli, int count, char **args) {
        (void)cli;
        (void)count;
        return cw_profile_report(args[0], stdout, stderr) ? CW_EXIT_OK : CW_EXIT_FAILED;
}
