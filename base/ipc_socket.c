/* SPDX-License-Identifier: Apache-2.0 */
/* Messages over SOCK_SEQPACKET sockets, blocking with deadlines; sealed memfds. */
#include "base/ipc_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_BUFFER_BYTES (512 * 1024)
#define LISTEN_BACKLOG 16
#define PEER_GROUPS_MAX 256
#define RC(cls, n) CW_RC(CW_L_IPC, (cls), (n))

static cw_rc fail_errno(struct cw_fault *f, enum cw_class cls, int n, const char *op) {
        int err = errno;
        return cw_fail(f, RC(cls, n), err, op, "", "%s failed: %s", op, strerror(err));
}

/* A full message must fit in the send buffer, else SOCK_SEQPACKET refuses it. */
static void widen(int fd) {
        int bytes = SOCKET_BUFFER_BYTES;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

cw_rc cw_ipc_pair(int ret_fd[2]) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fd) < 0)
                return RC(CW_C_RETRY, CW_E_IO);
        widen(ret_fd[0]);
        widen(ret_fd[1]);
        return CW_OK;
}

static cw_rc unix_address(const char *path, struct sockaddr_un *ret, struct cw_fault *f) {
        size_t len = strlen(path);
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (len == 0 || len >= sizeof ret->sun_path)
                return cw_fail(f, RC(CW_C_REJECT, CW_E_RANGE), 0, "ipc.address", "",
                               "socket path '%s' must have 1 to %zu characters; choose a shorter runtime_dir",
                               path, sizeof ret->sun_path - 1);
        memcpy(ret->sun_path, path, len + 1);
        return CW_OK;
}

cw_rc cw_ipc_listen(const char *path, unsigned mode, int *ret_fd, struct cw_fault *f) {
        struct sockaddr_un addr;
        cw_rc rc = unix_address(path, &addr, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fail_errno(f, CW_C_FATAL, CW_E_IO, "ipc.socket");
        (void)unlink(path);
        if (bind(fd, (const struct sockaddr *)&addr, sizeof addr) < 0 || chmod(path, (mode_t)mode) < 0 ||
            listen(fd, LISTEN_BACKLOG) < 0)
                return cw_fail(f, RC(CW_C_FATAL, CW_E_IO), errno, "ipc.listen", "", "cannot listen on %s: %s",
                               path, strerror(errno));
        *ret_fd = CW_STEAL_FD(fd);
        return CW_OK;
}

cw_rc cw_ipc_connect(const char *path, int *ret_fd, struct cw_fault *f) {
        struct sockaddr_un addr;
        cw_rc rc = unix_address(path, &addr, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fail_errno(f, CW_C_FATAL, CW_E_IO, "ipc.socket");
        widen(fd);
        if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0)
                return cw_fail(f, RC(CW_C_RECONNECT, CW_E_CLOSED), errno, "ipc.connect", "",
                               "cannot reach %s: %s; is the daemon running?", path, strerror(errno));
        *ret_fd = CW_STEAL_FD(fd);
        return CW_OK;
}

cw_rc cw_ipc_peer_cred(int fd, struct ucred *ret) {
        socklen_t len = sizeof *ret;
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0 ? RC(CW_C_RECONNECT, CW_E_IO) : CW_OK;
}

bool cw_ipc_peer_in_group(int fd, gid_t gid) {
        struct ucred cred;
        gid_t gids[PEER_GROUPS_MAX];
        socklen_t len = sizeof gids;
        if (cw_ipc_peer_cred(fd, &cred) != CW_OK)
                return false;
        if (cred.gid == gid)
                return true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len) < 0)
                return false;
        for (size_t i = 0; i < len / sizeof gids[0]; i++)
                if (gids[i] == gid)
                        return true;
        return false;
}

bool cw_ipc_peer_is_ours(int fd) {
        struct ucred cred;
        if (cw_ipc_peer_cred(fd, &cred) != CW_OK)
                return false;
        return cred.uid == 0 || cred.uid == geteuid() || cw_ipc_peer_in_group(fd, getegid());
}

