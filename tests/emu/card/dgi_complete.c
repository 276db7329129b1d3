/* SPDX-License-Identifier: Apache-2.0 */
/* The last check of a personalisation: nothing missing, nothing that contradicts. */
#include "appdata.h"
#include "chip.h"
#include "rsa.h"

#include <string.h>

static bool incomplete(struct emuc_chip *c, const char *what) {
        emuc_violate(c, "personalisation incomplete: %s", what);
        return false;
}

static bool groupings_there(struct emuc_chip *c) {
        static const struct {
                uint16_t id;
                const char *name;
        } needed[] = {{0x8000, "DGI 8000"}, {0x9000, "DGI 9000"}, {0x8010, "DGI 8010"}, {0x9010, "DGI 9010"},
                      {0x9102, "DGI 9102"}, {0x9104, "DGI 9104"}, {0x9200, "DGI 9200"}};

        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
                if (!emuc_nvm_dgi(c->nvm, needed[i].id))
                        return incomplete(c, needed[i].name);
        return true;
}

static bool objects_there(struct emuc_chip *c) {
        static const struct {
                uint32_t tag;
                const char *name;
        } needed[] = {{0x5a, "5A"}, {0x5f24, "5F24"}, {0x57, "57"}, {0x8c, "8C"}, {0x8d, "8D"}, {0x8e, "8E"}};
        struct emuc_tlv t;

        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
                if (!emuc_app_record_tag(c->nvm, false, needed[i].tag, &t))
                        return incomplete(c, needed[i].name);
        return true;
}

static bool afl_entry(struct emuc_chip *c, const uint8_t e[4]) {
        unsigned sfi = e[0] >> 3;

        if ((e[0] & 0x07) || sfi < 1 || sfi > 30 || e[1] == 0 || e[2] < e[1] ||
            e[3] > (unsigned)e[2] - e[1] + 1U)
                return incomplete(c, "AFL entry");
        for (unsigned rec = e[1]; rec <= e[2]; rec++)
                if (!emuc_nvm_dgi(c->nvm, (uint16_t)(sfi << 8 | rec)))
                        return incomplete(c, "record named by the AFL");
        return true;
}

static bool afl_agrees(struct emuc_chip *c) {
        struct emuc_tlv aip, afl, antenna = {0};
        bool contactless = emuc_nvm_dgi(c->nvm, 0x9203) != NULL;

        if (!emuc_app_gpo_data(c->nvm, false, &aip, &afl) ||
            (contactless && !emuc_app_gpo_data(c->nvm, true, &aip, &antenna)))
                return incomplete(c, "82 or 94");
        if (contactless && !emuc_nvm_dgi(c->nvm, 0x9103))
                return incomplete(c, "DGI 9103");
        for (size_t i = 0; i < afl.len; i += 4)
                if (!afl_entry(c, afl.value + i))
                        return false;
        for (size_t i = 0; i < antenna.len; i += 4)
                if (!afl_entry(c, antenna.value + i))
                        return false;
        for (size_t i = 0; i < c->nvm->dgi_count; i++) {
                uint32_t id = c->nvm->dgis[i].id;
                if (id >= 0x0101 && id <= 0x0aff && !emuc_afl_names(&afl, id) &&
                    !emuc_afl_names(&antenna, id))
                        return incomplete(c, "record no AFL names");
        }
        return true;
}

static unsigned nibble(const uint8_t *p, size_t i) {
        return i % 2 ? p[i / 2] & 0x0fU : (unsigned)(p[i / 2] >> 4);
}

