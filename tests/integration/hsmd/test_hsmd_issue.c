/* SPDX-License-Identifier: Apache-2.0 */
/* Issue sessions of a running cardwright-hsmd: card data, secure channels, sensitive values, cryptograms. */
#include "card.h"
#include "rig.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct rig rig;

static int setup(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){0});
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static void hello_tells_posture(void **state) {
        (void)state;
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(rig_call(&rig, cw_hsm_msg_hello(7), &reply, &f), CW_OK);
        const json_t *missing = json_object_get(reply->json, "missing");
        assert_int_equal(cw_msg_bool(reply, "ready", false), !rig.opencryptoki);
        assert_int_equal(json_array_size(missing) > 0,
                         rig.opencryptoki); /* GCM, for the server's second version */
        assert_string_equal(cw_msg_str(reply, "pin_path", ""), "host-memory");
        const json_t *keys = json_object_get(reply->json, "keys"), *key = json_array_get(keys, 4);
        assert_int_equal(json_array_size(keys), 14);
        assert_string_equal(json_string_value(json_object_get(key, "kcv")), "08D7B4");
        assert_true(json_is_true(json_object_get(key, "ok")));
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(reply->json, "token"), "label")), "test");
}

static void assert_att(const struct cw_secret *att, const char *want) {
        assert_int_equal(att->len, strlen(want));
        assert_memory_equal(att->ptr, want, att->len);
}

static void card_data(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_card_data d = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        assert_int_equal(rig_open_issue(&rig, "J1", RIG_SCP03, &o, &s, &f), CW_OK);
        assert_string_equal(o.masked_pan, "426642XXXXXX6864");
        uint8_t hash[32];
        char want[65], domain[23 + 16];
        memcpy(domain, "cardwright pan-hash v1", 23);
        memcpy(domain + 23, RIG_PAN, 16);
        ossl_hmac_sha256(rig_hash_key, 32, domain, sizeof(domain), hash);
        assert_true(cw_hex_encode(hash, 32, want, sizeof(want)));
        assert_string_equal(o.pan_hash, want);

        assert_int_equal(cw_hsm_session_card_data(s, &d, &f), CW_OK);
        assert_string_equal(d.expiry, RIG_EXPIRY);
        assert_string_equal(d.service_code, "101");
        assert_string_equal(d.psn, "00");
        assert_string_equal(d.name, "Asha Rao");
        assert_string_equal(d.track_name, "RAO/ASHA");
        assert_att(d.pan, RIG_PAN);
        assert_att(d.track1, "B" RIG_PAN "^RAO/ASHA^301210100000"
                             "962"
                             "00");
        assert_att(d.track2, RIG_PAN "=301210100000"
                                     "962"
                                     "00");
        assert_int_equal(d.cvv2->len, 3);
        char hex[64];
        assert_true(cw_hex_encode(d.track2_equivalent->ptr, d.track2_equivalent->len, hex, sizeof(hex)));
        assert_memory_equal(hex, RIG_PAN "D301210100000", 29);
        assert_string_equal(hex + 32, "00");
        assert_memory_not_equal(hex + 29, "962", 3); /* the chip has a value of its own */
        cw_hsm_card_data_done(&d);
}

/* One channel: authenticate, a batch of commands, their responses. Returns with the channel open. */
static void open_channel(struct cw_hsm_session *s, struct card *card, uint8_t level) {
        struct cw_fault f = {0};
        uint8_t kvn = 0xff, challenge[CW_HSM_CHALLENGE_MAX], response[32];
        size_t challenge_len = 0;
        struct cw_hsm_gp_card info = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *auth = NULL;
        assert_int_equal(cw_hsm_session_gp_start(s, NULL, &kvn, challenge, &challenge_len, &f), CW_OK);
        assert_int_equal(kvn, 0);
        size_t n = card_init_update(card, challenge, response);
        assert_int_equal(cw_hsm_session_gp_card(s, response, n, NULL, &info, &f), CW_OK);
        assert_int_equal(info.scp, card->scp);
        assert_int_equal(info.sequence, card->scp == 2 ? 0x2a : 7);
        assert_int_equal(cw_hsm_session_gp_authenticate(s, level, &auth, &f), CW_OK);
        assert_true(card_external_authenticate(card, auth->ptr, auth->len));
}

