/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/script.h"

#include "drivers/chip/tlv.h"

#include <string.h>

#define AIP_EXTERNAL_AUTHENTICATE 0x04u /* byte 1 */

static cw_rc declined(uint8_t cid, const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_CRYPTOGRAM), cid, "chip.script",
                       "PRD_SMARTCARD", "%s", text);
}

cw_rc cw_script_verify(struct cw_terminal *t, struct cw_hsm_session *hsm, const char *psn,
                       const struct cw_terminal_ac *ac, struct cw_hsm_arqc *ret, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *covered = NULL;
        struct cw_span number = {0};
        cw_rc rc = cw_terminal_covered(t, &covered, f);
        if (rc != CW_OK)
                return rc;
        struct cw_hsm_arqc_request q = {
            .atc = ac->atc, .psn = psn, .data = covered->ptr, .len = covered->len};
        memcpy(q.arqc, ac->ac, sizeof q.arqc);
        if (cw_elements_get(t->elements, 0x9f37, &number) && number.len == sizeof q.un)
                memcpy(q.un, number.ptr, sizeof q.un);
        return cw_hsm_session_emv_cryptogram(hsm, &q, ret, f);
}

static cw_rc external_authenticate(struct cw_terminal *t, struct cw_span data, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        uint8_t command[5 + 16] = {0x00, 0x82, 0x00, 0x00, (uint8_t)data.len};
        memcpy(command + 5, data.ptr, data.len);
        cw_rc rc = cw_card_exchange(t->channel, CW_SPAN(command, 5 + data.len), t->timeout_ms, &r, f);
        /* EMV Book 4 6.3.8: any SW is fine here, the second cryptogram tells whether it was accepted. */
        return rc;
}

cw_rc cw_script_answer(struct cw_terminal *t, const struct cw_hsm_arqc *answer, struct cw_fault *f) {
        static const uint8_t approved[2] = {0x30, 0x30};
        uint8_t data[16];
        struct cw_writer w;
        struct cw_span aip = {0};
        bool method1 = answer->arpc_len == 8;
        cw_writer_init(&w, data, sizeof data);
        cw_put_bytes(&w, answer->arpc, answer->arpc_len);
        if (method1)
                cw_put_bytes(&w, answer->arc, sizeof answer->arc);
        else
                cw_put_bytes(&w, answer->csu, sizeof answer->csu);
        cw_rc rc = cw_elements_set(t->elements, 0x91, CW_SPAN(data, w.len), f);
        if (rc == CW_OK)
                rc = cw_elements_set(t->elements, 0x8a, CW_SPAN(method1 ? answer->arc : approved, 2), f);
        if (rc == CW_OK && cw_elements_get(t->elements, 0x82, &aip) && aip.len == 2 &&
            (aip.ptr[0] & AIP_EXTERNAL_AUTHENTICATE))
                rc = external_authenticate(t, CW_SPAN(data, w.len), f);
        return rc;
}

cw_rc cw_script_second_ac(struct cw_terminal *t, struct cw_fault *f) {
        struct cw_terminal_ac second = {0};
        uint8_t kind = t->profile->second_ac;
        cw_rc rc = cw_terminal_generate_ac(t, kind, false, &second, f);
        if (rc == CW_OK && (second.cid & CW_AC_TYPE) != kind)
                rc = declined(second.cid,
                              "the card does not accept the bank's answer; keep the card and call the bank",
                              f);
        return rc;
}

