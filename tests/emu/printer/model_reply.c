/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: text with a switchable end mark, or ACK / NACK and a code. */
#include "model_int.h"

#include <string.h>

enum { ACK = 0x06, NACK = 0x15 };

/* ERR CARD, ERR NEED CLEANING, ERR RIB DETECTION and ERROR CDE are documented; of the others only that they
 * begin ERR. */
static const struct {
        const char *text, *localised;
        char nack;
} answers[ERR_COUNT] = {
    [ERR_NONE] = {"OK", "OK", 0},
    [ERR_COMMAND] = {"ERROR CDE", "ERREUR CDE", '1'},
    [ERR_PARAMETER] = {"ERR PARAMETER", "ERREUR PARAMETRE", '2'},
    [ERR_SEQUENCE] = {"ERR SEQUENCE", "ERREUR SEQUENCE", '1'},
    [ERR_DATA] = {"ERR DATA", "ERREUR DONNEES", '2'},
    [ERR_CARD] = {"ERR CARD", "ERREUR CARTE", 'T'},
    [ERR_MECHANICAL] = {"ERR MECHANICAL", "ERREUR MECANIQUE", 'T'},
    [ERR_COVER] = {"ERR COVER OPEN", "ERREUR CAPOT OUVERT", 'C'},
    [ERR_FEEDER] = {"ERR FEEDER", "ERREUR CHARGEUR", 'F'},
    [ERR_RIBBON] = {"ERR RIBBON", "ERREUR RUBAN", 'R'},
    [ERR_RIBBON_ENDED] = {"ERR RIBBON ENDED", "ERREUR FIN RUBAN", 'R'},
    [ERR_RIBBON_TAG] = {"ERR RIB DETECTION", "ERR DETECTION RUBAN", 'R'},
    [ERR_REJECT_FULL] = {"ERR REJECT FULL", "ERREUR REBUT PLEIN", 'T'},
    [ERR_OUTPUT_FULL] = {"ERR HOPPER FULL", "ERREUR BAC PLEIN", 'T'},
    [ERR_CLEANING] = {"ERR NEED CLEANING", "ERREUR NETTOYAGE", 'T'},
    [ERR_MAG_DATA] = {"ERR MAG DATA", "ERREUR DONNEES MAG", 'D'},
    [ERR_MAG_WRITE] = {"ERR MAG WRITE", "ERREUR ECRITURE MAG", 'W'},
    [ERR_MAG_READ] = {"ERR MAG READ", "ERREUR LECTURE MAG", 'K'},
};

const char *emup_err_text(enum emup_err err) {
        return answers[err].text;
}

static struct emup_reply *queue(struct emup_model *m) {
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

static void put(struct emup_reply *r, const void *bytes, size_t n) {
        if (n > sizeof r->bytes - r->len)
                n = sizeof r->bytes - r->len;
        memcpy(r->bytes + r->len, bytes, n);
        r->len += n;
}

static void put_text(const struct emup_model *m, struct emup_reply *r, const char *text) {
        static const uint8_t end[] = {[EMUP_END_NUL] = '\0', [EMUP_END_CR] = '\r'};
        put(r, text, strlen(text));
        if (m->cfg.terminator != EMUP_END_NONE)
                put(r, &end[m->cfg.terminator], 1);
}

/* A reply in two transfers: the first half now, the rest behind it. */
static void split(struct emup_model *m, struct emup_reply *r) {
        struct emup_reply whole = *r;
        size_t half = whole.len / 2;
        if (!half)
                return;
        r->len = half;
        struct emup_reply *rest = queue(m);
        rest->ready_ms = whole.ready_ms;
        put(rest, whole.bytes + half, whole.len - half);
}

static void spoil(struct emup_model *m, struct emup_reply *r) {
        const struct emup_fault *f;
        if ((f = emup_fault_bite(m, "garbage"))) {
                r->len = 0;
                put(r, *f->text ? f->text : "\x80\x1b\x00\xff\x0d?", *f->text ? strlen(f->text) : 6);
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

static void send_text(struct emup_model *m, const char *text) {
        if (emup_fault_bite(m, "spurious_ok"))
                put_text(m, queue(m), "OK");
        struct emup_reply *r = queue(m);
        put_text(m, r, text);
        spoil(m, r);
}

static void send_raw(struct emup_model *m, const void *bytes, size_t n) {
        struct emup_reply *r = queue(m);
        put(r, bytes, n);
        spoil(m, r);
}

void emup_reply_ok(struct emup_model *m) {
        static const uint8_t ack = ACK;
        if (!emup_ack_mode(m)) {
                emup_note(m, '>', "OK");
                send_text(m, "OK");
                return;
        }
        emup_note(m, '>', "ACK");
        send_raw(m, &ack, 1);
}

void emup_reply_text(struct emup_model *m, const char *text) {
        emup_note(m, '>', "%s", text);
        send_text(m, text);
}

void emup_reply_track(struct emup_model *m, const char *text) {
        emup_note(m, '>', "(%zu characters)", strlen(text));
        send_text(m, text);
}

void emup_reply_err(struct emup_model *m, enum emup_err err) {
        if (!emup_ack_mode(m)) {
                bool local = emup_fault_bite(m, "localised") != NULL;
                emup_reply_text(m, local ? answers[err].localised : answers[err].text);
                return;
        }
        const uint8_t nack[] = {NACK, (uint8_t)answers[err].nack};
        emup_note(m, '>', "NACK %c (%s)", answers[err].nack, answers[err].text);
        send_raw(m, nack, sizeof nack);
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
