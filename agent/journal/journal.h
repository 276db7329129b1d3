/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of cardwrightd: jobs, their events, what came from the server (inbox), what it must be told
 * (outbox), the stock ledger, hand-over releases, key tries, and the hash-chained audit log. One SQLite file,
 * one connection, one thread. Every function that changes something is one transaction and is durable when it
 * returns CW_OK; all of them block on the disk (one fsync).
 *
 * Errors: REJECT (this cannot be, nothing changed), OPERATOR (disk low, damaged or newer file), FATAL (an I/O
 * or fsync error, or our own invariant: it is not known what is durable; stop the process, a restart
 * recovers). After a FATAL every further call is FATAL.
 *
 * Holds no clear PAN, PIN, PIN block, CVV, track or key: the masked PAN, the keyed hash of the PAN, and,
 * until the job ends, the server's encryptedCardNumber text.
 */
#pragma once

#include "agent/issuance/issuance.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

#include <stddef.h>

#define CW_KIT_CAP 33
#define CW_ENTITY_CAP 65
#define CW_PLASTIC_CODE_CAP 17
#define CW_EXPIRY_CAP 5
#define CW_NAME_CAP 81
#define CW_MASKED_PAN_CAP 24
#define CW_PAN_HASH_CAP 129
#define CW_IDEM_CAP 80
#define CW_ACTOR_CAP 65
#define CW_SEALED_MAX 1024u /* encryptedCardNumber text */
#define CW_ISSUER_KEYS_CAP 64u
#define CW_EVIDENCE_MAX 8192u /* evidence or baseline, as JSON text */
#define CW_KEY_TRIES_MAX 3u   /* tries of one key version on one card that no chip success followed */
#define CW_JOURNAL_SCHEMA 1

struct cw_journal;

struct cw_journal_options {
        const char *path;             /* e.g. <state_dir>/journal.db; made 0600 when absent */
        const struct cw_clock *clock; /* borrowed for the life of the journal */
        int64_t disk_free_min_mib;    /* below this no new kit is accepted */
        const char *vfs;              /* SQLite VFS name, NULL = the default */
        int64_t reserve_bytes;        /* disk space kept to finish the step under way, 0 = 4 MiB */
};

/*
 * Opens or makes the journal: exclusive lock, quick_check, version check, WAL checkpoint, read-back of every
 * setting. OPERATOR when the file is damaged, newer, not a journal, or held by another process: the text says
 * what to do and the file is left as it is.
 */
CW_WARN_UNUSED cw_rc cw_journal_open(const struct cw_journal_options *options, struct cw_journal **ret,
                                     struct cw_fault *f);
void cw_journal_close(struct cw_journal *j);
CW_DEFINE_CLEANUP(struct cw_journal *, cw_journal_close);

/* Number of this start of the daemon, 1 for the first: the generation in hello. */
uint32_t cw_journal_generation(const struct cw_journal *j);

/* ---- jobs ---- */

struct cw_kit {
        char kit[CW_KIT_CAP];
        char entity[CW_ENTITY_CAP];
        char plastic_code[CW_PLASTIC_CODE_CAP];
        char expiry[CW_EXPIRY_CAP]; /* YYMM */
        char name[CW_NAME_CAP];     /* to be printed, UTF-8 */
        char masked_pan[CW_MASKED_PAN_CAP];
};

struct cw_job_row {
        struct cw_job job;
        struct cw_kit kit;
        char pan_hash[CW_PAN_HASH_CAP]; /* hex, "" before DATA_OK */
        int64_t created_ms, updated_ms; /* wall clock */
};

/* What a transaction did: the job as it is now, and what the caller has to carry out. */
struct cw_change {
        struct cw_job job;
        struct cw_job_actions actions;
};

/*
 * Inbox and new job (event KIT_ASSIGNED) in one transaction. A kit that is already known changes nothing:
 * *ret_new is false and *ret its job, without actions. REJECT when a field is missing or too long, OPERATOR
 * when the disk is below its floor.
 */
CW_WARN_UNUSED cw_rc cw_journal_accept_kit(struct cw_journal *j, const struct cw_kit *kit, const char *sealed,
                                           bool auto_visual, bool *ret_new, struct cw_change *ret,
                                           struct cw_fault *f);
