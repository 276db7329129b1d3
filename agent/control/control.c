/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/control.h"

#include "agent/control/peer_role.h"
#include "agent/control/route.h"

#include <errno.h>
#include <grp.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define UPLOAD_MAX                                                                                           \
        (4 *                                                                                                 \
         CW_BODY_MAX) /* a body without a length is read to its end up to here, so that it gets an answer */
#define CONNECTIONS_MAX 32
#define IDLE_TIMEOUT_S 30
#define BACKLOG 64
#define TOO_LONG "the body is longer than 64 KiB"
#define TOO_LARGE 413u /* libmicrohttpd's name for it changed */

#define RC(cls, n) CW_RC(CW_L_CONTROL, (cls), (n))

struct cw_control {
        struct cw_loop *loop;
        struct cw_control_options options;
        struct MHD_Daemon *mhd;
        struct cw_watch *watch;
        struct cw_timer *timer;
        struct cw_control_request *requests; /* every one that libmicrohttpd has not completed */
};

struct cw_control_request {
        struct cw_control *control;
        struct MHD_Connection *connection;
        struct cw_route_found found;
        char actor[24];
        uid_t uid;
        char *body_text;
        size_t body_len, upload_len;
        json_t *body;
        struct MHD_Response *response;
        unsigned status;
        bool started, answered, suspended;
        struct cw_control_request *prev, *next;
};

/* ---- answers ---- */

static void wake(struct cw_control *c) {
        cw_timer_arm(c->timer, 0);
}

static void answer(struct cw_control_request *r, unsigned status, const char *type, const char *text) {
        if (r->answered)
                return;
        r->answered = true;
        size_t len = strlen(text);
        union {
                const char *in;
                void *out;
        } cast = {text};
        r->response = MHD_create_response_from_buffer(len, cast.out, MHD_RESPMEM_MUST_COPY);
        r->status = status;
        if (r->response) {
                (void)MHD_add_response_header(r->response, "Content-Type", type);
                (void)MHD_add_response_header(r->response, "Cache-Control", "no-store");
        }
        if (r->suspended) {
                r->suspended = false;
                MHD_resume_connection(r->connection);
                wake(r->control);
        }
}

static void answer_json(struct cw_control_request *r, unsigned status, json_t *take) {
        CW_AUTO_JSON json_t *json = take ? take : json_object();
        CW_AUTO_MEM char *text = json_dumps(json, JSON_COMPACT);
        answer(r, text ? status : 500, "application/json", text ? text : "{}");
}

void cw_control_reply(struct cw_control_request *r, json_t *take) {
        answer_json(r, MHD_HTTP_OK, take);
}

void cw_control_reply_text(struct cw_control_request *r, const char *content_type, const char *text) {
        answer(r, MHD_HTTP_OK, content_type, text);
}

static unsigned status_of(cw_rc rc) {
        unsigned code = rc & 0xffffu;
        switch (cw_rc_class(rc)) {
        case CW_C_REJECT:
                if (code == CW_E_NOT_FOUND)
                        return MHD_HTTP_NOT_FOUND;
                if (code == CW_E_DENIED)
                        return MHD_HTTP_FORBIDDEN;
                if (code == CW_E_TOO_BIG)
                        return TOO_LARGE;
                if (code == CW_E_UNSUPPORTED)
                        return MHD_HTTP_METHOD_NOT_ALLOWED;
                return code == CW_E_SYNTAX || code == CW_E_RANGE || code == CW_E_MISSING
                           ? MHD_HTTP_BAD_REQUEST
                           : MHD_HTTP_CONFLICT;
        case CW_C_OPERATOR:
                return MHD_HTTP_CONFLICT;
        case CW_C_NONE:
        case CW_C_RETRY:
        case CW_C_RECONNECT:
        case CW_C_IN_DOUBT:
        case CW_C_FATAL:
                break;
        }
        return MHD_HTTP_SERVICE_UNAVAILABLE;
}

void cw_control_fail(struct cw_control_request *r, const struct cw_fault *f) {
        answer_json(r, status_of(f->rc), json_pack("{s:o}", "error", cw_fault_to_json(f)));
}

