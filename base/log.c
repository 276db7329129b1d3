/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LINE_MAX_BYTES 2048
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct event_row {
        const char *name;
        int level;
        const char *id;
        const char *text;
};

static const struct event_row rows[CW_EV_MAX_] = {
#define CW_EVENT(name, level, id, text) [CW_EV_##name] = {#name, (level), (id), (text)},
#include "base/events.def"
#undef CW_EVENT
};

static const char *log_ident = "cardwright";
static int journal_fd = -1;

void cw_log_open(const char *ident) {
        log_ident = ident;
        /* JOURNAL_STREAM says that stderr goes to the journal: then fields can go there whole. */
        if (journal_fd < 0 && getenv("JOURNAL_STREAM"))
                journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* A line that is built up to its cap; what does not fit is cut. */
struct line {
        char text[LINE_MAX_BYTES];
        size_t len;
};

static void line_add(struct line *l, const char *s) {
        for (; *s && l->len < sizeof l->text - 1; s++) {
                unsigned char c = (unsigned char)*s;
                l->text[l->len++] = c < 0x20 || c == 0x7f ? '?' : *s;
        }
        l->text[l->len] = '\0';
}

static void line_add_raw(struct line *l, char c) {
        if (l->len < sizeof l->text - 1)
                l->text[l->len++] = c;
        l->text[l->len] = '\0';
}

static void line_add_value(struct line *l, const struct cw_field *field) {
        char num[24];
        if (field->str) {
                line_add(l, field->str);
                return;
        }
        (void)snprintf(num, sizeof num, "%" PRId64, field->num);
        line_add(l, num);
}

static void journal_pair(struct line *l, const char *key, const char *value) {
        line_add(l, key);
        line_add_raw(l, '=');
        line_add(l, value);
        line_add_raw(l, '\n');
}

static bool to_journal(const struct event_row *row, const struct cw_field *fields) {
        struct line l = {.len = 0};
        char level[2] = {(char)('0' + row->level), '\0'};
        journal_pair(&l, "MESSAGE", row->text);
        journal_pair(&l, "MESSAGE_ID", row->id);
        journal_pair(&l, "PRIORITY", level);
        journal_pair(&l, "SYSLOG_IDENTIFIER", log_ident);
        journal_pair(&l, "CW_EVENT", row->name);
        for (; fields->key; fields++) {
                line_add(&l, "CW_");
                line_add(&l, fields->key);
                line_add_raw(&l, '=');
                line_add_value(&l, fields);
                line_add_raw(&l, '\n');
        }
        struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
        return sendto(journal_fd, l.text, l.len, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&addr,
                      sizeof addr) >= 0;
}

static void to_stderr(const struct event_row *row, const struct cw_field *fields) {
        struct line l = {.len = 0};
        char head[8];
        (void)snprintf(head, sizeof head, "<%d>", row->level);
        line_add(&l, head);
        line_add(&l, log_ident);
        line_add(&l, ": ");
        line_add(&l, row->name);
        line_add(&l, ": ");
        line_add(&l, row->text);
        for (; fields->key; fields++) {
                line_add(&l, " ");
                line_add(&l, fields->key);
                line_add(&l, "=\"");
                line_add_value(&l, fields);
                line_add(&l, "\"");
        }
        line_add_raw(&l, '\n');
        /* One write, so that lines of several processes on one stream stay whole. */
        ssize_t n = write(STDERR_FILENO, l.text, l.len);
        (void)n;
}

void cw_log_fields(enum cw_event ev, const struct cw_field *fields) {
        if ((unsigned)ev >= CW_EV_MAX_)
                return;
        if (journal_fd >= 0 && to_journal(&rows[ev], fields))
                return;
        to_stderr(&rows[ev], fields);
}

void cw_log_fault(enum cw_event ev, const struct cw_fault *f) {
        cw_log(ev, CW_F_STR("CLASS", cw_class_name(cw_rc_class(f->rc))),
               CW_F_STR("LAYER", cw_layer_name(cw_rc_layer(f->rc))), CW_F_STR("CODE", f->code),
               CW_F_INT("NATIVE", f->native), CW_F_STR("OP", f->op), CW_F_STR("TEXT", f->text));
}
