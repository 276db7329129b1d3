/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every return value of PKCS#11 on every function that is used, and false answers of each: nothing crashes,
 * nothing is taken for done, and the next request works. In one process, on the code that the workers run.
 */
#include "hostile_module.h"
#include "rig.h"

#include "base/secret.h"
#include "config/config.h"
#include "hsm/key_store.h"
#include "hsm/kcv.h"
#include "hsm/p11_crypto.h"
#include "hsm/p11_rsa.h"
#include "hsm/p11_wrap.h"
#include "hsm/probe.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define POISON 0xa5

static const CK_RV every_ckr[] = {
    CKR_ACTION_PROHIBITED,
    CKR_ARGUMENTS_BAD,
    CKR_ATTRIBUTE_READ_ONLY,
    CKR_ATTRIBUTE_SENSITIVE,
    CKR_ATTRIBUTE_TYPE_INVALID,
    CKR_ATTRIBUTE_VALUE_INVALID,
    CKR_BUFFER_TOO_SMALL,
    CKR_CANCEL,
    CKR_CANT_LOCK,
    CKR_CRYPTOKI_ALREADY_INITIALIZED,
    CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_CURVE_NOT_SUPPORTED,
    CKR_DATA_INVALID,
    CKR_DATA_LEN_RANGE,
    CKR_DEVICE_ERROR,
    CKR_DEVICE_MEMORY,
    CKR_DEVICE_REMOVED,
    CKR_DOMAIN_PARAMS_INVALID,
    CKR_ENCRYPTED_DATA_INVALID,
    CKR_ENCRYPTED_DATA_LEN_RANGE,
    CKR_EXCEEDED_MAX_ITERATIONS,
    CKR_FIPS_SELF_TEST_FAILED,
    CKR_FUNCTION_CANCELED,
    CKR_FUNCTION_FAILED,
    CKR_FUNCTION_NOT_PARALLEL,
    CKR_FUNCTION_NOT_SUPPORTED,
    CKR_FUNCTION_REJECTED,
    CKR_GENERAL_ERROR,
    CKR_HOST_MEMORY,
    CKR_INFORMATION_SENSITIVE,
    CKR_KEY_CHANGED,
    CKR_KEY_FUNCTION_NOT_PERMITTED,
    CKR_KEY_HANDLE_INVALID,
    CKR_KEY_INDIGESTIBLE,
    CKR_KEY_NEEDED,
    CKR_KEY_NOT_NEEDED,
    CKR_KEY_NOT_WRAPPABLE,
    CKR_KEY_SIZE_RANGE,
    CKR_KEY_TYPE_INCONSISTENT,
    CKR_KEY_UNEXTRACTABLE,
    CKR_LIBRARY_LOAD_FAILED,
    CKR_MECHANISM_INVALID,
    CKR_MECHANISM_PARAM_INVALID,
    CKR_MUTEX_BAD,
    CKR_MUTEX_NOT_LOCKED,
    CKR_NEED_TO_CREATE_THREADS,
    CKR_NEW_PIN_MODE,
    CKR_NEXT_OTP,
    CKR_NO_EVENT,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_OPERATION_ACTIVE,
    CKR_OPERATION_NOT_INITIALIZED,
    CKR_PIN_EXPIRED,
    CKR_PIN_INCORRECT,
    CKR_PIN_INVALID,
    CKR_PIN_LEN_RANGE,
    CKR_PIN_LOCKED,
    CKR_PIN_TOO_WEAK,
    CKR_PUBLIC_KEY_INVALID,
    CKR_RANDOM_NO_RNG,
    CKR_RANDOM_SEED_NOT_SUPPORTED,
    CKR_SAVED_STATE_INVALID,
    CKR_SESSION_CLOSED,
    CKR_SESSION_COUNT,
    CKR_SESSION_EXISTS,
    CKR_SESSION_HANDLE_INVALID,
    CKR_SESSION_PARALLEL_NOT_SUPPORTED,
    CKR_SESSION_READ_ONLY,
    CKR_SESSION_READ_ONLY_EXISTS,
    CKR_SESSION_READ_WRITE_SO_EXISTS,
    CKR_SIGNATURE_INVALID,
    CKR_SIGNATURE_LEN_RANGE,
    CKR_SLOT_ID_INVALID,
    CKR_STATE_UNSAVEABLE,
    CKR_TEMPLATE_INCOMPLETE,
    CKR_TEMPLATE_INCONSISTENT,
    CKR_TOKEN_NOT_PRESENT,
    CKR_TOKEN_NOT_RECOGNIZED,
    CKR_TOKEN_WRITE_PROTECTED,
    CKR_UNWRAPPING_KEY_HANDLE_INVALID,
    CKR_UNWRAPPING_KEY_SIZE_RANGE,
    CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
    CKR_USER_ALREADY_LOGGED_IN,
    CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
    CKR_USER_NOT_LOGGED_IN,
    CKR_USER_PIN_NOT_INITIALIZED,
    CKR_USER_TOO_MANY_TYPES,
    CKR_USER_TYPE_INVALID,
    CKR_WRAPPED_KEY_INVALID,
    CKR_WRAPPED_KEY_LEN_RANGE,
    CKR_WRAPPING_KEY_HANDLE_INVALID,
    CKR_WRAPPING_KEY_SIZE_RANGE,
    CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
    CKR_VENDOR_DEFINED | 0x11,
    0x2ff,
    ~(CK_RV)0,
};
#define CKRS (sizeof(every_ckr) / sizeof(every_ckr[0]))

