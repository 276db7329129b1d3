/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PINs that never leave the token: unwrapped, changed and wrapped as objects. The token does not look into a
 * block: what is wrong in it goes on to the next zone unseen, which host memory would refuse.
 */
#pragma once

#include "hsm/p11_wrap.h"
#include "hsm/pin_zone.h"
#include "hsm/pvv.h"

/* A key that may unwrap, and a token to do it on. */
bool cw_pin_token_can(const struct cw_p11 *p, const struct cw_hsm_key *from, const struct cw_hsm_key *to);
/*
 * Block of one TDES zone to another, same format (0 or 3), same PAN. from may unwrap, to may wrap. REJECT
 * with code PIN_FORMAT for other formats: fillers depend on the PIN's length, which only host memory knows.
 */
CW_WARN_UNUSED cw_rc cw_pin_token_translate(struct cw_p11 *p, const struct cw_hsm_key *from,
                                            unsigned from_format, const struct cw_hsm_key *to,
                                            unsigned to_format, const uint8_t block[8], uint8_t ret[8],
                                            struct cw_fault *f);
/*
 * Visa PVV of the PIN in a format 0 or 3 block: the PIN digits are extracted, put behind PAN digits and key
 * index, and wrapped under pvk, which may wrap. ret: digits and NUL.
 */
CW_WARN_UNUSED cw_rc cw_pin_token_pvv(struct cw_p11 *p, const struct cw_hsm_key *from, unsigned format,
                                      const uint8_t block[8], const char *pan, char pvki,
                                      const struct cw_hsm_key *pvk, char ret[CW_PVV_LEN + 1],
                                      struct cw_fault *f);
