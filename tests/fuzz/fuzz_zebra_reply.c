/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through the reply parser of the Zebra driver: it takes them all, and what it says lies in them.
 */
#include "drivers/printer/zebra/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const uint8_t *data, size_t size) {
        char text[CW_ZEBRA_REPLY_MAX];
        for (size_t at = 0; at < size;) {
                struct cw_zebra_reply r;
                size_t n = cw_zebra_parse(data + at, size - at, false, &r);
                if (n == 0)
                        n = cw_zebra_parse(data + at, size - at, true, &r);
                if (n == 0 || n > size - at || r.kind == CW_ZEBRA_NONE)
                        abort();
                if (r.kind == CW_ZEBRA_NACK && (r.code < -1 || r.code > 99))
                        abort();
                if (r.kind == CW_ZEBRA_TEXT && r.at + r.len > n)
                        abort();
                if (r.kind == CW_ZEBRA_TEXT)
                        cw_zebra_quote(data + at + r.at, r.len, text, sizeof text);
                if (!cw_zebra_code(r.code)[0])
                        abort();
                at += n;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        bool track = size && (data[0] & 1);
        read_all(data, size);
        uint8_t *copy = malloc(size ? size : 1);
        if (!copy)
                return 0;
        for (int in = 0; in < 2; in++) {
                size_t n = size;
                if (size)
                        memcpy(copy, data, size);
                cw_zebra_mask(&track, in != 0, copy, &n);
                if (n > size)
                        abort();
        }
        free(copy);
        return 0;
}
