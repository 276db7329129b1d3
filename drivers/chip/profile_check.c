/* SPDX-License-Identifier: Apache-2.0 */
/* The profile linter: what EMV Book 3 and CPS ask of the data, judged on a made-up card before any real one
 * is touched. */
#include "drivers/chip/profile_lint.h"

#include <string.h>

#define RECORD_MAX 254u
#define SAMPLE_PAN "9999990000000009999" /* 19 digits: the longest a card can have */
#define SAMPLE_EXPIRY "4912"
#define SAMPLE_NAME "SAMPLEFAMILYNAME/GIVENNAME"
static const uint8_t sample_pan_cn[] = {0x99, 0x99, 0x99, 0x00, 0x00, 0x00, 0x00, 0x09, 0x99, 0x9f};
static const uint8_t sample_expiry[] = {0x49, 0x12, 0x31};
static const uint8_t sample_track2[] = {0x99, 0x99, 0x99, 0x00, 0x00, 0x00, 0x00, 0x09, 0x99, 0x9d,
                                        0x49, 0x12, 0x20, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00};

static bool known(const struct cw_lint *l, uint32_t tag, struct cw_span *ret) {
        return cw_elements_get(l->elements, tag, ret);
}

static void check_records_coded(const struct cw_lint *l) {
        for (size_t i = 0; i < l->data->count; i++) {
                const struct cw_perso_dgi *dgi = &l->data->dgi[i];
                char place[16];
                struct cw_tlv item;
                struct cw_span rest = dgi->value;
                if (dgi->rule->role != CW_DGI_RECORD || dgi->rule->from_hsm)
                        continue;
                (void)snprintf(place, sizeof place, "DGI %04X", dgi->rule->id);
                bool one = cw_tlv_valid(rest) && cw_tlv_next(&rest, &item) == CW_TLV_ITEM && rest.len == 0;
                if (dgi->rule->id >> 8 <= 10 && (!one || item.tag != 0x70))
                        cw_profile_finding(l->fs, place,
                                           "a record of SFI 1 to 10 is one template 70; wrap it");
                if (dgi->value.len > RECORD_MAX)
                        cw_profile_finding(
                            l->fs, place,
                            "a record holds %u bytes with its header, this one can get %zu; split it",
                            RECORD_MAX, dgi->value.len);
                if (one && dgi->rule->app == 0 &&
                    cw_elements_add_template(l->elements, dgi->value, NULL) != CW_OK)
                        cw_profile_finding(l->fs, place,
                                           "more data elements than a terminal keeps; remove some");
        }
}

static void check_afl_entry(const struct cw_lint *l, const uint8_t entry[4], bool *in_afl) {
        uint8_t sfi = entry[0] >> 3, first = entry[1], last = entry[2];
        if (sfi < 1 || sfi > 30 || first < 1 || last < first || entry[3] > last - first + 1 ||
            (entry[0] & 7)) {
                cw_profile_finding(l->fs, "AFL",
                                   "an entry is SFI*8, first, last, count for offline authentication; "
                                   "correct %02X%02X%02X%02X",
                                   entry[0], entry[1], entry[2], entry[3]);
                return;
        }
        for (unsigned record = first; record <= last; record++) {
                const struct cw_perso_dgi *dgi = cw_perso_data_record(l->data, sfi, (uint8_t)record);
                if (dgi)
                        in_afl[dgi - l->data->dgi] = true;
                else
                        cw_profile_finding(l->fs, "AFL",
                                           "names record %u of SFI %u, but there is no DGI %02X%02X; add it",
                                           record, sfi, sfi, record);
        }
}

