/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pin_policy.h"

#include "base/secret.h"

#include <string.h>

#define DRAWS_MAX 64u

/* Every digit is step more than the one before, modulo 10. */
static bool runs(const struct cw_pin *pin, unsigned step) {
        for (size_t i = 1; i < pin->len; i++) {
                if ((pin->digit[i - 1] + step) % 10 != pin->digit[i])
                        return false;
        }
        return true;
}

static bool is_digits(const struct cw_pin *pin, const char *digits) {
        for (size_t i = 0; i < pin->len; i++) {
                if (pin->digit[i] != (unsigned)(digits[i] - '0'))
                        return false;
        }
        return true;
}

/* The PIN is the date written in one of the orders people use. date: YYYYMMDD. */
static bool is_birth_date(const struct cw_pin *pin, const char *date) {
        static const char *const orders[] = {"DM",  "MD",  "Y",   "My",  "yM",  "Dy", "DMy",
                                             "yMD", "MDy", "DMY", "YMD", "MDY", "MY", "YM"};
        if (strlen(date) != 8)
                return false;
        for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
                CW_WIPED(char, text, 13);
                size_t n = 0;
                for (const char *o = orders[i]; *o != '\0'; o++) {
                        size_t at = *o == 'Y'   ? 0
                                    : *o == 'y' ? 2
                                    : *o == 'M' ? 4
                                                : 6,
                               len = *o == 'Y' ? 4 : 2;
                        memcpy(text + n, date + at, len);
                        n += len;
                }
                if (n == pin->len && is_digits(pin, text))
                        return true;
        }
        return false;
}

static bool ends_pan(const struct cw_pin *pin, const char *pan, size_t dropped) {
        size_t len = strlen(pan);
        return len >= pin->len + dropped && is_digits(pin, pan + len - dropped - pin->len);
}

static bool weak(const struct cw_pin *pin, const struct cw_pin_policy *p) {
        return (p->repeated && runs(pin, 0)) || (p->sequential && (runs(pin, 1) || runs(pin, 9))) ||
               (p->birth_date && is_birth_date(pin, p->birth_date_of)) ||
               (p->pan_digits && (ends_pan(pin, p->pan, 0) || ends_pan(pin, p->pan, 1)));
}

bool cw_pin_policy_parse(const char *words, struct cw_pin_policy *p) {
        const struct {
                const char *word;
                bool *flag;
        } known[] = {{"repeated", &p->repeated},
                     {"sequential", &p->sequential},
                     {"birth-date", &p->birth_date},
                     {"pan-digits", &p->pan_digits}};
        p->repeated = p->sequential = p->birth_date = p->pan_digits = false;
        while (*words != '\0') {
                size_t len = strcspn(words, ","), i = 0;
                while (i < 4 && (strlen(known[i].word) != len || strncmp(known[i].word, words, len) != 0))
                        i++;
                if (i == 4)
                        return false;
                *known[i].flag = true;
                words += len + (words[len] == ',' ? 1 : 0);
        }
        return true;
}

cw_rc cw_pin_policy_check(const struct cw_pin *pin, const struct cw_pin_policy *p, struct cw_fault *f) {
        if (pin->len < p->min || pin->len > p->max)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.pin_policy", "PIN_LENGTH",
                               "the PIN must have %u to %u digits; choose another", p->min, p->max);
        if (weak(pin, p))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.pin_policy", "PIN_WEAK",
                               "the PIN is too easy to guess (one digit repeated, a row of digits, a date of "
                               "birth, digits of the card); choose another");
        return CW_OK;
}

/* Uniform digits from random bytes: values from 250 on would favour 0..5. */
static cw_rc draw(const struct cw_hsm_crypto *c, unsigned len, struct cw_pin *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, pool, 32);
        *ret = (struct cw_pin){0};
        while (ret->len < len) {
                cw_rc rc = cw_hsm_random(c, pool, sizeof(pool), f);
                if (rc != CW_OK)
                        return rc;
                for (size_t i = 0; i < sizeof(pool) && ret->len < len; i++) {
                        if (pool[i] < 250)
                                ret->digit[ret->len++] = pool[i] % 10;
                }
        }
        return CW_OK;
}

cw_rc cw_pin_policy_length(const struct cw_pin_policy *p, unsigned len, struct cw_fault *f) {
        if (len >= p->min && len <= p->max && len >= CW_PIN_MIN && len <= CW_PIN_MAX)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.pin_generate", "PIN_LENGTH",
                       "a PIN has %u to %u digits here", p->min, p->max);
}

cw_rc cw_pin_generate(const struct cw_hsm_crypto *c, const struct cw_pin_policy *p, unsigned len,
                      struct cw_pin *ret, struct cw_fault *f) {
        cw_rc rc = cw_pin_policy_length(p, len, f);
        if (rc != CW_OK)
                return rc;
        for (unsigned i = 0; i < DRAWS_MAX; i++) {
                rc = draw(c, len, ret, f);
                if (rc != CW_OK || !weak(ret, p))
                        return rc;
        }
        cw_wipe(ret, sizeof(*ret));
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_STATE), 0, "hsm.pin_generate", "HSM_TOKEN",
                       "the token's random numbers give no acceptable PIN; do not use it");
}
