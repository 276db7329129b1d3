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

static struct cw_gateway_pair pair(const char *own, const char *peer, const char *kid) {
        return (struct cw_gateway_pair){.own_pem = text_span(own), .peer_pem = text_span(peer), .kid = kid};
}

static cw_rc make(enum cw_gateway variant, const struct cw_gateway_pair *pairs, size_t count,
                  struct cw_gateway_codec **ret, struct cw_fault *f) {
        if (variant == CW_GATEWAY_JWE)
                return cw_gateway_jwe_new(pairs, count, ret, f);
        if (variant == CW_GATEWAY_FIELD)
                return cw_gateway_field_new(pairs, count, "cardNumber,cvv,expiry_date", ret, f);
        if (variant == CW_GATEWAY_ECDH_SHA256_OPAQUE || variant == CW_GATEWAY_ECDH_HKDF_OPAQUE)
                return cw_gateway_opaque_new(variant, pairs, count, ret, f);
        return cw_gateway_ecdh_new(variant, pairs, count, cw_clock_real(), ret, f);
}

static struct cw_gateway_codec *codec(enum cw_gateway variant, const char *own, const char *peer) {
        struct cw_gateway_codec *g = NULL;
        struct cw_fault f = {0};
        const struct cw_gateway_pair one = pair(own, peer, "kid-1");
        assert_int_equal(make(variant, &one, 1, &g, &f), CW_OK);
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

/* The ciphertexts of the fixed vectors, their refNo in front as IV: what the opaque form is. */
static const char opaque_sha256[] =
    "MTc2MzM2OTkzODAwMDEyM3bgQbN0aE5OKzr7BrqxXknJQeBlHgpRukLTpwJZRgpPEBHO2AF6v37p"
    "pGAey2Cm+S/aCQezp+gK";
static const char opaque_hkdf[] =
    "MTc2MzM2OTkzODAwMDEyMw5H9kOhQl3VEgWZh2GiVfxtnSKdVIXDWY1cAbLYzJMUXbMgTTH5dijY"
    "OGAso7oqNWL5t8L0JoZ3";

static void expect_opaque(enum cw_gateway variant, const char *before, const char *sealed,
                          const char *after) {
        CW_AUTO(cw_gateway_free) struct cw_gateway_codec *g = codec(variant, bank_key, gate_pub);
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        struct cw_fault f = {0};
        char text[256];
        (void)snprintf(text, sizeof text, "%s%s%s", before, sealed, after);
        if (g->ops->open(g, text_span(text), &clear, &f) != CW_OK)
                fail_msg("%s", f.text);
        assert_int_equal(clear->len, strlen(clear_text));
        assert_memory_equal(clear->ptr, clear_text, clear->len);
}

static void opaque_strings(void **state) {
        (void)state;
        static const struct {
                const char *text;
                uint32_t detail;
        } bad[] = {{"", CW_E_SYNTAX},
                   {"{\"result\":true,\"exception\":null}", CW_E_SYNTAX},
                   {"AAAA", CW_E_SYNTAX},
                   {"\"", CW_E_SYNTAX},
                   {opaque_hkdf, CW_E_MISMATCH}};
        expect_opaque(CW_GATEWAY_ECDH_SHA256_OPAQUE, "", opaque_sha256, "");
        expect_opaque(CW_GATEWAY_ECDH_SHA256_OPAQUE, " \"", opaque_sha256, "\"\r\n");
        expect_opaque(CW_GATEWAY_ECDH_HKDF_OPAQUE, "", opaque_hkdf, "\n");
        CW_AUTO(cw_gateway_free)
        struct cw_gateway_codec *g = codec(CW_GATEWAY_ECDH_SHA256_OPAQUE, bank_key, gate_pub);
        struct cw_fault f = {0};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_int_equal(open_text(g, bad[i].text, &f),
                                 CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, bad[i].detail));
}

