/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the printer model, shared by model*.c only. */
#pragma once

#include "model.h"
#include "model_fault.h"
#include "model_raster.h"
#include "model_stripe.h"
#include "plastic.h"

enum {
        EMUP_FIFO_BYTES = 4096, /* what the interface takes while the mechanism moves */
        EMUP_COMMAND_MAX = 511, /* longest text of a command */
        EMUP_ARGS_MAX = 8,
        EMUP_REPLY_MAX = 512,
        EMUP_REPLIES_MAX = 64, /* unread replies before the oldest is lost */
        EMUP_PANEL_DATA_MAX = 4 * 1024 * 1024,
        EMUP_TRAY_MAX = 100, /* cards in the output tray, and in the reject box */
        EMUP_SETTINGS_MAX = 96,
        EMUP_VIOLATIONS_KEPT = 64,
        EMUP_CLEANING_AVERAGE = 1000, /* cards between cleanings: advised */
        EMUP_CLEANING_MAXIMUM = 1500, /* and enforced */
};

enum emup_pos { POS_NONE, POS_TRANSPORT, POS_CONTACT, POS_CONTACTLESS, POS_MAG, POS_PRINT };

/* What can go wrong, in the order of the table of answers in model_reply.c. */
enum emup_err {
        ERR_NONE,
        ERR_COMMAND,
        ERR_PARAMETER,
        ERR_SEQUENCE,
        ERR_DATA,
        ERR_CARD,
        ERR_MECHANICAL,
        ERR_COVER,
        ERR_FEEDER,
        ERR_RIBBON,
        ERR_RIBBON_ENDED,
        ERR_RIBBON_TAG,
        ERR_REJECT_FULL,
        ERR_OUTPUT_FULL,
        ERR_CLEANING,
        ERR_MAG_DATA,
        ERR_MAG_WRITE,
        ERR_MAG_READ,
        ERR_COUNT
};

enum emup_step {
        STEP_WAIT_HEAD, /* until the panel that prints in the background is down */
        STEP_FEED,
        STEP_TO_PRINT,
        STEP_TO_CONTACT,
        STEP_ENGAGE,
        STEP_TO_CONTACTLESS,
        STEP_TO_MAG,
        STEP_MAG_WRITE,
        STEP_MAG_READ,
        STEP_PANEL,
        STEP_FLIP,
        STEP_TEST_PATTERN,
        STEP_EJECT,
        STEP_REJECT,
        STEP_CLEAN,
        STEP_COUNT
};

enum { EMUP_STEPS_MAX = 8 };

/* One thing the mechanism does: steps one after the other, then an answer (the background panel gives none).
 */
struct emup_op {
        bool active;
        bool waiting; /* printer-managed errors: stands until a person acts */
        bool background;
        char name[16];
        enum emup_step steps[EMUP_STEPS_MAX];
        unsigned n, at;
        bool started;       /* steps[at] runs until end_ms */
        uint64_t end_ms;    /* not started: when the step before ended, 0 = there was none */
        enum emup_err why;  /* what it waits for */
        enum emup_err doom; /* the running step will fail half-way with this */
        bool ends_sequence;
        unsigned track; /* STEP_MAG_READ */
        char box[8];    /* STEP_REJECT: feeder | output */
};

struct emup_args {
        const char *name;
        unsigned n;
        const char *arg[EMUP_ARGS_MAX];
        char text[EMUP_COMMAND_MAX + 1];
};

enum emup_frame_state { FRAME_IDLE, FRAME_TEXT, FRAME_DATA, FRAME_DATA_END, FRAME_LOST };

struct emup_frame {
        enum emup_frame_state state;
        bool after_cr;        /* ESC may be left out */
        char start, sep, end; /* Psc */
        char text[EMUP_COMMAND_MAX + 1];
        size_t len;
        bool overlong;
        uint8_t *data; /* the raster that comes in */
        size_t data_len, data_want;
        bool wait_head; /* the header is in, the head still prints the panel before */
};

