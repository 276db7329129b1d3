/* SPDX-License-Identifier: Apache-2.0 */
#include "test_cases.h"
#include "test_support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void expect_true(const struct rig *rig, const char *path, const char *body) {
        CW_AUTO_JSON json_t *result = rig_ok(rig, path, body);
        assert_true(json_is_true(result));
}

static void expect_text(const struct rig *rig, const char *path, const char *body, const char *want) {
        CW_AUTO_JSON json_t *result = rig_ok(rig, path, body);
        assert_string_equal(json_is_string(result) ? json_string_value(result) : "", want);
}

static void expect_kit(const struct rig *rig, const char *kit, const char *member, const char *want) {
        CW_AUTO_JSON json_t *value = rig_kit(rig, kit, member);
        assert_string_equal(json_string_value(value), want);
}

static void expect_kit_int(const struct rig *rig, const char *kit, const char *member, int want) {
        CW_AUTO_JSON json_t *value = rig_kit(rig, kit, member);
        assert_int_equal(json_is_true(value) ? 1 : json_integer_value(value), want);
}

/* n kits of 2003_PHYSICAL at BRANCH001, numbered from 4240181501 in a new rig. */
static void order_kits(const struct rig *rig, const char *order, int n) {
        char body[512];
        (void)snprintf(
            body, sizeof body,
            "{\"orderId\":\"%s\",\"branchInfo\":{\"branchId\":\"BRANCH001\",\"branchName\":\"Main\"},"
            "\"address\":\"123 Main St~Ward 4~Chennai~TN\",\"pinCode\":\"600001\",\"orderingPartyInfo\":"
            "{\"orderingPartyId\":\"CREATOR01\",\"orderingPartyType\":\"BANK\"},\"metaValues\":{\"a\":1},"
            "\"processStartTime\":\"2025-01-01 09:00:00\",\"validity\":30,\"products\":[{\"bin\":\"608040\","
            "\"productId\":\"2003_PHYSICAL\",\"quantity\":%d,\"plasticCode\":\"71\",\"panLength\":16,"
            "\"pinRequired\":false}]}",
            order, n);
        expect_text(rig, "/card-order", body, "success");
        (void)snprintf(body, sizeof body, "{\"orderId\":\"%s\"}", order);
        expect_true(rig, "/card-order/process", body);
}

static void register_kit(const struct rig *rig, const char *kit, char *pan) {
        char body[512];
        char digest[65];
        (void)snprintf(
            body, sizeof body,
            "{\"entityId\":\"676765\",\"deliveryAddress\":\"PERMANENT\",\"kitInfo\":[{\"accountNo\":8642135,"
            "\"cardType\":\"PHYSICAL\",\"kitNo\":\"%s\",\"aliasName\":\"ASHA RAO\"}]}",
            kit);
        CW_AUTO_JSON json_t *result = rig_ok(rig, "/registerCard", body);
        const json_t *row = json_array_get(json_object_get(result, "kitInfo"), 0);
        assert_string_equal(text_of(row, "kitNo"), kit);
        assert_string_equal(text_of(row, "cardStatus"), "INACTIVE");
        assert_string_equal(text_of(row, "aliasName"), "ASHA RAO");
        size_t len = unseal(TEST_CARD_KEY, text_of(row, "encryptedCardNumber"), (uint8_t *)pan);
        assert_int_equal(len, 16);
        assert_memory_equal(pan, "608040", 6);
        assert_memory_equal(pan + 12, text_of(row, "cardNumber") + 12, 4);
        sha256_hex(pan, len, digest);
        (void)snprintf(body, sizeof body, "{\"kitNo\":\"%s\"}", kit);
        struct answer a = rig_sim(rig, "/plain-pan", body);
        assert_string_equal(text_of(a.json, "sha256"), digest);
        assert_null(strstr(a.text, pan));
        answer_done(&a);
}

