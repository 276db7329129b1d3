/* SPDX-License-Identifier: Apache-2.0 */
/* RSA of chips: a published issuer certificate, certificates made and recovered the terminal's way. */
#include "../integration/hsmd/issuer.h"
#include "test_hsm_sess_rig.h"
#include "visa_94.h"

#include "base/buf.h"
#include "hsm/emv_cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAN "4266424680446864"

static struct soft_hsm *soft;
static struct cw_hsm_crypto crypto;
static struct issuer made; /* 1024 bits under a CA of 1152 */
static struct cw_rsa_private made_key;

static void take(const struct issuer_number *from, uint8_t *ret) {
        memcpy(ret, from->bytes, from->len);
}

static int setup(void **state) {
        (void)state;
        soft = soft_hsm_new(&crypto);
        issuer_make(&made, 1024, 1152, "426642", "1230");
        take(&made.n, made_key.pub.n);
        take(&made.d, made_key.d);
        made_key.pub.n_len = made.n.len;
        return (int)(cw_rsa_set_exponent(3, &made_key.pub, NULL) != CW_OK);
}

static int teardown(void **state) {
        (void)state;
        soft_hsm_free(soft);
        return 0;
}

static void json_94(char *ret, size_t cap, const char *exponent, const char *certificate) {
        (void)snprintf(
            ret, cap,
            "{\"ca_index\":\"94\",\"ca_modulus\":\"%s\",\"ca_exponent\":\"03\",\"certificate\":\"%s\","
            "\"remainder\":\"\",\"exponent\":\"%s\"}",
            ca_94, certificate, exponent);
}

static void published_issuer_certificate(void **state) {
        (void)state;
        struct cw_emv_issuer is;
        struct cw_fault f = {0};
        char text[2048], hex[2 * CW_RSA_MAX + 1];
        json_94(text, sizeof(text), "03", issuer_94);
        assert_int_equal(cw_emv_issuer_parse(&crypto, text, strlen(text), &is, &f), CW_OK);
        assert_string_equal(is.iin, "476173");
        assert_string_equal(is.expiry, "1231");
        assert_int_equal(is.ca_index, 0x94);
        assert_true(cw_hex_encode(is.pub.n, is.pub.n_len, hex, sizeof(hex)));
        assert_string_equal(hex, modulus_94);
}

/* Wrong exponent, wrong last byte, every byte of the certificate in turn. */
static void damaged_issuer_certificate(void **state) {
        (void)state;
        struct cw_emv_issuer is;
        struct cw_fault f = {0};
        char text[2048], cert[sizeof(issuer_94)];
        json_94(text, sizeof(text), "010001", issuer_94);
        assert_int_equal(cw_rc_class(cw_emv_issuer_parse(&crypto, text, strlen(text), &is, &f)), CW_C_REJECT);
        assert_string_equal(f.code, "HSM_ISSUER_CERT");
        for (size_t i = 0; i < strlen(issuer_94); i += 7) {
                memcpy(cert, issuer_94, sizeof(cert));
                cert[i] = cert[i] == '1' ? '2' : '1';
                json_94(text, sizeof(text), "03", cert);
                assert_int_equal(cw_rc_class(cw_emv_issuer_parse(&crypto, text, strlen(text), &is, &f)),
                                 CW_C_REJECT);
        }
}

static void certificate_and_key(void **state) {
        (void)state;
        struct cw_emv_issuer is;
        struct cw_fault f = {0};
        assert_int_equal(cw_emv_issuer_parse(&crypto, made.json, strlen(made.json), &is, &f), CW_OK);
        assert_int_equal(cw_emv_issuer_check(&is, &made_key.pub, PAN, "3012", &f), CW_OK);
        assert_int_equal(cw_emv_issuer_check(&is, &made_key.pub, PAN, "2912", &f), CW_OK);
        assert_int_not_equal(cw_emv_issuer_check(&is, &made_key.pub, PAN, "3101", &f), CW_OK);
        assert_int_not_equal(cw_emv_issuer_check(&is, &made_key.pub, "4266434680446864", "3012", &f), CW_OK);
        struct cw_rsa_public other = made_key.pub;
        other.n[5] ^= 1;
        assert_int_not_equal(cw_emv_issuer_check(&is, &other, PAN, "3012", &f), CW_OK);
}

/* Of several certificates the one for the key counts, also when another one is damaged or for another key. */
static void certificates_in_a_list(void **state) {
        (void)state;
        struct cw_emv_issuer is;
        struct cw_fault f = {0};
        char text[8192], other[2048];
        struct cw_rsa_public none = made_key.pub;
        none.n[5] ^= 1;
        json_94(other, sizeof(other), "03", issuer_94);
        (void)snprintf(text, sizeof(text), "[%s,{},%s]", other, made.json);
        assert_int_equal(cw_emv_issuer_pick(&crypto, text, strlen(text), &made_key.pub, &is, &f), CW_OK);
        assert_memory_equal(is.pub.n, made_key.pub.n, made_key.pub.n_len);
        assert_int_equal(cw_rc_class(cw_emv_issuer_pick(&crypto, text, strlen(text), &none, &is, &f)),
                         CW_C_REJECT);
        assert_non_null(strstr(f.text, "ca_index")); /* what is damaged is told when none fits */
        (void)snprintf(text, sizeof(text), "[%s]", other);
        assert_int_equal(cw_rc_class(cw_emv_issuer_pick(&crypto, text, strlen(text), &none, &is, &f)),
                         CW_C_REJECT);
        assert_non_null(strstr(f.text, "not for the issuer key"));
        (void)snprintf(text, sizeof(text), "[%s,%s,%s,{},{}]", other, other, other);
        assert_int_equal(cw_rc_class(cw_emv_issuer_pick(&crypto, text, strlen(text), &none, &is, &f)),
                         CW_C_REJECT);
        assert_non_null(strstr(f.text, "too many"));
        assert_int_equal(cw_rc_class(cw_emv_issuer_pick(&crypto, "[]", 2, &none, &is, &f)), CW_C_REJECT);
        assert_int_equal(cw_emv_issuer_pick(&crypto, made.json, strlen(made.json), &made_key.pub, &is, &f),
                         CW_OK);
}

