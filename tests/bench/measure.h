/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of two ways to do the same thing, and one line of a table that compares them. */
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

enum measure_goal {
        MEASURE_NO_GOAL,
        MEASURE_SHARE, /* at least so much of the floor's speed: the median of floor / ours, pair by pair */
        MEASURE_RATIO, /* ours is at most so many times the floor, at the median */
        MEASURE_ADDED, /* at most so many us more than the floor, at the median */
        MEASURE_OURS,  /* ours takes at most so many us, at the median */
};

struct measure_row {
        const char *what;
        const char *on;    /* token, printer family, "-" */
        const char *floor; /* what the floor does */
        enum measure_goal goal;
        double target;
};

/* The names of the columns. */
void measure_head(void);
/* One line, with a verdict where there is a goal; sorts both, which were taken in turn. "at best" is what the
 * fastest of ours adds to the fastest of the floor: on a busy machine the rest waits for a processor too. */
void measure_print(const struct measure_row *row, struct samples *ours, struct samples *floor);
/* A number that has no floor, e.g. memory; limit 0: it has no limit either. */
void measure_print_value(const char *what, const char *on, double value, const char *unit, double limit);
