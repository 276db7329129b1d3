/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes through the secure channel, one command laid behind the other: an accident at each of them, over
 * a channel that sends what lies behind at once, one where it always comes too late, and one that cannot.
 * hsmd and the card are this file; what the card got is what counts.
 */
#include "base/failpoint.h"
#include "drivers/chip/perso_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GROUPINGS 4u
#define TOTAL (GROUPINGS + 2u) /* behind INSTALL [for install] and INSTALL [for personalization] */
#define MAC 8u
#define LONG_DATA 300u

enum accident { NONE, LOST, REFUSED, FALSE_MAC, HSM_GONE, HSM_LATE, HALTED, TOO_LONG };
enum behind { AT_ONCE, TOO_LATE, NEVER };

static struct world {
        struct cw_card_channel channel;
        enum accident accident;
        unsigned at;      /* number of the command it befalls */
        unsigned lost_at; /* another one, whose answer is lost besides; 0: none */
        enum behind behind;
        bool macs;     /* answers have an R-MAC, and are looked at */
        bool hsm_over; /* a call failed: no other may be made */
        unsigned got, checked, hits, wraps;
        int more_wrapped; /* commands too many in the answer to this call of gp.wrap, else 0 */
        unsigned more_at;
        uint8_t seen[TOTAL + 2][CW_APDU_COMMAND_MAX];
        size_t seen_len[TOTAL + 2];
        uint8_t laid[CW_APDU_COMMAND_MAX];
        size_t laid_len;
        bool ahead; /* the command seen last was laid behind, and nobody fetched its answer yet */
} world;

/* ---- hsmd ---- */

cw_rc __wrap_cw_hsm_session_gp_wrap(struct cw_hsm_session *s, const void *items, size_t len,
                                    struct cw_secret **ret_items, struct cw_fault *f);
cw_rc __wrap_cw_hsm_session_gp_unwrap(struct cw_hsm_session *s, const void *rapdu, size_t len,
                                      struct cw_secret **ret_data, struct cw_fault *f);

/* Of the check of an answer: hsmd says that it is false, dies, or does not answer in time. */
static bool is_of_hsm(enum accident accident) {
        return accident == FALSE_MAC || accident == HSM_GONE || accident == HSM_LATE;
}

static void put_wrapped(struct cw_writer *w, struct cw_span plain) {
        uint8_t command[CW_APDU_COMMAND_MAX];
        memcpy(command, plain.ptr, plain.len);
        command[0] |= 0x04;
        cw_put_item(w, command, plain.len);
}

cw_rc __wrap_cw_hsm_session_gp_wrap(struct cw_hsm_session *s, const void *items, size_t len,
                                    struct cw_secret **ret_items, struct cw_fault *f) {
        struct cw_secret *out = NULL;
        struct cw_reader r;
        struct cw_writer w;
        (void)s, (void)f;
        assert_false(world.hsm_over);
        assert_int_equal(cw_secret_new(2 * len, &out), CW_OK);
        cw_reader_init(&r, items, len);
        cw_writer_init(&w, out->ptr, out->cap);
        int more = ++world.wraps == world.more_at ? world.more_wrapped : 0;
        while (r.left > 0) {
                struct cw_span plain = cw_get_item(&r);
                if (r.left > 0 || more >= 0)
                        put_wrapped(&w, plain);
                if (r.left == 0 && more > 0)
                        put_wrapped(&w, plain);
        }
        assert_false(r.bad || w.bad);
        out->len = w.len;
        *ret_items = out;
        return CW_OK;
}

cw_rc __wrap_cw_hsm_session_gp_unwrap(struct cw_hsm_session *s, const void *rapdu, size_t len,
                                      struct cw_secret **ret_data, struct cw_fault *f) {
        (void)s, (void)rapdu;
        assert_int_equal(len, MAC + 2);
        assert_false(world.hsm_over);
        world.checked++;
        world.hsm_over = world.at == world.checked && is_of_hsm(world.accident);
        if (world.at == world.checked && world.accident == FALSE_MAC)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm", "", "false");
        if (world.at == world.checked && world.accident == HSM_GONE)
                return cw_fail(f, CW_RC(CW_L_IPC, CW_C_RECONNECT, CW_E_CLOSED), 0, "hsm", "", "gone");
        if (world.at == world.checked && world.accident == HSM_LATE)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT), 0, "hsm", "", "late");
        return cw_secret_new(1, ret_data);
}

/* The failpoint before each command. */
bool cw_failpoint_hit(const char *site) {
        assert_string_equal(site, "station.store.before");
        world.hits++;
        return world.accident == HALTED && world.hits == world.at;
}

