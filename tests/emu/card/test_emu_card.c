/* SPDX-License-Identifier: Apache-2.0 */
/* Card manager: published SCP02 and SCP03 traces replayed against the emulator, and what must be refused. */
#include "base/buf.h"
#include "test_perso.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLANK_CHIP                                                                                           \
        "{\"version\":1,\"cplc\":\"%s\",\"kdd\":\"%s\",\"card_state\":1,\"app_state\":7,\"ssc02\":%u,"       \
        "\"ssc03\":%u,"                                                                                      \
        "\"tries02\":5,\"tries03\":5,\"next_challenge\":\"%s\",\"dgis\":{},\"pin\":\"\",\"pin_tries\":0,"    \
        "\"pin_limit\":0,\"atc\":0,\"last_online_atc\":0}"
#define CPLC42 "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20212223242526272829"

#define INIT_02 "8050200008010203040506070800"
#define INIT_03 "8050300008010203040506070800"
#define AUTH_ZERO "848201001000000000000000000000000000000000"

struct trace {
        const char *name, *keys, *kdd;
        unsigned ssc02, ssc03;
        const char *challenge, *init, *expect, *auth;
        const char *next[5];
};

static const struct trace traces[] = {
    {"SCP02 level 01",
     "{\"scp02\":{\"kvn\":\"70\",\"enc\":\"100102030405060708090A0B0C0D0E0F\",\"mac\":"
     "\"101102030405060708090A0B0C0D0E0F\",\"dek\":\"102102030405060708090A0B0C0D0E0F\"}}",
     "00000000000000000000",
     1,
     0,
     "6B4524ABEE7C",
     "805070000840A62C37FA6304F800",
     "00000000000000000000700200016B4524ABEE7CF32EA3838BC148F3",
     "8482010010BA6961667737C5BCEBECE14C7D6A4376",
     {"84F220020814DB34FA4341DCA8", "84CA00660855ED7C5FF069512B00",
      "84F22002124F0212345C054F9F70C58FC1B380C4228AF8", "84F280020A4F003B95F09317DE6A4E00", NULL}},
    {"SCP02 level 03",
     "{\"scp02\":{\"kvn\":\"01\",\"enc\":\"" PERSO_D "\",\"mac\":\"" PERSO_D "\",\"dek\":\"" PERSO_D "\"}}",
     "000074746E6E6E626262",
     0x06a1,
     0,
     "5086BBEE58F4",
     "8050000008EBAA9E53C696281B00",
     "000074746E6E6E626262010206A15086BBEE58F467149061DA4B6EAE",
     "848203001005814C116071EB67D8BA9D9879454564",
     {"84E4008018BC146FA0403BE4BAD3BC089E4ABD8674DA7EFEA21047B85800",
      "84E4008018C2748C1669FAFC0E20C5253680388A4A49C9A6038D77B45700", NULL}},
    {"SCP03-128 level 11",
     "{\"scp03\":{\"kvn\":\"30\",\"enc\":\"000102030405060708090A0B0C0D0E0F\",\"mac\":"
     "\"101112131415161718191A1B1C1D1E1F\",\"dek\":\"202122232425262728292A2B2C2D2E2F\"}}",
     "00000000000000000000",
     0,
     2,
     "3EB51047495B249F",
     "8050300008B13E5F938FC108C400",
     "000000000000000000003003703EB51047495B249F66C484C1D2EF1948000002",
     "84821100107D5F5826A993EBC89EEA24957FA0B3CE",
     {"84E291000EBF3E035C015A558D036518A2829700", NULL}},
    {"SCP03-128 level 03",
     "{\"scp03\":{\"kvn\":\"30\",\"enc\":\"000102030405060708090A0B0C0D0E0F\",\"mac\":"
     "\"101112131415161718191A1B1C1D1E1F\",\"dek\":\"202122232425262728292A2B2C2D2E2F\"}}",
     "00000000000000000000",
     0,
     1,
     "30760CD2C47C1DD3",
     "80503000088E1552D0513C60F300",
     "0000000000000000000030037030760CD2C47C1DD395065FE5EAD8A9D7000001",
     "8482030010FD4721A14D9B07003C451D2F8AE6BB21",
     {"84E2910018CA9C00F6713D79BC8BAA642BDFF51C3F6A4082D3BD9AD26C00", NULL}},
    {"SCP03-128 level 33",
     "{\"scp03\":{\"kvn\":\"30\",\"enc\":\"000102030405060708090A0B0C0D0E0F\",\"mac\":"
     "\"101112131415161718191A1B1C1D1E1F\",\"dek\":\"202122232425262728292A2B2C2D2E2F\"}}",
     "00000000000000000000",
     0,
     3,
     "3B1ACA81E821F219",
     "8050300008FDF38259A1E0DE4400",
     "000000000000000000003003703B1ACA81E821F219081CDC01C26B372D000003",
     "84823300108C36F96BCC00724A4E13AD591D7DA3F0",
     {"84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87F00", NULL}},
    {"SCP03-192 level 03",
     "{\"scp03\":{\"kvn\":\"31\",\"enc\":\"000102030405060708090A0B0C0D0E0F0001020304050607\",\"mac\":"
     "\"101112131415161718191A1B1C1D1E1F1011121314151617\",\"dek\":"
     "\"202122232425262728292A2B2C2D2E2F2021222324252627\"}}",
     "00000000000000000000",
     0,
     1,
     "B570A67BE3844671",
     "805031000869C65DA8202BF19F00",
     "00000000000000000000310370B570A67BE38446717729D6DD3D2EC5B1000001",
     "848203001065DF4F1A356A887905466516D9E5B7C1",
     {"84E2910018D2C6FB477C5D4AFE4FD4D21F17EFF10D3578EC1774A12A2D00", NULL}},
    {"SCP03-256 level 03",
     "{\"scp03\":{\"kvn\":\"32\",\"enc\":"
     "\"000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F\","
     "\"mac\":\"101112131415161718191A1B1C1D1E1F101112131415161718191A1B1C1D1E1F\",\"dek\":"
     "\"202122232425262728292A2B2C2D2E2F202122232425262728292A2B2C2D2E2F\"}}",
     "00000000000000000000",
     0,
     1,
     "8682CD81BBD8919F",
     "8050320008C6066990FC426E1D00",
     "000000000000000000003203708682CD81BBD8919F2DE3F2664581F118000001",
     "848203001077C493B632EDADAF865A1E64ACC07CE9",
     {"84E29100183DDAA60594963BEFAADA3525B492EDE23C2AB2C1CE3AFE4400", NULL}},
    {"SCP03 pseudo-random challenge",
     "{\"scp03\":{\"kvn\":\"30\",\"enc\":\"F995D0A069335C7DF42E590317FFEA6D\",\"mac\":"
     "\"58563362EC5A4541ABCD32B34B1EAE7D\",\"dek\":\"58563362EC5A4541ABCD32B34B1EAE7D\"}}",
     "00000000000000000000",
     0,
     0x15,
     "",
     "8050300008B2BDE1A2DC66BD5600",
     "00000000000000000000300370C40932A6FEFEAEB2",
     "848203001059D54D932423D29F6313C970875F8C2F",
     {NULL}},
};