static const enum cw_gateway all[] = {
    CW_GATEWAY_ECDH_SHA256,      CW_GATEWAY_ECDH_HKDF, CW_GATEWAY_ECDH_SHA256_OPAQUE,
    CW_GATEWAY_ECDH_HKDF_OPAQUE, CW_GATEWAY_JWE,       CW_GATEWAY_FIELD};

static void refuses_other_keys(void **state) {
        (void)state;
        struct cw_gateway_codec *g = NULL;
        struct cw_fault f = {0};
        const struct cw_gateway_pair bad[] = {pair("x", gate_pub, "k"), pair(bank_key, bank_key, "k"),
                                              pair(bank_key, rsa_pub, "k"), pair(bank_key, gate_pub, "k\""),
                                              pair(bank_key, gate_pub, "")};
        for (size_t v = 0; v < sizeof all / sizeof all[0]; v++)
                for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                        const struct cw_gateway_pair two[] = {pair(bank_key, gate_pub, "good"), bad[i]};
                        assert_int_equal(cw_rc_class(make(all[v], &bad[i], 1, &g, &f)), CW_C_OPERATOR);
                        assert_int_equal(cw_rc_class(make(all[v], two, 2, &g, &f)), CW_C_OPERATOR);
                }
        const struct cw_gateway_pair good = pair(bank_key, gate_pub, "k");
        assert_int_equal(cw_rc_class(cw_gateway_field_new(&good, 1, "", &g, &f)), CW_C_OPERATOR);
        assert_int_equal(cw_rc_class(cw_gateway_field_new(&good, 1, "a,,b", &g, &f)), CW_C_OPERATOR);
        assert_null(g);
}

static const char card_text[] =
    "{\"kitNo\":\"1\",\"rows\":[{\"card_Number\":\"6080401234566384\", \"cvv\": 237 ,\"n\":5},"
    "{\"cardNumber\":null,\"CVV\":\"\"}],\"expiryDate\":\"0729\"}";
static const char card_text_back[] =
    "{\"kitNo\":\"1\",\"rows\":[{\"card_Number\":\"6080401234566384\", \"cvv\": \"237\" ,\"n\":5},"
    "{\"cardNumber\":null,\"CVV\":\"\"}],\"expiryDate\":\"0729\"}";

static void expect_text(const struct cw_secret *got, const char *want) {
        if (got->len != strlen(want) || memcmp(got->ptr, want, got->len) != 0)
                fail_msg("got %.*s", (int)got->len, (const char *)got->ptr);
}

static bool holds(const struct cw_secret *wire, const char *text) {
        return memmem(wire->ptr, wire->len, text, strlen(text)) != NULL;
}

/* Each variant hides the card and gives it back to the other side, never to a third. */
static void both_sides_understand(void **state) {
        (void)state;
        for (size_t v = 0; v < sizeof all / sizeof all[0]; v++) {
                CW_AUTO(cw_gateway_free) struct cw_gateway_codec *bank = codec(all[v], bank_key, gate_pub);
                CW_AUTO(cw_gateway_free) struct cw_gateway_codec *gate = codec(all[v], gate_key, bank_pub);
                CW_AUTO(cw_gateway_free) struct cw_gateway_codec *self = codec(all[v], bank_key, bank_pub);
                CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL, *back = NULL, *none = NULL;
                struct cw_fault f = {0};
                assert_int_equal(bank->ops->seal(bank, text_span(card_text), &wire, &f), CW_OK);
                assert_false(holds(wire, "6080401234566384"));
                assert_int_equal(gate->ops->open(gate, CW_SPAN(wire->ptr, wire->len), &back, &f), CW_OK);
                expect_text(back, all[v] == CW_GATEWAY_FIELD ? card_text_back : card_text);
                assert_int_equal(self->ops->open(self, CW_SPAN(wire->ptr, wire->len), &none, &f),
                                 CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_MISMATCH));
                assert_non_null(strstr(f.text, "decrypt"));
        }
}

