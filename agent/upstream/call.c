/* SPDX-License-Identifier: Apache-2.0 */
/* One call: its tries, its pages, its end. */
#include "agent/upstream/client.h"

#include "agent/upstream/backoff.h"
#include "agent/upstream/rc.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define PAGES_MAX 500

static void on_exchange(void *ctx, struct cw_http_result *http);

static void call_unlink(struct cw_call *c) {
        for (struct cw_call **at = &c->d->calls; *at; at = &(*at)->next) {
                if (*at == c) {
                        *at = c->next;
                        return;
                }
        }
}

static void call_free(struct cw_call *c) {
        call_unlink(c);
        cw_timer_free(c->timer);
        cw_secret_free(c->body);
        cw_secret_free(c->wire);
        json_decref(c->joined);
        json_decref(c->roots);
        json_decref(c->asked);
        cw_results_done(&c->results);
        free(c);
}

/* The one place where a caller hears of the end. */
static void report(struct cw_call *c, cw_rc rc, const struct cw_fault *f, const struct cw_answer *a) {
        struct cw_dcms_reply reply = {
            .http_status = a && a->verdict == CW_ANSWER_OK ? 200 : 0,
            .tries = c->total_tries,
            .replayed = c->ambiguous,
            .rows_skipped = c->results.skipped,
            .kit_count = c->results.kit_count,
            .kits = c->results.kits,
            .order_count = c->results.order_count,
            .orders = c->results.orders,
            .delivered_count = c->results.delivered_count,
            .delivered = c->results.delivered,
        };
        (void)snprintf(reply.request_id, sizeof reply.request_id, "%s", c->request_id);
        if (c->joined)
                reply.result = c->joined;
        else if (a)
                reply.result = a->envelope.result;
        if (f && f->native >= 100 && f->native <= 599)
                reply.http_status = (int)f->native;
        if (cw_rc_class(rc) == CW_C_RETRY)
                reply.retry_after_ms = c->hint_ms;
        cw_dcms_fn fn = c->fn;
        void *ctx = c->ctx;
        call_unlink(c);
        if (fn)
                fn(ctx, rc, f, &reply);
        call_free(c);
}

static uint32_t random_number(void) {
        uint32_t n = 0;
        if (getrandom(&n, sizeof n, 0) != (ssize_t)sizeof n)
                n = 0;
        return n;
}

/* What a lost answer leaves behind is for somebody else to find out: a person, or guard.c. */
static bool never_again(const struct cw_dcms_endpoint *e) {
        return e->lost == CW_DCMS_LOST_IN_DOUBT || e->lost == CW_DCMS_LOST_ONCE ||
               e->lost == CW_DCMS_LOST_READ_BACK;
}

void cw_call_fail(struct cw_call *c, const struct cw_fault *f, bool effect_possible, bool spoken,
                  const struct cw_answer *a) {
        struct cw_fault fault = *f;
        bool doubt = effect_possible || (c->ambiguous && !spoken);
        if (never_again(c->e) && doubt)
                (void)cw_fail(
                    &fault, CW_UP(IN_DOUBT, CW_E_TIMEOUT), f->native, c->e->name, CW_DCMS_CODE_LOST,
                    "%s was sent but its answer was lost; find out at the bank whether it was done before "
                    "going on (%s)",
                    c->e->name, f->code);
        c->hint_ms = a && a->retry_after_ms > 0 ? a->retry_after_ms
                                                : cw_backoff_ms(CW_BACKOFF_TRIES_MAX, -1, random_number());
        if (c->e->id == CW_DCMS_EP_LOGIN && c->d->login == c)
                cw_session_refused(c, &fault);
        report(c, fault.rc, &fault, a);
}

void cw_call_wake(struct cw_call *c, enum cw_call_state state) {
        c->state = state;
        cw_timer_arm(c->timer, 0);
}

static void on_timer(void *ctx) {
        struct cw_call *c = ctx;
        if (c->state == CW_CALL_FAILED && c->fault.rc == CW_OK)
                report(c, CW_OK, NULL, NULL);
        else if (c->state == CW_CALL_FAILED)
                cw_call_fail(c, &c->fault, false, false, NULL);
        else
                cw_call_go(c);
}

