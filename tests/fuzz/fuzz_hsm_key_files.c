/* SPDX-License-Identifier: Apache-2.0 */
/* The key register: what is read is written and read again as it was. Headers of key blocks: every purpose
 * refuses or takes them, and says why. */
#include "hsm/key_policy.h"
#include "hsm/key_register.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void registered(const char *text, size_t len) {
        static struct cw_key_register r;
        if (cw_key_register_parse(text, len, &r, NULL) != CW_OK)
                return;
        for (size_t i = 0; i < r.count; i++) {
                struct cw_key_entry *e = &r.keys[i];
                if (e->count > CW_KEY_VERSIONS_MAX || cw_key_register_find(&r, e->label) != e ||
                    (e->active != 0 && cw_key_entry_version(e, e->active) == NULL))
                        abort();
                const struct cw_key_version *v = cw_key_entry_add(e);
                if (v != NULL && cw_key_entry_version(e, v->version) != v)
                        abort();
        }
}

static void policed(const char *block, size_t len) {
        static const struct cw_config_hsm cfg = {.keyblock_versions = "ABCD"};
        static const char *const purposes[] = {"cvk", "bdk", "kbpk", "pan-hash", "zpk-in", "issuer-rsa"};
        struct cw_keyblock_header h;
        size_t n = 0;
        if (cw_keyblock_header_parse(block, len, &h, &n, NULL) != CW_OK)
                return;
        for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
                const struct cw_config_key k = {
                    .label = "k", .purpose = purposes[i], .algorithm = "tdes2", .kcv = "", .block_usage = ""};
                struct cw_fault f = {0};
                cw_rc rc = cw_key_policy_check(&cfg, &k, &h, &f);
                if (rc != CW_OK && (cw_rc_class(rc) != CW_C_REJECT || f.text[0] == '\0'))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *)data;
        registered(text, size);
        policed(text, size);
        return 0;
}
