/* SPDX-License-Identifier: Apache-2.0 */
/* Printing, plastics, error management and faults of the emulated printer. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model_raster.h"
#include "test_bench.h"

enum { K_BYTES = 82296, Y_BYTES = 493776 };

static void send_black(struct bench *b, char panel, uint8_t fill) {
        char header[] = "Db;k;2;";
        header[3] = panel;
        uint8_t *data = malloc(K_BYTES);
        assert_non_null(data);
        memset(data, fill, K_BYTES);
        bench_send_raster(b, header, data, K_BYTES);
        free(data);
}

static void send_yellow(struct bench *b) {
        uint8_t *data = malloc(Y_BYTES);
        assert_non_null(data);
        memset(data, 0xff, Y_BYTES);
        bench_send_raster(b, "Db;y;64;", data, Y_BYTES);
        free(data);
}

static void start_print(struct bench *b) {
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Sr", "OK");
}

static uint8_t *read_png(const char *dir, const char *name, unsigned *width) {
        char path[600];
        png_image image = {.version = PNG_IMAGE_VERSION};
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        assert_true(png_image_begin_read_from_file(&image, path));
        image.format = PNG_FORMAT_RGB;
        *width = image.width;
        uint8_t *px = malloc(PNG_IMAGE_SIZE(image));
        assert_non_null(px);
        assert_true(png_image_finish_read(&image, NULL, px, 0, NULL));
        return px;
}

static void assert_rgb(const uint8_t *px, unsigned width, unsigned x, unsigned y, unsigned rgb) {
        const uint8_t *p = px + 3 * ((size_t)y * width + x);
        assert_int_equal((unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2], rgb);
}

/* A black raster line 0 and pixel 0 must come out at the left edge, at the bottom: the turn a person undoes.
 */
static void test_face(void **state) {
        struct bench *b = *state;
        char dir[512];
        unsigned width;
        uint8_t *data = calloc(1, K_BYTES);
        assert_non_null(data);
        data[0] = 0x80;           /* line 0, pixel 0 */
        data[81 * 1015 + 80] = 1; /* last line, last pixel */
        start_print(b);
        (void)snprintf(dir, sizeof dir, "%s", bench_state_text(b, "card"));
        send_yellow(b);
        assert_string_equal(bench_reply(b), "OK");
        bench_send_raster(b, "Db;k;2;", data, K_BYTES);
        assert_string_equal(bench_reply(b), "OK");
        bench_expect(b, "Se", "OK");
        uint8_t *px = read_png(dir, "front.png", &width);
        assert_int_equal(width, 1016);
        assert_rgb(px, width, 0, 647, 0x121212);
        assert_rgb(px, width, 1015, 0, 0x121212);
        assert_rgb(px, width, 500, 100, 0xffff00);
        free(px);
        px = read_png(dir, "front-k.png", &width);
        assert_int_equal(width, 648);
        assert_rgb(px, width, 0, 0, 0x000000);
        assert_rgb(px, width, 1, 0, 0xffffff);
        free(px);
        free(data);
        assert_int_equal(bench_state(b, "counters.panels"), 2);
        assert_int_equal(bench_state(b, "counters.sets"), 1);
        assert_true(bench_state(b, "on_chip_pixels") > 1000);
        char path[512] = "";
        assert_null(emup_operator_take(b->m, false, NULL, path, sizeof path));
        assert_string_equal(path, dir);
        assert_non_null(emup_operator_take(b->m, false, NULL, path, sizeof path));
}

