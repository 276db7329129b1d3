/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/crash_vfs.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512
#define PATH_CAP 256

struct file {
        sqlite3_file base;
        sqlite3_file *real;
        char path[PATH_CAP];
};

/* A write the disk has not confirmed: what was there before, to lose it again. */
struct unsynced {
        struct unsynced *next; /* older */
        char path[PATH_CAP];
        sqlite3_int64 offset, old_size;
        int len, old_len;
        unsigned char *old;
};

static struct crash_plan plan;
static long operations;
static uint64_t random_state;
static struct unsynced *unsynced;
static sqlite3_vfs *under;

static unsigned next_random(void) {
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return (unsigned)((random_state * UINT64_C(2685821657736338717)) >> 40);
}

/* Newest first, so that an older write that survives shows through one that does not. */
static void lose_sectors(const struct unsynced *u) {
        int fd = open(u->path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return;
        for (int at = 0; at < u->old_len; at += SECTOR) {
                int n = u->old_len - at < SECTOR ? u->old_len - at : SECTOR;
                if (next_random() % 2 && pwrite(fd, u->old + at, (size_t)n, u->offset + at) != n)
                        abort();
        }
        if (u->offset + u->len > u->old_size && next_random() % 2 && ftruncate(fd, u->old_size) != 0)
                abort();
        (void)close(fd);
}

static void die(void) {
        if (plan.mode == CRASH_POWER) {
                for (const struct unsynced *u = unsynced; u; u = u->next)
                        lose_sectors(u);
        }
        _exit(CRASH_EXIT);
}

static void forget(const char *path) {
        for (struct unsynced **at = &unsynced; *at;) {
                struct unsynced *u = *at;
                if (strcmp(u->path, path) != 0) {
                        at = &u->next;
                        continue;
                }
                *at = u->next;
                free(u->old);
                free(u);
        }
}

static void remember(struct file *f, int len, sqlite3_int64 offset) {
        struct unsynced *u = calloc(1, sizeof *u);
        if (!u || f->real->pMethods->xFileSize(f->real, &u->old_size) != SQLITE_OK)
                abort();
        memcpy(u->path, f->path, sizeof u->path);
        u->offset = offset;
        u->len = len;
        if (offset < u->old_size) {
                u->old_len = u->old_size - offset < len ? (int)(u->old_size - offset) : len;
                u->old = malloc((size_t)u->old_len);
                if (!u->old || f->real->pMethods->xRead(f->real, u->old, u->old_len, offset) != SQLITE_OK)
                        abort();
        }
        u->next = unsynced;
        unsynced = u;
}

/* True when this operation is to fail. May not return. */
static bool hit(bool write_like) {
        bool failing = plan.mode == CRASH_EIO || (plan.mode == CRASH_FULL && write_like);
        operations++;
        if ((plan.mode == CRASH_KILL || plan.mode == CRASH_POWER) && operations == plan.at)
                die();
        return failing && (operations == plan.at || (plan.sticky && operations > plan.at));
}

static int x_close(sqlite3_file *file) {
        struct file *f = (struct file *)file;
        int rc = f->real->pMethods->xClose(f->real);
        free(f->real);
        return rc;
}

static int x_read(sqlite3_file *file, void *to, int len, sqlite3_int64 offset) {
        struct file *f = (struct file *)file;
        /* Reads count only where they can fail, so that the other modes spend no runs on them. */
        if (plan.mode == CRASH_EIO && hit(false))
                return SQLITE_IOERR_READ;
        return f->real->pMethods->xRead(f->real, to, len, offset);
}

static int x_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 offset) {
        struct file *f = (struct file *)file;
        if (plan.mode == CRASH_POWER)
                remember(f, len, offset);
        if ((plan.mode == CRASH_KILL || plan.mode == CRASH_POWER) && operations + 1 == plan.at) {
                /* Torn: some of it is on the way already. */
                int part = plan.mode == CRASH_POWER ? len : (int)(next_random() % (unsigned)len);
                if (part > 0)
                        (void)f->real->pMethods->xWrite(f->real, from, part, offset);
        }
        if (hit(true))
                return plan.mode == CRASH_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        return f->real->pMethods->xWrite(f->real, from, len, offset);
}

