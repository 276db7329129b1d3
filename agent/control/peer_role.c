/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/peer_role.h"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 256

static bool member_of(const gid_t *gids, size_t count, const char *name) {
        const struct group *g = name && *name ? getgrnam(name) : NULL;
        for (size_t i = 0; g && i < count; i++)
                if (gids[i] == g->gr_gid)
                        return true;
        return false;
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
        if (cred.uid == 0 || cred.uid == geteuid())
                return CW_ROLE_ADMIN;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &gids_len) < 0)
                gids_len = 0;
        size_t count = gids_len / sizeof(gid_t);
        gids[count++] = cred.gid;
        if (member_of(gids, count, admin_group))
                return CW_ROLE_ADMIN;
        return member_of(gids, count, operate_group) ? CW_ROLE_OPERATE : CW_ROLE_NONE;
}
