/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PIN typed at the reader's own keypad: asks the reader what it can do, tells it to ask the customer, and
 * says how that ended. The PIN goes from keypad to card. Works over any channel with a control operation.
 */
#pragma once

#include "drivers/reader/card_channel.h"
#include "drivers/reader/part10.h"

struct cw_secure_pin {
        struct cw_part10_features features;
        struct cw_part10_properties properties;
};

/*
 * What the reader can do; a reader without a keypad is no error: features are zeros. RECONNECT when the
 * reader went away, REJECT when it answers nonsense. Blocks up to timeout_ms a question.
 */
CW_WARN_UNUSED cw_rc cw_secure_pin_look(struct cw_card_channel *c, int64_t timeout_ms,
                                        struct cw_secure_pin *ret, struct cw_fault *f);
static inline bool cw_secure_pin_can_verify(const struct cw_secure_pin *s) {
        return s->features.verify_direct != 0;
}
static inline bool cw_secure_pin_can_modify(const struct cw_secure_pin *s) {
        return s->features.modify_direct != 0;
}

/*
 * VERIFY, or CHANGE REFERENCE DATA with the old and twice the new PIN. Blocks while the customer types: the
 * reader's timeout and 10 s more, at least 90 s (nothing can cut it short: pcscd keeps the reader that long).
 * *ret_tries: -1 when the card did not tell. REJECT/CW_E_UNSUPPORTED without that keypad, RECONNECT when
 * reader or card went away: whether the card got a PIN is not known then.
 */
CW_WARN_UNUSED cw_rc cw_secure_pin_verify(struct cw_card_channel *c, const struct cw_secure_pin *s,
                                          const struct cw_part10_ask *ask, enum cw_part10_outcome *ret,
                                          int *ret_tries, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_secure_pin_modify(struct cw_card_channel *c, const struct cw_secure_pin *s,
                                          const struct cw_part10_ask *ask, enum cw_part10_outcome *ret,
                                          int *ret_tries, struct cw_fault *f);
