/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardwright-stationd from the inside. The loop thread serves the socket and never blocks; the bench thread
 * does the work; the reader has its monitor. What both threads touch is under lock.
 */
#pragma once

#include "base/ipc.h"
#include "base/loop.h"
#include "config/config.h"
#include "drivers/chip/perso.h"
#include "drivers/pinpad/pinpad.h"
#include "drivers/reader/reader.h"
#include "drivers/station/bench.h"
#include "drivers/station/kiosk.h"
#include "drivers/station/machine.h"
#include "drivers/station/result.h"
#include "drivers/station/work.h"

#include <pthread.h>
#include <stdatomic.h>

/* Names one step for ever. */
struct cw_step_key {
        char job[CW_WORK_ID_MAX];
        char step[16];
        int64_t seq;
};

/* The key try that waits for its acknowledgement. */
struct cw_attempt {
        struct cw_step_key key;
        bool waiting, acked;
};

struct cw_station {
        const struct cw_config *config;
        const struct cw_config_station *self;
        struct cw_loop *loop;
        struct cw_bench *bench;
        struct cw_card_reader *reader;
        atomic_bool cancel; /* ends the waiting of a kiosk call */

        /* loop thread */
        struct cw_listener *listener;
        struct cw_peer *peer;
        uint64_t client; /* counts connections; the current one */
        struct cw_timer *watchdog;
        struct cw_timer *stop_timer;
        bool stopping;         /* a signal came: nothing new is begun */
        int64_t stop_limit_ns; /* until when the last result may be acknowledged; 0 before it is there */
        struct cw_listener *admin_listener;
        struct cw_peer *admin; /* NULL or the one administrator's program */
        uint64_t admin_client; /* counts its connections, above CW_ADMIN_CLIENT */

        /* bench thread */
        struct cw_machine machine;
        struct cw_profiles profiles;
        struct cw_work work;
        struct cw_kiosk kiosk;
        struct cw_pinpad *pad;
        int64_t pad_look_ns; /* when the PIN pad is looked for again */

        pthread_mutex_t lock;
        pthread_cond_t attempted;
        struct cw_attempt attempt;
        bool running; /* a step is under way or waits for the bench */
        struct cw_step_key running_key;
        uint64_t running_client; /* whom its result goes to */
        uint32_t running_id;
        struct cw_step_key last_key;
        json_t *last;             /* result of the last step until it is acknowledged */
        char job[CW_WORK_ID_MAX]; /* for status */
        bool pad_present;
};

static inline bool cw_station_is_kiosk(const struct cw_station *st) {
        return st->self->kind == CW_STATION_KIOSK;
}
bool cw_step_key_equal(const struct cw_step_key *a, const struct cw_step_key *b);
/* Reads job, step, seq of a request; false when one is missing or too long. */
bool cw_step_key_read(const struct cw_msg *m, struct cw_step_key *ret);

