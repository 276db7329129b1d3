/* SPDX-License-Identifier: Apache-2.0 */
/* cardwrightd: see agent/daemon/daemon.h. */
#include "agent/daemon/daemon.h"

#include "base/log.h"

#include <signal.h>

int main(int argc, char **argv) {
        CW_AUTO(cw_config_free) struct cw_config *config = NULL;
        int exit_code = 0;
        cw_process_harden();
        (void)signal(SIGPIPE, SIG_IGN);
        cw_dcms_process_init();
        cw_log_open("cardwrightd");
        if (cw_config_main(argc, argv, NULL, NULL, NULL, &config, &exit_code))
                return exit_code;
        return cw_daemon_run(config);
}
