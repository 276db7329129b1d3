/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's own RSA keys: made and certified by hsmd before a card is fed, sent when the channel is open. */
#include "drivers/chip/perso_internal.h"

#include <string.h>

#define STATIC_MAX 4096u
#define ITEMS_MAX 4u
#define CRT_PARTS 5u
#define PLAIN_PARTS 2u

struct certify {
        struct cw_perso_data *data;
        struct cw_hsm_session *hsm;
        const char *expiry; /* NULL unless the session is a bench session */
        uint32_t wanted;
        struct cw_secret *held[12]; /* replies, which certs points into */
        size_t held_count;
        struct cw_span certs[CW_CERT_COUNT];
};

/* Keeps a reply and names its items; count names. */
static cw_rc hold(struct certify *c, struct cw_secret *items, const enum cw_cert_value *names, size_t count,
                  struct cw_fault *f) {
        struct cw_reader r;
        c->held[c->held_count++] = items;
        cw_reader_init(&r, items->ptr, items->len);
        for (size_t i = 0; i < count; i++)
                c->certs[names[i]] = cw_get_item(&r);
        return !r.bad ? CW_OK
                      : cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.certify", "",
                                "the HSM process gave fewer certificate parts than there are; compare the "
                                "versions");
}

static cw_rc hold_issuer(struct certify *c, struct cw_secret *items, struct cw_fault *f) {
        static const enum cw_cert_value names[ITEMS_MAX] = {
            CW_CERT_CA_INDEX, CW_CERT_ISSUER, CW_CERT_ISSUER_REMAINDER, CW_CERT_ISSUER_EXPONENT};
        return hold(c, items, names, ITEMS_MAX, f);
}

static cw_rc certify_key(struct certify *c, struct cw_hsm_icc_request *q, const enum cw_cert_value names[3],
                         struct cw_fault *f) {
        struct cw_secret *certificate = NULL, *issuer = NULL;
        q->expiry = c->expiry;
        cw_rc rc = cw_hsm_session_icc_key(c->hsm, q, &certificate, &issuer, f);
        if (rc != CW_OK)
                return rc;
        rc = hold(c, certificate, names, 3, f);
        cw_rc issuer_rc = hold_issuer(c, issuer, f);
        return rc == CW_OK ? issuer_rc : rc;
}

static cw_rc sign_static(struct certify *c, struct cw_span data, enum cw_cert_value name,
                         struct cw_fault *f) {
        struct cw_secret *ssad = NULL, *issuer = NULL;
        cw_rc rc =
            cw_hsm_session_ssad(c->hsm, c->data->profile->auth.dac, data.ptr, data.len, &ssad, &issuer, f);
        if (rc != CW_OK)
                return rc;
        c->held[c->held_count++] = ssad;
        c->certs[name] = CW_SPAN(ssad->ptr, ssad->len);
        return hold_issuer(c, issuer, f);
}

/* One path: its signed static data and its certificate, both over the same records. */
static cw_rc certify_path(struct certify *c, enum cw_dgi_role gpo, struct cw_fault *f) {
        static const enum cw_cert_value icc[3] = {CW_CERT_ICC, CW_CERT_ICC_REMAINDER, CW_CERT_ICC_EXPONENT};
        static const enum cw_cert_value again[3] = {CW_CERT_CL_ICC, CW_CERT_ICC_REMAINDER,
                                                    CW_CERT_ICC_EXPONENT};
        bool contactless = gpo == CW_DGI_CL_GPO;
        enum cw_cert_value ssad = contactless ? CW_CERT_CL_SSAD : CW_CERT_SSAD;
        bool key = c->wanted & CW_CERT_BIT(contactless ? CW_CERT_CL_ICC : CW_CERT_ICC);
        CW_WIPED(uint8_t, bytes, STATIC_MAX);
        struct cw_writer w;
        if (!key && !(c->wanted & CW_CERT_BIT(ssad)))
                return CW_OK;
        cw_writer_init(&w, bytes, STATIC_MAX);
        cw_rc rc = cw_perso_data_static(c->data, gpo, &w, f);
        if (rc == CW_OK && (c->wanted & CW_CERT_BIT(ssad)))
                rc = sign_static(c, CW_SPAN(bytes, w.len), ssad, f);
        if (rc != CW_OK || !key)
                return rc;
        const struct cw_profile_rsa *rsa = &c->data->profile->auth.icc;
        struct cw_hsm_icc_request q = {.use = "dda",
                                       .bits = rsa->bits,
                                       .exponent = rsa->exponent,
                                       .data = bytes,
                                       .len = w.len,
                                       .keep = contactless && c->certs[CW_CERT_ICC].len > 0};
        return certify_key(c, &q, contactless ? again : icc, f);
}

