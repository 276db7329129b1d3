/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/mask.h"
#include "agent/upstream/orderfile.h"
#include "agent/upstream/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static cw_rc check(const char *name, const char *json, struct cw_fault *f) {
        const struct cw_dcms_endpoint *e = cw_dcms_endpoint_named(name);
        CW_AUTO_JSON json_t *fields = json ? json_loads(json, 0, NULL) : NULL;
        assert_non_null(e);
        assert_true(fields || !json);
        *f = (struct cw_fault){0};
        return cw_dcms_validate(e, fields, NULL, 0, f);
}

struct sample {
        const char *name, *json, *says; /* says NULL: it is right */
};

static const struct sample samples[] = {
    {"kit-manager.kitActivation", "{\"entityId\":\"req7\",\"kitNo\":\"4240171508\"}", NULL},
    {"kit-manager.kitActivation", "{\"entityId\":\"req7\"}", "kitNo is missing"},
    {"kit-manager.kitActivation", "{\"entityId\":\"req7\",\"kitNo\":17}", "kitNo must be"},
    {"kit-manager.kitActivation", "{\"entityId\":\"\",\"kitNo\":\"1\"}", "entityId must be"},
    {"kit-manager.kitActivation", "{\"entityId\":\"a\",\"kitNo\":\"12345678901234567890123456789012\"}",
     "kitNo must be"},
    {"kit-manager.kitActivation", "{\"entityId\":\"a\",\"kitNo\":\"1\",\"pin\":\"x\"}", "pin is no member"},
    {"kit-manager.kitActivation", "[]", "must be an object"},
    {"kit-manager.manageKit", "{\"entityId\":\"a\",\"oldKit\":\"1\",\"operation\":\"HOTLIST\"}",
     "LOCK|UNLOCK|BLOCK"},
    {"kit-manager.manageKit", "{\"entityId\":\"a\",\"oldKit\":\"1\",\"operation\":\"BLOCK\"}", NULL},
    {"kit-manager.validateCard",
     "{\"cardNoLastSix\":\"00050a\",\"entityId\":\"a\",\"expiryDate\":\"0129\",\"mobileNo\":\"1\"}",
     "cardNoLastSix"},
    {"kit-manager.validateCard",
     "{\"cardNoLastSix\":\"000507\",\"entityId\":\"a\",\"expiryDate\":\"1329\",\"mobileNo\":\"1\"}", "MMYY"},
    {"kit-manager.setPin", "{\"entityId\":\"a\",\"kitNo\":\"1\",\"expiryDate\":\"0729\",\"pin\":\"x\"}",
     "secret"},
    {"kit-manager.setPin", "{\"entityId\":\"a\",\"kitNo\":\"1\",\"expiryDate\":\"0729\"}", "pin is missing"},
    {"fetchCifByMaskedCard", "{\"maskedCardNo\":\"123456XXXXXX6789\"}", NULL},
    {"fetchCifByMaskedCard", "{\"maskedCardNo\":\"1234567890126789\"}", "never the whole number"},
    {"fetchCifByMaskedCard", "{\"maskedCardNo\":\"123456\"}", "never the whole number"},
    {"registerCard", "{\"entityId\":\"a\",\"kitInfo\":[]}", "kitInfo must be"},
    {"registerCard", "{\"entityId\":\"a\",\"kitInfo\":[{\"cardType\":\"PAPER\"}]}", "kitInfo[].cardType"},
    {"registerCard", "{\"entityId\":\"a\",\"kitInfo\":[7]}", "kitInfo must be"},
    {"registerCard", "{\"entityId\":\"a\",\"kitInfo\":[{\"accountNo\":8642135}]}", NULL},
    {"registerCard", "{\"entityId\":\"a\",\"kitInfo\":[{\"accountNo\":-1}]}", "an account number"},
    {"registerCard", "{\"entityId\":\"a\",\"kitInfo[].accountNo\":1}", "no member"},
    {"ncmc.preference.set", "{\"entityId\":\"a\",\"kitNo\":\"1\",\"autoReload\":{\"threshold\":1}}",
     "autoReload.enabled is missing"},
    {"ncmc.preference.set", "{\"entityId\":\"a\",\"kitNo\":\"1\",\"autoReload.enabled\":true}", "no member"},
    {"wallet.load",
     "{\"kitNo\":\"1\",\"entityId\":\"a\",\"walletType\":\"NCMC\",\"txnId\":\"t\",\"amount\":\"1.234\"}",
     "200.00"},
    {"kit-manager.fetchTransaction", "{\"entityId\":\"a\",\"startDate\":\"2023-03-12\"}", "DD-MM-YYYY"},
    {"branch.fetch", "{\"fromCreatedDate\":\"2025-01-01 25:00:00\"}", "HH:mm:ss"},
    {"branch.fetch", NULL, NULL},
    {"preference.optIn", "{\"operation\":\"../admin\",\"entityId\":\"a\",\"kitNo\":\"1\",\"optedIn\":true}",
     "operation"},
    {"card-order.withFile",
     "{\"orderId\":\"o\",\"fileName\":\"../"
     "x.txt\",\"branchInfo\":{\"branchId\":\"b\"},\"products\":[{\"productId\":\"p\","
     "\"quantity\":1}]}",
     ".txt"},
    {"inventory.instaKit.expire", "{}", "kitNo or parentKitNo"},
    {"inventory.fetchKitDetailsFromInventory", "{\"refType\":\"DC_KIT\",\"pageNo\":1,\"pageSize\":1}",
     "branchId"},
    {"kit-manager.manageAllKits", "{\"operation\":\"BLOCK\"}", "mobileNo or entityId"},
    {"inventory.update.deliveryStatus", "[{\"deliveryStatus\":\"BANK\",\"kitNo\":[\"1\"]}]", NULL},
    {"inventory.update.deliveryStatus", "[{\"deliveryStatus\":\"BANK\",\"kitNo\":[]}]", "kitNo must be"},
    {"inventory.update.deliveryStatus", "[]", "1 to 1000"},
    {"inventory.update.deliveryStatus", "{}", "1 to 1000"},
};

