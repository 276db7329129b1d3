/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the times of a JWT the server gave us. Nothing is verified and nothing is trusted: the times only say
 * when to ask for a new token before the server refuses this one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CW_JWT_LIFE_DEFAULT_MS (60 * 60 * 1000)
#define CW_JWT_LIFE_MAX_MS (24 * 60 * 60 * 1000)

/*
 * Milliseconds from now until the token ends: exp - iat when both are there (our clock does not matter then),
 * else exp - now. CW_JWT_LIFE_DEFAULT_MS when the token cannot be read or has no exp; between 0 and
 * CW_JWT_LIFE_MAX_MS.
 */
int64_t cw_jwt_life_ms(const void *token, size_t len, int64_t now_wall_ms);
/* The moment of a life to renew at: some time before its end. */
int64_t cw_jwt_renew_after_ms(int64_t life_ms);
