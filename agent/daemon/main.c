/* SPDX-License-Identifier: Apache-2.0 */
/* cardwrightd: see agent/daemon/daemon.h. */
#include "agent/daemon/daemon.h"

#include "base/log.h"

#include <signal.h>

/* A reload asked for before the loop listens waits for it, rather than end the daemon. */
static void hold_reload(void) {
        sigset_t set;
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv) {
        CW_AUTO(cw_config_free) struct cw_config *config = NULL;
        int exit_code = 0;
        hold_reload();
        cw_process_harden();
        (void)signal(SIGPIPE, SIG_IGN);
        cw_dcms_process_init();
        cw_log_open("cardwrightd");
        if (cw_config_main(argc, argv, NULL, NULL, NULL, &config, &exit_code))
                return exit_code;
        return cw_daemon_run(config);
}
