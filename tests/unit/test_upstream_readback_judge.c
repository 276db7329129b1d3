/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/readback.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define DONE CW_READBACK_DONE
#define NOT_DONE CW_READBACK_NOT_DONE
#define UNCLEAR CW_READBACK_UNCLEAR

struct judged {
        const char *name, *fields, *before, *after; /* NULL: the server has nothing */
        enum cw_readback verdict;
};

#define OLD(op) "{\"entityId\":\"e\",\"oldKit\":\"1\",\"operation\":\"" op "\"}"
#define IS(status)                                                                                           \
        "[{\"kitNo\":\"1\",\"cardStatus\":\"" status "\"},{\"kitNo\":\"2\",\"cardStatus\":\"REPLACED\"}]"
#define ONE "{\"entityId\":\"e\",\"kitInfo\":[{\"accountNo\":1}]}"
#define TWO "{\"entityId\":\"e\",\"kitInfo\":[{\"kitNo\":\"7\"},{\"kitNo\":\"8\"}]}"
#define MOVE "{\"fromBranch\":\"A\",\"toBranch\":\"B\",\"kitNo\":[\"1\",\"2\"]}"

static const struct judged table[] = {
    {"kit-manager.manageKit", OLD("LOCK"), NULL, IS("LOCKED"), DONE},
    {"kit-manager.manageKit", OLD("LOCK"), NULL, IS("ACTIVE"), NOT_DONE},
    {"kit-manager.manageKit", OLD("UNLOCK"), NULL, IS("ACTIVE"), DONE},
    {"kit-manager.manageKit", OLD("BLOCK"), NULL, IS("BLOCKED"), DONE},
    {"kit-manager.manageKit", OLD("REPLACE"), NULL, IS("REPLACED"), DONE},
    {"kit-manager.manageKit", OLD("REPLACE"), NULL, IS("BLOCKED"), NOT_DONE},
    {"kit-manager.manageKit", OLD("BLOCK_AND_REPLACE"), NULL, IS("REPLACED"), DONE},
    {"kit-manager.manageKit", OLD("BLOCK_AND_REPLACE"), NULL, IS("BLOCKED"), UNCLEAR},
    {"kit-manager.manageKit", OLD("BLOCK_AND_REPLACE"), NULL, IS("ACTIVE"), NOT_DONE},
    {"kit-manager.manageKit", OLD("LOCK"), NULL, IS("REPLACED"), UNCLEAR},
    {"kit-manager.manageKit", OLD("LOCK"), NULL, IS("A_NEW_STATE"), UNCLEAR},
    {"kit-manager.manageKit", OLD("LOCK"), NULL, "[]", UNCLEAR},
    {"kit-manager.manageKit", OLD("LOCK"), NULL, NULL, UNCLEAR},
    {"registerCard", ONE, "[{\"kitNo\":\"1\"}]", "[{\"kitNo\":\"1\"}]", NOT_DONE},
    {"registerCard", ONE, "[{\"kitNo\":\"1\"}]", "[{\"kitNo\":1},{\"kitNo\":\"2\"}]", DONE},
    {"registerCard", ONE, NULL, "[{\"kitNo\":\"2\"}]", DONE},
    {"registerCard", ONE, "[]", "[{\"kitNo\":\"1\"},{\"kitNo\":\"2\"}]", UNCLEAR},
    {"registerCard", TWO, "[]", "[{\"kitNo\":\"7\"},{\"kitNo\":\"8\"},{\"kitNo\":\"9\"}]", DONE},
    {"registerCard", TWO, "[]", "[{\"kitNo\":\"7\"}]", UNCLEAR},
    {"registerCard", TWO, "[]", "[{\"kitNo\":\"9\"}]", NOT_DONE},
    {"registerCard", TWO, "[{\"kitNo\":\"7\"}]", "[{\"kitNo\":\"7\"},{\"kitNo\":\"8\"}]", UNCLEAR},
    {"kit-manager.applyForCard", "{\"entityId\":\"e\"}", "[]", "[{\"kitNo\":\"3\"}]", DONE},
    {"kit-manager.applyForCard", "{\"entityId\":\"e\",\"kitNo\":\"3\"}", "[]",
     "[{\"kitNo\":\"3\",\"cardType\":\"PHYSICAL\"}]", DONE},
    {"kit-manager.applyForCard", "{\"entityId\":\"e\",\"kitNo\":\"3\"}", "[]",
     "[{\"kitNo\":\"3\",\"cardType\":\"VIRTUAL\"}]", NOT_DONE},
    {"kit-manager.applyForCard", "{\"entityId\":\"e\",\"kitNo\":\"3\"}", "[]", "[]", UNCLEAR},
    {"kit-manager.upgradeCard", "{\"entityId\":\"e\",\"kitNo\":\"1\"}", "[{\"kitNo\":\"1\"}]",
     "[{\"kitNo\":\"1\"},{\"kitNo\":\"2\"}]", DONE},
    {"register", "{\"entityId\":\"e\"}", NULL, NULL, NOT_DONE},
    {"register", "{\"entityId\":\"e\"}", NULL, "{\"entityId\":\"e\"}", DONE},
    {"register", "{\"entityId\":\"e\"}", "{\"entityId\":\"e\"}", "{\"entityId\":\"e\"}", UNCLEAR},
    {"register", "{\"entityId\":\"e\",\"kitInfo\":[{}]}", NULL, "{\"entityId\":\"e\",\"kitInfo\":[]}",
     UNCLEAR},
    {"card-order.create", "{\"orderId\":\"o\"}", NULL, "{\"status\":\"RECEIVED\"}", DONE},
    {"card-order.create", "{\"orderId\":\"o\"}", NULL, NULL, NOT_DONE},
    {"card-order.create", "{\"orderId\":\"o\"}", "{\"status\":\"PENDING\"}", "{\"status\":\"PENDING\"}",
     UNCLEAR},
    {"card-order.cancel", "{\"orderId\":\"o\"}", NULL, "{\"status\":\"CANCELLED\"}", DONE},
    {"card-order.cancel", "{\"orderId\":\"o\"}", NULL, "{\"status\":\"RECEIVED\"}", NOT_DONE},
    {"card-order.cancel", "{\"orderId\":\"o\"}", NULL, "{\"status\":\"PENDING\"}", UNCLEAR},
    {"inventory.kitsTransfer", MOVE, NULL, "[{\"branchId\":\"B\"},{\"branchId\":\"B\"}]", DONE},
    {"inventory.kitsTransfer", MOVE, NULL, "[{\"branchId\":\"A\"},{\"branchId\":\"A\"}]", NOT_DONE},
    {"inventory.kitsTransfer", MOVE, NULL, "[{\"branchId\":\"A\"},{\"branchId\":\"B\"}]", UNCLEAR},
    {"inventory.kitsTransfer", MOVE, NULL, "[{\"branchId\":\"B\"}]", UNCLEAR},
    {"inventory.instaKit.expire", "{\"kitNo\":\"1\"}", NULL, "[{\"cardStatus\":\"EXPIRED_CARD\"}]", DONE},
    {"inventory.instaKit.expire", "{\"kitNo\":\"1\"}", NULL, "[{\"cardStatus\":\"UNALLOCATED\"}]", NOT_DONE},
    {"inventory.instaKit.expire", "{\"kitNo\":\"1\"}", NULL, "[{\"cardStatus\":\"ACTIVE\"}]", UNCLEAR},
    {"branch.create", "{\"branchId\":\"b\"}", "[]", "[{\"branchId\":\"b\"}]", DONE},
    {"branch.create", "{\"branchId\":\"b\"}", "[]", "[]", NOT_DONE},
    {"branch.create", "{\"branchId\":\"b\"}", "[{\"branchId\":\"b\"}]", "[{\"branchId\":\"b\"}]", UNCLEAR},
};

