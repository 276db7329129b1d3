/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PC/SC part 10: readers with a keypad of their own, at which a customer types the PIN so that it never comes
 * to this machine. Codec only: what a reader answers, what it is told, what its answers mean. Structures hold
 * the values that every known firmware takes (EMV plain text PIN block of 8 bytes, 4 to 12 digits).
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#define CW_PART10_GET_FEATURES                                                                               \
        0x42000d48u /* CM_IOCTL_GET_FEATURE_REQUEST of pcsc-lite: 0x42000000 + 3400                          \
                     */
#define CW_PART10_COMMAND_MAX 64u

/* Control codes; 0 = the reader does not have it. */
struct cw_part10_features {
        uint32_t verify_direct, modify_direct, abort, ifd_properties, tlv_properties;
};
/* Answer to CW_PART10_GET_FEATURES: tag, 04, code in big endian. Unknown tags are skipped; REJECT when
 * malformed. */
CW_WARN_UNUSED cw_rc cw_part10_read_features(struct cw_span answer, struct cw_part10_features *ret,
                                             struct cw_fault *f);

/* What the reader says of itself; 0 or "" where it says nothing. */
struct cw_part10_properties {
        uint16_t lcd_layout;
        uint8_t entry_validation, timeout2;
        uint8_t pin_min, pin_max;
        uint32_t apdu_max;
        uint16_t vendor, product;
        char firmware[64]; /* printable ASCII */
};
/* FEATURE_GET_TLV_PROPERTIES: tag, length, value in little endian. */
CW_WARN_UNUSED cw_rc cw_part10_read_tlv(struct cw_span answer, struct cw_part10_properties *ret,
                                        struct cw_fault *f);
/* FEATURE_IFD_PIN_PROPERTIES: PIN_PROPERTIES_STRUCTURE, 4 bytes in the order of this machine. */
CW_WARN_UNUSED cw_rc cw_part10_read_ifd(struct cw_span answer, struct cw_part10_properties *ret,
                                        struct cw_fault *f);

struct cw_part10_ask {
        uint8_t timeout_s; /* of the first key; 0 = the reader's own */
        uint8_t min, max;  /* digits; outside of 4 to 12 they are moved there */
        uint16_t language; /* 0x0409 when 0 */
};
/* PIN_VERIFY_STRUCTURE for VERIFY 00 20 00 80 with a plain text EMV PIN block; returns its length. */
size_t cw_part10_put_verify(const struct cw_part10_ask *ask, uint8_t ret[CW_PART10_COMMAND_MAX]);
/* PIN_MODIFY_STRUCTURE for CHANGE REFERENCE DATA 00 24 00 80 with the old and the new block (ISO 7816-4). */
size_t cw_part10_put_modify(const struct cw_part10_ask *ask, uint8_t ret[CW_PART10_COMMAND_MAX]);

enum cw_part10_outcome {
        CW_PIN_RIGHT,     /* 9000 */
        CW_PIN_WRONG,     /* 63Cx */
        CW_PIN_LOCKED,    /* 63C0, 6983, 6984 */
        CW_PIN_CANCELLED, /* 6401: the customer */
        CW_PIN_TIMEOUT,   /* 6400: nobody typed */
        CW_PIN_MISMATCH,  /* 6402: the new PIN was not the same twice */
        CW_PIN_TOO_SHORT, /* 6403: fewer or more digits than asked for */
        CW_PIN_REFUSED,   /* any other status word of the card */
};
/* ret_tries: tries left, -1 when unknown. */
enum cw_part10_outcome cw_part10_outcome(uint16_t sw, int *ret_tries);
const char *cw_part10_outcome_name(enum cw_part10_outcome o);
