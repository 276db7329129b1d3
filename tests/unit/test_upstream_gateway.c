/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vectors were made without this codec: openssl pkeyutl -derive, openssl dgst and openssl kdf for the
 * keys, GHASH written out over openssl enc -aes-256-ecb and -aes-256-ctr for GCM. The keys were made for this
 * file.
 */
#include "agent/upstream/gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char bank_key[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXcq6/bNfzoZH3bx3\n"
                               "FgAEihEp2/F79QKftAXS5L2jNmuhRANCAASLExU/uUz6OFw01VJVPevTjFhZutMo\n"
                               "h2gb/RYDXF87hOmDBGUwSRP/TB0j2+PXn1wc+9EFDX8tEl2dQbz9iw3o\n"
                               "-----END PRIVATE KEY-----\n";
static const char bank_pub[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEixMVP7lM+jhcNNVSVT3r04xYWbrT\n"
                               "KIdoG/0WA1xfO4TpgwRlMEkT/0wdI9vj159cHPvRBQ1/LRJdnUG8/YsN6A==\n"
                               "-----END PUBLIC KEY-----\n";
static const char gate_key[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpeKntokTjh4d5dtB\n"
                               "pvXzMraM4pZALep1exxzFFn4HnihRANCAATKjxt1mqN++Gg9OlVKQxL8qC1lkmkn\n"
                               "RSmbSBiU3zjI9uImcw53TwZg6UodAhbKoXqwd4/jLa8GoGXBiOR66RQc\n"
                               "-----END PRIVATE KEY-----\n";
static const char gate_pub[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyo8bdZqjfvhoPTpVSkMS/KgtZZJp\n"
                               "J0Upm0gYlN84yPbiJnMOd08GYOlKHQIWyqF6sHeP4y2vBqBlwYjkeukUHA==\n"
                               "-----END PUBLIC KEY-----\n";
static const char rsa_pub[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDA42gXUjifiCFG+CReKjsvFJ/m\n"
                              "niHIui2fSEk2E/dg96vH44bIbdtuoZJ2PG3HdCOARwJ28Ae1xjp/SksZRDp1dysD\n"
                              "vpMM/jgm5F80Aogq3sioywYZyYEUXUP6KKt1uBqIRvAHwdmcKlS6enywbA7ODSz+\n"
                              "XhkaRI920EzUqrgX+QIDAQAB\n"
                              "-----END PUBLIC KEY-----\n";
static const char clear_text[] = "{\"kitNo\":\"4240181647\",\"entityId\":\"req7\"}";
static const char sealed_sha256[] =
    "duBBs3RoTk4rOvsGurFeSclB4GUeClG6QtOnAllGCk8QEc7YAXq/fumkYB7LYKb5L9oJB7On6Ao=";
static const char sealed_hkdf[] =
    "Dkf2Q6FCXdUSBZmHYaJV/G2dIp1UhcNZjVwBstjMkxRdsyBNMfl2KNg4YCyjuio1Yvm3wvQmhnc=";

static struct cw_span text_span(const char *text) {
        return CW_SPAN((const uint8_t *)text, strlen(text));
}

static struct cw_gateway_codec *codec(enum cw_gateway variant, const char *own, const char *peer) {
        struct cw_gateway_codec *g = NULL;
        struct cw_fault f = {0};
        assert_int_equal(
            cw_gateway_ecdh_new(variant, text_span(own), text_span(peer), "kid-1", cw_clock_real(), &g, &f),
            CW_OK);
        return g;
}

static void check_vector(enum cw_gateway variant, const char *sealed) {
        CW_AUTO(cw_gateway_free) struct cw_gateway_codec *bank = codec(variant, bank_key, gate_pub);
        CW_AUTO(cw_gateway_free) struct cw_gateway_codec *gate = codec(variant, gate_key, bank_pub);
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL, *back = NULL;
        struct cw_fault f = {0};
        char expected[256];
        (void)snprintf(expected, sizeof expected,
                       "{\"refNo\":\"1763369938000123\",\"body\":\"%s\",\"kid\":\"kid-1\"}", sealed);
        assert_int_equal(cw_gateway_ecdh_seal_as(bank, "1763369938000123", text_span(clear_text), &wire, &f),
                         CW_OK);
        assert_int_equal(wire->len, strlen(expected));
        assert_memory_equal(wire->ptr, expected, wire->len);
        assert_int_equal(gate->ops->open(gate, CW_SPAN(wire->ptr, wire->len), &back, &f), CW_OK);
        assert_int_equal(back->len, strlen(clear_text));
        assert_memory_equal(back->ptr, clear_text, back->len);
}

static void fixed_vectors(void **state) {
        (void)state;
        check_vector(CW_GATEWAY_ECDH_SHA256, sealed_sha256);
        check_vector(CW_GATEWAY_ECDH_HKDF, sealed_hkdf);
}

static void reference_numbers_never_repeat(void **state) {
        (void)state;
        CW_AUTO(cw_gateway_free)
        struct cw_gateway_codec *g = codec(CW_GATEWAY_ECDH_SHA256, bank_key, gate_pub);
        char last[17] = "";
        struct cw_fault f = {0};
        for (int i = 0; i < 2000; i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL;
                assert_int_equal(g->ops->seal(g, text_span("{}"), &wire, &f), CW_OK);
                char ref[17] = "";
                assert_int_equal(sscanf((const char *)wire->ptr, "{\"refNo\":\"%16[0-9]\"", ref), 1);
                assert_int_equal(strlen(ref), 16);
                assert_true(strcmp(ref, last) > 0);
                memcpy(last, ref, sizeof last);
        }
}

static cw_rc open_text(struct cw_gateway_codec *g, const char *text, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        return g->ops->open(g, text_span(text), &clear, f);
}

static void refuses_what_is_not_for_us(void **state) {
        (void)state;
        CW_AUTO(cw_gateway_free)
        struct cw_gateway_codec *g = codec(CW_GATEWAY_ECDH_SHA256, bank_key, gate_pub);
        struct cw_fault f = {0};
        char text[256];
        static const struct {
                const char *ref, *body, *kid, *word;
        } bad[] = {
            {"1763369938000123", sealed_hkdf, "kid-1", "decrypt"},
            {"1763369938000124", sealed_sha256, "kid-1", "decrypt"},
            {"176336993800012", sealed_sha256, "kid-1", "16 digits"},
            {"176336993800012x", sealed_sha256, "kid-1", "16 digits"},
            {"1763369938000123", sealed_sha256, "kid-2", "key id"},
            {"1763369938000123", "AAAA", "kid-1", "Base64"},
            {"1763369938000123", "?", "kid-1", "Base64"},
            {"1763369938000123", "\\u0041", "kid-1", "envelope"},
        };
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                (void)snprintf(text, sizeof text, "{\"refNo\":\"%s\",\"body\":\"%s\",\"kid\":\"%s\"}",
                               bad[i].ref, bad[i].body, bad[i].kid);
                assert_int_equal(cw_rc_class(open_text(g, text, &f)), CW_C_OPERATOR);
                assert_non_null(strstr(f.text, bad[i].word));
        }
        assert_int_equal(cw_rc_class(open_text(g, "{\"result\":true,\"exception\":null}", &f)),
                         CW_C_OPERATOR);
        assert_int_equal(cw_rc_class(open_text(g, "", &f)), CW_C_OPERATOR);
}

static void refuses_other_keys(void **state) {
        (void)state;
        struct cw_gateway_codec *g = NULL;
        struct cw_fault f = {0};
        const struct cw_clock *clock = cw_clock_real();
        struct cw_span own = text_span(bank_key), peer = text_span(gate_pub);
        assert_int_equal(cw_rc_class(cw_gateway_ecdh_new(CW_GATEWAY_ECDH_SHA256, text_span("x"), peer, "k",
                                                         clock, &g, &f)),
                         CW_C_OPERATOR);
        assert_int_equal(
            cw_rc_class(cw_gateway_ecdh_new(CW_GATEWAY_ECDH_SHA256, own, own, "k", clock, &g, &f)),
            CW_C_OPERATOR);
        assert_int_equal(cw_rc_class(cw_gateway_ecdh_new(CW_GATEWAY_ECDH_SHA256, own, text_span(rsa_pub), "k",
                                                         clock, &g, &f)),
                         CW_C_OPERATOR);
        assert_int_equal(
            cw_rc_class(cw_gateway_ecdh_new(CW_GATEWAY_ECDH_SHA256, own, peer, "k\"", clock, &g, &f)),
            CW_C_OPERATOR);
        assert_null(g);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(fixed_vectors),
            cmocka_unit_test(reference_numbers_never_repeat),
            cmocka_unit_test(refuses_what_is_not_for_us),
            cmocka_unit_test(refuses_other_keys),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
