/* SPDX-License-Identifier: Apache-2.0 */
/* Chip key pairs made on the token of a running cardwright-hsmd, certified, and sent under the DEK. */
#include "card.h"
#include "rig.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ITEMS 5u

static struct rig rig;
static const uint8_t records[] = "data of the records that are authenticated offline";

static int setup(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.issuer = true});
        return 0;
}

static int setup_nss(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.issuer = true, .nss = true});
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static void unpack(const struct cw_secret *items, struct cw_span ret[ITEMS], size_t count) {
        struct cw_reader r;
        cw_reader_init(&r, items->ptr, items->len);
        for (size_t i = 0; i < count; i++)
                ret[i] = cw_get_item(&r);
        assert_true(r.left == 0 && !r.bad);
}

static void open_channel(struct cw_hsm_session *s, struct card *card) {
        struct cw_fault f = {0};
        uint8_t kvn = 0xff, challenge[CW_HSM_CHALLENGE_MAX], response[32];
        size_t challenge_len = 0;
        struct cw_hsm_gp_card info = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *auth = NULL;
        assert_int_equal(cw_hsm_session_gp_start(s, NULL, &kvn, challenge, &challenge_len, &f), CW_OK);
        size_t n = card_init_update(card, challenge, response);
        if (cw_hsm_session_gp_card(s, response, n, NULL, &info, &f) != CW_OK)
                fail_msg("%s", f.text);
        assert_int_equal(cw_hsm_session_gp_authenticate(s, 0x33, &auth, &f), CW_OK);
        assert_true(card_external_authenticate(card, auth->ptr, auth->len));
}

/* What the terminal does with the certificate; returns the chip's modulus. */
static void accept_certificate(const struct cw_secret *certificate, const struct cw_secret *issuer, bool pin,
                               struct issuer_number *ret) {
        struct cw_span cert[ITEMS], of_issuer[ITEMS];
        unpack(certificate, cert, 3);
        unpack(issuer, of_issuer, 4);
        assert_int_equal(of_issuer[0].len, 1);
        assert_int_equal(of_issuer[0].ptr[0], 0x94);
        assert_int_equal(of_issuer[1].len, rig.issuer->ca_n.len);
        /* what does not go into the CA's certificate: 20 bytes of 1024 bits under 1152, 36 of 1984 under 1984
         */
        assert_int_equal(of_issuer[2].len, rig.issuer->n.len + 36 - rig.issuer->ca_n.len);
        assert_int_equal(cert[2].len, 1);
        assert_true(issuer_recover_icc(&rig.issuer->n, cert[0].ptr, cert[0].len, cert[1].ptr, cert[1].len,
                                       cert[2].ptr[0], RIG_PAN, "1230", records, pin ? 0 : sizeof(records),
                                       ret));
}

/* The five CRT parts as the card gets them. */
static void accept_parts(const struct card *card, const struct cw_secret *parts,
                         const struct issuer_number *n) {
        static uint8_t clear[ITEMS][ISSUER_MAX];
        const uint8_t *values[ITEMS];
        struct cw_span part[ITEMS];
        size_t half = n->len / 2;
        unpack(parts, part, ITEMS);
        for (size_t i = 0; i < ITEMS; i++) {
                assert_int_equal(part[i].len % 16, 0);
                card_dek_open(card, part[i].ptr, part[i].len, clear[i]);
                if (half % 16 != 0)
                        assert_int_equal(clear[i][half], 0x80);
                values[i] = clear[i];
        }
        assert_true(issuer_crt_fits(n, values, half));
}

/* The same key with a certificate of its own over the data of another path. */
static void certify_again(struct cw_hsm_session *s, const struct issuer_number *before) {
        CW_AUTO(cw_secret_free) struct cw_secret *certificate = NULL, *issuer = NULL;
        const struct cw_hsm_icc_request q = {
            .use = "dda", .data = records, .len = sizeof(records), .keep = true};
        struct issuer_number n;
        assert_int_equal(cw_hsm_session_icc_key(s, &q, &certificate, &issuer, NULL), CW_OK);
        accept_certificate(certificate, issuer, false, &n);
        assert_int_equal(n.len, before->len);
        assert_memory_equal(n.bytes, before->bytes, n.len);
}

