/* SPDX-License-Identifier: Apache-2.0 */
/* Issuer keys are rotated while cards are made and while cards made before wait for their customers. */
#include "card.h"
#include "rig.h"

#include "base/buf.h"
#include "ossl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* TR-31:2018, A.7.3.2: rig_next_imk, TDES, version B; it says B0 and X, and hsm.keys[].block_usage takes
 * that. */
#define NEXT_BLOCK                                                                                           \
        "B0104B0TX12S0100KS1800604B120F9292800000BB68BE8680A400D9191AD4ECE45B6E6C0D21C4738A52190E248719E24B" \
        "433627"

static struct rig rig;
static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const uint8_t nobody[16] = {"no issuer's key"};

static int setup_softhsm(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.rotation = true});
        return 0;
}

static int setup_nss(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.rotation = true, .nss = true});
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static void administer(struct cw_msg *m) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        if (rig_administer(&rig, m, &reply, &f) != CW_OK)
                fail_msg("%s", f.text);
}

static void kcv_of(const uint8_t key[16], char ret[7]) {
        static const uint8_t zero[8];
        uint8_t out[8];
        ossl_cipher("DES-EDE-ECB", true, key, NULL, zero, 8, out);
        assert_true(cw_hex_encode(out, 3, ret, 7));
}

/* The next version of the key is loaded from its block and comes into use. */
static void rotate(const char *label) {
        char kcv[7];
        kcv_of(rig_next_imk, kcv);
        struct cw_msg *load = cw_msg_request("key.import"), *turn = cw_msg_request("key.rotate");
        assert_true(load != NULL && turn != NULL);
        assert_int_equal(json_object_set_new(load->json, "label", json_string(label)), 0);
        assert_int_equal(json_object_set_new(load->json, "kbpk", json_string("kbpk")), 0);
        assert_int_equal(json_object_set_new(load->json, "kcv", json_string(kcv)), 0);
        assert_int_equal(cw_msg_attach_copy(load, NEXT_BLOCK, strlen(NEXT_BLOCK)), CW_OK);
        assert_int_equal(json_object_set_new(turn->json, "label", json_string(label)), 0);
        administer(load);
        administer(turn);
}

/* ---- cards being made ---- */

static struct cw_hsm_session *begin_card(const char *job, struct card *card) {
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        struct cw_hsm_gp_card info = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *auth = NULL;
        uint8_t kvn = 0, challenge[CW_HSM_CHALLENGE_MAX], response[32];
        size_t len = 0;
        *card = (struct card){.scp = 3, .enc = rig_enc03, .mac = rig_mac03, .dek = rig_dek03};
        assert_int_equal(rig_open_issue(&rig, job, RIG_SCP03, &o, &s, &f), CW_OK);
        assert_int_equal(cw_hsm_session_gp_start(s, NULL, &kvn, challenge, &len, &f), CW_OK);
        len = card_init_update(card, challenge, response);
        assert_int_equal(cw_hsm_session_gp_card(s, response, len, NULL, &info, &f), CW_OK);
        assert_int_equal(cw_hsm_session_gp_authenticate(s, 0x33, &auth, &f), CW_OK);
        assert_true(card_external_authenticate(card, auth->ptr, auth->len));
        return s;
}

/* The card's own keys, and what is noted with it. */
static void finish_card(struct cw_hsm_session *s, const struct card *card, const uint8_t imk_ac[16],
                        char ret_keys[CW_HSM_ISSUER_KEYS]) {
        static const char *const dgis[] = {"8000"};
        static const bool plain[] = {false};
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        uint8_t clear[64], mk[16];
        assert_string_equal(cw_hsm_session_issuer_keys(s), "");
        assert_int_equal(
            cw_hsm_session_perso_sensitive(
                s, &(struct cw_hsm_sensitive){.dgis = dgis, .padded = plain, .count = 1}, &items, &f),
            CW_OK);
        assert_int_equal(items->len, 2 + 48);
        card_dek_open(card, items->ptr + 2, 48, clear);
        card_emv_master(imk_ac, RIG_PAN, "00", mk);
        assert_memory_equal(clear, mk, 16);
        (void)snprintf(ret_keys, CW_HSM_ISSUER_KEYS, "%s", cw_hsm_session_issuer_keys(s));
        cw_hsm_session_close(s);
}

static void keys_text(const uint8_t ac[16], const uint8_t smi[16], const uint8_t smc[16],
                      char ret[CW_HSM_ISSUER_KEYS]) {
        char kcv[3][7];
        kcv_of(ac, kcv[0]);
        kcv_of(smi, kcv[1]);
        kcv_of(smc, kcv[2]);
        (void)snprintf(ret, CW_HSM_ISSUER_KEYS, "%s %s %s", kcv[0], kcv[1], kcv[2]);
}

