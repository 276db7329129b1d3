/* SPDX-License-Identifier: Apache-2.0 */
#include "jsonline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536U

struct client {
        int fd;
        size_t len;
        char *line;
};

struct emu_jsonline {
        int listen_fd;
        char *path;
        emu_jsonline_fn fn;
        void *ctx;
        struct client clients[EMU_JSONLINE_CLIENTS];
};

json_t *emu_jsonline_error(const char *fmt, ...) {
        char text[256];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        return json_pack("{s:b,s:s}", "ok", 0, "error", text);
}

static int listen_on(const char *path) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int fd;

        if (strlen(path) >= sizeof a.sun_path) {
                errno = ENAMETOOLONG;
                return -1;
        }
        memcpy(a.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -1;
        (void)unlink(path);
        if (bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, EMU_JSONLINE_CLIENTS) < 0) {
                int saved = errno;
                (void)close(fd);
                errno = saved;
                return -1;
        }
        return fd;
}

int emu_jsonline_new(const char *path, emu_jsonline_fn fn, void *ctx, struct emu_jsonline **ret) {
        struct emu_jsonline *s = calloc(1, sizeof *s);

        if (!s)
                return -1;
        for (size_t i = 0; i < EMU_JSONLINE_CLIENTS; i++)
                s->clients[i].fd = -1;
        s->fn = fn;
        s->ctx = ctx;
        s->path = strdup(path);
        s->listen_fd = s->path ? listen_on(path) : -1;
        if (s->listen_fd < 0) {
                free(s->path);
                free(s);
                return -1;
        }
        *ret = s;
        return 0;
}

static void drop(struct client *c) {
        if (c->fd >= 0)
                (void)close(c->fd);
        free(c->line);
        *c = (struct client){.fd = -1};
}

void emu_jsonline_free(struct emu_jsonline *s) {
        if (!s)
                return;
        for (size_t i = 0; i < EMU_JSONLINE_CLIENTS; i++)
                drop(&s->clients[i]);
        (void)close(s->listen_fd);
        (void)unlink(s->path);
        free(s->path);
        free(s);
}

size_t emu_jsonline_pollfds(const struct emu_jsonline *s, struct pollfd *fds) {
        fds[0] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
        for (size_t i = 0; i < EMU_JSONLINE_CLIENTS; i++)
                fds[i + 1] = (struct pollfd){.fd = s->clients[i].fd, .events = POLLIN};
        return EMU_JSONLINE_POLLFDS;
}

static void accept_one(struct emu_jsonline *s) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
                return;
        for (size_t i = 0; i < EMU_JSONLINE_CLIENTS; i++) {
                if (s->clients[i].fd >= 0)
                        continue;
                s->clients[i].line = malloc(LINE_MAX_BYTES);
                if (!s->clients[i].line)
                        break;
                s->clients[i].fd = fd;
                return;
        }
        (void)close(fd);
}

/* The receiver is a test or a local tool that reads its answer; a short blocking send is fine. */
static bool send_line(int fd, const json_t *reply) {
        char *text = json_dumps(reply, JSON_COMPACT);
        size_t len, sent = 0;

        if (!text)
                return false;
        len = strlen(text);
        text[len] = '\n';
        while (sent < len + 1) {
                ssize_t n = send(fd, text + sent, len + 1 - sent, MSG_NOSIGNAL);
                if (n <= 0)
                        break;
                sent += (size_t)n;
        }
        free(text);
        return sent == len + 1;
}

static bool answer(struct emu_jsonline *s, struct client *c, const char *line, size_t len) {
        json_error_t err;
        json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &err);
        json_t *reply;
        bool ok;

        if (!json_is_object(request))
                reply =
                    emu_jsonline_error("the line is no JSON object: %s", request ? "other value" : err.text);
        else
                reply = s->fn(s->ctx, request);
        ok = reply && send_line(c->fd, reply);
        json_decref(reply);
        json_decref(request);
        return ok;
}

static bool serve_lines(struct emu_jsonline *s, struct client *c) {
        char *nl;

        while ((nl = memchr(c->line, '\n', c->len)) != NULL) {
                size_t used = (size_t)(nl - c->line) + 1;
                if (!answer(s, c, c->line, used - 1))
                        return false;
                memmove(c->line, nl + 1, c->len - used);
                c->len -= used;
        }
        return c->len < LINE_MAX_BYTES;
}

static void receive(struct emu_jsonline *s, struct client *c) {
        ssize_t n = recv(c->fd, c->line + c->len, LINE_MAX_BYTES - c->len, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                drop(c);
                return;
        }
        c->len += (size_t)n;
        if (!serve_lines(s, c))
                drop(c);
}

void emu_jsonline_dispatch(struct emu_jsonline *s, const struct pollfd *fds) {
        for (size_t i = 0; i < EMU_JSONLINE_CLIENTS; i++)
                if (fds[i + 1].fd >= 0 && fds[i + 1].fd == s->clients[i].fd && fds[i + 1].revents)
                        receive(s, &s->clients[i]);
        if (fds[0].revents & POLLIN)
                accept_one(s);
}
