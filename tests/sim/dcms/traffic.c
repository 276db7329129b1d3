/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct cw_dsim_traffic {
        pthread_mutex_t lock;
        int *fds;
        size_t count, cap;
        uint64_t opened;
        uint64_t in, out; /* of closed connections */
};

struct cw_dsim_traffic *cw_dsim_traffic_new(void) {
        struct cw_dsim_traffic *t = calloc(1, sizeof *t);
        if (t && pthread_mutex_init(&t->lock, NULL) != 0) {
                free(t);
                return NULL;
        }
        return t;
}

void cw_dsim_traffic_free(struct cw_dsim_traffic *t) {
        if (!t)
                return;
        (void)pthread_mutex_destroy(&t->lock);
        free(t->fds);
        free(t);
}

static void add_bytes(int fd, uint64_t *in, uint64_t *out) {
        struct tcp_info info;
        socklen_t len = sizeof info;
        memset(&info, 0, sizeof info);
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
                return;
        *in += info.tcpi_bytes_received;
        *out += info.tcpi_bytes_acked;
}

void cw_dsim_traffic_opened(struct cw_dsim_traffic *t, int fd) {
        (void)pthread_mutex_lock(&t->lock);
        if (t->count == t->cap) {
                size_t cap = t->cap ? 2 * t->cap : 64;
                int *fds = realloc(t->fds, cap * sizeof *fds);
                if (fds) {
                        t->fds = fds;
                        t->cap = cap;
                }
        }
        if (t->count < t->cap)
                t->fds[t->count++] = fd;
        t->opened++;
        (void)pthread_mutex_unlock(&t->lock);
}

void cw_dsim_traffic_closed(struct cw_dsim_traffic *t, int fd) {
        (void)pthread_mutex_lock(&t->lock);
        for (size_t i = 0; i < t->count; i++) {
                if (t->fds[i] != fd)
                        continue;
                add_bytes(fd, &t->in, &t->out);
                t->fds[i] = t->fds[--t->count];
                break;
        }
        (void)pthread_mutex_unlock(&t->lock);
}

json_t *cw_dsim_traffic_json(struct cw_dsim_traffic *t) {
        (void)pthread_mutex_lock(&t->lock);
        uint64_t in = t->in, out = t->out;
        for (size_t i = 0; i < t->count; i++)
                add_bytes(t->fds[i], &in, &out);
        json_t *value =
            json_pack("{s:I, s:I, s:I, s:I}", "open", (json_int_t)t->count, "opened", (json_int_t)t->opened,
                      "bytes_in", (json_int_t)in, "bytes_out", (json_int_t)out);
        (void)pthread_mutex_unlock(&t->lock);
        return value;
}
