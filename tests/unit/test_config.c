/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/file.h"
#include "config/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static char dir[] = "/tmp/cw-config-XXXXXX";
static char path[64];
static char extra[64];

static int set_up(void **state) {
        (void)state;
        char folder[64];
        if (!mkdtemp(dir))
                return -1;
        (void)snprintf(path, sizeof path, "%s/cardwright.json", dir);
        (void)snprintf(folder, sizeof folder, "%s/conf.d", dir);
        (void)snprintf(extra, sizeof extra, "%s/conf.d/50-site.json", dir);
        return mkdir(folder, 0700);
}

static int tear_down(void **state) {
        (void)state;
        char folder[64];
        (void)snprintf(folder, sizeof folder, "%s/conf.d", dir);
        (void)unlink(path);
        (void)unlink(extra);
        return rmdir(folder) + rmdir(dir);
}

/* The example with one piece of text replaced. */
static void write_variant(const char *from, const char *to) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        assert_int_equal(cw_file_read(CW_EXAMPLE, 65536, &text, &len, NULL), CW_OK);
        char *at = strstr(text, from);
        assert_non_null(at);
        CW_AUTO_FILE FILE *out = fopen(path, "w");
        assert_non_null(out);
        (void)fprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* Loads the variant and returns the findings as text; *ret_rc tells how it ended. */
static char *findings(cw_rc *ret_rc) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        struct cw_config *c = NULL;
        struct cw_fault f = {0};
        *ret_rc = cw_config_load(path, out, &c, &f);
        cw_config_free(c);
        (void)fclose(out);
        return text;
}

static void the_example_is_valid(void **state) {
        (void)state;
        CW_AUTO(cw_config_free) struct cw_config *c = NULL;
        struct cw_fault f = {0};
        assert_int_equal(cw_config_load(CW_EXAMPLE, stderr, &c, &f), CW_OK);
        assert_string_equal(c->server.tenant, "ACME_BANK");
        assert_int_equal(c->hsm.key_count, 11);
        assert_int_equal(c->hsm.test_token, 0); /* unless somebody says so */
        assert_int_equal(c->hsm.module_init_style, CW_MODULE_INIT_NONE);
        assert_int_equal(c->products[0].security_level, 0x33);
        assert_int_equal(c->products[0].visual_check, CW_VISUAL_AUTOMATIC);
        assert_int_equal(c->agent.poll_max_ms, 60000);
        assert_int_equal(cw_config_station(c, "kiosk-1")->kind, CW_STATION_KIOSK);
        assert_string_equal(cw_config_product(c, "71")->psn, "00");
        assert_string_equal(cw_config_key(c, "pad-bdk")->purpose, "bdk");
        assert_null(cw_config_product(c, "72"));
}

static void the_registers_of_hsmd_are_lasting(void **state) {
        (void)state;
        struct cw_config c = {.hsm.state_dir = ""};
        struct cw_fault f = {0};
        char folder[CW_CONFIG_PATH_CAP] = "";
        (void)unsetenv("STATE_DIRECTORY");
        assert_int_equal(cw_rc_class(cw_config_hsm_state_dir(&c, folder, &f)), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "hsm.state_dir"));
        (void)setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
        assert_int_equal(cw_config_hsm_state_dir(&c, folder, &f), CW_OK);
        assert_string_equal(folder, "/var/lib/a");
        c.hsm.state_dir = "/srv/hsm:1";
        assert_int_equal(cw_config_hsm_state_dir(&c, folder, &f), CW_OK);
        assert_string_equal(folder, "/srv/hsm:1");
        (void)setenv("STATE_DIRECTORY", "", 1);
        c.hsm.state_dir = "";
        assert_int_not_equal(cw_config_hsm_state_dir(&c, folder, &f), CW_OK);
        (void)unsetenv("STATE_DIRECTORY");
}

struct refusal {
        const char *from, *to;
        const char *want;  /* part of the finding */
        const char *token; /* what stands at the reported place; NULL: any */
};

