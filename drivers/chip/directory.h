/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of a card: PSE (EMV Book 1, 12.2, over contacts) with an elementary file of entries, and PPSE
 * (EMV Contactless Book B, 3.3), whose entries are in the answer to SELECT.
 */
#pragma once

#include "drivers/chip/terminal.h"

extern const struct cw_aid cw_pse, cw_ppse;

struct cw_directory {
        bool there;
        uint16_t sw;      /* of SELECT */
        unsigned entries; /* 4F in a template 61 */
        bool listed;      /* one of them names the application, wholly or by its beginning */
};
/* The PPSE is for the antenna: many a dual-interface chip does not let it be selected over contacts. True
 * when that is no fault of this card: the profile does not ask for more. */
bool cw_directory_may_hide(const struct cw_terminal *t, const struct cw_aid *name);
/* Whether entries anywhere in well-formed bytes name want; counts them. */
bool cw_directory_lists(struct cw_span bytes, const struct cw_aid *want, unsigned *entries);
/*
 * SELECT, and of the PSE all records of the file its SFI (88) names. REJECT when the directory is malformed,
 * RECONNECT when the card goes away; one that is not there is CW_OK.
 */
CW_WARN_UNUSED cw_rc cw_directory_read(struct cw_terminal *t, const struct cw_aid *name,
                                       const struct cw_aid *want, struct cw_directory *ret,
                                       struct cw_fault *f);
