/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct cw_dcms, shared by dcms.c, call.c, session.c and methods.c. */
#pragma once

#include "agent/upstream/answer.h"
#include "agent/upstream/dcms.h"
#include "agent/upstream/http.h"
#include "agent/upstream/request.h"
#include "agent/upstream/results.h"

enum cw_call_state {
        CW_CALL_START,   /* its timer starts it                                  */
        CW_CALL_TOKEN,   /* waits for the login all calls share                  */
        CW_CALL_FLIGHT,  /* an exchange is under way                             */
        CW_CALL_BACKOFF, /* its timer starts the next try                        */
        CW_CALL_FAILED,  /* its timer reports c->fault, which may be a success   */
};

struct cw_call {
        struct cw_dcms *d;
        struct cw_call *next;
        const struct cw_dcms_endpoint *e;
        enum cw_call_state state;
        struct cw_timer *timer;
        struct cw_http_exchange *exchange;
        struct cw_secret *body; /* clear */
        struct cw_secret *wire; /* as sent, when the gateway codec is on */
        char path[CW_REQUEST_PATH_CAP];
        char content_type[96];
        char request_id[65];
        cw_dcms_fn fn;
        void *ctx;

        int tries, total_tries; /* of this page, of the call */
        int logins;             /* 401s answered by a new login */
        uint64_t token_number;  /* the token of the last try */
        bool ambiguous;         /* a try that got no clear answer may have had its effect */
        struct cw_fault fault;
        int64_t hint_ms;

        size_t page_at; /* where pageNo stands in body, 0 = not paged */
        int64_t page, page_size;
        json_t *joined; /* rows of all pages */
        json_t *roots;  /* keeps what typed rows borrow from */
        json_t *asked;  /* kit numbers of a delivery */
        struct cw_results results;
};

struct cw_dcms {
        struct cw_loop *loop;
        const struct cw_clock *clock;
        const struct cw_config *config;
        char url[512]; /* without trailing slash */
        struct cw_tls *tls;
        struct cw_http *http;
        struct cw_gateway_codec *gateway;
        struct cw_secret *password;
        struct cw_call *calls;
        struct cw_guard *guards; /* named calls that read back (guard.c) */
        bool closing;            /* cw_dcms_free has begun: nothing new is sent */

        struct cw_secret *token;
        uint64_t token_number;    /* grows with every token */
        int64_t token_renew_ns;   /* monotonic */
        int64_t token_expires_ms; /* wall clock */
        struct cw_call *login;    /* the login under way */
        int64_t login_hold_ns;    /* no login of our own before this: refused credentials lock accounts */
        struct cw_fault login_fault;

        struct cw_dcms_health health;
};

/* ---- call.c ---- */

/*
 * A new call for the request (ended here), on the list, started by its timer. A request in error becomes a
 * call that reports the fault. NULL when there is no memory: fn was told.
 */
struct cw_call *cw_call_new(struct cw_dcms *d, struct cw_request *request, const char *request_id,
                            cw_dcms_fn fn, void *ctx);
/* Sends, or waits for a token first. */
void cw_call_go(struct cw_call *c);
/* Later, from its timer: go on, or report the fault in c->fault. */
void cw_call_wake(struct cw_call *c, enum cw_call_state state);
/* Ends the call now and frees it. effect_possible, spoken: of the answer that ended it. */
void cw_call_fail(struct cw_call *c, const struct cw_fault *f, bool effect_possible, bool spoken,
                  const struct cw_answer *a);
/* For cw_dcms_free: ends a call wherever it stands. */
void cw_call_cancel(struct cw_call *c);

/* ---- named.c ---- */

/* One plain call, its members validated before; what its lost-answer rule says beyond tries is not done here.
 */
void cw_named_send(struct cw_dcms *d, const struct cw_dcms_endpoint *e, const json_t *fields,
                   const struct cw_dcms_secret_field *secrets, size_t secret_count, const char *request_id,
                   cw_dcms_fn fn, void *ctx);

/* ---- guard.c ---- */

/* A call of the READ_BACK rule: reads first where that is needed, sends, reads back when the answer was lost.
 */
CW_WARN_UNUSED cw_rc cw_guard_start(struct cw_dcms *d, const struct cw_dcms_endpoint *e, const json_t *fields,
                                    const char *request_id, cw_dcms_fn fn, void *ctx, struct cw_fault *f);
/* For cw_dcms_free: answers the guards that wait for their timer; those with a call open end with it. */
void cw_guard_cancel_all(struct cw_dcms *d);

/* ---- session.c ---- */

bool cw_session_ready(const struct cw_dcms *d);
/* c waits for the token; starts the login when none is under way. force: also when refused a moment ago. */
void cw_session_wait(struct cw_call *c, bool force);
/* The server refused the token with that number. */
void cw_session_drop(struct cw_dcms *d, uint64_t token_number);
/* The login call c got its token; wakes who waits. Frees nothing. */
void cw_session_granted(struct cw_call *c, struct cw_secret *take_token);
/* The login call c failed for good. */
void cw_session_refused(struct cw_call *c, const struct cw_fault *f);

/* ---- health.c ---- */

/* After every exchange. */
void cw_health_note(struct cw_dcms *d, const struct cw_http_result *http, const struct cw_answer *a);
