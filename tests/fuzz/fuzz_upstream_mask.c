/* SPDX-License-Identifier: Apache-2.0 */
/* Masking keeps valid JSON valid, changes nothing the second time, and leaves no card number under its names.
 */
#include "agent/upstream/mask.h"
#include "base/cleanup.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t longest_digits(const char *text) {
        size_t best = 0;
        while (*text) {
                size_t n = strspn(text, "0123456789");
                best = n > best ? n : best;
                text += n ? n : 1;
        }
        return best;
}

static void check_members(const json_t *object) {
        const char *text = json_string_value(json_object_get(object, "cardNumber"));
        if (text && longest_digits(text) >= 13)
                __builtin_trap();
        text = json_string_value(json_object_get(object, "cvv"));
        if (text && longest_digits(text) > 0)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size > 65536)
                return 0;
        CW_AUTO_MEM char *once = malloc(size + 1);
        CW_AUTO_MEM char *twice = malloc(size + 1);
        if (!once || !twice)
                return 0;
        if (size)
                memcpy(once, data, size);
        json_t *before = json_loadb(once, size, JSON_DECODE_ANY, NULL);
        cw_rc rc = cw_mask_json(once, size, NULL);
        CW_AUTO_JSON json_t *after = json_loadb(once, size, JSON_DECODE_ANY, NULL);
        if (rc == CW_OK && before && !after)
                __builtin_trap();
        json_decref(before);
        if (rc != CW_OK)
                return 0;
        check_members(after);
        memcpy(twice, once, size);
        if (cw_mask_json(twice, size, NULL) != CW_OK || memcmp(once, twice, size) != 0)
                __builtin_trap();
        CW_AUTO(cw_secret_free) struct cw_secret *token = NULL;
        if (cw_mask_take(twice, size, "idtoken", &token) == CW_OK && token->len == 0)
                __builtin_trap();
        return 0;
}