/* ---- the card ---- */

static void card_gets(struct cw_span command) {
        assert_true(world.got < TOTAL);
        for (unsigned i = 0; i < world.got; i++)
                assert_false(world.seen_len[i] == command.len &&
                             memcmp(world.seen[i], command.ptr, command.len) == 0);
        memcpy(world.seen[world.got], command.ptr, command.len);
        world.seen_len[world.got++] = command.len;
        /* All answers but the one before are checked by now, and every one was good. */
        assert_true(!world.macs || world.checked + 2 >= world.got);
        bool befell = world.accident != NONE && world.accident != HALTED && world.checked >= world.at;
        assert_false(befell);
}

static bool befalls(enum accident accident) {
        return world.accident == accident && world.got == world.at;
}

static cw_rc answer(uint8_t *ret, size_t *ret_len, struct cw_fault *f) {
        size_t data = befalls(TOO_LONG) ? LONG_DATA : MAC;
        if (befalls(LOST) || world.got == world.lost_at)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_IO), 0, "card", "", "lost");
        memset(ret, 0x5a, data);
        memcpy(ret + data, befalls(REFUSED) ? "\x6a\x80" : "\x90\x00", 2);
        *ret_len = data + 2;
        return CW_OK;
}

/* ---- the channel ---- */

static cw_rc transmit(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms, uint8_t *ret,
                      size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        (void)timeout_ms;
        assert_true(ret_cap >= LONG_DATA + 2);
        if (world.ahead) {
                assert_int_equal(command.len, world.seen_len[world.got - 1]);
                assert_memory_equal(command.ptr, world.seen[world.got - 1], command.len);
        } else
                card_gets(command);
        world.ahead = false;
        world.laid_len = 0;
        cw_card_run_meanwhile(c);
        cw_rc rc = answer(ret, ret_len, f);
        if (rc == CW_OK && world.laid_len > 0 && ret[*ret_len - 2] == 0x90) {
                world.ahead = true;
                card_gets(CW_SPAN(world.laid, world.laid_len));
        }
        return rc;
}

static void behind(struct cw_card_channel *c, struct cw_span command) {
        (void)c;
        assert_int_equal(world.laid_len, 0);
        if (world.behind == TOO_LATE)
                return;
        memcpy(world.laid, command.ptr, command.len);
        world.laid_len = command.len;
}

static const struct cw_card_channel_ops able = {.transmit = transmit, .behind = behind},
                                        unable = {.transmit = transmit};

/* ---- the job ---- */

static cw_rc run(uint8_t level, struct cw_perso_result *ret) {
        static const uint8_t value[] = {1, 2, 3};
        static const struct cw_profile_dgi rules[GROUPINGS] = {
            {.id = 0x0101}, {.id = 0x0102}, {.id = 0x0103}, {.id = 0x0104}};
        struct cw_profile profile = {
            .flow = CW_FLOW_SECURITY_DOMAIN, .has_install = true, .p1_last = 0x80, .chunk = 239};
        const struct cw_aid aid = {.len = 7, .bytes = {0xa0, 0, 0, 0, 0, 0, 1}};
        profile.aid = profile.install.package = profile.install.class_aid = profile.install.instance = aid;
        profile.install.privileges_len = 1;
        struct cw_perso_data data = {.profile = &profile, .count = GROUPINGS};
        for (size_t i = 0; i < GROUPINGS; i++)
                data.dgi[i] = (struct cw_perso_dgi){.rule = &rules[i], .value = CW_SPAN(value, sizeof value)};
        const struct cw_perso_plan plan = {.data = &data, .apdu_timeout_ms = 1000};
        struct cw_fault f = {0};
        struct cw_perso p = {.channel = &world.channel,
                             .plan = &plan,
                             .result = ret,
                             .answer = {.scp = 3},
                             .domain = {.max_data = CW_GP_DATA_MAX},
                             .level = level};
        *ret = (struct cw_perso_result){.key_tried = true};
        world.macs = level & CW_LEVEL_RMAC;
        world.channel.ops = world.behind == NEVER ? &unable : &able;
        return cw_perso_store(&p, &f);
}

static cw_rc befall(enum accident accident, unsigned at, enum behind how, struct cw_perso_result *ret) {
        world = (struct world){.accident = accident, .at = at, .behind = how};
        return run(CW_LEVEL_CMAC | CW_LEVEL_RMAC, ret);
}

