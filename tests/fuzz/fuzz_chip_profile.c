/* SPDX-License-Identifier: Apache-2.0 */
/* Profile files: whatever is accepted can be prepared for a card. */
#include "drivers/chip/prepare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char pan[] = "4000001234567899";
        static const uint8_t track2[] = {0x40, 0x00, 0x00, 0x12, 0x34, 0x56, 0x78,
                                         0x99, 0xd2, 0x91, 0x22, 0x01, 0x0f};
        const struct cw_card_values values = {.expiry = "2912",
                                              .service_code = "220",
                                              .psn = "01",
                                              .name = "RAO/ASHA",
                                              .pan = CW_SPAN((const uint8_t *)pan, 16),
                                              .track2 = CW_SPAN(track2, sizeof track2)};
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *d = NULL;
        if (cw_profile_line((const char *)data, size, "dgis[1].of[0].tag") > size + 1)
                abort();
        if (cw_profile_parse("fuzz", (const char *)data, size, NULL, &p, NULL) != CW_OK)
                return 0;
        if (cw_perso_data_prepare(p, &values, &d, NULL) != CW_OK || d->count != p->dgi_count)
                abort();
        return 0;
}
