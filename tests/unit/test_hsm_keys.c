/* SPDX-License-Identifier: Apache-2.0 */
/* Key management without a token: register, policy of key blocks, component entry, two persons, trace. */
#include "test_hsm_soft.h"

#include "base/buf.h"
#include "base/file.h"
#include "hsm/audit_spool.h"
#include "hsm/ceremony.h"
#include "hsm/key_policy.h"
#include "hsm/key_register.h"
#include "hsm/key_write.h"
#include "hsm/two_person.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void make_dir(char ret[64]) {
        (void)snprintf(ret, 64, "/tmp/hsm-keys-unit-XXXXXX");
        assert_non_null(mkdtemp(ret));
}

static void drop_dir(const char *dir, const char *file) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, file);
        (void)unlink(path);
        assert_int_equal(rmdir(dir), 0);
}

/* ---- register ---- */

static const struct cw_config_key cvk = {
    .label = "cvk", .purpose = "cvk", .algorithm = "tdes2", .kcv = "08D7B4", .block_usage = ""};

static void register_round_trip(void **state) {
        char dir[64];
        static struct cw_key_register r, back;
        struct cw_key_entry *e = NULL;
        (void)state;
        make_dir(dir);
        assert_int_equal(cw_key_register_load(dir, &r, NULL), CW_OK);
        assert_int_equal(r.count, 0);
        assert_int_equal(cw_key_register_entry(&r, &cvk, true, &e, NULL), CW_OK);
        assert_int_equal(e->active, 1);
        assert_string_equal(e->versions[0].kcv, "08D7B4");
        struct cw_key_version *v = cw_key_entry_add(e);
        assert_int_equal(v->version, 2);
        (void)snprintf(v->kcv, sizeof(v->kcv), "D2B91C");
        (void)snprintf(v->valid_to, sizeof(v->valid_to), "2030-02-28");
        v->loaded_ms = 1234567890123;
        e->active = 2;
        assert_int_equal(cw_key_register_save(dir, &r, NULL), CW_OK);
        assert_int_equal(cw_key_register_load(dir, &back, NULL), CW_OK);
        assert_memory_equal(&r, &back, sizeof(r));
        drop_dir(dir, "keys.json");
}

/* When the table is full the oldest destroyed version makes room; a number never comes twice. */
static void register_versions(void **state) {
        static struct cw_key_register r;
        struct cw_key_entry *e = NULL;
        (void)state;
        memset(&r, 0, sizeof(r));
        assert_int_equal(cw_key_register_entry(&r, &cvk, false, &e, NULL), CW_OK);
        assert_int_equal(e->active, 0);
        for (unsigned i = 1; i <= CW_KEY_VERSIONS_MAX; i++)
                assert_int_equal(cw_key_entry_add(e)->version, i);
        assert_null(cw_key_entry_add(e));
        e->versions[2].destroyed = true;
        e->versions[7].destroyed = true;
        assert_int_equal(cw_key_entry_add(e)->version, CW_KEY_VERSIONS_MAX + 1);
        assert_null(cw_key_entry_version(e, 3));
        assert_non_null(cw_key_entry_version(e, 1));
        assert_int_equal(cw_key_entry_add(e)->version, CW_KEY_VERSIONS_MAX + 2);
        assert_null(cw_key_entry_version(e, 8));
}

static void register_damaged(void **state) {
        static const char *const texts[] = {
            "",
            "[]",
            "{\"format\":2,\"keys\":[]}",
            "{\"format\":1}",
            "{\"format\":1,\"keys\":[{}]}",
            "{\"format\":1,\"keys\":[{\"label\":\"a\",\"active\":1,\"versions\":[]}]}",
            "{\"format\":1,\"keys\":[{\"label\":\"a\",\"active\":0,\"versions\":[]},"
            "{\"label\":\"a\",\"active\":0,\"versions\":[]}]}",
            "{\"format\":1,\"keys\":[{\"label\":\"a\",\"active\":1,\"versions\":[{\"version\":1,\"kcv\":"
            "\"12345\","
            "\"origin\":\"\",\"destroyed\":false,\"loaded_ms\":0,\"valid_from\":\"\",\"valid_to\":\"\"}]}]}",
            "{\"format\":1,\"keys\":[{\"label\":\"a\",\"active\":1,\"versions\":[{\"version\":1,\"kcv\":"
            "\"123456\","
            "\"origin\":\"\",\"destroyed\":true,\"loaded_ms\":0,\"valid_from\":\"\",\"valid_to\":\"\"}]}]}",
        };
        static struct cw_key_register r;
        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert_int_equal(cw_key_register_parse(texts[i], strlen(texts[i]), &r, NULL),
                                 CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_SYNTAX));
}

