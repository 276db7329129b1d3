/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One card, step by step as a station makes it, and what follows a failure: the connection is made anew, a
 * doubt is decided by the printer's counters, a card inside is rejected, and a person mends and takes out
 * what no command can. Then everything is counted.
 */
#include "tests/contract/faults.h"

#include <stdio.h>
#include <string.h>

#define ENGAGE_TRIES 2
#define OPEN_TRIES 12
/* The station's own limits. */
#define MOVE_NS cw_deadline_ns(40000)
#define PRINT_NS cw_deadline_ns(180000)
/* Questions, a soft reset's attention bytes: far less than a panel. */
#define SLACK_BYTES 12000

static const char *const step_names[] = {"open", "preflight", "feed", "stripe", "chip", "print", "eject"};

/* ---- orders ---- */

static const char *word_of(const char *text, size_t *ret_len) {
        const struct {
                const char *token, *word;
        } words[] = {{"@FEED", bench_family.move},   {"@CHIP", bench_family.contact},
                     {"@WRITE", bench_family.write}, {"@PANEL", bench_family.panel},
                     {"@END", bench_family.end},     {"@ASK", bench_family.question}};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strncmp(text, words[i].token, strlen(words[i].token)) == 0) {
                        *ret_len = strlen(words[i].token);
                        return words[i].word;
                }
        return NULL;
}

static void order_one(struct bench *b, const char *text, size_t len) {
        char line[512];
        size_t n = 0, skip = 0;
        for (size_t i = 0; i < len && n + 32 < sizeof line; i++) {
                const char *word = text[i] == '@' ? word_of(text + i, &skip) : NULL;
                if (!word) {
                        line[n++] = text[i];
                        continue;
                }
                n += (size_t)snprintf(line + n, sizeof line - n, "%s", word);
                i += skip - 1;
        }
        line[n] = '\0';
        bench_order(b, line);
}

static void order_due(struct bench *b, const struct fault_row *row, enum fault_step step) {
        if (!row || row->when != step)
                return;
        for (const char *p = row->order; *p;) {
                size_t n = strcspn(p, "|");
                order_one(b, p, n);
                p += n + (p[n] == '|');
        }
}

/* ---- the job ---- */

static void keep_only(struct cw_panels *p, char id) {
        size_t i = 0;
        while (p->panel[i].id != id)
                i++;
        p->panel[0] = p->panel[i];
        p->count = 1;
}

/* Made once: the pattern takes longer than the job. */
static const struct cw_panels *face(bool colour) {
        static struct cw_panels *faces[2];
        if (!faces[colour]) {
                faces[colour] = check_panels();
                if (!colour)
                        keep_only(faces[colour], 'k');
        }
        return faces[colour];
}

static cw_rc connect(struct fault_job *j) {
        struct cw_usb *usb = NULL, *layer = NULL;
        cw_rc rc = bench_ops.connect(j->bench, &usb, &j->fault);
        if (rc != CW_OK)
                return rc;
        if (j->rule) {
                assert_int_equal(cw_usb_fault_new(usb, j->rule, 1, &layer), CW_OK);
                usb = j->layer = layer;
        }
        return cw_printer_open(cw_printer_driver(bench_family.driver), usb, bench_family.fitting, LONG_NS,
                               &j->printer, &j->fault);
}

static cw_rc preflight(struct fault_job *j) {
        struct cw_printer_need need = {.stripe = true, .contact = bench_family.contact, .print = true};
        need.reject = bench_family.rejects;
        (void)snprintf(need.panels, sizeof need.panels, "%s", j->colour ? "ymcko" : "k");
        return cw_printer_preflight(j->printer, &need, LONG_NS, NULL, &j->fault);
}

