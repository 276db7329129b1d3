/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <string.h>

#include "tests/emu/control/jsonline.h"

enum { PATH_CAP = 1024 };

/* A handler answers with a new object, or with NULL and a sentence in *ret_wrong. */
typedef json_t *handler(struct emup_control *c, const json_t *q, const char **ret_wrong);

static json_t *done(const char *wrong, const char **ret_wrong) {
        *ret_wrong = wrong;
        return wrong ? NULL : json_pack("{s:b}", "ok", 1);
}

static json_t *done_path(const char *wrong, const char *path, const char **ret_wrong) {
        json_t *reply = done(wrong, ret_wrong);
        if (reply)
                json_object_set_new(reply, "plastic", *path ? json_string(path) : json_null());
        return reply;
}

static bool number(const json_t *q, const char *key, json_int_t max, uint32_t *ret) {
        const json_t *v = json_object_get(q, key);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
                return false;
        *ret = (uint32_t)json_integer_value(v);
        return true;
}

static bool boolean(const json_t *q, const char *key, bool *ret) {
        const json_t *v = json_object_get(q, key);
        if (!json_is_boolean(v))
                return false;
        *ret = json_is_true(v);
        return true;
}

static json_t *do_state(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        (void)q;
        (void)ret_wrong;
        json_t *o = emup_model_state(c->model);
        json_object_set_new(o, "ok", json_true());
        json_object_set_new(o, "bus", emup_carrier_state(c->carrier));
        return o;
}

static json_t *do_hopper(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        uint32_t count;
        if (!number(q, "count", 500, &count))
                return done("hopper wants count, 0 to 500", ret_wrong);
        return done(emup_operator_hopper(c->model, count), ret_wrong);
}

static json_t *do_ribbon(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        uint32_t remaining = 0;
        bool present = true, has = json_object_get(q, "remaining") != NULL;
        if (has && !number(q, "remaining", 100000, &remaining))
                return done("remaining is a number of panel sets", ret_wrong);
        if (json_object_get(q, "present") && !boolean(q, "present", &present))
                return done("present is true or false", ret_wrong);
        const char *kind = json_string_value(json_object_get(q, "kind"));
        return done(emup_operator_ribbon(c->model, kind, has ? (int64_t)remaining : -1, present), ret_wrong);
}

static json_t *do_cover(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        bool open;
        if (!boolean(q, "open", &open))
                return done("cover wants open, true or false", ret_wrong);
        return done(emup_operator_cover(c->model, open), ret_wrong);
}

static json_t *do_lock(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        bool locked;
        if (!boolean(q, "locked", &locked))
                return done("lock wants locked, true or false", ret_wrong);
        return done(emup_operator_lock(c->model, locked), ret_wrong);
}

static json_t *do_cleaning(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        uint32_t cards;
        if (!number(q, "cards_since", 100000, &cards))
                return done("cleaning wants cards_since", ret_wrong);
        return done(emup_operator_cleaning(c->model, cards), ret_wrong);
}

static json_t *do_fault(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        return done(emup_fault_arm(c->model, q), ret_wrong);
}

static json_t *do_faults_off(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        (void)q;
        emup_fault_disarm_all(c->model);
        return done(NULL, ret_wrong);
}

static json_t *do_clear(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        char path[PATH_CAP] = "";
        const char *to = json_string_value(json_object_get(q, "to"));
        const char *wrong = emup_operator_clear(c->model, to ? to : "taken", path, sizeof path);
        return done_path(wrong, path, ret_wrong);
}

static json_t *take(struct emup_control *c, const json_t *q, bool reject, const char **ret_wrong) {
        char path[PATH_CAP] = "";
        const char *plastic = json_string_value(json_object_get(q, "plastic"));
        return done_path(emup_operator_take(c->model, reject, plastic, path, sizeof path), path, ret_wrong);
}

static json_t *do_take(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        return take(c, q, false, ret_wrong);
}

static json_t *do_take_reject(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        return take(c, q, true, ret_wrong);
}

static json_t *do_insert(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        const char *plastic = json_string_value(json_object_get(q, "plastic"));
        return done(plastic ? emup_operator_insert(c->model, plastic) : "insert wants plastic, a directory",
                    ret_wrong);
}

static json_t *do_unplug(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        uint32_t replug_ms = 0;
        if (json_object_get(q, "replug_ms") && !number(q, "replug_ms", 600000, &replug_ms))
                return done("replug_ms is a number of milliseconds", ret_wrong);
        return done(emup_carrier_unplug(c->carrier, replug_ms) ? NULL : "it is unplugged already", ret_wrong);
}

static json_t *do_plug(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        const char *port = json_string_value(json_object_get(q, "port"));
        return done(emup_carrier_plug(c->carrier, port) ? NULL : "it is plugged in already, or no such port",
                    ret_wrong);
}

static json_t *do_power_cycle(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        uint32_t off_ms = 0;
        if (json_object_get(q, "off_ms") && !number(q, "off_ms", 600000, &off_ms))
                return done("off_ms is a number of milliseconds", ret_wrong);
        emup_carrier_power_cycle(c->carrier, off_ms);
        return done(NULL, ret_wrong);
}

static json_t *do_quit(struct emup_control *c, const json_t *q, const char **ret_wrong) {
        (void)q;
        c->quit = true;
        return done(NULL, ret_wrong);
}

static const struct {
        const char *name;
        handler *run;
        bool on_bus;           /* plugs and unplugs: runs without the lock */
        const char *fields[6]; /* besides cmd */
} commands[] = {
    {"state", do_state, false, {NULL}},
    {"hopper", do_hopper, false, {"count"}},
    {"ribbon", do_ribbon, false, {"kind", "remaining", "present"}},
    {"cover", do_cover, false, {"open"}},
    {"lock", do_lock, false, {"locked"}},
    {"cleaning", do_cleaning, false, {"cards_since"}},
    {"fault", do_fault, false, {"name", "at", "count", "ms", "text"}},
    {"faults_off", do_faults_off, false, {NULL}},
    {"clear", do_clear, false, {"to"}},
    {"take", do_take, false, {"plastic"}},
    {"take_reject", do_take_reject, false, {"plastic"}},
    {"insert", do_insert, false, {"plastic"}},
    {"unplug", do_unplug, true, {"replug_ms"}},
    {"plug", do_plug, true, {"port"}},
    {"power_cycle", do_power_cycle, true, {"off_ms"}},
    {"quit", do_quit, false, {NULL}},
};

static bool only_known_fields(const json_t *q, const char *const *fields) {
        size_t known = 1;
        for (size_t i = 0; i < 6 && fields[i]; i++)
                known += json_object_get(q, fields[i]) != NULL;
        return known == json_object_size(q);
}

json_t *emup_control_answer(void *control, const json_t *q) {
        struct emup_control *c = control;
        const char *name = json_string_value(json_object_get(q, "cmd")), *wrong = NULL;
        size_t i = 0, n = sizeof commands / sizeof *commands;
        while (name && i < n && strcmp(commands[i].name, name) != 0)
                i++;
        if (!name || i == n)
                return emu_jsonline_error("no command \"%s\"", name ? name : "");
        if (!only_known_fields(q, commands[i].fields))
                return emu_jsonline_error("%s has a field that it does not know", name);
        if (!commands[i].on_bus)
                emup_carrier_lock(c->carrier);
        json_t *reply = commands[i].run(c, q, &wrong);
        if (!commands[i].on_bus)
                emup_carrier_unlock(c->carrier);
        emup_carrier_run(c->carrier);
        return reply ? reply : emu_jsonline_error("%s: %s", name, wrong ? wrong : "out of memory");
}
