/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/gp_ledger.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_MAX_LEN (1024u * 1024u)
#define COMPACT_LEN (64u * 1024u)
#define ROOM_LEN 4096

/* "+ <line>" notes a try, "- <line>" takes it back. */
static bool next_line(const char **text, size_t *len, char *ret_sign, struct cw_span *ret_line) {
        const char *end = memchr(*text, '\n', *len);
        size_t n = end ? (size_t)(end - *text) : 0;
        if (n < 3 || n > CW_GP_TRY_MAX || ((*text)[0] != '+' && (*text)[0] != '-') || (*text)[1] != ' ')
                return false;
        *ret_sign = (*text)[0];
        *ret_line = CW_SPAN((const uint8_t *)*text + 2, n - 2);
        *text += n + 1;
        *len -= n + 1;
        return true;
}

bool cw_gp_ledger_open_try(const char *text, size_t len, const char *line, bool *ret_bad) {
        struct cw_span at;
        char sign = 0;
        bool open = false;
        *ret_bad = false;
        while (len > 0) {
                if (!next_line(&text, &len, &sign, &at)) {
                        *ret_bad = true;
                        return true;
                }
                if (at.len == strlen(line) && memcmp(at.ptr, line, at.len) == 0)
                        open = sign == '+';
        }
        return open;
}

size_t cw_gp_ledger_compact(const char *text, size_t len, char *ret) {
        size_t out = 0;
        struct cw_span at;
        char sign = 0, back[CW_GP_TRY_MAX + 4];
        while (len > 0 && next_line(&text, &len, &sign, &at)) {
                int n = snprintf(back, sizeof back, "- %.*s\n", (int)at.len, (const char *)at.ptr);
                /* A try stays when nothing behind it takes it back. */
                if (sign == '-' || memmem(text, len, back, (size_t)n) != NULL)
                        continue;
                memcpy(ret + out, back, (size_t)n);
                ret[out] = '+';
                out += (size_t)n;
        }
        return out;
}

static void line_of(const struct cw_gp_try *t, char ret[CW_GP_TRY_MAX]) {
        char kdd[2 * sizeof t->kdd + 1];
        (void)cw_hex_encode(t->kdd, sizeof t->kdd, kdd, sizeof kdd);
        (void)snprintf(ret, CW_GP_TRY_MAX, "%s %02X %02X %s %s", kdd, t->kvn, t->scp,
                       t->chip[0] ? t->chip : "-", t->keys[0] ? t->keys : "-");
}

static cw_rc unavailable(int err, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_IO), err, "hsm.gp_ledger", "HSM_LEDGER",
                       "cannot keep the ledger of card key tries (gp-tries of hsm.state_dir): %s; no key is "
                       "tried without it: make room there, or give the folder back to hsmd, then try again",
                       strerror(err));
}

static cw_rc damaged(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_SYNTAX), 0, "hsm.gp_ledger", "HSM_LEDGER",
                       "the ledger of card key tries (gp-tries of hsm.state_dir) is damaged, and no key is "
                       "tried without it: keep a copy, and break up or take out each line that is not one "
                       "\"+\" or \"-\" with five words behind it; set the cards of such lines aside");
}

struct ledger {
        char path[PATH_MAX];
        int lock_fd, fd;
        char *text;
        size_t len; /* of whole lines */
};

static void ledger_close(struct ledger *l) {
        cw_fd_cleanup(&l->fd);
        cw_fd_cleanup(&l->lock_fd);
        free(l->text);
}

