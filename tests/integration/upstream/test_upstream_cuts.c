/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One card's life over a line that breaks: for the login, the orders of the branch and the sending on of one,
 * the reads of its kit and of its customer's kits, setPin, kitActivation, deliveryStatus and manageKit (its
 * replacement) the connection is reset after every 64th byte, TLS handshake included, once to the server and
 * once from it. Afterwards the server must have exactly one order sent on, one PIN, one activation, one
 * delivery and one successor of each kit, and the client must know. The argument is the group of exchanges
 * that are cut; without one all are.
 */
#include "cutproxy.h"
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define STEP 64u
#define KITS_MAX 500u
#define CALL_MS 20000

enum exchange { LOGIN, ORDERS, PROCESS, READ_KIT, BY_ENTITY, SET_PIN, ACTIVATE, DELIVER, REPLACE, EXCHANGES };
static const struct {
        const char *name;
        const char *group;
} exchanges[] = {{"authenticate", "login"},        {"card-order/received", "orders"},
                 {"card-order/process", "orders"}, {"fetchKitDetailsFromInventory", "kits"},
                 {"fetchKitsByEntityId", "kits"},  {"setPin", "pin"},
                 {"kitActivation", "pin"},         {"deliveryStatus", "reports"},
                 {"manageKit", "reports"}};
static const char *group; /* NULL: all */

struct lane {
        struct cw_config config;
        char url[64];
        struct cw_dcms *d;
        unsigned kit;
        enum exchange exchange;
        bool down;
        uint32_t limit; /* 0: not cut, to count */
        char id[CW_DCMS_REQUEST_ID_LEN + 1];
        struct cw_secret *pin;
        struct outcome o;
};

struct bench {
        struct rig rig;
        struct cut_proxy *proxy;
        unsigned kits, orders;
        struct lane lanes[CUT_LANES];
        uint32_t longest[EXCHANGES][2]; /* bytes of an exchange without a cut, up and down */
        unsigned cuts;
};

static void pan_of(unsigned kit, char pan[17]) {
        unsigned sum = 0;
        (void)snprintf(pan, 17, "411111%09u", kit + 1);
        for (unsigned i = 0; i < 15; i++) {
                unsigned digit = (unsigned)(pan[14 - i] - '0');
                digit = i % 2 == 0 ? 2 * digit : digit;
                sum += digit > 9 ? digit - 9 : digit;
        }
        pan[15] = (char)('0' + (10 - sum % 10) % 10);
        pan[16] = '\0';
}

static void kit_of(unsigned kit, char kit_no[16]) {
        (void)snprintf(kit_no, 16, "60000%05u", kit);
}

static void entity_of(unsigned kit, char entity[16]) {
        (void)snprintf(entity, 16, "CIF%05u", kit);
}

static void order_of(unsigned kit, char order[16]) {
        (void)snprintf(order, 16, "ORD-%05u", kit);
}

static void place_order(struct rig *rig, const char *order) {
        CW_AUTO_JSON json_t *body =
            json_pack("{s:s, s:{s:s, s:s}, s:[{s:s, s:s, s:i}]}", "orderId", order, "branchInfo", "branchId",
                      "BRANCH001", "branchName", "Main Branch", "products", "bin", "411111", "productId",
                      "TEST_VISA", "quantity", 1);
        CW_AUTO_MEM char *text = json_dumps(body, JSON_COMPACT);
        json_decref(rig_teller(rig, "/card-order", text));
}

static void add_kits(struct rig *rig) {
        json_t *kits = json_array(), *customers = json_array();
        for (unsigned i = 0; i < KITS_MAX; i++) {
                char pan[17], kit_no[16], entity[16], account[16];
                pan_of(i, pan);
                kit_of(i, kit_no);
                entity_of(i, entity);
                (void)snprintf(account, sizeof account, "%u", 200000 + i);
                (void)json_array_append_new(
                    customers, json_pack("{s:s, s:[s]}", "entityId", entity, "accounts", account));
                (void)json_array_append_new(
                    kits, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kitNo", kit_no,
                                    "productId", "TEST_VISA", "branchId", "BRANCH001", "pan", pan, "expiry",
                                    "2029-07", "entityId", entity, "accountNo", account, "status", "INACTIVE",
                                    "deliveryStatus", "BANK"));
        }
        (void)json_object_set_new(rig->sim_config, "kits", kits);
        (void)json_object_set_new(rig->sim_config, "customers", customers);
        (void)json_object_set_new(rig->sim_config, "rate",
                                  json_pack("{s:i, s:i}", "per_second", 10000, "burst", 10000));
}

static int setup(void **state) {
        static struct bench b;
        rig_make(&b.rig);
        add_kits(&b.rig);
        rig_start_sim(&b.rig);
        place_order(&b.rig, "ORD-STAYS");
        b.proxy = cut_proxy_start(b.rig.port);
        assert_int_equal(cw_loop_new(cw_clock_real(), &b.rig.loop), CW_OK);
        *state = &b;
        return 0;
}

