/* SPDX-License-Identifier: Apache-2.0 */
/* One trap of pcsc-lite a test: the handling taken out, its test fails. */
#include "test_reader_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool is_serviceless(const struct cw_card_reader_state *s) {
        return !s->service;
}
static bool is_denied(const struct cw_card_reader_state *s) {
        return s->denied;
}
static bool is_gone(const struct cw_card_reader_state *s) {
        return s->service && !s->present;
}

static bool names_others(const struct cw_card_reader_state *s) {
        return s->others[0] != '\0';
}

/* A name that nobody has: those that are there are told. */
static void test_another_name(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("other");
        struct cw_fault f = {0};
        (void)await(r, names_others);
        assert_fails(cw_card_reader_wait(r, true, NULL, SHORT_MS, NULL, &f), CW_C_OPERATOR, CW_E_READER_GONE);
        assert_non_null(strstr(f.text, "name one that is there: \"fake 00 00\""));
}

/* ---- calls that do not come back ---- */

/* Another program holds a transaction: SCardConnect blocks without end. */
static void test_connect_blocks(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = NULL;
        struct cw_fault f = {0};
        (void)await(r, is_ready);
        fake_pcsc_lock();
        fake.readers[0].other_transacts = true;
        fake_pcsc_unlock();
        assert_fails(cw_card_reader_connect(r, SHORT_MS, &c, &f), CW_C_RECONNECT, CW_E_READER_STUCK);
        struct cw_card_reader_state s;
        cw_card_reader_get(r, &s);
        assert_true(s.stuck);
        assert_fails(cw_card_reader_connect(r, SHORT_MS, &c, &f), CW_C_OPERATOR, CW_E_READER_STUCK);
        fake_pcsc_release();
        (void)await(r, is_free);
        assert_false(fake.readers[0].locked); /* the one that came back late kept nothing */
        assert_false(fake.readers[0].powered);
        cw_card_close(connected(r));
}

static void test_transmit_blocks(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        FAKE_SET(answers[0].hangs, true);
        assert_fails(ask(c, SHORT_MS, &f), CW_C_RECONNECT, CW_E_READER_STUCK);
        assert_fails(ask(c, SHORT_MS, &f), CW_C_RECONNECT, CW_E_CLOSED);
        assert_int_equal(fake.transmits, 1);
        cw_card_close(c);
        fake_pcsc_release();
        (void)await(r, is_free);
        assert_false(fake.readers[0].powered);
}

/* The card is let go only from within: work given for meanwhile does not wait for the answer. */
static void let_go(void *ctx) {
        int64_t deadline = cw_deadline_ns(SOON_MS);
        size_t *ret_transmits = ctx;
        for (; *ret_transmits == 0 && cw_deadline_left_ms(deadline) > 0; pause_ms(5)) {
                fake_pcsc_lock();
                *ret_transmits = fake.transmits;
                fake_pcsc_unlock();
        }
        fake_pcsc_release();
}

static void test_work_while_transmit_blocks(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        size_t transmits = 0;
        fake.answers[0].hangs = true;
        cw_card_meanwhile(c, let_go, &transmits);
        assert_int_equal(ask(c, 2 * SOON_MS, &f), CW_OK);
        assert_int_equal(transmits, 1);
        assert_int_equal(fake.transmits, 1);
}

/* A PIN at the reader's keypad that never ends. */
static void test_control_blocks(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        uint8_t answer[8];
        size_t len = 0;
        FAKE_SET(answers[0].hangs, true);
        assert_fails(c->ops->control(c, 1, CW_SPAN(NULL, 0), SHORT_MS, answer, sizeof answer, &len, &f),
                     CW_C_RECONNECT, CW_E_READER_STUCK);
        cw_card_close(c);
        fake_pcsc_release();
        (void)await(r, is_free);
}

/* By serial number every reader is asked who it is; one of another program's must not stop the monitor. */
static void test_question_blocks(void **state) {
        (void)state;
        fake.readers[1] = (struct fake_reader){
            .name = "fake 01 00", .serial = "SN2", .plugged = true, .card = true, .events = 1, .atr = 0x3b};
        fake.readers[0].other_transacts = true;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("serial:SN2");
        struct cw_card_reader_state s = await(r, is_ready);
        assert_string_equal(s.name, "fake 01 00");
        fake_pcsc_release();
}

/* ---- a card that dies ---- */

static void test_success_with_nothing(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        FAKE_SET(answers[0].hex, NULL);
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_READER_SHORT);
        FAKE_SET(answers[0].hex, "9000"); /* it would answer again, but what it was told is gone */
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_CLOSED);
        assert_int_equal(fake.transmits, 1);
}

static void test_half_a_status_word(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        FAKE_SET(answers[0].hex, "90");
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_READER_SHORT);
}