static const struct refusal refusals[] = {
    {"\"printer_driver\": \"evolis\"", "\"printer_driver\": \"evolis\", \"matica_jam\": \"told\"",
     "stations[desk-1].matica_jam: is for a printer_driver \"matica\" only", NULL},
    {"\"printer_driver\": \"evolis\"", "\"printer_driver\": \"magicard\", \"chip_at\": \"contactless\"",
     "stations[desk-1].chip_at: a printer_driver \"magicard\" has no contactless station", NULL},
    {"\"pinpad_tty\": \"", "\"chip_at\": \"contactless\", \"pinpad_tty\": \"",
     "stations[kiosk-1].chip_at: is for a station of kind \"issue\" only", NULL},
    {"\"printer_driver\": \"evolis\"", "\"printer_driver\": \"evolis\", \"matica_rfid\": \"move\"",
     "stations[desk-1].matica_rfid: is for a printer_driver \"matica\" only", NULL},
    {"\"printer_driver\": \"evolis\"", "\"printer_driver\": \"matica\", \"matica_shift_right_px\": 11",
     "matica_shift_right_px: must be a whole number from -10 to 10", NULL},
    {"\"printer_driver\": \"evolis\"", "\"printer_driver\": \"matica\", \"matica_sentinels\": \"both\"",
     "matica_sentinels", NULL},
    {"\"tenant\": \"ACME_BANK\"", "\"tennant\": \"ACME_BANK\"", "server.tennant: no such key", "\"tennant\""},
    {"\"tenant\": \"ACME_BANK\",", "", "server.tenant: must be set", NULL},
    {"\"attempts\": 3", "\"attempts\": 300", "pin.attempts: must be a whole number from 1 to 9",
     "\"attempts\""},
    {"\"attempts\": 3", "\"attempts\": \"3\"", "pin.attempts: must be a whole number", "\"attempts\""},
    {"\"attempts\": 3", "\"attempts\": 3,", "not JSON", NULL},
    {"\"attempts\": 3", "\"attempts\": 3, \"attempts\": 4", "duplicate", NULL},
    {"\"allow_host_memory\": false", "\"allow_host_memory\": 0", "must be true or false",
     "\"allow_host_memory\""},
    {"\"gateway\": \"none\"", "\"gateway\": \"rot13\"", "\"rot13\" is not known; use one of \"none\"",
     "\"gateway\""},
    {"\"gateway\": \"none\"", "\"gateway\": \"static-ecdh-hkdf\"", "needs gateway_key_credential",
     "\"gateway\""},
    {"\"visual_check\": \"automatic\"", "\"visual_check\": \"never\"",
     "\"never\" is not known; use one of \"automatic\", \"operator\"", "\"visual_check\""},
    {"https://dcms", "http://dcms", "must begin with https://", "\"url\""},
    {"\"service_code\": \"220\"", "\"service_code\": \"22\"", "has 2 characters; 3 to 3 are allowed",
     "\"service_code\""},
    {"\"service_code\": \"220\"", "\"service_code\": \"22A\"", "only digits", "\"service_code\""},
    {"\"cvk\": \"debit-cvk\"", "\"cvk\": \"nokey\"", "no key \"nokey\" in hsm.keys", "\"cvk\""},
    {"\"cvk\": \"debit-cvk\"", "\"cvk\": \"pad-bdk\"", "has the purpose bdk, but cvk is needed", "\"cvk\""},
    {"\"name\": \"kiosk-1\"", "\"name\": \"desk-1\"", "stands in the list twice", NULL},
    {"\"plastic_codes\": \"71\"", "\"plastic_codes\": \"99\"", "no product has the plastic_code \"99\"",
     "\"plastic_codes\""},
    {"\"plastic_codes\": \"71\"", "\"plastic_codes\": \"71,72\"", "one hopper with one kind of plastic",
     "\"plastic_codes\""},
    {"\"label\": \"pad-bdk\"", "\"iksns\": \"FFFF9876543210E0000\", \"label\": \"pad-bdk\"",
     "\"FFFF9876543210E0000\" is no initial key serial number: 20 upper-case hex digits", "\"iksns\""},
    {"\"label\": \"pad-bdk\"",
     "\"iksns\": \"FFFF9876543210E00000 FFFF9876543210F00000\", \"label\": \"pad-bdk\"",
     "\"FFFF9876543210F00000\" is no initial key serial number", "\"iksns\""},
    {"\"label\": \"debit-cvk\"", "\"iksns\": \"FFFF9876543210E00000\", \"label\": \"debit-cvk\"",
     "only a bdk has PIN pads", "\"iksns\""},
    {"\"service_code\": \"220\"",
     "\"pin_source\": \"mailer\", \"mailer_currency\": \"356\", \"chip_pin_script\": true",
     "chip_pin_script: must be false when pin_source is \"mailer\"", NULL},
    {"\"products\": [", "\"products\": {\"a\":1}, \"pin2\": [", "must be a list", "\"products\""},
};