static void key_certificate_and_parts(void **state) {
        (void)state;
        struct card card = {.scp = 3, .enc = rig_enc03, .mac = rig_mac03, .dek = rig_dek03};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        assert_int_equal(rig_open_issue(&rig, "J1", RIG_SCP03, &o, &s, NULL), CW_OK);
        const struct {
                struct cw_hsm_icc_request q;
                bool pin;
        } wanted[] = {
            {{.use = "dda", .bits = 1024, .exponent = 3, .data = records, .len = sizeof(records)}, false},
            {{.use = "pin", .bits = 720, .exponent = 3}, true}};
        struct issuer_number n[2];
        for (size_t i = 0; i < 2; i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *certificate = NULL, *issuer = NULL;
                struct cw_fault f = {0};
                assert_int_equal(cw_hsm_session_icc_key(s, &wanted[i].q, &certificate, &issuer, &f), CW_OK);
                accept_certificate(certificate, issuer, wanted[i].pin, &n[i]);
                assert_int_equal(n[i].len, wanted[i].q.bits / 8);
        }
        certify_again(s, &n[0]);
        open_channel(s, &card);
        for (size_t i = 0; i < 2; i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *parts = NULL;
                assert_int_equal(cw_hsm_session_icc_parts(s, wanted[i].q.use, true, false, &parts, NULL),
                                 CW_OK);
                accept_parts(&card, parts, &n[i]);
        }
}

static void plain_parts(void **state) {
        (void)state;
        static uint8_t d[ISSUER_MAX], clear_n[ISSUER_MAX], x[ISSUER_MAX] = {0, 7, 9}, y[ISSUER_MAX];
        struct card card = {.scp = 3, .enc = rig_enc03, .mac = rig_mac03, .dek = rig_dek03};
        struct cw_hsm_opened o = {0};
        struct issuer_number n, exponent;
        struct cw_span part[ITEMS];
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *certificate = NULL, *issuer = NULL, *parts = NULL;
        const struct cw_hsm_icc_request q = {
            .use = "dda", .bits = 768, .exponent = 3, .data = records, .len = sizeof(records)};
        assert_int_equal(rig_open_issue(&rig, "J2", RIG_SCP03, &o, &s, NULL), CW_OK);
        assert_int_equal(cw_hsm_session_icc_key(s, &q, &certificate, &issuer, NULL), CW_OK);
        accept_certificate(certificate, issuer, false, &n);
        open_channel(s, &card);
        assert_int_equal(cw_hsm_session_icc_parts(s, "dda", false, false, &parts, NULL), CW_OK);
        unpack(parts, part, 2);
        card_dek_open(&card, part[0].ptr, part[0].len, d);
        card_dek_open(&card, part[1].ptr, part[1].len, clear_n);
        assert_memory_equal(clear_n, n.bytes, n.len);
        memcpy(exponent.bytes, d, n.len);
        exponent.len = n.len;
        issuer_power(&n, &exponent, x, y);
        issuer_cube(&n, y, y);
        assert_memory_equal(y, x, n.len);
}

static void what_is_refused(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL, *other = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *a = NULL, *b = NULL;
        const struct cw_hsm_icc_request longer = {
            .use = "dda", .bits = 1040, .exponent = 3, .data = records, .len = sizeof(records)};
        const struct cw_hsm_icc_request fine = {
            .use = "dda", .bits = 512, .exponent = 3, .data = records, .len = sizeof(records)};
        const struct cw_hsm_icc_request data_of_pin = {
            .use = "pin", .bits = 512, .exponent = 3, .data = records, .len = sizeof(records)};
        assert_int_equal(rig_open_issue(&rig, "J3", RIG_SCP03, &o, &s, NULL), CW_OK);
        assert_int_not_equal(cw_hsm_session_icc_key(s, &longer, &a, &b, &f), CW_OK);
        assert_string_equal(f.code, "HSM_RSA");
        assert_int_not_equal(cw_hsm_session_icc_key(s, &data_of_pin, &a, &b, &f), CW_OK);
        assert_string_equal(f.code, "HSM_REQUEST");
        assert_int_not_equal(cw_hsm_session_icc_parts(s, "dda", true, false, &a, &f),
                             CW_OK); /* no channel yet */
        assert_string_equal(f.code, "HSM_REFUSED");
        assert_int_equal(rig_open_issue(&rig, "J4", RIG_SCP02, &o, &other, NULL), CW_OK);
        assert_int_not_equal(cw_hsm_session_icc_key(other, &fine, &a, &b, &f), CW_OK); /* no issuer key */
        assert_string_equal(f.code, "HSM_PRODUCT");
}

