/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "../control/jsonline.h"
#include "base/buf.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int64_t emud_now_ms(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static json_t *ok(void) {
        return json_pack("{s:b}", "ok", 1);
}

static json_t *customer(struct emud_emu *e, const json_t *request) {
        char err[160];

        if (json_is_true(json_object_get(request, "clear")))
                emud_customer_clear(&e->pad.customer);
        if (!emud_customer_add(&e->pad.customer, json_object_get(request, "script"), err, sizeof err))
                return emu_jsonline_error("%s", err);
        emud_pad_tick(&e->pad, emud_now_ms());
        return ok();
}

static json_t *state(const struct emud_emu *e) {
        static const char *const names[] = {"idle", "entry", "answer"};
        char ksn[21];

        if (!cw_hex_encode(e->pad.ksn, 10, ksn, sizeof ksn))
                return emu_jsonline_error("KSN");
        return json_pack("{s:b,s:b,s:s,s:s,s:s,s:I,s:I,s:I,s:O,s:O}", "ok", 1, "plugged", e->port.master >= 0,
                         "state", names[e->pad.state], "display", e->pad.display, "ksn", ksn, "pins",
                         (json_int_t)e->pad.pins, "beeps", (json_int_t)e->pad.beeps, "script_left",
                         (json_int_t)e->pad.customer.count, "prompts", e->pad.prompts, "violations",
                         e->pad.violations);
}

static json_t *fault(struct emud_emu *e, const json_t *request) {
        json_int_t nak = json_integer_value(json_object_get(request, "nak"));
        json_int_t ignore = json_integer_value(json_object_get(request, "ignore"));

        if (nak < 0 || nak > 100 || ignore < 0 || ignore > 100)
                return emu_jsonline_error("fault: nak and ignore are 0..100");
        e->pad.nak_next = (unsigned)nak;
        e->pad.ignore_next = (unsigned)ignore;
        return ok();
}

static json_t *plug(struct emud_emu *e, bool in) {
        emud_pad_reset(&e->pad);
        emud_port_close(&e->port);
        if (in && emud_port_open(&e->port, e->link) < 0)
                return emu_jsonline_error("no pseudo-terminal: %s", strerror(errno));
        return ok();
}

json_t *emud_control(void *ctx, const json_t *request) {
        struct emud_emu *e = ctx;
        const char *cmd = json_string_value(json_object_get(request, "cmd"));

        if (cmd && strcmp(cmd, "customer") == 0)
                return customer(e, request);
        if (cmd && strcmp(cmd, "state") == 0)
                return state(e);
        if (cmd && strcmp(cmd, "fault") == 0)
                return fault(e, request);
        if (cmd && (strcmp(cmd, "plug") == 0 || strcmp(cmd, "unplug") == 0))
                return plug(e, cmd[0] == 'p');
        return emu_jsonline_error("cmd is customer, state, fault, plug or unplug");
}