static struct {
        struct rig rig;
        struct cw_config *cfg;
        struct cw_p11 *p;
        struct cw_hsm_crypto c;
        struct cw_hsm_key cipher, mac, base;
        CK_OBJECT_HANDLE kek;
        struct cw_key_store keys;
        cw_hostile_set_fn set;
} w;

static const uint8_t k_star[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                   0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t zero[16], kcv_block[8] = {0x08, 0xd7, 0xb4, 0xfb, 0x62, 0x9d, 0x08, 0x85};

static void behave(void) {
        w.set("", CW_HOSTILE_OFF, 0, 0, NULL);
}

/* ---- what a worker does: opening, then one operation after the other ---- */

static cw_rc open_token(struct cw_fault *f) {
        static const uint8_t pin[] = {'1', '2', '3', '4'};
        CW_AUTO(cw_secret_free) struct cw_secret *secret = NULL;
        const struct cw_p11_spec kek = {.alg = CW_ALG_AES128,
                                        .usage = CW_USE_WRAP | CW_USE_UNWRAP,
                                        .sensitive = true,
                                        .value = k_star,
                                        .value_len = 16};
        cw_rc rc = cw_secret_dup(pin, sizeof(pin), &secret);
        if (rc == CW_OK)
                rc = cw_p11_open(&w.cfg->hsm, false, NULL, &w.p, f);
        if (rc == CW_OK)
                rc = cw_p11_login(w.p, secret, f);
        if (rc != CW_OK)
                return rc;
        cw_p11_crypto_init(w.p, &w.c);
        rc = cw_hsm_import(&w.c, CW_ALG_TDES2, CW_USE_ENCRYPT | CW_USE_DECRYPT, k_star, &w.cipher, f);
        if (rc == CW_OK)
                rc = cw_hsm_import(&w.c, CW_ALG_AES128, CW_USE_MAC, k_star, &w.mac, f);
        if (rc == CW_OK)
                rc = cw_hsm_import(&w.c, CW_ALG_TDES2, CW_USE_DERIVE, k_star, &w.base, f);
        return rc != CW_OK ? rc : cw_p11_create(w.p, &kek, &w.kek, f);
}

static void close_token(void) {
        cw_p11_close(w.p);
        w.p = NULL;
}

static cw_rc op_encrypt(struct cw_fault *f) {
        uint8_t out[8];
        memset(out, POISON, sizeof(out));
        cw_rc rc = cw_hsm_encrypt(&w.c, &w.cipher, CW_MODE_ECB, NULL, zero, 8, out, f);
        if (rc != CW_OK)
                assert_memory_equal(out, zero, sizeof(out)); /* nothing of what a module left there */
        return rc;
}

static cw_rc op_decrypt(struct cw_fault *f) {
        uint8_t out[8];
        return cw_hsm_decrypt(&w.c, &w.cipher, CW_MODE_CBC, NULL, kcv_block, 8, out, f);
}

static cw_rc op_mac(struct cw_fault *f) {
        uint8_t out[16];
        return cw_hsm_cmac(&w.c, &w.mac, zero, 16, out, f);
}

static cw_rc op_digest(struct cw_fault *f) {
        uint8_t out[20];
        return cw_hsm_sha1(&w.c, "abc", 3, out, f);
}

static cw_rc op_random(struct cw_fault *f) {
        uint8_t out[16];
        return cw_hsm_random(&w.c, out, sizeof(out), f);
}

static cw_rc op_import(struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        cw_rc rc = cw_hsm_import(&w.c, CW_ALG_TDES2, CW_USE_ENCRYPT, k_star, &k, f);
        assert_int_equal(k.valid, rc == CW_OK);
        cw_hsm_key_destroy(&w.c, &k);
        return rc;
}

static cw_rc op_derive(struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        cw_rc rc = cw_hsm_derive(&w.c, &w.base, CW_MODE_ECB, zero, 16, CW_ALG_TDES2, CW_USE_ENCRYPT, &k, f);
        assert_int_equal(k.valid, rc == CW_OK);
        cw_hsm_key_destroy(&w.c, &k);
        return rc;
}

/* A key that may only derive enciphers through a readable secret. */
static cw_rc op_derive_read(struct cw_fault *f) {
        uint8_t out[8];
        return cw_kcv(&w.c, &w.base, CW_KCV_LEGACY, out, 3, f);
}

static cw_rc op_find(struct cw_fault *f) {
        CK_OBJECT_HANDLE found[CW_P11_FOUND_MAX] = {0};
        size_t count = 0;
        cw_rc rc = cw_p11_find(w.p, "cvk", CKK_DES2, found, &count, f);
        assert_true(count <= CW_P11_FOUND_MAX);
        if (rc == CW_OK && count != 1)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_NOT_FOUND), 0, "test", "", "%zu keys",
                               count);
        return rc;
}