static void set_pin(const struct rig *rig, const char *kit, const char *pan) {
        char form[128];
        char body[512];
        char mmyy[8];
        CW_AUTO_JSON json_t *expiry = rig_kit(rig, kit, "expiry"); /* YYYY-MM */
        const char *e = json_string_value(expiry);
        (void)snprintf(mmyy, sizeof mmyy, "%.2s%.2s", e + 5, e + 2);
        pin_form(TEST_PIN_KEY, "4926", pan, form);
        (void)snprintf(body, sizeof body,
                       "{\"entityId\":\"676765\",\"kitNo\":\"%s\",\"expiryDate\":\"%s\",\"pin\":\"%s\"}", kit,
                       mmyy, form);
        expect_true(rig, "/kit-manager/v2/setPin", body);
        rig_refuse(rig, "/kit-manager/v2/setPin", body, "pin.already.set");
        expect_true(rig, "/kit-manager/v2/validatePin", body);
}

static void find_by_card(const struct rig *rig, const char *kit, const char *pan) {
        char form[128];
        char body[256];
        static const uint8_t iv[16] = {7};
        seal(TEST_CARD_KEY, iv, pan, 16, form);
        (void)snprintf(body, sizeof body, "{\"encryptedCardNumber\":\"%s\"}", form);
        CW_AUTO_JSON json_t *result = rig_ok(rig, "/kit-manager/v2/fetchByCardNo", body);
        const json_t *details = json_object_get(json_object_get(result, "accountInfo"), "kitDetails");
        assert_string_equal(text_of(result, "entityId"), "676765");
        assert_string_equal(text_of(details, "kitNo"), kit);
        seal(TEST_CARD_KEY, iv, VECTOR_PAN, 16, form);
        (void)snprintf(body, sizeof body, "{\"encryptedCardNumber\":\"%s\"}", form);
        rig_refuse_field(rig, "/kit-manager/v2/fetchByCardNo", body, "invalid.input.request", "reuses an IV");
        seal(TEST_PIN_KEY, iv, pan, 16, form);
        (void)snprintf(body, sizeof body, "{\"encryptedCardNumber\":\"%s\"}", form);
        rig_refuse_field(rig, "/kit-manager/v2/fetchByCardNo", body, "invalid.input.request",
                         "does not decrypt");
        static const uint8_t other_iv[16] = {8};
        seal(TEST_CARD_KEY, other_iv, "4000000000000002", 16, form);
        (void)snprintf(body, sizeof body, "{\"encryptedCardNumber\":\"%s\"}", form);
        rig_refuse(rig, "/kit-manager/v2/fetchByCardNo", body, "card.not.found");
}

static void activate_and_deliver(const struct rig *rig) {
        static const char activate[] = "{\"entityId\":\"676765\",\"kitNo\":\"4240181501\"}";
        expect_text(rig, "/kit-manager/kitActivation", activate, "success");
        rig_refuse(rig, "/kit-manager/kitActivation", activate, "card.already.active");
        assert_int_equal(rig_number(rig, "duplicate_activations"), 1);
        expect_kit_int(rig, "4240181501", "activationCount", 1);
        CW_AUTO_JSON json_t *rows =
            rig_ok(rig, "/inventory/update/deliveryStatus",
                   "[{\"deliveryStatus\":\"DELIVERED\",\"kitNo\":[\"4240181501\",\"nope\"]},"
                   "{\"deliveryStatus\":\"BANK\",\"kitNo\":[\"4240181502\"]}]");
        assert_int_equal(json_array_size(rows), 3);
        assert_true(json_is_true(json_object_get(json_array_get(rows, 0), "result")));
        const json_t *bad = json_array_get(rows, 1);
        assert_string_equal(text_of(bad, "status"), "500");
        assert_string_equal(text_of(json_object_get(bad, "exception"), "errorCode"), "MCC007");
        assert_string_equal(text_of(json_array_get(rows, 2), "status"), "200");
        expect_kit(rig, "4240181501", "deliveryStatus", "DELIVERED");
        expect_kit_int(rig, "4240181501", "deliveredCount", 1);
        expect_kit(rig, "4240181502", "deliveryStatus", "BANK");
}