/* Each raster starts the printing of the one before; a third has to wait until the head is free. */
static void test_panels_take_time(void **state) {
        struct bench *b = *state;
        const struct emup_config c = {.serial = "T1",
                                      .model = "Primacy",
                                      .firmware = "1",
                                      .ribbon_kind = "ymcko",
                                      .ribbon_remaining = 9,
                                      .hopper = 5,
                                      .time_scale = 1.0};
        bench_restart(b, &c);
        bench_expect(b, "Pem;2", "OK");
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Sr", "");
        bench_wait(b, 3400);
        assert_string_equal(bench_reply(b), "OK");
        send_yellow(b);
        assert_string_equal(bench_reply(b), "OK");
        uint64_t began = b->now_ms;
        send_black(b, 'k', 0);
        assert_string_equal(bench_reply(b), "OK");
        assert_int_equal(b->now_ms, began); /* yellow prints meanwhile */
        bench_expect(b, "Rlr;p", "CARD");
        send_black(b, 'o', 0xff);
        assert_string_equal(bench_reply(b), "OK");
        assert_int_equal(b->now_ms - began, 4000); /* the driver was held for as long as yellow took */
        bench_expect(b, "Se", "");
        assert_true(emup_model_port_status(b->m) == 0x08); /* busy */
        bench_wait(b, 2500 + 4000 + 1500);
        assert_string_equal(bench_reply(b), "OK");
        assert_true(emup_model_port_status(b->m) == 0x18);
        assert_int_equal(bench_state(b, "counters.panels"), 3);
        assert_int_equal(bench_state(b, "violations"), 0);
}

static void test_hopper_empty(void **state) {
        struct bench *b = *state;
        bench_fault(b, "{'name':'hopper_empty'}");
        bench_expect(b, "Sis", "ERR FEEDER");
        bench_expect(b, "Rse;f", "0,00 Volts");
        assert_int_equal(emup_model_port_status(b->m), 0x38);
        assert_null(emup_operator_hopper(b->m, 2));
        bench_expect(b, "Sis", "OK");
}

/* Without host mode the printer keeps its troubles to itself and goes on when the operator has helped. */
static void test_printer_managed(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Pem;0", "OK");
        bench_fault(b, "{'name':'hopper_empty'}");
        bench_expect(b, "Sis", "");
        bench_wait(b, 600000);
        assert_string_equal(bench_reply(b), "");
        assert_true(bench_state(b, "waits_for_operator"));
        assert_int_equal(emup_model_port_status(b->m) & 0x10, 0);
        assert_null(emup_operator_hopper(b->m, 2));
        assert_string_equal(bench_reply(b), "OK");
        assert_string_equal(bench_state_text(b, "position"), "contact");
}

static void test_ack_mode(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Pem;4", "\x06");
        bench_expect(b, "Zzz",
                     "\x15"
                     "1");
        bench_expect(b, "Pmc;q",
                     "\x15"
                     "2");
        bench_fault(b, "{'name':'feed_fail'}");
        bench_expect(b, "Si",
                     "\x15"
                     "F");
        bench_expect(b, "Si", "\x06");
        bench_expect(b, "Rtp", "Primacy");
}

static void test_jam_in_print(void **state) {
        struct bench *b = *state;
        char card[512], cleared[512];
        start_print(b);
        (void)snprintf(card, sizeof card, "%s", bench_state_text(b, "card"));
        bench_fault(b, "{'name':'jam','at':{'command':'Db','n':1}}");
        send_yellow(b);
        assert_string_equal(bench_reply(b), "OK");
        send_black(b, 'k', 0xff); /* starts yellow, which jams */
        assert_string_equal(bench_reply(b), "ERR MECHANICAL");
        bench_expect(b, "Rlr;p", "ERR CARD");
        bench_expect(b, "Ser", "ERR MECHANICAL");
        assert_int_equal(emup_model_port_status(b->m) & 0x08, 0);
        assert_int_equal(bench_state(b, "ribbon.remaining"), 99);
        assert_null(emup_operator_clear(b->m, "reject", cleared, sizeof cleared));
        assert_string_equal(cleared, card);
        assert_int_equal(bench_state(b, "reject"), 1);
        bench_expect(b, "Rlr;p", "OK");
        start_print(b);
        send_black(b, 'k', 0xff);
        assert_string_equal(bench_reply(b), "OK");
        bench_expect(b, "Se", "OK");
        assert_int_equal(bench_state(b, "violations"), 0);
}