struct emup_reply {
        uint8_t bytes[EMUP_REPLY_MAX];
        size_t len;
        uint64_t ready_ms;
        bool merge; /* goes out in one transfer with the next one */
};

struct emup_setting {
        char key[16], value[48];
        bool saved;
};

struct emup_model {
        struct emup_config cfg;
        char serial[48], model[32], firmware[32], dir[512];
        struct emup_chip chip;
        uint64_t born_ms;

        struct emup_frame frame;
        void *language; /* of the family, made by emup_language_new, given to free() */
        uint8_t fifo[EMUP_FIFO_BYTES];
        size_t fifo_len;
        struct emup_reply replies[EMUP_REPLIES_MAX];
        unsigned reply_first, reply_count;
        bool spoke_unread;

        struct emup_setting settings[EMUP_SETTINGS_MAX];
        unsigned setting_count;
        int error_mode;

        struct {
                bool active, ribbon_used;
                enum emup_err failed;
                char panels[8]; /* letters received for this side of the card */
                struct emup_track loaded[EMUP_TRACKS];
        } seq;
        struct emup_panel pending;  /* received, not yet on the card */
        struct emup_panel printing; /* under the head */
        enum emup_err latched;      /* the background panel failed; the next command of the job hears of it */
        struct emup_op op, head;    /* the command that runs; the background panel */

        enum emup_pos pos;
        unsigned side; /* of the card, that lies to the head: 0 the front, 1 the back */
        bool jammed, engaged;
        bool chip_told; /* the chip emulator has the card */
        struct emup_plastic *card;
        uint32_t hopper;
        char *inserted[EMUP_TRAY_MAX]; /* put back by a person, fed before the blanks */
        unsigned inserted_count;
        char *output[EMUP_TRAY_MAX];
        unsigned output_count;
        char *reject[EMUP_TRAY_MAX];
        unsigned reject_count;
        bool output_full, reject_full, cover_open, locked;
        struct {
                char kind[8], serial[24];
                uint32_t capacity, remaining, batch;
                bool present, tagged;
        } ribbon;
        struct {
                uint64_t fed, ejected, rejected, taken, panels, sets, mag_writes, mag_reads, contacts,
                    cleanings;
                uint64_t since_cleaning, on_ribbon;
        } count;

        struct emup_fault faults[EMUP_FAULTS_MAX];
        unsigned fault_count;
        enum emup_action action;
        uint32_t action_replug_ms;
        struct {
                uint64_t commands, replies, bytes_in, bytes_out, transfers_in, transfers_out;
                uint64_t violations, chip_errors, io_errors, on_chip_pixels, power_cycles, soft_resets;
        } stat;
        char *violation[EMUP_VIOLATIONS_KEPT];
};

/*
 * The language of the family: what the mechanism asks of it. Evolis answers in the files named below, other
 * families in folders of their own.
 */

/* What the language keeps, at power-on. 0 or -1. */
int emup_language_new(struct emup_model *m);
/* An operation has ended well, or has failed and is over; it may start the next one. */
void emup_op_done(struct emup_model *m, struct emup_op *op);
void emup_op_failed(struct emup_model *m, struct emup_op *op, enum emup_err err);
uint8_t emup_port_status(struct emup_model *m);

/* model.c */
uint64_t emup_now(const struct emup_model *m);
/* Real milliseconds of a mechanical time. */
uint64_t emup_scaled(const struct emup_model *m, uint32_t ms);
/* One line of the transcript; mark: '<' host, '>' printer, '=' mechanism, '*' fault, '!' violation, '#'
 * person. */