/* Waits until fd is ready for what; RETRY/TIMEOUT at the deadline. */
static cw_rc wait_ready(int fd, short what, int64_t deadline_ns, struct cw_fault *f) {
        for (;;) {
                struct pollfd p = {.fd = fd, .events = what};
                int left_ms = cw_deadline_left_ms(deadline_ns);
                int n = poll(&p, 1, left_ms);
                if (n > 0)
                        return CW_OK;
                if (n < 0 && errno != EINTR)
                        return fail_errno(f, CW_C_FATAL, CW_E_IO, "ipc.poll");
                if (n == 0 && left_ms == 0)
                        return cw_fail(f, RC(CW_C_RETRY, CW_E_TIMEOUT), 0, "ipc.wait", "",
                                       "no answer in time from the other process");
        }
}

/* The pieces of one datagram: header, JSON, attachments. */
struct pieces {
        struct iovec iov[2 + CW_IPC_ATT_MAX];
        size_t count;
};

static void piece_add(struct pieces *p, void *ptr, size_t len) {
        if (len)
                p->iov[p->count++] = (struct iovec){.iov_base = ptr, .iov_len = len};
}

static bool header_of(const struct cw_msg *m, size_t json_len, struct cw_ipc_header *ret,
                      uint8_t ret_bytes[CW_IPC_HEADER_BYTES]) {
        *ret = (struct cw_ipc_header){.type = (uint8_t)m->type,
                                      .att_count = (uint8_t)m->att_count,
                                      .fd_count = (uint8_t)m->fd_count,
                                      .generation = m->generation,
                                      .id = m->id,
                                      .json_len = (uint32_t)json_len};
        for (unsigned i = 0; i < m->att_count; i++) {
                if (!m->att[i] || m->att[i]->len > CW_IPC_ATT_BYTES_MAX)
                        return false;
                ret->att_len[i] = (uint32_t)m->att[i]->len;
        }
        /* What we send must pass our own decoder. */
        cw_ipc_header_encode(ret, ret_bytes);
        return cw_ipc_header_decode(ret_bytes, CW_IPC_HEADER_BYTES, ret);
}

union fd_control {
        char bytes[CMSG_SPACE(sizeof(int) * CW_IPC_FD_MAX)];
        struct cmsghdr align;
};

static void put_fds(struct msghdr *mh, union fd_control *control, const struct cw_msg *m) {
        if (m->fd_count == 0)
                return;
        memset(control, 0, sizeof *control);
        mh->msg_control = control->bytes;
        mh->msg_controllen = CMSG_SPACE(sizeof(int) * m->fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * m->fd_count);
        memcpy(CMSG_DATA(c), m->fd, sizeof(int) * m->fd_count);
}