/* The bank changes its pair: old and new side by side on one end, then on the other. */
static void two_keys_at_a_time(void **state) {
        (void)state;
        for (size_t v = 0; v < sizeof all / sizeof all[0]; v++) {
                const struct cw_gateway_pair ours[] = {pair(gate_key, bank_pub, "new"),
                                                       pair(bank_key, gate_pub, "old")};
                const struct cw_gateway_pair theirs_new = pair(bank_key, gate_pub, "new");
                const struct cw_gateway_pair theirs_old = pair(gate_key, bank_pub, "old");
                CW_AUTO(cw_gateway_free) struct cw_gateway_codec *g = NULL, *after = NULL, *before = NULL;
                CW_AUTO(cw_secret_free) struct cw_secret *out = NULL, *in = NULL, *a = NULL, *b = NULL;
                struct cw_fault f = {0};
                assert_int_equal(make(all[v], ours, 2, &g, &f), CW_OK);
                assert_int_equal(make(all[v], &theirs_new, 1, &after, &f), CW_OK);
                assert_int_equal(make(all[v], &theirs_old, 1, &before, &f), CW_OK);
                assert_int_equal(g->ops->seal(g, text_span(card_text), &out, &f), CW_OK);
                assert_int_equal(after->ops->open(after, CW_SPAN(out->ptr, out->len), &a, &f), CW_OK);
                assert_int_equal(before->ops->seal(before, text_span(card_text), &in, &f), CW_OK);
                assert_int_equal(g->ops->open(g, CW_SPAN(in->ptr, in->len), &b, &f), CW_OK);
                expect_text(b, all[v] == CW_GATEWAY_FIELD ? card_text_back : card_text);
        }
}

static int64_t fake_now(void *ctx) {
        return *(int64_t *)ctx;
}

/* Keys read anew: what the old ones sealed is opened for a while, then no more; another variant is refused.
 */
static void keys_taken_over(void **state) {
        (void)state;
        int64_t now_ns = 1;
        const struct cw_clock clock = {fake_now, fake_now, &now_ns};
        for (size_t v = 0; v < sizeof all / sizeof all[0]; v++) {
                const struct cw_gateway_pair theirs_old = pair(gate_key, bank_pub, "old");
                const struct cw_gateway_pair ours_new = pair(gate_key, gate_pub, "new");
                const struct cw_gateway_pair ours_old = pair(bank_key, gate_pub, "old");
                CW_AUTO(cw_gateway_free) struct cw_gateway_codec *g = NULL, *before = NULL;
                CW_AUTO(cw_secret_free) struct cw_secret *in = NULL, *early = NULL, *late = NULL;
                struct cw_gateway_codec *old = NULL, *new = NULL, *newer = NULL, *other = NULL;
                struct cw_fault f = {0};
                assert_int_equal(make(all[v], &theirs_old, 1, &before, &f), CW_OK);
                assert_int_equal(make(all[v], &ours_old, 1, &old, &f), CW_OK);
                assert_int_equal(make(all[v], &ours_new, 1, &new, &f), CW_OK);
                assert_int_equal(make(all[v], &ours_new, 1, &newer, &f), CW_OK);
                assert_int_equal(make(all[(v + 1) % 6], &ours_new, 1, &other, &f), CW_OK);
                assert_int_equal(cw_gateway_rotation_new(old, &clock, &g, &f), CW_OK);
                assert_int_equal(before->ops->seal(before, text_span(card_text), &in, &f), CW_OK);
                assert_int_equal(cw_gateway_rotation_take(g, other, &f),
                                 CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_STATE));
                assert_int_equal(cw_gateway_rotation_take(g, new, &f), CW_OK);
                assert_int_equal(cw_gateway_rotation_take(g, newer, &f),
                                 CW_OK); /* the old ones are still known */
                assert_int_equal(g->ops->open(g, CW_SPAN(in->ptr, in->len), &early, &f), CW_OK);
                expect_text(early, all[v] == CW_GATEWAY_FIELD ? card_text_back : card_text);
                now_ns += (int64_t)20 * 60 * 1000 * 1000000;
                assert_int_equal(g->ops->open(g, CW_SPAN(in->ptr, in->len), &late, &f),
                                 CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_MISMATCH));
        }
}

