/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pin_policy.h"

/* Every digit differs from the one before by step, modulo 10. */
static bool runs(const struct cw_pin *pin, unsigned step) {
        for (size_t i = 1; i < pin->len; i++) {
                if ((pin->digit[i - 1] + step) % 10 != pin->digit[i])
                        return false;
        }
        return true;
}

cw_rc cw_pin_policy_check(const struct cw_pin *pin, unsigned min, unsigned max, struct cw_fault *f) {
        if (pin->len < min || pin->len > max)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.pin_policy", "PIN_LENGTH",
                               "the PIN must have %u to %u digits; choose another", min, max);
        if (runs(pin, 0) || runs(pin, 1) || runs(pin, 9))
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.pin_policy", "PIN_WEAK",
                    "the PIN is too easy to guess (one digit repeated, or a row of digits); choose another");
        return CW_OK;
}
