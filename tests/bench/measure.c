/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t measure_now_ns(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void measure_add(struct samples *s, int64_t start_ns) {
        if (s->count < MEASURE_MAX)
                s->us[s->count++] = (double)(measure_now_ns() - start_ns) / 1000;
}

static int by_size(const void *a, const void *b) {
        double x = *(const double *)a;
        double y = *(const double *)b;
        return (x > y) - (x < y);
}

static double at(struct samples *s, size_t percent) {
        qsort(s->us, s->count, sizeof s->us[0], by_size);
        return s->count ? s->us[(s->count - 1) * percent / 100] : 0;
}

/* Before they are sorted. */
static double share_of(const struct samples *ours, const struct samples *floor) {
        static struct samples share;
        share.count = 0;
        for (size_t i = 0; i < ours->count && i < floor->count; i++)
                share.us[share.count++] = ours->us[i] > 0 ? floor->us[i] / ours->us[i] : 0;
        return at(&share, 50);
}

static const char *verdict(enum measure_goal goal, bool met) {
        return goal == MEASURE_NO_GOAL ? "-" : met ? "met" : "MISSED";
}

void measure_head(void) {
        (void)printf("%-38s %-8s %10s %10s %10s %7s %7s %9s %9s  %-16s %-7s %s\n", "row", "on", "p50 us",
                     "p99 us", "floor us", "share", "ratio", "added us", "at best", "target", "verdict",
                     "floor");
}

void measure_print(const struct measure_row *row, struct samples *ours, struct samples *floor) {
        double share = share_of(ours, floor), mine = at(ours, 50), bare = at(floor, 50), added = mine - bare;
        double ratio = bare > 0 ? mine / bare : 0;
        const struct {
                const char *sign, *unit;
                bool met;
        } goals[] = {
            [MEASURE_NO_GOAL] = {"", "", true},
            [MEASURE_SHARE] = {"share >=", "", share >= row->target},
            [MEASURE_RATIO] = {"ratio <=", "", ratio <= row->target},
            [MEASURE_ADDED] = {"added <=", " us", added <= row->target},
            [MEASURE_OURS] = {"p50 <=", " us", mine <= row->target},
        };
        char target[32] = "-";
        if (row->goal != MEASURE_NO_GOAL)
                (void)snprintf(target, sizeof target, "%s %g%s", goals[row->goal].sign, row->target,
                               goals[row->goal].unit);
        (void)printf("%-38s %-8s %10.2f %10.2f %10.2f %7.3f %7.2f %9.2f %9.2f  %-16s %-7s %s (%zu)\n",
                     row->what, row->on, mine, at(ours, 99), bare, share, ratio, added,
                     at(ours, 0) - at(floor, 0), target, verdict(row->goal, goals[row->goal].met), row->floor,
                     ours->count);
}

void measure_print_value(const char *what, const char *on, double value, const char *unit, double limit) {
        char text[32], target[32] = "-";
        (void)snprintf(text, sizeof text, "%.2f %s", value, unit);
        if (limit > 0)
                (void)snprintf(target, sizeof target, "<= %g %s", limit, unit);
        (void)printf("%-38s %-8s %-68s  %-16s %s\n", what, on, text, target,
                     verdict(limit > 0 ? MEASURE_OURS : MEASURE_NO_GOAL, value <= limit));
}
