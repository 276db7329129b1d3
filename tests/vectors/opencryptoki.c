/* SPDX-License-Identifier: Apache-2.0 */
#include "opencryptoki.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TRIES 2000
#define SO_PIN_NEW "87654321" /* what openCryptoki gives a new token */
#define SO_PIN "76543210"

static bool complain(const char *what, const char *detail) {
        (void)fprintf(stderr, "openCryptoki: %s: %s\n", what, detail);
        return false;
}

static void pause_10ms(void) {
        const struct timespec time = {0, 10000000};
        (void)nanosleep(&time, NULL);
}

/* ---- namespaces ---- */

/* A folder of openCryptoki's group in a tmpfs of ours. */
static bool group_dir(const char *path, gid_t gid) {
        return (mkdir(path, 0770) == 0 || errno == EEXIST) && chown(path, 0, gid) == 0 &&
               chmod(path, 0770) == 0;
}

/* errno says why not. */
static bool private_place(gid_t gid) {
        static const char *const dirs[] = {"/var/lib/opencryptoki/swtok",
                                           "/var/lib/opencryptoki/swtok/TOK_OBJ", "/run/lock/opencryptoki",
                                           "/run/lock/opencryptoki/swtok"};
        if (unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0 ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", "/var/lib/opencryptoki", "tmpfs", 0, NULL) != 0 ||
            mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) != 0 ||
            mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0 || mkdir("/run/lock", 0755) != 0)
                return false;
        for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
                if (!group_dir(dirs[i], gid))
                        return false;
        }
        return true;
}

/* A child tries it. */
static bool may_be_private(gid_t gid) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
                _exit(private_place(gid) ? 0 : 1);
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

const char *opencryptoki_missing(const char *module) {
        const struct group *g = getgrnam("pkcs11");
        if (g == NULL || access(module, R_OK) != 0)
                return "is not installed";
        return may_be_private(g->gr_gid) ? NULL : "needs namespaces of its own, and so root";
}

/* ---- token ---- */

/* Output goes to the folder's log; nothing outlives this program. */
static pid_t spawn(const char *dir, char *const argv[]) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/log", dir);
        pid_t pid = fork();
        if (pid != 0)
                return pid;
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
                _exit(126);
        (void)execvp(argv[0], argv);
        _exit(127);
}

/* pkcsconf asks for PINs on its standard input. */
static bool pkcsconf(const char *dir, const char *option, const char *first, const char *second) {
        char script[256], sh[] = "sh", c[] = "-c";
        int status = 0;
        (void)snprintf(script, sizeof(script), "printf '%%s\\n' '%s' '%s' '%s' | pkcsconf %s -c 3", first,
                       second, second, option);
        pid_t pid = spawn(dir, (char *[]){sh, c, script, NULL});
        return (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0) || complain("pkcsconf", option);
}

bool opencryptoki_start(const char *dir, const char *label, const char *pin, pid_t *ret_daemon) {
        char daemon[] = "pkcsslotd", foreground[] = "-f";
        const struct group *g = getgrnam("pkcs11");
        if (g == NULL || !private_place(g->gr_gid))
                return complain("namespaces", strerror(errno));
        *ret_daemon = spawn(dir, (char *[]){daemon, foreground, NULL});
        for (int i = 0; i < START_TRIES && access("/run/pkcsslotd.socket", F_OK) != 0; i++)
                pause_10ms();
        return pkcsconf(dir, "-I", SO_PIN_NEW, label) && pkcsconf(dir, "-P", SO_PIN_NEW, SO_PIN) &&
               pkcsconf(dir, "-u", SO_PIN, "first123") && pkcsconf(dir, "-p", "first123", pin);
}

/* A slot daemon may miss the signal while it is busy with another. */
void opencryptoki_stop(pid_t daemon) {
        if (daemon <= 0)
                return;
        (void)kill(daemon, SIGTERM);
        for (int i = 0; i < START_TRIES; i++) {
                if (waitpid(daemon, NULL, WNOHANG) != 0)
                        return;
                pause_10ms();
        }
        (void)kill(daemon, SIGKILL);
        (void)waitpid(daemon, NULL, 0);
}
