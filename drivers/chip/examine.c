/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/examine.h"

#include "drivers/chip/directory.h"
#include "drivers/chip/script.h"
#include "drivers/chip/tlv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TAG_PIN_TRIES 0x9f17u
#define TAG_ATC 0x9f36u
#define TAG_ARC 0x8au
#define TAG_ISSUER_DATA 0x91u

struct exam {
        const struct cw_examine *x;
        struct cw_examine_result *result;
        struct cw_terminal terminal;
        struct cw_offline offline;
        unsigned records;
};

static void tell(struct exam *e, const char *check, enum cw_verdict_of_check verdict, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void tell(struct exam *e, const char *check, enum cw_verdict_of_check verdict, const char *fmt, ...) {
        char text[200];
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        e->result->checks++;
        e->result->failed += verdict == CW_CHECK_FAILED;
        e->result->unknown += verdict == CW_CHECK_UNKNOWN;
        e->x->told(e->x->ctx, check, verdict, text);
}

/* A card that is gone ends it all; one that answers wrongly is a finding. */
static bool is_over(cw_rc rc) {
        return rc != CW_OK && cw_rc_class(rc) != CW_C_REJECT;
}

static cw_rc exchange(struct exam *e, const void *bytes, size_t len, struct cw_rapdu *ret,
                      struct cw_fault *f) {
        return cw_card_exchange(e->x->channel, CW_SPAN(bytes, len), e->x->timeout_ms, ret, f);
}

/* ---- who is it ---- */

static cw_rc examine_chip(struct exam *e, struct cw_fault *f) {
        cw_rc rc = cw_gp_identify(e->x->channel, &e->x->profile->security_domain, e->x->timeout_ms,
                                  e->result->cplc, NULL, f);
        if (is_over(rc))
                return rc;
        if (rc == CW_OK && e->result->cplc[0])
                tell(e, "chip", CW_CHECK_OK, "CPLC %.*s", 2 * (int)CW_CPLC_CHIP_LEN, e->result->cplc);
        else
                tell(e, "chip", CW_CHECK_ABSENT, "no security domain or no CPLC can be read");
        /* As a terminal finds it: freshly powered. */
        return e->x->channel->ops->reset(e->x->channel, e->x->timeout_ms, f);
}

/* Whether the profile puts this directory on the card: then it must be there and list the application. */
static bool is_wanted(const struct exam *e, const struct cw_aid *name) {
        const struct cw_profile *p = e->x->profile;
        for (size_t i = 0; i < p->more_count; i++)
                if (p->more[i].aid.len == name->len &&
                    memcmp(p->more[i].aid.bytes, name->bytes, name->len) == 0)
                        return true;
        return false;
}

static cw_rc examine_environment(struct exam *e, const char *check, const struct cw_aid *name,
                                 const struct cw_aid *want, struct cw_fault *f) {
        struct cw_directory d = {0};
        struct cw_fault why = {0};
        cw_rc rc = cw_directory_read(&e->terminal, name, want, &d, &why);
        if (is_over(rc)) {
                *f = why;
                return rc;
        }
        bool elsewhere = name == &cw_pse && e->terminal.contactless; /* it is for contacts */
        if (rc != CW_OK)
                tell(e, check, CW_CHECK_FAILED, "%s", why.text);
        else if (d.there && d.listed)
                tell(e, check, CW_CHECK_OK, "there, with the application; entries: %u", d.entries);
        else if (d.there)
                tell(e, check, is_wanted(e, name) ? CW_CHECK_FAILED : CW_CHECK_OK,
                     "there, without the application; entries: %u", d.entries);
        else if (is_wanted(e, name) && cw_directory_may_hide(&e->terminal, name))
                tell(e, check, CW_CHECK_UNKNOWN,
                     "not readable over contacts (SW %04X): use a contactless reader", d.sw);
        else
                tell(e, check, is_wanted(e, name) && !elsewhere ? CW_CHECK_FAILED : CW_CHECK_ABSENT,
                     "not on the card (SW %04X)", d.sw);
        return CW_OK;
}

/* ---- what does it hold ---- */

static cw_rc count_record(void *ctx, uint8_t sfi, uint8_t record, struct cw_span whole, struct cw_fault *f) {
        struct exam *e = ctx;
        (void)sfi;
        (void)record;
        (void)whole;
        (void)f;
        e->records++;
        return CW_OK;
}

static cw_rc examine_application(struct exam *e, bool *ret_go_on, struct cw_fault *f) {
        struct cw_fault why = {0};
        struct cw_span aip;
        const char *check = "select";
        *ret_go_on = false;
        cw_rc rc = cw_terminal_select(&e->terminal, NULL, &why);
        if (rc == CW_OK) {
                tell(e, check, CW_CHECK_OK, "the application answers with its name");
                check = "gpo";
                rc = cw_terminal_start(&e->terminal, &why);
        }
        if (rc == CW_OK) {
                (void)cw_elements_get(e->terminal.elements, 0x82, &aip);
                tell(e, check, CW_CHECK_OK, "AIP %02X%02X, AFL of %zu entries", aip.ptr[0], aip.ptr[1],
                     e->terminal.afl_len / 4);
                check = "records";
                rc = cw_terminal_read_records(&e->terminal, count_record, e, &why);
        }
        if (is_over(rc)) {
                *f = why;
                return rc;
        }
        if (rc != CW_OK) {
                tell(e, check, CW_CHECK_FAILED, "%s", why.text);
                return CW_OK;
        }
        tell(e, check, CW_CHECK_OK, "%u records, all that the AFL names", e->records);
        *ret_go_on = true;
        return CW_OK;
}

static bool luhn(const struct cw_secret *pan) {
        unsigned sum = 0;
        for (size_t i = 0; i < pan->len; i++) {
                unsigned digit = (unsigned)(pan->ptr[pan->len - 1 - i] - '0');
                unsigned twice = digit * 2;
                sum += i % 2 ? (twice > 9 ? twice - 9 : twice) : digit;
        }
        return sum % 10 == 0;
}

static bool is_past(const char expiry[5]) {
        char today[16] = "";
        struct tm now = {0};
        time_t seconds = time(NULL);
        if (!localtime_r(&seconds, &now))
                return false;
        (void)snprintf(today, sizeof today, "%02d%02d", now.tm_year % 100, now.tm_mon + 1);
        return strcmp(expiry, today) < 0;
}

static void examine_holder(struct exam *e, struct cw_terminal_card *card) {
        struct cw_fault why = {0};
        if (cw_terminal_card(&e->terminal, card, &why) != CW_OK) {
                tell(e, "card", CW_CHECK_FAILED, "%s", why.text);
                return;
        }
        for (size_t i = 0; i < card->pan->len && i + 1 < sizeof e->result->masked_pan; i++)
                e->result->masked_pan[i] = i < 6 || i + 4 >= card->pan->len ? (char)card->pan->ptr[i] : 'X';
        if (!luhn(card->pan))
                tell(e, "card", CW_CHECK_FAILED, "%s: the check digit of the number is wrong",
                     e->result->masked_pan);
        else if (is_past(card->expiry))
                tell(e, "card", CW_CHECK_FAILED, "%s: the card has expired", e->result->masked_pan);
        else
                tell(e, "card", CW_CHECK_OK, "%s; number, track 2 equivalent and expiry agree",
                     e->result->masked_pan);
}

/* EMV Book 3 7.2: the elements without which a terminal ends the transaction. */
static void examine_mandatory(struct exam *e) {
        static const uint32_t generate[] = {0x5f24, 0x5a, 0x8c, 0x8d},
                              at_start[] = {0x57, 0x9f10, 0x9f26, 0x9f36};
        const uint32_t *needed = e->terminal.ended_at_start ? at_start : generate;
        struct cw_span v;
        for (size_t i = 0; i < sizeof generate / sizeof *generate; i++) {
                if (cw_elements_get(e->terminal.elements, needed[i], &v))
                        continue;
                tell(e, "mandatory", CW_CHECK_FAILED, "the card does not give tag %X", needed[i]);
                return;
        }
        tell(e, "mandatory", CW_CHECK_OK, "%X, %X, %X and %X are there", needed[0], needed[1], needed[2],
             needed[3]);
}

/* Tells a check that either holds or spoils the card; true when the card is still there. */
static cw_rc judge(struct exam *e, const char *check, cw_rc rc, const char *good, const struct cw_fault *why,
                   struct cw_fault *f) {
        if (is_over(rc)) {
                *f = *why;
                return rc;
        }
        tell(e, check, rc == CW_OK ? CW_CHECK_OK : CW_CHECK_FAILED, "%s", rc == CW_OK ? good : why->text);
        return CW_OK;
}

/* The card's own answers are judged with what was recovered; a key that is not at hand is no fault of it. */
static cw_rc examine_ways(struct exam *e, struct cw_fault *f) {
        struct cw_fault why = {0};
        cw_rc rc = CW_OK;
        if (e->terminal.ended_at_start)
                return judge(e, "fdda", cw_offline_fdda(&e->terminal, &e->offline, &why),
                             "the chip signed its answer with the key of its certificate", &why, f);
        if (e->offline.ways & CW_WAY_SDA)
                rc = judge(e, "sda", cw_offline_sda(&e->terminal, &e->offline, &why),
                           "the signed static data are the card's own", &why, f);
        if (rc == CW_OK && (e->offline.ways & CW_WAY_DDA))
                rc = judge(e, "dda", cw_offline_dda(&e->terminal, &e->offline, &why),
                           "INTERNAL AUTHENTICATE: the chip has the key of its certificate", &why, f);
        return rc;
}

static cw_rc examine_authentication(struct exam *e, const struct cw_terminal_card *card, struct cw_fault *f) {
        struct cw_fault why = {0};
        const bool pin_key = cw_offline_has_pin_key(&e->terminal);
        if (cw_offline_ways(&e->terminal) == 0 && !pin_key) {
                tell(e, "offline-auth", CW_CHECK_ABSENT, "the card offers none");
                return CW_OK;
        }
        if (!card->pan)
                return CW_OK;
        cw_rc rc = cw_offline_recover(&e->terminal, &e->x->ca, card, &e->offline, &why);
        if (rc == CW_RC(CW_L_CHIP, CW_C_OPERATOR, CW_E_NOT_FOUND)) {
                tell(e, "offline-auth", CW_CHECK_UNKNOWN, "not verifiable here: %.150s", why.text);
                return CW_OK;
        }
        rc = judge(e, "offline-auth", rc, "the certificates are genuine and for this card", &why, f);
        if (rc == CW_OK && e->offline.has_issuer && pin_key)
                rc = judge(e, "pin-key", cw_offline_pin_key(&e->terminal, card, &e->offline, &why),
                           "the key that PINs are enciphered with is genuine and this card's", &why, f);
        bool enough =
            e->offline.has_issuer && (e->offline.has_icc || !(e->offline.ways & (CW_WAY_DDA | CW_WAY_CDA)));
        return rc == CW_OK && enough ? examine_ways(e, f) : rc;
}

/* ---- a transaction ---- */

static bool keys_are_ours(const struct cw_profile *p) {
        for (size_t i = 0; i < p->dgi_count; i++)
                if (p->dgi[i].from_hsm && p->dgi[i].id == 0x8000)
                        return true;
        return false;
}

/* Whether hsmd finds the cryptogram genuine; where the transaction goes on, the issuer's answer is set then.
 */
static bool ask_issuer(struct exam *e, const struct cw_terminal_card *card, const struct cw_terminal_ac *ac) {
        struct cw_hsm_arqc answer = {0};
        struct cw_fault why = {0};
        char masked[CW_HSM_MASKED_PAN];
        if (!e->x->hsm || !card->pan || !keys_are_ours(e->x->profile)) {
                tell(e, "arqc", CW_CHECK_UNKNOWN,
                     "not verifiable here: the issuer's keys are not at hand (ATC %u)", ac->atc);
                return false;
        }
        cw_rc rc =
            cw_hsm_session_bench_pan(e->x->hsm, card->pan->ptr, card->pan->len, card->psn, masked, &why);
        if (rc == CW_OK)
                rc = cw_script_verify(&e->terminal, e->x->hsm, card->psn, ac, &answer, &why);
        if (rc != CW_OK) {
                tell(e, "arqc", CW_CHECK_UNKNOWN, "not verifiable here: %.150s", why.text);
                return false;
        }
        tell(e, "arqc", answer.genuine ? CW_CHECK_OK : CW_CHECK_FAILED,
             answer.genuine ? "the cryptogram is the one the card's keys make (ATC %u)"
                            : "the cryptogram is not the one its keys should make (ATC %u)",
             ac->atc);
        return answer.genuine && !e->terminal.ended_at_start &&
               cw_script_answer(&e->terminal, &answer, &why) == CW_OK;
}

/* "Unable to go online, declined" (EMV Book 4 annex A): the card ends the transaction and is left clean. */
static cw_rc decline(struct exam *e, struct cw_fault *f) {
        static const uint8_t nothing[8];
        cw_rc rc = cw_elements_set(e->terminal.elements, TAG_ARC, CW_SPAN((const uint8_t *)"Z3", 2), f);
        return rc != CW_OK ? rc
                           : cw_elements_set(e->terminal.elements, TAG_ISSUER_DATA,
                                             CW_SPAN(nothing, sizeof nothing), f);
}

static cw_rc finish(struct exam *e, bool approved, struct cw_fault *f) {
        struct cw_terminal_ac ac = {0};
        struct cw_fault why = {0};
        uint8_t kind = approved ? e->x->profile->second_ac : 0x00;
        uint8_t cda = cw_offline_sign(&e->offline, kind);
        cw_rc rc = approved ? CW_OK : decline(e, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_terminal_generate_ac(&e->terminal, kind | cda, false, &ac, &why);
        if (rc == CW_OK && cda && (ac.cid & CW_AC_TYPE) == kind)
                rc = cw_offline_cda(&e->terminal, &e->offline, &ac, &why);
        if (is_over(rc)) {
                *f = why;
                return rc;
        }
        if (rc != CW_OK)
                tell(e, "second-ac", CW_CHECK_FAILED, "%s", why.text);
        else if ((ac.cid & CW_AC_TYPE) != kind)
                tell(e, "second-ac", CW_CHECK_FAILED,
                     "the card answers CID %02X: it does not accept the issuer", ac.cid);
        else
                tell(e, "second-ac", CW_CHECK_OK, "the transaction ended with %s; the card is left clean",
                     kind ? "a TC" : "an AAC");
        return CW_OK;
}

/* The cryptogram came with the processing options; what its signature covers, if there is one, is the
 * scheme's. */
static void examine_at_start(struct exam *e, const struct cw_terminal_card *card) {
        struct cw_terminal_ac ac = {.cid = CW_AC_ARQC};
        struct cw_span cid, atc, value;
        if (cw_elements_get(e->terminal.elements, 0x9f4b, &value))
                tell(e, "offline-auth", CW_CHECK_UNKNOWN,
                     "not verifiable here: what the signature covers is the scheme's");
        else
                tell(e, "offline-auth", CW_CHECK_ABSENT, "the answer has no signature");
        if (!cw_elements_get(e->terminal.elements, 0x9f26, &value) || value.len != sizeof ac.ac ||
            !cw_elements_get(e->terminal.elements, 0x9f36, &atc) || atc.len != 2)
                return;
        if (cw_elements_get(e->terminal.elements, 0x9f27, &cid) && cid.len == 1)
                ac.cid = cid.ptr[0];
        memcpy(ac.ac, value.ptr, sizeof ac.ac);
        ac.atc = (uint16_t)(atc.ptr[0] << 8 | atc.ptr[1]);
        e->result->atc = ac.atc;
        if ((ac.cid & CW_AC_TYPE) != CW_AC_ARQC)
                tell(e, "arqc", CW_CHECK_FAILED, "the card declines what it should send online (CID %02X)",
                     ac.cid);
        else
                (void)ask_issuer(e, card, &ac);
        tell(e, "second-ac", CW_CHECK_ABSENT, "the transaction ended with the first answer");
}

static cw_rc examine_transaction(struct exam *e, const struct cw_terminal_card *card, struct cw_fault *f) {
        struct cw_terminal_ac ac = {0};
        struct cw_fault why = {0};
        uint8_t cda = cw_offline_sign(&e->offline, CW_AC_ARQC);
        cw_rc rc = cw_terminal_generate_ac(&e->terminal, (uint8_t)(CW_AC_ARQC | cda), true, &ac, &why);
        if (is_over(rc)) {
                *f = why;
                return rc;
        }
        if (rc != CW_OK) {
                tell(e, "arqc", CW_CHECK_FAILED, "%s", why.text);
                return CW_OK;
        }
        e->result->atc = ac.atc;
        if ((ac.cid & CW_AC_TYPE) != CW_AC_ARQC) {
                tell(e, "arqc", CW_CHECK_FAILED, "the card declines what it should send online (CID %02X)",
                     ac.cid);
                return CW_OK;
        }
        if (cda) {
                cw_rc signed_rc = cw_offline_cda(&e->terminal, &e->offline, &ac, &why);
                rc = judge(e, "cda", signed_rc, "GENERATE AC: the chip signs its cryptogram", &why, f);
                if (rc != CW_OK || signed_rc != CW_OK)
                        return rc == CW_OK ? finish(e, false, f) : rc;
        }
        return finish(e, ask_issuer(e, card, &ac), f);
}

/* ---- counters ---- */

static cw_rc read_counter(struct exam *e, uint16_t tag, int32_t *ret, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        const uint8_t command[] = {0x80, 0xca, (uint8_t)(tag >> 8), (uint8_t)tag, 0x00};
        struct cw_span v;
        *ret = -1;
        cw_rc rc = exchange(e, command, sizeof command, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000 || !cw_tlv_valid(CW_SPAN(r.data, r.len)) ||
            !cw_tlv_find(CW_SPAN(r.data, r.len), tag, &v) || v.len < 1 || v.len > 2)
                return CW_OK;
        *ret = v.len == 1 ? v.ptr[0] : v.ptr[0] << 8 | v.ptr[1];
        return CW_OK;
}

static cw_rc examine_counters(struct exam *e, struct cw_fault *f) {
        int32_t atc = -1;
        cw_rc rc = read_counter(e, TAG_ATC, &atc, f);
        if (rc == CW_OK)
                rc = read_counter(e, TAG_PIN_TRIES, &e->result->pin_tries, f);
        if (rc != CW_OK)
                return rc;
        if (atc < 0)
                tell(e, "atc", CW_CHECK_ABSENT, "the card does not give it");
        else if (e->result->atc >= 0 && atc != e->result->atc)
                tell(e, "atc", CW_CHECK_FAILED, "GET DATA says %d, the cryptogram said %d", atc,
                     e->result->atc);
        else
                tell(e, "atc", CW_CHECK_OK, "%d", atc);
        if (e->result->pin_tries < 0)
                tell(e, "pin-tries", CW_CHECK_ABSENT, "the card does not give it");
        else if (e->result->pin_tries == 0)
                tell(e, "pin-tries", CW_CHECK_FAILED, "the offline PIN is blocked");
        else
                tell(e, "pin-tries", CW_CHECK_OK, "%d left", e->result->pin_tries);
        return CW_OK;
}

static cw_rc examine(struct exam *e, struct cw_fault *f) {
        CW_WIPED(struct cw_terminal_card, card, 1);
        bool go_on = false;
        cw_rc rc = examine_chip(e, f);
        if (rc == CW_OK)
                rc = examine_environment(e, "ppse", &cw_ppse, &e->x->profile->contactless_aid, f);
        if (rc == CW_OK)
                rc = examine_environment(e, "pse", &cw_pse, &e->x->profile->aid, f);
        if (rc == CW_OK)
                rc = examine_application(e, &go_on, f);
        if (rc != CW_OK || !go_on)
                return rc;
        if (e->x->profile->has_contactless)
                tell(e, "contactless", e->terminal.contactless ? CW_CHECK_OK : CW_CHECK_UNKNOWN, "%s",
                     e->terminal.contactless
                         ? "this is the contactless path"
                         : "not verifiable here: this reader reaches the contacts; use a contactless one");
        examine_holder(e, card);
        examine_mandatory(e);
        const bool records =
            e->terminal.afl_len > 0; /* qVSDC without any signs nothing that could be judged */
        if (e->terminal.ended_at_start)
                examine_at_start(e, card);
        if (!e->terminal.ended_at_start || (records && (cw_offline_ways(&e->terminal) & CW_WAY_DDA)))
                rc = examine_authentication(e, card, f);
        if (rc == CW_OK && !e->terminal.ended_at_start)
                rc = examine_transaction(e, card, f);
        cw_terminal_card_done(card);
        return rc == CW_OK ? examine_counters(e, f) : rc;
}

cw_rc cw_examine_run(const struct cw_examine *x, struct cw_examine_result *ret, struct cw_fault *f) {
        struct exam e = {.x = x, .result = ret};
        *ret = (struct cw_examine_result){.atc = -1, .pin_tries = -1};
        cw_rc rc = cw_terminal_init(x->channel, x->profile, x->timeout_ms, &e.terminal, f);
        if (rc != CW_OK)
                return rc;
        rc = examine(&e, f);
        cw_terminal_done(&e.terminal);
        return rc;
}
