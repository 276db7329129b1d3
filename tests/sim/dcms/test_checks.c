/* SPDX-License-Identifier: Apache-2.0 */
#include "test_cases.h"
#include "test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "crypto.h"
#include "endpoints.h"

/* One request with parts of it wrong; the status and errorCode it must get. */
static void expect(const struct rig *rig, struct ask ask, long http, const char *code) {
        struct answer a = rig_ask(rig, &ask);
        const char *got = text_of(json_object_get(a.json, "exception"), "errorCode");
        if (a.http != http || strcmp(got, code) != 0)
                fail_msg("wanted %ld %s, got %ld: %s", http, code, a.http, a.text ? a.text : "");
        answer_done(&a);
}

void test_usage(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        json_t *config = rig_config();
        (void)json_object_set_new(config, "colour", json_string("red"));
        assert_int_equal(rig_refused(&rig, config), 1);
        config = rig_config();
        (void)json_object_set_new(json_object_get(config, "keys"), "set_pin_key", json_string("00"));
        assert_int_equal(rig_refused(&rig, config), 1);
        config = rig_config();
        (void)json_array_append_new(json_object_get(config, "kits"),
                                    json_pack("{s:s, s:s, s:s, s:s}", "kitNo", "1", "productId", "TEST_VISA",
                                              "branchId", "BRANCH001", "pan", "4111111111111112"));
        assert_int_equal(rig_refused(&rig, config), 1);
        assert_int_equal(WEXITSTATUS(system(DSIM_PROGRAM " --listen 127.0.0.1 2>/dev/null")), 2);
        assert_int_equal(WEXITSTATUS(system(DSIM_PROGRAM " --colour 2>/dev/null")), 2);
}

void test_headers(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        static const char path[] = "/dcms/branch/fetch";
        rig_start(&rig, rig_config());
        expect(&rig, (struct ask){.path = path, .body = "{}", .tenant = ""}, 400, "tenant.header.missing");
        expect(&rig, (struct ask){.path = path, .body = "{}", .tenant = "OTHER"}, 400, "tenant.not.found");
        expect(&rig, (struct ask){.path = path, .body = "{}", .token = ""}, 401, "unauthorized");
        expect(&rig, (struct ask){.path = path, .body = "{}", .type = "text/plain"}, 400,
               "invalid.input.request");
        expect(&rig, (struct ask){.path = path, .body = "{}", .type = ""}, 400, "invalid.input.request");
        expect(&rig, (struct ask){.path = path}, 405, "method.not.allowed");
        expect(&rig, (struct ask){.path = "/dcms/branch/nope", .body = "{}"}, 404, "resource.not.found");
        expect(&rig, (struct ask){.path = "/branch/fetch", .body = "{}"}, 404, "resource.not.found");
        expect(&rig, (struct ask){.path = "/dcms/branch/fetch?x=1", .body = "{}"}, 400,
               "invalid.input.request");
        expect(&rig, (struct ask){.path = "/dcms/branch/fetch?orderId=1", .body = "{}"}, 400,
               "invalid.input.request");
        expect(&rig, (struct ask){.path = path, .body = "{}", .type = "application/json; charset=utf-8"}, 200,
               "");
        struct ask no_token = {.path = "/_sim/state"};
        struct answer a = rig_ask(&rig, &no_token);
        assert_int_equal(a.http, 403);
        answer_done(&a);
        rig_stop(&rig);
}

