/* SPDX-License-Identifier: Apache-2.0 */
/* A private token of a kind in a folder of its own, and a cardwright-hsmd that runs on it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct vector_token {
        char dir[160];
        pid_t hsmd, slot_daemon, server;
        int admin; /* connection to admin.sock */
};

struct vector_options {
        bool behind_server;  /* the module is p11-kit's client, the token behind `p11-kit server` */
        bool host_memory;    /* hsm.allow_host_memory */
        int call_timeout_ms; /* 0: 5000 */
};

/* Why there can be no such token here; NULL when there can. */
const char *vector_token_missing(const char *name);
/*
 * kind: "softhsm", "nss" or "opencryptoki" (as root only). Makes the token, starts the daemon, waits until it
 * has the token. False after saying on stderr what is missing; vector_token_stop is called in any case.
 */
bool vector_token_start(struct vector_token *t, const char *kind, const struct vector_options *o);
/* Until the daemon has the token: then hello names the token's model; false after saying why there is none.
 */
bool vector_token_wait(struct vector_token *t);
/* Starts the server again after a test has ended it. */
bool vector_token_serve(struct vector_token *t);
void vector_token_stop(struct vector_token *t);
