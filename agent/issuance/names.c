/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the protocol and of the journal. They are stored in files: none may ever change its meaning. */
#include "agent/issuance/issuance.h"

#include <string.h>

static const char *name_of(const char *const *names, unsigned count, unsigned value) {
        return value < count && names[value] ? names[value] : "?";
}

static bool value_of(const char *const *names, unsigned count, const char *name, unsigned *ret) {
        for (unsigned i = 0; name && i < count; i++) {
                if (names[i] && strcmp(names[i], name) == 0) {
                        *ret = i;
                        return true;
                }
        }
        return false;
}

static const char *const job_state_names[CW_JOB_STATE_MAX_] = {
    [CW_JOB_NEW] = "NEW",
    [CW_JOB_ACCEPTED] = "ACCEPTED",
    [CW_JOB_DATA_OK] = "DATA_OK",
    [CW_JOB_LOADED] = "LOADED",
    [CW_JOB_STRIPE] = "STRIPE",
    [CW_JOB_CHIP] = "CHIP",
    [CW_JOB_VERIFY] = "VERIFY",
    [CW_JOB_PRINT] = "PRINT",
    [CW_JOB_OPERATOR_OK] = "OPERATOR_OK",
    [CW_JOB_PIN_SET] = "PIN_SET",
    [CW_JOB_ACTIVE] = "ACTIVE",
    [CW_JOB_DELIVERED] = "DELIVERED",
    [CW_JOB_SPOILED] = "SPOILED",
    [CW_JOB_REMAKE] = "REMAKE",
    [CW_JOB_FAILED] = "FAILED",
    [CW_JOB_CANCELLED] = "CANCELLED",
    [CW_JOB_DATA_ERROR] = "DATA_ERROR",
    [CW_JOB_IN_DOUBT] = "IN_DOUBT",
    [CW_JOB_DIVERTED] = "DIVERTED",
};
const char *cw_job_state_name(enum cw_job_state v) {
        return name_of(job_state_names, CW_JOB_STATE_MAX_, (unsigned)v);
}
bool cw_job_state_from_name(const char *name, enum cw_job_state *ret) {
        unsigned v;
        if (!value_of(job_state_names, CW_JOB_STATE_MAX_, name, &v))
                return false;
        *ret = (enum cw_job_state)v;
        return true;
}

static const char *const job_wait_names[CW_WAIT_MAX_] = {
    [CW_WAIT_NOTHING] = "nothing",
    [CW_WAIT_DATA] = "data",
    [CW_WAIT_STATION] = "station",
    [CW_WAIT_PREFLIGHT] = "preflight",
    [CW_WAIT_SUPPLIES] = "supplies",
    [CW_WAIT_INTENT] = "intent",
    [CW_WAIT_RESULT] = "result",
    [CW_WAIT_LAST] = "last",
    [CW_WAIT_RECONCILE] = "reconcile",
    [CW_WAIT_DECISION] = "decision",
    [CW_WAIT_DESTROYED] = "destroyed",
    [CW_WAIT_VISUAL] = "visual",
    [CW_WAIT_HANDOVER] = "handover",
    [CW_WAIT_PIN] = "pin",
    [CW_WAIT_PIN_DECISION] = "pin_decision",
    [CW_WAIT_ACTIVATION] = "activation",
    [CW_WAIT_DELIVERY] = "delivery",
    [CW_WAIT_CENTRAL] = "central",
    [CW_WAIT_PRODUCTION] = "production",
    [CW_WAIT_CENTRAL_DECISION] = "central_decision",
};
const char *cw_job_wait_name(enum cw_job_wait v) {
        return name_of(job_wait_names, CW_WAIT_MAX_, (unsigned)v);
}
bool cw_job_wait_from_name(const char *name, enum cw_job_wait *ret) {
        unsigned v;
        if (!value_of(job_wait_names, CW_WAIT_MAX_, name, &v))
                return false;
        *ret = (enum cw_job_wait)v;
        return true;
}

static const char *const step_names[CW_STEP_MAX_] = {
    [CW_STEP_NONE] = "none",     [CW_STEP_PREFLIGHT] = "preflight", [CW_STEP_FEED] = "feed",
    [CW_STEP_STRIPE] = "stripe", [CW_STEP_CHIP] = "chip",           [CW_STEP_VERIFY] = "verify",
    [CW_STEP_PRINT] = "print",   [CW_STEP_EJECT] = "eject",         [CW_STEP_REJECT] = "reject",
};
const char *cw_step_name(enum cw_step v) {
        return name_of(step_names, CW_STEP_MAX_, (unsigned)v);
}
bool cw_step_from_name(const char *name, enum cw_step *ret) {
        unsigned v;
        if (!value_of(step_names, CW_STEP_MAX_, name, &v))
                return false;
        *ret = (enum cw_step)v;
        return true;
}