static int open_file(const char *path, int flags) {
        return open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/*
 * Opens, locks and reads. The lock is a file of its own, since the ledger is replaced when it is compacted. A
 * rest without newline is of a write that failed: its try never left hsmd, or stays open.
 */
static cw_rc ledger_open(const char *dir, struct ledger *l, struct cw_fault *f) {
        char lock[PATH_MAX];
        struct cw_fault why = {0};
        *l = (struct ledger){.lock_fd = -1, .fd = -1};
        int n = snprintf(l->path, sizeof l->path, "%s/gp-tries", dir);
        int m = snprintf(lock, sizeof lock, "%s/gp-tries.lock", dir);
        if (n < 0 || m < 0 || (size_t)m >= sizeof lock)
                return unavailable(ENAMETOOLONG, f);
        l->lock_fd = open_file(lock, O_RDWR);
        if (l->lock_fd < 0 || flock(l->lock_fd, LOCK_EX) != 0)
                return unavailable(errno, f);
        l->fd = open_file(l->path, O_RDWR | O_APPEND);
        if (l->fd < 0)
                return unavailable(errno, f);
        if (cw_file_read(l->path, FILE_MAX_LEN, &l->text, &l->len, &why) != CW_OK)
                return unavailable(why.native > 0 ? (int)why.native : EFBIG, f);
        const char *end = memrchr(l->text, '\n', l->len);
        l->len = end ? (size_t)(end + 1 - l->text) : 0;
        return CW_OK;
}

/* Only what is still open stays. The old file is whole until the new one is on the disk. */
static cw_rc compact(struct ledger *l, struct cw_fault *f) {
        CW_AUTO_MEM char *kept = malloc(l->len + 1);
        struct cw_fault why = {0};
        if (kept == NULL)
                return unavailable(ENOMEM, f);
        size_t n = cw_gp_ledger_compact(l->text, l->len, kept);
        if (cw_file_write_atomic(l->path, kept, n, 0600, &why) != CW_OK)
                return unavailable((int)why.native, f);
        int fd = open_file(l->path, O_RDWR | O_APPEND);
        if (fd < 0)
                return unavailable(errno, f);
        (void)close(l->fd);
        l->fd = fd;
        l->len = n;
        return CW_OK;
}

static cw_rc append(const struct ledger *l, char sign, const char *line, bool sync, struct cw_fault *f) {
        char text[CW_GP_TRY_MAX + 4];
        int n = snprintf(text, sizeof text, "%c %s\n", sign, line);
        if (ftruncate(l->fd, (off_t)l->len) != 0)
                return unavailable(errno, f);
        ssize_t put = write(l->fd, text, (size_t)n);
        if (put == n && (!sync || fdatasync(l->fd) == 0))
                return CW_OK;
        int err = put < 0 || put == n ? errno : ENOSPC;
        if (ftruncate(l->fd, (off_t)l->len) != 0)
                err = errno; /* the next one to open it drops the rest */
        return unavailable(err, f);
}

/* A new file is only durable with its name. */
static cw_rc sync_folder(const char *dir, struct cw_fault *f) {
        CW_AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) != 0 ? unavailable(errno, f) : CW_OK;
}

static cw_rc refuse_open_try(const struct ledger *l, const char *line, const struct cw_gp_try *t,
                             struct cw_fault *f) {
        bool bad = false;
        bool open = cw_gp_ledger_open_try(l->text, l->len, line, &bad);
        if (bad)
                return damaged(f);
        if (open)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), t->kvn, "hsm.gp_ledger",
                               "HSM_QUARANTINE",
                               "these keys (version %02X) were tried on this card before and it was never "
                               "seen to accept them; set the card aside, a second try could block it",
                               t->kvn);
        return CW_OK;
}

cw_rc cw_gp_ledger_ready(const char *dir, struct cw_fault *f) {
        __attribute__((cleanup(ledger_close))) struct ledger l = {.lock_fd = -1, .fd = -1};
        bool bad = false;
        cw_rc rc = ledger_open(dir, &l, f);
        if (rc != CW_OK)
                return rc;
        (void)cw_gp_ledger_open_try(l.text, l.len, "", &bad);
        if (bad)
                return damaged(f);
        /* Room for the try and for taking it back; where a file system cannot tell, the try itself will. */
        if (fallocate(l.fd, FALLOC_FL_KEEP_SIZE, (off_t)l.len, ROOM_LEN) != 0 && errno == ENOSPC)
                return unavailable(ENOSPC, f);
        return CW_OK;
}

cw_rc cw_gp_ledger_check(const char *dir, const struct cw_gp_try *t, struct cw_fault *f) {
        __attribute__((cleanup(ledger_close))) struct ledger l = {.lock_fd = -1, .fd = -1};
        char line[CW_GP_TRY_MAX];
        line_of(t, line);
        cw_rc rc = ledger_open(dir, &l, f);
        return rc == CW_OK ? refuse_open_try(&l, line, t, f) : rc;
}

cw_rc cw_gp_ledger_try(const char *dir, const struct cw_gp_try *t, struct cw_fault *f) {
        __attribute__((cleanup(ledger_close))) struct ledger l = {.lock_fd = -1, .fd = -1};
        char line[CW_GP_TRY_MAX];
        line_of(t, line);
        cw_rc rc = ledger_open(dir, &l, f);
        bool fresh = l.len == 0;
        if (rc == CW_OK)
                rc = refuse_open_try(&l, line, t, f);
        if (rc == CW_OK && l.len > COMPACT_LEN)
                rc = compact(&l, f);
        if (rc == CW_OK)
                rc = append(&l, '+', line, true, f);
        return rc == CW_OK && fresh ? sync_folder(dir, f) : rc;
}

cw_rc cw_gp_ledger_accepted(const char *dir, const struct cw_gp_try *t, struct cw_fault *f) {
        __attribute__((cleanup(ledger_close))) struct ledger l = {.lock_fd = -1, .fd = -1};
        char line[CW_GP_TRY_MAX];
        line_of(t, line);
        cw_rc rc = ledger_open(dir, &l, f);
        return rc == CW_OK ? append(&l, '-', line, false, f) : rc;
}
