/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Killed by its own failpoint right before and right after each INTENT, OUTCOME, ATTEMPT and outbox commit,
 * per step: the file holds exactly what was acknowledged, and after "after" the commit nobody heard of. The
 * journal is compiled with failpoints for this program alone.
 */
#include "tests/fault/journal_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const sites[] = {
    "agent.accept.%s.kit",   "agent.note.%s.data_ok",  "agent.note.%s.station",   "agent.intent.%s.feed",
    "agent.outcome.%s.feed", "agent.intent.%s.stripe", "agent.outcome.%s.stripe", "agent.intent.%s.chip",
    "agent.attempt.%s.chip", "agent.outcome.%s.chip",  "agent.note.%s.destroyed", "agent.outbox.%s.failed",
    "agent.outbox.%s.acked", "agent.intent.%s",        "agent.outcome.%s",        "agent.attempt.%s",
    "agent.outbox.%s",
};

static char dir[64], path[96];
static struct run_progress *shared, reference;

static void clean(void) {
        static const char *const names[] = {"", "-wal", ".reserve"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char name[128];
                (void)snprintf(name, sizeof name, "%s%s", path, names[i]);
                (void)unlink(name);
        }
}

static int child(const char *plan, bool record) {
        int status = 0;
        clean();
        memset(shared, 0, sizeof *shared);
        (void)fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                if (setenv("CW_FAILPOINTS", plan, 1) != 0)
                        _exit(4);
                _exit(run_story(path, NULL, shared, record));
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

/* In a process of its own, since failpoints read their plan once in the life of a process. */
static const char *check(void) {
        int status = 0;
        shared->text[0] = '\0';
        pid_t pid = fork();
        if (pid == 0) {
                const char *wrong = run_check(path, &reference, shared->acked);
                (void)snprintf(shared->text, sizeof shared->text, "%s", wrong ? wrong : "");
                _exit(wrong ? 1 : 0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                return "the check did not end";
        return WEXITSTATUS(status) == 0 ? NULL : shared->text;
}

/* True when the process ended at the site and the file holds what was acknowledged. */
static bool one_site(const char *format, const char *when, const char *action) {
        char site[64], plan[96];
        const char *at = strstr(format, "%s");
        (void)snprintf(site, sizeof site, "%.*s%s%s", (int)(at - format), format, when, at + 2);
        (void)snprintf(plan, sizeof plan, "%s=%s", site, action);
        int status = child(plan, false);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        bool stopped = WIFEXITED(status) && WEXITSTATUS(status) == 3 && !shared->liar && !shared->wrong_class;
        const char *wrong = strcmp(action, "kill") == 0 ? (killed ? NULL : "was not killed there")
                                                        : (stopped ? NULL : "did not stop with FATAL");
        if (!wrong)
                wrong = check();
        if (wrong)
                (void)fprintf(stderr, "%s after %u calls: %s\n", plan, shared->acked, wrong);
        return wrong == NULL;
}

int main(void) {
        bool good = true;
        (void)snprintf(dir, sizeof dir, "/tmp/cw-fault-XXXXXX");
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (!mkdtemp(dir) || shared == MAP_FAILED)
                return 2;
        (void)snprintf(path, sizeof path, "%s/journal.db", dir);
        good = child("", true) == 0;
        reference = *shared;
        for (size_t i = 0; good && i < sizeof sites / sizeof sites[0]; i++) {
                good = one_site(sites[i], "before", "kill") && one_site(sites[i], "after", "kill") &&
                       one_site(sites[i], "before", "error");
        }
        clean();
        (void)rmdir(dir);
        (void)printf("%zu sites, before and after: %s\n", sizeof sites / sizeof sites[0],
                     good ? "ok" : "failed");
        return good ? 0 : 1;
}
