/* SPDX-License-Identifier: Apache-2.0 */
/* perso.sensitive: the card's secret values. emv.arqc: is the card genuine. */
#include "base/buf.h"
#include "hsm/emv_cryptogram.h"
#include "hsm/emv_perso.h"
#include "hsm/session_internal.h"

#include <string.h>

#define DGIS_MAX 8u
#define ARQC_DATA_MAX 512u

static cw_rc card_key_refs(struct cw_sess *s, struct cw_emv_card_keys *ret, struct cw_fault *f) {
        const struct cw_stored_key *ac = NULL, *smi = NULL, *smc = NULL;
        cw_rc rc = cw_sess_key(s, s->product->imk_ac, "imk-ac", &ac, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->imk_smi, "imk-smi", &smi, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->imk_smc, "imk-smc", &smc, f);
        if (rc == CW_OK)
                *ret =
                    (struct cw_emv_card_keys){&ac->key, &smi->key, &smc->key, s->secret->pan.digits, s->psn};
        return rc;
}

/* One value, enciphered under the DEK where the grouping is a secret one. */
static cw_rc dgi_value(struct cw_sess *s, const char *dgi, uint8_t *out, size_t cap, size_t *ret_len,
                       struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, CW_EMV_DGI_MAX);
        struct cw_emv_card_keys keys;
        cw_rc rc = card_key_refs(s, &keys, f);
        if (rc != CW_OK)
                return rc;
        if (strcmp(dgi, "8000") == 0) {
                rc = cw_emv_dgi_8000(s->c, &keys, plain, f);
                return rc != CW_OK ? rc : cw_scp_dek_encrypt(s->scp, plain, 48, out, cap, ret_len, f);
        }
        if (strcmp(dgi, "8010") == 0) {
                rc = cw_emv_dgi_8010(s->c, plain, f);
                return rc != CW_OK ? rc : cw_scp_dek_encrypt(s->scp, plain, 8, out, cap, ret_len, f);
        }
        if (strcmp(dgi, "9000") == 0) {
                *ret_len = 9;
                return cw_emv_dgi_9000(s->c, &keys, out, f);
        }
        if (strcmp(dgi, "9010") == 0) {
                *ret_len = 2;
                cw_emv_dgi_9010(out);
                return CW_OK;
        }
        return cw_sess_bad("a sensitive DGI is one of 8000, 9000, 8010, 9010", f);
}

cw_rc cw_sess_perso_sensitive(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                              struct cw_fault *f) {
        CW_WIPED(uint8_t, value, CW_EMV_DGI_MAX + 16);
        CW_WIPED(uint8_t, packed, DGIS_MAX * (CW_EMV_DGI_MAX + 18));
        const json_t *dgis = json_object_get(request->json, "dgis");
        size_t count = json_array_size(dgis);
        struct cw_writer w;
        if (count == 0 || count > DGIS_MAX)
                return cw_sess_bad("\"dgis\" must be a list of 1 to 8 DGIs", f);
        cw_writer_init(&w, packed, sizeof(packed));
        for (size_t i = 0; i < count; i++) {
                const char *dgi = json_string_value(json_array_get(dgis, i));
                size_t n = 0;
                cw_rc rc = dgi_value(s, dgi ? dgi : "", value, sizeof(value), &n, f);
                if (rc != CW_OK)
                        return rc;
                cw_put_item(&w, value, n);
        }
        return cw_sess_put_att(reply, packed, w.len, f);
}

struct transaction {
        uint8_t atc[2], arqc[8];
        char psn[3];
        struct cw_span data;
};

static cw_rc read_transaction(const struct cw_msg *request, struct transaction *t, struct cw_fault *f) {
        cw_rc rc = cw_sess_hex(request, "atc", t->atc, sizeof(t->atc), f);
        if (rc == CW_OK)
                rc = cw_sess_hex(request, "arqc", t->arqc, sizeof(t->arqc), f);
        if (rc == CW_OK)
                rc = cw_sess_digits(request, "psn", 2, t->psn, f);
        return rc != CW_OK ? rc : cw_sess_att(request, 0, 1, ARQC_DATA_MAX, &t->data, f);
}

static cw_rc session_key(struct cw_sess *s, const struct transaction *t, struct cw_retail_key *ret,
                         struct cw_fault *f) {
        const struct cw_stored_key *imk = NULL;
        struct cw_hsm_key mk = {0};
        const char *pan = s->secret->pan.digits;
        uint8_t r[8] = {t->atc[0], t->atc[1]};
        cw_rc rc = cw_sess_key(s, s->product->imk_ac, "imk-ac", &imk, f);
        if (rc == CW_OK)
                rc = cw_emv_icc_mk(s->c, &imk->key, pan, t->psn, cw_emv_option_for(pan), &mk, f);
        if (rc == CW_OK)
                rc = cw_emv_csk(s->c, &mk, r, ret, f);
        cw_hsm_key_destroy(s->c, &mk);
        return rc;
}

/* Method 2 with "issuer approves", EMV Book 2, 8.2.2; or method 1 when the request brings an ARC. */
static cw_rc put_arpc(struct cw_sess *s, const struct cw_msg *request, const struct cw_retail_key *sk,
                      const struct transaction *t, struct cw_msg *reply, struct cw_fault *f) {
        static const uint8_t csu[4] = {0x00, 0x80, 0x00, 0x00};
        uint8_t arpc[8], arc[2];
        size_t len = 4;
        cw_rc rc;
        if (json_object_get(request->json, "arc") != NULL) {
                len = 8;
                rc = cw_sess_hex(request, "arc", arc, sizeof(arc), f);
                if (rc == CW_OK)
                        rc = cw_emv_arpc1(s->c, sk, t->arqc, arc, arpc, f);
        } else {
                rc = cw_emv_arpc2(s->c, sk, t->arqc, csu, NULL, 0, arpc, f);
                if (rc == CW_OK)
                        rc = cw_sess_put_hex(reply, "csu", csu, sizeof(csu), f);
        }
        return rc != CW_OK ? rc : cw_sess_put_hex(reply, "arpc", arpc, len, f);
}

cw_rc cw_sess_emv_arqc(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct transaction t;
        struct cw_retail_key sk = {0};
        uint8_t expected[8];
        cw_rc rc = read_transaction(request, &t, f);
        if (rc == CW_OK)
                rc = session_key(s, &t, &sk, f);
        if (rc == CW_OK)
                rc = cw_emv_arqc(s->c, &sk, t.data.ptr, t.data.len, expected, f);
        bool genuine = rc == CW_OK && cw_equal_ct(expected, t.arqc, sizeof(expected));
        if (genuine)
                rc = put_arpc(s, request, &sk, &t, reply, f);
        cw_retail_key_destroy(s->c, &sk);
        if (rc == CW_OK)
                rc = cw_sess_put_bool(reply, "genuine", genuine, f);
        if (rc == CW_OK && genuine)
                s->state |= CW_ST_PROVED;
        return rc;
}