static struct cw_hsm_session *open_job(const char *job) {
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        if (rig_open_issue(&rig, job, RIG_SCP03, &o, &s, &f) != CW_OK)
                fail_msg("%s: %s", job, f.text);
        return s;
}

/* The session signs static data with this key. */
static void signs(struct cw_hsm_session *s, const struct issuer *by) {
        static const uint8_t dac[2] = {0x12, 0x34};
        uint8_t plain[ISSUER_MAX];
        CW_AUTO(cw_secret_free) struct cw_secret *ssad = NULL, *issuer = NULL;
        assert_int_equal(cw_hsm_session_ssad(s, dac, records, sizeof(records), &ssad, &issuer, NULL), CW_OK);
        assert_int_equal(ssad->len, by->n.len);
        issuer_power(&by->n, &by->e, ssad->ptr, plain);
        assert_memory_equal(plain, "\x6a\x03\x01\x12\x34\xbb", 6);
}

static void static_signature(void **state) {
        (void)state;
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = open_job("J5");
        signs(s, rig.issuer);
}

/* A key operation on the issuer key; takes m. */
static cw_rc on_issuer(struct cw_msg *m, struct cw_msg **ret, struct cw_fault *f) {
        assert_non_null(m);
        assert_int_equal(json_object_set_new(m->json, "label", json_string("issuer")), 0);
        return rig_administer(&rig, m, ret, f);
}

/* A key pair on the token; *ret is like rig.issuer, with its certificate by the same CA. */
static void next_issuer(struct issuer *ret) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_msg *m = cw_msg_request("key.generate");
        assert_true(m != NULL && json_object_set_new(m->json, "bits", json_integer(1024)) == 0);
        if (on_issuer(m, &reply, &f) != CW_OK)
                fail_msg("%s", f.text);
        assert_int_equal(cw_msg_int(reply, "version", 0), 2);
        assert_false(cw_msg_bool(reply, "in_use", true));
        *ret = *rig.issuer;
        issuer_next(ret, cw_msg_str(reply, "modulus", ""), cw_msg_str(reply, "exponent", ""), "426642",
                    "1233");
        assert_string_equal(cw_msg_str(reply, "key_kcv", ""), ret->kcv);
}

static void write_certificates(const struct issuer *a, const struct issuer *b) {
        char path[256];
        rig_path(&rig, "issuer.json", path, sizeof(path));
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fprintf(file, "[%s, %s]\n", a->json, b->json);
        assert_int_equal(fclose(file), 0);
}

/* The next version comes into use when its certificate is there; a card that is being made ends as it began.
 */
static void issuer_key_rotated(void **state) {
        (void)state;
        static struct issuer next;
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *none = NULL, *reply = NULL;
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *before = open_job("J6"), *after = NULL;
        next_issuer(&next);
        assert_int_equal(cw_rc_class(on_issuer(cw_msg_request("key.rotate"), &none, &f)), CW_C_REJECT);
        assert_string_equal(f.code, "HSM_ISSUER_CERT");
        assert_non_null(strstr(f.text, "issuer.json"));
        write_certificates(rig.issuer, &next);
        static_signature(state); /* still of the version in use, with two certificates there */
        if (on_issuer(cw_msg_request("key.rotate"), &reply, &f) != CW_OK)
                fail_msg("%s", f.text);
        signs(before, rig.issuer);
        after = open_job("J7");
        signs(after, &next);
}

/* NSS makes no key with exponent 3: said, and 65537 works. */
static void exponents_of_nss(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_span cert[ITEMS];
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *certificate = NULL, *issuer = NULL;
        const struct cw_hsm_icc_request three = {
            .use = "dda", .bits = 1024, .exponent = 3, .data = records, .len = sizeof(records)};
        const struct cw_hsm_icc_request f4 = {
            .use = "dda", .bits = 1024, .exponent = 65537, .data = records, .len = sizeof(records)};
        assert_int_equal(rig_open_issue(&rig, "J1", RIG_SCP03, &o, &s, NULL), CW_OK);
        assert_int_not_equal(cw_hsm_session_icc_key(s, &three, &certificate, &issuer, &f), CW_OK);
        assert_string_equal(f.code, "HSM_RSA");
        assert_int_equal(cw_hsm_session_icc_key(s, &f4, &certificate, &issuer, &f), CW_OK);
        unpack(certificate, cert, 3);
        assert_int_equal(cert[0].len, 128);
        assert_int_equal(cert[2].len, 3);
        assert_memory_equal(cert[2].ptr, "\x01\x00\x01", 3);
}

