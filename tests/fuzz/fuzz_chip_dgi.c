/* SPDX-License-Identifier: Apache-2.0 */
/* Data groupings of any shape: what is read is what was coded, and STORE DATA carries every byte once. */
#include "drivers/chip/dgi.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[512 * 1024];

static void carry(struct cw_span coded, size_t chunk) {
        const struct cw_store_unit unit = {.coded = coded};
        const struct cw_store_plan plan = {&unit, 1, 0x80, chunk, false};
        struct cw_writer w;
        struct cw_reader r;
        size_t count = 0, at = 0;
        cw_writer_init(&w, out, sizeof out);
        if (cw_store_data_build(&plan, &w, &count, NULL) != CW_OK)
                return;
        cw_reader_init(&r, out, w.len);
        for (size_t i = 0; i < count; i++) {
                struct cw_span item = cw_get_item(&r);
                if (item.len < 6 || memcmp(item.ptr + 5, coded.ptr + at, item.len - 5) != 0)
                        abort();
                at += item.len - 5;
        }
        if (at != coded.len || r.left)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_span rest = CW_SPAN(data, size), value;
        uint16_t id = 0;
        bool bad = false;
        if (size > 16384)
                return 0;
        while (cw_dgi_next(&rest, &id, &value, &bad))
                if (value.len > size)
                        abort();
        if (size > 1)
                carry(CW_SPAN(data + 1, size - 1), data[0]);
        return 0;
}
