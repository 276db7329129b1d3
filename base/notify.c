/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include "base/cleanup.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void cw_notify(const char *state) {
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        size_t len = path ? strlen(path) : 0;
        if (len < 2 || len >= sizeof addr.sun_path)
                return;
        memcpy(addr.sun_path, path, len);
        if (addr.sun_path[0] == '@')
                addr.sun_path[0] = '\0';
        CW_AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        socklen_t addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&addr, addr_len);
}

int64_t cw_notify_watchdog_ms(void) {
        const char *text = getenv("WATCHDOG_USEC");
        if (!text || !*text)
                return 0;
        char *end = NULL;
        long long usec = strtoll(text, &end, 10);
        return *end || usec <= 0 ? 0 : usec / 2000;
}
