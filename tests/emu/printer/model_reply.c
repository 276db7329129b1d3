/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: text with a switchable end mark, or ACK / NACK and a code. */
#include "model_int.h"

#include "family.h"

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

static void put_text(const struct emup_model *m, struct emup_reply *r, const char *text) {
        static const uint8_t end[] = {[EMUP_END_NUL] = '\0', [EMUP_END_CR] = '\r'};
        emup_queue_put(r, text, strlen(text));
        if (m->cfg.terminator != EMUP_END_NONE)
                emup_queue_put(r, &end[m->cfg.terminator], 1);
}

static void send_text(struct emup_model *m, const char *text) {
        if (emup_fault_bite(m, "spurious_ok"))
                put_text(m, emup_queue_new(m), "OK");
        struct emup_reply *r = emup_queue_new(m);
        put_text(m, r, text);
        emup_queue_spoil(m, r);
}

static void send_raw(struct emup_model *m, const void *bytes, size_t n) {
        struct emup_reply *r = emup_queue_new(m);
        emup_queue_put(r, bytes, n);
        emup_queue_spoil(m, r);
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

static void answer_track(struct emup_model *m, unsigned track) {
        char text[EMUP_TRACK_TEXT_MAX + 1];
        if (m->card && emup_stripe_decode(&emup_plastic_stripe(m->card)->track[track], text))
                emup_reply_track(m, text);
        else
                emup_reply_err(m, ERR_MAG_READ);
}

void emup_op_done(struct emup_model *m, struct emup_op *op) {
        if (strcmp(op->name, "Smr") == 0)
                answer_track(m, op->track);
        else
                emup_reply_ok(m);
}

void emup_op_failed(struct emup_model *m, struct emup_op *op, enum emup_err err) {
        (void)op;
        emup_reply_err(m, err);
}

/* Bits of the printer class; the lines of the old parallel port: busy = not selected, fault = not "not
 * error". */
enum { PORT_PAPER_EMPTY = 0x20, PORT_SELECTED = 0x10, PORT_NOT_ERROR = 0x08 };

uint8_t emup_port_status(struct emup_model *m) {
        unsigned status = PORT_SELECTED | PORT_NOT_ERROR;
        bool media = (!m->hopper && !m->inserted_count) || !m->ribbon.present || !m->ribbon.remaining;
        bool mechanical = m->jammed || m->cover_open;
        if (media)
                status |= PORT_PAPER_EMPTY;
        if (mechanical)
                status &= ~(unsigned)PORT_NOT_ERROR;
        bool waits = m->op.waiting || m->head.waiting;
        if (emup_moving(m) || (waits && emup_busy_line(m)))
                status &= ~(unsigned)PORT_SELECTED;
        return (uint8_t)status;
}

/* The product number is free: of the family only the Zenius (0a00) is publicly known, and drivers match the
 * class. */
const struct emup_family emup_family = {
    .program = "emu-printer",
    .manufacturer = "Evolis",
    .command_set = "EVOLIS",
    .model = "Primacy",
    .firmware = "1520",
    .vid = 0x0f49,
    .pid = 0x0a01,
    .ep_out = 0x01,
    .ep_in = 0x82,
    .text_replies = true,
};