static void exchange(struct cw_hsm_session *s, struct card *card, bool with_responses) {
        static const uint8_t store[3][12] = {{0x80, 0xe2, 0x00, 0x00, 5, 1, 2, 3, 4, 5},
                                             {0x80, 0xe2, 0x80, 0x01, 6, 9, 8, 7, 6, 5, 4, 0x00},
                                             {0x80, 0xf2, 0x40, 0x00}};
        static const size_t lengths[3] = {10, 12, 4}, data_lengths[3] = {5, 6, 0};
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *wrapped = NULL;
        uint8_t items[64], plain[256], responses[3][300];
        size_t response_lengths[3], n = 0;
        struct cw_writer w;
        cw_writer_init(&w, items, sizeof(items));
        for (size_t i = 0; i < 3; i++)
                cw_put_item(&w, store[i], lengths[i]);
        assert_int_equal(cw_hsm_session_gp_wrap(s, items, w.len, &wrapped, &f), CW_OK);
        struct cw_reader r;
        cw_reader_init(&r, wrapped->ptr, wrapped->len);
        for (size_t i = 0; i < 3; i++) {
                struct cw_span item = cw_get_item(&r);
                assert_true(card_command(card, item.ptr, item.len, plain, &n));
                assert_int_equal(n, data_lengths[i]);
                assert_memory_equal(plain, store[i] + 5, n);
                response_lengths[i] = card_response(card, store[i], 3 + i, 0x9000, responses[i]);
        }
        assert_true(r.left == 0 && !r.bad);
        for (size_t i = 0; with_responses && i < 3; i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
                assert_int_equal(cw_hsm_session_gp_unwrap(s, responses[i], response_lengths[i], &clear, &f),
                                 CW_OK);
                assert_int_equal(clear->len, 3 + i);
                assert_memory_equal(clear->ptr, store[i], clear->len);
        }
}

static struct card scp03_card(void) {
        return (struct card){.scp = 3, .enc = rig_enc03, .mac = rig_mac03, .dek = rig_dek03};
}

static struct card scp02_card(void) {
        return (struct card){.scp = 2, .enc = rig_kmc02, .mac = rig_kmc02, .dek = rig_kmc02};
}

static void check_sensitive(struct cw_hsm_session *s, const struct card *card) {
        static const char *const dgis[] = {"8000", "9000", "8010", "9010"};
        static const bool none_padded[4] = {false};
        const uint8_t *imk[3] = {rig_imk_ac, rig_imk_smi, rig_imk_smc};
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        uint8_t clear[64], mk[16], kcv[8];
        static const uint8_t zero[8];
        assert_int_equal(
            cw_hsm_session_perso_sensitive(
                s, &(struct cw_hsm_sensitive){.dgis = dgis, .padded = none_padded, .count = 4}, &items, &f),
            CW_OK);
        struct cw_reader r;
        cw_reader_init(&r, items->ptr, items->len);
        struct cw_span keys = cw_get_item(&r), kcvs = cw_get_item(&r), pin = cw_get_item(&r),
                       tries = cw_get_item(&r);
        assert_true(!r.bad && r.left == 0 && keys.len == 48 && kcvs.len == 9 && tries.len == 2);
        card_dek_open(card, keys.ptr, keys.len, clear);
        for (size_t i = 0; i < 3; i++) {
                card_emv_master(imk[i], RIG_PAN, "00", mk);
                assert_memory_equal(clear + 16 * i, mk, 16);
                ossl_cipher("DES-EDE-ECB", true, mk, NULL, zero, 8, kcv);
                assert_memory_equal(kcvs.ptr + 3 * i, kcv, 3);
        }
        assert_int_equal(pin.len, card->scp == 3 ? 16 : 8);
        card_dek_open(card, pin.ptr, pin.len, clear);
        assert_int_equal(clear[0], 0x2c);
        assert_int_equal(clear[7], 0xff);
        for (size_t i = 1; i < 7; i++)
                assert_true((clear[i] >> 4) <= 9 && (clear[i] & 15) <= 9);
        if (card->scp == 3)
                assert_int_equal(clear[8], 0x80);
        assert_memory_equal(tries.ptr, "\3\3", 2);
}