static void days(void **state) {
        char today[11];
        (void)state;
        assert_true(cw_key_day_ok("") && cw_key_day_ok("2028-02-29") && cw_key_day_ok("2026-12-31"));
        assert_false(cw_key_day_ok("2026-02-30") || cw_key_day_ok("2026-13-01") ||
                     cw_key_day_ok("2026-1-01") || cw_key_day_ok("1999-01-01") ||
                     cw_key_day_ok("2026-01-011") || cw_key_day_ok("2026-00-10") ||
                     cw_key_day_ok("+026-01-01"));
        cw_key_today(INT64_C(1772323199000), today); /* 2026-02-28T23:59:59Z */
        assert_string_equal(today, "2026-02-28");
        cw_key_today(INT64_C(1772323200000), today);
        assert_string_equal(today, "2026-03-01");
}

static void labels(void **state) {
        char label[CW_KEY_OBJECT_LABEL_MAX];
        (void)state;
        cw_key_object_label("cvk", 1, "", label);
        assert_string_equal(label, "cvk");
        cw_key_object_label("cvk", 2, ".left", label);
        assert_string_equal(label, "cvk#2.left");
}

/* ---- policy ---- */

static struct cw_config_hsm policy_cfg(const char *versions) {
        return (struct cw_config_hsm){.keyblock_versions = versions};
}

static struct cw_keyblock_header header(char version, const char *usage, char algorithm, char mode,
                                        char exportability) {
        struct cw_keyblock_header h = {.version = version,
                                       .algorithm = algorithm,
                                       .mode = mode,
                                       .exportability = exportability,
                                       .key_version = "00",
                                       .context = '0'};
        memcpy(h.usage, usage, 3);
        return h;
}

static void policy(void **state) {
        static const struct {
                char version;
                const char *usage;
                char algorithm, mode, exportability;
                const char *text; /* NULL: taken */
        } rows[] = {
            {'B', "C0", 'T', 'C', 'N', NULL},
            {'B', "C0", 'T', 'N', 'E', NULL},
            {'D', "C0", 'T', 'G', 'S', NULL},
            {'A', "C0", 'T', 'C', 'N', "version is A, it must be BD"},
            {'B', "C0", 'T', 'V', 'N', "mode of use is V, it must be CGN"},
            {'B', "P0", 'T', 'C', 'N', "key usage is P0, it must be C0"},
            {'B', "0 ", 'T', 'C', 'N', "key usage"},
            {'D', "C0", 'A', 'C', 'N', "algorithm is A, it must be T"},
            {'B', "C0", 'A', 'C', 'N', "version is B, it must be D"},
        };
        const struct cw_config_hsm cfg = policy_cfg("BD");
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct cw_fault f = {0};
                const struct cw_keyblock_header h = header(rows[i].version, rows[i].usage, rows[i].algorithm,
                                                           rows[i].mode, rows[i].exportability);
                cw_rc rc = cw_key_policy_check(&cfg, &cvk, &h, &f);
                assert_int_equal(rc, rows[i].text ? CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED) : CW_OK);
                if (rows[i].text != NULL)
                        assert_non_null(strstr(f.text, rows[i].text));
        }
        struct cw_keyblock_header part = header('B', "C0", 'T', 'C', 'N');
        memcpy(part.key_version, "c1", 3);
        assert_int_not_equal(cw_key_policy_check(&cfg, &cvk, &part, NULL), CW_OK);
}

/* The configuration may name other usages; an exportable key comes only in an exportable block. */
static void policy_of_the_key(void **state) {
        const struct cw_config_hsm cfg = policy_cfg("D");
        struct cw_config_key k = {.label = "k",
                                  .purpose = "kmc-enc",
                                  .algorithm = "aes128",
                                  .block_usage = "K0 D0",
                                  .exportable = 1};
        struct cw_keyblock_header out;
        (void)state;
        struct cw_key_version of = {.version = 107};
        struct cw_keyblock_header h = header('D', "K0", 'A', 'X', 'E');
        assert_int_equal(cw_key_policy_check(&cfg, &k, &h, NULL), CW_OK);
        h = header('D', "E5", 'A', 'X', 'E');
        assert_int_not_equal(cw_key_policy_check(&cfg, &k, &h, NULL), CW_OK);
        h = header('D', "K0", 'A', 'X', 'N');
        assert_int_not_equal(cw_key_policy_check(&cfg, &k, &h, NULL), CW_OK);
        assert_int_equal(cw_key_policy_header(&cfg, &k, 'D', &of, &out, NULL), CW_OK);
        assert_string_equal(out.usage, "K0");
        memcpy(of.usage, "D0", 3); /* it goes as it came */
        assert_int_equal(cw_key_policy_header(&cfg, &k, 'D', &of, &out, NULL), CW_OK);
        assert_string_equal(out.usage, "D0");
        assert_string_equal(out.key_version, "07");
        assert_int_equal(out.exportability, 'N');
        assert_int_not_equal(cw_key_policy_header(&cfg, &k, 'B', &of, &out, NULL), CW_OK);
        k.exportable = 0;
        assert_int_not_equal(cw_key_policy_header(&cfg, &k, 'D', &of, &out, NULL), CW_OK);
        k.purpose = "issuer-rsa";
        assert_int_not_equal(cw_key_policy_check(&cfg, &k, &h, NULL), CW_OK);
}

