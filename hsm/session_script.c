/* SPDX-License-Identifier: Apache-2.0 */
/* emv.script: issuer script commands for the card whose cryptogram was right, by the product's version. */
#include "base/buf.h"
#include "base/secret.h"
#include "hsm/emv_scheme.h"
#include "hsm/session_internal.h"

#include <string.h>

#define MAC_LEN 8u
#define CONTEXT_LEN 10u

static const struct command {
        const char *name;
        uint8_t header[4]; /* CLA INS P1 P2 */
        bool pin;          /* carries the new PIN */
} commands[] = {
    {"pin-change", {0x84, 0x24, 0x00, 0x02}, true},
    {"pin-unblock", {0x84, 0x24, 0x00, 0x00}, false},
    {"application-unblock", {0x84, 0x18, 0x00, 0x00}, false},
    {"application-block", {0x84, 0x1e, 0x00, 0x00}, false},
    {"card-block", {0x84, 0x16, 0x00, 0x00}, false},
};

/* P2: the data is of both PINs. */
static const struct command pin_change_current = {"pin-change", {0x84, 0x24, 0x00, 0x01}, true};

static const struct command *find(const char *name) {
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        }
        return NULL;
}

/* The customer's choice at a kiosk; else a PIN of the request. */
static cw_rc new_pin(struct cw_sess *s, const struct cw_msg *request, struct cw_pin *ret,
                     struct cw_fault *f) {
        struct cw_sess_source from;
        if ((s->state & CW_ST_KIOSK) != 0) {
                if ((s->state & CW_ST_EQUAL) == 0 || s->secret->chosen.len == 0 ||
                    !s->product->chip_pin_script)
                        return cw_sess_bad(
                            "there is no chosen PIN for the chip, or the product does not put it "
                            "there (chip_pin_script)",
                            f);
                *ret = s->secret->chosen;
                return CW_OK;
        }
        cw_rc rc = cw_sess_source(s, request, &from, f);
        return rc != CW_OK ? rc : cw_sess_source_open(s, &from, ret, f);
}

/* The PIN to be replaced: a second block of the same source. A pad enters it first, so it is read first. */
static cw_rc current_pin(struct cw_sess *s, const struct cw_msg *request, struct cw_pin *ret,
                         struct cw_fault *f) {
        struct cw_sess_source from;
        const enum cw_emv_pin_scheme scheme = cw_emv_scheme_pin(s->product->cvn);
        if ((s->state & CW_ST_KIOSK) != 0 || (scheme != CW_EMV_PIN_VISA && scheme != CW_EMV_PIN_VISA22))
                return cw_sess_bad("\"current\" is for service sessions with Visa cards; leave it away", f);
        cw_rc rc = cw_sess_source(s, request, &from, f);
        if (rc == CW_OK && *from.ksn) {
                from.ksn = cw_msg_str(request, "current_ksn", "");
                rc = *from.ksn ? CW_OK : cw_sess_bad("\"current_ksn\" is missing", f);
        }
        if (rc == CW_OK)
                rc = cw_sess_att(request, 1, from.block.len, from.block.len, &from.block, f);
        return rc != CW_OK ? rc : cw_sess_source_open(s, &from, ret, f);
}

/* current: NULL when the command carries the new PIN alone. */
static cw_rc pin_data(struct cw_sess *s, const struct cw_emv_card *card, const struct cw_pin *pin,
                      const struct cw_pin *current, uint8_t ret[CW_EMV_PIN_CHANGE_MAX], size_t *ret_len,
                      struct cw_fault *f) {
        CW_WIPED(uint8_t, mk_ac, 16);
        struct cw_retail_key smc = {0};
        enum cw_cvn cvn = s->product->cvn;
        const bool ccd = cw_emv_scheme_pin(cvn) == CW_EMV_PIN_CCD; /* not bound to the card's AC key */
        cw_rc rc = cw_sess_need_host_memory(s, "a PIN change message needs the clear PIN", f);
        if (rc == CW_OK)
                rc = cw_emv_scheme_script_key(s->c, cvn, card, &s->tx, CW_SCRIPT_CONFIDENTIALITY, s->scripts,
                                              &smc, f);
        if (rc == CW_OK && !ccd)
                rc = cw_emv_icc_mk_value(s->c, card->imk_ac, card->pan, card->psn,
                                         cw_emv_option_for(card->pan), mk_ac, f);
        if (rc == CW_OK)
                rc = cw_emv_pin_change(s->c, &smc.full, cw_emv_scheme_pin(cvn), mk_ac, pin, current, ret,
                                       ret_len, f);
        cw_retail_key_destroy(s->c, &smc);
        return rc;
}

static cw_rc integrity_key(struct cw_sess *s, const struct cw_emv_card *card, struct cw_retail_key *ret,
                           struct cw_fault *f) {
        cw_rc rc = cw_emv_scheme_script_inside(s->c, s->product->cvn)
                       ? CW_OK
                       : cw_sess_need_host_memory(
                             s,
                             "this token does not mix the transaction counter into a card's key "
                             "(CKM_XOR_BASE_AND_DATA), as scripts of CVN10 and CVN18 need it",
                             f);
        return rc != CW_OK ? rc
                           : cw_emv_scheme_script_key(s->c, s->product->cvn, card, &s->tx,
                                                      CW_SCRIPT_INTEGRITY, s->scripts, ret, f);
}

