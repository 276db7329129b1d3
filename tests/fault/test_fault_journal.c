/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal dies or fails at every single I/O operation of a fixed story: kill, power cut with torn and
 * lost sectors, I/O error and full disk, once and for good. Afterwards the file opens, nothing acknowledged
 * is lost, nothing is there by half. With an argument the power model runs that many seeds per operation.
 */
#include "tests/fault/crash_vfs.h"
#include "tests/fault/journal_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
        const char *name;
        enum crash_mode mode;
        bool sticky;
} models[] = {
    {"kill", CRASH_KILL, false},     {"power", CRASH_POWER, false},      {"EIO once", CRASH_EIO, false},
    {"EIO sticky", CRASH_EIO, true}, {"ENOSPC once", CRASH_FULL, false}, {"ENOSPC sticky", CRASH_FULL, true},
};

/* A fork under AddressSanitizer costs ten times as much: every fifth operation is looked at then. */
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 5
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRIDE 5
#endif
#endif
#ifndef STRIDE
#define STRIDE 1
#endif

static char dir[64], path[96];
static struct run_progress *shared, reference;
static long *operations;

static void clean(void) {
        static const char *const names[] = {"", "-wal", "-journal", "-shm", ".reserve"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char name[128];
                (void)snprintf(name, sizeof name, "%s%s", path, names[i]);
                (void)unlink(name);
        }
}

/* Runs the story in a child; its wait status. */
static int child(const struct crash_plan *plan, bool record) {
        int status = 0;
        (void)fflush(NULL);
        memset(shared, 0, sizeof *shared);
        pid_t pid = fork();
        if (pid == 0) {
                if (!crash_vfs_arm(plan))
                        _exit(4);
                int rc = run_story(path, "crash", shared, record);
                *operations = crash_vfs_count();
                _exit(rc);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return -1;
        return status;
}

static const char *judge(const struct crash_plan *plan, int status) {
        bool dies = plan->mode == CRASH_KILL || plan->mode == CRASH_POWER;
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (dies ? code != CRASH_EXIT : code != 0 && code != 3)
                return "the process ended in another way than the model says";
        if (shared->liar)
                return "a call succeeded after a FATAL one";
        if (shared->wrong_class)
                return "an I/O error came with the wrong class";
        if (plan->mode == CRASH_FULL && !plan->sticky && shared->acked > 0 && code != 0)
                return "one full disk stopped the journal though it had its reserve";
        return run_check(path, &reference, shared->acked);
}

static long count_operations(enum crash_mode mode) {
        /* EIO counts reads as well: a plan that is never reached counts for it. */
        struct crash_plan plan = {.mode = mode == CRASH_EIO ? CRASH_EIO : CRASH_NONE, .at = -1, .seed = 1};
        clean();
        return child(&plan, false) == 0 ? *operations : -1;
}

static long run_model(size_t m, unsigned seeds) {
        struct timespec from, to;
        long runs = 0, last = count_operations(models[m].mode);
        unsigned per_op = models[m].mode == CRASH_POWER ? seeds : 1;
        (void)clock_gettime(CLOCK_MONOTONIC, &from);
        if (last <= 0)
                return -1;
        for (long k = 1; k <= last; k += STRIDE) {
                for (unsigned seed = 1; seed <= per_op; seed++, runs++) {
                        struct crash_plan plan = {models[m].mode, k, models[m].sticky,
                                                  (uint64_t)k * 1000 + seed};
                        clean();
                        const char *wrong = judge(&plan, child(&plan, false));
                        if (wrong) {
                                (void)fprintf(stderr,
                                              "%s at operation %ld, seed %u, after %u calls: %s (%s)\n",
                                              models[m].name, k, seed, shared->acked, wrong, shared->text);
                                return -1;
                        }
                }
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &to);
        (void)printf("%-13s %5ld operations %6ld runs %5.1f s\n", models[m].name, last, runs,
                     (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
        return runs;
}

static bool prepare(void) {
        static const char *const places[] = {"/dev/shm", "/tmp"};
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
                (void)snprintf(dir, sizeof dir, "%s/cw-fault-XXXXXX", places[i]);
                if (mkdtemp(dir))
                        break;
                dir[0] = '\0';
        }
        (void)snprintf(path, sizeof path, "%s/journal.db", dir);
        shared = mmap(NULL, sizeof *shared + sizeof *operations, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (dir[0] == '\0' || shared == MAP_FAILED)
                return false;
        operations = (long *)(void *)(shared + 1);
        return true;
}

int main(int argc, char **argv) {
        unsigned seeds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
        struct crash_plan none = {CRASH_NONE, -1, false, 1};
        int exit_code = 0;
        if (!prepare())
                return 2;
        if (child(&none, true) != 0) {
                (void)fprintf(stderr, "the story does not work without faults: %s\n", shared->text);
                exit_code = 1;
        }
        reference = *shared;
        for (size_t m = 0; exit_code == 0 && m < sizeof models / sizeof models[0]; m++)
                exit_code = run_model(m, seeds) > 0 ? 0 : 1;
        clean();
        (void)rmdir(dir);
        return exit_code;
}
