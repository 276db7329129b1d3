/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/ksn_registry.h"

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

#define LINE_MAX_LEN 34u
#define FILE_MAX_LEN (CW_KSN_PADS_MAX * LINE_MAX_LEN)
#define COUNTER_MAX 0x1fffffu

static cw_rc malformed(struct cw_fault *f) {
        return cw_fail(
            f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.ksn_registry", "HSM_KSN",
            "the register of used key serial numbers is damaged; find out why, then remove the file");
}

/* One line without its newline. */
static bool parse_line(const char *line, size_t len, struct cw_ksn_table *t) {
        uint8_t pad[CW_KSN_PAD_MAX];
        const char *space = memchr(line, ' ', len);
        size_t n = 0, digits = space != NULL ? (size_t)(space - line) : 0, at = digits + 1;
        uint64_t last = 0;
        bool aes = digits == 2 * CW_DUKPT_AES_IKID_LEN;
        if (t->count == CW_KSN_PADS_MAX || (!aes && digits != 2 * CW_KSN_LEN) || at >= len || len - at > 10)
                return false;
        if (!cw_hex_decode(line, digits, pad, sizeof(pad), &n) || (!aes && cw_ksn_counter(pad) != 0))
                return false;
        for (; at < len; at++) {
                if (line[at] < '0' || line[at] > '9')
                        return false;
                last = last * 10 + (uint64_t)(line[at] - '0');
        }
        if (last == 0 || last > (aes ? UINT32_MAX : COUNTER_MAX))
                return false;
        memcpy(t->rows[t->count].pad, pad, n);
        t->rows[t->count].len = n;
        t->rows[t->count++].last = (uint32_t)last;
        return true;
}

cw_rc cw_ksn_table_parse(const char *text, size_t len, struct cw_ksn_table *ret, struct cw_fault *f) {
        memset(ret, 0, sizeof(*ret));
        while (len > 0) {
                const char *end = memchr(text, '\n', len);
                if (end == NULL || !parse_line(text, (size_t)(end - text), ret))
                        return malformed(f);
                len -= (size_t)(end - text) + 1;
                text = end + 1;
        }
        return CW_OK;
}

static cw_rc note_use(struct cw_ksn_table *t, const uint8_t *pad, size_t len, uint32_t counter,
                      struct cw_fault *f) {
        for (size_t i = 0; i < t->count; i++) {
                if (t->rows[i].len != len || memcmp(t->rows[i].pad, pad, len) != 0)
                        continue;
                if (counter <= t->rows[i].last)
                        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), (int64_t)counter,
                                       "hsm.ksn_registry", "HSM_KSN_REPLAY",
                                       "this PIN pad transaction was used before; enter the PIN again");
                t->rows[i].last = counter;
                return CW_OK;
        }
        if (t->count == CW_KSN_PADS_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_TOO_BIG), 0, "hsm.ksn_registry",
                               "HSM_KSN", "more PIN pads than the register of key serial numbers holds");
        memcpy(t->rows[t->count].pad, pad, len);
        t->rows[t->count].len = len;
        t->rows[t->count++].last = counter;
        return CW_OK;
}

static cw_rc save(const char *path, const struct cw_ksn_table *t, struct cw_fault *f) {
        char text[FILE_MAX_LEN], hex[2 * CW_KSN_LEN + 1], line[LINE_MAX_LEN + 1];
        struct cw_writer w;
        cw_writer_init(&w, text, sizeof(text));
        for (size_t i = 0; i < t->count; i++) {
                (void)cw_hex_encode(t->rows[i].pad, t->rows[i].len, hex, sizeof(hex));
                int n = snprintf(line, sizeof(line), "%s %u\n", hex, t->rows[i].last);
                cw_put_bytes(&w, line, (size_t)n);
        }
        return cw_file_write_atomic(path, text, w.len, 0600, f);
}

