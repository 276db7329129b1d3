/* SPDX-License-Identifier: Apache-2.0 */
/* Cryptogram versions: the values that pyemv publishes, made by an HSM, each through the product's version.
 */
#include "test_hsm_soft.h"

#include "base/buf.h"
#include "hsm/emv_scheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define VISA_10 "0000000040000000000000000124800004800001241911050152BF45851800001C03A06010"
#define VISA_18 "0000000040000000000000000124800004800001241911050152BF45851800001C06011203A0B800"
#define AES_PIN "2EF7322EBEE1544778C348FE27A16CA6"
#define AES_MAC_1 "B24ED2C88DEFF53F224702F70EE2D5D6"
#define AES_MAC_2 "FEA610C1C340540FDE0BD0D6DCBABA92"
#define MCHIP "00000000999900000000000001248000000000012420990600ABCDEF121800001CA00003220000"

static struct soft_hsm *soft;
static struct cw_hsm_crypto crypto;
static struct cw_hsm_key ac, smi, smc, imk_aes;
static struct cw_emv_card card;

static struct cw_hsm_key key_of(enum cw_hsm_alg alg, const char *hex) {
        uint8_t value[16];
        size_t n = 0;
        struct cw_hsm_key k = {0};
        assert_true(cw_hex_decode(hex, 32, value, sizeof(value), &n));
        assert_int_equal(cw_hsm_import(&crypto, alg, CW_USE_DERIVE, value, &k, NULL), CW_OK);
        return k;
}

static struct cw_hsm_key key(const char *hex) {
        return key_of(CW_ALG_TDES2, hex);
}

static int setup(void **state) {
        (void)state;
        soft = soft_hsm_new(&crypto);
        ac = key("0123456789ABCDEFFEDCBA9876543210");
        smi = key("FEDCBA98765432100123456789ABCDEF");
        smc = key("89ABCDEF0123456776543210FEDCBA98");
        imk_aes = key_of(CW_ALG_AES128, "0F0E0D0C0B0A09080706050403020100");
        card = (struct cw_emv_card){&ac, &smi, &smc, "1234567890123456", "00"};
        return 0;
}

static int teardown(void **state) {
        (void)state;
        int leaked = (int)soft_key_count(soft) - 4;
        soft_hsm_free(soft);
        return leaked;
}

static size_t unhex(const char *text, uint8_t *ret, size_t cap) {
        size_t n = 0;
        assert_true(cw_hex_decode(text, strlen(text), ret, cap, &n));
        return n;
}

static void assert_hex(const uint8_t *got, const char *want) {
        uint8_t bytes[64];
        size_t n = unhex(want, bytes, sizeof(bytes));
        assert_memory_equal(got, bytes, n);
}

static const struct version {
        enum cw_cvn cvn;
        const char *data, *arqc;
        const char *arc, *arpc1;  /* NULL: method 2 */
        const char *header, *mac; /* a command without data */
        const char *pin_change;   /* PIN 9999: data and MAC of 84 24 00 02 */
} versions[] = {
    {CW_CVN10, VISA_10, "29CCA15AE665FA2E", "3030", "28993816AFAE4AEB", "8418000008", "DB56BA60087CEFD3",
     "BB221AF527377A2811D2B6EBC396A9391A965A5CB2CE62DA"},
    {CW_CVN18, VISA_18, "7A788EA6B8A3E733", NULL, NULL, "8418000008", "04EDE90BC24CC35E",
     "BB221AF527377A2811D2B6EBC396A9391A22B480EF312F40"},
    {CW_CVN22, VISA_18, "7A788EA6B8A3E733", NULL, NULL, "8418000008", "A4805748F846D851",
     "1B2943BED3D298F9C75848D17317CD1D25B70F7E26613E5F"},
    {CW_CVN_MCHIP16, MCHIP, "24CCF3DEE3158C70", "0010", "73F6BBF389A6586C", "8424000008", "ED0AB162BAB1DE61",
     "00859B8FE53F316DEB4B64C36BF88E39"},
    {CW_CVN_MCHIP20, MCHIP, "CD29615D6452E70E", "0010", "DFD0956606B68D64", NULL, NULL,
     "7647E71F85AA6A35AE4B4E838666773D"},
};
#define VERSIONS (sizeof(versions) / sizeof(versions[0]))

static struct cw_emv_tx transaction(const struct version *v) {
        struct cw_emv_tx tx = {.atc = {0x00, 0x1c}, .un = {0xab, 0xcd, 0xef, 0x12}};
        (void)unhex(v->arqc, tx.arqc, sizeof(tx.arqc));
        return tx;
}

