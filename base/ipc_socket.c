/* SPDX-License-Identifier: Apache-2.0 */
/* Messages over SOCK_SEQPACKET sockets, blocking with deadlines; sealed memfds. */
#include "base/ipc_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_BUFFER_BYTES (512 * 1024)
#define LISTEN_BACKLOG 16
#define PEER_GROUPS_MAX 256
#define AWAKE_NS 400000 /* most calls of hsmd take less, and so does a client's time between two of them */
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

/* The other process may wait for this very CPU: it is let run at each look. */
int cw_poll_awake(struct pollfd *fds, size_t count, int timeout_ms) {
        const int64_t until_ns = cw_deadline_ns(0) + AWAKE_NS;
        while (timeout_ms != 0 && cw_deadline_ns(0) < until_ns) {
                int n = poll(fds, count, 0);
                if (n != 0)
                        return n;
                (void)sched_yield();
        }
        return poll(fds, count, timeout_ms);
}

/* Waits until fd is ready for what; RETRY/TIMEOUT at the deadline. */
static cw_rc wait_ready(int fd, short what, int64_t deadline_ns, struct cw_fault *f) {
        for (;;) {
                struct pollfd p = {.fd = fd, .events = what};
                int left_ms = cw_deadline_left_ms(deadline_ns);
                int n = cw_poll_awake(&p, 1, left_ms);
                if (n > 0)
                        return CW_OK;
                if (n < 0 && errno != EINTR)
                        return fail_errno(f, CW_C_FATAL, CW_E_IO, "ipc.poll");
                if (n == 0 && left_ms == 0)
                        return cw_fail(f, RC(CW_C_RETRY, CW_E_TIMEOUT), 0, "ipc.wait", "",
                                       "no answer in time from the other process");
        }
}

