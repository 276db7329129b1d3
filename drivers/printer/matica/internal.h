/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this driver only. */
#pragma once

#include "base/secret.h"
#include "drivers/printer/common.h"
#include "drivers/printer/matica/codec.h"
#include "drivers/printer/matica/matica.h"

struct cw_matica {
        struct cw_printer base;
        struct cw_matica_raster raster;
        bool fits;  /* the raster is one that this driver can fill */
        bool known; /* and so is the type */
        bool flip;
        uint32_t tag;
        bool owes;      /* the status of the last command has not come yet */
        unsigned tries; /* how often it was waited for */
        bool broken;    /* bytes of a command are missing: only a port reset helps */
        bool delivered; /* the last card went to the output by our own command */
        struct cw_matica_fitting fitting;
};

/* One command. cdb_len 6 or 10; data may be NULL when len is 0. */
struct cw_matica_call {
        uint8_t cdb[CW_MATICA_CDB];
        uint8_t cdb_len;
        const uint8_t *out; /* len bytes to the printer */
        uint8_t *in;        /* or at most len bytes from it */
        size_t len;
        bool started; /* set when any byte may have reached the printer */
        bool good;    /* set to its status */
        size_t got;   /* set to the bytes that came in */
};

/* link.c */

/*
 * Sends, moves the data, waits for the status. CW_OK with good false is the printer's no. RETRY: nothing was
 * sent, or the answer is late (started tells); RECONNECT: gone, or reset because it lost count.
 */
cw_rc cw_matica_do(struct cw_matica *e, struct cw_matica_call *c, int64_t deadline_ns, struct cw_fault *f);
/* A question of cdb_len 6 or 10 that must be answered with at least want bytes. */
cw_rc cw_matica_ask(struct cw_matica *e, const uint8_t *cdb, uint8_t cdb_len, uint8_t *ret, size_t want,
                    int64_t deadline_ns, struct cw_fault *f);

/* status.c */
cw_rc cw_matica_error(struct cw_matica *e, int64_t deadline_ns, uint32_t *ret, struct cw_fault *f);
cw_rc cw_matica_where(struct cw_matica *e, int64_t deadline_ns, enum cw_where *ret, struct cw_fault *f);
/* With this error the card counts as stuck between two places, whatever the printer says of it. */
bool cw_matica_astray(const struct cw_matica *e, uint32_t error);
cw_rc cw_matica_ink(struct cw_matica *e, int64_t deadline_ns, struct cw_matica_ink *ret, struct cw_fault *f);
cw_rc cw_matica_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                       struct cw_fault *f);
cw_rc cw_matica_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                         struct cw_fault *f);
cw_rc cw_matica_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                      struct cw_printer_lines *ret, struct cw_fault *f);

/* action.c */

/* Ready for a command; cards: the feeder must not be empty. Nothing was sent when it fails. */
cw_rc cw_matica_ready(struct cw_matica *e, const char *op, bool cards, int64_t deadline_ns,
                      struct cw_printer_effect *effect, struct cw_fault *f);
/* A command with an effect, up to its end. */
cw_rc cw_matica_act(struct cw_matica *e, struct cw_matica_call *c, const char *op, int64_t deadline_ns,
                    struct cw_printer_effect *effect, struct cw_fault *f);
/* The card must be inside; its place goes into the effect. */
cw_rc cw_matica_need_card(struct cw_matica *e, const char *op, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f);
/* Moves the card inside to a place, out of the contacts or the antenna's field first. */
cw_rc cw_matica_move_to(struct cw_matica *e, enum cw_where to, const char *op, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f);
cw_rc cw_matica_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f);
cw_rc cw_matica_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                           struct cw_fault *f);
cw_rc cw_matica_to_contactless(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                               struct cw_fault *f);
cw_rc cw_matica_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f);
cw_rc cw_matica_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f);

/* stripe.c, print.c */
cw_rc cw_matica_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                             struct cw_printer_effect *ret, struct cw_fault *f);
cw_rc cw_matica_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns, struct cw_secret **ret,
                            struct cw_fault *f);
cw_rc cw_matica_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                      struct cw_printer_effect *ret, struct cw_fault *f);
