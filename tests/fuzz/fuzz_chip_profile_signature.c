/* SPDX-License-Identifier: Apache-2.0 */
/* Signature files of profiles: what is accepted is written and read again as the same. */
#include "drivers/chip/profile_sign.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_profile_signature s, again;
        if (cw_profile_signature_parse((const char *)data, size, &s, NULL) != CW_OK)
                return 0;
        CW_AUTO_MEM char *text = cw_profile_signature_text(&s);
        if (!text || cw_profile_signature_parse(text, strlen(text), &again, NULL) != CW_OK)
                abort();
        if (again.len != s.len || memcmp(again.bytes, s.bytes, s.len) != 0 || strcmp(again.key, s.key) != 0)
                abort();
        return 0;
}