void test_tokens(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        static const char path[] = "/dcms/branch/fetch";
        char bad[2100];
        json_t *config = rig_config();
        (void)json_object_set_new(json_object_get(config, "jwt"), "ttl_s", json_integer(2));
        rig_start(&rig, config);
        expect(&rig, (struct ask){.path = path, .body = "{}"}, 200, "");
        (void)snprintf(bad, sizeof bad, "%s", rig.token);
        bad[strlen(bad) - 5] = bad[strlen(bad) - 5] == 'A' ? 'B' : 'A';
        expect(&rig, (struct ask){.path = path, .body = "{}", .token = bad}, 401, "unauthorized");
        /* {"alg":"none"} with the claims of a good token and no signature */
        const char *claims = strchr(rig.token, '.');
        (void)snprintf(bad, sizeof bad, "eyJhbGciOiJub25lIn0%.*s.", (int)(strrchr(rig.token, '.') - claims),
                       claims);
        expect(&rig, (struct ask){.path = path, .body = "{}", .token = bad}, 401, "unauthorized");
        expect(&rig, (struct ask){.path = path, .body = "{}", .token = "x.y.z"}, 401, "unauthorized");
        (void)usleep(2100000);
        expect(&rig, (struct ask){.path = path, .body = "{}"}, 401, "unauthorized");
        rig_login(&rig);
        expect(&rig, (struct ask){.path = path, .body = "{}"}, 200, "");
        struct ask login = {.path = "/dcms/api/authenticate",
                            .token = "",
                            .body = "{\"username\":\"branch-agent\",\"password\":\"wrong\"}"};
        expect(&rig, login, 401, "unauthorized");
        login.body = "{\"username\":\"reader\",\"password\":\"readers-encrypted-password\"}";
        struct answer a = rig_ask(&rig, &login);
        (void)snprintf(rig.token, sizeof rig.token, "%s", text_of(a.json, "id_token"));
        answer_done(&a);
        expect(&rig, (struct ask){.path = path, .body = "{}"}, 200, "");
        expect(&rig, (struct ask){.path = "/dcms/card-order/received", .body = ""}, 403, "access.denied");
        rig_stop(&rig);
}

void test_bodies(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        static const char input[] = "invalid.input.request";
        rig_start(&rig, rig_config());
        rig_refuse_field(&rig, "/branch/fetch", "{\"branchId\":", input, "not JSON");
        rig_refuse_field(&rig, "/branch/fetch", "{\"branchId\":\"a\",\"branchId\":\"b\"}", input, "not JSON");
        rig_refuse_field(&rig, "/branch/fetch", "[]", input, "JSON object");
        rig_refuse_field(&rig, "/branch/fetch", "", input, "not JSON");
        rig_refuse_field(&rig, "/branch/fetch", "{\"branchId\":7}", input, "branchId");
        rig_refuse_field(&rig, "/branch/fetch", "{\"branchId\":\"\"}", input, "branchId");
        rig_refuse_field(&rig, "/branch/fetch", "{\"pageNo\":\"1\"}", input, "pageNo");
        rig_refuse_field(&rig, "/branch/fetch", "{\"isAudit\":1}", input, "isAudit");
        rig_refuse_field(&rig, "/branch/fetch", "{\"fromCreatedDate\":\"2025-02-30 00:00:00\"}", input,
                         "fromCreatedDate");
        rig_refuse_field(&rig, "/inventory/update/deliveryStatus",
                         "{\"deliveryStatus\":\"BANK\",\"kitNo\":[\"1\"]}", input, "bare JSON array");
        rig_refuse_field(&rig, "/inventory/update/deliveryStatus", "[]", input, "1 to 1000");
        rig_refuse_field(&rig, "/inventory/update/deliveryStatus", "[{\"deliveryStatus\":\"BANK\"}]", input,
                         "kitNo is required");
        rig_refuse_field(&rig, "/inventory/update/deliveryStatus",
                         "[{\"deliveryStatus\":\"LOST\",\"kitNo\":[\"1\"]}]", input, "deliveryStatus");
        rig_refuse_field(&rig, "/inventory/update/deliveryStatus",
                         "[{\"deliveryStatus\":\"BANK\",\"kitNo\":[7]}]", input, "kitNo");
        rig_refuse_field(&rig, "/inventory/fetchKitDetailsFromInventory",
                         "{\"refType\":\"KIT\",\"branchId\":\"BRANCH001\"}", input, "refType");
        rig_refuse_field(&rig, "/card-order", "{}", "ORD001", "is required");
        rig_refuse_field(&rig, "/card-order", "{\"branchInfo\":{\"branchId\":\"BRANCH001\"},\"products\":[]}",
                         input, "products");
        rig_refuse_field(&rig, "/registerCard",
                         "{\"entityId\":\"676765\",\"kitInfo\":[{\"cardType\":\"PAPER\"}]}", input,
                         "kitInfo[0].cardType");
        rig_refuse_field(&rig, "/registerCard", "{\"entityId\":\"676765\",\"kitInfo\":[{\"nick\":\"x\"}]}",
                         input, "kitInfo[0].nick is not a documented field");
        char *huge = calloc(1, 1100000);
        assert_non_null(huge);
        memset(huge, ' ', 1099998);
        rig_refuse_field(&rig, "/branch/fetch", huge, input, "too large");
        free(huge);
        rig_stop(&rig);
}

