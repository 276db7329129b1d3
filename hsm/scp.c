/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/scp_internal.h"

#include <stdlib.h>
#include <string.h>

cw_rc cw_scp_mismatch(const char *what, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.scp", "HSM_CRYPTOGRAM",
                       "the %s is wrong: not the keys of this card, or not this card; set the card aside",
                       what);
}

static cw_rc wrong_state(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_STATE), 0, "hsm.scp", "HSM_REFUSED", "%s", text);
}

void cw_scp_free(struct cw_scp *s) {
        if (s == NULL)
                return;
        cw_hsm_key_destroy(s->c, &s->enc);
        cw_hsm_key_destroy(s->c, &s->dek);
        cw_retail_key_destroy(s->c, &s->mac02);
        cw_retail_key_destroy(s->c, &s->rmac02);
        cw_hsm_key_destroy(s->c, &s->mac03);
        cw_hsm_key_destroy(s->c, &s->rmac03);
        cw_gp_keyset_destroy(s->c, &s->card_keys);
        cw_secret_free(s->pending);
        free(s);
}

static cw_rc verify_card(struct cw_scp *s, struct cw_fault *f) {
        uint8_t expected[CW_GP_CHALLENGE_MAX];
        cw_rc rc = s->protocol->cryptogram(s, true, expected, f);
        if (rc == CW_OK && !cw_equal_ct(expected, s->card.cryptogram, s->card.mode_len))
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.scp", "HSM_CRYPTOGRAM",
                             "the card cryptogram is wrong: other keys than this card's, or another "
                             "diversification of "
                             "them, or not this card; no try is spent; set the card aside");
        return rc;
}

static cw_rc verify_challenge(struct cw_scp *s, const uint8_t *aid, size_t aid_len, struct cw_fault *f) {
        uint8_t expected[CW_GP_CHALLENGE_MAX];
        if (s->card.scp != 3 || !s->card.has_sequence || aid_len == 0)
                return CW_OK;
        cw_rc rc = cw_scp03_challenge(s, aid, aid_len, expected, f);
        if (rc == CW_OK && !cw_equal_ct(expected, s->card.card_challenge, s->card.mode_len))
                rc = cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.scp", "HSM_CRYPTOGRAM",
                    "the card knows its keys, but its challenge is not the one that its domain's name "
                    "gives; name the domain in the profile (security_domain), or allow it "
                    "(secure_channel, any_challenge)");
        return rc;
}

cw_rc cw_scp_new(const struct cw_hsm_crypto *c, struct cw_gp_keyset *take_keys,
                 const struct cw_gp_init_update *card, const uint8_t *host_challenge, const uint8_t *aid,
                 size_t aid_len, struct cw_scp **ret, struct cw_fault *f) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = calloc(1, sizeof(*s));
        if (s == NULL) {
                cw_gp_keyset_destroy(c, take_keys);
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.scp", "", "out of memory");
        }
        s->c = c;
        s->card_keys = *take_keys;
        *take_keys = (struct cw_gp_keyset){0};
        s->card = *card;
        s->protocol = card->scp == 2 ? &cw_scp02_protocol : &cw_scp03_protocol;
        memcpy(s->host_challenge, host_challenge, card->mode_len);
        bool aes = cw_hsm_alg_is_aes(s->card_keys.enc.alg);
        if (aes != (card->scp == 3))
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), card->scp, "hsm.scp", "HSM_KEY",
                    "the card speaks SCP0%d, the product's card keys are for the other protocol", card->scp);
        cw_rc rc = s->protocol->session_keys(s, f);
        if (rc == CW_OK)
                rc = verify_card(s, f);
        if (rc == CW_OK)
                rc = verify_challenge(s, aid, aid_len, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(s);
        return rc;
}

static cw_rc prepare_pending(struct cw_scp *s, uint8_t level, struct cw_fault *f) {
        if ((level & CW_SCP_R_MAC) == 0)
                return CW_OK;
        cw_rc rc = cw_secret_new(CW_SCP_PENDING_MAX * sizeof(struct cw_scp_pending), &s->pending);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "hsm.scp", "",
                               "out of locked memory; raise LimitMEMLOCK of the service");
        return CW_OK;
}

void cw_scp_count_data_only(struct cw_scp *s) {
        s->count_data_only = true;
}