/* ---- cards handed over ---- */

/* A kiosk session bound to the kit; NULL when that was refused, *f says why. */
static struct cw_hsm_session *kiosk(const char *keys, struct cw_fault *f) {
        static unsigned serial;
        char ticket[16], hash[CW_HSM_PAN_HASH_HEX], masked[CW_HSM_MASKED_PAN], text[160];
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *digits = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        (void)snprintf(ticket, sizeof(ticket), "K%u", ++serial);
        assert_int_equal(rig_open_kiosk(&rig, ticket, &o, &s, f), CW_OK);
        assert_int_equal(cw_secret_dup(RIG_PAN, strlen(RIG_PAN), &digits), CW_OK);
        assert_int_equal(cw_hsm_session_kiosk_pan(s, digits, RIG_EXPIRY, "00", hash, masked, f), CW_OK);
        rig_seal(RIG_PAN, text);
        return rig_call(&rig, rig_kiosk_bind(o.session, RIG_EXPIRY, keys, text), &reply, f) == CW_OK
                   ? CW_STEAL(s)
                   : NULL;
}

/* Is a card with a key of this issuer's key genuine, when these keys are noted with it? */
static bool genuine(struct cw_hsm_session *s, const uint8_t imk_ac[16]) {
        struct cw_fault f = {0};
        struct cw_hsm_arqc result = {0};
        uint8_t mk[16], arqc[8];
        assert_non_null(s);
        card_emv_master(imk_ac, RIG_PAN, "00", mk);
        card_emv_arqc(mk, 5, data, sizeof(data), arqc);
        if (cw_hsm_session_emv_arqc(s, 5, arqc, "00", data, sizeof(data), &result, &f) != CW_OK)
                fail_msg("%s", f.text);
        return result.genuine;
}

static bool is_genuine(const char *keys, const uint8_t imk_ac[16]) {
        struct cw_fault f = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = kiosk(keys, &f);
        return genuine(s, imk_ac);
}

/* The command that unblocks the PIN, for ATC 5. */
static cw_rc script(const char *keys, const uint8_t imk_ac[16], uint8_t ret[13], struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *apdu = NULL;
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = kiosk(keys, f);
        assert_true(genuine(s, imk_ac));
        cw_rc rc = cw_hsm_session_emv_script(s, "pin-unblock", &apdu, f);
        if (rc == CW_OK) {
                assert_int_equal(apdu->len, 13);
                memcpy(ret, apdu->ptr, 13);
        }
        return rc;
}

static void the_ac_key(void **state) {
        (void)state;
        char old[CW_HSM_ISSUER_KEYS], during[CW_HSM_ISSUER_KEYS], new[CW_HSM_ISSUER_KEYS];
        char want[CW_HSM_ISSUER_KEYS];
        struct card a, b, c;
        struct cw_fault f = {0};
        finish_card(begin_card("A", &a), &a, rig_imk_ac, old);
        keys_text(rig_imk_ac, rig_imk_smi, rig_imk_smc, want);
        assert_string_equal(old, want);
        struct cw_hsm_session *s = begin_card("B", &b);
        rotate("ac");
        finish_card(s, &b, rig_imk_ac, during); /* it ends with what it began with */
        assert_string_equal(during, old);
        finish_card(begin_card("C", &c), &c, rig_next_imk, new);
        keys_text(rig_next_imk, rig_imk_smi, rig_imk_smc, want);
        assert_string_equal(new, want);
        assert_true(is_genuine(old, rig_imk_ac));
        assert_true(is_genuine(new, rig_next_imk));
        assert_false(is_genuine(old, rig_next_imk)); /* noted: no other version counts */
        assert_false(is_genuine(new, rig_imk_ac));
        assert_true(is_genuine("", rig_imk_ac)); /* not noted: the cryptogram tells */
        assert_true(is_genuine("", rig_next_imk));
        assert_false(is_genuine("", nobody));
        assert_null(kiosk("ABCDEF 000000 000000", &f));
        assert_string_equal(f.code, "HSM_KEY");
        assert_non_null(strstr(f.text, "ABCDEF"));
        assert_null(kiosk("08D7B4 7B8358", &f));
        assert_string_equal(f.code, "HSM_REQUEST");
}

