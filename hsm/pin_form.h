/* SPDX-License-Identifier: Apache-2.0 */
/* The "pin" text of the server's setPin calls: a clear ISO-0 block sealed under the pin-transport key (AES).
 */
#pragma once

#include "hsm/crypto.h"

#define CW_PIN_FORM_TEXT_MAX 72u

enum cw_pin_form_kind {
        CW_FORM_V2_ASCII_HEX,     /* v2: IV16 | AES-GCM of the block as 16 hex characters | TAG16 */
        CW_FORM_V2_RAW8,          /* v2: IV16 | AES-GCM of the 8 bytes | TAG16 */
        CW_FORM_V1_ECB_HEX16,     /* v1: AES-ECB of the hex characters, PKCS#7 */
        CW_FORM_V1_CBC_IV16_RAW8, /* v1: IV16 | AES-CBC of the 8 bytes, PKCS#7 */
        CW_FORM_V1_CBC0_HEX16,    /* v1: AES-CBC with IV 0 of the hex characters, PKCS#7 */
};
/* "v2-ascii-hex" "v2-raw8" "v1-ecb-hex16" "v1-cbc-iv16-raw8" "v1-cbc0-hex16"; false for an unknown name. */
bool cw_pin_form_from_name(const char *name, enum cw_pin_form_kind *ret);

/* Base64 text and NUL. iv: 16 random bytes of the caller, used by the forms that have an IV. */
CW_WARN_UNUSED cw_rc cw_pin_form_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                      enum cw_pin_form_kind kind, const uint8_t iv[16],
                                      const uint8_t block[8], char ret[CW_PIN_FORM_TEXT_MAX],
                                      struct cw_fault *f);
