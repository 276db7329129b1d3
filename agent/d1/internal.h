/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct cw_d1, shared by client.c, token.c, ask.c, order.c and body.c. */
#pragma once

#include "agent/d1/answer.h"

#define CW_D1_URL_CAP 1280u

struct cw_d1_ask;
struct cw_d1_call;

struct cw_d1 {
        struct cw_loop *loop;
        const struct cw_clock *clock;
        const struct cw_config *config;
        struct cw_d1_signer signer;
        char url[512], token_url[512]; /* without trailing slash */
        struct cw_tls *tls;
        struct cw_http *http;
        struct cw_d1_ask *asks;
        struct cw_d1_call *calls;
        bool closing;

        struct cw_secret *token;
        uint64_t token_number; /* grows with every token */
        int64_t token_renew_ns, token_expires_ms;
        bool signing;                   /* the signer was asked */
        struct cw_http_exchange *login; /* the token request under way */
        struct cw_secret *login_body;
        int64_t login_hold_ns; /* refused credentials are not tried again before this */
        struct cw_fault login_fault;

        struct cw_d1_health health;
};

/* ---- ask.c: one request, its tries ---- */

/* answer is borrowed; its verdict is final. posted: a POST may have reached D1. */
typedef void (*cw_d1_ask_fn)(void *ctx, const struct cw_d1_answer *answer);

struct cw_d1_question {
        bool post;
        const char *path; /* below url; copied */
        char *body;       /* taken; NULL for GET */
        const char *what; /* static, for texts */
        const char *correlation_id;
};
/* fn is called once, later. NULL when there is no memory (the body is freed, fn is not called). */
struct cw_d1_ask *cw_d1_ask_start(struct cw_d1 *d, const struct cw_d1_question *q, cw_d1_ask_fn fn,
                                  void *ctx);
/* Ends it without calling fn. True when a POST may have reached D1. */
bool cw_d1_ask_cancel(struct cw_d1_ask *a);
/* A token came (f NULL) or could not be had. */
void cw_d1_ask_wake_all(struct cw_d1 *d, const struct cw_fault *f);

/* ---- token.c ---- */

bool cw_d1_token_ready(const struct cw_d1 *d);
/* Starts to get one, when none is on its way. False when the last refusal is too fresh: d->login_fault. */
bool cw_d1_token_want(struct cw_d1 *d);
void cw_d1_token_drop(struct cw_d1 *d, uint64_t number);
void cw_d1_token_cancel(struct cw_d1 *d);

/* ---- order.c ---- */

/* For cw_d1_free. */
void cw_d1_call_cancel(struct cw_d1_call *c);

/* ---- body.c ---- */

/* Checks one order and makes its JSON (without cardId). REJECT with the member's name. */
CW_WARN_UNUSED cw_rc cw_d1_body_card(const struct cw_config *config, const struct cw_d1_order *o,
                                     json_t **ret, struct cw_fault *f);
/* "/issuers/<id>/physicalCards/<card><tail>"; false when it does not fit. */
bool cw_d1_card_path(const struct cw_d1 *d, const char *card_id, const char *tail, char *ret, size_t cap);
/* The batch path with {issuerId} replaced. */
bool cw_d1_batch_path(const struct cw_d1 *d, char *ret, size_t cap);

/* ---- client.c ---- */

/* After every exchange. */
void cw_d1_note(struct cw_d1 *d, const struct cw_http_result *http, const struct cw_d1_answer *a);
uint32_t cw_d1_random(void);
