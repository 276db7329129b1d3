/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuer's master keys of a card. A key is rotated while cards made under the version before are still to
 * be handed over: which versions a card has is recorded when it is made, by check value, and comes back with
 * it. For a card without that record the cryptogram itself tells the version of the AC key.
 */
#include "hsm/session_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const purposes[CW_SESS_IMKS] = {"imk-ac", "imk-smi", "imk-smc"};

static const char *label_of(const struct cw_sess *s, size_t which) {
        const char *const labels[CW_SESS_IMKS] = {s->product->imk_ac, s->product->imk_smi,
                                                  s->product->imk_smc};
        return labels[which];
}

static bool kcv_ok(const char *kcv) {
        size_t len = strlen(kcv);
        return (len == 6 || len == 10) && strspn(kcv, "0123456789ABCDEF") == len;
}

cw_rc cw_sess_imk_recorded(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f) {
        char kcv[CW_SESS_IMKS][11] = {"", "", ""};
        const char *text = cw_msg_str(request, "issuer_keys", "");
        int end = 0;
        if (*text == '\0')
                return CW_OK;
        bool ok = sscanf(text, "%10s %10s %10s%n", kcv[0], kcv[1], kcv[2], &end) == 3 && text[end] == '\0';
        for (size_t i = 0; i < CW_SESS_IMKS; i++)
                ok = ok && kcv_ok(kcv[i]);
        if (!ok)
                return cw_sess_bad("\"issuer_keys\" must be three check values, as perso.sensitive gave them",
                                   f);
        for (size_t i = 0; i < CW_SESS_IMKS; i++)
                memcpy(s->imk[i].kcv, kcv[i], sizeof(kcv[i]));
        return CW_OK;
}

cw_rc cw_sess_put_imk(struct cw_sess *s, struct cw_msg *reply, struct cw_fault *f) {
        const struct cw_stored_key *k[CW_SESS_IMKS] = {NULL};
        char text[40];
        for (size_t i = 0; i < CW_SESS_IMKS; i++) {
                cw_rc rc = cw_sess_key(s, label_of(s, i), purposes[i], &k[i], f);
                if (rc != CW_OK)
                        return rc;
        }
        (void)snprintf(text, sizeof(text), "%s %s %s", k[0]->version.kcv, k[1]->version.kcv,
                       k[2]->version.kcv);
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
            "token or not valid any more: load it again, or have the card made anew",
            label_of(s, which), m->kcv);
}

cw_rc cw_sess_imk_candidate(struct cw_sess *s, size_t n, const struct cw_stored_key **ret,
                            struct cw_fault *f) {
        struct cw_sess_imk_state *m = &s->imk[CW_IMK_AC];
        const struct cw_stored_key *in_use = NULL;
        *ret = NULL;
        cw_rc rc = cw_sess_key(s, label_of(s, CW_IMK_AC), purposes[CW_IMK_AC], &in_use, f);
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
}

cw_rc cw_sess_imk(struct cw_sess *s, enum cw_sess_imk which, const struct cw_stored_key **ret,
                  struct cw_fault *f) {
        struct cw_sess_imk_state *m = &s->imk[which];
        const struct cw_stored_key *in_use = NULL;
        cw_rc rc = m->key ? CW_OK : cw_sess_key(s, label_of(s, which), purposes[which], &in_use, f);
        if (rc == CW_OK && m->key == NULL && m->kcv[0] != '\0') {
                rc = find_recorded(s, which, in_use, &m->key, f);
        } else if (rc == CW_OK && m->key == NULL) {
                rc = look(s, m, in_use, f);
                if (rc == CW_OK && m->kept.count > 0)
                        return cw_fail(
                            f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_STATE), 0, "hsm.imk", "HSM_KEY",
                            "nobody recorded under which version of key %s this card was made, and there "
                            "are several: no script is made that may be wrong",
                            label_of(s, which));
                m->key = in_use;
        }
        *ret = m->key;
        return rc;
}

void cw_sess_imk_done(struct cw_sess *s) {
        for (size_t i = 0; i < CW_SESS_IMKS; i++)
                cw_kept_keys_done(s->c, &s->imk[i].kept);
}
