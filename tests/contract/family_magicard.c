/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/bench.h"

#define ATTENTION_8 "\5\5\5\5\5\5\5\5"
#define ATTENTION_64                                                                                         \
        ATTENTION_8 ATTENTION_8 ATTENTION_8 ATTENTION_8 ATTENTION_8 ATTENTION_8 ATTENTION_8 ATTENTION_8

static const char half[] = ATTENTION_64 "\1,NOC1,VER1.0,KGE2,PAG1,IMFK,XCO0,YCO0,WID1016,HGT642,OVROFF,"
                                        "SZK97536\x1c";

const struct bench_family bench_family = {
    .driver = "magicard",
    .model = "Enduro+",
    .firmware = "2.17",
    .head = "HT1",
    .board = "BT1",
    .vendor_id = 0x0c1f,
    .rests = CW_WHERE_UNKNOWN,
    .fed = CW_WHERE_CONTACT,
    .rejects = false,
    .tells_counters = true,
    .dead_questions = ATTENTION_8 "\5\1,REQ,INF,\x1c\3" ATTENTION_8 "\5\1,REQ,ERR,\x1c\3",
    .half_job = half,
    .half_job_len = sizeof half - 1,
    .question = "REQ,INF",
    .move = "CHPUP",
    .contact = "CHPUP",
    .end = "JOB",
    .turn = "JOB",
    .raw = ",REQ,ERR,",
    .raw_answer = "STAPrinterstatus OK.?00:00?(c0300)",
    .raw_refused = {",NOC1,KGE2", "EJT,", "TST,", "REQ,UPG,", "REQ,STA,M\r,", ""},
    .transfers_of_open = 4,
    .panels = 5,
    .coat = 'a',
    .edge = 3,
    .heat = "k=70",
    .heat_key = "KPW",
    .heat_value = "70",
    .time_scale = "0.02",
};
