/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a hand-over share (kiosk.c, kiosk_proof.c). */
#pragma once

#include "agent/daemon/daemon.h"
#include "agent/daemon/kiosk.h"

/*
 * One hand-over. Its calls follow one another, each answered exactly once, so that it lives until the last
 * answer and is freed in exactly one place.
 */
struct cw_kiosk {
        struct cw_daemon *daemon;
        struct cw_station_link *link;
        char ticket[40];
        const char *step;
        int64_t session;
        int session_fd;
        bool begun; /* kiosk.begin was sent: kiosk.end is due */
        bool card;  /* and answered: the kiosk has this ticket's card, and shows texts for it */
        struct cw_job_row row;
        int64_t proofs;            /* times the chip was asked for its new PIN */
        bool wrong;                /* and once it said that what was typed is another one */
        struct cw_release release; /* used for this card */
        char request_id[CW_DCMS_REQUEST_ID_LEN + 1];
        char birth_date[9]; /* of the customer, while this hand-over lasts; "" unless the product asks for it
                             */
        struct cw_secret *form; /* the PIN as sent, until its answer is here: validatePin asks with it */
        struct cw_kiosk *next;
};

/* "station:NAME", of journal and audit log. */
void cw_kiosk_actor(const struct cw_kiosk *k, char ret[CW_ACTOR_CAP]);
/* Where the hand-over is, for the log and cw_kiosk_status. name lives for ever. */
void cw_kiosk_step(struct cw_kiosk *k, const char *name);
/* A request to the kiosk that names its ticket; NULL when out of memory. */
struct cw_msg *cw_kiosk_msg(const struct cw_kiosk *k, const char *call);
/* Text for the customer; nobody waits for an answer. */
void cw_kiosk_text(struct cw_kiosk *k, const char *text);

/* Ends of a hand-over, noted in the journal; k is freed. */
void cw_kiosk_pin_set(struct cw_kiosk *k);
void cw_kiosk_pin_in_doubt(struct cw_kiosk *k, const struct cw_fault *f);

/*
 * kiosk_proof.c: the customer types the new PIN at the chip reader's keypad, the chip says whether it is
 * right (kiosk.keypad). Ends the hand-over sooner or later.
 */
void cw_kiosk_prove_pin(struct cw_kiosk *k);
