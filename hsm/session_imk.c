/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuer's master keys of a card. A key is rotated while cards made under the version before are still to
 * be handed over: which versions a card has is recorded when it is made, by check value, and comes back with
 * it. For a card without that record the cryptogram itself tells the version of the AC key. The end of a
 * version's validity is the end of making cards with it: what cards need that were made before goes on.
 */
#include "hsm/session_internal.h"

#include <stdio.h>
#include <string.h>

#define RECORDED_ALWAYS 3u /* the keys for values follow when the product has one of its own */

static const char *const purposes[CW_SESS_IMKS] = {"imk-ac", "imk-smi", "imk-smc", "imk-dcvv", "imk-cvc3"};
static const char none[] = "-"; /* in the record, for a product without that key */

static const char *label_of(const struct cw_sess *s, size_t which) {
        const char *const labels[CW_SESS_IMKS] = {s->product->imk_ac, s->product->imk_smi,
                                                  s->product->imk_smc, s->product->imk_dcvv,
                                                  s->product->imk_cvc3};
        return labels[which];
}

/* The version in use, also when no card is made with it any more. */
static cw_rc in_use_of(struct cw_sess *s, size_t which, const struct cw_stored_key **ret,
                       struct cw_fault *f) {
        return cw_key_store_get_made(s->env.keys, label_of(s, which), purposes[which], ret, f);
}

/* A card without a key for a value has its AC key for it. */
static enum cw_sess_imk stands_for(const struct cw_sess *s, enum cw_sess_imk which) {
        bool own = which < RECORDED_ALWAYS ||
                   (label_of(s, which)[0] != '\0' && strcmp(s->imk[which].kcv, none) != 0);
        return own ? which : CW_IMK_AC;
}

static bool kcv_ok(const char *kcv) {
        size_t len = strlen(kcv);
        return (len == 6 || len == 10) && strspn(kcv, "0123456789ABCDEF") == len;
}

cw_rc cw_sess_imk_recorded(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f) {
        char kcv[CW_SESS_IMKS][11] = {"", "", "", "", ""};
        const char *text = cw_msg_str(request, "issuer_keys", "");
        int end = 0, more = 0;
        if (*text == '\0')
                return CW_OK;
        bool ok = sscanf(text, "%10s %10s %10s%n", kcv[0], kcv[1], kcv[2], &end) == 3;
        bool five = ok && text[end] != '\0';
        if (five)
                ok = sscanf(text + end, " %10s %10s%n", kcv[3], kcv[4], &more) == 2 &&
                     text[end + more] == '\0';
        for (size_t i = 0; i < (five ? CW_SESS_IMKS : RECORDED_ALWAYS); i++)
                ok = ok && (kcv_ok(kcv[i]) || (i >= RECORDED_ALWAYS && strcmp(kcv[i], none) == 0));
        if (!ok)
                return cw_sess_bad(
                    "\"issuer_keys\" must be three or five check values, as perso.sensitive gave them", f);
        for (size_t i = 0; i < CW_SESS_IMKS; i++)
                memcpy(s->imk[i].kcv, kcv[i], sizeof(kcv[i]));
        return CW_OK;
}

cw_rc cw_sess_put_imk(struct cw_sess *s, struct cw_msg *reply, struct cw_fault *f) {
        char text[CW_SESS_IMKS * 11 + 1] = "";
        size_t at = 0;
        bool values = s->product->imk_dcvv[0] != '\0' || s->product->imk_cvc3[0] != '\0';
        for (size_t i = 0; i < (values ? CW_SESS_IMKS : RECORDED_ALWAYS); i++) {
                const struct cw_stored_key *k = NULL;
                bool absent = i >= RECORDED_ALWAYS && label_of(s, i)[0] == '\0';
                cw_rc rc = absent ? CW_OK : cw_sess_key(s, label_of(s, i), purposes[i], &k, f);
                if (rc != CW_OK)
                        return rc;
                int n = snprintf(text + at, sizeof(text) - at, "%s%s", i > 0 ? " " : "",
                                 k ? k->version.kcv : none);
                at += n > 0 ? (size_t)n : 0;
        }
        return cw_sess_put_str(reply, "issuer_keys", text, f);
}