cw_rc cw_scp_authenticate(struct cw_scp *s, uint8_t level, uint8_t ret[CW_SCP_AUTHENTICATE_MAX],
                          size_t *ret_len, struct cw_fault *f) {
        uint8_t data[CW_GP_CHALLENGE_MAX];
        struct cw_scp_wrapped wrapped;
        uint8_t header[4] = {0x84, 0x82, level, 0x00};
        if (s->authenticated || s->dead)
                return wrong_state("EXTERNAL AUTHENTICATE is made once for a secure channel", f);
        bool nested = ((level & CW_SCP_C_ENC) == 0 || (level & CW_SCP_C_MAC) != 0) &&
                      ((level & CW_SCP_R_ENC) == 0 || (level & (CW_SCP_R_MAC | CW_SCP_C_ENC)) == 0x12u) &&
                      (level & ~0x33u) == 0;
        if (!nested)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), level, "hsm.scp", "HSM_LEVEL",
                               "security level %02X does not exist", level);
        cw_rc rc = s->protocol->check_level(s, level, f);
        if (rc == CW_OK)
                rc = s->protocol->cryptogram(s, false, data, f);
        if (rc == CW_OK)
                rc = prepare_pending(s, level, f);
        s->level = CW_SCP_C_MAC; /* the command itself always carries a C-MAC and is never enciphered */
        if (rc == CW_OK)
                rc = s->protocol->secure(s, header, data, s->card.mode_len, &wrapped, f);
        if (rc != CW_OK) {
                s->dead = true;
                return rc;
        }
        memcpy(s->rchain, s->chain, sizeof(s->rchain));
        s->authenticated = true;
        s->level = level;
        memcpy(ret, cw_scp_apdu(&wrapped), wrapped.len);
        *ret_len = wrapped.len;
        return CW_OK;
}

static struct cw_scp_pending *pending_at(struct cw_scp *s, size_t i) {
        struct cw_scp_pending *ring = (struct cw_scp_pending *)(void *)s->pending->ptr;
        return &ring[(s->pending_first + i) % CW_SCP_PENDING_MAX];
}

/* Before the command is secured: what of it the R-MAC will cover. */
static cw_rc pending_push(struct cw_scp *s, const struct cw_capdu *a, struct cw_scp_pending **ret,
                          struct cw_fault *f) {
        if (s->pending_count == CW_SCP_PENDING_MAX)
                return wrong_state(
                    "too many wrapped commands without an answer; unwrap their responses first", f);
        struct cw_scp_pending *p = pending_at(s, s->pending_count);
        const uint8_t header[5] = {(uint8_t)(a->cla & ~7u), a->ins, a->p1, a->p2, (uint8_t)a->data_len};
        memcpy(p->command, header, 5);
        if (a->data_len > 0)
                memcpy(p->command + 5, a->data, a->data_len);
        p->command_len = 5 + a->data_len;
        *ret = p;
        return CW_OK;
}

static cw_rc check_wrappable(const struct cw_scp *s, const struct cw_capdu *a, struct cw_fault *f) {
        size_t grown = (s->level & CW_SCP_C_ENC) && a->data_len > 0
                           ? (a->data_len | (s->protocol->block - 1)) + 1
                           : a->data_len;
        if (!s->authenticated || s->dead)
                return wrong_state("there is no authenticated secure channel", f);
        if ((a->cla & 0x7fu) != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), a->cla, "hsm.scp_wrap",
                               "HSM_APDU",
                               "only class 00 and 80 on the basic channel can be wrapped, not %02X", a->cla);
        if (grown + s->card.mode_len > 255)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)a->data_len,
                               "hsm.scp_wrap", "HSM_APDU",
                               "command data is too long to be wrapped in a short APDU");
        return CW_OK;
}

cw_rc cw_scp_check(const struct cw_scp *s, const uint8_t *apdu, size_t len, struct cw_fault *f) {
        struct cw_capdu a;
        cw_rc rc = cw_capdu_parse(apdu, len, &a, f);
        return rc != CW_OK ? rc : check_wrappable(s, &a, f);
}

size_t cw_scp_room(const struct cw_scp *s) {
        return s->pending ? CW_SCP_PENDING_MAX - s->pending_count : SIZE_MAX;
}