static void token_stands_at(const char *finding, const char *token) {
        unsigned line = 0;
        unsigned column = 0;
        assert_int_equal(sscanf(finding + strlen(path), ":%u:%u:", &line, &column), 2);
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        assert_int_equal(cw_file_read(path, 65536, &text, &len, NULL), CW_OK);
        const char *at = text;
        for (unsigned i = 1; i < line; i++)
                at = strchr(at, '\n') + 1;
        assert_memory_equal(at + column - 1, token, strlen(token));
}

static void each_mistake_is_named_and_placed(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
                cw_rc rc = CW_OK;
                write_variant(refusals[i].from, refusals[i].to);
                CW_AUTO_MEM char *text = findings(&rc);
                assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
                assert_non_null(text);
                assert_memory_equal(text, path, strlen(path));
                if (!strstr(text, refusals[i].want))
                        fail_msg("'%s' is not in: %s", refusals[i].want, text);
                if (refusals[i].token)
                        token_stands_at(text, refusals[i].token);
        }
}

static void all_mistakes_are_reported_at_once(void **state) {
        (void)state;
        cw_rc rc = CW_OK;
        write_variant("\"attempts\": 3", "\"attempts\": 99, \"colour\": \"red\"");
        CW_AUTO_MEM char *text = findings(&rc);
        assert_non_null(strstr(text, "pin.attempts"));
        assert_non_null(strstr(text, "pin.colour"));
}

static void what_a_matica_printer_does_is_told(void **state) {
        (void)state;
        CW_AUTO(cw_config_free) struct cw_config *c = NULL;
        write_variant("\"printer_driver\": \"evolis\"",
                      "\"printer_driver\": \"matica\", \"matica_model\": \"XID8600\", "
                      "\"matica_sentinels\": \"host-lrc\", \"matica_jam\": \"told\", "
                      "\"matica_counters\": \"shown\", \"matica_shift_down_px\": -8, "
                      "\"matica_rfid\": \"05-04\", \"chip_at\": \"contactless\"");
        assert_int_equal(cw_config_load(path, stderr, &c, NULL), CW_OK);
        const struct cw_config_station *desk = cw_config_station(c, "desk-1"),
                                       *kiosk = cw_config_station(c, "kiosk-1");
        assert_int_equal(desk->matica_model, CW_CONFIG_MATICA_XID8600);
        assert_int_equal(desk->matica_sentinels, CW_CONFIG_SENTINELS_HOST_LRC);
        assert_int_equal(desk->matica_jam, CW_CONFIG_JAM_TOLD);
        assert_int_equal(desk->matica_counters, CW_CONFIG_COUNTERS_SHOWN);
        assert_int_equal(desk->matica_shift_right_px, 0);
        assert_int_equal(desk->matica_shift_down_px, -8);
        assert_int_equal(desk->matica_rfid, CW_CONFIG_RFID_05_04);
        assert_int_equal(desk->chip_at, CW_CHIP_AT_CONTACTLESS);
        assert_int_equal(kiosk->matica_rfid, CW_CONFIG_RFID_04_05);
        assert_int_equal(kiosk->chip_at, CW_CHIP_AT_CONTACT);
        assert_int_equal(kiosk->matica_model, CW_CONFIG_MATICA_AUTO);
        assert_int_equal(kiosk->matica_sentinels, CW_CONFIG_SENTINELS_PRINTER);
        assert_int_equal(kiosk->matica_jam, CW_CONFIG_JAM_BETWEEN);
        assert_int_equal(kiosk->matica_counters, CW_CONFIG_COUNTERS_EVIDENCE);
}