static void cryptograms(void **state) {
        (void)state;
        for (size_t i = 0; i < VERSIONS; i++) {
                const struct version *v = &versions[i];
                const struct cw_emv_tx tx = transaction(v);
                struct cw_retail_key sk = {0};
                uint8_t data[64], mac[8], arc[2];
                int padding = 0;
                size_t n = unhex(v->data, data, sizeof(data));
                assert_int_equal(cw_emv_scheme_ac(&crypto, v->cvn, &card, &tx, &sk, &padding, NULL), CW_OK);
                assert_int_equal(cw_retail_mac(&crypto, &sk, padding, NULL, data, n, mac, NULL), CW_OK);
                cw_retail_key_destroy(&crypto, &sk);
                assert_hex(mac, v->arqc);
                assert_int_equal(cw_emv_scheme_arpc_method(v->cvn), v->arc != NULL ? 1 : 2);
                if (v->arc == NULL)
                        continue;
                (void)unhex(v->arc, arc, sizeof(arc));
                assert_int_equal(cw_emv_scheme_arpc1(&crypto, v->cvn, &card, &tx, arc, mac, NULL), CW_OK);
                assert_hex(mac, v->arpc1);
        }
}

static void mac_of(const struct version *v, const struct cw_emv_tx *tx, const char *header,
                   const uint8_t *data, size_t len, uint8_t ret[8]) {
        struct cw_retail_key sk = {0};
        uint8_t head[5], context[10];
        (void)unhex(header, head, sizeof(head));
        memcpy(context, tx->atc, 2);
        memcpy(context + 2, tx->arqc, 8);
        assert_int_equal(
            cw_emv_scheme_script_key(&crypto, v->cvn, &card, tx, CW_SCRIPT_INTEGRITY, 0, &sk, NULL), CW_OK);
        assert_int_equal(cw_emv_script_mac(&crypto, &sk, head, context, 10, data, len, ret, NULL), CW_OK);
        cw_retail_key_destroy(&crypto, &sk);
}

static void scripts(void **state) {
        (void)state;
        static const struct cw_pin pin = {.digit = {9, 9, 9, 9}, .len = 4};
        for (size_t i = 0; i < VERSIONS; i++) {
                const struct version *v = &versions[i];
                const struct cw_emv_tx tx = transaction(v);
                struct cw_retail_key sk = {0};
                uint8_t mac[8], data[16], mk[16], want[32];
                size_t len = 0, n = unhex(v->pin_change, want, sizeof(want));
                if (v->header != NULL) {
                        mac_of(v, &tx, v->header, NULL, 0, mac);
                        assert_hex(mac, v->mac);
                }
                assert_int_equal(cw_emv_icc_mk_value(&crypto, &ac, card.pan, "00", CW_EMV_OPTION_A, mk, NULL),
                                 CW_OK);
                assert_int_equal(cw_emv_scheme_script_key(&crypto, v->cvn, &card, &tx,
                                                          CW_SCRIPT_CONFIDENTIALITY, 0, &sk, NULL),
                                 CW_OK);
                assert_int_equal(cw_emv_pin_change(&crypto, &sk.full, cw_emv_scheme_pin(v->cvn), mk, &pin,
                                                   NULL, data, &len, NULL),
                                 CW_OK);
                cw_retail_key_destroy(&crypto, &sk);
                assert_int_equal(len + 8, n);
                assert_memory_equal(data, want, len);
                mac_of(v, &tx, len == 16 ? "8424000218" : "8424000210", data, len, mac);
                assert_memory_equal(mac, want + len, 8);
        }
}

static const struct cw_hsm_crypto_ops *soft_ops;
static cw_rc mixing(void *ctx, const struct cw_hsm_key *base, const uint8_t data[16], unsigned usage,
                    struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t value[16];
        size_t len = 0;
        memcpy(value, soft_key_bytes(ctx, base, &len), sizeof(value));
        assert_int_equal(len, sizeof(value));
        assert_int_equal(base->usage, CW_USE_DERIVE);
        for (size_t i = 0; i < sizeof(value); i++)
                value[i] ^= data[i];
        return soft_ops->import(ctx, CW_ALG_TDES2, usage, value, ret, f);
}

static cw_rc refusing(void *ctx, enum cw_hsm_alg alg, unsigned usage, const uint8_t *value,
                      struct cw_hsm_key *ret, struct cw_fault *f) {
        (void)ctx, (void)alg, (void)usage, (void)value, (void)ret, (void)f;
        fail_msg("a key came in from outside");
        return CW_OK;
}

/* With a token that mixes data into keys no key of CVN10 and CVN18 scripts comes in from outside. */
static void visa_keys_inside(void **state) {
        (void)state;
        struct cw_hsm_crypto_ops ops = *crypto.ops;
        soft_ops = crypto.ops;
        assert_false(cw_emv_scheme_script_inside(&crypto, CW_CVN10));
        assert_false(cw_emv_scheme_script_inside(&crypto, CW_CVN18));
        assert_true(cw_emv_scheme_script_inside(&crypto, CW_CVN22));
        ops.key_xor = mixing;
        ops.import = refusing;
        crypto.ops = &ops;
        assert_true(cw_emv_scheme_script_inside(&crypto, CW_CVN10));
        for (size_t i = 0; i < VERSIONS; i++) {
                uint8_t mac[8];
                const struct version *v = &versions[i];
                const struct cw_emv_tx tx = transaction(v);
                if (v->header == NULL)
                        continue;
                mac_of(v, &tx, v->header, NULL, 0, mac);
                assert_hex(mac, v->mac);
        }
        crypto.ops = soft_ops;
}