void test_order_to_delivery(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        char pan[32];
        rig_start(&rig, rig_config());
        order_kits(&rig, "ORD-001", 3);
        CW_AUTO_JSON json_t *stock =
            rig_ok(&rig, "/inventory/fetchKitDetailsFromInventory",
                   "{\"refType\":\"DC_KIT\",\"branchId\":\"BRANCH001\",\"kitStatus\":\"UNALLOCATED\"}");
        assert_int_equal(json_array_size(stock), 3);
        assert_null(json_object_get(json_array_get(stock, 0), "encryptedCardNumber"));
        register_kit(&rig, "4240181501", pan);
        rig_refuse(&rig, "/registerCard",
                   "{\"entityId\":\"676765\",\"kitInfo\":[{\"kitNo\":\"4240181501\"}]}", "invalid.kit.info");
        CW_AUTO_JSON json_t *kits =
            rig_ok(&rig, "/kit-manager/v2/fetchKitsByEntityId", "{\"entityId\":\"676765\"}");
        char again[32];
        (void)unseal(TEST_CARD_KEY, text_of(json_array_get(kits, 0), "encryptedCardNumber"),
                     (uint8_t *)again);
        assert_string_equal(again, pan);
        set_pin(&rig, "4240181501", pan);
        expect_kit_int(&rig, "4240181501", "pin_set", 1);
        find_by_card(&rig, "4240181501", pan);
        activate_and_deliver(&rig);
        rig_stop(&rig);
}

static void expect_order(const struct rig *rig, const char *order, const char *want) {
        char body[128];
        (void)snprintf(body, sizeof body, "{\"cardOrderId\":\"%s\"}", order);
        CW_AUTO_JSON json_t *result = rig_ok(rig, "/card-order/fetchStatus", body);
        assert_string_equal(text_of(result, "status"), want);
        assert_string_equal(text_of(json_array_get(json_object_get(result, "productDetails"), 0), "status"),
                            want);
}

#define SMALL_ORDER(id, product)                                                                             \
        "{\"orderId\":\"" id                                                                                 \
        "\",\"branchInfo\":{\"branchId\":\"BRANCH001\"},\"products\":[{\"productId\":\"" product             \
        "\",\"quantity\":4}]}"

void test_order_states(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        json_t *config = rig_config();
        (void)json_object_set_new(config, "order", json_pack("{s:i}", "worker_delay_ms", 300));
        rig_start(&rig, config);
        expect_text(&rig, "/card-order", SMALL_ORDER("A", "PROD-001"), "success");
        rig_refuse_field(&rig, "/card-order", SMALL_ORDER("A", "PROD-001"), "ORD001", "already exists");
        CW_AUTO_JSON json_t *received = rig_ok(&rig, "/card-order/received", "{}");
        assert_int_equal(json_array_size(received), 1);
        assert_string_equal(text_of(json_array_get(received, 0), "orderId"), "A");
        expect_order(&rig, "A", "RECEIVED");
        expect_true(&rig, "/card-order/process?orderId=A", "");
        expect_order(&rig, "A", "PENDING");
        rig_refuse_field(&rig, "/card-order/process", "{\"cardOrderId\":\"A\"}", "ORD001", "PENDING");
        rig_refuse_field(&rig, "/card-order/cancel", "{\"orderId\":\"A\",\"branchId\":\"BRANCH001\"}",
                         "ORD003", "Order status is PENDING and cannot be cancelled");
        (void)usleep(350000);
        expect_true(&rig, "/card-order/status", "{\"orderId\":\"A\"}");
        expect_order(&rig, "A", "PROCESSED");
        (void)usleep(300000);
        expect_order(&rig, "A", "SUCCESS");
        expect_text(&rig, "/card-order", SMALL_ORDER("B", "PROD-001"), "success");
        rig_refuse(&rig, "/card-order/cancel", "{\"orderId\":\"B\",\"branchId\":\"BRANCH002\"}", "ORD003");
        expect_text(&rig, "/card-order/cancel", "{\"orderId\":\"B\",\"branchId\":\"BRANCH001\"}",
                    "Order cancelled successfully");
        expect_order(&rig, "B", "CANCELLED");
        rig_refuse(&rig, "/card-order/fetchStatus", "{\"cardOrderId\":\"none\"}", "ORD001");
        rig_refuse_field(&rig, "/card-order/process", "{}", "invalid.input.request", "orderId is required");
        rig_stop(&rig);
}

