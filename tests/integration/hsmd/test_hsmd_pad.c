/* SPDX-License-Identifier: Apache-2.0 */
/* A kiosk whose PIN pad has an AES key, and that puts the chosen PIN into the chip by an issuer script. */
#include "card.h"
#include "rig.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct rig rig;

static void unhex(const char *text, uint8_t *ret, size_t cap) {
        size_t n = 0;
        assert_true(cw_hex_decode(text, strlen(text), ret, cap, &n));
        assert_int_equal(n, cap);
}

/* Format 4 under the pad's key of a counter, for the rig's card. */
static void pad_block(const char *key_hex, const char *pin, uint8_t ret[16]) {
        uint8_t key[16], pan[16];
        char field[33];
        unhex(key_hex, key, 16);
        unhex("4" RIG_PAN "000000000000000", pan, 16);
        (void)snprintf(field, sizeof(field), "4%zu%s%.*s0123456789ABCDEF", strlen(pin), pin,
                       (int)(14 - strlen(pin)), "AAAAAAAAAAAA");
        unhex(field, ret, 16);
        ossl_cipher("AES-128-ECB", true, key, NULL, ret, 16, ret);
        for (size_t i = 0; i < 16; i++)
                ret[i] ^= pan[i];
        ossl_cipher("AES-128-ECB", true, key, NULL, ret, 16, ret);
}

static struct cw_hsm_session *proven_kiosk(struct cw_hsm_opened *o, uint8_t arqc[8]) {
        static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        struct cw_hsm_session *s = NULL;
        struct cw_hsm_arqc result = {0};
        char hash[CW_HSM_PAN_HASH_HEX], masked[CW_HSM_MASKED_PAN], text[160];
        uint8_t mk[16];
        CW_AUTO(cw_secret_free) struct cw_secret *digits = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(rig_open_kiosk(&rig, "T1", o, &s, NULL), CW_OK);
        assert_int_equal(cw_secret_dup(RIG_PAN, 16, &digits), CW_OK);
        assert_int_equal(cw_hsm_session_kiosk_pan(s, digits, RIG_EXPIRY, "00", hash, masked, NULL), CW_OK);
        rig_seal(RIG_PAN, text);
        assert_int_equal(rig_call(&rig, rig_kiosk_bind(o->session, RIG_EXPIRY, "", text), &reply, NULL),
                         CW_OK);
        card_emv_master(rig_imk_ac, RIG_PAN, "00", mk);
        card_emv_arqc(mk, 5, data, sizeof(data), arqc);
        assert_int_equal(cw_hsm_session_emv_arqc(s, 5, arqc, "00", data, sizeof(data), &result, NULL), CW_OK);
        assert_true(result.genuine);
        return s;
}

/* What the chip does with PIN CHANGE of CVN18: the PIN, by its own keys. */
static void assert_chip_gets(const struct cw_secret *apdu, const char *want) {
        uint8_t smc[16], ac[16], clear[16];
        char text[17];
        assert_int_equal(apdu->len, 29);
        card_emv_master(rig_imk_smc, RIG_PAN, "00", smc);
        card_emv_master(rig_imk_ac, RIG_PAN, "00", ac);
        smc[7] ^= 0x05; /* ATC 0005 */
        smc[14] ^= 0xff;
        smc[15] ^= 0xfa;
        ossl_cipher("DES-EDE-ECB", false, smc, NULL, apdu->ptr + 5, 16, clear);
        assert_int_equal(clear[0], 8);
        assert_memory_equal(clear + 9, "\x80\0\0\0\0\0\0", 7);
        for (size_t i = 4; i < 8; i++)
                clear[1 + i] ^= ac[i];
        assert_true(cw_hex_encode(clear + 1, 8, text, sizeof(text)));
        assert_string_equal(text, want);
}

/* Keys of counters 1 and 2 as X9.24-3 prints them. */
static void kiosk_with_aes_pad(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        uint8_t arqc[8], block[16];
        bool equal = false;
        unsigned left = 0;
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = proven_kiosk(&o, arqc);
        CW_AUTO(cw_msg_free) struct cw_msg *form = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *apdu = NULL, *second = NULL;
        assert_int_not_equal(cw_hsm_session_emv_script(s, "pin-change", &apdu, &f), CW_OK); /* no PIN yet */
        pad_block("AF8CB133A78F8DC2D1359F18527593FB", "49075", block);
        assert_int_equal(cw_hsm_session_pin_first(s, "123456789012345600000001", block, 16, &f), CW_OK);
        assert_int_not_equal(
            cw_hsm_session_pin_second(s, "123456789012345600000001", block, 16, &equal, &left, &f), CW_OK);
        assert_string_equal(f.code, "HSM_KSN_REPLAY");
        pad_block("D30BDC73EC9714B000BEC66BDB7B6D09", "49075", block);
        assert_int_equal(
            cw_hsm_session_pin_second(s, "123456789012345600000002", block, 16, &equal, &left, &f), CW_OK);
        assert_true(equal);
        assert_int_equal(rig_call(&rig, cw_hsm_msg_pin_form(o.session, rig_pin_form(&rig)), &form, &f),
                         CW_OK);
        assert_int_equal(cw_hsm_session_emv_script(s, "pin-change", &apdu, &f), CW_OK);
        assert_chip_gets(apdu, "0549075FFFFFFFFF");
        assert_int_equal(cw_hsm_session_emv_script(s, "pin-unblock", &second, &f), CW_OK);
}

static int setup(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true, .aes_pad = true});
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static int setup_opencryptoki(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.service = true, .aes_pad = true, .opencryptoki = true});
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(kiosk_with_aes_pad)};
        int failed = cmocka_run_group_tests(tests, setup, teardown);
        if (rig_opencryptoki_missing() == NULL)
                failed += cmocka_run_group_tests_name("opencryptoki", tests, setup_opencryptoki, teardown);
        return failed;
}