static cw_rc load(const char *path, struct cw_ksn_table *t, struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        memset(t, 0, sizeof(*t));
        if (access(path, F_OK) != 0 && errno == ENOENT)
                return CW_OK;
        cw_rc rc = cw_file_read(path, FILE_MAX_LEN, &text, &len, f);
        if (rc == CW_OK)
                rc = cw_ksn_table_parse(text, len, t, f);
        return rc;
}

static cw_rc unavailable(int err, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_IO), err, "hsm.ksn_registry", "HSM_KSN",
                       "cannot keep the register of used key serial numbers: %s", strerror(err));
}

/* ---- the list ---- */

/* The next name of a list, NULL at its end. */
static const char *next_name(const char **at, size_t *ret_len) {
        const char *name = *at + strspn(*at, " ");
        *ret_len = strcspn(name, " ");
        *at = name + *ret_len;
        return *ret_len > 0 ? name : NULL;
}

size_t cw_ksn_listed(const char *allowed) {
        size_t count = 0, len = 0;
        while (allowed != NULL && next_name(&allowed, &len) != NULL)
                count++;
        return count;
}

static cw_rc check_allowed(const struct cw_ksn_registry *r, const uint8_t *pad, size_t len,
                           struct cw_fault *f) {
        char hex[2 * CW_KSN_PAD_MAX + 1];
        const char *at = r->allowed != NULL ? r->allowed : "", *name = NULL;
        size_t name_len = 0;
        if (*at == '\0')
                return CW_OK;
        if (!cw_hex_encode(pad, len, hex, sizeof(hex)))
                return CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_TOO_BIG);
        while ((name = next_name(&at, &name_len)) != NULL) {
                if (name_len == 2 * len && memcmp(name, hex, name_len) == 0)
                        return CW_OK;
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED), 0, "hsm.ksn_registry",
                       "HSM_KSN_UNKNOWN",
                       "no PIN pad %s is listed for key %s: when it belongs to this branch, add it to "
                       "hsm.keys[%s].iksns and restart cardwright-hsmd; else take it away and tell security",
                       hex, r->bdk, r->bdk);
}

/* ---- use ---- */

static cw_rc use(const struct cw_ksn_registry *r, enum cw_ksn_use what, const uint8_t *pad, size_t len,
                 uint32_t counter, struct cw_fault *f) {
        static const char *const names[] = {"ksn", "ksn-mac", "ksn-data"};
        char path[PATH_MAX], lock_path[PATH_MAX];
        struct cw_ksn_table table;
        int n = snprintf(path, sizeof(path), "%s/%s", r->dir, names[what]);
        int m = snprintf(lock_path, sizeof(lock_path), "%s/ksn.lock", r->dir);
        if (n < 0 || m < 0 || (size_t)n >= sizeof(path) || (size_t)m >= sizeof(lock_path))
                return unavailable(ENAMETOOLONG, f);
        cw_rc rc = check_allowed(r, pad, len, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO_FD int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (lock < 0 || flock(lock, LOCK_EX) != 0)
                return unavailable(errno, f);
        rc = load(path, &table, f);
        if (rc != CW_OK)
                return cw_rc_class(rc) == CW_C_REJECT ? unavailable(EBADMSG, f) : rc;
        rc = note_use(&table, pad, len, counter, f);
        return rc != CW_OK ? rc : save(path, &table, f);
}

cw_rc cw_ksn_use(const struct cw_ksn_registry *r, enum cw_ksn_use what, const uint8_t ksn[CW_KSN_LEN],
                 struct cw_fault *f) {
        uint8_t pad[CW_KSN_LEN];
        memcpy(pad, ksn, sizeof(pad));
        pad[7] &= 0xe0;
        pad[8] = pad[9] = 0;
        return use(r, what, pad, sizeof(pad), cw_ksn_counter(ksn), f);
}

cw_rc cw_ksn_aes_use(const struct cw_ksn_registry *r, enum cw_ksn_use what, const struct cw_ksn_aes *ksn,
                     struct cw_fault *f) {
        return use(r, what, ksn->ikid, sizeof(ksn->ikid), ksn->counter, f);
}
