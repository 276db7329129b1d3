/* SPDX-License-Identifier: Apache-2.0 */
/* Secure channels, diversification and session keys against tests/vectors/scp.json, byte for byte. */
#include "test_hsm_soft.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "hsm/apdu.h"
#include "hsm/cmac_kdf.h"
#include "hsm/gp_put_key.h"
#include "hsm/kcv.h"
#include "hsm/scp_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct soft_hsm *soft;
static struct cw_hsm_crypto c;

static int setup(void **state) {
        (void)state;
        soft = soft_hsm_new(&c);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        int leaked = (int)soft_key_count(soft);
        soft_hsm_free(soft);
        return leaked;
}

static const char *str(const json_t *e, const char *key) {
        const char *s = json_string_value(json_object_get(e, key));
        return s ? s : "";
}

static size_t hex(const char *text, uint8_t *out, size_t cap) {
        size_t n = 0;
        assert_true(cw_hex_decode(text, strlen(text), out, cap, &n));
        return n;
}

static void assert_hex(const void *got, size_t len, const char *want) {
        char text[1024];
        assert_true(cw_hex_encode(got, len, text, sizeof(text)));
        assert_string_equal(text, want);
}

/* Static keys as the token would give them: TDES may derive, AES may MAC, the AES DEK may encrypt. */
static struct cw_hsm_key static_key(const char *value_hex, bool aes, bool dek) {
        uint8_t value[32];
        struct cw_hsm_key k = {0};
        size_t n = hex(value_hex, value, sizeof(value));
        enum cw_hsm_alg alg = !aes      ? CW_ALG_TDES2
                              : n == 16 ? CW_ALG_AES128
                              : n == 24 ? CW_ALG_AES192
                                        : CW_ALG_AES256;
        unsigned usage = !aes ? CW_USE_DERIVE : CW_USE_MAC | (dek ? CW_USE_ENCRYPT : 0);
        assert_int_equal(cw_hsm_import(&c, alg, usage, value, &k, NULL), CW_OK);
        return k;
}

static struct cw_gp_keyset keyset(const char *enc, const char *mac, const char *dek, bool aes) {
        return (struct cw_gp_keyset){
            .enc = static_key(enc, aes, false),
            .mac = static_key(mac, aes, false),
            .dek = static_key(dek, aes, true),
            .own = true,
        };
}

static cw_rc open_channel(const json_t *e, struct cw_scp **ret) {
        uint8_t host[8], response[64], aid[16];
        struct cw_gp_init_update u;
        (void)hex(str(e, "host"), host, sizeof(host));
        size_t n = hex(str(e, "response"), response, sizeof(response));
        size_t aid_len = hex(str(e, "aid"), aid, sizeof(aid));
        assert_int_equal(cw_gp_init_update_parse(response, n, &u, NULL), CW_OK);
        struct cw_gp_keyset keys = keyset(str(e, "enc"), str(e, "mac"), str(e, "dek"), u.scp == 3);
        return cw_scp_new(&c, &keys, &u, host, aid, aid_len, ret, NULL);
}

static void run_channel(const json_t *e) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = NULL;
        uint8_t auth[CW_SCP_AUTHENTICATE_MAX], plain[CW_APDU_MAX], out[CW_APDU_MAX];
        struct cw_scp_wrapped wrapped;
        size_t i, n = 0, auth_len = 0;
        json_t *cmd;
        assert_int_equal(open_channel(e, &s), CW_OK);
        uint8_t level = (uint8_t)json_integer_value(json_object_get(e, "level"));
        assert_int_equal(cw_scp_authenticate(s, level, auth, &auth_len, NULL), CW_OK);
        assert_hex(auth, auth_len, str(e, "external_authenticate"));
        json_array_foreach(json_object_get(e, "commands"), i, cmd) {
                size_t len = hex(str(cmd, "plain"), plain, sizeof(plain));
                assert_int_equal(cw_scp_wrap(s, plain, len, &wrapped, NULL), CW_OK);
                assert_hex(cw_scp_apdu(&wrapped), wrapped.len, str(cmd, "wrapped"));
                if (str(cmd, "response")[0] == '\0')
                        continue;
                len = hex(str(cmd, "response"), plain, sizeof(plain));
                assert_int_equal(cw_scp_unwrap(s, plain, len, out, sizeof(out), &n, NULL), CW_OK);
                assert_hex(out, n, str(cmd, "clear"));
        }
}

