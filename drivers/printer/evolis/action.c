/* SPDX-License-Identifier: Apache-2.0 */
/* Effects: send, wait, and when the printer says no, find out why and where the card is. */
#include "drivers/printer/evolis/internal.h"

#include "base/clock.h"
#include "base/failpoint.h"

#include <stdio.h>
#include <string.h>

/* After a step's time is over the card must still be located; this much more is allowed for it. */
#define GRACE_MS 800

enum cw_where cw_evolis_locate(struct cw_evolis *e) {
        enum cw_where where = CW_WHERE_UNKNOWN;
        struct cw_fault ignored;
        if (cw_evolis_ask_where(e, cw_deadline_ns(GRACE_MS), &where, NULL, 0, &ignored) != CW_OK)
                return CW_WHERE_UNKNOWN;
        return where;
}

/* The ribbon's own questions say which of the ribbon troubles it is. */
static const char *ribbon_code(struct cw_evolis *e, const char *code) {
        struct cw_ribbon ribbon;
        struct cw_fault ignored;
        if (cw_evolis_ask_ribbon(e, cw_deadline_ns(GRACE_MS), &ribbon, &ignored) != CW_OK)
                return code;
        if (ribbon.remaining == 0)
                return "PRT_RIBBON_ENDED";
        return ribbon.remaining < 0 ? "PRT_RIBBON_MISSING" : code;
}

/* What the sensors add to the words: words alone do not tell an empty feeder from a card stuck in it. */
static const char *refine(struct cw_evolis *e, enum cw_evolis_trouble trouble, enum cw_where where) {
        const char *code = cw_evolis_trouble_code(trouble);
        struct cw_fault ignored;
        bool high = false, known = false;
        int64_t limit_ns = cw_deadline_ns(GRACE_MS);
        if (cw_evolis_ask_sensor(e, 'o', limit_ns, &high, &known, &ignored) == CW_OK && known && !high)
                return "PRT_COVER_OPEN";
        if (trouble == CW_EVOLIS_T_RIBBON || trouble == CW_EVOLIS_T_RIBBON_ENDED ||
            trouble == CW_EVOLIS_T_UNKNOWN)
                code = ribbon_code(e, code);
        if (strncmp(code, "PRT_RIBBON", 10) == 0)
                return code;
        if (trouble != CW_EVOLIS_T_FEEDER && trouble != CW_EVOLIS_T_MECHANICAL &&
            trouble != CW_EVOLIS_T_UNKNOWN)
                return code;
        if (where != CW_WHERE_NONE)
                return "PRD_FEEDER_JAM";
        if (cw_evolis_ask_sensor(e, 'f', limit_ns, &high, &known, &ignored) == CW_OK && known)
                return high ? "PRD_FEEDER_JAM" : "PRD_FEEDER_EMPTY";
        return code;
}

/* Neither yes nor no: the printer may have said either, and what follows may answer an older question. */
static cw_rc garbled(struct cw_evolis *e, const char *op, struct cw_printer_effect *effect,
                     struct cw_fault *f) {
        struct cw_fault why = {0};
        (void)cw_fail(&why, CW_RC(CW_L_PRINTER, CW_C_IN_DOUBT, CW_E_SYNTAX), 0, op, "PRD_UNEXPECTED_DATA",
                      "the printer's answer cannot be read (%.60s)", effect->vendor);
        e->out_of_step = true;
        effect->where = cw_evolis_locate(e);
        return cw_printer_doubt(op, &why, f);
}

cw_rc cw_evolis_refused(struct cw_evolis *e, const char *reply, const char *op,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        enum cw_evolis_trouble trouble = cw_evolis_trouble(reply);
        cw_evolis_quote(reply, effect->vendor, sizeof effect->vendor);
        if (cw_evolis_kind(reply) == CW_EVOLIS_VALUE)
                return garbled(e, op, effect, f);
        effect->where = cw_evolis_locate(e);
        if (trouble == CW_EVOLIS_T_COMMAND || trouble == CW_EVOLIS_T_PARAMETER)
                return cw_printer_fail(f, effect->where == CW_WHERE_UNKNOWN ? CW_C_IN_DOUBT : CW_C_REJECT,
                                       CW_E_UNSUPPORTED, op, "PRT_SETUP_ERROR", effect->vendor);
        const char *code = refine(e, trouble, effect->where);
        enum cw_class cls = effect->where == CW_WHERE_UNKNOWN ? CW_C_IN_DOUBT : CW_C_OPERATOR;
        return cw_printer_fail(f, cls, CW_E_STATE, op, code, effect->vendor);
}

/* The sites "evolis.sent.Si" and so on: the command is on its way and its answer not yet read. */
static bool failpoint(const char *command) {
#ifdef CW_FAILPOINTS
        char site[32];
        (void)snprintf(site, sizeof site, "evolis.sent.%s", command);
        return CW_FAILPOINT(site);
#else
        (void)command;
        return false;
#endif
}

cw_rc cw_evolis_act(struct cw_evolis *e, const char *command, const char *op, int64_t deadline_ns,
                    struct cw_printer_effect *effect, struct cw_fault *f) {
        uint8_t bytes[CW_EVOLIS_COMMAND_MAX + 2];
        char reply[CW_EVOLIS_REPLY_MAX];
        struct cw_writer w;
        struct cw_fault why = {0};
        size_t sent = 0;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_evolis_put_command(&w, command);
        cw_rc rc = cw_evolis_send(e, bytes, w.len, deadline_ns, &sent, &why);
        effect->started = effect->started || sent > 0 || cw_rc_class(rc) == CW_C_IN_DOUBT;
        if (rc != CW_OK && sent == 0 && !effect->started) {
                if (f)
                        *f = why;
                return rc;
        }
        if (rc == CW_OK && failpoint(command))
                rc = cw_fail(&why, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_TIMEOUT), 0, op, "PRD_TIMEOUT",
                             "the printer's answer was lost");
        if (rc == CW_OK)
                rc = cw_evolis_receive(e, deadline_ns, reply, sizeof reply, &why);
        if (rc != CW_OK) {
                effect->where = CW_WHERE_UNKNOWN;
                return cw_printer_doubt(op, &why, f);
        }
        if (cw_evolis_kind(reply) == CW_EVOLIS_OK)
                return CW_OK;
        return cw_evolis_refused(e, reply, op, effect, f);
}

static cw_rc unknown_model(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, op, "PRT_SETUP_ERROR",
                       "this Evolis model is not known well enough to move a card; use a model of the list");
}

cw_rc cw_evolis_need_card(struct cw_evolis *e, const char *op, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f) {
        if (e->model->generation == CW_EVOLIS_UNKNOWN)
                return unknown_model(f, op);
        cw_rc rc =
            cw_evolis_ask_where(e, deadline_ns, &effect->where, effect->vendor, sizeof effect->vendor, f);
        if (rc != CW_OK)
                return rc;
        if (effect->where == CW_WHERE_UNKNOWN)
                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op, "PRD_UNEXPECTED_DATA",
                                       effect->vendor);
        if (effect->where == CW_WHERE_NONE)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_STATE), 0, op, "PRD_UNEXPECTED_DATA",
                               "there is no card in the printer");
        return CW_OK;
}
