/* SPDX-License-Identifier: Apache-2.0 */
/* The linter on data elements by EMV Book 3 annex A and Book 1: how long, of which characters, whose they are
 * and whether a terminal meets them once. */
#include "drivers/chip/profile_lint.h"

#include <string.h>

enum form {
        BYTES,
        DIGITS,
        LETTERS,
        NAME /* any printable character */
};

static const struct {
        uint32_t tag;
        uint8_t min, max;
        enum form form;
} forms[] = {
    {0x42, 3, 3, DIGITS},    {0x4f, 5, 16, BYTES},    {0x50, 1, 16, NAME},    {0x82, 2, 2, BYTES},
    {0x87, 1, 1, BYTES},     {0x88, 1, 1, BYTES},     {0x8f, 1, 1, BYTES},    {0x5f28, 2, 2, DIGITS},
    {0x5f2d, 2, 8, LETTERS}, {0x5f50, 1, 255, NAME},  {0x5f53, 1, 34, BYTES}, {0x5f54, 8, 11, BYTES},
    {0x5f55, 2, 2, LETTERS}, {0x5f56, 3, 3, LETTERS}, {0x9f05, 1, 32, BYTES}, {0x9f07, 2, 2, BYTES},
    {0x9f08, 2, 2, BYTES},   {0x9f0b, 27, 45, NAME},  {0x9f11, 1, 1, DIGITS}, {0x9f12, 1, 16, NAME},
    {0x9f14, 1, 1, BYTES},   {0x9f23, 1, 1, BYTES},   {0x9f2e, 1, 3, BYTES},  {0x9f32, 1, 3, BYTES},
    {0x9f3b, 2, 8, DIGITS},  {0x9f42, 2, 2, DIGITS},  {0x9f43, 1, 4, DIGITS}, {0x9f44, 1, 1, DIGITS},
    {0x9f47, 1, 3, BYTES},   {0x9f4d, 2, 2, BYTES},
};

/* What a terminal brings itself, and what the chip makes anew in each transaction: neither is in a record. */
static const uint32_t of_terminal[] = {
    0x81,   0x8a,   0x95,   0x98,   0x99,   0x9a,   0x9b,   0x9c,   0x5f2a, 0x5f36, 0x5f57, 0x9f01,
    0x9f02, 0x9f03, 0x9f04, 0x9f09, 0x9f15, 0x9f16, 0x9f1a, 0x9f1b, 0x9f1c, 0x9f1d, 0x9f1e, 0x9f21,
    0x9f33, 0x9f34, 0x9f35, 0x9f37, 0x9f39, 0x9f3a, 0x9f3c, 0x9f3d, 0x9f40, 0x9f41, 0x9f4e, 0x9f66,
};
static const uint32_t of_chip[] = {0x9f10, 0x9f13, 0x9f17, 0x9f26, 0x9f27, 0x9f36, 0x9f4b};

static bool among(const uint32_t *list, size_t count, uint32_t tag) {
        size_t i = 0;
        while (i < count && list[i] != tag)
                i++;
        return i < count;
}
#define AMONG(list, tag) among(list, sizeof(list) / sizeof *(list), tag)