static cw_rc certify_all(struct certify *c, struct cw_fault *f) {
        static const enum cw_cert_value pin[3] = {CW_CERT_PIN, CW_CERT_PIN_REMAINDER, CW_CERT_PIN_EXPONENT};
        const struct cw_profile_rsa *rsa = &c->data->profile->auth.pin;
        cw_rc rc = certify_path(c, CW_DGI_GPO, f);
        if (rc == CW_OK)
                rc = certify_path(c, CW_DGI_CL_GPO, f);
        if (rc != CW_OK || !(c->wanted & CW_CERT_BIT(CW_CERT_PIN)))
                return rc;
        struct cw_hsm_icc_request q = {.use = "pin", .bits = rsa->bits, .exponent = rsa->exponent};
        return certify_key(c, &q, pin, f);
}

/* A PIN and its tries are made without them. */
static bool wants_issuer_keys(const struct cw_perso_data *data) {
        char names[CW_HSM_DGIS_MAX][5];
        bool padded[CW_HSM_DGIS_MAX], wanted = false;
        size_t count = cw_perso_data_sensitive(data, names, padded, CW_HSM_DGIS_MAX);
        for (size_t i = 0; i < count; i++)
                wanted |= strcmp(names[i], "8000") == 0 || strcmp(names[i], "9000") == 0;
        return wanted;
}

/* Of the algorithm that the profile says, before a card is spoiled for it. */
static cw_rc check_issuer_keys(const struct cw_perso_data *data, struct cw_hsm_session *hsm,
                               struct cw_fault *f) {
        const char *keys = data->profile->made.keys;
        return wants_issuer_keys(data) ? cw_hsm_session_perso_keys(hsm, keys ? keys : "tdes2", f) : CW_OK;
}

cw_rc cw_perso_certify(struct cw_perso_data *data, const struct cw_card_values *values,
                       struct cw_hsm_session *hsm, bool bench, struct cw_fault *f) {
        struct certify c = {.data = data, .hsm = hsm, .wanted = cw_perso_data_certs(data)};
        if (!values)
                return CW_OK;
        cw_rc rc = check_issuer_keys(data, hsm, f);
        if (rc != CW_OK || !c.wanted)
                return rc;
        c.expiry = bench ? values->expiry : NULL;
        rc = certify_all(&c, f);
        if (rc == CW_OK) {
                struct cw_card_values full = *values;
                full.certs = c.certs;
                rc = cw_perso_data_certify(data, &full, f);
        }
        for (size_t i = 0; i < c.held_count; i++)
                cw_secret_free(c.held[i]);
        return rc;
}

/* ---- private parts ---- */

/* Which key and which form a grouping belongs to. */
static bool is_part_of(const struct cw_perso_dgi *dgi, bool pin, bool crt) {
        const struct cw_profile_dgi *rule = dgi->rule;
        return rule->part && !dgi->given && rule->pin_part == pin && (rule->part <= CW_PART_P) == crt;
}

static cw_rc put_parts(struct cw_perso_data *d, bool pin, bool crt, struct cw_span items,
                       struct cw_fault *f) {
        struct cw_span part[CRT_PARTS] = {{0}};
        size_t count = crt ? CRT_PARTS : PLAIN_PARTS, first = crt ? CW_PART_Q_INV : CW_PART_D;
        struct cw_reader r;
        cw_reader_init(&r, items.ptr, items.len);
        for (size_t i = 0; i < count; i++)
                part[i] = cw_get_item(&r);
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < d->count && rc == CW_OK; i++)
                if (is_part_of(&d->dgi[i], pin, crt))
                        rc = cw_perso_data_set_part(d, i, part[d->dgi[i].rule->part - first], f);
        return rc;
}

static cw_rc fill_form(struct cw_perso *p, bool pin, bool crt, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        struct cw_perso_data *d = p->plan->data;
        size_t i = 0;
        while (i < d->count && !is_part_of(&d->dgi[i], pin, crt))
                i++;
        if (i == d->count)
                return CW_OK;
        cw_rc rc =
            cw_hsm_session_icc_parts(p->hsm, pin ? "pin" : "dda", crt, d->dgi[i].rule->padded, &items, f);
        return rc == CW_OK ? put_parts(d, pin, crt, CW_SPAN(items->ptr, items->len), f) : rc;
}

cw_rc cw_perso_fill_parts(struct cw_perso *p, struct cw_fault *f) {
        for (unsigned form = 0; form < 4; form++) {
                cw_rc rc = fill_form(p, form & 1, form & 2, f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}