static int teardown(void **state) {
        struct bench *b = *state;
        cut_proxy_stop(b->proxy);
        rig_stop(&b->rig);
        return 0;
}

/* ---- one lane ---- */

static void wait_all(struct bench *b, unsigned count) {
        for (unsigned i = 0; i < count; i++)
                rig_wait(&b->rig, &b->lanes[i].o, CALL_MS);
}

static void open_lane(struct bench *b, unsigned i) {
        struct lane *lane = &b->lanes[i];
        struct cw_fault f = {0};
        char pan[17];
        lane->config = b->rig.config;
        (void)snprintf(lane->url, sizeof lane->url, "https://127.0.0.1:%u/dcms", cut_proxy_port(b->proxy, i));
        lane->config.server.url = lane->url;
        lane->kit = b->kits++;
        assert_true(lane->kit < KITS_MAX);
        pan_of(lane->kit, pan);
        lane->pin = rig_pin_of("1234", pan);
        cut_proxy_arm(b->proxy, i, false, 0);
        if (cw_dcms_new(b->rig.loop, &lane->config, cw_clock_real(), &lane->d, &f) != CW_OK)
                fail_msg("client: %s", f.text);
        lane->o = (struct outcome){0};
        cw_dcms_login(lane->d, outcome_take, &lane->o);
}

static void replace(struct lane *lane, const char *kit_no, const char *entity) {
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *fields =
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "entityId", entity, "oldKit", kit_no, "operation",
                      "BLOCK_AND_REPLACE", "cardType", "PHYSICAL", "deliveryAddress", "PERMANENT");
        const struct cw_dcms_named named = {
            .name = "kit-manager.manageKit", .fields = fields, .request_id = lane->id};
        assert_int_equal(cw_dcms_call_named(lane->d, &named, outcome_take, &lane->o, &f), CW_OK);
}

static void begin(struct lane *lane, enum exchange exchange) {
        char kit_no[16], entity[16], order[16];
        kit_of(lane->kit, kit_no);
        entity_of(lane->kit, entity);
        order_of(lane->kit, order);
        const struct cw_dcms_set_pin pin = {entity, kit_no, "0729", lane->pin, lane->id, false};
        const struct cw_dcms_delivery delivery = {kit_no, "DELIVERED"};
        const char *const kits[] = {kit_no};
        const struct cw_dcms_kit_filter filter = {.kit_nos = kits, .kit_no_count = 1};
        outcome_done(&lane->o);
        if (exchange == LOGIN)
                cw_dcms_login(lane->d, outcome_take, &lane->o);
        else if (exchange == ORDERS)
                cw_dcms_orders_received(lane->d, outcome_take, &lane->o);
        else if (exchange == PROCESS)
                cw_dcms_order_process(lane->d, order, lane->id, outcome_take, &lane->o);
        else if (exchange == READ_KIT)
                cw_dcms_kits_inventory(lane->d, &filter, outcome_take, &lane->o);
        else if (exchange == BY_ENTITY)
                cw_dcms_kits_by_entity(lane->d, entity, outcome_take, &lane->o);
        else if (exchange == REPLACE)
                replace(lane, kit_no, entity);
        else if (exchange == SET_PIN)
                cw_dcms_set_pin(lane->d, &pin, outcome_take, &lane->o);
        else if (exchange == ACTIVATE)
                cw_dcms_activate(lane->d, entity, kit_no, lane->id, outcome_take, &lane->o);
        else
                cw_dcms_delivery(lane->d, &delivery, 1, outcome_take, &lane->o);
}

static void new_id(struct lane *lane) {
        assert_int_equal(cw_dcms_request_id(lane->id), CW_OK);
}

static void close_lane(struct lane *lane) {
        cw_dcms_free(lane->d);
        cw_secret_free(lane->pin);
        outcome_done(&lane->o);
        lane->d = NULL;
        lane->pin = NULL;
}

static void check_done(const struct lane *lane, enum exchange exchange) {
        bool ok = lane->o.rc == CW_OK && (exchange != DELIVER || lane->o.delivered[0].ok) &&
                  ((exchange != READ_KIT && exchange != BY_ENTITY) || lane->o.reply.kit_count == 1) &&
                  (exchange != ORDERS || lane->o.reply.order_count >= 1);
        if (!ok)
                fail_msg("%s, cut of %s after %u bytes %s: %s %s: %s", exchanges[exchange].name,
                         exchanges[lane->exchange].name, lane->limit, lane->down ? "down" : "up",
                         cw_class_name(cw_rc_class(lane->o.rc)), lane->o.fault.code, lane->o.fault.text);
}

/* Each card needs no order of its own: those do whose order is cut, and the first of all. */
static bool takes_part(struct bench *b, struct lane *lane, enum exchange e) {
        char order[16];
        if (e != PROCESS)
                return true;
        if (lane->limit && lane->exchange != PROCESS)
                return false;
        order_of(lane->kit, order);
        place_order(&b->rig, order);
        b->orders++;
        return true;
}

