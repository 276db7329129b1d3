/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: EMV keys, cryptograms, issuer scripts, and card values under card keys. */
#include "base/secret.h"
#include "hsm/card_auth.h"
#include "hsm/emv_aes.h"
#include "hsm/emv_cryptogram.h"
#include "hsm/emv_keys.h"
#include "hsm/emv_script.h"
#include "hsm/kcv.h"
#include "hsm/known_answer_internal.h"

#include <string.h>

/* Option C: AES. */
static bool is_aes(const struct cw_ka *ka) {
        return strcmp(cw_ka_text(ka, "option"), "C") == 0;
}

/* What makes a card's key of an issuer's. EMV Book 2, A1.4: a card without a sequence number has 00. */
struct derivation {
        const char *pan, *psn;
        enum cw_emv_option option;
};

static cw_rc derivation_of(struct cw_ka *ka, struct derivation *ret) {
        const char *option = cw_ka_text(ka, "option"), *psn = cw_ka_text(ka, "psn");
        if (strcmp(option, "A") != 0 && strcmp(option, "B") != 0 && !is_aes(ka))
                return cw_ka_bad(ka, "option");
        *ret = (struct derivation){cw_ka_text(ka, "pan"), *psn != '\0' ? psn : "00",
                                   *option == 'B' ? CW_EMV_OPTION_B : CW_EMV_OPTION_A};
        return CW_OK;
}

/* Master key object of the card: the entry's "mk", or made of the issuer key under this name. */
static cw_rc icc_mk_of(struct cw_ka *ka, const char *imk_name, struct cw_hsm_key *ret) {
        struct cw_hsm_key imk = {0};
        struct derivation d = {0};
        if (*cw_ka_text(ka, "mk") != '\0')
                return cw_ka_key(ka, "mk", is_aes(ka), CW_USE_DERIVE, ret);
        cw_rc rc = derivation_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, imk_name, is_aes(ka), CW_USE_DERIVE, &imk);
        if (rc == CW_OK)
                rc = cw_emv_icc_mk(ka->c, &imk, d.pan, d.psn, d.option, ret, ka->f);
        cw_hsm_key_destroy(ka->c, &imk);
        return rc;
}

static cw_rc icc_mk_value_of(struct cw_ka *ka, const char *imk_name, uint8_t ret[16]) {
        struct cw_hsm_key imk = {0};
        struct derivation d = {0};
        if (is_aes(ka))
                return cw_ka_bad(ka, "option");
        cw_rc rc = derivation_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, imk_name, false, CW_USE_DERIVE, &imk);
        if (rc == CW_OK)
                rc = cw_emv_icc_mk_value(ka->c, &imk, d.pan, d.psn, d.option, ret, ka->f);
        cw_hsm_key_destroy(ka->c, &imk);
        return rc;
}

static cw_rc icc_mk_pair_of(struct cw_ka *ka, struct cw_retail_key *ret) {
        struct cw_hsm_key imk = {0};
        struct derivation d = {0};
        if (is_aes(ka)) /* dCVV, CVC3 and the older cryptogram versions are of TDES */
                return cw_ka_bad(ka, "option");
        if (*cw_ka_text(ka, "mk") != '\0')
                return cw_ka_retail(ka, "mk", ret);
        cw_rc rc = derivation_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "imk", false, CW_USE_DERIVE, &imk);
        if (rc == CW_OK)
                rc = cw_emv_icc_mk_pair(ka->c, &imk, d.pan, d.psn, d.option, ret, ka->f);
        cw_hsm_key_destroy(ka->c, &imk);
        return rc;
}

static cw_rc visa_sk(struct cw_ka *ka, struct cw_retail_key *ret) {
        CW_WIPED(uint8_t, mk, 16);
        struct cw_hsm_key imk = {0};
        struct derivation d = {0};
        uint8_t atc[2];
        const bool given = *cw_ka_text(ka, "mk") != '\0';
        cw_rc rc = cw_ka_bytes(ka, "atc", atc, 2);
        if (rc == CW_OK && given) {
                rc = cw_ka_bytes(ka, "mk", mk, 16);
                return rc != CW_OK ? rc : cw_emv_visa_sk_value(ka->c, mk, atc, ret, ka->f);
        }
        if (rc == CW_OK)
                rc = derivation_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "imk", false, CW_USE_DERIVE, &imk);
        if (rc == CW_OK)
                rc = cw_emv_visa_sk(ka->c, &imk, d.pan, d.psn, d.option, atc, ret, ka->f);
        cw_hsm_key_destroy(ka->c, &imk);
        return rc;
}

/* R of the common session key: given, or of ATC and unpredictable number for M/Chip. */
static cw_rc r_of(struct cw_ka *ka, bool mchip, uint8_t ret[8]) {
        uint8_t atc[2], un[4];
        if (!mchip)
                return cw_ka_bytes(ka, "r", ret, 8);
        cw_rc rc = cw_ka_bytes(ka, "atc", atc, 2);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "un", un, 4);
        if (rc == CW_OK)
                cw_emv_r_mchip(atc, un, ret);
        return rc;
}

