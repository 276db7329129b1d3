/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

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

void measure_print(const char *what, struct samples *ours, const char *bare_what, struct samples *bare) {
        double mine = at(ours, 50);
        double limit = at(bare, 50);
        (void)printf("%-34s median %9.1f us  p99 %9.1f us  (%zu)\n", what, mine, at(ours, 99), ours->count);
        (void)printf("  %-32s median %9.1f us  p99 %9.1f us  (%zu)  ratio %.2f\n", bare_what, limit,
                     at(bare, 99), bare->count, limit > 0 ? mine / limit : 0);
}

void measure_print_share(const char *what, struct samples *ours, const char *bare_what,
                         struct samples *bare) {
        static struct samples share;
        share.count = 0;
        for (size_t i = 0; i < ours->count && i < bare->count; i++)
                share.us[share.count++] = ours->us[i] > 0 ? bare->us[i] / ours->us[i] : 0;
        (void)printf("  %-26s %8.2f us  p99 %8.2f us | %-26s %8.2f us  p99 %8.2f us | share %.3f\n", what,
                     at(ours, 50), at(ours, 99), bare_what, at(bare, 50), at(bare, 99), at(&share, 50));
}