static void samples_are_judged(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
                struct cw_fault f;
                const struct sample *s = &samples[i];
                bool ok = check(s->name, s->json, &f) == CW_OK;
                if (ok != (s->says == NULL) ||
                    (!ok && (!strstr(f.text, s->says) || cw_rc_class(f.rc) != CW_C_REJECT)))
                        fail_msg("sample %zu, %s: %s", i, s->name, f.text);
        }
}

/* A member's value is somebody's data: a fault names the member only. */
static void values_stay_out_of_faults(void **state) {
        (void)state;
        struct cw_fault f;
        assert_true(check("fetchCifByMaskedCard", "{\"maskedCardNo\":\"4111111111111111\"}", &f) != CW_OK);
        assert_null(strstr(f.text, "4111"));
        assert_true(check("kit-manager.kitTracking", "{\"kitNo\":\"1\",\"\\u001b[2J\":1}", &f) != CW_OK);
        assert_null(strchr(f.text, '\x1b'));
}

static void body_and_address_of_a_named_call(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL;
        CW_AUTO_JSON json_t *fields = json_loads("{\"operation\":\"superPin\",\"channel\":null,\"entityId\":"
                                                 "\"e\\\"1\",\"kitNo\":\"1\",\"optedIn\":true}",
                                                 0, NULL);
        cw_request_begin(&r, CW_DCMS_EP_PREFERENCE_OPT_IN);
        cw_request_json(&r, fields, NULL, 0);
        assert_string_equal(r.path, "/preference/superPin/optIn");
        assert_int_equal(cw_request_end(&r, NULL, &body, &f), CW_OK);
        static const char want[] = "{\"entityId\":\"e\\\"1\",\"kitNo\":\"1\",\"optedIn\":true}";
        assert_int_equal(body->len, strlen(want));
        assert_memory_equal(body->ptr, want, body->len);
}

static void query_members_go_into_the_address(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL;
        CW_AUTO_JSON json_t *fields =
            json_loads("{\"accountNo\":8000000,\"isAllCardsRequired\":\"true\"}", 0, NULL);
        cw_request_begin(&r, CW_DCMS_EP_KITS_BY_ACCOUNT);
        cw_request_json(&r, fields, NULL, 0);
        assert_string_equal(r.path, "/kit-manager/fetchKitsByAccountNo?isAllCardsRequired=true");
        assert_int_equal(cw_request_end(&r, NULL, &body, &f), CW_OK);
        assert_int_equal(body->len, strlen("{\"accountNo\":8000000}"));
}

static void secrets_and_request_id_close_the_body(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL, *pin = NULL;
        CW_AUTO_JSON json_t *fields = json_loads("{\"kitNo\":\"1\"}", 0, NULL);
        assert_int_equal(cw_secret_dup("QUJD", 4, &pin), CW_OK);
        const struct cw_dcms_secret_field secret = {"pin", pin};
        cw_request_begin(&r, CW_DCMS_EP_VALIDATE_PIN);
        cw_request_json(&r, fields, &secret, 1);
        assert_int_equal(cw_request_end(&r, "id-1", &body, &f), CW_OK);
        static const char want[] = "{\"kitNo\":\"1\",\"pin\":\"QUJD\",\"requestId\":\"id-1\"}";
        assert_int_equal(body->len, strlen(want));
        assert_memory_equal(body->ptr, want, body->len);
}