/* One path's AIP and AFL; the records it names are marked. */
static void check_path(const struct cw_lint *l, enum cw_dgi_role role, const char *name, bool *in_afl) {
        const struct cw_perso_dgi *gpo = cw_perso_data_role(l->data, role);
        struct cw_span aip, afl;
        if (role == CW_DGI_CL_GPO && gpo && cw_lint_is_qvsdc(l) && cw_tlv_find(gpo->value, 0x82, &aip) &&
            aip.len == 2 && !cw_tlv_find(gpo->value, 0x94, &afl))
                return; /* no records at all */
        if (!gpo || !cw_tlv_valid(gpo->value) || !cw_tlv_find(gpo->value, 0x82, &aip) ||
            !cw_tlv_find(gpo->value, 0x94, &afl) || aip.len != 2 || afl.len == 0 || afl.len % 4) {
                cw_profile_finding(
                    l->fs, "dgis",
                    "one DGI needs the role %s, with tags 82 (2 bytes) and 94 (4 bytes an entry)", name);
                return;
        }
        if (role == CW_DGI_GPO && cw_elements_add_template(l->elements, gpo->value, NULL) != CW_OK)
                cw_profile_finding(l->fs, "dgis", "more data elements than a terminal keeps; remove some");
        for (size_t i = 0; i + 4 <= afl.len; i += 4)
                check_afl_entry(l, afl.ptr + i, in_afl);
}

static void check_gpo(const struct cw_lint *l) {
        bool in_afl[CW_DGI_MAX] = {false};
        check_path(l, CW_DGI_GPO, "gpo", in_afl);
        if (l->profile->has_contactless)
                check_path(l, CW_DGI_CL_GPO, "contactless-gpo", in_afl);
        for (size_t i = 0; i < l->data->count; i++) {
                const struct cw_profile_dgi *rule = l->data->dgi[i].rule;
                if (rule->role == CW_DGI_RECORD && rule->app == 0 && rule->id >> 8 <= 10 && !in_afl[i])
                        cw_profile_finding(
                            l->fs, "AFL",
                            "does not name DGI %04X, so no terminal would read it; name it or remove it",
                            rule->id);
        }
}

static const struct cw_lint_own own[] = {
    {0x5a, {sample_pan_cn, sizeof sample_pan_cn}, "{pan}"},
    {0x57, {sample_track2, sizeof sample_track2}, "{track2}"},
    {0x5f24, {sample_expiry, sizeof sample_expiry}, "{expiry}"},
    /* A card may be without these. */
    {0x5f34, {(const uint8_t *)"\x01", 1}, "{psn}"},
    {0x5f30, {(const uint8_t *)"\x02\x01", 2}, "{service_code}"},
    {0x5f20, {(const uint8_t *)SAMPLE_NAME, sizeof SAMPLE_NAME - 1}, "{name}"},
};
#define OWN_NEEDED 3

static void check_own_there(const struct cw_lint *l) {
        struct cw_span value;
        for (size_t i = 0; i < OWN_NEEDED; i++)
                if (!known(l, own[i].tag, &value))
                        cw_profile_finding(l->fs, "dgis", "no record has tag %X; add it with value \"%s\"",
                                           own[i].tag, own[i].placeholder);
}

/* What comes from the terminal, the card or this transaction (EMV Book 3 annex A). */
static bool obtainable(const struct cw_lint *l, uint32_t tag) {
        static const uint32_t dynamic[] = {0x9a,   0x9f21, 0x9f37, 0x91,  0x9f36,
                                           0x9f10, 0x9f26, 0x9f27, 0x9f34};
        struct cw_span value;
        for (size_t i = 0; i < sizeof dynamic / sizeof *dynamic; i++)
                if (dynamic[i] == tag)
                        return true;
        for (size_t i = 0; i < l->profile->data_count; i++)
                if (l->profile->data[i].tag == tag)
                        return true;
        return known(l, tag, &value);
}