static cw_rc deny(struct cw_fault *f, unsigned code, const char *text) {
        return cw_fail(f, RC(CW_C_REJECT, code), 0, "control.request", "", "%s", text);
}

/* ---- what a handler sees ---- */

const char *cw_control_segment(const struct cw_control_request *r) {
        return r->found.segment;
}

json_t *cw_control_body(struct cw_control_request *r) {
        return r->body;
}

const char *cw_control_query(struct cw_control_request *r, const char *name) {
        const char *value = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
        return value ? value : "";
}

uint32_t cw_control_uid(const struct cw_control_request *r) {
        return r->uid;
}

const char *cw_control_actor(const struct cw_control_request *r) {
        return r->actor;
}

/* ---- a request as it comes in ---- */

static void dispatch(struct cw_control_request *r, const char *method, const char *path) {
        const struct cw_control_options *o = &r->control->options;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        enum cw_role role =
            cw_peer_role(info ? info->connect_fd : -1, o->operate_group, o->admin_group, &r->uid);
        struct cw_fault f = {0};
        (void)snprintf(r->actor, sizeof r->actor, "uid:%u", (unsigned)r->uid);
        cw_rc rc = cw_route_find(o->routes, o->route_count, method, path, &r->found, &f);
        if (rc == CW_OK && role < r->found.route->role)
                rc = deny(&f, CW_E_DENIED,
                          "you may not do this: ask an administrator to add you to the right group");
        if (rc == CW_OK && r->upload_len > CW_BODY_MAX)
                rc = deny(&f, CW_E_TOO_BIG, TOO_LONG);
        if (rc == CW_OK)
                rc = cw_route_body(r->body_text, r->body_len, &r->body, &f);
        if (rc == CW_OK)
                r->found.route->fn(o->ctx, r);
        else
                cw_control_fail(r, &f);
}

/* False when the connection is to be cut: out of memory, or somebody who never stops sending. */
static bool take_upload(struct cw_control_request *r, const char *data, size_t *len) {
        r->upload_len += *len;
        if (r->upload_len > UPLOAD_MAX)
                return false;
        if (r->upload_len <= CW_BODY_MAX) {
                char *text = realloc(r->body_text, r->body_len + *len);
                if (!text)
                        return false;
                memcpy(text + r->body_len, data, *len);
                r->body_text = text;
                r->body_len += *len;
        }
        *len = 0;
        return true;
}

static struct cw_control_request *request_new(struct cw_control *c, struct MHD_Connection *connection) {
        struct cw_control_request *r = calloc(1, sizeof *r);
        if (!r)
                return NULL;
        r->control = c;
        r->connection = connection;
        r->next = c->requests;
        if (r->next)
                r->next->prev = r;
        c->requests = r;
        return r;
}

static void request_free(struct cw_control_request *r) {
        if (r->prev)
                r->prev->next = r->next;
        else
                r->control->requests = r->next;
        if (r->next)
                r->next->prev = r->prev;
        if (r->response)
                MHD_destroy_response(r->response);
        json_decref(r->body);
        free(r->body_text);
        free(r);
}

static enum MHD_Result send_answer(struct cw_control_request *r) {
        return r->response ? MHD_queue_response(r->connection, r->status, r->response) : MHD_NO;
}

/* A body that says it is too long is refused before it is sent. */
static enum MHD_Result begin(struct cw_control_request *r) {
        const char *length =
            MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
        if (!length || (strlen(length) < 10 && strtoul(length, NULL, 10) <= CW_BODY_MAX))
                return MHD_YES;
        struct cw_fault f = {0};
        (void)deny(&f, CW_E_TOO_BIG, TOO_LONG);
        cw_control_fail(r, &f);
        return send_answer(r);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **con_cls) {
        (void)version;
        struct cw_control_request *r = *con_cls;
        if (!r) {
                r = request_new(ctx, connection);
                *con_cls = r;
                return r ? begin(r) : MHD_NO;
        }
        if (*upload_len)
                return take_upload(r, upload, upload_len) ? MHD_YES : MHD_NO;
        if (!r->started) {
                r->started = true;
                dispatch(r, method, url);
                if (!r->answered) {
                        r->suspended = true;
                        MHD_suspend_connection(connection);
                        return MHD_YES;
                }
        }
        return send_answer(r);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode why) {
        (void)ctx;
        (void)connection;
        (void)why;
        if (*con_cls)
                request_free(*con_cls);
        *con_cls = NULL;
}

