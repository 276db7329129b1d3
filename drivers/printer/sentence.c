/* SPDX-License-Identifier: Apache-2.0 */
/* Words: names of states and places, and one sentence for every code. */
#include "drivers/printer/common.h"

#include <string.h>

static const struct {
        const char *code, *sentence;
} sentences[] = {
    {"PRT_NOT_REACHABLE", "the printer is not connected or does not answer; check its power and cable"},
    {"PRT_SETUP_ERROR", "the printer refuses to work as set up; see its display, clean it if it asks for it"},
    {"PRT_TIMEOUT", "the printer did not finish in time; look whether it is still working"},
    {"PRT_RIBBON", "the ribbon is not the right one or is not seated; put in the ribbon the job needs"},
    {"PRT_RIBBON_MISSING", "there is no ribbon in the printer; put one in"},
    {"PRT_RIBBON_ENDED", "the ribbon is used up; put in a new one"},
    {"PRT_LOCK_ERROR", "the printer is not locked; lock it with its key"},
    {"PRT_COVER_OPEN", "the printer's cover is open; close it"},
    {"PRT_PAUSED", "the printer pauses; wait until it is ready again"},
    {"PRD_UNEXPECTED_DATA", "the printer's answers contradict each other; look where the card is"},
    {"PRD_FEEDER_EMPTY", "the feeder is empty; load cards"},
    {"PRD_FEEDER_JAM", "a card is stuck in the printer; open the cover and take it out"},
    {"PRD_HOPPER_FULL", "the output hopper is full; empty it"},
    {"PRD_HOPPER_JAM", "a card is stuck at the output; take it out"},
    {"PRD_MAGSTRIPE", "the magnetic stripe could not be written or read"},
    {"PRD_SMARTCARD_CARD_NOT_IN_READER", "the card did not reach the chip station"},
    {"PRD_TIMEOUT", "the step did not end in time"},
    {"PRD_REJECT_FULL", "the reject box is full; empty it under dual control"},
};

const char *cw_printer_sentence(const char *code) {
        for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
                if (strcmp(code, sentences[i].code) == 0)
                        return sentences[i].sentence;
        return "the printer needs attention; see its display";
}

cw_rc cw_printer_fail(struct cw_fault *f, enum cw_class cls, unsigned error, const char *op, const char *code,
                      const char *vendor) {
        const char *sentence = cw_printer_sentence(code);
        if (!vendor || !vendor[0])
                return cw_fail(f, CW_RC(CW_L_PRINTER, cls, error), 0, op, code, "%s", sentence);
        return cw_fail(f, CW_RC(CW_L_PRINTER, cls, error), 0, op, code, "%s (printer: %s)", sentence, vendor);
}

static const char *const where_names[CW_WHERE_MAX_] = {
    [CW_WHERE_UNKNOWN] = "unknown", [CW_WHERE_NONE] = "none",
    [CW_WHERE_FEEDER] = "feeder",   [CW_WHERE_TRANSPORT] = "transport",
    [CW_WHERE_CONTACT] = "contact", [CW_WHERE_CONTACTLESS] = "contactless",
    [CW_WHERE_MAG] = "mag",         [CW_WHERE_PRINT] = "print",
    [CW_WHERE_OUTPUT] = "output",   [CW_WHERE_REJECT] = "reject",
};

const char *cw_where_name(enum cw_where w) {
        return (unsigned)w < CW_WHERE_MAX_ ? where_names[w] : "unknown";
}

enum cw_where cw_where_from_name(const char *name) {
        for (unsigned i = 0; name && i < CW_WHERE_MAX_; i++)
                if (strcmp(name, where_names[i]) == 0)
                        return (enum cw_where)i;
        return CW_WHERE_UNKNOWN;
}

bool cw_where_inside(enum cw_where w) {
        return w == CW_WHERE_TRANSPORT || w == CW_WHERE_CONTACT || w == CW_WHERE_CONTACTLESS ||
               w == CW_WHERE_MAG || w == CW_WHERE_PRINT;
}

const char *cw_printer_state_name(enum cw_printer_state s) {
        static const char *const names[] = {"ready", "operator", "error", "offline"};
        return (unsigned)s < sizeof names / sizeof names[0] ? names[s] : "offline";
}
