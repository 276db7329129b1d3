/* SPDX-License-Identifier: Apache-2.0 */
/* The pad in memory (bytes in, bytes out, time given), the published DUKPT values, and the real program on
 * its port. */
#include "dukpt.h"
#include "pad.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define BDK "0123456789ABCDEFFEDCBA9876543210"
#define IKSN "FFFF9876543210E00000"
#define ACCOUNT "4012345678909"
#define Z62                                                                                                  \
        "Z62." ACCOUNT "\x1c"                                                                                \
        "0404N"                                                                                              \
        "ENTER NEW PIN\x1c\x1cPLEASE WAIT\x1c"                                                               \
        "2"
#define BLOCK_1 "7109876543210E000011B9C1845EB993A7A"
#define BLOCK_2 "7109876543210E0000210A01C8D02C69107"

struct line {
        struct emud_config cfg;
        struct emud_pad pad;
        uint8_t out[2048];
        size_t len;
        int64_t now;
        bool unplugged;
};

static void collect(void *ctx, const uint8_t *p, size_t len) {
        struct line *l = ctx;

        assert_true(l->len + len <= sizeof l->out);
        memcpy(l->out + l->len, p, len);
        l->len += len;
}

static void unplugged(void *ctx) {
        struct line *l = ctx;

        l->unplugged = true;
}

static size_t unhex(const char *text, uint8_t *out, size_t cap) {
        size_t n = 0;

        assert_true(cw_hex_decode(text, strlen(text), out, cap, &n));
        return n;
}

static void start(struct line *l) {
        uint8_t iksn[10];
        char err[100];

        *l = (struct line){.cfg = {.final_eot = true, .ack_timeout_ms = 15000, .serial = "2468804010012345"},
                           .now = 1000};
        (void)unhex(BDK, l->cfg.bdk, 16);
        (void)unhex(IKSN, iksn, sizeof iksn);
        assert_true(emud_pad_init(&l->pad, &l->cfg, iksn, err, sizeof err));
        l->pad.send = collect;
        l->pad.unplug = unplugged;
        l->pad.ctx = l;
}

static void script(struct line *l, const char *json) {
        char err[160];
        json_t *j = json_loads(json, 0, NULL);

        if (!emud_customer_add(&l->pad.customer, j, err, sizeof err))
                fail_msg("%s", err);
        json_decref(j);
}

static void put(struct line *l, const void *p, size_t len) {
        l->len = 0;
        emud_pad_bytes(&l->pad, l->now, p, len);
}

static void put_frame(struct line *l, uint8_t kind, const char *payload) {
        uint8_t frame[EMUD_FRAME_MAX];
        size_t n = emud_frame_make(kind, payload, strlen(payload), frame);

        put(l, frame, n);
}

static void later(struct line *l, int64_t ms) {
        l->len = 0;
        l->now += ms;
        emud_pad_tick(&l->pad, l->now);
}

/* What came out: "A" ACK, "N" NAK, "E" EOT, frames as {payload}, damaged ones as {!}. */
static const char *seen(struct line *l) {
        static char text[1024];
        struct emud_parser p = {.where = EMUD_OUTSIDE};
        size_t n = 0;

        for (size_t i = 0; i < l->len; i++) {
                switch (emud_parser_byte(&p, l->out[i])) {
                case EMUD_EV_FRAME:
                        n += (size_t)snprintf(text + n, sizeof text - n, "{%s}", p.payload);
                        break;
                case EMUD_EV_CONTROL:
                        text[n++] = p.control == EMUD_ACK ? 'A' : p.control == EMUD_NAK ? 'N' : 'E';
                        break;
                case EMUD_EV_NONE:
                        break;
                default:
                        n += (size_t)snprintf(text + n, sizeof text - n, "{!}");
                }
        }
        text[n] = '\0';
        l->len = 0;
        return text;
}

static void expect_violations(struct line *l, size_t count) {
        if (json_array_size(l->pad.violations) != count)
                fail_msg("%zu violations: %s", count, json_dumps(l->pad.violations, 0));
}

