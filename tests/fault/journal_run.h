/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed story of calls to the journal, and what must be true of its file after each. */
#pragma once

#include "agent/journal/journal.h"

#define RUN_CALLS_MAX 64

/* In memory shared with the parent: it outlives the process that runs the story. */
struct run_progress {
        unsigned acked;               /* calls that returned CW_OK, the open counted as the first */
        char head[RUN_CALLS_MAX][65]; /* audit head after each of them, of a run without faults */
        bool liar;                    /* a call succeeded after the journal had said FATAL */
        bool wrong_class;             /* an error that is neither FATAL nor (at open) OPERATOR nor RETRY */
        char text[240];
};

/* Runs the story on path with the VFS; record = keep the heads. 0 all done, 3 stopped by an error. */
int run_story(const char *path, const char *vfs, struct run_progress *p, bool record);
/* NULL, or what is wrong with the file, reopened after the process is gone. reference: of the run without
 * faults. */
const char *run_check(const char *path, const struct run_progress *reference, unsigned acked);
