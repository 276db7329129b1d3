/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of the catalogue by its name, through the real client, against a server that keeps state: one
 * story from a new branch to a cancelled order. A row of the table that no step made fails the test.
 */
#include "rig.h"

#include "agent/upstream/endpoint.h"

#include <stdio.h>
#include <string.h>

#define VIRTUAL_KIT "5000000001"
#define STOCK_KIT "5000000002"
#define STOCK_KIT2 "5000000003"
#define KIT_OF "\"entityId\":\"" RIG_ENTITY "\",\"kitNo\":\"" RIG_KIT "\""
#define ORDER(id)                                                                                            \
        "\"orderId\":\"" id "\",\"branchInfo\":{\"branchId\":\"BRANCH001\",\"branchName\":\"Main Branch\"}," \
        "\"address\":\"123 Main St~Ward 4~Chennai~TN\",\"pinCode\":\"600001\",\"orderingPartyInfo\":{"       \
        "\"orderingPartyId\":\"CREATOR01\",\"orderingPartyType\":\"BANK\"},\"metaValues\":{},"               \
        "\"processStartTime\":\"2025-01-01 09:00:00\",\"validity\":30,\"products\":[{\"bin\":\"411111\","    \
        "\"productId\":\"TEST_VISA\",\"quantity\":2,\"plasticCode\":\"71\",\"panLength\":16,"                \
        "\"pinRequired\":false}]"

enum secret { NO_SECRET, PIN_V1, PIN_V2, PIN_V1_AND_CVV, CARD_NUMBER, ORDER_FILE };

struct step {
        const char *name;
        const char *fields; /* NULL = none */
        enum secret secret;
        const char *code; /* expected errorCode, "" = success */
        const char *says; /* part of the result, "" = anything */
};

