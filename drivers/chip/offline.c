/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/offline.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DYNAMIC_MIN 31u /* CDA: length, 2 bytes at least, CID, cryptogram, hash */
#define HASH_LEN 20u

static cw_rc wrong(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_CRYPTOGRAM), 0, "chip.offline",
                       "PRD_SMARTCARD", "%s; the card is to be rejected", text);
}

static struct cw_span element(const struct cw_terminal *t, uint32_t tag) {
        struct cw_span v = {0};
        (void)cw_elements_get(t->elements, tag, &v);
        return v;
}

uint8_t cw_offline_ways(const struct cw_terminal *t) {
        struct cw_span aip = element(t, 0x82);
        return aip.len == 2 ? aip.ptr[0] & (CW_WAY_SDA | CW_WAY_DDA | CW_WAY_CDA) : 0;
}

/* Records, and the AIP when the tag list names it; the list may name nothing else. */
static cw_rc static_data(const struct cw_terminal *t, struct cw_secret **ret, struct cw_fault *f) {
        struct cw_span list = element(t, 0x9f4a), aip = element(t, 0x82);
        CW_AUTO(cw_secret_free) struct cw_secret *all = NULL;
        if (t->authenticated_bad)
                return wrong("a record for offline authentication is not well-formed, or there are too many",
                             f);
        if (list.len > 1 || (list.len == 1 && list.ptr[0] != 0x82))
                return wrong("the tag list 9F4A names more than the AIP", f);
        if (cw_secret_new(t->authenticated->len + aip.len, &all) != CW_OK)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, "chip.offline", "",
                               "no locked memory; raise LimitMEMLOCK");
        memcpy(all->ptr, t->authenticated->ptr, t->authenticated->len);
        all->len = t->authenticated->len;
        if (list.len) {
                memcpy(all->ptr + all->len, aip.ptr, aip.len);
                all->len += aip.len;
        }
        *ret = CW_STEAL(all);
        return CW_OK;
}

static const struct cw_ca_key *find_ca(const struct cw_ca_keys *ca, uint8_t index) {
        for (size_t i = 0; i < ca->count; i++)
                if (ca->key[i].index == index)
                        return &ca->key[i];
        return NULL;
}

static void who_and_when(const struct cw_terminal_card *card, struct cw_oda_who *ret) {
        struct tm now = {0};
        time_t seconds = (time_t)(cw_wall_ms(cw_clock_real()) / 1000);
        ret->pan = CW_SPAN(card->pan->ptr, card->pan->len);
        if (localtime_r(&seconds, &now))
                (void)snprintf(ret->today, sizeof ret->today, "%02u%02u", (unsigned)now.tm_year % 100u,
                               ((unsigned)now.tm_mon + 1u) % 100u);
}

static cw_rc recover_icc(const struct cw_terminal *t, const struct cw_oda_who *who, struct cw_offline *o,
                         struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *data = NULL;
        const struct cw_oda_cert cert = {element(t, 0x9f46), element(t, 0x9f48), element(t, 0x9f47)};
        if (cert.value.len == 0)
                return wrong("the card offers dynamic authentication and has no certificate 9F46", f);
        cw_rc rc = static_data(t, &data, f);
        if (rc == CW_OK)
                rc = cw_oda_icc(&o->issuer, &cert, who, CW_SPAN(data->ptr, data->len), &o->icc, f);
        o->has_icc = rc == CW_OK;
        return rc;
}

cw_rc cw_offline_recover(const struct cw_terminal *t, const struct cw_ca_keys *ca,
                         const struct cw_terminal_card *card, struct cw_offline *ret, struct cw_fault *f) {
        struct cw_oda_who who = {.today = ""};
        const struct cw_oda_cert cert = {element(t, 0x90), element(t, 0x92), element(t, 0x9f32)};
        struct cw_span index = element(t, 0x8f);
        *ret = (struct cw_offline){.ways = cw_offline_ways(t)};
        if (index.len != 1 || cert.value.len == 0)
                return wrong("the card offers offline authentication and has no issuer certificate (8F, 90)",
                             f);
        const struct cw_ca_key *key = find_ca(ca, index.ptr[0]);
        if (!key)
                return cw_fail(
                    f, CW_RC(CW_L_CHIP, CW_C_OPERATOR, CW_E_NOT_FOUND), index.ptr[0], "chip.offline", "",
                    "the scheme's public key %02X is not at hand; add it to terminal.ca_keys of the "
                    "profile",
                    index.ptr[0]);
        who_and_when(card, &who);
        cw_rc rc = cw_oda_issuer(key, &cert, &who, &ret->issuer, f);
        ret->has_issuer = rc == CW_OK;
        if (rc == CW_OK && (ret->ways & (CW_WAY_DDA | CW_WAY_CDA)))
                rc = recover_icc(t, &who, ret, f);
        return rc;
}

