/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with padding (RFC 4648, 4), strict. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CW_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes CW_BASE64_LEN(len) characters and a NUL; false when they do not fit. */
bool cw_base64_encode(const void *p, size_t len, char *ret, size_t ret_cap);
/* Whole quads, padding only at the end, unused bits zero, no white space; false otherwise or when it does not
 * fit. */
bool cw_base64_decode(const char *text, size_t len, void *ret, size_t ret_cap, size_t *ret_len);
