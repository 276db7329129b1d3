/* SPDX-License-Identifier: Apache-2.0 */
/* Pure judgement: is the printer fit for a job, and did a step reach the card. */
#include "drivers/printer/common.h"

#include <stdio.h>
#include <string.h>

bool cw_printer_ribbon_has(const char *kind, char panel) {
        if (kind[0] == 'y')
                return strchr(kind, panel) != NULL;
        if (panel == 'k')
                return kind[0] == 'k';
        return panel == 'o' && strcmp(kind, "ko") == 0;
}

static void finding(struct cw_printer_status *s, enum cw_printer_state state, const char *code) {
        if (s->code[0])
                return;
        s->state = state;
        (void)snprintf(s->code, sizeof s->code, "%s", code);
        (void)snprintf(s->text, sizeof s->text, "%s", cw_printer_sentence(code));
}

void cw_printer_status_judge(struct cw_printer_status *s) {
        s->code[0] = s->text[0] = '\0';
        s->state = CW_PRINTER_READY;
        if (s->where == CW_WHERE_TRANSPORT)
                finding(s, CW_PRINTER_ERROR, "PRD_FEEDER_JAM");
        if (s->cover_open)
                finding(s, CW_PRINTER_NEEDS_OPERATOR, "PRT_COVER_OPEN");
        if (!s->ribbon.kind[0] && s->ribbon.remaining < 0)
                finding(s, CW_PRINTER_NEEDS_OPERATOR, "PRT_RIBBON_MISSING");
        if (s->ribbon.remaining == 0)
                finding(s, CW_PRINTER_NEEDS_OPERATOR, "PRT_RIBBON_ENDED");
        if (s->hopper_empty)
                finding(s, CW_PRINTER_NEEDS_OPERATOR, "PRD_FEEDER_EMPTY");
        if (s->reject_full)
                finding(s, CW_PRINTER_NEEDS_OPERATOR, "PRD_REJECT_FULL");
        if (s->vendor_error)
                finding(s, CW_PRINTER_NEEDS_OPERATOR, "PRT_SETUP_ERROR");
        if (s->where == CW_WHERE_UNKNOWN)
                finding(s, CW_PRINTER_ERROR, "PRD_UNEXPECTED_DATA");
}

static bool same(int64_t a, int64_t b) {
        return a >= 0 && a == b;
}

/* The counters that exist say that nothing was fed or printed since. */
static bool untouched(const struct cw_printer_baseline *before, const struct cw_printer_baseline *now) {
        bool any = false;
        const int64_t pairs[][2] = {{before->cards_fed, now->cards_fed},
                                    {before->panels, now->panels},
                                    {before->ribbon_remaining, now->ribbon_remaining}};
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
                if (pairs[i][0] < 0 || pairs[i][1] < 0)
                        continue;
                if (pairs[i][0] != pairs[i][1])
                        return false;
                any = true;
        }
        return any;
}

static void say(struct cw_printer_finding *r, enum cw_verdict v, const char *text) {
        r->verdict = v;
        (void)snprintf(r->text, sizeof r->text, "%s", text);
}

/* The path is empty because of the step, so the card is where the step puts it. */
static void went_out(struct cw_printer_finding *r, enum cw_where where, const char *text) {
        say(r, CW_VERDICT_DONE, text);
        r->where = where;
}

static void judge_feed(const struct cw_printer_baseline *before, const struct cw_printer_baseline *now,
                       struct cw_printer_finding *r) {
        if (before->where != CW_WHERE_NONE)
                say(r, CW_VERDICT_UNKNOWN, "the path was not known to be empty before the feed");
        else if (cw_where_inside(now->where))
                say(r, CW_VERDICT_DONE, "the path was empty before and holds a card now");
        else if (now->where == CW_WHERE_NONE && same(before->cards_fed, now->cards_fed))
                say(r, CW_VERDICT_NOT_DONE, "the path is empty and the card counter stands where it stood");
        else
                say(r, CW_VERDICT_UNKNOWN, "the card counter moved or is unknown, and no card is inside");
}

