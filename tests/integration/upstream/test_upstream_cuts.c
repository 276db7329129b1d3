/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One card's life over a line that breaks: for the login, the orders of the branch and the sending on of one,
 * the reads of its kit, of its customer, of the customer's kits and by its card number, setPin and
 * validatePin of both versions, kitActivation, deliveryStatus, its PIN mailer, manageKit (its replacement)
 * and registerCard (another card of its customer) the connection is reset after every 64th byte, TLS
 * handshake included, once to the server and once from it. Afterwards the server must have exactly one order
 * sent on, one PIN, one activation, one delivery, one successor and one other card of each kit, and the
 * client must know. What the catalogue sends ONCE may end in doubt, and was done once or not at all: a
 * mailer, a wrong PIN that is counted. The argument is the group of exchanges that are cut; without one all
 * are.
 */
#include "agent/upstream/endpoint.h"
#include "cutproxy.h"
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define STEP 64u
#define KITS_MAX 500u
#define CALL_MS 20000

enum exchange {
        LOGIN,
        ORDERS,
        PROCESS,
        READ_KIT,
        BY_ENTITY,
        CUSTOMER,
        BY_CARD,
        SET_PIN,
        SET_PIN_V1,
        TRY_PIN,
        TRY_PIN_V1,
        ACTIVATE,
        DELIVER,
        MAILER,
        REPLACE,
        REGISTER,
        EXCHANGES
};
static const struct {
        const char *name; /* in the catalogue */
        const char *group;
        bool alone; /* made by the cards alone whose exchange it is, and by the first */
} exchanges[] = {{"authenticate", "login", false},
                 {"card-order.received", "orders", true},
                 {"card-order.process", "orders", true},
                 {"inventory.fetchKitDetailsFromInventory", "kits", true},
                 {"kit-manager.v2.fetchKitsByEntityId", "kits", true},
                 {"viewCustomer", "customer", true},
                 {"kit-manager.v2.fetchByCardNo", "customer", true},
                 {"kit-manager.v2.setPin", "pin", false},
                 {"kit-manager.setPin", "mailer", false},
                 {"kit-manager.v2.validatePin", "validate", true},
                 {"kit-manager.validatePin", "validate", true},
                 {"kit-manager.kitActivation", "pin", false},
                 {"inventory.update.deliveryStatus", "reports", false},
                 {"kit-manager.regeneratePinMailer", "mailer", true},
                 {"kit-manager.manageKit", "reports", false},
                 {"registerCard", "register", true}};
static const char *group; /* NULL: all */

struct lane {
        struct cw_config config;
        char url[64];
        struct cw_dcms *d;
        unsigned kit;
        enum exchange exchange;
        bool down;
        uint32_t limit; /* 0: not cut, to count */
        bool v1;        /* its PIN is set by the call of the first version */
        char id[CW_DCMS_REQUEST_ID_LEN + 1];
        struct outcome o;
};

/* What the server must have: at least, at most. */
struct card {
        unsigned kits[2], wrong_pins[2];
};

