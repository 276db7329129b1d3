/* SPDX-License-Identifier: Apache-2.0 */
/* A D1 simulator process over mutual TLS on loopback, and a client of agent/d1 that talks to it; what hsmd
 * does is done here with hsmd's own functions. */
#pragma once

#include "agent/d1/d1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/types.h>
#include <cmocka.h>

#define D1_PAN "4111111111111111"

struct d1rig {
        char dir[64];
        json_t *sim_config;
        pid_t sim;
        unsigned port;
        struct cw_loop *loop;
        struct cw_config config;
        struct cw_config_product product;
        char url[128], token_url[128], ca_file[128], cert_file[128];
        const char *sign_key; /* file in dir */
        unsigned signatures;
        struct cw_d1 *d;
};

struct d1out {
        bool done;
        unsigned calls;
        cw_rc rc;
        struct cw_fault fault;
        struct cw_d1_reply reply; /* pointers NULL */
        struct cw_d1_made made[CW_D1_BATCH_MAX];
        struct cw_d1_operation operations[CW_D1_OPERATIONS_MAX];
};

void d1rig_make(struct d1rig *rig);
void d1rig_start_sim(struct d1rig *rig);
void d1rig_stop_sim(struct d1rig *rig);
void d1rig_start_client(struct d1rig *rig);
void d1rig_start(struct d1rig *rig); /* all three */
void d1rig_stop(struct d1rig *rig);

/* For cw_d1_new, ctx is the rig: signs with rig->sign_key. */
void d1rig_sign(void *ctx, struct cw_d1 *d);

void d1out_take(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_d1_reply *reply);
void d1rig_wait(struct d1rig *rig, struct d1out *o, int64_t timeout_ms);
/* Card data sealed to the simulator, NUL-terminated; the caller frees it. */
struct cw_secret *d1rig_sealed(struct d1rig *rig);
/* One order of issuance CREATION; waits for its end. */
void d1rig_order(struct d1rig *rig, const char *card_id, const char *request_id, struct d1out *o);
void d1rig_status(struct d1rig *rig, const char *card_id, struct d1out *o);

/* The test's side; body NULL = GET. New reference. */
json_t *d1rig_ask(struct d1rig *rig, const char *path, const char *body);
void d1rig_faults(struct d1rig *rig, const char *list);
void d1rig_config(struct d1rig *rig, const char *members);
/* A member of the state as a number. */
int64_t d1rig_number(struct d1rig *rig, const char *name);
