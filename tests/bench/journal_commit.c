/* SPDX-License-Identifier: Apache-2.0 */
/* INTENT and OUTCOME of a step in the journal, each durable when the call returns, against the same number of
 * appends of one page with fsync in the same folder. */
#include "measure.h"

#include "tests/unit/journal_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#define JOBS 40
#define PAGE_BYTES 4096

static struct samples commits, syncs;

/* All steps of one job; only the two commits of each step are timed. */
static void run_job(struct fixture *x, const char *job) {
        struct cw_job_row row;
        good(x, cw_journal_job(x->j, job, &row, &x->fault));
        while (row.job.step != CW_STEP_NONE) {
                enum cw_step step = row.job.step;
                CW_AUTO_JSON json_t *baseline =
                    json_pack("{s:i, s:s}", "cards_fed", (int)row.job.seq, "where",
                              step == CW_STEP_FEED ? "none" : "transport");
                CW_AUTO_JSON json_t *result =
                    json_pack("{s:s, s:s, s:s, s:b, s:b}", "outcome", "done", "code", "", "where",
                              "transport", "ribbon_used", 0, "key_tried", 0);
                int64_t start_ns = measure_now_ns();
                good(x, cw_journal_intent(x->j, job, step, row.job.seq, baseline, &x->change, &x->fault));
                measure_add(&commits, start_ns);
                if (step == CW_STEP_CHIP)
                        good(x, cw_journal_attempt(x->j, job, row.job.seq, "00010203", 32, 3, &x->change,
                                                   &x->fault));
                start_ns = measure_now_ns();
                good(x, cw_journal_outcome(x->j, job, step, row.job.seq, result, &x->change, &x->fault));
                measure_add(&commits, start_ns);
                row.job = x->change.job;
        }
}

static void append_and_sync(const struct fixture *x) {
        static const char page[PAGE_BYTES];
        char path[128];
        (void)snprintf(path, sizeof path, "%s/bare", x->dir);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        for (size_t i = 0; i < commits.count; i++) {
                int64_t start_ns = measure_now_ns();
                assert_int_equal(write(fd, page, sizeof page), (ssize_t)sizeof page);
                assert_int_equal(fsync(fd), 0);
                measure_add(&syncs, start_ns);
        }
        (void)close(fd);
        (void)unlink(path);
}

static void commit_against_fsync(void **state) {
        struct fixture *x = *state;
        for (int i = 0; i < JOBS; i++) {
                char kit[CW_KIT_CAP];
                char job[CW_JOB_ID_CAP];
                (void)snprintf(kit, sizeof kit, "42401815%02d", i);
                accept_kit(x, kit, job);
                to_feed(x, job, "s1");
                run_job(x, job);
        }
        append_and_sync(x);
        static const struct measure_row row = {"journal: one durable commit", "-", "write 4 KiB, fsync",
                                               MEASURE_NO_GOAL, 0};
        measure_head();
        measure_print(&row, &commits, &syncs);
}

int main(void) {
        const struct CMUnitTest run[] = {
            cmocka_unit_test_setup_teardown(commit_against_fsync, fixture_setup, fixture_teardown)};
        return cmocka_run_group_tests(run, NULL, NULL);
}