static bool header_of(const struct cw_msg *m, size_t json_len, uint8_t ret_bytes[CW_IPC_HEADER_BYTES]) {
        struct cw_ipc_header h = {.type = (uint8_t)m->type,
                                  .att_count = (uint8_t)m->att_count,
                                  .fd_count = (uint8_t)m->fd_count,
                                  .generation = m->generation,
                                  .id = m->id,
                                  .json_len = (uint32_t)json_len};
        for (unsigned i = 0; i < m->att_count; i++) {
                if (!m->att[i] || m->att[i]->len > CW_IPC_ATT_BYTES_MAX)
                        return false;
                h.att_len[i] = (uint32_t)m->att[i]->len;
        }
        cw_ipc_header_encode(&h, ret_bytes);
        return cw_ipc_header_valid(&h);
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
#define SHORT_BYTES (CW_IPC_HEADER_BYTES + 512u)

/* Header and JSON, in room or in memory of *ret_own. NULL when over the limits or out of memory. */
static uint8_t *head_of(const struct cw_msg *m, uint8_t room[SHORT_BYTES], uint8_t **ret_own,
                        size_t *ret_len) {
        const size_t cap = SHORT_BYTES - CW_IPC_HEADER_BYTES;
        uint8_t *head = room;
        size_t len = json_dumpb(m->json, (char *)room + CW_IPC_HEADER_BYTES, cap, JSON_COMPACT);
        if (len > cap && len <= CW_IPC_JSON_MAX) {
                head = *ret_own = malloc(CW_IPC_HEADER_BYTES + len);
                if (!head ||
                    json_dumpb(m->json, (char *)head + CW_IPC_HEADER_BYTES, len, JSON_COMPACT) != len)
                        return NULL;
        }
        *ret_len = CW_IPC_HEADER_BYTES + len;
        return header_of(m, len, head) ? head : NULL;
}

cw_rc cw_ipc_send(int fd, const struct cw_msg *m, int64_t deadline_ns, struct cw_fault *f) {
        CW_AUTO_MEM uint8_t *own = NULL;
        CW_UNINITIALIZED uint8_t room[SHORT_BYTES];
        size_t len = 0;
        uint8_t *head = head_of(m, room, &own, &len);
        if (!head)
                return cw_fail(f, RC(CW_C_FATAL, CW_E_TOO_BIG), 0, "ipc.send", "",
                               "message over the limits of IPC");
        struct iovec iov[1 + CW_IPC_ATT_MAX] = {{.iov_base = head, .iov_len = len}};
        size_t count = 1;
        for (unsigned i = 0; i < m->att_count; i++)
                if (m->att[i]->len)
                        iov[count++] = (struct iovec){.iov_base = m->att[i]->ptr, .iov_len = m->att[i]->len};
        union fd_control control;
        struct msghdr mh = {.msg_iov = iov, .msg_iovlen = count};
        put_fds(&mh, &control, m);
        return send_datagram(fd, &mh, deadline_ns, f);
}

static cw_rc fail_syntax(struct cw_fault *f, const char *what) {
        return cw_fail(f, RC(CW_C_RECONNECT, CW_E_SYNTAX), 0, "ipc.recv", "",
                       "malformed message (%s): closing the connection; do both sides run the same version?",
                       what);
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

/* Waits for the next datagram: its bytes into the inbox, its file descriptors into m. */
static cw_rc take_datagram(int fd, int64_t deadline_ns, struct cw_wiped_scope *inbox, struct cw_msg *m,
                           struct cw_fault *f) {
        union fd_control control;
        struct iovec iov = {.iov_base = inbox->p, .iov_len = CW_IPC_DATAGRAM_MAX};
        for (;;) {
                struct msghdr mh = {.msg_iov = &iov,
                                    .msg_iovlen = 1,
                                    .msg_control = control.bytes,
                                    .msg_controllen = sizeof control.bytes};
                ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
                if (n >= 0)
                        take_fds(&mh, m);
                if (n == 0)
                        return cw_fail(f, RC(CW_C_RECONNECT, CW_E_CLOSED), 0, "ipc.recv", "",
                                       "the other process closed the connection");
                if (n > 0) {
                        inbox->len = (size_t)n;
                        return mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? fail_syntax(f, "length") : CW_OK;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return fail_errno(f, CW_C_RECONNECT, CW_E_CLOSED, "ipc.recv");
                cw_rc rc = wait_ready(fd, POLLIN, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
}

/* The message is taken from the socket and cannot be had again: without memory the connection ends. */
static cw_rc copy_attachments(struct cw_msg *m, const struct cw_ipc_header *h, const uint8_t *bytes,
                              struct cw_fault *f) {
        for (unsigned i = 0; i < h->att_count; i++) {
                if (cw_msg_attach_copy(m, bytes, h->att_len[i]) != CW_OK)
                        return cw_fail(f, RC(CW_C_RECONNECT, CW_E_NOMEM), 0, "ipc.recv", "",
                                       "no locked memory for a message: raise RLIMIT_MEMLOCK");
                bytes += h->att_len[i];
        }
        return CW_OK;
}

static cw_rc open_datagram(const uint8_t *bytes, size_t len, struct cw_msg *m, struct cw_fault *f) {
        struct cw_ipc_header h;
        if (!cw_ipc_header_decode(bytes, len, &h))
                return fail_syntax(f, "header");
        if (len != cw_ipc_header_total(&h) || m->fd_count != h.fd_count)
                return fail_syntax(f, "length");
        const uint8_t *text = bytes + CW_IPC_HEADER_BYTES;
        m->type = (enum cw_msg_type)h.type;
        m->id = h.id;
        m->generation = h.generation;
        m->json = cw_ipc_json_decode((const char *)text, h.json_len);
        return m->json ? copy_attachments(m, &h, text + h.json_len, f) : fail_syntax(f, "JSON");
}

cw_rc cw_ipc_recv(int fd, int64_t deadline_ns, struct cw_msg **ret, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = calloc(1, sizeof *m);
        __attribute__((cleanup(cw_wiped_cleanup))) struct cw_wiped_scope inbox = {cw_ipc_inbox(), 0};
        if (!m || !inbox.p)
                return cw_fail(f, RC(CW_C_RETRY, CW_E_NOMEM), 0, "ipc.recv", "",
                               "no memory for a message; is RLIMIT_MEMLOCK too low?");
        cw_rc rc = take_datagram(fd, deadline_ns, &inbox, m, f);
        if (rc == CW_OK)
                rc = open_datagram(inbox.p, inbox.len, m, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(m);
        return rc;
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