static int setup_longest(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.issuer = true, .issuer_bits = 1984, .call_timeout_ms = 60000});
        return 0;
}

static int setup_longest_nss(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){
                            .issuer = true, .issuer_bits = 1984, .nss = true, .call_timeout_ms = 60000});
        return 0;
}

static const unsigned lengths[] = {1152, 1408, 1984};

/* The lengths that schemes use beyond 1024 bits, up to the longest that EMV has, under an issuer's key of it.
 */
static void long_keys(void **state) {
        (void)state;
        struct card card = {.scp = 3, .enc = rig_enc03, .mac = rig_mac03, .dek = rig_dek03};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *parts = NULL;
        struct issuer_number n;
        assert_int_equal(rig_open_issue(&rig, "J1", RIG_SCP03, &o, &s, NULL), CW_OK);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *certificate = NULL, *issuer = NULL;
                struct cw_fault f = {0};
                const struct cw_hsm_icc_request q = {
                    .use = "dda", .bits = lengths[i], .exponent = 3, .data = records, .len = sizeof(records)};
                if (cw_hsm_session_icc_key(s, &q, &certificate, &issuer, &f) != CW_OK)
                        fail_msg("%u bits: %s", lengths[i], f.text);
                accept_certificate(certificate, issuer, false, &n);
                assert_int_equal(n.len, lengths[i] / 8);
        }
        open_channel(s, &card);
        assert_int_equal(cw_hsm_session_icc_parts(s, "dda", true, false, &parts, NULL), CW_OK);
        accept_parts(&card, parts, &n); /* of the last one, 1984 bits */
}

static void long_keys_of_nss(void **state) {
        (void)state;
        struct cw_hsm_opened o = {0};
        struct cw_span cert[ITEMS];
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        assert_int_equal(rig_open_issue(&rig, "J1", RIG_SCP03, &o, &s, NULL), CW_OK);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *certificate = NULL, *issuer = NULL;
                struct cw_fault f = {0};
                const struct cw_hsm_icc_request q = {.use = "dda",
                                                     .bits = lengths[i],
                                                     .exponent = 65537,
                                                     .data = records,
                                                     .len = sizeof(records)};
                if (cw_hsm_session_icc_key(s, &q, &certificate, &issuer, &f) != CW_OK)
                        fail_msg("%u bits: %s", lengths[i], f.text);
                unpack(certificate, cert, 3);
                assert_int_equal(cert[0].len, 248);
                size_t room = 248 - 42;
                assert_int_equal(cert[1].len, lengths[i] / 8 > room ? lengths[i] / 8 - room : 0);
        }
}

static int setup_opencryptoki(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.issuer = true, .opencryptoki = true});
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(key_certificate_and_parts), cmocka_unit_test(plain_parts),
            cmocka_unit_test(what_is_refused),           cmocka_unit_test(static_signature),
            cmocka_unit_test(issuer_key_rotated),
        };
        const struct CMUnitTest nss_tests[] = {
            cmocka_unit_test(exponents_of_nss),
            cmocka_unit_test(static_signature),
            cmocka_unit_test(issuer_key_rotated),
        };
        int failed = cmocka_run_group_tests(tests, setup, teardown);
        failed += cmocka_run_group_tests(nss_tests, setup_nss, teardown);
        const struct CMUnitTest longest[] = {cmocka_unit_test(long_keys)};
        const struct CMUnitTest longest_nss[] = {cmocka_unit_test(long_keys_of_nss)};
        failed += cmocka_run_group_tests(longest, setup_longest, teardown);
        failed += cmocka_run_group_tests(longest_nss, setup_longest_nss, teardown);
        if (rig_opencryptoki_missing() == NULL)
                failed += cmocka_run_group_tests_name("opencryptoki", tests, setup_opencryptoki, teardown);
        return failed;
}
