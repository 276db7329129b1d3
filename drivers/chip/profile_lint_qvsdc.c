/* SPDX-License-Identifier: Apache-2.0 */
/* The linter on a contactless path that ends with GET PROCESSING OPTIONS (qVSDC, EMV Contactless Book C-3).
 */
#include "drivers/chip/profile_lint.h"

#define TAG_CTQ 0x9f6cu

static const struct cw_perso_dgi *answer_of(const struct cw_lint *l) {
        const struct cw_perso_dgi *gpo = cw_perso_data_role(l->data, CW_DGI_CL_GPO);
        return gpo && cw_tlv_valid(gpo->value) ? gpo : NULL;
}

bool cw_lint_is_qvsdc(const struct cw_lint *l) {
        const struct cw_perso_dgi *gpo = answer_of(l);
        struct cw_span v;
        return gpo && (cw_tlv_find(gpo->value, TAG_CTQ, &v) || !cw_tlv_find(gpo->value, 0x94, &v));
}

static bool asks_for(struct cw_span dol, uint32_t tag) {
        struct cw_dol_entry entry;
        while (cw_dol_next(&dol, &entry) == CW_TLV_ITEM)
                if (entry.tag == tag)
                        return true;
        return false;
}

/* What the chip's cryptogram and signature are made of, when there is no GENERATE AC to bring it. */
static void check_pdol(const struct cw_lint *l) {
        static const uint32_t needed[] = {0x9f66, 0x9f02, 0x5f2a, 0x9f37};
        const struct cw_perso_dgi *fci = cw_perso_data_role(l->data, CW_DGI_CL_FCI);
        struct cw_span pdol = {0};
        char place[96];
        if (!fci || !cw_tlv_valid(fci->value))
                return; /* told elsewhere */
        (void)cw_tlv_find(fci->value, 0x9f38, &pdol);
        cw_lint_place(l, fci->rule, 0x9f38, place);
        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
                if (!asks_for(pdol, needed[i]))
                        cw_profile_finding(l->fs, place,
                                           "with qVSDC the PDOL must ask for %X, as there is no other "
                                           "command to bring it; add it",
                                           needed[i]);
}

void cw_lint_qvsdc(const struct cw_lint *l) {
        const struct cw_perso_dgi *gpo = answer_of(l);
        struct cw_span v;
        char place[96];
        if (!gpo || !cw_lint_is_qvsdc(l))
                return;
        cw_lint_place(l, gpo->rule, 0x82, place);
        if (!cw_tlv_find(gpo->value, 0x57, &v))
                cw_profile_finding(
                    l->fs, place,
                    "with qVSDC a terminal takes the track 2 equivalent from this answer; add tag "
                    "57 with value \"{track2}\"");
        if (!cw_tlv_find(gpo->value, TAG_CTQ, &v) || v.len != 2)
                cw_profile_finding(l->fs, place,
                                   "with qVSDC the card transaction qualifiers 9F6C, two bytes, say what the "
                                   "terminal does next; add them");
        check_pdol(l);
}
