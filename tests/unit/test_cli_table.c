/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and bars of the command, as a terminal gets them. */
#include "agent/cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const heads[] = {"JOB", "NAME", "STATE", NULL};

/* What the table prints, new memory. */
static char *printed(struct cw_table *t) {
        FILE *file = tmpfile();
        assert_non_null(file);
        (void)fflush(stdout);
        int saved = dup(STDOUT_FILENO);
        assert_true(saved >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
        cw_table_print(t);
        (void)fflush(stdout);
        assert_true(dup2(saved, STDOUT_FILENO) >= 0);
        (void)close(saved);
        char *text = calloc(1, 8192);
        assert_non_null(text);
        rewind(file);
        assert_true(fread(text, 1, 8191, file) > 0);
        (void)fclose(file);
        return text;
}

static struct cw_table *filled(const struct cw_style *style) {
        struct cw_table *t = cw_table_new(style, heads);
        assert_non_null(t);
        cw_table_cell(t, "J000001");
        cw_table_cell(t, "ZOË");
        cw_table_cell(t, "CHIP");
        cw_table_mark(t, "warn");
        cw_table_cell(t, "J2");
        cw_table_cell(t, "");
        cw_table_number(t, -7);
        return t;
}

static void plain_text_has_columns(void **state) {
        (void)state;
        const struct cw_style style = {false, false};
        char *text = printed(filled(&style));
        assert_string_equal(text, "JOB      NAME  STATE\n"
                                  "J000001  ZOË   CHIP\n"
                                  "J2             -7\n");
        free(text);
}

static void colour_does_not_shift_columns(void **state) {
        (void)state;
        const struct cw_style style = {true, true};
        char *text = printed(filled(&style));
        assert_non_null(strstr(text, "\033[1mJOB\033[0m      "));
        assert_non_null(strstr(text, "ZOË   \033[33mCHIP\033[0m\n"));
        free(text);
}

static void many_rows(void **state) {
        (void)state;
        const struct cw_style style = {false, false};
        struct cw_table *t = cw_table_new(&style, heads);
        for (int i = 0; i < 300; i++)
                cw_table_number(t, i);
        char *text = printed(t);
        size_t lines = 0;
        for (const char *at = text; *at; at++)
                lines += *at == '\n';
        assert_int_equal(lines, 101);
        assert_non_null(strstr(text, "297  298   299\n"));
        free(text);
}

static void nothing_at_all(void **state) {
        (void)state;
        cw_table_cell(NULL, "x");
        cw_table_mark(NULL, "ok");
        cw_table_print(NULL);
}

static void bars(void **state) {
        (void)state;
        char bar[11];
        static const struct {
                int percent;
                const char *want;
        } cases[] = {{0, ".........."},  {9, ".........."},   {10, "#........."},  {55, "#####....."},
                     {99, "#########."}, {100, "##########"}, {250, "##########"}, {-3, ".........."}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                cw_bar(cases[i].percent, 10, bar, sizeof bar);
                assert_string_equal(bar, cases[i].want);
        }
        char small[4];
        cw_bar(100, 10, small, sizeof small);
        assert_string_equal(small, "###");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(plain_text_has_columns),
            cmocka_unit_test(colour_does_not_shift_columns),
            cmocka_unit_test(many_rows),
            cmocka_unit_test(nothing_at_all),
            cmocka_unit_test(bars),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