static void replay(const struct trace *t) {
        char chip[900], data[600];
        struct rig rig;

        (void)snprintf(chip, sizeof chip, BLANK_CHIP, CPLC42, t->kdd, t->ssc02, t->ssc03, t->challenge);
        rig_start(&rig, t->keys, NULL);
        rig_insert(&rig, "vector", chip);
        assert_int_equal(rig_hex(&rig, t->init, data), 0x9000);
        if (strncmp(data, t->expect, strlen(t->expect)) != 0)
                fail_msg("%s: %s instead of %s", t->name, data, t->expect);
        if (rig_hex(&rig, t->auth, NULL) != 0x9000)
                fail_msg("%s: EXTERNAL AUTHENTICATE refused", t->name);
        for (size_t i = 0; i < 5 && t->next[i]; i++) {
                unsigned sw = rig_hex(&rig, t->next[i], NULL);
                if (sw == 0x6982)
                        fail_msg("%s: command %zu refused by the secure channel", t->name, i);
        }
        rig_stop(&rig);
}

static void test_published_traces(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
                replay(&traces[i]);
}

static void test_pseudo_random_challenges(void **state) {
        static const char *const challenges[3] = {"4D2614D48B5A5572", "86C8BD65FA1044EE", "83FA042C5C10F778"};
        char chip[900], data[600];
        struct rig rig;

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        for (unsigned ssc = 0; ssc < 3; ssc++) {
                (void)snprintf(chip, sizeof chip, BLANK_CHIP, CPLC42, "00000000000000000000", 0U, ssc, "");
                rig_insert(&rig, "pseudo", chip);
                assert_int_equal(rig_hex(&rig, "8050300008000000000000000000", data), 0x9000);
                assert_memory_equal(data + 26, challenges[ssc], 16);
        }
        rig_stop(&rig);
}

