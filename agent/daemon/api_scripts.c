/* SPDX-License-Identifier: Apache-2.0 */
/* Issuer scripts at the kiosk: asked for by one administrator, confirmed by another. */
#include "agent/daemon/api_dcms.h"
#include "agent/daemon/kiosk.h"
#include "agent/daemon/kiosk_order.h"
#include "agent/daemon/script_orders.h"

#include <string.h>

static struct cw_script_orders *orders_of(struct cw_daemon *d, struct cw_control_request *r) {
        if (!d->script_orders)
                d->script_orders = cw_script_orders_new();
        if (!d->script_orders)
                cw_bank_refuse(r, CW_E_NOMEM, "out of memory");
        cw_kiosk_order_expire(d); /* the kiosk may be away */
        return d->script_orders;
}

void cw_api_scripts(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_script_orders *q = orders_of(d, r);
        if (q)
                cw_control_reply(
                    r, json_pack("{s:o}", "scripts", cw_script_orders_json(q, cw_wall_ms(d->clock))));
}

/* {"kit", "kiosk", "command"} */
static const char *read_draft(struct cw_daemon *d, struct cw_control_request *r,
                              struct cw_script_order_row *draft) {
        const json_t *b = cw_control_body(r);
        const char *kit = json_string_value(json_object_get(b, "kit"));
        const char *kiosk = json_string_value(json_object_get(b, "kiosk"));
        const char *command = json_string_value(json_object_get(b, "command"));
        struct cw_station_link *l = kiosk ? cw_daemon_station(d, kiosk) : NULL;
        if (!kit || !*kit || strlen(kit) >= sizeof draft->kit)
                return "the body needs \"kit\", the number of the card's kit";
        if (!l || cw_station_link_config(l)->kind != CW_STATION_KIOSK)
                return "the body needs \"kiosk\", the name of a station of kind kiosk";
        draft->command = command ? cw_script_order_command(command) : NULL;
        if (!draft->command)
                return "\"command\" is block-application, unblock-application, block-card or unblock-pin";
        (void)snprintf(draft->kit, sizeof draft->kit, "%s", kit);
        (void)snprintf(draft->kiosk, sizeof draft->kiosk, "%s", kiosk);
        draft->maker_uid = cw_control_uid(r);
        (void)snprintf(draft->maker, sizeof draft->maker, "%s", cw_control_actor(r));
        return NULL;
}

void cw_api_script(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0}, unused = {0};
        struct cw_script_order_row draft = {0}, *filed = NULL;
        struct cw_script_orders *q = orders_of(d, r);
        if (!q)
                return;
        const char *why = read_draft(d, r, &draft);
        if (why) {
                cw_bank_refuse(r, CW_E_SYNTAX, why);
                return;
        }
        const int64_t now_ms = cw_wall_ms(d->clock);
        cw_rc rc = cw_script_orders_file(q, &draft, now_ms, &filed, &f);
        if (rc == CW_OK) {
                rc = cw_bank_audit(d, r, "kiosk.script.asked", cw_script_order_json(filed), &f);
                /* What is not in the audit log does not exist. */
                if (rc != CW_OK)
                        (void)!cw_script_orders_drop(q, filed->id, now_ms, &unused);
        }
        if (rc == CW_OK)
                cw_control_reply(r, cw_script_order_json(filed));
        else
                cw_control_fail(r, &f);
}

void cw_api_script_confirm(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_script_order_row *o = NULL;
        struct cw_script_orders *q = orders_of(d, r);
        if (!q)
                return;
        const int64_t now_ms = cw_wall_ms(d->clock);
        cw_rc rc = cw_script_orders_check(q, cw_control_segment(r), cw_control_uid(r), now_ms, &o, &f);
        if (rc == CW_OK)
                rc = cw_bank_audit(d, r, "kiosk.script.confirmed", cw_script_order_json(o), &f);
        if (rc != CW_OK) {
                cw_control_fail(r, &f);
                return;
        }
        (void)snprintf(o->checker, sizeof o->checker, "%s", cw_control_actor(r));
        o->state = CW_SO_CONFIRMED;
        o->expires_ms = now_ms + d->config->agent.release_ttl_s * 1000;
        cw_control_reply(r, cw_script_order_json(o));
        struct cw_station_link *l = cw_daemon_station(d, o->kiosk);
        if (l && cw_station_link_up(l))
                cw_kiosk_look(d, l);
}

void cw_api_script_drop(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_script_orders *q = orders_of(d, r);
        if (!q)
                return;
        cw_rc rc = cw_script_orders_drop(q, cw_control_segment(r), cw_wall_ms(d->clock), &f);
        if (rc == CW_OK)
                cw_kiosk_order_dropped(d, cw_control_segment(r));
        if (rc == CW_OK)
                rc = cw_bank_audit(d, r, "kiosk.script.dropped",
                                   json_pack("{s:s}", "id", cw_control_segment(r)), &f);
        if (rc == CW_OK)
                cw_control_reply(r, json_pack("{s:s, s:b}", "id", cw_control_segment(r), "dropped", 1));
        else
                cw_control_fail(r, &f);
}