static void run_diversify(const json_t *e) {
        enum cw_gp_diversification how;
        bool aes = strncmp(str(e, "cipher"), "aes", 3) == 0;
        uint8_t kdd[CW_KDD_LEN], kcv[3];
        struct cw_gp_keyset masters = keyset(str(e, "kmc"), str(e, "kmc"), str(e, "kmc"), aes), keys = {0};
        (void)hex(str(e, "kdd"), kdd, sizeof(kdd));
        assert_true(cw_gp_diversification_from_name(str(e, "how"), &how));
        assert_int_equal(cw_gp_diversify(&c, how, &masters, kdd, &keys, NULL), CW_OK);
        struct cw_hsm_key *all[3] = {&keys.enc, &keys.mac, &keys.dek};
        for (size_t i = 0; i < 3; i++) {
                struct cw_hsm_key k = *all[i];
                k.usage |= CW_USE_ENCRYPT; /* the test looks at what the card would report */
                assert_int_equal(cw_kcv(&c, &k, CW_KCV_GP, kcv, 3, NULL), CW_OK);
                assert_hex(kcv, 3, json_string_value(json_array_get(json_object_get(e, "expect"), i)));
        }
        cw_gp_keyset_destroy(&c, &keys);
        cw_gp_keyset_destroy(&c, &masters);
}

static void assert_key(const struct cw_hsm_key *k, const json_t *list, size_t i) {
        size_t n = 0;
        const uint8_t *bytes = soft_key_bytes(soft, k, &n);
        assert_hex(bytes, n, json_string_value(json_array_get(list, i)));
}

/* A channel as far as its session keys, without a card that would prove itself. */
static struct cw_scp *bare_channel(const json_t *e, unsigned scp) {
        struct cw_scp *s = calloc(1, sizeof(*s));
        assert_non_null(s);
        s->c = &c;
        s->card.scp = (uint8_t)scp;
        s->card.mode_len = 8;
        s->protocol = scp == 2 ? &cw_scp02_protocol : &cw_scp03_protocol;
        s->card_keys = keyset(str(e, "key"), str(e, "key"), str(e, "key"), scp == 3);
        return s;
}

static void run_scp02_keys(const json_t *e) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = bare_channel(e, 2);
        (void)hex(str(e, "sequence"), s->card.card_challenge, 2);
        assert_int_equal(s->protocol->session_keys(s, NULL), CW_OK);
        const json_t *want = json_object_get(e, "expect");
        assert_key(&s->enc, want, 0);
        assert_key(&s->mac02.full, want, 1);
        assert_key(&s->dek, want, 2);
        size_t n = 0;
        const uint8_t *left = soft_key_bytes(soft, &s->mac02.left, &n);
        const uint8_t *full = soft_key_bytes(soft, &s->mac02.full, &n);
        assert_memory_equal(left, full, 8);
        assert_memory_equal(left + 8, full, 8);
}

static void run_scp02_dek(const json_t *e) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = bare_channel(e, 2);
        uint8_t plain[16], out[32];
        size_t n = 0;
        (void)hex(str(e, "sequence"), s->card.card_challenge, 2);
        size_t len = hex(str(e, "plain"), plain, sizeof(plain));
        assert_int_equal(s->protocol->session_keys(s, NULL), CW_OK);
        assert_int_equal(cw_scp_dek_encrypt(s, plain, len, false, out, sizeof(out), &n, NULL), CW_OK);
        assert_hex(out, n, str(e, "expect"));
}

static void run_scp03_keys(const json_t *e) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = bare_channel(e, 3);
        uint8_t context[16];
        (void)hex(str(e, "context"), context, sizeof(context));
        memcpy(s->host_challenge, context, 8);
        memcpy(s->card.card_challenge, context + 8, 8);
        assert_int_equal(s->protocol->session_keys(s, NULL), CW_OK);
        const json_t *want = json_object_get(e, "expect");
        assert_key(&s->enc, want, 0);
        assert_key(&s->mac03, want, 1);
        assert_key(&s->rmac03, want, 2);
}

static void run_scp03_challenge(const json_t *e) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = bare_channel(e, 3);
        uint8_t aid[16], challenge[CW_GP_CHALLENGE_MAX];
        size_t n = hex(str(e, "aid"), aid, sizeof(aid));
        (void)hex(str(e, "sequence"), s->card.sequence, 3);
        assert_int_equal(cw_scp03_challenge(s, aid, n, challenge, NULL), CW_OK);
        assert_hex(challenge, 8, str(e, "expect"));
}

