/* SPDX-License-Identifier: Apache-2.0 */
/* What the rigs of both servers share: a simulator's process, its folder, blocking questions to its test
 * side. */
#pragma once

#include <jansson.h>
#include <sys/types.h>

/* Waits for the port file of a simulator that was just started in dir; fails the test when it ends instead.
 */
unsigned rig_sim_port(const char *dir, pid_t pid);
/* SIGTERM, and it must end well; 0 is fine. *pid is 0 then. */
void rig_sim_stop(pid_t *pid);
/* Plain files of dir and dir itself: anything else in it fails the test. */
void rig_sim_remove(const char *dir);

struct rig_sim_question {
        unsigned port;
        const char *path, *body;    /* body NULL = GET */
        const char *const *headers; /* beside the content type; NULL-terminated */
        const char *ca_file;
        const char *cert_file, *key_file; /* NULL = without a client certificate */
};
/* The answer, 200 and JSON; a new reference. */
json_t *rig_sim_ask(const struct rig_sim_question *q);