static const char *const where_names[CW_WHERE_MAX_] = {
    [CW_WHERE_UNSET] = "unset",     [CW_WHERE_NONE] = "none",
    [CW_WHERE_FEEDER] = "feeder",   [CW_WHERE_TRANSPORT] = "transport",
    [CW_WHERE_CONTACT] = "contact", [CW_WHERE_CONTACTLESS] = "contactless",
    [CW_WHERE_MAG] = "mag",         [CW_WHERE_PRINT] = "print",
    [CW_WHERE_OUTPUT] = "output",   [CW_WHERE_REJECT] = "reject",
    [CW_WHERE_UNKNOWN] = "unknown",
};
const char *cw_where_name(enum cw_where v) {
        return name_of(where_names, CW_WHERE_MAX_, (unsigned)v);
}
bool cw_where_from_name(const char *name, enum cw_where *ret) {
        unsigned v;
        if (!value_of(where_names, CW_WHERE_MAX_, name, &v))
                return false;
        *ret = (enum cw_where)v;
        return true;
}

static const char *const place_names[CW_PLACE_MAX_] = {
    [CW_PLACE_NONE] = "none",       [CW_PLACE_HOPPER] = "hopper",     [CW_PLACE_TRANSPORT] = "transport",
    [CW_PLACE_OUTPUT] = "output",   [CW_PLACE_KIOSK] = "kiosk",       [CW_PLACE_ISSUED] = "issued",
    [CW_PLACE_SPOILED] = "spoiled", [CW_PLACE_RETURNED] = "returned",
};
const char *cw_place_name(enum cw_place v) {
        return name_of(place_names, CW_PLACE_MAX_, (unsigned)v);
}
bool cw_place_from_name(const char *name, enum cw_place *ret) {
        unsigned v;
        if (!value_of(place_names, CW_PLACE_MAX_, name, &v))
                return false;
        *ret = (enum cw_place)v;
        return true;
}

static const char *const outcome_names[CW_OUTCOME_MAX_] = {
    [CW_OUTCOME_DONE] = "done",
    [CW_OUTCOME_FAILED] = "failed",
    [CW_OUTCOME_IN_DOUBT] = "in_doubt",
};
const char *cw_outcome_name(enum cw_outcome v) {
        return name_of(outcome_names, CW_OUTCOME_MAX_, (unsigned)v);
}
bool cw_outcome_from_name(const char *name, enum cw_outcome *ret) {
        unsigned v;
        if (!value_of(outcome_names, CW_OUTCOME_MAX_, name, &v))
                return false;
        *ret = (enum cw_outcome)v;
        return true;
}

static const char *const verdict_names[CW_VERDICT_MAX_] = {
    [CW_VERDICT_DONE] = "done",
    [CW_VERDICT_NOT_DONE] = "not_done",
    [CW_VERDICT_UNKNOWN] = "unknown",
};
const char *cw_verdict_name(enum cw_verdict v) {
        return name_of(verdict_names, CW_VERDICT_MAX_, (unsigned)v);
}
bool cw_verdict_from_name(const char *name, enum cw_verdict *ret) {
        unsigned v;
        if (!value_of(verdict_names, CW_VERDICT_MAX_, name, &v))
                return false;
        *ret = (enum cw_verdict)v;
        return true;
}

static const char *const decision_names[CW_DECISION_MAX_] = {
    [CW_DECISION_DONE] = "done",
    [CW_DECISION_SPOILED] = "spoiled",
    [CW_DECISION_NOT_DONE] = "not_done",
};
const char *cw_decision_name(enum cw_decision v) {
        return name_of(decision_names, CW_DECISION_MAX_, (unsigned)v);
}
bool cw_decision_from_name(const char *name, enum cw_decision *ret) {
        unsigned v;
        if (!value_of(decision_names, CW_DECISION_MAX_, name, &v))
                return false;
        *ret = (enum cw_decision)v;
        return true;
}

static const char *const pin_state_names[CW_PIN_MAX_] = {
    [CW_PIN_NONE] = "none",
    [CW_PIN_INTENT] = "intent",
    [CW_PIN_DOUBT] = "doubt",
    [CW_PIN_SET] = "set",
};
const char *cw_pin_state_name(enum cw_pin_state v) {
        return name_of(pin_state_names, CW_PIN_MAX_, (unsigned)v);
}
bool cw_pin_state_from_name(const char *name, enum cw_pin_state *ret) {
        unsigned v;
        if (!value_of(pin_state_names, CW_PIN_MAX_, name, &v))
                return false;
        *ret = (enum cw_pin_state)v;
        return true;
}

