/* SPDX-License-Identifier: Apache-2.0 */
/* The station's half: one blocking call per function. */
#include "hsm/client/hsm_client.h"

#include "base/buf.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define UNWRAP_ID 0x554e0000u /* numbers of its own: calls count from 1 */

struct cw_hsm_session {
        int fd;
        int64_t timeout_ms;
        uint32_t unwraps;
        char issuer_keys[CW_HSM_ISSUER_KEYS];
};

cw_rc cw_hsm_session_open(int take_fd, int64_t timeout_ms, struct cw_hsm_session **ret) {
        struct cw_hsm_session *s = calloc(1, sizeof(*s));
        if (s == NULL) {
                (void)close(take_fd);
                return CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        }
        *s = (struct cw_hsm_session){.fd = take_fd, .timeout_ms = timeout_ms};
        *ret = s;
        return CW_OK;
}

void cw_hsm_session_close(struct cw_hsm_session *s) {
        if (s == NULL)
                return;
        (void)close(s->fd);
        free(s);
}

static cw_rc no_memory(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.call", "", "out of memory");
}

static cw_rc malformed(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_SYNTAX), 0, "hsm.call", "",
                       "hsmd answered in a way that is not agreed; are both of the same version?");
}

/* Sends the request and frees it. */
static cw_rc call(struct cw_hsm_session *s, struct cw_msg *take, struct cw_msg **ret, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = take;
        if (request == NULL)
                return no_memory(f);
        return cw_ipc_call(s->fd, request, cw_deadline_ns(s->timeout_ms), ret, f);
}

static void set(struct cw_msg **m, const char *key, json_t *value) {
        if (*m != NULL && json_object_set_new((*m)->json, key, value) == 0)
                return;
        if (*m == NULL)
                json_decref(value);
        cw_msg_free(*m);
        *m = NULL;
}

static void set_hex(struct cw_msg **m, const char *key, const void *bytes, size_t len) {
        char text[2 * 32 + 1] = "";
        (void)cw_hex_encode(bytes, len, text, sizeof(text));
        set(m, key, json_string(text));
}

static void attach(struct cw_msg **m, const void *bytes, size_t len) {
        if (*m != NULL && cw_msg_attach_copy(*m, bytes, len) == CW_OK)
                return;
        cw_msg_free(*m);
        *m = NULL;
}

static bool copy_text(const struct cw_msg *m, const char *key, char *ret, size_t cap) {
        const char *value = cw_msg_str(m, key, "");
        size_t len = strlen(value);
        if (len >= cap)
                return false;
        memcpy(ret, value, len + 1);
        return true;
}

static bool copy_hex(const struct cw_msg *m, const char *key, void *ret, size_t cap, size_t *ret_len) {
        const char *value = cw_msg_str(m, key, "");
        return cw_hex_decode(value, strlen(value), ret, cap, ret_len);
}

/* One attachment out of a call that has no other result. */
static cw_rc call_for_att(struct cw_hsm_session *s, struct cw_msg *take, struct cw_secret **ret,
                          struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        cw_rc rc = call(s, take, &reply, f);
        if (rc != CW_OK)
                return rc;
        struct cw_secret *att = cw_msg_take_att(reply, 0);
        if (att == NULL)
                return malformed(f);
        *ret = att;
        return CW_OK;
}

/* Two attachments, the second one of the issuer. */
static cw_rc call_for_two(struct cw_hsm_session *s, struct cw_msg *take, struct cw_secret **ret,
                          struct cw_secret **ret_second, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        cw_rc rc = call(s, take, &reply, f);
        if (rc != CW_OK)
                return rc;
        if (reply->att_count != 2)
                return malformed(f);
        *ret = cw_msg_take_att(reply, 0);
        *ret_second = cw_msg_take_att(reply, 1);
        return CW_OK;
}

void cw_hsm_card_data_done(struct cw_hsm_card_data *d) {
        cw_secret_free(d->pan);
        cw_secret_free(d->track1);
        cw_secret_free(d->track2);
        cw_secret_free(d->track2_equivalent);
        cw_secret_free(d->cvv2);
        cw_wipe(d, sizeof(*d));
}