/* "session": common (the default), mchip, visa, or none: the master key itself. */
static cw_rc session_key(struct cw_ka *ka, struct cw_retail_key *ret) {
        const char *kind = cw_ka_text(ka, "session");
        struct cw_hsm_key mk = {0};
        uint8_t r[8];
        if (strcmp(kind, "none") == 0)
                return icc_mk_pair_of(ka, ret);
        if (strcmp(kind, "visa") == 0)
                return is_aes(ka) ? cw_ka_bad(ka, "session") : visa_sk(ka, ret);
        if (*kind != '\0' && strcmp(kind, "common") != 0 && strcmp(kind, "mchip") != 0)
                return cw_ka_bad(ka, "session");
        cw_rc rc = r_of(ka, strcmp(kind, "mchip") == 0, r);
        if (rc == CW_OK)
                rc = icc_mk_of(ka, "imk", &mk);
        if (rc == CW_OK)
                rc = cw_emv_csk(ka->c, &mk, r, ret, ka->f);
        cw_hsm_key_destroy(ka->c, &mk);
        return rc;
}

static cw_rc aes_icc_mk(struct cw_ka *ka) {
        CW_WIPED(uint8_t, mk, CW_EMV_AES_KEY_MAX);
        struct cw_hsm_key imk = {0};
        struct derivation d = {0};
        cw_rc rc = derivation_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "imk", true, CW_USE_DERIVE, &imk);
        const size_t len = cw_hsm_alg_key_len(imk.alg);
        if (rc == CW_OK)
                rc = cw_emv_aes_icc_mk_value(ka->c, &imk, d.pan, d.psn, mk, ka->f);
        cw_hsm_key_destroy(ka->c, &imk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mk, len);
}

cw_rc cw_ka_emv_icc_mk(struct cw_ka *ka) {
        CW_WIPED(uint8_t, mk, 16);
        if (is_aes(ka))
                return aes_icc_mk(ka);
        cw_rc rc = icc_mk_value_of(ka, "imk", mk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mk, 16);
}

cw_rc cw_ka_emv_icc_mk_kcv(struct cw_ka *ka) {
        uint8_t kcv[16];
        struct cw_hsm_key mk = {0};
        cw_rc rc = icc_mk_of(ka, "imk", &mk);
        if (rc == CW_OK)
                rc = cw_kcv(ka->c, &mk, CW_KCV_LEGACY, kcv, cw_hsm_alg_block(mk.alg), ka->f);
        const size_t shown = cw_hsm_alg_block(mk.alg);
        cw_hsm_key_destroy(ka->c, &mk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, kcv, shown);
}

cw_rc cw_ka_emv_sk_kcv(struct cw_ka *ka) {
        uint8_t kcv[16];
        struct cw_retail_key sk = {0};
        cw_rc rc = session_key(ka, &sk);
        if (rc == CW_OK)
                rc = cw_kcv(ka->c, &sk.full, CW_KCV_LEGACY, kcv, cw_hsm_alg_block(sk.full.alg), ka->f);
        const size_t shown = cw_hsm_alg_block(sk.full.alg);
        cw_retail_key_destroy(ka->c, &sk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, kcv, shown);
}

cw_rc cw_ka_emv_arqc(struct cw_ka *ka) {
        uint8_t data[CW_KA_DATA_MAX], arqc[8];
        struct cw_retail_key sk = {0};
        size_t len = 0;
        bool zeros = cw_ka_number(ka, "padding", 2) == 1; /* CVN10 */
        cw_rc rc = cw_ka_hex(ka, "data", data, 0, sizeof(data), &len);
        if (rc == CW_OK)
                rc = session_key(ka, &sk);
        if (rc == CW_OK)
                rc = zeros ? cw_retail_mac(ka->c, &sk, 1, NULL, data, len, arqc, ka->f)
                           : cw_emv_arqc(ka->c, &sk, data, len, arqc, ka->f);
        cw_retail_key_destroy(ka->c, &sk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, arqc, 8);
}

cw_rc cw_ka_emv_arpc1(struct cw_ka *ka) {
        uint8_t arqc[8], arc[2], arpc[8];
        struct cw_retail_key sk = {0};
        cw_rc rc = cw_ka_bytes(ka, "arqc", arqc, 8);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "arc", arc, 2);
        if (rc == CW_OK)
                rc = session_key(ka, &sk);
        if (rc == CW_OK)
                rc = cw_emv_arpc1(ka->c, &sk, arqc, arc, arpc, ka->f);
        cw_retail_key_destroy(ka->c, &sk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, arpc, 8);
}

cw_rc cw_ka_emv_arpc2(struct cw_ka *ka) {
        uint8_t arqc[8], csu[4], prop[8], arpc[4];
        struct cw_retail_key sk = {0};
        size_t prop_len = 0;
        cw_rc rc = cw_ka_bytes(ka, "arqc", arqc, 8);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "csu", csu, 4);
        if (rc == CW_OK && *cw_ka_text(ka, "prop") != '\0')
                rc = cw_ka_hex(ka, "prop", prop, 1, sizeof(prop), &prop_len);
        if (rc == CW_OK)
                rc = session_key(ka, &sk);
        if (rc == CW_OK)
                rc = cw_emv_arpc2(ka->c, &sk, arqc, csu, prop, prop_len, arpc, ka->f);
        cw_retail_key_destroy(ka->c, &sk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, arpc, 4);
}

