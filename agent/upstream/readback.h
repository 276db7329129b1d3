/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges what was read back after a lost answer: pure, JSON in, verdict out. The rule is the endpoint's
 * check; what it reads is another call of the catalogue.
 */
#pragma once

#include "agent/upstream/endpoint.h"

enum cw_readback { CW_READBACK_DONE, CW_READBACK_NOT_DONE, CW_READBACK_UNCLEAR };

/* The call that reads the state, and its members (new reference, NULL without memory). */
const struct cw_dcms_endpoint *cw_readback_probe(const struct cw_dcms_endpoint *e, const json_t *fields,
                                                 json_t **ret_fields);
/* True when the state must also be read before the call is sent. */
bool cw_readback_needs_before(const struct cw_dcms_endpoint *e);
/*
 * fields: of the call. before: what was read before it (NULL: not read, or the server had nothing). after:
 * what was read now (NULL: the server has nothing of the kind).
 */
enum cw_readback cw_readback_judge(const struct cw_dcms_endpoint *e, const json_t *fields,
                                   const json_t *before, const json_t *after);
