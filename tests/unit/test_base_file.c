/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static char dir[] = "/tmp/cw-file-XXXXXX";

static int make_dir(void **state) {
        (void)state;
        return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state) {
        (void)state;
        return rmdir(dir);
}

static void path_in(const char *name, char *ret, size_t cap) {
        (void)snprintf(ret, cap, "%s/%s", dir, name);
}

static void a_credential_is_its_owners_alone(void **state) {
        (void)state;
        char path[128];
        struct cw_secret *s = NULL;
        struct cw_fault f = {0};
        path_in("pin", path, sizeof path);
        assert_int_equal(cw_file_write_atomic(path, "1234\n", 5, 0600, &f), CW_OK);
        assert_int_equal(cw_credential_read(dir, "pin", 64, &s, &f), CW_OK);
        assert_int_equal(s->len, 4);
        cw_secret_free(s);
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(cw_rc_class(cw_credential_read(dir, "pin", 64, &s, &f)), CW_C_REJECT);
        assert_non_null(strstr(f.text, "chmod 600"));
        assert_int_equal(cw_rc_class(cw_credential_read(dir, "../pin", 64, &s, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_credential_read(dir, "absent", 64, &s, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_credential_read(NULL, "pin", 64, &s, &f)), CW_C_REJECT);
        assert_int_equal(unlink(path), 0);
}

static void a_file_is_read_within_its_limit(void **state) {
        (void)state;
        char path[128];
        char *text = NULL;
        size_t len = 0;
        struct cw_fault f = {0};
        path_in("text", path, sizeof path);
        assert_int_equal(cw_file_write_atomic(path, "hello", 5, 0644, &f), CW_OK);
        assert_int_equal(cw_file_read(path, 5, &text, &len, &f), CW_OK);
        assert_string_equal(text, "hello");
        free(text);
        assert_int_equal(cw_rc_class(cw_file_read(path, 4, &text, &len, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_file_read(dir, 4096, &text, &len, &f)), CW_C_REJECT);
        assert_int_equal(unlink(path), 0);
}

static void folders_are_made_on_the_way(void **state) {
        (void)state;
        char path[128];
        struct stat st;
        path_in("a/b", path, sizeof path);
        assert_int_equal(cw_mkdirs(path, 0700, NULL), CW_OK);
        assert_int_equal(cw_mkdirs(path, 0700, NULL), CW_OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(rmdir(path), 0);
        path_in("a", path, sizeof path);
        assert_int_equal(rmdir(path), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_credential_is_its_owners_alone),
            cmocka_unit_test(a_file_is_read_within_its_limit),
            cmocka_unit_test(folders_are_made_on_the_way),
        };
        return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
