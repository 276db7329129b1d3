/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a simulator of its own in a private folder and talks to it over TLS. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>

#include "base/cleanup.h"

struct rig {
        char dir[64];
        pid_t pid;
        unsigned port;
        char token[2048];
        bool client_cert; /* send the client certificate */
        bool client_ca;   /* start the server with --client-ca */
        const char *base; /* base path when it is not /dcms */
        json_t *config;
};

struct answer {
        CURLcode rc;
        long http;
        json_t *json; /* NULL when the body is not JSON */
        char *text;
        size_t len;
        char content_type[64];
        char retry_after[16];
        double seconds;
};

struct ask {
        const char *path;   /* whole path */
        const char *body;   /* NULL: GET */
        const char *method; /* NULL: GET or POST by body */
        const char *tenant; /* NULL: ACME_BANK, "" none */
        const char *token;  /* NULL: the rig's, "" none */
        const char *type;   /* NULL: application/json, "" none */
        const char *header; /* one more header line, or NULL */
        long timeout_ms;    /* 0: 5000 */
};

/* Group fixtures: the throw-away CA, made once by the openssl command. */
int support_setup(void **state);
int support_teardown(void **state);

/* A configuration to change before rig_start; the documented example with seeded kits and customers. */
json_t *rig_config(void);
void rig_start(struct rig *rig, json_t *config);
void rig_login(struct rig *rig);
void rig_restart(struct rig *rig);
void rig_stop(struct rig *rig);
/* Writes the configuration, starts the program, returns its exit status (it is expected not to run). */
int rig_refused(struct rig *rig, json_t *config);

struct answer rig_ask(const struct rig *rig, const struct ask *ask);
void answer_done(struct answer *a);

/* A call below /dcms with the usual headers. */
struct answer rig_call(const struct rig *rig, const char *path, const char *body);
struct answer rig_sim(const struct rig *rig, const char *path, const char *body);

/* The call must succeed (exception null); its result, new reference. */
json_t *rig_ok(const struct rig *rig, const char *path, const char *body);
/* The call must be refused with this errorCode. */
void rig_refuse(const struct rig *rig, const char *path, const char *body, const char *code);
/* The same, and fieldError must contain text. */
void rig_refuse_field(const struct rig *rig, const char *path, const char *body, const char *code,
                      const char *text);

json_t *rig_state(const struct rig *rig);
json_int_t rig_number(const struct rig *rig, const char *name);
/* Member of one kit in the state, new reference. */
json_t *rig_kit(const struct rig *rig, const char *kit_no, const char *member);
void rig_faults(const struct rig *rig, const char *json);

const char *text_of(const json_t *object, const char *name);

/* Base64(IV16 | AES-256-GCM | tag16), written here anew so that the tests do not use the server's code. */
void seal(const uint8_t *key, const uint8_t *iv, const void *data, size_t len, char *out);
/* The reverse; returns the clear length, fails the test on a wrong tag. */
size_t unseal(const uint8_t *key, const char *text, uint8_t *out);
/* Format 0 block of pin and pan as upper-case hex, and sealed under key with a random IV. */
void pin_block_hex(const char *pin, const char *pan, char out[17]);
void pin_form(const uint8_t *key, const char *pin, const char *pan, char *out);
void sha256_hex(const void *data, size_t len, char out[65]);

/* The folder of the throw-away CA and key pairs. */
const char *support_dir(void);

extern const uint8_t TEST_PIN_KEY[32];
extern const uint8_t TEST_CARD_KEY[32];
#define VECTOR_PAN "4111111111111111"
#define VECTOR_KIT "130005054"
