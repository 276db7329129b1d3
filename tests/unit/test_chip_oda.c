/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and signatures as a terminal recovers them: published ones (openemv/emv-utils), and a chain of
 * our own. */
#include "../integration/hsmd/issuer.h"
#include "visa_94.h"

#include "drivers/chip/oda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAN "4266424680446864"
#define SPAN_OF(s) CW_SPAN((const uint8_t *)(s), strlen(s))

/* A chip's key of 768 bits and its signature of GENERATE AC for unpredictable number 8B55633B. */
static const char icc_768[] =
    "900000000000000000000000001200000000000000000000000000000000480000000000000000000000000000000010"
    "800000000000000000000000019800000000000000000000000000000006600000000000000000000000000000000055";
static const char sdad_768[] =
    "7B9F22B297CCEAD536B87C449EEE744C6971AA0EBDD6B611C88E30FFF0A671CC6D6AC45A5555311E30C466863817EA0A"
    "A3D13B54BEA6849976592DFC73DED0BB958D506DF7180FAA7A1FD0540859C0E539035BAB64CE8891353DDD3008A0B446";
static const char dynamic_768[] =
    "08537EB5E03CC433C80055B6408DBC985131A04620C52455EA8F2370647AF36748A2CA4AA9F6";

static struct issuer made; /* 1024 bits under a CA of 1152, good until 12/30 */
static struct issuer chip; /* its key of 1024 bits stands for a chip's */
static const uint8_t data[] = "static data to be authenticated\x18";

static size_t unhex(const char *text, uint8_t *ret, size_t cap) {
        size_t len = 0;
        assert_true(cw_hex_decode(text, strlen(text), ret, cap, &len));
        return len;
}

static int setup(void **state) {
        (void)state;
        issuer_make(&made, 1024, 1152, "426642", "1230");
        issuer_make(&chip, 1024, 1152, "426642", "1230");
        return 0;
}

static const char *published(struct cw_ca_key *ca, uint8_t cert[248], struct cw_oda_cert *in,
                             struct cw_oda_who *who) {
        static const uint8_t three = 3;
        *ca = (struct cw_ca_key){.index = 0x94, .e = {3}, .e_len = 1};
        ca->n_len = unhex(ca_94, ca->n, sizeof ca->n);
        *in = (struct cw_oda_cert){.value = CW_SPAN(cert, unhex(issuer_94, cert, 248)),
                                   .exponent = CW_SPAN(&three, 1)};
        *who = (struct cw_oda_who){SPAN_OF("4761739001010119"), "2611"};
        return modulus_94;
}

static void published_issuer(void **state) {
        (void)state;
        struct cw_ca_key ca;
        struct cw_oda_cert in;
        struct cw_oda_who who;
        struct cw_oda_key key = {0};
        uint8_t cert[248];
        char hex[2 * CW_ODA_KEY_MAX + 1];
        const char *want = published(&ca, cert, &in, &who);
        assert_int_equal(cw_oda_issuer(&ca, &in, &who, &key, NULL), CW_OK);
        assert_true(cw_hex_encode(key.n, key.n_len, hex, sizeof hex));
        assert_string_equal(hex, want);
}

/* Each is refused with a reason of its own, and nothing is returned. */
static void refused_issuer(void **state) {
        (void)state;
        static const uint8_t f4[] = {1, 0, 1}, one = 1;
        struct cw_ca_key ca;
        struct cw_oda_cert in;
        struct cw_oda_who who;
        uint8_t cert[248];
        const struct {
                const char *pan, *today, *words;
                struct cw_span remainder, exponent;
                unsigned flip;
        } cases[] = {
            {"4761749001010119", "2611", "other card numbers", {0}, {0}, 0},
            {"4761739001010119", "3201", "expired", {0}, {0}, 0},
            {"4761739001010119", "2611", "hash", {0}, CW_SPAN(f4, 3), 0},
            {"4761739001010119", "2611", "hash", CW_SPAN(&one, 1), {0}, 0},
            {"4761739001010119", "2611", "does not open", {0}, {0}, 200},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct cw_oda_key key = {0};
                struct cw_fault f = {0};
                (void)published(&ca, cert, &in, &who);
                who.pan = SPAN_OF(cases[i].pan);
                memcpy(who.today, cases[i].today, 5);
                if (cases[i].remainder.len)
                        in.remainder = cases[i].remainder;
                if (cases[i].exponent.len)
                        in.exponent = cases[i].exponent;
                if (cases[i].flip)
                        cert[cases[i].flip] ^= 1;
                assert_int_equal(cw_rc_class(cw_oda_issuer(&ca, &in, &who, &key, &f)), CW_C_REJECT);
                if (!strstr(f.text, cases[i].words))
                        fail_msg("%s instead of %s", f.text, cases[i].words);
                assert_int_equal(key.n_len, 0);
        }
}

