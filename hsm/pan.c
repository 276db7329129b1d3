/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pan.h"

#include "base/secret.h"

#include <string.h>

static bool all_digits(const uint8_t *p, size_t len) {
        for (size_t i = 0; i < len; i++) {
                if (p[i] < '0' || p[i] > '9')
                        return false;
        }
        return true;
}

/* ISO/IEC 7812-1 annex B. */
static bool luhn(const uint8_t *p, size_t len) {
        unsigned sum = 0;
        for (size_t i = 0; i < len; i++) {
                unsigned d = (unsigned)(p[len - 1 - i] - '0') * (i % 2 == 0 ? 1u : 2u);
                sum += d > 9 ? d - 9 : d;
        }
        return sum % 10 == 0;
}

cw_rc cw_pan_set(struct cw_pan *pan, const void *digits, size_t len, struct cw_fault *f) {
        if (len < CW_PAN_MIN || len > CW_PAN_MAX || !all_digits(digits, len) || !luhn(digits, len))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pan", "HSM_CARD_NUMBER",
                               "not a card number: 12 to 19 digits with a right check digit are needed");
        memset(pan, 0, sizeof(*pan));
        memcpy(pan->digits, digits, len);
        pan->len = (uint8_t)len;
        return CW_OK;
}

void cw_pan_mask(const struct cw_pan *pan, char ret[CW_PAN_MAX + 1]) {
        memset(ret, 0, CW_PAN_MAX + 1);
        for (size_t i = 0; i < pan->len; i++)
                ret[i] = (i < 6 || i + 4 >= pan->len) ? pan->digits[i] : 'X';
}

bool cw_pan_equal(const struct cw_pan *a, const struct cw_pan *b) {
        return cw_equal_ct(a->digits, b->digits, sizeof(a->digits)) && a->len == b->len;
}

cw_rc cw_pan_hash(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const struct cw_pan *pan,
                  uint8_t ret[CW_PAN_HASH_LEN], struct cw_fault *f) {
        /* The prefix, its NUL included, keeps this hash apart from any other use of such a key. */
        static const char domain[] = "cardwright pan-hash v1";
        CW_WIPED(uint8_t, msg, sizeof(domain) + CW_PAN_MAX);
        memcpy(msg, domain, sizeof(domain));
        memcpy(msg + sizeof(domain), pan->digits, pan->len);
        return cw_hsm_hmac_sha256(c, key, msg, sizeof(domain) + pan->len, ret, f);
}
