/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchanges the documents print, sent as printed (base path /v1, tenant ACME_BANK). Generated values (kit
 * and card numbers, dates, tokens) are compared by type; everything else by value.
 */
#include "test_cases.h"
#include "test_support.h"

#include <stdio.h>
#include <string.h>

struct sample {
        const char *path;
        const char *request;
        const char *response;
};

static const struct sample SAMPLES[] = {
    {"/v1/registerCard",
     "{ \"entityId\": \"676765\", \"deliveryAddress\": \"PERMANENT\", \"kitInfo\": [ { \"accountNo\": "
     "8642135,"
     " \"cardType\": \"PHYSICAL\" } ] }",
     "{\"result\":{\"entityId\":\"676765\",\"kitInfo\":[{\"accountNo\":8642135,\"bin\":\"608040\","
     "\"cardCategory\":"
     "\"DEBIT\",\"cardNumber\":\"*\",\"cardStatus\":\"INACTIVE\",\"cardType\":\"PHYSICAL\","
     "\"encryptedCardNumber\":"
     "\"*\",\"entityId\":\"676765\",\"expDate\":\"*\",\"kitNo\":\"*\",\"networkType\":\"RUPAY\","
     "\"productId\":"
     "\"2003_PHYSICAL\",\"productName\":\"2003_PHYSICAL\"}]},\"exception\":null,\"pagination\":null}"},
    {"/v1/registerCard",
     "{\"entityId\":\"unknown\",\"kitInfo\":[{\"accountNo\":8642135,\"cardType\":\"PHYSICAL\"}]}",
     "{\"result\":null,\"exception\":{\"errorCode\":\"CUS001\",\"shortMessage\":\"Customer not found\","
     "\"detailMessage\":\"No customer found for the given entity "
     "ID\",\"httpStatus\":\"BAD_REQUEST\",\"fieldError\":"
     "[\"Invalid entityId\"],\"languageCode\":\"en\"},\"pagination\":null}"},
    {"/v1/kit-manager/v2/setPin",
     "{\"entityId\":\"validatePin0\",\"expiryDate\":\"0729\",\"kitNo\":\"4240181647\",\"pin\":"
     "\"AAECAwQFBgcICQoLDA0ODykAv5IMd2Yci4TNWWkolzqT0/7///44ZIc+99PT/x2V\"}",
     "{\"result\":true,\"exception\":null,\"pagination\":null}"},
    {"/v1/kit-manager/getCvv", "{\"kitNo\":\"4240181647\"}",
     "{\"result\":{\"cvv\":\"*\",\"expiryCvv\":120},\"exception\":null,\"pagination\":null}"},
    {"/v1/kit-manager/kitActivation", "{\"entityId\":\"req7\",\"kitNo\":\"4240171508\"}",
     "{\"result\":\"success\",\"exception\":null,\"pagination\":null}"},
    {"/v1/inventory/update/deliveryStatus",
     "[{\"deliveryStatus\":\"DELIVERED\",\"kitNo\":[\"10012192\",\"10000843\"]},{\"deliveryStatus\":\"BANK\","
     "\"kitNo\":[\"234\"]}]",
     "{\"result\":[{\"kitNo\":\"10012192\",\"result\":true,\"status\":\"200\"},{\"kitNo\":\"10000843\","
     "\"result\":true,"
     "\"status\":\"200\"},{\"kitNo\":\"234\",\"status\":\"500\",\"exception\":{\"errorCode\":\"MCC007\","
     "\"shortMessage\":\"valid kit not found\",\"httpStatus\":\"BAD_REQUEST\",\"fieldError\":[\"Invalid Kit "
     "No\"]}}],"
     "\"exception\":null,\"pagination\":null}"},
    {"/v1/inventory/kitsTransfer",
     "{\"fromBranch\":\"BRANCH001\",\"toBranch\":\"BRANCH002\",\"kitNo\":[\"KIT12345678\"],\"creator\":\"a\","
     "\"chnager\":\"b\",\"approver\":\"c\"}",
     "{\"result\":{\"successCount\":1,\"failedCount\":0,\"failedKitNo\":[]},\"exception\":null,"
     "\"pagination\":null}"},
    {"/v1/card-order",
     "{\"orderId\":\"TEST_PGKKIT_ORDER\",\"branchInfo\":{\"branchId\":\"BRANCH001\"},\"products\":[{"
     "\"productId\":"
     "\"01\",\"bin\":\"87654322\",\"quantity\":5}]}",
     "{\"result\":\"success\",\"exception\":null,\"pagination\":null}"},
    {"/v1/card-order/process", "{\"orderId\":\"TEST_PGKKIT_ORDER\"}", "{\"result\":true}"},
    {"/v1/card-order/fetchStatus", "{\"cardOrderId\":\"TEST_PGKKIT_ORDER\"}",
     "{\"result\":{\"cardOrderName\":\"*\",\"status\":\"PENDING\",\"tenantName\":\"ACME_BANK\","
     "\"productDetails\":"
     "[{\"binNumber\":87654322,\"cardType\":\"PHYSICAL\",\"corporateName\":\"RUSH\",\"noOfCard\":5,"
     "\"productId\":"
     "\"01\",\"status\":\"PENDING\"}]}}"},
    {"/v1/card-order",
     "{\"orderId\":\"ORD-001\",\"branchInfo\":{\"branchId\":\"BRANCH001\",\"branchName\":\"Main Branch\"},"
     "\"address\":\"123 Main St~Ward "
     "4~Chennai~TN\",\"pinCode\":\"600001\",\"orderingPartyInfo\":{\"orderingPartyId\":"
     "\"CREATOR01\",\"orderingPartyType\":\"BANK\"},\"metaValues\":{},\"processStartTime\":\"2025-01-01 "
     "09:00:00\","
     "\"validity\":30,\"products\":[{\"bin\":\"12345678\",\"productId\":\"PROD-001\",\"quantity\":100,"
     "\"plasticCode\":\"72\",\"panLength\":16,\"pinRequired\":false}]}",
     "{\"result\":\"success\",\"exception\":null,\"pagination\":null}"},
    {"/v1/card-order",
     "{\"orderId\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\",\"branchInfo\":{\"branchId\":\"12345\"},"
     "\"products\":"
     "[{\"productId\":\"PROD-001\",\"quantity\":1}]}",
     "{\"result\":\"success\"}"},
    {"/v1/card-order/cancel",
     "{ \"orderId\": \"3fa85f64-5717-4562-b3fc-2c963f66afa6\", \"branchId\": \"12345\" }",
     "{\"result\":\"Order cancelled successfully\",\"exception\":null,\"pagination\":null}"},
    {"/v1/card-order/cancel",
     "{ \"orderId\": \"3fa85f64-5717-4562-b3fc-2c963f66afa6\", \"branchId\": \"12345\" }",
     "{\"result\":null,\"exception\":{\"errorCode\":\"ORD003\",\"shortMessage\":\"Order cannot be "
     "cancelled\","
     "\"detailMessage\":\"The order is not in a cancellable "
     "state\",\"httpStatus\":\"BAD_REQUEST\",\"fieldError\":"
     "[\"Order status is CANCELLED and cannot be cancelled\"],\"languageCode\":\"en\"},\"pagination\":null}"},
    /* The page of withFile prints an empty request; its neighbours say what is missing from it. */
    {"/v1/card-order/withFile", "{}",
     "{\"result\":null,\"exception\":{\"errorCode\":\"ORD001\",\"shortMessage\":\"Invalid order request\"},"
     "\"pagination\":null}"},
};