/* ---- PUT KEY: data fields of a public project's tests, computed there from the specification ---- */

#define TEST_KEY "404142434445464748494A4B4C4D4E4F"

static struct cw_scp *put_key_channel(unsigned scp, const char *sequence) {
        CW_AUTO_JSON json_t *e = json_pack("{s:s}", "key", TEST_KEY);
        struct cw_scp *s = bare_channel(e, scp);
        if (scp == 2)
                (void)hex(sequence, s->card.card_challenge, 2);
        assert_int_equal(s->protocol->session_keys(s, NULL), CW_OK);
        return s;
}

static struct cw_gp_key_values key_values(enum cw_hsm_alg alg, const char *enc, const char *mac,
                                          const char *dek) {
        struct cw_gp_key_values v = {.alg = alg};
        (void)hex(enc, v.key[0], CW_GP_KEY_MAX);
        (void)hex(mac, v.key[1], CW_GP_KEY_MAX);
        (void)hex(dek, v.key[2], CW_GP_KEY_MAX);
        return v;
}

static void assert_put(struct cw_scp *s, const struct cw_gp_key_values *v, uint8_t kvn, uint8_t replaces,
                       const char *want, const char *want_answer) {
        uint8_t apdu[CW_GP_PUT_KEY_MAX], answer[CW_GP_PUT_KEY_ANSWER];
        size_t len = 0;
        assert_int_equal(cw_gp_put_key(&c, s, v, kvn, replaces, apdu, &len, answer, NULL), CW_OK);
        assert_hex(apdu, len, want);
        assert_hex(answer, sizeof(answer), want_answer);
}

static void put_key(void **state) {
        (void)state;
        CW_AUTO(cw_scp_free) struct cw_scp *s02 = put_key_channel(2, "009B");
        CW_AUTO(cw_scp_free) struct cw_scp *s03 = put_key_channel(3, NULL);
        const struct cw_gp_key_values des =
            key_values(CW_ALG_TDES2, "11111111111111112222222222222222", "33333333333333334444444444444444",
                       "55555555555555556666666666666666");
        const struct cw_gp_key_values aes =
            key_values(CW_ALG_AES128, "000102030405060708090A0B0C0D0E0F", "101112131415161718191A1B1C1D1E1F",
                       "202122232425262728292A2B2C2D2E2F");
        /* A factory version (FF) is replaced by adding. */
        assert_put(s02, &des, 0x01, 0xff,
                   "80D800814301"
                   "80107213DEBAC6A31AEBF4740A011783C7AC03D2B91C"
                   "801006A3B3E1B86274ECB85DA909AF7E0B8E03E18DE2"
                   "801069A8BE9FB1F50FCDF1567A20C1DF94E303DDB73600",
                   "01D2B91CE18DE2DDB736");
        assert_put(s03, &aes, 0x03, 0x01,
                   "80D801814603"
                   "8811103D0FA4B855D2A5AA4954B8B5DF582A3A03C35280"
                   "881110790ACCDA858B997029FA9AE50C9CD02803013808"
                   "8811108CAA7F589AA0CEB6350A45E70A6E435B03840DE500",
                   "03C35280013808840DE5");
        assert_put(s03, &des, 0x05, 0x01,
                   "80D801814305"
                   "801031E6A4F24C33D66CAEEEF57762EC698003D2B91C"
                   "8010ACCCBDCEC4C193AF6282B22628E335E103E18DE2"
                   "80100BCA2A8E8246AB1B0D859407D17D7A3603DDB73600",
                   "05D2B91CE18DE2DDB736");
}

/* Versions that no key set has, and keys that would travel under a weaker one. */
static void put_key_refused(void **state) {
        (void)state;
        CW_AUTO(cw_scp_free) struct cw_scp *s02 = put_key_channel(2, "0000");
        CW_AUTO(cw_scp_free) struct cw_scp *s03 = put_key_channel(3, NULL);
        const struct cw_gp_key_values aes = key_values(CW_ALG_AES128, TEST_KEY, TEST_KEY, TEST_KEY);
        const struct cw_gp_key_values longer =
            key_values(CW_ALG_AES256, TEST_KEY TEST_KEY, TEST_KEY TEST_KEY, TEST_KEY TEST_KEY);
        const struct {
                struct cw_scp *s;
                const struct cw_gp_key_values *v;
                uint8_t kvn;
        } wrong[] = {{s03, &aes, 0x00}, {s03, &aes, 0x80}, {s02, &aes, 0x31}, {s03, &longer, 0x31}};
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                uint8_t apdu[CW_GP_PUT_KEY_MAX], answer[CW_GP_PUT_KEY_ANSWER];
                size_t len = 0;
                assert_int_equal(cw_rc_class(cw_gp_put_key(&c, wrong[i].s, wrong[i].v, wrong[i].kvn, 0, apdu,
                                                           &len, answer, NULL)),
                                 CW_C_REJECT);
                assert_int_equal(len, 0);
        }
}

