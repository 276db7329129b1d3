/* SPDX-License-Identifier: Apache-2.0 */
/* The linter on lists: cardholder verification methods, data objects. */
#include "drivers/chip/profile_lint.h"

#include <string.h>

#define CVM_NEXT 0x40u /* apply the succeeding rule when this one fails */
#define CVM_RFU 0x80u
#define COMMAND_MAX 255u

/* ---- 8E ---- */

static bool offline_pin(uint8_t method) {
        return method == 1 || (method >= 3 && method <= 5);
}

static bool enciphered_pin(uint8_t method) {
        return method == 4 || method == 5;
}

/* Fail, PIN and signature (00..05), signature, none; 20..3E belong to schemes and issuers. */
static bool known_method(uint8_t method) {
        return method <= 5 || method == 0x1e || method == 0x1f || (method >= 0x20 && method <= 0x3e);
}

static bool known_condition(uint8_t condition) {
        return condition <= 9 || condition >= 0x80; /* from 80 on: schemes */
}

/* What an offline PIN needs on the card. */
static void check_pin(const struct cw_lint *l, const struct cw_lint_item *item, uint8_t method) {
        struct cw_span key;
        bool reference = false;
        for (size_t i = 0; i < l->data->count; i++)
                reference |= l->data->dgi[i].rule->id == 0x8010 && l->data->dgi[i].rule->app == 0;
        if (offline_pin(method) && !reference)
                cw_profile_finding(
                    l->fs, item->place,
                    "the CVM list has an offline PIN, but no DGI 8010 brings one; add 8010 and 9010");
        if (enciphered_pin(method) && !cw_elements_get(l->elements, 0x9f2d, &key) &&
            !cw_elements_get(l->elements, 0x9f46, &key))
                cw_profile_finding(l->fs, item->place,
                                   "method %02X enciphers the PIN, but no key for that is there; add 9F2D or "
                                   "9F46, or take it out",
                                   method);
}

