/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card order over a line that breaks: the connection is reset after every 64th byte, TLS handshake
 * included, once to D1 and once from it. The order is there once, and the client knows. D1 remembers no
 * issuerRequestId here and tells none: what the client reads back is all it has.
 */
#include "d1rig.h"
#include "tests/integration/upstream/cutproxy.h"

#include <stdio.h>
#include <string.h>

#define STEP 64u
#define CALL_MS 60000

struct lane {
        struct d1rig rig; /* a client of its own: config and loop of the bench */
        struct d1out o;
        char card[24];
        bool down;
        uint32_t limit;
};

struct bench {
        struct d1rig rig;
        struct cut_proxy *proxy;
        struct cw_secret *sealed;
        struct lane lanes[CUT_LANES];
        uint32_t longest[2];
        unsigned cards, cuts;
};

static int setup(void **state) {
        static struct bench b;
        d1rig_start(&b.rig);
        d1rig_config(&b.rig, "{\"dedup\":false,\"echo_request_id\":false}");
        b.proxy = cut_proxy_start(b.rig.port);
        b.sealed = d1rig_sealed(&b.rig);
        *state = &b;
        return 0;
}

static int teardown(void **state) {
        struct bench *b = *state;
        cut_proxy_stop(b->proxy);
        cw_secret_free(b->sealed);
        d1rig_stop(&b->rig);
        return 0;
}

/* A client through the lane's port, its cut armed, its order begun. */
static void begin(struct bench *b, unsigned i) {
        struct lane *lane = &b->lanes[i];
        struct d1rig *rig = &lane->rig;
        struct cw_fault f = {0};
        *rig = b->rig;
        rig->d = NULL;
        (void)snprintf(rig->url, sizeof rig->url, "https://127.0.0.1:%u/banking/v1",
                       cut_proxy_port(b->proxy, i));
        (void)snprintf(rig->token_url, sizeof rig->token_url, "https://127.0.0.1:%u/authz/v1", b->rig.port);
        rig->config.d1.url = rig->url;
        rig->config.d1.token_url = rig->token_url;
        (void)snprintf(lane->card, sizeof lane->card, "cut-%u", b->cards++);
        cut_proxy_arm(b->proxy, i, lane->down, lane->limit);
        d1rig_start_client(rig);
        const struct cw_d1_order order = {.card_id = lane->card,
                                          .request_id = lane->card,
                                          .issuance = "CREATION",
                                          .sealed = (const char *)b->sealed->ptr,
                                          .product = &b->rig.product};
        lane->o = (struct d1out){0};
        assert_int_equal(cw_d1_order(rig->d, &order, 1, d1out_take, &lane->o, &f), CW_OK);
}

static void end(struct bench *b, unsigned i) {
        struct lane *lane = &b->lanes[i];
        d1rig_wait(&b->rig, &lane->o, CALL_MS);
        if (lane->o.rc != CW_OK)
                fail_msg("cut after %u bytes %s: %s: %s", lane->limit, lane->down ? "down" : "up",
                         lane->o.fault.code, lane->o.fault.text);
        if (lane->limit == 0)
                for (int down = 0; down < 2; down++)
                        b->longest[down] = cut_proxy_bytes(b->proxy, i, down);
        else
                b->cuts += cut_proxy_cut(b->proxy, i);
        cw_d1_free(lane->rig.d);
}

static void flush(struct bench *b, unsigned *waiting) {
        for (unsigned i = 0; i < *waiting; i++)
                begin(b, i);
        for (unsigned i = 0; i < *waiting; i++)
                end(b, i);
        *waiting = 0;
}

static void no_second_order(void **state) {
        struct bench *b = *state;
        unsigned waiting = 1, planned = 0;
        b->lanes[0] = (struct lane){0};
        flush(b, &waiting);
        for (int down = 0; down < 2; down++) {
                assert_in_range(b->longest[down], 600, 20000);
                for (uint32_t at = STEP; at < b->longest[down]; at += STEP, planned++) {
                        b->lanes[waiting] = (struct lane){.down = down, .limit = at};
                        if (++waiting == CUT_LANES)
                                flush(b, &waiting);
                }
        }
        flush(b, &waiting);
        assert_int_equal(d1rig_number(&b->rig, "double_orders"), 0);
        assert_int_equal(d1rig_number(&b->rig, "orders"), b->cards);
        print_message("%u cuts of %u planned\n", b->cuts, planned);
        assert_in_range(b->cuts, planned * 9 / 10, planned);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(no_second_order)};
        return cmocka_run_group_tests(tests, setup, teardown);
}