/* ---- the socket ---- */

static cw_rc fail_listen(struct cw_fault *f, const char *path) {
        int err = errno;
        return cw_fail(f, RC(CW_C_FATAL, CW_E_IO), err, "control.listen", "", "cannot listen on %s: %s", path,
                       strerror(err));
}

/* Group members of either group get in through the file's group; what they may do is decided per request. */
static bool share_with_group(const char *path, const char *group) {
        const struct group *g = *group ? getgrnam(group) : NULL;
        return !g || chown(path, (uid_t)-1, g->gr_gid) == 0;
}

static cw_rc listen_stream(const struct cw_control_options *o, int *ret_fd, struct cw_fault *f) {
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        size_t len = strlen(o->path);
        if (len == 0 || len >= sizeof addr.sun_path)
                return cw_fail(f, RC(CW_C_REJECT, CW_E_RANGE), 0, "control.listen", "",
                               "the socket path %s is too long", o->path);
        memcpy(addr.sun_path, o->path, len);
        CW_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)unlink(o->path);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof addr) < 0 || chmod(o->path, 0660) < 0 ||
            !share_with_group(o->path, *o->operate_group ? o->operate_group : o->admin_group) ||
            listen(fd, BACKLOG) < 0)
                return fail_listen(f, o->path);
        *ret_fd = CW_STEAL_FD(fd);
        return CW_OK;
}

static void run(struct cw_control *c) {
        MHD_UNSIGNED_LONG_LONG left_ms = 0;
        (void)MHD_run(c->mhd);
        if (MHD_get_timeout(c->mhd, &left_ms) == MHD_YES)
                cw_timer_arm(c->timer, (int64_t)left_ms);
}

static void on_ready(void *ctx, uint32_t events) {
        (void)events;
        run(ctx);
}

static void on_timer(void *ctx) {
        run(ctx);
}

static cw_rc start_mhd(struct cw_control *c, int listen_fd) {
        c->mhd = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, c, MHD_OPTION_LISTEN_SOCKET,
            listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
        if (!c->mhd)
                return RC(CW_C_FATAL, CW_E_IO);
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(c->mhd, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info)
                return RC(CW_C_FATAL, CW_E_IO);
        return cw_watch_new(c->loop, info->epoll_fd, EPOLLIN, on_ready, c, &c->watch);
}

cw_rc cw_control_new(struct cw_loop *loop, const struct cw_control_options *options, struct cw_control **ret,
                     struct cw_fault *f) {
        CW_AUTO_FD int fd = -1;
        cw_rc rc = listen_stream(options, &fd, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO(cw_control_free) struct cw_control *c = calloc(1, sizeof *c);
        if (!c)
                return cw_fail(f, RC(CW_C_RETRY, CW_E_NOMEM), 0, "control.new", "", "out of memory");
        c->loop = loop;
        c->options = *options;
        rc = cw_timer_new(loop, on_timer, c, &c->timer);
        if (rc == CW_OK)
                rc = start_mhd(c, fd);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "control.new", "", "the control API cannot start");
        (void)CW_STEAL_FD(fd); /* now libmicrohttpd's */
        *ret = CW_STEAL(c);
        return CW_OK;
}

/* libmicrohttpd cannot stop while a connection is suspended. */
static void answer_suspended(struct cw_control *c) {
        struct cw_fault f = {0};
        (void)cw_fail(&f, RC(CW_C_RETRY, CW_E_CANCELLED), 0, "control.stop", "", "cardwrightd is stopping");
        for (struct cw_control_request *r = c->requests; r; r = r->next)
                if (r->suspended)
                        cw_control_fail(r, &f);
        (void)MHD_run(c->mhd);
}

void cw_control_free(struct cw_control *c) {
        if (!c)
                return;
        cw_watch_free(c->watch);
        if (c->mhd) {
                answer_suspended(c);
                MHD_stop_daemon(c->mhd);
        }
        cw_timer_free(c->timer);
        (void)unlink(c->options.path);
        free(c);
}
