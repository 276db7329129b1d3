/* SPDX-License-Identifier: Apache-2.0 */
/* perso.sensitive: the card's secret values. emv.arqc: is the card genuine. */
#include "base/buf.h"
#include "hsm/emv_cryptogram.h"
#include "hsm/emv_perso.h"
#include "hsm/session_internal.h"

#include <string.h>

#define DGIS_MAX 8u
#define ARQC_DATA_MAX 512u

static cw_rc card_key_refs(struct cw_sess *s, struct cw_emv_card_keys *ret, struct cw_fault *f) {
        const struct cw_stored_key *ac = NULL, *smi = NULL, *smc = NULL;
        cw_rc rc = cw_sess_key(s, s->product->imk_ac, "imk-ac", &ac, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->imk_smi, "imk-smi", &smi, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->imk_smc, "imk-smc", &smc, f);
        if (rc == CW_OK)
                *ret =
                    (struct cw_emv_card_keys){&ac->key, &smi->key, &smc->key, s->secret->pan.digits, s->psn};
        return rc;
}

/* How the profile wants the values: words of the request. */
struct how {
        enum cw_hsm_alg keys;
        enum cw_kcv_method kcv;
        enum cw_emv_pin_block pin;
        bool random_fill; /* behind the PIN block, where the DEK's block is longer */
};

/* Which of the words the request has there; the first when it has none. */
static cw_rc word(const struct cw_msg *request, const char *name, const char *const words[], int *ret,
                  struct cw_fault *f) {
        const char *text = cw_msg_str(request, name, words[0]);
        for (int i = 0; words[i] != NULL; i++) {
                if (strcmp(words[i], text) != 0)
                        continue;
                *ret = i;
                return CW_OK;
        }
        return cw_sess_bad(
            "keys is tdes2, aes128, aes192 or aes256; kcv gp, zeros or cmac; pin_block format-2, "
            "format-1 or control-0; pin_fill 80 or random",
            f);
}

static cw_rc read_keys(const struct cw_msg *request, enum cw_hsm_alg *ret, struct cw_fault *f) {
        static const char *const keys[] = {"tdes2", "aes128", "aes192", "aes256", NULL};
        static const enum cw_hsm_alg algorithms[] = {CW_ALG_TDES2, CW_ALG_AES128, CW_ALG_AES192,
                                                     CW_ALG_AES256};
        int at = 0;
        cw_rc rc = word(request, "keys", keys, &at, f);
        if (rc == CW_OK)
                *ret = algorithms[at];
        return rc;
}

static cw_rc read_how(const struct cw_msg *request, struct how *ret, struct cw_fault *f) {
        static const char *const kcvs[] = {"gp", "zeros", "cmac", NULL};
        static const char *const blocks[] = {"format-2", "format-1", "control-0", NULL};
        static const char *const fills[] = {"80", "random", NULL};
        static const enum cw_kcv_method methods[] = {CW_KCV_GP, CW_KCV_LEGACY, CW_KCV_CMAC};
        static const enum cw_emv_pin_block forms[] = {CW_EMV_PIN_FORMAT2, CW_EMV_PIN_FORMAT1,
                                                      CW_EMV_PIN_CONTROL0};
        int kcv = 0, block = 0, fill = 0;
        cw_rc rc = read_keys(request, &ret->keys, f);
        if (rc == CW_OK)
                rc = word(request, "kcv", kcvs, &kcv, f);
        if (rc == CW_OK)
                rc = word(request, "pin_block", blocks, &block, f);
        if (rc == CW_OK)
                rc = word(request, "pin_fill", fills, &fill, f);
        ret->kcv = methods[kcv];
        ret->pin = forms[block];
        ret->random_fill = fill == 1;
        return rc;
}

static cw_rc put_pin_block(struct cw_sess *s, const struct how *how, bool padded, uint8_t *out, size_t cap,
                           size_t *ret_len, struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, 16);
        size_t len = 8;
        cw_rc rc = cw_emv_dgi_8010(s->c, how->pin, plain, f);
        if (rc == CW_OK && how->random_fill && cw_hsm_alg_block(cw_scp_dek_alg(s->scp)) > len) {
                rc = cw_hsm_random(s->c, plain + len, sizeof(plain) - len, f);
                len = sizeof(plain);
        }
        return rc != CW_OK ? rc : cw_scp_dek_encrypt(s->scp, plain, len, padded, out, cap, ret_len, f);
}

