/* SPDX-License-Identifier: Apache-2.0 */
#include "test_support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

const uint8_t TEST_PIN_KEY[32] = "0123456789ABCDEF0123456789ABCDEF";
const uint8_t TEST_CARD_KEY[32] = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_";

static char ca_dir[64];

const char *support_dir(void) {
        return ca_dir;
}

static void shell(const char *dir, const char *script) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (chdir(dir) != 0)
                        _exit(127);
                (void)execl("/bin/sh", "sh", "-e", "-c", script, (char *)NULL);
                _exit(127);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const char MAKE_CA[] =
    "exec 2>openssl.log\n"
    "ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
    "for who in ca client-ca; do openssl req -x509 $ec -keyout $who.key -out $who.pem -days 2 -subj "
    "/CN=$who; done\n"
    "echo subjectAltName=IP:127.0.0.1 >san\n"
    "openssl req $ec -keyout server.key -out server.csr -subj /CN=dcms\n"
    "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out "
    "server.pem\n"
    "openssl req $ec -keyout client.key -out client.csr -subj /CN=branch\n"
    "openssl x509 -req -in client.csr -CA client-ca.pem -CAkey client-ca.key -CAcreateserial -days 2 -out "
    "client.pem\n"
    "for who in gateway bank; do openssl ecparam -name prime256v1 -genkey -noout -out $who.key\n"
    "openssl ec -in $who.key -pubout -out $who.pub; done\n";

int support_setup(void **state) {
        (void)state;
        (void)curl_global_init(CURL_GLOBAL_DEFAULT);
        (void)snprintf(ca_dir, sizeof ca_dir, P_tmpdir "/dcms-sim-ca.XXXXXX");
        assert_non_null(mkdtemp(ca_dir));
        shell(ca_dir, MAKE_CA);
        return 0;
}

static void remove_dir(const char *dir) {
        char script[128];
        (void)snprintf(script, sizeof script, "rm -rf '%s'", dir);
        shell("/", script);
}

int support_teardown(void **state) {
        (void)state;
        remove_dir(ca_dir);
        curl_global_cleanup();
        return 0;
}

json_t *rig_config(void) {
        json_t *config = json_load_file(DSIM_SOURCE "/example.json", 0, NULL);
        json_t *extra = json_loads(
            "{\"customers\": [{\"entityId\": \"676765\", \"accounts\": [8642135]},"
            " {\"entityId\": \"validatePin0\", \"accounts\": [\"1001\"]}, {\"entityId\": \"req7\", "
            "\"accounts\": [1002]}],"
            "\"kits\": [{\"kitNo\": \"" VECTOR_KIT
            "\", \"productId\": \"TEST_VISA\", \"branchId\": \"BRANCH001\","
            " \"pan\": \"" VECTOR_PAN "\", \"expiry\": \"2029-07\", \"entityId\": \"validatePin0\","
            " \"status\": \"INACTIVE\", \"accountNo\": \"1001\", \"deliveryStatus\": \"BANK\"}],"
            "\"order\": {\"worker_delay_ms\": 0}, \"gateway\": {\"codec\": \"none\"}}",
            0, NULL);
        assert_non_null(config);
        assert_non_null(extra);
        (void)json_object_update(config, extra);
        (void)json_array_append_new(
            json_object_get(config, "products"),
            json_pack("{s:s, s:s, s:s}", "productId", "TEST_VISA", "bin", "411111", "plasticCode", "73"));
        json_decref(extra);
        return config;
}

static void write_config(struct rig *rig) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/config.json", rig->dir);
        assert_int_equal(json_dump_file(rig->config, path, JSON_INDENT(1)), 0);
}