static const struct step story[] = {
    {"branch.create",
     "{\"branchId\":\"BRANCH009\",\"branchCode\":\"009\",\"branchName\":\"Lake Branch\",\"address\":\"1 Lake "
     "Rd\","
     "\"address2\":\"Near City Center\",\"address3\":\"MG "
     "Road\",\"city\":\"Bangalore\",\"state\":\"Karnataka\","
     "\"country\":\"India\",\"district\":\"Bangalore Urban\",\"zipCode\":\"560001\",\"branchPhoneNumber\":"
     "\"+919876543210\",\"pocDetails\":[{\"name\":\"First Contact\",\"role\":\"MANAGER\"}]}",
     NO_SECRET, "", "BRANCH009"},
    {"branch.update", "{\"branchId\":\"BRANCH009\",\"branchName\":\"River Branch\"}", NO_SECRET, "",
     "River Branch"},
    {"branch.fetch", "{\"branchId\":\"BRANCH009\",\"pageNo\":1,\"pageSize\":10}", NO_SECRET, "",
     "River Branch"},
    {"register",
     "{\"entityId\":\"newcif\",\"entityType\":\"CUSTOMER\",\"businessType\":\"ACME\",\"business\":\"ACME\","
     "\"businessId\":\"687\",\"title\":\"Ms\",\"firstName\":\"Ada\",\"lastName\":\"Example\",\"gender\":"
     "\"FEMALE\","
     "\"dob\":\"1978-06-01\",\"deliveryAddress\":\"PERMANENT\",\"addressInfo\":[{\"addressCategory\":"
     "\"PERMANENT\","
     "\"address1\":\"1 Main "
     "St\",\"pinCode\":\"600001\"}],\"communicationInfo\":[{\"contactNo\":\"9000000001\","
     "\"notification\":true}],\"kycInfo\":[{\"documentType\":\"PASSPORT\",\"documentNo\":\"X1\"}],"
     "\"accountInfo\":[{"
     "\"accountNo\":8642135,\"accountType\":\"SAVING\"}],\"kitInfo\":[{\"kitNo\":\"" STOCK_KIT
     "\",\"aliasName\":\"ADA EXAMPLE\"}]}",
     NO_SECRET, "", STOCK_KIT},
    {"viewCustomer", "{\"entityId\":\"newcif\"}", NO_SECRET, "", "Ada"},
    {"fetchByCif", "{\"entityId\":\"newcif\"}", NO_SECRET, "", "encryptedCardNumber"},
    {"v2.fetchByCif", "{\"entityId\":\"newcif\"}", NO_SECRET, "", "encryptedCardNumber"},
    {"update-manager.poi",
     "{\"entityId\":\"newcif\",\"communicationInfo\":[{\"contactNo\":\"9000000002\",\"emailId\":\"a@example."
     "com\"}]}",
     NO_SECRET, "", "newcif"},
    {"update-manager.poa",
     "{\"entityId\":\"newcif\",\"addressInfo\":[{\"addressCategory\":\"COMMUNICATION\",\"address1\":\"2 Main "
     "St\","
     "\"pincode\":\"600032\"}]}",
     NO_SECRET, "", "newcif"},
    {"update-manager.account",
     "{\"entityId\":\"newcif\",\"accountInfo\":[{\"accountNo\":8642135,\"accountStatus\":\"ACTIVE\","
     "\"schemeCode\":"
     "\"2003\",\"defaultAccount\":true,\"initialFunding\":\"8000\"}]}",
     NO_SECRET, "", "newcif"},
    {"viewCustomer", "{\"entityId\":\"newcif\"}", NO_SECRET, "", "9000000002"},
    {"registerCard",
     "{\"entityId\":\"" RIG_ENTITY
     "\",\"deliveryAddress\":\"PERMANENT\",\"kitInfo\":[{\"accountNo\":\"1001\","
     "\"cardType\":\"PHYSICAL\"}]}",
     NO_SECRET, "", "INACTIVE"},
    {"registerCard", "{\"entityId\":\"nobody\",\"kitInfo\":[{\"cardType\":\"PHYSICAL\"}]}", NO_SECRET,
     "CUS001", ""},
    {"kit-manager.fetchKitsByEntityId", "{\"entityId\":\"" RIG_ENTITY "\"}", NO_SECRET, "", RIG_KIT},
    {"kit-manager.v2.fetchKitsByEntityId", "{\"entityId\":\"" RIG_ENTITY "\"}", NO_SECRET, "", RIG_KIT},
    {"kit-manager.fetchKitsByAccountNo", "{\"accountNo\":\"1001\",\"isAllCardsRequired\":\"true\"}",
     NO_SECRET, "", RIG_KIT},
    {"fetchCifByMaskedCard", "{\"maskedCardNo\":\"411111XXXXXX1111\"}", NO_SECRET, "", RIG_ENTITY},
    {"accountkitmapping-manager.fetchAccountsByCardNo", NULL, CARD_NUMBER, "", RIG_KIT},
    {"account.fetchAccountsByCardNo", NULL, CARD_NUMBER, "", RIG_KIT},
    {"kit-manager.kitActivation", "{" KIT_OF "}", NO_SECRET, "", ""},
    {"kit-manager.getCvv", "{\"kitNo\":\"" RIG_KIT "\"}", NO_SECRET, "", "\"XXX\""},
    {"kit-manager.kitTracking", "{\"kitNo\":\"" RIG_KIT "\"}", NO_SECRET, "", "BANK"},
    {"kit-manager.fetchTransaction",
     "{\"entityId\":\"" RIG_ENTITY "\",\"startDate\":\"12-03-2023\",\"endDate\":\"12-12-2023\","
     "\"transactionChannel\":\"ATM\",\"page\":0,\"size\":9}",
     NO_SECRET, "", "totalItems"},
    {"kit-manager.setPin", "{" KIT_OF ",\"expiryDate\":\"0729\"}", PIN_V1, "", ""},
    {"kit-manager.v2.setPin", "{" KIT_OF ",\"expiryDate\":\"0729\"}", PIN_V2, "pin.already.set", ""},
    {"kit-manager.validatePin", "{" KIT_OF ",\"expiryDate\":\"0729\"}", PIN_V1, "", ""},
    {"kit-manager.v2.validatePin", "{" KIT_OF ",\"expiryDate\":\"0729\"}", PIN_V2, "", ""},
    {"kit-manager.validateCard",
     "{\"cardNoLastSix\":\"111111\",\"entityId\":\"" RIG_ENTITY
     "\",\"expiryDate\":\"0729\",\"mobileNo\":\"9876543210\"}",
     NO_SECRET, "", RIG_KIT},
    {"kit-manager.validateCard",
     "{\"cardNoLastSix\":\"000000\",\"entityId\":\"" RIG_ENTITY
     "\",\"expiryDate\":\"0729\",\"mobileNo\":\"9876543210\"}",
     NO_SECRET, "CRD001", ""},
    {"kit-manager.validateCardEnding",
     "{\"expiryDate\":\"0729\",\"mobileNo\":\"9876543210\",\"cardNoLastSix\":\"111111\"}", PIN_V1_AND_CVV, "",
     RIG_KIT},
    {"kit-manager.v2.validateCardEnding",
     "{\"expiryDate\":\"0729\",\"mobileNo\":\"9876543210\",\"cardNoLastSix\":\"111111\"}", PIN_V2, "",
     RIG_KIT},
    {"kit-manager.regeneratePinMailer",
     "{" KIT_OF ",\"addressType\":\"PERMANENT\",\"homeCurrencyCode\":\"356\"}", NO_SECRET, "",
     "pinRegenerationStatus"},
    {"preference.set",
     "{" KIT_OF ",\"domestic\":{\"isEnabled\":true,\"pos\":{\"isEnabled\":false,\"dailyLimit\":\"20000\","
     "\"maxLimit\":\"150000\"}},\"international\":{\"isEnabled\":false},\"dynamicAuth\":{\"otp\":false,"
     "\"pin\":false}}",
     NO_SECRET, "", "7200000"},
    {"preference.fetch", "{" KIT_OF "}", NO_SECRET, "", "yearlyLimit"},
    {"preference.optIn", "{" KIT_OF ",\"operation\":\"sms-alerts\",\"optedIn\":false,\"channel\":\"SMS\"}",
     NO_SECRET, "", ""},
    {"ncmc.preference.set",
     "{" KIT_OF
     ",\"accountNo\":\"1001\",\"autoReload\":{\"enabled\":true,\"threshold\":100,\"loadAmount\":500},"
     "\"channel\":\"MOBILE\"}",
     NO_SECRET, "", "createdDate"},
    {"ncmc.preference.fetch", "{" KIT_OF "}", NO_SECRET, "", "500"},
    {"wallet.load", "{" KIT_OF ",\"walletType\":\"NCMC\",\"txnId\":\"txn-1\",\"amount\":\"200.00\"}",
     NO_SECRET, "", "200.00"},
    {"wallet.load", "{" KIT_OF ",\"walletType\":\"NCMC\",\"txnId\":\"txn-2\",\"amount\":\"5000\"}", NO_SECRET,
     "TX0057", ""},
    {"wallet.fetch.balance", "{" KIT_OF ",\"walletType\":\"NCMC\"}", NO_SECRET, "", "200.00"},
    {"wallet.fetch.services", "{" KIT_OF ",\"walletType\":\"NCMC\"}", NO_SECRET, "", "Metro"},
    {"wallet.fetch.authnt.transaction", "{" KIT_OF ",\"walletType\":\"NCMC\",\"startDate\":\"01-10-2024\"}",
     NO_SECRET, "", "authntOfflineTransactionData"},
    {"wallet.fetch.ledger.transaction", "{" KIT_OF ",\"walletType\":\"NCMC\",\"isSuccessTransaction\":true}",
     NO_SECRET, "", "txn-1"},
    {"kit-manager.manageKit",
     "{\"entityId\":\"" RIG_ENTITY "\",\"oldKit\":\"" RIG_KIT "\",\"operation\":\"LOCK\"}", NO_SECRET, "",
     ""},
    {"kit-manager.manageAllKits",
     "{\"mobileNo\":\"9876543210\",\"operation\":\"UNLOCK\",\"reason\":\"FOUND\",\"channel\":\"BRANCH\"}",
     NO_SECRET, "", "411111XXXXXX1111"},
    {"kit-manager.applyForCard", "{\"entityId\":\"" RIG_ENTITY "\",\"deliveryAddress\":\"PERMANENT\"}",
     NO_SECRET, "", "PHYSICAL"},
    {"kit-manager.applyForCard", "{\"entityId\":\"" RIG_ENTITY "\",\"kitNo\":\"" VIRTUAL_KIT "\"}", NO_SECRET,
     "", "PHYSICAL"},
    {"kit-manager.upgradeCard",
     "{" KIT_OF
     ",\"deliveryAddress\":\"PERMANENT\",\"kitInfo\":[{\"aliasName\":\"SAMPLE\",\"cardType\":\"PHYSICAL\","
     "\"plasticCode\":\"71\"}]}",
     NO_SECRET, "", "ASSIGNED"},
    {"inventory.fetchKitSummary", "{\"branchId\":\"BRANCH001\",\"pageNo\":0,\"pageSize\":50}", NO_SECRET, "",
     STOCK_KIT2},
    {"inventory.fetchKitDetailsFromInventory",
     "{\"refType\":\"DC_KIT\",\"kitRefNo\":[\"" STOCK_KIT2 "\"],\"pageNo\":1,\"pageSize\":10}", NO_SECRET, "",
     STOCK_KIT2},
    {"inventory.update.deliveryStatus", "[{\"deliveryStatus\":\"BANK\",\"kitNo\":[\"" STOCK_KIT2 "\"]}]",
     NO_SECRET, "", "200"},
    {"inventory.kitsTransfer",
     "{\"fromBranch\":\"BRANCH001\",\"toBranch\":\"BRANCH009\",\"kitNo\":[\"" STOCK_KIT2
     "\"],\"creator\":\"a\",\"chnager\":\"b\",\"approver\":\"c\"}",
     NO_SECRET, "", "successCount"},
    {"inventory.kitsTransfer",
     "{\"fromBranch\":\"BRANCH001\",\"toBranch\":\"BRANCH009\",\"kitNo\":[\"" STOCK_KIT2 "\"]}", NO_SECRET,
     "INV001", "failedKitNo"},
    {"inventory.instaKit.expire", "{\"kitNo\":\"" STOCK_KIT2 "\"}", NO_SECRET, "", ""},
    {"card-order.create", "{" ORDER("ORD-001") "}", NO_SECRET, "", ""},
    {"card-order.uploadFile", "{\"fileName\":\"Insta_PGK_Format.txt\"}", ORDER_FILE, "",
     "Insta_PGK_Format.txt"},
    {"card-order.withFile", "{" ORDER("ORD-002") ",\"fileName\":\"Insta_PGK_Format.txt\"}", NO_SECRET, "",
     ""},
    {"card-order.withFile", "{" ORDER("ORD-003") ",\"fileName\":\"Never_Uploaded.txt\"}", NO_SECRET, "ORD001",
     ""},
    {"card-order.received", NULL, NO_SECRET, "", "ORD-002"},
    {"card-order.fetchStatus", "{\"cardOrderId\":\"ORD-001\"}", NO_SECRET, "", "RECEIVED"},
    {"card-order.process", "{\"orderId\":\"ORD-001\"}", NO_SECRET, "", ""},
    {"card-order.status", "{\"orderId\":\"ORD-001\"}", NO_SECRET, "", ""},
    {"card-order.sync-pending-status", NULL, NO_SECRET, "", ""},
    {"card-order.retry-stuck-pending", NULL, NO_SECRET, "", ""},
    {"card-order.cancel", "{\"orderId\":\"ORD-002\",\"branchId\":\"BRANCH001\"}", NO_SECRET, "", "cancelled"},
    {"card-order.cancel", "{\"orderId\":\"ORD-001\",\"branchId\":\"BRANCH001\"}", NO_SECRET, "ORD003", ""},
    {"inventory.fetchCardOrderDetailsFromInventory",
     "{\"orderIds\":[\"ORD-001\"],\"pageNo\":1,\"pageSize\":10}", NO_SECRET, "", "ORD-001"},
    {"kit-manager.v2.fetchByCardNo", NULL, NO_SECRET, "", RIG_KIT},
};

