/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this driver only. */
#pragma once

#include "base/secret.h"
#include "drivers/printer/common.h"
#include "drivers/printer/magicard/codec.h"
#include "drivers/printer/magicard/magicard.h"
#include "drivers/printer/magicard/pack.h"

#define CW_MAGICARD_COLOUR_BITS 6u

/* README.md says where each value comes from. */
struct cw_magicard_model {
        const char *word; /* looked for in the name the printer gives itself */
        enum cw_magicard_layout layout;
        const char *head;    /* print head in the header of a job */
        bool rejects_faulty; /* knows REJ: a card whose stripe does not verify goes to its own tray */
        bool known;
};
/* Never NULL: the last resort is not known and moves no card. */
const struct cw_magicard_model *cw_magicard_model_find(const char *name);

struct cw_magicard {
        struct cw_printer base;
        const struct cw_magicard_model *model;
        bool old; /* answers REQ,STA only: Rio 2 and Tango 2 */
        struct cw_magicard_stream stream;
        enum cw_where where;         /* by our own commands: the printer does not tell */
        bool delivered;              /* the last card went to the output by our own command */
        struct cw_secret *tracks[3]; /* for the next print; NULL = not written */
        bool low_coercivity;
};

/* link.c */

/* Reads and throws away what waits, until the line is quiet. */
cw_rc cw_magicard_drain(struct cw_magicard *e, int64_t deadline_ns, struct cw_fault *f);
/* Sends a request; *ret_sent is written always. */
cw_rc cw_magicard_send(struct cw_magicard *e, const char *text, int64_t deadline_ns, size_t *ret_sent,
                       struct cw_fault *f);
/* Questions without effect. Classes RETRY and RECONNECT only. */
cw_rc cw_magicard_ask_error(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_error *ret,
                            struct cw_fault *f);
cw_rc cw_magicard_ask_info(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_info *ret,
                           struct cw_fault *f);
cw_rc cw_magicard_ask_value(struct cw_magicard *e, const char *key, int64_t deadline_ns, char *ret,
                            size_t cap, struct cw_fault *f);
/* Any question; the first answer that comes. */
cw_rc cw_magicard_ask_text(struct cw_magicard *e, const char *text, int64_t deadline_ns, char *ret,
                           size_t cap, struct cw_fault *f);

/* status.c */

/* Counters and supplies, by whichever questions this generation knows; -1 what it does not tell. */
cw_rc cw_magicard_look(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_info *ret,
                       struct cw_fault *f);
/* The error that stands, *ret_standing false when there is none. The old generation has no number for it. */
cw_rc cw_magicard_trouble(struct cw_magicard *e, int64_t deadline_ns, bool *ret_standing,
                          struct cw_magicard_error *ret, struct cw_fault *f);
/* The ribbon of cw_magicard_look. */
void cw_magicard_ribbon(const struct cw_magicard *e, const struct cw_magicard_info *info,
                        struct cw_ribbon *ret);
cw_rc cw_magicard_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                         struct cw_fault *f);
cw_rc cw_magicard_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                           struct cw_fault *f);

/* action.c */

/* Refuses while an error stands: a command would wait behind it and happen later, unasked. */
cw_rc cw_magicard_need_quiet(struct cw_magicard *e, const char *op, int64_t deadline_ns,
                             struct cw_printer_effect *effect, struct cw_fault *f);
/* REJECT or OPERATOR unless a card is known to be inside. */
cw_rc cw_magicard_need_card(struct cw_magicard *e, const char *op, struct cw_printer_effect *effect,
                            struct cw_fault *f);
/* Sends a command that moves and waits until the printer is ready again. feeds: a card may be drawn by it. */
cw_rc cw_magicard_act(struct cw_magicard *e, const char *command, const char *op, bool feeds,
                      int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f);
/* After a command was sent whole: waits until the printer is ready; the same for jobs. */
cw_rc cw_magicard_finish(struct cw_magicard *e, const char *op, bool feeds, int64_t deadline_ns,
                         struct cw_printer_effect *effect, struct cw_fault *f);
/* Something was sent and its end is unknown. Never CW_OK. */
cw_rc cw_magicard_doubt(struct cw_magicard *e, const char *op, const struct cw_fault *why,
                        struct cw_printer_effect *effect, struct cw_fault *f);
/* Waits until the printer has counted one more card than before. */
cw_rc cw_magicard_counted(struct cw_magicard *e, const char *op, int64_t before, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f);
/* Where the card is from now on. */
void cw_magicard_is_at(struct cw_magicard *e, struct cw_printer_effect *effect, enum cw_where where);
void cw_magicard_forget_tracks(struct cw_magicard *e);

/* move.c, job.c */
cw_rc cw_magicard_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f);
cw_rc cw_magicard_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                             struct cw_fault *f);
/* Out of the contact station, so that a job or EJT can have the card. */
cw_rc cw_magicard_leave_contact(struct cw_magicard *e, const char *op, int64_t deadline_ns,
                                struct cw_printer_effect *effect, struct cw_fault *f);
cw_rc cw_magicard_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                        struct cw_fault *f);
cw_rc cw_magicard_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                         struct cw_fault *f);
cw_rc cw_magicard_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                        struct cw_fault *f);
cw_rc cw_magicard_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                            struct cw_printer_effect *ret, struct cw_fault *f);
cw_rc cw_magicard_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                               struct cw_printer_effect *ret, struct cw_fault *f);
cw_rc cw_magicard_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns,
                              struct cw_secret **ret, struct cw_fault *f);
cw_rc cw_magicard_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                        struct cw_printer_effect *ret, struct cw_fault *f);

/* sheet.c */
cw_rc cw_magicard_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                        struct cw_printer_lines *ret, struct cw_fault *f);