cw_rc cw_hsm_session_card_data(struct cw_hsm_session *s, struct cw_hsm_card_data *ret, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_hsm_card_data d = {0};
        cw_rc rc = call(s, cw_msg_request("card.data"), &reply, f);
        if (rc != CW_OK)
                return rc;
        bool ok = copy_text(reply, "expiry", d.expiry, sizeof(d.expiry)) &&
                  copy_text(reply, "service_code", d.service_code, sizeof(d.service_code)) &&
                  copy_text(reply, "psn", d.psn, sizeof(d.psn)) &&
                  copy_text(reply, "name", d.name, sizeof(d.name)) &&
                  copy_text(reply, "track_name", d.track_name, sizeof(d.track_name)) &&
                  copy_text(reply, "masked_pan", d.masked_pan, sizeof(d.masked_pan)) && reply->att_count == 5;
        if (!ok)
                return malformed(f);
        d.pan = cw_msg_take_att(reply, 0);
        d.track1 = cw_msg_take_att(reply, 1);
        d.track2 = cw_msg_take_att(reply, 2);
        d.track2_equivalent = cw_msg_take_att(reply, 3);
        d.cvv2 = cw_msg_take_att(reply, 4);
        *ret = d;
        return CW_OK;
}

cw_rc cw_hsm_session_gp_start(struct cw_hsm_session *s, const struct cw_hsm_gp_how *how, uint8_t *ret_kvn,
                              uint8_t ret_challenge[CW_HSM_CHALLENGE_MAX], size_t *ret_challenge_len,
                              struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        uint8_t challenge[CW_HSM_CHALLENGE_MAX];
        size_t n = 0, want = how && how->s16 ? CW_HSM_CHALLENGE_MAX : 8;
        struct cw_msg *m = cw_msg_request("gp.start");
        if (how) {
                set(&m, "kvn", json_integer(how->kvn));
                set(&m, "s16", json_boolean(how->s16));
        }
        cw_rc rc = call(s, m, &reply, f);
        if (rc != CW_OK)
                return rc;
        int64_t kvn = cw_msg_int(reply, "kvn", -1);
        if (kvn < 0 || kvn > 255 || !copy_hex(reply, "challenge", challenge, sizeof(challenge), &n) ||
            n != want)
                return malformed(f);
        *ret_kvn = (uint8_t)kvn;
        memcpy(ret_challenge, challenge, n);
        *ret_challenge_len = n;
        return CW_OK;
}

static bool read_card(const struct cw_msg *reply, struct cw_hsm_gp_card *ret) {
        uint8_t sequence[3];
        size_t kdd_len = 0, n = 0;
        int64_t scp = cw_msg_int(reply, "scp", -1), i = cw_msg_int(reply, "i", -1),
                kvn = cw_msg_int(reply, "kvn", -1);
        if (scp < 2 || scp > 3 || i < 0 || i > 255 || kvn < 0 || kvn > 255 ||
            !copy_hex(reply, "kdd", ret->kdd, sizeof(ret->kdd), &kdd_len) || kdd_len != sizeof(ret->kdd) ||
            !copy_hex(reply, "sequence", sequence, sizeof(sequence), &n))
                return false;
        ret->scp = (uint8_t)scp;
        ret->i = (uint8_t)i;
        ret->kvn = (uint8_t)kvn;
        ret->has_sequence = n > 0;
        for (size_t k = 0; k < n; k++)
                ret->sequence = ret->sequence << 8 | sequence[k];
        return true;
}

static void set_domain(struct cw_msg **m, const struct cw_hsm_gp_domain *d) {
        if (d->aid_len > 0)
                set_hex(m, "aid", d->aid, d->aid_len);
        if (d->chip && d->chip[0])
                set(m, "chip", json_string(d->chip));
        if (d->i)
                set(m, "i", json_integer(d->i));
        if (d->count_data_only)
                set(m, "count_data_only", json_true());
}

cw_rc cw_hsm_session_gp_card(struct cw_hsm_session *s, const uint8_t *response, size_t len,
                             const struct cw_hsm_gp_domain *domain, struct cw_hsm_gp_card *ret,
                             struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_hsm_gp_card card = {0};
        struct cw_msg *m = cw_msg_request("gp.card");
        if (domain)
                set_domain(&m, domain);
        attach(&m, response, len);
        cw_rc rc = call(s, m, &reply, f);
        if (rc != CW_OK)
                return rc;
        if (!read_card(reply, &card))
                return malformed(f);
        *ret = card;
        return CW_OK;
}

cw_rc cw_hsm_session_gp_authenticate(struct cw_hsm_session *s, uint8_t level, struct cw_secret **ret_apdu,
                                     struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("gp.authenticate");
        set(&m, "level", json_integer(level));
        return call_for_att(s, m, ret_apdu, f);
}