/* Every member of want is in have, with the same value ("*": any non-empty string); rows pair up one to one.
 */
static bool covers(const json_t *have, json_t *want) {
        if (json_is_string(want) && strcmp(json_string_value(want), "*") == 0)
                return json_is_string(have) && json_string_length(have) > 0;
        if (json_is_array(want)) {
                size_t n = json_array_size(want);
                bool same = json_is_array(have) && json_array_size(have) == n;
                for (size_t i = 0; same && i < n; i++)
                        same = covers(json_array_get(have, i), json_array_get(want, i));
                return same;
        }
        if (!json_is_object(want))
                return json_equal(have, want);
        const char *name;
        json_t *value;
        json_object_foreach(want, name, value) {
                if (!covers(json_object_get(have, name), value))
                        return false;
        }
        return true;
}

static json_t *kit(const char *number, const char *product, const char *entity, const char *pan) {
        return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*, s:s}", "kitNo", number, "productId", product,
                         "branchId", "BRANCH001", "expiry", "2029-07", "entityId", entity, "pan", pan,
                         "status", entity ? "INACTIVE" : "UNALLOCATED");
}

/* The parties and stock the samples take for granted. */
static json_t *samples_config(void) {
        json_t *config = rig_config();
        json_t *kits = json_array();
        (void)json_array_append_new(kits, kit("4240181647", "TEST_VISA", "validatePin0", VECTOR_PAN));
        (void)json_array_append_new(kits, kit("4240171508", "2003_PHYSICAL", "req7", NULL));
        (void)json_array_append_new(kits, kit("10012192", "2003_PHYSICAL", NULL, NULL));
        (void)json_array_append_new(kits, kit("10000843", "2003_PHYSICAL", NULL, NULL));
        (void)json_array_append_new(kits, kit("KIT12345678", "2003_PHYSICAL", NULL, NULL));
        (void)json_object_set_new(config, "kits", kits);
        (void)json_object_set_new(config, "base_path", json_string("/v1"));
        (void)json_array_append_new(json_object_get(config, "products"),
                                    json_pack("{s:s, s:s, s:s, s:s}", "productId", "01", "bin", "87654322",
                                              "plasticCode", "74", "corporateName", "RUSH"));
        (void)json_array_append_new(
            json_object_get(config, "branches"),
            json_pack("{s:s, s:s}", "branchId", "12345", "branchName", "Third Branch"));
        (void)json_object_set_new(config, "order", json_pack("{s:i}", "worker_delay_ms", 60000));
        return config;
}

void test_samples(void **state) {
        (void)state;
        struct rig rig = {.pid = 0, .base = "/v1"};
        rig_start(&rig, samples_config());
        for (size_t i = 0; i < sizeof SAMPLES / sizeof SAMPLES[0]; i++) {
                const struct sample *sample = &SAMPLES[i];
                struct ask ask = {.path = sample->path, .body = sample->request};
                struct answer a = rig_ask(&rig, &ask);
                CW_AUTO_JSON json_t *want = json_loads(sample->response, 0, NULL);
                assert_non_null(want);
                if (!covers(a.json, want))
                        fail_msg("%s (sample %zu): %s", sample->path, i, a.text ? a.text : "");
                answer_done(&a);
        }
        rig_stop(&rig);
}
