/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between the printers. */
#include "drivers/printer/magicard/internal.h"

#include <string.h>

/* "Rio Pro" before "Rio": it is of the newer generation. */
static const struct cw_magicard_model models[] = {
    {"Enduro", CW_MAGICARD_INTERLEAVED, "KGE2", false, true},
    {"Rio Pro", CW_MAGICARD_INTERLEAVED, "KGE2", false, true},
    {"RioPro", CW_MAGICARD_INTERLEAVED, "KGE2", false, true},
    {"Pronto", CW_MAGICARD_INTERLEAVED, "KGE2", false, true},
    {"Tango", CW_MAGICARD_STRAIGHT, "KEE", true, true},
    {"Rio", CW_MAGICARD_STRAIGHT, "KEE", false, true},
};

static const struct cw_magicard_model unknown = {"", CW_MAGICARD_STRAIGHT, "", false, false};

const struct cw_magicard_model *cw_magicard_model_find(const char *name) {
        for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
                if (strcasestr(name, models[i].word))
                        return &models[i];
        return &unknown;
}
