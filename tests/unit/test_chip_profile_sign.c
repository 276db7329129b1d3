/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_sign.h"

#include "base/file.h"
#include "drivers/chip/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#define SHIPPED CW_PROFILE_DIR "/generic-debit.json"

/* A folder with one profile and the keys "a" (Ed25519) and "b" (P-256), private ones as PEM in memory. */
struct world {
        char folder[32], profile[64], signature[72], pub_a[64], pub_b[64], both[130];
        char *pem_a, *pem_b;
        char *text; /* of the profile */
        size_t len;
};

static void put(const char *path, const char *text, size_t len) {
        assert_int_equal(cw_file_write_atomic(path, text, len, 0644, NULL), CW_OK);
}

static char *make_key(EVP_PKEY *pkey, const char *public_path) {
        BIO *bio = BIO_new(BIO_s_mem());
        FILE *out = fopen(public_path, "w");
        char *text = NULL, *pem = NULL;
        assert_non_null(pkey);
        assert_non_null(out);
        assert_int_equal(PEM_write_PUBKEY(out, pkey), 1);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
        long len = BIO_get_mem_data(bio, &text);
        pem = strndup(text, (size_t)len);
        BIO_free_all(bio);
        EVP_PKEY_free(pkey);
        return pem;
}

static int set_up(void **state) {
        struct world *w = calloc(1, sizeof *w);
        (void)snprintf(w->folder, sizeof w->folder, "/tmp/cw-sign-XXXXXX");
        assert_non_null(mkdtemp(w->folder));
        (void)snprintf(w->profile, sizeof w->profile, "%s/product.json", w->folder);
        (void)snprintf(w->signature, sizeof w->signature, "%s.sig", w->profile);
        (void)snprintf(w->pub_a, sizeof w->pub_a, "%s/a.pem", w->folder);
        (void)snprintf(w->pub_b, sizeof w->pub_b, "%s/b.pem", w->folder);
        (void)snprintf(w->both, sizeof w->both, "%s, %s", w->pub_a, w->pub_b);
        w->pem_a = make_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), w->pub_a);
        w->pem_b = make_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), w->pub_b);
        assert_int_equal(cw_file_read(SHIPPED, CW_PROFILE_FILE_MAX, &w->text, &w->len, NULL), CW_OK);
        put(w->profile, w->text, w->len);
        *state = w;
        return 0;
}

static int tear_down(void **state) {
        struct world *w = *state;
        (void)unlink(w->profile);
        (void)unlink(w->signature);
        (void)unlink(w->pub_a);
        (void)unlink(w->pub_b);
        (void)rmdir(w->folder);
        free(w->pem_a);
        free(w->pem_b);
        free(w->text);
        free(w);
        return 0;
}

static void sign_with(const struct world *w, const char *pem, char key[CW_PROFILE_KEY_ID]) {
        struct cw_fault f = {0};
        if (cw_profile_sign_file(w->profile, pem, strlen(pem), stderr, key, &f) != CW_OK)
                fail_msg("%s", f.text);
}

/* Loads the profile as a station with these keys would. */
static cw_rc load(const struct world *w, const char *keys, bool required, char key[CW_PROFILE_KEY_ID],
                  struct cw_fault *f) {
        CW_AUTO(cw_profile_keys_free) struct cw_profile_keys *trusted = NULL;
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        assert_int_equal(cw_profile_keys_load(keys, &trusted, f), CW_OK);
        const struct cw_profile_trust trust = {trusted, required};
        return cw_profile_load_trusted(w->profile, &trust, NULL, &p, key, f);
}

static void assert_refused(const struct world *w, const char *keys, const char *says) {
        struct cw_fault f = {0};
        char key[CW_PROFILE_KEY_ID];
        assert_int_equal(cw_rc_class(load(w, keys, true, key, &f)), CW_C_OPERATOR);
        if (!strstr(f.text, says) || !strstr(f.text, "product.json"))
                fail_msg("\"%s\" does not say \"%s\"", f.text, says);
}

static void test_both_kinds_of_key(void **state) {
        const struct world *w = *state;
        const char *const pem[] = {w->pem_a, w->pem_b};
        const char *const keys[] = {w->pub_a, w->both};
        for (size_t i = 0; i < 2; i++) {
                char signer[CW_PROFILE_KEY_ID], judged[CW_PROFILE_KEY_ID];
                struct cw_fault f = {0};
                sign_with(w, pem[i], signer);
                if (load(w, keys[i], true, judged, &f) != CW_OK)
                        fail_msg("%s", f.text);
                assert_int_equal(strlen(signer), 16);
                assert_string_equal(judged, signer);
        }
}

static void test_changed_by_one_byte(void **state) {
        const struct world *w = *state;
        char key[CW_PROFILE_KEY_ID];
        const char *const pem[] = {w->pem_a, w->pem_b};
        for (size_t k = 0; k < 2; k++) {
                sign_with(w, pem[k], key);
                for (size_t at = 0; at < w->len; at += 1997) {
                        CW_AUTO_MEM char *other = malloc(w->len);
                        assert_non_null(other);
                        memcpy(other, w->text, w->len);
                        other[at] ^= 1;
                        put(w->profile, other, w->len);
                        assert_refused(w, w->both, "does not hold");
                }
                put(w->profile, w->text, w->len - 1); /* and one byte less, which is white space */
                assert_refused(w, w->both, "does not hold");
                put(w->profile, w->text, w->len);
        }
}

