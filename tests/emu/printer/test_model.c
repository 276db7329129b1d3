/* SPDX-License-Identifier: Apache-2.0 */
/* Framing, rasters, stripe and sequences of the emulated printer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_raster.h"
#include "model_stripe.h"
#include "test_bench.h"

enum { K_BYTES = 82296 };

static void raw(struct bench *b, const char *bytes, size_t n) {
        assert_int_equal(emup_model_write(b->m, (const uint8_t *)bytes, n), n);
}

static void test_identity(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Rfv", "1520");
        bench_expect(b, "Rsn", "T1");
        bench_expect(b, "Rtp", "Primacy");
        bench_expect(b, "Rem", "2,0");
        bench_expect(b, "Rrt;count", "100");
        bench_expect(b, "Rse;o", "5,00 Volts");
        bench_expect(b, "Rlr;p", "OK");
        assert_int_equal(bench_state(b, "violations"), 0);
        bench_expect(b, "Zzz", "ERROR CDE");
        assert_int_equal(bench_state(b, "violations"), 1);
}

static void test_framing(void **state) {
        struct bench *b = *state;
        /* Two commands in one write, the second without ESC; then padding; then ESC again. */
        raw(b, "\x1bRfv\rRtp\r\0\0\0\x1bRsn\r", 17);
        assert_string_equal(bench_reply(b), "1520");
        assert_string_equal(bench_reply(b), "Primacy");
        assert_string_equal(bench_reply(b), "T1");
        /* Byte by byte. */
        for (const char *p = "\x1bRfv\r"; *p; p++)
                raw(b, p, 1);
        assert_string_equal(bench_reply(b), "1520");
        assert_string_equal(bench_reply(b), "");
        assert_int_equal(bench_state(b, "violations"), 0);
        /* After padding the ESC must be there. */
        raw(b, "\0Rfv\r\x1bRtp\r", 10);
        assert_string_equal(bench_reply(b), "Primacy");
        assert_int_equal(bench_state(b, "violations"), 1);
        /* ESC inside a command: the first one is lost. */
        raw(b, "\x1bRf\x1bRtp\r", 8);
        assert_string_equal(bench_reply(b), "Primacy");
        assert_int_equal(bench_state(b, "violations"), 2);
}

static void test_other_characters(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Psc;36;44;35", "OK");
        raw(b, "$Rlr,p#", 7);
        assert_string_equal(bench_reply(b), "OK");
        assert_int_equal(bench_state(b, "violations"), 0);
}

