/* SPDX-License-Identifier: Apache-2.0 */
/* The language of the Matica XID printers, on top of the mechanism all emulated printers share. */
#pragma once

#include "tests/emu/printer/model_int.h"

enum {
        MTC_CBW = 31,
        MTC_CSW = 13,
        MTC_COLUMNS = 1036, /* at 300 dpi, landscape */
        MTC_ROWS = 664,
        MTC_BUFFERS = 4,
};

enum mtc_receive {
        MTC_COMMAND, /* bytes of a command wrapper */
        MTC_DATA,    /* bytes towards the printer, counted */
        MTC_WORK,    /* the command runs; nothing is taken */
        MTC_LOST,    /* something that was no command wrapper: until the bus is reset */
};

struct mtc {
        unsigned scale; /* 1: 300 dpi, 2: 600 dpi */
        bool flip;
        enum mtc_receive receive;
        uint8_t cbw[MTC_CBW];
        size_t len;         /* of cbw, or of the data so far */
        uint32_t tag, want; /* of the command that came in */
        bool in;            /* its data goes to the host */
        const uint8_t *cdb;
        uint8_t buffer[MTC_BUFFERS][EMUP_PIXELS]; /* K C M Y: levels of the card, portrait */
        bool sent[MTC_BUFFERS];
        char panels[8]; /* to be printed now, one after the other */
        unsigned next;
        enum emup_err error; /* of the last command, told once by REQUEST SENSE */
        uint32_t refused;    /* or this number */
        bool rebooted;
        bool printed; /* there is ink on the film */
        bool lowered; /* the contacts are down or the field is on, whether a chip is reached or not */
        uint64_t total, head;
};

static inline struct mtc *mtc_of(const struct emup_model *m) {
        return m->language;
}

/* command.c: a whole command with its data (towards the printer). Answers with the status wrapper, at once or
 * later. */
void mtc_command(struct emup_model *m, const uint8_t *data);
/* The number that stands now; 0 = none. */
uint32_t mtc_error(const struct emup_model *m);
/* The status wrapper of the command that came in. */
void mtc_status(struct emup_model *m, bool good);
/* Data and the status wrapper. */
void mtc_answer(struct emup_model *m, const void *bytes, size_t n);
/* The command cannot be done: check condition with this number. */
void mtc_refuse(struct emup_model *m, uint32_t number);

/* job.c */
/* The image of a panel onto the card's raster; ink beside the card is a violation. */
void mtc_panel(struct emup_model *m, unsigned buffer, const uint8_t *data);
void mtc_print(struct emup_model *m, uint8_t set);
void mtc_next_panel(struct emup_model *m);
void mtc_forget(struct emup_model *m);
