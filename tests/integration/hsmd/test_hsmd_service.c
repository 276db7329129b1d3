/* SPDX-License-Identifier: Apache-2.0 */
/* Service sessions of a running cardwright-hsmd: PINs between zones, verification values, MACs, PIN pads. */
#include "card.h"
#include "rig.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAN "4111111111111111"
#define ACCOUNT "0000111111111111" /* 12 digits without the check digit */

static struct rig rig;

static int setup(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true});
        return 0;
}

static int setup_nss(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true, .nss = true, .no_host_memory = true});
        return 0;
}

static int setup_nss_host(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true, .nss = true});
        return 0;
}

static int setup_refusing(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true, .no_host_memory = true});
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static int service(const char *pan, const char *plastic) {
        struct cw_fault f = {0};
        int fd = -1;
        assert_int_equal(rig_open_service(&rig, pan, plastic, &fd, &f), CW_OK);
        return fd;
}

/* One call: members as JSON text, attachment as bytes. "" or the fault's code. */
static struct cw_msg *last;
static const char *ask(int fd, const char *members, const void *att, size_t len) {
        static struct cw_fault f;
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(CW_MSG_REQUEST);
        json_error_t error;
        CW_AUTO_JSON json_t *json = json_loads(members, 0, &error);
        assert_non_null(m);
        assert_non_null(json);
        assert_int_equal(json_object_update(m->json, json), 0);
        if (att != NULL)
                assert_int_equal(cw_msg_attach_copy(m, att, len), CW_OK);
        cw_msg_free(last);
        last = NULL;
        f = (struct cw_fault){0};
        return cw_ipc_call(fd, m, cw_deadline_ns(20000), &last, &f) == CW_OK ? "" : f.code;
}

static const struct cw_secret *answer(size_t len) {
        assert_true(last->att_count > 0);
        assert_int_equal(last->att[0]->len, len);
        return last->att[0];
}

static size_t unhex(const char *text, uint8_t *ret, size_t cap) {
        size_t n = 0;
        assert_true(cw_hex_decode(text, strlen(text), ret, cap, &n));
        return n;
}

/* Clear field (16 hex digits) with the account mixed in where the format has it, under a TDES zone key. */
static void tdes_block(const uint8_t key[16], const char *field, bool account, uint8_t ret[8]) {
        uint8_t pan[8];
        (void)unhex(field, ret, 8);
        (void)unhex(ACCOUNT, pan, 8);
        for (size_t i = 0; account && i < 8; i++)
                ret[i] ^= pan[i];
        ossl_cipher("DES-EDE-ECB", true, key, NULL, ret, 8, ret);
}

static void tdes_open(const uint8_t key[16], const uint8_t *block, char ret[17]) {
        uint8_t pan[8], clear[8];
        (void)unhex(ACCOUNT, pan, 8);
        ossl_cipher("DES-EDE-ECB", false, key, NULL, block, 8, clear);
        for (size_t i = 0; i < 8; i++)
                clear[i] ^= pan[i];
        assert_true(cw_hex_encode(clear, 8, ret, 17));
}

static void pan_field4(uint8_t ret[16]) {
        (void)unhex("44111111111111111000000000000000", ret, 16);
}

static void aes_block(const uint8_t key[16], const char *field, uint8_t ret[16]) {
        uint8_t pan[16];
        (void)unhex(field, ret, 16);
        pan_field4(pan);
        ossl_cipher("AES-128-ECB", true, key, NULL, ret, 16, ret);
        for (size_t i = 0; i < 16; i++)
                ret[i] ^= pan[i];
        ossl_cipher("AES-128-ECB", true, key, NULL, ret, 16, ret);
}

static void aes_open(const uint8_t key[16], const uint8_t *block, char ret[33]) {
        uint8_t pan[16], clear[16];
        pan_field4(pan);
        ossl_cipher("AES-128-ECB", false, key, NULL, block, 16, clear);
        for (size_t i = 0; i < 16; i++)
                clear[i] ^= pan[i];
        ossl_cipher("AES-128-ECB", false, key, NULL, clear, 16, clear);
        assert_true(cw_hex_encode(clear, 16, ret, 33));
}

