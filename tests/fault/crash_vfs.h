/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SQLite VFS named "crash" over the default one, for a process that is to die or to fail at its k-th I/O
 * operation. In the power model, what was not yet synced is lost sector by sector, at random, the operation
 * under way included.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum crash_mode {
        CRASH_NONE,  /* count only */
        CRASH_KILL,  /* the process dies; the kernel keeps what was written */
        CRASH_POWER, /* the machine dies; unsynced sectors may be lost */
        CRASH_EIO,   /* the operation fails, reads included */
        CRASH_FULL,  /* a write fails for want of space */
};

struct crash_plan {
        enum crash_mode mode;
        long at;     /* operation number, from 1 */
        bool sticky; /* EIO, FULL: every later one fails too */
        uint64_t seed;
};

#define CRASH_EXIT 99

/* Registers the VFS (once per process) and arms the plan. */
bool crash_vfs_arm(const struct crash_plan *plan);
/* Operations seen so far. */
long crash_vfs_count(void);
