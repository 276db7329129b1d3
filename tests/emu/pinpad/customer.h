/* SPDX-License-Identifier: Apache-2.0 */
/* What the customer will do at the prompts to come, in order. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define EMUD_SCRIPT_MAX 64U

enum emud_act_kind {
        EMUD_ACT_PIN,
        EMUD_ACT_CANCEL,
        EMUD_ACT_TIMEOUT,
        EMUD_ACT_UNPLUG,
        EMUD_ACT_SILENT,
        EMUD_ACT_GARBLE
};

struct emud_act {
        enum emud_act_kind kind;
        char pin[17];
        unsigned garble; /* so many answer frames go out with a wrong LRC */
        unsigned delay_ms;
};

struct emud_customer {
        struct emud_act acts[EMUD_SCRIPT_MAX];
        size_t count;
};

/* Appends a JSON script; nothing is appended when any step is wrong: false and a sentence in err. */
bool emud_customer_add(struct emud_customer *c, const json_t *script, char *err, size_t err_cap);
/* Takes the first step out; false when there is none. The caller wipes *ret. */
bool emud_customer_take(struct emud_customer *c, struct emud_act *ret);
const struct emud_act *emud_customer_peek(const struct emud_customer *c);
void emud_customer_clear(struct emud_customer *c);
