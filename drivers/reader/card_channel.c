/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/card_channel.h"

#include <string.h>

#define ROUNDS_MAX 24 /* 61xx and 6Cxx of one command; more is a card gone mad */

/* ISO 7816-3 12.1.3 */
enum apdu_case { CASE_1, CASE_2, CASE_3, CASE_4, CASE_BAD };

static enum apdu_case case_of(struct cw_span command) {
        if (command.len < 4 || command.len > CW_APDU_COMMAND_MAX)
                return CASE_BAD;
        if (command.len == 4)
                return CASE_1;
        if (command.len == 5)
                return CASE_2;
        size_t lc = command.ptr[4];
        if (lc == 0)
                return CASE_BAD;
        if (command.len == 5 + lc)
                return CASE_3;
        return command.len == 6 + lc ? CASE_4 : CASE_BAD;
}

struct exchange {
        struct cw_card_channel *channel;
        int64_t timeout_ms;
        uint8_t part[CW_APDU_ANSWER_MAX];
        size_t part_len; /* with SW */
};

static void exchange_wipe(struct exchange *x) {
        cw_wipe(x->part, sizeof x->part);
}

static uint16_t exchange_sw(const struct exchange *x) {
        return (uint16_t)(x->part[x->part_len - 2] << 8 | x->part[x->part_len - 1]);
}

static cw_rc send_part(struct exchange *x, struct cw_span command, struct cw_fault *f) {
        size_t len = 0;
        cw_rc rc =
            x->channel->ops->transmit(x->channel, command, x->timeout_ms, x->part, sizeof x->part, &len, f);
        if (rc != CW_OK)
                return rc;
        if (len < 2 || len > sizeof x->part)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_SHORT), (int64_t)len,
                               "card.transmit", "PRD_SMARTCARD",
                               "the card stopped answering in the middle of a command; it is to be rejected");
        x->part_len = len;
        return CW_OK;
}

static cw_rc append(struct cw_rapdu *out, const struct exchange *x, struct cw_fault *f) {
        size_t len = x->part_len - 2;
        if (len > sizeof out->data - out->len)
                return cw_fail(
                    f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_TOO_BIG), 0, "card.exchange", "PRD_SMARTCARD",
                    "the card answers more data than any command of ours asks for; it is to be rejected");
        memcpy(out->data + out->len, x->part, len);
        out->len += len;
        return CW_OK;
}

/* Behind 61xx the command is done. What is not its own last word, a success or a warning, was said about GET
 * RESPONSE, and must not pass for a refusal of the command. */
static bool speaks_of_command(uint16_t sw) {
        uint8_t sw1 = (uint8_t)(sw >> 8);
        return sw == 0x9000 || sw1 == 0x62 || sw1 == 0x63;
}

/* ISO 7816-4 5.4.1: the bits of secure messaging; the logical channel stays. */
static uint8_t get_response_class(const struct cw_card_channel *c, uint8_t cla) {
        if (!c->own_class)
                return 0x00;
        return (uint8_t)(cla & 0x40 ? cla & ~0x20 : cla & ~0x0c);
}

static cw_rc answer_lost(uint16_t sw, struct cw_fault *f) {
        return cw_fail(
            f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_SHORT), sw, "card.exchange", "PRD_SMARTCARD",
            "the card carried out a command and refuses to hand out its answer (SW %04X); it is to "
            "be rejected",
            sw);
}

