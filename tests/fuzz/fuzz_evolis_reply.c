/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says in which pieces the rest arrives; every answer cut from it goes through every reading.
 */
#include "drivers/printer/evolis/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_every_way(const char *answer) {
        int64_t v = 0;
        char text[32];
        enum cw_evolis_kind kind = cw_evolis_kind(answer);
        enum cw_evolis_trouble trouble = cw_evolis_trouble(answer);
        if ((kind == CW_EVOLIS_OK || kind == CW_EVOLIS_VALUE) != (trouble == CW_EVOLIS_T_NONE))
                abort();
        (void)cw_evolis_trouble_code(trouble);
        if (cw_evolis_number(answer, &v) && v < 0)
                abort();
        if (cw_evolis_millivolts(answer, &v) && v < 0)
                abort();
        for (int g = CW_EVOLIS_UNKNOWN; g <= CW_EVOLIS_MODERN; g++)
                (void)cw_where_name(cw_evolis_where((enum cw_evolis_generation)g, answer));
        (void)cw_evolis_ribbon(answer, text, sizeof text);
        cw_evolis_quote(answer, text, sizeof text);
}

static void mask(const uint8_t *data, size_t size) {
        uint8_t *copy = malloc(size ? size : 1);
        bool track = false;
        if (!copy)
                return;
        for (int in = 0; in < 2; in++) {
                size_t n = size;
                if (size)
                        memcpy(copy, data, size);
                cw_evolis_mask(&track, in != 0, copy, &n);
                if (n > size)
                        abort();
        }
        free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t memory[CW_EVOLIS_REPLY_MAX];
        char answer[CW_EVOLIS_REPLY_MAX];
        struct cw_evolis_stream s = {memory, 0};
        if (size == 0)
                return 0;
        size_t piece = data[0] ? data[0] : 1;
        mask(data + 1, size - 1);
        for (size_t at = 1; at < size; at += piece) {
                size_t n = size - at < piece ? size - at : piece;
                if (!cw_evolis_stream_add(&s, data + at, n))
                        break;
                for (ptrdiff_t len = cw_evolis_stream_find(&s); len >= 0; len = cw_evolis_stream_find(&s)) {
                        cw_evolis_stream_take(&s, (size_t)len, answer, sizeof answer);
                        read_every_way(answer);
                }
        }
        cw_evolis_stream_take(&s, s.len, answer, sizeof answer);
        read_every_way(answer);
        return 0;
}
