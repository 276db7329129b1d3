/* SPDX-License-Identifier: Apache-2.0 */
/* The linter on each of the two paths, over the contacts and over the antenna, as a terminal walks it. */
#include "drivers/chip/profile_lint.h"

#include <stdio.h>
#include <string.h>

#define AIP_SDA 0x40u
#define AIP_DDA 0x20u
#define AIP_CVM 0x10u
#define AIP_ISSUER_AUTH 0x04u
#define AIP_CDA 0x01u
#define AIP_RFU 0x80u
#define AIP_ODA (AIP_SDA | AIP_DDA | AIP_CDA)
#define ELEMENTS_MAX 192 /* what a terminal keeps */
#define TVR_NO_ODA 0x80u /* byte 1: offline data authentication was not performed */

struct path {
        const struct cw_lint *l;
        const struct cw_perso_dgi *gpo;
        struct cw_span afl;
        uint8_t aip;
        const char *name;
        bool qvsdc; /* ends before lists and action codes count */
};

/* The element in a record that this path's AFL names. */
static bool path_find(const struct path *p, uint32_t tag, struct cw_span *ret,
                      const struct cw_perso_dgi **ret_in) {
        for (size_t i = 0; i + 4 <= p->afl.len; i += 4) {
                const uint8_t *entry = p->afl.ptr + i;
                for (unsigned n = entry[1]; n <= entry[2]; n++) {
                        const struct cw_perso_dgi *dgi =
                            cw_perso_data_record(p->l->data, entry[0] >> 3, (uint8_t)n);
                        if (!dgi || !cw_tlv_valid(dgi->value) || !cw_tlv_find(dgi->value, tag, ret))
                                continue;
                        *ret_in = dgi;
                        return true;
                }
        }
        return false;
}

/* Whether the AFL leads to this record. */
static bool named(const struct path *p, const struct cw_perso_dgi *dgi) {
        for (size_t i = 0; i + 4 <= p->afl.len; i += 4) {
                const uint8_t *entry = p->afl.ptr + i;
                for (unsigned n = entry[1]; n <= entry[2]; n++)
                        if (cw_perso_data_record(p->l->data, entry[0] >> 3, (uint8_t)n) == dgi)
                                return true;
        }
        return false;
}

static bool path_has(const struct path *p, uint32_t tag) {
        struct cw_span value;
        const struct cw_perso_dgi *in = NULL;
        return path_find(p, tag, &value, &in) || cw_tlv_find(p->gpo->value, tag, &value);
}

static void find(const struct path *p, const struct cw_perso_dgi *in, uint32_t tag, const char *text) {
        char place[96];
        cw_lint_place(p->l, in->rule, tag, place);
        cw_profile_finding(p->l->fs, place, "%s (%s)", text, p->name);
}

/* The rest of a key that its certificate has no room for (EMV Book 2, tables 6 and 14). */
static void check_remainders(const struct path *p) {
        const struct cw_profile_auth *auth = &p->l->profile->auth;
        if (p->aip & AIP_ODA && auth->issuer_bits / 8 > auth->ca_bits / 8 - 36 && !path_has(p, 0x92))
                find(p, p->gpo, 0x94,
                     "the issuer's key does not fit its certificate, and the AFL leads to no tag 92; add it, "
                     "or say "
                     "the shorter key's issuer_bits and ca_bits");
        if (p->aip & (AIP_DDA | AIP_CDA) && auth->icc.bits / 8 > auth->issuer_bits / 8 - 42 &&
            !path_has(p, 0x9f48))
                find(p, p->gpo, 0x94,
                     "the chip's key does not fit its certificate, and the AFL leads to no tag 9F48; add it, "
                     "or say "
                     "the issuer_bits that leave room");
}

/* Certificates where the AIP offers a way, records to authenticate, and neither without the other. */
static void check_oda(const struct path *p) {
        static const struct {
                uint8_t ways;
                uint32_t tag;
                const char *text;
        } needs[] = {
            {AIP_ODA, 0x90,
             "the AIP offers offline data authentication, but its AFL leads to no tag 90; add the issuer's "
             "certificate to the AFL"},
            {AIP_SDA, 0x93,
             "the AIP offers SDA (40), but its AFL leads to no tag 93; add that record to the AFL"},
            {AIP_DDA | AIP_CDA, 0x9f46,
             "the AIP offers DDA or CDA, but its AFL leads to no tag 9F46; add that record to the AFL"},
        };
        unsigned marked = 0;
        for (size_t i = 0; i + 4 <= p->afl.len; i += 4)
                marked += p->afl.ptr[i + 3];
        for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
                if (p->aip & needs[i].ways && !path_has(p, needs[i].tag))
                        find(p, p->gpo, 0x82, needs[i].text);
        if (p->aip & AIP_ODA && !marked)
                find(p, p->gpo, 0x94,
                     "no record is authenticated offline, though the AIP offers it; count the records in the "
                     "AFL's 4th bytes");
        if (!(p->aip & AIP_ODA) && marked)
                find(p, p->gpo, 0x94,
                     "records are to be authenticated offline, but the AIP offers no way (40, 20, 01); add "
                     "one or set the 4th bytes to 00");
}

/* EMV Book 3, 7.2: without these a terminal ends the transaction. */
static void check_mandatory(const struct path *p) {
        static const struct {
                uint32_t tag;
                const char *text;
        } needs[] = {
            {0x5a, "its AFL leads to no card number; add the record with tag 5A"},
            {0x5f24, "its AFL leads to no expiry; add the record with tag 5F24"},
            {0x8c,
             "its AFL leads to no CDOL1, and a terminal ends the transaction; add the record with tag 8C"},
            {0x8d,
             "its AFL leads to no CDOL2, and a terminal ends the transaction; add the record with tag 8D"},
        };
        for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
                if (!path_has(p, needs[i].tag))
                        find(p, p->gpo, 0x94, needs[i].text);
}

