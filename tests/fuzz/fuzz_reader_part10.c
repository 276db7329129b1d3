/* SPDX-License-Identifier: Apache-2.0 */
/* Features and properties of a reader with a keypad, from any bytes. */
#include "drivers/reader/part10.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_part10_features features = {0};
        struct cw_part10_properties p = {0};
        struct cw_fault f = {0};
        int tries = 0;
        if (cw_part10_read_features(CW_SPAN(data, size), &features, &f) != CW_OK &&
            cw_rc_class(f.rc) != CW_C_REJECT)
                abort();
        if (cw_part10_read_tlv(CW_SPAN(data, size), &p, &f) == CW_OK &&
            p.firmware[sizeof p.firmware - 1] != '\0')
                abort();
        if (cw_part10_read_ifd(CW_SPAN(data, size), &p, &f) == CW_OK && size != 4)
                abort();
        if (size >= 2)
                (void)cw_part10_outcome_name(cw_part10_outcome((uint16_t)(data[0] << 8 | data[1]), &tries));
        if (tries < -1 || tries > 15)
                abort();
        return 0;
}