/* One value, enciphered under the DEK where the grouping is a secret one. */
static cw_rc dgi_value(struct cw_sess *s, const char *dgi, const struct how *how, bool padded, uint8_t *out,
                       size_t cap, size_t *ret_len, struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, CW_EMV_DGI_MAX);
        struct cw_emv_card_keys keys;
        size_t len = 0;
        const bool of_keys = strcmp(dgi, "8000") == 0 || strcmp(dgi, "9000") == 0;
        cw_rc rc = of_keys ? card_key_refs(s, &keys, f) : CW_OK;
        if (of_keys && rc == CW_OK)
                rc = cw_emv_card_keys_check(&keys, how->keys, f);
        if (rc != CW_OK)
                return rc;
        if (strcmp(dgi, "8000") == 0) {
                rc = cw_emv_dgi_8000(s->c, &keys, plain, &len, f);
                return rc != CW_OK ? rc
                                   : cw_scp_dek_encrypt(s->scp, plain, len, padded, out, cap, ret_len, f);
        }
        if (strcmp(dgi, "8010") == 0)
                return put_pin_block(s, how, padded, out, cap, ret_len, f);
        if (strcmp(dgi, "9000") == 0) {
                *ret_len = 9;
                return cw_emv_dgi_9000(s->c, &keys, how->kcv, out, f);
        }
        if (strcmp(dgi, "9010") == 0) {
                *ret_len = 2;
                cw_emv_dgi_9010(out);
                return CW_OK;
        }
        return cw_sess_bad("a sensitive DGI is one of 8000, 9000, 8010, 9010", f);
}

cw_rc cw_sess_perso_keys(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        struct cw_emv_card_keys keys;
        enum cw_hsm_alg alg = CW_ALG_TDES2;
        cw_rc rc = read_keys(request, &alg, f);
        if (rc == CW_OK)
                rc = card_key_refs(s, &keys, f);
        if (rc == CW_OK)
                rc = cw_emv_card_keys_check(&keys, alg, f);
        return rc != CW_OK ? rc : cw_sess_put_str(reply, "keys", cw_hsm_alg_name(alg), f);
}

cw_rc cw_sess_perso_sensitive(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                              struct cw_fault *f) {
        CW_WIPED(uint8_t, value, CW_EMV_DGI_MAX + 16);
        CW_WIPED(uint8_t, packed, DGIS_MAX * (CW_EMV_DGI_MAX + 18));
        const json_t *dgis = json_object_get(request->json, "dgis");
        const json_t *padded = json_object_get(request->json, "padded");
        size_t count = json_array_size(dgis);
        struct cw_writer w;
        struct how how = {0};
        if (count == 0 || count > DGIS_MAX)
                return cw_sess_bad("\"dgis\" must be a list of 1 to 8 DGIs", f);
        cw_writer_init(&w, packed, sizeof(packed));
        cw_rc rc = read_how(request, &how, f);
        for (size_t i = 0; i < count && rc == CW_OK; i++) {
                const char *dgi = json_string_value(json_array_get(dgis, i));
                size_t n = 0;
                rc = dgi_value(s, dgi ? dgi : "", &how, json_is_true(json_array_get(padded, i)), value,
                               sizeof(value), &n, f);
                if (rc == CW_OK)
                        cw_put_item(&w, value, n);
                if (rc == CW_OK && strcmp(dgi ? dgi : "", "8000") == 0)
                        rc = cw_sess_put_imk(s, reply, f);
        }
        return rc != CW_OK ? rc : cw_sess_put_att(reply, packed, w.len, f);
}

struct transaction {
        struct cw_emv_tx tx;
        char psn[3];
        struct cw_span data;
        struct cw_emv_card card;
};

cw_rc cw_sess_emv_card(struct cw_sess *s, const char *psn, struct cw_emv_card *ret, struct cw_fault *f) {
        const struct cw_stored_key *ac = NULL, *smi = NULL, *smc = NULL;
        cw_rc rc = cw_sess_imk(s, CW_IMK_AC, &ac, f);
        if (rc == CW_OK)
                rc = cw_sess_imk(s, CW_IMK_SMI, &smi, f);
        if (rc == CW_OK)
                rc = cw_sess_imk(s, CW_IMK_SMC, &smc, f);
        if (rc == CW_OK)
                *ret = (struct cw_emv_card){&ac->key, &smi->key, &smc->key, s->secret->pan.digits, psn};
        return rc;
}

static cw_rc read_transaction(struct cw_sess *s, const struct cw_msg *request, struct transaction *t,
                              struct cw_fault *f) {
        cw_rc rc = cw_sess_hex(request, "atc", t->tx.atc, sizeof(t->tx.atc), f);
        if (rc == CW_OK)
                rc = cw_sess_hex(request, "arqc", t->tx.arqc, sizeof(t->tx.arqc), f);
        if (rc == CW_OK && s->product->cvn == CW_CVN_MCHIP16)
                rc = cw_sess_hex(request, "un", t->tx.un, sizeof(t->tx.un), f);
        if (rc == CW_OK)
                rc = cw_sess_digits(request, "psn", 2, t->psn, f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, 1, ARQC_DATA_MAX, &t->data, f);
        return rc;
}