static void field_values_that_are_wrong(void **state) {
        (void)state;
        CW_AUTO(cw_gateway_free) struct cw_gateway_codec *g = codec(CW_GATEWAY_FIELD, bank_key, gate_pub);
        struct cw_fault f = {0};
        assert_int_equal(open_text(g, "{\"cardNumber\":\"608040XXXXXX6384\"}", &f), CW_OK);
        assert_int_equal(open_text(g, "<html>", &f), CW_OK);
        assert_int_equal(open_text(g,
                                   "{\"cvv\":\"AAECAwQFBgcICQoLDA0ODykAv5IMd2Yci4TNWWkolzqT0/7///44ZIc+99P"
                                   "T/x2V\"}",
                                   &f),
                         CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_MISMATCH));
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL;
        assert_int_equal(cw_rc_class(g->ops->seal(g, text_span("{\"cvv\":\"2\\u0033\"}"), &wire, &f)),
                         CW_C_REJECT);
        char text[800] = "{\"cvv\":\"";
        memset(text + 8, '7', 600);
        memcpy(text + 608, "\"}", 3);
        assert_int_equal(cw_rc_class(g->ops->seal(g, text_span(text), &wire, &f)), CW_C_REJECT);
}

/* What else a JWE can ask for is not done: other algorithms, compression, a key of another curve. */
static void jwe_of_another_kind(void **state) {
        (void)state;
        CW_AUTO(cw_gateway_free) struct cw_gateway_codec *g = codec(CW_GATEWAY_JWE, bank_key, gate_pub);
        struct cw_fault f = {0};
        static const char *const headers[] = {
            /* {"alg":"dir","enc":"A256GCM"} */
            "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0",
            /* {"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647,"p2s":"AAAA"} */
            "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIiwicDJjIjoyMTQ3NDgzNjQ3LCJwMnMiOiJBQUFB"
            "In0",
            /* {"alg":"ECDH-ES","enc":"A256GCM","zip":"DEF","epk":{"kty":"EC","crv":"P-256"}} */
            "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsInppcCI6IkRFRiIsImVwayI6eyJrdHkiOiJFQyIsImNydiI6IlAt"
            "MjU2In19",
            /* {"alg":"ECDH-ES","enc":"A256GCM","epk":{"kty":"EC","crv":"P-256"}} */
            "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsImVwayI6eyJrdHkiOiJFQyIsImNydiI6IlAtMjU2In19",
            "e30",
            "",
        };
        for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
                char text[400];
                (void)snprintf(text, sizeof text, "%s..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
                               headers[i]);
                assert_int_equal(open_text(g, text, &f), CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_MISMATCH));
        }
        static const char *const none[] = {"", "a.b.c", "a.b.c.d.e.f", "a.b.c.d.\"", "{\"result\":true}"};
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
                assert_int_equal(open_text(g, none[i], &f), CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_SYNTAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(fixed_vectors),
            cmocka_unit_test(reference_numbers_never_repeat),
            cmocka_unit_test(refuses_what_is_not_for_us),
            cmocka_unit_test(opaque_strings),
            cmocka_unit_test(keys_taken_over),
            cmocka_unit_test(refuses_other_keys),
            cmocka_unit_test(both_sides_understand),
            cmocka_unit_test(two_keys_at_a_time),
            cmocka_unit_test(field_values_that_are_wrong),
            cmocka_unit_test(jwe_of_another_kind),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