/* CCD: keys as Visa CVN22, PIN block as published for CCD. The second command of M/Chip has another key. */
static void other_versions(void **state) {
        (void)state;
        struct cw_emv_tx tx = {.arqc = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xff}}, next = tx;
        struct cw_retail_key a = {0}, b = {0};
        uint8_t x[8] = {0}, y[8];
        assert_int_equal(cw_emv_scheme_pin(CW_CVN_CCD), CW_EMV_PIN_CCD);
        next.arqc[6] = 0xdf; /* ...DEFF + 1 */
        next.arqc[7] = 0x00;
        assert_int_equal(
            cw_emv_scheme_script_key(&crypto, CW_CVN_MCHIP20, &card, &tx, CW_SCRIPT_INTEGRITY, 1, &a, NULL),
            CW_OK);
        assert_int_equal(
            cw_emv_scheme_script_key(&crypto, CW_CVN_CCD, &card, &next, CW_SCRIPT_INTEGRITY, 1, &b, NULL),
            CW_OK);
        assert_int_equal(cw_hsm_encrypt(&crypto, &a.full, CW_MODE_ECB, NULL, x, 8, y, NULL), CW_OK);
        assert_int_equal(cw_hsm_encrypt(&crypto, &b.full, CW_MODE_ECB, NULL, x, 8, x, NULL), CW_OK);
        assert_memory_equal(x, y, 8);
        cw_retail_key_destroy(&crypto, &a);
        cw_retail_key_destroy(&crypto, &b);
}

/* With AES keys: the second command's chain is the whole MAC of the first. Values computed apart. */
static void aes_scripts(void **state) {
        (void)state;
        static const struct cw_pin pin = {.digit = {9, 9, 9, 9}, .len = 4};
        const struct cw_emv_tx tx = {.atc = {0x00, 0x01},
                                     .arqc = {0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11}};
        const struct cw_emv_card aes = {&imk_aes, &imk_aes, &imk_aes, "1234567890123456", "00"};
        struct cw_retail_key sk = {0};
        uint8_t object[19] = {0x87, 0x11, 0x01}, chain[CW_EMV_CHAIN_MAX] = {0}, head[4],
                mac[CW_EMV_CHAIN_MAX];
        int padding = 0;
        size_t len = 0;
        assert_int_equal(
            cw_emv_scheme_script_key(&crypto, CW_CVN_CCD, &aes, &tx, CW_SCRIPT_INTEGRITY, 0, &sk, NULL),
            CW_OK);
        assert_int_equal(cw_emv_pin_change(&crypto, &sk.full, cw_emv_scheme_pin(CW_CVN_CCD), NULL, &pin, NULL,
                                           object + 3, &len, NULL),
                         CW_OK);
        assert_int_equal(len, 16);
        assert_hex(object + 3, AES_PIN);
        (void)unhex("8C240002", head, sizeof(head));
        memcpy(chain, tx.arqc, 8);
        assert_int_equal(
            cw_emv_script_mac_chained(&crypto, &sk, chain, head, object, sizeof(object), mac, NULL), CW_OK);
        assert_hex(mac, AES_MAC_1);
        (void)unhex("8C240000", head, sizeof(head));
        assert_int_equal(cw_emv_script_mac_chained(&crypto, &sk, mac, head, NULL, 0, chain, NULL), CW_OK);
        assert_hex(chain, AES_MAC_2);
        cw_retail_key_destroy(&crypto, &sk);
        /* Versions without AES refuse it, and so do values that only TDES keys have. */
        assert_int_not_equal(cw_emv_scheme_ac(&crypto, CW_CVN18, &aes, &tx, &sk, &padding, NULL), CW_OK);
        assert_int_not_equal(
            cw_emv_scheme_script_key(&crypto, CW_CVN10, &aes, &tx, CW_SCRIPT_CONFIDENTIALITY, 0, &sk, NULL),
            CW_OK);
        assert_int_not_equal(
            cw_emv_icc_mk_pair(&crypto, &imk_aes, aes.pan, aes.psn, CW_EMV_OPTION_A, &sk, NULL), CW_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(cryptograms, setup, teardown),
            cmocka_unit_test_setup_teardown(scripts, setup, teardown),
            cmocka_unit_test_setup_teardown(visa_keys_inside, setup, teardown),
            cmocka_unit_test_setup_teardown(other_versions, setup, teardown),
            cmocka_unit_test_setup_teardown(aes_scripts, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
