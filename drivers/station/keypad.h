/* SPDX-License-Identifier: Apache-2.0 */
/* A PIN at the chip reader's own keypad (PC/SC part 10): from the customer's fingers to the chip, never here.
 */
#pragma once

#include "config/config.h"
#include "base/ipc.h"
#include "drivers/chip/profile.h"
#include "drivers/reader/secure_pin.h"

struct cw_station;

/*
 * VERIFY, or with modify CHANGE REFERENCE DATA, lengths and time by pin. Blocks while somebody types, up to
 * the reader's own deadline (cw_secure_pin_verify). *ret_tries: left, -1 when the chip did not tell. REJECT
 * when the reader has no such keypad, RECONNECT when line, reader or card broke: whether the chip got a PIN
 * is unknown.
 */
CW_WARN_UNUSED cw_rc cw_keypad_ask(struct cw_card_channel *c, const struct cw_config_pin *pin, bool modify,
                                   enum cw_part10_outcome *ret, int *ret_tries, struct cw_fault *f);
/*
 * card.pin on a card that is connected: the profile's application is selected. With modify it is the one of
 * the product in the configuration, not the one that came with the request; OPERATOR when its signature does
 * not hold, REJECT/CW_E_DENIED when there is none or it does not say change_reference_data. NULL with *f when
 * it failed.
 */
struct cw_msg *cw_keypad_card(struct cw_station *st, const struct cw_msg *request, struct cw_card_channel *c,
                              const struct cw_profile *profile, struct cw_fault *f);
