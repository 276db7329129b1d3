/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include "rig_sim.h"

#include "agent/upstream/b64.h"
#include "agent/upstream/ossl.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PASSWORD "an-encrypted-password"
#define SIM_TOKEN "test-side-only"

static const uint8_t pin_key[33] = "0123456789ABCDEF0123456789ABCDEF";
static const uint8_t card_key[33] = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_";

/* ---- the folder and the simulator ---- */

static json_t *sim_config(void) {
        json_t *config = json_loads(
            "{\"tenant\":\"ACME_BANK\",\"sim_token\":\"" SIM_TOKEN
            "\",\"users\":[{\"username\":\"branch-agent\","
            "\"password\":\"" PASSWORD "\"},{\"username\":\"reader\",\"password\":\"" PASSWORD "\","
            "\"allow\":[\"/branch/fetch\"]}],"
            "\"jwt\":{\"secret\":\"a-test-secret-of-at-least-32-characters\",\"ttl_s\":3600},\"keys\":{\"set_"
            "pin_key\":"
            "\"3031323334353637383941424344454630313233343536373839414243444546\",\"set_pin_v1_key\":"
            "\"3031323334353637383941424344454630313233343536373839414243444546\",\"card_number_key\":"
            "\"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f\",\"cvk\":"
            "\"0123456789abcdeffedcba9876543210\"},\"pin\":{\"v2_plaintext\":\"ascii_hex\",\"account\":"
            "\"pan12\"},"
            "\"gateway\":{\"codec\":\"none\"},\"traps\":{\"number_string_drift\":true,\"inventory_extra_"
            "fields\":true},"
            "\"products\":[{\"productId\":\"TEST_VISA\",\"bin\":\"411111\",\"plasticCode\":\"71\"}],"
            "\"branches\":[{"
            "\"branchId\":\"BRANCH001\",\"branchCode\":\"001\",\"branchName\":\"Main Branch\"}],"
            "\"order\":{\"worker_delay_ms\":0,\"auto_process_ms\":-1},"
            "\"customers\":[{\"entityId\":\"" RIG_ENTITY "\",\"accounts\":[\"1001\"]}],"
            "\"kits\":[{\"kitNo\":\"" RIG_KIT
            "\",\"productId\":\"TEST_VISA\",\"branchId\":\"BRANCH001\",\"pan\":\"" RIG_PAN
            "\",\"expiry\":\"2029-07\",\"entityId\":\"" RIG_ENTITY "\",\"aliasName\":\"A CUSTOMER\","
            "\"status\":\"INACTIVE\",\"accountNo\":\"1001\",\"deliveryStatus\":\"BANK\"},"
            "{\"kitNo\":\"" RIG_KIT2 "\",\"productId\":\"TEST_VISA\",\"branchId\":\"BRANCH001\",\"pan\":"
            "\"4111111111111129\",\"expiry\":\"2029-07\",\"deliveryStatus\":\"IN_TRANSIT\"}]}",
            0, NULL);
        assert_non_null(config);
        return config;
}

static void put_file(const char *dir, const char *name, const char *text) {
        char path[192];
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        (void)close(fd);
}