static void test_dukpt_vectors(void **state) {
        static const struct {
                const char *tail, *key, *block;
        } v[] = {{"E00001", "042666B49184CFA368DE9628D0397BC9", "1B9C1845EB993A7A"},
                 {"E00002", "C46551CEF9FD24B0AA9AD834130D3BC7", "10A01C8D02C69107"},
                 {"E00003", "0DF3D9422ACA56E547676D07AD6BADFA", "18DC07B94797B466"},
                 {"E00015", "E161D1956A61F6D2F37AFD7F9CC3699A", "72105C22EBC791E6"},
                 {"EFF800", "F9CDFEBF4F5B1D9EB3EC12454527E176", "33365F5CC6F23C35"},
                 {"EFFC00", "F9430DF975082491C77BE4EF4FDB91EE", "DEFC6F09F8927B71"},
                 {"F00000", "AA4D58DB653EC74A48C75F2F047DD2B5", "73EC88AD0AC5830E"}};
        uint8_t bdk[16], ksn[10], got[16], want[16], block[8];
        char text[21];

        (void)state;
        (void)unhex(BDK, bdk, sizeof bdk);
        assert_true(emud_pin_block("1234", ACCOUNT, block));
        (void)unhex("041274EDCBA9876F", want, 8);
        assert_memory_equal(block, want, 8);
        for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
                (void)snprintf(text, sizeof text, "FFFF9876543210%s", v[i].tail);
                (void)unhex(text, ksn, sizeof ksn);
                (void)unhex(v[i].key, want, 16);
                assert_true(emud_transaction_key(bdk, ksn, got));
                assert_memory_equal(got, want, 16);
                (void)unhex(v[i].block, want, 8);
                assert_true(emud_encipher(bdk, ksn, block, got));
                assert_memory_equal(got, want, 8);
        }
}

static void test_pin_blocks(void **state) {
        static const struct {
                const char *pin, *pan, *block;
        } v[] = {{"1234", "5555555551234567", "041261AAAAEDCBA9"},
                 {"123456789", "5555555551234567", "091261032D8DCBA9"},
                 {"123456789012", "5555555551234567", "0C1261032D8226A9"},
                 {"92389", "4000001234562", "0592789FFFEDCBA9"},
                 {"1234", "43219876543210987", "0412AC89ABCDEF67"}};
        uint8_t block[8], want[8];

        (void)state;
        for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
                assert_true(emud_pin_block(v[i].pin, v[i].pan, block));
                (void)unhex(v[i].block, want, 8);
                assert_memory_equal(block, want, 8);
        }
        assert_false(emud_pin_block("123", ACCOUNT, block));
}

static void test_counter(void **state) {
        (void)state;
        assert_int_equal(emud_counter_next(0), 1);
        assert_int_equal(emud_counter_next(0x3ff), 0x400); /* ten ones are allowed ... */
        assert_int_equal(emud_counter_next(0x7fe), 0x800); /* ... eleven are skipped */
        assert_int_equal(emud_counter_next(0xffc00), 0x100000);
        assert_int_equal(emud_counter_next(0x1ff800), 0);
}

static void test_two_pins(void **state) {
        struct line l;

        (void)state;
        start(&l);
        script(&l, "[{\"pin\":\"1234\"},{\"pin\":\"1234\"}]");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A{" BLOCK_1 "}");
        put(&l, "\x06", 1);
        assert_string_equal(seen(&l), "E");
        assert_string_equal(l.pad.display, "PLEASE WAIT");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A{" BLOCK_2 "}");
        put(&l, "\x06", 1);
        assert_int_equal(json_array_size(l.pad.prompts), 2);
        expect_violations(&l, 0);
        emud_pad_done(&l.pad);
}

static void test_customer_does_not_finish(void **state) {
        struct line l;

        (void)state;
        start(&l);
        script(&l, "[{\"cancel\":true},{\"timeout\":true}]");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "AE");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "AE");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A");
        later(&l, 59000);
        assert_string_equal(seen(&l), "");
        later(&l, 1000);
        assert_string_equal(seen(&l), "E");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A");
        put_frame(&l, EMUD_STX, "72");
        assert_string_equal(seen(&l), "E");
        put_frame(&l, EMUD_STX, "72");
        assert_string_equal(seen(&l), "A");
        assert_int_equal(emud_ksn_counter(l.pad.ksn), 0);
        expect_violations(&l, 0);
        emud_pad_done(&l.pad);
}

