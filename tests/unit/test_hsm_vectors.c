/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors of tests/vectors/hsm.json through the algorithms, over the test backend. */
#include "test_hsm_soft.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "hsm/cvv.h"
#include "hsm/dukpt.h"
#include "hsm/emv_cryptogram.h"
#include "hsm/emv_keys.h"
#include "hsm/kcv.h"
#include "hsm/pin_form.h"
#include "hsm/pinblock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* One entry under test and what it computed, as text. */
struct run {
        const json_t *e;
        struct soft_hsm *soft;
        struct cw_hsm_crypto c;
        char got[256];
};

static const char *str(const struct run *r, const char *key) {
        const char *s = json_string_value(json_object_get(r->e, key));
        return s ? s : "";
}

static size_t hex(const struct run *r, const char *key, uint8_t *out, size_t cap) {
        size_t n = 0;
        assert_true(cw_hex_decode(str(r, key), strlen(str(r, key)), out, cap, &n));
        return n;
}

static void result(struct run *r, const void *bytes, size_t len) {
        assert_true(cw_hex_encode(bytes, len, r->got, sizeof(r->got)));
}

static struct cw_hsm_key key_of(struct run *r, const char *name, bool aes, unsigned usage) {
        uint8_t value[32];
        struct cw_hsm_key k = {0};
        size_t n = hex(r, name, value, sizeof(value));
        enum cw_hsm_alg alg = !aes      ? (n == 24 ? CW_ALG_TDES3 : CW_ALG_TDES2)
                              : n == 16 ? CW_ALG_AES128
                              : n == 24 ? CW_ALG_AES192
                                        : CW_ALG_AES256;
        assert_int_equal(cw_hsm_import(&r->c, alg, usage, value, &k, NULL), CW_OK);
        return k;
}

static cw_rc retail_of(struct run *r, const char *name, struct cw_retail_key *ret) {
        uint8_t value[16];
        assert_int_equal(hex(r, name, value, sizeof(value)), 16);
        return cw_retail_key_import(&r->c, value, ret, NULL);
}

static cw_rc run_cvv(struct run *r) {
        struct cw_retail_key k = {0};
        char cvv[4];
        cw_rc rc = retail_of(r, "cvk", &k);
        if (rc == CW_OK)
                rc = cw_cvv(&r->c, &k, str(r, "pan"), str(r, "expiry"), str(r, "service"), cvv, NULL);
        if (rc == CW_OK)
                memcpy(r->got, cvv, sizeof(cvv));
        cw_retail_key_destroy(&r->c, &k);
        return rc;
}

static cw_rc run_retail_mac(struct run *r) {
        struct cw_retail_key k = {0};
        uint8_t msg[128], mac[8];
        size_t n = hex(r, "msg", msg, sizeof(msg));
        cw_rc rc = retail_of(r, "key", &k);
        int padding = (int)json_integer_value(json_object_get(r->e, "padding"));
        if (rc == CW_OK)
                rc = cw_retail_mac(&r->c, &k, padding, NULL, msg, n, mac, NULL);
        result(r, mac, 8);
        cw_retail_key_destroy(&r->c, &k);
        return rc;
}

static cw_rc run_cmac(struct run *r) {
        bool aes = strcmp(str(r, "cipher"), "aes") == 0;
        uint8_t msg[128], mac[16];
        size_t n = hex(r, "msg", msg, sizeof(msg));
        struct cw_hsm_key k = key_of(r, "key", aes, CW_USE_MAC);
        cw_rc rc = cw_hsm_cmac(&r->c, &k, msg, n, mac, NULL);
        result(r, mac, aes ? 16 : 8);
        cw_hsm_key_destroy(&r->c, &k);
        return rc;
}

static cw_rc run_kcv(struct run *r) {
        const char *m = str(r, "method");
        enum cw_kcv_method method = strcmp(m, "gp") == 0     ? CW_KCV_GP
                                    : strcmp(m, "cmac") == 0 ? CW_KCV_CMAC
                                                             : CW_KCV_LEGACY;
        bool aes = strcmp(str(r, "cipher"), "aes") == 0;
        uint8_t kcv[5];
        struct cw_hsm_key k = key_of(r, "key", aes, CW_USE_ENCRYPT | CW_USE_MAC);
        cw_rc rc = cw_kcv(&r->c, &k, method, kcv, sizeof(kcv), NULL);
        result(r, kcv, sizeof(kcv));
        cw_hsm_key_destroy(&r->c, &k);
        return rc;
}