/* Whatever else is wrong or right, a field that no page documents is named in the refusal. */
void test_every_endpoint_refuses_unknown_field(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        int tried = 0;
        rig_start(&rig, rig_config());
        for (const struct cw_dsim_endpoint *e = cw_dsim_endpoint_list(); e->path; e++) {
                if (e->kind == CW_DSIM_BODY_FILE)
                        continue;
                bool array = e->kind == CW_DSIM_BODY_ARRAY;
                const char *star = strchr(e->path, '*');
                char path[128];
                (void)snprintf(path, sizeof path, "/dcms%.*s%s%s",
                               star ? (int)(star - e->path) : (int)strlen(e->path), e->path,
                               star ? "superPin" : "", star ? star + 1 : "");
                const struct ask ask = {.path = path,
                                        .method = e->flags & CW_DSIM_PUT ? "PUT" : "POST",
                                        .body = array ? "[{\"zzTop\":1}]" : "{\"zzTop\":1}"};
                struct answer a = rig_ask(&rig, &ask);
                const json_t *exception = json_object_get(a.json, "exception");
                const char *field =
                    json_string_value(json_array_get(json_object_get(exception, "fieldError"), 0));
                if (strcmp(text_of(exception, "errorCode"), "invalid.input.request") != 0 || !field ||
                    !strstr(field, "zzTop is not a documented field"))
                        fail_msg("%s: %s", e->path, a.text);
                answer_done(&a);
                tried++;
        }
        assert_int_equal(tried, 60);
        rig_stop(&rig);
}

static const char ACTIVATE[] = "/kit-manager/kitActivation";