static void exchange_all(struct bench *b, unsigned count, enum exchange e) {
        bool part[CUT_LANES] = {false};
        for (unsigned i = 0; i < count; i++)
                part[i] = takes_part(b, &b->lanes[i], e);
        for (unsigned i = 0; i < count; i++) {
                struct lane *lane = &b->lanes[i];
                if (!part[i])
                        continue;
                new_id(lane);
                cut_proxy_arm(b->proxy, i, lane->down, lane->exchange == e ? lane->limit : 0);
                begin(lane, e);
        }
        for (unsigned i = 0; i < count; i++) {
                struct lane *lane = &b->lanes[i];
                if (!part[i])
                        continue;
                rig_wait(&b->rig, &lane->o, CALL_MS);
                check_done(lane, e);
                for (int down = 0; down < 2 && lane->limit == 0; down++)
                        b->longest[e][down] = cut_proxy_bytes(b->proxy, i, down);
                if (lane->limit && lane->exchange == e)
                        b->cuts += cut_proxy_cut(b->proxy, i);
        }
}

/* The life of the lanes' cards side by side; each lane has its cut in its own exchange. */
static void live(struct bench *b, unsigned count) {
        for (unsigned i = 0; i < count; i++)
                open_lane(b, i);
        wait_all(b, count);
        for (enum exchange e = LOGIN; e < EXCHANGES; e = (enum exchange)(e + 1))
                exchange_all(b, count, e);
        for (unsigned i = 0; i < count; i++)
                close_lane(&b->lanes[i]);
}

/* ---- the matrix ---- */

static void check_server(struct bench *b) {
        CW_AUTO_JSON json_t *state = rig_state(&b->rig);
        size_t i = 0;
        json_t *kit = NULL, *order = NULL;
        assert_int_equal(json_integer_value(json_object_get(state, "duplicate_activations")), 0);
        assert_int_equal(json_integer_value(json_object_get(state, "duplicate_deliveries")), 0);
        assert_int_equal(json_integer_value(json_object_get(state, "request_id_other_body")), 0);
        /* One successor of each card that lived and one kit of each order sent on, no more. */
        assert_int_equal(json_array_size(json_object_get(state, "kits")), KITS_MAX + b->kits + b->orders);
        json_array_foreach(json_object_get(state, "orders"), i, order) {
                bool stays = strcmp(json_string_value(json_object_get(order, "orderId")), "ORD-STAYS") == 0;
                assert_int_equal(json_integer_value(json_object_get(order, "kits")), stays ? 0 : 1);
        }
        json_array_foreach(json_object_get(state, "kits"), i, kit) {
                unsigned number = 0;
                if (sscanf(json_string_value(json_object_get(kit, "kitNo")), "60000%5u", &number) != 1)
                        continue;
                int lived = number < b->kits;
                const char *status = json_string_value(json_object_get(kit, "status"));
                const char *delivery = json_string_value(json_object_get(kit, "deliveryStatus"));
                assert_int_equal(json_integer_value(json_object_get(kit, "pinSetCount")), lived);
                assert_int_equal(json_integer_value(json_object_get(kit, "activationCount")), lived);
                assert_int_equal(json_integer_value(json_object_get(kit, "deliveredCount")), lived);
                assert_string_equal(status, lived ? "REPLACED" : "INACTIVE");
                assert_string_equal(delivery, lived ? "DELIVERED" : "BANK");
        }
}

static void flush(struct bench *b, unsigned *waiting) {
        if (*waiting)
                live(b, *waiting);
        *waiting = 0;
}

static bool in_group(enum exchange e) {
        return !group || strcmp(group, exchanges[e].group) == 0;
}

static void no_report_is_lost_or_doubled(void **state) {
        struct bench *b = *state;
        unsigned waiting = 0, planned = 0;
        b->lanes[0] = (struct lane){0};
        live(b, 1);
        for (enum exchange e = LOGIN; e < EXCHANGES; e = (enum exchange)(e + 1)) {
                for (int down = 0; down < 2 && in_group(e); down++) {
                        assert_in_range(b->longest[e][down], 600, 8000);
                        for (uint32_t at = STEP; at < b->longest[e][down]; at += STEP, planned++) {
                                b->lanes[waiting++] = (struct lane){.exchange = e, .down = down, .limit = at};
                                if (waiting == CUT_LANES)
                                        flush(b, &waiting);
                        }
                }
        }
        flush(b, &waiting);
        check_server(b);
        print_message("%u cuts of %u planned\n", b->cuts, planned);
        assert_int_equal(b->cuts, planned);
        assert_in_range(planned, 20, KITS_MAX - 1);
}

int main(int argc, char **argv) {
        group = argc > 1 ? argv[1] : NULL;
        const struct CMUnitTest tests[] = {cmocka_unit_test(no_report_is_lost_or_doubled)};
        return cmocka_run_group_tests(tests, setup, teardown);
}