/* Pulled: whatever is said first, the command may have arrived, and is never sent again. */
static void test_pulled_in_a_command(void **state) {
        (void)state;
        static const LONG said[] = {SCARD_E_NOT_TRANSACTED, SCARD_W_REMOVED_CARD, SCARD_E_NO_SMARTCARD,
                                    SCARD_W_UNRESPONSIVE_CARD, SCARD_W_UNPOWERED_CARD};
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
                CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
                struct cw_fault f = {0};
                FAKE_SET(answers[0].rv, said[i]);
                assert_int_equal(cw_rc_class(ask(c, SOON_MS, &f)), CW_C_RECONNECT);
                assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_CLOSED);
                assert_int_equal(fake.transmits, i + 1);
        }
}

/* An answer that did not fit was executed all the same: there is always room for any short answer. */
static void test_room_for_any_answer(void **state) {
        (void)state;
        static char longest[2 * 258 + 1];
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        memset(longest, '0', sizeof longest - 1);
        memcpy(longest + sizeof longest - 5, "9000", 4);
        FAKE_SET(answers[0].hex, longest);
        assert_int_equal(ask(c, SOON_MS, &f), CW_OK);
        assert_true(fake.smallest_buffer >= 258);
}

/* ---- pcscd that goes away ---- */

/* SCardIsValidContext goes on to call the context valid; it never heals. */
static void test_pcscd_dies(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        struct cw_card_reader_state before = await(r, is_ready);
        fake_pcsc_stop();
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_READER_SERVICE);
        cw_card_close(c);
        (void)await(r, is_serviceless);
        assert_int_equal(cw_rc_class(cw_card_reader_connect(r, SHORT_MS, &c, &f)), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "pcscd"));
        fake_pcsc_restart();
        assert_true(await(r, is_ready).events != before.events);
        cw_card_close(connected(r));
}

/* Not there is normal with socket activation: tried again, but ever less often. */
static void test_backs_off(void **state) {
        (void)state;
        fake.service = false;
        int64_t began = cw_deadline_ns(0);
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        pause_ms(900);
        fake_pcsc_lock();
        int tries = fake.establishes; /* at 0, 250, 750, 1750 ms */
        fake.service = true;
        fake_pcsc_unlock();
        assert_in_range(tries, 1, 3 + (cw_deadline_ns(0) - began) / 1000000000);
        (void)await(r, is_ready);
}

static void test_polkit_is_named(void **state) {
        (void)state;
        fake.denied = true;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = NULL;
        struct cw_fault f = {0};
        (void)await(r, is_denied);
        assert_fails(cw_card_reader_connect(r, SHORT_MS, &c, &f), CW_C_OPERATOR, CW_E_DENIED);
        assert_non_null(strstr(f.text, "polkit"));
}

/* ---- locks and other programs ---- */

/* Exclusive and in a transaction from the first command to the last, then powered off with nothing left. */
static void test_ours_for_the_whole_card(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = connected(r);
        const struct fake_reader *fr = &fake.readers[0];
        struct cw_fault f = {0};
        assert_int_equal(ask(c, SOON_MS, &f), CW_OK);
        assert_int_equal(c->ops->reset(c, SOON_MS, &f), CW_OK);
        assert_int_equal(ask(c, SOON_MS, &f), CW_OK);
        assert_true(fr->exclusive && fr->locked && fr->powered);
        assert_int_equal(fr->begins, 1);
        cw_card_close(c);
        assert_int_equal(fr->shared_reconnects, 0); /* it would keep the lock for ever */
        assert_int_equal(fr->end_disposition, SCARD_UNPOWER_CARD);
        assert_int_equal(fr->disconnect_disposition, SCARD_UNPOWER_CARD);
        assert_false(fr->exclusive || fr->locked || fr->powered);
}

/* The first connect is given back before the second: another client's end cannot power down our card later.
 */
static void test_connects_twice(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        cw_card_close(connected(r));
        assert_int_equal(fake.readers[0].connects, 2);
        assert_int_equal(fake.readers[0].begins, 1);
}

static void test_another_program_has_the_card(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = NULL;
        struct cw_fault f = {0};
        (void)await(r, is_ready);
        FAKE_SET(readers[0].other_exclusive, true);
        int connects = 0;
        for (int64_t limit_ms = 1000; connects < 2 && limit_ms <= 16000; limit_ms *= 2) {
                FAKE_SET(readers[0].connects, 0);
                assert_fails(cw_card_reader_connect(r, limit_ms, &c, &f), CW_C_OPERATOR, CW_E_READER_SHARED);
                connects = fake.readers[0].connects;
        }
        assert_true(connects >= 2); /* it was waited for */
        FAKE_SET(readers[0].other_exclusive, false);
        cw_card_close(connected(r));
}

