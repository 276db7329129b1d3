/* SPDX-License-Identifier: Apache-2.0 */
#include "cutproxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS_MAX 160u
#define TICK_MS 2

struct lane {
        unsigned port;
        atomic_uint armed_seq, done_seq; /* arming, and the proxy's word that it knows */
        atomic_uint limit;
        atomic_bool cut_down;
        atomic_uint up, down;
        atomic_bool cut;
};

struct shared {
        struct lane lanes[CUT_LANES];
};

struct cut_proxy {
        struct shared *shared;
        pid_t child;
};

struct pair {
        unsigned lane;
        int client, server; /* -1 = free */
};

struct state {
        struct shared *shared;
        unsigned server_port;
        int listeners[CUT_LANES];
        unsigned known[CUT_LANES];
        struct pair pairs[PAIRS_MAX];
};

static int listen_somewhere(unsigned *ret_port) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof at;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 64) < 0 ||
            getsockname(fd, (struct sockaddr *)&at, &len) < 0)
                abort();
        *ret_port = ntohs(at.sin_port);
        return fd;
}

/* With a reset, as a broken line looks like. */
static void close_pair(struct pair *pair) {
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        int *fds[] = {&pair->client, &pair->server};
        for (unsigned i = 0; i < 2; i++) {
                (void)setsockopt(*fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
                (void)close(*fds[i]);
                *fds[i] = -1;
        }
}

static void accept_one(struct state *s, unsigned lane) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        at.sin_port = htons((uint16_t)s->server_port);
        int client = accept4(s->listeners[lane], NULL, NULL, SOCK_CLOEXEC);
        int server = client < 0 ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct pair fresh = {lane, client, server};
        for (unsigned i = 0; server >= 0 && i < PAIRS_MAX; i++) {
                if (s->pairs[i].client >= 0)
                        continue;
                if (connect(server, (struct sockaddr *)&at, sizeof at) == 0) {
                        s->pairs[i] = fresh;
                        return;
                }
                break;
        }
        if (client >= 0)
                close_pair(&fresh);
}

/* How many of n bytes may still pass; the lane's cut is made when it is fewer. */
static size_t allowed(struct lane *lane, bool down, size_t n) {
        atomic_uint *count = down ? &lane->down : &lane->up;
        unsigned limit = atomic_load(&lane->limit), have = atomic_load(count);
        bool counts = limit > 0 && atomic_load(&lane->cut_down) == down && !atomic_load(&lane->cut);
        size_t pass = counts && have + n >= limit ? limit - have : n;
        atomic_fetch_add(count, (unsigned)pass);
        if (counts && have + n >= limit)
                atomic_store(&lane->cut, true);
        return pass;
}

static void pass_on(struct state *s, struct pair *pair, bool down) {
        char bytes[4096];
        struct lane *lane = &s->shared->lanes[pair->lane];
        ssize_t n = recv(down ? pair->server : pair->client, bytes, sizeof bytes, 0);
        if (n <= 0) {
                close_pair(pair);
                return;
        }
        bool was_cut = atomic_load(&lane->cut);
        size_t pass = allowed(lane, down, (size_t)n), sent = 0;
        while (sent < pass) {
                ssize_t k = send(down ? pair->client : pair->server, bytes + sent, pass - sent, MSG_NOSIGNAL);
                if (k <= 0)
                        break;
                sent += (size_t)k;
        }
        bool cut_now = !was_cut && atomic_load(&lane->cut);
        if (cut_now)
                (void)usleep(1000); /* what was let pass arrives before the reset */
        if (cut_now || sent < pass)
                close_pair(pair);
}

/* A newly armed lane begins with nothing open. */
static void take_arming(struct state *s) {
        for (unsigned lane = 0; lane < CUT_LANES; lane++) {
                struct lane *l = &s->shared->lanes[lane];
                unsigned seq = atomic_load(&l->armed_seq);
                if (seq == s->known[lane])
                        continue;
                for (unsigned i = 0; i < PAIRS_MAX; i++)
                        if (s->pairs[i].client >= 0 && s->pairs[i].lane == lane)
                                close_pair(&s->pairs[i]);
                atomic_store(&l->up, 0);
                atomic_store(&l->down, 0);
                atomic_store(&l->cut, false);
                s->known[lane] = seq;
                atomic_store(&l->done_seq, seq);
        }
}

static void run(struct state *s) {
        struct pollfd fds[CUT_LANES + 2 * PAIRS_MAX];
        struct pair *of[CUT_LANES + 2 * PAIRS_MAX];
        for (;;) {
                nfds_t count = 0;
                take_arming(s);
                for (; count < CUT_LANES; count++)
                        fds[count] = (struct pollfd){.fd = s->listeners[count], .events = POLLIN};
                for (unsigned i = 0; i < PAIRS_MAX; i++) {
                        if (s->pairs[i].client < 0)
                                continue;
                        of[count] = &s->pairs[i];
                        fds[count++] = (struct pollfd){.fd = s->pairs[i].client, .events = POLLIN};
                        of[count] = &s->pairs[i];
                        fds[count++] = (struct pollfd){.fd = s->pairs[i].server, .events = POLLIN};
                }
                (void)poll(fds, count, TICK_MS);
                for (nfds_t i = CUT_LANES; i < count; i++)
                        if (fds[i].revents && of[i]->client >= 0)
                                pass_on(s, of[i], (i - CUT_LANES) % 2 == 1);
                for (unsigned lane = 0; lane < CUT_LANES; lane++)
                        if (fds[lane].revents & POLLIN)
                                accept_one(s, lane);
        }
}

struct cut_proxy *cut_proxy_start(unsigned server_port) {
        struct state s = {.server_port = server_port};
        struct cut_proxy *p = calloc(1, sizeof *p);
        s.shared = mmap(NULL, sizeof *s.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (!p || s.shared == MAP_FAILED)
                abort();
        for (unsigned i = 0; i < PAIRS_MAX; i++)
                s.pairs[i].client = s.pairs[i].server = -1;
        for (unsigned i = 0; i < CUT_LANES; i++)
                s.listeners[i] = listen_somewhere(&s.shared->lanes[i].port);
        p->shared = s.shared;
        p->child = fork();
        if (p->child < 0)
                abort();
        if (p->child == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                run(&s);
        }
        for (unsigned i = 0; i < CUT_LANES; i++)
                (void)close(s.listeners[i]);
        return p;
}

void cut_proxy_stop(struct cut_proxy *p) {
        (void)kill(p->child, SIGKILL);
        (void)waitpid(p->child, NULL, 0);
        (void)munmap(p->shared, sizeof *p->shared);
        free(p);
}

unsigned cut_proxy_port(const struct cut_proxy *p, unsigned lane) {
        return p->shared->lanes[lane].port;
}

void cut_proxy_arm(struct cut_proxy *p, unsigned lane, bool down, uint32_t limit) {
        struct lane *l = &p->shared->lanes[lane];
        atomic_store(&l->limit, limit);
        atomic_store(&l->cut_down, down);
        unsigned seq = atomic_fetch_add(&l->armed_seq, 1) + 1;
        while (atomic_load(&l->done_seq) != seq)
                (void)usleep(500);
}

uint32_t cut_proxy_bytes(const struct cut_proxy *p, unsigned lane, bool down) {
        const struct lane *l = &p->shared->lanes[lane];
        return down ? atomic_load(&l->down) : atomic_load(&l->up);
}

bool cut_proxy_cut(const struct cut_proxy *p, unsigned lane) {
        return atomic_load(&p->shared->lanes[lane].cut);
}
