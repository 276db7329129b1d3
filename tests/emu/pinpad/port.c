/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static int make_link(const char *target, const char *link) {
        char tmp[512];

        if (snprintf(tmp, sizeof tmp, "%s.new", link) >= (int)sizeof tmp) {
                errno = ENAMETOOLONG;
                return -1;
        }
        (void)unlink(tmp);
        return symlink(target, tmp) < 0 ? -1 : rename(tmp, link);
}

static int open_slave(struct emud_port *p) {
        char name[64];
        struct termios t;

        if (grantpt(p->master) < 0 || unlockpt(p->master) < 0 || ptsname_r(p->master, name, sizeof name) != 0)
                return -1;
        p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (p->slave < 0 || tcgetattr(p->slave, &t) < 0)
                return -1;
        cfmakeraw(&t);
        if (tcsetattr(p->slave, TCSANOW, &t) < 0)
                return -1;
        return make_link(name, p->link);
}

int emud_port_open(struct emud_port *p, const char *link) {
        *p = (struct emud_port){
            .master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), .slave = -1, .link = link};
        if (p->master >= 0 && open_slave(p) == 0)
                return 0;
        int saved = errno;
        emud_port_close(p);
        errno = saved;
        return -1;
}

void emud_port_close(struct emud_port *p) {
        if (p->master >= 0) {
                (void)unlink(p->link);
                (void)close(p->master);
        }
        if (p->slave >= 0)
                (void)close(p->slave);
        p->master = -1;
        p->slave = -1;
}