/*
 * The sealed card data of the job's kit, for session.open and kiosk.bind, copied into ret (cap bytes, text).
 * REJECT CW_E_NOT_FOUND when the job ended.
 */
CW_WARN_UNUSED cw_rc cw_journal_sealed(struct cw_journal *j, const char *job, char *ret, size_t cap,
                                       struct cw_fault *f);

/*
 * Applies one event to the job: event row, projection, outbox, ledger, audit. evidence (borrowed, may be
 * NULL) is kept with the event; actor says who ("station:s1", "uid:1000", "server", "" = the daemon itself).
 * REJECT with the sentence of the state machine when it refuses the event.
 */
CW_WARN_UNUSED cw_rc cw_journal_apply(struct cw_journal *j, const char *job, const struct cw_job_event *event,
                                      const json_t *evidence, const char *actor, struct cw_change *ret,
                                      struct cw_fault *f);

/* DATA_OK. pan_hash is hex. A PAN another live kit has already becomes DATA_REFUSED with PAN_ALREADY_EXISTS.
 */
CW_WARN_UNUSED cw_rc cw_journal_data_ok(struct cw_journal *j, const char *job, const char *pan_hash,
                                        const char *masked_pan, struct cw_change *ret, struct cw_fault *f);
/* The same check for a job whose data was opened for a central order: the hash is kept, the job stays as it
 * is. REJECT with PAN_ALREADY_EXISTS when another live kit has the PAN. */
CW_WARN_UNUSED cw_rc cw_journal_pan_seen(struct cw_journal *j, const char *job, const char *pan_hash,
                                         const char *masked_pan, struct cw_fault *f);
/* INTENT of the job's next step with the station's baseline reply; the where of the baseline is checked. */
CW_WARN_UNUSED cw_rc cw_journal_intent(struct cw_journal *j, const char *job, enum cw_step step, uint32_t seq,
                                       const json_t *baseline, struct cw_change *ret, struct cw_fault *f);
/* OUTCOME: the station's result of step and seq, as received. */
CW_WARN_UNUSED cw_rc cw_journal_outcome(struct cw_journal *j, const char *job, enum cw_step step,
                                        uint32_t seq, const json_t *result, struct cw_change *ret,
                                        struct cw_fault *f);
/*
 * ATTEMPT: a key of version kvn is about to be tried on the card (its serial from the chip, hex).
 * REJECT/CW_E_DENIED when CW_KEY_TRIES_MAX tries had no success: do not acknowledge it.
 */
CW_WARN_UNUSED cw_rc cw_journal_attempt(struct cw_journal *j, const char *job, uint32_t seq, const char *card,
                                        unsigned kvn, unsigned scp, struct cw_change *ret,
                                        struct cw_fault *f);

/* The baseline of the job's open INTENT, a new reference. REJECT/CW_E_NOT_FOUND when none is open. */
CW_WARN_UNUSED cw_rc cw_journal_baseline(struct cw_journal *j, const char *job, json_t **ret,
                                         struct cw_fault *f);

/* Which issuer keys the chip of the job's card has ("issuer_keys" in the evidence of its last chip step); ""
 * when that says nothing. ret has CW_ISSUER_KEYS_CAP bytes. */
CW_WARN_UNUSED cw_rc cw_journal_issuer_keys(struct cw_journal *j, const char *job, char *ret,
                                            struct cw_fault *f);

typedef void (*cw_change_fn)(void *ctx, const struct cw_job_row *row, const struct cw_change *change);
/* After open, once: event RESTARTED for every open job, one transaction each, oldest first. fn must not call
 * the journal. */
CW_WARN_UNUSED cw_rc cw_journal_recover(struct cw_journal *j, cw_change_fn fn, void *ctx, struct cw_fault *f);

/* One job by its id, by its kit, by the keyed hash of its PAN: of several the one that is open, then the
 * newest that came to a card, then the newest. REJECT/CW_E_NOT_FOUND. */
