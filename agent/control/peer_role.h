/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a unix socket, and what that person may do. */
#pragma once

#include "agent/control/control.h"

#include <sys/types.h>

#define CW_NO_GROUP ((gid_t)-1)

/* What decides: the peer's ids, our own user, the two groups (CW_NO_GROUP = not configured, or no such
 * group). */
struct cw_peer_ids {
        uid_t uid, own_uid;
        const gid_t *gids;
        size_t gid_count;
        gid_t operate_gid, admin_gid;
};
/* Pure. Root and our own user administer. */
enum cw_role cw_peer_role_of(const struct cw_peer_ids *ids);

/*
 * The same for a connected socket, by SO_PEERCRED and SO_PEERGROUPS. NONE when the peer cannot be told;
 * *ret_uid is then (uid_t)-1. Reads the group database.
 */
enum cw_role cw_peer_role(int fd, const char *operate_group, const char *admin_group, uid_t *ret_uid);