static int x_truncate(sqlite3_file *file, sqlite3_int64 size) {
        struct file *f = (struct file *)file;
        return hit(false) ? SQLITE_IOERR_TRUNCATE : f->real->pMethods->xTruncate(f->real, size);
}

static int x_sync(sqlite3_file *file, int flags) {
        struct file *f = (struct file *)file;
        if (hit(false))
                return SQLITE_IOERR_FSYNC;
        forget(f->path);
        /* The model decides what is lost; the real fsync would only cost time. */
        (void)flags;
        return SQLITE_OK;
}

static int x_file_size(sqlite3_file *file, sqlite3_int64 *ret) {
        struct file *f = (struct file *)file;
        return f->real->pMethods->xFileSize(f->real, ret);
}

static int x_lock(sqlite3_file *file, int level) {
        struct file *f = (struct file *)file;
        return f->real->pMethods->xLock(f->real, level);
}

static int x_unlock(sqlite3_file *file, int level) {
        struct file *f = (struct file *)file;
        return f->real->pMethods->xUnlock(f->real, level);
}

static int x_reserved(sqlite3_file *file, int *ret) {
        struct file *f = (struct file *)file;
        return f->real->pMethods->xCheckReservedLock(f->real, ret);
}

static int x_control(sqlite3_file *file, int op, void *arg) {
        struct file *f = (struct file *)file;
        return f->real->pMethods->xFileControl(f->real, op, arg);
}

static int x_sector(sqlite3_file *file) {
        (void)file;
        return SECTOR;
}

/* No promise about writes that a power cut would not keep. */
static int x_traits(sqlite3_file *file) {
        (void)file;
        return 0;
}

/* Version 1 has no shared memory: the journal must work with the WAL index in its own heap (exclusive
 * locking). */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_traits,
};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags) {
        struct file *f = (struct file *)file;
        (void)vfs;
        memset(f, 0, sizeof *f);
        f->real = calloc(1, (size_t)under->szOsFile);
        if (!f->real)
                return SQLITE_NOMEM;
        int rc = under->xOpen(under, name, f->real, flags, ret_flags);
        if (rc != SQLITE_OK) {
                free(f->real);
                return rc;
        }
        if (name)
                memcpy(f->path, name, strnlen(name, PATH_CAP - 1));
        f->base.pMethods = &methods;
        return SQLITE_OK;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync_dir) {
        (void)vfs;
        if (hit(false))
                return SQLITE_IOERR_DELETE;
        forget(name);
        return under->xDelete(under, name, sync_dir);
}

static int v_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret) {
        (void)vfs;
        return under->xAccess(under, name, flags, ret);
}

static int v_full(sqlite3_vfs *vfs, const char *name, int cap, char *ret) {
        (void)vfs;
        return under->xFullPathname(under, name, cap, ret);
}

static int v_random(sqlite3_vfs *vfs, int len, char *ret) {
        (void)vfs;
        for (int i = 0; i < len; i++)
                ret[i] = (char)next_random();
        return len;
}

static int v_sleep(sqlite3_vfs *vfs, int us) {
        (void)vfs;
        return under->xSleep(under, us);
}

static int v_time(sqlite3_vfs *vfs, double *ret) {
        (void)vfs;
        return under->xCurrentTime(under, ret);
}

static int v_error(sqlite3_vfs *vfs, int cap, char *ret) {
        (void)vfs;
        return under->xGetLastError(under, cap, ret);
}

static sqlite3_vfs crash_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct file),
    .mxPathname = PATH_CAP - 1,
    .zName = "crash",
    .xOpen = v_open,
    .xDelete = v_delete,
    .xAccess = v_access,
    .xFullPathname = v_full,
    .xRandomness = v_random,
    .xSleep = v_sleep,
    .xCurrentTime = v_time,
    .xGetLastError = v_error,
};

bool crash_vfs_arm(const struct crash_plan *p) {
        plan = *p;
        operations = 0;
        random_state = p->seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
        under = sqlite3_vfs_find(NULL);
        return under && sqlite3_vfs_register(&crash_vfs, 0) == SQLITE_OK;
}

long crash_vfs_count(void) {
        return operations;
}
