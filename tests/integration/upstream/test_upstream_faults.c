/* SPDX-License-Identifier: Apache-2.0 */
/* What the network and the server do to a call, and what the caller hears. A simulator of its own for every
 * test. */
#include "rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int setup(void **state) {
        static struct rig rig;
        rig_start(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state) {
        rig_stop(*state);
        return 0;
}

static void expect(const struct outcome *o, enum cw_class cls, const char *code) {
        assert_int_equal(o->calls, 1);
        if (cw_rc_class(o->rc) != cls || strcmp(o->fault.code, code) != 0)
                fail_msg("%s %s: %s", cw_class_name(cw_rc_class(o->rc)), o->fault.code, o->fault.text);
}

static void fetch_branch(struct rig *rig, struct outcome *o) {
        *o = (struct outcome){0};
        cw_dcms_branch(rig->d, "BRANCH001", outcome_take, o);
        rig_wait(rig, o, 30000);
        json_decref(o->result);
        o->result = NULL;
}

static void set_pin(struct rig *rig, const struct cw_secret *pin, const char *request_id, struct outcome *o) {
        const struct cw_dcms_set_pin in = {RIG_ENTITY, RIG_KIT, "0729", pin, request_id, false};
        *o = (struct outcome){0};
        cw_dcms_set_pin(rig->d, &in, outcome_take, o);
        rig_wait(rig, o, 30000);
        json_decref(o->result);
        o->result = NULL;
}

static void activate(struct rig *rig, const char *request_id, struct outcome *o) {
        *o = (struct outcome){0};
        cw_dcms_activate(rig->d, RIG_ENTITY, RIG_KIT, request_id, outcome_take, o);
        rig_wait(rig, o, 30000);
        json_decref(o->result);
        o->result = NULL;
}

static int64_t state_number(struct rig *rig, const char *name) {
        CW_AUTO_JSON json_t *state = rig_state(rig);
        assert_non_null(json_object_get(state, name));
        return json_integer_value(json_object_get(state, name));
}

static int64_t kit_number(struct rig *rig, const char *name) {
        CW_AUTO_JSON json_t *kit = rig_kit(rig, RIG_KIT);
        assert_non_null(json_object_get(kit, name));
        return json_integer_value(json_object_get(kit, name));
}

static void expired_token_is_renewed_once(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"expire_token\":true}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(rig_calls(rig, "/api/authenticate"), 2);
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"status\":401,\"count\":2}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_OPERATOR, CW_DCMS_CODE_CREDENTIALS);
        assert_int_equal(rig_calls(rig, "/api/authenticate"), 3);
}

static void token_is_renewed_before_its_end(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig_stop_sim(rig);
        (void)json_object_set_new(json_object_get(rig->sim_config, "jwt"), "ttl_s", json_integer(2));
        rig_start_sim(rig);
        int64_t start = cw_mono_ns(cw_clock_real());
        fetch_branch(rig, &o);
        rig_run(rig, 2100);
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
        if (cw_mono_ns(cw_clock_real()) - start > 3500000000LL)
                return; /* the machine stalled: a token may have ended on its way to the server */
        assert_int_equal(rig_calls(rig, "/api/authenticate"), 2);
        assert_int_equal(rig_calls(rig, "/branch/fetch"), 2);
}

static void refused_password_is_not_tried_again_at_once(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig->config.server.username = "nobody";
        for (int i = 0; i < 3; i++) {
                fetch_branch(rig, &o);
                expect(&o, CW_C_OPERATOR, CW_DCMS_CODE_CREDENTIALS);
        }
        assert_int_equal(rig_calls(rig, "/api/authenticate"), 1);
        rig->config.server.username = "branch-agent";
        o = (struct outcome){0};
        cw_dcms_login(rig->d, outcome_take, &o); /* asked for by a person: at once */
        rig_wait(rig, &o, 10000);
        expect(&o, CW_C_NONE, "");
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
}

static void rights_and_tenant(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig->config.server.username = "reader";
        activate(rig, "a-1", &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_REJECT);
        assert_int_equal(o.reply.http_status, 403);
        rig->config.server.tenant = "OTHER_BANK";
        fetch_branch(rig, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_OPERATOR);
        assert_non_null(strstr(o.fault.text, "server.tenant"));
}

static void busy_server_is_given_time(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"status\":429,\"retry_after_s\":1}");
        int64_t start = cw_mono_ns(cw_clock_real());
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(o.reply.tries, 2);
        assert_true(cw_mono_ns(cw_clock_real()) - start >= 1000000000);
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"status\":503,\"retry_after_s\":60}");
        fetch_branch(rig, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
        assert_int_equal(o.reply.tries, 1);
        assert_int_equal(o.reply.retry_after_ms, 60000);
}

