/* SPDX-License-Identifier: Apache-2.0 */
/* Personalisation and the debit application: the published CVN 18 example run through the whole card. */
#include "test_perso.h"

#include "emv_crypto.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define SELECT_APP "00A4040009F0435744454249540100"
#define GPO                                                                                                  \
        "80A8000004830201"                                                                                   \
        "2400"
#define GEN_AC1                                                                                              \
        "80AE80001D000000004000000000000000012480000480000124191105"                                         \
        "0152BF458500"

static void begin(struct rig *rig, const char *const *args, const char *name) {
        rig_start(rig, PERSO_KEYS, args);
        rig_insert(rig, name, NULL);
}

static void test_shape_sd_all_levels(void **state) {
        static const struct {
                uint8_t kvn, level;
        } cases[] = {{0x20, 0x01}, {0x20, 0x03}, {0x30, 0x01}, {0x30, 0x03}, {0x30, 0x33}, {0x20, 0x00}};
        struct rig rig;
        char name[16];

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                (void)snprintf(name, sizeof name, "card%zu", i);
                rig_insert(&rig, name, NULL);
                perso_complete(&rig, cases[i].kvn, cases[i].level);
                rig_remove(&rig);
        }
        assert_int_equal(rig_state(&rig, "violation_count"), 0);
        rig_stop(&rig);
}

static void test_shape_direct(void **state) {
        struct perso_item items[PERSO_ITEMS];
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;

        (void)state;
        perso_items(items);
        perso_static_keys(keys);
        begin(&rig, NULL, "direct");
        assert_int_equal(rig_hex(&rig, SELECT_APP, NULL), 0x9000);
        assert_int_equal(host_open(&h, &rig, keys, 0x30, 0x13), 0x9000);
        for (uint8_t i = 0; i < PERSO_ITEMS; i++) {
                uint8_t last = i + 1 == PERSO_ITEMS ? 0x80 : 0;
                assert_int_equal(host_dgi(&h, (uint8_t)(last | 0x08 | (items[i].secret ? 0x60 : 0)), i,
                                          items[i].id, items[i].value),
                                 0x9000);
        }
        assert_int_equal(rig_state(&rig, "personalised"), 1);
        assert_int_equal(host_dgi(&h, 0x80, 10, 0x9010, "0303"), 0x6985);
        rig_stop(&rig);
}

/* Several DGIs in one command, and one DGI cut in two. */
static void test_packing(void **state) {
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;

        (void)state;
        perso_static_keys(keys);
        begin(&rig, NULL, "packing");
        assert_int_equal(host_open(&h, &rig, keys, 0x20, 0x03), 0x9000);
        assert_int_equal(host_send(&h, PERSO_INSTALL, NULL), 0x9000);
        assert_int_equal(host_send(&h, "80E200000F 9010020303 3000059F3602 0000 9104", NULL), 0x9000);
        assert_int_equal(host_send(&h, "80E200010E 0E 8202 1800 9408 08010100 100101", NULL), 0x9000);
        assert_int_equal(host_send(&h, "80E2000201 01", NULL), 0x9000);
        assert_int_equal(rig_state(&rig, "dgis"), 3);
        assert_int_equal(host_send(&h, "80E2600303 800030", NULL), 0x9000);
        assert_int_equal(host_send(&h, "80E2000401 00", NULL), 0x6a80);
        rig_expect_violation(&rig, "encryption changes inside a DGI");
        assert_int_equal(host_send(&h, "80E2600401 00", NULL), 0x9000);
        assert_int_equal(host_send(&h, "80E2E00501 00", NULL), 0x6a80);
        rig_expect_violation(&rig, "last block ends inside a DGI");
        rig_stop(&rig);
}

