/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/dcms.h"
#include "agent/upstream/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void assert_body(const struct cw_secret *body, const char *expected) {
        assert_int_equal(body->len, strlen(expected));
        assert_memory_equal(body->ptr, expected, body->len);
}

static void every_endpoint_is_well_formed(void **state) {
        (void)state;
        for (int id = 0; id < CW_DCMS_EP_MAX_; id++) {
                const struct cw_dcms_endpoint *e = cw_dcms_endpoint((enum cw_dcms_endpoint_id)id);
                assert_int_equal(e->id, id);
                assert_int_equal(e->path[0], '/');
                assert_true(strcmp(e->method, "POST") == 0 || strcmp(e->method, "PUT") == 0);
                /* A requestId needs an object to stand in, or goes beside an array. */
                if (e->request_id)
                        assert_true(e->body == CW_DCMS_B_OBJECT || e->body == CW_DCMS_B_ROWS);
                /* What is repeated or replayed blindly needs an id; what is read back needs a check. */
                if (e->lost == CW_DCMS_LOST_SAME_ID || e->lost == CW_DCMS_LOST_IN_DOUBT)
                        assert_true(e->request_id || cw_dcms_field(e->id, "txnId", NULL));
                assert_int_equal(e->lost == CW_DCMS_LOST_READ_BACK, e->check != CW_DCMS_CHECK_NONE);
                assert_ptr_equal(cw_dcms_endpoint_named(e->name), e);
                for (int other = 0; other < id; other++) {
                        const struct cw_dcms_endpoint *o = cw_dcms_endpoint((enum cw_dcms_endpoint_id)other);
                        assert_true(strcmp(e->path, o->path) != 0 || strcmp(e->method, o->method) != 0);
                        assert_string_not_equal(e->name, o->name);
                }
        }
        assert_int_equal(cw_dcms_endpoint(CW_DCMS_EP_SET_PIN)->lost, CW_DCMS_LOST_IN_DOUBT);
        assert_int_equal(cw_dcms_field(CW_DCMS_EP_SET_PIN, "pin", NULL)->kind, CW_DCMS_F_SECRET);
        assert_null(cw_dcms_field(CW_DCMS_EP_SET_PIN, "branchId", NULL));
}

/* Nested rows follow their parent, fields fit the bit set, lists have a limit, words exist where a kind needs
 * them. */
static void every_field_is_well_formed(void **state) {
        (void)state;
        size_t count = 0;
        const struct cw_dcms_field *fields = cw_dcms_fields(&count);
        for (size_t i = 0; i < count; i++) {
                const struct cw_dcms_field *f = &fields[i];
                unsigned bit = 99;
                assert_ptr_equal(cw_dcms_field(f->endpoint, f->name, &bit), f);
                assert_true(bit < 64);
                bool words = f->kind == CW_DCMS_F_CHOICE || f->kind == CW_DCMS_F_QUERY;
                bool list = f->kind == CW_DCMS_F_LIST || f->kind == CW_DCMS_F_OBJECTS ||
                            f->kind == CW_DCMS_F_FREE_LIST || f->kind == CW_DCMS_F_SECRET;
                assert_int_equal(words, f->words[0] != '\0');
                assert_true(!list || f->max > 0);
                const char *dot = strrchr(f->name, '.');
                if (!dot)
                        continue;
                char parent[64];
                size_t len = (size_t)(dot - f->name);
                bool many = len > 2 && strncmp(dot - 2, "[]", 2) == 0;
                (void)snprintf(parent, sizeof parent, "%.*s", (int)(many ? len - 2 : len), f->name);
                const struct cw_dcms_field *p = cw_dcms_field(f->endpoint, parent, NULL);
                assert_non_null(p);
                assert_int_equal(p->kind, many ? CW_DCMS_F_OBJECTS : CW_DCMS_F_OBJECT);
        }
}

static void set_pin_body(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *pin = NULL, *body = NULL;
        assert_int_equal(cw_secret_dup("QUJD+/==", 8, &pin), CW_OK);
        cw_request_begin(&r, CW_DCMS_EP_SET_PIN);
        cw_request_text(&r, "entityId", "re\"q\\7\n\xc3\xa9");
        cw_request_text(&r, "kitNo", "4240181647");
        cw_request_text(&r, "expiryDate", "0729");
        cw_request_secret(&r, "pin", pin);
        assert_int_equal(cw_request_end(&r, "id-1", &body, &f), CW_OK);
        assert_body(
            body,
            "{\"entityId\":\"re\\\"q\\\\7\\u000a\xc3\xa9\",\"kitNo\":\"4240181647\",\"expiryDate\":\"0729\","
            "\"pin\":\"QUJD+/==\",\"requestId\":\"id-1\"}");
}