static void test_all_is_well(void **state) {
        (void)state;
        for (enum behind how = AT_ONCE; how <= NEVER; how++) {
                struct cw_perso_result r;
                assert_int_equal(befall(NONE, 0, how, &r), CW_OK);
                assert_int_equal(world.got, TOTAL);
                assert_int_equal(world.checked, TOTAL);
                assert_int_equal(world.hits, TOTAL); /* the failpoint, once before each */
                assert_int_equal(r.sent, TOTAL);
                assert_true(r.last_sent);
                world = (struct world){.behind = how};
                assert_int_equal(run(CW_LEVEL_CMAC, &r), CW_OK);
                assert_int_equal(world.got, TOTAL);
                assert_int_equal(world.checked, 0);
        }
}

/* How many commands the card got when the accident befell one. */
static unsigned should_get(enum accident accident, unsigned at) {
        if (accident == HALTED)
                return at - 1;
        return is_of_hsm(accident) && at < TOTAL ? at + 1 : at;
}

/* The card gets nothing behind it, and what is said of it is what it got. */
static void test_accident_at_each_command(void **state) {
        (void)state;
        for (enum accident accident = LOST; accident <= HALTED; accident++)
                for (unsigned at = 1; at <= TOTAL; at++)
                        for (enum behind how = AT_ONCE; how <= NEVER; how++) {
                                struct cw_perso_result r;
                                cw_rc rc = befall(accident, at, how, &r);
                                assert_int_not_equal(rc, CW_OK);
                                assert_int_equal(world.got, should_get(accident, at));
                                assert_int_equal(r.sent, world.got);
                                assert_int_equal(r.last_sent, world.got == TOTAL);
                                assert_int_equal(cw_perso_in_doubt(rc, &r), accident == LOST && at == TOTAL);
                        }
}

/*
 * hsmd fails at one answer while the next one is lost. A false answer stays one. That hsmd did not look at it
 * says nothing: behind the last command nobody knows, and a person looks; before it the plastic is spoiled.
 */
static void test_hsm_fails_and_the_next_is_lost(void **state) {
        (void)state;
        static const enum accident accidents[] = {FALSE_MAC, HSM_GONE, HSM_LATE};
        for (size_t i = 0; i < sizeof accidents / sizeof accidents[0]; i++)
                for (unsigned at = 1; at < TOTAL; at++)
                        for (enum behind how = AT_ONCE; how <= NEVER; how++) {
                                struct cw_perso_result r;
                                world = (struct world){
                                    .accident = accidents[i], .at = at, .behind = how, .lost_at = at + 1};
                                cw_rc rc = run(CW_LEVEL_CMAC | CW_LEVEL_RMAC, &r);
                                assert_int_not_equal(rc, CW_OK);
                                assert_int_equal(world.got, at + 1);
                                assert_int_equal(r.sent, world.got);
                                assert_int_equal(world.checked, at);
                                assert_int_equal(cw_perso_in_doubt(rc, &r),
                                                 accidents[i] != FALSE_MAC && at + 1 == TOTAL);
                        }
}

/* Longer than any short answer, and with a 9000: a channel that believes it has sent the next one already,
 * and that one counts too. */
static void test_answer_too_long(void **state) {
        (void)state;
        for (unsigned at = 1; at <= TOTAL; at++)
                for (enum behind how = AT_ONCE; how <= NEVER; how++) {
                        struct cw_perso_result r;
                        unsigned more = at < TOTAL ? 1 : 0;
                        assert_int_equal(cw_rc_class(befall(TOO_LONG, at, how, &r)), CW_C_REJECT);
                        assert_int_equal(world.got, at + (how == AT_ONCE ? more : 0));
                        assert_int_equal(r.sent, at + more);
                        assert_int_equal(r.last_sent, r.sent == TOTAL);
                }
}

/* Another number of commands than hsmd was given: nothing of them goes out. */
static void test_wrong_number_is_wrapped(void **state) {
        (void)state;
        for (enum behind how = AT_ONCE; how <= NEVER; how++)
                for (unsigned call = 1; call <= 2; call++)
                        for (int more = -1; more <= 1; more += 2) {
                                struct cw_perso_result r;
                                world = (struct world){.behind = how, .more_wrapped = more, .more_at = call};
                                cw_rc rc = run(CW_LEVEL_CMAC | CW_LEVEL_RMAC, &r);
                                assert_int_equal(rc, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX));
                                assert_int_equal(world.got, call - 1);
                                assert_int_equal(r.sent, world.got);
                        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_all_is_well),
            cmocka_unit_test(test_accident_at_each_command),
            cmocka_unit_test(test_hsm_fails_and_the_next_is_lost),
            cmocka_unit_test(test_answer_too_long),
            cmocka_unit_test(test_wrong_number_is_wrapped),
        };
        return cmocka_run_group_tests_name("chip store", tests, NULL, NULL);
}
