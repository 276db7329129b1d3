/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/bench.h"

static const struct cw_printer_fitting fitting = {
    .both_faces = -1, .flip = -1, .experimental = true, .ribbon = "ymcko", .quirks = "overcoat-by-buffer"};

static const char half[] = "\x1bGS 0 32 4 0 1016 640 ";

const struct bench_family bench_family = {
    .driver = "zebra",
    .model = "P330i",
    .firmware = "V4.02",
    .head = "",
    .board = "",
    .vendor_id = 0x0a5f,
    .rests = CW_WHERE_UNKNOWN,
    .fed = CW_WHERE_PRINT,
    .rejects = false,
    .tells_counters = false,
    .dead_questions = "\x1bV 12\r\x1b&P\r",
    .half_job = half,
    .half_job_len = sizeof half - 1,
    .question = "V",
    .move = "MI",
    .contact = NULL,
    .write = "&E*",
    .track = "&B",
    .panel = "G",
    .end = "MO",
    .turn = "MO",
    .raw = "&P",
    .raw_answer = "NACK 06",
    .raw_refused = {"MI", "&L1", "&B 1 A", "A", "+X 33", "", NULL},
    .transfers_of_open = 6,
    .panels = 5,
    .coat = 'p',
    .edge = 4,
    .fitting = &fitting,
    .heat = "k=7",
    .heat_key = "+C",
    .heat_value = "7",
    .time_scale = "0",
};
