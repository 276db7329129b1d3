/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/bench.h"

static const char half[] = "\x1b"
                           "Ss\r\x1b"
                           "Db;k;2;";

const struct bench_family bench_family = {
    .driver = "evolis",
    .model = "Primacy",
    .firmware = "1520",
    .head = "001000123",
    .board = "",
    .vendor_id = 0x0f49,
    .rests = CW_WHERE_NONE,
    .fed = CW_WHERE_PRINT,
    .rejects = true,
    .tells_counters = true,
    .dead_questions = "\x1bRfv\r\x1bRtp\r\x1bRlr;p\r",
    .half_job = half,
    .half_job_len = sizeof half - 1,
    .question = "Rco",
    .move = "Si",
    .contact = "Sis",
    .contactless = "Sic",
    .write = "Smw",
    .track = "Dm",
    .panel = "Db",
    .end = "Se",
    .turn = "Sv",
    .raw = "Rfv",
    .raw_answer = "1520",
    .raw_refused = {"Smr;2", "Dm;2;1", "Db;k;2;", "Psc;1;2;3", "Pem;0", "R\r", ""},
    .transfers_of_open = 10,
    .panels = 5,
    .coat = 'p',
    .heat = "k=7",
    .heat_key = "Pc;k",
    .heat_value = "=;7",
    .time_scale = "0",
};
