/* SPDX-License-Identifier: Apache-2.0 */
/* What the files known_answer*.c share. */
#pragma once

#include "hsm/iso9797.h"
#include "hsm/known_answer.h"
#include "hsm/pinblock.h"
#include "hsm/retail_mac.h"

#define CW_KA_DATA_MAX CW_MAC_MSG_MAX
#define CW_KA_NO_NUMBER (-1) /* no count, counter or choice is negative */

struct cw_ka {
        const struct cw_hsm_crypto *c;
        const json_t *entry;
        char *ret; /* CW_KNOWN_ANSWER_MAX */
        struct cw_fault *f;
};
typedef cw_rc (*cw_ka_fn)(struct cw_ka *ka);

/* The entry is malformed: REJECT/CW_E_SYNTAX. */
cw_rc cw_ka_bad(struct cw_ka *ka, const char *key);
/* String member; "" when it is not there. */
const char *cw_ka_text(const struct cw_ka *ka, const char *key);
/* fallback when it is not there, CW_KA_NO_NUMBER when it is something else than a number from 0 on. */
int64_t cw_ka_number(const struct cw_ka *ka, const char *key, int64_t fallback);
/* Hex member of min to max bytes. */
CW_WARN_UNUSED cw_rc cw_ka_hex(struct cw_ka *ka, const char *key, uint8_t *ret, size_t min, size_t max,
                               size_t *ret_len);
CW_WARN_UNUSED cw_rc cw_ka_bytes(struct cw_ka *ka, const char *key, uint8_t *ret, size_t len);
/* 4 to 12 digits. */
CW_WARN_UNUSED cw_rc cw_ka_pin(struct cw_ka *ka, const char *key, struct cw_pin *ret);
/* A key object of the entry's bytes; an 8-byte DES key becomes K|K. */
CW_WARN_UNUSED cw_rc cw_ka_key(struct cw_ka *ka, const char *key, bool aes, unsigned usage,
                               struct cw_hsm_key *ret);
CW_WARN_UNUSED cw_rc cw_ka_retail(struct cw_ka *ka, const char *key, struct cw_retail_key *ret);
cw_rc cw_ka_answer(struct cw_ka *ka, const void *bytes, size_t len);
cw_rc cw_ka_answer_text(struct cw_ka *ka, const char *text);

/* ---- known_answer_pin.c ---- */
cw_rc cw_ka_pin_block_encode(struct cw_ka *ka);
cw_rc cw_ka_pin_block_decode(struct cw_ka *ka);
cw_rc cw_ka_iso4_encipher(struct cw_ka *ka);
cw_rc cw_ka_iso4_decipher(struct cw_ka *ka);
cw_rc cw_ka_pvv(struct cw_ka *ka);
cw_rc cw_ka_ibm3624_offset(struct cw_ka *ka);
cw_rc cw_ka_ibm3624_pin(struct cw_ka *ka);
cw_rc cw_ka_set_pin(struct cw_ka *ka);

/* ---- known_answer_mac.c ---- */
cw_rc cw_ka_cvv(struct cw_ka *ka);
cw_rc cw_ka_cavv(struct cw_ka *ka);
cw_rc cw_ka_retail_mac(struct cw_ka *ka);
cw_rc cw_ka_cbc_mac(struct cw_ka *ka);
cw_rc cw_ka_cmac(struct cw_ka *ka);
cw_rc cw_ka_kcv(struct cw_ka *ka);

/* ---- known_answer_dukpt.c ---- */
cw_rc cw_ka_dukpt_tdes_key(struct cw_ka *ka);
cw_rc cw_ka_dukpt_tdes_pin(struct cw_ka *ka);
cw_rc cw_ka_dukpt_tdes_mac(struct cw_ka *ka);
cw_rc cw_ka_dukpt_tdes_data(struct cw_ka *ka);
cw_rc cw_ka_dukpt_aes_pin(struct cw_ka *ka);
cw_rc cw_ka_dukpt_aes_mac(struct cw_ka *ka);
cw_rc cw_ka_dukpt_aes_data(struct cw_ka *ka);
cw_rc cw_ka_tr31_unwrap(struct cw_ka *ka);

/* ---- known_answer_emv.c ---- */
cw_rc cw_ka_emv_icc_mk(struct cw_ka *ka);
cw_rc cw_ka_emv_icc_mk_kcv(struct cw_ka *ka);
cw_rc cw_ka_emv_sk_kcv(struct cw_ka *ka);
cw_rc cw_ka_emv_arqc(struct cw_ka *ka);
cw_rc cw_ka_emv_arpc1(struct cw_ka *ka);
cw_rc cw_ka_emv_arpc2(struct cw_ka *ka);
cw_rc cw_ka_emv_script_mac(struct cw_ka *ka);
cw_rc cw_ka_emv_pin_change(struct cw_ka *ka);
cw_rc cw_ka_dcvv(struct cw_ka *ka);
cw_rc cw_ka_cvc3(struct cw_ka *ka);

/* ---- known_answer_scp.c ---- */
cw_rc cw_ka_scp_channel(struct cw_ka *ka);
cw_rc cw_ka_gp_card_key(struct cw_ka *ka);