static void check_cdol(const struct cw_lint *l, uint32_t tag, bool needs_random) {
        struct cw_span dol;
        struct cw_dol_entry entry;
        enum cw_tlv_result result;
        bool random = false;
        if (!known(l, tag, &dol)) {
                cw_profile_finding(l->fs, "dgis", "no record has tag %X (CDOL); add it", tag);
                return;
        }
        while ((result = cw_dol_next(&dol, &entry)) == CW_TLV_ITEM) {
                random |= entry.tag == 0x9f37;
                if (!obtainable(l, entry.tag))
                        cw_profile_finding(l->fs, "terminal.data",
                                           "tag %X asks for %X, which is nowhere; add its value", tag,
                                           entry.tag);
        }
        if (result == CW_TLV_BAD)
                cw_profile_finding(l->fs, "dgis", "tag %X is not a list of tags and lengths; correct it",
                                   tag);
        if (needs_random && !random)
                cw_profile_finding(l->fs, "dgis",
                                   "tag %X must ask for the unpredictable number 9F37 04; add it", tag);
}

static void check_cover(const struct cw_lint *l) {
        for (size_t i = 0; i < l->profile->cover_count; i++)
                if (!obtainable(l, l->profile->cover[i].tag))
                        cw_profile_finding(l->fs, "terminal.arqc_data",
                                           "tag %X is nowhere; add it to terminal.data or remove it",
                                           l->profile->cover[i].tag);
}

static void check_groups(const struct cw_lint *l) {
        const struct cw_perso_dgi *fci = cw_perso_data_role(l->data, CW_DGI_FCI);
        const struct cw_perso_dgi *other = cw_perso_data_role(l->data, CW_DGI_CL_FCI);
        if (l->profile->has_contactless && (!other || !cw_tlv_valid(other->value)))
                cw_profile_finding(l->fs, "dgis",
                                   "one DGI needs the role contactless-fci, beside contactless-gpo; add it");
        if (!fci || fci->value.len == 0 || !cw_tlv_valid(fci->value))
                cw_profile_finding(l->fs, "dgis",
                                   "one DGI needs the role fci, with what SELECT answers in template A5");
        for (size_t i = 0; i < l->data->count; i++) {
                const struct cw_profile_dgi *rule = l->data->dgi[i].rule;
                if (rule->joined && (i == 0 || l->data->dgi[i - 1].rule->p1 != rule->p1))
                        cw_profile_finding(l->fs, "dgis",
                                           "DGI %04X can only be joined to one with the same P1 before it",
                                           rule->id);
        }
}

static void check_data(const struct cw_lint *l) {
        struct cw_span value;
        check_groups(l);
        cw_profile_check_directories(l->profile, l->data, l->fs);
        check_records_coded(l);
        check_gpo(l);
        check_own_there(l);
        cw_lint_items(l, own, sizeof own / sizeof *own);
        cw_lint_elements(l);
        cw_lint_order(l);
        cw_lint_paths(l);
        check_cdol(l, 0x8c, true);
        check_cdol(l, 0x8d, false);
        check_cover(l);
        cw_lint_cover(l);
        cw_lint_made(l);
        cw_lint_qvsdc(l);
        cw_profile_check_auth(l->profile, l->elements, l->fs);
        if (known(l, 0x9f4a, &value) && (value.len != 1 || value.ptr[0] != 0x82))
                cw_profile_finding(l->fs, "dgis", "tag 9F4A may only hold 82; correct it");
}

