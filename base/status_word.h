/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both ends of a card session conclude from a card's status word: the station tells whether the card is
 * as it was, hsmd whether a try to write keys is settled. They must judge alike, so the rule stands here
 * once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Nothing changed on the card: ISO 7816-4's checking errors 67 to 6E, and 94, GlobalPlatform's word for a key
 * that is not taken. 6F, 65 and the others do not say. */
static inline bool cw_sw_surely_refused(uint16_t sw) {
        return (sw >= 0x6700 && sw <= 0x6eff) || sw >> 8 == 0x94;
}
