/* SPDX-License-Identifier: Apache-2.0 */
/* Readers with a keypad, at the kiosk after a PIN change (kiosk.keypad) and for a technician (card.pin). */
#include "drivers/station/keypad.h"

#include "drivers/station/kiosk.h"
#include "drivers/station/station.h"

#define LOOK_MS 5000
#define ENTRY_MAX_S 255

cw_rc cw_keypad_ask(struct cw_card_channel *c, const struct cw_config_pin *pin, bool modify,
                    enum cw_part10_outcome *ret, int *ret_tries, struct cw_fault *f) {
        const int64_t seconds = (pin->entry_timeout_ms + 999) / 1000;
        const struct cw_part10_ask ask = {.timeout_s =
                                              (uint8_t)(seconds < ENTRY_MAX_S ? seconds : ENTRY_MAX_S),
                                          .min = (uint8_t)pin->length_min,
                                          .max = (uint8_t)pin->length_max};
        struct cw_secure_pin s;
        cw_rc rc = cw_secure_pin_look(c, LOOK_MS, &s, f);
        if (rc != CW_OK)
                return rc;
        return modify ? cw_secure_pin_modify(c, &s, &ask, ret, ret_tries, f)
                      : cw_secure_pin_verify(c, &s, &ask, ret, ret_tries, f);
}

static void fill(struct cw_msg *reply, enum cw_part10_outcome o, int tries) {
        (void)json_object_set_new(reply->json, "outcome", json_string(cw_part10_outcome_name(o)));
        (void)json_object_set_new(reply->json, "tries", json_integer(tries));
}

/* ---- kiosk.keypad ---- */

/* Offline PINs are verified before a cryptogram is asked for: the chip gets a transaction of its own. */
static cw_rc prove_pin(struct cw_station *st, struct cw_msg *reply, struct cw_fault *f) {
        struct cw_kiosk *k = &st->kiosk;
        enum cw_part10_outcome o = CW_PIN_REFUSED;
        int tries = -1;
        cw_rc rc = cw_kiosk_start_again(k, f);
        if (rc == CW_OK) {
                cw_kiosk_tell(st, "PIN AT CARDSLOT");
                rc = cw_keypad_ask(k->channel, &st->config->pin, false, &o, &tries, f);
                cw_kiosk_tell(st, "PLEASE WAIT");
        }
        if (rc == CW_OK)
                fill(reply, o, tries);
        return rc;
}

struct cw_msg *cw_kiosk_keypad(struct cw_station *st, const struct cw_msg *request) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        cw_rc rc = cw_kiosk_check(st, request, &f);
        if (rc == CW_OK && !(st->kiosk.has_terminal && st->kiosk.channel))
                rc = cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_STATE), 0, "kiosk.keypad", "",
                             "there is no card of this customer; begin again");
        if (rc == CW_OK && reply)
                rc = prove_pin(st, reply, &f);
        return rc == CW_OK ? CW_STEAL(reply) : cw_kiosk_failed(request, &f);
}

/* ---- card.pin ---- */

/*
 * A chip that is sent CHANGE REFERENCE DATA gets a PIN that its issuer does not know, so nobody's file says
 * that it may be: the product's profile does, whose signature this station judged.
 */
static cw_rc trusted_profile(struct cw_station *st, const struct cw_msg *request,
                             const struct cw_profile **ret, struct cw_fault *f) {
        const struct cw_profile *own = NULL;
        const char *name = cw_msg_str(request, "profile", "");
        const struct cw_config_product *p =
            cw_config_product_for(st->config, cw_msg_str(request, "product", ""), name, false);
        if (!p)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_DENIED), 0, "card.pin", "",
                               "no product of this station has the profile %.60s; a PIN is changed by what "
                               "a product's own profile says alone",
                               name);
        cw_rc rc = cw_profiles_get(&st->profiles, (size_t)(p - st->config->products), &own, f);
        if (rc != CW_OK)
                return rc;
        if (!own->change_reference_data)
                return cw_fail(
                    f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_DENIED), 0, "card.pin", "",
                    "this product's chip takes no PIN by CHANGE REFERENCE DATA; its issuer changes "
                    "it by a script (change_reference_data in profile %.60s in profile_dir allows it)",
                    p->profile);
        *ret = own;
        return CW_OK;
}

struct cw_msg *cw_keypad_card(struct cw_station *st, const struct cw_msg *request, struct cw_card_channel *c,
                              const struct cw_profile *profile, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        const bool modify = cw_msg_bool(request, "modify", false);
        enum cw_part10_outcome o = CW_PIN_REFUSED;
        struct cw_terminal t = {0};
        int tries = -1;
        cw_rc rc = modify ? trusted_profile(st, request, &profile, f) : CW_OK;
        if (rc == CW_OK)
                rc = cw_terminal_init(c, profile, CW_APDU_TIMEOUT_MS, &t, f);
        if (rc != CW_OK)
                return NULL;
        rc = cw_terminal_select(&t, NULL, f);
        if (rc == CW_OK)
                rc = cw_terminal_start(&t, f);
        if (rc == CW_OK)
                rc = cw_keypad_ask(c, &st->config->pin, modify, &o, &tries, f);
        cw_terminal_done(&t);
        if (rc != CW_OK || !reply)
                return NULL;
        fill(reply, o, tries);
        (void)json_object_set_new(reply->json, "passed", json_boolean(o == CW_PIN_RIGHT));
        return CW_STEAL(reply);
}
