/* SPDX-License-Identifier: Apache-2.0 */
#include "pad.h"

#include "dukpt.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INTER_CHARACTER_MS 1000
#define RETRIES 3U

void emud_violate(struct emud_pad *pad, const char *fmt, ...) {
        char text[160];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        if (json_array_size(pad->violations) < 1000)
                json_array_append_new(pad->violations, json_string(text));
}

bool emud_pad_init(struct emud_pad *pad, const struct emud_config *cfg, const uint8_t iksn[10], char *err,
                   size_t err_cap) {
        *pad = (struct emud_pad){.cfg = cfg, .prompts = json_array(), .violations = json_array()};
        memcpy(pad->ksn, iksn, 10);
        emud_show(pad, "READY");
        if (cfg->ksn_path && emud_ksn_load(cfg->ksn_path, pad->ksn) < 0) {
                (void)snprintf(err, err_cap, "%s: not a KSN of 20 hex digits", cfg->ksn_path);
                return false;
        }
        return pad->prompts && pad->violations;
}

void emud_pad_done(struct emud_pad *pad) {
        json_decref(pad->prompts);
        json_decref(pad->violations);
        OPENSSL_cleanse(pad, sizeof *pad);
}

void emud_pad_reset(struct emud_pad *pad) {
        (void)emud_parser_abandon(&pad->parser);
        pad->state = EMUD_IDLE;
        pad->naks = 0;
        pad->byte_deadline_ms = 0;
        OPENSSL_cleanse(&pad->request, sizeof pad->request);
}

void emud_show(struct emud_pad *pad, const char *text) {
        (void)snprintf(pad->display, sizeof pad->display, "%s", text);
}

void emud_send_control(struct emud_pad *pad, uint8_t byte) {
        pad->send(pad->ctx, &byte, 1);
}

static void send_answer(struct emud_pad *pad) {
        uint8_t copy[EMUD_FRAME_MAX];

        memcpy(copy, pad->answer, pad->answer_len);
        if (pad->garble) {
                pad->garble--;
                copy[pad->answer_len - 1] ^= 0x01;
        }
        pad->send(pad->ctx, copy, pad->answer_len);
        pad->ack_deadline_ms = pad->now_ms + pad->cfg->ack_timeout_ms;
}

void emud_send_frame(struct emud_pad *pad, uint8_t kind, const char *payload, size_t len, bool eot_after) {
        pad->answer_len = emud_frame_make(kind, payload, len, pad->answer);
        pad->answer_eot = eot_after;
        pad->answer_tries = 0;
        pad->state = EMUD_ANSWER;
        send_answer(pad);
}

static void repeat_answer(struct emud_pad *pad) {
        if (pad->answer_tries++ < RETRIES) {
                send_answer(pad);
                return;
        }
        emud_violate(pad, "answer never acknowledged");
        emud_send_control(pad, EMUD_EOT);
        emud_pad_reset(pad);
}

static void control_byte(struct emud_pad *pad, uint8_t byte) {
        bool eot = pad->answer_eot;

        if (pad->state != EMUD_ANSWER) {
                if (byte != EMUD_EOT)
                        emud_violate(pad, "%s with no answer open", byte == EMUD_ACK ? "ACK" : "NAK");
                return;
        }
        if (byte == EMUD_NAK) {
                repeat_answer(pad);
                return;
        }
        emud_pad_reset(pad);
        if (byte == EMUD_ACK && eot)
                emud_send_control(pad, EMUD_EOT);
}

static void bad_frame(struct emud_pad *pad, const char *why) {
        emud_violate(pad, "%s", why);
        if (pad->state == EMUD_ENTRY)
                return;
        if (pad->naks++ < RETRIES) {
                emud_send_control(pad, EMUD_NAK);
                return;
        }
        pad->naks = 0;
        emud_send_control(pad, EMUD_EOT);
}

static void during_entry(struct emud_pad *pad) {
        if (pad->parser.kind == EMUD_STX && strcmp(pad->parser.payload, "72") == 0) {
                emud_pad_reset(pad);
                emud_show(pad, "READY");
                emud_send_control(pad, EMUD_EOT);
                return;
        }
        emud_violate(pad, "packet %.3s during PIN entry", pad->parser.payload);
}

static void good_frame(struct emud_pad *pad) {
        if (pad->state == EMUD_ENTRY) {
                during_entry(pad);
                return;
        }
        if (pad->ignore_next) {
                pad->ignore_next--;
                return;
        }
        if (pad->nak_next) {
                pad->nak_next--;
                emud_send_control(pad, EMUD_NAK);
                return;
        }
        if (pad->state == EMUD_ANSWER) {
                emud_violate(pad, "packet %.3s before the last answer was acknowledged", pad->parser.payload);
                emud_pad_reset(pad);
        }
        pad->naks = 0;
        emud_handle_request(pad, pad->parser.kind, pad->parser.payload, pad->parser.len);
}

static void one_byte(struct emud_pad *pad, uint8_t byte) {
        switch (emud_parser_byte(&pad->parser, byte)) {
        case EMUD_EV_FRAME:
                good_frame(pad);
                OPENSSL_cleanse(pad->parser.payload, sizeof pad->parser.payload);
                break;
        case EMUD_EV_BAD_LRC:
                bad_frame(pad, pad->parser.high_bit ? "byte with bit 8 set" : "LRC wrong");
                break;
        case EMUD_EV_LONG:
                bad_frame(pad, "frame too long");
                break;
        case EMUD_EV_CONTROL:
                control_byte(pad, pad->parser.control);
                break;
        case EMUD_EV_STRAY:
                emud_violate(pad, "byte %02X between frames", byte);
                break;
        case EMUD_EV_NONE:
        default:
                break;
        }
        pad->byte_deadline_ms = pad->parser.where != EMUD_OUTSIDE ? pad->now_ms + INTER_CHARACTER_MS : 0;
}

void emud_pad_bytes(struct emud_pad *pad, int64_t now_ms, const uint8_t *p, size_t len) {
        pad->now_ms = now_ms;
        for (size_t i = 0; i < len; i++)
                one_byte(pad, p[i]);
}

void emud_pad_tick(struct emud_pad *pad, int64_t now_ms) {
        pad->now_ms = now_ms;
        if (pad->byte_deadline_ms && now_ms >= pad->byte_deadline_ms) {
                pad->byte_deadline_ms = 0;
                if (emud_parser_abandon(&pad->parser))
                        emud_violate(pad, "frame cut off");
        }
        if (pad->state == EMUD_ENTRY)
                emud_entry_tick(pad);
        if (pad->state == EMUD_ANSWER && now_ms >= pad->ack_deadline_ms)
                repeat_answer(pad);
}

static void sooner(int64_t *due, int64_t candidate) {
        if (candidate && candidate < *due)
                *due = candidate;
}

int emud_pad_timeout_ms(const struct emud_pad *pad, int64_t now_ms) {
        int64_t due = now_ms + 60000;

        sooner(&due, pad->byte_deadline_ms);
        if (pad->state == EMUD_ENTRY) {
                sooner(&due, pad->entry_deadline_ms);
                if (emud_customer_peek(&pad->customer))
                        sooner(&due, pad->act_at_ms ? pad->act_at_ms : now_ms);
        }
        if (pad->state == EMUD_ANSWER)
                sooner(&due, pad->ack_deadline_ms);
        return due > now_ms ? (int)(due - now_ms) : 0;
}