/* What PUT KEY sends is the key that the card is then expected to know, in each way of making it. */
static void key_values_are_the_keys(void **state) {
        (void)state;
        static const enum cw_gp_diversification hows[] = {CW_GP_VISA2, CW_GP_EMV, CW_GP_KDF3};
        const uint8_t kdd[CW_KDD_LEN] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
                bool aes = hows[i] == CW_GP_KDF3;
                struct cw_gp_keyset masters = keyset(TEST_KEY, TEST_KEY, TEST_KEY, aes), keys = {0};
                assert_int_equal(cw_gp_diversify(&c, hows[i], &masters, kdd, &keys, NULL), CW_OK);
                const struct cw_hsm_key *made[3] = {&keys.enc, &keys.mac, &keys.dek};
                for (uint8_t n = 1; n <= 3; n++) {
                        uint8_t value[CW_GP_KEY_MAX];
                        size_t len = 0;
                        assert_int_equal(
                            cw_gp_diversify_value(&c, hows[i], &masters.enc, kdd, n, value, NULL), CW_OK);
                        assert_memory_equal(value, soft_key_bytes(soft, made[n - 1], &len), 16);
                        assert_int_equal(len, 16);
                }
                uint8_t none[CW_GP_KEY_MAX];
                assert_int_equal(
                    cw_rc_class(cw_gp_diversify_value(&c, CW_GP_NONE, &masters.enc, kdd, 1, none, NULL)),
                    CW_C_REJECT);
                cw_gp_keyset_destroy(&c, &keys);
                cw_gp_keyset_destroy(&c, &masters);
        }
}

static void published(void **state) {
        (void)state;
        static const struct {
                const char *alg;
                void (*run)(const json_t *e);
        } runners[] = {
            {"scp_channel", run_channel},           {"gp_diversify", run_diversify},
            {"scp02_session_keys", run_scp02_keys}, {"scp02_dek", run_scp02_dek},
            {"scp03_session_keys", run_scp03_keys}, {"scp03_challenge", run_scp03_challenge},
        };
        CW_AUTO_JSON json_t *file = json_load_file(CW_VECTORS "/scp.json", 0, NULL);
        size_t i, done = 0;
        json_t *e;
        json_array_foreach(file, i, e) {
                for (size_t k = 0; k < sizeof(runners) / sizeof(runners[0]); k++) {
                        if (strcmp(runners[k].alg, str(e, "alg")) != 0)
                                continue;
                        runners[k].run(e);
                        done++;
                }
        }
        assert_true(done > 20);
        assert_int_equal(done, json_array_size(file));
}

static unsigned derived_inside;

static cw_rc derive_inside(void *ctx, const struct cw_hsm_key *base, const struct cw_cmac_kdf *kdf,
                           unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t value[CW_CMAC_KDF_LEN_MAX];
        (void)ctx;
        derived_inside++;
        cw_rc rc = cw_cmac_kdf_value(&c, base, kdf, value, cw_hsm_alg_key_len(base->alg), f);
        return rc != CW_OK ? rc : cw_hsm_import(&c, base->alg, usage, value, ret, f);
}

static cw_rc fail_inside(void *ctx, const struct cw_hsm_key *base, const struct cw_cmac_kdf *kdf,
                         unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f) {
        (void)ctx, (void)base, (void)kdf, (void)usage, (void)ret;
        return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_DENIED), 0, "test", "", "not this key");
}

/* A backend that derives with CMAC itself is asked for all three session keys and for each card key, and its
 * refusal is not got round by host memory. */
