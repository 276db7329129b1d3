/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/peer_role.h"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 256

static bool has_group(const struct cw_peer_ids *ids, gid_t gid) {
        for (size_t i = 0; gid != CW_NO_GROUP && i < ids->gid_count; i++)
                if (ids->gids[i] == gid)
                        return true;
        return false;
}

enum cw_role cw_peer_role_of(const struct cw_peer_ids *ids) {
        if (ids->uid == 0 || ids->uid == ids->own_uid || has_group(ids, ids->admin_gid))
                return CW_ROLE_ADMIN;
        return has_group(ids, ids->operate_gid) ? CW_ROLE_OPERATE : CW_ROLE_NONE;
}

static gid_t gid_of(const char *group) {
        const struct group *g = group && *group ? getgrnam(group) : NULL;
        return g ? g->gr_gid : CW_NO_GROUP;
}

enum cw_role cw_peer_role(int fd, const char *operate_group, const char *admin_group, uid_t *ret_uid) {
        struct ucred cred;
        socklen_t len = sizeof cred;
        gid_t gids[GROUPS_MAX + 1];
        socklen_t gids_len = sizeof(gid_t) * GROUPS_MAX;
        *ret_uid = (uid_t)-1;
        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return CW_ROLE_NONE;
        *ret_uid = cred.uid;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &gids_len) < 0)
                gids_len = 0;
        size_t count = gids_len / sizeof(gid_t);
        gids[count++] = cred.gid;
        const struct cw_peer_ids ids = {.uid = cred.uid,
                                        .own_uid = geteuid(),
                                        .gids = gids,
                                        .gid_count = count,
                                        .operate_gid = gid_of(operate_group),
                                        .admin_gid = gid_of(admin_group)};
        return cw_peer_role_of(&ids);
}
