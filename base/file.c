/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define RC_REJECT(n) CW_RC(CW_L_BASE, CW_C_REJECT, (n))

static cw_rc open_regular(const char *path, size_t max_len, int *ret_fd, struct stat *ret_st,
                          struct cw_fault *f) {
        CW_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return cw_fail(f, RC_REJECT(CW_E_NOT_FOUND), errno, "file.open", "", "cannot open %s: %s",
                               path, strerror(errno));
        if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode))
                return cw_fail(f, RC_REJECT(CW_E_SYNTAX), errno, "file.stat", "", "%s is not a regular file",
                               path);
        if ((uint64_t)ret_st->st_size > max_len)
                return cw_fail(f, RC_REJECT(CW_E_TOO_BIG), 0, "file.size", "", "%s is larger than %zu bytes",
                               path, max_len);
        *ret_fd = CW_STEAL_FD(fd);
        return CW_OK;
}

/* Reads until the end or cap bytes. */
static ssize_t read_all(int fd, void *to, size_t cap) {
        size_t done = 0;
        while (done < cap) {
                ssize_t n = read(fd, (char *)to + done, cap - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

cw_rc cw_file_read(const char *path, size_t max_len, char **ret, size_t *ret_len, struct cw_fault *f) {
        CW_AUTO_FD int fd = -1;
        struct stat st;
        cw_rc rc = open_regular(path, max_len, &fd, &st, f);
        if (rc != CW_OK)
                return rc;
        size_t cap = (size_t)st.st_size;
        CW_AUTO_MEM char *text = malloc(cap + 1);
        if (!text)
                return cw_fail(f, CW_RC(CW_L_BASE, CW_C_RETRY, CW_E_NOMEM), 0, "file.read", "",
                               "out of memory");
        ssize_t n = read_all(fd, text, cap);
        if (n < 0)
                return cw_fail(f, RC_REJECT(CW_E_IO), errno, "file.read", "", "cannot read %s: %s", path,
                               strerror(errno));
        text[n] = '\0';
        *ret = CW_STEAL(text);
        *ret_len = (size_t)n;
        return CW_OK;
}

static cw_rc credential_path(const char *dir, const char *name, char *ret, size_t cap, struct cw_fault *f) {
        if (!dir || !*dir)
                return cw_fail(
                    f, RC_REJECT(CW_E_MISSING), 0, "credential.path", "",
                    "no place to read credential %s from: run under systemd with LoadCredential, or set "
                    "agent.credential_dir",
                    name);
        if (!*name || strchr(name, '/'))
                return cw_fail(f, RC_REJECT(CW_E_SYNTAX), 0, "credential.path", "",
                               "credential name '%s' is empty or holds a slash", name);
        int n = snprintf(ret, cap, "%s/%s", dir, name);
        if (n < 0 || (size_t)n >= cap)
                return cw_fail(f, RC_REJECT(CW_E_TOO_BIG), 0, "credential.path", "",
                               "credential path too long");
        return CW_OK;
}

/* guarded: the directory itself keeps others out, whatever the file's mode. */
static cw_rc secret_read(const char *dir, bool guarded, const char *name, size_t max_len,
                         struct cw_secret **ret, struct cw_fault *f) {
        char path[PATH_MAX];
        cw_rc rc = credential_path(dir, name, path, sizeof path, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO_FD int fd = -1;
        struct stat st;
        rc = open_regular(path, max_len, &fd, &st, f);
        if (rc != CW_OK)
                return rc;
        if (!guarded && ((st.st_mode & 077) || (st.st_uid != geteuid() && st.st_uid != 0)))
                return cw_fail(
                    f, RC_REJECT(CW_E_DENIED), 0, "credential.mode", "",
                    "%s must be readable by its owner alone: chmod 600 it and chown it to the daemon's user",
                    path);
        CW_AUTO(cw_secret_free) struct cw_secret *s = NULL;
        rc = cw_secret_new((size_t)st.st_size + 1, &s);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "credential.read", "",
                               "no locked memory for a credential: raise RLIMIT_MEMLOCK");
        ssize_t n = read_all(fd, s->ptr, (size_t)st.st_size);
        if (n < 0)
                return cw_fail(f, RC_REJECT(CW_E_IO), errno, "credential.read", "", "cannot read %s: %s",
                               path, strerror(errno));
        s->len = (size_t)n;
        while (s->len && (s->ptr[s->len - 1] == '\n' || s->ptr[s->len - 1] == '\r'))
                s->ptr[--s->len] = 0;
        *ret = CW_STEAL(s);
        return CW_OK;
}

cw_rc cw_secret_file_read(const char *dir, const char *name, size_t max_len, struct cw_secret **ret,
                          struct cw_fault *f) {
        return secret_read(dir, false, name, max_len, ret, f);
}

cw_rc cw_credential_read(const char *dir, const char *name, size_t max_len, struct cw_secret **ret,
                         struct cw_fault *f) {
        const char *systemd_dir = getenv("CREDENTIALS_DIRECTORY");
        bool systemd = systemd_dir && *systemd_dir;
        return secret_read(systemd ? systemd_dir : dir, systemd, name, max_len, ret, f);
}

static bool write_all(int fd, const void *bytes, size_t len) {
        size_t done = 0;
        while (done < len) {
                ssize_t n = write(fd, (const char *)bytes + done, len - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                done += (size_t)n;
        }
        return true;
}

static bool sync_folder_of(const char *path) {
        char copy[PATH_MAX];
        int n = snprintf(copy, sizeof copy, "%s", path);
        if (n < 0 || (size_t)n >= sizeof copy)
                return false;
        CW_AUTO_FD int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && fsync(fd) == 0;
}

cw_rc cw_file_write_atomic(const char *path, const void *bytes, size_t len, unsigned mode,
                           struct cw_fault *f) {
        char tmp[PATH_MAX];
        int n = snprintf(tmp, sizeof tmp, "%s.tmp.%ld", path, (long)getpid());
        if (n < 0 || (size_t)n >= sizeof tmp)
                return cw_fail(f, RC_REJECT(CW_E_TOO_BIG), 0, "file.write", "", "path too long");
        CW_AUTO_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
        bool ok = fd >= 0 && write_all(fd, bytes, len) && fsync(fd) == 0 && rename(tmp, path) == 0 &&
                  sync_folder_of(path);
        if (ok)
                return CW_OK;
        int err = errno;
        (void)unlink(tmp);
        return cw_fail(f, CW_RC(CW_L_BASE, CW_C_OPERATOR, CW_E_IO), err, "file.write", "",
                       "cannot write %s: %s", path, strerror(err));
}

cw_rc cw_mkdirs(const char *path, unsigned mode, struct cw_fault *f) {
        char part[PATH_MAX];
        size_t len = strlen(path);
        if (len == 0 || len >= sizeof part)
                return cw_fail(f, RC_REJECT(CW_E_RANGE), 0, "file.mkdir", "",
                               "folder name empty or too long");
        memcpy(part, path, len + 1);
        for (size_t i = 1; i <= len; i++) {
                if (part[i] != '/' && part[i] != '\0')
                        continue;
                char saved = part[i];
                part[i] = '\0';
                if (mkdir(part, (mode_t)mode) < 0 && errno != EEXIST)
                        return cw_fail(f, CW_RC(CW_L_BASE, CW_C_OPERATOR, CW_E_IO), errno, "file.mkdir", "",
                                       "cannot make folder %s: %s", part, strerror(errno));
                part[i] = saved;
        }
        return CW_OK;
}