static void test_store_data_refusals(void **state) {
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;

        (void)state;
        perso_static_keys(keys);
        begin(&rig, NULL, "refuse");
        assert_int_equal(host_open(&h, &rig, keys, 0x20, 0x01), 0x9000);
        assert_int_equal(host_dgi(&h, 0x00, 0, 0x9010, "0303"), 0x6985);
        assert_int_equal(host_send(&h, "80E620000F000009F04357444542495402000000", NULL), 0x6a88);
        assert_int_equal(host_send(&h, PERSO_INSTALL, NULL), 0x9000);
        assert_int_equal(host_dgi(&h, 0x00, 1, 0x9010, "0303"), 0x6a86);
        rig_expect_violation(&rig, "block 01, expected 00");
        assert_int_equal(host_dgi(&h, 0x10, 0, 0x9010, "0303"), 0x6a86);
        assert_int_equal(host_dgi(&h, 0x00, 0, 0x9010, "03"), 0x6a80);
        assert_int_equal(host_dgi(&h, 0x00, 1, 0x8010, "241234FFFFFFFFFF"), 0x6a80);
        rig_expect_violation(&rig, "DGI 8010 in clear");
        assert_int_equal(host_dgi(&h, 0x60, 2, 0x8010, "541234FFFFFFFFFF"), 0x6a80);
        assert_int_equal(host_dgi(&h, 0x00, 3, 0xA001, "00"), 0x6a88);
        assert_int_equal(host_dgi(&h, 0x00, 4, 0x0101, "710157"), 0x6a80);
        assert_int_equal(host_dgi(&h, 0x60, 5, 0x9104, "82021800940408010100"), 0x6a80);
        assert_int_equal(host_dgi(&h, 0x00, 6, 0x9000, "000000000000000000"), 0x9000);
        struct perso_item items[PERSO_ITEMS];
        perso_items(items);
        assert_int_equal(host_dgi(&h, 0x60, 7, 0x8000, items[6].value), 0x6a80);
        rig_stop(&rig);
}

static void test_incomplete(void **state) {
        static const uint16_t skips[] = {0x0101, 0x0201, 0x9102, 0x9104, 0x9200, 0x8000, 0x9000, 0x8010};
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;

        (void)state;
        perso_static_keys(keys);
        begin(&rig, NULL, "incomplete");
        for (size_t i = 0; i < sizeof skips / sizeof skips[0]; i++) {
                assert_int_equal(host_open(&h, &rig, keys, 0x30, 0x03), 0x9000);
                assert_int_equal(perso_run(&h, skips[i]), 0x6a86);
                assert_int_equal(rig_state(&rig, "personalised"), 0);
        }
        assert_int_equal(host_open(&h, &rig, keys, 0x30, 0x03), 0x9000);
        assert_int_equal(perso_run(&h, 0), 0x9000); /* an interrupted card can be started over */
        assert_int_equal(host_send(&h, PERSO_INSTALL, NULL), 0x6985);
        rig_stop(&rig);
}

/* Personalises, then sets the application transaction counter so that the next transaction has ATC 001C. */
static void vector_card(struct rig *rig) {
        char path[200];
        json_error_t err;
        json_t *chip;

        perso_complete(rig, 0x30, 0x33);
        rig_remove(rig);
        (void)snprintf(path, sizeof path, "%s/vector/chip.json", rig->dir);
        chip = json_load_file(path, 0, &err);
        assert_non_null(chip);
        json_object_set_new(chip, "atc", json_integer(0x1b));
        char *text = json_dumps(chip, 0);
        rig_insert(rig, "vector", text);
        free(text);
        json_decref(chip);
}

static void test_published_transaction(void **state) {
        struct rig rig;
        char data[600];

        (void)state;
        begin(&rig, NULL, "vector");
        vector_card(&rig);
        assert_int_equal(rig_hex(&rig, SELECT_APP, data), 0x9000);
        assert_string_equal(data, "6F1D8409F04357444542495401A51050054445424954"
                                  "9F38039F1A02870101");
        assert_int_equal(rig_hex(&rig, GPO, data), 0x9000);
        assert_string_equal(data, "770E82021800940808010100"
                                  "10010101");
        assert_int_equal(rig_hex(&rig, "00B2010C00", data), 0x9000);
        assert_string_equal(data, "701557134761340000000019D30122010000012300000F");
        assert_int_equal(rig_hex(&rig, "00B2011400", data), 0x9000);
        assert_int_equal(rig_hex(&rig, "00B2020C00", NULL), 0x6a83);
        assert_int_equal(rig_hex(&rig, GEN_AC1, data), 0x9000);
        assert_string_equal(data, "771E9F2701809F3602001C9F26087A788EA6B8A3E7339F100706011203A0B800");
        /* ARPC method 2, CSU zero, in tag 91 of CDOL2 */
        assert_int_equal(rig_hex(&rig, "80AE400014 9AF514C100000000 3030 0000000000 52BF4585 01 00", data),
                         0x9000);
        assert_memory_equal(data, "771E9F270140", 12);
        assert_int_equal(rig_hex(&rig, "80CA9F1300", data), 0x9000);
        assert_string_equal(data, "9F1302001C");
        /* the published script changes the PIN to 9999 */
        assert_int_equal(rig_hex(&rig, "8424000218BB221AF527377A2811D2B6EBC396A9391A22B480EF312F40", NULL),
                         0x9000);
        assert_int_equal(rig_hex(&rig, "0020008008241234FFFFFFFFFF", NULL), 0x63c2);
        assert_int_equal(rig_hex(&rig, "0020008008249999FFFFFFFFFF", NULL), 0x9000);
        assert_int_equal(rig_state(&rig, "arqc"), 1);
        assert_int_equal(rig_state(&rig, "violation_count"), 0);
        rig_stop(&rig);
}

