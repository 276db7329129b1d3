/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An issuer script (EMV Book 3, 10.10): a transaction of its own whose cryptogram hsmd answers, with the
 * secured commands before (template 71) or after (template 72) the second GENERATE AC. A command goes to the
 * card once; what was torn begins with a new transaction, never with the same command.
 */
#pragma once

#include "drivers/chip/terminal.h"
#include "hsm/client/hsm_client.h"

#define CW_SCRIPT_COMMANDS_MAX 4u

struct cw_script_order {
        const char *commands[CW_SCRIPT_COMMANDS_MAX]; /* words of hsmd's emv.script, borrowed */
        size_t count;
        bool before; /* template 71; else 72 */
        bool
            blocked; /* the application may be blocked: its script answers an AAC, no ARPC and no second AC */
};

struct cw_script_result {
        uint16_t atc;
        bool genuine;  /* the cryptogram was right; else no command was sent */
        size_t sent;   /* commands that went to the card */
        size_t done;   /* commands that it accepted (SW 9000, 62xx, 63xx) */
        uint16_t sw;   /* of the last one sent */
        int pin_tries; /* PIN try counter afterwards, -1 when the card does not tell */
};

/*
 * t is after cw_terminal_start and the records; psn has 2 digits. *ret is written as far as it came, also on
 * an error: sent says whether the card may have changed. RECONNECT when the card went away, REJECT/
 * CW_E_CHIP_SW when it refuses a command, REJECT/CW_E_CHIP_CRYPTOGRAM when it declines. Blocks for hsmd and
 * up to the terminal's timeout per APDU.
 */
CW_WARN_UNUSED cw_rc cw_script_run(struct cw_terminal *t, struct cw_hsm_session *hsm, const char *psn,
                                   const struct cw_script_order *order, struct cw_script_result *ret,
                                   struct cw_fault *f);

/*
 * The first cryptogram, answered: verified by hsmd over what the profile covers, with the terminal's number.
 * Used by cw_script_run and where a card is only proven.
 */
CW_WARN_UNUSED cw_rc cw_script_verify(struct cw_terminal *t, struct cw_hsm_session *hsm, const char *psn,
                                      const struct cw_terminal_ac *ac, struct cw_hsm_arqc *ret,
                                      struct cw_fault *f);
/*
 * A transaction that only proves the card: its first cryptogram, an AAC too as a blocked application gives
 * it, verified by hsmd, then declined. t as for cw_script_run; blocks for hsmd and for each APDU.
 */
CW_WARN_UNUSED cw_rc cw_script_prove(struct cw_terminal *t, struct cw_hsm_session *hsm, const char *psn,
                                     bool *ret_genuine, uint16_t *ret_atc, struct cw_fault *f);
/*
 * Gives the card the issuer's answer: tag 91 (ARPC and CSU of method 2, ARPC and ARC of method 1) and 8A for
 * CDOL2, and EXTERNAL AUTHENTICATE where the AIP asks for it (EMV Book 3, 10.9). A card that does not accept
 * it says so in its second cryptogram.
 */
CW_WARN_UNUSED cw_rc cw_script_answer(struct cw_terminal *t, const struct cw_hsm_arqc *answer,
                                      struct cw_fault *f);
/* Second GENERATE AC, of the profile's kind; REJECT/CW_E_CHIP_CRYPTOGRAM when the card gives another. */
CW_WARN_UNUSED cw_rc cw_script_second_ac(struct cw_terminal *t, struct cw_fault *f);
/* GET DATA 9F17, the PIN try counter; -1 when the card does not tell. */
int cw_script_pin_tries(struct cw_terminal *t);
