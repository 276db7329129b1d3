/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/bench.h"

/* The beginning of a command wrapper for a yellow panel of 687904 bytes. */
static const char half[] = "USBC\1\0\0\0\x20\x7f\x0a\0\0\0\x0a\x2a\0\3\0\0\0\x0a\x7f\x20\0\0\0\0\0\0";

/* One question; what follows its data, the status, is the answer too many. */
static const char inquiry[] = "USBC\1\0\0\0\x60\0\0\0\x80\0\6\x12\0\0\0\x60\0\0\0\0\0\0\0\0\0\0\0";

const struct bench_family bench_family = {
    .driver = "matica",
    .model = "XID8300",
    .firmware = "1.60",
    .head = "",
    .board = "",
    .vendor_id = 0x2166,
    .rests = CW_WHERE_NONE,
    .fed = CW_WHERE_PRINT,
    .rejects = true,
    .tells_counters = true,
    .dead_questions = inquiry,
    .dead_questions_len = sizeof inquiry - 1,
    .half_job = half,
    .half_job_len = sizeof half,
    .question = "POSITION",
    .move = "LOAD",
    .contact = "MOVE",
    .contactless = "MOVE",
    .write = "MAGWRITE",
    .panel = "PANEL",
    .end = "TRANSFER",
    .turn = "TRANSFERTURN",
    .raw = "POSITION",
    .raw_answer = "0400000000000000",
    .raw_refused = {"2A", "31 01", "POSITION ", "MAGREAD", ""},
    .transfers_of_open = 4,
    .panels = 4,
    .coat = 'n',
    .edge = 0,
    .time_scale = "0",
};
