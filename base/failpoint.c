/* SPDX-License-Identifier: Apache-2.0 */
#include "base/failpoint.h"

#ifdef CW_FAILPOINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SITES_MAX 32
#define NAME_MAX_BYTES 96

struct site {
        char name[NAME_MAX_BYTES];
        unsigned long at; /* the hit that acts */
        unsigned long hits;
        char action[24];
};

static struct site sites[SITES_MAX];
static size_t site_count;
static bool plan_read;

static void copy_part(char *to, size_t cap, const char *from, size_t len) {
        size_t n = len < cap - 1 ? len : cap - 1;
        memcpy(to, from, n);
        to[n] = '\0';
}

/* One "site[@n]=action". */
static void read_item(const char *item, size_t len) {
        const char *eq = memchr(item, '=', len);
        if (!eq || site_count == SITES_MAX)
                return;
        struct site *s = &sites[site_count++];
        const char *at = memchr(item, '@', (size_t)(eq - item));
        copy_part(s->name, sizeof s->name, item, (size_t)((at ? at : eq) - item));
        s->at = at ? strtoul(at + 1, NULL, 10) : 1;
        copy_part(s->action, sizeof s->action, eq + 1, len - (size_t)(eq + 1 - item));
}

static void read_plan(void) {
        plan_read = true;
        const char *plan = getenv("CW_FAILPOINTS");
        while (plan && *plan) {
                size_t len = strcspn(plan, ";");
                read_item(plan, len);
                plan += len + (plan[len] == ';');
        }
}

/* raise: with kill another thread may take the signal, while this one goes a few steps further. */
static bool act(const char *action) {
        if (strcmp(action, "kill") == 0)
                (void)kill(getpid(), SIGKILL);
        if (strcmp(action, "stop") == 0)
                (void)raise(SIGSTOP);
        if (strncmp(action, "sleep:", 6) == 0) {
                unsigned long ms = strtoul(action + 6, NULL, 10);
                struct timespec ts = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
                (void)nanosleep(&ts, NULL);
        }
        return strcmp(action, "error") == 0;
}

bool cw_failpoint_hit(const char *site) {
        if (!plan_read)
                read_plan();
        for (size_t i = 0; i < site_count; i++)
                if (strcmp(sites[i].name, site) == 0 && ++sites[i].hits == sites[i].at)
                        return act(sites[i].action);
        return false;
}
#else
/* Nothing of a failpoint is left in a release. */
typedef int cw_failpoint_unused;
#endif
