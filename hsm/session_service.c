/* SPDX-License-Identifier: Apache-2.0 */
/* pin.translate, pin.pvv, pin.offset, pin.generate: PINs of the session's card, for the issuer's host. */
#include "base/buf.h"
#include "base/secret.h"
#include "hsm/ibm3624.h"
#include "hsm/key_policy.h"
#include "hsm/pin_policy.h"
#include "hsm/pin_token.h"
#include "hsm/session_internal.h"

#include <string.h>

struct target {
        const struct cw_stored_key *key;
        unsigned format;
};

static cw_rc read_target(struct cw_sess *s, const struct cw_msg *request, unsigned from, struct target *ret,
                         struct cw_fault *f) {
        char label[65];
        int64_t format = cw_msg_int(request, "target_format", -1);
        if (format < 0 || format > 4)
                return cw_sess_bad("\"target_format\" must be 0, 3 or 4", f);
        ret->format = (unsigned)format;
        cw_rc rc = cw_pin_zone_allowed(from, ret->format, f);
        if (rc == CW_OK)
                rc = cw_sess_text(request, "target", label, sizeof(label), f);
        return rc != CW_OK ? rc : cw_sess_key(s, label, "zpk-out", &ret->key, f);
}

/* PIN out of host memory, to the target zone. */
static cw_rc put_block(struct cw_sess *s, const struct target *to, const struct cw_pin *pin,
                       struct cw_msg *reply, struct cw_fault *f) {
        uint8_t block[CW_PIN_BLOCK_MAX];
        cw_rc rc = cw_pin_zone_seal(s->c, &to->key->key, to->format, pin, s->secret->pan.digits, block, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, block, cw_pin_zone_block_len(to->format), f);
}

cw_rc cw_sess_pin_translate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                            struct cw_fault *f) {
        CW_WIPED(struct cw_pin, pin, 1);
        uint8_t block[8];
        struct cw_sess_source from;
        struct target to = {0};
        cw_rc rc = cw_sess_source(s, request, &from, f);
        if (rc == CW_OK)
                rc = read_target(s, request, from.format, &to, f);
        if (rc != CW_OK)
                return rc;
        if (!*from.ksn && cw_pin_token_can(s->env.token, &from.key->key, &to.key->key)) {
                rc = cw_pin_token_translate(s->env.token, &from.key->key, from.format, &to.key->key,
                                            to.format, from.block.ptr, block, f);
                return rc != CW_OK ? rc : cw_sess_put_att(reply, block, sizeof(block), f);
        }
        rc = cw_sess_source_open(s, &from, pin, f);
        return rc != CW_OK ? rc : put_block(s, &to, pin, reply, f);
}

static cw_rc product_pvk(struct cw_sess *s, enum cw_pin_method method, const struct cw_stored_key **ret,
                         struct cw_fault *f) {
        if (s->product->pin_method != method)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "hsm.pin",
                               "HSM_PRODUCT", "the product's pin_method is another one");
        cw_rc rc = cw_sess_key(s, s->product->pvk, "pvk", ret, f);
        return rc != CW_OK ? rc
                           : cw_key_policy_use((*ret)->cfg, &(*ret)->version,
                                               method == CW_PIN_METHOD_PVV ? "V2 V0" : "V1 V0", f);
}

cw_rc cw_sess_pin_pvv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        CW_WIPED(struct cw_pin, pin, 1);
        CW_WIPED(char, pvv, CW_PVV_LEN + 1);
        struct cw_sess_source from;
        const struct cw_stored_key *pvk = NULL;
        const char pvki = (char)('0' + s->product->pvki), *pan = s->secret->pan.digits;
        cw_rc rc = product_pvk(s, CW_PIN_METHOD_PVV, &pvk, f);
        if (rc == CW_OK)
                rc = cw_sess_source(s, request, &from, f);
        if (rc != CW_OK)
                return rc;
        if (!*from.ksn && cw_pin_token_can(s->env.token, &from.key->key, &pvk->key)) {
                rc = cw_pin_token_pvv(s->env.token, &from.key->key, from.format, from.block.ptr, pan, pvki,
                                      &pvk->key, pvv, f);
        } else {
                rc = cw_sess_source_open(s, &from, pin, f);
                if (rc == CW_OK)
                        rc = cw_pvv(s->c, &pvk->key, pan, pvki, pin, pvv, f);
        }
        return rc != CW_OK ? rc : cw_sess_put_att(reply, pvv, CW_PVV_LEN, f);
}