static void conf_d_overrides_members(void **state) {
        (void)state;
        write_variant("\"attempts\": 3", "\"attempts\": 3");
        const char *site =
            "{\"pin\": {\"attempts\": 2}, \"stations\": [{\"name\": \"desk-1\", \"hopper\": 7},"
            " {\"name\": \"desk-2\", \"kind\": \"kiosk\", \"reader\": \"R\", \"pinpad_tty\": \"/dev/t\"}]}";
        assert_int_equal(cw_file_write_atomic(extra, site, strlen(site), 0600, NULL), CW_OK);
        CW_AUTO(cw_config_free) struct cw_config *c = NULL;
        assert_int_equal(cw_config_load(path, stderr, &c, NULL), CW_OK);
        assert_int_equal(c->pin.attempts, 2);
        assert_int_equal(c->station_count, 3);
        assert_int_equal(cw_config_station(c, "desk-1")->hopper, 7);
        assert_string_equal(cw_config_station(c, "desk-1")->printer_driver, "evolis");
        assert_int_equal(unlink(extra), 0);
}

/* One that two stations name would go from one to the other with a card inside. */
static void each_station_has_its_own_printer(void **state) {
        (void)state;
        static const struct {
                const char *first, *driver, *second;
                bool refused;
        } cases[] = {
            {"EV-1", "evolis", "EV-1", true},
            {"port:1-2", "evolis", "port:1-2", true},
            {"", "evolis", "", true},
            {"EV-1", "evolis", "EV-2", false},
            {"port:1-2", "evolis", "port:1-3", false},
            {"EV-1", "magicard", "EV-1", false},
            {"", "magicard", "", false},
            {"", "", "", false},
        };
        write_variant("\"attempts\": 3", "\"attempts\": 3");
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char site[400];
                cw_rc rc = CW_OK;
                int len = snprintf(site, sizeof site,
                                   "{\"stations\": [{\"name\": \"desk-1\", \"printer_serial\": \"%s\"},"
                                   " {\"name\": \"desk-2\", \"kind\": \"%s\", \"reader\": \"R\", "
                                   "\"pinpad_tty\": \"/dev/t\", "
                                   "\"plastic_codes\": \"71\", \"printer_driver\": \"%s\", "
                                   "\"printer_serial\": \"%s\"}]}",
                                   cases[i].first, *cases[i].driver ? "issue" : "kiosk", cases[i].driver,
                                   cases[i].second);
                assert_int_equal(cw_file_write_atomic(extra, site, (size_t)len, 0600, NULL), CW_OK);
                CW_AUTO_MEM char *text = findings(&rc);
                if ((rc != CW_OK) != cases[i].refused)
                        fail_msg("%s %s: %s", cases[i].driver, cases[i].second, text);
                if (cases[i].refused)
                        assert_non_null(strstr(
                            text,
                            "stations[desk-2].printer_serial: stations[desk-1] has the printer evolis"));
        }
        assert_int_equal(unlink(extra), 0);
}

