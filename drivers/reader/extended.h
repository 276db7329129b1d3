/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended length (ISO 7816-3, 12.1.3): short APDUs are the rule, and an extended one is sent only to read
 * what may be longer than 256 bytes, and only when all agree: the configuration, the protocol (T=1; T=0 would
 * need ENVELOPE), the card by the capabilities in its ATR, and the reader by PC/SC part 10.
 */
#pragma once

#include "drivers/reader/card_channel.h"

/* ISO 7816-4, card capabilities (7x) in the historical bytes: extended Lc and Le fields. */
bool cw_atr_says_extended(struct cw_span atr);

/*
 * Settles c->answer_max. Only a card that offers it makes the reader be asked; one that says nothing, or 256
 * as libccid does for short APDU level, leaves it at 0. RECONNECT when the reader went away meanwhile. Blocks
 * up to timeout_ms a question.
 */
CW_WARN_UNUSED cw_rc cw_card_agree_extended(struct cw_card_channel *c, int64_t timeout_ms,
                                            struct cw_fault *f);
