/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the tokens of JSON text in place, without building anything: used before parsing, on bytes that may
 * hold card data. Tolerates malformed text (the parser proper refuses it later) except for depth.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_JSON_DEPTH_MAX 32u

enum cw_json_token {
        CW_JSON_END,
        CW_JSON_KEY,
        CW_JSON_STRING,
        CW_JSON_NUMBER,
        CW_JSON_OPEN,
        CW_JSON_CLOSE,
        CW_JSON_COMMA,
        CW_JSON_TOO_DEEP
};

struct cw_json_scan {
        const uint8_t *text;
        size_t len;
        size_t at;
        unsigned depth;
        size_t start, end; /* of the last token; without the quotes for KEY and STRING */
};

void cw_json_scan_init(struct cw_json_scan *s, const void *text, size_t len);
/* An unterminated string is a STRING that ends with the text. */
enum cw_json_token cw_json_scan_next(struct cw_json_scan *s);
/*
 * The key just scanned, unescaped, lower case, without '_', '-' and spaces, NUL-terminated and cut to cap - 1
 * bytes; what is not ASCII becomes '?'.
 */
void cw_json_scan_key(const struct cw_json_scan *s, char *ret, size_t cap);
