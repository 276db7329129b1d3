/* SPDX-License-Identifier: Apache-2.0 */
/* The customer at the keys. */
#include "dukpt.h"
#include "pad.h"

#include "base/buf.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

void emud_entry_refuse(struct emud_pad *pad, char code, const char *why) {
        char payload[4] = {'7', '1', code, '\0'};

        emud_violate(pad, "%s", why);
        OPENSSL_cleanse(&pad->request, sizeof pad->request);
        emud_send_frame(pad, EMUD_STX, payload, 3, pad->cfg->final_eot);
}

static void remember_prompt(struct emud_pad *pad) {
        const struct emud_request *r = &pad->request;

        if (json_array_size(pad->prompts) < EMUD_PROMPTS_MAX)
                json_array_append_new(pad->prompts,
                                      json_pack("{s:s,s:[s,s,s],s:i,s:i,s:i}", "packet", r->packet, "texts",
                                                r->prompt[0], r->prompt[1], r->prompt[2], "min", (int)r->min,
                                                "max", (int)r->max, "timeout_s", (int)r->timeout_s));
}

void emud_entry_begin(struct emud_pad *pad) {
        pad->state = EMUD_ENTRY;
        pad->entry_deadline_ms = pad->now_ms + (int64_t)pad->request.timeout_s * 1000;
        pad->act_at_ms = 0;
        remember_prompt(pad);
        if (pad->request.prompt[0][0])
                emud_show(pad, pad->request.prompt[0]);
        emud_entry_tick(pad);
}

static void end_with_eot(struct emud_pad *pad) {
        emud_pad_reset(pad);
        emud_show(pad, "READY");
        emud_send_control(pad, EMUD_EOT);
}

/* The counter moves on, and is kept, before its key is used: a KSN is never used twice. */
static bool next_ksn(struct emud_pad *pad) {
        uint32_t counter = emud_counter_next(emud_ksn_counter(pad->ksn));

        if (!counter) {
                pad->exhausted = true;
                return false;
        }
        emud_ksn_set_counter(pad->ksn, counter);
        return emud_ksn_save(pad->cfg->ksn_path, pad->ksn);
}

static void answer_with_block(struct emud_pad *pad, const char *pin) {
        char ksn[21], block_hex[17], payload[48];
        uint8_t block[8];
        size_t skip;

        if (!next_ksn(pad)) {
                emud_entry_refuse(pad, pad->exhausted ? '6' : 'B', "the counter cannot move on");
                return;
        }
        if (!emud_pin_block(pin, pad->request.account, block) ||
            !emud_encipher(pad->cfg->bdk, pad->ksn, block, block) ||
            !cw_hex_encode(pad->ksn, 10, ksn, sizeof ksn) ||
            !cw_hex_encode(block, 8, block_hex, sizeof block_hex)) {
                emud_entry_refuse(pad, 'C', "the PIN block cannot be made");
                return;
        }
        skip = strspn(ksn, "F");
        if (skip > 10)
                skip = 10;
        (void)snprintf(payload, sizeof payload, "710%s%s", ksn + skip, block_hex);
        pad->pins++;
        emud_show(pad, pad->request.prompt[2]);
        OPENSSL_cleanse(&pad->request, sizeof pad->request);
        emud_send_frame(pad, EMUD_STX, payload, strlen(payload), pad->cfg->final_eot);
}

/* True when the entry is over; false when the pad beeped and waits on. */
static bool type_pin(struct emud_pad *pad, struct emud_act *act) {
        size_t len = strlen(act->pin);

        if (len > pad->request.max) {
                pad->beeps += len - pad->request.max;
                act->pin[pad->request.max] = '\0';
                len = pad->request.max;
        }
        if (len == 0 && pad->request.null_allowed) {
                OPENSSL_cleanse(&pad->request, sizeof pad->request);
                emud_send_frame(pad, EMUD_STX, "710", 3, pad->cfg->final_eot);
                return true;
        }
        if (len < pad->request.min) {
                pad->beeps++;
                return false;
        }
        answer_with_block(pad, act->pin);
        return true;
}

static bool perform(struct emud_pad *pad, struct emud_act *act) {
        pad->garble += act->garble;
        switch (act->kind) {
        case EMUD_ACT_PIN:
                return type_pin(pad, act);
        case EMUD_ACT_CANCEL:
        case EMUD_ACT_TIMEOUT:
                end_with_eot(pad);
                return true;
        case EMUD_ACT_UNPLUG:
                emud_pad_reset(pad);
                pad->unplug(pad->ctx);
                return true;
        case EMUD_ACT_SILENT:
                emud_pad_reset(pad);
                return true;
        case EMUD_ACT_GARBLE:
        default:
                return false;
        }
}

void emud_entry_tick(struct emud_pad *pad) {
        const struct emud_act *next;

        while (pad->state == EMUD_ENTRY && (next = emud_customer_peek(&pad->customer)) != NULL) {
                struct emud_act act;

                if (!pad->act_at_ms)
                        pad->act_at_ms = pad->now_ms + next->delay_ms;
                if (pad->now_ms < pad->act_at_ms)
                        break;
                pad->act_at_ms = 0;
                (void)emud_customer_take(&pad->customer, &act);
                (void)perform(pad, &act);
                OPENSSL_cleanse(&act, sizeof act);
        }
        if (pad->state == EMUD_ENTRY && pad->now_ms >= pad->entry_deadline_ms)
                end_with_eot(pad);
}
