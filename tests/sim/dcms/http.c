/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "gate.h"
#include "request.h"
#include "route.h"
#include "text.h"
#include "traffic.h"

#define IDLE_TIMEOUT_S 120U
#define CONNECTION_LIMIT 4096U
#define THREAD_STACK ((size_t)512 * 1024)
#define BACKLOG 1024U

struct cw_dsim_http {
        struct cw_dsim *sim;
        struct MHD_Daemon *daemon;
        bool client_auth;
};

/* A response sent slowly or cut off. */
struct stream {
        struct cw_dsim *sim;
        char *body;
        size_t len;
        struct cw_dsim_fault fault;
        int fd;
};

/* Closing then sends RST instead of FIN: the peer sees a broken connection, not an end. */
static void reset_on_close(int fd) {
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static int connection_fd(struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        return info ? info->connect_fd : -1;
}

static ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max) {
        struct stream *stream = cls;
        const struct cw_dsim_fault *fault = &stream->fault;
        size_t n = stream->len - (size_t)pos;
        if (fault->reset_after >= 0) {
                if (pos >= (uint64_t)fault->reset_after) {
                        reset_on_close(stream->fd);
                        return MHD_CONTENT_READER_END_WITH_ERROR;
                }
                if (n > (size_t)fault->reset_after - (size_t)pos)
                        n = (size_t)fault->reset_after - (size_t)pos;
        }
        if (n == 0)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (fault->drip_bytes > 0) {
                if (pos > 0)
                        cw_dsim_gate_sleep(stream->sim, fault->drip_ms);
                if (n > (size_t)fault->drip_bytes)
                        n = (size_t)fault->drip_bytes;
        }
        if (n > max)
                n = max;
        memcpy(buf, stream->body + pos, n);
        return (ssize_t)n;
}

static void stream_free(void *cls) {
        struct stream *stream = cls;
        free(stream->body);
        free(stream);
}

static struct MHD_Response *make_response(struct cw_dsim_http *http, struct MHD_Connection *connection,
                                          struct cw_dsim_out *out) {
        if (!out->has_fault || (out->fault.reset_after < 0 && out->fault.drip_bytes == 0)) {
                struct MHD_Response *whole =
                    MHD_create_response_from_buffer(out->body_len, out->body, MHD_RESPMEM_MUST_FREE);
                if (whole)
                        out->body = NULL;
                return whole;
        }
        struct stream *stream = calloc(1, sizeof *stream);
        if (!stream)
                return NULL;
        stream->sim = http->sim;
        stream->body = out->body;
        stream->len = out->body_len;
        stream->fault = out->fault;
        stream->fd = connection_fd(connection);
        out->body = NULL;
        return MHD_create_response_from_callback(stream->len, 4096, stream_read, stream, stream_free);
}

