/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/backoff.h"

#include <curl/curl.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

int64_t cw_backoff_ms(int tries_made, int64_t hint_ms, uint32_t random) {
        int64_t full = CW_BACKOFF_BASE_MS;
        for (int i = 1; i < tries_made && full < CW_BACKOFF_CAP_MS; i++)
                full *= 2;
        if (full > CW_BACKOFF_CAP_MS)
                full = CW_BACKOFF_CAP_MS;
        int64_t wait = full / 2 + (int64_t)(random % (uint32_t)(full / 2 + 1));
        /* Jitter goes on top of a hint: the server told every branch the same second. */
        return hint_ms > 0 ? hint_ms + wait / 4 : wait;
}

bool cw_backoff_again(int tries_made, int64_t hint_ms) {
        return tries_made < CW_BACKOFF_TRIES_MAX && hint_ms <= CW_BACKOFF_HINT_MAX_MS;
}

int64_t cw_backoff_retry_after_ms(const char *value, int64_t now_wall_ms) {
        size_t digits = strspn(value, "0123456789");
        if (digits > 0 && value[digits] == '\0') {
                int64_t seconds = 0;
                for (size_t i = 0; i < digits && seconds < DAY_MS; i++)
                        seconds = seconds * 10 + (value[i] - '0');
                return seconds * 1000 > DAY_MS ? DAY_MS : seconds * 1000;
        }
        time_t when = digits > 0 || !value[0] ? -1 : curl_getdate(value, NULL);
        if (when < 0)
                return -1;
        int64_t left = (int64_t)when * 1000 - now_wall_ms;
        return left < 0 ? 0 : left > DAY_MS ? DAY_MS : left;
}
