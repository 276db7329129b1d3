/* SPDX-License-Identifier: Apache-2.0 */
/* What an issuer script is to bring about, read from the card itself (EMV Book 1, 12; ISO 7816-4). */
#include "drivers/station/kiosk.h"

#include "drivers/chip/script.h"

#include <string.h>

#define SW_CARD_BLOCKED 0x6a81 /* SELECT, of every application */

static bool is(const char *command, const char *word) {
        return strcmp(command, word) == 0;
}

cw_rc cw_kiosk_look_blocked(const char *command, cw_rc read, struct cw_fault *f) {
        if (!is(command, "card-block") || cw_rc_layer(read) != CW_L_CHIP || f->native != SW_CARD_BLOCKED)
                return read;
        return cw_fail(f, read, SW_CARD_BLOCKED, "kiosk.script", "PRD_SMARTCARD",
                       "a blocked card was put in; it cannot say which one");
}

bool cw_kiosk_look_can(const char *command) {
        return !is(command, "pin-change");
}

bool cw_kiosk_look_before(const struct cw_kiosk *k, const char *command) {
        return (is(command, "application-block") && k->terminal.blocked) ||
               (is(command, "application-unblock") && !k->terminal.blocked);
}

enum cw_kiosk_looked cw_kiosk_look_after(struct cw_kiosk *k, const char *command, int tries_before) {
        if (is(command, "application-block"))
                return k->terminal.blocked ? CW_LOOKED_DONE : CW_LOOKED_NOT_DONE;
        if (is(command, "application-unblock"))
                return k->terminal.blocked ? CW_LOOKED_NOT_DONE : CW_LOOKED_DONE;
        if (is(command, "card-block"))
                return CW_LOOKED_NOT_DONE;
        const int tries = cw_script_pin_tries(&k->terminal);
        if (tries < 0 || tries_before < 0)
                return CW_LOOKED_UNKNOWN;
        return tries > tries_before ? CW_LOOKED_DONE : CW_LOOKED_NOT_DONE;
}