static bool letter(uint8_t c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool of_form(uint8_t c, enum form form) {
        switch (form) {
        case DIGITS:
                return c >> 4 < 10 && (c & 15) < 10;
        case LETTERS:
                return letter(c);
        case NAME:
                return (c >= 0x20 && c <= 0x7e) || c >= 0xa0; /* ISO 8859: 9F12 has a code table, 9F11 */
        case BYTES:
                break;
        }
        return true;
}

static void check_form(const struct cw_lint *l, const struct cw_lint_item *item, size_t at) {
        static const char *const words[] = {"", "digits", "letters", "printable characters"};
        const struct cw_span v = item->value;
        if (v.len < forms[at].min || v.len > forms[at].max) {
                cw_profile_finding(l->fs, item->place,
                                   "tag %X has %zu bytes, and a terminal expects %u to %u; correct it",
                                   item->tag, v.len, forms[at].min, forms[at].max);
                return;
        }
        for (size_t i = 0; i < v.len; i++)
                if (!of_form(v.ptr[i], forms[at].form)) {
                        cw_profile_finding(l->fs, item->place, "tag %X holds %s and nothing else; correct it",
                                           item->tag, words[forms[at].form]);
                        return;
                }
        if (item->tag == 0x5f2d && v.len % 2)
                cw_profile_finding(l->fs, item->place,
                                   "tag 5F2D is one to four languages of two letters; correct it");
}

static void check_element(const struct cw_lint *l, struct cw_lint_item *item) {
        const bool record = item->rule->role == CW_DGI_RECORD;
        cw_lint_place(l, item->rule, item->tag, item->place);
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
                if (forms[i].tag == item->tag)
                        check_form(l, item, i);
        /* Of Visa's readers 9F66 is theirs; in Mastercard's records it is the chip's (PUNATC). */
        const bool free = item->tag == 0x9f66 && !cw_lint_is_qvsdc(l);
        if (record && AMONG(of_terminal, item->tag) && !free)
                cw_profile_finding(l->fs, item->place,
                                   "tag %X is the terminal's own, and no record's; remove it", item->tag);
        if (record && AMONG(of_chip, item->tag))
                cw_profile_finding(
                    l->fs, item->place,
                    "tag %X is made by the chip in each transaction, and a record that has it too ends the "
                    "transaction; remove it",
                    item->tag);
}

static void walk(const struct cw_lint *l, const struct cw_profile_dgi *rule, struct cw_span rest) {
        struct cw_tlv tlv;
        while (cw_tlv_next(&rest, &tlv) == CW_TLV_ITEM) {
                struct cw_lint_item item = {.rule = rule, .tag = tlv.tag, .value = tlv.value};
                if (tlv.constructed)
                        walk(l, rule, tlv.value);
                else
                        check_element(l, &item);
        }
}

/* One A5, alone, behind the chip's name (84), or with it in the whole answer (6F): a chip takes it in one of
 * these ways, and some put A5 around its contents themselves. */
static bool has_form_of_fci(struct cw_span rest) {
        struct cw_span all = rest;
        struct cw_tlv tlv = {0};
        unsigned a5 = 0, others = 0;
        const bool whole = cw_tlv_next(&all, &tlv) == CW_TLV_ITEM && tlv.tag == 0x6f && all.len == 0;
        if (whole)
                rest = tlv.value;
        while (cw_tlv_next(&rest, &tlv) == CW_TLV_ITEM) {
                a5 += tlv.tag == 0xa5;
                others += tlv.tag != 0xa5 && tlv.tag != 0x84;
        }
        return whole || a5 ? a5 == 1 && others == 0 : true;
}

/* What SELECT answers, Book 1, 11.3.4; by the antenna a kernel needs no label. */
static void check_fci(const struct cw_lint *l, const struct cw_perso_dgi *fci) {
        struct cw_span value, name;
        char place[96];
        cw_lint_place(l, fci->rule, 0, place);
        if (!has_form_of_fci(fci->value))
                cw_profile_finding(l->fs, place, "what SELECT answers is one template A5; wrap it");
        else if (cw_tlv_find(fci->value, 0xa5, &value) && cw_tlv_find(value, 0x84, &name))
                cw_profile_finding(l->fs, place, "the chip's name (84) is before A5, not in it; remove it");
        else if (fci->rule->role == CW_DGI_FCI && fci->rule->app == 0 &&
                 !cw_tlv_find(fci->value, 0x50, &value))
                cw_profile_finding(l->fs, place, "a terminal needs the application's label; add tag 50");
}

void cw_lint_elements(const struct cw_lint *l) {
        for (size_t i = 0; i < l->data->count; i++) {
                const struct cw_perso_dgi *dgi = &l->data->dgi[i];
                const enum cw_dgi_role role = dgi->rule->role;
                if (role == CW_DGI_OTHER || dgi->rule->from_hsm || !dgi->value.len ||
                    !cw_tlv_valid(dgi->value))
                        continue;
                walk(l, dgi->rule, dgi->value);
                if (role == CW_DGI_FCI || role == CW_DGI_CL_FCI)
                        check_fci(l, dgi);
        }
}

/* ---- what reaches the chip ---- */

static bool asked(const struct cw_lint *l, enum cw_dgi_role role, uint32_t list, uint32_t tag) {
        const struct cw_perso_dgi *in = cw_perso_data_role(l->data, role);
        struct cw_span dol = {0};
        struct cw_dol_entry entry;
        if (list == 0x8c ? !cw_elements_get(l->elements, list, &dol)
                         : !in || !cw_tlv_valid(in->value) || !cw_tlv_find(in->value, list, &dol))
                return false;
        while (cw_dol_next(&dol, &entry) == CW_TLV_ITEM)
                if (entry.tag == tag)
                        return true;
        return false;
}

void cw_lint_cover(const struct cw_lint *l) {
        for (size_t i = 0; i < l->profile->cover_count; i++) {
                const uint32_t tag = l->profile->cover[i].tag;
                if (AMONG(of_terminal, tag) && !asked(l, CW_DGI_FCI, 0x8c, tag) &&
                    !asked(l, CW_DGI_FCI, 0x9f38, tag) && !asked(l, CW_DGI_CL_FCI, 0x9f38, tag))
                        cw_profile_finding(
                            l->fs, "terminal.arqc_data",
                            "the cryptogram cannot cover %X, which neither CDOL1 (8C) nor PDOL (9F38) brings "
                            "to the chip; ask for it there or remove it here",
                            tag);
        }
}

void cw_lint_pdol(const struct cw_lint *l, const struct cw_lint_item *item) {
        struct cw_span rest = item->value, value;
        struct cw_dol_entry entry;
        enum cw_tlv_result result;
        while ((result = cw_dol_next(&rest, &entry)) == CW_TLV_ITEM)
                if (AMONG(of_chip, entry.tag) ||
                    (!AMONG(of_terminal, entry.tag) && cw_elements_get(l->elements, entry.tag, &value)))
                        cw_profile_finding(
                            l->fs, item->place,
                            "asks for %X, which a terminal reads only later and fills with 00; remove it",
                            entry.tag);
        if (result == CW_TLV_BAD)
                cw_profile_finding(l->fs, item->place, "tag %X is not a list of tags and lengths; correct it",
                                   item->tag);
        cw_lint_dol(l, item);
}
