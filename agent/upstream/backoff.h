/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before a repetition. Pure: the random number comes from the caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CW_BACKOFF_TRIES_MAX 3
#define CW_BACKOFF_BASE_MS 500
#define CW_BACKOFF_CAP_MS 8000
/* A server that wants more patience than this is left alone: the call ends and the caller comes back. */
#define CW_BACKOFF_HINT_MAX_MS 10000

/* Wait before try number tries_made + 1: exponential, half of it jitter, never less than the server's hint (<
 * 0: none). */
int64_t cw_backoff_ms(int tries_made, int64_t hint_ms, uint32_t random);
/* True when another try inside the call is right. */
bool cw_backoff_again(int tries_made, int64_t hint_ms);
/*
 * Retry-After (RFC 9110, 10.2.3): seconds or an HTTP date, as milliseconds from now, at most one day; -1 when
 * it is neither.
 */
int64_t cw_backoff_retry_after_ms(const char *value, int64_t now_wall_ms);