static void a_file_goes_as_one_part(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL, *file = NULL;
        CW_AUTO_JSON json_t *fields = json_loads("{\"fileName\":\"a.txt\"}", 0, NULL);
        assert_int_equal(cw_secret_dup("D|1\r\n", 5, &file), CW_OK);
        const struct cw_dcms_secret_field secret = {"file", file};
        cw_request_begin(&r, CW_DCMS_EP_ORDER_UPLOAD);
        cw_request_json(&r, fields, &secret, 1);
        assert_int_equal(cw_request_end(&r, NULL, &body, &f), CW_OK);
        const char *boundary = strstr(r.content_type, "boundary=");
        char want[320];
        assert_non_null(boundary);
        boundary += 9;
        assert_int_equal(strlen(boundary), 32);
        int n = snprintf(want, sizeof want,
                         "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n"
                         "Content-Type: text/plain\r\n\r\nD|1\r\n\r\n--%s--\r\n",
                         boundary, boundary);
        assert_int_equal(body->len, (size_t)n);
        assert_memory_equal(body->ptr, want, body->len);
}

static void order_files(void **state) {
        (void)state;
        static char line[5000];
        memset(line, 'A', sizeof line);
        assert_null(cw_orderfile_fault("H|PGK|1\r\nD|1\tx\r\n", 15));
        assert_non_null(cw_orderfile_fault("", 0));
        assert_non_null(cw_orderfile_fault(" \r\n", 3));
        assert_non_null(cw_orderfile_fault("a\0b", 3));
        assert_non_null(cw_orderfile_fault("\xc3\xa9", 2));
        assert_null(cw_orderfile_fault(line, 4096));
        assert_non_null(cw_orderfile_fault(line, 4097));
}

/* What the table calls masked is masked, as string and as number. */
static void sensitive_answers_are_masked(void **state) {
        (void)state;
        for (int id = 0; id < CW_DCMS_EP_MAX_; id++) {
                const struct cw_dcms_endpoint *e = cw_dcms_endpoint((enum cw_dcms_endpoint_id)id);
                char text[160];
                struct cw_fault f = {0};
                if (!e->hidden[0] || id == CW_DCMS_EP_LOGIN)
                        continue;
                (void)snprintf(text, sizeof text,
                               "{\"result\":[{\"%s\":\"4111111111111111\"},{\"%s\":4111111111111111}]}",
                               e->hidden, e->hidden);
                assert_int_equal(cw_mask_json(text, strlen(text), &f), CW_OK);
                assert_null(strstr(text, "4111111111111111"));
                assert_null(strstr(text, "11111111"));
        }
}

static void what_a_person_may_not_call(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *rows = cw_dcms_catalogue();
        size_t i, by_hand = 0;
        json_t *row;
        json_array_foreach(rows, i, row) {
                const struct cw_dcms_endpoint *e =
                    cw_dcms_endpoint_named(json_string_value(json_object_get(row, "name")));
                bool hand = json_is_true(json_object_get(row, "by_hand"));
                assert_non_null(e);
                assert_false(hand && cw_dcms_endpoint_secret(e));
                assert_false(hand && cw_dcms_endpoint_pin(e));
                by_hand += hand;
        }
        assert_true(cw_dcms_endpoint_pin(cw_dcms_endpoint(CW_DCMS_EP_VALIDATE_ENDING_V2)));
        assert_false(cw_dcms_endpoint_pin(cw_dcms_endpoint(CW_DCMS_EP_PIN_MAILER)));
        /* All but login, six with a PIN, two with a whole card number and the file. */
        assert_int_equal(by_hand, 61 - 1 - 6 - 2 - 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(samples_are_judged),
            cmocka_unit_test(values_stay_out_of_faults),
            cmocka_unit_test(body_and_address_of_a_named_call),
            cmocka_unit_test(query_members_go_into_the_address),
            cmocka_unit_test(secrets_and_request_id_close_the_body),
            cmocka_unit_test(a_file_goes_as_one_part),
            cmocka_unit_test(order_files),
            cmocka_unit_test(sensitive_answers_are_masked),
            cmocka_unit_test(what_a_person_may_not_call),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