/* Either station where a chip is read. */
static void judge_chip(enum cw_where station, const struct cw_printer_baseline *before,
                       const struct cw_printer_baseline *now, struct cw_printer_finding *r) {
        if (!cw_where_inside(before->where) || !same(before->cards_fed, now->cards_fed))
                say(r, CW_VERDICT_UNKNOWN, "it cannot be told that the card inside is still the same");
        else if (now->where == station)
                say(r, CW_VERDICT_DONE,
                    station == CW_WHERE_CONTACT ? "the card is at the contact station"
                                                : "the card is at the contactless station");
        else if (now->where == before->where)
                say(r, CW_VERDICT_NOT_DONE, "the card stands where it stood");
        else
                say(r, CW_VERDICT_UNKNOWN, "the card is neither at the chip's station nor where it stood");
}

static void judge_print(const struct cw_printer_baseline *before, const struct cw_printer_baseline *now,
                        struct cw_printer_finding *r) {
        int64_t sets = before->sets < 1 ? 1 : before->sets;
        bool ribbon =
            before->ribbon_remaining >= sets && now->ribbon_remaining == before->ribbon_remaining - sets;
        bool panels = before->panels >= 0 && now->panels > before->panels;
        /* Of printers that count what they printed and do not tell where the card is; who counts what was fed
         * has counted the card before the print. */
        bool counted = before->cards_fed >= 0 && now->cards_fed == before->cards_fed + 1;
        if (!cw_where_inside(before->where))
                say(r, CW_VERDICT_UNKNOWN, "no card was known to be inside before the print");
        else if (cw_where_inside(now->where) && untouched(before, now))
                say(r, CW_VERDICT_NOT_DONE, "the card is inside and no counter moved");
        else if (now->where == CW_WHERE_NONE && ribbon && panels)
                went_out(r, CW_WHERE_OUTPUT,
                         "the card's panel sets were used, the panel counter moved and the card is out");
        else if (now->where == CW_WHERE_NONE && before->ribbon_remaining < 0 && counted && panels)
                went_out(r, CW_WHERE_OUTPUT,
                         "one more card is counted as made, the head printed and the card is out");
        else if (now->where == CW_WHERE_UNKNOWN && counted && ribbon && panels)
                went_out(r, CW_WHERE_OUTPUT, "one more card is counted as printed, with its panel sets");
        else
                say(r, CW_VERDICT_UNKNOWN, "the card may be printed in part");
}

static void judge_out(enum cw_where way_out, const struct cw_printer_baseline *before,
                      const struct cw_printer_baseline *now, struct cw_printer_finding *r) {
        if (before->where == CW_WHERE_UNKNOWN || before->where == CW_WHERE_NONE)
                say(r, CW_VERDICT_UNKNOWN, "no card was known to be inside before");
        else if (now->where == CW_WHERE_NONE)
                went_out(r, way_out, "the path is empty, the card has left");
        else if (cw_where_inside(now->where) && same(before->cards_fed, now->cards_fed))
                say(r, CW_VERDICT_NOT_DONE, "the card is still inside");
        else
                say(r, CW_VERDICT_UNKNOWN, "it cannot be told which card is inside");
}

void cw_printer_judge(enum cw_printer_step step, const struct cw_printer_baseline *before,
                      const struct cw_printer_baseline *now, struct cw_printer_finding *ret) {
        memset(ret, 0, sizeof *ret);
        ret->now = *now;
        ret->where = now->where;
        if (!before->serial[0] || strcmp(before->serial, now->serial) != 0) {
                say(ret, CW_VERDICT_UNKNOWN, "this is not the printer the step was begun on");
                return;
        }
        switch (step) {
        case CW_PRINTER_STEP_FEED:
                judge_feed(before, now, ret);
                return;
        case CW_PRINTER_STEP_CONTACT:
                judge_chip(CW_WHERE_CONTACT, before, now, ret);
                return;
        case CW_PRINTER_STEP_CONTACTLESS:
                judge_chip(CW_WHERE_CONTACTLESS, before, now, ret);
                return;
        case CW_PRINTER_STEP_PRINT:
                judge_print(before, now, ret);
                return;
        case CW_PRINTER_STEP_EJECT:
                judge_out(CW_WHERE_OUTPUT, before, now, ret);
                return;
        case CW_PRINTER_STEP_REJECT:
                judge_out(CW_WHERE_REJECT, before, now, ret);
                return;
        case CW_PRINTER_STEP_STRIPE:
                break;
        }
        say(ret, CW_VERDICT_UNKNOWN, "only reading the stripe tells; no counter does");
}
