/* SPDX-License-Identifier: Apache-2.0 */
/* The server's encryptedCardNumber text, the name of the card, the register of key serial numbers. */
#include "hsm/card_number.h"
#include "hsm/ksn_registry.h"
#include "hsm/track.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_card_number n;
        static struct cw_ksn_table table;
        char text[256], name[CW_TRACK_NAME_MAX + 1];
        uint8_t ksn[CW_KSN_LEN];
        if (cw_card_number_parse(data, size, &n, NULL) == CW_OK && (n.len < 32 || n.len > sizeof(n.bytes)))
                abort();
        if (cw_ksn_table_parse((const char *)data, size, &table, NULL) == CW_OK &&
            table.count > CW_KSN_PADS_MAX)
                abort();
        size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
        memcpy(text, data, len);
        text[len] = '\0';
        if (cw_track_name(text, name, NULL) == CW_OK && (strlen(name) < 2 || strpbrk(name, "^%?=;&") != NULL))
                abort();
        if (cw_ksn_parse(text, ksn, NULL) == CW_OK && cw_ksn_counter(ksn) == 0)
                abort();
        return 0;
}
