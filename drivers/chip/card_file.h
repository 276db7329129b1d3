/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of one card as a text file (README.md, "Card data files"): values for the placeholders of a
 * profile, and data groupings that an issuer prepared. Everything stays in secret memory.
 */
#pragma once

#include "base/secret.h"
#include "drivers/chip/prepare.h"

#define CW_CARD_FILE_MAX (192u * 1024u)

struct cw_card_file {
        struct cw_secret *text;  /* copy; strings and spans point into the other one */
        struct cw_secret *bytes; /* decoded hex, strings */
        struct cw_card_values values;
        bool has_values; /* PAN and expiry are there */
        size_t given_count;
        struct cw_given_dgi given[CW_DGI_MAX];
        struct cw_instructions told; /* order, vercntl, enc, group, seclev */
};

/* Reads the whole text. REJECT with the number of the first line that is wrong; never with its content. */
CW_WARN_UNUSED cw_rc cw_card_file_parse(struct cw_span text, struct cw_card_file **ret, struct cw_fault *f);
/* Wipes. */
void cw_card_file_free(struct cw_card_file *c);
CW_DEFINE_CLEANUP(struct cw_card_file *, cw_card_file_free);