static cw_rc stripe(struct fault_job *j) {
        struct cw_tracks tracks = check_tracks();
        cw_rc rc = cw_printer_stripe_write(j->printer, &tracks, MOVE_NS, &j->effect, &j->fault);
        if (rc != CW_OK || cw_printer_info(j->printer)->caps & CW_PRINTER_CAP_STRIPE_IN_PRINT)
                return rc;
        j->effect.started = false; /* reading has no effect */
        for (unsigned t = 1; rc == CW_OK && t <= 3; t++) {
                CW_AUTO(cw_secret_free) struct cw_secret *got = NULL;
                rc = cw_printer_stripe_read(j->printer, t, MOVE_NS, &got, &j->fault);
                if (rc == CW_OK && (got->len != tracks.track[t - 1].len ||
                                    memcmp(got->ptr, tracks.track[t - 1].ptr, got->len)))
                        rc = cw_fail(&j->fault, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_MISMATCH), t, "stripe",
                                     "PRD_MAGSTRIPE", "track %u reads back differently", t);
        }
        return rc;
}

/* The reader of the station sees a card when the contacts touch; it is set down twice before it is given up.
 */
static cw_rc chip(struct fault_job *j) {
        bool there = j->where == CW_WHERE_CONTACT;
        if (!bench_family.contact)
                return CW_OK;
        for (int i = 0; i < ENGAGE_TRIES; i++) {
                cw_rc rc = there ? CW_OK : cw_printer_to_contact(j->printer, MOVE_NS, &j->effect, &j->fault);
                if (rc != CW_OK || bench_state(j->bench, "", "engaged"))
                        return rc;
                there = false;
        }
        return cw_fail(&j->fault, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "chip",
                       "PRD_SMARTCARD_CARD_NOT_IN_READER", "the reader sees no card");
}

static cw_rc print(struct fault_job *j) {
        return cw_printer_print(j->printer, face(j->colour), PRINT_NS, &j->effect, &j->fault);
}

static cw_rc step(struct fault_job *j) {
        switch (j->step) {
        case AT_OPEN:
                return connect(j);
        case AT_PREFLIGHT:
                return preflight(j);
        case AT_FEED:
                return cw_printer_feed(j->printer, MOVE_NS, &j->effect, &j->fault);
        case AT_STRIPE:
                return stripe(j);
        case AT_CHIP:
                return chip(j);
        case AT_PRINT:
                return print(j);
        default:
                return cw_printer_eject(j->printer, MOVE_NS, &j->effect, &j->fault);
        }
}

/* Evidence before an effect; a station that cannot get it does not begin the step. */
static cw_rc baseline(struct fault_job *j) {
        j->known_before = false;
        if (j->step < AT_FEED)
                return CW_OK;
        cw_rc rc = cw_printer_baseline(j->printer, LONG_NS, &j->before, &j->fault);
        j->before.sets = 1;
        j->known_before = rc == CW_OK;
        return rc;
}

void fault_job_run(struct fault_job *j, const struct fault_row *row) {
        j->where = CW_WHERE_NONE;
        for (j->step = AT_OPEN; j->step < AT_END; j->step++) {
                j->effect = (struct cw_printer_effect){.where = CW_WHERE_UNKNOWN};
                j->rc = baseline(j);
                order_due(j->bench, row, j->step);
                if (j->rc == CW_OK)
                        j->rc = step(j);
                if (j->rc != CW_OK)
                        return;
                if (j->step >= AT_FEED && j->effect.where != CW_WHERE_UNKNOWN)
                        j->where = j->effect.where;
        }
        j->step = AT_END;
}

/* ---- afterwards ---- */

/* Where the card really is, in the words of the interface. */
static enum cw_where truth(struct bench *b) {
        char position[32];
        bench_state_text(b, "", "position", position, sizeof position);
        if (bench_state(b, "", "jammed"))
                return CW_WHERE_TRANSPORT;
        return cw_where_from_name(position);
}

/* Not every printer tells its stations apart, but all of them those of the chip from the rest of the path. */
static bool same_place(enum cw_where said, enum cw_where is) {
        return cw_where_inside(is) && (said == CW_WHERE_CONTACT) == (is == CW_WHERE_CONTACT) &&
               (said == CW_WHERE_CONTACTLESS) == (is == CW_WHERE_CONTACTLESS);
}

/* What the driver said about the card must be so; it may say that it does not know only when in doubt, or
 * when nothing was begun. */