static const char *translate(int fd, int from, int to, const char *field) {
        uint8_t block[16];
        char members[160];
        if (from == 4)
                aes_block(rig_zone4_in, field, block);
        else
                tdes_block(rig_zone_in, field, from != 1, block);
        (void)snprintf(members, sizeof(members),
                       "{\"call\":\"pin.translate\",\"source\":\"%s\",\"source_format\":%d,\"target\":\"%s\","
                       "\"target_format\":%d}",
                       from == 4 ? "zone4-in" : "zone-in", from, to == 4 ? "zone4-out" : "zone-out", to);
        return ask(fd, members, block, from == 4 ? 16 : 8);
}

/* The PIN digits arrive in the right format; random fillers are of the right kind. */
static void assert_translated(int to, const char *pin) {
        char field[33], want[17] = "";
        size_t len = strlen(pin);
        if (to == 4)
                aes_open(rig_zone4_out, answer(16)->ptr, field);
        else
                tdes_open(rig_zone_out, answer(8)->ptr, field);
        (void)snprintf(want, sizeof(want), "%d%zX%s", to, len, pin);
        assert_memory_equal(field, want, 2 + len);
        for (size_t i = 2 + len; i < 16; i++) {
                if (to == 3)
                        assert_true(field[i] >= 'A' && field[i] <= 'F');
                else
                        assert_int_equal(field[i], to == 0 ? 'F' : 'A');
        }
}

static void between_zones(void **state) {
        (void)state;
        static const struct {
                int from, to;
                const char *field, *pin;
        } rows[] = {{0, 0, "041234FFFFFFFFFF", "1234"},
                    {0, 3,
                     "051234"
                     "5FFFFFFFFF",
                     "12345"},
                    {0, 4, "0C123456789012FF", "123456789012"},
                    {3, 0, "341234ABCDEFABCD", "1234"},
                    {3, 4,
                     "361234"
                     "56ABCDEFAB",
                     "123456"},
                    {1, 0, "1412340123456789", "1234"},
                    {1, 4, "141234FFFFFFFFFF", "1234"},
                    {4, 0, "441234AAAAAAAAAA0123456789ABCDEF", "1234"},
                    {4, 3, "4A1234567890AAAA0123456789ABCDEF", "1234567890"}};
        int fd = service(PAN, RIG_SCP03);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_string_equal(translate(fd, rows[i].from, rows[i].to, rows[i].field), "");
                assert_translated(rows[i].to, rows[i].pin);
        }
        (void)close(fd);
}

static void forbidden_directions(void **state) {
        (void)state;
        static const int rows[][2] = {{0, 1}, {3, 1}, {1, 1}, {0, 2}, {2, 0}, {2, 4}};
        int fd = service(PAN, RIG_SCP03);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_string_equal(translate(fd, rows[i][0], rows[i][1], "041234FFFFFFFFFF"), "PIN_FORMAT");
        (void)close(fd);
}

/* The reference's list, each deciphered right and refused with the one and same error. */
static void bad_blocks(void **state) {
        (void)state;
        static const struct {
                int format;
                const char *field;
        } rows[] = {{0, "041234FFFFFFFFF3"},
                    {0, "04123AFFFFFFFFFF"},
                    {0, "031234FFFFFFFFFF"},
                    {0, "0D12345678901234"},
                    {0, "141234FFFFFFFFFF"},
                    {0, "0C123456789012F0"},
                    {1, "041234FFFFFFFFFF"},
                    {1, "13123FFFFFFFFFFF"},
                    {3, "341234AAAAAAAAA1"},
                    {3, "241234FFFFFFFFFF"},
                    {0, "241234FFFFFFFFF0"},
                    {4, "441234AAAAAAAAABAAAAAAAAAAAAAAAA"},
                    {4, "341234AAAAAAAAAAAAAAAAAAAAAAAAAA"}};
        int fd = service(PAN, RIG_SCP03);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_string_equal(translate(fd, rows[i].format, 0, rows[i].field), "PIN_BLOCK");
        (void)close(fd);
}

