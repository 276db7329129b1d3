/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/backoff.h"
#include "agent/upstream/jwt.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        int64_t life = cw_jwt_life_ms(data, size, 1800000000000LL);
        if (life < 0 || life > CW_JWT_LIFE_MAX_MS || cw_jwt_renew_after_ms(life) > life)
                __builtin_trap();
        char header[128] = "";
        memcpy(header, data, size < sizeof header - 1 ? size : sizeof header - 1);
        int64_t wait = cw_backoff_retry_after_ms(header, 1800000000000LL);
        if (wait < -1 || wait > 86400000)
                __builtin_trap();
        return 0;
}