static int64_t timeout_of(const struct cw_dcms *d, enum cw_dcms_timeout timeout) {
        const struct cw_config_server *s = &d->config->server;
        if (timeout == CW_DCMS_T_READ)
                return s->timeout_ms;
        return timeout == CW_DCMS_T_WRITE ? s->cbs_timeout_ms : 2 * s->cbs_timeout_ms;
}

/* The bytes of the first try are the bytes of every try the other side may have opened. */
static cw_rc seal(struct cw_call *c) {
        /* Only JSON bodies go through the gateway's codec. */
        if (!c->d->gateway || c->wire || c->e->body == CW_DCMS_B_FILE)
                return CW_OK;
        return c->d->gateway->ops->seal(c->d->gateway, CW_SPAN(c->body->ptr, c->body->len), &c->wire,
                                        &c->fault);
}

static cw_rc send_try(struct cw_call *c) {
        struct cw_dcms *d = c->d;
        cw_rc rc = seal(c);
        if (rc != CW_OK)
                return rc;
        char url[sizeof d->url + CW_REQUEST_PATH_CAP];
        (void)snprintf(url, sizeof url, "%s%s", d->url, c->path);
        const struct cw_secret *body = c->wire ? c->wire : c->body;
        const struct cw_http_request request = {
            .method = c->e->method,
            .url = url,
            .content_type =
                c->wire && d->gateway->ops->content_type ? d->gateway->ops->content_type : c->content_type,
            .tenant = d->config->server.tenant,
            /* An array has no member for it. */
            .request_id = c->e->body == CW_DCMS_B_ROWS ? c->request_id : "",
            .token = c->e->id == CW_DCMS_EP_LOGIN ? NULL : d->token,
            .body = CW_SPAN(body->ptr, body->len),
            .connect_timeout_ms = d->config->server.connect_timeout_ms,
            .timeout_ms = timeout_of(d, c->e->timeout),
            .fresh = c->e->lost != CW_DCMS_LOST_REPEAT,
        };
        return cw_http_start(d->http, &request, on_exchange, c, &c->exchange, &c->fault);
}

void cw_call_go(struct cw_call *c) {
        if (c->e->id == CW_DCMS_EP_LOGIN && c->d->login != c) {
                cw_session_wait(c, true);
                return;
        }
        if (c->e->id != CW_DCMS_EP_LOGIN && !cw_session_ready(c->d)) {
                cw_session_wait(c, false);
                return;
        }
        cw_rc rc = send_try(c);
        if (rc != CW_OK) {
                cw_call_wake(c, CW_CALL_FAILED);
                return;
        }
        c->state = CW_CALL_FLIGHT;
        c->token_number = c->d->token_number;
        c->tries++;
        c->total_tries++;
}

/* ---- the answer ---- */

/* Calls whose answer is only a yes: true, "success", or {"status": one of these}. */
static bool says_yes(const json_t *result) {
        const json_t *status = json_object_get(result, "status");
        const json_t *v = status ? status : result;
        const char *text = json_string_value(v);
        return json_is_true(v) ||
               (text && (strncasecmp(text, "success", 7) == 0 || strcasecmp(text, "true") == 0));
}

/* The documents' own samples swap arrays and objects, so either is data. */
static bool answer_fits(enum cw_dcms_answer answer, const json_t *result) {
        bool data = json_is_object(result) || json_is_array(result);
        switch (answer) {
        case CW_DCMS_A_YES:
                return says_yes(result);
        case CW_DCMS_A_OBJECT:
                return data;
        case CW_DCMS_A_LIST:
                return data || !result || json_is_null(result);
        case CW_DCMS_A_TEXT:
                return json_is_string(result) || says_yes(result);
        case CW_DCMS_A_DATA:
                return data || !result || json_is_null(result) || says_yes(result);
        case CW_DCMS_A_TOKEN:
                break;
        }
        return true;
}