static void purposes_are_kept(void **state) {
        (void)state;
        uint8_t block[8] = {0};
        int fd = service(PAN, RIG_SCP03);
        static const char *const wrong[] = {
            "{\"call\":\"pin.translate\",\"source\":\"zone-out\",\"source_format\":0,\"target\":\"zone-out\","
            "\"target_format\":0}",
            "{\"call\":\"pin.translate\",\"source\":\"zone-in\",\"source_format\":0,\"target\":\"zone-in\","
            "\"target_format\":0}",
            "{\"call\":\"pin.translate\",\"source\":\"bdk\",\"source_format\":0,\"target\":\"zone-out\","
            "\"target_format\":0}",
            "{\"call\":\"pin.translate\",\"source\":\"zone-in\",\"ksn\":\"FFFF9876543210E00001\","
            "\"source_format\":0,\"target\":\"zone-out\",\"target_format\":0}",
            "{\"call\":\"mac.generate\",\"key\":\"pvk\",\"algorithm\":\"iso9797-3\"}",
            "{\"call\":\"mac.generate\",\"key\":\"cvk\",\"algorithm\":\"iso9797-3\"}",
            "{\"call\":\"dukpt.mac\",\"key\":\"mac-aes\",\"ksn\":\"123456789012345600000001\","
            "\"direction\":\"generate\"}"};
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                assert_string_equal(ask(fd, wrong[i], block, 8), "HSM_KEY");
        (void)close(fd);
}

/* What a stranger computes from the clear values: digits of x in two passes. */
static void decimals(const uint8_t x[8], size_t count, char *ret) {
        size_t n = 0;
        for (unsigned pass = 0; pass < 2; pass++) {
                for (size_t i = 0; i < 16 && n < count; i++) {
                        unsigned v = i % 2 == 0 ? x[i / 2] >> 4 : x[i / 2] & 15u;
                        if (pass == 0 ? v < 10 : v >= 10)
                                ret[n++] = (char)('0' + v % 10);
                }
        }
        ret[count] = '\0';
}