/* Runs the program in the rig's folder; its log goes to the file log there. */
static void launch(struct rig *rig) {
        char file[7][128];
        static const char *const names[] = {"port", "server.pem",  "server.key", "client-ca.pem",
                                            "db",   "config.json", "log"};
        for (size_t i = 0; i < 7; i++) {
                const char *dir = i >= 1 && i <= 3 ? ca_dir : rig->dir;
                (void)snprintf(file[i], sizeof file[i], "%s/%s", dir, names[i]);
        }
        (void)unlink(file[0]);
        rig->pid = fork();
        assert_true(rig->pid >= 0);
        if (rig->pid != 0)
                return;
        /* A failed test leaves no server behind, and holds no pipe of the test runner open. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || !freopen(file[6], "a", stderr) ||
            !freopen("/dev/null", "w", stdout))
                _exit(127);
        (void)execl(DSIM_PROGRAM, "dcms-sim", "--listen", "127.0.0.1", "--port", "0", "--port-file", file[0],
                    "--cert", file[1], "--key", file[2], "--db", file[4], "--config", file[5],
                    rig->client_ca ? "--client-ca" : (char *)NULL, file[3], (char *)NULL);
        _exit(127);
}

static void await_port(struct rig *rig) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/port", rig->dir);
        for (int i = 0; i < 1000; i++) {
                CW_AUTO_FILE FILE *file = fopen(path, "re");
                if (file && fscanf(file, "%u", &rig->port) == 1)
                        return;
                assert_int_equal(waitpid(rig->pid, NULL, WNOHANG), 0);
                (void)usleep(10000);
        }
        fail_msg("the simulator did not start");
}

static void make_dir(struct rig *rig, json_t *config) {
        rig->config = config;
        (void)snprintf(rig->dir, sizeof rig->dir, P_tmpdir "/dcms-sim-rig.XXXXXX");
        assert_non_null(mkdtemp(rig->dir));
        json_t *gateway = json_object_get(config, "gateway");
        if (json_object_get(gateway, "private_key_file")) {
                char path[128];
                (void)snprintf(path, sizeof path, "%s/gateway.key", ca_dir);
                (void)json_object_set_new(gateway, "private_key_file", json_string(path));
                (void)snprintf(path, sizeof path, "%s/bank.pub", ca_dir);
                (void)json_object_set_new(gateway, "peer_public_key_file", json_string(path));
        }
        write_config(rig);
}

void rig_start(struct rig *rig, json_t *config) {
        make_dir(rig, config);
        launch(rig);
        await_port(rig);
        if (!json_object_get(json_object_get(config, "gateway"), "private_key_file") && !rig->client_ca)
                rig_login(rig);
}

int rig_refused(struct rig *rig, json_t *config) {
        int status = 0;
        make_dir(rig, config);
        launch(rig);
        assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
        remove_dir(rig->dir);
        json_decref(rig->config);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void end_process(struct rig *rig) {
        int status = 0;
        assert_int_equal(kill(rig->pid, SIGTERM), 0);
        assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

void rig_restart(struct rig *rig) {
        end_process(rig);
        write_config(rig);
        launch(rig);
        await_port(rig);
        rig_login(rig);
}

/* Every run ends with the log searched for the card number and PIN it must never hold. */
void rig_stop(struct rig *rig) {
        char script[256];
        end_process(rig);
        (void)snprintf(script, sizeof script, "! grep -aqE '%s|[0-9]{13}|Bearer|encryptedCardNumber' log",
                       VECTOR_PAN);
        shell(rig->dir, script);
        (void)snprintf(script, sizeof script, "! grep -aq '%s' db db-wal 2>/dev/null", VECTOR_PAN);
        shell(rig->dir, script);
        remove_dir(rig->dir);
        json_decref(rig->config);
}

void rig_login(struct rig *rig) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/api/authenticate", rig->base ? rig->base : "/dcms");
        struct ask ask = {.path = path,
                          .token = "",
                          .body = "{\"username\":\"branch-agent\",\"password\":\"an-encrypted-password\"}"};
        struct answer a = rig_ask(rig, &ask);
        assert_int_equal(a.http, 200);
        (void)snprintf(rig->token, sizeof rig->token, "%s", text_of(a.json, "id_token"));
        answer_done(&a);
}

struct sink {
        char *data;
        size_t len;
};

static size_t take(char *data, size_t size, size_t count, void *cls) {
        struct sink *sink = cls;
        size_t len = size * count;
        char *grown = realloc(sink->data, sink->len + len + 1);
        if (!grown)
                return 0;
        memcpy(grown + sink->len, data, len);
        sink->len += len;
        grown[sink->len] = '\0';
        sink->data = grown;
        return len;
}

