/* SPDX-License-Identifier: Apache-2.0 */
/* Card recognition data and key information, as a card answers GET DATA: the first byte chooses. */
#include "drivers/chip/gp_facts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_gp_facts facts = {0};
        if (size == 0)
                return 0;
        if (data[0] & 1)
                cw_gp_facts_keys(&facts, CW_SPAN(data + 1, size - 1));
        else
                cw_gp_facts_recognition(&facts, CW_SPAN(data + 1, size - 1));
        if (facts.key_count > CW_GP_KEYS_MAX)
                abort();
        for (uint8_t scp = 2; scp <= 3; scp++) {
                uint8_t kvn = cw_gp_facts_kvn(&facts, scp);
                bool known = kvn == 0;
                for (size_t i = 0; i < facts.key_count; i++)
                        known |= facts.keys[i].kvn == kvn;
                if (!known)
                        abort();
        }
        return 0;
}
