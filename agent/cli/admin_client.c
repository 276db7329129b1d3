/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/admin_client.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MS 60000

static bool path_of(const struct cw_cli *cli, char ret[160]) {
        const char *slash = strrchr(cli->socket, '/');
        int dir = slash ? (int)(slash - cli->socket) : 1;
        int n = snprintf(ret, 160, "%.*s/hsmd/admin.sock", dir, slash ? cli->socket : ".");
        return n > 0 && n < 160;
}

/* hsmd hangs up on who is neither administrator nor custodian. */
static int failed(cw_rc rc, const struct cw_fault *f) {
        if (cw_rc_layer(rc) == CW_L_IPC && cw_rc_class(rc) == CW_C_RECONNECT)
                (void)fprintf(stderr, "cardwright: cardwright-hsmd hung up; only administrators "
                                      "(agent.admin_group) and key custodians (hsm.custodians) are let in\n");
        else
                (void)fprintf(stderr, "cardwright: %s%s%s%s\n", f->text, *f->code ? " (" : "", f->code,
                              *f->code ? ")" : "");
        return cw_rc_class(rc) == CW_C_OPERATOR ? CW_EXIT_NEEDS_PERSON : CW_EXIT_FAILED;
}

int cw_admin_ask(struct cw_cli *cli, struct cw_msg *take, struct cw_msg **ret) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = take;
        CW_AUTO_FD int fd = -1;
        char path[160];
        struct cw_fault f = {0};
        if (m == NULL || !path_of(cli, path))
                return CW_EXIT_FAILED;
        if (cw_ipc_connect(path, &fd, &f) != CW_OK) {
                (void)fprintf(stderr,
                              "cardwright: cardwright-hsmd does not answer on %s; is it running, and may you "
                              "use it?\n",
                              path);
                return CW_EXIT_NOT_RUNNING;
        }
        cw_rc rc = cw_ipc_call(fd, m, cw_deadline_ns(ANSWER_MS), ret, &f);
        return rc == CW_OK ? CW_EXIT_OK : failed(rc, &f);
}