static void rows_and_no_body(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *rows = NULL, *none = NULL;
        const char *kits[] = {"10012192", "10000843"};
        cw_request_begin(&r, CW_DCMS_EP_DELIVERY);
        cw_request_row(&r);
        cw_request_text(&r, "deliveryStatus", "DELIVERED");
        cw_request_list(&r, "kitNo", kits, 2);
        cw_request_row(&r);
        cw_request_text(&r, "deliveryStatus", "BANK");
        cw_request_list(&r, "kitNo", kits, 1);
        /* An array has no member for the requestId: it goes beside it, where only a header word may stand. */
        assert_int_equal(cw_request_end(&r, "id-1", &rows, &f), CW_OK);
        assert_body(rows, "[{\"deliveryStatus\":\"DELIVERED\",\"kitNo\":[\"10012192\",\"10000843\"]},"
                          "{\"deliveryStatus\":\"BANK\",\"kitNo\":[\"10012192\"]}]");
        cw_request_begin(&r, CW_DCMS_EP_ORDERS_RECEIVED);
        assert_int_equal(cw_request_end(&r, NULL, &none, &f), CW_OK);
        assert_body(none, "{}");
}

static void page_number_is_patched_in_place(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL;
        size_t at = 0;
        cw_request_begin(&r, CW_DCMS_EP_KITS_INVENTORY);
        cw_request_text(&r, "refType", "DC_KIT");
        cw_request_text(&r, "branchId", "BRANCH001");
        cw_request_number(&r, "pageSize", 50, NULL);
        cw_request_number(&r, "pageNo", 1, &at);
        assert_int_equal(cw_request_end(&r, NULL, &body, &f), CW_OK);
        cw_request_patch(body, at, 12);
        CW_AUTO_JSON json_t *json = json_loadb((const char *)body->ptr, body->len, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(json, "pageNo")), 12);
        assert_int_equal(json_integer_value(json_object_get(json, "pageSize")), 50);
}

static cw_rc activation(const char *entity, const char *kit, const char *extra, const char *request_id,
                        struct cw_fault *f) {
        struct cw_request r;
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL;
        cw_request_begin(&r, CW_DCMS_EP_ACTIVATE);
        cw_request_text(&r, "entityId", entity);
        cw_request_text(&r, "kitNo", kit);
        if (extra)
                cw_request_text(&r, extra, "x");
        return cw_request_end(&r, request_id, &body, f);
}

static void refuses_what_the_table_does_not_know(void **state) {
        (void)state;
        struct cw_fault f = {0};
        assert_int_equal(activation("req7", "4240171508", NULL, "id", &f), CW_OK);
        assert_int_equal(cw_rc_class(activation("req7", NULL, NULL, "id", &f)), CW_C_FATAL);
        assert_non_null(strstr(f.text, "kitNo"));
        assert_int_equal(cw_rc_class(activation("req7", "1", "pin", "id", &f)), CW_C_FATAL);
        assert_int_equal(cw_rc_class(activation("req7", "1", "kitNo", "id", &f)), CW_C_FATAL);
        assert_int_equal(cw_rc_class(activation("req7", "1", NULL, "", &f)), CW_C_FATAL);
        assert_non_null(strstr(f.text, "requestId"));
        assert_int_equal(cw_rc_class(activation("\xff\xfe", "1", NULL, "id", &f)), CW_C_FATAL);
        assert_int_equal(cw_rc_class(activation("\xed\xa0\x80", "1", NULL, "id", &f)), CW_C_FATAL);
        assert_int_equal(cw_rc_class(activation("req7", "12345678901234567890123456789012", NULL, "id", &f)),
                         CW_C_FATAL);
        assert_null(strstr(f.text, "123456789"));
}

static void long_bodies_grow(void **state) {
        (void)state;
        struct cw_request r;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *body = NULL;
        const char *kits[1000];
        for (size_t i = 0; i < 1000; i++)
                kits[i] = "4240181647";
        cw_request_begin(&r, CW_DCMS_EP_DELIVERY);
        cw_request_row(&r);
        cw_request_text(&r, "deliveryStatus", "BANK");
        cw_request_list(&r, "kitNo", kits, 1000);
        assert_int_equal(cw_request_end(&r, "id-1", &body, &f), CW_OK);
        CW_AUTO_JSON json_t *json = json_loadb((const char *)body->ptr, body->len, 0, NULL);
        assert_int_equal(json_array_size(json_object_get(json_array_get(json, 0), "kitNo")), 1000);
}

static void request_ids_are_uuids(void **state) {
        (void)state;
        char a[CW_DCMS_REQUEST_ID_LEN + 1], b[CW_DCMS_REQUEST_ID_LEN + 1];
        assert_int_equal(cw_dcms_request_id(a), CW_OK);
        assert_int_equal(cw_dcms_request_id(b), CW_OK);
        assert_int_equal(strlen(a), CW_DCMS_REQUEST_ID_LEN);
        assert_string_not_equal(a, b);
        assert_int_equal(a[14], '4');
        assert_non_null(strchr("89ab", a[19]));
        assert_int_equal(strspn(a, "0123456789abcdef-"), CW_DCMS_REQUEST_ID_LEN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_endpoint_is_well_formed),
            cmocka_unit_test(every_field_is_well_formed),
            cmocka_unit_test(set_pin_body),
            cmocka_unit_test(rows_and_no_body),
            cmocka_unit_test(page_number_is_patched_in_place),
            cmocka_unit_test(refuses_what_the_table_does_not_know),
            cmocka_unit_test(long_bodies_grow),
            cmocka_unit_test(request_ids_are_uuids),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