/* PAN and expiry of the track 2 equivalent data are those of 5A and 5F24. */
static bool track2_agrees(struct emuc_chip *c) {
        struct emuc_tlv pan, track2, expiry;
        size_t digits = 0;

        (void)emuc_app_record_tag(c->nvm, false, 0x5a, &pan);
        (void)emuc_app_record_tag(c->nvm, false, 0x57, &track2);
        (void)emuc_app_record_tag(c->nvm, false, 0x5f24, &expiry);
        while (digits < pan.len * 2 && nibble(pan.value, digits) <= 9)
                digits++;
        if (digits < 12 || track2.len * 2 < digits + 8 || expiry.len != 3)
                return incomplete(c, "5A, 57 or 5F24 too short");
        for (size_t i = 0; i < digits; i++)
                if (nibble(pan.value, i) != nibble(track2.value, i))
                        return incomplete(c, "57 has another PAN than 5A");
        if (nibble(track2.value, digits) != 0xd)
                return incomplete(c, "57 has no separator");
        for (size_t i = 0; i < 4; i++)
                if (nibble(expiry.value, i) != nibble(track2.value, digits + 1 + i))
                        return incomplete(c, "57 has another expiry than 5F24");
        return true;
}

static bool lists_agree(struct emuc_chip *c) {
        struct emuc_tlv cdol1, cdol2;
        const uint8_t *iad;
        size_t len;

        (void)emuc_app_record_tag(c->nvm, false, 0x8c, &cdol1);
        (void)emuc_app_record_tag(c->nvm, false, 0x8d, &cdol2);
        if (emuc_dol_total(cdol1.value, cdol1.len) > 252 || emuc_dol_total(cdol2.value, cdol2.len) > 252 ||
            cdol1.len == 0 || cdol2.len == 0)
                return incomplete(c, "8C or 8D");
        if (!emuc_app_iad(c->nvm, &iad, &len) || (iad[0] != 6 && !emuc_app_core_version(c->nvm)))
                return incomplete(c, "9F10 in DGI 9200");
        return true;
}

/* The keys are of the algorithm that the issuer data name. */
static bool keys_agree(struct emuc_chip *c) {
        const struct emuc_dgi *keys = emuc_nvm_dgi(c->nvm, 0x8000), *kcvs = emuc_nvm_dgi(c->nvm, 0x9000);
        bool aes = emuc_app_core_version(c->nvm) == 6;

        if (keys && kcvs && (aes || keys->len == 48) &&
            emuc_kcvs_agree(aes, keys->value, keys->len, kcvs->value))
                return true;
        return incomplete(c, aes ? "AES keys with check values" : "TDES keys with check values");
}

/* What the AIP offers must be possible. */
static bool signing_agrees(struct emuc_chip *c) {
        static const uint32_t issuer[] = {0x8f, 0x90, 0x9f32}, icc[] = {0x9f46, 0x9f47};
        struct emuc_tlv t;

        if (!emuc_app_offers(c->nvm, false, EMUC_AIP_SDA | EMUC_AIP_DDA | EMUC_AIP_CDA))
                return true;
        for (size_t i = 0; i < sizeof issuer / sizeof issuer[0]; i++)
                if (!emuc_app_record_tag(c->nvm, false, issuer[i], &t))
                        return incomplete(c, "issuer certificate");
        if (emuc_app_offers(c->nvm, false, EMUC_AIP_SDA) && !emuc_app_record_tag(c->nvm, false, 0x93, &t))
                return incomplete(c, "93");
        if (!emuc_app_offers(c->nvm, false, EMUC_AIP_DDA | EMUC_AIP_CDA))
                return true;
        for (size_t i = 0; i < sizeof icc / sizeof icc[0]; i++)
                if (!emuc_app_record_tag(c->nvm, false, icc[i], &t))
                        return incomplete(c, "ICC certificate");
        return emuc_rsa_key_fits(c) || incomplete(c, "parts of the ICC key");
}

uint16_t emuc_dgi_complete(struct emuc_chip *c) {
        bool ok = groupings_there(c) && objects_there(c) && afl_agrees(c) && track2_agrees(c) &&
                  lists_agree(c) && keys_agree(c) && signing_agrees(c);

        return ok ? 0x9000 : 0x6a86;
}