/* SW1 of a script command, EMV Book 3 10.10: 90, 62 and 63 go on. */
static bool accepted(uint16_t sw) {
        return sw == 0x9000 || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

static cw_rc send_one(struct cw_terminal *t, struct cw_hsm_session *hsm, const char *name,
                      struct cw_script_result *ret, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *command = NULL;
        cw_rc rc = cw_hsm_session_emv_script(hsm, name, &command, f);
        if (rc != CW_OK)
                return rc;
        ret->sent++;
        rc = cw_card_exchange(t->channel, CW_SPAN(command->ptr, command->len), t->timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        ret->sw = r.sw;
        if (!accepted(r.sw))
                return cw_chip_fail_sw(f, "chip.script", r.sw, "the card refuses the bank's script");
        ret->done++;
        return CW_OK;
}

static cw_rc send_all(struct cw_terminal *t, struct cw_hsm_session *hsm, const struct cw_script_order *order,
                      struct cw_script_result *ret, struct cw_fault *f) {
        cw_rc rc = CW_OK;
        for (size_t i = 0; rc == CW_OK && i < order->count; i++)
                rc = send_one(t, hsm, order->commands[i], ret, f);
        return rc;
}

/* After template 71 the transaction is ended whatever the card said to the script, so that it is left clean.
 */
static cw_rc between(struct cw_terminal *t, struct cw_hsm_session *hsm, const struct cw_script_order *order,
                     struct cw_script_result *ret, struct cw_fault *f) {
        cw_rc script = send_all(t, hsm, order, ret, f);
        if (script != CW_OK && cw_rc_class(script) == CW_C_RECONNECT)
                return script;
        struct cw_fault of_ac = {0};
        cw_rc rc = cw_script_second_ac(t, script == CW_OK ? f : &of_ac);
        /* What has just been blocked may well decline. */
        const char *last = order->commands[order->count - 1];
        if (script == CW_OK && rc != CW_OK && cw_rc_class(rc) == CW_C_REJECT &&
            (strcmp(last, "application-block") == 0 || strcmp(last, "card-block") == 0))
                rc = CW_OK;
        return script != CW_OK ? script : rc;
}

int cw_script_pin_tries(struct cw_terminal *t) {
        static const uint8_t command[5] = {0x80, 0xca, 0x9f, 0x17, 0x00};
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_fault unused = {0};
        struct cw_span v = {0};
        if (cw_card_exchange(t->channel, CW_SPAN(command, sizeof command), t->timeout_ms, &r, &unused) !=
                CW_OK ||
            r.sw != 0x9000 || !cw_tlv_find(CW_SPAN(r.data, r.len), 0x9f17, &v) || v.len != 1)
                return -1;
        return v.ptr[0];
}

/* A wrong cryptogram: the card gets no answer, the transaction ends declined. */
static cw_rc end_declined(struct cw_terminal *t, struct cw_fault *f) {
        struct cw_terminal_ac second = {0};
        return cw_terminal_generate_ac(t, 0x00, false, &second, f);
}

cw_rc cw_script_prove(struct cw_terminal *t, struct cw_hsm_session *hsm, const char *psn, bool *ret_genuine,
                      uint16_t *ret_atc, struct cw_fault *f) {
        struct cw_terminal_ac ac = {0};
        struct cw_hsm_arqc answer = {0};
        cw_rc rc = cw_terminal_generate_ac(t, CW_AC_ARQC, true, &ac, f);
        if (rc == CW_OK)
                rc = cw_script_verify(t, hsm, psn, &ac, &answer, f);
        if (rc == CW_OK && (ac.cid & CW_AC_TYPE) == CW_AC_ARQC)
                rc = end_declined(t, f);
        if (rc != CW_OK)
                return rc;
        *ret_genuine = answer.genuine;
        *ret_atc = ac.atc;
        return CW_OK;
}

static cw_rc answered(struct cw_terminal *t, struct cw_hsm_session *hsm, const struct cw_script_order *order,
                      const struct cw_hsm_arqc *answer, struct cw_script_result *ret, struct cw_fault *f) {
        cw_rc rc = cw_script_answer(t, answer, f);
        if (rc == CW_OK && order->before)
                return between(t, hsm, order, ret, f);
        if (rc == CW_OK)
                rc = cw_script_second_ac(t, f);
        return rc == CW_OK ? send_all(t, hsm, order, ret, f) : rc;
}

cw_rc cw_script_run(struct cw_terminal *t, struct cw_hsm_session *hsm, const char *psn,
                    const struct cw_script_order *order, struct cw_script_result *ret, struct cw_fault *f) {
        struct cw_terminal_ac ac = {0};
        struct cw_hsm_arqc answer = {0};
        *ret = (struct cw_script_result){.pin_tries = -1};
        cw_rc rc = cw_terminal_generate_ac(t, CW_AC_ARQC, true, &ac, f);
        if (rc != CW_OK)
                return rc;
        uint8_t type = ac.cid & CW_AC_TYPE;
        ret->atc = ac.atc;
        if (type != CW_AC_ARQC && !(order->blocked && type == 0x00))
                return declined(ac.cid, "the card declines to go online for the bank's script; call the bank",
                                f);
        rc = cw_script_verify(t, hsm, psn, &ac, &answer, f);
        if (rc != CW_OK)
                return rc;
        ret->genuine = answer.genuine;
        if (!answer.genuine)
                return type == CW_AC_ARQC ? end_declined(t, f) : CW_OK;
        rc = type == CW_AC_ARQC ? answered(t, hsm, order, &answer, ret, f) : send_all(t, hsm, order, ret, f);
        if (rc == CW_OK)
                ret->pin_tries = cw_script_pin_tries(t);
        return rc;
}
