/* SPDX-License-Identifier: Apache-2.0 */
/* The linter on offline data authentication: AIP, elements, keys and lists must tell the same story. */
#include "drivers/chip/elements.h"
#include "drivers/chip/profile.h"
#include "drivers/chip/tlv.h"

#define AIP_SDA 0x40u
#define AIP_DDA 0x20u
#define AIP_CDA 0x01u
#define CDA_MODULUS_MAX                                                                                      \
        205u /* bytes (EMV Book 2, annex D): the signature shares its answer with the rest                   \
              */

struct check {
        const struct cw_profile *profile;
        const struct cw_elements *elements;
        struct cw_profile_findings *fs;
        uint8_t ways;
};

static void need(const struct check *c, uint32_t tag, const char *way) {
        struct cw_span v;
        if (!cw_elements_get(c->elements, tag, &v))
                cw_profile_finding(c->fs, "dgis", "the AIP offers %s, but no record has tag %X; add it", way,
                                   tag);
}

static void check_elements(const struct check *c) {
        static const uint32_t issuer[] = {0x8f, 0x90, 0x9f32}, icc[] = {0x9f46, 0x9f47};
        const char *way = c->ways & (AIP_DDA | AIP_CDA) ? "DDA or CDA" : "SDA";
        for (size_t i = 0; c->ways && i < sizeof issuer / sizeof *issuer; i++)
                need(c, issuer[i], way);
        if (c->ways & AIP_SDA)
                need(c, 0x93, "SDA");
        for (size_t i = 0; (c->ways & (AIP_DDA | AIP_CDA)) && i < sizeof icc / sizeof *icc; i++)
                need(c, icc[i], "DDA or CDA");
}

static void check_offered(const struct check *c) {
        struct cw_span v;
        if (cw_elements_get(c->elements, 0x93, &v) && !(c->ways & AIP_SDA))
                cw_profile_finding(c->fs, "dgis",
                                   "tag 93 is there, but the AIP does not offer SDA (40); add it");
        if (cw_elements_get(c->elements, 0x9f46, &v) && !(c->ways & (AIP_DDA | AIP_CDA)))
                cw_profile_finding(
                    c->fs, "dgis",
                    "tag 9F46 is there, but the AIP offers neither DDA (20) nor CDA (01); add one");
}

/* All five parts of one form, or both of the other; none when there is no such key. */
static void check_parts(const struct check *c, bool pin, unsigned bits) {
        const char *name = pin ? "pin" : "icc";
        unsigned seen = 0;
        int padded = -1;
        const unsigned crt = 0x3e, plain = 0xc0;
        for (size_t i = 0; i < c->profile->dgi_count; i++) {
                const struct cw_profile_dgi *dgi = &c->profile->dgi[i];
                if (!dgi->part || dgi->pin_part != pin)
                        continue;
                if (seen & 1u << dgi->part)
                        cw_profile_finding(c->fs, "dgis", "DGI %04X: this part is there twice; remove one",
                                           dgi->id);
                seen |= 1u << dgi->part;
                if (padded >= 0 && padded != dgi->padded)
                        cw_profile_finding(c->fs, "dgis",
                                           "DGI %04X: all parts of a key are padded alike; correct padded",
                                           dgi->id);
                padded = dgi->padded;
        }
        if (seen && !bits)
                cw_profile_finding(c->fs, "offline_auth",
                                   "parts of a key %s are sent that nobody makes; add %s_key", name, name);
        if (bits && seen != crt && seen != plain)
                cw_profile_finding(
                    c->fs, "dgis",
                    "the chip needs its %s key: parts q_inv dq dp q p (DGIs 8201 to 8205, 8301 to "
                    "8305), or d and n; add them",
                    name);
}

static bool asks_for_random(struct cw_span dol) {
        struct cw_dol_entry entry;
        while (cw_dol_next(&dol, &entry) == CW_TLV_ITEM)
                if (entry.tag == 0x9f37)
                        return true;
        return false;
}

static void check_lists(const struct check *c) {
        struct cw_span dol;
        if (cw_elements_get(c->elements, 0x9f49, &dol) && !asks_for_random(dol))
                cw_profile_finding(c->fs, "dgis", "tag 9F49 (DDOL) must ask for 9F37 04; add it");
        if (!(c->ways & AIP_CDA))
                return;
        if (cw_elements_get(c->elements, 0x8d, &dol) && !asks_for_random(dol))
                cw_profile_finding(c->fs, "dgis", "with CDA tag 8D must ask for 9F37 04; add it");
        if (c->profile->auth.icc.bits / 8 > CDA_MODULUS_MAX)
                cw_profile_finding(
                    c->fs, "offline_auth.icc_key",
                    "with CDA the key has at most %u bits, or its answer gets too long; make it "
                    "smaller",
                    CDA_MODULUS_MAX * 8);
}

void cw_profile_check_auth(const struct cw_profile *p, const struct cw_elements *elements,
                           struct cw_profile_findings *fs) {
        struct check c = {p, elements, fs, 0};
        struct cw_span aip;
        if (cw_elements_get(elements, 0x82, &aip) && aip.len == 2)
                c.ways = aip.ptr[0] & (AIP_SDA | AIP_DDA | AIP_CDA);
        check_elements(&c);
        check_offered(&c);
        check_parts(&c, false, p->auth.icc.bits);
        check_parts(&c, true, p->auth.pin.bits);
        check_lists(&c);
}
