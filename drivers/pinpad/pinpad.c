/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/pinpad/pinpad.h"

cw_rc cw_pinpad_show(struct cw_pinpad *p, const char *text, struct cw_fault *f) {
        char shown[CW_PINPAD_TEXT_MAX + 1] = "";
        for (size_t i = 0; i < CW_PINPAD_TEXT_MAX && text[i]; i++)
                shown[i] = text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?';
        return p->ops->show(p, shown, f);
}

cw_rc cw_pinpad_pin(struct cw_pinpad *p, const struct cw_pin_ask *ask, struct cw_pin_block *ret,
                    struct cw_fault *f) {
        return p->ops->pin(p, ask, ret, f);
}

bool cw_pinpad_alive(struct cw_pinpad *p) {
        return p->ops->alive(p);
}
