/* SPDX-License-Identifier: Apache-2.0 */
/* What a station's replies mean, and what people are told. */
#include "agent/issuance/machine.h"

#include <string.h>

static const char *text_of(const json_t *obj, const char *key) {
        const char *text = json_string_value(json_object_get(obj, key));
        return text ? text : "";
}

static bool flag_of(const json_t *obj, const char *key, bool *ret) {
        const json_t *value = json_object_get(obj, key);
        if (value && !json_is_boolean(value))
                return false;
        *ret = json_is_true(value);
        return true;
}

/* Station codes are upper case, digits and underscore; anything else is not shown to people or put into a
 * report. */
static bool copy_code(const char *code, char *ret, size_t cap) {
        size_t n = strlen(code);
        if (n >= cap || strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != n)
                return false;
        cw_machine_set(ret, cap, code);
        return true;
}

static bool read_result(const json_t *result, struct cw_job_event *e) {
        if (!json_is_object(result) || !cw_outcome_from_name(text_of(result, "outcome"), &e->outcome))
                return false;
        if (!flag_of(result, "ribbon_used", &e->ribbon_used) || !flag_of(result, "key_tried", &e->key_tried))
                return false;
        const json_t *where = json_object_get(result, "where");
        if (where && (!json_is_string(where) || !cw_where_from_name(json_string_value(where), &e->where)))
                return false;
        if (e->outcome == CW_OUTCOME_DONE)
                return true;
        e->cls = cw_class_from_name(text_of(result, "class"));
        return copy_code(text_of(result, "code"), e->code, sizeof e->code);
}

void cw_issuance_event_from_result(enum cw_step step, uint32_t seq, const json_t *result,
                                   struct cw_job_event *ret) {
        struct cw_job_event e = {.kind = step == CW_STEP_PREFLIGHT ? CW_JE_PREFLIGHT : CW_JE_RESULT};
        e.step = step;
        e.seq = seq;
        if (!read_result(result, &e)) {
                /* key_tried stays as far as it was understood; a chip of unknown history is treated by the
                 * doubt. */
                e.outcome = CW_OUTCOME_IN_DOUBT;
                e.cls = CW_C_IN_DOUBT;
                e.where = CW_WHERE_UNKNOWN;
                cw_machine_set(e.code, sizeof e.code, "PRD_UNEXPECTED_DATA");
        }
        *ret = e;
}

void cw_issuance_event_from_verdict(enum cw_step step, uint32_t seq, const json_t *reply,
                                    struct cw_job_event *ret) {
        struct cw_job_event e = {.kind = CW_JE_VERDICT};
        e.step = step;
        e.seq = seq;
        if (!cw_verdict_from_name(text_of(reply, "verdict"), &e.verdict) ||
            !cw_where_from_name(text_of(reply, "where"), &e.where)) {
                e.verdict = CW_VERDICT_UNKNOWN;
                e.where = CW_WHERE_UNKNOWN;
        }
        *ret = e;
}

static const char *const advice[CW_WAIT_MAX_] = {
    [CW_WAIT_NOTHING] = "The job has ended.",
    [CW_WAIT_DATA] = "The HSM opens the card data; if this lasts, check the HSM.",
    [CW_WAIT_STATION] = "Waits for a station; connect one that holds this plastic.",
    [CW_WAIT_PREFLIGHT] = "The station is being checked.",
    [CW_WAIT_SUPPLIES] = "The station is not ready; clear the reason shown and the job goes on by itself.",
    [CW_WAIT_INTENT] = "The next step is about to start.",
    [CW_WAIT_RESULT] = "The station works on the card.",
    [CW_WAIT_LAST] = "The station is asked what became of the last step.",
    [CW_WAIT_RECONCILE] = "The station finds out what became of the last step.",
    [CW_WAIT_DECISION] =
        "The last step may have reached the card or not; look at it and decide: done or spoiled.",
    [CW_WAIT_DESTROYED] = "Put the spoiled card into the locked reject box, then confirm it.",
    [CW_WAIT_VISUAL] = "Look at the finished card, then: cardwright job visual KIT good, or bad.",
    [CW_WAIT_HANDOVER] = "The card is ready; release it for a kiosk when the customer is there.",
    [CW_WAIT_PIN] = "The customer's PIN is on its way to the server.",
    [CW_WAIT_PIN_DECISION] =
        "It is not known whether the PIN was set; have it validated, or decide with the bank.",
    [CW_WAIT_ACTIVATION] = "The server is told to activate the kit.",
    [CW_WAIT_DELIVERY] = "The server is told that the card is with the customer.",
    [CW_WAIT_CENTRAL] = "The card is being ordered from central production; if this lasts: cardwright "
                        "outbox, then cardwright job "
                        "central KIT.",
    [CW_WAIT_PRODUCTION] = "Central production has the order; its status is asked until the card is made.",
    [CW_WAIT_CENTRAL_DECISION] =
        "Central production did not make the card; ask there, then: cardwright job central KIT retry, "
        "not-ordered (the branch makes it) or ordered (it comes after all).",
};

const char *cw_issuance_advice(const struct cw_job *job) {
        return (unsigned)job->wait < CW_WAIT_MAX_ ? advice[job->wait] : "?";
}
