/* SPDX-License-Identifier: Apache-2.0 */
/* BER-TLV and data object lists as a card may send them. */
#include "drivers/chip/elements.h"
#include "drivers/chip/tlv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_span bytes = CW_SPAN(data, size), found;
        CW_AUTO(cw_elements_free) struct cw_elements *e = NULL;
        uint8_t out[255];
        struct cw_writer w;
        bool valid = cw_tlv_valid(bytes);
        if (cw_tlv_find(bytes, 0x5a, &found) && !valid)
                abort();
        if (cw_elements_new(&e) != CW_OK)
                return 0;
        if (cw_elements_add_template(e, bytes, NULL) == CW_OK && !valid)
                abort();
        cw_writer_init(&w, out, sizeof out);
        if (cw_elements_fill_dol(e, bytes, &w, NULL) == CW_OK && w.bad)
                abort();
        return 0;
}