static void test_all_levels(void **state) {
        static const struct {
                uint8_t kvn, level;
        } cases[] = {{0x20, 0x00}, {0x20, 0x01}, {0x20, 0x03}, {0x30, 0x00}, {0x30, 0x01},
                     {0x30, 0x03}, {0x30, 0x11}, {0x30, 0x13}, {0x30, 0x33}, {0x00, 0x33}};
        struct emuc_aes_key keys[3];
        struct rig rig;
        char data[600];

        (void)state;
        perso_static_keys(keys);
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "levels", NULL);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct host h;
                assert_int_equal(rig_hex(&rig, "00A4040008A00000015100000000", data), 0x9000);
                assert_string_equal(data, "6F108408A000000151000000A5049F6501FF");
                assert_int_equal(host_open(&h, &rig, keys, cases[i].kvn, cases[i].level), 0x9000);
                assert_int_equal(host_send(&h, "80F28002024F0000", data), 0x9000);
                assert_string_equal(data, "E3114F08A0000001510000009F700101C5019E");
                assert_int_equal(host_send(&h, "80CA9F7F00", data), 0x9000);
                assert_memory_equal(data, "9F7F2A", 6);
                assert_int_equal(host_send(&h, "80CA004500", NULL), 0x6a88);
                assert_int_equal(host_send(&h, "80F24000024F0000", data), 0x9000);
                assert_string_equal(data, "09F043574445424954010700");
        }
        assert_int_equal(rig_state(&rig, "violation_count"), 0);
        rig_stop(&rig);
}

static void test_key_information(void **state) {
        struct rig rig;
        char data[600];

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "info", NULL);
        assert_int_equal(rig_hex(&rig, "80CA00E000", data), 0x9000);
        assert_string_equal(data,
                            "E024C00401208010C00402208010C00403208010C00401308810C00402308810C00403308810");
        assert_int_equal(rig_hex(&rig, "80CA00CF00", data), 0x9000);
        assert_memory_equal(data, "CF0A00004123", 12);
        assert_int_equal(rig_hex(&rig, "80CA00C100", data), 0x9000);
        assert_string_equal(data, "C103000000");
        assert_int_equal(rig_hex(&rig, "80CA006600", data), 0x9000);
        assert_memory_equal(data, "66", 2);
        rig_stop(&rig);
}

static void test_wrong_mac(void **state) {
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;

        (void)state;
        perso_static_keys(keys);
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "mac", NULL);
        assert_int_equal(host_open(&h, &rig, keys, 0x30, 0x03), 0x9000);
        h.chain[3] ^= 1;
        assert_int_equal(host_send(&h, "80F28002024F0000", NULL), 0x6982);
        h.chain[3] ^= 1;
        assert_int_equal(host_send(&h, "80F28002024F0000", NULL), 0x6982);
        rig_expect_violation(&rig, "C-MAC or padding wrong");
        assert_int_equal(host_open(&h, &rig, keys, 0x20, 0x01), 0x9000);
        assert_int_equal(rig_hex(&rig, "80F28002024F0000", NULL), 0x6982);
        rig_expect_violation(&rig, "command without C-MAC");
        assert_int_equal(host_send(&h, "80F28002024F0000", NULL), 0x6982);
        rig_stop(&rig);
}

