/* SPDX-License-Identifier: Apache-2.0 */
/* kiosk.*: which card this is, and which kit. */
#include "base/secret.h"
#include "hsm/session_internal.h"

#include <string.h>

cw_rc cw_sess_kiosk_pan(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct cw_span digits;
        cw_rc rc = cw_sess_expiry(request, "expiry", s->expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_digits(request, "psn", 2, s->psn, f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, CW_PAN_MIN, CW_PAN_MAX, &digits, f);
        if (rc == CW_OK)
                rc = cw_pan_set(&s->secret->pan, digits.ptr, digits.len, f);
        if (rc == CW_OK)
                rc = cw_sess_put_pan_names(s, reply, f);
        if (rc == CW_OK)
                s->state |= CW_ST_PAN;
        return rc;
}

cw_rc cw_sess_kiosk_seal_pan(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                             struct cw_fault *f) {
        char text[CW_CARD_NUMBER_TEXT_MAX];
        const struct cw_stored_key *key = NULL;
        (void)request;
        cw_rc rc = cw_sess_key(s, s->env.cfg->pan_transport_key, "pan-transport", &key, f);
        if (rc == CW_OK)
                rc = cw_card_number_seal(s->c, &key->key, &s->secret->pan, text, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, text, strlen(text), f);
}

static cw_rc other_card(const char *what, struct cw_fault *f) {
        return cw_fail(
            f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.kiosk", "HSM_PAN_MISMATCH",
            "the %s of the kit is not that of the card in the reader; use the card that was handed over",
            what);
}

cw_rc cw_sess_kiosk_bind(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(struct cw_pan, pan, 1);
        char expiry[5] = "";
        const struct cw_stored_key *imk = NULL;
        (void)reply;
        cw_rc rc = cw_sess_text(request, "kit", s->kit, sizeof(s->kit), f);
        if (rc == CW_OK)
                rc = cw_sess_expiry(request, "expiry", expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_product(s, request, f);
        if (rc == CW_OK)
                rc = cw_sess_birth_date(s, request, f);
        if (rc == CW_OK)
                rc = cw_sess_imk_recorded(s, request, f);
        if (rc == CW_OK)
                rc = cw_sess_imk_candidate(s, 0, &imk, f);
        if (rc == CW_OK)
                rc = cw_sess_open_card_number(s, request, pan, f);
        if (rc == CW_OK && !cw_pan_equal(pan, &s->secret->pan))
                rc = other_card("card number", f);
        if (rc == CW_OK && strcmp(expiry, s->expiry) != 0)
                rc = other_card("expiry date", f);
        if (rc == CW_OK)
                s->state |= CW_ST_BOUND;
        return rc;
}