/* One flag an item: 80 00.. is added before enciphering even to whole blocks. */
static void set_flags(struct cw_msg **m, const bool *padded, size_t count) {
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(list, json_boolean(padded[i]));
        set(m, "padded", list);
}

cw_rc cw_hsm_session_perso_encipher(struct cw_hsm_session *s, const void *items, size_t len,
                                    const bool *padded, size_t count, struct cw_secret **ret_items,
                                    struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("perso.encipher");
        set_flags(&m, padded, count);
        attach(&m, items, len);
        return call_for_att(s, m, ret_items, f);
}

cw_rc cw_hsm_session_bench_pan(struct cw_hsm_session *s, const void *pan, size_t len, const char *psn,
                               char ret_masked[CW_HSM_MASKED_PAN], struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_msg *m = cw_msg_request("bench.pan");
        set(&m, "psn", json_string(psn));
        attach(&m, pan, len);
        cw_rc rc = call(s, m, &reply, f);
        if (rc == CW_OK && !copy_text(reply, "masked_pan", ret_masked, CW_HSM_MASKED_PAN))
                return malformed(f);
        return rc;
}

cw_rc cw_hsm_session_bench_icvv(struct cw_hsm_session *s, const char *expiry, char ret_icvv[CW_HSM_ICVV],
                                struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *digits = NULL;
        struct cw_msg *m = cw_msg_request("bench.icvv");
        set(&m, "expiry", json_string(expiry));
        cw_rc rc = call_for_att(s, m, &digits, f);
        if (rc == CW_OK && digits->len != CW_HSM_ICVV)
                return malformed(f);
        if (rc == CW_OK)
                memcpy(ret_icvv, digits->ptr, CW_HSM_ICVV);
        return rc;
}

cw_rc cw_hsm_session_perso_keys(struct cw_hsm_session *s, const char *keys, struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("perso.keys");
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        set(&m, "keys", json_string(keys));
        return call(s, m, &reply, f);
}

static void set_how(struct cw_msg **m, const struct cw_hsm_sensitive *q) {
        const struct {
                const char *name, *word;
        } words[] = {
            {"keys", q->keys}, {"kcv", q->kcv}, {"pin_block", q->pin_block}, {"pin_fill", q->pin_fill}};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (words[i].word)
                        set(m, words[i].name, json_string(words[i].word));
}

cw_rc cw_hsm_session_perso_sensitive(struct cw_hsm_session *s, const struct cw_hsm_sensitive *q,
                                     struct cw_secret **ret_items, struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("perso.sensitive");
        json_t *list = json_array();
        for (size_t i = 0; i < q->count; i++)
                (void)json_array_append_new(list, json_string(q->dgis[i]));
        set(&m, "dgis", list);
        set_flags(&m, q->padded, q->count);
        set_how(&m, q);
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        cw_rc rc = call(s, m, &reply, f);
        if (rc != CW_OK)
                return rc;
        if (json_object_get(reply->json, "issuer_keys") != NULL &&
            !copy_text(reply, "issuer_keys", s->issuer_keys, sizeof(s->issuer_keys)))
                return malformed(f);
        struct cw_secret *att = cw_msg_take_att(reply, 0);
        if (att == NULL)
                return malformed(f);
        *ret_items = att;
        return CW_OK;
}

const char *cw_hsm_session_issuer_keys(const struct cw_hsm_session *s) {
        return s->issuer_keys;
}

cw_rc cw_hsm_session_icc_key(struct cw_hsm_session *s, const struct cw_hsm_icc_request *q,
                             struct cw_secret **ret_certificate, struct cw_secret **ret_issuer,
                             struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("perso.icc_key");
        set(&m, "use", json_string(q->use));
        set(&m, "bits", json_integer(q->bits));
        set(&m, "exponent", json_integer(q->exponent));
        if (q->expiry)
                set(&m, "expiry", json_string(q->expiry));
        if (q->keep)
                set(&m, "keep", json_true());
        if (q->len > 0)
                attach(&m, q->data, q->len);
        return call_for_two(s, m, ret_certificate, ret_issuer, f);
}

cw_rc cw_hsm_session_icc_parts(struct cw_hsm_session *s, const char *use, bool crt, bool padded,
                               struct cw_secret **ret_items, struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("perso.icc_parts");
        set(&m, "use", json_string(use));
        set(&m, "padded", json_boolean(padded));
        set(&m, "form", json_string(crt ? "crt" : "plain"));
        return call_for_att(s, m, ret_items, f);
}

