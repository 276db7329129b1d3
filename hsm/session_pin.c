/* SPDX-License-Identifier: Apache-2.0 */
/* pin.*: two enciphered entries compared, and the form for the server. Clear PINs live in locked memory of
 * this worker. */
#include "base/secret.h"
#include "hsm/pin_form.h"
#include "hsm/pin_policy.h"
#include "hsm/session_internal.h"

#include <string.h>

static cw_rc no_attempts(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.pin", "PIN_ATTEMPTS",
                       "all attempts are used up; the customer may begin anew later");
}

static void forget_entries(struct cw_sess *s) {
        cw_wipe(&s->secret->first, sizeof(s->secret->first));
        cw_wipe(&s->secret->chosen, sizeof(s->secret->chosen));
        s->state &= ~(unsigned)CW_ST_FIRST;
}

/* One pair of entries is spent. */
static void spend_attempt(struct cw_sess *s) {
        forget_entries(s);
        if (s->attempts_left > 0)
                s->attempts_left--;
}

/* The KSN was taken and the block was looked into: only then an attempt is spent. */
static bool block_judged(const struct cw_fault *f) {
        return strcmp(f->code, "PIN_BLOCK") == 0;
}

/* Reads one entry into *ret. A block or PIN that is not acceptable spends the attempt. */
static cw_rc read_entry(struct cw_sess *s, const struct cw_msg *request, struct cw_pin *ret,
                        struct cw_fault *f) {
        struct cw_pin_policy policy;
        const struct cw_stored_key *bdk = NULL;
        struct cw_span block;
        if (s->attempts_left <= 0)
                return no_attempts(f);
        cw_sess_pin_policy(s, &policy);
        cw_rc rc = cw_sess_key(s, s->env.cfg->pin.bdk, "bdk", &bdk, f);
        if (rc != CW_OK)
                return rc;
        unsigned format = cw_hsm_alg_is_aes(bdk->key.alg) ? 4 : 0;
        rc = cw_sess_att(request, 0, format == 4 ? 16 : 8, format == 4 ? 16 : 8, &block, f);
        if (rc == CW_OK)
                rc = cw_sess_open_dukpt(s, bdk, cw_msg_str(request, "ksn", ""), block, format, ret, f);
        if (rc != CW_OK && !block_judged(f))
                return rc;
        if (rc == CW_OK)
                rc = cw_pin_policy_check(ret, &policy, f);
        if (rc != CW_OK) {
                cw_wipe(ret, sizeof(*ret));
                spend_attempt(s);
        }
        return rc;
}

cw_rc cw_sess_pin_first(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        (void)reply;
        forget_entries(s);
        cw_rc rc = read_entry(s, request, &s->secret->first, f);
        if (rc == CW_OK)
                s->state |= CW_ST_FIRST;
        return rc;
}

cw_rc cw_sess_pin_second(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        cw_rc rc = read_entry(s, request, &s->secret->chosen, f);
        if (rc != CW_OK)
                return rc;
        bool equal = cw_pin_equal(&s->secret->first, &s->secret->chosen);
        cw_wipe(&s->secret->first, sizeof(s->secret->first));
        s->state &= ~(unsigned)CW_ST_FIRST;
        if (equal)
                s->state |= CW_ST_EQUAL;
        else
                spend_attempt(s);
        rc = cw_sess_put_bool(reply, "equal", equal, f);
        return rc != CW_OK ? rc : cw_sess_put_int(reply, "attempts_left", s->attempts_left, f);
}

/* What the configuration says, unless the caller uses a call of the server's first version. */
static cw_rc form_of(const struct cw_sess *s, const struct cw_msg *request, enum cw_pin_form_kind *ret,
                     struct cw_fault *f) {
        const char *name = cw_msg_str(request, "form", "");
        *ret = s->env.cfg->pin.form == CW_PIN_FORM_RAW8 ? CW_FORM_V2_RAW8 : CW_FORM_V2_ASCII_HEX;
        if (name[0] != '\0' && (strncmp(name, "v1-", 3) != 0 || !cw_pin_form_from_name(name, ret)))
                return cw_sess_bad(
                    "\"form\" is absent or one of v1-ecb-hex16, v1-cbc-iv16-raw8, v1-cbc0-hex16", f);
        return CW_OK;
}

cw_rc cw_sess_pin_form(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        CW_WIPED(uint8_t, block, 8);
        uint8_t account[8], iv[16];
        char text[CW_PIN_FORM_TEXT_MAX];
        enum cw_pin_form_kind kind;
        const struct cw_stored_key *key = NULL;
        cw_rc rc = form_of(s, request, &kind, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->env.cfg->pin.key, "pin-transport", &key, f);
        if (rc == CW_OK)
                rc = s->env.cfg->pin.account == CW_PIN_ACCOUNT_KIT16
                         ? cw_pinblock_account_kit16(s->kit, account, f)
                         : cw_pinblock_account_pan12(s->secret->pan.digits, account, f);
        if (rc == CW_OK)
                rc = cw_hsm_random(s->c, iv, sizeof(iv), f);
        if (rc == CW_OK) {
                cw_pinblock_encode0(&s->secret->chosen, account, block);
                if (!s->product->chip_pin_script) /* else emv.script needs it */
                        cw_wipe(&s->secret->chosen, sizeof(s->secret->chosen));
                rc = cw_pin_form_seal(s->c, &key->key, kind, iv, block, text, f);
        }
        return rc != CW_OK ? rc : cw_sess_put_att(reply, text, strlen(text), f);
}
