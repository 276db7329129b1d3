/* SPDX-License-Identifier: Apache-2.0 */
/* PIN blocks nibble by nibble, PIN policy, key serial numbers and their register. */
#include "base/file.h"
#include "hsm/ksn_registry.h"
#include "hsm/pin_policy.h"
#include "hsm/pin_zone.h"
#include "hsm/pinblock.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct cw_pin pin_of(const char *digits) {
        struct cw_pin pin = {.len = (uint8_t)strlen(digits)};
        for (size_t i = 0; i < pin.len; i++)
                pin.digit[i] = (uint8_t)(digits[i] - '0');
        return pin;
}

/* What a decoder may take: written down a second time, as plainly as possible. */
static bool acceptable(const uint8_t block[8], unsigned control) {
        unsigned n[16];
        for (size_t i = 0; i < 16; i++)
                n[i] = i % 2 == 0 ? block[i / 2] >> 4 : block[i / 2] & 15u;
        if (n[0] != control || n[1] < 4 || n[1] > 12)
                return false;
        for (size_t i = 2; i < 16; i++) {
                bool filler = control == 1 || (control == 3 && n[i] >= 10) || (control == 4 && n[i] == 10) ||
                              (control % 2 == 0 && control != 4 && n[i] == 15);
                if (i < 2 + n[1] ? n[i] > 9 : !filler)
                        return false;
        }
        return true;
}

static void encode(unsigned format, const struct cw_pin *pin, const uint8_t account[8], uint8_t ret[16]) {
        static const uint8_t filler[CW_PIN_FILLER] = {10, 15, 11, 14, 12, 13, 10, 15, 11, 14, 12, 13, 10, 15};
        if (format == 0)
                cw_pinblock_encode0(pin, account, ret);
        else if (format == 1)
                cw_pinblock_encode1(pin, filler, ret);
        else if (format == 2)
                cw_pinblock_encode2(pin, ret);
        else if (format == 3)
                cw_pinblock_encode3(pin, account, filler, ret);
        else
                cw_pinblock_field4(pin, filler, ret);
}

static cw_rc decode(unsigned format, const uint8_t block[16], const uint8_t account[8], struct cw_pin *ret) {
        return format == 0   ? cw_pinblock_decode0(block, account, ret, NULL)
               : format == 1 ? cw_pinblock_decode1(block, ret, NULL)
               : format == 2 ? cw_pinblock_decode2(block, ret, NULL)
               : format == 3 ? cw_pinblock_decode3(block, account, ret, NULL)
                             : cw_pinblock_decode_field4(block, ret, NULL);
}

/* Every nibble of valid blocks of every format and length set to every value. */
static void mutation(void **state) {
        (void)state;
        static const char digits[] = "405793162840";
        static const uint8_t account[8] = {0};
        unsigned accepted = 0, refused = 0;
        for (size_t len = 4; len <= 12; len++) {
                char text[13];
                (void)snprintf(text, sizeof(text), "%.*s", (int)len, digits);
                struct cw_pin pin = pin_of(text);
                for (unsigned format = 0; format <= 4; format++) {
                        uint8_t good[16] = {0}, block[16] = {0};
                        encode(format, &pin, account, good);
                        for (unsigned i = 0; i < 256; i++) {
                                struct cw_pin out = pin;
                                memcpy(block, good, 8);
                                unsigned shift = i / 16 % 2 == 0 ? 4 : 0;
                                block[i / 32] =
                                    (uint8_t)((block[i / 32] & ~(15u << shift)) | (i % 16) << shift);
                                cw_rc rc = decode(format, block, account, &out);
                                assert_int_equal(rc, acceptable(block, format)
                                                         ? CW_OK
                                                         : CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
                                if (rc != CW_OK) {
                                        static const struct cw_pin nothing;
                                        assert_memory_equal(&out, &nothing, sizeof(out));
                                }
                                (void)(rc == CW_OK ? accepted++ : refused++);
                        }
                }
        }
        assert_true(accepted > 1000 && refused > 1000);
}

static void round_trip(void **state) {
        (void)state;
        static const char *const pins[] = {"0000", "12345", "987654", "999999999999"};
        static const char *const pans[] = {"4111111111111111", "400000123456", "1234567890123456789"};
        for (size_t i = 0; i < 4; i++) {
                for (size_t k = 0; k < 3; k++) {
                        struct cw_pin pin = pin_of(pins[i]), out = {0};
                        uint8_t account[8], other[8], block[8];
                        assert_int_equal(cw_pinblock_account_pan12(pans[k], account, NULL), CW_OK);
                        cw_pinblock_encode0(&pin, account, block);
                        assert_int_equal(cw_pinblock_decode0(block, account, &out, NULL), CW_OK);
                        assert_true(cw_pin_equal(&pin, &out));
                        assert_int_equal(cw_pinblock_account_pan12("4999999999999999", other, NULL), CW_OK);
                        if (pin.len == 4)
                                assert_int_not_equal(cw_pinblock_decode0(block, other, &out, NULL), CW_OK);
                }
        }
}

static void account_fields(void **state) {
        (void)state;
        static const uint8_t short_pan[8] = {0, 0, 0x00, 0x12, 0x34, 0x56, 0x78, 0x90};
        static const uint8_t long_kit[8] = {0, 0, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34};
        uint8_t field[8];
        assert_int_equal(cw_pinblock_account_pan12("12345678901", field, NULL), CW_OK);
        assert_memory_equal(field, short_pan, 8);
        assert_int_equal(cw_pinblock_account_kit16("12345678901234", field, NULL), CW_OK);
        assert_memory_equal(field, long_kit, 8);
        assert_int_equal(cw_rc_class(cw_pinblock_account_pan12("4A12345678901234", field, NULL)),
                         CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_pinblock_account_pan12("41234567890123456789", field, NULL)),
                         CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_pinblock_account_kit16("12A", field, NULL)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_pinblock_account_kit16("", field, NULL)), CW_C_REJECT);
}

