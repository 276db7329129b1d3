/* SPDX-License-Identifier: Apache-2.0 */
/* One program a family: a test for each row of the table, then the sweeps. */
#include "tests/contract/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum fault_family family(void) {
        static const char *const names[] = {"evolis", "magicard", "matica", "zebra"};
        int i = 0;
        while (strcmp(names[i], bench_family.driver) != 0)
                i++;
        return (enum fault_family)i;
}

/* The five panels are laid only where one of them is broken: it takes its time. */
static bool wants_colour(const struct fault_row *row) {
        return strstr(row->order, "panel") || strstr(row->order, "byte") ||
               strstr(row->order, "ribbon_wrong");
}

/* Bytes of a job without a fault. */
static int64_t whole_job(bool colour) {
        static int64_t known[2];
        if (known[colour])
                return known[colour];
        const struct bench_options standard = {.model = NULL};
        struct fault_job j = {.bench = bench_ops.open(&standard), .colour = colour};
        fault_job_run(&j, NULL);
        fault_job_settle(&j);
        assert_string_equal(j.outcome, "made");
        known[colour] = bench_state(j.bench, "usb", "bytes_out");
        bench_ops.close(j.bench);
        return known[colour];
}

struct cell {
        const struct fault_row *row;
        struct bench *bench;
};

static int cell_setup(void **state) {
        struct cell *c = *state;
        const struct bench_options standard = {.model = NULL};
        c->bench = bench_ops.open(&standard);
        return 0;
}

static int cell_teardown(void **state) {
        struct cell *c = *state;
        int64_t violations = bench_state(c->bench, "", "violations");
        bench_ops.close(c->bench);
        return violations ? -1 : 0;
}

/* A fault that was never met proves nothing. */
static void check_met(struct bench *b) {
        json_t *request = json_pack("{s:s}", "cmd", "state"), *state = bench_ops.command(b, request);
        const json_t *faults = json_object_get(state, "faults");
        for (size_t i = 0; i < json_array_size(faults); i++) {
                const json_t *fault = json_array_get(faults, i);
                if (json_integer_value(json_object_get(fault, "hits")) == 0)
                        fail_msg("the fault %s was never met",
                                 json_string_value(json_object_get(fault, "name")));
        }
        json_decref(state);
        json_decref(request);
}

static void cell_run(void **state) {
        struct cell *c = *state;
        const char *want = c->row->want[family()];
        struct fault_job j = {.bench = c->bench, .colour = wants_colour(c->row)};
        if (want[0] == '-') {
                print_message("           cannot be: %s\n", want + 2);
                skip();
        }
        j.found = strstr(c->row->order, "card_inside") != NULL;
        j.bytes_max = whole_job(j.colour);
        fault_job_run(&j, c->row);
        check_met(c->bench);
        fault_job_settle(&j);
        assert_string_equal(j.outcome, want);
        fault_job_next(c->bench);
}

int main(void) {
        static const struct CMUnitTest sweeps[] = {
            CHECK(unplugged_at_every_transfer),
            CHECK(unplugged_with_every_transfer),
            CHECK(stalled_at_every_transfer),
        };
        const size_t count = fault_row_count + sizeof sweeps / sizeof *sweeps;
        struct CMUnitTest *tests = calloc(count, sizeof *tests);
        struct cell *cells = calloc(fault_row_count, sizeof *cells);
        if (!tests || !cells)
                return 2;
        for (size_t i = 0; i < fault_row_count; i++) {
                cells[i].row = &fault_rows[i];
                tests[i] =
                    (struct CMUnitTest){fault_rows[i].name, cell_run, cell_setup, cell_teardown, &cells[i]};
        }
        memcpy(tests + fault_row_count, sweeps, sizeof sweeps);
        int failed = _cmocka_run_group_tests(bench_family.driver, tests, count, NULL, NULL);
        free(tests);
        free(cells);
        return failed;
}
