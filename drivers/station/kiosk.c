/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/kiosk.h"

#include "base/clock.h"
#include "base/log.h"
#include "drivers/chip/script.h"
#include "drivers/station/station.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define HSM_MARGIN_MS 2000
#define PAD_LOOK_MS 3000
#define PAD_WAIT_MS 5000
#define PAD_AGAIN_MS 200

struct cw_msg *cw_kiosk_failed(const struct cw_msg *request, const struct cw_fault *f) {
        cw_log_fault(CW_EV_KIOSK_CALL_FAILED, f);
        return cw_msg_error(request, f);
}

/* The pad, opened anew when its line is dead and it was not looked for just now; NULL when it is away. */
static struct cw_pinpad *use_pad(struct cw_station *st) {
        struct cw_fault f = {0};
        if (st->pad && !cw_pinpad_alive(st->pad)) {
                cw_pinpad_close(st->pad);
                st->pad = NULL;
                st->pad_look_ns = 0;
        }
        if (!st->pad && st->self->pinpad_tty[0] && cw_deadline_left_ms(st->pad_look_ns) == 0) {
                st->pad_look_ns = cw_deadline_ns(PAD_LOOK_MS);
                if (cw_vx1000_open(st->self->pinpad_tty, st->self->pinpad_baud, &st->pad, &f) != CW_OK)
                        st->pad = NULL;
        }
        (void)pthread_mutex_lock(&st->lock);
        st->pad_present = st->pad != NULL;
        (void)pthread_mutex_unlock(&st->lock);
        return st->pad;
}

static void rest(int64_t ms) {
        const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
        (void)nanosleep(&t, NULL);
}

/* A pad that is just coming back is waited for; NULL when it stays away. */
static struct cw_pinpad *wait_pad(struct cw_station *st, struct cw_fault *f) {
        int64_t limit_ns = cw_deadline_ns(PAD_WAIT_MS);
        for (;;) {
                st->pad_look_ns = 0;
                if (use_pad(st))
                        return st->pad;
                if (atomic_load(&st->cancel) || cw_deadline_left_ms(limit_ns) == 0)
                        break;
                rest(PAD_AGAIN_MS);
        }
        (void)cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_OPERATOR, CW_E_CLOSED), 0, "kiosk.pad", "PRT_NOT_REACHABLE",
                      "the PIN pad is not connected; look at its cable and power, the hand-over then goes on "
                      "by itself");
        return NULL;
}

int64_t cw_kiosk_idle(struct cw_station *st) {
        (void)use_pad(st);
        return PAD_LOOK_MS;
}

/* Texts help the customer; a pad that cannot show one is noticed when the PIN is asked for. */
void cw_kiosk_tell(struct cw_station *st, const char *text) {
        struct cw_fault f = {0};
        struct cw_pinpad *pad = use_pad(st);
        if (pad && cw_pinpad_show(pad, text, &f) != CW_OK)
                cw_log_fault(CW_EV_KIOSK_CALL_FAILED, &f);
}

cw_rc cw_kiosk_check(struct cw_station *st, const struct cw_msg *request, struct cw_fault *f) {
        const struct cw_kiosk *k = &st->kiosk;
        if (k->ticket[0] && strcmp(k->ticket, cw_msg_str(request, "ticket", "")) == 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_STATE), 0, "station.kiosk", "",
                       "the kiosk does not serve this ticket; begin again");
}

void cw_kiosk_clear(struct cw_station *st) {
        struct cw_kiosk *k = &st->kiosk;
        if (k->has_terminal)
                cw_terminal_done(&k->terminal);
        cw_terminal_card_done(&k->who);
        if (k->channel)
                cw_card_close(k->channel);
        if (k->session)
                cw_hsm_session_close(k->session);
        cw_wipe(k, sizeof *k);
}

/* ---- begin ---- */

