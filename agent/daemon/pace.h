/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the server is asked for news again. Pure: the random number comes from the caller.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cw_pace {
        int64_t min_ms, max_ms;
        int64_t pause_ms; /* the last one, without jitter; min_ms at the start */
};

/*
 * The next pause: the shortest after news, else twice the last one, at most max_ms; a tenth up or down, so
 * that a thousand branches do not knock at the same moment. A server that wants more patience (hint_ms, 0 =
 * none) gets it, also beyond max_ms, and up to a tenth more.
 */
int64_t cw_pace_next_ms(struct cw_pace *p, bool news, int64_t hint_ms, uint16_t random);
