/* SPDX-License-Identifier: Apache-2.0 */
/* Card orders against d1-sim: every channel, batches, faults. After each test no card has two orders. */
#include "d1rig.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state) {
        static struct d1rig rig;
        d1rig_start(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state) {
        struct d1rig *rig = *state;
        assert_int_equal(d1rig_number(rig, "double_orders"), 0);
        assert_int_equal(d1rig_number(rig, "uncorrelated"), 0);
        d1rig_stop(rig);
        return 0;
}

static void expect(const struct d1out *o, enum cw_class cls, const char *code) {
        if (cw_rc_class(o->rc) != cls || (cls != CW_C_NONE && strcmp(o->fault.code, code) != 0))
                fail_msg("%s %s: %s", cw_class_name(cw_rc_class(o->rc)), o->fault.code, o->fault.text);
        assert_int_equal(o->calls, 1);
}

static json_t *order_row(struct d1rig *rig, size_t i) {
        CW_AUTO_JSON json_t *state = d1rig_ask(rig, "/_sim/state", NULL);
        return json_incref(json_array_get(json_object_get(state, "orders"), i));
}

static void every_channel(void **state) {
        static const struct {
                enum cw_d1_channel channel;
                const char *name, *card;
        } rows[] = {{CW_D1_THALES, "THALES", "card-t"},
                    {CW_D1_INSTANT, "INSTANT", "card-i"},
                    {CW_D1_CENTRAL, "CENTRAL", "card-c"}};
        struct d1rig *rig = *state;
        static struct d1out o;
        for (size_t i = 0; i < 3; i++) {
                char request[16];
                (void)snprintf(request, sizeof request, "request-%zu", i);
                rig->product.d1_channel = rows[i].channel;
                d1rig_order(rig, rows[i].card, request, &o);
                expect(&o, CW_C_NONE, "");
                CW_AUTO_JSON json_t *row = order_row(rig, i);
                assert_string_equal(json_string_value(json_object_get(row, "channel")), rows[i].name);
                assert_string_equal(json_string_value(json_object_get(row, "issuerRequestId")), request);
                assert_string_equal(json_string_value(json_object_get(row, "masked_pan")),
                                    "411111XXXXXX1111");
                assert_string_equal(json_string_value(json_object_get(row, "operationId")),
                                    o.made[0].operation_id);
                d1rig_status(rig, rows[i].card, &o);
                expect(&o, CW_C_NONE, "");
                assert_int_equal(o.reply.operation_count, 1);
                assert_int_equal(o.operations[0].status, CW_D1_PENDING);
                assert_int_equal(o.operations[0].detail, CW_D1_REQUESTED);
                assert_string_equal(o.operations[0].request_id, request);
        }
        assert_int_equal(rig->signatures, 1); /* one token for all */
        assert_int_equal(d1rig_number(rig, "token"), 1);
}

