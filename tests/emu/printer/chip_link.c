/* SPDX-License-Identifier: Apache-2.0 */
#include "chip_link.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_socket(const char *path) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        const struct timeval limit = {.tv_sec = 5};
        if (strlen(path) >= sizeof a.sun_path) {
                errno = ENAMETOOLONG;
                return -1;
        }
        memcpy(a.sun_path, path, strlen(path) + 1);
        CW_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
            connect(fd, (const struct sockaddr *)&a, sizeof a) != 0)
                return -1;
        return CW_STEAL_FD(fd);
}

static bool send_all(int fd, const char *text, size_t n) {
        while (n) {
                ssize_t k = send(fd, text, n, MSG_NOSIGNAL);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return false;
                text += k;
                n -= (size_t)k;
        }
        return true;
}

/* One line, without its end, into a buffer of cap bytes. */
static bool receive_line(int fd, char *line, size_t cap) {
        size_t n = 0;
        while (n + 1 < cap) {
                ssize_t k = recv(fd, line + n, 1, 0);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return false;
                if (line[n] == '\n') {
                        line[n] = '\0';
                        return true;
                }
                n++;
        }
        return false;
}

static bool call(const char *path, const json_t *request) {
        char line[4096];
        size_t n = json_dumpb(request, line, sizeof line - 1, JSON_COMPACT);
        if (!n || n >= sizeof line)
                return false;
        line[n++] = '\n';
        CW_AUTO_FD int fd = open_socket(path);
        if (fd < 0 || !send_all(fd, line, n) || !receive_line(fd, line, sizeof line)) {
                (void)fprintf(stderr, "emulated printer: no answer from the chip emulator at %s: %s\n", path,
                              strerror(errno));
                return false;
        }
        CW_AUTO_JSON json_t *reply = json_loads(line, 0, NULL);
        if (json_is_true(json_object_get(reply, "ok")))
                return true;
        (void)fprintf(stderr, "emulated printer: the chip emulator refused: %s\n", line);
        return false;
}

bool emup_chip_present(void *ctx, const char *plastic_dir) {
        CW_AUTO_JSON json_t *request = json_pack("{s:s, s:s}", "cmd", "present", "plastic", plastic_dir);
        return call(ctx, request);
}

bool emup_chip_remove(void *ctx) {
        CW_AUTO_JSON json_t *request = json_pack("{s:s}", "cmd", "remove");
        return call(ctx, request);
}
