/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the personalised data of the debit application out of its DGIs. */
#pragma once

#include "emv_crypto.h"
#include "nvm.h"
#include "tlv.h"

/* Whether an AFL names the record of a DGI. */
bool emuc_afl_names(const struct emuc_tlv *afl, uint32_t id);
/* A data object in the records (inside their template 70) that the path's AFL names. */
bool emuc_app_record_tag(const struct emuc_nvm *nvm, bool contactless, uint32_t tag, struct emuc_tlv *ret);
/* AIP (2 bytes) and AFL out of DGI 9104, or of 9203 over the antenna. */
bool emuc_app_gpo_data(const struct emuc_nvm *nvm, bool contactless, struct emuc_tlv *ret_aip,
                       struct emuc_tlv *ret_afl);
/* The content of the FCI's A5 out of DGI 9102, or 9103 over the antenna; PDOL is in it. */
bool emuc_app_fci(const struct emuc_nvm *nvm, bool contactless, struct emuc_tlv *ret_a5);
/* Application key: 0 AC, 1 MAC, 2 ENC. Of AES when the issuer data say so. */
bool emuc_app_key(const struct emuc_nvm *nvm, unsigned which, struct emuc_card_key *ret);
/* Version of the common core definitions that 9F10 names, in its format A: 5 (TDES), 6 (AES); 0 of all
 * others. */
unsigned emuc_app_core_version(const struct emuc_nvm *nvm);
enum { EMUC_AIP_SDA = 0x40, EMUC_AIP_DDA = 0x20, EMUC_AIP_CDA = 0x01 };
/* Whether the first byte of the AIP has one of the bits. */
bool emuc_app_offers(const struct emuc_nvm *nvm, bool contactless, unsigned ways);
/* Value of 9F10 out of DGI 9200, given as the bare value or as a data object. */
bool emuc_app_iad(const struct emuc_nvm *nvm, const uint8_t **ret, size_t *ret_len);
