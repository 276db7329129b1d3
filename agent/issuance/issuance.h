/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of one card job: event in, actions out. Pure: no I/O, no clock, no allocation, no
 * globals.
 *
 * The caller applies an event to a copy of the job, makes the event, the new job and the durable actions
 * (REPORT, MOVE, FORGET_SEALED) durable in one transaction (agent/journal does), and only then carries out
 * the other actions, in order. Folding the events of a job over cw_issuance_init gives the job again.
 *
 * One physical step: PREPARE_STEP, baseline, event INTENT durable, PERFORM, event RESULT durable, RESULT_ACK.
 *
 * After a restart or a lost station an open INTENT is answered by the station's last result,
 * else by reconcile, else by a person. A step that may have had its effect is never performed again.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CW_JOB_ID_CAP 24
#define CW_STATION_NAME_CAP 33
#define CW_REASON_CAP 48

#define CW_JOB_REPEATS_MAX 2u  /* repeats of a step on one plastic: RETRY, RECONNECT, proven not_done */
#define CW_JOB_REMAKES_MAX 1u  /* remakes without a person */
#define CW_JOB_PLASTICS_MAX 5u /* plastics one job may use, a person's remakes included */

/* The state is the last thing that is surely done; what happens next is in wait and step. */
enum cw_job_state {
        CW_JOB_NEW,
        CW_JOB_ACCEPTED,    /* the kit is ours and durable */
        CW_JOB_DATA_OK,     /* hsmd opened the card data */
        CW_JOB_LOADED,      /* a plastic was fed */
        CW_JOB_STRIPE,      /* written, read back, equal */
        CW_JOB_CHIP,        /* personalised */
        CW_JOB_VERIFY,      /* read as a terminal */
        CW_JOB_PRINT,       /* printed; ejected when place is OUTPUT */
        CW_JOB_OPERATOR_OK, /* visual check passed: the card may be handed over */
        CW_JOB_PIN_SET,
        CW_JOB_ACTIVE,
        CW_JOB_DELIVERED,  /* end: with the customer, and the server knows */
        CW_JOB_SPOILED,    /* the plastic is on its way to the reject box */
        CW_JOB_REMAKE,     /* the spoiled plastic is accounted for, a new one is wanted */
        CW_JOB_FAILED,     /* end, with code */
        CW_JOB_CANCELLED,  /* end */
        CW_JOB_DATA_ERROR, /* end, with code */
        CW_JOB_IN_DOUBT,   /* the open step may have had its effect; resume = state before */
        CW_JOB_DIVERTED,   /* ordered centrally, not made in this branch; end when nothing is waited for */
        CW_JOB_STATE_MAX_
};

/* What the job waits for, and which event answers it. */
enum cw_job_wait {
        CW_WAIT_NOTHING,          /* ended */
        CW_WAIT_DATA,             /* hsmd session           -> DATA_OK, DATA_REFUSED */
        CW_WAIT_STATION,          /* a station (or the one) -> STATION */
        CW_WAIT_PREFLIGHT,        /* station                -> PREFLIGHT */
        CW_WAIT_SUPPLIES,         /* ribbon, cards, cover   -> WAKE */
        CW_WAIT_INTENT,           /* baseline               -> INTENT */
        CW_WAIT_RESULT,           /* station works          -> ATTEMPT, RESULT */
        CW_WAIT_LAST,             /* result.last            -> RESULT, RESULT_NONE */
        CW_WAIT_RECONCILE,        /* reconcile              -> VERDICT */
        CW_WAIT_DECISION,         /* person                 -> DECISION */
        CW_WAIT_DESTROYED,        /* person                 -> DESTROYED */
        CW_WAIT_VISUAL,           /* person                 -> VISUAL */
        CW_WAIT_HANDOVER,         /* customer               -> PIN_INTENT, RETURNED */
        CW_WAIT_PIN,              /* setPin under way       -> PIN_SET, PIN_FAILED, PIN_IN_DOUBT */
        CW_WAIT_PIN_DECISION,     /* validatePin or person  -> PIN_SET, PIN_FAILED */
        CW_WAIT_ACTIVATION,       /* outbox                 -> ACTIVATED */
        CW_WAIT_DELIVERY,         /* outbox                 -> DELIVERED */
        CW_WAIT_CENTRAL,          /* outbox                 -> CENTRAL_ORDERED, DIVERTED, CENTRAL_REFUSED */
        CW_WAIT_PRODUCTION,       /* central production     -> PRODUCTION, DIVERTED, PRODUCTION_FAILED */
        CW_WAIT_CENTRAL_DECISION, /* person             -> DIVERT, DIVERTED, CENTRAL_REFUSED */
        CW_WAIT_MAX_
};