static void add(json_t *config, const char *section, const char *json) {
        assert_int_equal(json_array_append_new(json_object_get(config, section), json_loads(json, 0, NULL)),
                         0);
}

static int setup(void **state) {
        static struct rig rig;
        rig_make(&rig);
        json_t *customer = json_array_get(json_object_get(rig.sim_config, "customers"), 0);
        (void)json_object_set_new(customer, "mobileNo", json_string("9876543210"));
        add(rig.sim_config, "products",
            "{\"productId\":\"TEST_VIRTUAL\",\"bin\":\"411112\",\"plasticCode\":\"72\",\"cardType\":"
            "\"VIRTUAL\"}");
        add(rig.sim_config, "kits",
            "{\"kitNo\":\"" VIRTUAL_KIT
            "\",\"productId\":\"TEST_VIRTUAL\",\"branchId\":\"BRANCH001\",\"entityId\":"
            "\"" RIG_ENTITY "\",\"accountNo\":\"1001\",\"status\":\"INACTIVE\"}");
        add(rig.sim_config, "kits",
            "{\"kitNo\":\"" STOCK_KIT "\",\"productId\":\"TEST_VISA\",\"branchId\":\"BRANCH001\"}");
        add(rig.sim_config, "kits",
            "{\"kitNo\":\"" STOCK_KIT2 "\",\"productId\":\"TEST_VISA\",\"branchId\":\"BRANCH001\"}");
        rig_start_sim(&rig);
        rig_start_client(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state) {
        rig_stop(*state);
        return 0;
}

static struct cw_secret *secret_text(const char *text) {
        struct cw_secret *s = NULL;
        assert_int_equal(cw_secret_dup(text, strlen(text), &s), CW_OK);
        return s;
}

/* The client masks the CVV, so that the test asks for it itself. */
static struct cw_secret *cvv_of(struct rig *rig) {
        CW_AUTO_JSON json_t *result = rig_teller(rig, "/kit-manager/getCvv", "{\"kitNo\":\"" RIG_KIT "\"}");
        return secret_text(json_string_value(json_object_get(result, "cvv")));
}

static size_t secrets_for(struct rig *rig, enum secret kind, struct cw_secret *own[2],
                          struct cw_dcms_secret_field fields[2]) {
        own[0] = own[1] = NULL;
        if (kind == NO_SECRET)
                return 0;
        fields[0].name = kind == CARD_NUMBER ? "cardNumber" : kind == ORDER_FILE ? "file" : "pin";
        fields[1].name = "cvv";
        if (kind == CARD_NUMBER)
                own[0] = secret_text(RIG_PAN);
        else if (kind == ORDER_FILE)
                own[0] = secret_text("H|PGK|2\r\nD|1\r\nD|2\r\n");
        else
                own[0] = kind == PIN_V2 ? rig_pin("1234") : rig_pin_v1("1234");
        if (kind == PIN_V1_AND_CVV)
                own[1] = cvv_of(rig);
        fields[0].value = own[0];
        fields[1].value = own[1];
        return own[1] ? 2 : 1;
}

static json_t *fields_of(const struct step *s) {
        char sealed[128];
        if (strcmp(s->name, "kit-manager.v2.fetchByCardNo") == 0) {
                rig_sealed_pan(sealed, sizeof sealed);
                return json_pack("{s:s}", "encryptedCardNumber", sealed);
        }
        json_t *fields = s->fields ? json_loads(s->fields, 0, NULL) : NULL;
        assert_true(fields || !s->fields);
        return fields;
}

static void make(struct rig *rig, const struct step *s) {
        struct outcome o = {0};
        struct cw_fault f = {0};
        struct cw_secret *own[2];
        struct cw_dcms_secret_field secrets[2];
        CW_AUTO_JSON json_t *fields = fields_of(s);
        size_t count = secrets_for(rig, s->secret, own, secrets);
        const struct cw_dcms_named call = {s->name, fields, secrets, count, NULL};
        if (cw_dcms_call_named(rig->d, &call, outcome_take, &o, &f) != CW_OK)
                fail_msg("%s: %s", s->name, f.text);
        rig_wait(rig, &o, 20000);
        bool ok = s->code[0] ? cw_rc_class(o.rc) == CW_C_REJECT && strcmp(o.fault.code, s->code) == 0
                             : o.rc == CW_OK;
        CW_AUTO_MEM char *text = o.result ? json_dumps(o.result, JSON_ENCODE_ANY) : NULL;
        if (!ok || (s->says[0] && (!text || !strstr(text, s->says))))
                fail_msg("%s: %s %s: %s", s->name, o.fault.code, o.fault.text, text ? text : "(nothing)");
        if (text)
                assert_null(strstr(text, RIG_PAN));
        cw_secret_free(own[0]);
        cw_secret_free(own[1]);
        outcome_done(&o);
}

static void every_call_of_the_catalogue(void **state) {
        struct rig *rig = *state;
        for (size_t i = 0; i < sizeof story / sizeof story[0]; i++)
                make(rig, &story[i]);
        struct outcome o = {0};
        cw_dcms_login(rig->d, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(o.rc, CW_OK);
        outcome_done(&o);
}

static bool in_story(const char *name) {
        for (size_t i = 0; i < sizeof story / sizeof story[0]; i++)
                if (strcmp(story[i].name, name) == 0 && !story[i].code[0])
                        return true;
        /* Made right by test_upstream_calls; here the PIN is there already. */
        return strcmp(name, "authenticate") == 0 || strcmp(name, "kit-manager.v2.setPin") == 0;
}

static void no_row_is_left_out(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *rows = cw_dcms_catalogue();
        assert_int_equal(json_array_size(rows), 61);
        for (size_t i = 0; i < json_array_size(rows); i++) {
                const char *name = json_string_value(json_object_get(json_array_get(rows, i), "name"));
                if (!in_story(name))
                        fail_msg("no step makes %s", name);
        }
}

/* A member the table does not know, or a missing one, is said before anything is sent. */
static void wrong_members_are_not_sent(void **state) {
        struct rig *rig = *state;
        int64_t before = 0, after = 0;
        CW_AUTO_JSON json_t *unknown = json_pack("{s:i}", "zzTop", 1);
        CW_AUTO_JSON json_t *rows = json_pack("[{s:i}]", "zzTop", 1);
        struct cw_dcms_health h;
        cw_dcms_health(rig->d, &h);
        before = (int64_t)h.exchanges;
        for (int id = 0; id < CW_DCMS_EP_MAX_; id++) {
                const struct cw_dcms_endpoint *e = cw_dcms_endpoint((enum cw_dcms_endpoint_id)id);
                struct cw_fault f = {0};
                struct outcome o = {0};
                const struct cw_dcms_named call = {e->name, e->body == CW_DCMS_B_ROWS ? rows : unknown, NULL,
                                                   0, NULL};
                cw_rc rc = cw_dcms_call_named(rig->d, &call, outcome_take, &o, &f);
                assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
                assert_true(strstr(f.text, "zzTop") || id == CW_DCMS_EP_LOGIN);
                assert_false(o.done);
        }
        rig_run(rig, 50);
        cw_dcms_health(rig->d, &h);
        after = (int64_t)h.exchanges;
        assert_int_equal(before, after);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(wrong_members_are_not_sent),
            cmocka_unit_test(every_call_of_the_catalogue),
            cmocka_unit_test(no_row_is_left_out),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