/* server.c */
/* A socket station/<name>.<ending> of the runtime directory, made with its folder. */
CW_WARN_UNUSED cw_rc cw_server_listen(struct cw_station *st, const char *ending, unsigned mode,
                                      cw_accept_fn fn, struct cw_listener **ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_server_open(struct cw_station *st, struct cw_fault *f);
void cw_server_close(struct cw_station *st);
/* Bench to loop. */
void cw_server_deliver(void *ctx, uint64_t client, struct cw_msg *m);

/* stop.c: the end on a signal. A station without stop_init cannot be stopped. */
CW_WARN_UNUSED cw_rc cw_stop_init(struct cw_station *st);
void cw_stop_begin(struct cw_station *st);
void cw_stop_done(struct cw_station *st);
/* RETRY/CW_E_BUSY while it is on its way. */
CW_WARN_UNUSED cw_rc cw_stop_refuses(const struct cw_station *st, struct cw_fault *f);

/* admin.c: the station's second socket, for an administrator's program with a card of his own. */
#define CW_ADMIN_CLIENT (UINT64_C(1) << 63)
CW_WARN_UNUSED cw_rc cw_admin_open(struct cw_station *st, struct cw_fault *f);
void cw_admin_close(struct cw_station *st);
/* Takes json and id out of m. Nobody may be there any more. */
void cw_admin_deliver(struct cw_station *st, uint64_t client, struct cw_msg *m);
/* admin_card.c: card.perso, card.verify, card.pin, card.status, card.delete. Bench thread; the question is
 * for any. */
bool cw_admin_call_known(const char *name);
void cw_admin_card(struct cw_station *st, struct cw_task *task);

/* view.c: replies that need no device. Loop thread. */
struct cw_msg *cw_view_hello(struct cw_station *st, const struct cw_msg *request);
struct cw_msg *cw_view_status(struct cw_station *st, const struct cw_msg *request);

/* calls.c: every request that needs the bench. */
void cw_calls_work(void *ctx, struct cw_task *task);
int64_t cw_calls_idle(void *ctx);

/* steps.c: performs a step and answers it. Bench thread. */
void cw_steps_run(struct cw_station *st, struct cw_task *task);
/* One step: what it needs to know, what it leaves behind. */
struct cw_step_run {
        struct cw_station *st;
        struct cw_step_key key;
        const json_t *baseline; /* borrowed, may be NULL */
        uint64_t client;        /* whom events go to */
        struct cw_result *result;
};
void cw_step_progress(const struct cw_step_run *run, int percent, const char *text);
/* Waits until cardwrightd has made the key try durable; RETRY when it does not. */
CW_WARN_UNUSED cw_rc cw_step_attempt(const struct cw_step_run *run, const char *card, uint8_t kvn,
                                     uint8_t scp, struct cw_fault *f);
/* read_back.c: when nobody knows which keys a card has (result->keys), a new *channel to it decides; it may
 * be NULL then. Waits a few seconds for the card. */
void cw_station_read_back(struct cw_card_reader *reader, struct cw_card_channel **channel,
                          const struct cw_perso_plan *plan, struct cw_perso_result *result);
/* step_card.c */
/* Which panels a card with these faces needs; nothing else of *ret is set. */
void cw_step_panels(const struct cw_panels *panels, struct cw_printer_need *ret);
cw_rc cw_step_preflight(struct cw_step_run *run, struct cw_fault *f);
cw_rc cw_step_feed(struct cw_step_run *run, struct cw_fault *f);
cw_rc cw_step_stripe(struct cw_step_run *run, struct cw_fault *f);
cw_rc cw_step_print(struct cw_step_run *run, struct cw_fault *f);
cw_rc cw_step_eject(struct cw_step_run *run, struct cw_fault *f);
cw_rc cw_step_reject(struct cw_step_run *run, struct cw_fault *f);
/* step_test.c */
cw_rc cw_step_test_card(struct cw_step_run *run, const char *kind, struct cw_fault *f);
cw_rc cw_step_clean(struct cw_step_run *run, struct cw_fault *f);
/* step_chip.c, step_verify.c */
cw_rc cw_step_chip(struct cw_step_run *run, struct cw_fault *f);
cw_rc cw_step_verify(struct cw_step_run *run, struct cw_fault *f);
/* Where the reader sits in the printer (stations[].chip_at): CW_WHERE_CONTACT or CW_WHERE_CONTACTLESS. */
enum cw_where cw_step_chip_place(const struct cw_station *st);
/* Brings the card to the reader's station if it is not there and connects it. */
CW_WARN_UNUSED cw_rc cw_step_contact(struct cw_step_run *run, struct cw_card_channel **ret,
                                     struct cw_fault *f);

/* console.c */
struct cw_msg *cw_console_sheet(struct cw_station *st, struct cw_msg *request);
struct cw_msg *cw_console_apply(struct cw_station *st, struct cw_msg *request);
struct cw_msg *cw_console_raw(struct cw_station *st, struct cw_msg *request);

/* evidence.c */
struct cw_msg *cw_evidence_baseline(struct cw_station *st, const struct cw_msg *request);
struct cw_msg *cw_evidence_reconcile(struct cw_station *st, const struct cw_msg *request);

#define CW_APDU_TIMEOUT_MS 20000 /* EEPROM writes of a slow chip included */
#define CW_CONNECT_TIMEOUT_MS 8000
#define CW_FEED_TIMEOUT_MS 40000
#define CW_MOVE_TIMEOUT_MS 40000
#define CW_STRIPE_TIMEOUT_MS 40000
#define CW_PRINT_TIMEOUT_MS 180000
