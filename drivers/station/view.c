/* SPDX-License-Identifier: Apache-2.0 */
/* hello and status, from what the other threads last saw. */
#include "drivers/station/station.h"

#include <string.h>

static void current_job(struct cw_station *st, char ret[CW_WORK_ID_MAX], bool *ret_busy) {
        (void)pthread_mutex_lock(&st->lock);
        memcpy(ret, st->job, CW_WORK_ID_MAX);
        *ret_busy = st->running;
        (void)pthread_mutex_unlock(&st->lock);
        *ret_busy = *ret_busy || cw_bench_busy(st->bench);
}

struct cw_msg *cw_view_hello(struct cw_station *st, const struct cw_msg *request) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_ok(request);
        struct cw_machine_view view;
        char job[CW_WORK_ID_MAX];
        bool busy = false;
        current_job(st, job, &busy);
        cw_machine_view(&st->machine, &view);
        CW_AUTO_JSON json_t *more =
            json_pack("{s:s, s:s, s:s, s:b, s:s?, s:s}", "station", st->self->name, "kind",
                      cw_station_is_kiosk(st) ? "kiosk" : "issue", "version", CW_VERSION, "busy", busy, "job",
                      *job ? job : NULL, "where", cw_where_name(view.status.where));
        if (!m || !more || json_object_update(m->json, more) < 0)
                return NULL;
        return CW_STEAL(m);
}

static const char *maturity_name(enum cw_maturity m) {
        static const char *const names[] = {"experimental", "testing", "production"};
        return (unsigned)m < sizeof names / sizeof *names ? names[m] : "";
}

static json_t *abilities_json(uint32_t caps) {
        static const struct {
                uint32_t cap;
                const char *name;
        } all[] = {
            {CW_PRINTER_CAP_COLOUR, "colour"},         {CW_PRINTER_CAP_STRIPE, "stripe"},
            {CW_PRINTER_CAP_CONTACT, "contact"},       {CW_PRINTER_CAP_CONTACTLESS, "contactless"},
            {CW_PRINTER_CAP_REJECT, "reject"},         {CW_PRINTER_CAP_CLEAN, "clean"},
            {CW_PRINTER_CAP_TEST_CARD, "test_card"},   {CW_PRINTER_CAP_WHERE, "where"},
            {CW_PRINTER_CAP_BOTH_FACES, "both_faces"},
        };
        json_t *list = json_array();
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                if (caps & all[i].cap)
                        (void)json_array_append_new(list, json_string(all[i].name));
        return list;
}

static json_t *firmwares_json(const struct cw_printer_info *info) {
        json_t *list = json_array();
        for (size_t i = 0; i < CW_PRINTER_FIRMWARES_MAX && info->parts[i].part[0]; i++)
                (void)json_array_append_new(list, json_pack("{s:s, s:s}", "part", info->parts[i].part,
                                                            "version", info->parts[i].version));
        return list;
}

/* What can be told by nobody but the printer; null = it does not tell. */
static json_t *inventory_json(const struct cw_machine_view *v) {
        const struct {
                const char *key, *value;
        } rows[] = {
            {"model", v->info.model}, {"serial", v->info.serial}, {"firmware", v->info.firmware},
            {"head", v->info.head},   {"board", v->info.board},   {"ribbon", v->status.ribbon.serial},
        };
        json_t *inventory = json_object();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                (void)json_object_set_new(inventory, rows[i].key,
                                          *rows[i].value ? json_string(rows[i].value) : json_null());
        return inventory;
}

static json_t *printer_json(const struct cw_machine_view *v) {
        const struct cw_printer_status *s = &v->status;
        return json_pack(
            "{s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:b,"
            " s:{s:s, s:I, s:I, s:s}, s:{s:I, s:I, s:I, s:I}}",
            "present", v->present, "state", cw_printer_state_name(s->state), "code", s->code, "text", s->text,
            "vendor", s->vendor, "where", cw_where_name(s->where), "model", v->info.model, "serial",
            v->info.serial, "firmware", v->info.firmware, "family", v->info.family, "port", v->info.port,
            "maturity", maturity_name(v->info.maturity), "firmwares", firmwares_json(&v->info), "abilities",
            abilities_json(v->info.caps), "inventory", inventory_json(v), "experimental",
            v->info.maturity == CW_MATURITY_EXPERIMENTAL, "barred", v->info.barred, "cleaning_due",
            s->cleaning_due, "ribbon", "kind", s->ribbon.kind, "remaining", (json_int_t)s->ribbon.remaining,
            "capacity", (json_int_t)s->ribbon.capacity, "serial", s->ribbon.serial, "counters", "cards_fed",
            (json_int_t)s->counters.cards_fed, "panels", (json_int_t)s->counters.panels, "cleanings",
            (json_int_t)s->counters.cleanings, "cards_to_cleaning",
            (json_int_t)s->counters.cards_to_cleaning);
}

static json_t *reader_json(struct cw_station *st) {
        struct cw_card_reader_state r = {0};
        if (st->reader)
                cw_card_reader_get(st->reader, &r);
        const char *text =
            !r.service
                ? "the smart card service pcscd does not answer; start it: systemctl start pcscd.socket"
            : !r.present ? "the chip reader is not plugged in; plug it in and look at its cable"
            : r.stuck    ? "the chip reader hangs; unplug it and plug it in again, or restart pcscd"
                         : "";
        return json_pack("{s:s, s:b, s:b, s:b, s:b, s:s}", "name", *r.name ? r.name : st->self->reader,
                         "present", r.present, "card", r.card, "service", r.service, "stuck", r.stuck, "text",
                         text);
}

struct cw_msg *cw_view_status(struct cw_station *st, const struct cw_msg *request) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_ok(request);
        struct cw_machine_view view;
        char job[CW_WORK_ID_MAX];
        bool busy = false, pad = false;
        current_job(st, job, &busy);
        cw_machine_view(&st->machine, &view);
        (void)pthread_mutex_lock(&st->lock);
        pad = st->pad_present;
        (void)pthread_mutex_unlock(&st->lock);
        if (!m || json_object_set_new(m->json, "printer", printer_json(&view)) < 0 ||
            json_object_set_new(m->json, "profiles", cw_profiles_json(&st->profiles)) < 0 ||
            json_object_set_new(m->json, "reader", reader_json(st)) < 0 ||
            json_object_set_new(m->json, "pinpad", json_pack("{s:b}", "present", pad)) < 0 ||
            json_object_set_new(m->json, "busy", json_boolean(busy)) < 0)
                return NULL;
        return CW_STEAL(m);
}
