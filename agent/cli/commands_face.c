/* SPDX-License-Identifier: Apache-2.0 */
/* Card faces: the program that draws them is another one, with the fonts and without the control socket. */
#include "agent/cli/commands_face.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define HELPER "cardwright-face"

/* Beside this program as in an installation below one prefix, or as in a build tree. */
static bool find_helper(char *ret, size_t cap) {
        static const char *const places[] = {"../libexec/cardwright/" HELPER, "../drivers/face/" HELPER,
                                             HELPER};
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;
        if (!slash)
                return false;
        *slash = '\0';
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
                int len = snprintf(ret, cap, "%s/%s", self, places[i]);
                if (len > 0 && (size_t)len < cap && access(ret, X_OK) == 0)
                        return true;
        }
        int len = snprintf(ret, cap, "%s", CW_FACE_INSTALLED);
        return len > 0 && (size_t)len < cap && access(ret, X_OK) == 0;
}

bool cw_face_option(struct cw_cli *cli, const char *name, const char *value) {
        if (strcmp(name, "--curve") != 0)
                return false;
        cli->curve = value;
        return true;
}

static int draw(const struct cw_cli *cli, const char *what, char **args) {
        char path[PATH_MAX], verb[16];
        char *argv[] = {path, verb, args[0], args[1], args[3], (char *)(uintptr_t)cli->curve, NULL};
        char *env[] = {NULL};
        if (strcmp(args[2], "-o") != 0) {
                (void)fprintf(stderr, "usage: cardwright face %s TEMPLATE DATA -o %s [--curve CURVE]\n", what,
                              strcmp(what, "render") == 0 ? "FILE.png" : "FOLDER");
                return CW_EXIT_USAGE;
        }
        (void)snprintf(verb, sizeof verb, "%s", what);
        if (find_helper(path, sizeof path))
                (void)execve(path, argv, env);
        (void)fprintf(stderr,
                      "cardwright: the program %s is not installed; install the package of the station\n",
                      HELPER);
        return CW_EXIT_FAILED;
}

int cw_cmd_face_render(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return draw(cli, "render", args);
}

int cw_cmd_face_panels(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return draw(cli, "panels", args);
}