static void check_place(const struct fault_job *j) {
        enum cw_where said = j->effect.where, is = truth(j->bench);
        enum cw_class cls = cw_rc_class(j->rc);
        bool begun = j->effect.started;
        if (j->step < AT_FEED || j->step == AT_END)
                return;
        if (said == CW_WHERE_UNKNOWN && begun && cls != CW_C_IN_DOUBT)
                fail_msg("%s: the card's place is not told, and the class is %s", step_names[j->step],
                         cw_class_name(cls));
        if (cw_where_inside(said) && !same_place(said, is))
                fail_msg("%s: the card is said to be at %s, it is at %s", step_names[j->step],
                         cw_where_name(said), cw_where_name(is));
        if ((said == CW_WHERE_NONE || said == CW_WHERE_OUTPUT || said == CW_WHERE_REJECT) &&
            cw_where_inside(is))
                fail_msg("%s: the card is said to be %s, it is at %s", step_names[j->step],
                         cw_where_name(said), cw_where_name(is));
}

/* What was loose or mute is well again; nothing else is touched. */
static void comes_back(struct bench *b) {
        bench_order(b, "{'cmd':'faults_off'}");
        bench_order(b, "{'cmd':'plug'}");
}

static void person_mends(struct bench *b) {
        bench_order(b, "{'cmd':'cover','open':false}");
        bench_order(b, "{'cmd':'ribbon','kind':'ymcko','present':true,'remaining':50}");
        bench_order(b, "{'cmd':'hopper','count':5}");
}

/* A printer at work, or one that had to be reset, is there at one of the next tries. */
static void open_again(struct fault_job *j) {
        cw_printer_close(j->printer);
        j->printer = NULL;
        j->rule = NULL;
        struct cw_fault f = {0};
        for (int i = 0; i < OPEN_TRIES && !j->printer; i++) {
                struct cw_usb *usb = NULL;
                check_ok(bench_ops.connect(j->bench, &usb, &f), &f);
                cw_rc rc = cw_printer_open(cw_printer_driver(bench_family.driver), usb, bench_family.fitting,
                                           LONG_NS, &j->printer, &f);
                if (rc != CW_OK)
                        check_class(rc, &f, cw_rc_class(rc) == CW_C_RETRY ? CW_C_RETRY : CW_C_RECONNECT, "");
        }
        if (!j->printer)
                fail_msg("the printer does not come back: %s", f.text);
}

static enum cw_verdict verdict(struct fault_job *j) {
        static const enum cw_printer_step steps[] = {
            [AT_FEED] = CW_PRINTER_STEP_FEED,    [AT_STRIPE] = CW_PRINTER_STEP_STRIPE,
            [AT_CHIP] = CW_PRINTER_STEP_CONTACT, [AT_PRINT] = CW_PRINTER_STEP_PRINT,
            [AT_EJECT] = CW_PRINTER_STEP_EJECT,
        };
        struct cw_printer_finding finding;
        struct cw_fault f = {0};
        if (cw_rc_class(j->rc) != CW_C_IN_DOUBT)
                return CW_VERDICT_NOT_DONE;
        check_ok(cw_printer_reconcile(j->printer, steps[j->step], &j->before, LONG_NS, &finding, &f), &f);
        if (cw_where_inside(finding.where) && !same_place(finding.where, truth(j->bench)))
                fail_msg("reconcile finds the card at %s, it is at %s", cw_where_name(finding.where),
                         cw_where_name(truth(j->bench)));
        return finding.verdict;
}

/* What the verdict says must be what the machine did. */
static void check_verdict(const struct fault_job *j, enum cw_verdict v, int64_t fed, size_t out) {
        if (cw_rc_class(j->rc) != CW_C_IN_DOUBT || v == CW_VERDICT_UNKNOWN)
                return;
        bool done = v == CW_VERDICT_DONE;
        if (j->step == AT_FEED && done != (fed > 0))
                fail_msg("the feed is said to be %s, %d cards were drawn", done ? "done" : "not done",
                         (int)fed);
        if ((j->step == AT_PRINT || j->step == AT_EJECT) && done != (out > 0))
                fail_msg("the card is said to be %s, %zu lie at the output", done ? "made" : "inside", out);
}