static cw_rc run_pin_encode(struct run *r) {
        struct cw_pin pin = {0};
        uint8_t account[8], block[8];
        const char *digits = str(r, "pin");
        pin.len = (uint8_t)strlen(digits);
        for (size_t i = 0; i < pin.len; i++)
                pin.digit[i] = (uint8_t)(digits[i] - '0');
        if (json_integer_value(json_object_get(r->e, "format")) == 2) {
                cw_pinblock_encode2(&pin, block);
        } else {
                cw_rc rc = str(r, "kit")[0] ? cw_pinblock_account_kit16(str(r, "kit"), account, NULL)
                                            : cw_pinblock_account_pan12(str(r, "pan"), account, NULL);
                if (rc != CW_OK)
                        return rc;
                cw_pinblock_encode0(&pin, account, block);
        }
        result(r, block, 8);
        return CW_OK;
}

static cw_rc run_pin_decode(struct run *r) {
        struct cw_pin pin = {0};
        uint8_t account[8] = {0}, block[8];
        bool two = json_integer_value(json_object_get(r->e, "format")) == 2;
        (void)hex(r, "block", block, sizeof(block));
        cw_rc rc = two ? CW_OK : cw_pinblock_account_pan12(str(r, "pan"), account, NULL);
        if (rc == CW_OK)
                rc = two ? cw_pinblock_decode2(block, &pin, NULL)
                         : cw_pinblock_decode0(block, account, &pin, NULL);
        for (size_t i = 0; i < pin.len; i++)
                r->got[i] = (char)('0' + pin.digit[i]);
        return rc;
}

static void bdk_of(struct run *r, struct cw_dukpt_bdk *ret) {
        uint8_t value[16], variant[16];
        (void)hex(r, "bdk", value, sizeof(value));
        cw_dukpt_variant(value, variant);
        assert_int_equal(cw_hsm_import(&r->c, CW_ALG_TDES2, CW_USE_ENCRYPT, value, &ret->key, NULL), CW_OK);
        assert_int_equal(cw_hsm_import(&r->c, CW_ALG_TDES2, CW_USE_ENCRYPT, variant, &ret->variant, NULL),
                         CW_OK);
}

/* The clear block of the vector is the result, its enciphered block the input: the way a PIN pad is read. */
static cw_rc run_dukpt_pin(struct run *r) {
        struct cw_dukpt_bdk bdk = {0};
        uint8_t ksn[CW_KSN_LEN], block[8], clear[8], want[8];
        bdk_of(r, &bdk);
        (void)hex(r, "expect", block, sizeof(block));
        (void)hex(r, "clear_block", want, sizeof(want));
        cw_rc rc = cw_ksn_parse(str(r, "ksn"), ksn, NULL);
        if (rc == CW_OK)
                rc = cw_dukpt_pin_decrypt(&r->c, &bdk, ksn, block, clear, NULL);
        if (rc == CW_OK && memcmp(clear, want, 8) == 0)
                memcpy(r->got, str(r, "expect"), 17);
        cw_hsm_key_destroy(&r->c, &bdk.key);
        cw_hsm_key_destroy(&r->c, &bdk.variant);
        return rc;
}

static cw_rc run_dukpt_key(struct run *r) {
        struct cw_dukpt_bdk bdk = {0};
        uint8_t ksn[CW_KSN_LEN], key[16];
        bdk_of(r, &bdk);
        cw_rc rc = cw_ksn_parse(str(r, "ksn"), ksn, NULL);
        if (rc == CW_OK)
                rc = cw_dukpt_transaction_key(&r->c, &bdk, ksn, key, NULL);
        result(r, key, sizeof(key));
        cw_hsm_key_destroy(&r->c, &bdk.key);
        cw_hsm_key_destroy(&r->c, &bdk.variant);
        return rc;
}