cw_rc cw_hsm_session_ssad(struct cw_hsm_session *s, const uint8_t dac[2], const void *data, size_t len,
                          struct cw_secret **ret_ssad, struct cw_secret **ret_issuer, struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("perso.ssad");
        set_hex(&m, "dac", dac, 2);
        attach(&m, data, len);
        return call_for_two(s, m, ret_ssad, ret_issuer, f);
}

cw_rc cw_hsm_session_put_key(struct cw_hsm_session *s, const struct cw_hsm_put_key *q,
                             struct cw_secret **ret_apdu, struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("gp.put_key");
        set(&m, "kvn", json_integer(q->kvn));
        set(&m, "replaces", json_integer(q->replaces));
        set(&m, "algorithm", json_string(q->aes ? "aes" : "des"));
        return call_for_att(s, m, ret_apdu, f);
}

cw_rc cw_hsm_session_put_key_answer(struct cw_hsm_session *s, const struct cw_hsm_put_key *q,
                                    const void *rapdu, size_t len, bool *ret_accepted,
                                    char ret_kcv[CW_HSM_PUT_KEY_KCV], struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_msg *m = cw_msg_request("gp.put_key_answer");
        set(&m, "version_only", json_boolean(q->version_only));
        attach(&m, rapdu, len);
        cw_rc rc = call(s, m, &reply, f);
        if (rc != CW_OK)
                return rc;
        bool accepted = cw_msg_bool(reply, "accepted", false);
        if (accepted && !copy_text(reply, "kcv", ret_kcv, CW_HSM_PUT_KEY_KCV))
                return malformed(f);
        *ret_accepted = accepted;
        return CW_OK;
}

cw_rc cw_hsm_session_gp_wrap(struct cw_hsm_session *s, const void *items, size_t len,
                             struct cw_secret **ret_items, struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("gp.wrap");
        attach(&m, items, len);
        return call_for_att(s, m, ret_items, f);
}

/* Asleep, not looking for the answer: a card works at the same time, and its reader's threads want the CPU.
 */
static cw_rc sleep_until_answered(const struct cw_hsm_session *s, int64_t deadline_ns, struct cw_fault *f) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        for (;;) {
                int left_ms = cw_deadline_left_ms(deadline_ns), n = poll(&p, 1, left_ms);
                if (n > 0)
                        return CW_OK;
                if (left_ms == 0 || (n < 0 && errno != EINTR))
                        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT), n < 0 ? errno : 0,
                                       "hsm.call", "", "hsmd did not answer in time");
        }
}

static cw_rc unwrap_answer(const struct cw_msg *reply, struct cw_fault *f) {
        struct cw_fault told = {0};
        if (cw_msg_bool(reply, "ok", false))
                return CW_OK;
        cw_fault_from_json(json_object_get(reply->json, "error"), &told);
        if (f)
                *f = told;
        return told.rc;
}

/* One that came too late for the call before it says nothing about this answer of the card: it is dropped. */
static cw_rc answer_to(struct cw_hsm_session *s, uint32_t id, int64_t deadline_ns, struct cw_msg **ret,
                       struct cw_fault *f) {
        for (;;) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                cw_rc rc = sleep_until_answered(s, deadline_ns, f);
                if (rc == CW_OK)
                        rc = cw_ipc_recv(s->fd, deadline_ns, &reply, f);
                if (rc != CW_OK)
                        return rc;
                if (reply->type != CW_MSG_REPLY || reply->id != id)
                        continue;
                *ret = CW_STEAL(reply);
                return CW_OK;
        }
}

cw_rc cw_hsm_session_gp_unwrap(struct cw_hsm_session *s, const void *rapdu, size_t len,
                               struct cw_secret **ret_data, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_request("gp.unwrap");
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        const int64_t deadline_ns = cw_deadline_ns(s->timeout_ms);
        attach(&m, rapdu, len);
        if (m == NULL)
                return no_memory(f);
        m->id = UNWRAP_ID + ++s->unwraps;
        cw_rc rc = cw_ipc_send(s->fd, m, deadline_ns, f);
        if (rc == CW_OK)
                rc = answer_to(s, m->id, deadline_ns, &reply, f);
        if (rc == CW_OK)
                rc = unwrap_answer(reply, f);
        if (rc != CW_OK)
                return rc;
        struct cw_secret *att = cw_msg_take_att(reply, 0);
        if (att == NULL)
                return malformed(f);
        *ret_data = att;
        return CW_OK;
}