static void server_errors_get_three_tries(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"status\":500,\"count\":2}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(o.reply.tries, 3);
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"status\":500,\"count\":0}");
        fetch_branch(rig, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
        assert_int_equal(o.reply.tries, 3);
        assert_int_equal(o.reply.http_status, 500);
        assert_true(o.reply.retry_after_ms > 0);
        assert_int_equal(rig_calls(rig, "/branch/fetch"), 6);
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"status\":400,\"count\":0}");
        fetch_branch(rig, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_REJECT);
        assert_int_equal(o.reply.tries, 1);
}

static void broken_answers_to_reads_are_read_again(void **state) {
        struct rig *rig = *state;
        static const char *const faults[] = {
            "\"drop\":\"before_commit\"", "\"drop\":\"after_commit\"", "\"reset_after_bytes\":0",
            "\"reset_after_bytes\":17",   "\"truncate_at\":10",        "\"truncate_at\":0",
            "\"malformed_json\":true",
        };
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
                char rule[128];
                struct outcome o;
                (void)snprintf(rule, sizeof rule, "{\"endpoint\":\"/branch/fetch\",%s}", faults[i]);
                rig_faults(rig, rule);
                fetch_branch(rig, &o);
                /* One try where libcurl itself saw a kept connection end and took another. */
                if (o.rc != CW_OK || o.reply.tries > 2 ||
                    rig_calls(rig, "/branch/fetch") != 2 * (int64_t)(i + 1))
                        fail_msg("%s: %d tries, %s", faults[i], o.reply.tries, o.fault.text);
        }
        struct outcome o;
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"truncate_at\":10,\"count\":3}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_RETRY, CW_DCMS_CODE_BAD_ANSWER);
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"reset_after_bytes\":3,\"count\":3}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_RETRY, CW_DCMS_CODE_OFFLINE);
}

static void foreign_content_needs_a_person(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"content_type\":\"text/html\"}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_OPERATOR, CW_DCMS_CODE_BAD_ANSWER);
        assert_non_null(strstr(o.fault.text, "server.url"));
}

