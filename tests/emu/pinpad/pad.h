/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pad: bytes in, bytes out, time from outside. It speaks the packets of VeriFone part number 22903 with
 * one DUKPT key, as drivers/pinpad/README.md lists them, and records everything a host does that they do not
 * allow.
 */
#pragma once

#include "customer.h"
#include "frame.h"

#include <stdint.h>

#define EMUD_PROMPTS_MAX 200U

enum emud_key_field { EMUD_KEY_NONE, EMUD_KEY_ZEROS, EMUD_KEY_WORDS };
enum emud_state { EMUD_IDLE, EMUD_ENTRY, EMUD_ANSWER };

struct emud_config {
        uint8_t bdk[16];
        enum emud_key_field key_field; /* what stands before the lengths in Z62 */
        bool final_eot;                /* EOT after the ACK of 71 */
        unsigned ack_timeout_ms;
        const char *ksn_path; /* or NULL */
        const char *serial;
};

struct emud_request {
        char packet[4];
        char account[20];
        unsigned min, max;
        bool null_allowed;
        char prompt[3][17];
        unsigned timeout_s;
};

struct emud_pad {
        const struct emud_config *cfg;
        void (*send)(void *ctx, const uint8_t *p, size_t len);
        void (*unplug)(void *ctx);
        void *ctx;
        struct emud_parser parser;
        struct emud_customer customer;
        enum emud_state state;
        struct emud_request request;
        int64_t entry_deadline_ms;
        int64_t act_at_ms; /* when the customer's next step is due; 0 = not started */
        int64_t byte_deadline_ms;
        uint8_t answer[EMUD_FRAME_MAX];
        size_t answer_len;
        bool answer_eot; /* EOT follows the host's ACK */
        unsigned answer_tries;
        int64_t ack_deadline_ms;
        unsigned naks;
        unsigned garble;
        unsigned nak_next; /* faults: NAK or ignore so many good frames */
        unsigned ignore_next;
        uint8_t ksn[10]; /* last used; the initial one before that */
        bool exhausted;
        uint64_t pins;
        uint64_t beeps;
        char display[65];
        json_t *prompts;
        json_t *violations;
        int64_t now_ms;
};

/* Reads the KSN from cfg->ksn_path when that exists, else starts at iksn. False and a sentence in err. */
bool emud_pad_init(struct emud_pad *pad, const struct emud_config *cfg, const uint8_t iksn[10], char *err,
                   size_t err_cap);
void emud_pad_done(struct emud_pad *pad);
void emud_pad_bytes(struct emud_pad *pad, int64_t now_ms, const uint8_t *p, size_t len);
void emud_pad_tick(struct emud_pad *pad, int64_t now_ms);
/* How long until emud_pad_tick has something to do; at most 60 s. */
int emud_pad_timeout_ms(const struct emud_pad *pad, int64_t now_ms);
/* The line was lost: whatever was going on is over. */
void emud_pad_reset(struct emud_pad *pad);

/* Between the files of the pad. */
void emud_violate(struct emud_pad *pad, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void emud_send_control(struct emud_pad *pad, uint8_t byte);
/* Sends a frame and waits for its ACK. */
void emud_send_frame(struct emud_pad *pad, uint8_t kind, const char *payload, size_t len, bool eot_after);
void emud_show(struct emud_pad *pad, const char *text);
/* A good frame while idle. */
void emud_handle_request(struct emud_pad *pad, uint8_t kind, const char *payload, size_t len);
/* PIN entry: begins after the ACK; goes on when the customer does something. */
void emud_entry_begin(struct emud_pad *pad);
void emud_entry_tick(struct emud_pad *pad);
void emud_entry_refuse(struct emud_pad *pad, char code, const char *why);

/* KSN state file. Load: 1 read, 0 not there, -1 damaged. */
int emud_ksn_load(const char *path, uint8_t ret[10]);
bool emud_ksn_save(const char *path, const uint8_t ksn[10]);
