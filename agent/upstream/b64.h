/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648), strict, constant memory; standard alphabet with padding or URL alphabet without. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum cw_b64 { CW_B64_STD, CW_B64_URL };

/* Bytes cw_b64_encode writes, the NUL included. */
#define CW_B64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* Text and NUL into ret; false when it does not fit. */
bool cw_b64_encode(enum cw_b64 form, const void *p, size_t len, char *ret, size_t cap, size_t *ret_len);
/* False on a foreign character, wrong length or padding, stray bits, or when it does not fit. */
bool cw_b64_decode(enum cw_b64 form, const void *text, size_t len, void *ret, size_t cap, size_t *ret_len);
