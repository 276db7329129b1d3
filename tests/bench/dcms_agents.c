/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Polling: requests a second and CPU of one agent that polls without a pause, then many agents against one
 * simulator, each with its own client, connection and token, that poll at the interval of the configuration.
 * usage: bench-dcms-agents [agents [interval_s [seconds]]]
 */
#include "measure.h"

#include "tests/integration/upstream/rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ALONE_S 5

/* One poll is what the agent's round asks a server without news: orders, assigned kits, inactive kits. */
struct agent {
        struct bench *bench;
        struct cw_dcms *d;
        struct cw_timer *timer;
        int step;
        int64_t begun_ns;
};

struct bench {
        struct rig rig;
        int64_t interval_ms; /* 0: the next poll at once */
        uint64_t polls, failed;
        double wait_us; /* of all polls */
        struct agent *agents;
        size_t count;
        bool stopping; /* calls end unanswered */
};

static void next_call(struct agent *a);

static void on_call(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct agent *a = ctx;
        (void)reply;
        if (a->bench->stopping)
                return;
        if (rc != CW_OK) {
                if (a->bench->failed++ == 0)
                        (void)printf("first failure: %s: %s\n", f->code, f->text);
                a->step = 3;
        }
        next_call(a);
}

static void next_call(struct agent *a) {
        struct cw_dcms_kit_filter filter = {.branch_id = "BRANCH001", .delivery_status = "IN_TRANSIT"};
        switch (a->step++) {
        case 0:
                a->begun_ns = measure_now_ns();
                cw_dcms_orders_received(a->d, on_call, a);
                return;
        case 1:
        case 2:
                filter.kit_status = a->step == 2 ? "ASSIGNED" : "INACTIVE";
                cw_dcms_kits_inventory(a->d, &filter, on_call, a);
                return;
        default:
                break;
        }
        a->step = 0;
        a->bench->polls++;
        a->bench->wait_us += (double)(measure_now_ns() - a->begun_ns) / 1000.0;
        cw_timer_arm(a->timer, a->bench->interval_ms);
}

static void on_timer(void *ctx) {
        next_call(ctx);
}

static void start_agent(struct bench *b, int64_t first_ms) {
        struct agent *a = &b->agents[b->count++];
        struct cw_fault f = {0};
        *a = (struct agent){.bench = b};
        if (cw_dcms_new(b->rig.loop, &b->rig.config, cw_clock_real(), &a->d, &f) != CW_OK ||
            cw_timer_new(b->rig.loop, on_timer, a, &a->timer) != CW_OK)
                fail_msg("agent %zu: %s", b->count, f.text);
        cw_timer_arm(a->timer, first_ms);
}

static void stop_agents(struct bench *b) {
        b->stopping = true;
        for (size_t i = 0; i < b->count; i++) {
                cw_timer_free(b->agents[i].timer);
                cw_dcms_free(b->agents[i].d);
        }
        b->count = 0;
        b->stopping = false;
}

static double cpu_s(void) {
        struct rusage u;
        (void)getrusage(RUSAGE_SELF, &u);
        return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* CPU of the simulator so far. */
static double sim_cpu_s(const struct bench *b) {
        char path[64];
        unsigned long user = 0, system = 0;
        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)b->rig.sim);
        CW_AUTO_FILE FILE *file = fopen(path, "re");
        if (!file ||
            fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
                return 0;
        return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static json_int_t traffic(struct bench *b, const char *name) {
        CW_AUTO_JSON json_t *state = rig_state(&b->rig);
        return json_integer_value(json_object_get(json_object_get(state, "traffic"), name));
}

static void one_agent_without_a_pause(struct bench *b) {
        b->interval_ms = 0;
        start_agent(b, 0);
        rig_run(&b->rig, 500);
        uint64_t polls = b->polls;
        double cpu = cpu_s(), sim = sim_cpu_s(b);
        rig_run(&b->rig, ALONE_S * 1000);
        double n = (double)(b->polls - polls);
        assert_true(n > 0 && b->failed == 0);
        (void)printf(
            "one agent      %7.0f requests/s   %7.0f us CPU a poll of 3 requests   simulator %.0f us\n",
            3 * n / ALONE_S, (cpu_s() - cpu) / n * 1e6, (sim_cpu_s(b) - sim) / n * 1e6);
        stop_agents(b);
}

static void many_agents(struct bench *b, size_t count, int64_t interval_s, int64_t window_s) {
        b->interval_ms = interval_s * 1000;
        b->polls = b->failed = 0;
        /* They come one after the other, as branches do in the morning. */
        for (size_t i = 0; i < count; i++)
                start_agent(b, (int64_t)i * b->interval_ms / (int64_t)count);
        rig_run(&b->rig, b->interval_ms + 2000);
        b->polls = 0;
        b->wait_us = 0;
        json_int_t bytes = traffic(b, "bytes_in") + traffic(b, "bytes_out");
        double cpu = cpu_s(), sim = sim_cpu_s(b);
        rig_run(&b->rig, window_s * 1000);
        double n = (double)b->polls, window = (double)window_s, agents = (double)count;
        double used = (double)(traffic(b, "bytes_in") + traffic(b, "bytes_out") - bytes);
        json_int_t open = traffic(b, "open");
        (void)printf("%zu agents    %7.1f requests/s   poll interval %lld s   %.0f bytes an agent and hour   "
                     "%.1f ms a poll\n",
                     count, 3 * n / window, (long long)interval_s, used / agents * 3600 / window,
                     b->wait_us / n / 1000);
        (void)printf(
            "               %lld connections open   %.0f us CPU a poll   simulator %.0f us   %llu polls, "
            "%llu failed\n",
            (long long)open, (cpu_s() - cpu) / n * 1e6, (sim_cpu_s(b) - sim) / n * 1e6,
            (unsigned long long)b->polls, (unsigned long long)b->failed);
        stop_agents(b);
        assert_int_equal(b->failed, 0);
        assert_true(open >= (json_int_t)count);
        assert_true(n >= agents * window / (double)interval_s * 0.9);
}

/* Files for the connections, and memory that may be locked: each client keeps its password and token in it.
 */
static void raise_limits(void) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
        if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_MEMLOCK, &limit);
        }
}

static long argument(int count, char **args, int n, long fallback) {
        long v = count > n ? strtol(args[n], NULL, 10) : fallback;
        return v > 0 ? v : fallback;
}

int main(int argc, char **argv) {
        struct bench b = {.polls = 0};
        long agents = argument(argc, argv, 1, 2000), interval_s = argument(argc, argv, 2, 60);
        long window_s = argument(argc, argv, 3, interval_s);
        raise_limits();
        b.agents = calloc((size_t)agents, sizeof *b.agents);
        assert_non_null(b.agents);
        rig_make(&b.rig);
        (void)json_object_set_new(b.rig.sim_config, "rate",
                                  json_pack("{s:i, s:i}", "per_second", 100000, "burst", 100000));
        b.rig.config.server.connect_timeout_ms = b.rig.config.server.timeout_ms = 20000;
        rig_start_sim(&b.rig);
        rig_start_client(&b.rig);
        one_agent_without_a_pause(&b);
        many_agents(&b, (size_t)agents, interval_s, window_s);
        rig_stop(&b.rig);
        free(b.agents);
        return 0;
}