void test_request_id(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        char form[128];
        char body[512];
        rig_start(&rig, rig_config());
        static const char activate[] =
            "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT "\",\"requestId\":\"r-1\"}";
        for (int i = 0; i < 3; i++) {
                CW_AUTO_JSON json_t *result = rig_ok(&rig, ACTIVATE, activate);
                assert_string_equal(json_string_value(result), "success");
        }
        assert_int_equal(rig_number(&rig, "duplicate_activations"), 0);
        struct ask by_header = {.path = "/dcms/kit-manager/kitActivation",
                                .header = "X-Request-Id: r-1",
                                .body = "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT "\"}"};
        expect(&rig, by_header, 200, "");
        by_header.header = "requestId: r-1";
        expect(&rig, by_header, 200, "");
        assert_int_equal(rig_number(&rig, "request_id_other_body"), 0);
        by_header.body = "{\"entityId\":\"req7\",\"kitNo\":\"" VECTOR_KIT "\"}";
        expect(&rig, by_header, 200, "");
        assert_int_equal(rig_number(&rig, "request_id_other_body"), 1);
        by_header.header = "X-Request-Id: r-2";
        expect(&rig, by_header, 400, "MCC007"); /* a refusal is remembered too */
        by_header.body = "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT "\"}";
        expect(&rig, by_header, 400, "MCC007");
        by_header.body = activate;
        expect(&rig, by_header, 400, "invalid.input.request"); /* r-1 in the body, r-2 in the header */
        rig_refuse_field(&rig, "/inventory/instaKit/expire", "{\"kitNo\":\"1\",\"requestId\":\"r-1\"}",
                         "invalid.input.request", "used for another call");
        rig_refuse_field(&rig, ACTIVATE, "{\"entityId\":\"a\",\"kitNo\":\"b\",\"requestId\":\"sp ace\"}",
                         "invalid.input.request", "requestId");
        /* A repeated wrong PIN counts once. */
        pin_form(TEST_PIN_KEY, "1234", VECTOR_PAN, form);
        (void)snprintf(body, sizeof body,
                       "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT
                       "\",\"expiryDate\":\"0729\",\"pin\":\"%s\",\"txnId\":\"r-3\"}",
                       form);
        json_decref(rig_ok(&rig, "/kit-manager/v2/setPin", body));
        json_decref(rig_ok(&rig, "/kit-manager/v2/setPin", body));
        pin_form(TEST_PIN_KEY, "9999", VECTOR_PAN, form);
        (void)snprintf(body, sizeof body,
                       "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT
                       "\",\"expiryDate\":\"0729\",\"pin\":\"%s\",\"requestId\":\"r-4\"}",
                       form);
        for (int i = 0; i < 5; i++)
                rig_refuse(&rig, "/kit-manager/v2/validatePin", body, "PIN002");
        CW_AUTO_JSON json_t *failures = rig_kit(&rig, VECTOR_KIT, "pinFailures");
        assert_int_equal(json_integer_value(failures), 1);
        rig_restart(&rig);
        CW_AUTO_JSON json_t *again = rig_ok(&rig, ACTIVATE, activate);
        assert_string_equal(json_string_value(again), "success");
        CW_AUTO_JSON json_t *state_now = rig_state(&rig);
        assert_int_equal(json_array_size(json_object_get(state_now, "replayed")), 4);
        rig_stop(&rig);
}

void test_rate_limit(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        int limited = 0;
        json_t *config = rig_config();
        (void)json_object_set_new(config, "rate", json_pack("{s:i, s:i}", "per_second", 1, "burst", 3));
        rig_start(&rig, config);
        for (int i = 0; i < 5; i++) {
                struct answer a = rig_call(&rig, "/branch/fetch", "{}");
                if (a.http == 429) {
                        limited++;
                        assert_string_equal(a.retry_after, "1");
                        assert_string_equal(text_of(json_object_get(a.json, "exception"), "errorCode"),
                                            "rate.limit.exceeded");
                }
                answer_done(&a);
        }
        assert_true(limited >= 2);
        (void)usleep(1200000);
        json_decref(rig_ok(&rig, "/branch/fetch", "{}"));
        rig_stop(&rig);
}

void test_dialect_a(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        json_t *config = rig_config();
        (void)json_object_set_new(config, "exception_dialect", json_string("A"));
        (void)json_object_set_new(config, "business_errors_http", json_string("ok"));
        rig_start(&rig, config);
        struct answer a = rig_call(&rig, ACTIVATE, "{\"entityId\":\"x\",\"kitNo\":\"y\"}");
        const json_t *exception = json_object_get(a.json, "exception");
        assert_int_equal(a.http, 200);
        assert_string_equal(text_of(exception, "errorCode"), "kit.not.found");
        assert_string_equal(text_of(exception, "httpStatus"), "400 BAD_REQUEST");
        assert_true(*text_of(exception, "errorMessage"));
        assert_int_equal(json_object_size(exception), 3);
        answer_done(&a);
        expect(&rig, (struct ask){.path = "/dcms/branch/fetch", .body = "{}", .token = ""}, 401,
               "unauthorized");
        expect(&rig, (struct ask){.path = "/dcms/branch/fetch", .body = "{\"a\":1}"}, 400,
               "invalid.input.request");
        rig_stop(&rig);
}

