/* SPDX-License-Identifier: Apache-2.0 */
/* What custodians type: two entries, split at the first newline. A key comes out only when its check value is
 * the planned one. */
#include "hsm/ceremony.h"
#include "test_hsm_soft.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool enter(struct cw_ceremony *ce, const struct cw_hsm_crypto *c, uid_t uid, const char *text,
                  size_t len) {
        struct cw_custodian who = {.uid = uid, .user = "custodian"};
        struct cw_ceremony_step step;
        struct cw_fault f = {0};
        bool over = false;
        cw_rc rc = cw_ceremony_enter(ce, c, &who, text, len, "", &step, &over, &f);
        if (rc != CW_OK && cw_rc_class(rc) != CW_C_REJECT)
                abort();
        return rc == CW_OK && step.complete;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *)data;
        const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
        size_t first = line ? (size_t)(line - text) : size;
        struct cw_ceremony_plan plan = {.label = "k", .kcv = "08D7B4", .alg = CW_ALG_TDES2, .components = 2};
        struct cw_ceremony *ce = NULL;
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        if (soft == NULL || cw_ceremony_start(&plan, 0, &ce, NULL) != CW_OK)
                abort();
        bool complete = enter(ce, &c, 1, text, first);
        if (complete)
                abort(); /* one person alone */
        if (line != NULL)
                complete = enter(ce, &c, 2, line + 1, size - first - 1);
        if (complete != (cw_ceremony_key(ce) != NULL) || soft_key_count(soft) != 0)
                abort();
        cw_ceremony_free(ce);
        soft_hsm_free(soft);
        return 0;
}
