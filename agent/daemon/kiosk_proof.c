/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's own word on its new PIN, at the reader's keypad. */
#include "agent/daemon/kiosk_internal.h"

#include "base/log.h"

#include <string.h>

/* A reader keeps its keypad for 90 s and more (PC/SC part 10), beside it a transaction. */
#define KEYPAD_MS 110000

static void on_keypad(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply);

void cw_kiosk_prove_pin(struct cw_kiosk *k) {
        cw_kiosk_step(k, "prove chip pin");
        k->proofs++;
        cw_station_link_call(k->link, cw_kiosk_msg(k, "kiosk.keypad"),
                             KEYPAD_MS + k->daemon->config->pin.entry_timeout_ms, on_keypad, k);
}

/* The chip acknowledged the script under its MAC: without a word of its own the PIN is set all the same, and
 * the audit log says that nobody proved it. */
static void not_proved(struct cw_kiosk *k, const char *why) {
        struct cw_fault f = {0};
        char actor[CW_ACTOR_CAP];
        cw_kiosk_actor(k, actor);
        CW_AUTO_JSON json_t *detail = json_pack("{s:s, s:s}", "job", k->row.job.id, "why", why);
        cw_rc rc = cw_daemon_check(
            k->daemon, cw_journal_audit(k->daemon->journal, "kiosk.chip_pin_not_proved", actor, detail, &f),
            &f);
        if (cw_rc_class(rc) != CW_C_FATAL)
                cw_kiosk_pin_set(k);
}

/* The bank and the chip have the new PIN, the customer types another one: tries < 0 is unknown. */
static void chip_pin_differs(struct cw_kiosk *k, int64_t tries) {
        struct cw_fault why = {0};
        char left[32] = "unknown";
        if (tries >= 0)
                (void)snprintf(left, sizeof left, "%lld", (long long)tries);
        (void)cw_fail(&why, CW_RC(CW_L_CHIP, CW_C_IN_DOUBT, CW_E_MISMATCH), 0, "kiosk.keypad",
                      tries == 0 ? "CHIP_PIN_LOCKED" : "CHIP_PIN_DIFFERS",
                      "the bank and the chip have the new PIN, but what the customer typed at the reader is "
                      "another one (tries left: %s): say \"job pin JOB not-set\" and release the card again, "
                      "the customer then types the PIN anew",
                      left);
        cw_kiosk_pin_in_doubt(k, &why);
}

/* Asked again while the chip has tries to lose; the last one is the customer's. */
static void wrong_pin(struct cw_kiosk *k, int64_t tries) {
        k->wrong = true;
        if (tries > 1 && k->proofs < k->daemon->config->pin.attempts) {
                cw_kiosk_text(k, "WRONG, AGAIN");
                cw_kiosk_prove_pin(k);
                return;
        }
        chip_pin_differs(k, tries);
}

static void on_keypad(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        const char *outcome = rc == CW_OK ? cw_msg_str(reply, "outcome", "") : cw_class_name(cw_rc_class(rc));
        if (rc != CW_OK)
                cw_log_fault(CW_EV_KIOSK_CALL_FAILED, f);
        if (rc == CW_OK && strcmp(outcome, "right") == 0)
                cw_kiosk_pin_set(k);
        else if (rc == CW_OK && (strcmp(outcome, "wrong") == 0 || strcmp(outcome, "locked") == 0))
                wrong_pin(k, strcmp(outcome, "locked") == 0 ? 0 : cw_msg_int(reply, "tries", -1));
        else if (k->wrong) /* whoever walks away after that has not proved it, and may not know his PIN */
                chip_pin_differs(k, -1);
        else
                not_proved(k, outcome);
}