void test_number_drift(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        int numbers = 0;
        json_t *config = rig_config();
        (void)json_object_set_new(json_object_get(config, "traps"), "number_string_drift", json_true());
        (void)json_object_set_new(json_object_get(config, "traps"), "clear_pan_in_summary", json_true());
        (void)json_object_set_new(json_object_get(config, "traps"), "inventory_extra_fields", json_true());
        rig_start(&rig, config);
        for (int i = 0; i < 4; i++) {
                CW_AUTO_JSON json_t *kits =
                    rig_ok(&rig, "/kit-manager/fetchKitsByEntityId", "{\"entityId\":\"validatePin0\"}");
                numbers += json_is_integer(json_object_get(json_array_get(kits, 0), "accountNo"));
        }
        assert_int_equal(numbers, 2);
        CW_AUTO_JSON json_t *summary =
            rig_ok(&rig, "/inventory/fetchKitSummary", "{\"branchId\":\"BRANCH001\"}");
        assert_string_equal(text_of(json_array_get(json_object_get(summary, "result"), 0), "cardNumber"),
                            VECTOR_PAN);
        CW_AUTO_JSON json_t *rows = rig_ok(&rig, "/inventory/fetchKitDetailsFromInventory",
                                           "{\"refType\":\"DC_KIT\",\"branchId\":\"BRANCH001\"}");
        assert_string_equal(text_of(json_array_get(rows, 0), "deliveryStatus"), "BANK");
        rig_stop(&rig);
}

void test_client_certificate(void **state) {
        (void)state;
        struct rig rig = {.pid = 0, .client_ca = true};
        rig_start(&rig, rig_config());
        struct ask ask = {.path = "/dcms/branch/fetch", .body = "{}", .token = ""};
        struct answer a = rig_ask(&rig, &ask);
        assert_int_not_equal(a.rc, CURLE_OK);
        assert_int_equal(a.http, 0);
        answer_done(&a);
        rig.client_cert = true;
        rig_login(&rig);
        json_decref(rig_ok(&rig, "/branch/fetch", "{}"));
        rig_stop(&rig);
}

/* The branch's end of the envelope: key = SHA-256 of the P-256 X coordinate, by the openssl command. */
static void gateway_key(uint8_t key[32]) {
        char command[256];
        char hex[65] = "";
        (void)snprintf(command, sizeof command,
                       "openssl pkeyutl -derive -inkey %s/bank.key -peerkey %s/gateway.pub |"
                       " openssl dgst -sha256 -r",
                       support_dir(), support_dir());
        FILE *pipe = popen(command, "re");
        assert_non_null(pipe);
        assert_int_equal(fscanf(pipe, "%64s", hex), 1);
        assert_int_equal(pclose(pipe), 0);
        for (size_t i = 0; i < 32; i++) {
                unsigned byte = 0;
                assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
                key[i] = (uint8_t)byte;
        }
}

/* seal() puts the IV first; the envelope carries it apart, as refNo. */
static void envelope(const uint8_t key[32], const char *ref_no, const char *kid, const char *clear, char *out,
                     size_t size) {
        char form[1024];
        uint8_t raw[1024];
        char body[1024];
        seal(key, (const uint8_t *)ref_no, clear, strlen(clear), form);
        assert_true(EVP_DecodeBlock(raw, (const unsigned char *)form, (int)strlen(form)) > 0);
        (void)EVP_EncodeBlock((unsigned char *)body, raw + 16, (int)strlen(clear) + 16);
        (void)snprintf(out, size, "{\"refNo\":\"%s\",\"body\":\"%s\",\"kid\":\"%s\"}", ref_no, body, kid);
}

