/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes clear card data out of a server's answer, in the receive buffer, before anything parses it. Length
 * and JSON validity are kept, so positions in error texts stay right. card number members   13 or more
 * digits: all but first 6 and last 4 become 'X' ('0' in a JSON number) cvv, pin, track, ...  every character
 * becomes 'X' (a JSON number becomes 9 and blanks) encrypted... members  untouched other text            a
 * run of 13 to 19 digits that is Luhn-valid, alone or inside a sentence, is masked like a card number, unless
 * the member is an identifier (its name ends in id, no, number, name)
 */
#pragma once

#include "base/error.h"
#include "base/secret.h"

#include <stddef.h>

/* REJECT/CW_E_SYNTAX when the text nests deeper than CW_JSON_DEPTH_MAX. */
CW_WARN_UNUSED cw_rc cw_mask_json(void *text, size_t len, struct cw_fault *f);
/*
 * Moves the first string member of that name (as cw_json_scan_key writes it) out of the text: *ret gets the
 * bytes, the text 'X's. REJECT/CW_E_NOT_FOUND when there is none, it is empty or has escapes.
 */
CW_WARN_UNUSED cw_rc cw_mask_take(void *text, size_t len, const char *key, struct cw_secret **ret);
/* Masks a card number in NUL-terminated text (13 or more digits) the same way; fewer digits stay as they are.
 */
void cw_mask_card_number(char *text);