/* The versions beside the one in use, once a session. */
static cw_rc look(struct cw_sess *s, struct cw_sess_imk_state *m, const struct cw_stored_key *in_use,
                  struct cw_fault *f) {
        if (m->looked || s->env.token == NULL)
                return CW_OK;
        m->looked = true;
        return cw_kept_keys_load(s->env.token, s->c, s->env.state_dir, in_use, &m->kept, f);
}

/* The version with the recorded check value. */
static cw_rc find_recorded(struct cw_sess *s, size_t which, const struct cw_stored_key *in_use,
                           const struct cw_stored_key **ret, struct cw_fault *f) {
        struct cw_sess_imk_state *m = &s->imk[which];
        if (strcmp(m->kcv, in_use->version.kcv) == 0) {
                *ret = in_use;
                return CW_OK;
        }
        cw_rc rc = look(s, m, in_use, f);
        for (size_t i = 0; i < m->kept.count && rc == CW_OK; i++) {
                if (strcmp(m->kcv, m->kept.keys[i].version.kcv) != 0)
                        continue;
                *ret = &m->kept.keys[i];
                return CW_OK;
        }
        if (rc != CW_OK)
                return rc;
        return cw_fail(
            f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "hsm.imk", "HSM_KEY",
            "the card was made under the version of key %s with the check value %s, which is not on the "
            "token or not valid yet: load it again, or have the card made anew",
            label_of(s, which), m->kcv);
}

cw_rc cw_sess_imk_candidate(struct cw_sess *s, size_t n, const struct cw_stored_key **ret,
                            struct cw_fault *f) {
        struct cw_sess_imk_state *m = &s->imk[CW_IMK_AC];
        const struct cw_stored_key *in_use = NULL;
        *ret = NULL;
        cw_rc rc = in_use_of(s, CW_IMK_AC, &in_use, f);
        if (rc != CW_OK)
                return rc;
        if (m->kcv[0] != '\0')
                return n > 0 ? CW_OK : find_recorded(s, CW_IMK_AC, in_use, ret, f);
        if (n > 0)
                rc = look(s, m, in_use, f);
        if (rc == CW_OK && n <= m->kept.count)
                *ret = n == 0 ? in_use : &m->kept.keys[n - 1];
        return rc;
}

void cw_sess_imk_proved(struct cw_sess *s, const struct cw_stored_key *ac) {
        s->imk[CW_IMK_AC].key = ac;
        s->used_expired |= ac->expired;
}

cw_rc cw_sess_put_expired(struct cw_sess *s, struct cw_msg *reply, struct cw_fault *f) {
        bool used = s->used_expired;
        s->used_expired = false;
        return used ? cw_sess_put_bool(reply, "expired", true, f) : CW_OK;
}

cw_rc cw_sess_imk(struct cw_sess *s, enum cw_sess_imk which, const struct cw_stored_key **ret,
                  struct cw_fault *f) {
        which = stands_for(s, which);
        struct cw_sess_imk_state *m = &s->imk[which];
        const struct cw_stored_key *in_use = NULL;
        cw_rc rc = m->key ? CW_OK : in_use_of(s, which, &in_use, f);
        if (rc == CW_OK && m->key == NULL && m->kcv[0] != '\0') {
                rc = find_recorded(s, which, in_use, &m->key, f);
        } else if (rc == CW_OK && m->key == NULL) {
                rc = look(s, m, in_use, f);
                if (rc == CW_OK && m->kept.count > 0)
                        return cw_fail(
                            f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_STATE), 0, "hsm.imk", "HSM_KEY",
                            "nobody recorded under which version of key %s this card was made (issuer_keys), "
                            "and there are several: nothing is made that may be wrong",
                            label_of(s, which));
                m->key = in_use;
        }
        if (rc == CW_OK)
                s->used_expired |= m->key->expired;
        *ret = m->key;
        return rc;
}

void cw_sess_imk_done(struct cw_sess *s) {
        for (size_t i = 0; i < CW_SESS_IMKS; i++)
                cw_kept_keys_done(s->c, &s->imk[i].kept);
}
