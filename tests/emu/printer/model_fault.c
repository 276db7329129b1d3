/* SPDX-License-Identifier: Apache-2.0 */
#include "model_fault.h"

#include <stdlib.h>
#include <string.h>

#include "model_int.h"

struct emup_fault_kind {
        const char *name;
        enum emup_hook hook;
        const char *text; /* what "text" may be, separated by |; "" = anything, NULL = not wanted */
};

static const struct emup_fault_kind kinds[] = {
    {"hopper_empty", HOOK_NOW, NULL},
    {"ribbon_wrong", HOOK_NOW, ""},
    {"ribbon_tagless", HOOK_NOW, NULL},
    {"reject_full", HOOK_NOW, NULL},
    {"output_full", HOOK_NOW, NULL},
    {"card_inside", HOOK_NOW, "transport|contact|contactless|mag|print"},
    {"power_cycle", HOOK_NOW, NULL},
    {"unplug", HOOK_NOW, NULL},
    {"feed_fail", HOOK_FEED, NULL},
    {"feed_jam", HOOK_FEED, NULL},
    {"jam", HOOK_MOVE, NULL},
    {"cover_open", HOOK_MOVE, NULL},
    {"ribbon_end", HOOK_PANEL, NULL},
    {"head_hot", HOOK_PANEL, NULL},
    {"mag_write_fail", HOOK_MAG_WRITE, NULL},
    {"mag_blank", HOOK_MAG_WRITE, NULL},
    {"mag_read_fail", HOOK_MAG_READ, NULL},
    {"contact_fail", HOOK_ENGAGE, NULL},
    {"error_cde", HOOK_COMMAND, ""},
    {"stall_in", HOOK_TRANSFER_IN, NULL},
    {"stall_out", HOOK_TRANSFER_OUT, NULL},
    {"split_reply", HOOK_REPLY, NULL},
    {"merged_reply", HOOK_REPLY, NULL},
    {"short_reply", HOOK_REPLY, NULL},
    {"late_reply", HOOK_REPLY, NULL},
    {"no_reply", HOOK_REPLY, NULL},
    {"spurious_ok", HOOK_REPLY, NULL},
    {"spurious_no", HOOK_REPLY, NULL},
    {"garbage", HOOK_REPLY, ""},
    {"localised", HOOK_REPLY, NULL},
    {"device_id_bad", HOOK_DEVICE_ID, "length|without_length|little_endian|short|empty"},
    {"port_status_zero", HOOK_PORT_STATUS, NULL},
    {"soft_reset_stall", HOOK_SOFT_RESET, NULL},
};

const char *emup_fault_name(const struct emup_fault *f) {
        return f->kind->name;
}

static bool is(const struct emup_fault *f, const char *name) {
        return strcmp(f->kind->name, name) == 0;
}

static void ask_carrier(struct emup_model *m, const struct emup_fault *f, enum emup_action action) {
        m->action = action;
        m->action_replug_ms = f->ms;
}

/* Faults of the machine itself: they are there from this moment. */
static void apply_now(struct emup_model *m, const struct emup_fault *f) {
        static const char *const names[] = {"transport", "contact", "contactless", "mag", "print"};
        static const enum emup_pos places[] = {POS_TRANSPORT, POS_CONTACT, POS_CONTACTLESS, POS_MAG,
                                               POS_PRINT};
        enum emup_pos pos = POS_PRINT;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(f->text, names[i]) == 0)
                        pos = places[i];
        if (is(f, "hopper_empty"))
                m->hopper = 0;
        else if (is(f, "ribbon_wrong"))
                (void)snprintf(m->ribbon.kind, sizeof m->ribbon.kind, "%s", *f->text ? f->text : "kb");
        else if (is(f, "ribbon_tagless"))
                m->ribbon.tagged = false;
        else if (is(f, "reject_full"))
                m->reject_full = true;
        else if (is(f, "output_full"))
                m->output_full = true;
        else if (is(f, "card_inside"))
                emup_place_card(m, pos);
        else if (is(f, "power_cycle"))
                ask_carrier(m, f, EMUP_ACT_POWER_CYCLE);
        else if (is(f, "unplug"))
                ask_carrier(m, f, EMUP_ACT_UNPLUG);
}

static bool use_up(struct emup_fault *f) {
        f->hits++;
        if (!f->always && --f->count == 0)
                f->live = false;
        return true;
}

/*
 * A jam, an open cover or a ribbon's end that comes at a moment and not at a command hits what moves right
 * now; when nothing moves the cover and the ribbon are simply so, and a card that stands in the machine is
 * stuck.
 */
