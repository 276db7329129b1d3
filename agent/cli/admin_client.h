/* SPDX-License-Identifier: Apache-2.0 */
/* One call to cardwright-hsmd on its admin socket, which lies beside the control socket. */
#pragma once

#include "agent/cli/cli.h"
#include "base/ipc.h"

/*
 * Takes m; blocks. CW_EXIT_OK and the reply, or the exit status after the sentence of what is wrong was
 * printed.
 */
int cw_admin_ask(struct cw_cli *cli, struct cw_msg *take, struct cw_msg **ret);