static bool read_arqc(const struct cw_msg *reply, struct cw_hsm_arqc *ret) {
        size_t csu = 0, arc = 0;
        ret->genuine = cw_msg_bool(reply, "genuine", false);
        if (!copy_hex(reply, "arpc", ret->arpc, sizeof(ret->arpc), &ret->arpc_len) ||
            !copy_hex(reply, "csu", ret->csu, sizeof(ret->csu), &csu) ||
            !copy_hex(reply, "arc", ret->arc, sizeof(ret->arc), &arc))
                return false;
        return !ret->genuine || (ret->arpc_len == 4 && csu == 4) || (ret->arpc_len == 8 && arc == 2);
}

cw_rc cw_hsm_session_emv_cryptogram(struct cw_hsm_session *s, const struct cw_hsm_arqc_request *q,
                                    struct cw_hsm_arqc *ret, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_hsm_arqc result = {0};
        const uint8_t atc[2] = {(uint8_t)(q->atc >> 8), (uint8_t)q->atc};
        struct cw_msg *m = cw_msg_request("emv.arqc");
        set_hex(&m, "atc", atc, sizeof(atc));
        set_hex(&m, "arqc", q->arqc, sizeof(q->arqc));
        set_hex(&m, "un", q->un, sizeof(q->un));
        set(&m, "psn", json_string(q->psn));
        attach(&m, q->data, q->len);
        cw_rc rc = call(s, m, &reply, f);
        if (rc != CW_OK)
                return rc;
        if (!read_arqc(reply, &result))
                return malformed(f);
        *ret = result;
        return CW_OK;
}

cw_rc cw_hsm_session_emv_arqc(struct cw_hsm_session *s, uint16_t atc, const uint8_t arqc[8], const char *psn,
                              const void *data, size_t len, struct cw_hsm_arqc *ret, struct cw_fault *f) {
        struct cw_hsm_arqc_request q = {.atc = atc, .psn = psn, .data = data, .len = len};
        memcpy(q.arqc, arqc, sizeof(q.arqc));
        return cw_hsm_session_emv_cryptogram(s, &q, ret, f);
}

cw_rc cw_hsm_session_emv_script(struct cw_hsm_session *s, const char *command, struct cw_secret **ret_apdu,
                                struct cw_fault *f) {
        struct cw_msg *m = cw_msg_request("emv.script");
        set(&m, "command", json_string(command));
        return call_for_att(s, m, ret_apdu, f);
}

cw_rc cw_hsm_session_kiosk_pan(struct cw_hsm_session *s, const struct cw_secret *pan, const char *expiry,
                               const char *psn, char ret_pan_hash[CW_HSM_PAN_HASH_HEX],
                               char ret_masked[CW_HSM_MASKED_PAN], struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_msg *m = cw_msg_request("kiosk.pan");
        set(&m, "expiry", json_string(expiry));
        set(&m, "psn", json_string(psn));
        attach(&m, pan->ptr, pan->len);
        cw_rc rc = call(s, m, &reply, f);
        if (rc != CW_OK)
                return rc;
        if (!copy_text(reply, "pan_hash", ret_pan_hash, CW_HSM_PAN_HASH_HEX) ||
            !copy_text(reply, "masked_pan", ret_masked, CW_HSM_MASKED_PAN))
                return malformed(f);
        return CW_OK;
}

static struct cw_msg *entry(const char *name, const char *ksn_hex, const uint8_t *block, size_t len) {
        struct cw_msg *m = cw_msg_request(name);
        set(&m, "ksn", json_string(ksn_hex));
        attach(&m, block, len);
        return m;
}

cw_rc cw_hsm_session_pin_first(struct cw_hsm_session *s, const char *ksn_hex, const uint8_t *block,
                               size_t len, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        return call(s, entry("pin.first", ksn_hex, block, len), &reply, f);
}

cw_rc cw_hsm_session_pin_second(struct cw_hsm_session *s, const char *ksn_hex, const uint8_t *block,
                                size_t len, bool *ret_equal, unsigned *ret_attempts_left,
                                struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        cw_rc rc = call(s, entry("pin.second", ksn_hex, block, len), &reply, f);
        if (rc != CW_OK)
                return rc;
        int64_t left = cw_msg_int(reply, "attempts_left", -1);
        if (left < 0 || left > 100 || !json_is_boolean(json_object_get(reply->json, "equal")))
                return malformed(f);
        *ret_equal = cw_msg_bool(reply, "equal", false);
        *ret_attempts_left = (unsigned)left;
        return CW_OK;
}
