/* SPDX-License-Identifier: Apache-2.0 */
/* A DCMS simulator process over TLS on loopback, and a client of agent/upstream that talks to it. */
#pragma once

#include "agent/upstream/dcms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/types.h>
#include <cmocka.h>

#define RIG_KIT "4240181647"
#define RIG_KIT2 "4240181648"
#define RIG_ENTITY "validatePin0"
#define RIG_PAN "4111111111111111"

struct rig {
        char dir[64];
        json_t *sim_config;
        pid_t sim;
        unsigned port;
        const char *server_pem, *server_key; /* file names in dir */
        bool client_ca;                      /* the simulator wants a client certificate */
        struct cw_loop *loop;
        struct cw_config config;
        char url[128], ca_file[128], cred_dir[128], cert_file[128], peer_file[128];
        struct cw_dcms *d;
};

/* What a call came to; owned copies. */
struct outcome {
        bool done;
        unsigned calls;
        cw_rc rc;
        struct cw_fault fault;
        struct cw_dcms_reply reply; /* pointers NULL, counts kept */
        json_t *result;
        struct cw_dcms_kit kits[16];
        char sealed[16][256];
        struct cw_dcms_order orders[8];
        struct cw_dcms_delivered delivered[8];
};

/* A folder with certificates, keys and credentials; the simulator's configuration with seeded kits. Nothing
 * runs. */
void rig_make(struct rig *rig);
void rig_start_sim(struct rig *rig);
void rig_stop_sim(struct rig *rig);
/* The client for rig->config; asserts that it can be made. */
void rig_start_client(struct rig *rig);
void rig_start(struct rig *rig); /* all three */
/* Ends what runs; the simulator must have ended well and its log must not hold the card number. */
void rig_stop(struct rig *rig);

/* fn and ctx for a call. */
void outcome_take(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply);
/* Runs the loop until the outcome is there; fails the test after timeout_ms. */
void rig_wait(struct rig *rig, struct outcome *o, int64_t timeout_ms);
void rig_run(struct rig *rig, int64_t ms);
void outcome_done(struct outcome *o);

/* The simulator's test side: {"faults": [...]}, GET state. */
void rig_faults(struct rig *rig, const char *list);
void rig_down(struct rig *rig, const char *body);
json_t *rig_state(struct rig *rig);
/* Calls the simulator counted on that path. */
int64_t rig_calls(struct rig *rig, const char *path);
/* The state row of a kit, new reference. */
json_t *rig_kit(struct rig *rig, const char *kit_no);
/* A teller's call with the agent's rights; "result", new reference. */
json_t *rig_teller(struct rig *rig, const char *path, const char *body);

/* Base64 of IV, AES-GCM(ASCII-hex format 0 block of that PIN), tag for RIG_PAN, in secret memory. */
struct cw_secret *rig_pin(const char *pin);
/* The same for another card number. */
struct cw_secret *rig_pin_of(const char *pin, const char *pan);
/* The v1 form of the same block: Base64 of AES-256-ECB. */
struct cw_secret *rig_pin_v1(const char *pin);
struct cw_secret *rig_pin_v1_of(const char *pin, const char *pan);
/* Base64 of IV, AES-GCM(RIG_PAN), tag. */
void rig_sealed_pan(char *ret, size_t cap);
void rig_sealed_pan_of(const char *pan, char *ret, size_t cap);

/* rig_cert.c: CA, server certificates (good, for another name, expired) and a client certificate, as PEM
 * files in dir. */
void rig_make_certs(const char *dir);
