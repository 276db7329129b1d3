/* SPDX-License-Identifier: Apache-2.0 */
/* An answer to GET STATUS: the first byte chooses TLV (odd) or the form without tags, and what was asked for.
 */
#include "drivers/chip/gp_status.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_gp_status s;
        if (size == 0)
                return 0;
        const uint8_t of = data[0] & 0xf0;
        struct cw_span rest = CW_SPAN(data + 1, size - 1);
        for (;;) {
                const size_t before = rest.len;
                enum cw_gp_status_result got =
                    data[0] & 1 ? cw_gp_status_next(&rest, &s) : cw_gp_status_plain_next(of, &rest, &s);
                if (got != CW_GP_STATUS_ENTRY)
                        return 0;
                if (rest.len >= before || s.aid.len == 0 || s.aid.len > CW_AID_MAX ||
                    s.privileges_len > sizeof s.privileges)
                        abort();
        }
}
