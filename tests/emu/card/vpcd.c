/* SPDX-License-Identifier: Apache-2.0 */
#include "vpcd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* vpcd writes length and body apart; without an immediate ACK for the first its Nagle costs 44 ms a command.
 */
static void quick_ack(int fd) {
        int one = 1;

        (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

int emuc_vpcd_connect(struct emuc_vpcd *v, const char *host, uint16_t port) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
        int one = 1;

        v->fd = -1;
        v->len = 0;
        if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
                errno = EINVAL;
                return -1;
        }
        v->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (v->fd < 0)
                return -1;
        if (connect(v->fd, (const struct sockaddr *)&a, sizeof a) < 0) {
                int saved = errno;
                emuc_vpcd_close(v);
                errno = saved;
                return -1;
        }
        (void)setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        quick_ack(v->fd);
        return 0;
}

void emuc_vpcd_close(struct emuc_vpcd *v) {
        if (v->fd >= 0)
                (void)close(v->fd);
        v->fd = -1;
        v->len = 0;
}

bool emuc_vpcd_read(struct emuc_vpcd *v) {
        ssize_t n = recv(v->fd, v->in + v->len, sizeof v->in - v->len, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n == 0)
                return false;
        v->len += (size_t)n;
        quick_ack(v->fd);
        return true;
}

bool emuc_vpcd_frame(const struct emuc_vpcd *v, const uint8_t **ret, size_t *ret_len) {
        size_t body;

        if (v->len < 2)
                return false;
        body = (size_t)v->in[0] << 8 | v->in[1];
        if (v->len < 2 + body)
                return false;
        *ret = v->in + 2;
        *ret_len = body;
        return true;
}

void emuc_vpcd_consume(struct emuc_vpcd *v) {
        size_t total = 2 + ((size_t)v->in[0] << 8 | v->in[1]);

        memmove(v->in, v->in + total, v->len - total);
        v->len -= total;
}

bool emuc_vpcd_send(struct emuc_vpcd *v, const uint8_t *p, size_t len) {
        uint8_t out[2 + 300];
        size_t sent = 0;

        if (len > sizeof out - 2)
                return false;
        out[0] = (uint8_t)(len >> 8);
        out[1] = (uint8_t)len;
        memcpy(out + 2, p, len);
        while (sent < len + 2) {
                ssize_t n = send(v->fd, out + sent, len + 2 - sent, MSG_NOSIGNAL);
                if (n <= 0)
                        return false;
                sent += (size_t)n;
        }
        return true;
}
