/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/http.h"

#include "agent/upstream/backoff.h"
#include "agent/upstream/dcms.h"
#include "agent/upstream/rc.h"

#include <ctype.h>
#include <string.h>
#include <sys/epoll.h>

#define ANSWER_START 16384u
#define CONNECTIONS_MAX 4L
#define OP "dcms.http"

struct cw_http {
        struct cw_loop *loop;
        const struct cw_clock *clock;
        struct cw_tls *tls;
        CURLM *multi;
        struct cw_timer *timer;
};

struct cw_http_exchange {
        struct cw_http *http;
        CURL *easy;
        struct curl_slist *headers;
        struct cw_secret *answer;
        bool too_big, no_memory;
        cw_http_fn fn;
        void *ctx;
};

static void exchange_free(struct cw_http_exchange *x) {
        curl_easy_cleanup(x->easy);
        curl_slist_free_all(x->headers);
        cw_secret_free(x->answer);
        free(x);
}

static cw_rc no_memory(struct cw_fault *f) {
        return cw_fail(
            f, CW_UP(RETRY, CW_E_NOMEM), 0, OP, "",
            "no memory for a call to the server; free memory or raise LimitMEMLOCK of cardwrightd");
}

/* ---- what libcurl tells us ---- */

static bool answer_room(struct cw_http_exchange *x, size_t more) {
        struct cw_secret *old = x->answer;
        size_t cap = old->cap;
        if (more > CW_HTTP_ANSWER_MAX - old->len) {
                x->too_big = true;
                return false;
        }
        while (cap - old->len < more)
                cap *= 2;
        if (cap == old->cap)
                return true;
        struct cw_secret *bigger = NULL;
        if (cw_secret_new(cap, &bigger) != CW_OK) {
                x->no_memory = true;
                return false;
        }
        memcpy(bigger->ptr, old->ptr, old->len);
        bigger->len = old->len;
        cw_secret_free(old);
        x->answer = bigger;
        return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx) {
        struct cw_http_exchange *x = ctx;
        size_t len = size * count;
        if (!answer_room(x, len))
                return 0;
        memcpy(x->answer->ptr + x->answer->len, bytes, len);
        x->answer->len += len;
        return len;
}

static bool is_network(CURLcode code) {
        return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT;
}

static bool may_be_sent(CURL *easy, CURLcode code) {
        curl_off_t ready = 0;
        long request_size = 0;
        (void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
        (void)curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size);
        if (is_network(code) || code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
                return false;
        return ready > 0 || request_size > 0;
}

static const char *network_text(CURLcode code, bool sent) {
        switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
                return "the server's name in server.url cannot be resolved; check the network, DNS and "
                       "server.url";
        case CURLE_COULDNT_CONNECT:
                return "the server cannot be reached; check the network, the firewall and server.url";
        case CURLE_OPERATION_TIMEDOUT:
                return sent ? "the server did not answer in time"
                            : "the connection to the server took too long";
        default:
                return sent ? "the connection broke before the whole answer was here"
                            : "the connection to the server broke while it was set up";
        }
}

static void explain(struct cw_http_exchange *x, CURLcode code, struct cw_http_result *r) {
        if (x->no_memory) {
                r->rc = no_memory(&r->fault);
                return;
        }
        if (x->too_big) {
                r->rc = cw_fail(&r->fault, CW_UP(REJECT, CW_E_TOO_BIG), 0, OP, CW_DCMS_CODE_BAD_ANSWER,
                                "the server's answer is larger than %zu bytes and was refused",
                                (size_t)CW_HTTP_ANSWER_MAX);
                return;
        }
        if (!cw_tls_explain(x->http->tls, x->easy, code, cw_wall_ms(x->http->clock), &r->fault))
                (void)cw_fail(&r->fault,
                              CW_UP(RETRY, code == CURLE_OPERATION_TIMEDOUT ? CW_E_TIMEOUT : CW_E_IO), code,
                              OP, CW_DCMS_CODE_OFFLINE, "%s (%s)", network_text(code, r->sent),
                              curl_easy_strerror(code));
        cw_tls_name_section(x->http->tls, &r->fault);
        r->rc = r->fault.rc;
}

static void read_content_type(CURL *easy, char *ret, size_t cap) {
        char *type = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
        size_t n = 0;
        for (; type && type[n] && type[n] != ';' && type[n] != ' ' && n + 1 < cap; n++)
                ret[n] = (char)tolower((unsigned char)type[n]);
        ret[n] = '\0';
}