cw_rc cw_ka_emv_script_mac(struct cw_ka *ka) {
        uint8_t header[5], context[16], data[255], mac[8];
        struct cw_retail_key sk = {0};
        size_t context_len = 0, len = 0;
        cw_rc rc = cw_ka_bytes(ka, "header", header, 5);
        if (rc == CW_OK)
                rc = cw_ka_hex(ka, "context", context, 0, sizeof(context), &context_len);
        if (rc == CW_OK)
                rc = cw_ka_hex(ka, "data", data, 0, sizeof(data), &len);
        if (rc == CW_OK)
                rc = session_key(ka, &sk);
        if (rc == CW_OK)
                rc = cw_emv_script_mac(ka->c, &sk, header, context, context_len, data, len, mac, ka->f);
        cw_retail_key_destroy(ka->c, &sk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mac, 8);
}

cw_rc cw_ka_emv_pin_change(struct cw_ka *ka) {
        static const char *const schemes[] = {[CW_EMV_PIN_VISA] = "visa",
                                              [CW_EMV_PIN_VISA22] = "visa22",
                                              [CW_EMV_PIN_MCHIP] = "mchip",
                                              [CW_EMV_PIN_CCD] = "ccd"};
        CW_WIPED(uint8_t, mk_ac, 16);
        CW_WIPED(struct cw_pin, pins, 2);
        uint8_t data[CW_EMV_PIN_CHANGE_MAX];
        struct cw_retail_key sk = {0};
        enum cw_emv_pin_scheme scheme = CW_EMV_PIN_VISA;
        size_t len = 0;
        bool replaces = *cw_ka_text(ka, "current") != '\0', bound = *cw_ka_text(ka, "imk_ac") != '\0';
        while (strcmp(schemes[scheme], cw_ka_text(ka, "scheme")) != 0) {
                if (scheme == CW_EMV_PIN_CCD)
                        return cw_ka_bad(ka, "scheme");
                scheme++;
        }
        cw_rc rc = cw_ka_pin(ka, "pin", &pins[0]);
        if (rc == CW_OK && replaces)
                rc = cw_ka_pin(ka, "current", &pins[1]);
        if (rc == CW_OK && bound)
                rc = icc_mk_value_of(ka, "imk_ac", mk_ac);
        if (rc == CW_OK)
                rc = session_key(ka, &sk);
        if (rc == CW_OK)
                rc = cw_emv_pin_change(ka->c, &sk.full, scheme, bound ? mk_ac : NULL, &pins[0],
                                       replaces ? &pins[1] : NULL, data, &len, ka->f);
        cw_retail_key_destroy(ka->c, &sk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, data, len);
}

cw_rc cw_ka_dcvv(struct cw_ka *ka) {
        CW_WIPED(char, dcvv, CW_CVV_LEN + 1);
        struct cw_retail_key mk = {0};
        cw_rc rc = icc_mk_pair_of(ka, &mk);
        if (rc == CW_OK)
                rc = cw_dcvv(ka->c, &mk, cw_ka_text(ka, "pan"), cw_ka_text(ka, "expiry"),
                             cw_ka_text(ka, "service"), cw_ka_text(ka, "atc"), dcvv, ka->f);
        cw_retail_key_destroy(ka->c, &mk);
        return rc != CW_OK ? rc : cw_ka_answer_text(ka, dcvv);
}

/* "iv" or the "track" it is made of; "digits" (5 unless told) are the right-most ones of the value. */
cw_rc cw_ka_cvc3(struct cw_ka *ka) {
        CW_WIPED(char, cvc3, 6);
        uint8_t track[128], iv[2], un[4], atc[2];
        struct cw_retail_key mk = {0};
        size_t len = 0;
        int64_t digits = cw_ka_number(ka, "digits", 5);
        bool given = *cw_ka_text(ka, "iv") != '\0';
        cw_rc rc = digits < 1 || digits > 5 ? cw_ka_bad(ka, "digits") : cw_ka_bytes(ka, "un", un, 4);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "atc", atc, 2);
        if (rc == CW_OK)
                rc = given ? cw_ka_bytes(ka, "iv", iv, 2)
                           : cw_ka_hex(ka, "track", track, 1, sizeof(track), &len);
        if (rc == CW_OK)
                rc = icc_mk_pair_of(ka, &mk);
        if (rc == CW_OK && !given)
                rc = cw_cvc3_iv(ka->c, &mk, track, len, iv, ka->f);
        if (rc == CW_OK)
                rc = cw_cvc3(ka->c, &mk, iv, un, atc, cvc3, ka->f);
        cw_retail_key_destroy(ka->c, &mk);
        return rc != CW_OK ? rc : cw_ka_answer_text(ka, cvc3 + 5 - digits);
}
