/* SPDX-License-Identifier: Apache-2.0 */
/* Response of INITIALIZE UPDATE, as a card sends it. */
#include "hsm/gp_init_update.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_gp_init_update u;
        struct cw_fault f = {0};
        cw_rc rc = cw_gp_init_update_parse(data, size, &u, &f);
        bool scp02 = rc == CW_OK && u.scp == 2 && size == 28 && u.mode_len == 8;
        bool s8 = rc == CW_OK && u.scp == 3 && (size == 29 || size == 32) && u.mode_len == 8;
        bool s16 = rc == CW_OK && u.scp == 3 && (size == 45 || size == 48) && u.mode_len == 16;
        if (rc == CW_OK && !scp02 && !s8 && !s16)
                abort();
        if (rc != CW_OK && (cw_rc_class(rc) != CW_C_REJECT || f.text[0] == '\0'))
                abort();
        return 0;
}
