/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of tries of card keys: no second try without a person, nothing kept of the others. */
#include "hsm/gp_ledger.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/cw-ledger-XXXXXX";

static int setup(void **state) {
        (void)state;
        return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
        (void)state;
        char path[64];
        (void)snprintf(path, sizeof path, "%s/gp-tries", dir);
        (void)unlink(path);
        (void)snprintf(path, sizeof path, "%s/gp-tries.lock", dir);
        (void)unlink(path);
        int rc = rmdir(dir);
        (void)snprintf(dir, sizeof dir, "/tmp/cw-ledger-XXXXXX");
        return rc;
}

static void put_ledger(const char *text) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/gp-tries", dir);
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        assert_true(fputs(text, out) >= 0);
        assert_int_equal(fclose(out), 0);
}

static size_t ledger_len(void) {
        char path[64];
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/gp-tries", dir);
        assert_int_equal(stat(path, &st), 0);
        return (size_t)st.st_size;
}

static void second_try(void **state) {
        (void)state;
        struct cw_gp_try card = {.kdd = {1, 2, 3}, .kvn = 0x30, .scp = 3, .keys = "kmc03-enc/kdf3"};
        struct cw_gp_try other = card;
        struct cw_fault f = {0};
        assert_int_equal(cw_gp_ledger_try(dir, &card, &f), CW_OK);
        assert_int_equal(cw_gp_ledger_try(dir, &card, &f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_string_equal(f.code, "HSM_QUARANTINE");
        /* Another card, other keys, another version of them: each is a try of its own. */
        other.kdd[0] = 9;
        assert_int_equal(cw_gp_ledger_try(dir, &other, NULL), CW_OK);
        other = card;
        other.kvn = 0x20;
        assert_int_equal(cw_gp_ledger_try(dir, &other, NULL), CW_OK);
        other = card;
        (void)snprintf(other.keys, sizeof other.keys, "test-keys/none");
        assert_int_equal(cw_gp_ledger_try(dir, &other, NULL), CW_OK);
        /* The card accepted: it may be opened again, for a second application. */
        assert_int_equal(cw_gp_ledger_accepted(dir, &card, NULL), CW_OK);
        assert_int_equal(cw_gp_ledger_try(dir, &card, NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_gp_ledger_try(dir, &card, NULL)), CW_C_REJECT);
}

static void no_ledger_no_try(void **state) {
        (void)state;
        const struct cw_gp_try card = {.kvn = 1, .scp = 2};
        assert_int_equal(cw_rc_class(cw_gp_ledger_try("/nonexistent", &card, NULL)), CW_C_OPERATOR);
}

/* The disk was full in the middle of a line: its try never began, and others go on. */
static void torn_line(void **state) {
        (void)state;
        const struct cw_gp_try card = {.kdd = {1, 2, 3}, .kvn = 0x30, .scp = 3, .keys = "kmc03-enc/kdf3"};
        struct cw_fault f = {0};
        put_ledger("+ a\n+ 010203000000");
        assert_int_equal(cw_gp_ledger_ready(dir, &f), CW_OK);
        assert_int_equal(cw_gp_ledger_check(dir, &card, &f), CW_OK);
        assert_int_equal(cw_gp_ledger_try(dir, &card, &f), CW_OK);
        assert_int_equal(cw_rc_class(cw_gp_ledger_try(dir, &card, &f)), CW_C_REJECT);
        assert_int_equal(cw_gp_ledger_accepted(dir, &card, &f), CW_OK);
        assert_int_equal(cw_gp_ledger_check(dir, &card, &f), CW_OK);
        put_ledger("+ a\n* b\n");
        assert_int_equal(cw_rc_class(cw_gp_ledger_ready(dir, &f)), CW_C_OPERATOR);
        assert_non_null(strstr(f.text, "keep a copy"));
        assert_int_equal(cw_rc_class(cw_gp_ledger_try(dir, &card, &f)), CW_C_OPERATOR);
}

/* The limit of the file's size cuts a write short as a full disk does. */
static void short_write(void **state) {
        (void)state;
        const struct cw_gp_try card = {.kdd = {1, 2, 3}, .kvn = 0x30, .scp = 3, .keys = "kmc03-enc/kdf3"};
        struct rlimit before, small;
        struct cw_fault f = {0};
        put_ledger("+ a\n");
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        cw_rc rc = cw_gp_ledger_try(dir, &card, &f);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(rc, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_IO));
        assert_int_equal(ledger_len(), 4);
        assert_int_equal(cw_gp_ledger_try(dir, &card, &f), CW_OK);
}

/* A ledger that has grown is compacted; when that fails, nothing of it is lost. */
static void compacted(void **state) {
        (void)state;
        const struct cw_gp_try kept = {.kdd = {1}, .kvn = 0x30, .scp = 3, .keys = "k"};
        const struct cw_gp_try other = {.kdd = {2}, .kvn = 0x30, .scp = 3, .keys = "k"};
        static char text[80000];
        struct rlimit before, small;
        struct cw_fault f = {0};
        size_t n = 0;
        while (n < 70000)
                n += (size_t)snprintf(text + n, sizeof text - n, "+ %zu\n- %zu\n", n, n);
        put_ledger(text);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(cw_gp_ledger_try(dir, &kept, &f), CW_OK);
        assert_true(ledger_len() < 100);
        assert_int_equal(cw_rc_class(cw_gp_ledger_check(dir, &kept, &f)), CW_C_REJECT);
        memcpy(text + n, "+ open\n", 8);
        put_ledger(text);
        small = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        cw_rc rc = cw_gp_ledger_try(dir, &other, &f);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(cw_rc_class(rc), CW_C_OPERATOR);
        assert_int_equal(ledger_len(), strlen(text));
        assert_int_equal(cw_gp_ledger_try(dir, &other, &f), CW_OK);
        assert_true(ledger_len() < 100);
}

static void texts(void **state) {
        (void)state;
        static const char text[] = "+ a\n+ b\n- a\n+ c\n- c\n+ c\n";
        char kept[sizeof text];
        bool bad = true;
        assert_false(cw_gp_ledger_open_try(text, strlen(text), "a", &bad));
        assert_false(bad);
        assert_true(cw_gp_ledger_open_try(text, strlen(text), "b", &bad));
        assert_true(cw_gp_ledger_open_try(text, strlen(text), "c", &bad));
        assert_false(cw_gp_ledger_open_try(text, strlen(text), "d", &bad));
        size_t n = cw_gp_ledger_compact(text, strlen(text), kept);
        assert_int_equal(n, 8);
        assert_memory_equal(kept, "+ b\n+ c\n", 8);
        /* What cannot be read counts as a try that is open. */
        assert_true(cw_gp_ledger_open_try("* a\n", 4, "d", &bad));
        assert_true(bad);
        assert_true(cw_gp_ledger_open_try("+ a", 3, "d", &bad));
        assert_true(bad);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(second_try, setup, teardown),
            cmocka_unit_test(no_ledger_no_try),
            cmocka_unit_test_setup_teardown(torn_line, setup, teardown),
            cmocka_unit_test_setup_teardown(short_write, setup, teardown),
            cmocka_unit_test_setup_teardown(compacted, setup, teardown),
            cmocka_unit_test(texts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
