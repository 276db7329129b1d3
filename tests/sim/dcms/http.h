/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS listener: requests in, responses and broken responses out, one log line each. */
#pragma once

#include <stdint.h>

#include "dsim.h"

struct cw_dsim_http;

struct cw_dsim_listen {
        const char *address;  /* dotted IPv4 */
        uint16_t port;        /* 0: any free port */
        const char *cert_pem; /* texts, not files; must outlive the listener */
        const char *key_pem;
        const char *client_ca_pem; /* NULL: no client certificate is asked for */
};

/* Starts its threads; NULL with a message on stderr. ret_port is the bound port. */
struct cw_dsim_http *cw_dsim_http_start(struct cw_dsim *sim, const struct cw_dsim_listen *listen,
                                        uint16_t *ret_port);

/* Closes the listener and waits for requests at work. */
void cw_dsim_http_stop(struct cw_dsim_http *http);