/* Follows 61xx and 6Cxx until the card has said its last SW. */
static cw_rc follow(struct exchange *x, struct cw_span command, enum apdu_case kind, struct cw_rapdu *out,
                    struct cw_fault *f) {
        uint8_t repeat[5] = {0};
        bool secured = (command.ptr[0] & 0x0c) != 0;
        bool may_repeat = kind == CASE_2 && !secured;
        bool done = false;
        const uint8_t cla = get_response_class(x->channel, command.ptr[0]);
        memcpy(repeat, command.ptr, may_repeat ? 4 : 0);
        for (int round = 0; round < ROUNDS_MAX; round++) {
                uint16_t sw = exchange_sw(x);
                if ((sw & 0xff00) == 0x6100) {
                        cw_rc rc = append(out, x, f);
                        if (rc != CW_OK)
                                return rc;
                        memcpy(repeat, (const uint8_t[]){cla, 0xc0, 0x00, 0x00}, 4);
                        may_repeat = done = true;
                } else if ((sw & 0xff00) != 0x6c00 || !may_repeat) {
                        if (done && !speaks_of_command(sw))
                                return answer_lost(sw, f);
                        out->sw = sw;
                        return append(out, x, f);
                }
                repeat[4] = (uint8_t)sw;
                cw_rc rc = send_part(x, CW_SPAN(repeat, sizeof repeat), f);
                if (rc != CW_OK)
                        return rc;
        }
        return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_RANGE), exchange_sw(x), "card.exchange",
                       "PRD_SMARTCARD",
                       "the card keeps asking to fetch its answer without end; it is to be rejected");
}

static cw_rc not_short(struct cw_span command, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_SYNTAX), (int64_t)command.len, "card.exchange",
                       "", "a command of %zu bytes is not a short APDU; check the product profile",
                       command.len);
}

/* EMV Book 1 9.2.1.2.4: T=0 has no case 4; TPDU readers do not drop Le themselves. */
static struct cw_span as_sent(const struct cw_card_channel *c, struct cw_span command, enum apdu_case kind) {
        return kind == CASE_4 && c->t0 ? CW_SPAN(command.ptr, command.len - 1) : command;
}

void cw_card_behind(struct cw_card_channel *c, struct cw_span command) {
        enum apdu_case kind = case_of(command);
        if (kind != CASE_BAD && c->ops->behind)
                c->ops->behind(c, as_sent(c, command, kind));
}

static cw_rc carry_out(struct cw_card_channel *c, struct cw_span command, enum apdu_case kind,
                       int64_t timeout_ms, struct cw_rapdu *ret, struct cw_fault *f) {
        __attribute__((cleanup(exchange_wipe))) struct exchange x = {.channel = c, .timeout_ms = timeout_ms};
        CW_AUTO_RAPDU struct cw_rapdu out = {0};
        cw_rc rc = send_part(&x, as_sent(c, command, kind), f);
        if (rc != CW_OK)
                return rc;
        rc = follow(&x, command, kind, &out, f);
        if (rc != CW_OK)
                return rc;
        *ret = out;
        return CW_OK;
}

cw_rc cw_card_exchange(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms,
                       struct cw_rapdu *ret, struct cw_fault *f) {
        enum apdu_case kind = case_of(command);
        cw_rc rc = kind == CASE_BAD ? not_short(command, f) : carry_out(c, command, kind, timeout_ms, ret, f);
        cw_card_run_meanwhile(c);
        return rc;
}

cw_rc cw_card_exchange_long(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms,
                            struct cw_rapdu *ret, struct cw_fault *f) {
        if (case_of(command) != CASE_2 || command.ptr[4] != 0)
                return not_short(command, f);
        if (c->answer_max == 0)
                return carry_out(c, command, CASE_2, timeout_ms, ret, f);
        uint8_t extended[7] = {0}; /* case 2E: 00 and Le of two bytes */
        memcpy(extended, command.ptr, 4);
        extended[5] = (uint8_t)(c->answer_max >> 8);
        extended[6] = (uint8_t)c->answer_max;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc = carry_out(c, CW_SPAN(extended, sizeof extended), CASE_2, timeout_ms, &r, f);
        if (rc == CW_OK && r.sw == 0x6700) {
                c->answer_max = 0;
                return carry_out(c, command, CASE_2, timeout_ms, ret, f);
        }
        if (rc == CW_OK)
                *ret = r;
        return rc;
}
