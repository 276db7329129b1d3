/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the daemons, one per SOCK_SEQPACKET datagram: fixed header, JSON that never holds a
 * secret, attachments received into locked memory, file descriptors. See ARCHITECTURE.md, "Talk".
 */
#pragma once

#include "base/error.h"
#include "base/loop.h"
#include "base/secret.h"

#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>

#define CW_IPC_JSON_MAX 16384u
#define CW_IPC_ATT_MAX 8u
#define CW_IPC_ATT_BYTES_MAX (96u * 1024u) /* all attachments of one message together */
#define CW_IPC_FD_MAX 2u

enum cw_msg_type { CW_MSG_REQUEST = 1, CW_MSG_REPLY = 2, CW_MSG_EVENT = 3 };

/*
 * Request JSON has "call", event JSON has "event", reply JSON has "ok": true, or "ok": false and "error"
 * (cw_fault_to_json). The message owns json, att and fd.
 */
struct cw_msg {
        enum cw_msg_type type;
        uint32_t generation; /* of the connection; a request of an older one is dropped */
        uint32_t id;         /* pairs a reply with its request; 0 for events */
        json_t *json;
        unsigned att_count;
        struct cw_secret *att[CW_IPC_ATT_MAX];
        unsigned fd_count;
        int fd[CW_IPC_FD_MAX];
};

/* Empty message with a new JSON object. NULL when out of memory. */
struct cw_msg *cw_msg_new(enum cw_msg_type type);
void cw_msg_free(struct cw_msg *m);
CW_DEFINE_CLEANUP(struct cw_msg *, cw_msg_free);
/* {"call": method} */
struct cw_msg *cw_msg_request(const char *method);
struct cw_msg *cw_msg_event(const char *name);
/* {"ok": true} for the request's id. */
struct cw_msg *cw_msg_ok(const struct cw_msg *request);
struct cw_msg *cw_msg_error(const struct cw_msg *request, const struct cw_fault *f);
/* Takes the secret / the fd; FATAL (and nothing is taken) when full. */
CW_WARN_UNUSED cw_rc cw_msg_attach(struct cw_msg *m, struct cw_secret *take);
CW_WARN_UNUSED cw_rc cw_msg_attach_copy(struct cw_msg *m, const void *bytes, size_t len);
CW_WARN_UNUSED cw_rc cw_msg_attach_fd(struct cw_msg *m, int take_fd);
/* Takes attachment i / fd i out of the message; NULL / -1 when there is none. */
struct cw_secret *cw_msg_take_att(struct cw_msg *m, unsigned i);
int cw_msg_take_fd(struct cw_msg *m, unsigned i);
/* Borrowed string / value members of json; fallback when absent or of another type. */
const char *cw_msg_str(const struct cw_msg *m, const char *key, const char *fallback);
int64_t cw_msg_int(const struct cw_msg *m, const char *key, int64_t fallback);
bool cw_msg_bool(const struct cw_msg *m, const char *key, bool fallback);