static enum cw_emv_option option_of(const struct run *r) {
        return str(r, "option")[0] == 'B' ? CW_EMV_OPTION_B : CW_EMV_OPTION_A;
}

static cw_rc run_icc_mk(struct run *r) {
        uint8_t mk[16];
        struct cw_hsm_key imk = key_of(r, "imk", false, CW_USE_DERIVE);
        cw_rc rc = cw_emv_icc_mk_value(&r->c, &imk, str(r, "pan"), str(r, "psn"), option_of(r), mk, NULL);
        result(r, mk, sizeof(mk));
        cw_hsm_key_destroy(&r->c, &imk);
        return rc;
}

static cw_rc run_icc_mk_kcv(struct run *r) {
        uint8_t kcv[3];
        struct cw_hsm_key imk = key_of(r, "imk", false, CW_USE_DERIVE), mk = {0};
        cw_rc rc = cw_emv_icc_mk(&r->c, &imk, str(r, "pan"), str(r, "psn"), option_of(r), &mk, NULL);
        if (rc == CW_OK)
                rc = cw_kcv(&r->c, &mk, CW_KCV_LEGACY, kcv, sizeof(kcv), NULL);
        result(r, kcv, sizeof(kcv));
        cw_hsm_key_destroy(&r->c, &imk);
        cw_hsm_key_destroy(&r->c, &mk);
        return rc;
}

/* The session key of the entry; from "mk" itself or from "imk", PAN and sequence number. */
static cw_rc csk_of(struct run *r, struct cw_retail_key *ret) {
        struct cw_hsm_key imk = {0}, mk = {0};
        uint8_t diversifier[8];
        cw_rc rc = CW_OK;
        (void)hex(r, "r", diversifier, sizeof(diversifier));
        if (str(r, "mk")[0] != '\0') {
                mk = key_of(r, "mk", false, CW_USE_DERIVE);
        } else {
                imk = key_of(r, "imk", false, CW_USE_DERIVE);
                rc = cw_emv_icc_mk(&r->c, &imk, str(r, "pan"), str(r, "psn"), option_of(r), &mk, NULL);
        }
        if (rc == CW_OK)
                rc = cw_emv_csk(&r->c, &mk, diversifier, ret, NULL);
        cw_hsm_key_destroy(&r->c, &imk);
        cw_hsm_key_destroy(&r->c, &mk);
        return rc;
}

static void odd_parity(uint8_t key[16]) {
        for (size_t i = 0; i < 16; i++)
                key[i] = (uint8_t)((key[i] & 0xfe) | (__builtin_popcount(key[i] & 0xfe) % 2 == 0 ? 1 : 0));
}

static cw_rc run_csk(struct run *r) {
        struct cw_retail_key sk = {0};
        uint8_t value[16];
        size_t n = 0;
        cw_rc rc = csk_of(r, &sk);
        memcpy(value, soft_key_bytes(r->soft, &sk.full, &n), sizeof(value));
        odd_parity(value);
        result(r, value, n);
        cw_retail_key_destroy(&r->c, &sk);
        return rc;
}

static cw_rc run_csk_kcv(struct run *r) {
        struct cw_retail_key sk = {0};
        uint8_t kcv[3];
        cw_rc rc = csk_of(r, &sk);
        if (rc == CW_OK)
                rc = cw_kcv(&r->c, &sk.full, CW_KCV_LEGACY, kcv, sizeof(kcv), NULL);
        result(r, kcv, sizeof(kcv));
        cw_retail_key_destroy(&r->c, &sk);
        return rc;
}

static cw_rc run_arqc(struct run *r) {
        struct cw_retail_key sk = {0};
        uint8_t data[256], arqc[8];
        size_t n = hex(r, "data", data, sizeof(data));
        cw_rc rc = csk_of(r, &sk);
        if (rc == CW_OK)
                rc = cw_emv_arqc(&r->c, &sk, data, n, arqc, NULL);
        result(r, arqc, sizeof(arqc));
        cw_retail_key_destroy(&r->c, &sk);
        return rc;
}