/* Secure messaging format 2: header, data, MAC. */
static cw_rc put_format2(struct cw_sess *s, const struct command *cmd, const struct cw_emv_card *card,
                         struct cw_span data, struct cw_msg *reply, struct cw_fault *f) {
        uint8_t apdu[5 + CW_EMV_PIN_CHANGE_MAX + MAC_LEN], context[CONTEXT_LEN], mac[MAC_LEN];
        struct cw_retail_key smi = {0};
        struct cw_writer w;
        cw_writer_init(&w, apdu, sizeof(apdu));
        cw_put_bytes(&w, cmd->header, sizeof(cmd->header));
        cw_put_u8(&w, (uint8_t)(data.len + MAC_LEN));
        cw_put_bytes(&w, data.ptr, data.len);
        memcpy(context, s->tx.atc, 2);
        cw_emv_scheme_script_r(s->product->cvn, &s->tx, s->scripts, context + 2);
        cw_rc rc = integrity_key(s, card, &smi, f);
        if (rc == CW_OK)
                rc =
                    cw_emv_script_mac(s->c, &smi, apdu, context, sizeof(context), data.ptr, data.len, mac, f);
        cw_retail_key_destroy(s->c, &smi);
        cw_put_bytes(&w, mac, sizeof(mac));
        return rc != CW_OK ? rc : cw_sess_put_att(reply, apdu, w.len, f);
}

/* Format 1: data objects 87 (padding indicator, cryptogram) and 8E (MAC); the class says that the header is
 * covered. */
static cw_rc put_format1(struct cw_sess *s, const struct command *cmd, const struct cw_emv_card *card,
                         struct cw_span data, struct cw_msg *reply, struct cw_fault *f) {
        uint8_t apdu[5 + 3 + CW_EMV_PIN_CHANGE_MAX + 2 + MAC_LEN], mac[CW_EMV_CHAIN_MAX] = {0};
        struct cw_retail_key smi = {0};
        struct cw_writer w;
        size_t objects = data.len ? 3 + data.len : 0;
        cw_writer_init(&w, apdu, sizeof(apdu));
        cw_put_u8(&w, cmd->header[0] | 0x08);
        cw_put_bytes(&w, cmd->header + 1, 3);
        cw_put_u8(&w, (uint8_t)(objects + 2 + MAC_LEN));
        if (data.len) {
                cw_put_u8(&w, 0x87);
                cw_put_u8(&w, (uint8_t)(data.len + 1));
                cw_put_u8(&w, 0x01);
                cw_put_bytes(&w, data.ptr, data.len);
        }
        if (s->scripts == 0) {
                memset(s->script_chain, 0, sizeof(s->script_chain));
                memcpy(s->script_chain, s->tx.arqc, sizeof(s->tx.arqc));
        }
        cw_rc rc = integrity_key(s, card, &smi, f);
        if (rc == CW_OK)
                rc = cw_emv_script_mac_chained(s->c, &smi, s->script_chain, apdu, apdu + 5, objects, mac, f);
        cw_retail_key_destroy(s->c, &smi);
        if (rc != CW_OK)
                return rc;
        memcpy(s->script_chain, mac, sizeof(s->script_chain));
        cw_put_u8(&w, 0x8e);
        cw_put_u8(&w, MAC_LEN);
        cw_put_bytes(&w, mac, MAC_LEN);
        return cw_sess_put_att(reply, apdu, w.len, f);
}

cw_rc cw_sess_emv_script(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(struct cw_pin, pins, 2); /* new, current */
        uint8_t data[CW_EMV_PIN_CHANGE_MAX];
        struct cw_emv_card card;
        size_t len = 0;
        const struct command *cmd = find(cw_msg_str(request, "command", ""));
        const bool replaces = cmd != NULL && cmd->pin && cw_msg_bool(request, "current", false);
        if (cmd == NULL)
                return cw_sess_bad("\"command\" must be pin-change, pin-unblock, application-unblock, "
                                   "application-block or card-block",
                                   f);
        cw_rc rc = cw_sess_emv_card(s, s->proved_psn, &card, f);
        if (rc == CW_OK && replaces) {
                cmd = &pin_change_current;
                rc = current_pin(s, request, &pins[1], f);
        }
        if (rc == CW_OK && cmd->pin)
                rc = new_pin(s, request, &pins[0], f);
        if (rc == CW_OK && cmd->pin)
                rc = pin_data(s, &card, &pins[0], replaces ? &pins[1] : NULL, data, &len, f);
        if (rc == CW_OK && cw_emv_scheme_pin(s->product->cvn) == CW_EMV_PIN_CCD)
                rc = put_format1(s, cmd, &card, CW_SPAN(data, len), reply, f);
        else if (rc == CW_OK)
                rc = put_format2(s, cmd, &card, CW_SPAN(data, len), reply, f);
        if (rc == CW_OK)
                s->scripts++;
        return rc;
}
