/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says in which pieces the rest arrives; every answer cut from it goes through every reading.
 */
#include "drivers/printer/magicard/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_every_way(const char *reply) {
        static const char *const keys[] = {"MSR", "TCQ", "DFR"};
        struct cw_magicard_error e;
        struct cw_magicard_info i;
        char text[CW_PRINTER_TEXT_MAX];
        int64_t v = 0;
        if (cw_magicard_parse_error(reply, &e) && (e.major > 99 || e.minor > 99))
                abort();
        if (cw_magicard_parse_info(reply, &i)) {
                if (!i.model[0] || i.cards < -1 || i.shots < -1 || i.abilities < 0)
                        abort();
                (void)cw_magicard_film_kind(i.film);
        }
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
                if (cw_magicard_parse_value(reply, keys[k], text, sizeof text) &&
                    cw_magicard_number(text, &v) && v < 0)
                        abort();
        cw_magicard_quote(reply, text, sizeof text);
        for (const char *p = text; *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        abort();
}

static void mask(const uint8_t *data, size_t size) {
        uint8_t *copy = malloc(size ? size : 1);
        if (!copy)
                return;
        for (int in = 0; in < 2; in++) {
                size_t n = size;
                if (size)
                        memcpy(copy, data, size);
                cw_magicard_mask(NULL, in != 0, copy, &n);
                if (n > size)
                        abort();
        }
        free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_magicard_stream s = {.len = 0};
        char reply[CW_MAGICARD_REPLY_MAX];
        if (size == 0)
                return 0;
        size_t piece = data[0] ? data[0] : 1;
        mask(data + 1, size - 1);
        for (size_t at = 1; at < size; at += piece) {
                cw_magicard_stream_add(&s, data + at, size - at < piece ? size - at : piece);
                while (cw_magicard_stream_next(&s, reply))
                        read_every_way(reply);
        }
        return 0;
}