static void policy(void **state) {
        (void)state;
        static const struct {
                const char *pin, *code;
        } rows[] = {
            {"0000", "PIN_WEAK"},   {"777777", "PIN_WEAK"},
            {"1234", "PIN_WEAK"},   {"4321", "PIN_WEAK"},
            {"7890", "PIN_WEAK"},   {"0987", "PIN_WEAK"},
            {"890123", "PIN_WEAK"}, {"1235", ""},
            {"1122", ""},           {"4071", ""},
            {"9753", ""},           {"0001", ""},
            {"407", "PIN_LENGTH"},  {"4071952", "PIN_LENGTH"},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct cw_fault f = {0};
                struct cw_pin pin = pin_of(rows[i].pin);
                struct cw_pin_policy p = {.min = 4, .max = 6};
                assert_true(cw_pin_policy_parse("repeated,sequential", &p));
                cw_rc rc = cw_pin_policy_check(&pin, &p, &f);
                assert_string_equal(f.code, rows[i].code);
                assert_int_equal(cw_rc_class(rc), rows[i].code[0] ? CW_C_REJECT : CW_C_NONE);
        }
}

/* Also of a PIN that nobody chooses: the one that comes of the PVK. */
static void policy_length(void **state) {
        (void)state;
        const struct cw_pin_policy branch = {.min = 4, .max = 6}, any = {.min = 0, .max = 99};
        struct cw_fault f = {0};
        for (unsigned len = 0; len < 16; len++) {
                assert_int_equal(cw_rc_class(cw_pin_policy_length(&branch, len, &f)),
                                 len >= 4 && len <= 6 ? CW_C_NONE : CW_C_REJECT);
                assert_int_equal(cw_rc_class(cw_pin_policy_length(&any, len, &f)),
                                 len >= 4 && len <= 12 ? CW_C_NONE : CW_C_REJECT);
        }
        assert_string_equal(f.code, "PIN_LENGTH");
}

/* Each rule alone: what it forbids and what it does not. */
static void policy_rules(void **state) {
        (void)state;
        static const struct {
                const char *rule, *pin;
                bool weak;
        } rows[] = {
            {"", "1111", false},
            {"", "1234", false},
            {"repeated", "1111", true},
            {"repeated", "1234", false},
            {"sequential", "1111", false},
            {"sequential", "3210", true},
            {"birth-date", "2106", true},
            {"birth-date", "0621", true},
            {"birth-date", "1987", true},
            {"birth-date", "0687", true},
            {"birth-date", "8706", true},
            {"birth-date", "210687", true},
            {"birth-date", "870621", true},
            {"birth-date", "062187", true},
            {"birth-date", "21061987", true},
            {"birth-date", "19870621", true},
            {"birth-date", "06211987", true},
            {"birth-date", "061987", true},
            {"birth-date", "2206", false},
            {"birth-date", "21068", false},
            {"pan-digits", "6864", true},
            {"pan-digits", "4686", true},
            {"pan-digits", "680468", false},
            {"pan-digits", "446864", true},
            {"pan-digits", "446861", false},
            {"pan-digits", "6863", false},
            {"repeated,birth-date,pan-digits", "6864", true},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct cw_fault f = {0};
                struct cw_pin pin = pin_of(rows[i].pin);
                struct cw_pin_policy p = {
                    .min = 4, .max = 12, .pan = "4266424680446864", .birth_date_of = "19870621"};
                assert_true(cw_pin_policy_parse(rows[i].rule, &p));
                bool weak = cw_pin_policy_check(&pin, &p, &f) != CW_OK;
                assert_true(weak == rows[i].weak);
                assert_string_equal(f.code, weak ? "PIN_WEAK" : "");
        }
        struct cw_pin_policy p = {0};
        assert_false(cw_pin_policy_parse("repeated;sequential", &p));
        assert_false(cw_pin_policy_parse("birth", &p));
}

