/* SPDX-License-Identifier: Apache-2.0 */
/* The PIN side of validateCardEnding, kept with the rest of the PIN (pin.c). */
#pragma once

#include "kits.h"

/*
 * Checks the sealed PIN of the body against the kit's. A wrong one counts and is refused (CRD002, or
 * pin.locked); false after a refusal.
 */
bool cw_dsim_pin_matches(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                         const struct cw_dsim_kit *kit, bool v2);
/* MMYY of the body, "0729" or 729, against the card's. */
bool cw_dsim_expiry_matches(const struct cw_dsim_call *call, const struct cw_dsim_kit *kit);
/* The CVV2 of the kit, three digits; false when it has none. The caller wipes it. */
bool cw_dsim_kit_cvv(struct cw_dsim *sim, const struct cw_dsim_kit *kit, char cvv[4]);
