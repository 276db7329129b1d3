/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The response envelope {"result", "exception", "pagination"} in all documented dialects: both exception
 * forms, the three paginations, an envelope nested in result, numbers for strings. Unknown members are
 * ignored.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cw_envelope {
        const json_t *result; /* borrowed from the root; may be JSON null; NULL when there is none */
        bool refused;         /* exception is set */
        char code[48];        /* errorCode, "" when the exception has none */
        char text[160];       /* for a person: messages and field errors, printable */
        int status;           /* httpStatus inside the exception, 0 = not said */
        int64_t total_rows;   /* -1 = not said */
        int64_t total_pages;  /* -1 = not said */
};

/* REJECT/CW_E_SYNTAX when root is not an envelope. */
CW_WARN_UNUSED cw_rc cw_envelope_read(const json_t *root, struct cw_envelope *ret);
/* One exception object, as it also stands in the rows of update/deliveryStatus; the other members are left
 * alone. */
void cw_envelope_exception(const json_t *exception, struct cw_envelope *ret);

/* A string, or a number or bool as text, into ret; false (and "") when absent, of another type or too long.
 */
bool cw_json_text(const json_t *object, const char *member, char *ret, size_t cap);
/* A whole number, or a string of one; -1 when absent or neither. */
int64_t cw_json_whole(const json_t *object, const char *member);
