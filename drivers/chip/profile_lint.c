/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_lint.h"

#include "base/buf.h"

#include <string.h>

#define IAC_BYTES 5

/* ---- where it stands ---- */

/* The template of tag below node, appended to the place as far as it is known. */
static bool find_template(const json_t *node, uint32_t tag, char *place, size_t cap) {
        const size_t len = strlen(place);
        size_t i = 0;
        json_t *item = NULL;
        uint32_t here = 0;
        const char *text = json_string_value(json_object_get(node, "tag"));
        if (text && cw_tlv_tag_parse(text, &here) && here == tag)
                return true;
        json_array_foreach(json_object_get(node, "of"), i, item) {
                (void)snprintf(place + len, cap - len, ".of[%zu]", i);
                if (find_template(item, tag, place, cap))
                        return true;
        }
        place[len] = '\0';
        return false;
}

void cw_lint_place(const struct cw_lint *l, const struct cw_profile_dgi *rule, uint32_t tag, char ret[96]) {
        const json_t *owner = rule->app ? json_array_get(json_object_get(l->profile->root, "applications"),
                                                         (size_t)rule->app - 1)
                                        : l->profile->root;
        const json_t *list = json_object_get(owner, "dgis");
        size_t at = 0;
        while (at < json_array_size(list) && json_array_get(list, at) != rule->node)
                at++;
        if (rule->app)
                (void)snprintf(ret, 96, "applications[%u].dgis[%zu]", rule->app - 1u, at);
        else
                (void)snprintf(ret, 96, "dgis[%zu]", at);
        if (tag)
                (void)find_template(rule->node, tag, ret, 96);
}

static bool is_literal(const struct cw_lint_item *item) {
        const json_t *node = item->rule->node;
        char place[96] = "";
        /* The same walk, so the same template: its value has no placeholder. */
        if (!find_template(node, item->tag, place, sizeof place))
                return false;
        for (const char *at = place; *at; at = strchr(at, ']') + 1) {
                size_t index = 0;
                for (const char *digit = strchr(at, '[') + 1; *digit != ']'; digit++)
                        index = index * 10 + (size_t)(*digit - '0');
                node = json_array_get(json_object_get(node, "of"), index);
        }
        const char *value = json_string_value(json_object_get(node, "value"));
        return !value || !strchr(value, '{');
}

/* ---- element by element ---- */

static void check_own(const struct cw_lint *l, const struct cw_lint_item *item,
                      const struct cw_lint_own *own) {
        if (item->value.len == own->value.len && memcmp(item->value.ptr, own->value.ptr, own->value.len) == 0)
                return;
        cw_profile_finding(l->fs, item->place, "tag %X must be this card's own; use value \"%s\"%s",
                           item->tag, own->placeholder,
                           item->tag == 0x57 ? ", whose check value is the chip's (iCVV), not the stripe's"
                                             : "");
}

static void check_discretionary(const struct cw_lint *l, const struct cw_lint_item *item) {
        if (is_literal(item))
                cw_profile_finding(
                    l->fs, item->place,
                    "tag %X is the same on every card here, with a check value that is not the "
                    "chip's (iCVV); remove it",
                    item->tag);
}

static unsigned days_of(unsigned year, unsigned month) {
        static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        return month < 1 || month > 12 ? 0 : month == 2 && year % 4 == 0 ? 29u : days[month - 1];
}

/* Effective date: a day there is, not after the month the longest-lived card ends in. */
static void check_effective(const struct cw_lint *l, const struct cw_lint_item *item) {
        unsigned part[3] = {0};
        bool digits = item->value.len == 3;
        for (size_t i = 0; digits && i < 3; i++) {
                uint8_t b = item->value.ptr[i];
                digits = b >> 4 < 10 && (b & 15) < 10;
                part[i] = (b >> 4) * 10u + (b & 15u);
        }
        struct cw_span end;
        if (!digits || part[2] < 1 || part[2] > days_of(part[0], part[1]))
                cw_profile_finding(l->fs, item->place, "tag 5F25 is a date, YYMMDD; correct it");
        else if (cw_elements_get(l->elements, 0x5f24, &end) && end.len == 3 &&
                 memcmp(item->value.ptr, end.ptr, 3) > 0)
                cw_profile_finding(l->fs, item->place,
                                   "the card would be effective (5F25) after it expired (5F24); correct it");
}

static void check_action_code(const struct cw_lint *l, const struct cw_lint_item *item) {
        if (item->value.len != IAC_BYTES)
                cw_profile_finding(l->fs, item->place,
                                   "an issuer action code has 5 bytes, tag %X has %zu; "
                                   "correct it",
                                   item->tag, item->value.len);
}

