/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/results.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static json_t *parse(const char *text) {
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        return json;
}

static void kits_as_the_documents_show_them(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *json =
            parse("{\"entityId\":\"676765\",\"kitInfo\":[{\"accountNo\":8642135,\"bin\":\"608040\","
                  "\"cardCategory\":\"DEBIT\","
                  "\"cardNumber\":\"6080401234566384\",\"cardStatus\":\"inactive\",\"encryptedCardNumber\":"
                  "\"QUJD\","
                  "\"expDate\":\"2029-07-31T00:00:00.000+00:00\",\"kitNo\":4240181595,\"plasticCode\":71,"
                  "\"aliasName\":\"A CUSTOMER\",\"embeddedValues\":{\"parentKitNo\":\"5902018347\"}},"
                  "{\"kitNo\":\"4240181595\"},{\"kitNo\":\"\"},{\"kitNo\":null},7]}");
        struct cw_results r = {0};
        assert_int_equal(cw_results_kits(&r, json), CW_OK);
        assert_int_equal(r.kit_count, 1);
        assert_int_equal(r.skipped, 2);
        const struct cw_dcms_kit *k = &r.kits[0];
        assert_string_equal(k->kit_no, "4240181595");
        assert_string_equal(k->entity_id, "676765");
        assert_string_equal(k->account_no, "8642135");
        assert_string_equal(k->plastic_code, "71");
        assert_string_equal(k->alias_name, "A CUSTOMER");
        assert_string_equal(k->masked_pan, "608040XXXXXX6384");
        assert_string_equal(k->expiry, "2907");
        assert_string_equal(k->card_status, "INACTIVE");
        assert_string_equal(k->parent_kit_no, "5902018347");
        assert_string_equal(k->encrypted_card_number, "QUJD");
        cw_results_done(&r);
}

static void kit_of_an_account(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *json =
            parse("{\"entityId\":\"req7\",\"accountInfo\":{\"accountNo\":\"77\",\"branchId\":\"BRANCH001\","
                  "\"kitDetails\":{\"kitNo\":\"1\",\"cardName\":\"N\",\"expDate\":\"2030-01-31\"}},"
                  "\"preferences\":{}}");
        struct cw_results r = {0};
        assert_int_equal(cw_results_kits(&r, json), CW_OK);
        assert_int_equal(r.kit_count, 1);
        assert_string_equal(r.kits[0].entity_id, "req7");
        assert_string_equal(r.kits[0].account_no, "77");
        assert_string_equal(r.kits[0].branch_id, "BRANCH001");
        assert_string_equal(r.kits[0].alias_name, "N");
        assert_string_equal(r.kits[0].expiry, "3001");
        assert_string_equal(r.kits[0].encrypted_card_number, "");
        cw_results_done(&r);
}

static void rows_that_cannot_be_used_are_counted(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *json =
            parse("[{\"kitNo\":\"1\"},5,{\"a\":1},{\"kitNo\":\"123456789012345678901234567890123\"}]");
        struct cw_results r = {0};
        assert_int_equal(cw_results_kits(&r, json), CW_OK);
        assert_int_equal(r.kit_count, 1);
        assert_int_equal(r.skipped, 3);
        cw_results_done(&r);
}

static void expiry_forms(void **state) {
        (void)state;
        static const struct {
                const char *json, *yymm;
        } forms[] = {
            {"\"2029-07-31\"", "2907"},  {"\"2029-13-31\"", ""}, {"\"31/07/2029\"", ""}, {"729", ""},
            {"1911945600000", "3008"},   {"null", ""},           {"\"20x9-07-31\"", ""}, {"\"2029-7\"", ""},
            {"9223372036854775807", ""},
        };
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
                CW_AUTO_JSON json_t *json = parse(forms[i].json);
                char yymm[5];
                cw_results_expiry(json, yymm);
                assert_string_equal(yymm, forms[i].yymm);
        }
}

