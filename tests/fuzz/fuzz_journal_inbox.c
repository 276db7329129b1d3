/* SPDX-License-Identifier: Apache-2.0 */
/* Kit records as a server might send them: what is accepted can be read back as it was and holds no clear
 * PAN. */
#include "agent/journal/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], path[96];
static struct cw_journal *journal;

static int64_t still(void *ctx) {
        (void)ctx;
        return 1700000000000;
}
static const struct cw_clock clock_still = {still, still, NULL};

static void leave(void) {
        static const char *const names[] = {"", "-wal", ".reserve"};
        cw_journal_close(journal);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char name[128];
                (void)snprintf(name, sizeof name, "%s%s", path, names[i]);
                (void)unlink(name);
        }
        (void)rmdir(dir);
}

static void start(void) {
        (void)snprintf(dir, sizeof dir, "/tmp/cw-fuzz-XXXXXX");
        if (!mkdtemp(dir))
                abort();
        (void)snprintf(path, sizeof path, "%s/journal.db", dir);
        struct cw_journal_options options = {.path = path, .clock = &clock_still, .reserve_bytes = 4096};
        if (cw_journal_open(&options, &journal, NULL) != CW_OK)
                abort();
        (void)atexit(leave);
}

/* The whole array may be filled, without an end: the journal has to find that itself. */
static void field(const json_t *obj, const char *key, char *ret, size_t cap) {
        const char *text = json_string_value(json_object_get(obj, key));
        if (text)
                memcpy(ret, text, strnlen(text, cap));
}

static unsigned digits_of(const char *text) {
        unsigned n = 0;
        for (; *text; text++)
                n += *text >= '0' && *text <= '9';
        return n;
}

static void check_accepted(const struct cw_kit *kit, const char *sealed, bool is_new,
                           const struct cw_change *change) {
        struct cw_job_row row;
        char back[CW_SEALED_MAX + 1];
        if (cw_journal_job_by_kit(journal, kit->kit, &row, NULL) != CW_OK ||
            strcmp(row.job.id, change->job.id) != 0)
                abort();
        if (digits_of(row.kit.masked_pan) > 10)
                abort();
        if (!is_new)
                return;
        if (strcmp(row.kit.name, kit->name) != 0 || strcmp(row.kit.entity, kit->entity) != 0)
                abort();
        if (cw_journal_sealed(journal, row.job.id, back, sizeof back, NULL) != CW_OK ||
            strcmp(back, sealed) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (!journal)
                start();
        CW_AUTO_JSON json_t *obj = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
        struct cw_kit kit = {0};
        struct cw_change change;
        bool is_new = false;
        field(obj, "kitNo", kit.kit, sizeof kit.kit);
        field(obj, "entityId", kit.entity, sizeof kit.entity);
        field(obj, "plasticCode", kit.plastic_code, sizeof kit.plastic_code);
        field(obj, "expiry", kit.expiry, sizeof kit.expiry);
        field(obj, "aliasName", kit.name, sizeof kit.name);
        field(obj, "cardNumber", kit.masked_pan, sizeof kit.masked_pan);
        const char *sealed = json_string_value(json_object_get(obj, "encryptedCardNumber"));
        cw_rc rc = cw_journal_accept_kit(journal, &kit, sealed, true, &is_new, &change, NULL);
        if (rc == CW_OK)
                check_accepted(&kit, sealed, is_new, &change);
        else if (cw_rc_class(rc) != CW_C_REJECT)
                abort();
        return 0;
}