/* The first product whose application is on the card. */
static cw_rc select_application(struct cw_station *st, struct cw_fault *f) {
        struct cw_kiosk *k = &st->kiosk;
        cw_rc rc = CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_NOT_FOUND);
        (void)cw_fail(f, rc, 0, "kiosk.select", "PRT_SETUP_ERROR",
                      "the kiosk has no product; add the bank's products");
        for (size_t i = 0; i < st->config->product_count; i++) {
                const struct cw_profile *profile = NULL;
                rc = cw_profiles_get(&st->profiles, i, &profile, f);
                if (rc != CW_OK)
                        continue;
                rc = cw_terminal_init(k->channel, profile, CW_APDU_TIMEOUT_MS, &k->terminal, f);
                if (rc != CW_OK)
                        return rc;
                k->terminal.take_blocked = k->take_blocked;
                rc = cw_terminal_select(&k->terminal, NULL, f);
                k->has_terminal = rc == CW_OK;
                if (rc == CW_OK)
                        return rc;
                cw_terminal_done(&k->terminal);
                if (cw_rc_class(rc) != CW_C_REJECT)
                        return rc;
        }
        return rc;
}

cw_rc cw_kiosk_read_card(struct cw_station *st, struct cw_fault *f) {
        struct cw_kiosk *k = &st->kiosk;
        cw_rc rc = cw_card_reader_connect(st->reader, CW_CONNECT_TIMEOUT_MS, &k->channel, f);
        if (rc == CW_OK)
                rc = select_application(st, f);
        if (rc == CW_OK)
                rc = cw_terminal_start(&k->terminal, f);
        if (rc == CW_OK)
                rc = cw_terminal_read_records(&k->terminal, NULL, NULL, f);
        return rc == CW_OK ? cw_terminal_card(&k->terminal, &k->who, f) : rc;
}

static cw_rc begin(struct cw_station *st, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct cw_kiosk *k = &st->kiosk;
        char hash[CW_HSM_PAN_HASH_HEX], masked[CW_HSM_MASKED_PAN];
        const char *ticket = cw_msg_str(request, "ticket", "");
        CW_AUTO_FD int fd = cw_msg_take_fd(request, 0);
        cw_kiosk_clear(st);
        if (!*ticket || strlen(ticket) >= sizeof k->ticket || fd < 0)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "kiosk.begin", "",
                               "kiosk.begin needs a ticket and a session of the HSM process");
        cw_rc rc = cw_hsm_session_open(CW_STEAL_FD(fd), st->config->hsm.call_timeout_ms + HSM_MARGIN_MS,
                                       &k->session);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "kiosk.begin", "",
                               "no memory for the session of the HSM process; try again");
        (void)snprintf(k->ticket, sizeof k->ticket, "%s", ticket);
        k->take_blocked = cw_msg_bool(request, "blocked", false);
        /* A card is not asked for while nobody could enter a PIN. */
        if (!wait_pad(st, f))
                return f->rc;
        cw_kiosk_tell(st, "INSERT CARD");
        rc = cw_card_reader_wait(st->reader, true, NULL, cw_msg_int(request, "timeout_ms", 60000),
                                 &st->cancel, f);
        if (rc == CW_OK) {
                cw_kiosk_tell(st, "READING CARD");
                rc = cw_kiosk_read_card(st, f);
        }
        if (rc == CW_OK)
                rc = cw_hsm_session_kiosk_pan(k->session, k->who.pan, k->who.expiry, k->who.psn, hash, masked,
                                              f);
        if (rc != CW_OK)
                return rc;
        (void)json_object_set_new(reply->json, "pan_hash", json_string(hash));
        (void)json_object_set_new(reply->json, "masked_pan", json_string(masked));
        (void)json_object_set_new(reply->json, "expiry", json_string(k->who.expiry));
        return CW_OK;
}

struct cw_msg *cw_kiosk_begin(struct cw_station *st, struct cw_msg *request) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        if (!reply)
                return NULL;
        if (begin(st, request, reply, &f) == CW_OK)
                return CW_STEAL(reply);
        cw_kiosk_clear(st);
        cw_kiosk_tell(st, "TAKE YOUR CARD");
        return cw_kiosk_failed(request, &f);
}

/* ---- prove ---- */

