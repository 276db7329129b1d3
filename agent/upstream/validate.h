/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request given as JSON against the endpoint table, before anything is sent: every member known, of its
 * kind, short enough, none missing. Pure. What is wrong is said by the member's name, never by its value.
 */
#pragma once

#include "agent/upstream/endpoint.h"
#include "base/error.h"
#include "base/secret.h"

/* A SECRET member of a named call; both borrowed. */
struct cw_dcms_secret_field {
        const char *name;
        const struct cw_secret *value;
};

/* Text of a text-like kind: length, form, words. */
bool cw_dcms_text_ok(const struct cw_dcms_field *field, const char *text, size_t len);
/*
 * fields is an object (an array of objects for ROWS; NULL is an empty object). REJECT/CW_E_MISSING,
 * CW_E_RANGE or CW_E_NOT_FOUND.
 */
CW_WARN_UNUSED cw_rc cw_dcms_validate(const struct cw_dcms_endpoint *e, const json_t *fields,
                                      const struct cw_dcms_secret_field *secrets, size_t secret_count,
                                      struct cw_fault *f);