static void birth_date_forms(void **state) {
        (void)state;
        static const struct {
                const char *json, *date; /* NULL: none */
        } forms[] = {
            {"{\"dob\":\"1978-06-01\"}", "19780601"}, {"{\"dob\":\"1978-13-01\"}", NULL},
            {"{\"dob\":\"1978-06-00\"}", NULL},       {"{\"dob\":\"01-06-1978\"}", NULL},
            {"{\"dob\":\"19x8-06-01\"}", NULL},       {"{\"dob\":19780601}", NULL},
            {"{\"dob\":\"1978-06-01T00\"}", NULL},    {"{\"dob\":null}", NULL},
            {"{\"birthDate\":\"1978-06-01\"}", NULL}, {"[]", NULL},
        };
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
                CW_AUTO_JSON json_t *json = parse(forms[i].json);
                char date[9] = "untouch";
                assert_true(cw_dcms_birth_date(json, "dob", date) == (forms[i].date != NULL));
                assert_string_equal(date, forms[i].date ? forms[i].date : "untouch");
        }
        CW_AUTO_JSON json_t *other = parse("{\"dob\":\"1978-06-01\",\"bornOn\":\"1980-02-29\"}");
        char date[9];
        assert_true(cw_dcms_birth_date(other, "bornOn", date));
        assert_string_equal(date, "19800229");
        assert_false(cw_dcms_birth_date(NULL, "dob", date));
}

static void orders(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *one =
            parse("{\"cardOrderName\":\"1763369938\",\"status\":\"PENDING\",\"productDetails\":[{"
                  "\"binNumber\":87654322,\"noOfCard\":5},{\"noOfCard\":\"3\"}]}");
        CW_AUTO_JSON json_t *many =
            parse("[{\"orderId\":\"O-1\",\"status\":\"received\",\"branchInfo\":{\"branchId\":\"B1\"},"
                  "\"products\":[{\"quantity\":6}]},{\"status\":\"x\"}]");
        struct cw_results r = {0};
        assert_int_equal(cw_results_orders(&r, one), CW_OK);
        assert_int_equal(cw_results_orders(&r, many), CW_OK);
        assert_int_equal(r.order_count, 2);
        assert_int_equal(r.orders[0].cards, 8);
        assert_string_equal(r.orders[0].status, "PENDING");
        assert_string_equal(r.orders[1].order_id, "O-1");
        assert_string_equal(r.orders[1].branch_id, "B1");
        assert_int_equal(r.orders[1].cards, 6);
        assert_int_equal(r.skipped, 1);
        cw_results_done(&r);
}

static void deliveries_kit_by_kit(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *json = parse(
            "[{\"kitNo\":\"10012192\",\"result\":true,\"status\":\"200\"},{\"kitNo\":234,\"status\":\"500\","
            "\"exception\":{\"errorCode\":\"MCC007\",\"shortMessage\":\"valid kit not "
            "found\",\"fieldError\":["
            "\"Invalid Kit "
            "No\"]}},{\"kitNo\":\"5\",\"result\":false,\"status\":\"500\",\"exception\":null}]");
        CW_AUTO_JSON json_t *asked = parse("[\"234\",\"10012192\",\"5\",\"6\"]");
        struct cw_results r = {0};
        assert_int_equal(cw_results_delivered(&r, json, asked), CW_OK);
        assert_int_equal(r.delivered_count, 4);
        assert_false(r.delivered[0].ok);
        assert_string_equal(r.delivered[0].code, "MCC007");
        assert_string_equal(r.delivered[0].text, "valid kit not found; Invalid Kit No");
        assert_true(r.delivered[1].ok);
        assert_false(r.delivered[2].ok);
        assert_string_equal(r.delivered[2].code, CW_DCMS_CODE_REFUSED);
        assert_false(r.delivered[3].ok);
        assert_string_equal(r.delivered[3].code, CW_DCMS_CODE_BAD_ANSWER);
        cw_results_done(&r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(kits_as_the_documents_show_them),
            cmocka_unit_test(kit_of_an_account),
            cmocka_unit_test(rows_that_cannot_be_used_are_counted),
            cmocka_unit_test(expiry_forms),
            cmocka_unit_test(birth_date_forms),
            cmocka_unit_test(orders),
            cmocka_unit_test(deliveries_kit_by_kit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