static void test_other_key(void **state) {
        const struct world *w = *state;
        char key[CW_PROFILE_KEY_ID];
        sign_with(w, w->pem_b, key);
        assert_refused(w, w->pub_a, key);
        assert_refused(w, w->pub_a, "profile_keys");
}

static void test_unsigned(void **state) {
        const struct world *w = *state;
        char key[CW_PROFILE_KEY_ID];
        struct cw_fault f = {0};
        assert_refused(w, w->pub_a, "not signed");
        assert_refused(w, "", "no key is trusted");
        assert_int_equal(load(w, w->pub_a, false, key, &f), CW_OK);
        assert_string_equal(key, "");
        assert_int_equal(load(w, "", false, key, &f), CW_OK);
        /* Not required is no leave for a signature that does not hold. */
        sign_with(w, w->pem_a, key);
        put(w->profile, w->text, w->len - 1);
        assert_int_equal(cw_rc_class(load(w, w->pub_a, false, key, &f)), CW_C_OPERATOR);
}

/* Cut anywhere, or wrong in any member: refused, never a crash, never taken for unsigned. */
static void test_signature_file(void **state) {
        const struct world *w = *state;
        CW_AUTO_MEM char *sig = NULL;
        size_t len = 0;
        char key[CW_PROFILE_KEY_ID];
        sign_with(w, w->pem_a, key);
        assert_int_equal(cw_file_read(w->signature, 4096, &sig, &len, NULL), CW_OK);
        for (size_t cut = 0; cut < len; cut += 5) {
                put(w->signature, sig, cut);
                assert_refused(w, w->pub_a, "none of cardwright");
        }
        static const char *const wrong[] = {"cardwright-profile", "ed25519", "\"key\"", "\"signature\""};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                CW_AUTO_MEM char *other = strdup(sig);
                strstr(other, wrong[i])[2] ^= 2;
                put(w->signature, other, len);
                assert_refused(w, w->pub_a, "none of cardwright");
        }
        CW_AUTO_MEM char *shorter = strdup(sig); /* one byte of the signature itself is missing */
        char *end = strrchr(shorter, '"');
        memmove(end - 2, end, strlen(end) + 1);
        put(w->signature, shorter, strlen(shorter));
        assert_refused(w, w->pub_a, "does not hold");
        CW_AUTO_MEM char *algorithm = malloc(len + 32);
        assert_non_null(algorithm);
        const char *at = strstr(sig, "ed25519");
        (void)snprintf(algorithm, len + 32, "%.*secdsa-p256-sha256%s", (int)(at - sig), sig, at + 7);
        put(w->signature, algorithm, strlen(algorithm));
        assert_refused(w, w->pub_a, "does not hold");
}

static void test_key_files(void **state) {
        const struct world *w = *state;
        CW_AUTO(cw_profile_keys_free) struct cw_profile_keys *keys = NULL;
        struct cw_fault f = {0};
        char key[CW_PROFILE_KEY_ID];
        assert_int_equal(cw_rc_class(cw_profile_keys_load("/nonexistent.pem", &keys, &f)), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "/nonexistent.pem"));
        assert_int_equal(cw_rc_class(cw_profile_keys_load(w->profile, &keys, &f)), CW_C_OPERATOR);
        assert_int_equal(cw_profile_keys_load(w->both, &keys, &f), CW_OK);
        assert_int_equal(cw_profile_keys_count(keys), 2);
        /* An RSA key, and no key at all, sign nothing. */
        CW_AUTO_MEM char *rsa = make_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), w->pub_b);
        assert_int_equal(cw_rc_class(cw_profile_sign_file(w->profile, rsa, strlen(rsa), NULL, key, &f)),
                         CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_profile_sign_file(w->profile, "no", 2, NULL, key, &f)), CW_C_REJECT);
        struct cw_profile_keys *none = NULL;
        assert_int_equal(cw_rc_class(cw_profile_keys_load(w->pub_b, &none, &f)), CW_C_OPERATOR);
        assert_int_not_equal(access(w->signature, F_OK), 0);
}

/* What the linter refuses is not signed. */
static void test_only_well_ones_are_signed(void **state) {
        const struct world *w = *state;
        char key[CW_PROFILE_KEY_ID];
        struct cw_fault f = {0};
        put(w->profile, "{\"name\": \"x\"}", 13);
        assert_int_equal(
            cw_rc_class(cw_profile_sign_file(w->profile, w->pem_a, strlen(w->pem_a), NULL, key, &f)),
            CW_C_REJECT);
        assert_int_not_equal(access(w->signature, F_OK), 0);
}

#define WORLD_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
            WORLD_TEST(test_both_kinds_of_key),
            WORLD_TEST(test_changed_by_one_byte),
            WORLD_TEST(test_other_key),
            WORLD_TEST(test_unsigned),
            WORLD_TEST(test_signature_file),
            WORLD_TEST(test_key_files),
            WORLD_TEST(test_only_well_ones_are_signed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