/* Socket pair / listener / connection with the buffers a full message needs, close-on-exec, non-blocking. */
CW_WARN_UNUSED cw_rc cw_ipc_pair(int ret_fd[2]);
/* Removes a stale socket file first. mode e.g. 0660. */
CW_WARN_UNUSED cw_rc cw_ipc_listen(const char *path, unsigned mode, int *ret_fd, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_ipc_connect(const char *path, int *ret_fd, struct cw_fault *f);
/* SO_PEERCRED. */
CW_WARN_UNUSED cw_rc cw_ipc_peer_cred(int fd, struct ucred *ret);
/*
 * Whether one of our own is at the other end: root, our own user, or a member of our own group
 * (SO_PEERGROUPS), which is how the daemons' users are let in by sysusers.
 */
bool cw_ipc_peer_is_ours(int fd);
/* Whether gid is the peer's group or one of its supplementary ones (SO_PEERGROUPS). */
bool cw_ipc_peer_in_group(int fd, gid_t gid);

/*
 * poll(2) for the two ends of a blocking conversation: looks without sleeping for the first 0.4 ms, since
 * waking an idle CPU takes longer than most answers do. The CPU goes to whoever else wants it meanwhile.
 */
int cw_poll_awake(struct pollfd *fds, size_t count, int timeout_ms);

/* Sends one message, waiting for room until the deadline. RECONNECT when the peer is gone, RETRY on timeout
 * (nothing was sent). */
CW_WARN_UNUSED cw_rc cw_ipc_send(int fd, const struct cw_msg *m, int64_t deadline_ns, struct cw_fault *f);
/*
 * Receives one message. RETRY/CW_E_TIMEOUT when none came, RECONNECT when the peer closed,
 * RECONNECT/CW_E_SYNTAX for a malformed message (the caller closes the connection).
 */
CW_WARN_UNUSED cw_rc cw_ipc_recv(int fd, int64_t deadline_ns, struct cw_msg **ret, struct cw_fault *f);
/*
 * Blocking call on a connection used by one thread only: sends m (borrowed), waits for the reply with its id;
 * an error reply becomes its rc and fault. A lost peer after sending is RECONNECT with CW_E_CLOSED:
 * the caller knows whether the call had an effect.
 */
CW_WARN_UNUSED cw_rc cw_ipc_call(int fd, struct cw_msg *m, int64_t deadline_ns, struct cw_msg **ret_reply,
                                 struct cw_fault *f);

/* Large data: sealed memfd (shrink, grow, write sealed), up to max_len bytes. */
CW_WARN_UNUSED cw_rc cw_memfd_from(const char *name, const void *bytes, size_t len, int *ret_fd);
/* Checks the seals, maps read-only; unmap with munmap(*ret_ptr, *ret_len). REJECT when unsealed or over
 * max_len. */
CW_WARN_UNUSED cw_rc cw_memfd_map(int fd, size_t max_len, const void **ret_ptr, size_t *ret_len);

/* A connection on an event loop. */
struct cw_peer;
struct cw_peer_ops {
        void (*on_request)(void *ctx, struct cw_peer *p, struct cw_msg *request); /* borrowed */
        void (*on_event)(void *ctx, struct cw_peer *p, struct cw_msg *event);     /* borrowed; may be NULL */
        void (*on_closed)(void *ctx, struct cw_peer *p,
                          const struct cw_fault *why); /* free p here or later */
};
/* rc CW_OK and reply, or rc, fault and NULL; called exactly once per call, also when the peer is freed
 * (RECONNECT). */
typedef void (*cw_reply_fn)(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply);

/* Takes fd. */
CW_WARN_UNUSED cw_rc cw_peer_new(struct cw_loop *loop, int take_fd, const struct cw_peer_ops *ops, void *ctx,
                                 struct cw_peer **ret);
void cw_peer_free(struct cw_peer *p);
CW_DEFINE_CLEANUP(struct cw_peer *, cw_peer_free);
/* Queues the message (takes m, NULL m counts as out of memory); fn may be NULL when nobody waits. */
void cw_peer_call(struct cw_peer *p, struct cw_msg *m, int64_t timeout_ms, cw_reply_fn fn, void *ctx);
void cw_peer_send(struct cw_peer *p, struct cw_msg *m); /* replies and events; takes m */
int cw_peer_fd(const struct cw_peer *p);

/* A listening socket on a loop. */
struct cw_listener;
typedef void (*cw_accept_fn)(void *ctx, int take_fd, const struct ucred *cred);
CW_WARN_UNUSED cw_rc cw_listener_new(struct cw_loop *loop, int take_fd, cw_accept_fn fn, void *ctx,
                                     struct cw_listener **ret);
void cw_listener_free(struct cw_listener *l);
CW_DEFINE_CLEANUP(struct cw_listener *, cw_listener_free);