static cw_rc send_datagram(int fd, const struct msghdr *mh, int64_t deadline_ns, struct cw_fault *f) {
        for (;;) {
                if (sendmsg(fd, mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
                        return CW_OK;
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return cw_fail(f, RC(CW_C_RECONNECT, CW_E_CLOSED), errno, "ipc.send", "",
                                       "the other process is gone: %s", strerror(errno));
                cw_rc rc = wait_ready(fd, POLLOUT, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
}

/* Most texts fit on the stack: no memory is taken for them, in no step as they grow. */
#define SHORT_JSON_BYTES 512u

/* The text is in room or in memory of *ret_own. NULL when out of memory. */
static char *json_text(const json_t *json, char room[SHORT_JSON_BYTES], char **ret_own, size_t *ret_len) {
        size_t len = json_dumpb(json, room, SHORT_JSON_BYTES, JSON_COMPACT);
        *ret_len = len;
        if (len <= SHORT_JSON_BYTES)
                return room;
        *ret_own = malloc(len);
        return *ret_own && json_dumpb(json, *ret_own, len, JSON_COMPACT) == len ? *ret_own : NULL;
}

cw_rc cw_ipc_send(int fd, const struct cw_msg *m, int64_t deadline_ns, struct cw_fault *f) {
        CW_AUTO_MEM char *own = NULL;
        CW_UNINITIALIZED char room[SHORT_JSON_BYTES];
        size_t len = 0;
        char *text = json_text(m->json, room, &own, &len);
        uint8_t bytes[CW_IPC_HEADER_BYTES];
        struct cw_ipc_header h;
        if (!text || !header_of(m, len, &h, bytes))
                return cw_fail(f, RC(CW_C_FATAL, CW_E_TOO_BIG), 0, "ipc.send", "",
                               "message over the limits of IPC");
        struct pieces p = {.count = 0};
        piece_add(&p, bytes, sizeof bytes);
        piece_add(&p, text, h.json_len);
        for (unsigned i = 0; i < m->att_count; i++)
                piece_add(&p, m->att[i]->ptr, m->att[i]->len);
        union fd_control control;
        struct msghdr mh = {.msg_iov = p.iov, .msg_iovlen = p.count};
        put_fds(&mh, &control, m);
        return send_datagram(fd, &mh, deadline_ns, f);
}

static cw_rc fail_syntax(struct cw_fault *f, const char *what) {
        return cw_fail(f, RC(CW_C_RECONNECT, CW_E_SYNTAX), 0, "ipc.recv", "",
                       "malformed message (%s): closing the connection; do both sides run the same version?",
                       what);
}

/* Looks at the header of the next datagram without taking it. */
static cw_rc peek_header(int fd, int64_t deadline_ns, struct cw_ipc_header *ret, struct cw_fault *f) {
        uint8_t bytes[CW_IPC_HEADER_BYTES];
        for (;;) {
                ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
                if (n == 0)
                        return cw_fail(f, RC(CW_C_RECONNECT, CW_E_CLOSED), 0, "ipc.recv", "",
                                       "the other process closed the connection");
                if (n > 0 && cw_ipc_header_decode(bytes, (size_t)n, ret))
                        return CW_OK;
                if (n > 0)
                        return fail_syntax(f, "header");
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return fail_errno(f, CW_C_RECONNECT, CW_E_CLOSED, "ipc.recv");
                cw_rc rc = wait_ready(fd, POLLIN, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
}

static void take_fds(struct msghdr *mh, struct cw_msg *m) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < count; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
                        if (m->fd_count < CW_IPC_FD_MAX)
                                m->fd[m->fd_count++] = fd;
                        else
                                (void)close(fd);
                }
        }
}

static cw_rc alloc_attachments(struct cw_msg *m, const struct cw_ipc_header *h, struct cw_fault *f) {
        for (unsigned i = 0; i < h->att_count; i++) {
                cw_rc rc = cw_secret_new(h->att_len[i], &m->att[i]);
                if (rc != CW_OK)
                        return cw_fail(f, rc, 0, "ipc.recv", "",
                                       "no locked memory for a message: raise RLIMIT_MEMLOCK");
                m->att[i]->len = h->att_len[i];
                m->att_count++;
        }
        return CW_OK;
}

/* Takes the datagram whose header was peeked straight into its places. */
static cw_rc take_datagram(int fd, const struct cw_ipc_header *h, char *text, struct cw_msg *m,
                           struct cw_fault *f) {
        uint8_t bytes[CW_IPC_HEADER_BYTES];
        struct pieces p = {.count = 0};
        piece_add(&p, bytes, sizeof bytes);
        piece_add(&p, text, h->json_len);
        for (unsigned i = 0; i < m->att_count; i++)
                piece_add(&p, m->att[i]->ptr, m->att[i]->len);
        union fd_control control = {.bytes = {0}};
        struct msghdr mh = {.msg_iov = p.iov,
                            .msg_iovlen = p.count,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
        ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return fail_errno(f, CW_C_RECONNECT, CW_E_CLOSED, "ipc.recv");
        take_fds(&mh, m);
        if ((size_t)n != cw_ipc_header_total(h) || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
            m->fd_count != h->fd_count)
                return fail_syntax(f, "length");
        return CW_OK;
}

cw_rc cw_ipc_recv(int fd, int64_t deadline_ns, struct cw_msg **ret, struct cw_fault *f) {
        struct cw_ipc_header h;
        cw_rc rc = peek_header(fd, deadline_ns, &h, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new((enum cw_msg_type)h.type);
        CW_UNINITIALIZED char room[SHORT_JSON_BYTES];
        CW_AUTO_MEM char *own = h.json_len > sizeof room ? malloc(h.json_len) : NULL;
        char *text = h.json_len > sizeof room ? own : room;
        if (!m || !text)
                return cw_fail(f, RC(CW_C_RETRY, CW_E_NOMEM), 0, "ipc.recv", "", "out of memory");
        rc = alloc_attachments(m, &h, f);
        if (rc == CW_OK)
                rc = take_datagram(fd, &h, text, m, f);
        if (rc != CW_OK)
                return rc;
        json_decref(m->json);
        m->json = cw_ipc_json_decode(text, h.json_len);
        if (!m->json)
                return fail_syntax(f, "JSON");
        m->id = h.id;
        m->generation = h.generation;
        *ret = CW_STEAL(m);
        return CW_OK;
}

/* Turns {"ok": false, "error": ...} into its rc. */
static cw_rc reply_rc(const struct cw_msg *reply, struct cw_fault *f) {
        if (cw_msg_bool(reply, "ok", false))
                return CW_OK;
        struct cw_fault remote;
        cw_fault_from_json(json_object_get(reply->json, "error"), &remote);
        if (f)
                *f = remote;
        return remote.rc;
}

cw_rc cw_ipc_call(int fd, struct cw_msg *m, int64_t deadline_ns, struct cw_msg **ret_reply,
                  struct cw_fault *f) {
        static _Atomic uint32_t next_id;
        m->id = ++next_id;
        cw_rc rc = cw_ipc_send(fd, m, deadline_ns, f);
        while (rc == CW_OK) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                rc = wait_ready(fd, POLLIN, deadline_ns, f); /* it is never there yet */
                if (rc == CW_OK)
                        rc = cw_ipc_recv(fd, deadline_ns, &reply, f);
                /* A reply to an earlier call that timed out is stale and is dropped. */
                if (rc != CW_OK || reply->type != CW_MSG_REPLY || reply->id != m->id)
                        continue;
                rc = reply_rc(reply, f);
                if (rc == CW_OK)
                        *ret_reply = CW_STEAL(reply);
                return rc;
        }
        return rc;
}

cw_rc cw_memfd_from(const char *name, const void *bytes, size_t len, int *ret_fd) {
        CW_AUTO_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0 || ftruncate(fd, (off_t)len) < 0)
                return RC(CW_C_RETRY, CW_E_NOMEM);
        for (size_t done = 0; done < len;) {
                ssize_t n = write(fd, (const char *)bytes + done, len - done);
                if (n <= 0)
                        return RC(CW_C_RETRY, CW_E_NOMEM);
                done += (size_t)n;
        }
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return RC(CW_C_FATAL, CW_E_IO);
        *ret_fd = CW_STEAL_FD(fd);
        return CW_OK;
}

cw_rc cw_memfd_map(int fd, size_t max_len, const void **ret_ptr, size_t *ret_len) {
        const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        struct stat st;
        int seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & wanted) != wanted || fstat(fd, &st) < 0)
                return RC(CW_C_REJECT, CW_E_SYNTAX);
        if (st.st_size <= 0 || (uint64_t)st.st_size > max_len)
                return RC(CW_C_REJECT, CW_E_TOO_BIG);
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return RC(CW_C_RETRY, CW_E_NOMEM);
        *ret_ptr = p;
        *ret_len = (size_t)st.st_size;
        return CW_OK;
}