static cw_rc read_result(struct cw_call *c, const json_t *result) {
        switch (c->e->id) {
        case CW_DCMS_EP_KITS_INVENTORY:
        case CW_DCMS_EP_KITS_BY_ENTITY:
        case CW_DCMS_EP_KIT_BY_CARD:
                return cw_results_kits(&c->results, result);
        case CW_DCMS_EP_ORDERS_RECEIVED:
        case CW_DCMS_EP_ORDER_STATUS:
                return cw_results_orders(&c->results, result);
        case CW_DCMS_EP_DELIVERY:
                return cw_results_delivered(&c->results, result, c->asked);
        default:
                return CW_OK;
        }
}

/* Whether the pages so far are all there are: by the server's count, else by a page that is not full. */
static bool last_page(const struct cw_call *c, const struct cw_envelope *e, int64_t rows, bool progress) {
        if (rows == 0 || !progress)
                return true;
        /* A row that comes twice is not two of them. */
        if (e->total_rows >= 0)
                return (int64_t)(c->results.kit_count + c->results.skipped) >= e->total_rows;
        if (e->total_pages >= 0)
                return c->page >= e->total_pages;
        return rows < c->page_size;
}

/* True when the call goes on with the next page. */
static bool next_page(struct cw_call *c, const struct cw_answer *a, size_t kits_before) {
        json_t *result = json_object_get(a->root, "result");
        if (json_is_object(result))
                result = json_object_get(result, "result");
        int64_t rows = (int64_t)json_array_size(a->envelope.result);
        if (!c->joined)
                c->joined = json_array();
        if (json_is_array(result))
                (void)json_array_extend(c->joined, result);
        bool progress = c->results.kit_count > kits_before;
        if (last_page(c, &a->envelope, rows, progress))
                return false;
        cw_request_patch(c->body, c->page_at, ++c->page);
        cw_secret_free(c->wire);
        c->wire = NULL;
        c->tries = c->logins = 0;
        return true;
}

static void no_memory(struct cw_call *c, const struct cw_answer *a) {
        (void)cw_fail(&c->fault, CW_UP(RETRY, CW_E_NOMEM), 0, c->e->name, "",
                      "no memory for the server's answer");
        cw_call_fail(c, &c->fault, true, true, a);
}

static void take_answer(struct cw_call *c, struct cw_answer *a) {
        const json_t *result = a->envelope.result;
        size_t kits_before = c->results.kit_count;
        if (!answer_fits(c->e->answer, result)) {
                (void)cw_fail(
                    &c->fault, CW_UP(REJECT, CW_E_MISMATCH), 200, c->e->name, CW_DCMS_CODE_BAD_ANSWER,
                    "the server answered %s neither with what was asked nor with a reason; look at the bank "
                    "whether it was done",
                    c->e->name);
                cw_call_fail(c, &c->fault, true, true, a);
                return;
        }
        if (read_result(c, result) != CW_OK) {
                no_memory(c, a);
                return;
        }
        if (c->page_at) {
                if (json_array_append(c->roots, a->root) < 0) {
                        no_memory(c, a);
                        return;
                }
                bool more = next_page(c, a, kits_before);
                if (more && c->page > PAGES_MAX)
                        (void)cw_fail(
                            &c->fault, CW_UP(REJECT, CW_E_TOO_BIG), 200, c->e->name, CW_DCMS_CODE_BAD_ANSWER,
                            "the server's list has more than %d pages; ask for fewer kits at a time",
                            PAGES_MAX);
                if (more) {
                        cw_call_wake(c, c->page > PAGES_MAX ? CW_CALL_FAILED : CW_CALL_START);
                        return;
                }
        }
        if (c->e->id == CW_DCMS_EP_LOGIN)
                cw_session_granted(c, CW_STEAL(a->token));
        report(c, CW_OK, NULL, a);
}

