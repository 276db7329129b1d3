/* SPDX-License-Identifier: Apache-2.0 */
/* Key blocks: the published ones made again bit by bit, changed ones refused, headers and policy. */
#include "test_hsm_soft.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "hsm/keyblock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct rig {
        struct cw_hsm_crypto c;
        struct soft_hsm *soft;
};

static int setup(void **state) {
        static struct rig r;
        r.soft = soft_hsm_new(&r.c);
        *state = &r;
        return r.soft ? 0 : -1;
}

static int teardown(void **state) {
        struct rig *r = *state;
        int leaked = (int)soft_key_count(r->soft);
        soft_hsm_free(r->soft);
        return leaked;
}

static void kbpk_of(struct rig *r, const char *hex, bool aes, struct cw_kbpk *ret) {
        uint8_t value[32];
        size_t n = 0;
        assert_true(cw_hex_decode(hex, strlen(hex), value, sizeof(value), &n));
        assert_int_equal(cw_kbpk_import(&r->c, aes, value, n, ret, NULL), CW_OK);
}

/* Opening gives payload and padding; sealing them again gives the very block. */
static void made_again(void **state) {
        struct rig *r = *state;
        CW_AUTO_JSON json_t *file = json_load_file(CW_VECTORS "/hsm.json", 0, NULL);
        size_t i, count = 0;
        json_t *e;
        json_array_foreach(file, i, e) {
                struct cw_kbpk kbpk = {0};
                struct cw_keyblock_header h;
                uint8_t payload[CW_KEYBLOCK_PAYLOAD_MAX];
                char again[CW_KEYBLOCK_MAX + 1] = "";
                size_t header_len = 0, len = 0;
                if (strcmp(json_string_value(json_object_get(e, "alg")), "tr31_unwrap") != 0)
                        continue;
                const char *block = json_string_value(json_object_get(e, "block"));
                kbpk_of(r, json_string_value(json_object_get(e, "kbpk")), block[0] == 'D', &kbpk);
                assert_int_equal(cw_keyblock_header_parse(block, strlen(block), &h, &header_len, NULL),
                                 CW_OK);
                assert_int_equal(cw_keyblock_open(&r->c, &kbpk, block, header_len, payload, &len, NULL),
                                 CW_OK);
                size_t written = 0, total = 0;
                assert_int_equal(cw_keyblock_header_write(&h, len, again, &written, &total, NULL), CW_OK);
                assert_int_equal(written, header_len);
                assert_int_equal(total, strlen(block));
                assert_int_equal(cw_keyblock_seal(&r->c, &kbpk, again, written, payload, len, NULL), CW_OK);
                assert_string_equal(again, block);
                cw_kbpk_destroy(&r->c, &kbpk);
                count++;
        }
        assert_int_equal(count, 13);
}

/* Every character of a block changed: refused, whatever version. */
static void changed(void **state) {
        struct rig *r = *state;
        static const struct {
                const char *kbpk, *block;
        } rows[] = {
            {"89E88CF7931444F334BD7547FC3F380C",
             "A0072P0TE00E0000F5161ED902807AF26F1D62263644BD24192FDB3193C730301CEE8701"},
            {"1D22BF32387C600AD97F9B97A51311AC", "B0104B0TX12S0100KS1800604B120F9292800000BB68BE8680A400D9191"
                                                 "AD4ECE45B6E6C0D21C4738A52190E248719E24B43"
                                                 "3627"},
            {"B8ED59E0A279A295E9F5ED7944FD06B9", "C0096B0TX12S0100KS1800604B120F9292800000BFB9B689CB567E66FC3"
                                                 "FEE5AD5F52161FC6545B9D60989015D02155C"},
            {"88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6",
             "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425"
             "509593D"
             "03A457DC34"},
        };
        for (size_t i = 0; i < 4; i++) {
                char block[CW_KEYBLOCK_MAX + 1];
                struct cw_kbpk kbpk = {0};
                kbpk_of(r, rows[i].kbpk, rows[i].block[0] == 'D', &kbpk);
                for (size_t at = 0; at < strlen(rows[i].block); at++) {
                        struct cw_keyblock_header h;
                        struct cw_keyblock_key key;
                        memcpy(block, rows[i].block, strlen(rows[i].block) + 1);
                        block[at] = block[at] == '0' ? '1' : '0';
                        assert_int_equal(
                            cw_rc_class(cw_keyblock_unwrap(&r->c, &kbpk, block, NULL, &h, &key, NULL)),
                            CW_C_REJECT);
                        block[at] = '\0';
                        assert_int_equal(
                            cw_rc_class(cw_keyblock_unwrap(&r->c, &kbpk, block, NULL, &h, &key, NULL)),
                            CW_C_REJECT);
                }
                cw_kbpk_destroy(&r->c, &kbpk);
        }
}

static struct cw_keyblock_header header_of(char version, char algorithm, unsigned option_count,
                                           const char *options) {
        struct cw_keyblock_header h = {.version = version,
                                       .usage = "K0",
                                       .algorithm = algorithm,
                                       .mode = 'B',
                                       .key_version = "00",
                                       .exportability = 'N',
                                       .context = '0',
                                       .option_count = option_count};
        memcpy(h.options, options, strlen(options) + 1);
        return h;
}

/* All versions, all lengths, with and without optional blocks: the key comes back, the length tells nothing.
 */