static void published_dynamic_signature(void **state) {
        (void)state;
        struct cw_oda_key icc = {.e = {3}, .e_len = 1};
        uint8_t sdad[96], un[] = {0x8b, 0x55, 0x63, 0x3b}, dynamic[CW_ODA_KEY_MAX];
        char hex[2 * CW_ODA_KEY_MAX + 1];
        size_t len = 0, sdad_len = unhex(sdad_768, sdad, sizeof sdad);
        icc.n_len = unhex(icc_768, icc.n, sizeof icc.n);
        assert_int_equal(cw_oda_dynamic(&icc, CW_SPAN(sdad, sdad_len), CW_SPAN(un, 4), dynamic, &len, NULL),
                         CW_OK);
        assert_true(cw_hex_encode(dynamic, len, hex, sizeof hex));
        assert_string_equal(hex, dynamic_768);
        un[3] ^= 1;
        assert_int_not_equal(
            cw_oda_dynamic(&icc, CW_SPAN(sdad, sdad_len), CW_SPAN(un, 4), dynamic, &len, NULL), CW_OK);
        un[3] ^= 1;
        sdad[95] ^= 1;
        assert_int_not_equal(
            cw_oda_dynamic(&icc, CW_SPAN(sdad, sdad_len), CW_SPAN(un, 4), dynamic, &len, NULL), CW_OK);
        assert_int_not_equal(cw_oda_dynamic(&icc, CW_SPAN(sdad, 95), CW_SPAN(un, 4), dynamic, &len, NULL),
                             CW_OK);
}

/* ---- a chain of our own ---- */

/* Signs body with made's key: 6A, body with its hash over body and more, BC. */
static void sign(const uint8_t *body, size_t len, struct cw_span more, uint8_t *ret) {
        uint8_t block[ISSUER_MAX] = {0x6a}, hashed[1024];
        assert_int_equal(len, made.n.len - 22);
        memcpy(block + 1, body, len);
        memcpy(hashed, body, len);
        memcpy(hashed + len, more.ptr, more.len);
        issuer_sha1(hashed, len + more.len, block + 1 + len);
        block[made.n.len - 1] = 0xbc;
        issuer_power(&made.n, &made.d, block, ret);
}

static struct cw_oda_key issuer_key(void) {
        struct cw_oda_key key = {.n_len = made.n.len, .e = {3}, .e_len = 1};
        memcpy(key.n, made.n.bytes, made.n.len);
        return key;
}

/* Certificate of chip's key over data. */
static void certify(uint8_t cert[ISSUER_MAX], struct cw_oda_cert *ret) {
        static const uint8_t three = 3;
        uint8_t body[ISSUER_MAX], more[512];
        struct cw_writer w, m;
        size_t room = made.n.len - 42;
        cw_writer_init(&w, body, sizeof body);
        cw_writer_init(&m, more, sizeof more);
        cw_put_u8(&w, 4);
        cw_put_bytes(&w, "\x42\x66\x42\x46\x80\x44\x68\x64\xff\xff", 10);
        cw_put_bytes(&w, "\x12\x30\x00\x00\x09\x01\x01\x80\x01", 9);
        cw_put_bytes(&w, chip.n.bytes, room);
        cw_put_bytes(&m, chip.n.bytes + room, chip.n.len - room);
        cw_put_u8(&m, 3);
        cw_put_bytes(&m, data, sizeof data);
        sign(body, w.len, CW_SPAN(more, m.len), cert);
        *ret = (struct cw_oda_cert){CW_SPAN(cert, made.n.len),
                                    CW_SPAN(chip.n.bytes + room, chip.n.len - room), CW_SPAN(&three, 1)};
}

static void own_chip(void **state) {
        (void)state;
        uint8_t cert[ISSUER_MAX];
        struct cw_oda_cert in;
        struct cw_oda_key issuer = issuer_key(), key = {0};
        struct cw_oda_who who = {SPAN_OF(PAN), "3012"};
        struct cw_fault f = {0};
        struct cw_span all = CW_SPAN(data, sizeof data);
        certify(cert, &in);
        assert_int_equal(cw_oda_icc(&issuer, &in, &who, all, &key, NULL), CW_OK);
        assert_int_equal(key.n_len, chip.n.len);
        assert_memory_equal(key.n, chip.n.bytes, chip.n.len);
        assert_int_not_equal(cw_oda_icc(&issuer, &in, &who, CW_SPAN(data, sizeof data - 1), &key, &f), CW_OK);
        assert_non_null(strstr(f.text, "hash"));
        memcpy(who.today, "3101", 5);
        assert_int_not_equal(cw_oda_icc(&issuer, &in, &who, all, &key, &f), CW_OK);
        assert_non_null(strstr(f.text, "expired"));
        who = (struct cw_oda_who){SPAN_OF("426642468044686"), "2611"};
        assert_int_not_equal(cw_oda_icc(&issuer, &in, &who, all, &key, &f), CW_OK);
        assert_non_null(strstr(f.text, "another card number"));
}

static void own_static_signature(void **state) {
        (void)state;
        uint8_t body[ISSUER_MAX], ssad[ISSUER_MAX], dac[2];
        struct cw_oda_key issuer = issuer_key();
        struct cw_span signature = CW_SPAN(ssad, made.n.len);
        memset(body, 0xbb, sizeof body);
        memcpy(body, "\x03\x01\xda\xc1", 4);
        sign(body, made.n.len - 22, CW_SPAN(data, sizeof data), ssad);
        assert_int_equal(cw_oda_ssad(&issuer, signature, CW_SPAN(data, sizeof data), dac, NULL), CW_OK);
        assert_memory_equal(dac, "\xda\xc1", 2);
        assert_int_not_equal(cw_oda_ssad(&issuer, signature, CW_SPAN(data + 1, sizeof data - 1), dac, NULL),
                             CW_OK);
        body[1] = 2; /* another hash algorithm */
        sign(body, made.n.len - 22, CW_SPAN(data, sizeof data), ssad);
        assert_int_not_equal(cw_oda_ssad(&issuer, signature, CW_SPAN(data, sizeof data), dac, NULL), CW_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(published_issuer),
            cmocka_unit_test(refused_issuer),
            cmocka_unit_test(published_dynamic_signature),
            cmocka_unit_test(own_chip),
            cmocka_unit_test(own_static_signature),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
