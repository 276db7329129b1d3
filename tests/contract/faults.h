/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fault of a printer against every family. A row is a fault, a cell is how a card job ends with it:
 * where it stops, with which class and code, and where the card is in the end. fault_table.c is the table,
 * fault_run.c makes a card and cleans up behind it as a station and a person do, fault_sweep.c does a fault
 * at every transfer of a job.
 */
#pragma once

#include "tests/contract/checks.h"

enum fault_family { FAULT_EVOLIS, FAULT_MAGICARD, FAULT_MATICA, FAULT_ZEBRA, FAULT_FAMILIES };

/* The moment a fault is ordered: just before this step of the job. */
enum fault_step {
        AT_OPEN,
        AT_PREFLIGHT,
        AT_FEED,
        AT_STRIPE,
        AT_CHIP,
        AT_PRINT,
        AT_EJECT,
        AT_END,
};

struct fault_row {
        const char *name;
        enum fault_step when;
        /*
         * Orders to the emulator, separated by '|', with ' for ". @FEED @CHIP @WRITE @END @ASK stand for the
         * family's commands that draw a card, bring it to the contacts, write the stripe, end a print, and of
         * a question every status begins with.
         */
        const char *order;
        /* "made", or "STEP CLASS CODE, END" (fault_end_name); a text that begins with '-' says why the family
         * cannot have this fault. */
        const char *want[FAULT_FAMILIES];
};
extern const struct fault_row fault_rows[];
extern const size_t fault_row_count;

/* A job and what became of it. */
struct fault_job {
        struct bench *bench;
        struct cw_printer *printer;           /* NULL while there is none */
        bool colour;                          /* five panels instead of a black one */
        const struct cw_usb_fault_rule *rule; /* done to the first connection, may be NULL */
        struct cw_usb *layer;                 /* of the first connection when there is a rule */
        int64_t found;                        /* cards that are in the machine without having been drawn */
        int64_t bytes_max;                    /* that a whole job sends; 0 = not checked */
        enum fault_step step;                 /* the one that failed, AT_END: none */
        cw_rc rc;
        struct cw_fault fault;
        struct cw_printer_effect effect;
        struct cw_printer_baseline before; /* of the step that failed */
        bool known_before;
        enum cw_where where; /* of the card after the last step that went well */
        char outcome[160];
};

/* Makes a card; orders what is due before each step. */
void fault_job_run(struct fault_job *j, const struct fault_row *row);
/* Mends what a person mends, finds the card, gets it out, and checks that all cards are accounted for and
 * nothing was done twice. Fills outcome. */
void fault_job_settle(struct fault_job *j);
/* The printer is well again by itself: another card is made, and only one. */
void fault_job_next(struct bench *b);

/* fault_sweep.c */
void unplugged_at_every_transfer(void **state);
void unplugged_with_every_transfer(void **state);
void stalled_at_every_transfer(void **state);
