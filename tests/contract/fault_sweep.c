/* SPDX-License-Identifier: Apache-2.0 */
/* A fault at each transfer of a card job, opening included: the card is found, and nothing is done twice. */
#include "tests/contract/faults.h"

#include <stdio.h>
#include <string.h>

#define TRANSFERS_MAX 3000

/* Every transfer where nothing slows it; the sanitizers look at the same code at every fourth. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STEP 4
#endif
#endif
#ifndef STEP
#define STEP 1
#endif

/* Transfers of a job without a fault. */
static unsigned transfers_of_job(void) {
        const struct bench_options quick = {.pace = 0.02};
        const struct cw_usb_fault_rule never = {CW_USB_FAULT_ANY, TRANSFERS_MAX, CW_USB_DO_GONE, 0, 0};
        struct fault_job j = {.bench = bench_ops.open(&quick), .rule = &never};
        fault_job_run(&j, NULL);
        unsigned n = cw_usb_fault_calls(j.layer, CW_USB_FAULT_ANY);
        fault_job_settle(&j);
        assert_string_equal(j.outcome, "made");
        bench_ops.close(j.bench);
        return n;
}

static void round_at(unsigned n, enum cw_usb_fault_do what) {
        const struct bench_options quick = {.pace = 0.02};
        const struct cw_usb_fault_rule rule = {CW_USB_FAULT_ANY, n, what, 0, 0};
        struct fault_job j = {.bench = bench_ops.open(&quick), .rule = &rule};
        fault_job_run(&j, NULL);
        fault_job_settle(&j);
        assert_int_equal(bench_state(j.bench, "", "violations"), 0);
        bench_ops.close(j.bench);
}

void unplugged_at_every_transfer(void **state) {
        (void)state;
        unsigned count = transfers_of_job();
        for (unsigned n = 1; n <= count; n += STEP)
                round_at(n, CW_USB_DO_GONE);
}

/* The device has taken it, the host never hears so. */
void unplugged_with_every_transfer(void **state) {
        (void)state;
        unsigned count = transfers_of_job();
        for (unsigned n = 1; n <= count; n += STEP)
                round_at(n, CW_USB_DO_TAKEN);
}

void stalled_at_every_transfer(void **state) {
        (void)state;
        unsigned count = transfers_of_job();
        for (unsigned n = 1; n <= count; n += STEP)
                round_at(n, CW_USB_DO_STALL);
}