static void test_wrong_cryptogram_locks(void **state) {
        const char *const args[] = {"--key-tries", "3", NULL};
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;

        (void)state;
        perso_static_keys(keys);
        rig_start(&rig, PERSO_KEYS, args);
        rig_insert(&rig, "lock", NULL);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(rig_hex(&rig, INIT_02, NULL), 0x9000);
                assert_int_equal(rig_hex(&rig, AUTH_ZERO, NULL), 0x6300);
        }
        assert_int_equal(host_open(&h, &rig, keys, 0x20, 0x01), 0x9000); /* a good one gives all tries back */
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(rig_state(&rig, "key_tries_scp02"), 3 - i);
                assert_int_equal(rig_hex(&rig, INIT_02, NULL), 0x9000);
                assert_int_equal(rig_hex(&rig, AUTH_ZERO, NULL), 0x6300);
        }
        assert_int_equal(rig_hex(&rig, INIT_02, NULL), 0x6983);
        assert_int_equal(rig_hex(&rig, INIT_03, NULL), 0x9000);
        assert_int_equal(rig_state(&rig, "ext_auth_failures"), 5);
        rig_remove(&rig);
        rig_insert(&rig, "lock", NULL);
        assert_int_equal(rig_hex(&rig, INIT_02, NULL), 0x6983);
        rig_stop(&rig);
}

static void test_auth_order(void **state) {
        struct rig rig;

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "order", NULL);
        assert_int_equal(rig_hex(&rig, AUTH_ZERO, NULL), 0x6985);
        assert_int_equal(rig_hex(&rig, INIT_02, NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, "848211001000000000000000000000000000000000", NULL), 0x6a86);
        assert_int_equal(rig_hex(&rig, "8050770008010203040506070800", NULL), 0x6a88);
        assert_int_equal(rig_hex(&rig, "80502000070102030405060700", NULL), 0x6700);
        assert_int_equal(rig_hex(&rig, "80502000080102030405060708", NULL), 0x6700);
        assert_int_equal(rig_hex(&rig, "80E2000003010100", NULL), 0x6982);
        assert_int_equal(rig_hex(&rig, "8070000000", NULL), 0x6d00);
        assert_int_equal(rig_hex(&rig, "10CA9F7F00", NULL), 0x6e00);
        assert_int_equal(rig_hex(&rig, "81CA9F7F00", NULL), 0x6881);
        assert_int_equal(rig_hex(&rig, "80CA9F7F05", NULL), 0x6c2d);
        assert_int_equal(rig_hex(&rig, "80E200000000FF", NULL), 0x6700);
        assert_int_equal(rig_hex(&rig, "00A404000E315041592E5359532E444446303100", NULL), 0x6a82);
        rig_stop(&rig);
}

static void test_life_cycle(void **state) {
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;

        (void)state;
        perso_static_keys(keys);
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "life", NULL);
        assert_int_equal(host_open(&h, &rig, keys, 0x30, 0x01), 0x9000);
        assert_int_equal(host_send(&h, "80F0800708A000000151000000", NULL), 0x9000);
        assert_int_equal(host_send(&h, "80F0800F08A000000151000000", NULL), 0x9000);
        assert_int_equal(host_send(&h, "80F0800108A000000151000000", NULL), 0x6985);
        rig_remove(&rig);
        rig_insert(&rig, "life", NULL);
        json_t *s = rig_control(&rig, "{\"cmd\":\"state\"}");
        assert_string_equal(json_string_value(json_object_get(s, "life_cycle")), "SECURED");
        json_decref(s);
        rig_stop(&rig);
}

/* A key set as PUT KEY carries it under the DEK of the session. wrong: index of a key whose KCV is not its
 * own. */
static unsigned put_keys(struct host *h, const char *head, const struct emuc_aes_key keys[3], int wrong) {
        static const uint8_t zero[16];
        char text[400];
        size_t n = (size_t)snprintf(text, sizeof text, "%s", head);

        for (int i = 0; i < 3; i++) {
                uint8_t field[23] = {0x88, 0x11, 0x10};
                assert_true(emuc_aes_cbc(&h->dek, true, zero, keys[i].bytes, 16, field + 3));
                field[19] = 3;
                assert_true(emuc_aes_kcv(&keys[i], field + 20));
                field[22] ^= i == wrong;
                assert_true(cw_hex_encode(field, sizeof field, text + n, sizeof text - n));
                n += 2 * sizeof field;
        }
        (void)snprintf(text + n, sizeof text - n, "00");
        return host_send(h, text, NULL);
}

