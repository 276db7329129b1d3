/* SPDX-License-Identifier: Apache-2.0 */
/* Where a PIN of a request comes from: a zone, or a PIN pad's transaction (DUKPT). */
#include "base/buf.h"
#include "base/secret.h"
#include "hsm/dukpt_aes.h"
#include "hsm/pin_zone.h"
#include "hsm/pinblock4.h"
#include "hsm/session_internal.h"

#include <string.h>

cw_rc cw_sess_need_host_memory(const struct cw_sess *s, const char *why, struct cw_fault *f) {
        if (s->env.cfg->hsm.allow_host_memory)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED), 0, "hsm.session", "HSM_HOST_MEMORY",
                       "%s, and hsm.allow_host_memory is not set", why);
}

struct cw_ksn_registry cw_sess_pads(const struct cw_sess *s, const struct cw_stored_key *bdk) {
        return (struct cw_ksn_registry){s->env.state_dir, bdk->cfg->label, bdk->cfg->iksns};
}

static cw_rc open_tdes(struct cw_sess *s, const struct cw_stored_key *key, const char *ksn_hex,
                       struct cw_span block, unsigned format, struct cw_pin *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, clear, 8);
        uint8_t ksn[CW_KSN_LEN], account[8];
        const struct cw_dukpt_bdk bdk = cw_stored_bdk(key);
        const struct cw_ksn_registry pads = cw_sess_pads(s, key);
        if (block.len != 8 || (format != 0 && format != 3))
                return cw_sess_bad("a TDES DUKPT block has 8 bytes in format 0 or 3", f);
        cw_rc rc = cw_ksn_parse(ksn_hex, ksn, f);
        if (rc == CW_OK)
                rc = cw_ksn_use(&pads, CW_KSN_PINS, ksn, f);
        if (rc == CW_OK)
                rc = cw_dukpt_pin_decrypt(s->c, &bdk, ksn, block.ptr, clear, f);
        if (rc == CW_OK)
                rc = cw_pinblock_account_pan12(s->secret->pan.digits, account, f);
        if (rc != CW_OK)
                return rc;
        return format == 0 ? cw_pinblock_decode0(clear, account, ret, f)
                           : cw_pinblock_decode3(clear, account, ret, f);
}

enum cw_hsm_alg cw_sess_dukpt_alg(const struct cw_sess *s, const struct cw_stored_key *bdk) {
        return s->env.cfg->pin.dukpt_key == CW_DUKPT_KEY_AES128 ? CW_ALG_AES128 : bdk->key.alg;
}

static cw_rc open_aes(struct cw_sess *s, const struct cw_stored_key *bdk, const char *ksn_hex,
                      struct cw_span block, unsigned format, struct cw_pin *ret, struct cw_fault *f) {
        struct cw_ksn_aes ksn;
        const struct cw_ksn_registry pads = cw_sess_pads(s, bdk);
        struct cw_hsm_key key = {0};
        if (block.len != 16 || format != 4)
                return cw_sess_bad("an AES DUKPT block has 16 bytes in format 4", f);
        cw_rc rc = cw_ksn_aes_parse(ksn_hex, &ksn, f);
        if (rc == CW_OK)
                rc = cw_ksn_aes_use(&pads, CW_KSN_PINS, &ksn, f);
        if (rc == CW_OK)
                rc = cw_dukpt_aes_working_key(s->c, &bdk->key, ksn.ikid, ksn.counter, CW_DUKPT_AES_PIN,
                                              cw_sess_dukpt_alg(s, bdk), CW_USE_DECRYPT, &key, f);
        if (rc == CW_OK)
                rc = cw_pinblock_decipher4(s->c, &key, block.ptr, s->secret->pan.digits, ret, f);
        cw_hsm_key_destroy(s->c, &key);
        return rc;
}

cw_rc cw_sess_open_dukpt(struct cw_sess *s, const struct cw_stored_key *bdk, const char *ksn_hex,
                         struct cw_span block, unsigned format, struct cw_pin *ret, struct cw_fault *f) {
        return cw_hsm_alg_is_aes(bdk->key.alg) ? open_aes(s, bdk, ksn_hex, block, format, ret, f)
                                               : open_tdes(s, bdk, ksn_hex, block, format, ret, f);
}

cw_rc cw_sess_source(struct cw_sess *s, const struct cw_msg *request, struct cw_sess_source *ret,
                     struct cw_fault *f) {
        char label[65];
        int64_t format = cw_msg_int(request, "source_format", -1);
        ret->ksn = cw_msg_str(request, "ksn", "");
        if (format < 0 || format > 4)
                return cw_sess_bad("\"source_format\" must be 0, 1, 3 or 4", f);
        ret->format = (unsigned)format;
        cw_rc rc = cw_pin_zone_allowed(ret->format, 4, f);
        if (rc == CW_OK)
                rc = cw_sess_text(request, "source", label, sizeof(label), f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, label, *ret->ksn ? "bdk" : "zpk-in", &ret->key, f);
        size_t len = cw_pin_zone_block_len(ret->format);
        return rc != CW_OK ? rc : cw_sess_att(request, 0, len, len, &ret->block, f);
}

cw_rc cw_sess_source_open(struct cw_sess *s, const struct cw_sess_source *src, struct cw_pin *ret,
                          struct cw_fault *f) {
        cw_rc rc = cw_sess_need_host_memory(s, "this PIN cannot stay in the token", f);
        if (rc != CW_OK)
                return rc;
        if (*src->ksn)
                return cw_sess_open_dukpt(s, src->key, src->ksn, src->block, src->format, ret, f);
        return cw_pin_zone_open(s->c, &src->key->key, src->format, src->block.ptr, s->secret->pan.digits, ret,
                                f);
}