/* ICC keys shorter than the room in the certificate, as long as it, and with a remainder. */
static void icc_certificates(void **state) {
        (void)state;
        static const unsigned sizes[] = {512, 656, 768, 1000, 1024};
        static const uint8_t data[] = "records to be authenticated";
        const struct cw_hsm_key key = soft_rsa(soft, &made_key);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                struct cw_rsa_private icc;
                struct cw_emv_cert cert;
                struct issuer_number n;
                struct cw_fault f = {0};
                assert_int_equal(cw_rsa_generate(&crypto, sizes[i], 3, &icc, &f), CW_OK);
                const struct cw_emv_icc_cert in = {&icc.pub, PAN, "3012", {1, 2, 3}, data, sizeof(data)};
                assert_int_equal(cw_emv_icc_cert_sign(&crypto, &key, &made_key.pub, &in, &cert, &f), CW_OK);
                assert_true(issuer_recover_icc(&made.n, cert.value, cert.len, cert.remainder,
                                               cert.remainder_len, 3, PAN, "1230", data, sizeof(data), &n));
                assert_int_equal(n.len, sizes[i] / 8);
                assert_memory_equal(n.bytes, icc.pub.n, n.len);
                assert_false(issuer_recover_icc(&made.n, cert.value, cert.len, cert.remainder,
                                                cert.remainder_len, 3, PAN, "1230", data, sizeof(data) - 1,
                                                &n));
                const uint8_t *const parts[5] = {icc.q_inv, icc.dq, icc.dp, icc.q, icc.p};
                assert_true(issuer_crt_fits(&n, parts, cw_rsa_prime_len(n.len)));
        }
}

static void what_is_refused(void **state) {
        (void)state;
        static struct cw_rsa_private icc;
        struct cw_emv_cert cert;
        struct cw_fault f = {0};
        const struct cw_hsm_key key = soft_rsa(soft, &made_key);
        assert_int_not_equal(cw_rsa_generate(&crypto, 2048, 3, &icc, &f), CW_OK);
        assert_int_not_equal(cw_rsa_generate(&crypto, 1004, 3, &icc, &f), CW_OK);
        assert_int_not_equal(cw_rsa_generate(&crypto, 496, 3, &icc, &f), CW_OK);
        assert_int_not_equal(cw_rsa_generate(&crypto, 512, 17, &icc, &f), CW_OK);
        assert_int_equal(cw_rsa_generate(&crypto, 1152, 65537, &icc, &f), CW_OK);
        const struct cw_emv_icc_cert in = {&icc.pub, PAN, "3012", {0}, NULL, 0};
        assert_int_not_equal(cw_emv_icc_cert_sign(&crypto, &key, &made_key.pub, &in, &cert, &f), CW_OK);
}

static void static_signature(void **state) {
        (void)state;
        static const uint8_t dac[2] = {0xda, 0xc0}, data[] = "static";
        const struct cw_hsm_key key = soft_rsa(soft, &made_key);
        struct cw_emv_cert ssad;
        struct cw_fault f = {0};
        uint8_t plain[128], hashed[128], hash[20];
        assert_int_equal(cw_emv_ssad_sign(&crypto, &key, &made_key.pub, dac, data, 6, &ssad, &f), CW_OK);
        assert_int_equal(ssad.len, 128);
        issuer_cube(&made.n, ssad.value, plain);
        assert_memory_equal(plain, "\x6a\x03\x01\xda\xc0\xbb", 6);
        assert_int_equal(plain[127], 0xbc);
        memcpy(hashed, plain + 1, 106);
        memcpy(hashed + 106, data, 6);
        issuer_sha1(hashed, 112, hash);
        assert_memory_equal(plain + 107, hash, 20);
        soft_rsa_spoil(soft); /* a fault in the token must not get out: it would tell the key */
        assert_int_not_equal(cw_emv_ssad_sign(&crypto, &key, &made_key.pub, dac, data, 6, &ssad, &f), CW_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(published_issuer_certificate, setup, teardown),
            cmocka_unit_test_setup_teardown(damaged_issuer_certificate, setup, teardown),
            cmocka_unit_test_setup_teardown(certificates_in_a_list, setup, teardown),
            cmocka_unit_test_setup_teardown(certificate_and_key, setup, teardown),
            cmocka_unit_test_setup_teardown(icc_certificates, setup, teardown),
            cmocka_unit_test_setup_teardown(what_is_refused, setup, teardown),
            cmocka_unit_test_setup_teardown(static_signature, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