static void test_another_program_resets_the_card(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        FAKE_SET(readers[0].reset_by_other, true);
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_READER_RESET);
        assert_non_null(strstr(f.text, "another program"));
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT,
                     CW_E_CLOSED); /* though pcscd would let it through */
        assert_int_equal(fake.transmits, 0);
        assert_int_equal(fake.readers[0].reconnects, 0);
}

static void test_a_powered_down_card_is_a_reset_one(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        FAKE_SET(answers[0].rv, SCARD_E_PROTO_MISMATCH);
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_READER_RESET);
}

/* The reset of a moment ago is told to the transaction: nothing was sent yet, so it is begun anew. */
static void test_reset_before_the_transaction(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        (void)await(r, is_ready);
        FAKE_SET(readers[0].begin_reset, 1);
        cw_card_close(connected(r));
        assert_int_equal(fake.readers[0].begins, 2);
}

/* ---- cards that change ---- */

/* pcscd looks every 400 ms: at first it still tells of the card of before. */
static void test_state_is_stale(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        (void)await(r, is_ready);
        FAKE_SET(readers[0].not_yet, 3);
        cw_card_close(connected(r));
        assert_int_equal(fake.readers[0].not_yet, 0);
}

static void swap_card(uint8_t atr) {
        fake_pcsc_lock();
        fake.readers[0].events += 2;
        fake.readers[0].atr = atr;
        fake.readers[0].reset_by_other = true;
        fake_pcsc_unlock();
}

/* Out and in between two calls: a reset, says pcscd; no other program is to blame. */
static void test_swapped_before_a_command(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        swap_card(0x3b);
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_READER_NO_CARD);
        assert_int_equal(fake.transmits, 0);
}

/* A reconnect succeeds on another card: told by the events, or by the ATR where pcscd did not see it go. */
static void test_swapped_before_a_reset(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_fault f = {0};
        for (int i = 0; i < 2; i++) {
                CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
                if (i == 0)
                        swap_card(0x3b);
                else
                        FAKE_SET(readers[0].atr, 0x3f);
                assert_fails(c->ops->reset(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_READER_NO_CARD);
                assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_CLOSED);
        }
}

/* pcscd counts our own card late: one event more is no swap. */
static void test_late_count_is_no_swap(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        fake_pcsc_lock();
        fake.readers[0].events++;
        fake_pcsc_unlock();
        assert_int_equal(c->ops->reset(c, SOON_MS, &f), CW_OK);
}

/* A card, and then a card: only the high word of the state tells that they are two. */
static void test_swapped_between_two_looks(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_fault f = {0};
        uint32_t before = await(r, is_ready).events;
        assert_fails(cw_card_reader_wait(r, true, &before, SHORT_MS, NULL, &f), CW_C_OPERATOR,
                     CW_E_READER_NO_CARD);
        fake_pcsc_lock();
        fake.readers[0].events += 2;
        fake_pcsc_moved();
        fake_pcsc_unlock();
        assert_int_equal(cw_card_reader_wait(r, true, &before, SOON_MS, NULL, &f), CW_OK);
}

static void test_mute_card(void **state) {
        (void)state;
        fake.readers[0].mute = true;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = NULL;
        struct cw_fault f = {0};
        (void)await(r, is_ready);
        assert_fails(cw_card_reader_wait(r, true, NULL, SHORT_MS, NULL, &f), CW_C_OPERATOR, CW_E_READER_MUTE);
        assert_fails(cw_card_reader_connect(r, SOON_MS, &c, &f), CW_C_OPERATOR, CW_E_READER_MUTE);
}

/* ---- readers that come, go and change their names ---- */

/* Before 2.3 nothing counts readers: each round lists them anew. */
static void test_reader_appears_unseen(void **state) {
        (void)state;
        fake.readers[0].plugged = false;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        (void)await(r, is_gone);
        fake_pcsc_lock();
        fake.readers[0].plugged = true;
        fake.readers[1] = (struct fake_reader){.name = "unwanted", .plugged = false};
        fake_pcsc_unlock(); /* and nobody is woken */
        (void)await(r, is_ready);
}

/* From 2.3 on the count is handed back: what came between two waits ends the next at once. */
static void test_count_of_readers_is_handed_back(void **state) {
        (void)state;
        fake.counts_readers = true;
        fake.plugs = 7;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        int64_t deadline = cw_deadline_ns(SOON_MS);
        (void)await(r, is_ready);
        fake_pcsc_lock();
        while (fake.plugs_known != fake.plugs && cw_deadline_left_ms(deadline) > 0) {
                fake_pcsc_unlock();
                pause_ms(5);
                fake_pcsc_lock();
        }
        assert_int_equal(fake.plugs_known, fake.plugs);
        fake_pcsc_unlock();
}

