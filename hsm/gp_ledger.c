/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/gp_ledger.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_MAX_LEN (1024u * 1024u)
#define COMPACT_LEN (64u * 1024u)

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
                       "tried without it",
                       strerror(err));
}

/* Opens, locks and reads the file. */
static cw_rc open_ledger(const char *dir, char *ret_path, int *ret_fd, char **ret_text, size_t *ret_len,
                         struct cw_fault *f) {
        int n = snprintf(ret_path, PATH_MAX, "%s/gp-tries", dir);
        if (n < 0 || n >= PATH_MAX)
                return unavailable(ENAMETOOLONG, f);
        CW_AUTO_FD int fd = open(ret_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || flock(fd, LOCK_EX) != 0)
                return unavailable(errno, f);
        cw_rc rc = cw_file_read(ret_path, FILE_MAX_LEN, ret_text, ret_len, f);
        if (rc == CW_OK)
                *ret_fd = CW_STEAL_FD(fd);
        return rc;
}

/* Only what is still open stays; written in place, since the lock is on this very file. */
static cw_rc compact(int fd, const char *text, size_t len, struct cw_fault *f) {
        CW_AUTO_MEM char *kept = malloc(len + 1);
        if (kept == NULL)
                return unavailable(ENOMEM, f);
        size_t n = cw_gp_ledger_compact(text, len, kept);
        if (ftruncate(fd, 0) != 0 || write(fd, kept, n) != (ssize_t)n)
                return unavailable(errno, f);
        return CW_OK;
}

static cw_rc append(int fd, char sign, const char *line, bool sync, struct cw_fault *f) {
        char text[CW_GP_TRY_MAX + 4];
        int n = snprintf(text, sizeof text, "%c %s\n", sign, line);
        if (write(fd, text, (size_t)n) != n || (sync && fdatasync(fd) != 0))
                return unavailable(errno, f);
        return CW_OK;
}

/* A new file is only durable with its name. */
static cw_rc sync_folder(const char *dir, struct cw_fault *f) {
        CW_AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) != 0 ? unavailable(errno, f) : CW_OK;
}

static cw_rc refuse_open_try(const char *text, size_t len, const char *line, const struct cw_gp_try *t,
                             struct cw_fault *f) {
        bool bad = false;
        bool open = cw_gp_ledger_open_try(text, len, line, &bad);
        if (bad)
                return unavailable(EBADMSG, f);
        if (open)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), t->kvn, "hsm.gp_ledger",
                               "HSM_QUARANTINE",
                               "these keys (version %02X) were tried on this card before and it was never "
                               "seen to accept them; set the card aside, a second try could block it",
                               t->kvn);
        return CW_OK;
}

cw_rc cw_gp_ledger_check(const char *dir, const struct cw_gp_try *t, struct cw_fault *f) {
        char path[PATH_MAX], line[CW_GP_TRY_MAX];
        CW_AUTO_MEM char *text = NULL;
        CW_AUTO_FD int fd = -1;
        size_t len = 0;
        line_of(t, line);
        cw_rc rc = open_ledger(dir, path, &fd, &text, &len, f);
        return rc == CW_OK ? refuse_open_try(text, len, line, t, f) : rc;
}

cw_rc cw_gp_ledger_try(const char *dir, const struct cw_gp_try *t, struct cw_fault *f) {
        char path[PATH_MAX], line[CW_GP_TRY_MAX];
        CW_AUTO_MEM char *text = NULL;
        CW_AUTO_FD int fd = -1;
        size_t len = 0;
        line_of(t, line);
        cw_rc rc = open_ledger(dir, path, &fd, &text, &len, f);
        if (rc == CW_OK)
                rc = refuse_open_try(text, len, line, t, f);
        if (rc == CW_OK && len > COMPACT_LEN)
                rc = compact(fd, text, len, f);
        if (rc == CW_OK)
                rc = append(fd, '+', line, true, f);
        return rc == CW_OK && len == 0 ? sync_folder(dir, f) : rc;
}

cw_rc cw_gp_ledger_accepted(const char *dir, const struct cw_gp_try *t, struct cw_fault *f) {
        char path[PATH_MAX], line[CW_GP_TRY_MAX];
        line_of(t, line);
        int n = snprintf(path, sizeof path, "%s/gp-tries", dir);
        if (n < 0 || n >= PATH_MAX)
                return unavailable(ENAMETOOLONG, f);
        CW_AUTO_FD int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || flock(fd, LOCK_EX) != 0)
                return unavailable(errno, f);
        return append(fd, '-', line, false, f);
}
