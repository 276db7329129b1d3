/* SPDX-License-Identifier: Apache-2.0 */
/* The byte stream: attention, SOH, text, FS, then ETX or the planes of a job, whose bytes are counted. */
#include "magicard.h"

#include <string.h>

enum { ATTENTION = 0x05, SOH = 0x01, ETX = 0x03, FS = 0x1c, JOB_ATTENTION = 64 };

void emup_frame_reset(struct emup_model *m) {
        struct mgc *l = mgc_of(m);
        l->receive = MGC_IDLE;
        l->attention = 0;
        l->len = 0;
        l->page = 0;
}

/* The page that comes in. */
static struct mgc_job *page_of(struct mgc *l) {
        return l->page ? &l->back : &l->job;
}

void emup_frame_head_free(struct emup_model *m) {
        (void)m; /* nothing waits for the head: a job is whole before it begins */
}

/* While a movement waits for a person the interface listens: else nobody could ask or cancel. */
bool emup_busy(const struct emup_model *m) {
        return m->op.active && !m->op.waiting;
}

static void idle_byte(struct emup_model *m, struct mgc *l, uint8_t c) {
        if (c == ATTENTION) {
                l->attention++;
        } else if (c == SOH) {
                l->receive = MGC_TEXT;
                l->len = 0;
        } else {
                emup_violation(m, "byte %02x outside of a command", (unsigned)c);
                l->receive = MGC_LOST;
        }
}

static void begin_job(struct emup_model *m, struct mgc *l) {
        m->stat.commands++;
        emup_note(m, '<', "job header of %zu characters", l->len);
        if (l->attention < JOB_ATTENTION)
                emup_violation(m, "a job after %u attention bytes", l->attention);
        if (mgc_error(m) != ERR_NONE) {
                emup_violation(m, "a job while an error is shown");
                mgc_cancel(m);
        }
        if (!mgc_header(m, l->text, l->page ? &l->job : NULL, page_of(l))) {
                l->page = 0;
                l->receive = MGC_LOST;
                return;
        }
        l->plane = l->trailer = 0;
        l->plane_len = 0;
        l->receive = page_of(l)->planes ? MGC_PLANE : MGC_END;
}

static void text_byte(struct emup_model *m, struct mgc *l, uint8_t c) {
        if (c == FS) {
                l->text[l->len] = '\0';
                if (strncmp(l->text, ",NOC", 4) == 0)
                        begin_job(m, l);
                else if (l->page == 0)
                        l->receive = MGC_REQUEST;
                else {
                        emup_violation(m, "a request where the back of a card was announced");
                        l->receive = MGC_LOST;
                }
        } else if (c < 0x20 || c > 0x7e || l->len == MGC_TEXT_MAX) {
                emup_violation(m, "byte %02x in a command, or a command too long", (unsigned)c);
                l->receive = MGC_LOST;
        } else {
                l->text[l->len++] = (char)c;
        }
}

static void trailer_byte(struct emup_model *m, struct mgc *l, uint8_t c) {
        const struct mgc_plane *p = &page_of(l)->plane[l->plane];
        const uint8_t want[] = {FS, (uint8_t)p->letter, ':'};
        if (c != want[l->trailer]) {
                emup_violation(m, "plane %c is not followed by its trailer but by %02x", p->letter,
                               (unsigned)c);
                l->receive = MGC_LOST;
                return;
        }
        if (++l->trailer < sizeof want)
                return;
        l->trailer = 0;
        l->plane_len = 0;
        l->receive = ++l->plane < page_of(l)->planes ? MGC_PLANE : MGC_END;
}

static void end(struct emup_model *m, struct mgc *l, uint8_t c, bool job) {
        bool back_follows = job && l->page == 0 && l->job.duplex;
        emup_frame_reset(m);
        l->page = back_follows && c == ETX;
        if (c != ETX) {
                emup_violation(m, "%s ends with %02x", job ? "a job" : "a request", (unsigned)c);
                l->receive = MGC_LOST;
        } else if (job && !back_follows) {
                mgc_job_run(m);
        } else if (job) {
                emup_note(m, '<', "the front is in, the back follows");
        } else {
                mgc_request(m, l->text);
        }
}

/* Nobody knows where the next command begins: only attention and SOH are looked for. */
static void lost_byte(struct mgc *l, uint8_t c) {
        if (c == SOH && l->attention >= 9) {
                l->receive = MGC_TEXT;
                l->len = 0;
        }
        l->attention = c == ATTENTION ? l->attention + 1 : 0;
}

static size_t plane_bytes(struct emup_model *m, struct mgc *l, const uint8_t *bytes, size_t n) {
        const struct mgc_plane *p = &page_of(l)->plane[l->plane];
        size_t want = p->size - l->plane_len;
        if (n > want)
                n = want;
        memcpy(m->frame.data + p->at + l->plane_len, bytes, n);
        l->plane_len += n;
        if (l->plane_len == p->size)
                l->receive = MGC_TRAILER;
        return n;
}

static void one_byte(struct emup_model *m, struct mgc *l, uint8_t c) {
        switch (l->receive) {
        case MGC_IDLE:
                idle_byte(m, l, c);
                return;
        case MGC_TEXT:
                text_byte(m, l, c);
                return;
        case MGC_TRAILER:
                trailer_byte(m, l, c);
                return;
        case MGC_REQUEST:
        case MGC_END:
                end(m, l, c, l->receive == MGC_END);
                return;
        case MGC_LOST:
                lost_byte(l, c);
                return;
        case MGC_PLANE:
                return;
        }
}

size_t emup_frame_feed(struct emup_model *m, const uint8_t *bytes, size_t n) {
        struct mgc *l = mgc_of(m);
        size_t i = 0;
        while (i < n && !emup_busy(m)) {
                if (l->receive == MGC_PLANE)
                        i += plane_bytes(m, l, bytes + i, n - i);
                else
                        one_byte(m, l, bytes[i++]);
        }
        return i;
}
