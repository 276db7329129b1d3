/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/secure_pin.h"

#define ENTRY_MIN_MS 90000
#define ENTRY_MARGIN_MS 10000

static cw_rc control(struct cw_card_channel *c, uint32_t code, struct cw_span in, int64_t timeout_ms,
                     uint8_t ret[CW_APDU_PART_MAX], size_t *ret_len, struct cw_fault *f) {
        if (!c->ops->control)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "reader.control", "",
                               "this reader takes no control commands");
        return c->ops->control(c, code, in, timeout_ms, ret, CW_APDU_PART_MAX, ret_len, f);
}

static bool unsupported(cw_rc rc) {
        return rc != CW_OK && (rc & 0xffffu) == CW_E_UNSUPPORTED;
}

/* TLV properties where there are some, else the older structure; a reader need have neither. */
static cw_rc read_properties(struct cw_card_channel *c, int64_t timeout_ms, struct cw_secure_pin *s,
                             struct cw_fault *f) {
        uint8_t answer[CW_APDU_PART_MAX];
        size_t len = 0;
        bool tlv = s->features.tlv_properties != 0;
        uint32_t code = tlv ? s->features.tlv_properties : s->features.ifd_properties;
        if (code == 0)
                return CW_OK;
        cw_rc rc = control(c, code, (struct cw_span){0}, timeout_ms, answer, &len, f);
        if (unsupported(rc))
                return CW_OK;
        if (rc != CW_OK)
                return rc;
        return tlv ? cw_part10_read_tlv(CW_SPAN(answer, len), &s->properties, f)
                   : cw_part10_read_ifd(CW_SPAN(answer, len), &s->properties, f);
}

cw_rc cw_secure_pin_look(struct cw_card_channel *c, int64_t timeout_ms, struct cw_secure_pin *ret,
                         struct cw_fault *f) {
        struct cw_secure_pin found = {0};
        uint8_t answer[CW_APDU_PART_MAX];
        size_t len = 0;
        cw_rc rc = control(c, CW_PART10_GET_FEATURES, (struct cw_span){0}, timeout_ms, answer, &len, f);
        if (unsupported(rc)) {
                *ret = found;
                return CW_OK;
        }
        if (rc == CW_OK)
                rc = cw_part10_read_features(CW_SPAN(answer, len), &found.features, f);
        if (rc == CW_OK)
                rc = read_properties(c, timeout_ms, &found, f);
        if (rc == CW_OK)
                *ret = found;
        return rc;
}

/* The reader's limits narrow ours. */
static struct cw_part10_ask narrowed(const struct cw_part10_ask *ask, const struct cw_part10_properties *p) {
        struct cw_part10_ask a = *ask;
        if (p->pin_min > a.min)
                a.min = p->pin_min;
        if (p->pin_max && p->pin_max < a.max)
                a.max = p->pin_max;
        return a;
}

/* Only of two new PINs can one be another: for VERIFY the same error of the driver is a line error. */
static cw_rc enter(struct cw_card_channel *c, uint32_t code, struct cw_span command, uint8_t timeout_s,
                   bool modify, enum cw_part10_outcome *ret, int *ret_tries, struct cw_fault *f) {
        uint8_t answer[CW_APDU_PART_MAX];
        size_t len = 0;
        int64_t wait_ms = timeout_s * 1000 + ENTRY_MARGIN_MS;
        if (code == 0)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "reader.pin", "",
                               "this reader has no keypad for PINs");
        cw_rc rc =
            control(c, code, command, wait_ms > ENTRY_MIN_MS ? wait_ms : ENTRY_MIN_MS, answer, &len, f);
        if (rc != CW_OK && cw_rc_class(rc) == CW_C_REJECT && (rc & 0xffffu) == CW_E_MISMATCH) {
                if (!modify)
                        return cw_fail(
                            f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_SHORT), f ? f->native : 0,
                            "reader.pin", "PRD_SMARTCARD",
                            "the line to the reader broke while the PIN was entered; look at its cable");
                *ret = CW_PIN_MISMATCH; /* libccid tells it by an error instead of 6402 */
                *ret_tries = -1;
                return CW_OK;
        }
        if (rc == CW_OK && len < 2)
                rc = cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_SHORT), (int64_t)len,
                             "reader.pin", "PRD_SMARTCARD",
                             "the card stopped answering while the PIN was entered");
        if (rc == CW_OK)
                *ret = cw_part10_outcome((uint16_t)(answer[len - 2] << 8 | answer[len - 1]), ret_tries);
        return rc;
}

cw_rc cw_secure_pin_verify(struct cw_card_channel *c, const struct cw_secure_pin *s,
                           const struct cw_part10_ask *ask, enum cw_part10_outcome *ret, int *ret_tries,
                           struct cw_fault *f) {
        uint8_t command[CW_PART10_COMMAND_MAX];
        const struct cw_part10_ask a = narrowed(ask, &s->properties);
        size_t len = cw_part10_put_verify(&a, command);
        return enter(c, s->features.verify_direct, CW_SPAN(command, len), a.timeout_s, false, ret, ret_tries,
                     f);
}

cw_rc cw_secure_pin_modify(struct cw_card_channel *c, const struct cw_secure_pin *s,
                           const struct cw_part10_ask *ask, enum cw_part10_outcome *ret, int *ret_tries,
                           struct cw_fault *f) {
        uint8_t command[CW_PART10_COMMAND_MAX];
        const struct cw_part10_ask a = narrowed(ask, &s->properties);
        size_t len = cw_part10_put_modify(&a, command);
        return enter(c, s->features.modify_direct, CW_SPAN(command, len), a.timeout_s, true, ret, ret_tries,
                     f);
}
