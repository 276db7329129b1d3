/* SPDX-License-Identifier: Apache-2.0 */
/* What can be known without moving anything: the baseline before a step, and the verdict on a step whose end
 * nobody saw. */
#include "drivers/station/station.h"

#include "base/clock.h"
#include "drivers/chip/terminal.h"
#include "drivers/chip/tlv.h"

#include <stdio.h>
#include <string.h>

#define QUESTION_MS 5000
#define READER_WAIT_MS 3000

static uint32_t reader_events(struct cw_station *st) {
        struct cw_card_reader_state r = {0};
        if (st->reader)
                cw_card_reader_get(st->reader, &r);
        return r.events;
}

/* A print may have delivered the card already: the path is empty, and the place the print reported is still
 * the truth. */
static enum cw_where place(struct cw_station *st, enum cw_where seen) {
        struct cw_machine_view view;
        cw_machine_view(&st->machine, &view);
        bool delivered = view.status.where == CW_WHERE_OUTPUT || view.status.where == CW_WHERE_REJECT;
        return seen == CW_WHERE_NONE && delivered && cw_work_active(&st->work) ? view.status.where : seen;
}

/* Panel sets that prove the job's card printed; -1 where none do, and while its faces are not drawn. */
static int64_t panel_sets(struct cw_station *st) {
        struct cw_machine_view view;
        struct cw_printer_need need;
        if (!st->work.panels)
                return -1;
        cw_machine_view(&st->machine, &view);
        cw_step_panels(st->work.panels, &need);
        return cw_printer_proving_sets(view.status.ribbon.kind, need.back_panels);
}

struct cw_msg *cw_evidence_baseline(struct cw_station *st, const struct cw_msg *request) {
        struct cw_printer *printer = NULL;
        struct cw_printer_baseline b = {0};
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        cw_rc rc = cw_machine_use(&st->machine, &printer, &f);
        if (rc == CW_OK) {
                rc = cw_printer_baseline(printer, cw_deadline_ns(QUESTION_MS), &b, &f);
                cw_machine_after(&st->machine, rc, NULL);
        }
        if (rc != CW_OK)
                return cw_msg_error(request, &f);
        CW_AUTO_JSON json_t *more = json_pack(
            "{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "printer_serial", b.serial, "cards_fed",
            (json_int_t)b.cards_fed, "panels", (json_int_t)b.panels, "ribbon_remaining",
            (json_int_t)b.ribbon_remaining, "panel_sets", (json_int_t)panel_sets(st), "reader_events",
            (json_int_t)reader_events(st), "where", cw_where_name(place(st, b.where)), "cplc", st->work.cplc);
        if (!reply || !more || json_object_update(reply->json, more) < 0)
                return NULL;
        return CW_STEAL(reply);
}

/* ---- reconcile ---- */

struct verdict {
        enum cw_verdict verdict;
        enum cw_where where;
        char text[200];
        json_t *evidence;
};

static void say(struct verdict *v, enum cw_verdict verdict, const char *text) {
        v->verdict = verdict;
        (void)snprintf(v->text, sizeof v->text, "%s", text);
}

