/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this driver only. */
#pragma once

#include "base/secret.h"
#include "drivers/printer/common.h"
#include "drivers/printer/zebra/codec.h"
#include "drivers/printer/zebra/zebra.h"

#define CW_ZEBRA_COLOUR_BITS 6u

/* Words of printer_quirks, in the order of cw_zebra_quirks. */
enum cw_zebra_quirk {
        CW_ZEBRA_Q_COUNTED = 1,  /* frames are counted: no colour, whose images a counted frame cannot hold */
        CW_ZEBRA_Q_OVERCOAT = 2, /* IV 1 prints the varnish buffer and delivers the card */
        CW_ZEBRA_Q_FORWARDS = 4, /* images are not mirrored along the card */
        CW_ZEBRA_Q_UPSIDE_DOWN = 8, /* nor across it */
        CW_ZEBRA_Q_PALE = 16,       /* less is darker */
};
extern const struct cw_printer_quirk cw_zebra_quirks[];

struct cw_zebra {
        struct cw_printer base;
        uint32_t quirks;
        enum cw_zebra_framing framing;
        bool known; /* a model of the list */
        struct cw_zebra_area area;
        struct cw_secret *memory; /* bytes that came in and are not read yet; may be track data */
        size_t len;
        char version[CW_PRINTER_TEXT_MAX]; /* what V answers; "" before it is known */
        bool out_of_step;    /* an answer is missing: the next one may belong to an older command */
        enum cw_where where; /* by our own commands: the printer does not tell */
        bool delivered;      /* the last card went to the output by our own command */
        unsigned unasked;    /* of the transport, when the action began */
        int last;            /* code of the error that was shown last, 0 = none */
};

/* link.c */

/* Reads and throws away what waits, until the line is quiet. */
cw_rc cw_zebra_drain(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f);
/* Sends; gets back into step first when needed. *ret_sent is written always. */
cw_rc cw_zebra_send(struct cw_zebra *e, const void *bytes, size_t len, int64_t deadline_ns, size_t *ret_sent,
                    struct cw_fault *f);
/* A command by its text. */
cw_rc cw_zebra_send_text(struct cw_zebra *e, const char *text, int64_t deadline_ns, size_t *ret_sent,
                         struct cw_fault *f);
/* One reply; a text is copied to ret (CW_ZEBRA_REPLY_MAX, NUL added), else ret is "". RETRY/CW_E_TIMEOUT
 * leaves the link out of step. */
cw_rc cw_zebra_receive(struct cw_zebra *e, int64_t deadline_ns, struct cw_zebra_reply *ret_reply, char *ret,
                       struct cw_fault *f);
/* A question without effect. Classes RETRY and RECONNECT only. */
cw_rc cw_zebra_ask(struct cw_zebra *e, const char *text, int64_t deadline_ns,
                   struct cw_zebra_reply *ret_reply, char *ret, struct cw_fault *f);

/* action.c */

/* Sends '.': an error that was shown is over, unless its cause stands. Moves nothing. */
cw_rc cw_zebra_clear_error(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f);
/* Of a port status. */
bool cw_zebra_shows_error(uint8_t port);
/* REJECT for an unknown model; OPERATOR while the printer shows an error that '.' does not clear. */
cw_rc cw_zebra_need_quiet(struct cw_zebra *e, const char *op, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f);
/* And a card known to be inside. */
cw_rc cw_zebra_need_card(struct cw_zebra *e, const char *op, int64_t deadline_ns,
                         struct cw_printer_effect *effect, struct cw_fault *f);
/* Sends a command with an effect on the card and waits for its 06. */
cw_rc cw_zebra_act(struct cw_zebra *e, const char *text, const char *op, int64_t deadline_ns,
                   struct cw_printer_effect *effect, struct cw_fault *f);
/* Sends bytes that change only what the printer remembers, and waits for count times 06. Broken off they are
 * IN_DOUBT; refused they are OPERATOR, or REJECT when the printer does not know them. */
cw_rc cw_zebra_load(struct cw_zebra *e, const void *bytes, size_t len, size_t count, const char *op,
                    int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f);
/* No answer is left over: what was loaded before is what was answered. OPERATOR when one is. */
cw_rc cw_zebra_in_step(struct cw_zebra *e, const char *op, int64_t deadline_ns, struct cw_fault *f);
/* cw_zebra_load for a command by its text. */
cw_rc cw_zebra_set(struct cw_zebra *e, const char *text, const char *op, int64_t deadline_ns,
                   struct cw_printer_effect *effect, struct cw_fault *f);
void cw_zebra_is_at(struct cw_zebra *e, struct cw_printer_effect *effect, enum cw_where where);

/* move.c */
cw_rc cw_zebra_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                    struct cw_fault *f);
cw_rc cw_zebra_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                          struct cw_fault *f);
cw_rc cw_zebra_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f);
cw_rc cw_zebra_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f);
cw_rc cw_zebra_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f);
cw_rc cw_zebra_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                         struct cw_printer_effect *ret, struct cw_fault *f);

/* stripe.c, print.c, status.c */
cw_rc cw_zebra_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                            struct cw_printer_effect *ret, struct cw_fault *f);
cw_rc cw_zebra_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns, struct cw_secret **ret,
                           struct cw_fault *f);
cw_rc cw_zebra_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                     struct cw_printer_effect *ret, struct cw_fault *f);
cw_rc cw_zebra_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                      struct cw_fault *f);
cw_rc cw_zebra_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                        struct cw_fault *f);
cw_rc cw_zebra_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                     struct cw_printer_lines *ret, struct cw_fault *f);
/* Asks V and checks that the printer is the one it was; the answer of a printer in step. */
cw_rc cw_zebra_alive(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f);
/* GET_PORT_STATUS, 0 = it says nothing. */
uint8_t cw_zebra_port(struct cw_zebra *e, int64_t deadline_ns);
