/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDES DUKPT, ANSI X9.24-1:2009 annex A. The non-reversible key generation mixes key bytes into its data,
 * which no generic token can do: initial key, transaction key and clear block are in host memory, wiped on
 * return.
 */
#pragma once

#include "hsm/retail_mac.h"

#define CW_KSN_LEN 10u
#define CW_DUKPT_MAC_LEN 4u

/* The BDK, and beside it BDK ^ C0C0C0C000000000C0C0C0C000000000, which the right half of an initial key
 * needs. */
struct cw_dukpt_bdk {
        struct cw_hsm_key key, variant;
};
/* Companion of a BDK in host memory, for provisioning and tests. */
void cw_dukpt_variant(const uint8_t bdk[16], uint8_t ret[16]);

/*
 * 10 to 20 hex digits, an even number or not; missing leading digits are F, as PIN pads leave them out.
 * REJECT/CW_E_SYNTAX for anything else, a counter of 0 or one with more than 10 one-bits.
 */
CW_WARN_UNUSED cw_rc cw_ksn_parse(const char *hex, uint8_t ret[CW_KSN_LEN], struct cw_fault *f);
/* Low 21 bits. */
uint32_t cw_ksn_counter(const uint8_t ksn[CW_KSN_LEN]);

/* Transaction key (16 bytes) of the KSN into ret, which the caller wipes. */
CW_WARN_UNUSED cw_rc cw_dukpt_transaction_key(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                                              const uint8_t ksn[CW_KSN_LEN], uint8_t ret[16],
                                              struct cw_fault *f);
/* Deciphers a PIN block under the KSN's PIN variant; ret holds the clear block, which the caller wipes. */
CW_WARN_UNUSED cw_rc cw_dukpt_pin_decrypt(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                                          const uint8_t ksn[CW_KSN_LEN], const uint8_t block[8],
                                          uint8_t ret[8], struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_dukpt_pin_encrypt(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                                          const uint8_t ksn[CW_KSN_LEN], const uint8_t block[8],
                                          uint8_t ret[8], struct cw_fault *f);

/* What a working key is for; a REQUEST one may be for both ways. */
enum cw_dukpt_use {
        CW_DUKPT_PIN,
        CW_DUKPT_MAC_REQUEST,
        CW_DUKPT_MAC_RESPONSE,
        CW_DUKPT_DATA_REQUEST,
        CW_DUKPT_DATA_RESPONSE
};
/* Working key (16 bytes) of the KSN into ret, which the caller wipes. */
CW_WARN_UNUSED cw_rc cw_dukpt_working_key(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                                          const uint8_t ksn[CW_KSN_LEN], enum cw_dukpt_use use,
                                          uint8_t ret[16], struct cw_fault *f);
/* First 4 bytes of the retail MAC, padding 1; use is one of the two MAC variants. */
CW_WARN_UNUSED cw_rc cw_dukpt_mac(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                                  const uint8_t ksn[CW_KSN_LEN], enum cw_dukpt_use use, const void *msg,
                                  size_t len, uint8_t ret[CW_DUKPT_MAC_LEN], struct cw_fault *f);
/* CBC with IV 0; use is one of the two data variants, len is a multiple of 8, at most 1024. */
CW_WARN_UNUSED cw_rc cw_dukpt_data(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                                   const uint8_t ksn[CW_KSN_LEN], enum cw_dukpt_use use, enum cw_hsm_dir dir,
                                   const void *in, size_t len, void *ret, struct cw_fault *f);