/* A jam at Si has the card inside already. */
static void test_jam_at_feed(void **state) {
        struct bench *b = *state;
        bench_fault(b, "{'name':'jam','at':{'command':'Sis'}}");
        bench_expect(b, "Sis", "ERR MECHANICAL");
        assert_int_equal(bench_state(b, "counters.fed"), 1);
        assert_int_equal(b->chip_calls, 0);
        bench_expect(b, "Rlr;p", "ERR CARD");
}

static void test_cover_in_panel(void **state) {
        struct bench *b = *state;
        const struct emup_config c = {.serial = "T1",
                                      .model = "Primacy",
                                      .firmware = "1",
                                      .ribbon_kind = "ymcko",
                                      .ribbon_remaining = 9,
                                      .hopper = 5,
                                      .time_scale = 1.0};
        bench_restart(b, &c);
        bench_expect(b, "Pem;2", "OK");
        bench_expect(b, "Ss", "OK");
        send_black(b, 'k', 0xff);
        assert_string_equal(bench_reply(b), "OK");
        bench_expect(b, "Se", "");
        bench_wait(b, 2500);
        bench_wait(b, 800);
        bench_wait(b, 1000);
        assert_null(emup_operator_cover(b->m, true));
        assert_string_equal(bench_reply(b), "ERR COVER OPEN");
        bench_expect(b, "Rse;o", "0,00 Volts");
        bench_expect(b, "Si", "ERR COVER OPEN");
        assert_null(emup_operator_cover(b->m, false));
        bench_send(b, "Ser");
        bench_wait(b, 5000);
        assert_string_equal(bench_reply(b), "OK");
        assert_int_equal(bench_state(b, "reject"), 1);
}

static void test_ribbon(void **state) {
        struct bench *b = *state;
        start_print(b);
        bench_fault(b, "{'name':'ribbon_end','at':{'panel':'k'}}");
        send_yellow(b);
        assert_string_equal(bench_reply(b), "OK");
        send_black(b, 'k', 0xff);
        assert_string_equal(bench_reply(b), "OK");
        bench_expect(b, "Se", "ERR RIBBON ENDED");
        bench_expect(b, "Rrt;count", "0");
        bench_expect(b, "Ser", "OK");
        assert_null(emup_operator_ribbon(b->m, "kb", 500, true));
        bench_expect(b, "Rr", "kb");
        bench_expect(b, "Rrt;qty", "500");
        bench_fault(b, "{'name':'ribbon_tagless'}");
        bench_expect(b, "Rrt;count", "ERR RIB DETECTION");
        bench_expect(b, "Pr;kb", "OK");
        start_print(b);
        send_black(b, 'k', 0xff);
        assert_string_equal(bench_reply(b), "OK");
        bench_expect(b, "Se", "ERR RIB DETECTION");
}

static void test_stripe_faults(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Dm;2;12345", "OK");
        bench_fault(b, "{'name':'mag_write_fail','count':2}");
        bench_expect(b, "Smw", "ERR MAG WRITE");
        bench_expect(b, "Smw", "ERR MAG WRITE");
        bench_expect(b, "Smw", "OK");
        bench_fault(b, "{'name':'mag_blank'}");
        bench_expect(b, "Smw", "OK");
        bench_expect(b, "Smr;2", "ERR MAG READ");
        bench_expect(b, "Seb", "OK");
}

static void test_contact_fail(void **state) {
        struct bench *b = *state;
        bench_fault(b, "{'name':'contact_fail'}");
        bench_expect(b, "Sis", "OK");
        assert_int_equal(b->chip_calls, 0);
        bench_expect(b, "Sis", "OK");
        assert_int_equal(b->chip_calls, 1);
        bench_expect(b, "Se", "OK");
        assert_string_equal(b->chip_said, "remove");
}

