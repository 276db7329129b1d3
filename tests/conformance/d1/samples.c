/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/d1/samples.h"

#include "tests/integration/d1/d1rig.h"

#include <stdio.h>
#include <string.h>

#define CARD "271b-6e47-8ec3-7f3f" /* the card id of the printed samples */

/* Card order: 202 {"operationId"}, 1 to 64 characters of [A-Za-z0-9_-]. */
static bool order_202(struct d1rig *rig) {
        static struct d1out o;
        d1rig_order(rig, CARD, "req-42", &o);
        size_t len = strlen(o.made[0].operation_id);
        return o.rc == CW_OK && !o.made[0].confirmed && len >= 1 && len <= 64;
}

/* productionStatus: PRODUCE, PENDING, details.status CARD_PROD_REQUESTED, ISO 8601 in milliseconds. */
static bool status_requested(struct d1rig *rig) {
        static struct d1out o;
        d1rig_status(rig, CARD, &o);
        const struct cw_d1_operation *p = &o.operations[0];
        return o.rc == CW_OK && o.reply.operation_count == 1 && strcmp(p->operation, "PRODUCE") == 0 &&
               p->status == CW_D1_PENDING && p->detail == CW_D1_REQUESTED && strcmp(p->card_id, CARD) == 0 &&
               strlen(p->start) == strlen("2025-01-17T06:28:02.492Z") && p->start[19] == '.' && p->id[0];
}

/* Every documented word of details.status goes with its operation status. */
static bool status_words(struct d1rig *rig) {
        static const struct {
                const char *word;
                enum cw_d1_detail detail;
                enum cw_d1_status status;
        } rows[] = {{"DATA_PREPARED", CW_D1_DATA_PREPARED, CW_D1_PENDING},
                    {"CARD_PROD_READY", CW_D1_READY, CW_D1_PENDING},
                    {"CARD_PROD_ONGOING", CW_D1_ONGOING, CW_D1_PENDING},
                    {"CARD_PROD_DONE", CW_D1_DONE, CW_D1_SUCCESSFUL},
                    {"CARD_SHIPPED", CW_D1_SHIPPED, CW_D1_SUCCESSFUL},
                    {"DATA_EXCEPTION", CW_D1_DATA_EXCEPTION, CW_D1_FAILED},
                    {"CARD_PROD_EXCEPTION", CW_D1_EXCEPTION, CW_D1_FAILED},
                    {"CARD_PROD_CANCELED", CW_D1_CANCELED, CW_D1_FAILED}};
        static struct d1out o;
        bool good = true;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
                char body[160];
                (void)snprintf(body, sizeof body, "{\"cardId\":\"" CARD "\",\"detail\":\"%s\"}",
                               rows[i].word);
                json_decref(d1rig_ask(rig, "/_sim/end", body));
                d1rig_status(rig, CARD, &o);
                good = good && o.operations[0].detail == rows[i].detail &&
                       o.operations[0].status == rows[i].status;
        }
        return good;
}

/* Error body {errorCode, error}: the first bad field. */
static bool error_body(struct d1rig *rig) {
        static struct d1out o;
        rig->product.d1_product = "NO_SUCH_PRODUCT";
        d1rig_order(rig, "another-card", "req-43", &o);
        rig->product.d1_product = "GOLD_DEBIT";
        return cw_rc_class(o.rc) == CW_C_REJECT && strcmp(o.fault.code, "FIELD_INVALID_VALUE") == 0 &&
               strstr(o.fault.text, "cardProductId");
}

void d1_samples(unsigned *passed, unsigned *failed) {
        static const struct {
                const char *name;
                bool (*run)(struct d1rig *rig);
        } samples[] = {{"order 202", order_202},
                       {"status CARD_PROD_REQUESTED", status_requested},
                       {"words of details.status", status_words},
                       {"error body", error_body}};
        struct d1rig rig;
        d1rig_start(&rig);
        for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
                bool good = samples[i].run(&rig);
                *passed += good;
                *failed += !good;
                if (!good)
                        (void)printf("FAIL %s\n", samples[i].name);
        }
        d1rig_stop(&rig);
}
