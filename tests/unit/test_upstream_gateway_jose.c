/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JOSE of the gateway against an independent tool, the command jose of Debian: it opens what we seal and
 * seals what we open. The keys were made for this file, each once in PEM and once as JWK.
 */
#include "agent/upstream/gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const char bank_key[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXcq6/bNfzoZH3bx3\n"
                               "FgAEihEp2/F79QKftAXS5L2jNmuhRANCAASLExU/uUz6OFw01VJVPevTjFhZutMo\n"
                               "h2gb/RYDXF87hOmDBGUwSRP/TB0j2+PXn1wc+9EFDX8tEl2dQbz9iw3o\n"
                               "-----END PRIVATE KEY-----\n";
static const char gate_pub[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyo8bdZqjfvhoPTpVSkMS/KgtZZJp\n"
                               "J0Upm0gYlN84yPbiJnMOd08GYOlKHQIWyqF6sHeP4y2vBqBlwYjkeukUHA==\n"
                               "-----END PUBLIC KEY-----\n";
static const char bank_jwk[] = "{\"kty\":\"EC\",\"crv\":\"P-256\","
                               "\"x\":\"ixMVP7lM-jhcNNVSVT3r04xYWbrTKIdoG_0WA1xfO4Q\","
                               "\"y\":\"6YMEZTBJE_9MHSPb49efXBz70QUNfy0SXZ1BvP2LDeg\"}";
static const char gate_jwk[] = "{\"kty\":\"EC\",\"crv\":\"P-256\","
                               "\"x\":\"yo8bdZqjfvhoPTpVSkMS_KgtZZJpJ0Upm0gYlN84yPY\","
                               "\"y\":\"4iZzDndPBmDpSh0CFsqherB3j-MtrwagZcGI5HrpFBw\","
                               "\"d\":\"peKntokTjh4d5dtBpvXzMraM4pZALep1exxzFFn4Hng\"}";
static const char clear_text[] = "{\"kitNo\":\"4240181647\",\"name\":\"Jos\xc3\xa9\",\"n\":1.50}";

static char dir[64];

static struct cw_span text_span(const char *text) {
        return CW_SPAN((const uint8_t *)text, strlen(text));
}

static void put(const char *name, const void *bytes, size_t len) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
}

/* The command's standard output; it runs in the folder of the test's files. */
static size_t run(const char *command, char *ret, size_t cap) {
        char line[512];
        (void)snprintf(line, sizeof line, "cd %s && %s", dir, command);
        FILE *pipe = popen(line, "re");
        assert_non_null(pipe);
        size_t len = fread(ret, 1, cap - 1, pipe);
        assert_int_equal(pclose(pipe), 0);
        ret[len] = '\0';
        return len;
}

static struct cw_gateway_codec *codec(void) {
        const struct cw_gateway_pair pair = {
            .own_pem = text_span(bank_key), .peer_pem = text_span(gate_pub), .kid = "kid-1"};
        struct cw_gateway_codec *g = NULL;
        struct cw_fault f = {0};
        assert_int_equal(cw_gateway_jwe_new(&pair, 1, &g, &f), CW_OK);
        return g;
}

static void it_opens_what_we_seal(void **state) {
        (void)state;
        CW_AUTO(cw_gateway_free) struct cw_gateway_codec *g = codec();
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL;
        struct cw_fault f = {0};
        char text[2048];
        assert_int_equal(g->ops->seal(g, text_span(clear_text), &wire, &f), CW_OK);
        put("sealed", wire->ptr, wire->len);
        (void)run("jose jwe dec -i sealed -k gate.jwk", text, sizeof text);
        assert_string_equal(text, clear_text);
        (void)run("cut -d. -f1 sealed | jose b64 dec -i- -O-", text, sizeof text);
        assert_non_null(strstr(text, "\"kid\":\"kid-1\""));
        assert_non_null(strstr(text, "\"alg\":\"ECDH-ES\""));
}

static void open_theirs(const char *header, bool good) {
        CW_AUTO(cw_gateway_free) struct cw_gateway_codec *g = codec();
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        struct cw_fault f = {0};
        char command[256];
        char wire[2048];
        (void)snprintf(command, sizeof command,
                       "jose jwe enc -i '{\"protected\":%s}' -I clear -k bank.jwk -c", header);
        size_t len = run(command, wire, sizeof wire);
        cw_rc rc = g->ops->open(g, CW_SPAN((uint8_t *)wire, len), &clear, &f);
        if (!good) {
                assert_int_equal(cw_rc_class(rc), CW_C_OPERATOR);
                return;
        }
        assert_int_equal(rc, CW_OK);
        assert_int_equal(clear->len, strlen(clear_text));
        assert_memory_equal(clear->ptr, clear_text, clear->len);
        /* One bit of the tag. */
        wire[len - 3] = wire[len - 3] == 'A' ? 'B' : 'A';
        CW_AUTO(cw_secret_free) struct cw_secret *none = NULL;
        assert_int_equal(cw_rc_class(g->ops->open(g, CW_SPAN((uint8_t *)wire, len), &none, &f)),
                         CW_C_OPERATOR);
}

static void it_seals_what_we_open(void **state) {
        (void)state;
        open_theirs("{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"kid-1\"}", true);
        open_theirs("{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\"}", true);
        open_theirs("{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"apu\":\"QWxpY2U\",\"apv\":\"Qm9i\"}", true);
}

static void it_seals_what_we_refuse(void **state) {
        (void)state;
        open_theirs("{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"kid-2\"}", false);
        open_theirs("{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\"}", false);
        open_theirs("{\"alg\":\"ECDH-ES+A128KW\",\"enc\":\"A256GCM\"}", false);
        open_theirs("{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"zip\":\"DEF\"}", false);
}

static int begin(void **state) {
        (void)state;
        (void)snprintf(dir, sizeof dir, "/tmp/cw-jose.XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        put("bank.jwk", bank_jwk, strlen(bank_jwk));
        put("gate.jwk", gate_jwk, strlen(gate_jwk));
        put("clear", clear_text, strlen(clear_text));
        return 0;
}

static int end(void **state) {
        static const char *const names[] = {"bank.jwk", "gate.jwk", "clear", "sealed"};
        (void)state;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char path[128];
                (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
                (void)unlink(path);
        }
        return rmdir(dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(it_opens_what_we_seal),
            cmocka_unit_test(it_seals_what_we_open),
            cmocka_unit_test(it_seals_what_we_refuse),
        };
        return cmocka_run_group_tests(tests, begin, end);
}