/* The product's validation data out of the PAN. */
static cw_rc ibm3624(struct cw_sess *s, const struct cw_stored_key *pvk, struct cw_ibm3624 *ret,
                     struct cw_fault *f) {
        CW_WIPED(char, digits, 16);
        const struct cw_config_product *p = s->product;
        size_t start = (size_t)p->validation_start, len = (size_t)p->validation_length, n = 0;
        if (start >= s->secret->pan.len)
                return cw_sess_bad("validation_start of the product is behind the card number", f);
        if (len > s->secret->pan.len - start)
                len = s->secret->pan.len - start;
        memset(digits, p->validation_pad[0], sizeof(digits));
        memcpy(digits, s->secret->pan.digits + start, len);
        if (!cw_hex_decode(digits, sizeof(digits), ret->vdata, sizeof(ret->vdata), &n))
                return cw_sess_bad("validation_pad of the product must be a hex digit", f);
        ret->pvk = &pvk->key;
        ret->table = p->decimalisation;
        return CW_OK;
}

cw_rc cw_sess_pin_offset(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(struct cw_pin, pin, 1);
        CW_WIPED(char, offset, CW_PIN_MAX + 1);
        struct cw_sess_source from;
        struct cw_ibm3624 p = {0};
        const struct cw_stored_key *pvk = NULL;
        cw_rc rc = product_pvk(s, CW_PIN_METHOD_IBM3624, &pvk, f);
        if (rc == CW_OK)
                rc = cw_sess_source(s, request, &from, f);
        if (rc == CW_OK)
                rc = ibm3624(s, pvk, &p, f);
        if (rc == CW_OK)
                rc = cw_sess_source_open(s, &from, pin, f);
        if (rc == CW_OK)
                rc = cw_ibm3624_offset(s->c, &p, pin, offset, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, offset, strlen(offset), f);
}

void cw_sess_pin_policy(const struct cw_sess *s, struct cw_pin_policy *ret) {
        *ret = (struct cw_pin_policy){.min = (unsigned)s->env.cfg->pin.length_min,
                                      .max = (unsigned)s->env.cfg->pin.length_max,
                                      .pan = s->secret->pan.digits,
                                      .birth_date_of = s->secret->birth_date};
        (void)cw_pin_policy_parse(s->product->weak_pins, ret); /* its words were checked at start */
}

/* What the issuer keeps of the PIN, by the product's method. */
static cw_rc put_verification(struct cw_sess *s, const struct cw_pin *pin, struct cw_msg *reply,
                              struct cw_fault *f) {
        CW_WIPED(char, value, CW_PIN_MAX + 1);
        struct cw_ibm3624 p = {0};
        const struct cw_stored_key *pvk = NULL;
        if (s->product->pin_method == CW_PIN_METHOD_NONE)
                return CW_OK;
        cw_rc rc = product_pvk(s, s->product->pin_method, &pvk, f);
        if (rc == CW_OK && s->product->pin_method == CW_PIN_METHOD_PVV)
                rc = cw_pvv(s->c, &pvk->key, s->secret->pan.digits, (char)('0' + s->product->pvki), pin,
                            value, f);
        if (rc == CW_OK && s->product->pin_method == CW_PIN_METHOD_IBM3624) {
                rc = ibm3624(s, pvk, &p, f);
                if (rc == CW_OK)
                        rc = cw_ibm3624_offset(s->c, &p, pin, value, f);
        }
        return rc != CW_OK ? rc : cw_sess_put_att(reply, value, strlen(value), f);
}

static cw_rc natural(struct cw_sess *s, unsigned len, struct cw_pin *ret, struct cw_fault *f) {
        struct cw_ibm3624 p = {0};
        const struct cw_stored_key *pvk = NULL;
        cw_rc rc = product_pvk(s, CW_PIN_METHOD_IBM3624, &pvk, f);
        if (rc == CW_OK)
                rc = ibm3624(s, pvk, &p, f);
        return rc != CW_OK ? rc : cw_ibm3624_natural(s->c, &p, len, ret, f);
}

cw_rc cw_sess_pin_generate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                           struct cw_fault *f) {
        CW_WIPED(struct cw_pin, pin, 1);
        struct cw_pin_policy policy;
        struct target to = {0};
        int64_t len = cw_msg_int(request, "length", 4);
        if (len < CW_PIN_MIN || len > CW_PIN_MAX)
                return cw_sess_bad("\"length\" must be 4 to 12", f);
        cw_sess_pin_policy(s, &policy);
        cw_rc rc = cw_sess_need_host_memory(s, "no generic token makes PINs", f);
        if (rc == CW_OK)
                rc = read_target(s, request, 0, &to, f);
        if (rc == CW_OK)
                rc = cw_pin_policy_length(&policy, (unsigned)len, f);
        if (rc == CW_OK)
                rc = cw_msg_bool(request, "natural", false)
                         ? natural(s, (unsigned)len, pin, f)
                         : cw_pin_generate(s->c, &policy, (unsigned)len, pin, f);
        if (rc == CW_OK)
                rc = put_block(s, &to, pin, reply, f);
        return rc != CW_OK ? rc : put_verification(s, pin, reply, f);
}
