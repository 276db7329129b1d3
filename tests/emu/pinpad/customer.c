/* SPDX-License-Identifier: Apache-2.0 */
#include "customer.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static bool read_pin(const json_t *step, struct emud_act *act) {
        const char *pin = json_string_value(json_object_get(step, "pin"));

        if (!pin || strlen(pin) >= sizeof act->pin || strspn(pin, "0123456789") != strlen(pin))
                return false;
        (void)snprintf(act->pin, sizeof act->pin, "%s", pin);
        act->kind = EMUD_ACT_PIN;
        return true;
}

static bool read_step(const json_t *step, struct emud_act *ret) {
        static const struct {
                const char *name;
                enum emud_act_kind kind;
        } kinds[] = {{"cancel", EMUD_ACT_CANCEL},
                     {"timeout", EMUD_ACT_TIMEOUT},
                     {"unplug", EMUD_ACT_UNPLUG},
                     {"silent", EMUD_ACT_SILENT}};
        struct emud_act act = {.kind = EMUD_ACT_GARBLE};

        act.garble = (unsigned)json_integer_value(json_object_get(step, "garble_lrc"));
        act.delay_ms = (unsigned)json_integer_value(json_object_get(step, "delay_ms"));
        if (json_object_get(step, "pin")) {
                if (!read_pin(step, &act))
                        return false;
        } else {
                for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
                        if (json_is_true(json_object_get(step, kinds[i].name)))
                                act.kind = kinds[i].kind;
                if (act.kind == EMUD_ACT_GARBLE && act.garble == 0)
                        return false;
        }
        *ret = act;
        return true;
}

bool emud_customer_add(struct emud_customer *c, const json_t *script, char *err, size_t err_cap) {
        size_t n = json_array_size(script), base = c->count;

        if (!json_is_array(script) || n > EMUD_SCRIPT_MAX - base) {
                (void)snprintf(err, err_cap, "customer needs \"script\", an array of at most %u steps",
                               EMUD_SCRIPT_MAX);
                return false;
        }
        for (size_t i = 0; i < n; i++) {
                if (!read_step(json_array_get(script, i), &c->acts[base + i])) {
                        (void)snprintf(err, err_cap,
                                       "step %zu: pin (at most 16 digits), cancel, timeout, unplug, silent "
                                       "or garble_lrc",
                                       i);
                        return false;
                }
        }
        c->count = base + n;
        return true;
}

const struct emud_act *emud_customer_peek(const struct emud_customer *c) {
        return c->count ? &c->acts[0] : NULL;
}

bool emud_customer_take(struct emud_customer *c, struct emud_act *ret) {
        if (!c->count)
                return false;
        *ret = c->acts[0];
        c->count--;
        memmove(&c->acts[0], &c->acts[1], c->count * sizeof c->acts[0]);
        OPENSSL_cleanse(&c->acts[c->count], sizeof c->acts[0]);
        return true;
}

void emud_customer_clear(struct emud_customer *c) {
        OPENSSL_cleanse(c, sizeof *c);
}