bool cw_offline_has_pin_key(const struct cw_terminal *t) {
        return element(t, 0x9f2d).len > 0;
}

cw_rc cw_offline_pin_key(const struct cw_terminal *t, const struct cw_terminal_card *card,
                         struct cw_offline *o, struct cw_fault *f) {
        struct cw_oda_who who = {.today = ""};
        const struct cw_oda_cert cert = {element(t, 0x9f2d), element(t, 0x9f2f), element(t, 0x9f2e)};
        who_and_when(card, &who);
        cw_rc rc = cw_oda_icc(&o->issuer, &cert, &who, CW_SPAN(NULL, 0), &o->pin, f);
        o->has_pin = rc == CW_OK;
        return rc;
}

cw_rc cw_offline_sda(const struct cw_terminal *t, const struct cw_offline *o, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *data = NULL;
        uint8_t dac[2];
        struct cw_span ssad = element(t, 0x93);
        if (ssad.len == 0)
                return wrong("the card offers SDA and has no signed static data (93)", f);
        cw_rc rc = static_data(t, &data, f);
        return rc != CW_OK ? rc : cw_oda_ssad(&o->issuer, ssad, CW_SPAN(data->ptr, data->len), dac, f);
}

cw_rc cw_offline_dda(struct cw_terminal *t, const struct cw_offline *o, struct cw_fault *f) {
        uint8_t sent[256], dynamic[CW_ODA_KEY_MAX];
        size_t len = 0, dynamic_len = 0;
        struct cw_span sdad = {0};
        cw_rc rc = cw_terminal_internal_authenticate(t, sent, &len, &sdad, f);
        if (rc == CW_OK)
                rc = cw_oda_dynamic(&o->icc, sdad, CW_SPAN(sent, len), dynamic, &dynamic_len, f);
        if (rc == CW_OK && (dynamic_len < 3 || dynamic[0] < 2 || dynamic[0] > 8 || dynamic[0] >= dynamic_len))
                rc = wrong("the dynamic signature holds no ICC dynamic number", f);
        return rc;
}

cw_rc cw_offline_fdda(const struct cw_terminal *t, const struct cw_offline *o, struct cw_fault *f) {
        static const uint32_t covered[] = {0x9f37, 0x9f02, 0x5f2a, 0x9f69};
        uint8_t bytes[128], dynamic[CW_ODA_KEY_MAX];
        struct cw_span sdad = element(t, 0x9f4b), related = element(t, 0x9f69);
        struct cw_writer w;
        size_t len = 0;
        if (sdad.len == 0 || related.len < 7 || related.ptr[0] != 0x01)
                return wrong(
                    "the card offers fDDA and gives no signature 9F4B with card authentication related "
                    "data 9F69 of version 01",
                    f);
        cw_writer_init(&w, bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof covered / sizeof *covered; i++)
                cw_put_bytes(&w, element(t, covered[i]).ptr, element(t, covered[i]).len);
        if (w.bad)
                return wrong("the card authentication related data 9F69 are too long", f);
        return cw_oda_dynamic(&o->icc, sdad, CW_SPAN(bytes, w.len), dynamic, &len, f);
}

uint8_t cw_offline_sign(const struct cw_offline *o, uint8_t kind) {
        return kind != CW_AC_AAC && o->has_icc && (o->ways & CW_WAY_CDA) ? CW_AC_CDA : 0;
}

cw_rc cw_offline_cda(const struct cw_terminal *t, const struct cw_offline *o, struct cw_terminal_ac *ac,
                     struct cw_fault *f) {
        uint8_t dynamic[CW_ODA_KEY_MAX], hash[HASH_LEN];
        size_t len = 0;
        if (!ac->is_signed)
                return wrong("GENERATE AC brings no signature, though the card offers CDA", f);
        cw_rc rc = cw_oda_dynamic(&o->icc, element(t, 0x9f4b), element(t, 0x9f37), dynamic, &len, f);
        if (rc == CW_OK)
                rc = cw_oda_sha1(CW_SPAN(t->exchanged->ptr, t->exchanged->len), hash, f);
        if (rc != CW_OK)
                return rc;
        size_t number = dynamic[0];
        if (len < DYNAMIC_MIN || number < 2 || number > 8 || len < number + 30)
                return wrong("the signature of GENERATE AC is too short for CDA", f);
        const uint8_t *at = dynamic + 1 + number;
        if (at[0] != ac->cid)
                return wrong("the signature of GENERATE AC is for another kind of cryptogram", f);
        if (memcmp(at + 9, hash, HASH_LEN) != 0)
                return wrong("the signature of GENERATE AC is not over this transaction's data", f);
        memcpy(ac->ac, at + 1, sizeof ac->ac);
        return CW_OK;
}
