/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and key parts take their places in the groupings (EMV Book 2 5 and 6, EMV CPS annex A). */
#include "drivers/chip/prepare.h"
#include "drivers/chip/template.h"
#include "drivers/chip/tlv.h"

#include <string.h>

#define RECORD_MAX 254u
#define TAG_LIST 0x9f4au
#define REMAINDERS                                                                                           \
        (CW_CERT_BIT(CW_CERT_ISSUER_REMAINDER) | CW_CERT_BIT(CW_CERT_ICC_REMAINDER) |                        \
         CW_CERT_BIT(CW_CERT_PIN_REMAINDER))

static cw_rc refuse(struct cw_fault *f, int64_t native, const char *text) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_RANGE), native, "chip.certify",
                       "PRT_SETUP_ERROR", "%s; correct the product profile", text);
}

uint32_t cw_perso_data_certs(const struct cw_perso_data *d) {
        uint32_t certs = 0;
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].draft)
                        certs |= d->dgi[i].rule->certs;
        return certs;
}

/* ---- static data to be authenticated ---- */

/* What of a record is signed: SFI 1 to 10 the content of template 70, above the whole record. */
static cw_rc put_record(const struct cw_perso_data *d, uint8_t sfi, uint8_t record, struct cw_writer *w,
                        struct cw_fault *f) {
        const struct cw_perso_dgi *dgi = cw_perso_data_record(d, sfi, record);
        struct cw_span rest;
        struct cw_tlv item;
        if (!dgi || dgi->value.len == 0)
                return refuse(f, sfi, "the AFL marks a record for offline authentication that is not there");
        if (dgi->rule->certs)
                return refuse(f, dgi->rule->id,
                              "the AFL marks a record for offline authentication that holds a certificate "
                              "over it");
        rest = dgi->value;
        if (sfi > 10)
                cw_put_bytes(w, rest.ptr, rest.len);
        else if (cw_tlv_next(&rest, &item) == CW_TLV_ITEM && item.tag == 0x70)
                cw_put_bytes(w, item.value.ptr, item.value.len);
        else
                return refuse(f, dgi->rule->id, "a record for offline authentication is not in template 70");
        return CW_OK;
}

/* The records of one entry; whether a record that it names has the tag list is or-ed into *ret_list. */
static cw_rc put_entry(const struct cw_perso_data *d, const uint8_t entry[4], struct cw_writer *w,
                       bool *ret_list, struct cw_fault *f) {
        uint8_t sfi = entry[0] >> 3;
        cw_rc rc = CW_OK;
        for (unsigned i = 0; i < entry[3] && rc == CW_OK; i++)
                rc = put_record(d, sfi, (uint8_t)(entry[1] + i), w, f);
        for (unsigned record = entry[1]; record <= entry[2] && rc == CW_OK; record++) {
                const struct cw_perso_dgi *dgi = cw_perso_data_record(d, sfi, (uint8_t)record);
                struct cw_span list;
                *ret_list |= dgi && cw_tlv_valid(dgi->value) && cw_tlv_find(dgi->value, TAG_LIST, &list) &&
                             list.len > 0;
        }
        return rc;
}

cw_rc cw_perso_data_static(const struct cw_perso_data *d, enum cw_dgi_role role, struct cw_writer *w,
                           struct cw_fault *f) {
        const struct cw_perso_dgi *gpo = cw_perso_data_role(d, role);
        struct cw_span aip, afl;
        bool list = false;
        if (!gpo || !cw_tlv_valid(gpo->value) || !cw_tlv_find(gpo->value, 0x82, &aip) ||
            !cw_tlv_find(gpo->value, 0x94, &afl) || aip.len != 2 || afl.len % 4)
                return refuse(f, 0, "certificates need AIP and AFL in a DGI with role gpo");
        for (size_t i = 0; i + 4 <= afl.len; i += 4) {
                cw_rc rc = put_entry(d, afl.ptr + i, w, &list, f);
                if (rc != CW_OK)
                        return rc;
        }
        if (list)
                cw_put_bytes(w, aip.ptr, aip.len);
        return w->bad ? refuse(f, 0, "more data for offline authentication than one certificate covers")
                      : CW_OK;
}

/* ---- certificates ---- */

static cw_rc too_long(uint16_t id, size_t len, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_RANGE), (int64_t)len, "chip.certify",
                       "PRT_SETUP_ERROR",
                       "DGI %04X: with its certificate the record has %zu bytes, and READ RECORD answers %u; "
                       "a chip's certificate is as long as the issuer's key: take one of 1976 bits or less, "
                       "or what else is there out of the record",
                       id, len, RECORD_MAX);
}

static cw_rc all_there(uint32_t wanted, const struct cw_span *certs, struct cw_fault *f) {
        for (unsigned i = 0; i < CW_CERT_COUNT; i++)
                if ((wanted & CW_CERT_BIT(i) & ~REMAINDERS) && certs[i].len == 0)
                        return refuse(f, i,
                                      "a grouping wants a certificate that offline_auth does not ask for");
        return CW_OK;
}

cw_rc cw_perso_data_certify(struct cw_perso_data *d, const struct cw_card_values *values,
                            struct cw_fault *f) {
        cw_rc rc = all_there(cw_perso_data_certs(d), values->certs, f);
        for (size_t i = 0; i < d->count && rc == CW_OK; i++) {
                struct cw_perso_dgi *dgi = &d->dgi[i];
                struct cw_writer w;
                if (!dgi->draft)
                        continue;
                cw_writer_init(&w, d->arena->ptr + d->arena->len, d->arena->cap - d->arena->len);
                rc = cw_template_expand(dgi->rule->node, values, &w, f);
                if (rc == CW_OK && dgi->rule->role == CW_DGI_RECORD && w.len > RECORD_MAX)
                        rc = too_long(dgi->rule->id, w.len, f);
                if (rc != CW_OK)
                        return rc;
                d->arena->len += w.len;
                dgi->value = CW_SPAN(w.ptr, w.len);
                dgi->draft = false;
        }
        return rc;
}

cw_rc cw_perso_data_set_part(struct cw_perso_data *d, size_t at, struct cw_span value, struct cw_fault *f) {
        struct cw_secret *arena = d->arena;
        if (value.len == 0 || value.len > arena->cap - arena->len)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)value.len,
                               "chip.certify", "", "the parts of the chip's key do not fit");
        memcpy(arena->ptr + arena->len, value.ptr, value.len);
        d->dgi[at].value = CW_SPAN(arena->ptr + arena->len, value.len);
        arena->len += value.len;
        return CW_OK;
}
