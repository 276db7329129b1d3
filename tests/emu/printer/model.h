/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulated card printer without its cable: bulk bytes in, bulk bytes out, and a mechanism that moves
 * plastics. A carrier (umockdev here) calls it; it never calls a carrier. Not thread-safe: the caller holds
 * one lock around every call. Time comes from the clock in the configuration. The chip calls may block (they
 * talk to another process).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct emup_model;

/* The station that turns a card over: about an axis parallel to its short edges, or to its long ones. */
enum emup_flip { EMUP_FLIP_NONE, EMUP_FLIP_SHORT, EMUP_FLIP_LONG };

enum emup_terminator { EMUP_END_NUL, EMUP_END_CR, EMUP_END_NONE };

struct emup_config {
        const char *serial;        /* "" = the printer tells no serial */
        const char *model;         /* "Primacy" */
        const char *firmware;      /* answer to Rfv */
        const char *plastics_dir;  /* one directory per physical card is made in here */
        const char *ribbon_kind;   /* as in Pr, "ymcko" */
        uint32_t ribbon_remaining; /* panel sets */
        uint32_t hopper;           /* blank cards */
        double time_scale;         /* 1.0 = mechanics at the speed of the real thing, 0 = at once */
        enum emup_flip flip;
        bool hico_stripe;                /* the blanks carry a high coercivity stripe */
        bool chip_at_antenna;            /* the chip emulator sits at the contactless station */
        bool old_positions;              /* Rlr;p in the words of the old guide instead of the modern ones */
        enum emup_terminator terminator; /* end of a text reply; not documented, hence switchable */
        FILE *transcript;                /* NULL = none; not owned */
        uint64_t (*now_ms)(void *clock_ctx);
        void *clock_ctx;
};

/* The chip emulator at one of the two chip stations; both answer false when it could not be told. May be
 * NULL. */
struct emup_chip {
        bool (*present)(void *ctx, const char *plastic_dir);
        bool (*remove)(void *ctx);
        void *ctx;
};

/* Makes a printer at rest with a closed cover. 0, or -1 when out of memory or the ribbon kind is unknown. */
int emup_model_new(const struct emup_config *config, const struct emup_chip *chip, struct emup_model **ret);
void emup_model_free(struct emup_model *m);

/* Bulk OUT: takes up to n bytes, returns how many; fewer means NAK until emup_model_deadline_ms or an
 * operator act. */
size_t emup_model_write(struct emup_model *m, const uint8_t *bytes, size_t n);
/* Bulk IN: one transfer of at most cap bytes; 0 means NAK. */
size_t emup_model_read(struct emup_model *m, uint8_t *bytes, size_t cap);
/* Lets time pass. To be called at the deadline; harmless at any other time. */
void emup_model_tick(struct emup_model *m);
/* Next moment something changes by itself, in the clock's milliseconds; UINT64_MAX when nothing will. */
uint64_t emup_model_deadline_ms(const struct emup_model *m);

/* Printer class requests. device_id writes the 2-byte length and the text and returns the bytes written. */
size_t emup_model_device_id(struct emup_model *m, uint8_t *bytes, size_t cap);
uint8_t emup_model_port_status(struct emup_model *m);
/* False = STALL. */
bool emup_model_soft_reset(struct emup_model *m);
/* The cable was pulled or the bus was reset: half-received commands and unread replies are gone. */
void emup_model_bus_reset(struct emup_model *m);
/* Mains off and on: volatile settings and the job are gone, the card stays where it stood. */
void emup_model_power_cycle(struct emup_model *m);

/* To be asked for each bulk transfer; true = answer it with STALL. */
bool emup_model_transfer_stalls(struct emup_model *m, bool in);
enum emup_action { EMUP_ACT_NONE, EMUP_ACT_UNPLUG, EMUP_ACT_POWER_CYCLE };
/* What a fault asks of the carrier, once; replug after *ret_replug_ms (0 = stay unplugged, for
 * EMUP_ACT_UNPLUG). */
enum emup_action emup_model_take_action(struct emup_model *m, uint32_t *ret_replug_ms);
/* A driver did something the real device would not forgive; goes into the transcript and the state. */
void emup_violation(struct emup_model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Everything a test wants to know, as a new JSON object. */
json_t *emup_model_state(const struct emup_model *m);

/*
 * What a person does at the machine. Each returns NULL when done, else one sentence why not.
 * Paths of plastics are written to *ret_path (at most cap bytes).
 */
const char *emup_operator_hopper(struct emup_model *m, uint32_t count);
const char *emup_operator_ribbon(struct emup_model *m, const char *kind, int64_t remaining, bool present);
const char *emup_operator_cover(struct emup_model *m, bool open);
const char *emup_operator_lock(struct emup_model *m, bool locked);
const char *emup_operator_cleaning(struct emup_model *m, uint32_t cards_since);
/* to: "taken", "reject" or "inside" (straightened and left in the path). */
const char *emup_operator_clear(struct emup_model *m, const char *to, char *ret_path, size_t cap);
/* plastic NULL = the card that lies longest. */
const char *emup_operator_take(struct emup_model *m, bool reject_box, const char *plastic, char *ret_path,
                               size_t cap);
const char *emup_operator_insert(struct emup_model *m, const char *plastic);

/* Arms a fault described as in README.md. NULL, or one sentence why not. */
const char *emup_fault_arm(struct emup_model *m, const json_t *request);
void emup_fault_disarm_all(struct emup_model *m);