static void test_transaction_refusals(void **state) {
        struct rig rig;

        (void)state;
        begin(&rig, NULL, "bad");
        assert_int_equal(rig_hex(&rig, SELECT_APP, NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, GPO, NULL), 0x6985); /* not personalised */
        perso_complete(&rig, 0x20, 0x03);
        assert_int_equal(rig_hex(&rig, SELECT_APP, NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, GEN_AC1, NULL), 0x6985);
        assert_int_equal(rig_hex(&rig, "80A8000002830000", NULL), 0x6a80);
        assert_int_equal(rig_hex(&rig, GPO, NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, GPO, NULL), 0x6985);
        assert_int_equal(rig_hex(&rig, "80AE8000010000", NULL), 0x6700);
        assert_int_equal(rig_hex(&rig,
                                 "80AE90001D000000004000000000000000012480000480000124191105"
                                 "0152BF458500",
                                 NULL),
                         0x6a86);
        assert_int_equal(rig_hex(&rig, GEN_AC1, NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, "8424000008 0000000000000000", NULL), 0x6988);
        assert_int_equal(rig_hex(&rig, "8424000008 0000000000000000", NULL), 0x6985);
        char data[600];
        assert_int_equal(rig_hex(&rig, "80AE400014 1111111100000000 3030 0000000000 52BF4585 01 00", data),
                         0x9000);
        assert_memory_equal(data, "771E9F270100", 12);
        rig_expect_violation(&rig, "ARPC wrong");
        assert_int_equal(rig_hex(&rig, GEN_AC1, NULL), 0x6985);
        assert_int_equal(rig_hex(&rig, "00D0000000", NULL), 0x6d00);
        rig_stop(&rig);
}

static void test_pin_tries(void **state) {
        struct rig rig;
        char data[600];

        (void)state;
        begin(&rig, NULL, "pin");
        perso_complete(&rig, 0x30, 0x01);
        assert_int_equal(rig_hex(&rig, SELECT_APP, NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, "0020008008241111FFFFFFFFFF", NULL), 0x63c2);
        rig_remove(&rig);
        rig_insert(&rig, "pin", NULL);
        assert_int_equal(rig_hex(&rig, SELECT_APP, NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, "80CA9F1700", data), 0x9000);
        assert_string_equal(data, "9F170102");
        assert_int_equal(rig_hex(&rig, "0020008008241111FFFFFFFFFF", NULL), 0x63c1);
        assert_int_equal(rig_hex(&rig, "0020008008241111FFFFFFFFFF", NULL), 0x63c0);
        assert_int_equal(rig_hex(&rig, "0020008008241234FFFFFFFFFF", NULL), 0x6983);
        assert_int_equal(rig_hex(&rig, "0020008108241234FFFFFFFFFF", NULL), 0x6a86);
        rig_stop(&rig);
}