static void test_put_key(void **state) {
        struct emuc_aes_key keys[3], fresh[3] = {{.bytes = {1}, .len = 16}, {{2}, 16}, {{3}, 16}};
        struct rig rig;
        struct host h;
        char info[600];

        (void)state;
        perso_static_keys(keys);
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "keys", NULL);
        assert_int_equal(host_open(&h, &rig, keys, 0x30, 0x33), 0x9000);
        assert_int_equal(put_keys(&h, "80D830814631", fresh, 1), 0x9485);
        rig_expect_violation(&rig, "PUT KEY: 9485");
        assert_int_equal(put_keys(&h, "80D831814632", fresh, -1), 0x6a88);
        assert_int_equal(put_keys(&h, "80D800814630", fresh, -1), 0x6a80);
        assert_int_equal(put_keys(&h, "80D830814680", fresh, -1), 0x6a80);
        assert_int_equal(put_keys(&h, "80D830014631", fresh, -1), 0x6a86);
        struct emuc_aes_key dek = h.dek;
        h.dek = fresh[0]; /* enciphered under another key */
        assert_int_equal(put_keys(&h, "80D830814631", fresh, -1), 0x9485);
        h.dek = dek;
        assert_int_equal(put_keys(&h, "80D830814631", fresh, -1), 0x9000);
        rig_remove(&rig);
        rig_insert(&rig, "keys", NULL);
        assert_int_equal(rig_hex(&rig, "80CA00E000", info), 0x9000);
        assert_non_null(strstr(info, "C00401318810C00402318810C00403318810"));
        assert_null(strstr(info, "3088"));
        assert_int_equal(rig_hex(&rig, INIT_03, NULL), 0x6a88); /* version 30 is gone */
        assert_int_equal(host_open(&h, &rig, fresh, 0x31, 0x33), 0x9000);
        assert_int_equal(host_open(&h, &rig, keys, 0x20, 0x01), 0x9000); /* AES under the DEK of SCP02: no */
        h.dek.len = 16;
        assert_int_equal(put_keys(&h, "80D820814621", fresh, -1), 0x9484);
        rig_stop(&rig);
}

static void test_status_and_delete(void **state) {
        const char *const args[] = {"--apps", "pse,ppse", NULL};
        struct emuc_aes_key keys[3];
        struct rig rig;
        struct host h;
        char data[600];

        (void)state;
        perso_static_keys(keys);
        rig_start(&rig, PERSO_KEYS, args);
        rig_insert(&rig, "delete", NULL);
        assert_int_equal(host_open(&h, &rig, keys, 0x30, 0x13), 0x9000);
        assert_int_equal(host_send(&h, "80F24003024F0000", NULL), 0x6a86); /* next before first */
        assert_int_equal(host_send(&h, "80F24002024F0000", data), 0x6310);
        assert_int_equal(host_send(&h, "80F24003024F0000", data), 0x6310);
        assert_int_equal(host_send(&h, "80F24003024F0000", data), 0x9000);
        assert_string_equal(data, "E31C4F09F043574445424954019F700107C50100C408F043574445424954");
        assert_int_equal(host_send(&h, "80F22000024F0000", data), 0x9000);
        assert_string_equal(data, "08F0435744454249540100");
        assert_int_equal(host_send(&h, "80F21002024F0000", NULL), 0x6a86);
        assert_int_equal(host_send(&h, "80E400000A4F08A00000015100000000", NULL), 0x6985);
        assert_int_equal(host_send(&h, "80E400000B4F09F0435744454249540200", NULL), 0x6a88);
        assert_int_equal(host_send(&h, "80E40000034F010000", NULL), 0x6a80);
        assert_int_equal(host_send(&h, "80E400000B4F09F0435744454249540100", data), 0x9000);
        assert_string_equal(data, "00");
        rig_remove(&rig);
        rig_insert(&rig, "delete", NULL);
        assert_int_equal(rig_hex(&rig, "00A4040009F0435744454249540100", NULL), 0x6a82);
        rig_stop(&rig);
}

static void test_cards_differ(void **state) {
        struct rig rig;
        char a[600], b[600], again[600];

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "one", NULL);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", a), 0x9000);
        rig_remove(&rig);
        rig_insert(&rig, "two", NULL);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", b), 0x9000);
        rig_remove(&rig);
        rig_insert(&rig, "one", NULL);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", again), 0x9000);
        assert_string_not_equal(a, b);
        assert_string_equal(a, again);
        rig_stop(&rig);
}