void rig_make(struct rig *rig) {
        *rig = (struct rig){.server_pem = "server.pem", .server_key = "server.key"};
        cw_dcms_process_init();
        (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/cw-upstream.XXXXXX");
        assert_non_null(mkdtemp(rig->dir));
        rig_make_certs(rig->dir);
        put_file(rig->dir, "password", PASSWORD "\n");
        rig->sim_config = sim_config();
        (void)snprintf(rig->ca_file, sizeof rig->ca_file, "%s/ca.pem", rig->dir);
        (void)snprintf(rig->cert_file, sizeof rig->cert_file, "%s/client.pem", rig->dir);
        (void)snprintf(rig->peer_file, sizeof rig->peer_file, "%s/gateway.pub", rig->dir);
        (void)snprintf(rig->cred_dir, sizeof rig->cred_dir, "%s", rig->dir);
        rig->config.agent.credential_dir = rig->cred_dir;
        rig->config.server = (struct cw_config_server){
            .url = rig->url,
            .tenant = "ACME_BANK",
            .username = "branch-agent",
            .password_credential = "password",
            .ca_file = rig->ca_file,
            .client_cert_file = "",
            .client_key_credential = "",
            .gateway = CW_GATEWAY_NONE,
            .gateway_key_dir = "",
            .gateway_key_credential = "",
            .gateway_peer_key_file = "",
            .gateway_kid = "",
            .gateway_previous_key_credential = "",
            .gateway_previous_peer_key_file = "",
            .gateway_previous_kid = "",
            .gateway_fields = "cardNumber,cvv",
            .connect_timeout_ms = 2000,
            .timeout_ms = 2000,
            .cbs_timeout_ms = 3000,
        };
}

static void exec_sim(const struct rig *rig) {
        const char *files[] = {"port", rig->server_pem, rig->server_key, "db", "sim.json", "log", "ca.pem"};
        char path[7][192];
        for (size_t i = 0; i < 7; i++)
                (void)snprintf(path[i], sizeof path[i], "%s/%s", rig->dir, files[i]);
        char port[16];
        (void)snprintf(port, sizeof port, "%u", rig->port);
        if (!freopen(path[5], "a", stderr))
                _exit(127);
        (void)execl(DSIM_PROGRAM, "dcms-sim", "--listen", "127.0.0.1", "--port", port, "--port-file", path[0],
                    "--cert", path[1], "--key", path[2], "--db", path[3], "--config", path[4],
                    rig->client_ca ? "--client-ca" : (char *)NULL, path[6], (char *)NULL);
        _exit(127);
}

void rig_start_sim(struct rig *rig) {
        char path[192];
        (void)snprintf(path, sizeof path, "%s/sim.json", rig->dir);
        assert_int_equal(json_dump_file(rig->sim_config, path, 0), 0);
        (void)snprintf(path, sizeof path, "%s/port", rig->dir);
        (void)unlink(path);
        rig->sim = fork();
        assert_true(rig->sim >= 0);
        if (rig->sim == 0)
                exec_sim(rig);
        rig->port = rig_sim_port(rig->dir, rig->sim);
        (void)snprintf(rig->url, sizeof rig->url, "https://127.0.0.1:%u/dcms", rig->port);
}

void rig_stop_sim(struct rig *rig) {
        rig_sim_stop(&rig->sim);
}

void rig_start_client(struct rig *rig) {
        struct cw_fault f = {0};
        if (!rig->loop)
                assert_int_equal(cw_loop_new(cw_clock_real(), &rig->loop), CW_OK);
        if (cw_dcms_new(rig->loop, &rig->config, cw_clock_real(), &rig->d, &f) != CW_OK)
                fail_msg("client: %s", f.text);
}

void rig_start(struct rig *rig) {
        rig_make(rig);
        rig_start_sim(rig);
        rig_start_client(rig);
}

void rig_stop(struct rig *rig) {
        cw_dcms_free(rig->d);
        cw_loop_free(rig->loop);
        rig_stop_sim(rig);
        json_decref(rig->sim_config);
        rig_sim_remove(rig->dir);
        *rig = (struct rig){0};
}

/* ---- outcomes ---- */

void outcome_take(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct outcome *o = ctx;
        o->calls++;
        o->done = true;
        o->rc = rc;
        if (f)
                o->fault = *f;
        o->reply = *reply;
        o->result = json_deep_copy(reply->result);
        for (size_t i = 0; i < reply->kit_count && i < 16; i++) {
                o->kits[i] = reply->kits[i];
                (void)snprintf(o->sealed[i], sizeof o->sealed[i], "%s", reply->kits[i].encrypted_card_number);
        }
        for (size_t i = 0; i < reply->order_count && i < 8; i++)
                o->orders[i] = reply->orders[i];
        for (size_t i = 0; i < reply->delivered_count && i < 8; i++)
                o->delivered[i] = reply->delivered[i];
        o->reply.result = NULL;
        o->reply.kits = NULL;
        o->reply.orders = NULL;
        o->reply.delivered = NULL;
        assert_true((rc == CW_OK) == (f == NULL));
        if (f)
                assert_true(f->rc == rc && strlen(f->text) > 10);
}

void rig_wait(struct rig *rig, struct outcome *o, int64_t timeout_ms) {
        int64_t deadline = cw_deadline_ns(timeout_ms);
        while (!o->done && cw_deadline_left_ms(deadline) > 0)
                cw_loop_run_once(rig->loop, 20);
        if (!o->done)
                fail_msg("no outcome after %lld ms", (long long)timeout_ms);
}

void rig_run(struct rig *rig, int64_t ms) {
        int64_t deadline = cw_deadline_ns(ms);
        /* On a machine that stalls the time may be over before the loop has turned. */
        for (int64_t turns = 0; turns < ms / 10 || cw_deadline_left_ms(deadline) > 0; turns++)
                cw_loop_run_once(rig->loop, 10);
}

void outcome_done(struct outcome *o) {
        json_decref(o->result);
        *o = (struct outcome){0};
}

/* ---- the simulator's own side, and a teller: plain blocking calls ---- */

static json_t *ask(struct rig *rig, const char *path, const char *body, const char *header) {
        const char *const headers[] = {"TENANT: ACME_BANK", header, NULL};
        const struct rig_sim_question q = {
            .port = rig->port, .path = path, .body = body, .headers = headers, .ca_file = rig->ca_file};
        return rig_sim_ask(&q);
}

void rig_faults(struct rig *rig, const char *list) {
        char body[1024];
        (void)snprintf(body, sizeof body, "{\"faults\":[%s]}", list);
        json_decref(ask(rig, "/_sim/faults", body, "X-Sim-Token: " SIM_TOKEN));
}

void rig_down(struct rig *rig, const char *body) {
        json_decref(ask(rig, "/_sim/down", body, "X-Sim-Token: " SIM_TOKEN));
}

json_t *rig_state(struct rig *rig) {
        return ask(rig, "/_sim/state", NULL, "X-Sim-Token: " SIM_TOKEN);
}

int64_t rig_calls(struct rig *rig, const char *path) {
        CW_AUTO_JSON json_t *state = rig_state(rig);
        return json_integer_value(json_object_get(json_object_get(state, "calls"), path));
}

json_t *rig_kit(struct rig *rig, const char *kit_no) {
        CW_AUTO_JSON json_t *state = rig_state(rig);
        size_t i;
        json_t *row;
        json_array_foreach(json_object_get(state, "kits"), i, row) {
                if (strcmp(json_string_value(json_object_get(row, "kitNo")), kit_no) == 0)
                        return json_incref(row);
        }
        fail_msg("the simulator has no kit %s", kit_no);
        return NULL;
}

json_t *rig_teller(struct rig *rig, const char *path, const char *body) {
        char header[1200], whole[128];
        CW_AUTO_JSON json_t *login =
            ask(rig, "/dcms/api/authenticate",
                "{\"username\":\"branch-agent\",\"password\":\"" PASSWORD "\"}", "X-None: 1");
        (void)snprintf(header, sizeof header, "Authorization: Bearer %s",
                       json_string_value(json_object_get(login, "id_token")));
        (void)snprintf(whole, sizeof whole, "/dcms%s", path);
        CW_AUTO_JSON json_t *answer = ask(rig, whole, body, header);
        return json_incref(json_object_get(answer, "result"));
}

/* ---- what hsmd would make ---- */

static void seal(const uint8_t *key, const char *text, size_t len, char *ret, size_t cap) {
        uint8_t all[128];
        int n = 0;
        size_t size = 0;
        assert_int_equal(RAND_bytes(all, 16), 1);
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, 16, NULL), 1);
        assert_int_equal(EVP_EncryptInit_ex(ctx, NULL, NULL, key, all), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, all + 16, &n, (const uint8_t *)text, (int)len), 1);
        assert_int_equal(EVP_EncryptFinal_ex(ctx, all + 16 + len, &n), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, all + 16 + len), 1);
        assert_true(cw_b64_encode(CW_B64_STD, all, 32 + len, ret, cap, &size));
}