enum cw_step {
        CW_STEP_NONE,
        CW_STEP_PREFLIGHT, /* moves nothing: no INTENT, seq 0, its result is not kept */
        CW_STEP_FEED,
        CW_STEP_STRIPE,
        CW_STEP_CHIP,
        CW_STEP_VERIFY,
        CW_STEP_PRINT,
        CW_STEP_EJECT,
        CW_STEP_REJECT,
        CW_STEP_MAX_
};

/* Where the station says the plastic is. */
enum cw_where {
        CW_WHERE_UNSET, /* not told */
        CW_WHERE_NONE,
        CW_WHERE_FEEDER,
        CW_WHERE_TRANSPORT,
        CW_WHERE_CONTACT,
        CW_WHERE_CONTACTLESS,
        CW_WHERE_MAG,
        CW_WHERE_PRINT,
        CW_WHERE_OUTPUT,
        CW_WHERE_REJECT,
        CW_WHERE_UNKNOWN,
        CW_WHERE_MAX_
};

/* Where the stock ledger has the plastic. */
enum cw_place {
        CW_PLACE_NONE,
        CW_PLACE_HOPPER,    /* hopper:<station> */
        CW_PLACE_TRANSPORT, /* transport:<station> */
        CW_PLACE_OUTPUT,
        CW_PLACE_KIOSK,
        CW_PLACE_ISSUED,
        CW_PLACE_SPOILED,
        CW_PLACE_RETURNED,
        CW_PLACE_MAX_
};

enum cw_outcome { CW_OUTCOME_DONE, CW_OUTCOME_FAILED, CW_OUTCOME_IN_DOUBT, CW_OUTCOME_MAX_ };
enum cw_verdict { CW_VERDICT_DONE, CW_VERDICT_NOT_DONE, CW_VERDICT_UNKNOWN, CW_VERDICT_MAX_ };
/* A person's word on a step in doubt. NOT_DONE only for feed: no plastic was drawn. */
enum cw_decision { CW_DECISION_DONE, CW_DECISION_SPOILED, CW_DECISION_NOT_DONE, CW_DECISION_MAX_ };
enum cw_pin_state { CW_PIN_NONE, CW_PIN_INTENT, CW_PIN_DOUBT, CW_PIN_SET, CW_PIN_MAX_ };

/* What the server is to be told; the upstream adapter knows the call. */
enum cw_report {
        CW_REPORT_PRODUCED,  /* made and checked, in the branch */
        CW_REPORT_ACTIVATE,  /* PIN set: activate the kit; its acknowledgement = ACTIVATED */
        CW_REPORT_DELIVERED, /* with the customer; its acknowledgement = DELIVERED */
        CW_REPORT_FAILED,
        CW_REPORT_DATA_ERROR,
        CW_REPORT_CANCELLED,
        CW_REPORT_CENTRAL, /* order the card centrally; its acknowledgement = DIVERTED */
        CW_REPORT_MAX_
};

/* Plain data: copy by assignment, compare field by field. */
struct cw_job {
        char id[CW_JOB_ID_CAP];
        enum cw_job_state state;
        enum cw_job_wait wait;
        enum cw_job_state resume; /* IN_DOUBT: the state before */
        enum cw_step step;        /* next or open step */
        uint32_t seq;             /* of step; last number given out, never reused in this job */
        bool intent_open;         /* INTENT without OUTCOME */
        uint32_t plastic;         /* plastics drawn so far = number of the current one */
        enum cw_place place;      /* of the current plastic */
        enum cw_where where;      /* last told */
        bool key_tried;           /* a key reached this plastic's chip */
        bool ribbon_used;         /* ink reached this plastic */
        bool doubted;             /* reconcile did not know: a person must confirm before a remake */
        uint32_t repeats;         /* of step, on this plastic */
        uint32_t remakes;         /* made without a person */
        bool auto_visual;         /* policy: no visual check by a person */
        enum cw_pin_state pin;
        char station[CW_STATION_NAME_CAP]; /* that has or last had the job, "" = none */
        char code[CW_REASON_CAP];          /* why it waits, was spoiled or ended, "" = no reason */
};

