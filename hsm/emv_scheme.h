/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cryptogram versions differ in: session keys, padding, issuer authentication, script messages.
 * Visa CVN10, CVN18, CVN22, M/Chip CVN16 and CVN20, EMV common core definitions (CCD).
 */
#pragma once

#include "config/config.h"
#include "hsm/emv_keys.h"
#include "hsm/emv_script.h"

struct cw_emv_card {
        const struct cw_hsm_key *imk_ac, *imk_smi, *imk_smc; /* may derive */
        const char *pan, *psn;
};
/* One cryptogram of the card. */
struct cw_emv_tx {
        uint8_t atc[2], un[4], arqc[8]; /* un: M/Chip CVN16 only */
};

/* Key and padding (1 or 2) of the cryptogram. The caller destroys *ret. */
CW_WARN_UNUSED cw_rc cw_emv_scheme_ac(const struct cw_hsm_crypto *c, enum cw_cvn cvn,
                                      const struct cw_emv_card *card, const struct cw_emv_tx *tx,
                                      struct cw_retail_key *ret, int *ret_padding, struct cw_fault *f);
/* Issuer authentication method of the version: 1 (ARC) or 2 (CSU). */
int cw_emv_scheme_arpc_method(enum cw_cvn cvn);
/* ARPC method 1 (8 bytes) over an authorisation response code, with the key the version has for it. */
CW_WARN_UNUSED cw_rc cw_emv_scheme_arpc1(const struct cw_hsm_crypto *c, enum cw_cvn cvn,
                                         const struct cw_emv_card *card, const struct cw_emv_tx *tx,
                                         const uint8_t arc[2], uint8_t ret[8], struct cw_fault *f);

enum cw_emv_script_key { CW_SCRIPT_INTEGRITY, CW_SCRIPT_CONFIDENTIALITY };
/*
 * Session key of script messages. number: count of script commands after this cryptogram so far; M/Chip takes
 * ARQC + number.
 */
CW_WARN_UNUSED cw_rc cw_emv_scheme_script_key(const struct cw_hsm_crypto *c, enum cw_cvn cvn,
                                              const struct cw_emv_card *card, const struct cw_emv_tx *tx,
                                              enum cw_emv_script_key which, unsigned number,
                                              struct cw_retail_key *ret, struct cw_fault *f);
/* Whether the key of this version never leaves the backend; of CVN10 and CVN18 see cw_emv_visa_sk. */
bool cw_emv_scheme_script_inside(const struct cw_hsm_crypto *c, enum cw_cvn cvn);
/* The eight bytes that stand for the cryptogram in the MAC of script command number: M/Chip counts here too.
 */
void cw_emv_scheme_script_r(enum cw_cvn cvn, const struct cw_emv_tx *tx, unsigned number, uint8_t ret[8]);
enum cw_emv_pin_scheme cw_emv_scheme_pin(enum cw_cvn cvn);