static cw_rc op_copy(struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        CK_OBJECT_HANDLE copy = 0;
        cw_rc rc = cw_hsm_derive(&w.c, &w.base, CW_MODE_ECB, zero, 16, CW_ALG_TDES2, CW_USE_ENCRYPT, &k, f);
        if (rc == CW_OK)
                rc = cw_p11_copy_to_session(w.p, k.handle, &copy, f);
        cw_p11_destroy(w.p, copy);
        cw_hsm_key_destroy(&w.c, &k);
        return rc;
}

static cw_rc op_wrap(struct cw_fault *f) {
        const struct cw_p11_spec spec = {.alg = CW_ALG_AES128,
                                         .usage = CW_USE_ENCRYPT,
                                         .sensitive = true,
                                         .extractable = true,
                                         .value = k_star,
                                         .value_len = 16};
        struct cw_p11_spec back = spec;
        CK_OBJECT_HANDLE k = 0, again = 0;
        uint8_t out[24];
        back.value = NULL;
        cw_rc rc = cw_p11_create(w.p, &spec, &k, f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(w.p, w.kek, CKM_AES_KEY_WRAP, k, out, sizeof(out), f);
        if (rc == CW_OK)
                rc = cw_p11_unwrap(w.p, w.kek, CKM_AES_KEY_WRAP, out, sizeof(out), &back, &again, f);
        cw_p11_destroy(w.p, k);
        cw_p11_destroy(w.p, again);
        return rc;
}

static cw_rc op_key_pair(struct cw_fault *f) {
        static struct cw_rsa_private pair;
        return cw_p11_rsa_generate(w.p, 1024, 65537, &pair, f);
}

static cw_rc op_check(struct cw_fault *f) {
        return cw_p11_check(w.p, f);
}

static const struct {
        const char *function;
        cw_rc (*run)(struct cw_fault *f);
        unsigned skip; /* calls of the function before the one in question */
} table[] = {
    {"C_EncryptInit", op_encrypt, 0},
    {"C_Encrypt", op_encrypt, 0},
    {"C_DecryptInit", op_decrypt, 0},
    {"C_Decrypt", op_decrypt, 0},
    {"C_SignInit", op_mac, 0},
    {"C_Sign", op_mac, 0},
    {"C_DigestInit", op_digest, 0},
    {"C_Digest", op_digest, 0},
    {"C_GenerateRandom", op_random, 0},
    {"C_CreateObject", op_import, 0},
    {"C_GetAttributeValue", op_import, 0},
    {"C_GetAttributeValue", op_derive, 0},
    {"C_DeriveKey", op_derive, 0},
    {"C_DeriveKey", op_derive_read, 0},
    {"C_GetAttributeValue", op_derive_read, 0},
    {"C_FindObjectsInit", op_find, 0},
    {"C_FindObjects", op_find, 0},
    {"C_FindObjectsFinal", op_find, 0},
    {"C_CopyObject", op_copy, 0},
    {"C_WrapKey", op_wrap, 0},
    {"C_UnwrapKey", op_wrap, 0},
    {"C_GetAttributeValue", op_wrap, 1},
    {"C_GetSessionInfo", op_check, 0},
};
#define ROWS (sizeof(table) / sizeof(table[0]))

/* As the supervisor does it: a worker that says RECONNECT is replaced, and the request after it works. */
static void expect_recovery(cw_rc (*run)(struct cw_fault *f), const char *function, CK_RV rv) {
        struct cw_fault f = {0};
        behave();
        cw_rc rc = run(&f);
        if (rc == CW_OK)
                return;
        if (cw_rc_class(rc) == CW_C_RECONNECT) {
                close_token();
                rc = open_token(&f);
                if (rc == CW_OK)
                        rc = run(&f);
        }
        if (rc != CW_OK)
                fail_msg("after %s said 0x%lx: %s", function, rv, f.text);
}

static void expect_sound_fault(cw_rc rc, const struct cw_fault *f, const char *function, CK_RV rv) {
        enum cw_class cls = cw_rc_class(rc);
        bool known = cls == CW_C_RETRY || cls == CW_C_RECONNECT || cls == CW_C_OPERATOR || cls == CW_C_REJECT;
        if (rc == CW_OK || !known || f->rc != rc || f->text[0] == '\0')
                fail_msg("%s said 0x%lx: rc 0x%x \"%s\"", function, rv, (unsigned)rc, f->text);
}

static void every_value_on_every_operation(void **state) {
        (void)state;
        for (size_t i = 0; i < ROWS; i++) {
                for (size_t k = 0; k < CKRS; k++) {
                        struct cw_fault f = {0};
                        unsigned calls = 0;
                        w.set(table[i].function, CW_HOSTILE_RV, every_ckr[k], table[i].skip, &calls);
                        cw_rc rc = table[i].run(&f);
                        assert_true(calls > table[i].skip);
                        expect_sound_fault(rc, &f, table[i].function, every_ckr[k]);
                        expect_recovery(table[i].run, table[i].function, every_ckr[k]);
                }
        }
}

/* Key pairs take their time: made in earnest for the false answers alone. */
static void key_pairs(void **state) {
        (void)state;
        static const enum cw_hostile_action lies[] = {CW_HOSTILE_AFTER, CW_HOSTILE_LIE, CW_HOSTILE_LONG,
                                                      CW_HOSTILE_NONE};
        static const char *const functions[] = {"C_GenerateKeyPair", "C_GetAttributeValue"};
        for (size_t k = 0; k < CKRS; k++) {
                struct cw_fault f = {0};
                w.set("C_GenerateKeyPair", CW_HOSTILE_RV, every_ckr[k], 0, NULL);
                expect_sound_fault(op_key_pair(&f), &f, "C_GenerateKeyPair", every_ckr[k]);
        }
        for (size_t i = 0; i < 2 * sizeof(lies) / sizeof(lies[0]); i++) {
                struct cw_fault f = {0};
                w.set(functions[i % 2], lies[i / 2], CKR_DEVICE_ERROR, 0, NULL);
                assert_true(op_key_pair(&f) != CW_OK || (i % 2 == 1 && lies[i / 2] == CW_HOSTILE_LIE));
                behave();
        }
        expect_recovery(op_key_pair, "C_GenerateKeyPair", CKR_OK);
}

/* C_DestroyObject: what is left behind goes with the process; the result stands. */
static void destroy_may_fail(void **state) {
        (void)state;
        for (size_t k = 0; k < CKRS; k++) {
                struct cw_fault f = {0};
                w.set("C_DestroyObject", CW_HOSTILE_RV, every_ckr[k], 0, NULL);
                assert_int_equal(op_import(&f), CW_OK);
                assert_int_equal(op_derive(&f), CW_OK);
                expect_recovery(op_import, "C_DestroyObject", every_ckr[k]);
        }
}

static bool login_is_good(const char *function, CK_RV rv) {
        return strcmp(function, "C_Login") == 0 && rv == CKR_USER_ALREADY_LOGGED_IN;
}

/* What is said of the PIN, and what nobody knows: the next try could lock the token. */
static bool stops_logins(CK_RV rv) {
        return (rv >= CKR_PIN_INCORRECT && rv <= CKR_PIN_LOCKED) || rv == CKR_USER_PIN_NOT_INITIALIZED ||
               rv == 0x2ff || rv >= CKR_VENDOR_DEFINED;
}

static void every_value_while_opening(void **state) {
        (void)state;
        static const char *const functions[] = {"C_Initialize", "C_GetSlotList", "C_GetTokenInfo",
                                                "C_OpenSession", "C_Login"};
        for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
                for (size_t k = 0; k < CKRS; k++) {
                        struct cw_fault f = {0};
                        close_token();
                        w.set(functions[i], CW_HOSTILE_RV, every_ckr[k], 0, NULL);
                        cw_rc rc = open_token(&f);
                        if (!login_is_good(functions[i], every_ckr[k]))
                                expect_sound_fault(rc, &f, functions[i], every_ckr[k]);
                        if (strcmp(functions[i], "C_Login") == 0 && stops_logins(every_ckr[k]))
                                assert_string_equal(f.code, "HSM_LOGIN");
                        close_token();
                        behave();
                        assert_int_equal(open_token(&f), CW_OK);
                }
        }
}