enum cw_job_event_kind {
        CW_JE_KIT_ASSIGNED, /* auto_visual */
        CW_JE_DATA_OK,      /* */
        CW_JE_DATA_REFUSED, /* code. Class REJECT of session.open only; a hsmd that is away is waited for */
        CW_JE_STATION, /* station: connected, idle or holding this job, answers; also after a reconnect */
        CW_JE_STATION_LOST,      /* the station of the job went away */
        CW_JE_PREFLIGHT,         /* outcome, cls, code */
        CW_JE_WAKE,              /* the station looks ready again, or time to look anew */
        CW_JE_INTENT,            /* step, seq, where (of the baseline) */
        CW_JE_ATTEMPT,           /* seq: a key is about to be tried */
        CW_JE_RESULT,            /* step, seq, outcome, cls, code, where, ribbon_used, key_tried */
        CW_JE_RESULT_NONE,       /* result.last has nothing of this job */
        CW_JE_VERDICT,           /* step, seq, verdict, where */
        CW_JE_CANCEL,            /* operator */
        CW_JE_DESTROYED,         /* operator: the plastic is in the locked reject box. remake */
        CW_JE_DECISION,          /* operator: decision */
        CW_JE_VISUAL,            /* operator: ok */
        CW_JE_PIN_INTENT,        /* card proven, released, PIN chosen; setPin is about to be sent */
        CW_JE_PIN_SET,           /* the server said so, or validatePin did */
        CW_JE_PIN_FAILED,        /* code; the PIN is surely not set */
        CW_JE_PIN_IN_DOUBT,      /* code */
        CW_JE_ACTIVATED,         /* */
        CW_JE_DELIVERED,         /* */
        CW_JE_RETURNED,          /* operator: never collected, back to the vault */
        CW_JE_DIVERT,            /* code: why. The card is made centrally; nothing was fed for it */
        CW_JE_DIVERTED,          /* it is made. ok: by another kit, so this one goes back */
        CW_JE_CENTRAL_REFUSED,   /* code: why. The order is surely not done: the branch has the job again */
        CW_JE_CENTRAL_ORDERED,   /* the order is there, and what becomes of it can be asked */
        CW_JE_PRODUCTION,        /* code: how far it is, in the word of who makes it */
        CW_JE_PRODUCTION_FAILED, /* code: why. No card comes of the order as it is: a person decides */
        CW_JE_RESTARTED,         /* first event of every open job after a start of the daemon */
        CW_JE_MAX_
};

/* Fields an event does not name are zero. */
struct cw_job_event {
        enum cw_job_event_kind kind;
        enum cw_step step;
        uint32_t seq;
        enum cw_outcome outcome;
        enum cw_class cls; /* of a result or preflight that is not done */
        enum cw_where where;
        enum cw_verdict verdict;
        enum cw_decision decision;
        bool ribbon_used;
        bool key_tried;
        bool ok;
        bool remake;
        bool auto_visual;
        bool by_person; /* of PIN_SET, PIN_FAILED: decided, not answered by the server */
        char station[CW_STATION_NAME_CAP];
        char code[CW_REASON_CAP];
};

enum cw_job_action_kind {
        /* Durable: the journal writes them in the transaction of the event. */
        CW_JA_REPORT,        /* report, code: outbox row */
        CW_JA_MOVE,          /* from, to, station: ledger posting of one plastic */
        CW_JA_FORGET_SEALED, /* delete the sealed card data: the job ended */
        /* Carried out afterwards, in order. */
        CW_JA_OPEN_DATA,    /* open a hsmd session for the kit; answer DATA_OK or DATA_REFUSED */
        CW_JA_NEED_STATION, /* station = this one only, "" = any with the plastic code; answer STATION */
        CW_JA_PREFLIGHT,    /* station: job.begin with a live session first; step preflight, seq 0 */
        CW_JA_PREPARE_STEP, /* step, seq: job.begin when the station has none; baseline; answer INTENT */
        CW_JA_PERFORM,      /* step, seq: the INTENT is durable, send the step with its baseline */
        CW_JA_ATTEMPT_ACK,  /* seq */
        CW_JA_RESULT_ACK,   /* step, seq */
        CW_JA_ASK_RESULT,   /* step, seq: result.last, once the station is no longer busy */
        CW_JA_RECONCILE,    /* step, seq: reconcile with the INTENT's baseline; answer VERDICT */
        CW_JA_WAKE_LATER,   /* code: wait until the station may be ready, then WAKE */
        CW_JA_WAIT_PERSON,  /* wait, code: tell people */
        CW_JA_JOB_END,      /* station: job.end, close the session; the station is free */
        CW_JA_MAX_
};

