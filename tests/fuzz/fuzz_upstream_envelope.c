/* SPDX-License-Identifier: Apache-2.0 */
/* A whole answer: first byte picks the call, second the status, the rest is the body. */
#include "agent/upstream/answer.h"
#include "agent/upstream/results.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const int statuses[] = {200, 200, 200, 400, 401, 429, 500, 302};
        if (size < 2 || size > 65536)
                return 0;
        const struct cw_dcms_endpoint *e =
            cw_dcms_endpoint((enum cw_dcms_endpoint_id)(data[0] % (unsigned)CW_DCMS_EP_MAX_));
        struct cw_http_result http = {.rc = CW_OK, .status = statuses[data[1] % 8], .retry_after_ms = -1};
        if (cw_secret_dup(data + 2, size - 2, &http.body) != CW_OK)
                return 0;
        struct cw_answer a;
        cw_answer_read(e, NULL, &http, &a);
        struct cw_results r = {0};
        CW_AUTO_JSON json_t *asked = json_pack("[s, s]", "10012192", "234");
        if (a.verdict == CW_ANSWER_OK && (cw_results_kits(&r, a.envelope.result) != CW_OK ||
                                          cw_results_orders(&r, a.envelope.result) != CW_OK ||
                                          cw_results_delivered(&r, a.envelope.result, asked) != CW_OK))
                __builtin_trap();
        char born[9];
        if (cw_dcms_birth_date(a.envelope.result, "dob", born) && strlen(born) != 8)
                __builtin_trap();
        cw_results_done(&r);
        cw_answer_done(&a);
        cw_secret_free(http.body);
        return 0;
}