void test_order_failures(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        json_t *config = rig_config();
        (void)json_object_set_new(config, "order",
                                  json_pack("{s:i, s:i, s:[s], s:[s]}", "worker_delay_ms", 0,
                                            "auto_process_ms", 0, "fail_products", "PROD-001",
                                            "stuck_products", "TEST_VISA"));
        rig_start(&rig, config);
        expect_text(&rig, "/card-order", SMALL_ORDER("bad", "PROD-001"), "success");
        expect_text(&rig, "/card-order", SMALL_ORDER("good", "2003_PHYSICAL"), "success");
        expect_text(&rig, "/card-order", SMALL_ORDER("stuck", "TEST_VISA"), "success");
        expect_order(&rig, "bad", "FAILED");
        expect_order(&rig, "good", "SUCCESS");
        expect_order(&rig, "stuck", "PENDING");
        expect_true(&rig, "/card-order/retry-stuck-pending", "");
        expect_true(&rig, "/card-order/sync-pending-status", "");
        expect_order(&rig, "stuck", "SUCCESS");
        rig_refuse_field(&rig, "/card-order", SMALL_ORDER("x", "NO-SUCH"), "ORD001", "Invalid productId");
        rig_refuse_field(&rig, "/card-order",
                         "{\"branchInfo\":{\"branchId\":\"B9\"},\"products\":[{\"productId\":\"PROD-001\","
                         "\"quantity\":1}]}",
                         "ORD001", "Invalid branchId");
        rig_refuse_field(
            &rig, "/card-order",
            "{\"branchInfo\":{\"branchId\":\"BRANCH001\"},\"products\":[{\"productId\":\"PROD-001\","
            "\"quantity\":1,\"bin\":\"999999\"}]}",
            "ORD001", "Invalid bin");
        rig_stop(&rig);
}

static const char FILE_PART[] =
    "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"kits.txt\"\r\n"
    "Content-Type: text/plain\r\n\r\nline one\r\nline two\r\n--XX--\r\n";

void test_order_file(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        static const char order[] =
            "{\"orderId\":\"F\",\"fileName\":\"kits.txt\",\"branchInfo\":{\"branchId\":"
            "\"BRANCH001\"},\"products\":[{\"productId\":\"PROD-001\",\"quantity\":1}]}";
        rig_start(&rig, rig_config());
        rig_refuse_field(&rig, "/card-order/withFile", order, "ORD001", "Invalid fileName");
        struct ask ask = {.path = "/dcms/card-order/uploadFile",
                          .body = FILE_PART,
                          .type = "multipart/form-data; boundary=XX"};
        struct answer a = rig_ask(&rig, &ask);
        assert_string_equal(text_of(json_object_get(a.json, "result"), "fileName"), "kits.txt");
        answer_done(&a);
        ask.body = "--XX\r\nContent-Disposition: form-data; name=\"other\"; "
                   "filename=\"kits.txt\"\r\n\r\nx\r\n--XX--\r\n";
        a = rig_ask(&rig, &ask);
        assert_string_equal(text_of(json_object_get(a.json, "exception"), "errorCode"), "ORD002");
        answer_done(&a);
        ask.body = "--XX\r\nContent-Disposition: form-data; name=\"file\"; "
                   "filename=\"a.exe\"\r\n\r\nx\r\n--XX--\r\n";
        a = rig_ask(&rig, &ask);
        assert_string_equal(text_of(json_object_get(a.json, "exception"), "errorCode"), "ORD002");
        answer_done(&a);
        rig_refuse(&rig, "/card-order/uploadFile", "{}", "ORD002");
        expect_text(&rig, "/card-order/withFile", order, "success");
        rig_stop(&rig);
}

