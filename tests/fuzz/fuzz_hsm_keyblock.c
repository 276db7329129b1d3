/* SPDX-License-Identifier: Apache-2.0 */
/* Key block headers: what is read is written again to the same characters. Whole blocks: never more than a
 * refusal under a key that nobody has. */
#include "hsm/keyblock.h"
#include "test_hsm_soft.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void header(const char *block, size_t len) {
        struct cw_keyblock_header h;
        char again[CW_KEYBLOCK_MAX + 1];
        size_t n = 0, written = 0, total = 0;
        if (cw_keyblock_header_parse(block, len, &h, &n, NULL) != CW_OK)
                return;
        size_t mac = 2 * cw_keyblock_mac_len(h.version);
        if (len < n + mac || (len - n) % 2 != 0)
                return;
        if (cw_keyblock_header_write(&h, (len - n - mac) / 2, again, &written, &total, NULL) != CW_OK ||
            written != n || total != len)
                abort();
        again[15] = block[15]; /* reserved; written as 0 */
        if (memcmp(again, block, n) != 0)
                abort();
}

static void whole(const char *block) {
        static const uint8_t value[32] = {7, 1, 2, 3};
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        struct cw_kbpk kbpk = {0};
        struct cw_keyblock_header h;
        struct cw_keyblock_key key;
        bool aes = block[0] == 'D';
        if (soft == NULL || cw_kbpk_import(&c, aes, value, aes ? 32 : 16, &kbpk, NULL) != CW_OK)
                abort();
        cw_rc rc = cw_keyblock_unwrap(&c, &kbpk, block, NULL, &h, &key, NULL);
        if (rc != CW_OK && cw_rc_class(rc) != CW_C_REJECT)
                abort();
        cw_kbpk_destroy(&c, &kbpk);
        soft_hsm_free(soft);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char block[2048];
        if (size >= sizeof(block))
                return 0;
        memcpy(block, data, size);
        block[size] = '\0';
        header(block, size);
        whole(block);
        return 0;
}
