/* SPDX-License-Identifier: Apache-2.0 */
/*
 * d1-sim: the side of Thales D1 a branch talks to, for tests: token, card orders, status. Written from the
 * published pages; shares no code with agent/ or hsm/ but the scope helpers of base/cleanup.h.
 */
#pragma once

#include "base/cleanup.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define D1SIM_BODY_MAX ((size_t)16 << 20)
#define D1SIM_FAULTS_MAX 64u

/* Which call a request is. */
enum d1sim_call { D1SIM_TOKEN, D1SIM_ORDER, D1SIM_BATCH, D1SIM_STATUS, D1SIM_SIM, D1SIM_UNKNOWN };

struct d1sim_fault {
        char call[16];      /* token, order, batch, status, * */
        int64_t nth, count; /* first call it hits from now on; how many, 0 = all */
        int status, retry_after_s;
        int64_t delay_ms;
        bool drop_before, drop_after; /* the connection breaks; after: the work is done */
        int64_t reset_after;          /* bytes of the body, then a reset; -1 = none */
        bool after_commit;            /* status is answered although the work was done */
        int64_t drip_bytes, drip_ms;  /* the body in pieces, a pause before each; 0 bytes = at once */
        bool malformed, expire_token, duplicates, reversed, unknown;
        int64_t seen, fired;
};

struct d1sim {
        pthread_mutex_t lock;
        sqlite3 *db;
        json_t *config;
        EVP_PKEY *card_key; /* opens encryptedData */
        uint64_t random;
        struct d1sim_fault faults[D1SIM_FAULTS_MAX];
        size_t fault_count;
        int64_t calls[D1SIM_UNKNOWN + 1];
        int64_t replays;
        int64_t uncorrelated; /* card calls without x-correlation-id */
};

struct d1sim_in {
        const char *method, *path, *type, *authorization, *correlation_id, *sim_token;
        const char *body; /* NUL-terminated */
        size_t body_len;
};
struct d1sim_out {
        int status;
        json_t *body; /* NULL = empty */
        struct d1sim_fault fault;
        bool faulty;
};

/* ---- store.c: fmt has t (text) and i (int64_t); any database error ends the program ---- */
bool d1sim_store_open(struct d1sim *s, const char *path);
sqlite3_stmt *d1sim_query(struct d1sim *s, const char *sql, const char *fmt, ...);
int64_t d1sim_int(struct d1sim *s, const char *sql, const char *fmt, ...);
void d1sim_run(struct d1sim *s, const char *sql, const char *fmt, ...);
const char *d1sim_column(sqlite3_stmt *stmt, int column);

/* ---- jose.c: RFC 7515, 7516, 7518 over OpenSSL ---- */
EVP_PKEY *d1sim_read_key(const char *path, bool is_private);
/* Claims of an ES256 JWT signed by the configured key of its kid; NULL with *why. */
json_t *d1sim_jwt_open(const json_t *keys, const char *text, const char **why);
/* Clear JSON of a compact JWE, ECDH-ES and A256GCM; NULL with *why. */
json_t *d1sim_jwe_open(EVP_PKEY *key, const char *kid, const char *text, const char **why);

/* ---- check.c: what an order must be ---- */
/* NULL when right; else the first bad field, *ret_code FIELD_INVALID_FORMAT or FIELD_INVALID_VALUE.
 * pan_masked has 24 bytes. batch: cardId is a member and distributionChannel has no default. */
const char *d1sim_check_order(struct d1sim *s, const json_t *order, bool batch, const char **ret_code,
                              char *pan_masked);
/* word is in the list of texts. */
bool d1sim_listed(const json_t *list, const char *word);
bool d1sim_is_id(const char *text, size_t max);

/* ---- api.c ---- */
enum d1sim_call d1sim_call_of(const struct d1sim_in *in);
/* One request; takes the lock. */
void d1sim_answer(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out);
void d1sim_error(struct d1sim_out *out, int status, const char *code, const char *text);
int64_t d1sim_now_ms(void);
const char *d1sim_text(const json_t *object, const char *name);
int64_t d1sim_number(const json_t *object, const char *name, int64_t fallback);

/* ---- orders.c ---- */
void d1sim_order(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out);
void d1sim_batch(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out);
void d1sim_status(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out);

/* ---- simside.c: the test's side, /_sim/... ---- */
void d1sim_side(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out);
/* The fault that hits this call; counts. */
bool d1sim_fault_hits(struct d1sim *s, enum d1sim_call call, struct d1sim_fault *ret);

/* ---- http.c ---- */
struct MHD_Daemon *d1sim_http_start(struct d1sim *s, const char *address, uint16_t port, const char *cert,
                                    const char *key, const char *client_ca, uint16_t *ret_port);