/* The call is made and its result denied: nothing that is there twice, and no value taken over. */
static void done_but_denied(void **state) {
        (void)state;
        for (size_t i = 0; i < ROWS; i++) {
                struct cw_fault f = {0};
                w.set(table[i].function, CW_HOSTILE_AFTER, CKR_DEVICE_ERROR, table[i].skip, NULL);
                cw_rc rc = table[i].run(&f);
                expect_sound_fault(rc, &f, table[i].function, CKR_DEVICE_ERROR);
                assert_int_equal(cw_rc_class(rc), CW_C_RECONNECT);
                expect_recovery(table[i].run, table[i].function, CKR_DEVICE_ERROR);
        }
}

/* False values, lengths without end, success without a result: no crash, and the next request works. */
static void false_answers(void **state) {
        (void)state;
        static const enum cw_hostile_action lies[] = {CW_HOSTILE_LIE, CW_HOSTILE_LONG, CW_HOSTILE_NONE,
                                                      CW_HOSTILE_SIGPIPE};
        for (size_t i = 0; i < ROWS; i++) {
                for (size_t k = 0; k < sizeof(lies) / sizeof(lies[0]); k++) {
                        struct cw_fault f = {0};
                        w.set(table[i].function, lies[k], 0, table[i].skip, NULL);
                        cw_rc rc = table[i].run(&f);
                        if (lies[k] == CW_HOSTILE_SIGPIPE)
                                assert_int_equal(cw_rc_class(rc), CW_C_RECONNECT);
                        expect_recovery(table[i].run, table[i].function, lies[k]);
                }
        }
}

