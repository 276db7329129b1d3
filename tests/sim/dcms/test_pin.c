/* SPDX-License-Identifier: Apache-2.0 */
#include "test_cases.h"
#include "test_support.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "crypto.h"
#include "text.h"

/* The vectors of the reference: key ASCII 0123456789ABCDEF0123456789ABCDEF, PIN 1234, IV 00..0F. */
#define V2_ASCII "AAECAwQFBgcICQoLDA0ODykAv5IMd2Yci4TNWWkolzqT0/7///44ZIc+99PT/x2V"
#define V2_RAW8 "AAECAwQFBgcICQoLDA0ODx0mq07QrM238Ia+GdIK3RBrz7OtdnhNMA=="
#define V1_ECB "34I9T4OOOMBc+I+bBY9b5Zv3MwVDvIR/RmOyMw1Hu8c="

static const char SET_V1[] = "/kit-manager/setPin";
static const char SET_V2[] = "/kit-manager/v2/setPin";
static const char VALIDATE_V2[] = "/kit-manager/v2/validatePin";

static const char *body_of(const char *pin, const char *expiry) {
        static char body[512];
        (void)snprintf(body, sizeof body,
                       "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT
                       "\",\"expiryDate\":%s,\"pin\":\"%s\"}",
                       expiry, pin);
        return body;
}

static void expect_true(const struct rig *rig, const char *path, const char *pin) {
        CW_AUTO_JSON json_t *result = rig_ok(rig, path, body_of(pin, "\"0729\""));
        assert_true(json_is_true(result));
}

static void start_with(struct rig *rig, const char *key, const char *value) {
        json_t *config = rig_config();
        (void)json_object_set_new(json_object_get(config, "pin"), key, json_string(value));
        rig_start(rig, config);
}

static void seal_hex(const char *block, char *out) {
        uint8_t iv[16];
        assert_int_equal(RAND_bytes(iv, sizeof iv), 1);
        seal(TEST_PIN_KEY, iv, block, strlen(block), out);
}

void test_pin_vectors(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        char form[128];
        char block[17];
        pin_block_hex("1234", VECTOR_PAN, block);
        assert_string_equal(block, "041225EEEEEEEEEE");
        rig_start(&rig, rig_config());
        expect_true(&rig, SET_V2, V2_ASCII);
        pin_form(TEST_PIN_KEY, "1234", VECTOR_PAN, form);
        expect_true(&rig, VALIDATE_V2, form);
        expect_true(&rig, "/kit-manager/validatePin", V1_ECB);
        rig_stop(&rig);

        start_with(&rig, "v2_plaintext", "raw8");
        rig_refuse_field(&rig, SET_V2, body_of(V2_ASCII, "\"0729\""), "PIN001", NULL);
        expect_true(&rig, SET_V2, V2_RAW8);
        rig_stop(&rig);

        rig_start(&rig, rig_config());
        expect_true(&rig, SET_V1, V1_ECB);
        rig_stop(&rig);

        start_with(&rig, "account", "kit16");
        rig_refuse(&rig, SET_V2, body_of(V2_ASCII, "\"0729\""), "PIN001");
        seal_hex("041234FECFFFAFAB", form);
        expect_true(&rig, SET_V2, form);
        rig_stop(&rig);
}

static void refuse_block(const struct rig *rig, const char *block, const char *why) {
        char form[128];
        seal_hex(block, form);
        rig_refuse_field(rig, SET_V2, body_of(form, "\"0729\""), "PIN001", why);
}

