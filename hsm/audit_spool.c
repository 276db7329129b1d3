/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/audit_spool.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define FILE_MAX_LEN ((size_t)CW_AUDIT_SPOOL_MAX * (CW_AUDIT_RECORD_MAX + 1))

struct cw_audit_spool {
        char path[PATH_MAX];
        json_t *records;
        int64_t last;
};

static cw_rc damaged(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_SYNTAX), 0, "hsm.audit_spool", "HSM_AUDIT",
                       "the file of audit records audit.jsonl is damaged; keep it for the auditors, find out "
                       "why, then move it away");
}

static cw_rc unwritable(int err, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_IO), err, "hsm.audit_spool", "HSM_AUDIT",
                       "cannot keep an audit record (%s); nothing is done without one", strerror(err));
}

/* A line that is whole but no record means that somebody wrote into the file. */
static cw_rc take_line(struct cw_audit_spool *s, const char *line, size_t len, struct cw_fault *f) {
        json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
        int64_t seq = json_integer_value(json_object_get(record, "seq"));
        if (seq <= s->last || json_array_size(s->records) >= CW_AUDIT_SPOOL_MAX ||
            !json_is_string(json_object_get(record, "what")) ||
            !json_is_string(json_object_get(record, "actor")) ||
            !json_is_object(json_object_get(record, "detail"))) {
                json_decref(record);
                return damaged(f);
        }
        s->last = seq;
        return json_array_append_new(s->records, record) == 0 ? CW_OK : unwritable(ENOMEM, f);
}

static cw_rc rewrite(const struct cw_audit_spool *s, struct cw_fault *f);

static cw_rc read_file(struct cw_audit_spool *s, struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        if (access(s->path, F_OK) != 0 && errno == ENOENT)
                return CW_OK;
        cw_rc rc = cw_file_read(s->path, FILE_MAX_LEN, &text, &len, f);
        if (rc != CW_OK)
                return damaged(f);
        const char *at = text;
        for (const char *end = NULL;
             rc == CW_OK && (end = memchr(at, '\n', (size_t)(text + len - at))) != NULL; at = end + 1)
                rc = take_line(s, at, (size_t)(end - at), f);
        return rc == CW_OK && at != text + len ? rewrite(s, f) : rc;
}

cw_rc cw_audit_spool_open(const char *dir, struct cw_audit_spool **ret, struct cw_fault *f) {
        struct cw_audit_spool *s = calloc(1, sizeof(*s));
        json_t *records = json_array();
        if (s == NULL || records == NULL) {
                free(s);
                json_decref(records);
                return unwritable(ENOMEM, f);
        }
        s->records = records;
        int n = snprintf(s->path, sizeof(s->path), "%s/audit.jsonl", dir);
        cw_rc rc = n > 0 && (size_t)n < sizeof(s->path) ? read_file(s, f) : unwritable(ENAMETOOLONG, f);
        if (rc != CW_OK) {
                cw_audit_spool_close(s);
                return rc;
        }
        *ret = s;
        return CW_OK;
}

void cw_audit_spool_close(struct cw_audit_spool *s) {
        if (s == NULL)
                return;
        json_decref(s->records);
        free(s);
}

static cw_rc append_line(const struct cw_audit_spool *s, const char *text, struct cw_fault *f) {
        char line[CW_AUDIT_RECORD_MAX + 2];
        int n = snprintf(line, sizeof(line), "%s\n", text);
        CW_AUTO_FD int fd = open(s->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return unwritable(errno, f);
        off_t before = lseek(fd, 0, SEEK_END);
        ssize_t put = write(fd, line, (size_t)n);
        if (put == n && fsync(fd) == 0)
                return CW_OK;
        int err = put < 0 || put == n ? errno : ENOSPC;
        if (before >= 0 && ftruncate(fd, before) != 0)
                err = errno; /* the rest of a line is dropped when the file is read */
        return unwritable(err, f);
}

cw_rc cw_audit_spool_add(struct cw_audit_spool *s, const char *what, const char *actor, const json_t *detail,
                         struct cw_fault *f) {
        int64_t now = cw_wall_ms(cw_clock_real()), seq = now > s->last ? now : s->last + 1;
        CW_AUTO_JSON json_t *copy = json_deep_copy(detail);
        CW_AUTO_JSON json_t *record =
            json_pack("{s:I, s:I, s:s, s:s, s:O}", "seq", (json_int_t)seq, "at_ms", (json_int_t)now, "what",
                      what, "actor", actor, "detail", copy);
        CW_AUTO_MEM char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
        if (text == NULL)
                return unwritable(ENOMEM, f);
        if (strlen(text) > CW_AUDIT_RECORD_MAX)
                return unwritable(EMSGSIZE, f);
        if (json_array_size(s->records) >= CW_AUDIT_SPOOL_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_STATE), 0, "hsm.audit_spool",
                               "HSM_AUDIT",
                               "%u audit records wait for cardwrightd; start it, nothing is done without a "
                               "record",
                               CW_AUDIT_SPOOL_MAX);
        cw_rc rc = append_line(s, text, f);
        if (rc != CW_OK)
                return rc;
        s->last = seq;
        return json_array_append(s->records, record) == 0 ? CW_OK : unwritable(ENOMEM, f);
}

const json_t *cw_audit_spool_first(const struct cw_audit_spool *s) {
        return json_array_get(s->records, 0);
}

size_t cw_audit_spool_count(const struct cw_audit_spool *s) {
        return json_array_size(s->records);
}

static cw_rc rewrite(const struct cw_audit_spool *s, struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0, i = 0;
        const json_t *record = NULL;
        FILE *out = open_memstream(&text, &len);
        if (out == NULL)
                return unwritable(errno, f);
        bool bad = false;
        json_array_foreach(s->records, i, record) {
                bad |= json_dumpf(record, out, JSON_COMPACT) != 0;
                bad |= fputc('\n', out) == EOF;
        }
        if (fclose(out) != 0 || bad)
                return unwritable(ENOMEM, f);
        return cw_file_write_atomic(s->path, text, len, 0600, f);
}

cw_rc cw_audit_spool_drop(struct cw_audit_spool *s, int64_t seq, struct cw_fault *f) {
        const json_t *first = cw_audit_spool_first(s);
        if (first == NULL || json_integer_value(json_object_get(first, "seq")) != seq)
                return CW_OK;
        CW_AUTO_JSON json_t *kept = json_array_get(s->records, 0);
        json_incref(kept);
        if (json_array_remove(s->records, 0) != 0)
                return unwritable(ENOMEM, f);
        cw_rc rc = rewrite(s, f);
        if (rc != CW_OK && json_array_insert(s->records, 0, kept) != 0)
                return unwritable(ENOMEM, f);
        return rc;
}
