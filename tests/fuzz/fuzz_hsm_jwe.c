/* SPDX-License-Identifier: Apache-2.0 */
/* JWE text that comes to us, and the clear card data inside. */
#include "hsm/d1_card.h"
#include "hsm/jose.h"

#include <stdlib.h>
#include <string.h>

/* The corpus is sealed to this key; it is for this target alone. */
static const char own_key[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"ki1m8WMYPEISrExgLH1L1B9zTb4j9MSxVV-4xRbjeEQ\","
    "\"y\":\"oEwGwHXQ2wWY578j-vbQL1eS5emVQ_awiAPCqDqPq6g\","
    "\"d\":\"HBMc_gpuKCAn5hVgmjdiZRW4HA9zQhnjx84HP8stG6s\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static json_t *key;
        static struct cw_d1_card card;
        const struct cw_config_d1 d = {.csc_field = "csc", .emv_data_field = "emvData"};
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        if (!key)
                key = json_loads(own_key, 0, NULL);
        struct cw_span text_in = CW_SPAN(data, size);
        if (cw_jwe_open(key, "k", text_in, &clear, &f) == CW_OK)
                text_in = CW_SPAN(clear->ptr, clear->len);
        if (cw_d1_card_parse(&d, text_in, &card, &f) != CW_OK)
                return 0;
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
        static struct cw_d1_card again;
        if (cw_secret_new(CW_JWE_CLEAR_MAX, &text) != CW_OK || cw_d1_card_write(&d, &card, text, &f) != CW_OK)
                return 0;
        /* What we write is what we read. */
        if (cw_d1_card_parse(&d, CW_SPAN(text->ptr, text->len), &again, &f) != CW_OK ||
            memcmp(&again, &card, sizeof card) != 0)
                abort();
        return 0;
}
