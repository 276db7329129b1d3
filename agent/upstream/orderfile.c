/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/orderfile.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FILE_MAX 1000000u
#define LINE_MAX_BYTES 4096u

static bool is_line_end(uint8_t c) {
        return c == '\n' || c == '\r';
}

const char *cw_orderfile_fault(const void *bytes, size_t len) {
        const uint8_t *p = bytes;
        size_t line = 0, filled = 0;
        if (len == 0)
                return "the file is empty";
        if (len > FILE_MAX)
                return "the file is larger than 1000000 bytes";
        for (size_t i = 0; i < len; i++) {
                if (is_line_end(p[i])) {
                        line = 0;
                        continue;
                }
                if ((p[i] < 0x20 && p[i] != '\t') || p[i] >= 0x7f)
                        return "the file is not a text file: it holds bytes that are not printable ASCII";
                if (++line > LINE_MAX_BYTES)
                        return "the file has a line longer than 4096 bytes";
                filled += p[i] != ' ' && p[i] != '\t';
        }
        return filled ? NULL : "the file has no line with anything in it";
}