static void read_headers(struct cw_http_exchange *x, struct cw_http_result *r) {
        struct curl_header *header = NULL;
        r->retry_after_ms = -1;
        if (curl_easy_header(x->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
                r->retry_after_ms = cw_backoff_retry_after_ms(header->value, cw_wall_ms(x->http->clock));
        if (curl_easy_header(x->easy, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
                time_t date = curl_getdate(header->value, NULL);
                r->date_ms = date > 0 ? (int64_t)date * 1000 : 0;
        }
        read_content_type(x->easy, r->content_type, sizeof r->content_type);
}

static void finish(struct cw_http_exchange *x, CURLcode code) {
        struct cw_http_result r = {.rc = CW_OK};
        long status = 0;
        (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        r.status = (int)status;
        r.sent = code == CURLE_OK || (may_be_sent(x->easy, code) && !cw_tls_shut_out(x->http->tls));
        if (status > 0)
                cw_tls_answered(x->http->tls);
        read_headers(x, &r);
        if (code == CURLE_OK)
                r.body = CW_STEAL(x->answer);
        else
                explain(x, code, &r);
        (void)curl_multi_remove_handle(x->http->multi, x->easy);
        cw_http_fn fn = x->fn;
        void *ctx = x->ctx;
        exchange_free(x);
        fn(ctx, &r);
        cw_secret_free(r.body);
}

/* fn of one exchange may start or cancel others, so the queue is read anew each time. */
static void collect(struct cw_http *h) {
        for (;;) {
                int left = 0;
                CURLMsg *m = curl_multi_info_read(h->multi, &left);
                if (!m)
                        return;
                if (m->msg != CURLMSG_DONE)
                        continue;
                char *x = NULL;
                CURLcode code = m->data.result;
                (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
                finish((struct cw_http_exchange *)(void *)x, code);
        }
}

/* ---- libcurl's sockets and timer on the loop ---- */

struct sock {
        struct cw_http *http;
        struct cw_watch *watch;
        curl_socket_t fd;
};

static void on_ready(void *ctx, uint32_t events) {
        struct sock *s = ctx;
        struct cw_http *h = s->http;
        int what = 0, running = 0;
        if (events & EPOLLIN)
                what |= CURL_CSELECT_IN;
        if (events & EPOLLOUT)
                what |= CURL_CSELECT_OUT;
        if (events & (EPOLLERR | EPOLLHUP))
                what |= CURL_CSELECT_ERR;
        (void)curl_multi_socket_action(h->multi, s->fd, what, &running);
        collect(h);
}

static void drop_socket(struct cw_http *h, curl_socket_t fd, struct sock *s) {
        if (!s)
                return;
        cw_watch_free(s->watch);
        (void)curl_multi_assign(h->multi, fd, NULL);
        free(s);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx) {
        (void)easy;
        struct cw_http *h = ctx;
        struct sock *s = socket_ctx;
        if (what == CURL_POLL_REMOVE) {
                drop_socket(h, fd, s);
                return 0;
        }
        uint32_t events =
            (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
        if (s)
                return cw_watch_set(s->watch, events) == CW_OK ? 0 : -1;
        s = calloc(1, sizeof *s);
        if (!s)
                return -1;
        *s = (struct sock){.http = h, .fd = fd};
        if (cw_watch_new(h->loop, fd, events, on_ready, s, &s->watch) != CW_OK) {
                free(s);
                return -1;
        }
        (void)curl_multi_assign(h->multi, fd, s);
        return 0;
}

static void on_timer(void *ctx) {
        struct cw_http *h = ctx;
        int running = 0;
        (void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(h);
}

static int on_timeout_change(CURLM *multi, long timeout_ms, void *ctx) {
        (void)multi;
        struct cw_http *h = ctx;
        if (timeout_ms < 0)
                cw_timer_disarm(h->timer);
        else
                cw_timer_arm(h->timer, timeout_ms);
        return 0;
}

cw_rc cw_http_new(struct cw_loop *loop, const struct cw_clock *clock, struct cw_tls *tls,
                  struct cw_http **ret, struct cw_fault *f) {
        CW_AUTO(cw_http_free) struct cw_http *h = calloc(1, sizeof *h);
        if (!h)
                return no_memory(f);
        *h = (struct cw_http){.loop = loop, .clock = clock, .tls = tls, .multi = curl_multi_init()};
        if (!h->multi || cw_timer_new(loop, on_timer, h, &h->timer) != CW_OK)
                return no_memory(f);
        bool ok = curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
                  curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
                  curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout_change) == CURLM_OK &&
                  curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK &&
                  curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_MAX) == CURLM_OK;
        if (!ok)
                return cw_fail(f, CW_UP(FATAL, CW_E_UNSUPPORTED), 0, OP, "", "libcurl lacks a needed option");
        *ret = CW_STEAL(h);
        return CW_OK;
}

void cw_http_free(struct cw_http *h) {
        if (!h)
                return;
        if (h->multi)
                (void)curl_multi_cleanup(h->multi);
        cw_timer_free(h->timer);
        free(h);
}

/* ---- one exchange ---- */

static bool add_header(struct cw_http_exchange *x, const char *line) {
        struct curl_slist *more = curl_slist_append(x->headers, line);
        if (more)
                x->headers = more;
        return more != NULL;
}

/* "name: value"; true without a value. */
static bool add_named(struct cw_http_exchange *x, const char *name, const char *value) {
        char line[256];
        if (!value || !value[0])
                return true;
        int n = snprintf(line, sizeof line, "%s: %s", name, value);
        return n > 0 && (size_t)n < sizeof line && add_header(x, line);
}

static bool add_headers(struct cw_http_exchange *x, const struct cw_http_request *q) {
        /* An empty Expect stops libcurl from waiting for "100 Continue". */
        if (!add_header(x, "Accept: application/json") || !add_header(x, "Expect:") ||
            !add_named(x, "Content-Type", q->content_type) || !add_named(x, "TENANT", q->tenant) ||
            !add_named(x, "X-Request-Id", q->request_id) ||
            !add_named(x, "x-correlation-id", q->correlation_id))
                return false;
        if (!q->token)
                return true;
        static const char prefix[] = "Authorization: Bearer ";
        CW_AUTO(cw_secret_free) struct cw_secret *line = NULL;
        if (cw_secret_new(sizeof prefix + q->token->len, &line) != CW_OK)
                return false;
        memcpy(line->ptr, prefix, sizeof prefix - 1);
        memcpy(line->ptr + sizeof prefix - 1, q->token->ptr, q->token->len);
        return add_header(x, (const char *)line->ptr);
}

#define SET(option, value) (curl_easy_setopt(x->easy, (option), (value)) == CURLE_OK)

static bool set_limits(struct cw_http_exchange *x, const struct cw_http_request *q) {
        return SET(CURLOPT_PROTOCOLS_STR, "https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
               SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "*") &&
               SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) && SET(CURLOPT_NOSIGNAL, 1L) &&
               SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) &&
               SET(CURLOPT_CONNECTTIMEOUT_MS, (long)q->connect_timeout_ms) &&
               SET(CURLOPT_TIMEOUT_MS, (long)q->timeout_ms) && SET(CURLOPT_TCP_KEEPALIVE, 1L) &&
               SET(CURLOPT_FRESH_CONNECT, q->fresh ? 1L : 0L) && SET(CURLOPT_PIPEWAIT, 1L);
}

static bool set_body(struct cw_http_exchange *x, const struct cw_http_request *q) {
        if (strcmp(q->method, "GET") == 0)
                return SET(CURLOPT_HTTPGET, 1L);
        return SET(CURLOPT_POST, 1L) && SET(CURLOPT_CUSTOMREQUEST, q->method) &&
               SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len) &&
               SET(CURLOPT_POSTFIELDS, (const char *)q->body.ptr);
}

static bool set_request(struct cw_http_exchange *x, const struct cw_http_request *q) {
        return SET(CURLOPT_URL, q->url) && set_body(x, q) && SET(CURLOPT_HTTPHEADER, x->headers) &&
               SET(CURLOPT_USERAGENT, "cardwright/" CW_VERSION) && SET(CURLOPT_WRITEFUNCTION, on_body) &&
               SET(CURLOPT_WRITEDATA, x) && SET(CURLOPT_PRIVATE, x);
}

cw_rc cw_http_start(struct cw_http *h, const struct cw_http_request *request, cw_http_fn fn, void *ctx,
                    struct cw_http_exchange **ret, struct cw_fault *f) {
        struct cw_http_exchange *x = calloc(1, sizeof *x);
        if (!x)
                return no_memory(f);
        *x = (struct cw_http_exchange){.http = h, .easy = curl_easy_init(), .fn = fn, .ctx = ctx};
        cw_tls_clear_alert(h->tls);
        if (!x->easy || cw_secret_new(ANSWER_START, &x->answer) != CW_OK || !add_headers(x, request) ||
            !set_limits(x, request) || !set_request(x, request) || !cw_tls_apply(h->tls, x->easy) ||
            curl_multi_add_handle(h->multi, x->easy) != CURLM_OK) {
                exchange_free(x);
                return no_memory(f);
        }
        *ret = x;
        return CW_OK;
}

bool cw_http_cancel(struct cw_http_exchange *x) {
        bool sent = may_be_sent(x->easy, CURLE_ABORTED_BY_CALLBACK);
        (void)curl_multi_remove_handle(x->http->multi, x->easy);
        exchange_free(x);
        return sent;
}