static void test_full_trays(void **state) {
        struct bench *b = *state;
        char path[512];
        bench_fault(b, "{'name':'reject_full'}");
        bench_fault(b, "{'name':'output_full'}");
        bench_expect(b, "Rlr;h", "CARD");
        bench_expect(b, "Si", "OK");
        bench_expect(b, "Seb", "ERR REJECT FULL");
        bench_expect(b, "Se", "ERR HOPPER FULL");
        (void)emup_operator_take(b->m, true, NULL, path, sizeof path);
        bench_expect(b, "Seb", "OK");
        bench_expect(b, "Rlr;h", "OK");
}

static void test_reply_faults(void **state) {
        struct bench *b = *state;
        uint8_t bytes[64];
        bench_fault(b, "{'name':'spurious_ok'}");
        bench_expect(b, "Rtp", "OK");
        assert_string_equal(bench_reply(b), "Primacy");
        bench_fault(b, "{'name':'split_reply'}");
        bench_expect(b, "Rtp", "Prim");
        assert_string_equal(bench_reply(b), "acy");
        bench_fault(b, "{'name':'merged_reply'}");
        bench_expect(b, "Rtp", "");
        bench_send(b, "Rfv");
        assert_int_equal(emup_model_read(b->m, bytes, sizeof bytes), 13);
        assert_memory_equal(bytes,
                            "Primacy\0"
                            "1520",
                            13);
        bench_fault(b, "{'name':'late_reply','ms':29000}");
        bench_expect(b, "Rtp", "");
        assert_int_equal(emup_model_deadline_ms(b->m), b->now_ms + 29000);
        bench_wait(b, 29000);
        assert_string_equal(bench_reply(b), "Primacy");
        bench_fault(b, "{'name':'no_reply'}");
        bench_expect(b, "Rtp", "");
        bench_fault(b, "{'name':'garbage','text':'@@'}");
        bench_expect(b, "Rtp", "@@");
        bench_fault(b, "{'name':'error_cde','text':'Rlr','count':0}");
        bench_expect(b, "Rlr;p", "ERROR CDE");
        bench_expect(b, "Rlr;p", "ERROR CDE");
        emup_fault_disarm_all(b->m);
        bench_expect(b, "Rlr;p", "OK");
        assert_int_equal(bench_state(b, "violations"), 0);
}

static void test_device_id(void **state) {
        struct bench *b = *state;
        uint8_t id[256];
        size_t n = emup_model_device_id(b->m, id, sizeof id);
        assert_int_equal((size_t)id[0] << 8 | id[1], n);
        assert_memory_equal(id + 2, "MFG:Evolis;MDL:Primacy;", 23);
        bench_fault(b, "{'name':'device_id_bad','text':'short'}");
        assert_int_equal(emup_model_device_id(b->m, id, sizeof id), 7);
        assert_int_equal(emup_model_device_id(b->m, id, 2), 2);
        bench_fault(b, "{'name':'port_status_zero'}");
        assert_int_equal(emup_model_port_status(b->m), 0);
        assert_int_equal(emup_model_port_status(b->m), 0x18);
}

/* A power cycle in the middle of a job: the card stays, the job and the volatile settings are gone. */
static void test_power_cycle(void **state) {
        struct bench *b = *state;
        uint32_t replug_ms = 0;
        start_print(b);
        send_yellow(b);
        assert_string_equal(bench_reply(b), "OK");
        bench_fault(b, "{'name':'power_cycle','ms':300}");
        assert_int_equal(emup_model_take_action(b->m, &replug_ms), EMUP_ACT_POWER_CYCLE);
        assert_int_equal(replug_ms, 300);
        emup_model_power_cycle(b->m);
        bench_expect(b, "Rem", "0,0");
        bench_expect(b, "Rlr;p", "CARD");
        bench_expect(b, "Pem;2", "OK");
        bench_expect(b, "Ser", "OK");
        assert_int_equal(bench_state(b, "counters.panels"), 0);
}

