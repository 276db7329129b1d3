/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of one card as a text file (README.md, "Card data files"): values for the placeholders of a
 * profile, and data groupings that an issuer prepared. Everything stays in secret memory.
 */
#pragma once

#include "base/secret.h"
#include "drivers/chip/prepare.h"

#define CW_CARD_FILE_MAX (192u * 1024u)
#define CW_CARD_FILE_ICVV 3u

struct cw_card_file {
        struct cw_secret *text;  /* copy; strings and spans point into the other one */
        struct cw_secret *bytes; /* decoded hex, strings */
        struct cw_card_values values;
        bool has_values; /* PAN and expiry are there */
        size_t given_count;
        struct cw_given_dgi given[CW_DGI_MAX];
        struct cw_instructions told; /* order, vercntl, enc, group, seclev */
        bool wants_icvv; /* the discretionary data have {icvv}: values.track2 is empty until it is set */
        struct cw_span discretionary; /* as the text has them */
};

/* Reads the whole text. REJECT with the number of the first line that is wrong; never with its content. */
CW_WARN_UNUSED cw_rc cw_card_file_parse(struct cw_span text, struct cw_card_file **ret, struct cw_fault *f);
/* Three digits take the place of {icvv}; makes values.track2. REJECT for anything but digits. */
CW_WARN_UNUSED cw_rc cw_card_file_set_icvv(struct cw_card_file *c, const char icvv[CW_CARD_FILE_ICVV],
                                           struct cw_fault *f);
/* Wipes. */
void cw_card_file_free(struct cw_card_file *c);
CW_DEFINE_CLEANUP(struct cw_card_file *, cw_card_file_free);