/* The table is torn while another context reads it: one empty list is none. */
static void test_torn_list(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        uint32_t before = await(r, is_ready).events;
        fake_pcsc_lock();
        const int lists = fake.lists;
        fake.torn_lists = 1;
        fake.readers[0].mute = true; /* an event, so that a round begins */
        fake_pcsc_moved();
        fake_pcsc_unlock();
        int64_t deadline = cw_deadline_ns(SOON_MS);
        while ((fake.torn_lists > 0 || fake.lists < lists + 2) && cw_deadline_left_ms(deadline) > 0)
                pause_ms(5);
        struct cw_card_reader_state s;
        cw_card_reader_get(r, &s);
        assert_true(s.present);
        assert_int_equal(s.events, before);
}

/* The same name, another device: the connection itself is asked, and the right one is found again. */
static void test_names_move(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("serial:SN1");
        struct cw_card_channel *c = NULL;
        struct cw_fault f = {0};
        (void)await(r, is_ready);
        fake_pcsc_lock();
        fake.readers[1] = fake.readers[0];
        (void)snprintf(fake.readers[1].name, sizeof fake.readers[1].name, "fake 01 00");
        (void)snprintf(fake.readers[0].serial, sizeof fake.readers[0].serial, "SN2");
        fake_pcsc_unlock();
        assert_fails(cw_card_reader_connect(r, SOON_MS, &c, &f), CW_C_RECONNECT, CW_E_READER_GONE);
        assert_int_equal(fake.readers[0].begins, 0);
        int64_t deadline = cw_deadline_ns(SOON_MS);
        struct cw_card_reader_state s = await(r, is_ready);
        while (strcmp(s.name, "fake 01 00") != 0 && cw_deadline_left_ms(deadline) > 0) {
                pause_ms(5);
                cw_card_reader_get(r, &s);
        }
        assert_string_equal(s.name, "fake 01 00");
        cw_card_close(connected(r));
        assert_int_equal(fake.readers[0].begins, 0);
        assert_int_equal(fake.readers[1].begins, 1);
}

static void test_name_with_another_index(void **state) {
        (void)state;
        (void)snprintf(fake.readers[0].name, sizeof fake.readers[0].name, "fake 07 00");
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        assert_string_equal(await(r, is_ready).name, "fake 07 00");
}

/* State seen is handed back: a wait that always has news would be a busy loop. */
static void test_never_spins(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        (void)await(r, is_ready);
        int64_t began = cw_deadline_ns(0);
        pause_ms(300);
        fake_pcsc_lock();
        int waits = fake.waits;
        fake_pcsc_unlock();
        assert_in_range(waits, 1, 5 + (cw_deadline_ns(0) - began) / 500000000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_another_name, start),
            cmocka_unit_test_setup(test_connect_blocks, start),
            cmocka_unit_test_setup(test_transmit_blocks, start),
            cmocka_unit_test_setup(test_work_while_transmit_blocks, start),
            cmocka_unit_test_setup(test_control_blocks, start),
            cmocka_unit_test_setup(test_question_blocks, start),
            cmocka_unit_test_setup(test_success_with_nothing, start),
            cmocka_unit_test_setup(test_half_a_status_word, start),
            cmocka_unit_test_setup(test_pulled_in_a_command, start),
            cmocka_unit_test_setup(test_room_for_any_answer, start),
            cmocka_unit_test_setup(test_pcscd_dies, start),
            cmocka_unit_test_setup(test_backs_off, start),
            cmocka_unit_test_setup(test_polkit_is_named, start),
            cmocka_unit_test_setup(test_ours_for_the_whole_card, start),
            cmocka_unit_test_setup(test_connects_twice, start),
            cmocka_unit_test_setup(test_another_program_has_the_card, start),
            cmocka_unit_test_setup(test_another_program_resets_the_card, start),
            cmocka_unit_test_setup(test_a_powered_down_card_is_a_reset_one, start),
            cmocka_unit_test_setup(test_reset_before_the_transaction, start),
            cmocka_unit_test_setup(test_state_is_stale, start),
            cmocka_unit_test_setup(test_swapped_before_a_command, start),
            cmocka_unit_test_setup(test_swapped_before_a_reset, start),
            cmocka_unit_test_setup(test_late_count_is_no_swap, start),
            cmocka_unit_test_setup(test_swapped_between_two_looks, start),
            cmocka_unit_test_setup(test_mute_card, start),
            cmocka_unit_test_setup(test_reader_appears_unseen, start),
            cmocka_unit_test_setup(test_count_of_readers_is_handed_back, start),
            cmocka_unit_test_setup(test_torn_list, start),
            cmocka_unit_test_setup(test_names_move, start),
            cmocka_unit_test_setup(test_name_with_another_index, start),
            cmocka_unit_test_setup(test_never_spins, start),
        };
        return cmocka_run_group_tests_name("reader traps", tests, NULL, NULL);
}
