/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESC text CR; in data a [ goes before what would be a control character. The dots of a GS are counted. A
 * firmware with --positions old wants 00 00 00 length text CR instead and knows no ESC.
 */
#include "zebra.h"

#include <string.h>

enum { ESC = 0x1b, CR = 0x0d, HIDE = '[', ACK = 0x06, NACK = 0x15, EOT = 0x04 };

void emup_frame_reset(struct emup_model *m) {
        struct zbr *l = zbr_of(m);
        l->receive = ZBR_IDLE;
        l->escaped = l->after_cr = false;
        l->len = l->want = 0;
        l->zeros = 0;
}

void emup_frame_head_free(struct emup_model *m) {
        (void)m; /* nothing waits for the head */
}

bool emup_busy(const struct emup_model *m) {
        return m->op.active;
}

static void lost(struct emup_model *m, const char *why, unsigned c) {
        emup_violation(m, "%s: byte %02x", why, c);
        zbr_of(m)->receive = ZBR_LOST;
}

static void begin_text(struct zbr *l, size_t want) {
        l->receive = ZBR_TEXT;
        l->escaped = false;
        l->len = 0;
        l->want = want;
}

static void idle_byte(struct emup_model *m, struct zbr *l, uint8_t c) {
        if (!m->cfg.old_positions && c == ESC)
                begin_text(l, 0);
        else if (m->cfg.old_positions && c == 0) {
                l->receive = ZBR_COUNT;
                l->zeros = 1;
        } else
                lost(m, "outside of a command", c);
}

static void count_byte(struct emup_model *m, struct zbr *l, uint8_t c) {
        if (l->zeros < 3 && c == 0)
                l->zeros++;
        else if (l->zeros == 3 && c > 2)
                begin_text(l, c - 2u);
        else
                lost(m, "no counted frame", c);
}

/* Where [ hides the next byte: in the data of O, vO and &B. In M it stands between two commands. */
static bool hides(const struct zbr *l) {
        const char *t = (const char *)l->text;
        return (l->len >= 1 && t[0] == 'O') || (l->len >= 2 && memcmp(t, "vO", 2) == 0) ||
               (l->len >= 2 && memcmp(t, "&B", 2) == 0);
}

static void whole(struct emup_model *m, struct zbr *l) {
        size_t len = l->len;
        l->receive = ZBR_IDLE;
        l->after_cr = true;
        zbr_command(m, l->text, len);
}

static void begin_image(struct emup_model *m, struct zbr *l) {
        long size = zbr_image_size(m, l->text, l->len);
        if (size < 0)
                l->receive = ZBR_LOST;
        if (size <= 0)
                return;
        l->receive = ZBR_IMAGE;
        l->want = (size_t)size;
        l->len = 0;
}

static void text_byte(struct emup_model *m, struct zbr *l, uint8_t c) {
        bool counted = l->want > 0;
        if (!l->escaped && c == HIDE && hides(l)) {
                l->escaped = true;
                l->want -= counted;
                return;
        }
        if (!l->escaped && c == CR && (!counted || l->want == 0)) {
                whole(m, l);
                return;
        }
        if (!l->escaped && (c == ESC || c == CR)) {
                lost(m, "a control character inside a command", c);
                return;
        }
        if (l->escaped && c != ESC && c != CR && c != HIDE)
                emup_violation(m, "[ hides %02x, which needs no hiding", (unsigned)c);
        l->escaped = false;
        if (l->len == ZBR_TEXT_MAX) {
                lost(m, "a command without end", c);
                return;
        }
        l->text[l->len++] = c;
        if (c == ' ' && !m->cfg.old_positions)
                begin_image(m, l);
}

/* A counted text ends by its count, and then comes CR. */
static void counted_byte(struct emup_model *m, struct zbr *l, uint8_t c) {
        if (l->want > 0) {
                size_t before = l->want;
                text_byte(m, l, c);
                if (l->receive == ZBR_TEXT && l->want == before)
                        l->want--;
                if (l->want == 0 && l->receive == ZBR_TEXT)
                        l->receive = ZBR_END;
        }
}

static void end_byte(struct emup_model *m, struct zbr *l, uint8_t c) {
        if (c != CR) {
                emup_violation(m, "more bytes than the command has room for");
                zbr_nack(m, 31);
                l->receive = ZBR_LOST;
        } else if (m->cfg.old_positions) {
                whole(m, l);
        } else {
                l->receive = ZBR_IDLE;
                l->after_cr = true;
                zbr_image(m, m->frame.data);
        }
}

static void lost_byte(struct emup_model *m, struct zbr *l, uint8_t c) {
        if (!m->cfg.old_positions && c == ESC && l->after_cr)
                begin_text(l, 0);
        l->after_cr = c == CR;
}

static size_t image_bytes(struct emup_model *m, struct zbr *l, const uint8_t *bytes, size_t n) {
        size_t take = l->want - l->len < n ? l->want - l->len : n;
        memcpy(m->frame.data + l->len, bytes, take);
        l->len += take;
        if (l->len == l->want)
                l->receive = ZBR_END;
        return take;
}

size_t emup_frame_feed(struct emup_model *m, const uint8_t *bytes, size_t n) {
        struct zbr *l = zbr_of(m);
        size_t i = 0;
        while (i < n && !emup_busy(m)) {
                if (l->receive == ZBR_IMAGE) {
                        i += image_bytes(m, l, bytes + i, n - i);
                        continue;
                }
                uint8_t c = bytes[i++];
                switch (l->receive) {
                case ZBR_IDLE:
                        idle_byte(m, l, c);
                        break;
                case ZBR_COUNT:
                        count_byte(m, l, c);
                        break;
                case ZBR_TEXT:
                        if (m->cfg.old_positions)
                                counted_byte(m, l, c);
                        else
                                text_byte(m, l, c);
                        break;
                case ZBR_END:
                        end_byte(m, l, c);
                        break;
                case ZBR_LOST:
                        lost_byte(m, l, c);
                        break;
                case ZBR_IMAGE:
                        break;
                }
        }
        return i;
}

/* ---- replies ---- */

static struct emup_reply *reply(struct emup_model *m, const void *bytes, size_t n) {
        struct emup_reply *r = emup_queue_new(m);
        emup_queue_put(r, bytes, n);
        return r;
}

static void stray(struct emup_model *m) {
        static const uint8_t ack = ACK;
        static const uint8_t nack[] = {NACK, '0', '4', EOT};
        if (emup_fault_bite(m, "spurious_ok"))
                (void)reply(m, &ack, 1);
        if (emup_fault_bite(m, "spurious_no"))
                (void)reply(m, nack, sizeof nack);
}

/* Bytes that wait go out in one packet, as long as no fault wants to see them one by one. */
void zbr_ack_line(struct emup_model *m) {
        static const uint8_t ack = ACK;
        struct emup_reply *r =
            &m->replies[(m->reply_first + m->reply_count + EMUP_REPLIES_MAX - 1) % EMUP_REPLIES_MAX];
        if (m->fault_count == 0 && m->reply_count && r->len < 64 && r->bytes[r->len - 1] == ACK)
                emup_queue_put(r, &ack, 1);
        else
                zbr_ack(m);
}

void zbr_ack(struct emup_model *m) {
        static const uint8_t ack = ACK;
        stray(m);
        emup_note(m, '>', "ACK");
        emup_queue_spoil(m, reply(m, &ack, 1));
}

void zbr_nack(struct emup_model *m, int code) {
        char text[8];
        int n = snprintf(text, sizeof text, "%c%02d%c", NACK, code, EOT);
        stray(m);
        emup_note(m, '>', "NACK %02d", code);
        emup_queue_spoil(m, reply(m, text, (size_t)n));
}

void zbr_text(struct emup_model *m, const char *text, bool secret) {
        static const char ends[] = {[EMUP_END_NUL] = EOT, [EMUP_END_CR] = CR};
        stray(m);
        emup_note(m, '>', "%s", secret ? "a track" : text);
        struct emup_reply *r = reply(m, text, strlen(text));
        if (m->cfg.terminator != EMUP_END_NONE)
                emup_queue_put(r, &ends[m->cfg.terminator], 1);
        emup_queue_spoil(m, r);
}
