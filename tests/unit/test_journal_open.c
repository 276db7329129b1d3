/* SPDX-License-Identifier: Apache-2.0 */
/* Files that must be refused and kept, settings, the disk floor, backup. */
#include "tests/unit/journal_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *slurp(const char *path, size_t *ret_len) {
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        char *bytes = malloc(1 << 20);
        assert_non_null(bytes);
        *ret_len = fread(bytes, 1, 1 << 20, file);
        (void)fclose(file);
        return bytes;
}

/* Refused with OPERATOR and this word in the text; no byte of the file changed. */
static void refused_untouched(struct fixture *x, const char *word) {
        size_t before_len, after_len;
        char *before = slurp(x->path, &before_len);
        cw_rc rc = fixture_try_open(x, 0);
        assert_null(x->j);
        assert_int_equal(cw_rc_class(rc), CW_C_OPERATOR);
        if (!strstr(x->fault.text, word))
                fail_msg("\"%s\" does not say \"%s\"", x->fault.text, word);
        char *after = slurp(x->path, &after_len);
        assert_int_equal(before_len, after_len);
        assert_memory_equal(before, after, before_len);
        free(before);
        free(after);
}

static void some_rows(struct fixture *x) {
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        fixture_close(x);
}

static void newer_schema_is_refused(void **state) {
        struct fixture *x = *state;
        some_rows(x);
        tamper(x, "PRAGMA user_version = 2");
        refused_untouched(x, "newer");
}

static void file_of_another_program_is_refused(void **state) {
        struct fixture *x = *state;
        some_rows(x);
        tamper(x, "PRAGMA application_id = 77");
        refused_untouched(x, "another program");
}

static void no_database_is_refused(void **state) {
        struct fixture *x = *state;
        fixture_close(x);
        FILE *file = fopen(x->path, "wb");
        assert_non_null(file);
        for (int i = 0; i < 5000; i++)
                (void)fputc(i % 251, file);
        (void)fclose(file);
        refused_untouched(x, "damaged");
}

static void damaged_pages_are_refused(void **state) {
        struct fixture *x = *state;
        some_rows(x);
        int fd = open(x->path, O_RDWR);
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        for (off_t page = 1; page < st.st_size / 4096; page++)
                assert_int_equal(pwrite(fd, "\x77\x77\x77\x77\x77\x77\x77\x77", 8, page * 4096), 8);
        (void)close(fd);
        refused_untouched(x, "damaged");
}

static void truncated_file_is_refused(void **state) {
        struct fixture *x = *state;
        some_rows(x);
        assert_int_equal(truncate(x->path, 3 * 4096), 0);
        refused_untouched(x, "damaged");
}

static void a_directory_is_refused(void **state) {
        struct fixture *x = *state;
        fixture_close(x);
        (void)unlink(x->path);
        assert_int_equal(mkdir(x->path, 0700), 0);
        assert_int_equal(cw_rc_class(fixture_try_open(x, 0)), CW_C_OPERATOR);
        assert_int_equal(rmdir(x->path), 0);
}

static void second_process_is_refused(void **state) {
        struct fixture *x = *state;
        struct fixture other = *x;
        other.j = NULL;
        assert_int_equal(cw_rc_class(fixture_try_open(&other, 0)), CW_C_OPERATOR);
        assert_non_null(strstr(other.fault.text, "Another process"));
}

static void empty_file_becomes_a_journal(void **state) {
        struct fixture *x = *state;
        fixture_close(x);
        assert_int_equal(truncate(x->path, 0), 0);
        fixture_open(x);
        assert_int_equal(cw_journal_generation(x->j), 1);
        struct stat st;
        assert_int_equal(stat(x->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void low_disk_refuses_new_kits_only(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        accept_kit(x, "4240181595", job);
        fixture_close(x);
        good(x, fixture_try_open(x, INT64_MAX / 2));
        struct cw_kit kit = {.kit = "4240181596", .entity = "e", .plastic_code = "71", .expiry = "2907"};
        bool is_new = true;
        cw_rc rc = cw_journal_accept_kit(x->j, &kit, SEALED, true, &is_new, &x->change, &x->fault);
        assert_int_equal(cw_rc_class(rc), CW_C_OPERATOR);
        (void)snprintf(kit.kit, sizeof kit.kit, "4240181595"); /* a known one is not new */
        good(x, cw_journal_accept_kit(x->j, &kit, SEALED, true, &is_new, &x->change, &x->fault));
        assert_false(is_new);
        to_feed(x, job, "s1"); /* what was begun goes on */
        run_up_to(x, job, CW_STEP_NONE);
        struct cw_journal_health h;
        good(x, cw_journal_health(x->j, &h, &x->fault));
        assert_true(h.disk_low);
}

static void backup_is_a_journal(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP], copy[128];
        produce(x, "4240181595", job);
        (void)snprintf(copy, sizeof copy, "%s.copy", x->path);
        good(x, cw_journal_backup(x->j, copy, &x->fault));
        rejected(x, cw_journal_backup(x->j, copy, &x->fault), CW_E_STATE);
        fixture_close(x);
        assert_int_equal(rename(copy, x->path), 0);
        fixture_open(x);
        struct cw_audit_check check;
        good(x, cw_journal_audit_verify(x->j, &check, &x->fault));
        assert_true(check.intact);
        good(x, cw_journal_check_fold(x->j, &x->fault));
}

static void fold_finds_a_changed_projection(void **state) {
        struct fixture *x = *state;
        some_rows(x);
        tamper(x, "UPDATE job SET plastic = 2");
        fixture_open(x);
        rejected(x, cw_journal_check_fold(x->j, &x->fault), CW_E_MISMATCH);
        assert_non_null(strstr(x->fault.text, "J000001"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            T(newer_schema_is_refused),         T(file_of_another_program_is_refused),
            T(no_database_is_refused),          T(damaged_pages_are_refused),
            T(truncated_file_is_refused),       T(a_directory_is_refused),
            T(second_process_is_refused),       T(empty_file_becomes_a_journal),
            T(low_disk_refuses_new_kits_only),  T(backup_is_a_journal),
            T(fold_finds_a_changed_projection),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
