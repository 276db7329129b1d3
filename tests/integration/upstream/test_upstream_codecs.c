/* SPDX-License-Identifier: Apache-2.0 */
/* Body encryption through a gateway of the bank: every variant, and keys that change while the client runs.
 */
#include "rig.h"

#include <string.h>

static int setup(void **state) {
        static struct rig rig;
        rig_make(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state) {
        rig_stop(*state);
        return 0;
}

static void begin(struct rig *rig) {
        rig_start_sim(rig);
        rig_start_client(rig);
}

/* A call with sealed members in its answer, so that every variant has something to open. */
static void ask(struct rig *rig, struct outcome *o) {
        static const struct cw_dcms_kit_filter filter = {.branch_id = "BRANCH001"};
        *o = (struct outcome){0};
        cw_dcms_kits_inventory(rig->d, &filter, outcome_take, o);
}

static void wait_ok(struct rig *rig, struct outcome *o) {
        rig_wait(rig, o, 30000);
        if (o->rc != CW_OK)
                fail_msg("%s: %s", o->fault.code, o->fault.text);
        assert_int_equal(o->reply.kit_count, 2);
        outcome_done(o);
}

static void expect_ok(struct rig *rig) {
        struct outcome o;
        ask(rig, &o);
        wait_ok(rig, &o);
}

/* Tried again, since keys may differ for a moment; then OPERATOR, a code and a sentence with that word. */
static void expect_person(struct rig *rig, const char *code, int tries, const char *word) {
        struct outcome o;
        struct cw_dcms_health h;
        ask(rig, &o);
        rig_wait(rig, &o, 30000);
        if (cw_rc_class(o.rc) != CW_C_OPERATOR || strcmp(o.fault.code, code) != 0 ||
            !strstr(o.fault.text, word))
                fail_msg("%s %s: %s", cw_class_name(cw_rc_class(o.rc)), o.fault.code, o.fault.text);
        cw_dcms_health(rig->d, &h);
        assert_int_equal(h.exchanges, tries);
        assert_string_equal(h.last_fault.code, code);
        outcome_done(&o);
}

static void gateway_on(struct rig *rig, const char *codec, const char *kdf, enum cw_gateway variant) {
        (void)json_object_set_new(rig->sim_config, "gateway",
                                  json_pack("{s:s, s:s, s:s, s:[ss], s:s, s:s}", "codec", codec, "kid",
                                            "kid-7", "kdf", kdf, "fields", "cardNumber", "cvv",
                                            "private_key_file", "gateway.key", "peer_public_key_file",
                                            "bank.pub"));
        rig->config.server.gateway = variant;
        rig->config.server.gateway_key_credential = "bank.key";
        rig->config.server.gateway_peer_key_file = rig->peer_file;
        rig->config.server.gateway_kid = "kid-7";
}

/* lost: the answer to setPin is, so that the same bytes go out again. */
static void whole_life_through_the_gateway(struct rig *rig, bool lost) {
        struct outcome o = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *pin = rig_pin("1234");
        const struct cw_dcms_set_pin in = {RIG_ENTITY, RIG_KIT, "0729", pin, NULL, false};
        begin(rig);
        expect_ok(rig);
        if (lost)
                rig_faults(rig, "{\"endpoint\":\"/kit-manager/v2/setPin\",\"drop\":\"after_commit\"}");
        cw_dcms_set_pin(rig->d, &in, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(o.rc, CW_OK);
        assert_int_equal(o.reply.tries, lost ? 2 : 1);
        outcome_done(&o);
        cw_dcms_activate(rig->d, RIG_ENTITY, "99999999", NULL, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_string_equal(o.fault.code, "MCC007");
        outcome_done(&o);
        const struct cw_dcms_kit_filter filter = {.branch_id = "BRANCH001", .page_size = 1};
        cw_dcms_kits_inventory(rig->d, &filter, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(o.reply.kit_count, 2);
        outcome_done(&o);
        CW_AUTO_JSON json_t *fields = json_pack("{s:s}", "kitNo", RIG_KIT);
        const struct cw_dcms_named cvv = {.name = "kit-manager.getCvv", .fields = fields};
        struct cw_fault f = {0};
        assert_int_equal(cw_dcms_call_named(rig->d, &cvv, outcome_take, &o, &f), CW_OK);
        rig_wait(rig, &o, 20000);
        assert_int_equal(o.rc, CW_OK);
        assert_string_equal(json_string_value(json_object_get(o.result, "cvv")), "XXX");
        outcome_done(&o);
}

#define LIFE(name, codec, kdf, variant)                                                                      \
        static void life_##name(void **state) {                                                              \
                gateway_on(*state, codec, kdf, variant);                                                     \
                whole_life_through_the_gateway(*state, variant == CW_GATEWAY_ECDH_SHA256);                   \
        }
LIFE(sha256, "refno-envelope", "sha256", CW_GATEWAY_ECDH_SHA256)
LIFE(hkdf, "refno-envelope", "hkdf-sha256", CW_GATEWAY_ECDH_HKDF)
LIFE(opaque, "opaque", "sha256", CW_GATEWAY_ECDH_SHA256_OPAQUE)
LIFE(opaque_hkdf, "opaque", "hkdf-sha256", CW_GATEWAY_ECDH_HKDF_OPAQUE)
LIFE(jwe, "jwe", "sha256", CW_GATEWAY_JWE)
LIFE(field, "field-gcm", "sha256", CW_GATEWAY_FIELD)

/* ---- keys that change ---- */

/* Key ids and files of the two pairs; our own keys are those of "bank", the simulator's those of "gateway".
 */
struct side {
        const char *kid, *own, *peer;
};
static const struct side there_old = {"old", "gateway.key", "bank.pub"};
static const struct side there_new = {"new", "gateway-new.key", "bank-new.pub"};

static json_t *pair_of(const struct side *s) {
        return json_pack("{s:s, s:s, s:s}", "kid", s->kid, "private_key_file", s->own, "peer_public_key_file",
                         s->peer);
}

/* The bank's keys from now on, previous may be NULL; the agent sees an instant without server. */
static void bank_has(struct rig *rig, const struct side *newest, const struct side *previous,
                     const char *answer_with) {
        json_t *g = json_object_get(rig->sim_config, "gateway");
        (void)json_object_update_new(g, pair_of(newest));
        (void)json_object_del(g, "previous");
        if (previous)
                (void)json_object_set_new(g, "previous", pair_of(previous));
        (void)json_object_set_new(g, "answer_with", json_string(answer_with));
        rig_stop_sim(rig);
        rig_start_sim(rig);
}

struct names {
        char old_peer[160], new_peer[160];
};

/* Our keys as a configuration says them: the new pair, the old pair, or both. */
static void name_keys(struct rig *rig, struct names *names, bool newest, bool previous,
                      struct cw_config_server *s) {
        (void)snprintf(names->old_peer, sizeof names->old_peer, "%s/gateway.pub", rig->dir);
        (void)snprintf(names->new_peer, sizeof names->new_peer, "%s/gateway-new.pub", rig->dir);
        s->gateway_kid = newest ? "new" : "old";
        s->gateway_key_credential = newest ? "bank-new.key" : "bank.key";
        s->gateway_peer_key_file = newest ? names->new_peer : names->old_peer;
        s->gateway_previous_kid = previous ? "old" : "";
        s->gateway_previous_key_credential = previous ? "bank.key" : "";
        s->gateway_previous_peer_key_file = previous ? names->old_peer : "";
}

static void reload(struct rig *rig, bool newest, bool previous) {
        static struct cw_config fresh;
        struct names names;
        struct cw_fault f = {0};
        fresh = rig->config;
        name_keys(rig, &names, newest, previous, &fresh.server);
        if (cw_dcms_gateway_reload(rig->d, &fresh, &f) != CW_OK)
                fail_msg("%s", f.text);
}

static void start_with_old_keys(struct rig *rig, const char *codec, enum cw_gateway variant) {
        static struct names names;
        gateway_on(rig, codec, "sha256", variant);
        name_keys(rig, &names, false, false, &rig->config.server);
        bank_has(rig, &there_old, NULL, "newest");
        rig_start_client(rig);
        expect_ok(rig);
}

/*
 * As it should be done: the bank takes our new key too, we change, the bank drops the old pair. Between, the
 * bank seals with one and the other in turn. The client lives through all of it.
 */
static void rotate(struct rig *rig, const char *codec, enum cw_gateway variant) {
        struct outcome o;
        start_with_old_keys(rig, codec, variant);
        bank_has(rig, &there_new, &there_old, "previous");
        expect_ok(rig);
        /* What is under way while we change was sealed with the old key, and is answered with it. */
        rig_faults(rig, "{\"endpoint\":\"/inventory/fetchKitDetailsFromInventory\",\"delay_ms\":500}");
        ask(rig, &o);
        rig_run(rig, 150);
        reload(rig, true, false);
        wait_ok(rig, &o);
        reload(rig, true, true);
        bank_has(rig, &there_new, &there_old, "alternate");
        for (int i = 0; i < 4; i++)
                expect_ok(rig);
        bank_has(rig, &there_new, NULL, "newest");
        expect_ok(rig);
        reload(rig, true, false);
        expect_ok(rig);
}

/* The bank changed first and has forgotten the old pair: the call under way finds its answer when we follow.
 */
static void follow(struct rig *rig, const char *codec, enum cw_gateway variant, bool in_clear) {
        struct outcome o;
        struct cw_dcms_health before, h;
        start_with_old_keys(rig, codec, variant);
        (void)json_object_set_new(json_object_get(rig->sim_config, "gateway"), "refuse_in_clear",
                                  json_boolean(in_clear));
        bank_has(rig, &there_new, NULL, "newest");
        cw_dcms_health(rig->d, &before);
        ask(rig, &o);
        for (int i = 0; i < 500; i++) {
                rig_run(rig, 10);
                cw_dcms_health(rig->d, &h);
                if (h.failures > before.failures)
                        break;
        }
        assert_true(h.failures > before.failures);
        assert_string_equal(h.last_fault.code,
                            in_clear ? CW_DCMS_CODE_GATEWAY_REFUSED : CW_DCMS_CODE_GATEWAY);
        reload(rig, true, true);
        wait_ok(rig, &o);
}

#define ROTATE(name, codec, variant)                                                                         \
        static void rotate_##name(void **state) {                                                            \
                rotate(*state, codec, variant);                                                              \
        }
ROTATE(ecdh, "refno-envelope", CW_GATEWAY_ECDH_SHA256)
ROTATE(opaque, "opaque", CW_GATEWAY_ECDH_SHA256_OPAQUE)
ROTATE(jwe, "jwe", CW_GATEWAY_JWE)
ROTATE(field, "field-gcm", CW_GATEWAY_FIELD)

static void follow_a_foreign_key_id(void **state) {
        follow(*state, "refno-envelope", CW_GATEWAY_ECDH_SHA256, false);
}

static void follow_sealed_members(void **state) {
        follow(*state, "field-gcm", CW_GATEWAY_FIELD, false);
}

static void follow_a_refusal_in_clear(void **state) {
        follow(*state, "refno-envelope", CW_GATEWAY_ECDH_SHA256, true);
}

/* Keys that cannot be had do not take the place of those in use. */
static void bad_keys_change_nothing(void **state) {
        struct rig *rig = *state;
        struct cw_config fresh;
        struct cw_fault f = {0};
        start_with_old_keys(rig, "refno-envelope", CW_GATEWAY_ECDH_SHA256);
        fresh = rig->config;
        fresh.server.gateway_key_credential = "no-such-key";
        assert_int_equal(cw_rc_class(cw_dcms_gateway_reload(rig->d, &fresh, &f)), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "no-such-key"));
        fresh = rig->config;
        fresh.server.gateway = CW_GATEWAY_JWE;
        assert_int_equal(cw_rc_class(cw_dcms_gateway_reload(rig->d, &fresh, &f)), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "restart"));
        expect_ok(rig);
}