static enum MHD_Result send_out(struct cw_dsim_http *http, struct MHD_Connection *connection,
                                struct cw_dsim_out *out) {
        const char *type = out->media ? out->media : "application/json";
        if (out->has_fault && *out->fault.content_type)
                type = out->fault.content_type;
        struct MHD_Response *response = make_response(http, connection, out);
        if (!response)
                return MHD_NO;
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        if (out->retry_after_s > 0) {
                char seconds[16];
                (void)snprintf(seconds, sizeof seconds, "%d", out->retry_after_s);
                (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
        }
        enum MHD_Result queued = MHD_queue_response(connection, (unsigned)out->status, response);
        MHD_destroy_response(response);
        return queued;
}

/* Method and path only when they are ones this server knows: an unknown path may hold anything. */
static void log_line(const struct cw_dsim_in *in, const struct cw_dsim_out *out, int64_t ms) {
        char when[40];
        cw_dsim_iso_time(cw_dsim_now_ms(), when, sizeof when);
        const char *path = out->known ? in->path : out->dropped ? "(server down)" : "(unknown path)";
        if (out->dropped)
                (void)fprintf(stderr, "%s %s %s dropped %lldms\n", when, out->known ? in->method : "-", path,
                              (long long)ms);
        else
                (void)fprintf(stderr, "%s %s %s %d%s%s %lldms%s\n", when, out->known ? in->method : "-", path,
                              out->status, *out->code ? " " : "", out->code, (long long)ms,
                              out->has_fault ? " fault" : "");
}

static enum MHD_Result answer(struct cw_dsim_http *http, struct MHD_Connection *connection,
                              struct cw_dsim_request *request) {
        struct cw_dsim_out out;
        int64_t start_ms = cw_dsim_now_ms();
        const struct cw_dsim_in *in = cw_dsim_request_end(request);
        cw_dsim_route(http->sim, in, &out);
        log_line(in, &out, cw_dsim_now_ms() - start_ms);
        enum MHD_Result result = MHD_NO;
        if (out.dropped)
                reset_on_close(connection_fd(connection));
        else
                result = send_out(http, connection, &out);
        free(out.body);
        return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *data_len,
                                  void **state) {
        struct cw_dsim_http *http = cls;
        (void)version;
        if (!*state) {
                *state = cw_dsim_request_new(connection, method, url);
                return *state ? MHD_YES : MHD_NO;
        }
        if (*data_len > 0) {
                cw_dsim_request_feed(*state, data, *data_len);
                *data_len = 0;
                return MHD_YES;
        }
        return answer(http, connection, *state);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code) {
        (void)cls;
        (void)connection;
        (void)code;
        if (*state)
                cw_dsim_request_free(*state);
        *state = NULL;
}

/* Down: the connection is closed at once, or held unanswered until the silence is over. */
static enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t len) {
        struct cw_dsim_http *http = cls;
        (void)address;
        (void)len;
        return cw_dsim_gate_pass(http->sim) ? MHD_YES : MHD_NO;
}

/* libmicrohttpd only asks for a client certificate; this makes the handshake fail without a good one. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
        struct cw_dsim_http *http = cls;
        (void)socket_context;
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                cw_dsim_traffic_opened(http->sim->traffic, connection_fd(connection));
        else
                cw_dsim_traffic_closed(http->sim->traffic, connection_fd(connection));
        if (code != MHD_CONNECTION_NOTIFY_STARTED || !http->client_auth)
                return;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (!info || !info->tls_session)
                return;
        gnutls_session_t session = (gnutls_session_t)info->tls_session;
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(session, NULL, 0);
}

static bool start_daemon(struct cw_dsim_http *http, const struct cw_dsim_listen *listen,
                         const struct sockaddr_in *at) {
        struct MHD_OptionItem tls[] = {
            {MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)listen->client_ca_pem},
            {MHD_OPTION_END, 0, NULL},
        };
        if (!listen->client_ca_pem)
                tls[0].option = MHD_OPTION_END;
        http->daemon = MHD_start_daemon(
            MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
            on_accept, http, on_request, http, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)at,
            MHD_OPTION_HTTPS_MEM_KEY, listen->key_pem, MHD_OPTION_HTTPS_MEM_CERT, listen->cert_pem,
            MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
            http, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT,
            CONNECTION_LIMIT, MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK, MHD_OPTION_LISTEN_BACKLOG_SIZE,
            BACKLOG, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
        return http->daemon != NULL;
}

struct cw_dsim_http *cw_dsim_http_start(struct cw_dsim *sim, const struct cw_dsim_listen *listen,
                                        uint16_t *ret_port) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(listen->port)};
        struct cw_dsim_http *http = calloc(1, sizeof *http);
        if (!http || inet_pton(AF_INET, listen->address, &at.sin_addr) != 1) {
                (void)fprintf(stderr, "dcms-sim: --listen %s is not an IPv4 address\n", listen->address);
                free(http);
                return NULL;
        }
        http->sim = sim;
        http->client_auth = listen->client_ca_pem != NULL;
        if (!start_daemon(http, listen, &at)) {
                (void)fprintf(stderr, "dcms-sim: cannot listen on %s port %u with this certificate and key\n",
                              listen->address, (unsigned)listen->port);
                free(http);
                return NULL;
        }
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
        *ret_port = info ? info->port : listen->port;
        return http;
}

void cw_dsim_http_stop(struct cw_dsim_http *http) {
        MHD_stop_daemon(http->daemon);
        free(http);
}