typedef void (*check_fn)(const struct cw_lint *l, const struct cw_lint_item *item);
static const struct {
        uint32_t tag;
        check_fn fn;
} checks[] = {
    {0x8e, cw_lint_cvm},           {0x8c, cw_lint_dol},           {0x8d, cw_lint_dol},
    {0x97, cw_lint_dol},           {0x9f38, cw_lint_pdol},        {0x9f49, cw_lint_dol},
    {0x9f0d, check_action_code},   {0x9f0e, check_action_code},   {0x9f0f, check_action_code},
    {0x56, check_discretionary},   {0x9f1f, check_discretionary}, {0x9f20, check_discretionary},
    {0x9f6b, check_discretionary}, {0x5f25, check_effective},
};

static void check_item(const struct cw_lint *l, struct cw_lint_item *item, const struct cw_lint_own *own,
                       size_t own_count) {
        cw_lint_place(l, item->rule, item->tag, item->place);
        for (size_t i = 0; i < own_count; i++)
                if (own[i].tag == item->tag)
                        check_own(l, item, &own[i]);
        for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
                if (checks[i].tag == item->tag)
                        checks[i].fn(l, item);
}

static void walk(const struct cw_lint *l, const struct cw_profile_dgi *rule, struct cw_span rest,
                 const struct cw_lint_own *own, size_t own_count) {
        struct cw_tlv tlv;
        while (cw_tlv_next(&rest, &tlv) == CW_TLV_ITEM) {
                struct cw_lint_item item = {.rule = rule, .tag = tlv.tag, .value = tlv.value};
                if (tlv.constructed)
                        walk(l, rule, tlv.value, own, own_count);
                else
                        check_item(l, &item, own, own_count);
        }
}

void cw_lint_items(const struct cw_lint *l, const struct cw_lint_own *own, size_t own_count) {
        for (size_t i = 0; i < l->data->count; i++) {
                const struct cw_perso_dgi *dgi = &l->data->dgi[i];
                /* What a card keeps to itself need not be TLV. */
                if (dgi->rule->app == 0 && dgi->rule->role != CW_DGI_OTHER && cw_tlv_valid(dgi->value))
                        walk(l, dgi->rule, dgi->value, own, own_count);
        }
}

/* ---- the groupings among themselves ---- */

static bool is_reserved(uint16_t id) {
        return (id >= 0x7ff0 && id <= 0x7ffe) || id == 0x7f01 || id == 0x8f01 || id == 0x00cf ||
               (id >= 0x9f60 && id <= 0x9f6f);
}

static bool has_dgi(const struct cw_profile *p, uint16_t id, uint8_t app) {
        for (size_t i = 0; i < p->dgi_count; i++)
                if (p->dgi[i].id == id && p->dgi[i].app == app)
                        return true;
        return false;
}

/* One that says something about another. */
static void check_pair(const struct cw_lint *l, const struct cw_profile_dgi *rule, uint16_t id,
                       uint16_t other, const char *what) {
        char place[96];
        if (rule->id != id || has_dgi(l->profile, other, rule->app))
                return;
        cw_lint_place(l, rule, 0, place);
        cw_profile_finding(l->fs, place, "DGI %04X %s; add DGI %04X", id, what, other);
}

void cw_lint_order(const struct cw_lint *l) {
        const struct cw_profile *p = l->profile;
        bool record[CW_PROFILE_APPS_MAX + 1] = {false};
        for (size_t i = 0; i < p->dgi_count; i++) {
                const struct cw_profile_dgi *rule = &p->dgi[i];
                char place[96];
                cw_lint_place(l, rule, 0, place);
                if (is_reserved(rule->id))
                        cw_profile_finding(l->fs, place, "DGI %04X is reserved by EMV CPS; use another",
                                           rule->id);
                if (rule->id == 0x7fff && i + 1 < p->dgi_count && p->dgi[i + 1].app == rule->app)
                        cw_profile_finding(l->fs, place, "DGI 7FFF ends the data; move it to the end");
                if (rule->id == 0x0062 && record[rule->app])
                        cw_profile_finding(
                            l->fs, place,
                            "DGI 0062 makes the file of records that come before it; move it up");
                if (rule->from_hsm && (rule->id == 0x8000 || rule->id == 0x8010) && !rule->encrypted)
                        cw_profile_finding(l->fs, place, "DGI %04X is secret; set encrypted", rule->id);
                record[rule->app] |= rule->role == CW_DGI_RECORD;
                check_pair(l, rule, 0x9000, 0x8000, "has check values of keys that nobody sends");
                check_pair(l, rule, 0x9010, 0x8010, "has the tries of a PIN that nobody sends");
                check_pair(l, rule, 0x8010, 0x9010, "brings a PIN without its number of tries");
        }
}