/* Issuer keys of another algorithm than the profile says matter to what is made of them, and to nothing else.
 */
static void check_other_algorithm(struct cw_hsm_session *s) {
        static const char *const of_keys[] = {"8000", "9000"}, *const of_pin[] = {"8010", "9010"};
        static const bool none_padded[2] = {false};
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        struct cw_hsm_sensitive q = {.padded = none_padded, .count = 1, .keys = "aes128"};
        struct cw_fault f = {0};
        for (size_t i = 0; i < 2; i++) {
                q.dgis = &of_keys[i];
                assert_int_equal(cw_rc_class(cw_hsm_session_perso_sensitive(s, &q, &items, &f)),
                                 CW_C_OPERATOR);
                assert_null(items);
        }
        q.dgis = of_pin;
        q.count = 2;
        assert_int_equal(cw_hsm_session_perso_sensitive(s, &q, &items, &f), CW_OK);
}

static void scp03_channel(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        struct card card = scp03_card();
        assert_int_equal(rig_open_issue(&rig, "J2", RIG_SCP03, &o, &s, &f), CW_OK);
        open_channel(s, &card, 0x33);
        exchange(s, &card, false);
        exchange(s, &card, false);
        check_sensitive(s, &card);
        check_other_algorithm(s);
        card = scp03_card();
        open_channel(s, &card, 0x33); /* a second channel, as for a second application */
        check_sensitive(s, &card);
}