/* Certificates of the sizes they will have, so that lengths can be judged. */
static cw_rc certify_sample(const struct cw_profile *p, struct cw_perso_data *d,
                            struct cw_card_values *values, struct cw_fault *f) {
        static const uint8_t filler[CW_CA_KEY_BYTES] = {0x5a};
        uint8_t scratch[4096];
        struct cw_span certs[CW_CERT_COUNT] = {{0}};
        struct cw_writer w;
        uint32_t wanted = cw_perso_data_certs(d);
        const size_t ca = p->auth.ca_bits / 8, issuer = p->auth.issuer_bits / 8, icc = p->auth.icc.bits / 8,
                     pin = p->auth.pin.bits / 8, room = issuer ? issuer - 42 : 0;
        if (!wanted)
                return CW_OK;
        if (!ca)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISSING), 0, "chip.profile", "",
                               "certificates are asked for without offline_auth; add it");
        for (int cl = 0; cl < 2; cl++) {
                const uint32_t path = cl ? CW_CERT_BIT(CW_CERT_CL_SSAD) | CW_CERT_BIT(CW_CERT_CL_ICC)
                                         : CW_CERT_BIT(CW_CERT_SSAD) | CW_CERT_BIT(CW_CERT_ICC);
                cw_writer_init(&w, scratch, sizeof scratch);
                cw_rc rc =
                    wanted & path ? cw_perso_data_static(d, cl ? CW_DGI_CL_GPO : CW_DGI_GPO, &w, f) : CW_OK;
                if (rc != CW_OK)
                        return rc;
        }
        certs[CW_CERT_CA_INDEX] = CW_SPAN(filler, 1);
        certs[CW_CERT_ISSUER] = CW_SPAN(filler, ca);
        certs[CW_CERT_ISSUER_REMAINDER] = CW_SPAN(filler, issuer > ca - 36 ? issuer - (ca - 36) : 0);
        certs[CW_CERT_ISSUER_EXPONENT] = CW_SPAN(filler, 1);
        certs[CW_CERT_SSAD] = certs[CW_CERT_CL_SSAD] = CW_SPAN(filler, issuer);
        if (icc) {
                certs[CW_CERT_ICC] = certs[CW_CERT_CL_ICC] = CW_SPAN(filler, issuer);
                certs[CW_CERT_ICC_REMAINDER] = CW_SPAN(filler, icc > room ? icc - room : 0);
                certs[CW_CERT_ICC_EXPONENT] = CW_SPAN(filler, p->auth.icc.exponent == 3 ? 1 : 3);
        }
        if (pin) {
                certs[CW_CERT_PIN] = CW_SPAN(filler, issuer);
                certs[CW_CERT_PIN_REMAINDER] = CW_SPAN(filler, pin > room ? pin - room : 0);
                certs[CW_CERT_PIN_EXPONENT] = CW_SPAN(filler, p->auth.pin.exponent == 3 ? 1 : 3);
        }
        values->certs = certs;
        cw_rc rc = cw_perso_data_certify(d, values, f);
        values->certs = NULL;
        return rc;
}

void cw_profile_check(const struct cw_profile *p, struct cw_profile_findings *fs) {
        struct cw_card_values sample = {
            .expiry = SAMPLE_EXPIRY,
            .service_code = "201",
            .psn = "01",
            .name = SAMPLE_NAME,
            .pan = CW_SPAN((const uint8_t *)SAMPLE_PAN, sizeof SAMPLE_PAN - 1),
            .track2 = CW_SPAN(sample_track2, sizeof sample_track2),
        };
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *data = NULL;
        CW_AUTO(cw_elements_free) struct cw_elements *elements = NULL;
        struct cw_fault f = {0};
        cw_rc rc = cw_perso_data_prepare(p, &sample, &data, &f);
        if (rc == CW_OK)
                rc = certify_sample(p, data, &sample, &f);
        if (rc != CW_OK) {
                cw_profile_finding(fs, "dgis", "%s", f.text);
                return;
        }
        if (cw_elements_new(&elements) != CW_OK) {
                cw_profile_finding(fs, "", "no locked memory to check the profile; raise LimitMEMLOCK");
                return;
        }
        bool made_here = !p->prepared;
        for (size_t i = 0; i < p->dgi_count; i++)
                made_here &= !p->dgi[i].from_data;
        /* What an issuer prepared is judged when it is there: cw_profile_check sees no card. */
        if (made_here)
                check_data(&(struct cw_lint){p, data, elements, fs});
}