#define CUSTOMER(id, kits)                                                                                   \
        "{\"entityId\":\"" id                                                                                \
        "\",\"entityType\":\"CUSTOMER\",\"businessType\":\"ACME\",\"business\":\"ACME\","                    \
        "\"businessId\":\"" id                                                                               \
        "\",\"title\":\"Ms\",\"firstName\":\"Asha\",\"lastName\":\"Rao\",\"gender\":\"FEMALE\","             \
        "\"dob\":\"1990-02-28\",\"referralEntityId\":null,\"addressInfo\":[{\"addressCategory\":"            \
        "\"PERMANENT\","                                                                                     \
        "\"address1\":\"1 Main "                                                                             \
        "St\"}],\"communicationInfo\":[{\"contactNo\":\"+911234567890\"}],\"kycInfo\":"                      \
        "[{\"documentType\":\"PAN\",\"documentNo\":\"X1\"}],\"accountInfo\":[{\"accountNo\":\"0012345\"}"    \
        "]" kits "}"

void test_register(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        json_t *config = rig_config();
        (void)json_object_set_new(config, "assigned_status", json_string("alternate"));
        rig_start(&rig, config);
        CW_AUTO_JSON json_t *plain = rig_ok(&rig, "/register", CUSTOMER("C1", ""));
        assert_string_equal(text_of(plain, "entityId"), "C1");
        rig_refuse(&rig, "/register", CUSTOMER("C1", ""), "entity.already.exists");
        rig_refuse_field(&rig, "/register", CUSTOMER("C2", ",\"kitInfo\":[{\"cardType\":\"PHYSICAL\"}]"),
                         "invalid.input.request", "deliveryAddress");
        CW_AUTO_JSON json_t *with_card = rig_ok(
            &rig, "/register",
            CUSTOMER(
                "C2",
                ",\"deliveryAddress\":\"PERMANENT\",\"kitInfo\":[{\"plasticCode\":\"72\"},{\"plasticCode\":"
                "\"71\"}]"));
        const json_t *kits = json_object_get(with_card, "kitInfo");
        assert_string_equal(text_of(json_array_get(kits, 0), "productId"), "PROD-001");
        assert_string_equal(text_of(json_array_get(kits, 0), "accountNo"), "0012345");
        assert_string_not_equal(text_of(json_array_get(kits, 0), "cardStatus"),
                                text_of(json_array_get(kits, 1), "cardStatus"));
        /* All cards or none: the second entry fails, so the first leaves no kit. */
        CW_AUTO_JSON json_t *before = rig_state(&rig);
        rig_refuse(&rig, "/registerCard",
                   "{\"entityId\":\"C1\",\"kitInfo\":[{\"plasticCode\":\"71\"},{\"kitNo\":\"9\"}]}",
                   "kit.not.found");
        CW_AUTO_JSON json_t *after = rig_state(&rig);
        assert_true(json_equal(json_object_get(before, "kits"), json_object_get(after, "kits")));
        rig_refuse(&rig, "/registerCard", "{\"entityId\":\"nobody\",\"kitInfo\":[{\"plasticCode\":\"71\"}]}",
                   "CUS001");
        rig_refuse(&rig, "/registerCard", "{\"entityId\":\"C1\",\"kitInfo\":[{\"accountNo\":77}]}",
                   "invalid.source.account");
        rig_stop(&rig);
}

static void manage(const struct rig *rig, const char *operation, const char *code) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"entityId\":\"validatePin0\",\"oldKit\":\"" VECTOR_KIT "\",\"operation\":\"%s\"}",
                       operation);
        if (code) {
                rig_refuse(rig, "/kit-manager/manageKit", body, code);
                return;
        }
        CW_AUTO_JSON json_t *result = rig_ok(rig, "/kit-manager/manageKit", body);
        assert_true(json_is_true(json_object_get(result, "status")));
}