static void false_answers_while_opening(void **state) {
        (void)state;
        static const char *const functions[] = {"C_GetSlotList", "C_GetTokenInfo", "C_OpenSession"};
        static const enum cw_hostile_action lies[] = {CW_HOSTILE_LIE, CW_HOSTILE_LONG, CW_HOSTILE_NONE};
        for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
                for (size_t k = 0; k < sizeof(lies) / sizeof(lies[0]); k++) {
                        struct cw_fault f = {0};
                        close_token();
                        w.set(functions[i], lies[k], 0, 0, NULL);
                        (void)!open_token(&f);
                        close_token();
                        behave();
                        assert_int_equal(open_token(&f), CW_OK);
                }
        }
}

static cw_rc load_keys(struct cw_fault *f) {
        return cw_key_store_load(&w.keys, &w.cfg->hsm, NULL, w.p, &w.c, f);
}

static const struct cw_stored_key *stored(const char *label) {
        for (size_t i = 0; i < w.keys.count; i++) {
                if (strcmp(w.keys.keys[i].cfg->label, label) == 0)
                        return &w.keys.keys[i];
        }
        fail_msg("no key %s", label);
        return NULL;
}

static bool is_the_cvk(const struct cw_hsm_key *k) {
        struct cw_fault f = {0};
        uint8_t out[8];
        return cw_hsm_encrypt(&w.c, k, CW_MODE_ECB, NULL, zero, 8, out, &f) == CW_OK &&
               memcmp(out, kcv_block, 8) == 0;
}

