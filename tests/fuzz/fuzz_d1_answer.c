/* SPDX-License-Identifier: Apache-2.0 */
/* What D1 answers: verdict, operations, batch rows. First byte: the HTTP status. */
#include "agent/d1/answer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const int statuses[] = {200, 202, 400, 401, 404, 429, 500, 503};
        static struct cw_d1_operation operations[CW_D1_OPERATIONS_MAX];
        struct cw_d1_answer a;
        char id[65];
        struct cw_fault f;
        if (size < 1 || size > 65536)
                return 0;
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL;
        if (cw_secret_dup(data + 1, size - 1, &body) != CW_OK)
                return 0;
        const struct cw_http_result http = {
            .status = statuses[data[0] % 8], .body = body, .retry_after_ms = -1};
        cw_d1_answer_read(&http, "the call", &a);
        size_t count = cw_d1_operations_read(a.root, operations, CW_D1_OPERATIONS_MAX), plain = 0;
        const struct cw_d1_operation *found = NULL;
        enum cw_d1_found what = cw_d1_find_order(operations, count, "r-1", &found, &plain);
        if (count > CW_D1_OPERATIONS_MAX || plain > count || (what != CW_D1_FOUND_NOTHING) != (found != NULL))
                abort();
        cw_d1_operation_id(a.root, id);
        (void)cw_d1_error_read(cw_d1_batch_row(a.root, "card-1"), "the card", 202, &f);
        if (a.verdict != CW_D1_OK && a.fault.rc == CW_OK)
                abort();
        cw_d1_answer_done(&a);
        return 0;
}
