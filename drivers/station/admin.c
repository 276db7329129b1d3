/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin socket: root or our own user, one connection, the calls of cw_admin_call_known, all for a card
 * that belongs to no job. Loop thread.
 */
#include "drivers/station/station.h"

#include "base/file.h"
#include "base/log.h"

#include <string.h>
#include <unistd.h>

static void refuse(struct cw_peer *p, const struct cw_msg *request, const struct cw_fault *f) {
        cw_log(CW_EV_REQUEST_FAILED, CW_F_STR("CALL", cw_msg_str(request, "call", "?")),
               CW_F_STR("TEXT", f->text));
        cw_peer_send(p, cw_msg_error(request, f));
}

static void on_request(void *ctx, struct cw_peer *p, struct cw_msg *request) {
        struct cw_station *st = ctx;
        struct cw_fault f = {0};
        const char *call = cw_msg_str(request, "call", "");
        if (!cw_admin_call_known(call)) {
                (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "station.admin", "",
                              "the admin socket knows card.perso, card.verify, card.pin, card.status and "
                              "card.delete only");
                refuse(p, request, &f);
        } else if (cw_bench_busy(st->bench)) {
                (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY), 0, "station.admin", "",
                              "the station is at work; try again when it is idle");
                refuse(p, request, &f);
        } else if (cw_stop_refuses(st, &f) != CW_OK ||
                   cw_bench_submit(st->bench, st->admin_client, request, &f) != CW_OK) {
                refuse(p, request, &f);
        }
}

static void on_closed(void *ctx, struct cw_peer *p, const struct cw_fault *why) {
        struct cw_station *st = ctx;
        (void)why;
        if (p == st->admin)
                st->admin = NULL;
        cw_peer_free(p);
}

static const struct cw_peer_ops peer_ops = {on_request, NULL, on_closed};

static void on_accept(void *ctx, int take_fd, const struct ucred *cred) {
        struct cw_station *st = ctx;
        CW_AUTO_FD int fd = take_fd;
        if (cred->uid != 0 && cred->uid != geteuid()) {
                cw_log(CW_EV_PEER_REFUSED, CW_F_INT("UID", cred->uid), CW_F_INT("PID", cred->pid));
                return;
        }
        if (st->admin) /* the one before is at work, or forgotten by its person */
                cw_peer_free(st->admin);
        st->admin = NULL;
        st->admin_client = (st->admin_client + 1) | CW_ADMIN_CLIENT;
        if (cw_peer_new(st->loop, fd, &peer_ops, st, &st->admin) != CW_OK) {
                cw_log(CW_EV_PEER_REFUSED, CW_F_STR("TEXT", "no memory"));
                return;
        }
        fd = -1;
        cw_log(CW_EV_PEER_CONNECTED, CW_F_INT("PID", cred->pid), CW_F_STR("SOCKET", "admin"));
}

cw_rc cw_admin_open(struct cw_station *st, struct cw_fault *f) {
        return cw_server_listen(st, "admin", 0600, on_accept, &st->admin_listener, f);
}

void cw_admin_close(struct cw_station *st) {
        if (st->admin)
                cw_peer_free(st->admin);
        if (st->admin_listener)
                cw_listener_free(st->admin_listener);
        st->admin = NULL;
        st->admin_listener = NULL;
}

void cw_admin_deliver(struct cw_station *st, uint64_t client, struct cw_msg *m) {
        struct cw_msg *out = st->admin && client == st->admin_client ? cw_msg_new(m->type) : NULL;
        if (!out)
                return;
        json_t *json = out->json;
        out->id = m->id;
        out->json = m->json;
        m->json = json;
        cw_peer_send(st->admin, out);
}