static cw_rc run_arpc1(struct run *r) {
        struct cw_retail_key sk = {0};
        uint8_t arqc[8], arc[2], arpc[8];
        (void)hex(r, "arqc", arqc, sizeof(arqc));
        (void)hex(r, "arc", arc, sizeof(arc));
        cw_rc rc = csk_of(r, &sk);
        if (rc == CW_OK)
                rc = cw_emv_arpc1(&r->c, &sk, arqc, arc, arpc, NULL);
        result(r, arpc, sizeof(arpc));
        cw_retail_key_destroy(&r->c, &sk);
        return rc;
}

static cw_rc run_arpc2(struct run *r) {
        struct cw_retail_key sk = {0};
        uint8_t arqc[8], csu[4], arpc[4];
        (void)hex(r, "arqc", arqc, sizeof(arqc));
        (void)hex(r, "csu", csu, sizeof(csu));
        cw_rc rc = csk_of(r, &sk);
        if (rc == CW_OK)
                rc = cw_emv_arpc2(&r->c, &sk, arqc, csu, NULL, 0, arpc, NULL);
        result(r, arpc, sizeof(arpc));
        cw_retail_key_destroy(&r->c, &sk);
        return rc;
}

static cw_rc run_set_pin(struct run *r) {
        uint8_t iv[16], block[8];
        enum cw_pin_form_kind kind;
        (void)hex(r, "iv", iv, sizeof(iv));
        (void)hex(r, "block", block, sizeof(block));
        assert_true(cw_pin_form_from_name(str(r, "form"), &kind));
        struct cw_hsm_key k = key_of(r, "key", true, CW_USE_ENCRYPT);
        cw_rc rc = cw_pin_form_seal(&r->c, &k, kind, iv, block, r->got, NULL);
        cw_hsm_key_destroy(&r->c, &k);
        return rc;
}

static const struct {
        const char *alg;
        cw_rc (*run)(struct run *r);
} runners[] = {
    {"cvv", run_cvv},
    {"retail_mac", run_retail_mac},
    {"cmac", run_cmac},
    {"kcv", run_kcv},
    {"pin_block_encode", run_pin_encode},
    {"pin_block_kit", run_pin_encode},
    {"pin_block_decode", run_pin_decode},
    {"dukpt_tdes_pin", run_dukpt_pin},
    {"dukpt_tdes_transaction_key", run_dukpt_key},
    {"emv_icc_mk", run_icc_mk},
    {"emv_icc_mk_kcv", run_icc_mk_kcv},
    {"emv_csk", run_csk},
    {"emv_csk_kcv", run_csk_kcv},
    {"emv_arqc", run_arqc},
    {"emv_arpc1", run_arpc1},
    {"emv_arpc2", run_arpc2},
    {"set_pin", run_set_pin},
};

/* Expected text may be shorter than the result; an unknown alg fails. */
static bool entry_passes(struct run *r) {
        for (size_t i = 0; i < sizeof(runners) / sizeof(runners[0]); i++) {
                if (strcmp(runners[i].alg, str(r, "alg")) != 0)
                        continue;
                cw_rc rc = runners[i].run(r);
                if (strcmp(str(r, "expect"), "REJECT") == 0)
                        return cw_rc_class(rc) == CW_C_REJECT;
                bool digits = strcmp(str(r, "alg"), "pin_block_decode") == 0;
                size_t n = digits ? strlen(r->got) + 1 : strlen(str(r, "expect"));
                return rc == CW_OK && strncmp(r->got, str(r, "expect"), n) == 0;
        }
        return false;
}

static void vectors(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *file = json_load_file(CW_VECTORS "/hsm.json", 0, NULL);
        assert_true(json_array_size(file) > 100);
        size_t failed = 0, i;
        json_t *e;
        json_array_foreach(file, i, e) {
                struct run r = {.e = e};
                r.soft = soft_hsm_new(&r.c);
                if (!entry_passes(&r)) {
                        print_error("entry %zu %s: got %s, expected %s\n", i, str(&r, "alg"), r.got,
                                    str(&r, "expect"));
                        failed++;
                }
                assert_int_equal(soft_key_count(r.soft), 0);
                soft_hsm_free(r.soft);
        }
        assert_int_equal(failed, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(vectors)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
