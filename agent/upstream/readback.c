/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/readback.h"

#include "agent/upstream/envelope.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *member) {
        const char *text = json_string_value(json_object_get(object, member));
        return text ? text : "";
}

static bool is(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

/* ---- which call reads ---- */

static json_t *inventory_fields(const char *ref_type, json_t *take_refs) {
        return json_pack("{s:s, s:o, s:i, s:i}", "refType", ref_type, "kitRefNo", take_refs, "pageNo", 1,
                         "pageSize", 1000);
}

static json_t *expire_fields(const json_t *fields) {
        bool one = json_object_get(fields, "parentKitNo") == NULL;
        return inventory_fields(one ? "DC_KIT" : "PARENT_KIT",
                                json_pack("[s]", text_of(fields, one ? "kitNo" : "parentKitNo")));
}

const struct cw_dcms_endpoint *cw_readback_probe(const struct cw_dcms_endpoint *e, const json_t *fields,
                                                 json_t **ret_fields) {
        enum cw_dcms_endpoint_id id = CW_DCMS_EP_KITS_BY_ENTITY_V1;
        switch (e->check) {
        case CW_DCMS_CHECK_CUSTOMER:
                id = CW_DCMS_EP_VIEW_CUSTOMER;
                break;
        case CW_DCMS_CHECK_KITS_BRANCH:
                *ret_fields = inventory_fields("DC_KIT", json_deep_copy(json_object_get(fields, "kitNo")));
                return cw_dcms_endpoint(CW_DCMS_EP_KITS_INVENTORY);
        case CW_DCMS_CHECK_KITS_EXPIRED:
                *ret_fields = expire_fields(fields);
                return cw_dcms_endpoint(CW_DCMS_EP_KITS_INVENTORY);
        case CW_DCMS_CHECK_BRANCH:
                *ret_fields = json_pack("{s:s}", "branchId", text_of(fields, "branchId"));
                return cw_dcms_endpoint(CW_DCMS_EP_BRANCH);
        case CW_DCMS_CHECK_ORDER:
        case CW_DCMS_CHECK_ORDER_CANCELLED:
                *ret_fields = json_pack("{s:s}", "cardOrderId", text_of(fields, "orderId"));
                return cw_dcms_endpoint(CW_DCMS_EP_ORDER_STATUS);
        case CW_DCMS_CHECK_NONE:
        case CW_DCMS_CHECK_ENTITY_KITS:
        case CW_DCMS_CHECK_KIT_STATE:
                break;
        }
        *ret_fields = json_pack("{s:s}", "entityId", text_of(fields, "entityId"));
        return cw_dcms_endpoint(id);
}

bool cw_readback_needs_before(const struct cw_dcms_endpoint *e) {
        return e->check == CW_DCMS_CHECK_CUSTOMER || e->check == CW_DCMS_CHECK_ENTITY_KITS ||
               e->check == CW_DCMS_CHECK_BRANCH || e->check == CW_DCMS_CHECK_ORDER;
}

/* ---- kits ---- */

static const json_t *find_kit(const json_t *kits, const char *kit_no) {
        char number[40];
        for (size_t i = 0; i < json_array_size(kits); i++)
                if (cw_json_text(json_array_get(kits, i), "kitNo", number, sizeof number) &&
                    is(number, kit_no))
                        return json_array_get(kits, i);
        return NULL;
}

/* Kits of after that before has not. */
static size_t count_new(const json_t *before, const json_t *after) {
        size_t count = 0;
        char number[40];
        for (size_t i = 0; i < json_array_size(after); i++)
                if (cw_json_text(json_array_get(after, i), "kitNo", number, sizeof number) &&
                    !find_kit(before, number))
                        count++;
        return count;
}

/* A virtual card turned into a plastic one keeps its number. */
static enum cw_readback judge_conversion(const json_t *fields, const json_t *after) {
        const char *type = text_of(find_kit(after, text_of(fields, "kitNo")), "cardType");
        if (is(type, "PHYSICAL"))
                return CW_READBACK_DONE;
        return is(type, "VIRTUAL") ? CW_READBACK_NOT_DONE : CW_READBACK_UNCLEAR;
}

/* Every kit the call named must be among the new ones; other new kits were somebody else's doing. */
static enum cw_readback judge_named_kits(const json_t *infos, const json_t *before, const json_t *after) {
        size_t here = 0;
        for (size_t i = 0; i < json_array_size(infos); i++) {
                const char *kit_no = text_of(json_array_get(infos, i), "kitNo");
                if (find_kit(before, kit_no))
                        return CW_READBACK_UNCLEAR;
                here += find_kit(after, kit_no) != NULL;
        }
        if (here == 0)
                return CW_READBACK_NOT_DONE;
        return here == json_array_size(infos) ? CW_READBACK_DONE : CW_READBACK_UNCLEAR;
}

static enum cw_readback judge_entity_kits(const struct cw_dcms_endpoint *e, const json_t *fields,
                                          const json_t *before, const json_t *after) {
        const json_t *infos = json_object_get(fields, "kitInfo");
        bool register_card = e->id == CW_DCMS_EP_REGISTER_CARD;
        size_t named = 0;
        if (e->id == CW_DCMS_EP_APPLY_FOR_CARD && json_object_get(fields, "kitNo"))
                return judge_conversion(fields, after);
        for (size_t i = 0; register_card && i < json_array_size(infos); i++)
                named += json_object_get(json_array_get(infos, i), "kitNo") != NULL;
        if (named > 0 && named == json_array_size(infos))
                return judge_named_kits(infos, before, after);
        size_t asked = register_card ? json_array_size(infos) : 1;
        size_t made = count_new(before, after);
        if (made == 0)
                return CW_READBACK_NOT_DONE;
        return made == asked ? CW_READBACK_DONE : CW_READBACK_UNCLEAR;
}

static enum cw_readback judge_kit_state(const json_t *fields, const json_t *after) {
        static const struct {
                const char *operation, *status;
        } targets[] = {
            {"LOCK", "LOCKED"},
            {"UNLOCK", "ACTIVE"},
            {"BLOCK", "BLOCKED"},
            {"REPLACE", "REPLACED"},
            {"BLOCK_AND_REPLACE", "REPLACED"},
        };
        static const char *const alive[] = {"ACTIVE", "LOCKED", "INACTIVE", "ASSIGNED"};
        const char *operation = text_of(fields, "operation");
        const char *status = text_of(find_kit(after, text_of(fields, "oldKit")), "cardStatus");
        for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
                if (is(targets[i].operation, operation) && is(targets[i].status, status))
                        return CW_READBACK_DONE;
        /* Blocked, but is the new card made? Only REPLACE starts from BLOCKED. */
        if (is(status, "BLOCKED"))
                return is(operation, "REPLACE") ? CW_READBACK_NOT_DONE : CW_READBACK_UNCLEAR;
        for (size_t i = 0; i < sizeof alive / sizeof alive[0]; i++)
                if (is(status, alive[i]))
                        return CW_READBACK_NOT_DONE;
        return CW_READBACK_UNCLEAR;
}

/* All rows, none, or something between have the value. */
static enum cw_readback judge_rows(const json_t *rows, size_t asked, const char *member, const char *done,
                                   const char *not_done) {
        size_t yes = 0, no = 0, count = json_array_size(rows);
        for (size_t i = 0; i < count; i++) {
                const char *value = text_of(json_array_get(rows, i), member);
                yes += is(value, done);
                no += is(value, not_done);
        }
        if (count == 0 || count < asked)
                return CW_READBACK_UNCLEAR;
        return yes == count ? CW_READBACK_DONE : no == count ? CW_READBACK_NOT_DONE : CW_READBACK_UNCLEAR;
}

/* ---- things that must be new ---- */

static enum cw_readback judge_new(bool before, bool after) {
        if (before)
                return CW_READBACK_UNCLEAR;
        return after ? CW_READBACK_DONE : CW_READBACK_NOT_DONE;
}

static enum cw_readback judge_customer(const json_t *fields, const json_t *before, const json_t *after) {
        enum cw_readback verdict = judge_new(before != NULL, after != NULL);
        size_t asked = json_array_size(json_object_get(fields, "kitInfo"));
        if (verdict == CW_READBACK_DONE && json_array_size(json_object_get(after, "kitInfo")) != asked)
                return CW_READBACK_UNCLEAR;
        return verdict;
}

static enum cw_readback judge_cancelled(const json_t *after) {
        const char *status = text_of(after, "status");
        if (is(status, "CANCELLED"))
                return CW_READBACK_DONE;
        return is(status, "RECEIVED") ? CW_READBACK_NOT_DONE : CW_READBACK_UNCLEAR;
}

enum cw_readback cw_readback_judge(const struct cw_dcms_endpoint *e, const json_t *fields,
                                   const json_t *before, const json_t *after) {
        switch (e->check) {
        case CW_DCMS_CHECK_CUSTOMER:
                return judge_customer(fields, before, after);
        case CW_DCMS_CHECK_ENTITY_KITS:
                return judge_entity_kits(e, fields, before, after);
        case CW_DCMS_CHECK_KIT_STATE:
                return judge_kit_state(fields, after);
        case CW_DCMS_CHECK_KITS_BRANCH:
                return judge_rows(after, json_array_size(json_object_get(fields, "kitNo")), "branchId",
                                  text_of(fields, "toBranch"), text_of(fields, "fromBranch"));
        case CW_DCMS_CHECK_KITS_EXPIRED:
                return judge_rows(after, 1, "cardStatus", "EXPIRED_CARD", "UNALLOCATED");
        case CW_DCMS_CHECK_BRANCH:
                return judge_new(json_array_size(before) > 0, json_array_size(after) > 0);
        case CW_DCMS_CHECK_ORDER:
                return judge_new(before != NULL, after != NULL);
        case CW_DCMS_CHECK_ORDER_CANCELLED:
                return judge_cancelled(after);
        case CW_DCMS_CHECK_NONE:
                break;
        }
        return CW_READBACK_UNCLEAR;
}