/* Whatever the token says of the CVK, it is used with its right check value or not at all. */
static void no_key_is_used_on_a_lie(void **state) {
        (void)state;
        static const char *const functions[] = {"C_FindObjects", "C_GetAttributeValue", "C_CopyObject",
                                                "C_Encrypt"};
        static const enum cw_hostile_action lies[] = {CW_HOSTILE_LIE, CW_HOSTILE_LONG, CW_HOSTILE_NONE};
        struct cw_fault f = {0};
        assert_int_equal(load_keys(&f), CW_OK);
        assert_true(stored("cvk")->ok);
        for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
                for (size_t k = 0; k < sizeof(lies) / sizeof(lies[0]); k++) {
                        w.set(functions[i], lies[k], 0, 0, NULL);
                        cw_rc rc = load_keys(&f);
                        behave();
                        if (rc == CW_OK && stored("cvk")->ok)
                                assert_true(is_the_cvk(&stored("cvk")->key));
                        expect_recovery(load_keys, functions[i], lies[k]);
                        assert_true(stored("cvk")->ok);
                }
        }
}

/* After a reconnect the same keys have other handles: they are found by label and proven anew. */
static void changed_handle_numbers(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_key shift[5] = {{0}};
        assert_int_equal(load_keys(&f), CW_OK);
        const struct cw_stored_key before = *stored("cvk");
        close_token();
        assert_int_equal(open_token(&f), CW_OK);
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(cw_hsm_import(&w.c, CW_ALG_TDES2, CW_USE_ENCRYPT, rig_kmc02, &shift[i], &f),
                                 CW_OK);
        memset(&w.keys, 0, sizeof(w.keys)); /* of a session that is no more */
        assert_int_equal(load_keys(&f), CW_OK);
        assert_true(stored("cvk")->ok);
        assert_true(stored("cvk")->key.handle != before.key.handle);
        assert_true(is_the_cvk(&stored("cvk")->key));
}

/* A handle of before: the token says so, and the worker is replaced. */
static void stale_handle(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_key k = {0};
        uint8_t out[8];
        assert_int_equal(cw_hsm_import(&w.c, CW_ALG_TDES2, CW_USE_ENCRYPT, k_star, &k, &f), CW_OK);
        assert_int_equal(w.p->fn->C_DestroyObject(w.p->session, k.handle), CKR_OK);
        assert_int_equal(cw_rc_class(cw_hsm_encrypt(&w.c, &k, CW_MODE_ECB, NULL, zero, 8, out, &f)),
                         CW_C_RECONNECT);
}

