/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms the simulator reads and writes: hex, strict Base64, decimal digits, dates, masked card numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-case hex of data[0..len); out holds 2 * len + 1 characters. */
void cw_dsim_hex_encode(const uint8_t *data, size_t len, char *out);

/* Upper- and lower-case hex to exactly want bytes; false when the length or a digit is wrong. */
bool cw_dsim_hex_decode(const char *text, uint8_t *out, size_t want);

/* Characters needed for the Base64 of len bytes, terminator included. */
#define CW_DSIM_B64_SIZE(len) ((((len) + 2U) / 3U) * 4U + 1U)

/* RFC 4648 section 4 with padding; out holds CW_DSIM_B64_SIZE(len). */
void cw_dsim_b64_encode(const uint8_t *data, size_t len, char *out);

/*
 * Canonical RFC 4648 Base64 only: no white space, padding required, unused bits zero. Returns false when text
 * is not that or needs more than cap bytes.
 */
bool cw_dsim_b64_decode(const char *text, uint8_t *out, size_t cap, size_t *ret_len);

/* The same for the URL alphabet without padding (JWT, RFC 7515). */
void cw_dsim_b64url_encode(const uint8_t *data, size_t len, char *out);
bool cw_dsim_b64url_decode(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *ret_len);

/* True when text is made of min..max decimal digits and nothing else. */
bool cw_dsim_is_digits(const char *text, size_t min, size_t max);

/* ISO/IEC 7812 check digit for the digits before it. */
char cw_dsim_luhn_digit(const char *digits, size_t len);
bool cw_dsim_luhn_ok(const char *pan);

/* First six, X for the middle, last four; out holds at least strlen(pan) + 1. */
void cw_dsim_mask_pan(const char *pan, char *out, size_t out_size);

/* Wall clock in milliseconds since 1970. */
int64_t cw_dsim_now_ms(void);

/* "2029-07-31T00:00:00.000+00:00" from milliseconds; out holds 40 characters. */
void cw_dsim_iso_time(int64_t ms, char *out, size_t out_size);

/* ISO-8601 UTC with Z, with or without milliseconds, to milliseconds. */
bool cw_dsim_parse_iso_z(const char *text, int64_t *ret_ms);

/* "YYYY-MM-DD HH:mm:ss" (UTC) and "YYYY-MM-DD" to milliseconds; impossible dates are refused. */
bool cw_dsim_parse_stamp(const char *text, int64_t *ret_ms);
bool cw_dsim_parse_date(const char *text, int64_t *ret_ms);

/* Copies with truncation refused: false when src does not fit. */
bool cw_dsim_copy(char *dst, size_t dst_size, const char *src);