static void test_long_command(void **state) {
        struct bench *b = *state;
        char text[700];
        memset(text, 'A', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        bench_expect(b, text, "ERROR CDE");
        bench_expect(b, "Rtp", "Primacy");
        assert_int_equal(bench_state(b, "violations"), 1);
}

/* A raster full of CR and ESC is data, not commands. */
static void test_binary_is_counted(void **state) {
        struct bench *b = *state;
        uint8_t *data = malloc(K_BYTES);
        assert_non_null(data);
        for (size_t i = 0; i < K_BYTES; i++)
                data[i] = i % 2 ? 0x0d : 0x1b;
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Sr", "OK");
        bench_send_raster(b, "Db;k;2;", data, K_BYTES);
        assert_string_equal(bench_reply(b), "OK");
        bench_expect(b, "Se", "OK");
        assert_int_equal(bench_state(b, "violations"), 0);
        assert_int_equal(bench_state(b, "counters.panels"), 1);
        assert_int_equal(bench_state(b, "ribbon.remaining"), 99);
        assert_int_equal(bench_state(b, "output"), 1);
        free(data);
}

static void test_wrong_raster_size(void **state) {
        struct bench *b = *state;
        uint8_t *data = calloc(1, K_BYTES + 1);
        assert_non_null(data);
        bench_expect(b, "Ss", "OK");
        bench_send_raster(b, "Db;k;2;", data, K_BYTES + 1);
        assert_string_equal(bench_reply(b), "ERR DATA");
        assert_int_equal(bench_state(b, "violations"), 1);
        /* One byte short: the CR becomes the last byte and the printer waits for an end that is the next ESC.
         */
        bench_expect(b, "Rtp", "Primacy");
        bench_send_raster(b, "Db;k;2;", data, K_BYTES - 1);
        assert_string_equal(bench_reply(b), "");
        bench_expect(b, "Rtp", "ERR DATA");
        bench_expect(b, "Rtp", "Primacy");
        assert_int_equal(bench_state(b, "violations"), 2);
        /* A header that tells no size. */
        bench_expect(b, "Db;k;3;", "ERR PARAMETER");
        bench_expect(b, "Db;x;2;", "ERR PARAMETER");
        assert_int_equal(bench_state(b, "violations"), 4);
        free(data);
}

static void test_raster_sizes(void **state) {
        (void)state;
        assert_int_equal(emup_raster_bytes(2, EMUP_LINES), 82296);
        assert_int_equal(emup_raster_bytes(32, EMUP_LINES), 411480);
        assert_int_equal(emup_raster_bytes(64, EMUP_LINES), 493776);
        assert_int_equal(emup_raster_bytes(128, EMUP_LINES), 576072);
        assert_int_equal(emup_raster_bytes(256, EMUP_LINES), 658368);
        assert_int_equal(emup_raster_bits(100), 0);
}

static void test_unpack(void **state) {
        (void)state;
        static uint8_t px[EMUP_WIDTH];
        uint8_t six[EMUP_WIDTH * 6 / 8] = {0x04, 0x20, 0xc4}; /* 000001 000010 000011 000100 */
        emup_raster_unpack(64, 1, six, px);
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(px[i], i + 1);
        uint8_t one[EMUP_WIDTH / 8] = {0xa0};
        emup_raster_unpack(2, 1, one, px);
        assert_int_equal(px[0] << 2 | px[1] << 1 | px[2], 5);
}

static uint8_t *pixels(void) {
        uint8_t *px = malloc(EMUP_PIXELS);
        assert_non_null(px);
        return px;
}

static void test_expand_black(void **state) {
        (void)state;
        uint8_t *px = pixels(), data[EMUP_LINES + 16];
        size_t n = 0;
        data[n++] = 0xff; /* black line */
        data[n++] = 2;    /* two bytes, rest white */
        data[n++] = 0x80;
        data[n++] = 0x01;
        for (unsigned i = 2; i < EMUP_LINES; i++)
                data[n++] = 0x00;
        assert_null(emup_raster_expand(2, data, n, px));
        assert_int_equal(px[0] + px[EMUP_WIDTH - 1], 2);
        assert_int_equal(px[EMUP_WIDTH] + px[EMUP_WIDTH + 15], 2);
        assert_int_equal(px[EMUP_WIDTH + 1] + px[EMUP_WIDTH + 16] + px[2 * EMUP_WIDTH], 0);
        assert_non_null(emup_raster_expand(2, data, n - 1, px)); /* a line is missing */
        data[n] = 0;
        assert_non_null(emup_raster_expand(2, data, n + 1, px)); /* a line too many */
        data[1] = 82;
        assert_non_null(emup_raster_expand(2, data, n, px)); /* longer than a line */
        free(px);
}

static void test_expand_colour(void **state) {
        (void)state;
        uint8_t *px = pixels(), *all = malloc(8 + 2 * EMUP_LINES);
        assert_non_null(all);
        size_t n = 0;
        all[n++] = 9;               /* one pixel of 9 */
        all[n++] = 0x80 | 0x40 | 5; /* 64 levels: bit 6 adds 256 to the run */
        all[n++] = 4;               /* 260 pixels of 5 */
        all[n++] = 0x80 | 7;
        all[n++] = 0; /* 7 to the end of the line */
        for (unsigned line = 1; line < EMUP_LINES; line++) {
                all[n++] = 0x80 | 3;
                all[n++] = 0;
        }
        assert_null(emup_raster_expand(64, all, n, px));
        assert_int_equal(px[0], 9);
        assert_int_equal(px[1], 5);
        assert_int_equal(px[260], 5);
        assert_int_equal(px[261], 7);
        assert_int_equal(px[EMUP_WIDTH - 1], 7);
        assert_int_equal(px[EMUP_WIDTH], 3);
        assert_int_equal(px[EMUP_PIXELS - 1], 3);
        assert_non_null(emup_raster_expand(64, all, n - 2, px));
        all[0] = 64; /* a value that 64 levels do not have */
        assert_non_null(emup_raster_expand(64, all, n, px));
        assert_non_null(emup_raster_expand(256, all, n, px));
        free(all);
        free(px);
}

static void check_track(unsigned format, const char *text, char lrc, size_t bits, const char *hex) {
        struct emup_track t;
        char back[EMUP_TRACK_TEXT_MAX + 1], got[8] = "";
        assert_int_equal(emup_stripe_encode(format, text, &t), EMUP_STRIPE_OK);
        assert_int_equal(t.lrc, lrc);
        assert_int_equal(t.nbits, bits);
        for (size_t i = 0; i < 3; i++)
                (void)snprintf(got + 2 * i, 3, "%02x", t.bits[i]);
        assert_memory_equal(got, hex, 6);
        assert_true(emup_stripe_decode(&t, back));
        assert_string_equal(back, text);
        t.bits[2] ^= 0x10;
        assert_false(emup_stripe_decode(&t, back));
}

static void test_stripe_vectors(void **state) {
        (void)state;
        struct emup_track t;
        check_track(1, "EVOLISCARDPRINTER", 'B', 140, "a349bf");
        check_track(1, "B4000001234567899^DOE/JANE^29122010000000000000", '>', 350, "a28ca8");
        check_track(2, "123456789", '5', 60, "d41192");
        check_track(2, "4000001234567899=29122010000000000", '>', 185, "d10210");
        check_track(3, "222002", '4', 45, "d21080");
        assert_int_equal(emup_stripe_encode(2, "12345678901234567890123456789012345678", &t),
                         EMUP_STRIPE_LENGTH);
        assert_int_equal(emup_stripe_encode(2, "12A4", &t), EMUP_STRIPE_CHARACTER);
        assert_int_equal(emup_stripe_encode(2, ";1234", &t), EMUP_STRIPE_CHARACTER);
        assert_int_equal(emup_stripe_encode(1, "lower", &t), EMUP_STRIPE_CHARACTER);
        assert_int_equal(emup_stripe_encode(4, "1", &t), EMUP_STRIPE_FORMAT);
}

static void test_stripe_job(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Pmc;h", "OK");
        bench_expect(b, "Pmt;1;1", "OK");
        bench_expect(b, "Pmt;2;2", "OK");
        bench_expect(b, "Smw", "ERR SEQUENCE");
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Smw", "ERR MAG DATA");
        assert_int_equal(bench_state(b, "violations"), 2);
        bench_expect(b, "Dm;1;B4000001234567899^DOE/JANE^2912;X", "OK");
        bench_expect(b, "Dm;2;4000001234567899=2912", "OK");
        bench_expect(b, "Dm;2;4000A", "ERR MAG DATA");
        bench_expect(b, "Smw", "OK");
        bench_expect(b, "Rlr;p", "CARD");
        assert_string_equal(bench_state_text(b, "position"), "mag");
        bench_expect(b, "Smr;1", "B4000001234567899^DOE/JANE^2912;X");
        bench_expect(b, "Smr;2", "4000001234567899=2912");
        bench_expect(b, "Smr;3", "ERR MAG READ");
        assert_int_equal(bench_state(b, "violations"), 3);
}

/* Low coercivity current does not turn a high coercivity stripe. */
static void test_coercivity(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Pmc;l", "OK");
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Dm;2;12345", "OK");
        bench_expect(b, "Smw", "ERR MAG WRITE");
}

static void test_positions(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Sis", "OK");
        assert_int_equal(b->chip_calls, 1);
        assert_non_null(strstr(b->chip_said, "present /"));
        bench_expect(b, "Rlr;p", "SMART CARD");
        bench_expect(b, "Sis", "OK"); /* lifts and lowers the contacts again */
        assert_int_equal(b->chip_calls, 3);
        bench_expect(b, "Sic", "OK");
        assert_string_equal(b->chip_said, "remove");
        bench_expect(b, "Rlr;p", "CONTACTLESS CARD");
        bench_expect(b, "Si", "OK");
        bench_expect(b, "Rlr;p", "CARD");
        bench_expect(b, "Ser", "OK");
        bench_expect(b, "Rlr;p", "OK");
        bench_expect(b, "Ser", "ERR CARD");
        bench_expect(b, "Rco;c", "1");
        assert_int_equal(bench_state(b, "counters.rejected"), 1);
        assert_int_equal(bench_state(b, "hopper"), 4);
        assert_int_equal(bench_state(b, "violations"), 0);
        const struct emup_config old = {.serial = "T1",
                                        .model = "Dualys",
                                        .firmware = "1",
                                        .ribbon_kind = "kb",
                                        .hopper = 1,
                                        .old_positions = true,
                                        .terminator = EMUP_END_CR};
        bench_restart(b, &old);
        bench_expect(b, "Pem;2", "OK\r");
        bench_expect(b, "Rlr;p", "NO CARD\r");
        bench_expect(b, "Si", "OK\r");
        bench_expect(b, "Rlr;p", "OK\r");
        bench_expect(b, "Sis", "OK\r");
        bench_expect(b, "Rlr;p", "ERR CARD\r");
}

static void test_sequence_errors(void **state) {
        struct bench *b = *state;
        uint8_t *data = calloc(1, K_BYTES);
        assert_non_null(data);
        bench_expect(b, "Sr", "ERR SEQUENCE");
        bench_expect(b, "Se", "ERR CARD");
        bench_send_raster(b, "Db;k;2;", data, K_BYTES);
        assert_string_equal(bench_reply(b), "ERR SEQUENCE");
        assert_int_equal(bench_state(b, "violations"), 3);
        bench_expect(b, "Ss", "OK");
        bench_send_raster(b, "Db;o;2;", data, K_BYTES);
        assert_string_equal(bench_reply(b), "OK");
        bench_send_raster(b, "Db;k;2;", data, K_BYTES); /* k lies before o on the ribbon */
        assert_string_equal(bench_reply(b), "ERR SEQUENCE");
        bench_expect(b, "Se;1", "OK");
        bench_expect(b, "Pr;kb", "OK");
        bench_expect(b, "Ss", "OK");
        bench_send_raster(b, "Db;o;2;", data, K_BYTES); /* not on this ribbon */
        assert_string_equal(bench_reply(b), "ERR RIBBON");
        assert_int_equal(bench_state(b, "violations"), 5);
        free(data);
}

/* Everything the guide allows without harm must pass: other settings, both sides of a setting's range. */
static void test_parameters(void **state) {
        struct bench *b = *state;
        static const char *const good[] = {"Pr;ymcko",        "Pc;y;=;10", "Pmi;F;s", "Pdt;DU",    "Mr;s",
                                           "Ppws;1281755559", "Pps;0",     "Pwr;0",   "Wcb;k;0",   "Psmgr;2",
                                           "Pcim;F",          "Pcem;M",    "Pcrm;D",  "Pneab;A;1", "Pos;1158",
                                           "Pem;38",          "Pem;2;s",   "Pmd;75"};
        static const char *const bad[] = {"Pr;purple", "Pc;y;*;10", "Pem;64", "Pem",
                                          "Pmc;x",     "Pmt;4;1",   "Pmi;M"};
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                bench_expect(b, good[i], "OK");
        assert_int_equal(bench_state(b, "violations"), 0);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                bench_expect(b, bad[i], "ERR PARAMETER");
        assert_int_equal(bench_state(b, "violations"), sizeof bad / sizeof *bad);
        bench_expect(b, "Rem", "2,2");
        emup_model_power_cycle(b->m);
        bench_expect(b, "Rem", "2,2");
        bench_expect(b, "Rmc", "h");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_identity, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_framing, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_other_characters, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_long_command, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_binary_is_counted, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_wrong_raster_size, bench_setup, bench_teardown),
            cmocka_unit_test(test_raster_sizes),
            cmocka_unit_test(test_unpack),
            cmocka_unit_test(test_expand_black),
            cmocka_unit_test(test_expand_colour),
            cmocka_unit_test(test_stripe_vectors),
            cmocka_unit_test_setup_teardown(test_stripe_job, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_coercivity, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_positions, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_sequence_errors, bench_setup, bench_teardown),
            cmocka_unit_test_setup_teardown(test_parameters, bench_setup, bench_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
