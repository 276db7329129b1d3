/* SPDX-License-Identifier: Apache-2.0 */
/* The data of one card as a text file: values and prepared groupings (CPS). */
#include "drivers/chip/card_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CW_AUTO(cw_card_file_free) struct cw_card_file *c = NULL;
        struct cw_fault f = {0};
        cw_rc rc = cw_card_file_parse(CW_SPAN(data, size), &c, &f);
        if (rc != CW_OK && f.text[0] == '\0')
                abort();
        if (rc != CW_OK)
                return 0;
        if (c->wants_icvv && cw_card_file_set_icvv(c, "123", &f) != CW_OK)
                return f.text[0] == '\0' ? abort(), 0 : 0;
        if (c->given_count > CW_DGI_MAX ||
            (c->has_values && (c->values.pan.len < 12 || c->values.track2.len == 0)))
                abort();
        for (size_t i = 0; i < c->given_count; i++)
                for (size_t k = 0; k < i; k++)
                        if (c->given[i].id == c->given[k].id)
                                abort();
        return 0;
}