static void test_faults(void **state) {
        struct rig rig;
        uint8_t cmd[] = {0x80, 0xca, 0x9f, 0x7f, 0x00}, rsp[300];

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "fault", NULL);
        rig_command(&rig, "{\"cmd\":\"fault\",\"kind\":\"sw\",\"ins\":\"CA\",\"sw\":\"6F01\",\"nth\":2}");
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", NULL), 0x9000);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", NULL), 0x6f01);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", NULL), 0x9000);
        rig_command(&rig, "{\"cmd\":\"fault\",\"kind\":\"late\",\"ms\":150}");
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", NULL), 0x9000);
        rig_command(&rig, "{\"cmd\":\"fault\",\"kind\":\"tear\"}");
        assert_int_equal(rig_apdu(&rig, cmd, sizeof cmd, rsp), 0);
        rig_accept(&rig);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", NULL), 0x9000);
        rig_command(&rig, "{\"cmd\":\"fault\",\"kind\":\"die\",\"nth\":1}");
        assert_int_equal(rig_apdu(&rig, cmd, sizeof cmd, rsp), 0);
        assert_int_equal(rig_state(&rig, "connected"), 0);
        assert_int_equal(rig_state(&rig, "present"), 1);
        rig_insert(&rig, "fault", NULL);
        assert_int_equal(rig_state(&rig, "apdus"), 5);
        rig_stop(&rig);
}

static void test_reader_restarts(void **state) {
        struct rig rig;

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "restart", NULL);
        (void)close(rig.reader_fd);
        rig.reader_fd = -1;
        rig_accept(&rig);
        assert_int_equal(rig_hex(&rig, "80CA9F7F00", NULL), 0x9000);
        rig_stop(&rig);
}

/* Extended length: only where the ATR says so, and then an answer may be long. */
static void test_extended(void **state) {
        const char *const args[] = {"--extended", NULL};
        struct rig rig;
        uint8_t atr[64];
        char data[600];
        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        rig_insert(&rig, "short", NULL);
        rig_power(&rig, 1);
        assert_int_equal(rig_hex(&rig, "80CA00E0000000", NULL), 0x6700);
        rig_expect_violation(&rig, "wrong length");
        rig_stop(&rig);
        rig_start(&rig, PERSO_KEYS, args);
        rig_insert(&rig, "long", NULL);
        rig_power(&rig, 1);
        size_t n = rig_atr(&rig, atr);
        assert_memory_equal(atr + n - 6, "\x80\x73\x00\x00\x40", 5);
        assert_int_equal(rig_hex(&rig, "80CA00E0000000", data), 0x9000);
        assert_true(strlen(data) > 2 * 256);
        assert_int_equal(rig_state(&rig, "extended"), 1);
        assert_int_equal(rig_state(&rig, "violation_count"), 0);
        assert_int_equal(rig_hex(&rig, "80CA00E0000010", NULL) >> 8, 0x6c); /* Le too small */
        assert_int_equal(rig_hex(&rig, "80CA00E00000", NULL), 0x6700);
        rig_stop(&rig);
}

static void test_bad_control(void **state) {
        static const char *const bad[] = {"{}",
                                          "[]",
                                          "nonsense",
                                          "{\"cmd\":\"present\"}",
                                          "{\"cmd\":\"present\",\"plastic\":\"/nonexistent/x\"}",
                                          "{\"cmd\":\"fault\",\"kind\":\"odd\"}",
                                          "{\"cmd\":\"fault\",\"kind\":\"sw\"}"};
        struct rig rig;

        (void)state;
        rig_start(&rig, PERSO_KEYS, NULL);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                json_t *r = rig_control(&rig, bad[i]);
                assert_true(json_is_false(json_object_get(r, "ok")));
                assert_non_null(json_string_value(json_object_get(r, "error")));
                json_decref(r);
        }
        rig_stop(&rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_published_traces), cmocka_unit_test(test_pseudo_random_challenges),
            cmocka_unit_test(test_all_levels),       cmocka_unit_test(test_key_information),
            cmocka_unit_test(test_wrong_mac),        cmocka_unit_test(test_wrong_cryptogram_locks),
            cmocka_unit_test(test_auth_order),       cmocka_unit_test(test_life_cycle),
            cmocka_unit_test(test_put_key),          cmocka_unit_test(test_status_and_delete),
            cmocka_unit_test(test_cards_differ),     cmocka_unit_test(test_faults),
            cmocka_unit_test(test_reader_restarts),  cmocka_unit_test(test_bad_control),
            cmocka_unit_test(test_extended),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