static void test_unplug_at_byte(void **state) {
        struct bench *b = *state;
        uint32_t replug_ms = 0;
        uint8_t data[1000] = {0};
        bench_expect(b, "Ss", "OK");
        bench_fault(b, "{'name':'unplug','at':{'byte':100}}");
        assert_int_equal(emup_model_write(b->m,
                                          (const uint8_t *)"\x1b"
                                                           "Db;k;2;",
                                          8),
                         8);
        assert_int_equal(emup_model_write(b->m, data, sizeof data), 92);
        assert_int_equal(emup_model_take_action(b->m, &replug_ms), EMUP_ACT_UNPLUG);
}

/* Soft reset in the middle of a raster: the printer forgets the job and understands the next command. */
static void test_soft_reset(void **state) {
        struct bench *b = *state;
        uint8_t data[1000] = {0};
        start_print(b);
        assert_int_equal(emup_model_write(b->m,
                                          (const uint8_t *)"\x1b"
                                                           "Db;k;2;",
                                          8),
                         8);
        assert_int_equal(emup_model_write(b->m, data, sizeof data), sizeof data);
        assert_true(emup_model_soft_reset(b->m));
        bench_expect(b, "Rlr;p", "CARD");
        bench_expect(b, "Ser", "OK");
        bench_fault(b, "{'name':'soft_reset_stall'}");
        assert_false(emup_model_soft_reset(b->m));
        assert_int_equal(bench_state(b, "violations"), 0);
}

/* A card put back keeps its stripe. */
static void test_insert(void **state) {
        struct bench *b = *state;
        char path[512];
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Dm;2;12345", "OK");
        bench_expect(b, "Smw", "OK");
        bench_expect(b, "Se", "OK");
        assert_null(emup_operator_take(b->m, false, NULL, path, sizeof path));
        assert_null(emup_operator_insert(b->m, path));
        bench_expect(b, "Ss", "OK");
        bench_expect(b, "Smr;2", "12345");
        assert_string_equal(bench_state_text(b, "card"), path);
        assert_non_null(emup_operator_insert(b->m, "/nowhere"));
}

/* After Pneab;E a printed card stays at the head until the next Se. */
static void test_no_eject_after_print(void **state) {
        struct bench *b = *state;
        bench_expect(b, "Pneab;E", "OK");
        start_print(b);
        send_black(b, 'k', 0xff);
        assert_string_equal(bench_reply(b), "OK");
        bench_expect(b, "Se", "OK");
        bench_expect(b, "Rlr;p", "CARD");
        bench_expect(b, "Se", "OK");
        bench_expect(b, "Rlr;p", "OK");
        assert_int_equal(bench_state(b, "output"), 1);
}

static void test_test_card_and_cleaning(void **state) {
        struct bench *b = *state;
        bench_expect(b, "St", "OK");
        assert_int_equal(bench_state(b, "output"), 1);
        bench_expect(b, "Scp", "ERR RIBBON");
        assert_null(emup_operator_ribbon(b->m, NULL, -1, false));
        assert_null(emup_operator_cleaning(b->m, 1200));
        bench_expect(b, "Rlr;r", "ERR NEED CLEANING");
        bench_expect(b, "Scp", "OK");
        bench_expect(b, "Rlr;r", "OK");
        bench_expect(b, "Rco;n", "1");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
        const struct CMUnitTest tests[] = {
            T(test_face),
            T(test_panels_take_time),
            T(test_hopper_empty),
            T(test_printer_managed),
            T(test_ack_mode),
            T(test_jam_in_print),
            T(test_jam_at_feed),
            T(test_cover_in_panel),
            T(test_ribbon),
            T(test_stripe_faults),
            T(test_contact_fail),
            T(test_full_trays),
            T(test_reply_faults),
            T(test_device_id),
            T(test_power_cycle),
            T(test_unplug_at_byte),
            T(test_soft_reset),
            T(test_insert),
            T(test_no_eject_after_print),
            T(test_test_card_and_cleaning),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