/* Ends the transaction so that the card is left clean: the issuer's answer, or none. */
static cw_rc finish(struct cw_kiosk *k, const struct cw_hsm_arqc *answer, struct cw_fault *f) {
        struct cw_terminal_ac second = {0};
        if (!answer->genuine) {
                struct cw_fault unused = {0};
                if (cw_terminal_generate_ac(&k->terminal, 0x00, false, &second, &unused) != CW_OK)
                        cw_log_fault(CW_EV_KIOSK_CALL_FAILED, &unused);
                return CW_OK;
        }
        cw_rc rc = cw_script_answer(&k->terminal, answer, f);
        return rc == CW_OK ? cw_script_second_ac(&k->terminal, f) : rc;
}

static cw_rc prove(struct cw_station *st, struct cw_msg *reply, struct cw_fault *f) {
        struct cw_kiosk *k = &st->kiosk;
        struct cw_terminal_ac ac = {0};
        struct cw_hsm_arqc answer = {0};
        cw_rc rc = cw_terminal_generate_ac(&k->terminal, CW_AC_ARQC, true, &ac, f);
        if (rc == CW_OK && (ac.cid & CW_AC_TYPE) != CW_AC_ARQC)
                rc = cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_CRYPTOGRAM), ac.cid, "kiosk.prove",
                             "PRD_SMARTCARD", "the card declines to be proven online; call the bank");
        if (rc == CW_OK)
                rc = cw_script_verify(&k->terminal, k->session, k->who.psn, &ac, &answer, f);
        if (rc == CW_OK)
                rc = finish(k, &answer, f);
        if (rc != CW_OK)
                return rc;
        k->genuine = answer.genuine;
        (void)json_object_set_new(reply->json, "genuine", json_boolean(answer.genuine));
        (void)json_object_set_new(reply->json, "atc", json_integer(ac.atc));
        return CW_OK;
}

struct cw_msg *cw_kiosk_prove(struct cw_station *st, const struct cw_msg *request) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        cw_rc rc = cw_kiosk_check(st, request, &f);
        if (rc == CW_OK && reply)
                rc = prove(st, reply, &f);
        return rc == CW_OK ? CW_STEAL(reply) : cw_kiosk_failed(request, &f);
}

/* ---- PIN ---- */

enum outcome {
        PIN_EQUAL,
        PIN_MISMATCH,
        PIN_CANCELLED,
        PIN_TIMEOUT,
        PIN_WEAK,
        PIN_PAD_ERROR,
        PIN_PAD_AWAY,
        PIN_FAULT
};
static const char *const outcome_words[] = {"equal", "mismatch",  "cancelled", "timeout",
                                            "weak",  "pad_error", "pad_away"};

static enum outcome pad_outcome(cw_rc rc) {
        if ((rc & 0xffffu) == CW_E_CANCELLED)
                return PIN_CANCELLED;
        if (cw_rc_class(rc) == CW_C_RECONNECT)
                return PIN_PAD_AWAY;
        return cw_rc_layer(rc) == CW_L_PINPAD && (rc & 0xffffu) == CW_E_TIMEOUT ? PIN_TIMEOUT : PIN_PAD_ERROR;
}

/* A weak PIN is the customer's to change; a block that nobody can open is the pad's fault; the rest is a
 * fault of ours. */
static enum outcome hsm_outcome(const struct cw_fault *f) {
        if (strcmp(f->code, "PIN_WEAK") == 0 || strcmp(f->code, "PIN_LENGTH") == 0)
                return PIN_WEAK;
        if (strcmp(f->code, "PIN_BLOCK") == 0 || strcmp(f->code, "HSM_KSN_REPLAY") == 0)
                return PIN_PAD_ERROR;
        return strcmp(f->code, "PIN_ATTEMPTS") == 0 ? PIN_MISMATCH : PIN_FAULT;
}

static enum outcome ask_once(struct cw_station *st, const char *prompt, struct cw_pin_block *ret,
                             struct cw_fault *f) {
        const struct cw_config_pin *pin = &st->config->pin;
        const struct cw_secret *pan = st->kiosk.who.pan;
        const struct cw_pin_ask question = {.pan = CW_SPAN(pan->ptr, pan->len),
                                            .min = (unsigned)pin->length_min,
                                            .max = (unsigned)pin->length_max,
                                            .prompt = prompt,
                                            .processing = "PLEASE WAIT",
                                            .timeout_ms = pin->entry_timeout_ms,
                                            .cancel = &st->cancel};
        struct cw_card_reader_state reader;
        cw_rc rc = cw_pinpad_pin(st->pad, &question, ret, f);
        if (rc != CW_OK)
                return pad_outcome(rc);
        cw_card_reader_get(st->reader, &reader);
        return reader.card ? PIN_EQUAL : PIN_CANCELLED; /* whoever takes the card does not want to go on */
}