static void test_t0(void **state) {
        const char *const args[] = {"--protocol", "t0", "--format", "80", NULL};
        struct rig rig;
        uint8_t atr[64];
        char data[600];

        (void)state;
        begin(&rig, args, "t0");
        assert_int_equal(rig_atr(&rig, atr), 8);
        assert_int_equal(atr[0], 0x3b);
        assert_int_equal(rig_hex(&rig, "00A4040009F04357444542495401", NULL), 0x610f);
        assert_int_equal(rig_hex(&rig, "00C000000F", data), 0x9000);
        assert_string_equal(data, "6F0D8409F04357444542495401A500");
        assert_int_equal(rig_hex(&rig, "00C000000F", NULL), 0x6985);
        assert_int_equal(rig_hex(&rig, "00A4040009F0435744454249540100", NULL), 0x6700);
        rig_expect_violation(&rig, "Le after data");
        assert_int_equal(rig_hex(&rig, "00A4040000", NULL), 0x6c12);
        assert_int_equal(rig_hex(&rig, "00A4040012", data), 0x9000);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", NULL), 0x6c2d);
        assert_int_equal(rig_hex(&rig, "80CA9F7F2D", data), 0x9000);
        rig_stop(&rig);
}

static void test_t1_atr(void **state) {
        struct rig rig;
        uint8_t atr[64], tck = 0;
        size_t n;

        (void)state;
        begin(&rig, NULL, "t1");
        n = rig_atr(&rig, atr);
        assert_int_equal(n, 10);
        for (size_t i = 1; i < n; i++)
                tck ^= atr[i];
        assert_int_equal(tck, 0);
        rig_stop(&rig);
}

/* The published change with the current PIN (CVN 10 and 18 share the secure messaging key). */
static void test_script_with_current_pin(void **state) {
        uint8_t key[16], mk[16], current[8], cipher[16], pin[8], expect[8];
        struct perso_item items[PERSO_ITEMS];

        (void)state;
        perso_items(items);
        (void)unhex(items[6].value + 64, key, 16);
        emuc_script_key(key, 0x001c, key + 0);
        char ac[33] = {0};
        memcpy(ac, items[6].value, 32);
        (void)unhex(ac, mk, 16);
        (void)unhex("248888FFFFFFFFFF", current, 8);
        (void)unhex("2EE025E554BCD87E11D2B6EBC396A939", cipher, 16);
        (void)unhex("249999FFFFFFFFFF", expect, 8);
        assert_true(emuc_script_pin(key, mk, current, cipher, pin));
        assert_memory_equal(pin, expect, 8);
        current[1] = 0x77;
        assert_false(emuc_script_pin(key, mk, current, cipher, pin) && memcmp(pin, expect, 8) == 0);
}

/* Session keys and both ARPC methods with AES, as an open implementation (card42) publishes them; a CSU alone
 * and with data. */
static void test_aes_answers_of_the_issuer(void **state) {
        struct emuc_card_key mk = {.aes = true}, sk;
        uint8_t r[8], arqc[8], csu[8], good[8], made[8];

        (void)state;
        mk.key.len = unhex("0F0E0D0C0B0A09080706050403020100", mk.key.bytes, sizeof mk.key.bytes);
        (void)unhex("0001000000000000", r, 8);
        assert_true(emuc_session_key(&mk, r, &sk));
        (void)unhex("AABBCCDDEEFF0011", arqc, 8);
        (void)unhex("0098123763F758D5", good, 8);
        assert_true(emuc_arpc1(&sk, arqc, (const uint8_t *)"00", made));
        assert_memory_equal(made, good, 8);
        (void)unhex("0102030405060708", arqc, 8);
        (void)unhex("80000000A1B2C3D4", csu, 8);
        (void)unhex("66FBE2F5", good, 4);
        assert_true(emuc_arpc2(&sk, arqc, csu, 8, made));
        assert_memory_equal(made, good, 4);
        (void)unhex("00000000", csu, 4);
        (void)unhex("772B7AEA", good, 4);
        assert_true(emuc_arpc2(&sk, arqc, csu, 4, made));
        assert_memory_equal(made, good, 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_shape_sd_all_levels),
            cmocka_unit_test(test_shape_direct),
            cmocka_unit_test(test_packing),
            cmocka_unit_test(test_store_data_refusals),
            cmocka_unit_test(test_incomplete),
            cmocka_unit_test(test_published_transaction),
            cmocka_unit_test(test_transaction_refusals),
            cmocka_unit_test(test_pin_tries),
            cmocka_unit_test(test_t0),
            cmocka_unit_test(test_t1_atr),
            cmocka_unit_test(test_script_with_current_pin),
            cmocka_unit_test(test_aes_answers_of_the_issuer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