void test_card_states(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        rig_start(&rig, rig_config());
        manage(&rig, "LOCK", "card.status.active");
        manage(&rig, "REPLACE", "card.status.active");
        manage(&rig, "HOTLIST", "invalid.input.request");
        rig_refuse(&rig, "/kit-manager/kitActivation", "{\"entityId\":\"req7\",\"kitNo\":\"" VECTOR_KIT "\"}",
                   "MCC007");
        expect_text(&rig, "/kit-manager/kitActivation",
                    "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT "\"}", "success");
        manage(&rig, "LOCK", NULL);
        expect_kit(&rig, VECTOR_KIT, "status", "LOCKED");
        rig_refuse(&rig, "/kit-manager/kitActivation",
                   "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT "\"}", "card.status.active");
        manage(&rig, "UNLOCK", NULL);
        manage(&rig, "BLOCK", NULL);
        manage(&rig, "BLOCK", "card.already.blocked");
        rig_refuse(&rig, "/kit-manager/getCvv", "{\"kitNo\":\"" VECTOR_KIT "\"}", "card.already.blocked");
        manage(&rig, "REPLACE", NULL);
        manage(&rig, "REPLACE", "card.already.closed");
        CW_AUTO_JSON json_t *kits =
            rig_ok(&rig, "/kit-manager/fetchKitsByEntityId", "{\"entityId\":\"validatePin0\"}");
        assert_int_equal(json_array_size(kits), 2);
        assert_string_equal(text_of(json_array_get(kits, 0), "cardStatus"), "REPLACED");
        assert_string_equal(text_of(json_array_get(kits, 1), "cardStatus"), "INACTIVE");
        assert_string_equal(text_of(json_array_get(kits, 1), "accountNo"), "1001");
        rig_refuse(&rig, "/kit-manager/v2/fetchKitsByEntityId", "{\"entityId\":\"nobody\"}",
                   "entity.not.found");
        CW_AUTO_JSON json_t *rows =
            rig_ok(&rig, "/inventory/update/deliveryStatus",
                   "[{\"deliveryStatus\":\"DELIVERED\",\"kitNo\":[\"" VECTOR_KIT "\"]}]");
        assert_string_equal(text_of(json_array_get(rows, 0), "status"), "500");
        rig_stop(&rig);
}

static json_int_t count_kits(const struct rig *rig, const char *filter) {
        char body[256];
        (void)snprintf(body, sizeof body, "{\"refType\":\"DC_KIT\",%s}", filter);
        struct answer a = rig_call(rig, "/inventory/fetchKitDetailsFromInventory", body);
        assert_int_equal(a.http, 200);
        json_int_t n =
            json_integer_value(json_object_get(json_object_get(a.json, "pagination"), "totalElements"));
        answer_done(&a);
        return n;
}