/* The data is padded, enciphered and authenticated where it will be sent from. */
static cw_rc wrap_secure(struct cw_scp *s, const struct cw_capdu *a, struct cw_scp_wrapped *ret,
                         struct cw_fault *f) {
        struct cw_scp_pending *p = NULL;
        const uint8_t header[4] = {a->cla | 0x04u, a->ins, a->p1, a->p2};
        cw_rc rc = s->pending ? pending_push(s, a, &p, f) : CW_OK;
        if (rc != CW_OK)
                return rc;
        rc = s->protocol->secure(s, header, a->data, a->data_len, ret, f);
        if (rc != CW_OK) {
                cw_wipe(ret, sizeof(*ret));
                s->dead = true; /* chain and card may differ from now on */
                return rc;
        }
        if (p != NULL) {
                memcpy(p->chain, s->chain, sizeof(p->chain));
                p->counter = s->counter;
                s->pending_count++;
        }
        if (a->has_le)
                ret->bytes[CW_SCP_IN_FRONT + ret->len++] = a->le;
        return CW_OK;
}

/* Flat: see scp03.c. */
__attribute__((flatten)) cw_rc cw_scp_wrap(struct cw_scp *s, const uint8_t *apdu, size_t len,
                                           struct cw_scp_wrapped *ret, struct cw_fault *f) {
        struct cw_capdu a;
        cw_rc rc = cw_capdu_parse(apdu, len, &a, f);
        if (rc == CW_OK)
                rc = check_wrappable(s, &a, f);
        if (rc != CW_OK)
                return rc;
        if ((s->level & CW_SCP_C_MAC) != 0)
                return wrap_secure(s, &a, ret, f);
        memcpy(ret->bytes + CW_SCP_IN_FRONT, apdu, len);
        ret->len = len;
        return CW_OK;
}

/* An R-MAC comes with 9000 and warnings; another status is alone (Amendment D, 6.2.4). */
static bool carries_mac(const uint8_t sw[2]) {
        return (sw[0] == 0x90 && sw[1] == 0x00) || sw[0] == 0x62 || sw[0] == 0x63;
}

cw_rc cw_scp_unwrap(struct cw_scp *s, const uint8_t *rapdu, size_t len, uint8_t *ret, size_t ret_cap,
                    size_t *ret_len, struct cw_fault *f) {
        if (!s->authenticated || s->dead)
                return wrong_state("there is no authenticated secure channel", f);
        if (len < 2 || len > 258 || ret_cap < len)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), (int64_t)len, "hsm.scp_unwrap",
                               "HSM_APDU", "not a short response APDU");
        const uint8_t *sw = rapdu + len - 2;
        memcpy(ret, rapdu, len - 2);
        *ret_len = len - 2;
        if (s->pending == NULL)
                return CW_OK;
        if (s->pending_count == 0)
                return wrong_state("no wrapped command waits for a response", f);
        struct cw_scp_pending *p = pending_at(s, 0);
        cw_rc rc = CW_OK;
        if (carries_mac(sw) || len > 2)
                rc = len >= s->card.mode_len + 2 ? s->protocol->open(s, p, ret, len - 2, sw, ret_len, f)
                                                 : cw_scp_mismatch("response MAC", f);
        cw_wipe(p, sizeof(*p));
        s->pending_first = (s->pending_first + 1) % CW_SCP_PENDING_MAX;
        s->pending_count--;
        if (rc != CW_OK)
                s->dead = true;
        return rc;
}

enum cw_hsm_alg cw_scp_dek_alg(const struct cw_scp *s) {
        return s->card_keys.dek.alg;
}

cw_rc cw_scp_dek_encrypt(struct cw_scp *s, const uint8_t *in, size_t len, bool padded, uint8_t *ret,
                         size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, 272);
        size_t block = s->protocol->block, n = len;
        if (len == 0 || len + block > sizeof(plain) || len + block > ret_cap)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "hsm.scp_dek", "",
                               "sensitive data is empty or too long");
        memcpy(plain, in, len);
        if (padded || n % block != 0)
                n = cw_pad80(plain, n, block);
        bool aes = s->card.scp == 3;
        cw_rc rc = cw_hsm_encrypt(s->c, aes ? &s->card_keys.dek : &s->dek, aes ? CW_MODE_CBC : CW_MODE_ECB,
                                  NULL, plain, n, ret, f);
        if (rc == CW_OK)
                *ret_len = n;
        return rc;
}