static void visa_pvv(const char *digits, char ret[5]) {
        static const uint8_t k[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
        uint8_t x[8];
        (void)unhex(digits, x, 8);
        ossl_cipher("DES-EDE-ECB", true, k, NULL, x, 8, x);
        decimals(x, 4, ret);
}

/* PAN | unpredictable number | authentication result and second factor, zeros to 32 digits */
static void visa_cavv(const uint8_t key[16], const char *digits, char ret[4]) {
        uint8_t b[16], left[16], x[8];
        (void)unhex(digits, b, 16);
        memcpy(left, key, 8);
        memcpy(left + 8, key, 8);
        ossl_cipher("DES-EDE-ECB", true, left, NULL, b, 8, x);
        for (size_t i = 0; i < 8; i++)
                x[i] ^= b[8 + i];
        ossl_cipher("DES-EDE-ECB", true, key, NULL, x, 8, x);
        decimals(x, 3, ret);
}

static void pvv(void **state) {
        (void)state;
        char want[5];
        uint8_t block[8];
        int fd = service(PAN, RIG_SCP03);
        for (unsigned pin = 1573; pin < 1577; pin++) {
                char field[17], digits[17];
                (void)snprintf(field, sizeof(field), "04%04uFFFFFFFFFF", pin);
                (void)snprintf(digits, sizeof(digits), "111111111111%04u", pin);
                visa_pvv(digits, want); /* 11 digits 1 of the PAN, key index 1, PIN */
                tdes_block(rig_zone_in, field, true, block);
                assert_string_equal(
                    ask(fd, "{\"call\":\"pin.pvv\",\"source\":\"zone-in\",\"source_format\":0}", block, 8),
                    "");
                assert_memory_equal(answer(4)->ptr, want, 4);
        }
        assert_string_equal(
            ask(fd, "{\"call\":\"pin.pvv\",\"source\":\"zone-in\",\"source_format\":0}", block, 8),
            "HSM_REFUSED"); /* not that often */
        (void)close(fd);
}

/* natural PIN = table[nibbles of E(validation data)], offset = PIN - natural */
static void ibm3624(void **state) {
        (void)state;
        static const uint8_t k[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
        static const char table[] = "1234567890123456";
        uint8_t x[8], block[8];
        char natural[13], offset[7], field[17];
        int fd = service(PAN, RIG_SCP02);
        (void)unhex(PAN, x, 8);
        ossl_cipher("DES-EDE-ECB", true, k, NULL, x, 8, x);
        for (size_t i = 0; i < 12; i++)
                natural[i] = table[i % 2 == 0 ? x[i / 2] >> 4 : x[i / 2] & 15];
        natural[12] = '\0';
        for (size_t i = 0; i < 6; i++)
                offset[i] = (char)('0' + (("907531"[i] - natural[i]) + 10) % 10);
        tdes_block(rig_zone_in, "06907531FFFFFFFF", true, block);
        assert_string_equal(
            ask(fd, "{\"call\":\"pin.offset\",\"source\":\"zone-in\",\"source_format\":0}", block, 8), "");
        assert_memory_equal(answer(6)->ptr, offset, 6);
        assert_string_equal(
            ask(fd,
                "{\"call\":\"pin.generate\",\"natural\":true,\"length\":6,\"target\":\"zone-out\","
                "\"target_format\":0}",
                NULL, 0),
            "");
        tdes_open(rig_zone_out, answer(8)->ptr, field);
        assert_memory_equal(field, "06", 2);
        assert_memory_equal(field + 2, natural, 6);
        assert_int_equal(last->att_count, 2);
        assert_memory_equal(last->att[1]->ptr, "000000", 6);
        assert_string_equal(
            ask(fd, "{\"call\":\"pin.pvv\",\"source\":\"zone-in\",\"source_format\":0}", block, 8),
            "HSM_PRODUCT");
        (void)close(fd);
}

static void generated(void **state) {
        (void)state;
        static const char call[] =
            "{\"call\":\"pin.generate\",\"length\":6,\"target\":\"zone-out\",\"target_format\":0}";
        char one[17], two[17], digits[17] = "111111111111", want[5];
        int fd = service(PAN, RIG_SCP03);
        assert_string_equal(ask(fd, call, NULL, 0), "");
        tdes_open(rig_zone_out, answer(8)->ptr, one);
        memcpy(digits + 12, one + 2, 4);
        visa_pvv(digits, want);
        assert_memory_equal(last->att[1]->ptr, want, 4);
        assert_string_equal(ask(fd, call, NULL, 0), "");
        tdes_open(rig_zone_out, answer(8)->ptr, two);
        assert_memory_equal(one, "06", 2);
        assert_string_equal(one + 8, "FFFFFFFF");
        assert_string_not_equal(one, two);
        (void)close(fd);
}

static void macs(void **state) {
        (void)state;
        static const struct {
                const char *members, *mac; /* psec; CMAC: OpenSSL */
        } rows[] = {{"\"algorithm\":\"cmac\"", "789A3D028AF4A75A"},
                    {"\"algorithm\":\"iso9797-3\",\"padding\":1", "3DDE5C5511661CBF"},
                    {"\"algorithm\":\"iso9797-3\",\"padding\":2", "E16941032C3BC7D4"},
                    {"\"algorithm\":\"iso9797-3\",\"padding\":3", "BA90F750EF43F668"}};
        static const char msg[] = "hello world";
        uint8_t mac[16];
        char hex[33], members[200];
        int fd = service(PAN, RIG_SCP03);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                (void)snprintf(members, sizeof(members),
                               "{\"call\":\"mac.generate\",\"key\":\"mac-tdes\",%s}", rows[i].members);
                assert_string_equal(ask(fd, members, msg, 11), "");
                assert_string_equal(cw_msg_str(last, "mac", ""), rows[i].mac);
                (void)snprintf(members, sizeof(members),
                               "{\"call\":\"mac.verify\",\"key\":\"mac-tdes\",%s,\"mac\":\"%.8s\"}",
                               rows[i].members, rows[i].mac);
                assert_string_equal(ask(fd, members, msg, 11), "");
                assert_true(cw_msg_bool(last, "equal", false));
                assert_string_equal(ask(fd, members, msg, 10), "");
                assert_false(cw_msg_bool(last, "equal", true));
        }
        ossl_aes_cmac(rig_zone4_in, 16, (const uint8_t *)msg, 11, mac);
        assert_true(cw_hex_encode(mac, 16, hex, sizeof(hex)));
        assert_string_equal(
            ask(fd, "{\"call\":\"mac.generate\",\"key\":\"mac-aes\",\"algorithm\":\"cmac\"}", msg, 11), "");
        assert_string_equal(cw_msg_str(last, "mac", ""), hex);
        (void)close(fd);
}

static void values(void **state) {
        (void)state;
        static const uint8_t track[] = "a static track";
        uint8_t mk[16], mac[8], x[8];
        char want[6], pan[33] = PAN "1108100000000000";
        int fd = service(PAN, RIG_SCP03);
        visa_cavv(rig_imk_smi, pan, want);
        assert_string_equal(ask(fd,
                                "{\"call\":\"value.cavv\",\"upn\":\"1108\",\"auth_result\":\"1\","
                                "\"second_factor\":\"00\"}",
                                NULL, 0),
                            "");
        assert_memory_equal(answer(3)->ptr, want, 3);
        card_emv_master(rig_imk_ac, PAN, "00", mk);
        memcpy(pan,
               "3210"
               "111111111111"
               "3012226000000000",
               33);
        visa_cavv(mk, pan, want); /* a dCVV is made the same way */
        assert_string_equal(
            ask(fd, "{\"call\":\"value.dcvv\",\"atc\":\"3210\",\"service_code\":\"226\"}", NULL, 0), "");
        assert_memory_equal(answer(3)->ptr, want, 3);
        ossl_retail_mac(mk, (const uint8_t[8]){0}, track, sizeof(track), mac);
        (void)unhex("0000000008990000", x, 8);
        memcpy(x, mac + 6, 2);
        (void)unhex("005E", x + 6, 2);
        ossl_cipher("DES-EDE-ECB", true, mk, NULL, x, 8, x);
        (void)snprintf(want, sizeof(want), "%05u", (unsigned)(x[6] << 8 | x[7]) & 0xffffu);
        assert_string_equal(
            ask(fd, "{\"call\":\"value.cvc3\",\"un\":\"00000899\",\"atc\":\"005E\"}", track, sizeof(track)),
            "");
        assert_memory_equal(answer(5)->ptr, want, 5);
        (void)close(fd);
}

/* X9.24-3:2017: pad 1234567890123456, counter 1 */
static void aes_pin_pad(void **state) {
        (void)state;
        static const char pin[] = "{\"call\":\"pin.translate\",\"source\":\"bdk4\",\"source_format\":4,"
                                  "\"ksn\":\"123456789012345600000001\",\"target\":\"zone-out\","
                                  "\"target_format\":0}";
        uint8_t block[16], key[16], mac[16], clear[16] = "data of the pad.", sealed[16];
        char members[200], hex[33];
        int fd = service(PAN, RIG_SCP03);
        (void)unhex("A912150391AB65A67E52883D81CE2D15", block, 16);
        assert_string_equal(ask(fd, pin, block, 16), "");
        assert_translated(0, "1234");
        assert_string_equal(ask(fd, pin, block, 16), "HSM_KSN_REPLAY");
        (void)unhex("A2DC23DE6FDE0824A2BC321E08E4B8B7", key, 16);
        ossl_aes_cmac(key, 16, clear, sizeof(clear), mac);
        assert_true(cw_hex_encode(mac, 8, hex, sizeof(hex)));
        (void)snprintf(members, sizeof(members),
                       "{\"call\":\"dukpt.mac\",\"key\":\"bdk4\",\"ksn\":\"123456789012345600000001\","
                       "\"direction\":\"verify\",\"mac\":\"%s\"}",
                       hex);
        assert_string_equal(ask(fd, members, clear, sizeof(clear)), "");
        assert_true(cw_msg_bool(last, "equal", false));
        assert_string_equal(ask(fd, members, clear, sizeof(clear)), "HSM_KSN_REPLAY");
        (void)unhex("A35C412EFD41FDB98B69797C02DCD08F", key, 16);
        ossl_cipher("AES-128-CBC", true, key, (const uint8_t[16]){0}, clear, 16, sealed);
        assert_string_equal(
            ask(fd,
                "{\"call\":\"dukpt.data\",\"key\":\"bdk4\",\"ksn\":\"123456789012345600000001\","
                "\"direction\":\"decrypt\"}",
                sealed, 16),
            "");
        assert_memory_equal(answer(16)->ptr, clear, 16);
        (void)close(fd);
}

/* X9.24-1:2009 A.4 */
static void tdes_pin_pad(void **state) {
        (void)state;
        rig_skip_opencryptoki(&rig, "a PAN of 13 digits comes sealed with GCM, which it does not have");
        static const char msg[24] = "4012345678909D987";
        uint8_t block[8];
        char field[17], members[160];
        int fd = service("4012345678909", RIG_SCP03);
        (void)unhex("1B9C1845EB993A7A", block, 8);
        static const char pin[] =
            "{\"call\":\"pin.translate\",\"source\":\"bdk\",\"source_format\":0,"
            "\"ksn\":\"FFFF9876543210E00001\",\"target\":\"zone-out\",\"target_format\":0}";
        assert_string_equal(ask(fd, pin, block, 8), "");
        uint8_t clear[8];
        ossl_cipher("DES-EDE-ECB", false, rig_zone_out, NULL, answer(8)->ptr, 8, clear);
        assert_true(cw_hex_encode(clear, 8, field, sizeof(field)));
        assert_string_equal(field, "041274EDCBA9876F");
        assert_string_equal(ask(fd, pin, block, 8), "HSM_KSN_REPLAY");
        assert_string_equal(ask(fd,
                                "{\"call\":\"dukpt.mac\",\"key\":\"bdk\",\"ksn\":\"FFFF9876543210E00001\","
                                "\"direction\":\"verify\",\"mac\":\"9CCC7817\"}",
                                msg, sizeof(msg)),
                            "");
        assert_true(cw_msg_bool(last, "equal", false));
        static const char answer_to_pad[] =
            "{\"call\":\"dukpt.%s\",\"key\":\"bdk\",\"ksn\":\"FFFF9876543210E00001\","
            "\"direction\":\"%s\"%s}";
        (void)snprintf(members, sizeof(members), answer_to_pad, "mac", "generate", "");
        assert_string_equal(ask(fd, members, msg, sizeof(msg)), "");
        assert_string_equal(cw_msg_str(last, "mac", ""), "20364223");
        for (size_t i = 0; i < 2; i++) { /* of its own key, and of the pad's */
                (void)snprintf(members, sizeof(members), answer_to_pad, "data", "encrypt",
                               i ? ",\"both\":true" : "");
                assert_string_equal(ask(fd, members, msg, sizeof(msg)), "");
                assert_true(cw_hex_encode(answer(24)->ptr, 8, field, sizeof(field)));
                assert_string_equal(field, i == 0 ? "1FCC89AF66222F27" : "FC0D53B7EA1FDA9E");
        }
        (void)close(fd);
}

/* Cryptogram of the card, then a script: CVN18 and, at the other product, CVN10. */
static void scripts(void **state) {
        (void)state;
        static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        uint8_t mk[16], arqc[8], block[8];
        char members[160], hex[17];
        int fd = service(PAN, RIG_SCP03);
        assert_string_equal(ask(fd, "{\"call\":\"emv.script\",\"command\":\"pin-unblock\"}", NULL, 0),
                            "HSM_REFUSED");
        card_emv_master(rig_imk_ac, PAN, "00", mk);
        card_emv_arqc(mk, 5, data, sizeof(data), arqc);
        assert_true(cw_hex_encode(arqc, 8, hex, sizeof(hex)));
        (void)snprintf(members, sizeof(members),
                       "{\"call\":\"emv.arqc\",\"atc\":\"0005\",\"arqc\":\"%s\",\"psn\":\"00\"}", hex);
        assert_string_equal(ask(fd, members, data, sizeof(data)), "");
        assert_true(cw_msg_bool(last, "genuine", false));
        assert_string_equal(ask(fd, "{\"call\":\"emv.script\",\"command\":\"pin-unblock\"}", NULL, 0), "");
        assert_memory_equal(answer(13)->ptr, "\x84\x24\x00\x00\x08", 5);
        tdes_block(rig_zone_in, "049075FFFFFFFFFF", true, block);
        assert_string_equal(ask(fd,
                                "{\"call\":\"emv.script\",\"command\":\"pin-change\",\"source\":\"zone-in\","
                                "\"source_format\":0}",
                                block, 8),
                            "");
        assert_memory_equal(answer(29)->ptr, "\x84\x24\x00\x02\x18", 5);
        assert_string_equal(ask(fd, "{\"call\":\"emv.script\",\"command\":\"other\"}", NULL, 0),
                            "HSM_REQUEST");
        (void)close(fd);
}

/* CVN10 and CVN18: the card has sent its cryptogram for ATC 5. CVN10 pads with zeros under the card's key. */
static int after_cryptogram(const char *plastic, uint8_t ret_arqc[8]) {
        static const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 0x80}, zero[8] = {0};
        uint8_t mk[16];
        char members[160], hex[17];
        int fd = service(PAN, plastic);
        card_emv_master(rig_imk_ac, PAN, "00", mk);
        if (strcmp(plastic, RIG_SCP02) == 0)
                ossl_retail_mac(mk, zero, data, 7, ret_arqc); /* padding 2 writes what data ends with */
        else
                card_emv_arqc(mk, 5, data, sizeof(data), ret_arqc);
        assert_true(cw_hex_encode(ret_arqc, 8, hex, sizeof(hex)));
        (void)snprintf(members, sizeof(members),
                       "{\"call\":\"emv.arqc\",\"atc\":\"0005\",\"arqc\":\"%s\",\"psn\":\"00\"}", hex);
        assert_string_equal(ask(fd, members, data, sizeof(data)), "");
        assert_true(cw_msg_bool(last, "genuine", false));
        return fd;
}

