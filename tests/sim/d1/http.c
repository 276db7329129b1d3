/* SPDX-License-Identifier: Apache-2.0 */
/* TLS, mutual where asked for, one thread a connection. */
#include "d1sim.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct request {
        char *body;
        size_t len, cap;
        bool too_big;
};

/* A body that breaks off with a reset, or comes in pieces. */
struct broken {
        char *body;
        size_t len;
        int64_t reset_after; /* -1: never */
        int fd;
        int64_t drip_bytes, drip_ms;
};

static void pause_ms(int64_t ms) {
        const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        (void)nanosleep(&ts, NULL);
}

static void reset_on_close(int fd) {
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static int connection_fd(struct MHD_Connection *c) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        return info ? info->connect_fd : -1;
}

static ssize_t broken_read(void *cls, uint64_t pos, char *buf, size_t max) {
        struct broken *b = cls;
        size_t end = b->reset_after >= 0 && (size_t)b->reset_after < b->len ? (size_t)b->reset_after : b->len;
        if (pos >= end) {
                reset_on_close(b->fd);
                return MHD_CONTENT_READER_END_WITH_ERROR;
        }
        size_t n = end - (size_t)pos;
        n = n > max ? max : n;
        if (b->drip_bytes > 0) {
                pause_ms(b->drip_ms);
                n = n > (size_t)b->drip_bytes ? (size_t)b->drip_bytes : n;
        }
        memcpy(buf, b->body + pos, n);
        return (ssize_t)n;
}

static void broken_free(void *cls) {
        struct broken *b = cls;
        free(b->body);
        free(b);
}

static struct MHD_Response *make_response(struct MHD_Connection *c, const struct d1sim_out *out) {
        char *text = out->body ? json_dumps(out->body, JSON_COMPACT) : strdup("");
        size_t len = text ? strlen(text) : 0;
        if (text && out->faulty && out->fault.malformed)
                len /= 2;
        if (!text || !out->faulty || (out->fault.reset_after < 0 && out->fault.drip_bytes <= 0))
                return text ? MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE) : NULL;
        struct broken *b = calloc(1, sizeof *b);
        if (!b) {
                free(text);
                return NULL;
        }
        *b = (struct broken){.body = text,
                             .len = len,
                             .reset_after = out->fault.reset_after,
                             .fd = connection_fd(c),
                             .drip_bytes = out->fault.drip_bytes,
                             .drip_ms = out->fault.drip_ms};
        return MHD_create_response_from_callback(len, 1024, broken_read, b, broken_free);
}

static enum MHD_Result send_out(struct MHD_Connection *c, struct d1sim_out *out) {
        char seconds[16];
        if (out->faulty)
                pause_ms(out->fault.delay_ms);
        if (out->faulty && (out->fault.drop_before || out->fault.drop_after)) {
                reset_on_close(connection_fd(c));
                return MHD_NO;
        }
        struct MHD_Response *r = make_response(c, out);
        if (!r)
                return MHD_NO;
        (void)MHD_add_response_header(r, "Content-Type", "application/json");
        (void)snprintf(seconds, sizeof seconds, "%d", out->fault.retry_after_s);
        if (out->faulty && out->fault.retry_after_s > 0)
                (void)MHD_add_response_header(r, "Retry-After", seconds);
        enum MHD_Result result = MHD_queue_response(c, (unsigned)out->status, r);
        MHD_destroy_response(r);
        return result;
}

static const char *header(struct MHD_Connection *c, const char *name) {
        const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
        return value ? value : "";
}

static bool feed(struct request *r, const char *data, size_t len) {
        if (r->too_big || len > D1SIM_BODY_MAX - r->len) {
                r->too_big = true;
                return false;
        }
        if (r->len + len + 1 > r->cap) {
                size_t cap = 2 * (r->len + len + 1);
                char *more = realloc(r->body, cap);
                if (!more)
                        return false;
                r->body = more;
                r->cap = cap;
        }
        memcpy(r->body + r->len, data, len);
        r->len += len;
        r->body[r->len] = '\0';
        return true;
}

static enum MHD_Result answer(struct d1sim *s, struct MHD_Connection *c, const char *url, const char *method,
                              const struct request *r) {
        struct d1sim_out out = {.fault.reset_after = -1};
        const struct d1sim_in in = {.method = method,
                                    .path = url,
                                    .type = header(c, "Content-Type"),
                                    .authorization = header(c, "Authorization"),
                                    .correlation_id = header(c, "x-correlation-id"),
                                    .sim_token = header(c, "X-Sim-Token"),
                                    .body = r->body ? r->body : "",
                                    .body_len = r->len};
        if (r->too_big)
                d1sim_error(&out, 413, "", "too large");
        else
                d1sim_answer(s, &in, &out);
        /* The path holds ids only, the body never comes here. */
        if (d1sim_call_of(&in) != D1SIM_SIM)
                (void)fprintf(stderr, "d1-sim: %s %s %d %s%s\n", method, url, out.status, in.correlation_id,
                              out.faulty ? " fault" : "");
        enum MHD_Result result = send_out(c, &out);
        json_decref(out.body);
        return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **state) {
        (void)version;
        if (!*state) {
                *state = calloc(1, sizeof(struct request));
                return *state ? MHD_YES : MHD_NO;
        }
        if (*len > 0) {
                (void)feed(*state, data, *len);
                *len = 0;
                return MHD_YES;
        }
        return answer(cls, c, url, method, *state);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode code) {
        struct request *r = *state;
        (void)cls, (void)c, (void)code;
        if (r)
                free(r->body);
        free(r);
        *state = NULL;
}

/* libmicrohttpd only asks for a client certificate; this makes the handshake fail without a good one. */
static void on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
        (void)cls, (void)socket_context;
        if (code != MHD_CONNECTION_NOTIFY_STARTED)
                return;
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (!info || !info->tls_session)
                return;
        gnutls_session_t session = (gnutls_session_t)info->tls_session;
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(session, NULL, 0);
}

struct MHD_Daemon *d1sim_http_start(struct d1sim *s, const char *address, uint16_t port, const char *cert,
                                    const char *key, const char *client_ca, uint16_t *ret_port) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
        if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
                return NULL;
        struct MHD_Daemon *d = MHD_start_daemon(
            MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
            NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&at,
            MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_TRUST,
            client_ca, MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
            MHD_OPTION_CONNECTION_TIMEOUT, 120U, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
        const union MHD_DaemonInfo *info = d ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
        *ret_port = info ? info->port : port;
        return d;
}
