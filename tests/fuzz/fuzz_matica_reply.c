/* SPDX-License-Identifier: Apache-2.0 */
/* Any answer goes through every reading of the Matica driver; what is accepted must make sense. */
#include "drivers/printer/matica/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void printable(const char *text, size_t cap) {
        if (strlen(text) >= cap)
                abort();
        for (; *text; text++)
                if (*text < 0x20 || *text > 0x7e)
                        abort();
}

static void read_every_way(const uint8_t *data, size_t size) {
        struct cw_matica_inquiry i;
        struct cw_matica_raster r;
        struct cw_matica_ink ink;
        struct cw_matica_counters c;
        char text[CW_TRACK3_MAX + 1];
        const char *code = NULL;
        if (cw_matica_parse_inquiry(data, size, &i)) {
                printable(i.type, sizeof i.type);
                printable(i.serial, sizeof i.serial);
        }
        if (cw_matica_parse_raster(data, size, &r) && (size_t)r.columns * r.rows > (size_t)4 << 20)
                abort();
        if (cw_matica_parse_ink(data, size, &ink))
                printable(ink.lot, sizeof ink.lot);
        if (cw_matica_parse_counters(data, size, &c) && (c.total < -1 || c.error < -1))
                abort();
        (void)cw_matica_judge(cw_matica_parse_sense(data, size), &code);
        if (!code || cw_matica_parse_position(data, size) >= CW_WHERE_MAX_)
                abort();
        for (unsigned t = 1; t <= 3; t++)
                for (unsigned s = CW_MATICA_ADDS_SENTINELS; s <= CW_MATICA_WANTS_LRC; s++)
                        if (cw_matica_get_track(t, data, size, (enum cw_matica_sentinels)s, text,
                                                sizeof text))
                                printable(text, sizeof text);
        (void)cw_matica_csw(data, size, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_matica_masking m = {.command = size ? data[0] : 0};
        read_every_way(data, size);
        uint8_t *copy = malloc(size ? size : 1);
        if (!copy)
                return 0;
        for (int in = 0; in < 2; in++) {
                size_t n = size;
                if (size)
                        memcpy(copy, data, size);
                cw_matica_mask(&m, in != 0, copy, &n);
                if (n > size)
                        abort();
        }
        free(copy);
        return 0;
}