static const char *const report_names[CW_REPORT_MAX_] = {
    [CW_REPORT_PRODUCED] = "produced",     [CW_REPORT_ACTIVATE] = "activate",
    [CW_REPORT_DELIVERED] = "delivered",   [CW_REPORT_FAILED] = "failed",
    [CW_REPORT_DATA_ERROR] = "data_error", [CW_REPORT_CANCELLED] = "cancelled",
    [CW_REPORT_CENTRAL] = "central",
};
const char *cw_report_name(enum cw_report v) {
        return name_of(report_names, CW_REPORT_MAX_, (unsigned)v);
}
bool cw_report_from_name(const char *name, enum cw_report *ret) {
        unsigned v;
        if (!value_of(report_names, CW_REPORT_MAX_, name, &v))
                return false;
        *ret = (enum cw_report)v;
        return true;
}

static const char *const job_event_names[CW_JE_MAX_] = {
    [CW_JE_KIT_ASSIGNED] = "kit_assigned",
    [CW_JE_DATA_OK] = "data_ok",
    [CW_JE_DATA_REFUSED] = "data_refused",
    [CW_JE_STATION] = "station",
    [CW_JE_STATION_LOST] = "station_lost",
    [CW_JE_PREFLIGHT] = "preflight",
    [CW_JE_WAKE] = "wake",
    [CW_JE_INTENT] = "intent",
    [CW_JE_ATTEMPT] = "attempt",
    [CW_JE_RESULT] = "result",
    [CW_JE_RESULT_NONE] = "result_none",
    [CW_JE_VERDICT] = "verdict",
    [CW_JE_CANCEL] = "cancel",
    [CW_JE_DESTROYED] = "destroyed",
    [CW_JE_DECISION] = "decision",
    [CW_JE_VISUAL] = "visual",
    [CW_JE_PIN_INTENT] = "pin_intent",
    [CW_JE_PIN_SET] = "pin_set",
    [CW_JE_PIN_FAILED] = "pin_failed",
    [CW_JE_PIN_IN_DOUBT] = "pin_in_doubt",
    [CW_JE_ACTIVATED] = "activated",
    [CW_JE_DELIVERED] = "delivered",
    [CW_JE_RETURNED] = "returned",
    [CW_JE_DIVERT] = "divert",
    [CW_JE_DIVERTED] = "diverted",
    [CW_JE_CENTRAL_REFUSED] = "central_refused",
    [CW_JE_CENTRAL_ORDERED] = "central_ordered",
    [CW_JE_PRODUCTION] = "production",
    [CW_JE_PRODUCTION_FAILED] = "production_failed",
    [CW_JE_RESTARTED] = "restarted",
};
const char *cw_job_event_name(enum cw_job_event_kind v) {
        return name_of(job_event_names, CW_JE_MAX_, (unsigned)v);
}
bool cw_job_event_from_name(const char *name, enum cw_job_event_kind *ret) {
        unsigned v;
        if (!value_of(job_event_names, CW_JE_MAX_, name, &v))
                return false;
        *ret = (enum cw_job_event_kind)v;
        return true;
}

static const char *const job_action_names[CW_JA_MAX_] = {
    [CW_JA_REPORT] = "report",
    [CW_JA_MOVE] = "move",
    [CW_JA_FORGET_SEALED] = "forget_sealed",
    [CW_JA_OPEN_DATA] = "open_data",
    [CW_JA_NEED_STATION] = "need_station",
    [CW_JA_PREFLIGHT] = "preflight",
    [CW_JA_PREPARE_STEP] = "prepare_step",
    [CW_JA_PERFORM] = "perform",
    [CW_JA_ATTEMPT_ACK] = "attempt_ack",
    [CW_JA_RESULT_ACK] = "result_ack",
    [CW_JA_ASK_RESULT] = "ask_result",
    [CW_JA_RECONCILE] = "reconcile",
    [CW_JA_WAKE_LATER] = "wake_later",
    [CW_JA_WAIT_PERSON] = "wait_person",
    [CW_JA_JOB_END] = "job_end",
};
const char *cw_job_action_name(enum cw_job_action_kind v) {
        return name_of(job_action_names, CW_JA_MAX_, (unsigned)v);
}
