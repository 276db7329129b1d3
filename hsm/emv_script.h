/* SPDX-License-Identifier: Apache-2.0 */
/* Issuer scripts: MAC of a command, and the enciphered data of PIN CHANGE/UNBLOCK. */
#pragma once

#include "hsm/pinblock.h"
#include "hsm/retail_mac.h"

#define CW_EMV_PIN_CHANGE_MAX 16u
#define CW_EMV_CHAIN_MAX 16u

enum cw_emv_pin_scheme {
        CW_EMV_PIN_VISA,   /* CVN10 and CVN18: the block is bound to the card's AC master key */
        CW_EMV_PIN_VISA22, /* CVN22: format 2 for a new PIN alone, else as CVN18 */
        CW_EMV_PIN_MCHIP,  /* format 2, one block */
        CW_EMV_PIN_CCD,    /* format 2, padded to two blocks, CBC */
};

/*
 * Retail MAC, padding 2, over header | context | data. header: CLA INS P1 P2 Lc. context: ATC and ARQC
 * (10 bytes) where the scheme has them in the MAC, else empty. data: the enciphered data, may be empty.
 */
CW_WARN_UNUSED cw_rc cw_emv_script_mac(const struct cw_hsm_crypto *c, const struct cw_retail_key *smi,
                                       const uint8_t header[5], const void *context, size_t context_len,
                                       const void *data, size_t len, uint8_t ret[8], struct cw_fault *f);
/*
 * Retail MAC of secure messaging format 1 with MAC chaining (EMV Book 2, 9.2.3.1, as the common core
 * definitions have it): chain | CLA INS P1 P2 80 00 00 00 | objects. chain: the cryptogram for the first
 * command of a transaction, then the whole MAC of the command before. objects: the data object before the
 * MAC, may be empty. Under an AES key CMAC with blocks of 16, header and object padded to them; the
 * cryptogram has zeros behind it then. The command carries the first 8 bytes of ret.
 */
CW_WARN_UNUSED cw_rc cw_emv_script_mac_chained(const struct cw_hsm_crypto *c, const struct cw_retail_key *smi,
                                               const uint8_t chain[CW_EMV_CHAIN_MAX], const uint8_t header[4],
                                               const void *objects, size_t len, uint8_t ret[CW_EMV_CHAIN_MAX],
                                               struct cw_fault *f);
/*
 * Data of PIN CHANGE/UNBLOCK under the confidentiality session key (may encrypt). mk_ac: the ICC master key
 * for cryptograms with odd parity, for the Visa schemes, else NULL. current: the PIN to be replaced where
 * the command carries it (Visa P2 = 01), else NULL. ret: 8 bytes (M/Chip) or 16. Clear PINs are the
 * caller's.
 */
CW_WARN_UNUSED cw_rc cw_emv_pin_change(const struct cw_hsm_crypto *c, const struct cw_hsm_key *smc,
                                       enum cw_emv_pin_scheme scheme, const uint8_t *mk_ac,
                                       const struct cw_pin *pin, const struct cw_pin *current,
                                       uint8_t ret[CW_EMV_PIN_CHANGE_MAX], size_t *ret_len,
                                       struct cw_fault *f);