static void finish(struct fault_job *j, const char *end) {
        if (j->rc == CW_OK)
                (void)snprintf(j->outcome, sizeof j->outcome, "%s", end);
        else
                (void)snprintf(j->outcome, sizeof j->outcome, "%s %s %s, %s", step_names[j->step],
                               cw_class_name(cw_rc_class(j->rc)), j->fault.code, end);
}

/* Gets out what is inside; how it went. */
static const char *get_out(struct fault_job *j) {
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        size_t out = bench_tray(j->bench, "output");
        bool inside = cw_where_inside(truth(j->bench));
        cw_rc rc = cw_printer_reject(j->printer, LONG_NS, &e, &f);
        if (rc == CW_OK)
                return "rejected";
        if (bench_tray(j->bench, "output") > out)
                return "at the output"; /* no reject box: a person puts it away and confirms */
        if (cw_where_inside(truth(j->bench))) {
                bench_order(j->bench, "{'cmd':'clear','to':'taken'}");
                return "taken out by hand";
        }
        if (inside)
                fail_msg("the card vanished: %s", f.text);
        return out ? "found at the output" : "no card";
}

/* Every card of the hopper is somewhere, and no panel, set or stripe was laid twice. */
static void check_books(const struct fault_job *j) {
        struct bench *b = j->bench;
        int64_t cards = bench_state(b, "counters", "fed") + j->found,
                taken = bench_state(b, "counters", "taken");
        int64_t out = (int64_t)bench_tray(b, "output"), rejected = (int64_t)bench_tray(b, "reject");
        if (out + rejected + taken != cards || cw_where_inside(truth(b)))
                fail_msg("%d cards: %d at the output, %d rejected, %d taken out", (int)cards, (int)out,
                         (int)rejected, (int)taken);
        assert_in_range(cards, 0, 1 + j->found);
        assert_in_range(bench_state(b, "counters", "sets"), 0, 1);
        assert_in_range(bench_state(b, "counters", "panels"), 0, bench_family.panels);
        assert_in_range(bench_state(b, "counters", "mag_writes"), 0, 1);
}

static const char *settled(struct fault_job *j) {
        int64_t fed = bench_state(j->bench, "counters", "fed");
        check_place(j);
        comes_back(j->bench);
        open_again(j);
        enum cw_verdict v = verdict(j);
        check_verdict(j, v, fed, bench_tray(j->bench, "output"));
        person_mends(j->bench);
        if (v == CW_VERDICT_DONE && j->step >= AT_PRINT)
                return "made";
        return get_out(j);
}

void fault_job_settle(struct fault_job *j) {
        int64_t limit = j->bytes_max, sent = bench_state(j->bench, "usb", "bytes_out");
        finish(j, j->rc == CW_OK ? "made" : settled(j));
        if (limit && sent > limit + SLACK_BYTES)
                fail_msg("%d bytes were sent, a whole job has %d", (int)sent, (int)limit);
        check_books(j);
        cw_printer_close(j->printer);
        j->printer = NULL;
}

void fault_job_next(struct bench *b) {
        struct fault_job next = {.bench = b};
        json_t *take = json_pack("{s:s}", "cmd", "take"), *box = json_pack("{s:s}", "cmd", "take_reject");
        json_decref(bench_ops.command(b, take));
        json_decref(bench_ops.command(b, box));
        json_decref(take);
        json_decref(box);
        person_mends(b);
        int64_t sets = bench_state(b, "counters", "sets"), out = (int64_t)bench_tray(b, "output");
        fault_job_run(&next, NULL);
        if (next.rc != CW_OK)
                fail_msg("the next card: %s %s %s: %s", step_names[next.step],
                         cw_class_name(cw_rc_class(next.rc)), next.fault.code, next.fault.text);
        assert_int_equal(bench_state(b, "counters", "sets"), sets + 1);
        assert_true((int64_t)bench_tray(b, "output") > out);
        cw_printer_close(next.printer);
}