static int64_t number(const json_t *obj, const char *key) {
        const json_t *value = json_object_get(obj, key);
        return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void read_baseline(const json_t *obj, struct cw_printer_baseline *ret) {
        const char *serial = json_string_value(json_object_get(obj, "printer_serial"));
        const char *where = json_string_value(json_object_get(obj, "where"));
        (void)snprintf(ret->serial, sizeof ret->serial, "%s", serial ? serial : "");
        ret->cards_fed = number(obj, "cards_fed");
        ret->panels = number(obj, "panels");
        ret->ribbon_remaining = number(obj, "ribbon_remaining");
        ret->sets = number(obj, "panel_sets");
        ret->where = where ? cw_where_from_name(where) : CW_WHERE_UNKNOWN;
}

/* The printer's own verdict; for chip and verify only where the card is and whether it is still the same. */
static cw_rc ask_printer(struct cw_station *st, enum cw_printer_step step, const json_t *baseline,
                         struct verdict *v, struct cw_fault *f) {
        struct cw_printer *printer = NULL;
        struct cw_printer_baseline before = {0};
        struct cw_printer_finding found = {0};
        read_baseline(baseline, &before);
        cw_rc rc = cw_machine_use(&st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_printer_reconcile(printer, step, &before, cw_deadline_ns(QUESTION_MS), &found, f);
        cw_machine_after(&st->machine, rc, NULL);
        if (rc != CW_OK)
                return rc;
        say(v, found.verdict, found.text);
        v->where = place(st, found.where);
        (void)json_object_set_new(v->evidence, "cards_fed", json_integer(found.now.cards_fed));
        (void)json_object_set_new(v->evidence, "panels", json_integer(found.now.panels));
        (void)json_object_set_new(v->evidence, "ribbon_remaining", json_integer(found.now.ribbon_remaining));
        return CW_OK;
}

/* An application without its FCI template was not personalised; GET PROCESSING OPTIONS is not for it. */
static bool has_fci(struct cw_terminal *t) {
        CW_AUTO_RAPDU struct cw_rapdu fci = {0};
        struct cw_span template;
        struct cw_fault f = {0};
        return cw_terminal_select(t, &fci, &f) == CW_OK &&
               cw_tlv_find(CW_SPAN(fci.data, fci.len), 0xa5, &template) && template.len > 0;
}

/* SELECT and GET PROCESSING OPTIONS work on a personalised application only. */
static bool is_personalised(struct cw_card_channel *channel, const struct cw_profile *profile,
                            struct cw_work *work, bool *ret_other_card) {
        struct cw_terminal t;
        struct cw_terminal_card who = {0};
        struct cw_fault f = {0};
        bool yes = false;
        if (cw_terminal_init(channel, profile, CW_APDU_TIMEOUT_MS, &t, &f) != CW_OK)
                return false;
        if (has_fci(&t) && cw_terminal_start(&t, &f) == CW_OK &&
            cw_terminal_read_records(&t, NULL, NULL, &f) == CW_OK &&
            cw_terminal_card(&t, &who, &f) == CW_OK) {
                yes = true;
                if (work->has_card)
                        *ret_other_card = who.pan->len != work->card.pan->len ||
                                          !cw_equal_ct(who.pan->ptr, work->card.pan->ptr, who.pan->len);
        }
        cw_terminal_card_done(&who);
        cw_terminal_done(&t);
        return yes;
}

/* One profile when the job is here, else every product's: the station may have been restarted since. */
static bool any_personalised(struct cw_station *st, struct cw_card_channel *channel, bool *ret_other_card) {
        for (size_t i = 0; i < st->config->product_count; i++) {
                const struct cw_profile *profile = NULL;
                struct cw_fault f = {0};
                if (cw_work_active(&st->work) && i != st->work.product)
                        continue;
                if (cw_profiles_get(&st->profiles, i, &profile, &f) == CW_OK &&
                    is_personalised(channel, profile, &st->work, ret_other_card))
                        return true;
        }
        return false;
}

static cw_rc ask_chip_once(struct cw_station *st, int64_t wait_ms, struct cw_card_channel **ret,
                           char ret_cplc[static CW_CPLC_HEX], struct cw_fault *f) {
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        const struct cw_aid none = {.len = 0};
        cw_rc rc = cw_card_reader_wait(st->reader, true, NULL, wait_ms, NULL, f);
        if (rc == CW_OK)
                rc = cw_card_reader_connect(st->reader, CW_CONNECT_TIMEOUT_MS, &channel, f);
        if (rc == CW_OK)
                rc = cw_gp_identify(channel, &none, CW_APDU_TIMEOUT_MS, ret_cplc, NULL, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(channel);
        return rc;
}

/*
 * The question comes right after a contact was lost, often before the reader has noticed: a chip that does
 * not answer is asked again when the reader sees a card anew. Asking changes nothing.
 */
static cw_rc ask_chip(struct cw_station *st, struct cw_card_channel **ret, char ret_cplc[static CW_CPLC_HEX],
                      struct cw_fault *f) {
        int64_t deadline = cw_deadline_ns(READER_WAIT_MS);
        for (;;) {
                struct cw_card_reader_state before;
                struct cw_fault late = {0};
                cw_card_reader_get(st->reader, &before);
                cw_rc rc = ask_chip_once(st, cw_deadline_left_ms(deadline), ret, ret_cplc, f);
                if (rc == CW_OK || cw_rc_layer(rc) != CW_L_READER ||
                    cw_card_reader_wait(st->reader, true, &before.events, cw_deadline_left_ms(deadline), NULL,
                                        &late) != CW_OK)
                        return rc;
        }
}

/* The profile does something behind the data which a terminal cannot see, or nobody can tell that it does
 * not. A station that was restarted takes the product of its hopper. */
static bool sets_more(struct cw_station *st) {
        bool found = false;
        for (size_t i = 0; i < st->config->product_count; i++) {
                const struct cw_profile *profile = NULL;
                struct cw_fault f = {0};
                bool mine = cw_work_active(&st->work)
                                ? i == st->work.product
                                : strcmp(st->config->products[i].plastic_code, st->self->plastic_codes) == 0;
                if (!mine)
                        continue;
                found = true;
                if (cw_profiles_get(&st->profiles, i, &profile, &f) != CW_OK || profile->after_count > 0)
                        return true;
        }
        return !found;
}

/*
 * Of PUT KEY, where the chip step ended in this process: one that was never sent is not done; else the card's
 * key information decides, by the rules of cw_perso_read_back.
 */
static enum cw_verdict look_at_keys(struct cw_station *st, struct cw_card_channel *channel,
                                    const struct cw_profile *profile, const struct cw_profile_after *put) {
        const struct cw_work *work = &st->work;
        struct cw_gp_facts facts = {0};
        struct cw_fault f = {0};
        char cplc[CW_CPLC_HEX];
        if (!work->new_kvn)
                return CW_VERDICT_NOT_DONE;
        cw_profile_speak(profile, channel);
        if (cw_gp_identify(channel, &profile->security_domain, CW_APDU_TIMEOUT_MS, cplc, NULL, &f) != CW_OK ||
            cw_gp_facts_read_keys(channel, CW_APDU_TIMEOUT_MS, &facts, &f) != CW_OK)
                return CW_VERDICT_UNKNOWN;
        switch (cw_perso_keys_from_facts(&facts, put, work->replaced, work->kvn_was_free)) {
        case CW_PERSO_KEYS_NEW:
                return CW_VERDICT_DONE;
        case CW_PERSO_KEYS_OLD:
                return CW_VERDICT_NOT_DONE;
        default:
                return CW_VERDICT_UNKNOWN;
        }
}

/* What a terminal cannot see. A life cycle state is told under the card's keys only. */
static enum cw_verdict look_behind_data(struct cw_station *st, struct cw_card_channel *channel) {
        const struct cw_profile *profile = NULL;
        struct cw_fault f = {0};
        if (!sets_more(st))
                return CW_VERDICT_DONE;
        if (!cw_work_active(&st->work) || !st->work.chip_seen ||
            cw_profiles_get(&st->profiles, st->work.product, &profile, &f) != CW_OK)
                return CW_VERDICT_UNKNOWN;
        const struct cw_profile_after *put = cw_perso_puts_key(profile);
        enum cw_verdict keys = put ? look_at_keys(st, channel, profile, put) : CW_VERDICT_UNKNOWN;
        return keys == CW_VERDICT_DONE && profile->after_count > 1 ? CW_VERDICT_UNKNOWN : keys;
}

static void say_behind_data(enum cw_verdict found, struct verdict *v) {
        static const char *const texts[] = {
            [CW_VERDICT_UNKNOWN] =
                "the chip holds a complete payment application, but nobody knows whether its card keys and "
                "life cycle were set; look with \"cardwright station card status\"",
            [CW_VERDICT_DONE] = "the chip holds a complete payment application",
            [CW_VERDICT_NOT_DONE] =
                "the chip holds a complete payment application and still its old card keys",
        };
        say(v, found, texts[found]);
}

static void look_at_chip(struct cw_station *st, const json_t *baseline, struct verdict *v) {
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        const char *before = json_string_value(json_object_get(baseline, "cplc"));
        char cplc[CW_CPLC_HEX] = "";
        struct cw_fault f = {0};
        bool other = false;
        if (v->where != cw_step_chip_place(st)) {
                /* One that stands where it stood never reached the reader: the chip step moves it there and
                 * no further. */
                if (v->verdict != CW_VERDICT_NOT_DONE)
                        say(v, CW_VERDICT_UNKNOWN,
                            "the card is not at the reader's station, so its chip cannot be asked");
                return;
        }
        if (ask_chip(st, &channel, cplc, &f) != CW_OK) {
                (void)snprintf(v->text, sizeof v->text, "the chip does not answer: %.160s", f.text);
                v->verdict = CW_VERDICT_UNKNOWN;
                return;
        }
        (void)json_object_set_new(v->evidence, "cplc", json_string(cplc));
        if (before && *before && !cw_cplc_same_chip(before, cplc))
                say(v, CW_VERDICT_UNKNOWN, "another chip is under the contacts than before the step");
        else if (!any_personalised(st, channel, &other))
                say(v, CW_VERDICT_NOT_DONE, "the chip holds no complete payment application");
        else if (other)
                say(v, CW_VERDICT_UNKNOWN, "the chip is personalised for another card number");
        else
                say_behind_data(look_behind_data(st, channel), v);
}

static const struct {
        const char *step;
        enum cw_printer_step printer;
} printer_steps[] = {
    {"feed", CW_PRINTER_STEP_FEED},      {"stripe", CW_PRINTER_STEP_STRIPE},
    {"print", CW_PRINTER_STEP_PRINT},    {"eject", CW_PRINTER_STEP_EJECT},
    {"reject", CW_PRINTER_STEP_REJECT},  {"chip", CW_PRINTER_STEP_CONTACT},
    {"verify", CW_PRINTER_STEP_CONTACT},
};

/*
 * This process has had the job all along and was never told to begin the step: whoever journalled it lost us
 * first. A card that is inside and was not followed by another one is then as it was.
 */
static bool never_begun(const struct cw_station *st, const struct cw_step_key *key, const json_t *baseline,
                        const struct verdict *v) {
        return strcmp(st->work.job, key->job) == 0 && st->work.begun < key->seq &&
               cw_where_inside(v->where) && number(baseline, "cards_fed") >= 0 &&
               number(baseline, "cards_fed") == number(v->evidence, "cards_fed");
}

static cw_rc judge(struct cw_station *st, const struct cw_step_key *key, const json_t *baseline,
                   struct verdict *v, struct cw_fault *f) {
        const char *step = key->step;
        for (size_t i = 0; i < sizeof printer_steps / sizeof *printer_steps; i++) {
                if (strcmp(printer_steps[i].step, step) != 0)
                        continue;
                enum cw_printer_step done = printer_steps[i].printer;
                if (done == CW_PRINTER_STEP_CONTACT && cw_step_chip_place(st) == CW_WHERE_CONTACTLESS)
                        done = CW_PRINTER_STEP_CONTACTLESS;
                cw_rc rc = ask_printer(st, done, baseline, v, f);
                if (rc != CW_OK)
                        return rc;
                if (strcmp(step, "feed") != 0 && never_begun(st, key, baseline, v))
                        say(v, CW_VERDICT_NOT_DONE, "the station was never told to begin this step");
                else if (strcmp(step, "chip") == 0)
                        look_at_chip(st, baseline, v);
                else if (strcmp(step, "verify") == 0 && cw_where_inside(v->where))
                        say(v, CW_VERDICT_NOT_DONE,
                            "reading the chip changes nothing but its transaction counter");
                return CW_OK;
        }
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "station.reconcile", "",
                       "the station knows no step \"%.15s\" that could be in doubt; compare the versions",
                       step);
}

struct cw_msg *cw_evidence_reconcile(struct cw_station *st, const struct cw_msg *request) {
        static const char *const words[] = {
            [CW_VERDICT_UNKNOWN] = "unknown", [CW_VERDICT_DONE] = "done", [CW_VERDICT_NOT_DONE] = "not_done"};
        struct cw_step_key key = {0};
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        CW_AUTO_JSON json_t *evidence = json_object();
        struct verdict v = {.where = CW_WHERE_UNKNOWN, .evidence = evidence};
        cw_rc rc = CW_OK;
        if (!cw_step_key_read(request, &key))
                rc = cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "station.reconcile", "",
                             "reconcile needs job, step and seq");
        else
                rc = judge(st, &key, json_object_get(request->json, "baseline"), &v, &f);
        if (rc != CW_OK)
                return cw_msg_error(request, &f);
        CW_AUTO_JSON json_t *more = json_pack("{s:s, s:s, s:s, s:O}", "verdict", words[v.verdict], "where",
                                              cw_where_name(v.where), "text", v.text, "evidence", evidence);
        if (!reply || !more || json_object_update(reply->json, more) < 0)
                return NULL;
        return CW_STEAL(reply);
}
