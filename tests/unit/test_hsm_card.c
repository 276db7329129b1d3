/* SPDX-License-Identifier: Apache-2.0 */
/* Card numbers, sealed card numbers, track data, Base64. */
#include "test_hsm_soft.h"

#include "base/buf.h"
#include "hsm/base64.h"
#include "hsm/card_number.h"
#include "hsm/emv_perso.h"
#include "hsm/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct soft_hsm *soft;
static struct cw_hsm_crypto c;
static struct cw_hsm_key key;

static int setup(void **state) {
        (void)state;
        soft = soft_hsm_new(&c);
        return cw_hsm_import(&c, CW_ALG_AES256, CW_USE_ENCRYPT | CW_USE_DECRYPT,
                             "0123456789ABCDEF0123456789ABCDEF", &key, NULL) == CW_OK
                   ? 0
                   : -1;
}

static int teardown(void **state) {
        (void)state;
        cw_hsm_key_destroy(&c, &key);
        int leaked = (int)soft_key_count(soft);
        soft_hsm_free(soft);
        return leaked;
}

static void pan_check(void **state) {
        (void)state;
        static const char *const good[] = {"4111111111111111", "4266424680446864", "4012345678909",
                                           "5413330089600010", "400000123457",     "6304000000000000000"};
        static const char *const bad[] = {"4111111111111112", "41111111111111111111", "41111111111", "",
                                          "411111111111111A", "4111 111111111111"};
        struct cw_pan pan;
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(cw_pan_set(&pan, good[i], strlen(good[i]), NULL), CW_OK);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(cw_pan_set(&pan, bad[i], strlen(bad[i]), NULL),
                                 CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
}

static void pan_mask(void **state) {
        (void)state;
        struct cw_pan pan;
        char masked[CW_PAN_MAX + 1];
        assert_int_equal(cw_pan_set(&pan, "4266424680446864", 16, NULL), CW_OK);
        cw_pan_mask(&pan, masked);
        assert_string_equal(masked, "426642XXXXXX6864");
        assert_int_equal(cw_pan_set(&pan, "400000123457", 12, NULL), CW_OK);
        cw_pan_mask(&pan, masked);
        assert_string_equal(masked, "400000XX3457");
}

static cw_rc open_text(const char *text, struct cw_pan *pan) {
        struct cw_card_number n;
        cw_rc rc = cw_card_number_parse(text, strlen(text), &n, NULL);
        return rc != CW_OK ? rc : cw_card_number_open(&c, &key, &n, pan, NULL);
}

static void seal_and_open(void **state) {
        (void)state;
        static const char *const pans[] = {"400000123457", "4012345678909", "4111111111111111"};
        char text[CW_CARD_NUMBER_TEXT_MAX], hex[2 * CW_CARD_NUMBER_TEXT_MAX];
        uint8_t bytes[64];
        size_t n = 0;
        for (size_t i = 0; i < 3; i++) {
                struct cw_pan pan, out;
                assert_int_equal(cw_pan_set(&pan, pans[i], strlen(pans[i]), NULL), CW_OK);
                assert_int_equal(cw_card_number_seal(&c, &key, &pan, text, NULL), CW_OK);
                assert_int_equal(open_text(text, &out), CW_OK);
                assert_true(cw_pan_equal(&pan, &out));
                assert_true(cw_base64_decode(text, strlen(text), bytes, sizeof(bytes), &n));
                assert_true(cw_hex_encode(bytes, n, hex, sizeof(hex)));
                assert_int_equal(open_text(hex, &out), CW_OK);
                assert_true(cw_pan_equal(&pan, &out));
                for (size_t k = 0; k < n; k++) { /* no byte may change unseen */
                        bytes[k] ^= 0x20;
                        assert_true(cw_hex_encode(bytes, n, hex, sizeof(hex)));
                        assert_int_equal(open_text(hex, &out), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
                        bytes[k] ^= 0x20;
                }
        }
}

/* The older form: 16 digits and a PKCS#7 block, AES-ECB; 32 bytes as 44 characters or 64 hex digits. */
static void first_version(void **state) {
        (void)state;
        uint8_t plain[32], sealed[32];
        char text[80];
        struct cw_pan pan;
        memcpy(plain, "4111111111111111", 16);
        memset(plain + 16, 16, 16);
        assert_int_equal(cw_hsm_encrypt(&c, &key, CW_MODE_ECB, NULL, plain, 32, sealed, NULL), CW_OK);
        assert_true(cw_base64_encode(sealed, 32, text, sizeof(text)));
        assert_int_equal(strlen(text), 44);
        assert_int_equal(open_text(text, &pan), CW_OK);
        assert_string_equal(pan.digits, "4111111111111111");
        assert_true(cw_hex_encode(sealed, 32, text, sizeof(text)));
        assert_int_equal(open_text(text, &pan), CW_OK);
        sealed[31] ^= 1;
        assert_true(cw_hex_encode(sealed, 32, text, sizeof(text)));
        assert_int_equal(open_text(text, &pan), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
        sealed[31] ^= 1;
        sealed[0] ^= 1;
        assert_true(cw_hex_encode(sealed, 32, text, sizeof(text)));
        assert_int_equal(open_text(text, &pan), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
}

static void malformed_card_numbers(void **state) {
        (void)state;
        static const char *const bad[] = {"",
                                          "=",
                                          "AAAA",
                                          "zz",
                                          "0011",
                                          "QUJD\n",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=A",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="};
        struct cw_pan pan;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(open_text(bad[i], &pan), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        char text[201];
        memset(text, 'A', 200);
        text[200] = '\0';
        assert_int_equal(open_text(text, &pan), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
}

static void track_names(void **state) {
        (void)state;
        static const struct {
                const char *name, *want;
        } rows[] = {
            {"Asha Rao", "RAO/ASHA"},
            {"RAO/ASHA", "RAO/ASHA"},
            {"  asha   kumari\trao ", "RAO/ASHA KUMARI"},
            {"O'Neil Mc-Coy", "MC-COY/ONEIL"},
            {"Rao, Asha", "ASHA/RAO"},
            {"Asha", "ASHA/"},
            {"RAO / ASHA / X", "RAO/ASHA X"},
            {"J\xc3\xb6rg Stra\xc3\x9f"
             "e",
             "STRAE/JRG"},
            {"A%B^C?D;E=F", "ABCDEF/"},
            {"Venkataraghavan Narasimharajuvaripeta", "NARASIMHARAJUVARIPETA/VENK"},
        };
        char out[CW_TRACK_NAME_MAX + 1];
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_int_equal(cw_track_name(rows[i].name, out, NULL), CW_OK);
                assert_string_equal(out, rows[i].want);
        }
        assert_int_equal(cw_rc_class(cw_track_name("", out, NULL)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_track_name(" / ", out, NULL)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_track_name("\xe0\xa4\x86", out, NULL)), CW_C_REJECT);
}

static struct cw_track_data track_data(void) {
        return (struct cw_track_data){"4111111111111111", "2907", "220", "RAO/ASHA", "00000{cvv}00"};
}

static void tracks(void **state) {
        (void)state;
        struct cw_track_data d = track_data();
        char one[CW_TRACK1_MAX + 1], two[CW_TRACK2_MAX + 1], hex[64];
        uint8_t packed[CW_TRACK2_EQUIVALENT_MAX];
        size_t n = 0;
        assert_int_equal(cw_track1(&d, "123", one, NULL), CW_OK);
        assert_string_equal(one, "B4111111111111111^RAO/ASHA^29072200000012300");
        assert_int_equal(cw_track2(&d, "123", two, NULL), CW_OK);
        assert_string_equal(two, "4111111111111111=29072200000012300");
        assert_int_equal(cw_track2_equivalent(&d, "456", packed, &n, NULL), CW_OK);
        assert_true(cw_hex_encode(packed, n, hex, sizeof(hex)));
        assert_string_equal(hex, "4111111111111111D29072200000045600");
        d.discretionary = "1{cvv}";
        assert_int_equal(cw_track2_equivalent(&d, "456", packed, &n, NULL), CW_OK);
        assert_true(cw_hex_encode(packed, n, hex, sizeof(hex)));
        assert_string_equal(hex, "4111111111111111D29072201456");
        d.discretionary = "12{cvv}";
        assert_int_equal(cw_track2_equivalent(&d, "456", packed, &n, NULL), CW_OK);
        assert_true(cw_hex_encode(packed, n, hex, sizeof(hex)));
        assert_string_equal(hex, "4111111111111111D290722012456F");
}

static void track_limits(void **state) {
        (void)state;
        struct cw_track_data d = track_data();
        char one[CW_TRACK1_MAX + 1], two[CW_TRACK2_MAX + 1];
        uint8_t packed[CW_TRACK2_EQUIVALENT_MAX];
        size_t n = 0;
        d.discretionary = "0000000000{cvv}"; /* 16 + 1 + 7 + 13 = 37 */
        assert_int_equal(cw_track2(&d, "123", two, NULL), CW_OK);
        assert_int_equal(strlen(two), 37);
        assert_int_equal(cw_track2_equivalent(&d, "123", packed, &n, NULL), CW_OK);
        assert_int_equal(n, 19);
        d.discretionary = "00000000000{cvv}";
        assert_int_equal(cw_track2(&d, "123", two, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG));
        assert_int_equal(cw_track2_equivalent(&d, "123", packed, &n, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG));
        d.discretionary = "000000000000000000000000{cvv}";
        d.track_name = "ABCDEFGHIJKLMNOPQRSTUVW/YZ";
        assert_int_equal(cw_track1(&d, "123", one, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG));
        d.discretionary = "00{cvX}";
        assert_int_equal(cw_track2_equivalent(&d, "123", packed, &n, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
}

static void base64(void **state) {
        (void)state;
        static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
        static const char *const coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
        static const char *const bad[] = {
            "Zg=", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9v=", "Zm-v", "===="};
        char text[16];
        uint8_t out[16];
        size_t n = 0;
        for (size_t i = 0; i < 7; i++) {
                assert_true(cw_base64_encode(plain[i], strlen(plain[i]), text, sizeof(text)));
                assert_string_equal(text, coded[i]);
                assert_true(cw_base64_decode(coded[i], strlen(coded[i]), out, sizeof(out), &n));
                assert_int_equal(n, strlen(plain[i]));
                assert_memory_equal(out, plain[i], n);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_false(cw_base64_decode(bad[i], strlen(bad[i]), out, sizeof(out), &n));
        assert_false(cw_base64_encode("foobar", 6, text, 8));
        assert_false(cw_base64_decode("Zm9vYmFy", 8, out, 5, &n));
}

/* The reference PIN nobody knows: a valid block of 12 digits, another one each time, even from a biased
 * generator. */
static void unknown_pin(void **state) {
        (void)state;
        uint8_t a[8], b[8];
        struct cw_pin pin;
        assert_int_equal(cw_emv_dgi_8010(&c, CW_EMV_PIN_FORMAT2, a, NULL), CW_OK);
        assert_int_equal(cw_emv_dgi_8010(&c, CW_EMV_PIN_FORMAT2, b, NULL), CW_OK);
        assert_int_equal(cw_pinblock_decode2(a, &pin, NULL), CW_OK);
        assert_int_equal(pin.len, 12);
        assert_memory_not_equal(a, b, 8);
        assert_int_equal(cw_emv_dgi_8010(&c, CW_EMV_PIN_FORMAT1, a, NULL), CW_OK);
        assert_int_equal(cw_emv_dgi_8010(&c, CW_EMV_PIN_CONTROL0, b, NULL), CW_OK);
        assert_int_equal(a[0], 0x1c);
        assert_int_equal(b[0], 0x0c);
        assert_int_equal(b[7], 0xff);
        for (size_t i = 1; i < 7; i++)
                assert_true(a[i] >> 4 < 10 && (a[i] & 15) < 10 && b[i] >> 4 < 10 && (b[i] & 15) < 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(pan_check),
            cmocka_unit_test(pan_mask),
            cmocka_unit_test_setup_teardown(seal_and_open, setup, teardown),
            cmocka_unit_test_setup_teardown(first_version, setup, teardown),
            cmocka_unit_test_setup_teardown(malformed_card_numbers, setup, teardown),
            cmocka_unit_test(track_names),
            cmocka_unit_test(tracks),
            cmocka_unit_test(track_limits),
            cmocka_unit_test(base64),
            cmocka_unit_test_setup_teardown(unknown_pin, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
