/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/mask.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* Masks in; the result must be out, byte for byte, and as long as before. */
static void check(const char *in, const char *out) {
        char text[512];
        struct cw_fault f = {0};
        (void)snprintf(text, sizeof text, "%s", in);
        assert_int_equal(cw_mask_json(text, strlen(text), &f), CW_OK);
        assert_string_equal(text, out);
}

static void card_numbers(void **state) {
        (void)state;
        check("{\"cardNumber\":\"4111111111111111\"}", "{\"cardNumber\":\"411111XXXXXX1111\"}");
        check("{\"CARD_number\" : \"6080400000000000006\"}", "{\"CARD_number\" : \"608040XXXXXXXXX0006\"}");
        check("{\"cardNumber\":4111111111111111}", "{\"cardNumber\":4111110000001111}");
        check("{\"cardNumber\":\"4111 1111 1111 1111\"}", "{\"cardNumber\":\"4111 11XX XXXX 1111\"}");
        check("{\"c\\u0061rdNumber\":\"4111111111111111\"}", "{\"c\\u0061rdNumber\":\"411111XXXXXX1111\"}");
        check("{\"cardNumber\":\"411111111111111\\u0031\"}", "{\"cardNumber\":\"XXXXXXXXXXXXXXXXXXXXX\"}");
        check("{\"cardNumber\":\"608040XXXXXX6384\"}", "{\"cardNumber\":\"608040XXXXXX6384\"}");
        check("{\"cardNumbers\":[\"4111111111111111\",{\"x\":\"4111111111111112\"}],\"a\":"
              "\"4111111111111112\"}",
              "{\"cardNumbers\":[\"411111XXXXXX1111\",{\"x\":\"411111XXXXXX1112\"}],\"a\":"
              "\"4111111111111112\"}");
}

static void cvv_and_pin(void **state) {
        (void)state;
        check("{\"result\":{\"cvv\":\"237\",\"expiryCvv\":120}}",
              "{\"result\":{\"cvv\":\"XXX\",\"expiryCvv\":120}}");
        check("{\"cvv2\":237,\"pin\":\"4faN/==\"}", "{\"cvv2\":9  ,\"pin\":\"XXXXXXX\"}");
        check("{\"track2\":\"4111111111111111=2907\"}", "{\"track2\":\"XXXXXXXXXXXXXXXXXXXXX\"}");
        check("{\"track2\":{\"a\":[1,\"b\"]},\"n\":1}", "{\"track2\":{\"a\":[9,\"X\"]},\"n\":1}");
}

static void what_must_pass(void **state) {
        (void)state;
        static const char *const same[] = {
            "{\"encryptedCardNumber\":\"AAECAwQF4111111111111111GBwgJ\"}",
            "{\"accountNo\":4111111111111111,\"kitNo\":\"4111111111111111\"}",
            "{\"entityId\":\"4111111111111111\",\"expDate\":\"2029-07-31T00:00:00.000+00:00\"}",
            "{\"pinCode\":\"600001\",\"panLength\":16,\"mobile\":\"919876543210\"}",
            "{\"requestId\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\"}",
        };
        for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
                check(same[i], same[i]);
}

static void sentences(void **state) {
        (void)state;
        check("{\"detailMessage\":\"card 4111111111111111 not found\"}",
              "{\"detailMessage\":\"card 411111XXXXXX1111 not found\"}");
        check("{\"fieldError\":[\"4111-1111-1111-1111\"]}", "{\"fieldError\":[\"4111-11XX-XXXX-1111\"]}");
        check("{\"m\":\"ref 4111111111111112\"}", "{\"m\":\"ref 4111111111111112\"}");
        check("{\"m\":\"x\\u0034111111111111111\"}", "{\"m\":\"XXXXXXXXXXXXXXXXXXXXXX\"}");
        check("{\"result\":[\"4111111111111111\"]}", "{\"result\":[\"411111XXXXXX1111\"]}");
}

static void broken_text_is_masked_too(void **state) {
        (void)state;
        check("{\"cardNumber\":\"4111111111111111", "{\"cardNumber\":\"411111XXXXXX1111");
        check("}}]]{\"cardNumber\":\"4111111111111111\"", "}}]]{\"cardNumber\":\"411111XXXXXX1111\"");
        check("\"\\", "\"\\");
        check("", "");
}

static void depth(void **state) {
        (void)state;
        char text[80];
        struct cw_fault f = {0};
        memset(text, '[', 33);
        assert_int_equal(cw_rc_class(cw_mask_json(text, 33, &f)), CW_C_REJECT);
        assert_int_equal(cw_mask_json(text, 32, &f), CW_OK);
}

static void numbers_stay_json(void **state) {
        (void)state;
        char text[] = "{\"cvv\":5e307,\"pan\":4111111111111111,\"cvc\":0}";
        struct cw_fault f = {0};
        assert_int_equal(cw_mask_json(text, strlen(text), &f), CW_OK);
        json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        json_decref(json);
}

static void takes_the_token_out(void **state) {
        (void)state;
        char text[] = "{\"a\":\"id_token\",\"id_token\" : \"abc.def\"}";
        CW_AUTO(cw_secret_free) struct cw_secret *token = NULL;
        assert_int_equal(cw_mask_take(text, strlen(text), "idtoken", &token), CW_OK);
        assert_int_equal(token->len, 7);
        assert_memory_equal(token->ptr, "abc.def", 7);
        assert_string_equal(text, "{\"a\":\"id_token\",\"id_token\" : \"XXXXXXX\"}");
        struct cw_secret *none = NULL;
        char no[] = "{\"id_token\":17,\"x\":\"y\"}";
        assert_int_equal(cw_rc_class(cw_mask_take(no, strlen(no), "idtoken", &none)), CW_C_REJECT);
        assert_null(none);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(card_numbers),
            cmocka_unit_test(cvv_and_pin),
            cmocka_unit_test(what_must_pass),
            cmocka_unit_test(sentences),
            cmocka_unit_test(depth),
            cmocka_unit_test(broken_text_is_masked_too),
            cmocka_unit_test(numbers_stay_json),
            cmocka_unit_test(takes_the_token_out),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