void test_inventory(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        static const char details[] = "/inventory/fetchKitDetailsFromInventory";
        rig_start(&rig, rig_config());
        order_kits(&rig, "O1", 5);
        assert_int_equal(count_kits(&rig, "\"branchId\":\"BRANCH001\""), 6);
        assert_int_equal(count_kits(&rig, "\"branchId\":\"BRANCH001\",\"deliveryStatus\":\"in_transit\""), 5);
        assert_int_equal(count_kits(&rig, "\"branchId\":\"BRANCH001\",\"kitStatus\":\"INACTIVE\""), 1);
        assert_int_equal(count_kits(&rig, "\"orderIds\":[\"O1\",\"O2\"]"), 5);
        assert_int_equal(count_kits(&rig, "\"orderingPartyId\":\"CREATOR01\",\"orderingPartyType\":\"BANK\""),
                         5);
        assert_int_equal(
            count_kits(&rig, "\"orderingPartyId\":\"CREATOR01\",\"orderingPartyType\":\"AGENT\""), 0);
        assert_int_equal(count_kits(&rig, "\"kitRefNo\":[\"4240181501\",\"" VECTOR_KIT "\"]"), 2);
        assert_int_equal(count_kits(&rig, "\"branchId\":\"BRANCH001\",\"toDate\":\"2020-01-01T00:00:00Z\""),
                         0);
        rig_refuse_field(&rig, details, "{\"refType\":\"DC_KIT\",\"orderingPartyType\":\"BANK\"}",
                         "invalid.input.request", "is required");
        rig_refuse_field(&rig, details, "{\"refType\":\"DC_KIT\",\"branchId\":\"BRANCH001\",\"pageNo\":0}",
                         "invalid.input.request", "pageNo");
        CW_AUTO_JSON json_t *page = rig_ok(
            &rig, details, "{\"refType\":\"DC_KIT\",\"orderIds\":[\"O1\"],\"pageNo\":3,\"pageSize\":2}");
        assert_int_equal(json_array_size(page), 1);
        assert_string_equal(text_of(json_array_get(page, 0), "kitNo"), "4240181505");
        CW_AUTO_JSON json_t *summary = rig_ok(
            &rig, "/inventory/fetchKitSummary",
            "{\"branchId\":\"BRANCH001\",\"cardOrderId\":\"O1\",\"cardType\":\"PHYSICAL\",\"embossType\":"
            "\"NON_PERSONALIZED\",\"pageNo\":0,\"pageSize\":2}");
        assert_int_equal(json_array_size(json_object_get(summary, "result")), 2);
        assert_int_equal(
            json_integer_value(json_object_get(json_object_get(summary, "pagination"), "totalPages")), 3);
        assert_true(json_is_null(json_object_get(summary, "exception")));
        CW_AUTO_JSON json_t *orders =
            rig_ok(&rig, "/inventory/fetchCardOrderDetailsFromInventory", "{\"branchId\":\"BRANCH001\"}");
        assert_string_equal(text_of(json_array_get(orders, 0), "orderId"), "O1");
        rig_stop(&rig);
}

void test_transfer_and_expire(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        static const char transfer[] = "/inventory/kitsTransfer";
        rig_start(&rig, rig_config());
        order_kits(&rig, "O1", 2);
        CW_AUTO_JSON json_t *moved = rig_ok(
            &rig, transfer,
            "{\"fromBranch\":\"BRANCH001\",\"toBranch\":\"BRANCH002\",\"kitNo\":[\"4240181501\"],\"creator\":"
            "\"a\",\"chnager\":\"b\",\"approver\":\"c\"}");
        assert_int_equal(json_integer_value(json_object_get(moved, "successCount")), 1);
        expect_kit(&rig, "4240181501", "branchId", "BRANCH002");
        struct answer a = rig_call(&rig, transfer,
                                   "{\"fromBranch\":\"BRANCH001\",\"toBranch\":\"BRANCH002\",\"kitNo\":["
                                   "\"4240181501\",\"4240181502\"]}");
        assert_string_equal(text_of(json_object_get(a.json, "exception"), "errorCode"), "INV001");
        assert_int_equal(
            json_integer_value(json_object_get(json_object_get(a.json, "result"), "failedCount")), 1);
        answer_done(&a);
        expect_kit(&rig, "4240181502", "branchId", "BRANCH002");
        rig_refuse_field(&rig, transfer,
                         "{\"fromBranch\":\"B9\",\"toBranch\":\"BRANCH002\",\"kitNo\":[\"1\"]}", "INV001",
                         "Invalid fromBranch");
        rig_refuse_field(
            &rig, transfer,
            "{\"fromBranch\":\"BRANCH001\",\"toBranch\":\"BRANCH002\",\"kitNo\":[\"1\"],\"changer\":\"b\"}",
            "invalid.input.request", "changer");
        expect_text(&rig, "/inventory/instaKit/expire", "{\"kitNo\":\"4240181501\"}", "SUCCESS");
        expect_kit(&rig, "4240181501", "status", "EXPIRED_CARD");
        rig_refuse(&rig, "/inventory/instaKit/expire", "{\"kitNo\":\"4240181501\"}", "invalid.kit.info");
        rig_refuse(&rig, "/inventory/instaKit/expire", "{\"kitNo\":\"" VECTOR_KIT "\"}", "invalid.kit.info");
        rig_refuse(&rig, "/inventory/instaKit/expire", "{\"kitNo\":\"1\"}", "kit.not.found");
        rig_refuse(&rig, "/inventory/instaKit/expire", "{}", "invalid.input.request");
        expect_text(&rig, "/card-order", SMALL_ORDER("P", "PROD-001"), "success"); /* packs of two */
        expect_true(&rig, "/card-order/process", "{\"orderId\":\"P\"}");
        CW_AUTO_JSON json_t *rows = rig_ok(&rig, "/inventory/fetchKitDetailsFromInventory",
                                           "{\"refType\":\"DC_KIT\",\"orderIds\":[\"P\"]}");
        char body[128];
        (void)snprintf(body, sizeof body, "{\"parentKitNo\":\"%s\"}",
                       text_of(json_array_get(rows, 0), "parentKitNo"));
        expect_text(&rig, "/inventory/instaKit/expire", body, "SUCCESS");
        assert_int_equal(count_kits(&rig, "\"orderIds\":[\"P\"],\"kitStatus\":\"EXPIRED_CARD\""), 2);
        rig_stop(&rig);
}