/* Visa's script key: the card's key with the ATC in it. */
static void visa_script_mac(const uint8_t arqc[8], uint8_t ret[8]) {
        static const uint8_t zero[8], atc[16] = {[7] = 5, [14] = 0xff, [15] = 0xfa};
        uint8_t key[16], msg[15] = {0x84, 0x24, 0x00, 0x00, 0x08, 0x00, 0x05};
        card_emv_master(rig_imk_smi, PAN, "00", key);
        for (size_t i = 0; i < sizeof(key); i++)
                key[i] ^= atc[i];
        memcpy(msg + 7, arqc, 8);
        ossl_retail_mac(key, zero, msg, sizeof(msg), ret);
}

/* Without host memory: the token mixes the counter into the key itself. */
static void script_keys_inside(void **state) {
        (void)state;
        static const char *const products[] = {RIG_SCP02, RIG_SCP03}; /* CVN10, CVN18 */
        for (size_t i = 0; i < 2; i++) {
                uint8_t arqc[8], mac[8];
                int fd = after_cryptogram(products[i], arqc);
                assert_string_equal(ask(fd, "{\"call\":\"emv.script\",\"command\":\"pin-unblock\"}", NULL, 0),
                                    "");
                visa_script_mac(arqc, mac);
                assert_memory_equal(answer(13)->ptr + 5, mac, 8);
                (void)close(fd);
        }
}

