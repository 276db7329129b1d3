/* SPDX-License-Identifier: Apache-2.0 */
/* session.open: fixes what the session is for, and refuses early what would fail with a card in the machine.
 */
#include "hsm/session_internal.h"

#include "hsm/track.h"

#include <string.h>

static cw_rc want(const struct cw_sess *s, const char *label, const char *purpose, struct cw_fault *f) {
        const struct cw_stored_key *k = NULL;
        return cw_sess_key(s, label, purpose, &k, f);
}

static cw_rc want_product_keys(const struct cw_sess *s, struct cw_fault *f) {
        const struct cw_config_product *p = s->product;
        const struct {
                const char *label, *purpose;
        } wanted[] = {
            {p->cvk, "cvk"},
            {p->imk_ac, "imk-ac"},
            {p->imk_smi, "imk-smi"},
            {p->imk_smc, "imk-smc"},
            {p->kmc_enc, "kmc-enc"},
            {p->kmc_mac, "kmc-mac"},
            {p->kmc_dek, "kmc-dek"},
            {p->new_kmc_enc, "kmc-enc"},
            {p->new_kmc_mac, "kmc-mac"},
            {p->new_kmc_dek, "kmc-dek"},
        };
        const size_t needed = 7; /* what PUT KEY writes is not every product's */
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && rc == CW_OK; i++)
                if (i < needed || *wanted[i].label)
                        rc = want(s, wanted[i].label, wanted[i].purpose, f);
        /* Not used for the chip, but their versions are recorded with it. */
        if (rc == CW_OK && p->imk_dcvv[0] != '\0')
                rc = want(s, p->imk_dcvv, "imk-dcvv", f);
        if (rc == CW_OK && p->imk_cvc3[0] != '\0')
                rc = want(s, p->imk_cvc3, "imk-cvc3", f);
        return rc;
}

cw_rc cw_sess_birth_date(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f) {
        if (json_object_get(request->json, "birth_date") == NULL)
                return CW_OK;
        return cw_sess_digits(request, "birth_date", 8, s->secret->birth_date, f);
}

static cw_rc open_issue(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        char track_name[CW_TRACK_NAME_MAX + 1];
        cw_rc rc = cw_sess_text(request, "kit", s->kit, sizeof(s->kit), f);
        if (rc == CW_OK)
                rc = cw_sess_product(s, request, f);
        if (rc == CW_OK)
                rc = cw_sess_expiry(request, "expiry", s->expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_text(request, "name", s->name, sizeof(s->name), f);
        if (rc == CW_OK)
                rc = cw_track_name(s->name, track_name, f);
        if (rc == CW_OK)
                rc = want_product_keys(s, f);
        if (rc == CW_OK)
                rc = cw_sess_open_card_number(s, request, &s->secret->pan, f);
        if (rc == CW_OK)
                rc = cw_sess_check_issuer(s, f);
        if (rc == CW_OK)
                rc = cw_sess_put_pan_names(s, reply, f);
        if (rc != CW_OK)
                return rc;
        memcpy(s->psn, s->product->psn, 2);
        s->state |= CW_ST_OPEN | CW_ST_ISSUE | CW_ST_GP;
        return CW_OK;
}

/* For an issuer's host: PINs and values of one card, no card in a machine. */
static cw_rc open_service(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                          struct cw_fault *f) {
        cw_rc rc = cw_sess_product(s, request, f);
        if (rc == CW_OK)
                rc = cw_sess_expiry(request, "expiry", s->expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_birth_date(s, request, f);
        if (rc == CW_OK)
                rc = cw_sess_imk_recorded(s, request, f);
        if (rc == CW_OK)
                rc = cw_sess_open_card_number(s, request, &s->secret->pan, f);
        if (rc == CW_OK)
                rc = cw_sess_put_pan_names(s, reply, f);
        if (rc != CW_OK)
                return rc;
        memcpy(s->psn, s->product->psn, 2);
        s->state |= CW_ST_OPEN | CW_ST_SERVICE;
        return CW_OK;
}

static cw_rc open_kiosk(struct cw_sess *s, struct cw_fault *f) {
        const struct cw_config *cfg = s->env.cfg;
        if (!cfg->hsm.allow_host_memory)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED), 0, "hsm.session", "HSM_HOST_MEMORY",
                    "a PIN that is chosen here passes through host memory, which no generic token can avoid, "
                    "and "
                    "hsm.allow_host_memory is not set: customers choose their PIN elsewhere until security "
                    "allows it");
        cw_rc rc = want(s, cfg->pan_transport_key, "pan-transport", f);
        if (rc == CW_OK)
                rc = want(s, cfg->pan_hash_key, "pan-hash", f);
        if (rc == CW_OK)
                rc = want(s, cfg->pin.key, "pin-transport", f);
        if (rc == CW_OK)
                rc = want(s, cfg->pin.bdk, "bdk", f);
        if (rc == CW_OK)
                s->state |= CW_ST_OPEN | CW_ST_KIOSK;
        return rc;
}

cw_rc cw_sess_open(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        const char *kind = cw_msg_str(request, "kind", "");
        if (strcmp(kind, "issue") == 0)
                return open_issue(s, request, reply, f);
        if (strcmp(kind, "kiosk") == 0)
                return open_kiosk(s, f);
        if (strcmp(kind, "service") == 0)
                return open_service(s, request, reply, f);
        if (strcmp(kind, "bench") == 0)
                return cw_sess_open_bench(s, request, f);
        return cw_sess_bad("\"kind\" must be issue, kiosk, service or bench", f);
}