static bool strikes_at_once(struct emup_model *m, struct emup_fault *f) {
        static const struct {
                const char *name;
                enum emup_err err;
        } strikes[] = {{"jam", ERR_MECHANICAL}, {"cover_open", ERR_COVER}, {"ribbon_end", ERR_RIBBON_ENDED}};
        size_t i = 0;
        while (i < 3 && !is(f, strikes[i].name))
                i++;
        if (i == 3 || f->trigger == TRIGGER_COMMAND || f->trigger == TRIGGER_PANEL)
                return false;
        if (emup_moving(m)) {
                (void)use_up(f);
                emup_mech_disturb(m, strikes[i].err);
                return true;
        }
        if (strikes[i].err == ERR_MECHANICAL && !m->card)
                return false;
        (void)use_up(f);
        if (strikes[i].err == ERR_MECHANICAL)
                emup_jam(m);
        else if (strikes[i].err == ERR_COVER)
                m->cover_open = true;
        else
                m->ribbon.remaining = 0;
        return true;
}

static void go_live(struct emup_model *m, struct emup_fault *f) {
        f->left = UINT64_MAX;
        f->live = true;
        emup_note(m, '*', "fault %s", f->kind->name);
        if (f->kind->hook == HOOK_NOW) {
                apply_now(m, f);
                f->hits++;
                f->live = false;
        } else {
                (void)strikes_at_once(m, f);
        }
}

static bool armed(const struct emup_fault *f, enum emup_trigger trigger) {
        return f->trigger == trigger && !f->live && f->left != UINT64_MAX;
}

static void count_down(struct emup_model *m, struct emup_fault *f, uint64_t n) {
        f->left = f->left > n ? f->left - n : 0;
        if (!f->left)
                go_live(m, f);
}

/* "Db" stands for every raster command, compressed or not. */
static bool same_command(const char *wanted, const char *text) {
        size_t n = strlen(wanted);
        if (strcmp(wanted, "Db") == 0 && strncmp(text, "Db", 2) == 0)
                return true;
        return strncmp(text, wanted, n) == 0 && (text[n] == '\0' || text[n] == ';');
}

void emup_fault_on_command(struct emup_model *m, const char *text) {
        for (unsigned i = 0; i < m->fault_count; i++)
                if (armed(&m->faults[i], TRIGGER_COMMAND) && same_command(m->faults[i].command, text))
                        count_down(m, &m->faults[i], 1);
}

void emup_fault_on_panel(struct emup_model *m, char letter) {
        for (unsigned i = 0; i < m->fault_count; i++)
                if (armed(&m->faults[i], TRIGGER_PANEL) && m->faults[i].panel == letter)
                        count_down(m, &m->faults[i], 1);
}

void emup_fault_on_bytes(struct emup_model *m, uint64_t n) {
        for (unsigned i = 0; i < m->fault_count; i++)
                if (armed(&m->faults[i], TRIGGER_BYTE))
                        count_down(m, &m->faults[i], n);
}

uint64_t emup_fault_bytes_left(const struct emup_model *m) {
        uint64_t least = UINT64_MAX;
        for (unsigned i = 0; i < m->fault_count; i++)
                if (armed(&m->faults[i], TRIGGER_BYTE) && m->faults[i].left < least)
                        least = m->faults[i].left;
        return least;
}

void emup_fault_on_transfer(struct emup_model *m) {
        for (unsigned i = 0; i < m->fault_count; i++)
                if (armed(&m->faults[i], TRIGGER_TRANSFER))
                        count_down(m, &m->faults[i], 1);
}

void emup_fault_on_time(struct emup_model *m) {
        for (unsigned i = 0; i < m->fault_count; i++)
                if (armed(&m->faults[i], TRIGGER_MS) && emup_now(m) >= m->faults[i].left)
                        go_live(m, &m->faults[i]);
}

uint64_t emup_fault_deadline(const struct emup_model *m) {
        uint64_t least = UINT64_MAX;
        for (unsigned i = 0; i < m->fault_count; i++)
                if (armed(&m->faults[i], TRIGGER_MS) && m->faults[i].left < least)
                        least = m->faults[i].left;
        return least;
}

const struct emup_fault *emup_fault_bite_match(struct emup_model *m, const char *name, const char *what) {
        for (unsigned i = 0; i < m->fault_count; i++) {
                struct emup_fault *f = &m->faults[i];
                if (f->live && is(f, name) && (!what || same_command(f->text, what))) {
                        (void)use_up(f);
                        return f;
                }
        }
        return NULL;
}

