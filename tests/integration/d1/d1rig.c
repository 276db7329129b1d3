/* SPDX-License-Identifier: Apache-2.0 */
#include "d1rig.h"

#include "agent/upstream/dcms.h"
#include "base/file.h"
#include "hsm/jose.h"
#include "hsm/jwt_assertion.h"
#include "tests/integration/upstream/rig.h"
#include "tests/integration/upstream/rig_sim.h"

#include <stdio.h>
#include <string.h>

#define SIM_TOKEN "test-side-only"
#define KEY_MAX 8192u

static char *in_dir(const struct d1rig *rig, const char *name, char ret[128]) {
        (void)snprintf(ret, 128, "%s/%s", rig->dir, name);
        return ret;
}

static json_t *sim_config(const struct d1rig *rig) {
        char sign[128], card[128];
        return json_pack("{s:s, s:s, s:[{s:s, s:s}], s:{s:s, s:s}, s:[s, s], s:[s], s:s, s:i, s:s}",
                         "sim_token", SIM_TOKEN, "issuer_id", "ISSUER0001", "assertion_keys", "kid",
                         "branch-sign-1", "public_file", in_dir(rig, "bank.pub", sign), "card_data", "kid",
                         "d1-card-1", "key_file", in_dir(rig, "gateway.key", card), "products", "GOLD_DEBIT",
                         "CLASSIC_DEBIT", "stations", "KIOSK-PS-101", "exp_order", "yymm", "token_ttl_s", 900,
                         "audience", "");
}

