/* SPDX-License-Identifier: Apache-2.0 */
/* Replies on their way to the host, and what faults do to them; the same for every language. */
#include "model_int.h"

#include <string.h>

struct emup_reply *emup_queue_new(struct emup_model *m) {
        if (m->reply_count == EMUP_REPLIES_MAX) {
                emup_violation(m, "%d replies were never read; the oldest is lost", EMUP_REPLIES_MAX);
                m->reply_first = (m->reply_first + 1) % EMUP_REPLIES_MAX;
                m->reply_count--;
        }
        struct emup_reply *r = &m->replies[(m->reply_first + m->reply_count++) % EMUP_REPLIES_MAX];
        *r = (struct emup_reply){.ready_ms = emup_now(m)};
        m->stat.replies++;
        return r;
}

void emup_queue_put(struct emup_reply *r, const void *bytes, size_t n) {
        if (n > sizeof r->bytes - r->len)
                n = sizeof r->bytes - r->len;
        memcpy(r->bytes + r->len, bytes, n);
        r->len += n;
}

/* A reply in two transfers: the first half now, the rest behind it. */
static void split(struct emup_model *m, struct emup_reply *r) {
        struct emup_reply whole = *r;
        size_t half = whole.len / 2;
        if (!half)
                return;
        r->len = half;
        struct emup_reply *rest = emup_queue_new(m);
        rest->ready_ms = whole.ready_ms;
        emup_queue_put(rest, whole.bytes + half, whole.len - half);
}

void emup_queue_spoil(struct emup_model *m, struct emup_reply *r) {
        const struct emup_fault *f;
        if ((f = emup_fault_bite(m, "garbage"))) {
                r->len = 0;
                emup_queue_put(r, *f->text ? f->text : "\x80\x1b\x00\xff\x0d?",
                               *f->text ? strlen(f->text) : 6);
        }
        if ((f = emup_fault_bite(m, "late_reply")))
                r->ready_ms += f->ms;
        if (emup_fault_bite(m, "short_reply"))
                r->len = r->len > 1 ? r->len / 2 : r->len;
        if (emup_fault_bite(m, "merged_reply"))
                r->merge = true;
        if (emup_fault_bite(m, "no_reply"))
                m->reply_count--;
        else if (emup_fault_bite(m, "split_reply"))
                split(m, r);
}

/* A merged reply waits for the one behind it. */
static const struct emup_reply *next_reply(const struct emup_model *m) {
        const struct emup_reply *r = &m->replies[m->reply_first];
        if (!m->reply_count || (r->merge && m->reply_count < 2))
                return NULL;
        return r;
}

uint64_t emup_reply_deadline(const struct emup_model *m) {
        const struct emup_reply *r = next_reply(m);
        return r && r->ready_ms > emup_now(m) ? r->ready_ms : UINT64_MAX;
}

static size_t pop(struct emup_model *m, uint8_t *bytes, size_t cap) {
        struct emup_reply *r = &m->replies[m->reply_first];
        size_t n = r->len < cap ? r->len : cap;
        memcpy(bytes, r->bytes, n);
        if (n < r->len) {
                memmove(r->bytes, r->bytes + n, r->len - n);
                r->len -= n;
                return n;
        }
        m->reply_first = (m->reply_first + 1) % EMUP_REPLIES_MAX;
        m->reply_count--;
        return n;
}

size_t emup_model_read(struct emup_model *m, uint8_t *bytes, size_t cap) {
        emup_model_tick(m);
        const struct emup_reply *r = next_reply(m);
        if (!r || r->ready_ms > emup_now(m))
                return 0;
        bool merge = r->merge;
        size_t n = pop(m, bytes, cap);
        if (merge && n < cap)
                n += pop(m, bytes + n, cap - n);
        m->stat.bytes_out += n;
        return n;
}