/* What a key may do is what its block says, not all that its purpose does. */
static void use_of_the_block(void **state) {
        (void)state;
        struct cw_config_key k = {.label = "m", .purpose = "mac", .algorithm = "tdes2", .block_usage = ""};
        struct cw_key_version of = {.version = 1};
        struct cw_fault f = {0};
        assert_int_equal(cw_key_policy_use(&k, &of, "M1", &f), CW_OK); /* of components: it says nothing */
        memcpy(of.usage, "M3", 3);
        assert_int_equal(cw_key_policy_use(&k, &of, "M3", &f), CW_OK);
        assert_int_equal(cw_key_policy_use(&k, &of, "M1", &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_KEY");
        assert_non_null(strstr(f.text, "key usage M3, this needs M1"));
        memcpy(of.usage, "V0", 3);
        assert_int_equal(cw_key_policy_use(&k, &of, "V2 V0", &f), CW_OK);
        k.block_usage = "V1";
        memcpy(of.usage, "V1", 3);
        assert_int_equal(cw_key_policy_use(&k, &of, "V2 V0", &f), CW_OK);
}

static void strength(void **state) {
        (void)state;
        assert_int_equal(cw_key_policy_strength(CW_ALG_AES128, CW_ALG_TDES3, NULL), CW_OK);
        assert_int_equal(cw_key_policy_strength(CW_ALG_TDES2, CW_ALG_TDES2, NULL), CW_OK);
        assert_int_not_equal(cw_key_policy_strength(CW_ALG_TDES2, CW_ALG_TDES3, NULL), CW_OK);
        assert_int_not_equal(cw_key_policy_strength(CW_ALG_AES128, CW_ALG_AES256, NULL), CW_OK);
}

/* ---- component entry ---- */

/* XOR of these is 0123456789ABCDEFFEDCBA9876543210, check value 08D7B4. */
#define ONE "1111 1111 1111 1111 2222 2222 2222 2222"
#define TWO "1032547698BADCFEDCFE98BA54761032"

struct rig {
        struct cw_hsm_crypto c;
        struct soft_hsm *soft;
        struct cw_ceremony *ce;
};

static void begin(struct rig *r, unsigned components, const char *kcv) {
        struct cw_ceremony_plan plan = {.label = "cvk", .alg = CW_ALG_TDES2, .components = components};
        (void)snprintf(plan.kcv, sizeof(plan.kcv), "%s", kcv);
        r->soft = soft_hsm_new(&r->c);
        assert_non_null(r->soft);
        assert_int_equal(cw_ceremony_start(&plan, 0, &r->ce, NULL), CW_OK);
}

static void end(struct rig *r) {
        cw_ceremony_free(r->ce);
        assert_int_equal(soft_key_count(r->soft), 0);
        soft_hsm_free(r->soft);
}

static cw_rc enter(struct rig *r, uid_t uid, unsigned component, const char *text, const char *kcv,
                   struct cw_ceremony_step *ret, bool *ret_over) {
        struct cw_custodian who = {.uid = uid, .user = "u", .component = component};
        struct cw_fault f = {0};
        *ret_over = false;
        return cw_ceremony_enter(r->ce, &r->c, &who, text, strlen(text), kcv, ret, ret_over, &f);
}

static void ceremony(void **state) {
        struct rig r;
        struct cw_ceremony_step step;
        bool over = false;
        (void)state;
        begin(&r, 2, "08D7B4");
        assert_null(cw_ceremony_key(r.ce));
        assert_int_equal(enter(&r, 1, 0, ONE, "", &step, &over), CW_OK);
        assert_int_equal(step.component, 1);
        assert_false(step.complete);
        assert_int_equal(cw_rc_class(enter(&r, 1, 0, TWO, "", &step, &over)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(enter(&r, 2, 0, TWO, "000000", &step, &over)), CW_C_REJECT);
        assert_false(over);
        assert_int_equal(enter(&r, 2, 0, TWO, "", &step, &over), CW_OK);
        assert_true(step.complete && !over);
        assert_string_equal(step.key_kcv, "08D7B4");
        static const uint8_t key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                        0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
        assert_int_equal(cw_ceremony_key(r.ce)->len, sizeof(key));
        assert_memory_not_equal(ONE, key, sizeof(key));
        assert_memory_equal(cw_ceremony_key(r.ce)->ptr, key, sizeof(key));
        end(&r);
}

/* Another key than expected, or one with equal halves, ends the entry. */
static void ceremony_wrong_key(void **state) {
        static const char *const second[] = {"1032547698BADCFEDCFE98BA54761030",
                                             "00000000000000003333333333333333"};
        struct cw_ceremony_step step;
        bool over = false;
        (void)state;
        for (size_t i = 0; i < 2; i++) {
                struct rig r;
                begin(&r, 2, "08D7B4");
                assert_int_equal(enter(&r, 1, 0, ONE, "", &step, &over), CW_OK);
                assert_int_equal(enter(&r, 2, 0, second[i], "", &step, &over),
                                 CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
                assert_true(over);
                assert_null(cw_ceremony_key(r.ce));
                end(&r);
        }
}

/* Numbers that persons hold: each once, none beyond the count. */
static void ceremony_numbers(void **state) {
        struct rig r;
        struct cw_ceremony_step step;
        bool over = false;
        (void)state;
        begin(&r, 3, "08D7B4");
        assert_int_equal(enter(&r, 1, 3, ONE, "", &step, &over), CW_OK);
        assert_int_equal(step.component, 3);
        assert_int_equal(cw_rc_class(enter(&r, 2, 3, ONE, "", &step, &over)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(enter(&r, 2, 4, ONE, "", &step, &over)), CW_C_REJECT);
        assert_int_equal(enter(&r, 2, 0, ONE, "", &step, &over), CW_OK);
        assert_int_equal(step.component, 1);
        CW_AUTO_JSON json_t *json = cw_ceremony_json(r.ce);
        assert_int_equal(json_array_size(json_object_get(json, "entered")), 2);
        end(&r);
}

static void ceremony_plans(void **state) {
        static const struct {
                enum cw_hsm_alg alg;
                unsigned components;
                const char *kcv;
        } rows[] = {{CW_ALG_TDES2, 1, "08D7B4"}, {CW_ALG_TDES2, 4, "08D7B4"}, {CW_ALG_GENERIC, 2, "08D7B4"},
                    {CW_ALG_RSA, 2, "08D7B4"},   {CW_ALG_TDES2, 2, ""},       {CW_ALG_TDES2, 2, "08D7"}};
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct cw_ceremony_plan plan = {.alg = rows[i].alg, .components = rows[i].components};
                struct cw_ceremony *ce = NULL;
                (void)snprintf(plan.kcv, sizeof(plan.kcv), "%s", rows[i].kcv);
                assert_int_equal(cw_rc_class(cw_ceremony_start(&plan, 0, &ce, NULL)), CW_C_REJECT);
                assert_null(ce);
        }
}

/* ---- two persons ---- */

static void two_persons(void **state) {
        struct cw_two_person t = {0};
        struct cw_two_person_request r = {.label = "cvk", .version = 1, .uid = 10, .deadline_ns = 100}, got;
        int64_t id = 0, other = 0;
        (void)state;
        assert_int_equal(cw_two_person_ask(&t, &r, &id, NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_two_person_ask(&t, &r, &other, NULL)), CW_C_REJECT);
        assert_int_equal(cw_two_person_confirm(&t, id, 10, &got, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_int_equal(cw_two_person_expire(&t, 50), 100);
        assert_int_equal(cw_two_person_confirm(&t, id, 11, &got, NULL), CW_OK);
        assert_string_equal(got.label, "cvk");
        assert_int_equal(cw_two_person_confirm(&t, id, 11, &got, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_NOT_FOUND));
        assert_int_equal(cw_two_person_ask(&t, &r, &other, NULL), CW_OK);
        assert_int_not_equal(other, id);
        assert_int_equal(cw_two_person_expire(&t, 100), INT64_MAX);
        assert_int_equal(cw_rc_class(cw_two_person_drop(&t, other, &got, NULL)), CW_C_REJECT);
        for (unsigned i = 0; i < CW_TWO_PERSON_MAX; i++) {
                r.version = i + 1;
                assert_int_equal(cw_two_person_ask(&t, &r, &id, NULL), CW_OK);
        }
        r.version = 99;
        assert_int_equal(cw_rc_class(cw_two_person_ask(&t, &r, &id, NULL)), CW_C_RETRY);
}

/* ---- trace ---- */

static void spool(void **state) {
        char dir[64], path[128];
        struct cw_audit_spool *s = NULL;
        CW_AUTO_JSON json_t *detail = json_pack("{s:s}", "phase", "asked");
        (void)state;
        make_dir(dir);
        (void)snprintf(path, sizeof(path), "%s/audit.jsonl", dir);
        assert_int_equal(cw_audit_spool_open(dir, &s, NULL), CW_OK);
        for (int i = 0; i < 3; i++)
                assert_int_equal(cw_audit_spool_add(s, "key.import", "root", detail, NULL), CW_OK);
        json_int_t first = json_integer_value(json_object_get(cw_audit_spool_first(s), "seq"));
        assert_int_equal(cw_audit_spool_drop(s, first + 1, NULL), CW_OK);
        assert_int_equal(cw_audit_spool_count(s), 3);
        assert_int_equal(cw_audit_spool_drop(s, first, NULL), CW_OK);
        cw_audit_spool_close(s);
        /* Opened again it goes on; a line cut off by a crash is dropped, one that is changed is told. */
        FILE *f = fopen(path, "ae");
        assert_true(f != NULL && fputs("{\"seq\": 99999", f) >= 0 && fclose(f) == 0);
        assert_int_equal(cw_audit_spool_open(dir, &s, NULL), CW_OK);
        assert_int_equal(cw_audit_spool_count(s), 2);
        assert_int_equal(cw_audit_spool_add(s, "key.rotate", "root", detail, NULL), CW_OK);
        cw_audit_spool_close(s);
        assert_int_equal(cw_audit_spool_open(dir, &s, NULL), CW_OK);
        assert_int_equal(cw_audit_spool_count(s), 3);
        cw_audit_spool_close(s);
        f = fopen(path, "ae");
        assert_true(f != NULL && fputs("{}\n", f) >= 0 && fclose(f) == 0);
        assert_int_equal(cw_audit_spool_open(dir, &s, NULL), CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_SYNTAX));
        drop_dir(dir, "audit.jsonl");
}

/* Without its record nothing may be done: a folder that is gone, a spool that is full. */
static void spool_refuses(void **state) {
        char dir[64];
        struct cw_audit_spool *s = NULL;
        CW_AUTO_JSON json_t *detail = json_object();
        (void)state;
        make_dir(dir);
        assert_int_equal(cw_audit_spool_open(dir, &s, NULL), CW_OK);
        assert_int_equal(rmdir(dir), 0);
        assert_int_equal(cw_audit_spool_add(s, "a", "b", detail, NULL),
                         CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_IO));
        assert_int_equal(cw_audit_spool_count(s), 0);
        cw_audit_spool_close(s);
}

/* No clear RSA key is written, whatever a caller gives. */
static void rsa_keys_are_not_written(void **state) {
        (void)state;
        static const struct cw_config_key cfg = {
            .label = "issuer", .purpose = "issuer-rsa", .algorithm = "rsa", .kcv = "0011223344"};
        const struct cw_key_version v = {.version = 2, .kcv = "0011223344"};
        const struct cw_key_write w = {
            .cfg = &cfg, .version = &v, .value = (const uint8_t *)"0123456789abcdef", .len = 16};
        struct cw_fault f = {0};
        assert_int_equal(cw_key_write(NULL, NULL, &w, NULL, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED));
        assert_non_null(strstr(f.text, "key pair"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(register_round_trip),
            cmocka_unit_test(register_versions),
            cmocka_unit_test(register_damaged),
            cmocka_unit_test(days),
            cmocka_unit_test(labels),
            cmocka_unit_test(policy),
            cmocka_unit_test(policy_of_the_key),
            cmocka_unit_test(use_of_the_block),
            cmocka_unit_test(strength),
            cmocka_unit_test(ceremony),
            cmocka_unit_test(ceremony_wrong_key),
            cmocka_unit_test(ceremony_numbers),
            cmocka_unit_test(ceremony_plans),
            cmocka_unit_test(two_persons),
            cmocka_unit_test(spool),
            cmocka_unit_test(spool_refuses),
            cmocka_unit_test(rsa_keys_are_not_written),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