/* A token that does CBC wrongly or fails at it is not one without CBC: nothing is chained in its place. */
static void only_a_refusal_is_no_cbc(void **state) {
        (void)state;
        static const struct {
                const char *function;
                enum cw_hostile_action action;
                CK_RV rv;
        } rows[] = {{"C_Encrypt", CW_HOSTILE_LIE, 0},
                    {"C_EncryptInit", CW_HOSTILE_RV, CKR_DEVICE_ERROR},
                    {"C_EncryptInit", CW_HOSTILE_RV, CKR_KEY_FUNCTION_NOT_PERMITTED},
                    {"C_EncryptInit", CW_HOSTILE_RV, CKR_MECHANISM_INVALID}}; /* of ECB too, then */
        const struct cw_prober x = {w.p, &w.c};
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct cw_probe_report report;
                struct cw_fault f = {0};
                w.set(rows[i].function, rows[i].action, rows[i].rv, 1, NULL); /* the first is ECB's */
                assert_int_equal(cw_probe_run(&x, &report, &f), CW_OK);
                behave();
                const struct cw_probe *ecb = cw_probe_find(&report, "tdes-ecb"),
                                      *cbc = cw_probe_find(&report, "tdes-cbc");
                assert_true(ecb->ok && !cbc->ok && !cbc->by_ecb && !w.p->cbc_by_ecb[CW_CBC_TDES]);
                assert_string_equal(cw_probe_way(cbc), "");
        }
}

static int set_up_on(const struct rig_options *o) {
        char path[256];
        struct cw_fault f = {0};
        (void)signal(SIGPIPE, SIG_IGN); /* as a worker does */
        rig_start(&w.rig, o);
        rig_path(&w.rig, "daemon.json", path, sizeof(path));
        assert_int_equal(cw_config_load(path, stderr, &w.cfg, &f), CW_OK);
        assert_int_equal(open_token(&f), CW_OK);
        *(void **)&w.set = dlsym(w.p->dl, "cw_hostile_set");
        assert_non_null(w.set);
        return 0;
}

static int setup(void **state) {
        (void)state;
        return set_up_on(&(struct rig_options){.shim = true});
}

static int setup_nss(void **state) {
        (void)state;
        return set_up_on(&(struct rig_options){.shim = true, .nss = true});
}

static int setup_opencryptoki(void **state) {
        (void)state;
        return set_up_on(&(struct rig_options){.shim = true, .opencryptoki = true});
}

static int teardown(void **state) {
        (void)state;
        close_token();
        cw_config_free(w.cfg);
        rig_stop(&w.rig);
        return 0;
}

#define ON_EVERY_TOKEN                                                                                       \
        cmocka_unit_test(no_key_is_used_on_a_lie), cmocka_unit_test(changed_handle_numbers),                 \
            cmocka_unit_test(stale_handle), cmocka_unit_test(only_a_refusal_is_no_cbc)

/* In this process openCryptoki leaves memory behind that is not ours to free. */
static bool opencryptoki_can_run(void) {
#ifdef CW_SANITIZED
        return false;
#else
        return rig_opencryptoki_missing() == NULL;
#endif
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_value_on_every_operation),
            cmocka_unit_test(key_pairs),
            cmocka_unit_test(destroy_may_fail),
            cmocka_unit_test(every_value_while_opening),
            cmocka_unit_test(done_but_denied),
            cmocka_unit_test(false_answers),
            cmocka_unit_test(false_answers_while_opening),
            ON_EVERY_TOKEN,
        };
        const struct CMUnitTest others[] = {ON_EVERY_TOKEN};
        int failed = cmocka_run_group_tests(tests, setup, teardown);
        failed += cmocka_run_group_tests_name("nss", others, setup_nss, teardown);
        if (opencryptoki_can_run())
                failed += cmocka_run_group_tests_name("opencryptoki", others, setup_opencryptoki, teardown);
        return failed;
}
