/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DCMS simulator behind its TLS: the first byte chooses where the rest goes. 'A' + n: body of documented
 * call n; '0': Authorization header; '1': request id; '2'..'5': body of a /_sim/ call; '6'..'8': sealed body.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>

#include "tests/sim/dcms/auth.h"
#include "tests/sim/dcms/customers.h"
#include "tests/sim/dcms/endpoints.h"
#include "tests/sim/dcms/faults.h"
#include "tests/sim/dcms/gate.h"
#include "tests/sim/dcms/route.h"
#include "tests/sim/dcms/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cw_dsim sim;
static char bearer[2100];

/* A server with its database in memory; each input is rolled back by starting it anew. */
static void start(void) {
        if (!cw_dsim_config_load(DSIM_SOURCE "/example.json", &sim.cfg) || !cw_dsim_gate_init(&sim))
                abort();
        sim.cfg.rate_burst = 100000;
        sim.faults = cw_dsim_faults_new();
        struct cw_dsim_gateway_config *g = &sim.cfg.gateway;
        g->pairs[0] = (struct cw_dsim_gateway_pair){
            .kid = "gw-1", .own = EVP_EC_gen("P-256"), .peer = EVP_EC_gen("P-256")};
        g->pair_count = 1;
        g->fields = json_pack("[s, s]", "cardNumber", "cvv");
        if (!g->pairs[0].own || !g->pairs[0].peer || !g->fields)
                abort();
}

static void fresh_database(void) {
        (void)sqlite3_close(sim.db);
        sim.db = cw_dsim_store_open(":memory:");
        if (!sim.db || !cw_dsim_customers_seed(&sim))
                abort();
        sim.rate_at_ms = 0;
        cw_dsim_faults_clear(sim.faults);
        cw_dsim_gate_down(&sim, 0, false);
        sim.cfg.gateway.codec = CW_DSIM_CODEC_NONE;
}

static void login(void) {
        CW_AUTO_JSON json_t *body =
            json_pack("{s:s, s:s}", "username", sim.cfg.users[0].name, "password", sim.cfg.users[0].password);
        struct cw_dsim_call call = {.sim = &sim, .body = body, .now_ms = cw_dsim_now_ms()};
        struct cw_dsim_reply reply = {.http = 200};
        cw_dsim_auth_authenticate(&call, &reply);
        (void)snprintf(bearer, sizeof bearer, "Bearer %s",
                       json_string_value(json_object_get(reply.result, "id_token")));
        cw_dsim_reply_done(&reply);
}

static void choose(char where, char *text, size_t len, struct cw_dsim_in *in, char *path, size_t path_size) {
        static const char *const side[] = {"/_sim/faults", "/_sim/down", "/_sim/plain-pan", "/_sim/state"};
        size_t count = 0;
        while (cw_dsim_endpoint_list()[count].path)
                count++;
        size_t n = where >= 'A' ? (size_t)(where - 'A') % count : 0;
        (void)snprintf(path, path_size, "%s%s", sim.cfg.base_path, cw_dsim_endpoint_list()[n].path);
        in->body = text;
        in->body_len = len;
        if (where == '0')
                in->authorization = text;
        else if (where == '1')
                in->request_id = text;
        else if (where >= '2' && where <= '5')
                (void)snprintf(path, path_size, "%s", side[where - '2']);
        else if (where >= '6' && where <= '8')
                sim.cfg.gateway.codec = (enum cw_dsim_codec)(CW_DSIM_CODEC_REFNO + (where - '6'));
        if (where == '7')
                in->content_type = "application/jose";
        if (where == '0' || where == '1')
                in->body = "{\"branchId\":\"BRANCH001\"}";
        in->path = path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char path[160];
        if (!sim.faults)
                start();
        if (size == 0 || size > 65536)
                return 0;
        fresh_database();
        login();
        char *text = malloc(size);
        if (!text)
                return 0;
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        struct cw_dsim_in in = {.method = "POST",
                                .tenant = sim.cfg.tenant,
                                .authorization = bearer,
                                .content_type = "application/json",
                                .sim_token = sim.cfg.sim_token,
                                .upload = data + 1,
                                .upload_len = size - 1,
                                .upload_name = "kits.txt"};
        struct cw_dsim_out out;
        choose((char)data[0], text, size - 1, &in, path, sizeof path);
        cw_dsim_route(&sim, &in, &out);
        free(out.body);
        free(text);
        return 0;
}
