/* SPDX-License-Identifier: Apache-2.0 */
#include "model_int.h"

static json_t *list(char *const *names, unsigned n) {
        json_t *a = json_array();
        for (unsigned i = 0; i < n; i++)
                json_array_append_new(a, json_string(names[i]));
        return a;
}

static json_t *number(uint64_t v) {
        return json_integer((json_int_t)v);
}

static json_t *ribbon(const struct emup_model *m) {
        return json_pack("{s:s, s:s, s:i, s:i, s:b, s:b}", "kind", m->ribbon.kind, "serial", m->ribbon.serial,
                         "capacity", (int)m->ribbon.capacity, "remaining", (int)m->ribbon.remaining,
                         "present", m->ribbon.present, "tagged", m->ribbon.tagged);
}

static json_t *counters(const struct emup_model *m) {
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fed",
                         number(m->count.fed), "ejected", number(m->count.ejected), "rejected",
                         number(m->count.rejected), "taken", number(m->count.taken), "panels",
                         number(m->count.panels), "sets", number(m->count.sets), "mag_writes",
                         number(m->count.mag_writes), "mag_reads", number(m->count.mag_reads), "contacts",
                         number(m->count.contacts), "cleanings", number(m->count.cleanings), "since_cleaning",
                         number(m->count.since_cleaning));
}

static json_t *usb(const struct emup_model *m) {
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "bytes_out", number(m->stat.bytes_in),
                         "bytes_in", number(m->stat.bytes_out), "transfers_out",
                         number(m->stat.transfers_out), "transfers_in", number(m->stat.transfers_in),
                         "commands", number(m->stat.commands), "replies", number(m->stat.replies),
                         "soft_resets", number(m->stat.soft_resets), "power_cycles",
                         number(m->stat.power_cycles));
}

static json_t *sequence(const struct emup_model *m) {
        return json_pack("{s:b, s:s, s:s}", "active", m->seq.active, "panels", m->seq.panels, "failed",
                         m->seq.failed ? emup_err_text(m->seq.failed) : "");
}

static json_t *settings(const struct emup_model *m) {
        json_t *o = json_object();
        for (unsigned i = 0; i < m->setting_count; i++)
                json_object_set_new(o, m->settings[i].key, json_string(m->settings[i].value));
        return o;
}

static json_t *faults(const struct emup_model *m) {
        json_t *a = json_array();
        for (unsigned i = 0; i < m->fault_count; i++) {
                const struct emup_fault *f = &m->faults[i];
                bool spent = !f->live && f->left == UINT64_MAX;
                json_array_append_new(a, json_pack("{s:s, s:s, s:o}", "name", emup_fault_name(f), "state",
                                                   f->live ? "live"
                                                   : spent ? "spent"
                                                           : "armed",
                                                   "hits", number(f->hits)));
        }
        return a;
}

static void set_machine(json_t *o, const struct emup_model *m) {
        bool waits = m->op.waiting || m->head.waiting;
        json_object_set_new(o, "position", json_string(emup_pos_name(m->pos)));
        json_object_set_new(o, "card", m->card ? json_string(emup_plastic_path(m->card)) : json_null());
        json_object_set_new(o, "jammed", json_boolean(m->jammed));
        json_object_set_new(o, "engaged", json_boolean(m->engaged));
        json_object_set_new(o, "busy", json_boolean(m->op.active || m->head.active));
        json_object_set_new(o, "operation",
                            json_string(m->op.active     ? m->op.name
                                        : m->head.active ? m->head.name
                                                         : ""));
        json_object_set_new(o, "waits_for_operator", json_boolean(waits));
        json_object_set_new(o, "hopper", number(m->hopper + m->inserted_count));
        json_object_set_new(o, "output", list(m->output, m->output_count));
        json_object_set_new(o, "reject", list(m->reject, m->reject_count));
        json_object_set_new(o, "output_full", json_boolean(m->output_full));
        json_object_set_new(o, "reject_full", json_boolean(m->reject_full));
        json_object_set_new(o, "cover_open", json_boolean(m->cover_open));
        json_object_set_new(o, "locked", json_boolean(m->locked));
}

json_t *emup_model_state(const struct emup_model *m) {
        unsigned kept =
            m->stat.violations < EMUP_VIOLATIONS_KEPT ? (unsigned)m->stat.violations : EMUP_VIOLATIONS_KEPT;
        json_t *o =
            json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "serial",
                      m->serial, "model", m->model, "ribbon", ribbon(m), "counters", counters(m), "usb",
                      usb(m), "sequence", sequence(m), "settings", settings(m), "faults", faults(m),
                      "violations", number(m->stat.violations), "violation_texts", list(m->violation, kept),
                      "chip_errors", number(m->stat.chip_errors), "io_errors", number(m->stat.io_errors),
                      "on_chip_pixels", number(m->stat.on_chip_pixels), "error_mode", m->error_mode);
        set_machine(o, m);
        return o;
}
