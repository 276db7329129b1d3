/* SPDX-License-Identifier: Apache-2.0 */
/* One request: waits for the token, tries again where that cannot do harm, ends with a verdict. */
#include "agent/d1/internal.h"

#include "agent/upstream/backoff.h"
#include "agent/upstream/rc.h"

#include <string.h>

enum ask_state { ASK_START, ASK_TOKEN, ASK_FLIGHT, ASK_BACKOFF, ASK_FAILED };

struct cw_d1_ask {
        struct cw_d1_ask *next;
        struct cw_d1 *d;
        enum ask_state state;
        struct cw_timer *timer;
        struct cw_http_exchange *exchange;
        bool post;
        char path[CW_D1_URL_CAP];
        char *body;
        const char *what;
        char correlation_id[65];
        int tries, logins;
        bool reached; /* a POST may have reached D1 */
        uint64_t token_number;
        struct cw_fault fault;
        cw_d1_ask_fn fn;
        void *ctx;
};

static void ask_free(struct cw_d1_ask *a) {
        for (struct cw_d1_ask **at = &a->d->asks; *at; at = &(*at)->next)
                if (*at == a) {
                        *at = a->next;
                        break;
                }
        cw_timer_free(a->timer);
        free(a->body);
        free(a);
}

/* The one end with an answer. */
static void end(struct cw_d1_ask *a, const struct cw_d1_answer *answer) {
        cw_d1_ask_fn fn = a->fn;
        void *ctx = a->ctx;
        ask_free(a);
        fn(ctx, answer);
}

static void end_with_fault(struct cw_d1_ask *a) {
        const struct cw_d1_answer answer = {
            .verdict = cw_rc_class(a->fault.rc) == CW_C_RETRY || cw_rc_class(a->fault.rc) == CW_C_RECONNECT
                           ? CW_D1_AGAIN
                           : CW_D1_PERSON,
            .fault = a->fault,
            .effect_possible = a->reached,
        };
        end(a, &answer);
}

static void on_exchange(void *ctx, struct cw_http_result *http);

static cw_rc send_try(struct cw_d1_ask *a) {
        struct cw_d1 *d = a->d;
        char url[sizeof d->url + CW_D1_URL_CAP];
        (void)snprintf(url, sizeof url, "%s%s", d->url, a->path);
        const struct cw_http_request request = {
            .method = a->post ? "POST" : "GET",
            .url = url,
            .content_type = a->post ? "application/json" : NULL,
            .correlation_id = a->correlation_id,
            .token = d->token,
            .body = CW_SPAN((const uint8_t *)a->body, a->body ? strlen(a->body) : 0),
            .connect_timeout_ms = d->config->d1.connect_timeout_ms,
            .timeout_ms = d->config->d1.timeout_ms,
            .fresh = a->post, /* libcurl shall not repeat an order by itself */
        };
        return cw_http_start(d->http, &request, on_exchange, a, &a->exchange, &a->fault);
}

static void wait_for_token(struct cw_d1_ask *a) {
        a->state = ASK_TOKEN;
        if (cw_d1_token_want(a->d))
                return;
        a->fault = a->d->login_fault;
        a->state = ASK_FAILED;
        cw_timer_arm(a->timer, 0);
}

static void go(struct cw_d1_ask *a) {
        if (!cw_d1_token_ready(a->d)) {
                wait_for_token(a);
                return;
        }
        if (send_try(a) != CW_OK) {
                end_with_fault(a);
                return;
        }
        a->state = ASK_FLIGHT;
        a->token_number = a->d->token_number;
        a->tries++;
}

static void on_timer(void *ctx) {
        struct cw_d1_ask *a = ctx;
        if (a->state == ASK_FAILED)
                end_with_fault(a);
        else
                go(a);
}

void cw_d1_ask_wake_all(struct cw_d1 *d, const struct cw_fault *f) {
        for (struct cw_d1_ask *a = d->asks; a; a = a->next) {
                if (a->state != ASK_TOKEN)
                        continue;
                if (f)
                        a->fault = *f;
                a->state = f ? ASK_FAILED : ASK_START;
                cw_timer_arm(a->timer, 0);
        }
}

/* A GET may always be repeated, an order only when D1 surely did not begin. */
static bool may_repeat(const struct cw_d1_ask *a, const struct cw_d1_answer *answer) {
        return answer->verdict == CW_D1_AGAIN && (!a->post || !answer->effect_possible) &&
               cw_backoff_again(a->tries, answer->retry_after_ms);
}

static void on_exchange(void *ctx, struct cw_http_result *http) {
        struct cw_d1_ask *a = ctx;
        struct cw_d1_answer answer;
        a->exchange = NULL;
        cw_d1_answer_read(http, a->what, &answer);
        cw_d1_note(a->d, http, &answer);
        a->reached = a->reached || (a->post && answer.effect_possible);
        if (answer.verdict == CW_D1_LOGIN && a->logins++ == 0) {
                cw_d1_token_drop(a->d, a->token_number);
                a->tries--;
                a->state = ASK_START;
                cw_timer_arm(a->timer, 0);
        } else if (may_repeat(a, &answer)) {
                a->state = ASK_BACKOFF;
                cw_timer_arm(a->timer, cw_backoff_ms(a->tries, answer.retry_after_ms, cw_d1_random()));
        } else {
                end(a, &answer);
        }
        cw_d1_answer_done(&answer);
}

struct cw_d1_ask *cw_d1_ask_start(struct cw_d1 *d, const struct cw_d1_question *q, cw_d1_ask_fn fn,
                                  void *ctx) {
        struct cw_d1_ask *a = calloc(1, sizeof *a);
        if (!a || cw_timer_new(d->loop, on_timer, a, &a->timer) != CW_OK ||
            strlen(q->path) >= sizeof a->path) {
                if (a)
                        cw_timer_free(a->timer);
                free(a);
                free(q->body);
                return NULL;
        }
        a->d = d;
        a->post = q->post;
        a->body = q->body;
        a->what = q->what;
        a->fn = fn;
        a->ctx = ctx;
        (void)snprintf(a->path, sizeof a->path, "%s", q->path);
        (void)snprintf(a->correlation_id, sizeof a->correlation_id, "%s", q->correlation_id);
        a->next = d->asks;
        d->asks = a;
        cw_timer_arm(a->timer, 0);
        return a;
}

bool cw_d1_ask_cancel(struct cw_d1_ask *a) {
        bool reached = a->reached;
        if (a->exchange)
                reached = (cw_http_cancel(CW_STEAL(a->exchange)) && a->post) || reached;
        ask_free(a);
        return reached;
}