static void test_wrong_lengths(void **state) {
        struct line l;

        (void)state;
        start(&l);
        script(&l, "[{\"pin\":\"12\"},{\"pin\":\"\"},{\"pin\":\"12345\"}]");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A{" BLOCK_1 "}"); /* fifth digit dropped */
        assert_int_equal(l.pad.beeps, 3);
        put(&l, "\x06", 1);
        script(&l, "[{\"pin\":\"\"}]");
        put_frame(&l, EMUD_STX,
                  "Z62." ACCOUNT "\x1c"
                  "0004YNEW PIN\x1c\x1c");
        assert_string_equal(seen(&l), "A{710}");
        emud_pad_done(&l.pad);
}

/* Requests that are wrong in one place. */
static const struct {
        const char *packet, *answer;
} bad_requests[] = {{"Z62."
                     "1234567"
                     "\x1c"
                     "0404NP\x1c\x1c",
                     "A{712}"},
                    {"Z62."
                     "\x1c"
                     "0404NP\x1c\x1c",
                     "A{712}"},
                    {"Z62."
                     "40123456789O9"
                     "\x1c"
                     "0404NP\x1c\x1c",
                     "A{712}"},
                    {"Z62."
                     "12345678901234567890"
                     "\x1c"
                     "0404NP\x1c\x1c",
                     "A{712}"},
                    {"Z62" ACCOUNT "\x1c"
                     "0404NP\x1c\x1c",
                     "A{712}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0304NP\x1c\x1c",
                     "A{718}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0413NP\x1c\x1c",
                     "A{718}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0604NP\x1c\x1c",
                     "A{718}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0404XP\x1c\x1c",
                     "A{718}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0404N\x1c\x1c",
                     "A{718}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0404NP\x1c",
                     "A{718}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0404NSEVENTEEN LETTERS\x1c\x1c",
                     "A{718}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0404NP\x1c\x1c\x1c"
                     "0",
                     "A{716}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0404NP\x1c\x1c\x1c"
                     "22",
                     "A{716}"},
                    {"Z62." ACCOUNT "\x1c"
                     "0000000000000000"
                     "0404NP\x1c\x1c",
                     "A{718}"}};

static void test_refused_requests(void **state) {
        struct line l;

        (void)state;
        start(&l);
        for (size_t i = 0; i < sizeof bad_requests / sizeof bad_requests[0]; i++) {
                put_frame(&l, EMUD_STX, bad_requests[i].packet);
                const char *got = seen(&l);
                if (strcmp(got, bad_requests[i].answer) != 0)
                        fail_msg("request %zu: %s", i, got);
                put(&l, "\x06", 1);
                expect_violations(&l, i + 1);
        }
        emud_pad_done(&l.pad);
}

static void test_key_field(void **state) {
        struct line l;

        (void)state;
        start(&l);
        l.cfg.key_field = EMUD_KEY_ZEROS;
        put_frame(&l, EMUD_STX,
                  "Z62." ACCOUNT "\x1c"
                  "0000000000000000"
                  "0404NP\x1c\x1c");
        assert_string_equal(seen(&l), "A");
        put_frame(&l, EMUD_STX, "72");
        l.cfg.key_field = EMUD_KEY_WORDS;
        put_frame(&l, EMUD_STX,
                  "Z62." ACCOUNT "\x1c"
                  "DUKPT ENCRYPTION"
                  "0404NP\x1c\x1c");
        assert_string_equal(seen(&l), "A");
        put_frame(&l, EMUD_STX, "72");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A{718}");
        emud_pad_done(&l.pad);
}

static void test_link_layer(void **state) {
        struct line l;

        (void)state;
        start(&l);
        for (unsigned i = 0; i < 3; i++) {
                put(&l, "\x02Z1\x03\x69", 5);
                assert_string_equal(seen(&l), "N");
        }
        put(&l, "\x02Z1\x03\x69", 5);
        assert_string_equal(seen(&l), "E");
        put(&l, "\x02Z1\x03\x68", 5);
        assert_string_equal(seen(&l), "A");
        expect_violations(&l, 4);
        put(&l, "\x02Z", 2);
        later(&l, 1000);
        put(&l, "1\x03\x68", 3);
        expect_violations(&l, 8); /* cut off, three stray bytes */
        put(&l, "\x06", 1);
        expect_violations(&l, 9);
        put(&l, "\x04", 1);
        expect_violations(&l, 9);
        put(&l, "\x02Z\xb1\x03\xe8", 5);
        assert_string_equal(seen(&l), "N");
        emud_pad_done(&l.pad);
}

