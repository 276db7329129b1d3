/* SPDX-License-Identifier: Apache-2.0 */
/* The models. An entry is made only for what is documented; a printer not listed is told apart but never
 * moved. */
#include "drivers/printer/evolis/internal.h"

#include <string.h>

static const struct cw_evolis_model models[] = {
    {"Primacy", CW_EVOLIS_MODERN, "Ser", false}, {"Zenius", CW_EVOLIS_MODERN, "Ser", false},
    {"Elypso", CW_EVOLIS_MODERN, "Ser", false},  {"Agilia", CW_EVOLIS_MODERN, "Ser", false},
    {"KC", CW_EVOLIS_MODERN, "Ser", false},      {"KM", CW_EVOLIS_MODERN, "Ser", false},
    {"Dualys", CW_EVOLIS_CLASSIC, "Seb", true},  {"Pebble", CW_EVOLIS_CLASSIC, "Seb", false},
    {"Tattoo", CW_EVOLIS_CLASSIC, "Seb", false}, {"Quantum", CW_EVOLIS_CLASSIC, "Seb", false},
};

static const struct cw_evolis_model unknown = {"", CW_EVOLIS_UNKNOWN, "", false};

const struct cw_evolis_model *cw_evolis_model_find(const char *type, const char *device_id_model) {
        for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
                if (strcasestr(type, models[i].word))
                        return &models[i];
        for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
                if (strcasestr(device_id_model, models[i].word))
                        return &models[i];
        return &unknown;
}
