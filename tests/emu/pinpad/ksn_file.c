/* SPDX-License-Identifier: Apache-2.0 */
#include "pad.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int emud_ksn_load(const char *path, uint8_t ret[10]) {
        char text[32] = {0};
        size_t n = 0;
        FILE *f = fopen(path, "re");

        if (!f)
                return errno == ENOENT ? 0 : -1;
        (void)!fgets(text, sizeof text, f);
        (void)fclose(f);
        text[strcspn(text, "\n")] = '\0';
        return cw_hex_decode(text, strlen(text), ret, 10, &n) && n == 10 ? 1 : -1;
}

bool emud_ksn_save(const char *path, const uint8_t ksn[10]) {
        char tmp[512], text[21];
        bool ok;
        FILE *f;

        if (!path)
                return true;
        if (snprintf(tmp, sizeof tmp, "%s.new", path) >= (int)sizeof tmp ||
            !cw_hex_encode(ksn, 10, text, sizeof text))
                return false;
        f = fopen(tmp, "we");
        if (!f)
                return false;
        ok = fprintf(f, "%s\n", text) > 0;
        ok = fclose(f) == 0 && ok;
        return ok && rename(tmp, path) == 0;
}