static void test_answer_repeats(void **state) {
        struct line l;

        (void)state;
        start(&l);
        script(&l, "[{\"garble_lrc\":1,\"pin\":\"1234\"},{\"pin\":\"1234\"}]");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A{!}");
        put(&l, "\x15", 1);
        assert_string_equal(seen(&l), "{" BLOCK_1 "}");
        put(&l, "\x06", 1);
        assert_string_equal(seen(&l), "E");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A{" BLOCK_2 "}");
        for (unsigned i = 0; i < 3; i++) {
                later(&l, 15000);
                assert_string_equal(seen(&l), "{" BLOCK_2 "}");
        }
        later(&l, 15000);
        assert_string_equal(seen(&l), "E");
        expect_violations(&l, 1);
        emud_pad_done(&l.pad);
}

static void test_other_packets(void **state) {
        struct line l;

        (void)state;
        start(&l);
        put_frame(&l, EMUD_SI, "06");
        assert_string_equal(seen(&l), "A{062468804010012345}");
        put(&l, "\x06", 1);
        assert_string_equal(seen(&l), "E");
        put_frame(&l, EMUD_SI, "11");
        assert_string_equal(seen(&l), "AE");
        put_frame(&l, EMUD_SI, "134");
        assert_string_equal(seen(&l), "AE");
        put_frame(&l, EMUD_STX, "Z2\x1aWELCOME");
        assert_string_equal(seen(&l), "A");
        assert_string_equal(l.pad.display, "WELCOME");
        put_frame(&l, EMUD_STX,
                  "Z32\x1aINSERT\x1c"
                  "CARD");
        assert_string_equal(seen(&l), "A");
        put_frame(&l, EMUD_STX, "Z60." ACCOUNT);
        assert_string_equal(seen(&l), "A");
        put_frame(&l, EMUD_STX, "Z1");
        assert_string_equal(seen(&l), ""); /* only 72 is heard during entry */
        expect_violations(&l, 1);
        put_frame(&l, EMUD_STX, "72");
        put_frame(&l, EMUD_STX,
                  "Z33\x1aINSERT\x1c"
                  "CARD");
        assert_string_equal(seen(&l), "AE");
        put_frame(&l, EMUD_STX, "90");
        assert_string_equal(seen(&l), "AE");
        put_frame(&l, EMUD_SI, "087");
        assert_string_equal(seen(&l), "AE");
        expect_violations(&l, 4);
        emud_pad_done(&l.pad);
}

static void test_unplug_and_delay(void **state) {
        struct line l;

        (void)state;
        start(&l);
        script(&l, "[{\"pin\":\"1234\",\"delay_ms\":300},{\"unplug\":true}]");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A");
        assert_int_equal(emud_pad_timeout_ms(&l.pad, l.now), 300);
        later(&l, 299);
        assert_string_equal(seen(&l), "");
        later(&l, 1);
        assert_string_equal(seen(&l), "{" BLOCK_1 "}");
        put(&l, "\x06", 1);
        put_frame(&l, EMUD_STX, Z62);
        assert_true(l.unplugged);
        emud_pad_done(&l.pad);
}

static void test_counter_used_up(void **state) {
        struct line l;

        (void)state;
        start(&l);
        emud_ksn_set_counter(l.pad.ksn, 0x1ff800);
        script(&l, "[{\"pin\":\"1234\"}]");
        put_frame(&l, EMUD_STX, Z62);
        assert_string_equal(seen(&l), "A{716}");
        emud_pad_done(&l.pad);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_dukpt_vectors),
            cmocka_unit_test(test_pin_blocks),
            cmocka_unit_test(test_counter),
            cmocka_unit_test(test_two_pins),
            cmocka_unit_test(test_customer_does_not_finish),
            cmocka_unit_test(test_wrong_lengths),
            cmocka_unit_test(test_refused_requests),
            cmocka_unit_test(test_key_field),
            cmocka_unit_test(test_link_layer),
            cmocka_unit_test(test_answer_repeats),
            cmocka_unit_test(test_other_packets),
            cmocka_unit_test(test_unplug_and_delay),
            cmocka_unit_test(test_counter_used_up),

        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
