/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file as an operator could leave it. */
#include "config/load.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_config_owner *o = cw_config_defaults();
        CW_AUTO_MEM char *text = malloc(size + 1);
        if (!o || !text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        struct cw_findings fs = {.file = "fuzz"};
        cw_config_apply_text(o, text, size, &fs);
        cw_config_check(&o->config, &fs);
        cw_config_free(&o->config);
        return 0;
}
