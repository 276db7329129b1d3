/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: the process that loads the PKCS#11 module. One answers hello; one is there for key management
 * while somebody asks for it; each other one has a single session, whose requests come from the supervisor
 * (control socket) and from the station (session socket).
 */
#pragma once

#include "config/config.h"
#include "hsm/capability.h"

#include <stdatomic.h>
#include <stdint.h>

/* Shared with the supervisor: start of the running token call on the monotonic clock, 0 while idle. */
struct cw_worker_slot {
        _Atomic int64_t called_ns;
        uint8_t pad[56]; /* a cache line of its own */
};
/* Shared by all: the worker that answers hello probes the token, the sessions on it know what it found. */
struct cw_worker_posture {
        _Atomic bool probed;
        struct cw_capabilities capabilities;
};
struct cw_worker_args {
        const struct cw_config *cfg;
        const char *state_dir;
        int control_fd;
        int session_fd; /* -1: a worker without a session */
        bool keys;      /* key management: read-write session on the token */
        struct cw_worker_slot *slot;
        struct cw_worker_posture *posture;
        int parent_pid;
};

/* For the child right after the fork; never returns. Nothing may have been logged or threaded in it before.
 */
__attribute__((noreturn)) void cw_worker_run(const struct cw_worker_args *args);