static json_t *load(const char *text) {
        json_t *json = text ? json_loads(text, 0, NULL) : NULL;
        assert_true(json || !text);
        return json;
}

static void verdicts(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
                const struct judged *t = &table[i];
                CW_AUTO_JSON json_t *fields = load(t->fields);
                CW_AUTO_JSON json_t *before = load(t->before);
                CW_AUTO_JSON json_t *after = load(t->after);
                enum cw_readback verdict =
                    cw_readback_judge(cw_dcms_endpoint_named(t->name), fields, before, after);
                if (verdict != t->verdict)
                        fail_msg("row %zu (%s): %d", i, t->name, (int)verdict);
        }
}

/* Every READ_BACK call has a read of its own, which is harmless to repeat, and members that fit it. */
static void every_probe_is_a_read(void **state) {
        (void)state;
        for (int id = 0; id < CW_DCMS_EP_MAX_; id++) {
                const struct cw_dcms_endpoint *e = cw_dcms_endpoint((enum cw_dcms_endpoint_id)id);
                CW_AUTO_JSON json_t *fields = json_pack("{s:s, s:s, s:s, s:[s]}", "entityId", "e", "branchId",
                                                        "b", "orderId", "o", "kitNo", "1");
                CW_AUTO_JSON json_t *probe_fields = NULL;
                if (e->lost != CW_DCMS_LOST_READ_BACK)
                        continue;
                if (id == CW_DCMS_EP_KIT_EXPIRE)
                        (void)json_object_set_new(fields, "kitNo", json_string("1"));
                const struct cw_dcms_endpoint *probe = cw_readback_probe(e, fields, &probe_fields);
                assert_int_equal(probe->lost, CW_DCMS_LOST_REPEAT);
                const char *name = NULL;
                json_t *value = NULL;
                json_object_foreach(probe_fields, name, value) {
                        assert_non_null(cw_dcms_field(probe->id, name, NULL));
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(verdicts),
            cmocka_unit_test(every_probe_is_a_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
