/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clear side of Thales D1's encryptedData: a JSON object with the card's data. Read from an issuer's
 * sealed data and checked, or made from a kit; written for D1. Everything here lives in secret memory of the
 * caller. Pure.
 */
#pragma once

#include "base/buf.h"
#include "base/secret.h"
#include "config/config.h"
#include "hsm/pan.h"
#include "hsm/track.h"

#define CW_D1_NAME_MAX 80u
#define CW_D1_TRACK3_MAX 104u
#define CW_D1_EMV_MAX 1024u /* bytes of a prepared EMV data set */

/* Texts are NUL-terminated, "" when absent. */
struct cw_d1_card {
        struct cw_pan pan;
        char expiry[5]; /* YYMM, whatever the order outside */
        char name[CW_D1_NAME_MAX + 1], second_name[CW_D1_NAME_MAX + 1];
        char encoded_name[CW_TRACK_NAME_MAX + 1];
        char psn[3];
        char cvv1[4], pvv[5], csc[4];
        char effective[7], account_reference[30];
        char track1[CW_TRACK1_MAX + 1], track2[CW_TRACK2_MAX + 1], track3[CW_D1_TRACK3_MAX + 1];
        char emv_data[2 * CW_D1_EMV_MAX + 1]; /* hex */
};

/*
 * Checks and takes the members D1 documents; unknown ones are passed over. REJECT/CW_E_SYNTAX, code
 * HSM_CARD_DATA, naming the member and never its value. PSN "00" when absent. d: order of exp, names of
 * members.
 */
CW_WARN_UNUSED cw_rc cw_d1_card_parse(const struct cw_config_d1 *d, struct cw_span clear,
                                      struct cw_d1_card *ret, struct cw_fault *f);
/* The JSON object, members in the order of D1's pages. REJECT/CW_E_TOO_BIG when it does not fit into ret. */
CW_WARN_UNUSED cw_rc cw_d1_card_write(const struct cw_config_d1 *d, const struct cw_d1_card *card,
                                      struct cw_secret *ret, struct cw_fault *f);
/*
 * D1's pattern of discretionary data, "000000|cvv|000000": digits as they are, the tokens cvv (3 digits) and
 * pvv (4) replaced. REJECT when a token's value is "", or on anything else.
 */
CW_WARN_UNUSED cw_rc cw_d1_pattern(const char *pattern, const char *cvv, const char *pvv, char *ret,
                                   size_t cap, struct cw_fault *f);
/* Tracks 1 and 2 of the card with this discretionary data (digits), in place of any it has. */
CW_WARN_UNUSED cw_rc cw_d1_tracks(struct cw_d1_card *card, const char *service_code,
                                  const char *discretionary, struct cw_fault *f);
/*
 * A prepared EMV data set (model 2): template is the text of a file, hex TLV with blanks and lines; the
 * card's own 5A, 5F24, 5F34 and 5F20 are appended unless it has them. REJECT/CW_E_SYNTAX when it is not
 * BER-TLV, names a card number that is not this card's, or holds what is a key or a PIN (8000 and 9000 ranges
 * are DGIs and no TLV).
 */
CW_WARN_UNUSED cw_rc cw_d1_emv_data(const char *template, struct cw_d1_card *card, struct cw_fault *f);
