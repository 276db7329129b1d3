/* SPDX-License-Identifier: Apache-2.0 */
/* A command laid behind the one under way: when the worker sends it by itself, and when never. */
#include "test_reader_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t second_command[] = {0x84, 0xe2, 0x00, 0x01, 0x01, 0x55};

static void lay_behind(void *ctx) {
        cw_card_behind(ctx, CW_SPAN(second_command, sizeof second_command));
        fake_pcsc_release(); /* the first one hung until there was one behind it */
}

static cw_rc ask_with_one_behind(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f) {
        FAKE_SET(answers[0].hangs, true);
        cw_card_meanwhile(c, lay_behind, c);
        return ask(c, timeout_ms, f);
}

static cw_rc ask_second(struct cw_card_channel *c, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        return cw_card_exchange(c, CW_SPAN(second_command, sizeof second_command), SOON_MS, &r, f);
}

static size_t transmits(void) {
        fake_pcsc_lock();
        size_t n = fake.transmits;
        fake_pcsc_unlock();
        return n;
}

static void await_transmits(size_t n) {
        int64_t deadline = cw_deadline_ns(SOON_MS);
        for (; transmits() < n; pause_ms(1))
                assert_true(cw_deadline_left_ms(deadline) > 0);
}

static void test_behind_goes_by_itself(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        assert_int_equal(ask_with_one_behind(c, SOON_MS, &f), CW_OK);
        await_transmits(2);
        assert_int_equal(ask_second(c, &f), CW_OK);
        assert_int_equal(transmits(), 2);
        assert_int_equal(ask(c, SOON_MS, &f), CW_OK);
        assert_int_equal(transmits(), 3);
}

/* Refused, more to fetch, lost, half an answer, one too long: the card gets nothing that its caller did not
 * send. */
static void test_behind_only_after_9000(void **state) {
        (void)state;
        static char longer[2 * (CW_APDU_PART_MAX + 1) + 1];
        memset(longer, '0', sizeof longer - 1);
        memcpy(longer + sizeof longer - 5, "9000", 4);
        const struct fake_answer bad[] = {{.hex = longer},
                                          {.hex = "6985"},
                                          {.hex = "6310"},
                                          {.hex = "009090"},
                                          {.hex = NULL},
                                          {.hex = "00"},
                                          {.hex = "9000", .rv = SCARD_W_REMOVED_CARD}};
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct cw_card_channel *c = connected(r);
                struct cw_fault f = {0};
                FAKE_SET(released, false);
                FAKE_SET(answers[0], bad[i]);
                (void)ask_with_one_behind(c, SOON_MS, &f);
                cw_card_close(c); /* joins the worker: what it would have sent, it has sent */
                assert_int_equal(transmits(), i + 1);
        }
}

/* It is what the caller sends next, or the connection is over: the card's answer would be taken for another.
 */
static void test_behind_is_the_next(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        assert_int_equal(ask_with_one_behind(c, SOON_MS, &f), CW_OK);
        assert_fails(ask(c, SOON_MS, &f), CW_C_RECONNECT, CW_E_CLOSED);
        assert_fails(ask_second(c, &f), CW_C_RECONNECT, CW_E_CLOSED);
        await_transmits(2);
}

static void lay_third(void *ctx) {
        static const uint8_t third_command[] = {0x84, 0xe2, 0x80, 0x02, 0x01, 0x66};
        cw_card_behind(ctx, CW_SPAN(third_command, sizeof third_command));
}

/* Behind one whose answer nobody waits for nothing is laid, though the card is at work on it. */
static void test_nothing_behind_one_not_asked_for(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        CW_AUTO_RAPDU struct cw_rapdu no = {0};
        FAKE_SET(answers[1].hex, "9000");
        FAKE_SET(answers[1].releases, 2);
        FAKE_SET(answer_count, 2);
        assert_int_equal(ask_with_one_behind(c, SOON_MS, &f), CW_OK);
        await_transmits(2);
        cw_card_meanwhile(c, lay_third, c); /* no command: the one under way is not what was to be sent */
        assert_int_equal(cw_rc_class(cw_card_exchange(c, CW_SPAN(second_command, 3), SOON_MS, &no, &f)),
                         CW_C_REJECT);
        lay_third(c);
        fake_pcsc_release();
        cw_card_close(c);
        assert_int_equal(transmits(), 2);
}

/* Nobody fetches its answer: a reset, as a close, waits until the card is free. */
static void test_reset_behind_it(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        CW_AUTO(cw_card_close) struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        assert_int_equal(ask_with_one_behind(c, SOON_MS, &f), CW_OK);
        assert_int_equal(c->ops->reset(c, SOON_MS, &f), CW_OK);
        assert_int_equal(transmits(), 2);
        assert_int_equal(ask(c, SOON_MS, &f), CW_OK);
        assert_int_equal(transmits(), 3);
}

static void lay_behind_and_leave(void *ctx) {
        cw_card_behind(ctx, CW_SPAN(second_command, sizeof second_command));
}

/* Given up on: the first comes back late with a 9000, and still nothing follows it. */
static void test_nothing_behind_one_given_up(void **state) {
        (void)state;
        CW_AUTO(cw_card_reader_close) struct cw_card_reader *r = open_reader("fake");
        struct cw_card_channel *c = connected(r);
        struct cw_fault f = {0};
        FAKE_SET(answers[0].hangs, true);
        cw_card_meanwhile(c, lay_behind_and_leave, c);
        assert_fails(ask(c, SHORT_MS, &f), CW_C_RECONNECT, CW_E_READER_STUCK);
        cw_card_close(c);
        fake_pcsc_release();
        (void)await(r, is_free);
        assert_int_equal(transmits(), 1);
        assert_false(fake.readers[0].powered);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_behind_goes_by_itself, start),
            cmocka_unit_test_setup(test_behind_only_after_9000, start),
            cmocka_unit_test_setup(test_behind_is_the_next, start),
            cmocka_unit_test_setup(test_nothing_behind_one_not_asked_for, start),
            cmocka_unit_test_setup(test_reset_behind_it, start),
            cmocka_unit_test_setup(test_nothing_behind_one_given_up, start),
        };
        return cmocka_run_group_tests_name("reader behind", tests, NULL, NULL);
}