static size_t take_header(char *data, size_t size, size_t count, void *cls) {
        struct answer *a = cls;
        char line[256];
        size_t len = size * count;
        (void)snprintf(line, sizeof line, "%.*s", (int)(len < 255 ? len : 255), data);
        (void)sscanf(line, "Retry-After: %15[^\r\n]", a->retry_after);
        (void)sscanf(line, "Content-Type: %63[^\r\n]", a->content_type);
        return len;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value) {
        char line[2200];
        (void)snprintf(line, sizeof line, "%s: %s", name, value);
        return !*value ? list : curl_slist_append(list, line);
}

static struct curl_slist *headers_of(const struct rig *rig, const struct ask *ask) {
        char bearer[2100] = "";
        const char *token = ask->token ? ask->token : rig->token;
        if (*token)
                (void)snprintf(bearer, sizeof bearer, "Bearer %s", token);
        struct curl_slist *list = curl_slist_append(NULL, "Expect:");
        if (ask->body && ask->type && !*ask->type)
                list = curl_slist_append(list, "Content-Type:");
        else if (ask->body)
                list = add_header(list, "Content-Type", ask->type ? ask->type : "application/json");
        list = add_header(list, "TENANT", ask->tenant ? ask->tenant : "ACME_BANK");
        list = add_header(list, "Authorization", bearer);
        return ask->header ? curl_slist_append(list, ask->header) : list;
}

static void set_tls(CURL *curl, const struct rig *rig) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/ca.pem", ca_dir);
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, path);
        if (!rig->client_cert)
                return;
        (void)snprintf(path, sizeof path, "%s/client.pem", ca_dir);
        (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, path);
        (void)snprintf(path, sizeof path, "%s/client.key", ca_dir);
        (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, path);
}

struct answer rig_ask(const struct rig *rig, const struct ask *ask) {
        struct answer a = {.http = 0};
        struct sink sink = {NULL, 0};
        char url[512];
        CURL *curl = curl_easy_init();
        struct curl_slist *headers = headers_of(rig, ask);
        (void)snprintf(url, sizeof url, "https://127.0.0.1:%u%s", rig->port, ask->path);
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ask->timeout_ms ? ask->timeout_ms : 5000L);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
        (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
        (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
        if (ask->body)
                (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body);
        if (ask->method)
                (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, ask->method);
        set_tls(curl, rig);
        a.rc = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.http);
        (void)curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &a.seconds);
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        a.text = sink.data;
        a.len = sink.len;
        a.json = sink.data ? json_loadb(sink.data, sink.len, 0, NULL) : NULL;
        return a;
}

void answer_done(struct answer *a) {
        json_decref(a->json);
        free(a->text);
        memset(a, 0, sizeof *a);
}

struct answer rig_call(const struct rig *rig, const char *path, const char *body) {
        char whole[256];
        (void)snprintf(whole, sizeof whole, "/dcms%s", path);
        const struct ask ask = {.path = whole, .body = body};
        return rig_ask(rig, &ask);
}

struct answer rig_sim(const struct rig *rig, const char *path, const char *body) {
        char whole[256];
        (void)snprintf(whole, sizeof whole, "/_sim%s", path);
        const struct ask ask = {.path = whole, .body = body, .header = "X-Sim-Token: test-side-only"};
        return rig_ask(rig, &ask);
}

json_t *rig_ok(const struct rig *rig, const char *path, const char *body) {
        struct answer a = rig_call(rig, path, body);
        if (a.http != 200 || !json_is_null(json_object_get(a.json, "exception")))
                fail_msg("%s: curl %d, HTTP %ld: %s", path, (int)a.rc, a.http, a.text ? a.text : "");
        assert_int_equal(json_object_size(a.json), 3);
        json_t *result = json_incref(json_object_get(a.json, "result"));
        answer_done(&a);
        return result;
}

void rig_refuse_field(const struct rig *rig, const char *path, const char *body, const char *code,
                      const char *text) {
        struct answer a = rig_call(rig, path, body);
        const json_t *exception = json_object_get(a.json, "exception");
        const char *got = text_of(exception, "errorCode");
        const char *field = json_string_value(json_array_get(json_object_get(exception, "fieldError"), 0));
        if (strcmp(got, code) != 0 || (text && (!field || !strstr(field, text))))
                fail_msg("%s: wanted %s (%s), got HTTP %ld: %s", path, code, text ? text : "", a.http,
                         a.text ? a.text : "");
        answer_done(&a);
}

