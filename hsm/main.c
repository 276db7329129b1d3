/* SPDX-License-Identifier: Apache-2.0 */
/* cardwright-hsmd: keys and clear card data behind a PKCS#11 token. */
#include "base/log.h"
#include "base/notify.h"
#include "base/secret.h"
#include "hsm/supervisor.h"

#include <signal.h>

static int run(const struct cw_config *cfg) {
        struct cw_fault f = {0};
        CW_AUTO(cw_loop_free) struct cw_loop *loop = NULL;
        CW_AUTO(cw_supervisor_free) struct cw_supervisor *sv = NULL;
        cw_rc rc = cw_loop_new(cw_clock_real(), &loop);
        if (rc == CW_OK)
                rc = cw_supervisor_new(loop, cfg, &sv, &f);
        if (rc != CW_OK) {
                cw_log_fault(CW_EV_DAEMON_FAILED, &f);
                return 1;
        }
        int code = cw_loop_run(loop);
        cw_notify("STOPPING=1");
        cw_log(CW_EV_DAEMON_STOP, CW_F_INT("CODE", code));
        return code;
}

static cw_rc check(const struct cw_config *cfg, struct cw_fault *f) {
        char state_dir[CW_CONFIG_PATH_CAP];
        return cw_config_hsm_state_dir(cfg, state_dir, f);
}

int main(int argc, char **argv) {
        CW_AUTO(cw_config_free) struct cw_config *cfg = NULL;
        int code = 0;
        cw_process_harden();
        if (cw_config_main(argc, argv, NULL, NULL, check, &cfg, &code))
                return code;
        cw_log_open("cardwright-hsmd");
        (void)signal(SIGPIPE, SIG_IGN);
        cw_log(CW_EV_DAEMON_START, CW_F_STR("VERSION", CW_VERSION));
        return run(cfg);
}