const struct emup_fault *emup_fault_bite(struct emup_model *m, const char *name) {
        return emup_fault_bite_match(m, name, NULL);
}

static const char *parse_at(struct emup_model *m, const json_t *at, struct emup_fault *f) {
        const char *command = json_string_value(json_object_get(at, "command"));
        const char *panel = json_string_value(json_object_get(at, "panel"));
        const json_t *n = json_object_get(at, "n"), *byte = json_object_get(at, "byte");
        const json_t *ms = json_object_get(at, "ms"), *transfer = json_object_get(at, "transfer");
        if (!at || (json_is_string(at) && strcmp(json_string_value(at), "now") == 0)) {
                f->trigger = TRIGGER_NOW;
                return NULL;
        }
        f->left = n ? (uint64_t)json_integer_value(n) : 1;
        if (command && *command && strlen(command) < sizeof f->command) {
                f->trigger = TRIGGER_COMMAND;
                (void)snprintf(f->command, sizeof f->command, "%s", command);
        } else if (panel && strlen(panel) == 1 && strchr("ymcko", *panel)) {
                f->trigger = TRIGGER_PANEL;
                f->panel = *panel;
        } else if (json_integer_value(byte) > 0) {
                f->trigger = TRIGGER_BYTE;
                f->left = (uint64_t)json_integer_value(byte);
        } else if (json_is_integer(ms) && json_integer_value(ms) >= 0) {
                f->trigger = TRIGGER_MS;
                f->left = emup_now(m) + (uint64_t)json_integer_value(ms);
        } else if (json_integer_value(transfer) > 0) {
                f->trigger = TRIGGER_TRANSFER;
                f->left = (uint64_t)json_integer_value(transfer);
        } else {
                return "\"at\" is \"now\", or an object with command (and n), panel (and n), byte, ms or "
                       "transfer";
        }
        return f->left ? NULL : "\"n\" counts from 1";
}

static bool text_fits(const struct emup_fault_kind *kind, const char *text) {
        if (!kind->text)
                return false;
        if (!*kind->text || !*text)
                return true;
        size_t n = strlen(text);
        for (const char *p = kind->text; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
                if (strncmp(p, text, n) == 0 && (p[n] == '|' || !p[n]))
                        return true;
        return false;
}

static const char *parse(struct emup_model *m, const json_t *request, struct emup_fault *f) {
        const char *name = json_string_value(json_object_get(request, "name"));
        const json_t *count = json_object_get(request, "count"), *ms = json_object_get(request, "ms");
        const json_t *text = json_object_get(request, "text");
        for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(kinds[i].name, name) == 0)
                        f->kind = &kinds[i];
        if (!f->kind)
                return "no fault of that name";
        f->count = count ? (uint32_t)json_integer_value(count) : 1;
        f->always = f->count == 0;
        f->ms = ms ? (uint32_t)json_integer_value(ms) : 0;
        if (text && (!json_is_string(text) || json_string_length(text) >= sizeof f->text ||
                     !text_fits(f->kind, json_string_value(text))))
                return "\"text\" is not one this fault takes";
        if (text)
                (void)snprintf(f->text, sizeof f->text, "%s", json_string_value(text));
        if (is(f, "error_cde") && !*f->text)
                return "error_cde wants the name of a command in \"text\"";
        return parse_at(m, json_object_get(request, "at"), f);
}

/* A used-up fault gives its place to the next. */
static struct emup_fault *free_slot(struct emup_model *m) {
        if (m->fault_count < EMUP_FAULTS_MAX)
                return &m->faults[m->fault_count++];
        for (unsigned i = 0; i < EMUP_FAULTS_MAX; i++)
                if (!m->faults[i].live && m->faults[i].left == UINT64_MAX)
                        return &m->faults[i];
        return NULL;
}

const char *emup_fault_arm(struct emup_model *m, const json_t *request) {
        static const char *const known[] = {"cmd", "name", "at", "count", "ms", "text"};
        size_t seen = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                seen += json_object_get(request, known[i]) != NULL;
        if (seen != json_object_size(request))
                return "a fault has name, at, count, ms and text only";
        struct emup_fault f = {.left = 1};
        const char *wrong = parse(m, request, &f);
        if (wrong)
                return wrong;
        struct emup_fault *slot = free_slot(m);
        if (!slot)
                return "too many faults armed";
        *slot = f;
        if (f.trigger == TRIGGER_NOW)
                go_live(m, slot);
        return NULL;
}

void emup_fault_disarm_all(struct emup_model *m) {
        m->fault_count = 0;
}
