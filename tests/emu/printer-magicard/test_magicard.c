/* SPDX-License-Identifier: Apache-2.0 */
/* The Magicard language of the emulated printer: questions, moves, a job pixel by pixel, errors. */
#include "magicard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "tests/emu/printer/plastic_image.h"

struct bench {
        struct emup_model *m;
        char dir[64];
        uint64_t now_ms;
};

static uint64_t now(void *ctx) {
        return ((struct bench *)ctx)->now_ms;
}

static void start(struct bench *b, const char *model, double scale) {
        const struct emup_config c = {.serial = "M7",
                                      .model = model,
                                      .firmware = "2.17",
                                      .plastics_dir = b->dir,
                                      .ribbon_kind = "ymcko",
                                      .ribbon_remaining = 20,
                                      .hopper = 3,
                                      .time_scale = scale,
                                      .hico_stripe = true,
                                      .now_ms = now,
                                      .clock_ctx = b};
        emup_model_free(b->m);
        assert_int_equal(emup_model_new(&c, NULL, &b->m), 0);
}

static int setup(void **state) {
        struct bench *b = calloc(1, sizeof *b);
        assert_non_null(b);
        b->now_ms = 1000;
        (void)snprintf(b->dir, sizeof b->dir, "/tmp/emu-magicard-XXXXXX");
        assert_non_null(mkdtemp(b->dir));
        start(b, "Enduro+", 0);
        *state = b;
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

static int teardown(void **state) {
        struct bench *b = *state;
        emup_model_free(b->m);
        (void)nftw(b->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(b);
        return 0;
}

static void send(struct bench *b, const void *bytes, size_t n) {
        assert_int_equal(emup_model_write(b->m, bytes, n), n);
}

static void request(struct bench *b, const char *text) {
        uint8_t bytes[128] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 1};
        size_t n = strlen(text);
        memcpy(bytes + 10, text, n);
        bytes[10 + n] = 0x1c;
        bytes[11 + n] = 0x03;
        send(b, bytes, n + 12);
}

static void expect(struct bench *b, const char *text, const char *want) {
        char got[600] = "";
        request(b, text);
        size_t n = emup_model_read(b->m, (uint8_t *)got, sizeof got - 1);
        got[n] = '\0';
        assert_string_equal(got, want);
}

static uint64_t violations(const struct bench *b) {
        return b->m->stat.violations;
}

static void questions_are_answered(void **state) {
        struct bench *b = *state;
        expect(b, ",REQ,ERR,", "\x01STAPrinterstatus OK.\n00:00\n(c0300)\x03");
        expect(b, ",REQ,INF,",
               "\x01STA17,Enduro+,1,M7,HM7,BM7,2.17,0,0,0,0,0,0,0,0,0,0,0,0,1000,12,50,50,0,0,"
               "RB00000001,20,0,LC1,0,0,0,0,0,0,0,0,\x03");
        expect(b, "REQ,STA,MSR,", "");
        assert_int_equal(violations(b), 0);
}

static void older_printers_know_other_questions(void **state) {
        struct bench *b = *state;
        start(b, "Tango 2e", 0);
        expect(b, "REQ,STA,MSR,", "\x01STA,MSRM7,\x03");
        expect(b, "REQ,STA,DFR,", "\x01STA,DFR100,\x03");
        expect(b, ",REQ,INF,", "");
        expect(b, ",REQ,ERR,", "");
        assert_int_equal(violations(b), 0);
        expect(b, "REQ,STA,XXX,", "");
        assert_int_equal(violations(b), 1);
}

static void chip_station_and_out(void **state) {
        struct bench *b = *state;
        request(b, "CHPUP,");
        assert_int_equal(b->m->pos, POS_CONTACT);
        assert_true(b->m->engaged);
        request(b, "CHPDOWN,");
        assert_int_equal(b->m->pos, POS_PRINT);
        assert_false(b->m->engaged);
        request(b, "EJT,");
        assert_int_equal(b->m->output_count, 1);
        request(b, "EJT,");
        assert_int_equal(violations(b), 0);
        request(b, "NONSENSE,");
        assert_int_equal(violations(b), 1);
}

/* A job of planes that are all zero but for what the test sets. */
struct job {
        uint8_t bytes[2 << 20];
        size_t len, plane[4];
};

static void put(struct job *j, const void *bytes, size_t n) {
        memcpy(j->bytes + j->len, bytes, n);
        j->len += n;
}

static struct job *new_job(const char *more, size_t colour, size_t resin, const char *head) {
        static struct job j;
        char header[600];
        memset(&j, 0, sizeof j);
        memset(j.bytes, 5, 64);
        j.len = 64;
        int n = snprintf(
            header, sizeof header,
            "\x01,NOC1,VER1.0,LANENG,TDT5362E668,%s%s,DPXOFF,PAG1,IMFBGRK,XCO0,YCO0,WID1016,HGT642,"
            "OVRON,NNNOFF,USFOFF,PCT0,0,1015,641,NCT90,295,260,450,ICC0,SZB%zu,SZG%zu,SZR%zu,SZK%zu\x1c",
            more, head, colour, colour, colour, resin);
        put(&j, header, (size_t)n);
        for (size_t i = 0; i < 4; i++) {
                const char trailer[] = {0x1c, "BGRK"[i], ':'};
                j.plane[i] = j.len;
                j.len += i == 3 ? resin : colour;
                put(&j, trailer, 3);
        }
        put(&j, "\x03", 1);
        return &j;
}

static unsigned pixel(const struct bench *b, char panel, unsigned line, unsigned x) {
        static uint8_t layer[EMUP_PIXELS];
        char path[256];
        (void)snprintf(path, sizeof path, "%s/front-%c.png", b->m->output[0], panel);
        assert_int_equal(emup_image_read_layer(path, layer), 0);
        return layer[line * EMUP_WIDTH + x];
}

/* Image pixel 0 is head pixel 18 (672 - 642 - position 12): word 7, bit 4; pixel 641 is head pixel 659: word
 * 23, bit 7. Bits are counted from the MSB of a word's first byte. */
static void newer_head_is_read(void **state) {
        struct bench *b = *state;
        struct job *j = new_job("", 585216, 97536, "KGE2");
        for (size_t i = 0; i < 6; i++)
                j->bytes[j->plane[0] + i * 96 + 7 * 4] = 0x08;
        j->bytes[j->plane[1] + 576 + 5 * 96 + 23 * 4] = 0x01;
        j->bytes[j->plane[3] + 96 * 1015 + 7 * 4] = 0x08;
        send(b, j->bytes, j->len);
        assert_int_equal(violations(b), 0);
        assert_int_equal(b->m->output_count, 1);
        assert_int_equal(pixel(b, 'y', 0, 3), 255);
        assert_int_equal(pixel(b, 'y', 0, 4), 0);
        assert_int_equal(pixel(b, 'm', 1, 3 + 641), 32 * 255 / 63);
        assert_int_equal(pixel(b, 'k', 1015, 3), 255);
        assert_int_equal(pixel(b, 'o', 100, 3 + 300), 0);
        assert_int_equal(pixel(b, 'o', 89, 3 + 300), 255);
        assert_int_equal(b->m->ribbon.remaining, 19);
        assert_int_equal(mgc_of(b->m)->printed, 1);
}

static void older_head_is_read(void **state) {
        struct bench *b = *state;
        start(b, "Rio 2e", 0);
        struct job *j = new_job("LC1,", 512064, 85344, "KEE");
        j->bytes[j->plane[2] + 504 + 84 + 1] = 0x01; /* head pixel 15, second plane: level 2 */
        send(b, j->bytes, j->len);
        assert_int_equal(violations(b), 0);
        assert_int_equal(pixel(b, 'c', 1, 3), 2 * 255 / 63);
}

static void ink_beside_the_card_is_seen(void **state) {
        struct bench *b = *state;
        struct job *j = new_job("", 585216, 97536, "KGE2");
        j->bytes[j->plane[3] + 6 * 4] = 0x80; /* head pixel 0 */
        send(b, j->bytes, j->len);
        assert_int_equal(violations(b), 1);
}

static void stripe_comes_with_the_job(void **state) {
        struct bench *b = *state;
        struct job *j =
            new_job("MGVON,COEH,MAG1,BPI210,MPC7,%A,B?,MAG2,BPI75,MPC5,;123456789?,", 585216, 97536, "KGE2");
        char path[256], text[EMUP_TRACK_TEXT_MAX + 1];
        send(b, j->bytes, j->len);
        assert_int_equal(violations(b), 0);
        (void)snprintf(path, sizeof path, "%s", b->m->output[0]);
        struct emup_plastic *p;
        assert_int_equal(emup_plastic_open(path, &p), 0);
        assert_true(emup_stripe_decode(&emup_plastic_stripe(p)->track[0], text));
        assert_string_equal(text, "A,B");
        assert_true(emup_stripe_decode(&emup_plastic_stripe(p)->track[1], text));
        assert_string_equal(text, "123456789");
        emup_plastic_free(p);
}

static void arm(struct bench *b, const char *name) {
        json_t *q = json_pack("{s:s}", "name", name);
        assert_null(emup_fault_arm(b->m, q));
        json_decref(q);
}

static void blank_stripe_is_rejected(void **state) {
        struct bench *b = *state;
        arm(b, "mag_blank");
        struct job *j = new_job("REJON,MGVON,COEH,MAG2,BPI75,MPC5,;123456789?,", 585216, 97536, "KGE2");
        send(b, j->bytes, j->len);
        assert_int_equal(b->m->reject_count, 1);
        assert_int_equal(b->m->output_count, 0);
        assert_int_equal(b->m->count.sets, 0);
        assert_int_equal(emup_model_port_status(b->m), 0x10);
        request(b, "CAN,");
        assert_int_equal(emup_model_port_status(b->m), 0x18);
}

static void empty_feeder_waits_and_is_cancelled(void **state) {
        struct bench *b = *state;
        assert_null(emup_operator_hopper(b->m, 0));
        request(b, "CHPUP,");
        assert_int_equal(emup_model_port_status(b->m), 0x10);
        expect(b, ",REQ,ERR,", "\x01STACard not fed.\nError code - 11:01\n(c0201)\x03");
        arm(b, "localised");
        expect(b, ",REQ,ERR,",
               "\x01STABitte Drucker pr\xfc"
               "fen.\nFehlercode - 11:01\n(c0201)\x03");
        request(b, "CAN,");
        assert_null(emup_operator_hopper(b->m, 2));
        assert_int_equal(b->m->count.fed, 0);
        request(b, "CHPUP,");
        assert_int_equal(b->m->count.fed, 1);
}

static void a_person_lets_it_go_on(void **state) {
        struct bench *b = *state;
        assert_null(emup_operator_hopper(b->m, 0));
        request(b, "CHPUP,");
        assert_null(emup_operator_hopper(b->m, 2));
        assert_int_equal(b->m->pos, POS_CONTACT);
        assert_int_equal(emup_model_port_status(b->m), 0x18);
}

static void at_work_it_is_busy(void **state) {
        struct bench *b = *state;
        start(b, "Enduro+", 1.0);
        request(b, "CHPUP,");
        assert_int_equal(emup_model_port_status(b->m), 0x08);
        b->now_ms += 10000;
        assert_int_equal(emup_model_port_status(b->m), 0x18);
        assert_int_equal(b->m->pos, POS_CONTACT);
}

static void wrong_jobs_are_told(void **state) {
        static const struct {
                const char *more, *head;
                size_t colour, resin;
        } bad[] = {
            {"", "KEE", 585216, 97536},
            {"", "KGE2", 512064, 85344},
            {"XYZ1,", "KGE2", 585216, 97536},
            {"MAG2,;12A?,", "KGE2", 585216, 97536},
            {"MAG2,%12?,", "KGE2", 585216, 97536},
            {"MAG2,BPI210,;12?,", "KGE2", 585216, 97536},
        };
        struct bench *b = *state;
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                start(b, "Enduro+", 0);
                struct job *j = new_job(bad[i].more, bad[i].colour, bad[i].resin, bad[i].head);
                send(b, j->bytes, j->len);
                assert_true(violations(b) >= 1);
                assert_int_equal(b->m->count.fed, 0);
                expect(b, ",REQ,ERR,", "\x01STAPrinterstatus OK.\n00:00\n(c0300)\x03");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(questions_are_answered, setup, teardown),
            cmocka_unit_test_setup_teardown(older_printers_know_other_questions, setup, teardown),
            cmocka_unit_test_setup_teardown(chip_station_and_out, setup, teardown),
            cmocka_unit_test_setup_teardown(newer_head_is_read, setup, teardown),
            cmocka_unit_test_setup_teardown(older_head_is_read, setup, teardown),
            cmocka_unit_test_setup_teardown(ink_beside_the_card_is_seen, setup, teardown),
            cmocka_unit_test_setup_teardown(stripe_comes_with_the_job, setup, teardown),
            cmocka_unit_test_setup_teardown(blank_stripe_is_rejected, setup, teardown),
            cmocka_unit_test_setup_teardown(empty_feeder_waits_and_is_cancelled, setup, teardown),
            cmocka_unit_test_setup_teardown(a_person_lets_it_go_on, setup, teardown),
            cmocka_unit_test_setup_teardown(at_work_it_is_busy, setup, teardown),
            cmocka_unit_test_setup_teardown(wrong_jobs_are_told, setup, teardown),
        };
        return cmocka_run_group_tests_name("emulated Magicard", tests, NULL, NULL);
}