static void slow_drip_ends_at_the_deadline(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig->config.server.timeout_ms = 400;
        fetch_branch(rig, &o);
        rig_faults(rig,
                   "{\"endpoint\":\"/branch/fetch\",\"count\":0,\"drip\":{\"bytes\":1,\"interval_ms\":200}}");
        int64_t start = cw_mono_ns(cw_clock_real());
        fetch_branch(rig, &o);
        expect(&o, CW_C_RETRY, CW_DCMS_CODE_OFFLINE);
        assert_int_equal(o.rc & 0xffffu, CW_E_TIMEOUT);
        assert_true(cw_mono_ns(cw_clock_real()) - start < 15000000000LL); /* all of it would take longer */
        rig_faults(rig, "{\"endpoint\":\"/branch/fetch\",\"drip\":{\"bytes\":40,\"interval_ms\":5}}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
}

static void report(struct rig *rig, struct outcome *o) {
        const struct cw_dcms_kit_filter filter = {.branch_id = "BRANCH001"};
        *o = (struct outcome){0};
        cw_dcms_kits_inventory(rig->d, &filter, outcome_take, o);
        rig_wait(rig, o, 30000);
        json_decref(o->result);
        o->result = NULL;
}

/* What is too slow for one class of calls is not for the next: READ, WRITE, REPORT. */
static void every_class_has_its_own_deadline(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        fetch_branch(rig, &o);
        rig->config.server.timeout_ms = 300;
        rig_faults(rig, "{\"endpoint\":\"*\",\"delay_ms\":1000}");
        fetch_branch(rig, &o);
        assert_true(o.reply.tries > 1);
        rig_faults(rig, "{\"endpoint\":\"*\",\"delay_ms\":1000}");
        rig->config.server.cbs_timeout_ms = 10000;
        activate(rig, "a-1", &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(o.reply.tries, 1);
        /* A report has twice the time of a call that reaches the core bank. */
        rig->config.server.cbs_timeout_ms = 4000;
        rig_faults(rig, "{\"endpoint\":\"*\",\"delay_ms\":4100}");
        report(rig, &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(o.reply.tries, 1);
        rig->config.server.cbs_timeout_ms = 250;
        rig_faults(rig, "{\"endpoint\":\"*\",\"delay_ms\":2100}");
        report(rig, &o);
        assert_true(o.reply.tries > 1);
}

static void lost_pin_answer_is_replayed(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        CW_AUTO(cw_secret_free) struct cw_secret *pin = rig_pin("1234");
        rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"drop\":\"after_commit\",\"count\":2}");
        set_pin(rig, pin, "pin-1", &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(o.reply.tries, 3);
        assert_true(o.reply.replayed);
        assert_int_equal(kit_number(rig, "pinSetCount"), 1);
        assert_int_equal(state_number(rig, "request_id_other_body"), 0);
        CW_AUTO_JSON json_t *all = rig_state(rig);
        const json_t *replays = json_array_get(json_object_get(all, "replayed"), 0);
        assert_string_equal(json_string_value(json_object_get(replays, "requestId")), "pin-1");
        assert_int_equal(json_integer_value(json_object_get(replays, "replays")), 2);
}

static void pin_without_any_answer_is_in_doubt(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        CW_AUTO(cw_secret_free) struct cw_secret *pin = rig_pin("1234");
        rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"drop\":\"after_commit\",\"count\":3}");
        set_pin(rig, pin, "pin-1", &o);
        expect(&o, CW_C_IN_DOUBT, CW_DCMS_CODE_LOST);
        assert_int_equal(kit_number(rig, "pinSetCount"), 1);
        set_pin(rig, pin, "pin-1", &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(kit_number(rig, "pinSetCount"), 1);
        set_pin(rig, pin, "pin-2", &o);
        expect(&o, CW_C_REJECT, "pin.already.set");
        /* Nobody can tell a lost request from a lost answer. */
        rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"drop\":\"before_commit\",\"count\":3}");
        set_pin(rig, pin, "pin-3", &o);
        expect(&o, CW_C_IN_DOUBT, CW_DCMS_CODE_LOST);
        rig_faults(
            rig,
            "{\"endpoint\":\"/kit-manager/v2/setPin\",\"status\":500,\"after_commit\":true,\"count\":3}");
        set_pin(rig, pin, "pin-4", &o);
        expect(&o, CW_C_IN_DOUBT, CW_DCMS_CODE_LOST);
        rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"status\":503,\"count\":3}");
        set_pin(rig, pin, "pin-5", &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
        /* Refused, but the first try had been lost: the caller is told. */
        rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"drop\":\"before_commit\"}");
        set_pin(rig, pin, "pin-6", &o);
        expect(&o, CW_C_REJECT, "pin.already.set");
        assert_true(o.reply.replayed);
}

static void slow_core_bank_answers_the_replay(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        CW_AUTO(cw_secret_free) struct cw_secret *pin = rig_pin("1234");
        rig->config.server.cbs_timeout_ms = 500;
        rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"delay_after_ms\":900}");
        set_pin(rig, pin, NULL, &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(kit_number(rig, "pinSetCount"), 1);
}

static void lost_activation_is_repeated_with_its_request_id(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig_faults(rig,
                   "{\"endpoint\":\"/kit-manager/kitActivation\",\"drop\":\"after_commit\",\"count\":3}");
        activate(rig, "act-1", &o);
        expect(&o, CW_C_RETRY, CW_DCMS_CODE_OFFLINE);
        activate(rig, "act-1", &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(kit_number(rig, "activationCount"), 1);
        assert_int_equal(state_number(rig, "duplicate_activations"), 0);
}

static void lost_delivery_is_repeated(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        const struct cw_dcms_delivery item = {RIG_KIT, "DELIVERED"};
        rig_faults(rig, "{\"endpoint\":\"/inventory/update/deliveryStatus\",\"reset_after_bytes\":9}");
        cw_dcms_delivery(rig->d, &item, 1, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        expect(&o, CW_C_NONE, "");
        assert_true(o.delivered[0].ok);
        outcome_done(&o);
}

static void pages_survive_a_broken_one(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        const struct cw_dcms_kit_filter filter = {.branch_id = "BRANCH001", .page_size = 1};
        rig_faults(
            rig,
            "{\"endpoint\":\"/inventory/fetchKitDetailsFromInventory\",\"nth\":2,\"reset_after_bytes\":20}");
        cw_dcms_kits_inventory(rig->d, &filter, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(o.reply.kit_count, 2);
        outcome_done(&o);
}

static void many_calls_share_one_login(void **state) {
        struct rig *rig = *state;
        struct outcome o[30] = {0};
        for (size_t i = 0; i < 30; i++)
                cw_dcms_branch(rig->d, "BRANCH001", outcome_take, &o[i]);
        for (size_t i = 0; i < 30; i++) {
                rig_wait(rig, &o[i], 20000);
                expect(&o[i], CW_C_NONE, "");
                outcome_done(&o[i]);
        }
        assert_int_equal(rig_calls(rig, "/api/authenticate"), 1);
        assert_int_equal(rig_calls(rig, "/branch/fetch"), 30);
}

static void broken_login_is_tried_again(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig_faults(rig, "{\"endpoint\":\"/api/authenticate\",\"truncate_at\":20},"
                        "{\"endpoint\":\"/api/authenticate\",\"nth\":2,\"status\":500}");
        fetch_branch(rig, &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(rig_calls(rig, "/api/authenticate"), 3);
        rig_faults(rig, "{\"endpoint\":\"/api/authenticate\",\"status\":500,\"count\":0},"
                        "{\"endpoint\":\"/branch/fetch\",\"expire_token\":true}");
        fetch_branch(rig, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
}

static void freeing_answers_every_open_call_once(void **state) {
        struct rig *rig = *state;
        struct outcome o[4] = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *pin = rig_pin("1234");
        const struct cw_dcms_set_pin in = {RIG_ENTITY, RIG_KIT, "0729", pin, "pin-1", false};
        fetch_branch(rig, &o[0]);
        o[0] = (struct outcome){0};
        rig_faults(rig, "{\"endpoint\":\"*\",\"delay_ms\":30000,\"count\":0}");
        cw_dcms_set_pin(rig->d, &in, outcome_take, &o[0]);
        cw_dcms_branch(rig->d, "BRANCH001", outcome_take, &o[1]);
        rig_run(rig, 300);
        cw_dcms_set_pin(rig->d, &in, outcome_take, &o[2]);
        cw_dcms_login(rig->d, outcome_take, &o[3]);
        cw_dcms_free(rig->d);
        rig->d = NULL;
        expect(&o[0], CW_C_IN_DOUBT, CW_DCMS_CODE_LOST);
        expect(&o[1], CW_C_RETRY, "");
        expect(&o[2], CW_C_RETRY, "");
        expect(&o[3], CW_C_RETRY, "");
}

/* Copies of the text in writable memory; needle is the text XORed with A5, so that it does not find itself.
 */
static int count_in_memory(const uint8_t *needle, size_t len) {
        CW_AUTO_FILE FILE *maps = fopen("/proc/self/maps", "re");
        CW_AUTO_FILE FILE *mem = fopen("/proc/self/mem", "re");
        assert_non_null(maps);
        assert_non_null(mem);
        static uint8_t block[1 << 16];
        char line[512];
        int found = 0;
        while (fgets(line, sizeof line, maps)) {
                unsigned long from = 0, to = 0;
                char rights[8] = "";
                if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
                    rights[1] != 'w' || to - from > (256ul << 20))
                        continue;
                for (unsigned long at = from; at < to; at += sizeof block - len) {
                        size_t want = to - at < sizeof block ? to - at : sizeof block;
                        memset(block, 0, sizeof block);
                        if (pread(fileno(mem), block, want, (off_t)at) <= 0)
                                break;
                        for (size_t i = 0; i + len <= want; i++) {
                                size_t k = 0;
                                while (k < len && (block[i + k] ^ 0xa5u) == needle[k])
                                        k++;
                                found += k == len;
                        }
                }
        }
        memset(block, 0, sizeof block);
        return found;
}

static void nothing_of_a_pin_stays_in_memory(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        uint8_t needle[24];
        struct cw_secret *pin = rig_pin("1234");
        for (size_t i = 0; i < sizeof needle; i++)
                needle[i] = (uint8_t)(pin->ptr[30 + i] ^ 0xa5u);
        assert_true(count_in_memory(needle, sizeof needle) >= 1);
        rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"drop\":\"after_commit\"}");
        set_pin(rig, pin, NULL, &o);
        expect(&o, CW_C_NONE, "");
        cw_secret_free(pin);
        assert_int_equal(count_in_memory(needle, sizeof needle), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            TEST(expired_token_is_renewed_once),
            TEST(token_is_renewed_before_its_end),
            TEST(refused_password_is_not_tried_again_at_once),
            TEST(rights_and_tenant),
            TEST(busy_server_is_given_time),
            TEST(server_errors_get_three_tries),
            TEST(broken_answers_to_reads_are_read_again),
            TEST(foreign_content_needs_a_person),
            TEST(slow_drip_ends_at_the_deadline),
            TEST(every_class_has_its_own_deadline),
            TEST(lost_pin_answer_is_replayed),
            TEST(pin_without_any_answer_is_in_doubt),
            TEST(slow_core_bank_answers_the_replay),
            TEST(lost_activation_is_repeated_with_its_request_id),
            TEST(lost_delivery_is_repeated),
            TEST(pages_survive_a_broken_one),
            TEST(many_calls_share_one_login),
            TEST(broken_login_is_tried_again),
            TEST(freeing_answers_every_open_call_once),
            TEST(nothing_of_a_pin_stays_in_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