void emup_note(struct emup_model *m, char mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void emup_io(struct emup_model *m, int rc);

/* model_frame.c */
void emup_frame_reset(struct emup_model *m);
/* Consumes bytes until one of them makes the printer busy. */
size_t emup_frame_feed(struct emup_model *m, const uint8_t *bytes, size_t n);
/* The head is free again: go on with the raster whose header waits. */
void emup_frame_head_free(struct emup_model *m);
bool emup_busy(const struct emup_model *m);

/* model_command.c */
/* A complete command; data is NULL for commands without binary part. */
void emup_command(struct emup_model *m, const char *text, const uint8_t *data, size_t n);
/* For a command text that may start binary data: -1 not complete yet, 0 no data, else the bytes that follow.
 */
long emup_command_data(const struct emup_model *m, const char *text, size_t len);
/* Of a text that was checked to be a decimal number. */
unsigned emup_number(const char *text);
void emup_args_split(char sep, const char *text, struct emup_args *ret);

/* model_param.c, model_read.c, model_sequence.c, model_download.c: true when the command was theirs. */
bool emup_param(struct emup_model *m, const struct emup_args *a);
bool emup_read(struct emup_model *m, const struct emup_args *a);
bool emup_sequence(struct emup_model *m, const struct emup_args *a);
bool emup_download(struct emup_model *m, const struct emup_args *a, const uint8_t *data, size_t n);
/* The header of a raster is in: panel k starts the printing of panel k - 1. */
void emup_download_header(struct emup_model *m, const struct emup_args *a);
bool emup_is_raster(const char *name);
const char *emup_setting(const struct emup_model *m, const char *key);
void emup_setting_put(struct emup_model *m, const char *key, const char *value, bool saved);
void emup_settings_power_on(struct emup_model *m);
/* Pem: who handles errors, and how. */
bool emup_host_managed(const struct emup_model *m);
bool emup_cover_ignored(const struct emup_model *m);
bool emup_busy_line(const struct emup_model *m);
bool emup_ack_mode(const struct emup_model *m);
bool emup_mag_goes_on(const struct emup_model *m);

/* model_queue.c */
/* A new reply behind the others. */
struct emup_reply *emup_queue_new(struct emup_model *m);
void emup_queue_put(struct emup_reply *r, const void *bytes, size_t n);
/* What the armed faults do to it. */
void emup_queue_spoil(struct emup_model *m, struct emup_reply *r);

/* model_reply.c */
void emup_reply_ok(struct emup_model *m);
void emup_reply_text(struct emup_model *m, const char *text);
/* Same, without telling the transcript what. */
void emup_reply_track(struct emup_model *m, const char *text);
void emup_reply_err(struct emup_model *m, enum emup_err err);
const char *emup_err_text(enum emup_err err);
uint64_t emup_reply_deadline(const struct emup_model *m);

/* model_mech.c, model_steps.c */
struct emup_op *emup_op_new(struct emup_model *m, const char *name);
void emup_op_step(struct emup_op *op, enum emup_step step);
/* Starts the op prepared by emup_op_new; it answers when it ends, which may be at once. */
void emup_op_run(struct emup_model *m);
/* Puts the pending panel under the head, in the background. */
void emup_head_start(struct emup_model *m);
void emup_mech_tick(struct emup_model *m);
void emup_mech_abort(struct emup_model *m);
void emup_mech_resume(struct emup_model *m);
/* Something in the machine changed under a running movement (cover, ribbon). */
void emup_mech_disturb(struct emup_model *m, enum emup_err err);
uint64_t emup_mech_deadline(const struct emup_model *m);
bool emup_moving(const struct emup_model *m);
enum emup_err emup_step_start(struct emup_model *m, struct emup_op *op, uint32_t *ret_ms,
                              uint32_t *ret_extra_ms);
enum emup_err emup_step_end(struct emup_model *m, struct emup_op *op);
void emup_step_broken(struct emup_model *m, struct emup_op *op, enum emup_err err);
void emup_jam(struct emup_model *m);
void emup_disengage(struct emup_model *m);
void emup_place_card(struct emup_model *m, enum emup_pos pos);
/* Pictures of the card as it is now. */
void emup_compose(struct emup_model *m);
void emup_card_to_tray(struct emup_model *m, bool reject, const char *event);
const char *emup_pos_name(enum emup_pos pos);