void rig_refuse(const struct rig *rig, const char *path, const char *body, const char *code) {
        rig_refuse_field(rig, path, body, code, NULL);
}

json_t *rig_state(const struct rig *rig) {
        struct answer a = rig_sim(rig, "/state", NULL);
        assert_int_equal(a.http, 200);
        json_t *state = json_incref(a.json);
        answer_done(&a);
        return state;
}

json_int_t rig_number(const struct rig *rig, const char *name) {
        CW_AUTO_JSON json_t *state = rig_state(rig);
        const json_t *value = json_object_get(state, name);
        return json_integer_value(value ? value : json_object_get(json_object_get(state, "calls"), name));
}

json_t *rig_kit(const struct rig *rig, const char *kit_no, const char *member) {
        CW_AUTO_JSON json_t *state = rig_state(rig);
        const json_t *kits = json_object_get(state, "kits");
        for (size_t i = 0; i < json_array_size(kits); i++) {
                const json_t *kit = json_array_get(kits, i);
                if (strcmp(text_of(kit, "kitNo"), kit_no) == 0)
                        return json_incref(json_object_get(kit, member));
        }
        fail_msg("no kit %s", kit_no);
        return NULL;
}

void rig_faults(const struct rig *rig, const char *json) {
        struct answer a = rig_sim(rig, "/faults", json);
        if (a.http != 200)
                fail_msg("faults: %s", a.text ? a.text : "");
        answer_done(&a);
}

const char *text_of(const json_t *object, const char *name) {
        const char *text = json_string_value(json_object_get(object, name));
        return text ? text : "";
}

void seal(const uint8_t *key, const uint8_t *iv, const void *data, size_t len, char *out) {
        uint8_t raw[512];
        int n = 0;
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        assert_true(len + 32 <= sizeof raw);
        memcpy(raw, iv, 16);
        assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 16, NULL), 1);
        assert_int_equal(EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, raw + 16, &n, data, (int)len), 1);
        assert_int_equal(EVP_EncryptFinal_ex(ctx, raw + 16 + n, &n), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, raw + 16 + len), 1);
        EVP_CIPHER_CTX_free(ctx);
        (void)EVP_EncodeBlock((unsigned char *)out, raw, (int)(len + 32));
}

size_t unseal(const uint8_t *key, const char *text, uint8_t *out) {
        uint8_t raw[1024];
        int n = 0;
        size_t text_len = strlen(text);
        assert_true(text_len > 44 && text_len < 1024);
        int whole = EVP_DecodeBlock(raw, (const unsigned char *)text, (int)text_len);
        assert_true(whole > 32);
        size_t len = (size_t)whole - (text[text_len - 1] == '=') - (text[text_len - 2] == '=') - 32;
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 16, NULL), 1);
        assert_int_equal(EVP_DecryptInit_ex(ctx, NULL, NULL, key, raw), 1);
        assert_int_equal(EVP_DecryptUpdate(ctx, out, &n, raw + 16, (int)len), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, raw + 16 + len), 1);
        assert_int_equal(EVP_DecryptFinal_ex(ctx, out + n, &n), 1);
        EVP_CIPHER_CTX_free(ctx);
        out[len] = '\0';
        return len;
}

void pin_block_hex(const char *pin, const char *pan, char out[17]) {
        char field[17];
        size_t len = strlen(pin);
        (void)snprintf(field, sizeof field, "0%zX%sFFFFFFFFFFFFFF", len, pin);
        for (size_t i = 0; i < 16; i++) {
                char nibble[2] = {field[i], '\0'};
                unsigned p = (unsigned)strtoul(nibble, NULL, 16);
                unsigned a = i < 4 ? 0 : (unsigned)(pan[strlen(pan) - 13 + i - 4] - '0');
                out[i] = "0123456789ABCDEF"[(p ^ a) & 0x0f];
        }
        out[16] = '\0';
}

void pin_form(const uint8_t *key, const char *pin, const char *pan, char *out) {
        char block[17];
        uint8_t iv[16];
        assert_int_equal(RAND_bytes(iv, sizeof iv), 1);
        pin_block_hex(pin, pan, block);
        seal(key, iv, block, 16, out);
}

void sha256_hex(const void *data, size_t len, char out[65]) {
        uint8_t digest[32];
        assert_int_equal(EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL), 1);
        for (size_t i = 0; i < 32; i++)
                (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
