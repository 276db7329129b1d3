/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a journal that was damaged. First byte 0: the rest is the whole file. Else: the rest patches a good
 * journal, as records of offset (3 bytes), length (1 byte), bytes. Whatever opens is read through; nothing
 * may crash or hang.
 */
#include "agent/journal/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], path[96];
static uint8_t good[FILE_MAX], work[FILE_MAX];
static size_t good_len;

static int64_t still(void *ctx) {
        (void)ctx;
        return 1700000000000;
}
static const struct cw_clock clock_still = {still, still, NULL};

static void clean(void) {
        static const char *const names[] = {"", "-wal", "-journal", "-shm", ".reserve"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char name[128];
                (void)snprintf(name, sizeof name, "%s%s", path, names[i]);
                (void)unlink(name);
        }
}

static void leave(void) {
        clean();
        (void)rmdir(dir);
}

static cw_rc open_journal(struct cw_journal **ret) {
        struct cw_journal_options options = {.path = path, .clock = &clock_still, .reserve_bytes = 4096};
        struct cw_fault f;
        return cw_journal_open(&options, ret, &f);
}

/* A journal with a job in it, made once. */
static void make_good(void) {
        struct cw_journal *j = NULL;
        struct cw_kit kit = {
            .kit = "4240181595", .entity = "CIF0001", .plastic_code = "71", .expiry = "2907"};
        struct cw_change change;
        bool is_new;
        (void)snprintf(dir, sizeof dir, "/tmp/cw-fuzz-XXXXXX");
        if (!mkdtemp(dir))
                abort();
        (void)snprintf(path, sizeof path, "%s/journal.db", dir);
        (void)atexit(leave);
        if (open_journal(&j) != CW_OK ||
            cw_journal_accept_kit(j, &kit, "c2VhbGVk", true, &is_new, &change, NULL) != CW_OK)
                abort();
        cw_journal_close(j);
        FILE *file = fopen(path, "rb");
        if (!file)
                abort();
        good_len = fread(good, 1, sizeof good, file);
        (void)fclose(file);
}

static size_t build(const uint8_t *data, size_t size) {
        if (data[0] == 0) {
                size_t n = size - 1 < FILE_MAX ? size - 1 : FILE_MAX;
                memcpy(work, data + 1, n);
                return n;
        }
        memcpy(work, good, good_len);
        for (size_t at = 1; at + 4 <= size;) {
                size_t offset = (size_t)data[at] << 16 | (size_t)data[at + 1] << 8 | data[at + 2];
                size_t len = data[at + 3];
                at += 4;
                for (size_t i = 0; i < len && at < size; i++, at++)
                        work[(offset + i) % good_len] = data[at];
        }
        return good_len;
}

static void ignore(void *ctx, const struct cw_job_row *row, const struct cw_change *change) {
        (void)ctx;
        (void)row;
        (void)change;
}

/* Damage that shows only later is FATAL or REJECT, never a call to try again. */
static void allowed(cw_rc rc) {
        enum cw_class cls = cw_rc_class(rc);
        if (cls != CW_C_NONE && cls != CW_C_FATAL && cls != CW_C_REJECT)
                abort();
}

static void read_through(struct cw_journal *j) {
        struct cw_audit_check audit;
        struct cw_stock_check stock;
        struct cw_outbox_item items[4];
        size_t count;
        json_t *history = NULL;
        allowed(cw_journal_check_fold(j, NULL));
        allowed(cw_journal_audit_verify(j, &audit, NULL));
        allowed(cw_journal_stock_check(j, &stock, NULL));
        allowed(cw_journal_outbox_next(j, items, 4, &count, NULL));
        if (cw_journal_history(j, "J000001", &history, NULL) == CW_OK)
                json_decref(history);
        allowed(cw_journal_recover(j, ignore, NULL, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_journal *j = NULL;
        if (good_len == 0)
                make_good();
        if (size < 1)
                return 0;
        size_t len = build(data, size);
        clean();
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, work, len) != (ssize_t)len)
                abort();
        (void)close(fd);
        cw_rc rc = open_journal(&j);
        if (rc == CW_OK) {
                read_through(j);
                cw_journal_close(j);
        } else if (cw_rc_class(rc) != CW_C_OPERATOR) {
                abort(); /* a person has to be told, whatever is wrong with the file */
        }
        return 0;
}