/* A rule between keys names the file that set the key, not the first one. */
static void a_rule_names_the_file_that_broke_it(void **state) {
        (void)state;
        cw_rc rc = CW_OK;
        write_variant("\"attempts\": 3", "\"attempts\": 3");
        const char *site = "{\n \"products\": [{\"plastic_code\": \"71\",\n   \"cvk\": \"nokey\"}],\n"
                           " \"server\": {\"url\": \"http://x\"}, \"pan_hash_key\": \"dcms-pan\"}\n";
        assert_int_equal(cw_file_write_atomic(extra, site, strlen(site), 0600, NULL), CW_OK);
        CW_AUTO_MEM char *text = findings(&rc);
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
        assert_non_null(strstr(text, "conf.d/50-site.json:3:4: products[71].cvk: no key"));
        assert_non_null(strstr(text, "conf.d/50-site.json:4:13: server.url: must begin with https://"));
        assert_non_null(
            strstr(text, "conf.d/50-site.json:4:33: pan_hash_key: key \"dcms-pan\" has the purpose"));
        assert_int_equal(unlink(extra), 0);
}

static void what_is_no_object_is_refused(void **state) {
        (void)state;
        const char *const texts[] = {"[]", "7", "", "{} {}", "// nothing else"};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                cw_rc rc = CW_OK;
                assert_int_equal(cw_file_write_atomic(path, texts[i], strlen(texts[i]), 0600, NULL), CW_OK);
                CW_AUTO_MEM char *text = findings(&rc);
                assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
                assert_memory_equal(text + strlen(path), ":1:", 3);
                assert_non_null(strstr(text, "not "));
        }
}

/* What --print-config writes is itself a valid configuration with the same values. */
static void print_config_round_trips(void **state) {
        (void)state;
        CW_AUTO(cw_config_free) struct cw_config *c = NULL;
        CW_AUTO_MEM char *first = NULL;
        CW_AUTO_MEM char *second = NULL;
        size_t len = 0;
        assert_int_equal(cw_config_load(CW_EXAMPLE, stderr, &c, NULL), CW_OK);
        FILE *out = open_memstream(&first, &len);
        assert_int_equal(cw_config_print(c, out), CW_OK);
        (void)fclose(out);
        assert_int_equal(cw_file_write_atomic(path, first, len, 0600, NULL), CW_OK);
        CW_AUTO(cw_config_free) struct cw_config *again = NULL;
        assert_int_equal(cw_config_load(path, stderr, &again, NULL), CW_OK);
        out = open_memstream(&second, &len);
        assert_int_equal(cw_config_print(again, out), CW_OK);
        (void)fclose(out);
        assert_string_equal(first, second);
}

static void the_schema_lists_every_section(void **state) {
        (void)state;
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        assert_int_equal(cw_config_schema(out), CW_OK);
        (void)fclose(out);
        CW_AUTO_JSON json_t *schema = json_loads(text, 0, NULL);
        const json_t *properties = json_object_get(schema, "properties");
        const char *const names[] = {"agent", "server", "hsm", "pin", "products", "stations"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                assert_non_null(json_object_get(properties, names[i]));
        const json_t *hsm = json_object_get(json_object_get(properties, "hsm"), "properties");
        assert_string_equal(json_string_value(json_object_get(json_object_get(hsm, "keys"), "type")),
                            "array");
}

static void comments_keep_every_place(void **state) {
        (void)state;
        char text[] = "// first\n{\"a\": \"//no comment\"}\n  // last";
        cw_blank_comments(text, strlen(text));
        assert_string_equal(text, "        \n{\"a\": \"//no comment\"}\n         ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_example_is_valid),
            cmocka_unit_test(the_registers_of_hsmd_are_lasting),
            cmocka_unit_test(each_mistake_is_named_and_placed),
            cmocka_unit_test(all_mistakes_are_reported_at_once),
            cmocka_unit_test(what_a_matica_printer_does_is_told),
            cmocka_unit_test(conf_d_overrides_members),
            cmocka_unit_test(each_station_has_its_own_printer),
            cmocka_unit_test(a_rule_names_the_file_that_broke_it),
            cmocka_unit_test(what_is_no_object_is_refused),
            cmocka_unit_test(print_config_round_trips),
            cmocka_unit_test(the_schema_lists_every_section),
            cmocka_unit_test(comments_keep_every_place),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