/* Format 0 block as 16 hex digits: the PIN field against 0000 and the 12 digits before the check digit. */
static void block_hex(const char *pin, const char *pan, char block[17]) {
        char field[17], account[17] = "0000";
        (void)snprintf(field, sizeof field, "0%zu%s", strlen(pin), pin);
        for (size_t i = strlen(field); i < 16; i++)
                field[i] = 'F';
        memcpy(account + 4, pan + strlen(pan) - 13, 12);
        for (size_t i = 0; i < 16; i++) {
                int nibble = field[i] == 'F' ? 15 : field[i] - '0';
                block[i] = "0123456789ABCDEF"[nibble ^ (account[i] - '0')];
        }
        block[16] = '\0';
}

struct cw_secret *rig_pin_of(const char *pin, const char *pan) {
        char block[17], text[128];
        struct cw_secret *secret = NULL;
        block_hex(pin, pan, block);
        seal(pin_key, block, 16, text, sizeof text);
        assert_int_equal(cw_secret_dup(text, strlen(text), &secret), CW_OK);
        return secret;
}

struct cw_secret *rig_pin(const char *pin) {
        return rig_pin_of(pin, RIG_PAN);
}

struct cw_secret *rig_pin_v1_of(const char *pin, const char *pan) {
        char block[17], text[64];
        uint8_t all[48];
        int n = 0, rest = 0;
        size_t size = 0;
        struct cw_secret *secret = NULL;
        block_hex(pin, pan, block);
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, pin_key, NULL), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, all, &n, (const uint8_t *)block, 16), 1);
        assert_int_equal(EVP_EncryptFinal_ex(ctx, all + n, &rest), 1);
        assert_true(cw_b64_encode(CW_B64_STD, all, (size_t)(n + rest), text, sizeof text, &size));
        assert_int_equal(cw_secret_dup(text, strlen(text), &secret), CW_OK);
        return secret;
}

struct cw_secret *rig_pin_v1(const char *pin) {
        return rig_pin_v1_of(pin, RIG_PAN);
}

void rig_sealed_pan_of(const char *pan, char *ret, size_t cap) {
        seal(card_key, pan, strlen(pan), ret, cap);
}

void rig_sealed_pan(char *ret, size_t cap) {
        rig_sealed_pan_of(RIG_PAN, ret, cap);
}