struct bench {
        struct rig rig;
        struct cut_proxy *proxy;
        unsigned kits, orders;
        struct card cards[KITS_MAX];
        unsigned mailers[2];
        unsigned doubts[EXCHANGES];
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

static void account_of(unsigned kit, char account[16]) {
        (void)snprintf(account, 16, "%u", 200000 + kit);
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
                account_of(i, account);
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
        lane->config = b->rig.config;
        (void)snprintf(lane->url, sizeof lane->url, "https://127.0.0.1:%u/dcms", cut_proxy_port(b->proxy, i));
        lane->config.server.url = lane->url;
        lane->kit = b->kits++;
        assert_true(lane->kit < KITS_MAX);
        b->cards[lane->kit] = (struct card){.kits = {1, 1}};
        cut_proxy_arm(b->proxy, i, false, 0);
        if (cw_dcms_new(b->rig.loop, &lane->config, cw_clock_real(), &lane->d, &f) != CW_OK)
                fail_msg("client: %s", f.text);
        lane->o = (struct outcome){0};
        cw_dcms_login(lane->d, outcome_take, &lane->o);
}

static void call_named(struct lane *lane, enum exchange exchange, json_t *fields) {
        struct cw_fault f = {0};
        const struct cw_dcms_named named = {
            .name = exchanges[exchange].name, .fields = fields, .request_id = lane->id};
        if (cw_dcms_call_named(lane->d, &named, outcome_take, &lane->o, &f) != CW_OK)
                fail_msg("%s: %s", named.name, f.text);
        json_decref(fields);
}

static void begin_named(struct lane *lane, enum exchange exchange, const char *kit_no, const char *entity) {
        char account[16];
        account_of(lane->kit, account);
        if (exchange == REPLACE)
                call_named(lane, exchange,
                           json_pack("{s:s, s:s, s:s, s:s, s:s}", "entityId", entity, "oldKit", kit_no,
                                     "operation", "BLOCK_AND_REPLACE", "cardType", "PHYSICAL",
                                     "deliveryAddress", "PERMANENT"));
        else if (exchange == MAILER)
                call_named(lane, exchange,
                           json_pack("{s:s, s:s, s:s, s:s}", "entityId", entity, "kitNo", kit_no,
                                     "addressType", "PERMANENT", "homeCurrencyCode", "356"));
        else
                call_named(lane, exchange,
                           json_pack("{s:s, s:[{s:s, s:s}]}", "entityId", entity, "kitInfo", "accountNo",
                                     account, "cardType", "PHYSICAL"));
}

/* The PIN that is tried is not the one that was set: the server counts it, and so can the test. */
static void begin_pin(struct lane *lane, enum exchange exchange, const char *kit_no, const char *entity) {
        bool v1 = exchange == SET_PIN_V1 || exchange == TRY_PIN_V1;
        bool set = exchange == SET_PIN || exchange == SET_PIN_V1;
        char pan[17];
        pan_of(lane->kit, pan);
        CW_AUTO(cw_secret_free)
        struct cw_secret *form = (v1 ? rig_pin_v1_of : rig_pin_of)(set ? "1234" : "8642", pan);
        const struct cw_dcms_set_pin pin = {entity, kit_no, "0729", form, lane->id, v1};
        (set ? cw_dcms_set_pin : cw_dcms_validate_pin)(lane->d, &pin, outcome_take, &lane->o);
}

static void begin_read(struct lane *lane, enum exchange exchange, const char *kit_no, const char *entity) {
        const char *const kits[] = {kit_no};
        const struct cw_dcms_kit_filter filter = {.kit_nos = kits, .kit_no_count = 1};
        char pan[17], sealed[128];
        if (exchange == READ_KIT) {
                cw_dcms_kits_inventory(lane->d, &filter, outcome_take, &lane->o);
        } else if (exchange == BY_ENTITY) {
                cw_dcms_kits_by_entity(lane->d, entity, outcome_take, &lane->o);
        } else if (exchange == CUSTOMER) {
                cw_dcms_customer(lane->d, entity, outcome_take, &lane->o);
        } else {
                pan_of(lane->kit, pan);
                rig_sealed_pan_of(pan, sealed, sizeof sealed);
                cw_dcms_kit_by_card(lane->d, sealed, outcome_take, &lane->o);
        }
}

static void begin(struct lane *lane, enum exchange exchange) {
        char kit_no[16], entity[16], order[16];
        kit_of(lane->kit, kit_no);
        entity_of(lane->kit, entity);
        order_of(lane->kit, order);
        const struct cw_dcms_delivery delivery = {kit_no, "DELIVERED"};
        outcome_done(&lane->o);
        if (exchange == LOGIN)
                cw_dcms_login(lane->d, outcome_take, &lane->o);
        else if (exchange == ORDERS)
                cw_dcms_orders_received(lane->d, outcome_take, &lane->o);
        else if (exchange == PROCESS)
                cw_dcms_order_process(lane->d, order, lane->id, outcome_take, &lane->o);
        else if (exchange <= BY_CARD)
                begin_read(lane, exchange, kit_no, entity);
        else if (exchange <= TRY_PIN_V1)
                begin_pin(lane, exchange, kit_no, entity);
        else if (exchange == ACTIVATE)
                cw_dcms_activate(lane->d, entity, kit_no, lane->id, outcome_take, &lane->o);
        else if (exchange == DELIVER)
                cw_dcms_delivery(lane->d, &delivery, 1, outcome_take, &lane->o);
        else
                begin_named(lane, exchange, kit_no, entity);
}

static void new_id(struct lane *lane) {
        assert_int_equal(cw_dcms_request_id(lane->id), CW_OK);
}

static void close_lane(struct lane *lane) {
        cw_dcms_free(lane->d);
        outcome_done(&lane->o);
        lane->d = NULL;
}

static bool is_try(enum exchange e) {
        return e == TRY_PIN || e == TRY_PIN_V1;
}

static bool answered(const struct lane *lane, enum exchange e) {
        const struct outcome *o = &lane->o;
        char kit_no[16];
        kit_of(lane->kit, kit_no);
        if (is_try(e))
                return cw_rc_class(o->rc) == CW_C_REJECT && strcmp(o->fault.code, "PIN002") == 0;
        if (o->rc != CW_OK)
                return false;
        if (e == READ_KIT || e == BY_ENTITY || e == BY_CARD)
                return o->reply.kit_count == 1 && strcmp(o->kits[0].kit_no, kit_no) == 0;
        if (e == CUSTOMER)
                return json_is_object(o->result);
        return (e != DELIVER || o->delivered[0].ok) && (e != ORDERS || o->reply.order_count >= 1);
}

/* The rule of the catalogue: sent once, so a lost answer says nothing. Nobody else may be in doubt. */
static bool in_doubt(const struct lane *lane, enum exchange e) {
        return lane->limit && lane->exchange == e && cw_rc_class(lane->o.rc) == CW_C_IN_DOUBT &&
               cw_dcms_endpoint_named(exchanges[e].name)->lost == CW_DCMS_LOST_ONCE;
}

static void check_done(struct bench *b, const struct lane *lane, enum exchange e) {
        struct card *card = &b->cards[lane->kit];
        bool doubt = in_doubt(lane, e);
        unsigned *count;
        if (!doubt && !answered(lane, e))
                fail_msg("%s, cut of %s after %u bytes %s: %s %s: %s", exchanges[e].name,
                         exchanges[lane->exchange].name, lane->limit, lane->down ? "down" : "up",
                         cw_class_name(cw_rc_class(lane->o.rc)), lane->o.fault.code, lane->o.fault.text);
        if (e == REPLACE || e == REGISTER)
                count = card->kits;
        else if (is_try(e))
                count = card->wrong_pins;
        else if (e == MAILER)
                count = b->mailers;
        else
                return;
        count[0] += !doubt;
        count[1]++;
        b->doubts[e] += doubt;
}

/* Each card needs no order of its own, nor a customer looked at: see exchanges[].alone. */
static bool takes_part(struct bench *b, struct lane *lane, enum exchange e) {
        char order[16];
        if (e == SET_PIN || e == SET_PIN_V1)
                return lane->v1 == (e == SET_PIN_V1);
        if (exchanges[e].alone && lane->limit && lane->exchange != e)
                return false;
        if (e != PROCESS)
                return true;
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
                check_done(b, lane, e);
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

static void check_kit(const struct bench *b, const json_t *kit) {
        unsigned number = 0;
        if (sscanf(json_string_value(json_object_get(kit, "kitNo")), "60000%5u", &number) != 1)
                return;
        int lived = number < b->kits;
        const unsigned *wrong = b->cards[number].wrong_pins;
        const char *status = json_string_value(json_object_get(kit, "status"));
        const char *delivery = json_string_value(json_object_get(kit, "deliveryStatus"));
        assert_int_equal(json_integer_value(json_object_get(kit, "pinSetCount")), lived);
        assert_int_equal(json_integer_value(json_object_get(kit, "activationCount")), lived);
        assert_int_equal(json_integer_value(json_object_get(kit, "deliveredCount")), lived);
        assert_in_range(json_integer_value(json_object_get(kit, "pinFailures")), wrong[0], wrong[1]);
        assert_string_equal(status, lived ? "REPLACED" : "INACTIVE");
        assert_string_equal(delivery, lived ? "DELIVERED" : "BANK");
}

/* Of each customer: the card, its successor and the card that was registered, no more. */
static void check_kits(const struct bench *b, const json_t *kits) {
        unsigned owned[KITS_MAX] = {0};
        size_t i = 0;
        const json_t *kit = NULL;
        json_array_foreach(kits, i, kit) {
                unsigned number = KITS_MAX;
                const char *entity = json_string_value(json_object_get(kit, "entityId"));
                if (entity && sscanf(entity, "CIF%5u", &number) == 1 && number < KITS_MAX)
                        owned[number]++;
                check_kit(b, kit);
        }
        for (unsigned n = 0; n < b->kits; n++)
                assert_in_range(owned[n], b->cards[n].kits[0], b->cards[n].kits[1]);
}

/* What is sent once, or read back before it is sent again, never came to the server after it was done. */
static void check_replays(const json_t *replayed) {
        size_t i = 0;
        const json_t *row = NULL;
        json_array_foreach(replayed, i, row) {
                const char *path = json_string_value(json_object_get(row, "endpoint"));
                assert_non_null(path);
                if (strstr(path, "validatePin") || strstr(path, "regeneratePinMailer") ||
                    strstr(path, "registerCard"))
                        fail_msg("%s was repeated", path);
        }
}

static void check_server(struct bench *b) {
        CW_AUTO_JSON json_t *state = rig_state(&b->rig);
        size_t i = 0, kits = KITS_MAX + b->orders;
        json_t *order = NULL;
        assert_int_equal(json_integer_value(json_object_get(state, "duplicate_activations")), 0);
        assert_int_equal(json_integer_value(json_object_get(state, "duplicate_deliveries")), 0);
        assert_int_equal(json_integer_value(json_object_get(state, "request_id_other_body")), 0);
        assert_in_range(json_integer_value(json_object_get(state, "pin_mailers")), b->mailers[0],
                        b->mailers[1]);
        for (unsigned n = 0; n < b->kits; n++)
                kits += b->cards[n].kits[1] - 1;
        assert_int_equal(json_array_size(json_object_get(state, "kits")), kits);
        json_array_foreach(json_object_get(state, "orders"), i, order) {
                bool stays = strcmp(json_string_value(json_object_get(order, "orderId")), "ORD-STAYS") == 0;
                assert_int_equal(json_integer_value(json_object_get(order, "kits")), stays ? 0 : 1);
        }
        check_kits(b, json_object_get(state, "kits"));
        check_replays(json_object_get(state, "replayed"));
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
        for (int v1 = 0; v1 < 2; v1++) {
                b->lanes[0] = (struct lane){.v1 = v1};
                live(b, 1);
        }
        for (enum exchange e = LOGIN; e < EXCHANGES; e = (enum exchange)(e + 1)) {
                for (int down = 0; down < 2 && in_group(e); down++) {
                        assert_in_range(b->longest[e][down], 600, 8000);
                        for (uint32_t at = STEP; at < b->longest[e][down]; at += STEP, planned++) {
                                b->lanes[waiting++] = (struct lane){
                                    .exchange = e, .down = down, .limit = at, .v1 = e == SET_PIN_V1};
                                if (waiting == CUT_LANES)
                                        flush(b, &waiting);
                        }
                }
        }
        flush(b, &waiting);
        check_server(b);
        for (enum exchange e = LOGIN; e < EXCHANGES; e = (enum exchange)(e + 1))
                if (in_group(e) && cw_dcms_endpoint_named(exchanges[e].name)->lost == CW_DCMS_LOST_ONCE)
                        assert_int_not_equal(b->doubts[e], 0);
        print_message("%u cuts of %u planned\n", b->cuts, planned);
        assert_int_equal(b->cuts, planned);
        assert_in_range(planned, 20, KITS_MAX - 1);
}

int main(int argc, char **argv) {
        group = argc > 1 ? argv[1] : NULL;
        const struct CMUnitTest tests[] = {cmocka_unit_test(no_report_is_lost_or_doubled)};
        return cmocka_run_group_tests(tests, setup, teardown);
}
