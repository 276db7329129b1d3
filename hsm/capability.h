/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each operation may do on this token: inside it, with clear values in host memory, or not at all.
 * Decided from the probes, hsm.allow_host_memory and, for keys, hsm.allow_key_loading, before anybody asks
 * for the operation.
 */
#pragma once

#include "hsm/probe.h"

#include <jansson.h>

enum cw_operation {
        CW_OPERATION_CARD_NUMBER,
        CW_OPERATION_PAN_HASH,
        CW_OPERATION_CVV,
        CW_OPERATION_MAC,
        CW_OPERATION_KCV,
        CW_OPERATION_ICC_KEYS,
        CW_OPERATION_ICC_PERSO,
        CW_OPERATION_SCP02,
        CW_OPERATION_SCP03,
        CW_OPERATION_DUKPT_AES,
        CW_OPERATION_DUKPT_AES_PIN,
        CW_OPERATION_CMAC,
        CW_OPERATION_CAVV,
        CW_OPERATION_DCVV,
        CW_OPERATION_CVC3,
        CW_OPERATION_CRYPTOGRAM,
        CW_OPERATION_SCRIPT,
        CW_OPERATION_SCRIPT_VISA,
        CW_OPERATION_PIN_CHANGE,
        CW_OPERATION_PIN_GENERATE,
        CW_OPERATION_ISSUER_RSA,
        CW_OPERATION_ICC_KEY_PAIR,
        CW_OPERATION_KMC,
        CW_OPERATION_DEK,
        CW_OPERATION_PIN_TRANSLATE,
        CW_OPERATION_PIN_TRANSLATE_FORMAT,
        CW_OPERATION_PVV,
        CW_OPERATION_IBM3624,
        CW_OPERATION_DUKPT_TDES,
        CW_OPERATION_PIN_FORM,
        CW_OPERATION_KEYBLOCK,
        CW_OPERATION_COMPONENT,
        CW_OPERATIONS
};
enum cw_path { CW_PATH_REFUSED, CW_PATH_HOST_MEMORY, CW_PATH_IN_TOKEN };

/* Flat: it lies in memory that the supervisor and its workers share. Names point to constants. */
struct cw_capabilities {
        struct cw_probe_report required, more, enforcement;
        struct {
                enum cw_path path;
                char text[160]; /* why not in the token */
        } operations[CW_OPERATIONS];
};

/* Puts all probes to the token, some hundred calls. An error only when the token itself fails. */
CW_WARN_UNUSED cw_rc cw_capabilities_probe(const struct cw_prober *x, const struct cw_config_hsm *cfg,
                                           struct cw_capabilities *ret, struct cw_fault *f);
/*
 * What the token lacks is made of what it has, from here on. Keys that derive: the token derives none, and
 * the policy allows that their values pass through host memory instead. CMAC: the token has none but the
 * cipher under it; then keys that make MACs may also encipher. CBC: by ECB calls.
 */
void cw_capabilities_ways(const struct cw_capabilities *c, const struct cw_config_hsm *cfg, struct cw_p11 *p);
/* Before the token is probed: what it does itself is asked. */
void cw_capabilities_no_ways(struct cw_p11 *p);
/* The token derives keys with CMAC itself, from keys that make MACs. */
bool cw_capabilities_cmac_kdf(const struct cw_capabilities *c);
/* The token mixes data into a TDES key itself. */
bool cw_capabilities_key_xor(const struct cw_capabilities *c);
/* The token makes retail MACs with every block between inside, from keys that may wrap and derive. */
bool cw_capabilities_retail_mac(const struct cw_capabilities *c);
/* "in-token", "host-memory", "refused" */
const char *cw_path_name(enum cw_path path);
/* CW_OK when the operation has a path; else OPERATOR/CW_E_DENIED with the reason. */
CW_WARN_UNUSED cw_rc cw_capabilities_path(const struct cw_capabilities *c, enum cw_operation operation,
                                          enum cw_path *ret, struct cw_fault *f);
/* Adds operations, mechanisms and enforcement to obj. RETRY when out of memory. */
CW_WARN_UNUSED cw_rc cw_capabilities_to_json(const struct cw_capabilities *c, json_t *obj);