static void try_again(struct cw_call *c, const struct cw_answer *a) {
        bool once = c->e->lost == CW_DCMS_LOST_ONCE || c->e->lost == CW_DCMS_LOST_READ_BACK;
        if ((once && a->effect_possible) || !cw_backoff_again(c->tries, a->retry_after_ms)) {
                cw_call_fail(c, &a->fault, a->effect_possible, false, a);
                return;
        }
        c->ambiguous = c->ambiguous || a->effect_possible;
        /* The other side could not open it: the next try is sealed with the keys of then. */
        if (!a->effect_possible && cw_dcms_keys_differ(&a->fault)) {
                cw_secret_free(c->wire);
                c->wire = NULL;
        }
        c->state = CW_CALL_BACKOFF;
        cw_timer_arm(c->timer, cw_backoff_ms(c->tries, a->retry_after_ms, random_number()));
}

static void login_again(struct cw_call *c, const struct cw_answer *a) {
        cw_session_drop(c->d, c->token_number);
        if (c->e->id == CW_DCMS_EP_LOGIN || c->logins++ > 0) {
                cw_call_fail(c, &a->fault, false, false, a);
                return;
        }
        /* Refused before it was looked at: not a try of its own. */
        c->tries--;
        cw_call_wake(c, CW_CALL_START);
}

static void on_exchange(void *ctx, struct cw_http_result *http) {
        struct cw_call *c = ctx;
        struct cw_answer a;
        c->exchange = NULL;
        cw_answer_read(c->e, c->d->gateway, http, &a);
        cw_health_note(c->d, http, &a);
        switch (a.verdict) {
        case CW_ANSWER_OK:
                take_answer(c, &a);
                break;
        case CW_ANSWER_AGAIN:
                try_again(c, &a);
                break;
        case CW_ANSWER_LOGIN:
                login_again(c, &a);
                break;
        case CW_ANSWER_REFUSED:
        case CW_ANSWER_PERSON:
                cw_call_fail(c, &a.fault, a.effect_possible, a.spoken, &a);
                break;
        }
        cw_answer_done(&a);
}

/* ---- begin and end ---- */

/* Not even a timer could be had, so there is no "later". */
static void report_no_call(const char *name, cw_dcms_fn fn, void *ctx) {
        struct cw_fault f;
        const struct cw_dcms_reply reply = {.retry_after_ms = CW_BACKOFF_CAP_MS};
        cw_rc rc = cw_fail(&f, CW_UP(RETRY, CW_E_NOMEM), 0, name, "", "no memory to begin the call %s", name);
        if (fn)
                fn(ctx, rc, &f, &reply);
}

struct cw_call *cw_call_new(struct cw_dcms *d, struct cw_request *request, const char *request_id,
                            cw_dcms_fn fn, void *ctx) {
        struct cw_call *c = calloc(1, sizeof *c);
        if (!c || cw_timer_new(d->loop, on_timer, c, &c->timer) != CW_OK) {
                free(c);
                cw_request_drop(request);
                report_no_call(request->endpoint->name, fn, ctx);
                return NULL;
        }
        c->d = d;
        c->e = request->endpoint;
        c->fn = fn;
        c->ctx = ctx;
        c->page = 1;
        c->roots = json_array();
        memcpy(c->path, request->path, sizeof c->path);
        memcpy(c->content_type, request->content_type, sizeof c->content_type);
        if (c->e->request_id && request_id && strlen(request_id) < sizeof c->request_id)
                (void)snprintf(c->request_id, sizeof c->request_id, "%s", request_id);
        cw_rc rc = CW_OK;
        if (c->e->request_id && !request_id)
                rc = cw_dcms_request_id(c->request_id);
        const char *id = request_id ? request_id : c->request_id;
        if (rc == CW_OK)
                rc = cw_request_end(request, id, &c->body, &c->fault);
        else
                cw_request_drop(request);
        c->next = d->calls;
        d->calls = c;
        cw_call_wake(c, rc == CW_OK ? CW_CALL_START : CW_CALL_FAILED);
        return c;
}

void cw_call_cancel(struct cw_call *c) {
        bool sent = false;
        if (c->exchange)
                sent = cw_http_cancel(CW_STEAL(c->exchange));
        (void)cw_fail(&c->fault, CW_UP(RETRY, CW_E_CANCELLED), 0, c->e->name, "",
                      "the program ends before the server's answer to %s", c->e->name);
        if (c->d->login == c)
                c->d->login = NULL;
        cw_call_fail(c, &c->fault, sent, false, NULL);
}