static void round_trip(void **state) {
        struct rig *r = *state;
        static const char tdes[] = "EFE0853B256B583D868F251CE99EA1D9",
                          aes[] = "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6";
        static const char *const options[] = {"", "KS1800604B120F9292800000", "TS1320201231T235959"};
        for (char version = 'A'; version <= 'D'; version++) {
                struct cw_kbpk kbpk = {0};
                kbpk_of(r, version == 'D' ? aes : tdes, version == 'D', &kbpk);
                for (unsigned i = 0; i < 3; i++) {
                        size_t lengths[2] = {0, 0};
                        for (size_t len = 16; len <= 24; len += 8) {
                                struct cw_keyblock_header h = header_of(version, 'T', i > 0, options[i]),
                                                          back;
                                struct cw_keyblock_key key = {.len = len}, got;
                                char block[CW_KEYBLOCK_MAX + 1];
                                memset(key.value, 0x5a, len);
                                assert_int_equal(cw_keyblock_wrap(&r->c, &kbpk, &h, NULL, &key, block, NULL),
                                                 CW_OK);
                                assert_int_equal(
                                    cw_keyblock_unwrap(&r->c, &kbpk, block, NULL, &back, &got, NULL), CW_OK);
                                assert_int_equal(got.len, len);
                                assert_memory_equal(got.value, key.value, len);
                                assert_int_equal(strncmp(back.options, options[i], strlen(options[i])), 0);
                                lengths[len / 8 - 2] = strlen(block);
                        }
                        assert_int_equal(lengths[0], lengths[1]);
                }
                cw_kbpk_destroy(&r->c, &kbpk);
        }
}

static void bad_headers(void **state) {
        (void)state;
        static const char *const rows[] = {
            "",
            "D0016P0AE00E000",          /* shorter than a header */
            "E0016P0AE00E0000",         /* version */
            "D0017P0AE00E0000",         /* length */
            "D00X6P0AE00E0000",         /* length is no number */
            "D0016P\001AE00E0000",      /* control character */
            "D0016P0AE00X0000",         /* exportability */
            "D0016P0AE00E0100",         /* optional block missing */
            "B0024P0TE00E0100KS03AAAA", /* optional block shorter than its head */
            "B0024P0TE00E0100KS09AAAA", /* and longer than what is left */
            "B0024P0TE00E0100KS0aAAAA", /* lower case length */
            "B0024P0TE00E0100KS00FFFF", /* extended length of a length that is too long */
            "B0024P0TE00E0100KS00020A", /* extended length over the end */
            "B0022P0TE00E0100KS06AA",   /* not on a cipher block */
            "B0024P0TE00E0200KS08AAAA", /* second optional block missing */
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct cw_keyblock_header h;
                size_t n = 0;
                assert_int_equal(cw_keyblock_header_parse(rows[i], strlen(rows[i]), &h, &n, NULL),
                                 CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        }
        struct cw_keyblock_header h;
        size_t n = 0;
        assert_int_equal(cw_keyblock_header_parse("B0024P0TE00E0100KS08AAAA", 24, &h, &n, NULL), CW_OK);
        assert_int_equal(n, 24);
        assert_int_equal(cw_keyblock_header_parse("B0032P0TE00E0100KS000210AAAAAAAA", 32, &h, &n, NULL),
                         CW_OK);
        assert_string_equal(h.options, "KS000210AAAAAAAA");
}

static void policy(void **state) {
        (void)state;
        const struct cw_keyblock_policy p = {"BD", "K0 P0", "TA", "BE", "N"};
        struct cw_keyblock_header good = header_of('B', 'T', 0, ""), h = good;
        assert_int_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_OK);
        h.version = 'A';
        assert_int_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        h = good;
        memcpy(h.usage, "B0", 3);
        assert_int_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        h = good;
        memcpy(h.usage, "0 ", 3);
        assert_int_not_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_OK);
        h = good;
        h.algorithm = 'H';
        assert_int_not_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_OK);
        h = good;
        h.mode = 'N';
        assert_int_not_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_OK);
        h = good;
        h.exportability = 'E';
        assert_int_not_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_OK);
        h = good;
        h.algorithm = 'A'; /* AES under TDES */
        assert_int_not_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_OK);
        h.version = 'D';
        assert_int_equal(cw_keyblock_policy_check(&h, &p, NULL), CW_OK);
}

/* The policy holds on the way in and on the way out; key lengths are those of the algorithm. */
static void policy_holds(void **state) {
        struct rig *r = *state;
        const struct cw_keyblock_policy only_pin = {"D", "P0", "A", "E", "N"};
        struct cw_keyblock_header h = header_of('D', 'A', 0, ""), back;
        struct cw_keyblock_key key = {.len = 16}, got;
        struct cw_kbpk kbpk = {0};
        char block[CW_KEYBLOCK_MAX + 1];
        kbpk_of(r, "88E1AB2A2E3DD38C1FA039A536500CC8", true, &kbpk);
        assert_int_equal(cw_rc_class(cw_keyblock_wrap(&r->c, &kbpk, &h, &only_pin, &key, block, NULL)),
                         CW_C_REJECT);
        assert_int_equal(cw_keyblock_wrap(&r->c, &kbpk, &h, NULL, &key, block, NULL), CW_OK);
        assert_int_equal(cw_keyblock_unwrap(&r->c, &kbpk, block, &only_pin, &back, &got, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        key.len = 17;
        assert_int_not_equal(cw_keyblock_wrap(&r->c, &kbpk, &h, NULL, &key, block, NULL), CW_OK);
        key.len = 16;
        h.version = 'B'; /* a TDES version under an AES key */
        assert_int_not_equal(cw_keyblock_wrap(&r->c, &kbpk, &h, NULL, &key, block, NULL), CW_OK);
        cw_kbpk_destroy(&r->c, &kbpk);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(made_again, setup, teardown),
            cmocka_unit_test_setup_teardown(changed, setup, teardown),
            cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
            cmocka_unit_test(bad_headers),
            cmocka_unit_test(policy),
            cmocka_unit_test_setup_teardown(policy_holds, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