static void the_script_keys(void **state) {
        (void)state;
        uint8_t before[13], after[13], next[13], none[13];
        char old[CW_HSM_ISSUER_KEYS], new[CW_HSM_ISSUER_KEYS];
        struct cw_fault f = {0};
        keys_text(rig_imk_ac, rig_imk_smi, rig_imk_smc, old);
        keys_text(rig_next_imk, rig_next_imk, rig_imk_smc, new);
        assert_int_equal(script(old, rig_imk_ac, before, &f), CW_OK);
        assert_int_equal(script("", rig_imk_ac, after, &f), CW_OK); /* there is one version only */
        assert_memory_equal(after, before, 13);
        rotate("smi");
        assert_int_equal(script(old, rig_imk_ac, after, &f), CW_OK);
        assert_memory_equal(after, before, 13);
        assert_int_equal(script(new, rig_next_imk, next, &f), CW_OK);
        assert_memory_not_equal(next + 5, before + 5, 8);
        assert_int_equal(cw_rc_class(script("", rig_imk_ac, none, &f)), CW_C_OPERATOR);
        assert_string_equal(f.code, "HSM_KEY");
        assert_non_null(strstr(f.text, "nobody recorded"));
}

/* ---- values of cards made before, for an issuer's host ---- */

/* A call of a service session for a card with these keys noted; NULL when it was refused, *f says why. */
static struct cw_msg *serve(const char *keys, const char *call, struct cw_fault *f) {
        static unsigned serial;
        char text[160], job[16];
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *opened = NULL, *reply = NULL, *request = cw_msg_request("");
        rig_seal(RIG_PAN, text);
        (void)snprintf(job, sizeof(job), "S%u", ++serial);
        const struct cw_hsm_service service = {.job = job,
                                               .plastic_code = RIG_SCP03,
                                               .expiry = RIG_EXPIRY,
                                               .issuer_keys = keys,
                                               .encrypted_card_number = text};
        if (rig_call(&rig, cw_hsm_msg_open_service(&service), &opened, f) != CW_OK)
                fail_msg("%s", f->text);
        assert_int_equal(cw_hsm_reply_opened(opened, &o, f), CW_OK);
        CW_AUTO_JSON json_t *members = json_loads(call, 0, NULL);
        assert_true(request != NULL && json_object_update(request->json, members) == 0);
        assert_int_equal(cw_msg_attach_copy(request, "static data of a track", 22), CW_OK);
        cw_rc rc = cw_ipc_call(o.fd, request, cw_deadline_ns(20000), &reply, f);
        (void)close(o.fd);
        return rc == CW_OK ? CW_STEAL(reply) : NULL;
}

static const char *const values[] = {
    "{\"call\":\"value.dcvv\",\"atc\":\"3210\",\"service_code\":\"226\"}",
    "{\"call\":\"value.cvc3\",\"un\":\"00000899\",\"atc\":\"005E\"}",
};
#define VALUES (sizeof(values) / sizeof(values[0]))

/* The digits of value n; *ret_expired: hsmd said that the version is past its validity. */
static void value(size_t n, const char *keys, char ret[8], bool *ret_expired) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = serve(keys, values[n], &f);
        if (reply == NULL)
                fail_msg("%s: %s", values[n], f.text);
        assert_true(reply->att_count == 1 && reply->att[0]->len < 8);
        memcpy(ret, reply->att[0]->ptr, reply->att[0]->len);
        ret[reply->att[0]->len] = '\0';
        *ret_expired = cw_msg_bool(reply, "expired", false);
}

/* dCVV as the card makes it: a CVV over the PAN with the ATC in front, under its own key. */
static void dcvv_of(const uint8_t imk_ac[16], char ret[8]) {
        char digits[34];
        uint8_t mk[16], packed[16], x[8], left[16];
        size_t n = 0;
        (void)snprintf(digits, sizeof(digits), "3210%s%s226000000000", &RIG_PAN[4], RIG_EXPIRY);
        for (size_t i = 0; i < 16; i++)
                packed[i] = (uint8_t)((digits[2 * i] - '0') << 4 | (digits[2 * i + 1] - '0'));
        card_emv_master(imk_ac, RIG_PAN, "00", mk);
        memcpy(left, mk, 8);
        memcpy(left + 8, mk, 8);
        ossl_cipher("DES-EDE-ECB", true, left, NULL, packed, 8, x);
        for (size_t i = 0; i < 8; i++)
                x[i] ^= packed[8 + i];
        ossl_cipher("DES-EDE-ECB", true, mk, NULL, x, 8, x);
        for (unsigned pass = 0; pass < 2; pass++) {
                for (size_t i = 0; i < 16 && n < 3; i++) {
                        unsigned v = i % 2 == 0 ? x[i / 2] >> 4 : x[i / 2] & 15u;
                        if (v / 10 == pass)
                                ret[n++] = (char)('0' + v % 10);
                }
        }
        ret[3] = '\0';
}