struct met {
        uint32_t tag[ELEMENTS_MAX];
        size_t count;
};

/* Each primitive element comes once (Book 3, 10.2); a terminal ends the transaction otherwise. */
static void meet(const struct path *p, const struct cw_perso_dgi *in, struct cw_span rest, struct met *m) {
        struct cw_tlv item;
        while (cw_tlv_next(&rest, &item) == CW_TLV_ITEM) {
                size_t i = 0;
                if (item.constructed) {
                        meet(p, in, item.value, m);
                        continue;
                }
                while (i < m->count && m->tag[i] != item.tag)
                        i++;
                char text[96];
                (void)snprintf(text, sizeof text,
                               "tag %X comes twice, and a terminal ends the transaction; remove one",
                               item.tag);
                if (i < m->count)
                        find(p, in, item.tag, text);
                else if (m->count < ELEMENTS_MAX)
                        m->tag[m->count++] = item.tag;
        }
}

static void check_once(const struct path *p) {
        struct met m = {.count = 0};
        meet(p, p->gpo, p->gpo->value, &m);
        for (size_t i = 0; i < p->l->data->count; i++) {
                const struct cw_perso_dgi *dgi = &p->l->data->dgi[i];
                if (named(p, dgi) && cw_tlv_valid(dgi->value))
                        meet(p, dgi, dgi->value, &m);
        }
}

/* A record is read once. */
static void check_twice(const struct path *p) {
        bool seen[CW_DGI_MAX] = {false};
        bool twice = false;
        for (size_t i = 0; i + 4 <= p->afl.len; i += 4) {
                const uint8_t *entry = p->afl.ptr + i;
                for (unsigned n = entry[1]; n <= entry[2]; n++) {
                        const struct cw_perso_dgi *dgi =
                            cw_perso_data_record(p->l->data, entry[0] >> 3, (uint8_t)n);
                        if (!dgi)
                                continue;
                        twice |= seen[dgi - p->l->data->dgi];
                        seen[dgi - p->l->data->dgi] = true;
                }
        }
        if (twice)
                find(p, p->gpo, 0x94, "the AFL names a record twice; remove one entry");
}

static void check_codes(const struct path *p) {
        struct cw_span value;
        const struct cw_perso_dgi *in = NULL;
        unsigned there = 0;
        for (uint32_t tag = 0x9f0d; tag <= 0x9f0f; tag++)
                there += path_has(p, tag);
        if (there == 1 || there == 2)
                find(p, p->gpo, 0x94,
                     "of the issuer action codes 9F0D, 9F0E and 9F0F some are missing, and a terminal takes "
                     "its own values; add them");
        if (path_find(p, 0x9f0e, &value, &in) && value.len > 0 && value.ptr[0] & TVR_NO_ODA &&
            !(p->aip & AIP_ODA))
                find(p, in, 0x9f0e,
                     "declines whatever was not authenticated offline, and the AIP offers no way: every "
                     "transaction; clear bit 80 of byte 1");
}

static bool asks_for(struct cw_span dol, uint32_t tag) {
        struct cw_dol_entry entry;
        while (cw_dol_next(&dol, &entry) == CW_TLV_ITEM)
                if (entry.tag == tag)
                        return true;
        return false;
}

static void check_bits(const struct path *p) {
        struct cw_span value;
        const struct cw_perso_dgi *in = NULL;
        const bool list = path_find(p, 0x8e, &value, &in);
        if (p->aip & AIP_RFU)
                find(p, p->gpo, 0x82, "bit 80 of the AIP's first byte is reserved; clear it");
        if (p->aip & AIP_CVM && !list)
                find(p, p->gpo, 0x82,
                     "the AIP says cardholder verification (10), but no record has a CVM list; add tag 8E");
        if (!(p->aip & AIP_CVM) && list)
                find(p, in, 0x8e,
                     "no terminal looks at this list, as the AIP does not say cardholder verification; add "
                     "its bit 10");
        if (!(p->aip & AIP_ISSUER_AUTH) && path_find(p, 0x8d, &value, &in) && !asks_for(value, 0x91))
                find(p, in, 0x8d,
                     "the issuer's answer never reaches the chip; ask for 91 here, or set bit 04 of the AIP");
}

void cw_lint_paths(const struct cw_lint *l) {
        static const struct {
                enum cw_dgi_role role;
                const char *name;
        } paths[] = {{CW_DGI_GPO, "contact"}, {CW_DGI_CL_GPO, "contactless"}};
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                struct cw_span aip;
                struct path p = {.l = l, .name = paths[i].name};
                p.gpo = cw_perso_data_role(l->data, paths[i].role);
                p.qvsdc = paths[i].role == CW_DGI_CL_GPO && cw_lint_is_qvsdc(l);
                if (!p.gpo || !cw_tlv_valid(p.gpo->value) || !cw_tlv_find(p.gpo->value, 0x82, &aip) ||
                    (!cw_tlv_find(p.gpo->value, 0x94, &p.afl) && !p.qvsdc) || aip.len != 2)
                        continue; /* told by check_path */
                p.aip = aip.ptr[0];
                check_oda(&p);
                check_remainders(&p);
                check_twice(&p);
                check_once(&p);
                if (p.qvsdc)
                        continue;
                if (paths[i].role == CW_DGI_GPO) /* over the antenna a kernel may ask for less */
                        check_mandatory(&p);
                check_codes(&p);
                check_bits(&p);
        }
}
