/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PIN pad that enciphers a PIN under DUKPT. A family is one vtable. All calls block until done or their
 * deadline; one thread owns a pad. Nothing here logs or keeps a request or an answer: they hold the PAN and
 * the PIN block.
 *
 * Classes: RECONNECT (unplugged or out of step: close and open again), OPERATOR (no key, memory, worn out: a
 * person), REJECT (the pad refuses what it was asked), RETRY with CW_E_CANCELLED (the customer or we) or
 * CW_E_TIMEOUT (nobody typed).
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <stdatomic.h>

#define CW_PINPAD_TEXT_MAX 16u
#define CW_KSN_HEX 21 /* 20 digits, NUL */

struct cw_pin_ask {
        struct cw_span pan;     /* digits, check digit included */
        unsigned min, max;      /* 4..12 */
        const char *prompt;     /* 1..16 printable ASCII characters */
        const char *processing; /* shown after ENTER, 0..16 */
        int64_t timeout_ms;
        const atomic_bool *cancel; /* may be NULL; looked at four times a second */
};
struct cw_pin_block {
        char ksn[CW_KSN_HEX]; /* hex, filled with leading F */
        uint8_t block[8];
};

struct cw_pinpad;
struct cw_pinpad_ops {
        const char *name;
        cw_rc (*show)(struct cw_pinpad *p, const char *text, struct cw_fault *f);
        cw_rc (*pin)(struct cw_pinpad *p, const struct cw_pin_ask *ask, struct cw_pin_block *ret,
                     struct cw_fault *f);
        bool (*alive)(struct cw_pinpad *p);
        void (*close)(struct cw_pinpad *p);
};
struct cw_pinpad {
        const struct cw_pinpad_ops *ops;
};

static inline void cw_pinpad_close(struct cw_pinpad *p) {
        if (p)
                p->ops->close(p);
}
CW_DEFINE_CLEANUP(struct cw_pinpad *, cw_pinpad_close);

/* Shows a text of at most 16 characters; longer ones are cut, others than printable ASCII become '?'. */
CW_WARN_UNUSED cw_rc cw_pinpad_show(struct cw_pinpad *p, const char *text, struct cw_fault *f);
/* Asks for one PIN. *ret is written only on success. */
CW_WARN_UNUSED cw_rc cw_pinpad_pin(struct cw_pinpad *p, const struct cw_pin_ask *ask,
                                   struct cw_pin_block *ret, struct cw_fault *f);
/* True while the line is open and not hung up; does not block. */
bool cw_pinpad_alive(struct cw_pinpad *p);

/*
 * A VeriFone PINpad 1000SE or compatible at a tty (README.md): opens, sets the line to baud 7E1, asks for the
 * serial number. OPERATOR when it is not there or does not answer.
 */
CW_WARN_UNUSED cw_rc cw_vx1000_open(const char *tty, int64_t baud, struct cw_pinpad **ret,
                                    struct cw_fault *f);