void d1rig_make(struct d1rig *rig) {
        *rig = (struct d1rig){.sign_key = "bank.key"};
        cw_dcms_process_init();
        (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/cw-d1.XXXXXX");
        assert_non_null(mkdtemp(rig->dir));
        rig_make_certs(rig->dir);
        rig->sim_config = sim_config(rig);
        assert_non_null(rig->sim_config);
        rig->config.agent.credential_dir = rig->dir;
        rig->config.d1 = (struct cw_config_d1){
            .url = rig->url,
            .token_url = rig->token_url,
            .issuer_id = "ISSUER0001",
            .ca_file = in_dir(rig, "ca.pem", rig->ca_file),
            .client_cert_file = in_dir(rig, "client.pem", rig->cert_file),
            .client_key_credential = "client.key",
            .sign_kid = "branch-sign-1",
            .audience = "",
            .batch_path = "/issuers/{issuerId}/physicalCards/operations:production",
            .csc_field = "",
            .emv_data_field = "emvData",
            .address_company = "Main Branch",
            .address_line1 = "1 High Street",
            .address_zip = "560001",
            .address_city = "Bengaluru",
            .address_country = "IN",
            .connect_timeout_ms = 3000,
            .timeout_ms = 4000,
        };
        rig->product = (struct cw_config_product){
            .plastic_code = "71",
            .d1_channel = CW_D1_THALES,
            .d1_product = "GOLD_DEBIT",
            .d1_emv_config = "VISA_DEBIT_01",
            .d1_perso_station = "KIOSK-PS-101",
            .d1_delivery = "",
            .d1_oda_key_index = 1,
            .d1_derivation_key_index = 1,
            .d1_cv_key_index = 2,
            .d1_pv_key_index = -1,
        };
}

static void exec_sim(const struct d1rig *rig) {
        char port[128], cert[128], key[128], db[128], config[128], ca[128], log[128];
        if (!freopen(in_dir(rig, "log", log), "a", stderr))
                _exit(127);
        (void)execl(D1SIM_PROGRAM, "d1-sim", "--listen", "127.0.0.1", "--port", "0", "--port-file",
                    in_dir(rig, "port", port), "--cert", in_dir(rig, "server.pem", cert), "--key",
                    in_dir(rig, "server.key", key), "--client-ca", in_dir(rig, "ca.pem", ca), "--db",
                    in_dir(rig, "db", db), "--config", in_dir(rig, "sim.json", config), "--seed", "7",
                    (char *)NULL);
        _exit(127);
}

void d1rig_start_sim(struct d1rig *rig) {
        char path[128];
        assert_int_equal(json_dump_file(rig->sim_config, in_dir(rig, "sim.json", path), 0), 0);
        (void)unlink(in_dir(rig, "port", path));
        rig->sim = fork();
        assert_true(rig->sim >= 0);
        if (rig->sim == 0)
                exec_sim(rig);
        rig->port = rig_sim_port(rig->dir, rig->sim);
        (void)snprintf(rig->url, sizeof rig->url, "https://127.0.0.1:%u/banking/v1", rig->port);
        (void)snprintf(rig->token_url, sizeof rig->token_url, "https://127.0.0.1:%u/authz/v1", rig->port);
}

void d1rig_stop_sim(struct d1rig *rig) {
        rig_sim_stop(&rig->sim);
}

void d1rig_sign(void *ctx, struct cw_d1 *d) {
        struct d1rig *rig = ctx;
        struct cw_fault f = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *pem = NULL, *jwt = NULL;
        rig->signatures++;
        cw_rc rc = cw_credential_read(rig->dir, rig->sign_key, KEY_MAX, &pem, &f);
        struct cw_config config = rig->config;
        config.d1.sign_key = "";
        config.d1.sign_key_credential = rig->sign_key;
        if (rc == CW_OK)
                rc = cw_assertion_for_d1(&config, NULL, cw_wall_ms(cw_clock_real()) / 1000, &jwt, &f);
        cw_d1_signed(d, rc, &f, jwt);
}

void d1rig_start_client(struct d1rig *rig) {
        struct cw_fault f = {0};
        const struct cw_d1_signer signer = {d1rig_sign, rig};
        if (!rig->loop)
                assert_int_equal(cw_loop_new(cw_clock_real(), &rig->loop), CW_OK);
        if (cw_d1_new(rig->loop, &rig->config, cw_clock_real(), &signer, &rig->d, &f) != CW_OK)
                fail_msg("client: %s", f.text);
}

void d1rig_start(struct d1rig *rig) {
        d1rig_make(rig);
        d1rig_start_sim(rig);
        d1rig_start_client(rig);
}

void d1rig_stop(struct d1rig *rig) {
        cw_d1_free(rig->d);
        cw_loop_free(rig->loop);
        d1rig_stop_sim(rig);
        json_decref(rig->sim_config);
        rig_sim_remove(rig->dir);
        *rig = (struct d1rig){0};
}

/* ---- calls ---- */

void d1out_take(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_d1_reply *reply) {
        struct d1out *o = ctx;
        o->calls++;
        o->done = true;
        o->rc = rc;
        if (f)
                o->fault = *f;
        o->reply = *reply;
        assert_true(reply->made_count <= CW_D1_BATCH_MAX);
        for (size_t i = 0; i < reply->made_count; i++)
                o->made[i] = reply->made[i];
        for (size_t i = 0; i < reply->operation_count; i++)
                o->operations[i] = reply->operations[i];
        o->reply.made = NULL;
        o->reply.operations = NULL;
        assert_true((rc == CW_OK) == (f == NULL));
        if (f)
                assert_true(f->rc == rc && strlen(f->text) > 10);
}

void d1rig_wait(struct d1rig *rig, struct d1out *o, int64_t timeout_ms) {
        int64_t deadline = cw_deadline_ns(timeout_ms);
        while (!o->done && cw_deadline_left_ms(deadline) > 0)
                cw_loop_run_once(rig->loop, 20);
        if (!o->done)
                fail_msg("no outcome after %lld ms", (long long)timeout_ms);
}

struct cw_secret *d1rig_sealed(struct d1rig *rig) {
        static const char clear[] = "{\"pan\":\"" D1_PAN "\",\"exp\":\"2906\",\"name\":\"A CUSTOMER\","
                                    "\"encodedName\":\"CUSTOMER/A\",\"panSequenceNumber\":\"00\"}";
        char path[128];
        CW_AUTO_MEM char *pem = NULL;
        CW_AUTO_JSON json_t *key = NULL;
        size_t len = 0;
        struct cw_fault f = {0};
        struct cw_secret *text = NULL;
        assert_int_equal(cw_file_read(in_dir(rig, "gateway.pub", path), KEY_MAX, &pem, &len, &f), CW_OK);
        assert_int_equal(cw_jose_key(CW_SPAN((const uint8_t *)pem, len), false, "key", &key, &f), CW_OK);
        assert_int_equal(
            cw_jwe_seal(key, "d1-card-1", CW_SPAN((const uint8_t *)clear, sizeof clear - 1), &text, &f),
            CW_OK);
        return text;
}

void d1rig_order(struct d1rig *rig, const char *card_id, const char *request_id, struct d1out *o) {
        CW_AUTO(cw_secret_free) struct cw_secret *sealed = d1rig_sealed(rig);
        const struct cw_d1_order order = {.card_id = card_id,
                                          .request_id = request_id,
                                          .consumer_id = "customer-1",
                                          .issuance = "CREATION",
                                          .sealed = (const char *)sealed->ptr,
                                          .product = &rig->product};
        *o = (struct d1out){0};
        if (cw_d1_order(rig->d, &order, 1, d1out_take, o, &o->fault) != CW_OK) {
                o->done = true;
                o->rc = o->fault.rc;
        }
        d1rig_wait(rig, o, 30000);
}

void d1rig_status(struct d1rig *rig, const char *card_id, struct d1out *o) {
        *o = (struct d1out){0};
        assert_int_equal(cw_d1_production_status(rig->d, card_id, d1out_take, o, &o->fault), CW_OK);
        d1rig_wait(rig, o, 20000);
}

/* ---- the test's side ---- */

json_t *d1rig_ask(struct d1rig *rig, const char *path, const char *body) {
        static const char *const headers[] = {"X-Sim-Token: " SIM_TOKEN, NULL};
        char key[128];
        const struct rig_sim_question q = {.port = rig->port,
                                           .path = path,
                                           .body = body,
                                           .headers = headers,
                                           .ca_file = rig->ca_file,
                                           .cert_file = rig->cert_file,
                                           .key_file = in_dir(rig, "client.key", key)};
        return rig_sim_ask(&q);
}

void d1rig_faults(struct d1rig *rig, const char *list) {
        char body[1024];
        (void)snprintf(body, sizeof body, "{\"faults\":[%s]}", list);
        json_decref(d1rig_ask(rig, "/_sim/faults", body));
}

void d1rig_config(struct d1rig *rig, const char *members) {
        json_decref(d1rig_ask(rig, "/_sim/config", members));
}

int64_t d1rig_number(struct d1rig *rig, const char *name) {
        CW_AUTO_JSON json_t *state = d1rig_ask(rig, "/_sim/state", NULL);
        const json_t *calls = json_object_get(json_object_get(state, "calls"), name);
        if (strcmp(name, "orders") == 0)
                return (int64_t)json_array_size(json_object_get(state, "orders"));
        return json_integer_value(calls ? calls : json_object_get(state, name));
}