static void values_of_older_cards(void **state) {
        (void)state;
        char old[CW_HSM_ISSUER_KEYS], new[CW_HSM_ISSUER_KEYS], want[8], got[8], other[8];
        bool expired = true;
        struct cw_fault f = {0};
        keys_text(rig_imk_ac, rig_imk_smi, rig_imk_smc, old);
        keys_text(rig_next_imk, rig_next_imk, rig_imk_smc, new);
        dcvv_of(rig_imk_ac, want);
        value(0, old, got, &expired);
        assert_string_equal(got, want);
        assert_false(expired);
        dcvv_of(rig_next_imk, want);
        value(0, new, got, &expired);
        assert_string_equal(got, want);
        value(1, old, got, &expired);
        value(1, new, other, &expired);
        assert_string_not_equal(got, other);
        for (size_t i = 0; i < VALUES; i++) {
                assert_null(serve("", values[i], &f)); /* not noted: no guess is made */
                assert_string_equal(f.code, "HSM_KEY");
                assert_non_null(strstr(f.text, "nobody recorded"));
        }
        assert_null(serve("ABCDEF 000000 000000", values[0], &f));
        assert_non_null(strstr(f.text, "ABCDEF"));
}

/* ---- validity ---- */

/* Days of a version of the AC key, as if it had been loaded with them. */
static void set_days(int version, const char *from, const char *to) {
        char path[256];
        rig_path(&rig, "state/keys.json", path, sizeof(path));
        CW_AUTO_JSON json_t *root = json_load_file(path, 0, NULL);
        size_t i = 0, j = 0;
        json_t *key = NULL, *v = NULL;
        bool found = false;
        json_array_foreach(json_object_get(root, "keys"), i, key) {
                if (strcmp(json_string_value(json_object_get(key, "label")), "ac") != 0)
                        continue;
                json_array_foreach(json_object_get(key, "versions"), j, v) {
                        if (json_integer_value(json_object_get(v, "version")) != version)
                                continue;
                        found = json_object_set_new(v, "valid_from", json_string(from)) == 0 &&
                                json_object_set_new(v, "valid_to", json_string(to)) == 0;
                }
        }
        assert_true(found && json_dump_file(root, path, 0) == 0);
}

/* Past its validity a version makes no card; what cards need that were made under it goes on, and says so. */
static void a_version_past_its_validity(void **state) {
        (void)state;
        char old[CW_HSM_ISSUER_KEYS], new[CW_HSM_ISSUER_KEYS], want[8], got[8];
        uint8_t command[13];
        bool expired = false;
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        struct cw_fault f = {0};
        keys_text(rig_imk_ac, rig_imk_smi, rig_imk_smc, old);
        keys_text(rig_next_imk, rig_next_imk, rig_imk_smc, new);
        set_days(1, "", "2020-12-31");
        assert_true(is_genuine(old, rig_imk_ac));
        assert_true(is_genuine("", rig_imk_ac));
        assert_int_equal(script(old, rig_imk_ac, command, &f), CW_OK);
        dcvv_of(rig_imk_ac, want);
        value(0, old, got, &expired);
        assert_string_equal(got, want);
        assert_true(expired);
        value(0, new, got, &expired);
        assert_false(expired);
        set_days(2, "", "2020-12-31"); /* the one in use */
        assert_int_equal(rig_open_issue(&rig, "late", RIG_SCP03, &o, &s, &f),
                         CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISMATCH));
        assert_non_null(strstr(f.text, "validity ended on 2020-12-31"));
        assert_non_null(strstr(f.text, "no card is made with it"));
        assert_true(is_genuine(new, rig_next_imk));
        value(0, new, got, &expired);
        assert_true(expired);
        set_days(2, "", "");
        set_days(1, "2099-01-01", ""); /* one whose time has not come is no card's */
        assert_null(kiosk(old, &f));
        assert_non_null(strstr(f.text, "not valid yet"));
        set_days(1, "", "");
        assert_true(is_genuine(old, rig_imk_ac));
}

static int setup_opencryptoki(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.rotation = true, .opencryptoki = true});
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_ac_key),
            cmocka_unit_test(the_script_keys),
            cmocka_unit_test(values_of_older_cards),
            cmocka_unit_test(a_version_past_its_validity),
        };
        int failed = cmocka_run_group_tests_name("softhsm", tests, setup_softhsm, teardown);
        /* A login to NSS takes long: there what depends on the token. */
        const struct CMUnitTest of_token[] = {cmocka_unit_test(the_ac_key),
                                              cmocka_unit_test(the_script_keys)};
        failed += cmocka_run_group_tests_name("nss", of_token, setup_nss, teardown);
        if (rig_opencryptoki_missing() == NULL)
                failed += cmocka_run_group_tests_name("opencryptoki", tests, setup_opencryptoki, teardown);
        return failed;
}
