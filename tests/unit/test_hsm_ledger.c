/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of tries of card keys: no second try without a person, nothing kept of the others. */
#include "hsm/gp_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
        return rmdir(dir);
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
            cmocka_unit_test(texts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