void test_pin_refusals(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        char form[128];
        uint8_t iv[16] = {1};
        uint8_t wrong_key[32];
        memset(wrong_key, 0x55, sizeof wrong_key);
        rig_start(&rig, rig_config());
        /* clear field 041234FFFFFFFFFF; account field 0000111111111111 */
        refuse_block(&rig, "141225EEEEEEEEEE", "not format 0");
        refuse_block(&rig, "031225EEEEEEEEEE", "length outside");
        refuse_block(&rig, "0D1225EEEEEEEEEE", "length outside");
        refuse_block(&rig, "0412B5EEEEEEEEEE", "not decimal");
        refuse_block(&rig, "041225EEEEEEEEE1", "filler");
        refuse_block(&rig, "041225EFEEEEEEEE", "filler");
        refuse_block(&rig, "061225EEEEEEEEEE", "not decimal");
        refuse_block(&rig, "041225eeeeeeeeee", "upper-case");
        refuse_block(&rig, "041234FFFFFFFFFF", "filler"); /* the account field was left out */
        refuse_block(&rig, "041225EE", "length of IV16");
        rig_refuse_field(&rig, SET_V2, body_of(V2_RAW8, "\"0729\""), "PIN001", "length of IV16");
        rig_refuse_field(&rig, SET_V2, body_of(V1_ECB, "\"0729\""), "PIN001", "length of IV16");
        rig_refuse_field(&rig, SET_V2, body_of("AAEC AwQ=", "\"0729\""), "PIN001", "Base64");
        pin_form(wrong_key, "1234", VECTOR_PAN, form);
        rig_refuse_field(&rig, SET_V2, body_of(form, "\"0729\""), "PIN001", "decryption failed");
        pin_form(TEST_PIN_KEY, "1234", "4000000000000002", form);
        rig_refuse(&rig, SET_V2, body_of(form, "\"0729\""), "PIN001");
        rig_refuse_field(&rig, SET_V2, body_of(V2_ASCII, "\"0829\""), "invalid.input.request", "expiryDate");
        rig_refuse_field(&rig, SET_V2, body_of(V2_ASCII, "\"1329\""), "invalid.input.request", "MMYY");
        rig_refuse_field(&rig, SET_V2, body_of(V2_ASCII, "729.0"), "invalid.input.request", "MMYY");
        rig_refuse(&rig, SET_V2,
                   "{\"entityId\":\"req7\",\"kitNo\":\"" VECTOR_KIT
                   "\",\"expiryDate\":729,\"pin\":\"" V2_ASCII "\"}",
                   "entity.not.found");
        rig_refuse(&rig, SET_V2,
                   "{\"entityId\":\"req7\",\"kitNo\":\"1\",\"expiryDate\":729,\"pin\":\"" V2_ASCII "\"}",
                   "kit.not.found");
        rig_refuse(&rig, VALIDATE_V2, body_of(V2_ASCII, "\"0729\""), "PIN002");
        /* the documented sample's number */
        CW_AUTO_JSON json_t *result = rig_ok(&rig, SET_V2, body_of(V2_ASCII, "729"));
        assert_true(json_is_true(result));
        seal(TEST_PIN_KEY, iv, "041225EEEEEEEEEE", 16, form);
        expect_true(&rig, VALIDATE_V2, form);
        expect_true(&rig, VALIDATE_V2, form); /* identical bytes: a retry */
        seal(TEST_PIN_KEY, iv, "041226EEEEEEEEEE", 16, form);
        rig_refuse_field(&rig, VALIDATE_V2, body_of(form, "\"0729\""), "PIN001", "reuses an IV");
        rig_stop(&rig);
}

static void validate(const struct rig *rig, const char *pin, const char *code) {
        char form[128];
        pin_form(TEST_PIN_KEY, pin, VECTOR_PAN, form);
        if (code)
                rig_refuse(rig, VALIDATE_V2, body_of(form, "\"0729\""), code);
        else
                expect_true(rig, VALIDATE_V2, form);
}

void test_pin_tries(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        char form[128];
        rig_start(&rig, rig_config());
        pin_form(TEST_PIN_KEY, "123456789012", VECTOR_PAN, form);
        expect_true(&rig, SET_V2, form);
        rig_refuse(&rig, SET_V2, body_of(form, "\"0729\""), "pin.already.set");
        validate(&rig, "1234", "PIN002");
        validate(&rig, "12345678901", "PIN002");
        validate(&rig, "123456789012", NULL);
        validate(&rig, "1235", "PIN002");
        validate(&rig, "1235", "PIN002");
        rig_restart(&rig); /* the count survives */
        validate(&rig, "1235", "pin.locked");
        validate(&rig, "123456789012", "pin.locked");
        rig_refuse(&rig, SET_V2, body_of(form, "\"0729\""), "pin.locked");
        CW_AUTO_JSON json_t *locked = rig_kit(&rig, VECTOR_KIT, "pin_locked");
        assert_true(json_is_true(locked));
        rig_stop(&rig);
}

static void expect_cvv(const char *cvk_hex, const char *pan, const char *expiry, const char *service,
                       const char *want) {
        uint8_t cvk[16];
        char cvv[4];
        assert_true(cw_dsim_hex_decode(cvk_hex, cvk, sizeof cvk));
        assert_true(cw_dsim_cvv(cvk, pan, expiry, service, cvv));
        assert_string_equal(cvv, want);
}

/* Published values, two of them with a second decimalisation pass; then the value the server gives out. */
void test_cvv_vectors(void **state) {
        (void)state;
        static const char key[] = "0123456789ABCDEFFEDCBA9876543210";
        struct rig rig = {.pid = 0};
        uint8_t cvk[16];
        char want[4];
        expect_cvv(key, "4123456789012345", "8701", "101", "561");
        expect_cvv(key, "4123456789012345", "8701", "111", "856");
        expect_cvv(key, "4999988887777", "9105", "111", "649");
        expect_cvv(key, "4266424680446864", "3012", "101", "962");
        expect_cvv(key, "4828280560445057", "3012", "101", "121");
        expect_cvv("12345678123456788765432187654321", "123456789012", "1108", "000", "453");
        rig_start(&rig, rig_config());
        assert_true(cw_dsim_hex_decode(key, cvk, sizeof cvk));
        assert_true(cw_dsim_cvv(cvk, VECTOR_PAN, "2907", "000", want));
        CW_AUTO_JSON json_t *result = rig_ok(&rig, "/kit-manager/getCvv", "{\"kitNo\":\"" VECTOR_KIT "\"}");
        assert_string_equal(text_of(result, "cvv"), want);
        assert_int_equal(json_integer_value(json_object_get(result, "expiryCvv")), 120);
        rig_refuse(&rig, "/kit-manager/getCvv", "{\"kitNo\":\"1\"}", "kit.not.found");
        rig_stop(&rig);
}
