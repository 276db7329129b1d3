/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a unix socket, and what that person may do. */
#pragma once

#include "agent/control/control.h"

#include <sys/types.h>

/* By SO_PEERCRED and SO_PEERGROUPS. NONE when the peer cannot be told; *ret_uid is then (uid_t)-1. Reads the group database. */
enum cw_role cw_peer_role(int fd, const char *operate_group, const char *admin_group, uid_t *ret_uid);
