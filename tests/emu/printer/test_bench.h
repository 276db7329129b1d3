/* SPDX-License-Identifier: Apache-2.0 */
/* A printer model on the bench of the unit tests: a clock that only moves by hand, and a directory of its
 * own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "model.h"

struct bench {
        struct emup_model *m;
        uint64_t now_ms;
        char dir[64];
        char chip_said[256]; /* "present <dir>" or "remove", the last one */
        unsigned chip_calls;
};

/* cmocka setup and teardown; *state becomes a struct bench. */
int bench_setup(void **state);
int bench_teardown(void **state);
/* A new printer in the place of the old one. */
void bench_restart(struct bench *b, const struct emup_config *changes);

/* Sends ESC text CR. */
void bench_send(struct bench *b, const char *text);
/* Sends a raster: ESC header data CR. */
void bench_send_raster(struct bench *b, const char *header, const uint8_t *data, size_t n);
/* The next reply without its end mark; "" when there is none. Static storage. */
const char *bench_reply(struct bench *b);
/* Sends and reads the answer. */
const char *bench_ask(struct bench *b, const char *text);
#define bench_expect(b, text, answer) assert_string_equal(bench_ask(b, text), answer)
/* Moves the clock and lets the model see it. */
void bench_wait(struct bench *b, uint64_t ms);
/* Arms a fault given as JSON with ' for ". */
void bench_fault(struct bench *b, const char *json);
/* An integer or boolean out of the state, "ribbon.remaining". */
json_int_t bench_state(struct bench *b, const char *path);
/* A text out of the state, static storage. */
const char *bench_state_text(struct bench *b, const char *path);
