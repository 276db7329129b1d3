/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

static void holds_and_limits(void **state) {
        (void)state;
        struct cw_secret *s = NULL;
        assert_int_equal(cw_secret_new(CW_SECRET_CAP_MAX + 1, &s),
                         CW_RC(CW_L_BASE, CW_C_FATAL, CW_E_TOO_BIG));
        assert_null(s);
        assert_int_equal(cw_secret_dup("sesame", 6, &s), CW_OK);
        assert_int_equal(s->len, 6);
        assert_memory_equal(s->ptr, "sesame", 6);
        cw_secret_free(s);
        assert_int_equal(cw_secret_new(0, &s), CW_OK);
        cw_secret_free(s);
        cw_secret_free(NULL);
}

/* Memory is used again: nothing of before is in it, and a child does not take what is its parent's. */
static void used_again_it_is_empty(void **state) {
        (void)state;
        struct cw_secret *s = NULL;
        for (int i = 0; i < 20; i++) {
                assert_int_equal(cw_secret_dup("sesame", 6, &s), CW_OK);
                cw_secret_free(s);
                assert_int_equal(cw_secret_new(6, &s), CW_OK);
                assert_int_equal(s->len, 0);
                assert_memory_equal(s->ptr, "\0\0\0\0\0\0", 6);
                cw_secret_free(s);
        }
        pid_t pid = fork();
        if (pid == 0) {
                struct cw_secret *own = NULL;
                bool good = cw_secret_dup("sesame", 6, &own) == CW_OK && memcmp(own->ptr, "sesame", 6) == 0;
                cw_secret_free(own);
                _exit(good ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_fork_sees_zeros(void **state) {
        (void)state;
        struct cw_secret *s = NULL;
        assert_int_equal(cw_secret_dup("sesame", 6, &s), CW_OK);
        pid_t pid = fork();
        if (pid == 0)
                _exit(memcmp(s->ptr, "\0\0\0\0\0\0", 6) == 0 ? 0 : 1);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        cw_secret_free(s);
}

static void the_guard_page_stops_an_overrun(void **state) {
        (void)state;
        struct cw_secret *s = NULL;
        assert_int_equal(cw_secret_new(16, &s), CW_OK);
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        pid_t pid = fork();
        if (pid == 0) {
                (void)signal(SIGSEGV, SIG_DFL);
                volatile uint8_t *behind = s->ptr + page;
                *behind = 1;
                _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        cw_secret_free(s);
}

static void a_scope_wipes_what_it_held(void **state) {
        (void)state;
        uint8_t block[8];
        memset(block, 0x5a, sizeof block);
        {
                __attribute__((cleanup(cw_wiped_cleanup), unused)) struct cw_wiped_scope scope = {
                    block, sizeof block};
        }
        assert_memory_equal(block, "\0\0\0\0\0\0\0\0", sizeof block);
}

static void equality_is_exact(void **state) {
        (void)state;
        assert_true(cw_equal_ct("abc", "abc", 3));
        assert_false(cw_equal_ct("abc", "abd", 3));
        assert_true(cw_equal_ct("", "", 0));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(holds_and_limits),           cmocka_unit_test(used_again_it_is_empty),
            cmocka_unit_test(a_fork_sees_zeros),          cmocka_unit_test(the_guard_page_stops_an_overrun),
            cmocka_unit_test(a_scope_wipes_what_it_held), cmocka_unit_test(equality_is_exact),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
