/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/card_number.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/base64.h"

#define V1_LEN 32u
#define IV_LEN 16u
#define TAG_LEN 16u

static cw_rc malformed(struct cw_fault *f) {
        return cw_fail(
            f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.card_number", "HSM_CARD_NUMBER",
            "encryptedCardNumber is neither Base64 nor hex of a sealed card number; ask the server's "
            "operator which form it sends");
}

cw_rc cw_card_number_parse(const void *text, size_t len, struct cw_card_number *ret, struct cw_fault *f) {
        struct cw_card_number n = {0};
        /* Hex of a sealed number is also well-formed Base64 of another length, so hex comes first. */
        bool ok =
            len <= CW_CARD_NUMBER_TEXT_MAX && (cw_hex_decode(text, len, n.bytes, sizeof(n.bytes), &n.len) ||
                                               cw_base64_decode(text, len, n.bytes, sizeof(n.bytes), &n.len));
        if (!ok || (n.len != V1_LEN && n.len < IV_LEN + CW_PAN_MIN + TAG_LEN))
                return malformed(f);
        *ret = n;
        return CW_OK;
}

/* AES-ECB, PKCS#7: only 16 digits and a whole block of 16s fit the documented samples. */
static cw_rc open_v1(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                     const struct cw_card_number *n, struct cw_pan *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, V1_LEN);
        cw_rc rc = cw_hsm_decrypt(c, key, CW_MODE_ECB, NULL, n->bytes, V1_LEN, plain, f);
        if (rc != CW_OK)
                return rc;
        unsigned bad = 0;
        for (size_t i = 16; i < V1_LEN; i++)
                bad |= plain[i] ^ 16u;
        if (bad != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.card_number",
                               "HSM_CARD_NUMBER",
                               "encryptedCardNumber does not open with the pan-transport key");
        return cw_pan_set(ret, plain, 16, f);
}

cw_rc cw_card_number_open(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                          const struct cw_card_number *n, struct cw_pan *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, CW_PAN_MAX);
        if (n->len == V1_LEN)
                return open_v1(c, key, n, ret, f);
        size_t pan_len = n->len - IV_LEN - TAG_LEN;
        cw_rc rc = cw_hsm_gcm_open(c, key, n->bytes, n->bytes + IV_LEN, n->len - IV_LEN, plain, f);
        if (rc == CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH))
                return cw_fail(
                    f, rc, 0, "hsm.card_number", "HSM_CARD_NUMBER",
                    "encryptedCardNumber does not open with the pan-transport key; compare the key's "
                    "check value with the server's");
        return rc != CW_OK ? rc : cw_pan_set(ret, plain, pan_len, f);
}

cw_rc cw_card_number_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                          const struct cw_pan *pan, char ret[CW_CARD_NUMBER_TEXT_MAX], struct cw_fault *f) {
        uint8_t sealed[IV_LEN + CW_PAN_MAX + TAG_LEN];
        cw_rc rc = cw_hsm_random(c, sealed, IV_LEN, f);
        if (rc == CW_OK)
                rc = cw_hsm_gcm_seal(c, key, sealed, pan->digits, pan->len, sealed + IV_LEN, f);
        if (rc == CW_OK &&
            !cw_base64_encode(sealed, IV_LEN + pan->len + TAG_LEN, ret, CW_CARD_NUMBER_TEXT_MAX))
                rc = malformed(f);
        return rc;
}