static void keys_derived_inside(void **state) {
        (void)state;
        const struct cw_hsm_crypto_ops *as_made = c.ops;
        struct cw_hsm_crypto_ops ops = *c.ops;
        uint8_t kdd[CW_KDD_LEN] = {0};
        CW_AUTO_JSON json_t *file = json_load_file(CW_VECTORS "/scp.json", 0, NULL);
        struct cw_gp_keyset masters = keyset(TEST_KEY, TEST_KEY, TEST_KEY, true), keys = {0};
        struct cw_scp *s = NULL;
        ops.cmac_kdf = derive_inside;
        c.ops = &ops;
        derived_inside = 0;
        run_channel(json_array_get(file, 2));
        assert_int_equal(derived_inside, 3);
        assert_int_equal(cw_gp_diversify(&c, CW_GP_KDF3, &masters, kdd, &keys, NULL), CW_OK);
        assert_int_equal(derived_inside, 6);
        ops.cmac_kdf = fail_inside;
        assert_int_equal(cw_rc_class(open_channel(json_array_get(file, 2), &s)), CW_C_REJECT);
        assert_null(s);
        c.ops = as_made;
        cw_gp_keyset_destroy(&c, &keys);
        cw_gp_keyset_destroy(&c, &masters);
}

/* The published outside vector of KDF3: 256 bit, key n = 1. */
static void kdf3_outside(void **state) {
        (void)state;
        static const char kmc[] = "8C72C72CF908411653018807950D82FBAD947562F0828A0B10B8B9606ABF3BCD";
        uint8_t kdd[CW_KDD_LEN];
        size_t n = 0;
        struct cw_gp_keyset masters = keyset(kmc, kmc, kmc, true), keys = {0};
        (void)hex("D9B1DE5D0362DEDCE4FB", kdd, sizeof(kdd));
        assert_int_equal(cw_gp_diversify(&c, CW_GP_KDF3, &masters, kdd, &keys, NULL), CW_OK);
        const uint8_t *bytes = soft_key_bytes(soft, &keys.enc, &n);
        assert_hex(bytes, n, "9AAC5D0B3601F89438A0D9D0B6B256CFB47E6462DFA5228D3420C4AC7C224781");
        cw_gp_keyset_destroy(&c, &keys);
        cw_gp_keyset_destroy(&c, &masters);
}

static const char kenc[] = "000102030405060708090A0B0C0D0E0F", kmac[] = "101112131415161718191A1B1C1D1E1F";
static const char host33[] = "FDF38259A1E0DE44";
static const char response33[] = "000000000000000000003003703B1ACA81E821F219081CDC01C26B372D000003";

static struct cw_scp *channel33(uint8_t flip) {
        struct cw_gp_init_update u;
        uint8_t host[8], response[32];
        struct cw_scp *s = NULL;
        (void)hex(host33, host, sizeof(host));
        (void)hex(response33, response, sizeof(response));
        response[21] ^= flip;
        assert_int_equal(cw_gp_init_update_parse(response, sizeof(response), &u, NULL), CW_OK);
        struct cw_gp_keyset keys = keyset(kenc, kmac, kmac, true);
        cw_rc rc = cw_scp_new(&c, &keys, &u, host, NULL, 0, &s, NULL);
        assert_int_equal(rc, flip ? CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH) : CW_OK);
        return s;
}

static void wrong_card_cryptogram(void **state) {
        (void)state;
        assert_null(channel33(0x01));
}