/* SoftHSM does not, and host memory is not allowed. */
static void script_keys_refused(void **state) {
        (void)state;
        uint8_t arqc[8];
        int fd = after_cryptogram(RIG_SCP03, arqc);
        assert_string_equal(ask(fd, "{\"call\":\"emv.script\",\"command\":\"pin-unblock\"}", NULL, 0),
                            "HSM_HOST_MEMORY");
        (void)close(fd);
}

/* Nothing of this needs host memory: the token moves the PIN as an object. */
static void inside_the_token(void **state) {
        (void)state;
        char want[5];
        uint8_t block[8];
        int fd = service(PAN, RIG_SCP03);
        assert_string_equal(translate(fd, 0, 0, "041234FFFFFFFFFF"), "");
        assert_translated(0, "1234");
        assert_string_equal(translate(fd, 3, 3, "341234ABCDEFABCD"), "");
        char field[17];
        tdes_open(rig_zone_out, answer(8)->ptr, field);
        assert_string_equal(field, "341234ABCDEFABCD");
        visa_pvv("1111111111119075", want);
        tdes_block(rig_zone_in, "049075FFFFFFFFFF", true, block);
        assert_string_equal(
            ask(fd, "{\"call\":\"pin.pvv\",\"source\":\"zone-in\",\"source_format\":0}", block, 8), "");
        assert_memory_equal(answer(4)->ptr, want, 4);
        assert_string_equal(translate(fd, 0, 3, "041234FFFFFFFFFF"), "PIN_FORMAT"); /* filler by length */
        (void)close(fd);
}

