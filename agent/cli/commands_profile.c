/* SPDX-License-Identifier: Apache-2.0 */
/* profile check: the station's own linter and its judge of signatures, before a file is put where a station
 * finds it. profile sign: for the bank's person with the private key. */
#include "agent/cli/commands_profile.h"

#include "base/file.h"
#include "config/config.h"
#include "drivers/chip/profile_report.h"

#include <limits.h>
#include <string.h>

#define KEY_FILE_MAX 4096u

static int told(const struct cw_fault *f) {
        (void)fprintf(stderr, "cardwright: %s\n", f->text);
        return CW_EXIT_FAILED;
}

/* As the station of --config would judge, or as if --key were its only key. */
static cw_rc find_trust(const struct cw_cli *cli, struct cw_profile_keys **ret_keys, bool *ret_required,
                        struct cw_fault *f) {
        CW_AUTO(cw_config_free) struct cw_config *config = NULL;
        *ret_required = true;
        if (cli->key)
                return cw_profile_keys_load(cli->key, ret_keys, f);
        cw_rc rc = cw_config_load(cli->config, stderr, &config, f);
        if (rc != CW_OK)
                return rc;
        *ret_required = cw_config_profiles_signed(config);
        return cw_profile_keys_load(config->profile_keys, ret_keys, f);
}

int cw_cmd_profile_check(struct cw_cli *cli, int count, char **args) {
        CW_AUTO(cw_profile_keys_free) struct cw_profile_keys *keys = NULL;
        struct cw_profile_trust trust = {0};
        struct cw_fault f = {0};
        const bool judge = cli->key || cli->config;
        bool good = true;
        if (judge && find_trust(cli, &keys, &trust.required, &f) != CW_OK)
                return told(&f);
        trust.keys = keys;
        for (int i = 0; i < count; i++)
                good = cw_profile_report(args[i], judge ? &trust : NULL, stdout, stderr) && good;
        return good ? CW_EXIT_OK : CW_EXIT_FAILED;
}

static cw_rc read_key(const char *path, struct cw_secret **ret, struct cw_fault *f) {
        char dir[PATH_MAX];
        const char *slash = strrchr(path, '/');
        (void)snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
        return cw_secret_file_read(dir, slash ? slash + 1 : path, KEY_FILE_MAX, ret, f);
}

int cw_cmd_profile_sign(struct cw_cli *cli, int count, char **args) {
        CW_AUTO(cw_secret_free) struct cw_secret *pem = NULL;
        struct cw_fault f = {0};
        if (!cli->key) {
                (void)fprintf(stderr, "usage: cardwright profile sign FILE... --key PRIVATE\n");
                return CW_EXIT_USAGE;
        }
        if (read_key(cli->key, &pem, &f) != CW_OK)
                return told(&f);
        for (int i = 0; i < count; i++) {
                char key[CW_PROFILE_KEY_ID];
                if (cw_profile_sign_file(args[i], pem->ptr, pem->len, stdout, key, &f) != CW_OK)
                        return told(&f);
                (void)printf("%s" CW_PROFILE_SIGNATURE_SUFFIX ": signed by key %s\n", args[i], key);
        }
        return CW_EXIT_OK;
}