static void ends(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        d1rig_order(rig, "card-end", "r1", &o);
        expect(&o, CW_C_NONE, "");
        json_decref(d1rig_ask(
            rig, "/_sim/end",
            "{\"cardId\":\"card-end\",\"detail\":\"DATA_EXCEPTION\",\"reason\":\"name too long\"}"));
        d1rig_status(rig, "card-end", &o);
        assert_int_equal(o.operations[0].status, CW_D1_FAILED);
        assert_int_equal(o.operations[0].detail, CW_D1_DATA_EXCEPTION);
        assert_string_equal(o.operations[0].reason, "name too long");
        d1rig_order(rig, "card-end", "r1", &o); /* ours, and no card will come of it */
        expect(&o, CW_C_REJECT, CW_D1_CODE_FAILED);
        assert_non_null(strstr(o.fault.text, "name too long"));
        assert_int_equal(d1rig_number(rig, "order"), 1);
        d1rig_config(rig, "{\"unknown_fields\":true}");
        d1rig_status(rig, "card-end", &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(o.reply.operation_count, 2);
        assert_int_equal(o.operations[0].status, CW_D1_STATUS_OTHER);
        assert_string_equal(o.operations[0].detail_word, "CARD_IN_ORBIT");
        d1rig_status(rig, "no-such-card", &o);
        expect(&o, CW_C_REJECT, "RESOURCE_NOT_FOUND");
        assert_int_equal(o.rc & 0xffffu, CW_E_NOT_FOUND);
}

static void order_another(struct d1rig *rig, const char *card_id, const char *request_id, struct d1out *o) {
        CW_AUTO(cw_secret_free) struct cw_secret *sealed = d1rig_sealed(rig);
        const struct cw_d1_order order = {.card_id = card_id,
                                          .request_id = request_id,
                                          .issuance = "REPLACEMENT",
                                          .sealed = (const char *)sealed->ptr,
                                          .product = &rig->product};
        *o = (struct d1out){0};
        assert_int_equal(cw_d1_order(rig->d, &order, 1, d1out_take, o, &o->fault), CW_OK);
        d1rig_wait(rig, o, 20000);
}

static void refusals(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        d1rig_order(rig, "not/an/id", "r1", &o);
        assert_string_equal(o.fault.code, CW_D1_CODE_REQUEST);
        rig->product.d1_channel = CW_D1_INSTANT;
        rig->product.d1_perso_station = "KIOSK-PS-999";
        d1rig_order(rig, "card-r", "r1", &o);
        expect(&o, CW_C_REJECT, "FIELD_INVALID_VALUE");
        assert_non_null(strstr(o.fault.text, "persoStation"));
        rig->product.d1_perso_station = "KIOSK-PS-101";
        d1rig_order(rig, "card-r", "r1", &o);
        expect(&o, CW_C_NONE, "");
        d1rig_order(rig, "card-r", "r1", &o);
        expect(&o, CW_C_NONE, "");
        assert_true(o.made[0].confirmed);
        d1rig_order(rig, "card-r", "r2", &o);
        expect(&o, CW_C_REJECT, CW_D1_CODE_ORDERED);
        assert_int_equal(d1rig_number(rig, "order"), 2);
        /* An order that failed may be given again. */
        json_decref(d1rig_ask(rig, "/_sim/end", "{\"cardId\":\"card-r\",\"detail\":\"CARD_PROD_CANCELED\"}"));
        order_another(rig, "card-r", "r3", &o);
        expect(&o, CW_C_NONE, "");
        /* Told in any order, twice, the one that failed is not taken for the one that replaced it. */
        static const char *const told[] = {"\"reversed\":true", "\"reversed\":true,\"duplicates\":true",
                                           "\"duplicates\":true"};
        for (size_t i = 0; i < 3; i++) {
                char rule[96];
                (void)snprintf(rule, sizeof rule, "{\"call\":\"status\",\"count\":0,%s}", told[i]);
                d1rig_faults(rig, rule);
                order_another(rig, "card-r", "r3", &o);
                expect(&o, CW_C_NONE, "");
                assert_true(o.made[0].confirmed);
        }
        assert_int_equal(d1rig_number(rig, "orders"), 2);
}

/* An earlier order may be listed late: while its card may come, no other one is ordered. */
static void another_waits_for_the_first(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        d1rig_order(rig, "card-a", "a1", &o);
        expect(&o, CW_C_NONE, "");
        for (int echo = 0; echo < 2; echo++) {
                d1rig_config(rig, echo ? "{\"echo_request_id\":true}" : "{\"echo_request_id\":false}");
                order_another(rig, "card-a", "a2", &o);
                expect(&o, CW_C_REJECT, CW_D1_CODE_ORDERED);
        }
        assert_int_equal(d1rig_number(rig, "order"), 1);
        json_decref(d1rig_ask(rig, "/_sim/end", "{\"cardId\":\"card-a\",\"detail\":\"CARD_PROD_DONE\"}"));
        order_another(rig, "card-a", "a2", &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(d1rig_number(rig, "orders"), 2);
}

static void begin(struct d1rig *rig, const char *card_id, struct d1out *o) {
        CW_AUTO(cw_secret_free) struct cw_secret *sealed = d1rig_sealed(rig);
        const struct cw_d1_order order = {.card_id = card_id,
                                          .request_id = card_id,
                                          .issuance = "CREATION",
                                          .sealed = (const char *)sealed->ptr,
                                          .product = &rig->product};
        *o = (struct d1out){0};
        assert_int_equal(cw_d1_order(rig->d, &order, 1, d1out_take, o, &o->fault), CW_OK);
}

/* Side by side: the n-th order that arrives meets the n-th fault. Neither idempotency nor an echo of the
 * request id to lean on: reading back alone must do. */
static void faults_make_no_second_order(void **state) {
        static const char *const faults[] = {
            "\"status\":429,\"retry_after_s\":1",
            "\"status\":503",
            "\"drop\":\"after\"",
            "\"drop\":\"before\"",
            "\"status\":500,\"after_commit\":true",
            "\"status\":502",
            "\"reset_after_bytes\":7",
            "\"malformed\":true",
            "\"expire_token\":true",
            "\"delay_ms\":3000",
        };
        enum { COUNT = sizeof faults / sizeof faults[0] };
        struct d1rig *rig = *state;
        static struct d1out o[COUNT];
        char list[1000] = "", card[24];
        for (size_t i = 0; i < COUNT; i++) {
                size_t at = strlen(list);
                (void)snprintf(list + at, sizeof list - at, "%s{\"call\":\"order\",\"nth\":%zu,%s}",
                               i ? "," : "", i + 1, faults[i]);
        }
        rig->config.d1.timeout_ms = 2000;
        d1rig_config(rig, "{\"dedup\":false,\"echo_request_id\":false}");
        d1rig_faults(rig, list);
        for (size_t i = 0; i < COUNT; i++) {
                (void)snprintf(card, sizeof card, "card-%zu", i);
                begin(rig, card, &o[i]);
        }
        for (size_t i = 0; i < COUNT; i++) {
                d1rig_wait(rig, &o[i], 60000);
                expect(&o[i], CW_C_NONE, "");
        }
        CW_AUTO_JSON json_t *sim = d1rig_ask(rig, "/_sim/state", NULL);
        for (size_t i = 0; i < COUNT; i++)
                assert_int_equal(json_integer_value(json_object_get(
                                     json_array_get(json_object_get(sim, "faults"), i), "fired")),
                                 1);
        assert_int_equal(d1rig_number(rig, "orders"), COUNT);
}

static void faults_around_an_order(void **state) {
        static const char *const faults[] = {
            "{\"call\":\"status\",\"duplicates\":true,\"count\":0},{\"call\":\"order\",\"drop\":\"after\"}",
            "{\"call\":\"status\",\"unknown\":true,\"count\":0},{\"call\":\"order\",\"drop\":\"after\"}",
            "{\"call\":\"order\",\"drip\":{\"bytes\":8,\"interval_ms\":20}}",
            "{\"call\":\"order\",\"drip\":{\"bytes\":1,\"interval_ms\":400}}",
            "{\"call\":\"status\",\"expire_token\":true},{\"call\":\"token\",\"status\":500}",
            "{\"call\":\"status\",\"status\":500}",
        };
        struct d1rig *rig = *state;
        static struct d1out o;
        rig->config.d1.timeout_ms = 2000; /* less than the slowest drip takes */
        d1rig_config(rig, "{\"dedup\":false}");
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
                char card[24];
                (void)snprintf(card, sizeof card, "card-%zu", i);
                d1rig_faults(rig, faults[i]);
                d1rig_order(rig, card, card, &o);
                if (o.rc != CW_OK && cw_rc_class(o.rc) == CW_C_RETRY) { /* no token: nothing was ordered */
                        d1rig_faults(rig, "");
                        d1rig_order(rig, card, card, &o);
                }
                expect(&o, CW_C_NONE, "");
                assert_int_equal(d1rig_number(rig, "orders"), (int)i + 1);
        }
}

/* An order that its status shows late: the same issuerRequestId keeps it single. */
static void late_status(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        d1rig_config(rig, "{\"status_lag_ms\":60000}");
        d1rig_faults(rig, "{\"call\":\"order\",\"drop\":\"after\"}");
        d1rig_order(rig, "card-late", "late-1", &o);
        expect(&o, CW_C_NONE, "");
        assert_int_equal(d1rig_number(rig, "orders"), 1);
        assert_int_equal(d1rig_number(rig, "replays"), 1);
}

static void lost_for_good(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        d1rig_faults(rig, "{\"call\":\"order\",\"drop\":\"after\"},{\"call\":\"status\",\"nth\":2,\"count\":"
                          "0,\"status\":500}");
        d1rig_order(rig, "card-lost", "lost-1", &o);
        expect(&o, CW_C_IN_DOUBT, CW_D1_CODE_LOST);
        d1rig_faults(rig, "");
        d1rig_order(rig, "card-lost", "lost-1", &o);
        expect(&o, CW_C_NONE, "");
        assert_true(o.made[0].confirmed);
        assert_int_equal(d1rig_number(rig, "orders"), 1);
}

static void batch(void **state) {
        enum { COUNT = 60 };
        struct d1rig *rig = *state;
        static struct d1out o;
        static char ids[COUNT][24];
        static struct cw_d1_order cards[COUNT];
        struct cw_config_product stranger = rig->product;
        stranger.d1_product = "NO_SUCH_PRODUCT";
        CW_AUTO(cw_secret_free) struct cw_secret *sealed = d1rig_sealed(rig);
        for (size_t i = 0; i < COUNT; i++) {
                (void)snprintf(ids[i], sizeof ids[i], "batch-%zu", i);
                cards[i] = (struct cw_d1_order){.card_id = ids[i],
                                                .request_id = ids[i],
                                                .issuance = "CREATION",
                                                .sealed = (const char *)sealed->ptr,
                                                .product = i == 17 ? &stranger : &rig->product};
        }
        struct cw_fault f;
        assert_int_equal(cw_rc_class(cw_d1_order(rig->d, cards, 0, d1out_take, &o, &f)), CW_C_REJECT);
        d1rig_config(rig, "{\"dedup\":false}");
        d1rig_faults(rig, "{\"call\":\"batch\",\"drop\":\"after\"}");
        o = (struct d1out){0};
        assert_int_equal(cw_d1_order(rig->d, cards, COUNT, d1out_take, &o, &f), CW_OK);
        d1rig_wait(rig, &o, 60000);
        expect(&o, CW_C_NONE, "");
        for (size_t i = 0; i < COUNT; i++) {
                assert_int_equal(o.made[i].ok, i != 17);
                assert_int_equal(o.made[i].confirmed, i != 17);
        }
        assert_string_equal(o.made[17].fault.code, "FIELD_INVALID_VALUE");
        assert_int_equal(d1rig_number(rig, "orders"), COUNT - 1);
}

/* Every 100th card names a product D1 does not know, two are refused by their id, one is left out of the
 * answer. */
static bool in_thousand_refused(size_t i) {
        return i % 100 == 17 || i == 0 || i == CW_D1_BATCH_MAX - 1;
}

static void fill_thousand(struct cw_d1_order *cards, char (*ids)[24], const struct cw_config_product *known,
                          const struct cw_config_product *unknown, const char *sealed) {
        for (size_t i = 0; i <= CW_D1_BATCH_MAX; i++) {
                (void)snprintf(ids[i], sizeof ids[i], "thousand-%zu", i);
                cards[i] = (struct cw_d1_order){.card_id = ids[i],
                                                .request_id = ids[i],
                                                .issuance = "CREATION",
                                                .sealed = sealed,
                                                .product = i % 100 == 17 ? unknown : known};
        }
}

static void check_thousand(const struct d1out *o, char (*ids)[24]) {
        size_t refused = 0;
        assert_int_equal(o->reply.made_count, CW_D1_BATCH_MAX);
        for (size_t i = 0; i < CW_D1_BATCH_MAX; i++) {
                const struct cw_d1_made *made = &o->made[i];
                bool bad = in_thousand_refused(i);
                refused += bad;
                assert_string_equal(made->card_id, ids[i]);
                if (made->ok == bad || made->refused_whole || made->confirmed != (i == 500))
                        fail_msg("%s: ok %d, %s: %s", ids[i], made->ok, made->fault.code, made->fault.text);
                if (bad)
                        assert_string_equal(made->fault.code, "FIELD_INVALID_VALUE");
                else
                        assert_true(*made->operation_id);
        }
        assert_int_equal(refused, 12);
}

/* The most one batch carries: each of 1000 cards has its own outcome; with one more nothing is sent. */
static void a_thousand_cards(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        static char ids[CW_D1_BATCH_MAX + 1][24];
        static struct cw_d1_order cards[CW_D1_BATCH_MAX + 1];
        struct cw_config_product stranger = rig->product;
        struct cw_fault f;
        CW_AUTO(cw_secret_free) struct cw_secret *sealed = d1rig_sealed(rig);
        stranger.d1_product = "NO_SUCH_PRODUCT";
        fill_thousand(cards, ids, &rig->product, &stranger, (const char *)sealed->ptr);
        o = (struct d1out){0};
        assert_int_equal(cw_rc_class(cw_d1_order(rig->d, cards, CW_D1_BATCH_MAX + 1, d1out_take, &o, &f)),
                         CW_C_REJECT);
        assert_string_equal(f.code, CW_D1_CODE_REQUEST);
        assert_int_equal(d1rig_number(rig, "batch"), 0);
        d1rig_config(rig, "{\"dedup\":false,\"untold_cards\":[\"thousand-500\"],"
                          "\"refuse_cards\":[\"thousand-0\",\"thousand-999\"]}");
        assert_int_equal(cw_d1_order(rig->d, cards, CW_D1_BATCH_MAX, d1out_take, &o, &f), CW_OK);
        d1rig_wait(rig, &o, 60000);
        expect(&o, CW_C_NONE, "");
        check_thousand(&o, ids);
        assert_int_equal(d1rig_number(rig, "batch"), 1);
        assert_int_equal(d1rig_number(rig, "orders"), CW_D1_BATCH_MAX - 12);
}

/* One D1 did not tell of is read back; a batch that is refused as such says nothing about its cards. */
static void batch_answers(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        struct cw_fault f;
        CW_AUTO(cw_secret_free) struct cw_secret *sealed = d1rig_sealed(rig);
        struct cw_d1_order cards[3] = {{.card_id = "told-0"}, {.card_id = "told-1"}, {.card_id = "told-2"}};
        for (size_t i = 0; i < 3; i++) {
                cards[i].request_id = cards[i].card_id;
                cards[i].issuance = "CREATION";
                cards[i].sealed = (const char *)sealed->ptr;
                cards[i].product = &rig->product;
        }
        d1rig_faults(rig, "{\"call\":\"batch\",\"status\":400}");
        o = (struct d1out){0};
        assert_int_equal(cw_d1_order(rig->d, cards, 3, d1out_take, &o, &f), CW_OK);
        d1rig_wait(rig, &o, 20000);
        expect(&o, CW_C_REJECT, CW_D1_CODE_BAD_ANSWER);
        assert_true(o.made[0].refused_whole && o.made[1].refused_whole && o.made[2].refused_whole);
        d1rig_config(rig, "{\"dedup\":false,\"untold_cards\":[\"told-1\"],\"refuse_cards\":[\"told-2\"]}");
        o = (struct d1out){0};
        assert_int_equal(cw_d1_order(rig->d, cards, 3, d1out_take, &o, &f), CW_OK);
        d1rig_wait(rig, &o, 20000);
        expect(&o, CW_C_NONE, "");
        assert_true(o.made[0].ok && !o.made[0].confirmed);
        assert_true(o.made[1].ok && o.made[1].confirmed);
        assert_true(!o.made[2].ok && !o.made[2].refused_whole);
        assert_string_equal(o.made[2].fault.code, "FIELD_INVALID_VALUE");
        assert_true(*o.made[1].operation_id);
        assert_int_equal(d1rig_number(rig, "orders"), 2);
}

static void wrong_keys(void **state) {
        struct d1rig *rig = *state;
        static struct d1out o;
        rig->sign_key = "server.key";
        d1rig_order(rig, "card-k", "k1", &o);
        expect(&o, CW_C_OPERATOR, CW_D1_CODE_DENIED);
        d1rig_order(rig, "card-k", "k1", &o); /* held back: refused keys are not tried again at once */
        expect(&o, CW_C_OPERATOR, CW_D1_CODE_DENIED);
        assert_int_equal(d1rig_number(rig, "token"), 1);
        struct cw_d1_health h;
        cw_d1_health(rig->d, &h);
        assert_int_equal(h.state, CW_D1_NEEDS_PERSON);
        cw_d1_free(rig->d);
        rig->config.d1.client_key_credential = "stranger.key";
        char path[128];
        (void)snprintf(path, sizeof path, "%s/stranger.pem", rig->dir);
        rig->config.d1.client_cert_file = path;
        d1rig_start_client(rig);
        d1rig_order(rig, "card-k", "k1", &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_OPERATOR);
        assert_non_null(strstr(o.fault.text, "d1."));
        assert_int_equal(d1rig_number(rig, "orders"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(every_channel, setup, teardown),
            cmocka_unit_test_setup_teardown(ends, setup, teardown),
            cmocka_unit_test_setup_teardown(refusals, setup, teardown),
            cmocka_unit_test_setup_teardown(another_waits_for_the_first, setup, teardown),
            cmocka_unit_test_setup_teardown(faults_make_no_second_order, setup, teardown),
            cmocka_unit_test_setup_teardown(faults_around_an_order, setup, teardown),
            cmocka_unit_test_setup_teardown(late_status, setup, teardown),
            cmocka_unit_test_setup_teardown(lost_for_good, setup, teardown),
            cmocka_unit_test_setup_teardown(batch, setup, teardown),
            cmocka_unit_test_setup_teardown(a_thousand_cards, setup, teardown),
            cmocka_unit_test_setup_teardown(batch_answers, setup, teardown),
            cmocka_unit_test_setup_teardown(wrong_keys, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
