/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card printer on a table and a person beside it, for the contract test: the same checks run over the
 * emulated printer in process (no bus, its clock jumps) and over the emulator process through libusb.
 */
#pragma once

#include "drivers/printer/printer.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct bench;

/* What differs from a Primacy with 5 cards and a ribbon ymcko of 100. */
struct bench_options {
        const char *model;      /* NULL = "Primacy" */
        const char *reply_end;  /* NULL = "nul" */
        const char *positions;  /* NULL = "modern" */
        double pace;            /* in process only: of the mechanism, 1 = the real thing's; 0 = 1 */
        const char *flip;       /* "none", "short", "long"; NULL = "none", Matica "short" */
        const char *usb_serial; /* of the device on the bus; NULL = "T1", "" = none (emulator process only) */
};

/* What the shared checks need to know of a family; family_*.c. */
struct bench_family {
        const char *driver, *model, *firmware;
        const char *head, *board; /* "" = this family does not tell */
        uint16_t vendor_id;
        enum cw_where rests; /* status of an empty path, right after an open */
        enum cw_where fed;   /* where a fed card stands */
        bool rejects;
        bool tells_counters;        /* what reconcile rests on */
        const char *dead_questions; /* bytes that a dead process left unanswered */
        size_t dead_questions_len;  /* 0: up to the NUL */
        const char *half_job;       /* the beginning of a job, zeroes follow */
        size_t half_job_len;
        const char *question,
            *move; /* commands of a status and of a feed, as the emulator's faults name them */
        /* Of bringing the card to the contacts (NULL: no such station), of the stripe, of a track and of a
         * panel (NULL: not answered one by one), of the end of a print. */
        const char *contact, *write, *track, *panel, *end;
        const char *contactless; /* of bringing the card to the antenna; NULL: no public way there */
        const char *turn;        /* command that turns the card over */
        const char *raw, *raw_answer;
        const char *raw_refused[8];
        unsigned transfers_of_open; /* at least */
        unsigned panels;            /* laid for a card with a colour, a black and an overcoat panel */
        char coat;                  /* 'p' overcoat is laid by pixels, 'a' by areas, 'n' not at all */
        unsigned edge;              /* pixels at either long edge of a panel that are not printed */
        const struct cw_printer_fitting *fitting; /* of the station, NULL = nothing is said */
        const char *heat, *heat_key,
            *heat_value;        /* what printer_heat may say, and what the emulator has then */
        const char *time_scale; /* of the emulator process: 0 unless the driver watches the printer work */
};
extern const struct bench_family bench_family;

struct bench_ops {
        const char *name;
        bool jumps; /* time jumps: nobody waits for a late answer */
        struct bench *(*open)(const struct bench_options *o);
        void (*close)(struct bench *b);
        cw_rc (*connect)(struct bench *b, struct cw_usb **ret, struct cw_fault *f);
        /* A command of the emulator's control language; its reply, a new reference. */
        json_t *(*command)(struct bench *b, const json_t *request);
};
extern const struct bench_ops bench_ops;

/* Emulator process only: the program, to be set before the first open; the bus of a bench. */
extern const char *bench_emulator;
struct cw_usb_bus *bench_bus(struct bench *b);

/* {'cmd': ...} with ' for "; it must succeed. */
void bench_order(struct bench *b, const char *text);
/* A number or boolean of the emulator's state. */
int64_t bench_state(struct bench *b, const char *group, const char *key);
/* A text of the emulator's state into ret. */
void bench_state_text(struct bench *b, const char *group, const char *key, char *ret, size_t cap);
/* Cards in a tray: "output" or "reject". */
size_t bench_tray(struct bench *b, const char *tray);

/* The checks. */
extern const struct CMUnitTest contract_checks[];
extern const size_t contract_check_count;
