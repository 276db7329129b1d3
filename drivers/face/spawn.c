/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the drawing child for one face: its end of a socket pair as descriptor 3, nothing in argv or
 * environment. */
#include "drivers/face/wire.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#ifndef CW_FACE_INSTALLED
#define CW_FACE_INSTALLED "/usr/libexec/cardwright/cardwright-face"
#endif

static const char *helper_path;

void cw_face_set_helper(const char *path) {
        helper_path = path;
}

/* Beside the running program first, so that a build tree and an installation each find their own. */
static bool find_helper(char *ret, size_t cap) {
        char self[PATH_MAX];
        if (helper_path)
                return (size_t)snprintf(ret, cap, "%s", helper_path) < cap;
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n > 0) {
                self[n] = '\0';
                char *slash = strrchr(self, '/');
                if (slash)
                        *slash = '\0';
                for (int i = 0; i < 2; i++) {
                        size_t len = (size_t)snprintf(
                            ret, cap, i == 0 ? "%s/cardwright-face" : "%s/face/cardwright-face", self);
                        if (len < cap && access(ret, X_OK) == 0)
                                return true;
                }
        }
        return (size_t)snprintf(ret, cap, "%s", CW_FACE_INSTALLED) < cap;
}

/* The child gets a clean environment; fontconfig needs none. */
static int start(const char *path, int child_fd, pid_t *ret) {
        static char name[] = "cardwright-face", locale[] = "LC_ALL=C.UTF-8";
        char *argv[] = {name, NULL}, *env[] = {locale, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t none, all;
        int error = posix_spawn_file_actions_init(&actions);
        if (error)
                return error;
        error = posix_spawnattr_init(&attr);
        if (error) {
                (void)posix_spawn_file_actions_destroy(&actions);
                return error;
        }
        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        (void)posix_spawnattr_setsigmask(&attr, &none);
        (void)posix_spawnattr_setsigdefault(&attr, &all);
        (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        error = posix_spawn_file_actions_adddup2(&actions, child_fd, CW_FACE_FD);
        if (!error)
                error = posix_spawn(ret, path, &actions, &attr, argv, env);
        (void)posix_spawnattr_destroy(&attr);
        (void)posix_spawn_file_actions_destroy(&actions);
        return error;
}

static void reap(pid_t pid) {
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

static cw_rc no_helper(struct cw_fault *f, int error) {
        return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_IO), error, "face.spawn", "",
                       "the program that draws card faces could not be started; check the installation");
}

/* Waits for the answer of the child; the child has nothing else to do and is ended in every case. */
static cw_rc converse(int fd, struct cw_msg *request, int64_t deadline_ns, struct cw_panels **ret,
                      struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        cw_rc rc = cw_ipc_call(fd, request, deadline_ns, &reply, f);
        if (cw_rc_layer(rc) == CW_L_FACE)
                return rc;
        if (rc != CW_OK && cw_rc_class(rc) == CW_C_RETRY)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_TIMEOUT), 0, "face.draw", "PRD_TIMEOUT",
                               "the card face was not drawn in time");
        if (rc != CW_OK)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_CLOSED), 0, "face.draw", "",
                               "the program that draws card faces ended without an answer");
        CW_AUTO_FD int memfd = cw_msg_take_fd(reply, 0);
        if (memfd < 0)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_FATAL, CW_E_MISSING), 0, "face.draw", "",
                               "the drawn card face has no panels");
        return cw_panels_from_fd(memfd, ret, f);
}

cw_rc cw_face_draw(const char *template_path, const struct cw_face_data *data, const char *curve,
                   int64_t deadline_ns, struct cw_panels **ret, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = NULL;
        char helper[PATH_MAX];
        int pair[2] = {-1, -1};
        pid_t pid = 0;
        cw_rc rc = cw_face_request(template_path, data, curve, &request);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "face.draw", "PRD_UNEXPECTED_DATA",
                               "the card data has a field that cannot be put on a card");
        if (!find_helper(helper, sizeof helper))
                return no_helper(f, ENAMETOOLONG);
        rc = cw_ipc_pair(pair);
        if (rc != CW_OK)
                return cw_fail(f, rc, errno, "face.draw", "", "out of descriptors or memory");
        CW_AUTO_FD int ours = pair[0];
        CW_AUTO_FD int theirs = pair[1];
        int error = start(helper, theirs, &pid);
        if (error)
                return no_helper(f, error);
        cw_fd_cleanup(&theirs);
        rc = converse(ours, request, deadline_ns, ret, f);
        reap(pid);
        return rc;
}