/* The card answers each command before it gets the next: R-MAC and R-ENC of every single one are verified. */
static void scp03_responses(void **state) {
        (void)state;
        static const uint8_t get[] = {0x80, 0xca, 0x9f, 0x7f, 0x00};
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        struct card card = scp03_card();
        uint8_t item[16], plain[256], response[300];
        size_t n = 0;
        assert_int_equal(rig_open_issue(&rig, "J3", RIG_SCP03, &o, &s, &f), CW_OK);
        open_channel(s, &card, 0x33);
        for (uint8_t i = 0; i < 5; i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *wrapped = NULL, *clear = NULL;
                struct cw_writer w;
                cw_writer_init(&w, item, sizeof(item));
                cw_put_item(&w, get, sizeof(get));
                assert_int_equal(cw_hsm_session_gp_wrap(s, item, w.len, &wrapped, &f), CW_OK);
                assert_true(card_command(&card, wrapped->ptr + 2, wrapped->len - 2, plain, &n));
                const uint8_t data[2] = {i, 0x80};
                size_t len = card_response(&card, data, sizeof(data), 0x9000, response);
                if (i == 4)
                        response[len - 3] ^= 1;
                cw_rc rc = cw_hsm_session_gp_unwrap(s, response, len, &clear, &f);
                assert_int_equal(rc, i < 4 ? CW_OK : CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
                if (i < 4)
                        assert_memory_equal(clear->ptr, data, sizeof(data));
        }
        CW_AUTO(cw_secret_free) struct cw_secret *dead = NULL;
        assert_int_equal(cw_rc_class(cw_hsm_session_gp_wrap(s, item, 7, &dead, &f)), CW_C_REJECT);
}

static void scp02_channel(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        struct card card = scp02_card();
        assert_int_equal(rig_open_issue(&rig, "J4", RIG_SCP02, &o, &s, &f), CW_OK);
        open_channel(s, &card, 0x03);
        exchange(s, &card, true);
        exchange(s, &card, true);
        check_sensitive(s, &card);
}

/* A card with other keys: told before any key try is spent. */
static void foreign_card(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        struct card card = {.scp = 3, .enc = rig_mac03, .mac = rig_dek03, .dek = rig_dek03};
        struct cw_hsm_gp_card info;
        CW_AUTO(cw_secret_free) struct cw_secret *auth = NULL;
        uint8_t kvn, challenge[CW_HSM_CHALLENGE_MAX], response[32];
        size_t challenge_len = 0;
        assert_int_equal(rig_open_issue(&rig, "J5", RIG_SCP03, &o, &s, &f), CW_OK);
        assert_int_equal(cw_hsm_session_gp_start(s, NULL, &kvn, challenge, &challenge_len, &f), CW_OK);
        size_t n = card_init_update(&card, challenge, response);
        assert_int_equal(cw_hsm_session_gp_card(s, response, n, NULL, &info, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
        assert_string_equal(f.code, "HSM_CRYPTOGRAM");
        assert_int_equal(cw_rc_class(cw_hsm_session_gp_authenticate(s, 0x33, &auth, &f)), CW_C_REJECT);
        /* a card of the other protocol */
        card = scp02_card();
        assert_int_equal(cw_hsm_session_gp_start(s, NULL, &kvn, challenge, &challenge_len, &f), CW_OK);
        n = card_init_update(&card, challenge, response);
        assert_int_equal(cw_rc_class(cw_hsm_session_gp_card(s, response, n, NULL, &info, &f)), CW_C_REJECT);
        assert_string_equal(f.code, "HSM_INIT_UPDATE");
}

static void cryptogram(void **state) {
        (void)state;
        static const uint8_t data[] = {0, 0, 0, 0, 0x12, 0x34, 0x03, 0x56, 0x18, 0x00, 0x00, 0x01};
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_arqc result = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        uint8_t mk[16], arqc[8], arpc[4];
        assert_int_equal(rig_open_issue(&rig, "J6", RIG_SCP03, &o, &s, &f), CW_OK);
        card_emv_master(rig_imk_ac, RIG_PAN, "00", mk);
        card_emv_arqc(mk, 0x0102, data, sizeof(data), arqc);
        assert_int_equal(cw_hsm_session_emv_arqc(s, 0x0102, arqc, "00", data, sizeof(data), &result, &f),
                         CW_OK);
        assert_true(result.genuine);
        card_emv_arpc(mk, 0x0102, arqc, result.csu, arpc);
        assert_int_equal(result.arpc_len, 4);
        assert_memory_equal(result.arpc, arpc, 4);
        assert_int_equal(cw_hsm_session_emv_arqc(s, 0x0103, arqc, "00", data, sizeof(data), &result, &f),
                         CW_OK);
        assert_false(result.genuine);
        assert_int_equal(result.arpc_len, 0);
}

/* What is not in the table is refused; after too many refusals the session is over. */
static void refused_operations(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_card_data d = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *out = NULL;
        static const uint8_t block[8];
        assert_int_equal(rig_open_issue(&rig, "J7", RIG_SCP03, &o, &s, &f), CW_OK);
        assert_int_equal(cw_hsm_session_pin_first(s, "FFFF9876543210E00001", block, 8, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_REFUSED");
        assert_int_equal(cw_rc_class(cw_hsm_session_gp_authenticate(s, 0x33, &out, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_hsm_session_gp_wrap(s, block, 8, &out, &f)), CW_C_REJECT);
        for (int i = 0; i < 4; i++) {
                assert_int_equal(cw_hsm_session_card_data(s, &d, &f), CW_OK);
                cw_hsm_card_data_done(&d);
        }
        assert_int_equal(cw_hsm_session_card_data(s, &d, &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        for (int i = 0; i < 4; i++)
                assert_int_equal(
                    cw_rc_class(cw_hsm_session_pin_first(s, "FFFF9876543210E00001", block, 8, &f)),
                    CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_hsm_session_card_data(s, &d, &f)), CW_C_RECONNECT);
}

static void level_below_product(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_gp_card info;
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *auth = NULL;
        struct card card = scp03_card();
        uint8_t kvn, challenge[CW_HSM_CHALLENGE_MAX], response[32];
        size_t challenge_len = 0;
        assert_int_equal(rig_open_issue(&rig, "J8", RIG_SCP03, &o, &s, &f), CW_OK);
        assert_int_equal(cw_hsm_session_gp_start(s, NULL, &kvn, challenge, &challenge_len, &f), CW_OK);
        size_t n = card_init_update(&card, challenge, response);
        assert_int_equal(cw_hsm_session_gp_card(s, response, n, NULL, &info, &f), CW_OK);
        assert_int_equal(cw_hsm_session_gp_authenticate(s, 0x01, &auth, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_LEVEL");
}

static void bad_requests(void **state) {
        (void)state;
        struct cw_fault f = {0};
        static const struct {
                const char *plastic, *expiry, *name, *number, *code;
        } bad[] = {
            {"99", "3012", "Asha Rao", NULL, "HSM_PRODUCT"},
            {"71", "3013", "Asha Rao", NULL, "HSM_REQUEST"},
            {"71", "30", "Asha Rao", NULL, "HSM_REQUEST"},
            {"71", "3012", "?%^", NULL, "HSM_NAME"},
            {"71", "3012", "", NULL, "HSM_REQUEST"},
            {"71", "3012", "Asha Rao", "not a number", "HSM_CARD_NUMBER"},
            {"71", "3012", "Asha Rao", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
             "HSM_CARD_NUMBER"},
            {"71", "3012", "Asha Rao", "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
             "HSM_CARD_NUMBER"},
        };
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                char text[160];
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                rig_seal(RIG_PAN, text);
                const struct cw_hsm_issue issue = {"J9",           "10729390",
                                                   bad[i].plastic, bad[i].expiry,
                                                   bad[i].name,    bad[i].number ? bad[i].number : text};
                cw_rc rc = rig_call(&rig, cw_hsm_msg_open_issue(&issue), &reply, &f);
                assert_true(cw_rc_class(rc) == CW_C_REJECT || cw_rc_class(rc) == CW_C_OPERATOR);
                assert_string_equal(f.code, bad[i].code);
                assert_true(strlen(f.text) > 10);
        }
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(cw_rc_class(rig_call(&rig, cw_msg_request("format.disk"), &reply, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(rig_call(&rig, cw_msg_request("session.open"), &reply, &f)),
                         CW_C_REJECT);
        assert_int_equal(cw_rc_class(rig_call(&rig, cw_hsm_msg_pin_form(12345, ""), &reply, &f)),
                         CW_C_RECONNECT);
        rig_wait_workers(&rig, 1);
}

/* The supervisor never holds the clear card, not even while the session is open; its worker does. */
static void clear_data_stays_in_the_worker(void **state) {
        (void)state;
        static const uint8_t packed[8] = {0x42, 0x66, 0x42, 0x46, 0x80, 0x44, 0x68, 0x64};
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_card_data d = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        pid_t workers[8];
        assert_int_equal(rig_open_issue(&rig, "J10", RIG_SCP03, &o, &s, &f), CW_OK);
        assert_int_equal(cw_hsm_session_card_data(s, &d, &f), CW_OK);
        cw_hsm_card_data_done(&d);
        assert_false(rig_memory_has(rig.pid, RIG_PAN, 16));
        size_t n = rig_workers(&rig, workers, 8), holders = 0;
        assert_int_equal(n, 2);
        for (size_t i = 0; i < n; i++)
                holders += rig_memory_has(workers[i], RIG_PAN, 16) ? 1 : 0;
        assert_int_equal(holders, 1); /* proves that the search finds what is there */
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(rig_call(&rig, cw_hsm_msg_close(o.session), &reply, &f), CW_OK);
        rig_wait_workers(&rig, 1);
        (void)rig_workers(&rig, workers, 8);
        assert_false(rig_memory_has(rig.pid, RIG_PAN, 16));
        assert_false(rig_memory_has(rig.pid, packed, sizeof(packed)));
        assert_false(rig_memory_has(workers[0], RIG_PAN, 16));
        assert_int_equal(cw_rc_class(cw_hsm_session_card_data(s, &d, &f)), CW_C_RECONNECT);
}

/* A ledger that cannot be read fails the job before a card is fed. */
static void damaged_ledger(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        char path[256];
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        rig_path(&rig, "state/gp-tries", path, sizeof(path));
        FILE *ledger = fopen(path, "r+");
        assert_non_null(ledger);
        int first = fgetc(ledger);
        assert_int_equal(fseek(ledger, 0, SEEK_SET), 0);
        assert_int_equal(fputc('*', ledger), '*');
        assert_int_equal(fflush(ledger), 0);
        assert_int_equal(cw_rc_class(rig_open_issue(&rig, "J20", RIG_SCP03, &o, &s, &f)), CW_C_OPERATOR);
        assert_string_equal(f.code, "HSM_LEDGER");
        assert_int_equal(fseek(ledger, 0, SEEK_SET), 0);
        assert_int_equal(fputc(first, ledger), first);
        assert_int_equal(fclose(ledger), 0);
        assert_int_equal(rig_open_issue(&rig, "J20", RIG_SCP03, &o, &s, &f), CW_OK);
}

static cw_rc ask_admin(struct cw_msg *take, struct cw_fault *f) {
        char path[256];
        CW_AUTO_FD int admin = -1;
        CW_AUTO(cw_msg_free) struct cw_msg *m = take, *reply = NULL;
        rig_path(&rig, "run/hsmd/admin.sock", path, sizeof(path));
        assert_int_equal(cw_ipc_connect(path, &admin, f), CW_OK);
        return cw_ipc_call(admin, m, cw_deadline_ns(5000), &reply, f);
}

/* Who administers cannot end a card under way, neither by its number nor by its job. */
static void administrator_ends_no_card(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_card_data d = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        assert_int_equal(rig_open_issue(&rig, "J21", RIG_SCP03, &o, &s, &f), CW_OK);
        struct cw_msg *close = cw_msg_request("session.close"), *open = cw_msg_request("session.open");
        assert_int_equal(json_object_set_new(close->json, "session", json_integer(o.session)), 0);
        assert_int_equal(ask_admin(close, &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_int_equal(json_object_set_new(open->json, "kind", json_string("bench")), 0);
        assert_int_equal(json_object_set_new(open->json, "job", json_string("J21")), 0);
        assert_int_equal(ask_admin(open, &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_non_null(strstr(f.text, "hsm.test_token"));
        assert_int_equal(cw_hsm_session_card_data(s, &d, &f), CW_OK);
        cw_hsm_card_data_done(&d);
}

static int setup_opencryptoki(void **state) {
        (void)state;
        rig_start(&rig, &(struct rig_options){.opencryptoki = true});
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(hello_tells_posture),
            cmocka_unit_test(card_data),
            cmocka_unit_test(scp03_channel),
            cmocka_unit_test(scp03_responses),
            cmocka_unit_test(scp02_channel),
            cmocka_unit_test(foreign_card),
            cmocka_unit_test(cryptogram),
            cmocka_unit_test(refused_operations),
            cmocka_unit_test(level_below_product),
            cmocka_unit_test(bad_requests),
            cmocka_unit_test(clear_data_stays_in_the_worker),
            cmocka_unit_test(damaged_ledger),
            cmocka_unit_test(administrator_ends_no_card),
        };
        int failed = cmocka_run_group_tests(tests, setup, teardown);
        if (rig_opencryptoki_missing() == NULL)
                failed += cmocka_run_group_tests_name("opencryptoki", tests, setup_opencryptoki, teardown);
        return failed;
}