struct cw_job_action {
        enum cw_job_action_kind kind;
        enum cw_step step;
        uint32_t seq;
        enum cw_report report;
        enum cw_place from, to;
        enum cw_job_wait wait;
        char station[CW_STATION_NAME_CAP];
        char code[CW_REASON_CAP];
};

#define CW_JOB_ACTIONS_MAX 8
struct cw_job_actions {
        unsigned count;
        struct cw_job_action list[CW_JOB_ACTIONS_MAX];
        bool unchanged;  /* the job is as before and nothing need be journalled: stale or repeated news */
        const char *why; /* static sentence when the event was refused, else NULL */
};

/* A new job in NEW that waits for KIT_ASSIGNED. id is copied, at most CW_JOB_ID_CAP - 1 bytes. */
void cw_issuance_init(struct cw_job *ret, const char *id);

/*
 * Applies the event. REJECT/CW_E_STATE when the event cannot happen in this state (an operator's wish that
 * comes too early or too late, with ret->why): the job is untouched and there are no actions. Never blocks.
 */
CW_WARN_UNUSED cw_rc cw_issuance_apply(struct cw_job *job, const struct cw_job_event *event,
                                       struct cw_job_actions *ret);

/* DELIVERED, FAILED, CANCELLED, DATA_ERROR; DIVERTED when the card is made. */
bool cw_job_ended(const struct cw_job *job);
/* The plastic is in a machine and the job is bound to job->station. */
bool cw_job_in_machine(const struct cw_job *job);
/* The station of the job has its card, or works for it, and can take no other job. */
bool cw_job_holds_station(const struct cw_job *job);
/* A person is waited for: exit status 4 of the command. SUPPLIES counts. */
bool cw_job_needs_person(const struct cw_job *job);

/* Words of the protocol and of the journal ("feed", "IN_DOUBT", "not_done"); "?" for a value out of range. */
const char *cw_job_state_name(enum cw_job_state v);
const char *cw_job_wait_name(enum cw_job_wait v);
const char *cw_step_name(enum cw_step v);
const char *cw_where_name(enum cw_where v);
const char *cw_place_name(enum cw_place v);
const char *cw_outcome_name(enum cw_outcome v);
const char *cw_verdict_name(enum cw_verdict v);
const char *cw_decision_name(enum cw_decision v);
const char *cw_pin_state_name(enum cw_pin_state v);
const char *cw_report_name(enum cw_report v);
const char *cw_job_event_name(enum cw_job_event_kind v);
const char *cw_job_action_name(enum cw_job_action_kind v);
/* Inverse; false for an unknown word. */
bool cw_job_state_from_name(const char *name, enum cw_job_state *ret);
bool cw_job_wait_from_name(const char *name, enum cw_job_wait *ret);
bool cw_step_from_name(const char *name, enum cw_step *ret);
bool cw_where_from_name(const char *name, enum cw_where *ret);
bool cw_place_from_name(const char *name, enum cw_place *ret);
bool cw_outcome_from_name(const char *name, enum cw_outcome *ret);
bool cw_verdict_from_name(const char *name, enum cw_verdict *ret);
bool cw_decision_from_name(const char *name, enum cw_decision *ret);
bool cw_pin_state_from_name(const char *name, enum cw_pin_state *ret);
bool cw_report_from_name(const char *name, enum cw_report *ret);
bool cw_job_event_from_name(const char *name, enum cw_job_event_kind *ret);

/*
 * The event a station's result means (ARCHITECTURE.md, "cardwrightd -> stationd"): PREFLIGHT for that step,
 * else RESULT. A result that is malformed becomes IN_DOUBT with code PRD_UNEXPECTED_DATA, since the step may
 * have had its effect.
 */
void cw_issuance_event_from_result(enum cw_step step, uint32_t seq, const json_t *result,
                                   struct cw_job_event *ret);
/* The event a reconcile reply means; a malformed reply is the verdict unknown. */
void cw_issuance_event_from_verdict(enum cw_step step, uint32_t seq, const json_t *reply,
                                    struct cw_job_event *ret);
/* One sentence for a person: what the job waits for and what to do. Static. */
const char *cw_issuance_advice(const struct cw_job *job);