static uint32_t amount(const uint8_t *p) {
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* X is compared under conditions 06 and 07, Y under 08 and 09. */
static void check_amounts(const struct cw_lint *l, const struct cw_lint_item *item, unsigned conditions) {
        static const char *const names[] = {"X", "Y"};
        for (unsigned i = 0; i < 2; i++) {
                const bool used = conditions & 3u << (6 + 2 * i),
                           there = amount(item->value.ptr + 4 * i) != 0;
                if (used && !there)
                        cw_profile_finding(l->fs, item->place,
                                           "a condition compares with amount %s, which is 0; set it",
                                           names[i]);
                if (!used && there)
                        cw_profile_finding(l->fs, item->place,
                                           "no condition compares with amount %s; set it to 0 or add one",
                                           names[i]);
        }
}

/* One rule; true when no transaction gets past it. */
static bool check_rule(const struct cw_lint *l, const struct cw_lint_item *item, uint8_t code,
                       uint8_t condition) {
        const uint8_t method = code & 0x3f;
        if (code & CVM_RFU || !known_method(method))
                cw_profile_finding(l->fs, item->place,
                                   "%02X is no cardholder verification method; correct it", code);
        if (!known_condition(condition))
                cw_profile_finding(l->fs, item->place, "%02X is no condition of a CVM rule; correct it",
                                   condition);
        check_pin(l, item, method);
        return condition == 0 && !(code & CVM_NEXT);
}

void cw_lint_cvm(const struct cw_lint *l, const struct cw_lint_item *item) {
        const struct cw_span v = item->value;
        unsigned conditions = 0;
        bool closed = false;
        if (v.len < 10 || v.len % 2) {
                cw_profile_finding(l->fs, item->place,
                                   "the CVM list 8E is 8 bytes and then pairs; correct it");
                return;
        }
        for (size_t i = 8; i < v.len; i += 2) {
                if (closed)
                        cw_profile_finding(
                            l->fs, item->place,
                            "rule %02X%02X is never reached, the one before holds always; remove it",
                            v.ptr[i], v.ptr[i + 1]);
                closed = check_rule(l, item, v.ptr[i], v.ptr[i + 1]) || closed;
                conditions |= v.ptr[i + 1] < 16 ? 1u << v.ptr[i + 1] : 0;
        }
        if (v.ptr[v.len - 2] & CVM_NEXT)
                cw_profile_finding(l->fs, item->place,
                                   "the last rule leads to a next one that is not there; clear bit 40 of it");
        check_amounts(l, item, conditions);
}

/* ---- data object lists ---- */

/* EMV Book 3 annex A: what has one length, or a smallest and a largest one. */
static const struct {
        uint32_t tag;
        uint8_t min, max;
} lengths[] = {
    {0x82, 2, 2},   {0x8a, 2, 2},   {0x91, 8, 16},  {0x95, 5, 5},   {0x98, 20, 20}, {0x9a, 3, 3},
    {0x9b, 2, 2},   {0x9c, 1, 1},   {0x5f2a, 2, 2}, {0x5f34, 1, 1}, {0x5f36, 1, 1}, {0x9f01, 6, 6},
    {0x9f02, 6, 6}, {0x9f03, 6, 6}, {0x9f04, 4, 4}, {0x9f09, 2, 2}, {0x9f15, 2, 2}, {0x9f16, 15, 15},
    {0x9f1a, 2, 2}, {0x9f1b, 4, 4}, {0x9f1c, 8, 8}, {0x9f1e, 8, 8}, {0x9f21, 3, 3}, {0x9f26, 8, 8},
    {0x9f27, 1, 1}, {0x9f33, 3, 3}, {0x9f34, 3, 3}, {0x9f35, 1, 1}, {0x9f36, 2, 2}, {0x9f37, 4, 4},
    {0x9f39, 1, 1}, {0x9f3a, 4, 4}, {0x9f3c, 2, 2}, {0x9f3d, 1, 1}, {0x9f40, 5, 5}, {0x9f41, 2, 4},
    {0x9f45, 2, 2}, {0x9f4c, 2, 8}, {0x9f66, 4, 4},
};

static void check_length(const struct cw_lint *l, const struct cw_lint_item *item, struct cw_dol_entry e) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                if (lengths[i].tag != e.tag || (e.len >= lengths[i].min && e.len <= lengths[i].max))
                        continue;
                cw_profile_finding(
                    l->fs, item->place,
                    "asks for %u bytes of %X, which has %u; a terminal cuts or pads it; correct it", e.len,
                    e.tag, lengths[i].max);
                return;
        }
        for (size_t i = 0; i < l->profile->data_count; i++)
                if (l->profile->data[i].tag == e.tag && l->profile->data[i].len != e.len)
                        cw_profile_finding(
                            l->fs, item->place,
                            "asks for %u bytes of %X, but terminal data has %zu; correct one of them", e.len,
                            e.tag, l->profile->data[i].len);
}

void cw_lint_dol(const struct cw_lint *l, const struct cw_lint_item *item) {
        struct cw_span rest = item->value;
        struct cw_dol_entry entry;
        uint32_t seen[128];
        size_t count = 0, total = 0;
        while (count < sizeof seen / sizeof *seen && cw_dol_next(&rest, &entry) == CW_TLV_ITEM) {
                check_length(l, item, entry);
                for (size_t i = 0; i < count; i++)
                        if (seen[i] == entry.tag)
                                cw_profile_finding(l->fs, item->place, "asks for %X twice; remove one",
                                                   entry.tag);
                seen[count++] = entry.tag;
                total += entry.len;
        }
        if (total > COMMAND_MAX)
                cw_profile_finding(l->fs, item->place,
                                   "asks for %zu bytes, more than the %u of one command; shorten it", total,
                                   COMMAND_MAX);
}