static json_t *open_envelope(const uint8_t key[32], const json_t *response) {
        uint8_t raw[2048];
        char form[2048];
        char clear[2048];
        const char *ref_no = text_of(response, "refNo");
        const char *body = text_of(response, "body");
        assert_int_equal(strlen(ref_no), 16);
        assert_string_equal(text_of(response, "kid"), "gw-7");
        assert_true(strlen(body) < 2000);
        memcpy(raw, ref_no, 16);
        int n = EVP_DecodeBlock(raw + 16, (const unsigned char *)body, (int)strlen(body));
        size_t len = strlen(body);
        n -= (body[len - 1] == '=') + (body[len - 2] == '=');
        (void)EVP_EncodeBlock((unsigned char *)form, raw, n + 16);
        size_t clear_len = unseal(key, form, (uint8_t *)clear);
        return json_loadb(clear, clear_len, 0, NULL);
}

static json_t *ask_sealed(const struct rig *rig, const uint8_t key[32], const char *path, const char *body) {
        struct ask ask = {.path = path, .body = body};
        struct answer a = rig_ask(rig, &ask);
        json_t *clear = open_envelope(key, a.json);
        answer_done(&a);
        return clear;
}

/* RFC 5869 test case 3: no salt, no info. */
static void check_hkdf(void) {
        static const uint8_t want[32] = {0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80,
                                         0x2a, 0x06, 0x3c, 0x5a, 0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1,
                                         0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f, 0x3c, 0x73, 0x8d, 0x2d};
        uint8_t secret[22];
        uint8_t out[32];
        memset(secret, 0x0b, sizeof secret);
        assert_true(cw_dsim_hkdf(secret, sizeof secret, "", out));
        assert_memory_equal(out, want, sizeof want);
}

void test_gateway_codec(void **state) {
        (void)state;
        check_hkdf();
        struct rig rig = {.pid = 0};
        uint8_t key[32];
        char body[1024];
        json_t *config = rig_config();
        (void)json_object_set_new(config, "gateway",
                                  json_pack("{s:s, s:s, s:s, s:s}", "codec", "refno-envelope", "kid", "gw-7",
                                            "private_key_file", "x", "peer_public_key_file", "x"));
        rig_start(&rig, config);
        gateway_key(key);
        envelope(key, "0000000000000001", "gw-7",
                 "{\"username\":\"branch-agent\",\"password\":\"an-encrypted-password\"}", body, sizeof body);
        CW_AUTO_JSON json_t *login = ask_sealed(&rig, key, "/dcms/api/authenticate", body);
        (void)snprintf(rig.token, sizeof rig.token, "%s", text_of(login, "id_token"));
        envelope(key, "0000000000000002", "gw-7", "{\"branchId\":\"BRANCH001\"}", body, sizeof body);
        CW_AUTO_JSON json_t *good = ask_sealed(&rig, key, "/dcms/branch/fetch", body);
        assert_int_equal(json_array_size(json_object_get(good, "result")), 1);
        CW_AUTO_JSON json_t *again =
            ask_sealed(&rig, key, "/dcms/branch/fetch", body); /* identical bytes: a retry */
        assert_int_equal(json_array_size(json_object_get(again, "result")), 1);
        static const char *const wrong[][3] = {
            {"0000000000000002", "gw-7", "refNo was used for another body"},
            {"0000000000000003", "gw-8", "kid"},
            {"000000000000000x", "gw-7", "refNo"}};
        for (size_t i = 0; i < 3; i++) {
                envelope(key, wrong[i][0], wrong[i][1], "{\"branchId\":\"BRANCH002\"}", body, sizeof body);
                CW_AUTO_JSON json_t *bad = ask_sealed(&rig, key, "/dcms/branch/fetch", body);
                const json_t *fields = json_object_get(json_object_get(bad, "exception"), "fieldError");
                assert_non_null(strstr(json_string_value(json_array_get(fields, 0)), wrong[i][2]));
        }
        CW_AUTO_JSON json_t *plain =
            ask_sealed(&rig, key, "/dcms/branch/fetch", "{\"branchId\":\"BRANCH001\"}");
        assert_string_equal(text_of(json_object_get(plain, "exception"), "errorCode"),
                            "invalid.input.request");
        rig_stop(&rig);
}