static void host_memory_is_refused(void **state) {
        (void)state;
        uint8_t block[16] = {0};
        int fd = service(PAN, RIG_SCP03);
        assert_string_equal(ask(fd,
                                "{\"call\":\"pin.translate\",\"source\":\"bdk4\",\"source_format\":4,"
                                "\"ksn\":\"123456789012345600000001\",\"target\":\"zone-out\","
                                "\"target_format\":0}",
                                block, 16),
                            "HSM_HOST_MEMORY");
        assert_string_equal(
            ask(fd, "{\"call\":\"pin.generate\",\"length\":6,\"target\":\"zone-out\",\"target_format\":0}",
                NULL, 0),
            "HSM_HOST_MEMORY");
        (void)close(fd);
}

static int drop_last(void **state) {
        cw_msg_free(last);
        last = NULL;
        return teardown(state);
}

static int setup_opencryptoki(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true, .opencryptoki = true});
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(between_zones), cmocka_unit_test(forbidden_directions),
            cmocka_unit_test(bad_blocks),    cmocka_unit_test(purposes_are_kept),
            cmocka_unit_test(pvv),           cmocka_unit_test(ibm3624),
            cmocka_unit_test(generated),     cmocka_unit_test(macs),
            cmocka_unit_test(values),        cmocka_unit_test(aes_pin_pad),
            cmocka_unit_test(tdes_pin_pad),  cmocka_unit_test(scripts),
        };
        const struct CMUnitTest nss_tests[] = {
            cmocka_unit_test(inside_the_token),
            cmocka_unit_test(host_memory_is_refused),
            cmocka_unit_test(script_keys_inside),
        };
        const struct CMUnitTest refusing[] = {cmocka_unit_test(script_keys_refused)};
        int failed = cmocka_run_group_tests(tests, setup, drop_last);
        const struct CMUnitTest nss_host[] = {
            cmocka_unit_test(macs),         cmocka_unit_test(values),  cmocka_unit_test(aes_pin_pad),
            cmocka_unit_test(tdes_pin_pad), cmocka_unit_test(scripts),
        };
        failed += cmocka_run_group_tests_name("nss", nss_host, setup_nss_host, drop_last);
        failed += cmocka_run_group_tests(nss_tests, setup_nss, drop_last);
        failed += cmocka_run_group_tests(refusing, setup_refusing, drop_last);
        if (rig_opencryptoki_missing() == NULL)
                failed += cmocka_run_group_tests_name("opencryptoki", tests, setup_opencryptoki, drop_last);
        return failed;
}