/* Method 1, with the authorisation response code of the request or "approved". */
static cw_rc put_arpc1(struct cw_sess *s, const struct cw_msg *request, const struct transaction *t,
                       struct cw_msg *reply, struct cw_fault *f) {
        uint8_t arc[2] = {0x30, 0x30}, arpc[8];
        cw_rc rc = CW_OK;
        if (json_object_get(request->json, "arc") != NULL)
                rc = cw_sess_hex(request, "arc", arc, sizeof(arc), f);
        if (rc == CW_OK)
                rc = cw_emv_scheme_arpc1(s->c, s->product->cvn, &t->card, &t->tx, arc, arpc, f);
        if (rc == CW_OK)
                rc = cw_sess_put_hex(reply, "arc", arc, sizeof(arc), f);
        return rc != CW_OK ? rc : cw_sess_put_hex(reply, "arpc", arpc, sizeof(arpc), f);
}

/* Method 2 with "issuer approves", EMV Book 2, 8.2.2; method 1 where the version has it or the request brings
 * an ARC. */
static cw_rc put_arpc(struct cw_sess *s, const struct cw_msg *request, const struct cw_retail_key *sk,
                      const struct transaction *t, struct cw_msg *reply, struct cw_fault *f) {
        static const uint8_t csu[4] = {0x00, 0x80, 0x00, 0x00};
        uint8_t arpc[4];
        if (cw_emv_scheme_arpc_method(s->product->cvn) == 1 || json_object_get(request->json, "arc") != NULL)
                return put_arpc1(s, request, t, reply, f);
        cw_rc rc = cw_emv_arpc2(s->c, sk, t->tx.arqc, csu, NULL, 0, arpc, f);
        if (rc == CW_OK)
                rc = cw_sess_put_hex(reply, "csu", csu, sizeof(csu), f);
        return rc != CW_OK ? rc : cw_sess_put_hex(reply, "arpc", arpc, sizeof(arpc), f);
}

static void remember(struct cw_sess *s, const struct transaction *t) {
        s->tx = t->tx;
        s->scripts = 0;
        memcpy(s->proved_psn, t->psn, sizeof(s->proved_psn));
        s->state |= CW_ST_PROVED;
}

/* One version of the AC key; the other keys are for scripts. */
static cw_rc verify(struct cw_sess *s, struct transaction *t, const struct cw_stored_key *ac,
                    struct cw_retail_key *ret_sk, bool *ret_genuine, struct cw_fault *f) {
        uint8_t expected[8];
        int padding = 2;
        t->card = (struct cw_emv_card){&ac->key, NULL, NULL, s->secret->pan.digits, t->psn};
        cw_rc rc = cw_emv_scheme_ac(s->c, s->product->cvn, &t->card, &t->tx, ret_sk, &padding, f);
        if (rc == CW_OK)
                rc = cw_emv_mac(s->c, ret_sk, padding, t->data.ptr, t->data.len, expected, f);
        *ret_genuine = rc == CW_OK && cw_equal_ct(expected, t->tx.arqc, sizeof(expected));
        if (!*ret_genuine)
                cw_retail_key_destroy(s->c, ret_sk);
        return rc;
}

/* Under each version that this card may have. */
static cw_rc verify_any(struct cw_sess *s, struct transaction *t, struct cw_retail_key *ret_sk,
                        bool *ret_genuine, struct cw_fault *f) {
        const struct cw_stored_key *ac = NULL;
        for (size_t n = 0; !*ret_genuine; n++) {
                cw_rc rc = cw_sess_imk_candidate(s, n, &ac, f);
                if (rc == CW_OK && ac != NULL)
                        rc = verify(s, t, ac, ret_sk, ret_genuine, f);
                if (rc != CW_OK || ac == NULL)
                        return rc;
        }
        cw_sess_imk_proved(s, ac);
        return CW_OK;
}

cw_rc cw_sess_emv_arqc(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct transaction t = {0};
        struct cw_retail_key sk = {0};
        bool genuine = false;
        cw_rc rc = read_transaction(s, request, &t, f);
        if (rc == CW_OK)
                rc = verify_any(s, &t, &sk, &genuine, f);
        if (genuine)
                rc = put_arpc(s, request, &sk, &t, reply, f);
        cw_retail_key_destroy(s->c, &sk);
        if (rc == CW_OK)
                rc = cw_sess_put_bool(reply, "genuine", genuine, f);
        if (rc == CW_OK && genuine)
                remember(s, &t);
        return rc;
}
