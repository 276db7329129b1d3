/* SPDX-License-Identifier: Apache-2.0 */
#include "test_reader_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static cw_rc script_transmit(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms,
                             uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        struct script_card *card = (struct script_card *)c;
        char hex[2 * CW_APDU_COMMAND_MAX + 1];
        (void)timeout_ms;
        assert_true(cw_hex_encode(command.ptr, command.len, hex, sizeof hex));
        if (card->next == card->count)
                fail_msg("the card expects nothing more, but gets %s", hex);
        const struct script_line *line = &card->lines[card->next++];
        size_t want = strlen(line->command);
        if (want && line->command[want - 1] == '*')
                assert_memory_equal(hex, line->command, want - 1);
        else
                assert_string_equal(hex, line->command);
        if (!line->answer)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_GONE), 0, "script", "",
                               "gone");
        assert_true(cw_hex_decode(line->answer, strlen(line->answer), ret, ret_cap, ret_len));
        return CW_OK;
}

static cw_rc script_reset(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f) {
        (void)timeout_ms;
        (void)f;
        ((struct script_card *)c)->resets++;
        return CW_OK;
}

static void script_close(struct cw_card_channel *c) {
        ((struct script_card *)c)->closes++;
}

static const struct cw_card_channel_ops script_ops = {
    .transmit = script_transmit, .reset = script_reset, .close = script_close};

void script_card_init(struct script_card *card, const struct script_line *lines, size_t count, bool t0) {
        *card =
            (struct script_card){.channel = {.ops = &script_ops, .t0 = t0}, .lines = lines, .count = count};
}

void script_card_done(const struct script_card *card) {
        assert_int_equal(card->next, card->count);
}
