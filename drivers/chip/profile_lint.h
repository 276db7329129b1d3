/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the profile linter share (profile_check*.c, profile_lint*.c); nobody else includes this.
 */
#pragma once

#include "drivers/chip/elements.h"
#include "drivers/chip/prepare.h"
#include "drivers/chip/profile.h"
#include "drivers/chip/tlv.h"

struct cw_lint {
        const struct cw_profile *profile;
        const struct cw_perso_data *data; /* of the made-up card */
        struct cw_elements *elements;     /* of all records and the GPO answer */
        struct cw_profile_findings *fs;
};

/* The values of the made-up card. */
struct cw_lint_own {
        uint32_t tag;
        struct cw_span value;
        const char *placeholder;
};

/* A primitive element of a record, an FCI or an answer to GPO; place leads to its line. */
struct cw_lint_item {
        const struct cw_profile_dgi *rule;
        uint32_t tag;
        struct cw_span value;
        char place[96];
};

/* Where the template of tag stands in the grouping's rule, or the grouping when it has none. */
void cw_lint_place(const struct cw_lint *l, const struct cw_profile_dgi *rule, uint32_t tag, char ret[96]);

/* Every element: the card's own values, lists, action codes, dates. */
void cw_lint_items(const struct cw_lint *l, const struct cw_lint_own *own, size_t own_count);
/* The groupings among themselves: order, reserved ones, keys in clear. */
void cw_lint_order(const struct cw_lint *l);
/* AIP, AFL and the records of each path tell the same story. */
void cw_lint_paths(const struct cw_lint *l);
/* Whether the contactless path is Visa's qVSDC: everything, the cryptogram too, is in the answer to GET
 * PROCESSING OPTIONS. Told by card transaction qualifiers (9F6C) there, or by the absence of an AFL. */
bool cw_lint_is_qvsdc(const struct cw_lint *l);
/* What such a path needs in its answer and its PDOL. */
void cw_lint_qvsdc(const struct cw_lint *l);
/* profile_made.c: how hsmd makes values. */
void cw_lint_made(const struct cw_lint *l);
/* profile_lint_lists.c: CVM list (EMV Book 3, 10.5 and annex C3), data object lists (5.4). */
void cw_lint_cvm(const struct cw_lint *l, const struct cw_lint_item *item);
void cw_lint_dol(const struct cw_lint *l, const struct cw_lint_item *item);
/* profile_lint_elements.c: formats of EMV Book 3 annex A, the template A5; then lists before any record is
 * read (9F38), and whether what the cryptogram covers reaches the chip. */
void cw_lint_elements(const struct cw_lint *l);
void cw_lint_pdol(const struct cw_lint *l, const struct cw_lint_item *item);
void cw_lint_cover(const struct cw_lint *l);
