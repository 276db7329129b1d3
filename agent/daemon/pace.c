/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/pace.h"

int64_t cw_pace_next_ms(struct cw_pace *p, bool news, int64_t hint_ms, uint16_t random) {
        p->pause_ms = news ? p->min_ms : p->pause_ms * 2;
        if (p->pause_ms > p->max_ms)
                p->pause_ms = p->max_ms;
        if (p->pause_ms < p->min_ms)
                p->pause_ms = p->min_ms;
        int64_t wait_ms = p->pause_ms - p->pause_ms / 10 + p->pause_ms / 5 * random / UINT16_MAX;
        if (hint_ms <= wait_ms)
                return wait_ms;
        return hint_ms + hint_ms / 10 * random / UINT16_MAX;
}
