/* SPDX-License-Identifier: Apache-2.0 */
/* opencryptoki-run MODULE COMMAND...: runs a test with an openCryptoki token of its own (label test, PIN
 * 1234). Exit status 77 where there can be none. */
#include "opencryptoki.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(char *const argv[]) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
                (void)execvp(argv[0], argv);
                _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                return 1;
        return WEXITSTATUS(status);
}

int main(int argc, char **argv) {
        char dir[] = "/tmp/opencryptoki-XXXXXX", log[64];
        pid_t daemon = 0;
        if (argc < 3)
                return 2;
        const char *missing = opencryptoki_missing(argv[1]);
        if (missing != NULL) {
                (void)printf("openCryptoki %s\n", missing);
                return 77;
        }
        if (mkdtemp(dir) == NULL)
                return 1;
        int code = opencryptoki_start(dir, "test", "1234", &daemon) ? run(argv + 2) : 1;
        opencryptoki_stop(daemon);
        (void)snprintf(log, sizeof(log), "%s/log", dir);
        (void)unlink(log);
        (void)rmdir(dir);
        return code;
}