/* What was typed while the line broke is lost: it is asked for once more when the pad comes back at once. */
static enum outcome ask(struct cw_station *st, const char *prompt, struct cw_pin_block *ret,
                        struct cw_fault *f) {
        enum outcome o = ask_once(st, prompt, ret, f);
        if (o != PIN_PAD_AWAY || st->kiosk.pad_returned || !wait_pad(st, f))
                return o;
        st->kiosk.pad_returned = true;
        return ask_once(st, prompt, ret, f);
}

static enum outcome one_pair(struct cw_station *st, const char *prompt, unsigned *ret_left,
                             struct cw_fault *f) {
        struct cw_pin_block block = {0};
        bool equal = false;
        enum outcome o = ask(st, prompt, &block, f);
        if (o != PIN_EQUAL)
                return o;
        if (cw_hsm_session_pin_first(st->kiosk.session, block.ksn, block.block, sizeof(block.block), f) !=
            CW_OK)
                return hsm_outcome(f);
        o = ask(st, "NEW PIN AGAIN", &block, f);
        if (o != PIN_EQUAL)
                return o;
        if (cw_hsm_session_pin_second(st->kiosk.session, block.ksn, block.block, sizeof(block.block), &equal,
                                      ret_left, f) != CW_OK)
                return hsm_outcome(f);
        return equal ? PIN_EQUAL : PIN_MISMATCH;
}

static enum outcome enter_pin(struct cw_station *st, int64_t attempts, struct cw_fault *f) {
        enum outcome o = PIN_MISMATCH;
        const char *prompt = "ENTER NEW PIN";
        unsigned left = 1;
        for (int64_t i = 0; i < attempts && left > 0; i++) {
                o = one_pair(st, prompt, &left, f);
                if (o != PIN_MISMATCH && o != PIN_WEAK)
                        return o;
                if (strcmp(f->code, "PIN_ATTEMPTS") == 0)
                        return o;
                prompt = o == PIN_WEAK ? "TOO SIMPLE, NEW:" : "DIFFERENT, AGAIN";
        }
        return o;
}

struct cw_msg *cw_kiosk_pin(struct cw_station *st, const struct cw_msg *request) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        cw_rc rc = cw_kiosk_check(st, request, &f);
        if (rc == CW_OK && !st->kiosk.genuine)
                rc = cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_STATE), 0, "kiosk.pin", "",
                             "no PIN may be asked for before the card has been proven genuine");
        if (rc != CW_OK || !reply)
                return cw_kiosk_failed(request, &f);
        int64_t attempts = cw_msg_int(request, "attempts", st->config->pin.attempts);
        enum outcome o = wait_pad(st, &f) ? enter_pin(st, attempts, &f) : PIN_PAD_AWAY;
        if (o == PIN_FAULT)
                return cw_kiosk_failed(request, &f);
        (void)json_object_set_new(reply->json, "outcome", json_string(outcome_words[o]));
        (void)json_object_set_new(reply->json, "text", json_string(f.text));
        return CW_STEAL(reply);
}

struct cw_msg *cw_kiosk_show(struct cw_station *st, const struct cw_msg *request) {
        struct cw_fault f = {0};
        if (cw_kiosk_check(st, request, &f) != CW_OK)
                return cw_kiosk_failed(request, &f);
        cw_kiosk_tell(st, cw_msg_str(request, "text", ""));
        return cw_msg_ok(request);
}

/* Also for a ticket that is not here any more: ending twice is fine. */
struct cw_msg *cw_kiosk_end(struct cw_station *st, const struct cw_msg *request) {
        if (strcmp(st->kiosk.ticket, cw_msg_str(request, "ticket", "")) == 0)
                cw_kiosk_clear(st);
        return cw_msg_ok(request);
}