void test_branches(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        rig_start(&rig, rig_config());
        CW_AUTO_JSON json_t *one = rig_ok(&rig, "/branch/fetch", "{\"branchId\":\"BRANCH002\"}");
        assert_int_equal(json_array_size(one), 1);
        assert_string_equal(text_of(json_array_get(one, 0), "branchName"), "Second Branch");
        struct answer a =
            rig_call(&rig, "/branch/fetch",
                     "{\"sortFields\":{\"branchId\":\"DESC\"},\"pageSize\":1,\"pageNo\":2,\"isAudit\":true,"
                     "\"fromCreatedDate\":\"2025-01-01 00:00:00\"}");
        const json_t *row = json_array_get(json_object_get(a.json, "result"), 0);
        assert_string_equal(text_of(row, "branchId"), "BRANCH001");
        assert_int_equal(json_array_size(json_object_get(row, "audit")), 1);
        assert_int_equal(
            json_integer_value(json_object_get(json_object_get(a.json, "pagination"), "totalRecords")), 2);
        answer_done(&a);
        rig_refuse_field(&rig, "/branch/fetch", "{\"sortFields\":{\"branchId\":\"UP\"}}",
                         "invalid.input.request", "sortFields");
        rig_stop(&rig);
}

void test_restart_keeps_state(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        char pan[32];
        char again[32];
        rig_start(&rig, rig_config());
        order_kits(&rig, "O1", 2);
        register_kit(&rig, "4240181501", pan);
        set_pin(&rig, "4240181501", pan);
        CW_AUTO_JSON json_t *before = rig_state(&rig);
        rig_restart(&rig);
        CW_AUTO_JSON json_t *after = rig_state(&rig);
        assert_true(json_equal(json_object_get(before, "kits"), json_object_get(after, "kits")));
        assert_true(json_equal(json_object_get(before, "orders"), json_object_get(after, "orders")));
        CW_AUTO_JSON json_t *kits =
            rig_ok(&rig, "/kit-manager/v2/fetchKitsByEntityId", "{\"entityId\":\"676765\"}");
        (void)unseal(TEST_CARD_KEY, text_of(json_array_get(kits, 0), "encryptedCardNumber"),
                     (uint8_t *)again);
        assert_string_equal(pan, again);
        order_kits(&rig, "O2", 1);
        expect_kit(&rig, "4240181503", "status", "UNALLOCATED");
        rig_stop(&rig);
}
