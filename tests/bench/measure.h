/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of two ways to do the same thing, and one line that compares them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MEASURE_MAX 2048

struct samples {
        size_t count;
        double us[MEASURE_MAX];
};

int64_t measure_now_ns(void);
/* Adds the time since start_ns; samples beyond MEASURE_MAX are dropped. */
void measure_add(struct samples *s, int64_t start_ns);
/* "what   ours median / p99   bare median / p99   ratio of the medians"; sorts both. */
void measure_print(const char *what, struct samples *ours, const char *bare_what, struct samples *bare);
/* The same with the median of bare / ours, sample by sample: the share of the bare speed that is left. */
void measure_print_share(const char *what, struct samples *ours, const char *bare_what, struct samples *bare);
