/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port: a pseudo-terminal whose slave a symbolic link names. */
#pragma once

struct emud_port {
        int master; /* -1 = unplugged */
        int slave;  /* held open, so that a host that closes does not look like one that unplugs */
        const char *link;
};

/* Plugs in: new pseudo-terminal, raw, link replaced atomically. 0 or -1 with errno. */
int emud_port_open(struct emud_port *p, const char *link);
/* Unplugs: the host sees a hang-up, the link is gone. */
void emud_port_close(struct emud_port *p);