/* PCI PIN 3-3, every pair of formats: 0, 3, 4 among each other, 1 to them, nothing to 1, nothing from or
 * to 2. */
static void directions(void **state) {
        (void)state;
        for (unsigned from = 0; from < 7; from++) {
                for (unsigned to = 0; to < 7; to++) {
                        bool source = from == 0 || from == 1 || from == 3 || from == 4;
                        bool target = to == 0 || to == 3 || to == 4;
                        struct cw_fault f = {0};
                        cw_rc rc = cw_pin_zone_allowed(from, to, &f);
                        assert_true((rc == CW_OK) == (source && target));
                        assert_string_equal(f.code, rc == CW_OK ? "" : "PIN_FORMAT");
                }
        }
}

static void ksn_text(void **state) {
        (void)state;
        static const uint8_t want[CW_KSN_LEN] = {0xff, 0xff, 0x98, 0x76, 0x54, 0x32, 0x10, 0xe0, 0x00, 0x01};
        static const char *const same[] = {"FFFF9876543210E00001", "9876543210E00001", "ffff9876543210e00001",
                                           "F9876543210E00001"};
        static const char *const bad[] = {"",
                                          "E00001",
                                          "FFFF9876543210E0000G",
                                          "FFFF9876543210E00000",
                                          "0FFFF9876543210E00001",
                                          "FFFF9876543210FFFFFF",
                                          "FFFF 876543210E00001"};
        uint8_t ksn[CW_KSN_LEN];
        for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
                assert_int_equal(cw_ksn_parse(same[i], ksn, NULL), CW_OK);
                assert_memory_equal(ksn, want, sizeof(want));
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(cw_ksn_parse(bad[i], ksn, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        assert_int_equal(cw_ksn_parse("FFFF9876543210FFFC00", ksn, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        assert_int_equal(cw_ksn_parse("FFFF9876543210FFE000", ksn, NULL),
                         CW_OK); /* counter 1FE000: eight one-bits */
        assert_int_equal(cw_ksn_counter(ksn), 0x1fe000);
}

static char dir[64];

static int make_dir(void **state) {
        (void)state;
        (void)snprintf(dir, sizeof(dir), "/tmp/ksn-test-XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state) {
        (void)state;
        char path[400];
        DIR *d = opendir(dir);
        for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
                (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
                (void)unlink(path);
        }
        if (d)
                (void)closedir(d);
        return rmdir(dir);
}

static cw_rc use(const char *ksn_hex, struct cw_fault *f) {
        uint8_t ksn[CW_KSN_LEN];
        assert_int_equal(cw_ksn_parse(ksn_hex, ksn, NULL), CW_OK);
        const struct cw_ksn_registry r = {dir, "bdk", NULL};
        return cw_ksn_use(&r, CW_KSN_PINS, ksn, f);
}

static void write_register(const char *text) {
        char path[80];
        (void)snprintf(path, sizeof(path), "%s/ksn", dir);
        assert_int_equal(cw_file_write_atomic(path, text, strlen(text), 0600, NULL), CW_OK);
}

static void replay(void **state) {
        (void)state;
        struct cw_fault f = {0};
        assert_int_equal(use("FFFF9876543210E00005", &f), CW_OK);
        assert_int_equal(use("FFFF9876543210E00005", &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_KSN_REPLAY");
        assert_int_equal(use("FFFF9876543210E00004", &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_int_equal(use("FFFF9876543210E00006", &f), CW_OK);
        assert_int_equal(use("FFFF9876543211000001", &f), CW_OK); /* another pad */
        assert_int_equal(use("FFFF9876543210E00006", &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
}

/* With a list only its pads are taken, of each kind; one that is not in it leaves no trace. */
static void listed_pads(void **state) {
        (void)state;
        const struct cw_ksn_registry r = {dir, "pad-bdk", " 1234567890123456  FFFF9876543210E00000"};
        static const char *const unknown[] = {"FFFF9876543211000001", "FFFF9876543210C00001"};
        struct cw_ksn_aes aes = {.ikid = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56}, .counter = 1};
        struct cw_fault f = {0};
        uint8_t ksn[CW_KSN_LEN];
        char path[80];
        (void)snprintf(path, sizeof(path), "%s/ksn", dir);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(cw_ksn_parse(unknown[i], ksn, NULL), CW_OK);
                assert_int_equal(cw_ksn_use(&r, CW_KSN_PINS, ksn, &f),
                                 CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED));
                assert_string_equal(f.code, "HSM_KSN_UNKNOWN");
                assert_non_null(strstr(f.text, i == 0 ? "FFFF9876543211000000" : "FFFF9876543210C00000"));
                assert_non_null(strstr(f.text, "hsm.keys[pad-bdk].iksns"));
        }
        assert_int_not_equal(access(path, F_OK), 0);
        assert_int_equal(cw_ksn_parse("FFFF9876543210E00001", ksn, NULL), CW_OK);
        assert_int_equal(cw_ksn_use(&r, CW_KSN_PINS, ksn, &f), CW_OK);
        assert_int_equal(cw_ksn_use(&r, CW_KSN_PINS, ksn, &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_KSN_REPLAY");
        assert_int_equal(cw_ksn_aes_use(&r, CW_KSN_PINS, &aes, &f), CW_OK);
        aes.ikid[7] ^= 1;
        aes.counter = 2;
        assert_int_equal(cw_ksn_aes_use(&r, CW_KSN_PINS, &aes, &f),
                         CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED));
        assert_int_equal(cw_ksn_listed(r.allowed), 2);
        assert_int_equal(cw_ksn_listed("") + cw_ksn_listed(NULL) + cw_ksn_listed("  "), 0);
}

/* A register that cannot be trusted stops PIN entry; it is not taken for an empty one. */
static void damaged_register(void **state) {
        (void)state;
        static const char *const bad[] = {"x",
                                          "FFFF9876543210E00000 5",
                                          "FFFF9876543210E00000 5\nx\n",
                                          "FFFF9876543210E00001 5\n",
                                          "FFFF9876543210E00000 0\n",
                                          "FFFF9876543210E00000 2097152\n",
                                          "FFFF9876543210E00000 5 \n",
                                          "FFFF9876543210E00000\t5\n",
                                          "\n"};
        struct cw_fault f = {0};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                write_register(bad[i]);
                assert_int_equal(cw_rc_class(use("FFFF9876543210E00005", &f)), CW_C_OPERATOR);
        }
        write_register("FFFF9876543210E00000 2097151\n");
        assert_int_equal(use("FFFF9876543210E00005", &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
}

static void full_register(void **state) {
        (void)state;
        struct cw_fault f = {0};
        char *text = calloc(CW_KSN_PADS_MAX + 1, 32), hex[21];
        assert_non_null(text);
        for (unsigned i = 0; i < CW_KSN_PADS_MAX; i++) {
                (void)snprintf(hex, sizeof(hex), "FFFF98765%05XE00000", i);
                (void)snprintf(text + strlen(text), 32, "%.20s 9\n", hex);
        }
        write_register(text);
        free(text);
        assert_int_equal(cw_rc_class(use("FFFFAAAAAAAAAAE00001", &f)), CW_C_OPERATOR);
        assert_int_equal(use("FFFF9876500007E0000A", &f), CW_OK);
}

/* Workers share the register: of many that use one counter at once, exactly one is let through. */
static void many_workers(void **state) {
        (void)state;
        int passed = 0;
        pid_t pids[8];
        for (size_t i = 0; i < 8; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        uint8_t ksn[CW_KSN_LEN];
                        const struct cw_ksn_registry r = {dir, "bdk", ""};
                        bool ok = cw_ksn_parse("FFFF9876543210E00021", ksn, NULL) == CW_OK;
                        _exit(ok && cw_ksn_use(&r, CW_KSN_PINS, ksn, NULL) == CW_OK ? 1 : 0);
                }
        }
        for (size_t i = 0; i < 8; i++) {
                int status = 0;
                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                passed += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
        }
        assert_int_equal(passed, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(mutation),
            cmocka_unit_test(round_trip),
            cmocka_unit_test(account_fields),
            cmocka_unit_test(policy),
            cmocka_unit_test(policy_length),
            cmocka_unit_test(policy_rules),
            cmocka_unit_test(directions),
            cmocka_unit_test(ksn_text),
            cmocka_unit_test_setup_teardown(replay, make_dir, remove_dir),
            cmocka_unit_test_setup_teardown(listed_pads, make_dir, remove_dir),
            cmocka_unit_test_setup_teardown(damaged_register, make_dir, remove_dir),
            cmocka_unit_test_setup_teardown(full_register, make_dir, remove_dir),
            cmocka_unit_test_setup_teardown(many_workers, make_dir, remove_dir),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