static void wrong_challenge_for_aid(void **state) {
        (void)state;
        struct cw_gp_init_update u;
        uint8_t host[8], response[32];
        static const uint8_t aid[] = {0xa0, 0x00, 0x00, 0x09, 0x99};
        struct cw_scp *s = NULL;
        (void)hex(host33, host, sizeof(host));
        (void)hex(response33, response, sizeof(response));
        assert_int_equal(cw_gp_init_update_parse(response, sizeof(response), &u, NULL), CW_OK);
        struct cw_gp_keyset keys = keyset(kenc, kmac, kmac, true);
        assert_int_equal(cw_scp_new(&c, &keys, &u, host, aid, sizeof(aid), &s, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
}

/* An answer that is not the card's, and the channel is dead. */
static void refuses_answer(const char *response) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = channel33(0);
        uint8_t auth[CW_SCP_AUTHENTICATE_MAX], plain[CW_APDU_MAX], out[CW_APDU_MAX];
        struct cw_scp_wrapped wrapped;
        size_t n = 0, auth_len = 0;
        assert_int_equal(cw_scp_authenticate(s, 0x33, auth, &auth_len, NULL), CW_OK);
        size_t len = hex("80E2910006BF3E035C015A00", plain, sizeof(plain));
        assert_int_equal(cw_scp_wrap(s, plain, len, &wrapped, NULL), CW_OK);
        len = hex(response, plain, sizeof(plain));
        assert_int_equal(cw_scp_unwrap(s, plain, len, out, sizeof(out), &n, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
        len = hex("80E2910006BF3E035C015A00", plain, sizeof(plain));
        assert_int_equal(cw_rc_class(cw_scp_wrap(s, plain, len, &wrapped, NULL)), CW_C_REJECT);
}

static void wrong_response_mac_kills_channel(void **state) {
        (void)state;
        refuses_answer(
            "F3BA2B1013AA6224F5E1C138D71805C569E5439B47576260B75FC021B25097CB2E68F8A0144975B89000");
}

/* No R-MAC comes with an error, so nothing else may: what stands before 6985 is nobody's. */
static void an_error_brings_no_data(void **state) {
        (void)state;
        refuses_answer(
            "F3BA2B1013AA6224F5E1C138D71805C569E5439B47576260B75FC021B25097CB2E68F8A0144975B96985");
}

/* Many commands wrapped in one go answer one by one: the R-MAC belongs to its own command. */
static void batch_unwraps_in_order(void **state) {
        (void)state;
        CW_AUTO(cw_scp_free) struct cw_scp *s = channel33(0);
        uint8_t auth[CW_SCP_AUTHENTICATE_MAX], plain[CW_APDU_MAX], out[CW_APDU_MAX];
        struct cw_scp_wrapped wrapped;
        size_t n = 0, auth_len = 0;
        assert_int_equal(cw_scp_authenticate(s, 0x33, auth, &auth_len, NULL), CW_OK);
        size_t len = hex("80E2910006BF3E035C015A00", plain, sizeof(plain));
        for (int i = 0; i < 3; i++)
                assert_int_equal(cw_scp_wrap(s, plain, len, &wrapped, NULL), CW_OK);
        len = hex("F3BA2B1013AA6224F5E1C138D71805C569E5439B47576260B75FC021B25097CB2E68F8A0144975B99000",
                  plain, sizeof(plain));
        assert_int_equal(cw_scp_unwrap(s, plain, len, out, sizeof(out), &n, NULL), CW_OK);
        assert_hex(out, n, "BF3E125A1089882119900000000000000000000005");
        plain[0] = 0x6a;
        plain[1] = 0x80;
        assert_int_equal(cw_scp_unwrap(s, plain, 2, out, sizeof(out), &n, NULL), CW_OK);
        assert_int_equal(n, 0);
}

static void level_limits(void **state) {
        (void)state;
        uint8_t auth[CW_SCP_AUTHENTICATE_MAX];
        size_t auth_len = 0;
        static const uint8_t impossible[] = {0x02, 0x20, 0x21, 0x23, 0x31, 0x40, 0xff};
        for (size_t i = 0; i < sizeof(impossible); i++) {
                CW_AUTO(cw_scp_free) struct cw_scp *s = channel33(0);
                assert_int_equal(cw_rc_class(cw_scp_authenticate(s, impossible[i], auth, &auth_len, NULL)),
                                 CW_C_REJECT);
        }
        CW_AUTO(cw_scp_free) struct cw_scp *s = channel33(0);
        assert_int_equal(cw_scp_authenticate(s, 0x03, auth, &auth_len, NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_scp_authenticate(s, 0x03, auth, &auth_len, NULL)), CW_C_REJECT);
}

static void command_length_limits(void **state) {
        (void)state;
        CW_AUTO(cw_scp_free) struct cw_scp *s = channel33(0);
        uint8_t auth[CW_SCP_AUTHENTICATE_MAX], plain[CW_APDU_MAX] = {0x80, 0xe2, 0x00, 0x00, 239};
        struct cw_scp_wrapped wrapped;
        size_t auth_len = 0;
        assert_int_equal(cw_scp_authenticate(s, 0x03, auth, &auth_len, NULL), CW_OK);
        assert_int_equal(cw_scp_wrap(s, plain, 5 + 239, &wrapped, NULL), CW_OK);
        assert_int_equal(wrapped.len, 5 + 240 + 8);
        plain[4] = 240;
        assert_int_equal(cw_scp_wrap(s, plain, 5 + 240, &wrapped, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG));
        plain[4] = 1;
        plain[0] = 0x81;
        assert_int_equal(cw_rc_class(cw_scp_wrap(s, plain, 6, &wrapped, NULL)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_scp_wrap(s, plain, 3, &wrapped, NULL)), CW_C_REJECT);
}

/* Every call of the backend fails once: an error comes out, nothing leaks (see teardown). */
static void failing_backend(void **state) {
        (void)state;
        struct cw_gp_init_update u;
        uint8_t host[8], response[32], auth[CW_SCP_AUTHENTICATE_MAX];
        (void)hex(host33, host, sizeof(host));
        (void)hex(response33, response, sizeof(response));
        assert_int_equal(cw_gp_init_update_parse(response, sizeof(response), &u, NULL), CW_OK);
        size_t auth_len = 0;
        bool passed = false;
        for (long fail_at = 0; !passed && fail_at < 100; fail_at++) {
                CW_AUTO(cw_scp_free) struct cw_scp *s = NULL;
                struct cw_gp_keyset keys = keyset(kenc, kmac, kmac, true);
                soft_fail_after(soft, fail_at);
                cw_rc rc = cw_scp_new(&c, &keys, &u, host, NULL, 0, &s, NULL);
                if (rc == CW_OK)
                        rc = cw_scp_authenticate(s, 0x33, auth, &auth_len, NULL);
                soft_fail_after(soft, -1);
                passed = rc == CW_OK;
                if (!passed)
                        assert_int_equal(cw_rc_class(rc), CW_C_RECONNECT);
        }
        assert_true(passed);
}

static void malformed_init_update(void **state) {
        (void)state;
        struct cw_gp_init_update u;
        uint8_t r[48] = {0};
        r[11] = 3;
        assert_int_equal(cw_gp_init_update_parse(r, 29, &u, NULL), CW_OK);
        r[12] = 0x10;
        assert_int_equal(cw_gp_init_update_parse(r, 32, &u, NULL), CW_OK);
        assert_int_equal(cw_gp_init_update_parse(r, 29, &u, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        assert_int_equal(cw_gp_init_update_parse(r, 33, &u, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        assert_int_equal(u.mode_len, 8);
        r[12] = 0x11;
        assert_int_equal(cw_gp_init_update_parse(r, 48, &u, NULL), CW_OK);
        assert_int_equal(u.mode_len, 16);
        assert_true(u.has_sequence);
        r[12] = 0x01;
        assert_int_equal(cw_gp_init_update_parse(r, 45, &u, NULL), CW_OK);
        assert_int_equal(u.mode_len, 16);
        assert_int_equal(cw_gp_init_update_parse(r, 40, &u, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        assert_int_equal(cw_gp_init_update_parse(r, 48, &u, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        r[11] = 2;
        assert_int_equal(cw_gp_init_update_parse(r, 28, &u, NULL), CW_OK);
        assert_int_equal(cw_gp_init_update_parse(r, 29, &u, NULL), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX));
        r[11] = 1;
        assert_int_equal(cw_gp_init_update_parse(r, 28, &u, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED));
        for (size_t n = 0; n < 12; n++)
                assert_int_equal(cw_rc_class(cw_gp_init_update_parse(r, n, &u, NULL)), CW_C_REJECT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(published, setup, teardown),
            cmocka_unit_test_setup_teardown(kdf3_outside, setup, teardown),
            cmocka_unit_test_setup_teardown(keys_derived_inside, setup, teardown),
            cmocka_unit_test_setup_teardown(put_key, setup, teardown),
            cmocka_unit_test_setup_teardown(put_key_refused, setup, teardown),
            cmocka_unit_test_setup_teardown(key_values_are_the_keys, setup, teardown),
            cmocka_unit_test_setup_teardown(wrong_card_cryptogram, setup, teardown),
            cmocka_unit_test_setup_teardown(wrong_challenge_for_aid, setup, teardown),
            cmocka_unit_test_setup_teardown(wrong_response_mac_kills_channel, setup, teardown),
            cmocka_unit_test_setup_teardown(an_error_brings_no_data, setup, teardown),
            cmocka_unit_test_setup_teardown(batch_unwraps_in_order, setup, teardown),
            cmocka_unit_test_setup_teardown(level_limits, setup, teardown),
            cmocka_unit_test_setup_teardown(command_length_limits, setup, teardown),
            cmocka_unit_test_setup_teardown(failing_backend, setup, teardown),
            cmocka_unit_test_setup_teardown(malformed_init_update, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