/* ---- sides that do not agree ---- */

static void keys_differ(void **state) {
        struct rig *rig = *state;
        gateway_on(rig, "refno-envelope", "hkdf-sha256", CW_GATEWAY_ECDH_SHA256);
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_GATEWAY, 3, "gateway");
}

static void refused_in_clear(void **state) {
        struct rig *rig = *state;
        gateway_on(rig, "refno-envelope", "hkdf-sha256", CW_GATEWAY_ECDH_SHA256);
        (void)json_object_set_new(json_object_get(rig->sim_config, "gateway"), "refuse_in_clear",
                                  json_true());
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_GATEWAY_REFUSED, 3, "gateway");
}

static void only_there(void **state) {
        struct rig *rig = *state;
        gateway_on(rig, "refno-envelope", "sha256", CW_GATEWAY_NONE);
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_GATEWAY, 1, "server.gateway");
}

static void only_here(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        gateway_on(rig, "refno-envelope", "sha256", CW_GATEWAY_ECDH_SHA256);
        (void)json_object_set_new(rig->sim_config, "gateway", json_pack("{s:s}", "codec", "none"));
        begin(rig);
        ask(rig, &o);
        rig_wait(rig, &o, 30000);
        assert_int_equal(cw_rc_class(o.rc), CW_C_OPERATOR);
        outcome_done(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            TEST(life_sha256),
            TEST(life_hkdf),
            TEST(life_opaque),
            TEST(life_opaque_hkdf),
            TEST(life_jwe),
            TEST(life_field),
            TEST(rotate_ecdh),
            TEST(rotate_opaque),
            TEST(rotate_jwe),
            TEST(rotate_field),
            TEST(follow_a_foreign_key_id),
            TEST(follow_sealed_members),
            TEST(follow_a_refusal_in_clear),
            TEST(bad_keys_change_nothing),
            TEST(keys_differ),
            TEST(refused_in_clear),
            TEST(only_there),
            TEST(only_here),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