CW_WARN_UNUSED cw_rc cw_journal_job(struct cw_journal *j, const char *job, struct cw_job_row *ret,
                                    struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_journal_job_by_kit(struct cw_journal *j, const char *kit, struct cw_job_row *ret,
                                           struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_journal_job_by_pan_hash(struct cw_journal *j, const char *pan_hash,
                                                struct cw_job_row *ret, struct cw_fault *f);

typedef void (*cw_job_fn)(void *ctx, const struct cw_job_row *row);
/* Jobs in order of arrival; open_only leaves ended ones out. limit 0 = all. fn must not call the journal. */
CW_WARN_UNUSED cw_rc cw_journal_jobs(struct cw_journal *j, bool open_only, unsigned limit, cw_job_fn fn,
                                     void *ctx, struct cw_fault *f);
/*
 * History of a job as a new JSON array: [{"n", "kind": "INTENT|OUTCOME|ATTEMPT|NOTE", "type", "step", "seq",
 * "state", "actor", "at_ms", "evidence"}].
 */
CW_WARN_UNUSED cw_rc cw_journal_history(struct cw_journal *j, const char *job, json_t **ret,
                                        struct cw_fault *f);

/* ---- outbox ---- */

struct cw_outbox_item {
        int64_t id;
        char idem[CW_IDEM_CAP]; /* job/what/seq, never reused: the requestId for the server */
        enum cw_report report;
        char job[CW_JOB_ID_CAP];
        char kit[CW_KIT_CAP];
        char entity[CW_ENTITY_CAP];
        char code[CW_REASON_CAP];
        uint32_t attempts;
        uint32_t
            same;    /* how often last_error came one after the other, since a person let it be sent again */
        bool parked; /* refused by the server: a person is needed, only this kit waits */
        char last_error[CW_REASON_CAP];
        int64_t created_ms, next_at_ms;
};

/* The oldest unsent report of each kit that is due now (wall clock), at most cap; central orders last. Later
 * reports of a kit wait for earlier ones. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_next(struct cw_journal *j, struct cw_outbox_item *ret, size_t cap,
                                            size_t *ret_count, struct cw_fault *f);
/* All unsent reports in order, for people. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_list(struct cw_journal *j, struct cw_outbox_item *ret, size_t cap,
                                            size_t *ret_count, struct cw_fault *f);
/* Number of the newest report ever written, 0 without any: numbers only grow. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_newest(struct cw_journal *j, int64_t *ret, struct cw_fault *f);
/* The server has it. For ACTIVATE and DELIVERED the job's event follows in the same transaction. Twice is
 * once. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_acked(struct cw_journal *j, int64_t id, struct cw_change *ret,
                                             struct cw_fault *f);
struct cw_journal_order {
        const json_t *evidence; /* where, by which number; borrowed */
        bool another_kit; /* the card comes with a kit of its own: the job's kit is reported CANCELLED */
        bool followed;    /* what becomes of the order can be asked: the job ends when the card is made */
};
/* The card of a CENTRAL report is ordered: event CENTRAL_ORDERED when it is followed, else DIVERTED, with the
 * evidence. Twice is once. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_ordered(struct cw_journal *j, int64_t id,
                                               const struct cw_journal_order *order, struct cw_change *ret,
                                               struct cw_fault *f);
/* True when an older central order for the same customer and plastic code is not settled yet. */
CW_WARN_UNUSED cw_rc cw_journal_central_ahead(struct cw_journal *j, int64_t id, bool *ret,
                                              struct cw_fault *f);
/* What a person says of a central order: it is there, it is not, or it shall be tried (ordered) again. */
enum cw_central_word { CW_CENTRAL_ORDERED, CW_CENTRAL_NOT_ORDERED, CW_CENTRAL_RETRY };
#define CW_CENTRAL_BY_PERSON "DECIDED_BY_PERSON"
#define CW_CENTRAL_AGAIN "ORDERED_AGAIN" /* code of a CENTRAL report that follows an order that failed */
/*
 * A parked order (or one nothing of which left): as cw_journal_outbox_ordered, _refused, _unpark. An order
 * that failed: the job ends, the branch has it again, or another order is made. ORDERED also ends the
 * questions for an order that is under way. order: what is known of it; evidence may be NULL. REJECT when
 * there is nothing to decide.
 */
CW_WARN_UNUSED cw_rc cw_journal_central_decide(struct cw_journal *j, const char *job,
                                               enum cw_central_word word,
                                               const struct cw_journal_order *order, const char *actor,
                                               struct cw_change *ret, struct cw_fault *f);
/* The evidence of the job's newest central order, a new reference; an empty object when there is none. */
CW_WARN_UNUSED cw_rc cw_journal_central_order(struct cw_journal *j, const char *job, json_t **ret,
                                              struct cw_fault *f);
/*
 * The central order was refused and is surely not done: the report is over, and the job gets event
 * CENTRAL_REFUSED with code. Twice is once.
 */
CW_WARN_UNUSED cw_rc cw_journal_outbox_refused(struct cw_journal *j, int64_t id, const char *code,
                                               struct cw_change *ret, struct cw_fault *f);
/* What must be known when the report is sent again by another process; NULL forgets it. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_keep(struct cw_journal *j, int64_t id, const json_t *note,
                                            struct cw_fault *f);
/* True when this kit came of a central order of ours: its card is made elsewhere. */
CW_WARN_UNUSED cw_rc cw_journal_made_centrally(struct cw_journal *j, const char *kit, bool *ret,
                                               struct cw_fault *f);
/* *ret is a new reference, NULL when nothing was kept. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_kept(struct cw_journal *j, int64_t id, json_t **ret,
                                            struct cw_fault *f);
/* Not sent: tried again after delay_ms; park when the server refused it for good. code: the server's code or
 * class. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_failed(struct cw_journal *j, int64_t id, const char *code,
                                              int64_t delay_ms, bool park, struct cw_fault *f);
/* An operator's wish to try a parked report again. */
CW_WARN_UNUSED cw_rc cw_journal_outbox_unpark(struct cw_journal *j, int64_t id, const char *actor,
                                              struct cw_fault *f);

/* ---- hand-over releases ---- */

struct cw_release {
        int64_t id;
        char kit[CW_KIT_CAP];
        uint32_t teller_uid;
        char kiosk[CW_STATION_NAME_CAP];
        int64_t created_ms, expires_ms;
};
/* A teller lets this one kit be handed over at this kiosk for ttl_ms. REJECT unless its job waits for
 * HANDOVER. Replaces an earlier one. */
CW_WARN_UNUSED cw_rc cw_journal_release_create(struct cw_journal *j, const char *kit, uint32_t teller_uid,
                                               const char *kiosk, int64_t ttl_ms, struct cw_release *ret,
                                               struct cw_fault *f);
/* Uses up the release of the kit at the kiosk. REJECT/CW_E_DENIED when there is none, it expired or was used.
 */
CW_WARN_UNUSED cw_rc cw_journal_release_use(struct cw_journal *j, const char *kit, const char *kiosk,
                                            struct cw_release *ret, struct cw_fault *f);
/* Undoes a use that came to nothing before the customer chose a PIN (the pad was away); the release expires
 * as it would have. Nothing happens when the kit was released anew meanwhile. */
CW_WARN_UNUSED cw_rc cw_journal_release_reopen(struct cw_journal *j, const struct cw_release *r,
                                               struct cw_fault *f);
/* The newest unused, unexpired release at this kiosk (without using it), for the kiosk's start.
 * REJECT/CW_E_NOT_FOUND. */
CW_WARN_UNUSED cw_rc cw_journal_release_pending(struct cw_journal *j, const char *kiosk,
                                                struct cw_release *ret, struct cw_fault *f);

/* ---- stock ---- */

/*
 * Moves count (> 0) plastics as people do: supplier <-> received <-> hopper:<station>, hopper -> spoiled (a
 * test card), spoiled | returned -> destroyed. What jobs do is posted by the state machine. REJECT for any
 * other way, or for more plastics than the source has ("supplier" excepted).
 */
CW_WARN_UNUSED cw_rc cw_journal_stock_move(struct cw_journal *j, const char *plastic_code, const char *from,
                                           const char *to, int64_t count, const char *actor,
                                           const char *reason, struct cw_fault *f);
/* Takes back one hopper -> spoiled of a test card that turned out to have drawn no plastic; hopper is
 * "hopper:<station>". REJECT when "spoiled" holds none of that code any more. */
CW_WARN_UNUSED cw_rc cw_journal_stock_undo_spoiled(struct cw_journal *j, const char *plastic_code,
                                                   const char *hopper, const char *actor, const char *reason,
                                                   struct cw_fault *f);
/* First start: the hopper's count from the configuration, once per station and plastic code (supplier ->
 * hopper). */
CW_WARN_UNUSED cw_rc cw_journal_stock_open(struct cw_journal *j, const char *station,
                                           const char *plastic_code, int64_t count, struct cw_fault *f);

struct cw_stock_check {
        int64_t drawn; /* left a hopper for a job */
        int64_t delivered, spoiled, returned, destroyed;
        int64_t in_transport, in_output, in_kiosk;
        int64_t unaccounted; /* plastics the ledger and the jobs disagree on; 0 or something is wrong */
        bool balanced;       /* nothing unaccounted, no place below zero */
        bool closed; /* balanced, and drawn = delivered + spoiled + returned + destroyed: nothing lies open */
};
CW_WARN_UNUSED cw_rc cw_journal_stock_check(struct cw_journal *j, struct cw_stock_check *ret,
                                            struct cw_fault *f);
/* New JSON array [{"place", "plastic_code", "count"}] of all places that are not zero, sorted. */
CW_WARN_UNUSED cw_rc cw_journal_stock(struct cw_journal *j, json_t **ret, struct cw_fault *f);

/* ---- audit ---- */

/* Appends a line of the daemon's own: what ("login.denied"), actor, detail (JSON, may be NULL, no secret). */
CW_WARN_UNUSED cw_rc cw_journal_audit(struct cw_journal *j, const char *what, const char *actor,
                                      const json_t *detail, struct cw_fault *f);

/* ---- kits of the stock that arrived ---- */

struct cw_arrival {
        char kit[32];
        bool asked; /* it may have been told: the answer is not known, or it was told at an earlier arrival */
};
/* They are at the branch, and the server is to be told; again when they were told before. */
CW_WARN_UNUSED cw_rc cw_journal_kits_arrived(struct cw_journal *j, const char *const *kits, size_t count,
                                             const char *actor, struct cw_fault *f);
/* At most max of those of which it is not known that the server was told. */
CW_WARN_UNUSED cw_rc cw_journal_arrivals_untold(struct cw_journal *j, struct cw_arrival *ret, size_t max,
                                                size_t *ret_count, struct cw_fault *f);
/* About to be told: from here on the server may have it of us. */
CW_WARN_UNUSED cw_rc cw_journal_arrival_asked(struct cw_journal *j, const char *kit, struct cw_fault *f);
/* The server took it ("") or refused it with that code: not asked again. */
CW_WARN_UNUSED cw_rc cw_journal_arrival_told(struct cw_journal *j, const char *kit, const char *refused_code,
                                             struct cw_fault *f);
/* True only when the server took it. */
CW_WARN_UNUSED cw_rc cw_journal_kit_has_arrived(struct cw_journal *j, const char *kit, bool *ret,
                                                struct cw_fault *f);
/* How many the server refused. */
CW_WARN_UNUSED cw_rc cw_journal_arrivals_refused(struct cw_journal *j, int64_t *ret, struct cw_fault *f);

struct cw_audit_check {
        int64_t rows;
        bool intact;
        int64_t bad_row; /* first row that does not fit, 0 when intact */
        char head[65];   /* hex hash of the last row: write it down elsewhere to detect a replaced file */
};
/* Recomputes the whole chain and compares every event and ledger row with its audit row. */
CW_WARN_UNUSED cw_rc cw_journal_audit_verify(struct cw_journal *j, struct cw_audit_check *ret,
                                             struct cw_fault *f);
/* New JSON array of the last limit rows [{"n", "at_ms", "actor", "what", "job", "hash"}]. */
CW_WARN_UNUSED cw_rc cw_journal_audit_tail(struct cw_journal *j, unsigned limit, json_t **ret,
                                           struct cw_fault *f);

/* ---- health ---- */

struct cw_journal_health {
        int64_t disk_free_mib;
        bool disk_low; /* below the floor, or the reserve was used up */
        int64_t jobs_open, jobs_waiting_person, outbox_unsent, outbox_parked, intents_open;
};
CW_WARN_UNUSED cw_rc cw_journal_health(struct cw_journal *j, struct cw_journal_health *ret,
                                       struct cw_fault *f);
/* Folds the events of every job and compares with the projection; REJECT/CW_E_MISMATCH names the first that
 * differs. */
CW_WARN_UNUSED cw_rc cw_journal_check_fold(struct cw_journal *j, struct cw_fault *f);
/* Consistent copy into a new file (VACUUM INTO). REJECT when it exists. */
CW_WARN_UNUSED cw_rc cw_journal_backup(struct cw_journal *j, const char *path, struct cw_fault *f);
