/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the Evolis driver. */
#pragma once

#include "base/secret.h"
#include "drivers/printer/common.h"
#include "drivers/printer/evolis/codec.h"
#include "drivers/printer/evolis/evolis.h"

#define CW_EVOLIS_WIDTH 648u
#define CW_EVOLIS_HEIGHT 1016u
#define CW_EVOLIS_COLOUR_BITS 6u

/* What differs between the printers. README.md says where each value comes from. */
struct cw_evolis_model {
        const char *word; /* looked for in the answer to Rtp and in MDL of the device id */
        enum cw_evolis_generation generation;
        const char *reject; /* command that ends in the reject box */
        bool both_faces;    /* every one of them turns cards over */
};
/* Never NULL: the last resort has generation CW_EVOLIS_UNKNOWN and moves no card. */
const struct cw_evolis_model *cw_evolis_model_find(const char *type, const char *device_id_model);

struct cw_evolis {
        struct cw_printer base;
        const struct cw_evolis_model *model;
        struct cw_secret *memory; /* behind stream: answers may be track data */
        struct cw_evolis_stream stream;
        const char *sync_command; /* a question whose answer is known, */
        char sync_answer[CW_PRINTER_TEXT_MAX];
        bool sync_owed;   /* a sync gave up: answers to the known question may still come */
        bool out_of_step; /* an answer is missing: the next text may belong to an older question */
        bool in_sequence; /* Ss was sent, Se was not */
        bool delivered;   /* the last card went to the output by our own command */
        bool cleared;     /* nothing of a process before us, or of the console, is left in its buffers */
};

/* link.c: one question, one answer. */

/* Reads and throws away what waits, until the line is quiet. */
cw_rc cw_evolis_drain(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f);
/* Sends bytes; gets back into step first when needed. *ret_sent is written always. */
cw_rc cw_evolis_send(struct cw_evolis *e, const void *bytes, size_t len, int64_t deadline_ns,
                     size_t *ret_sent, struct cw_fault *f);
/* One answer, NUL-terminated, shortened to cap. RETRY/CW_E_TIMEOUT leaves the link out of step. */
cw_rc cw_evolis_receive(struct cw_evolis *e, int64_t deadline_ns, char *ret, size_t cap, struct cw_fault *f);
/* A question without effect. Classes RETRY and RECONNECT only. */
cw_rc cw_evolis_ask(struct cw_evolis *e, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                    struct cw_fault *f);
/* Something came that nobody asked for since the transport's count was this: one of the yeses taken since may
 * have been a stray one, and what was thrown away the real answer. Leaves the link out of step then. */
bool cw_evolis_answered_too_often(struct cw_evolis *e, unsigned unasked);
/* A setting that must be answered by OK; OPERATOR/PRT_SETUP_ERROR when it is not. */
cw_rc cw_evolis_set(struct cw_evolis *e, const char *command, int64_t deadline_ns, struct cw_fault *f);

/* action.c */

/* Sends a command that has an effect and waits for OK; refusals go through cw_evolis_refused. */
cw_rc cw_evolis_act(struct cw_evolis *e, const char *command, const char *op, int64_t deadline_ns,
                    struct cw_printer_effect *effect, struct cw_fault *f);
/* The printer did not say yes to an effect: find out why and where the card is; IN_DOUBT when it did not say
 * no either. Never CW_OK. */
cw_rc cw_evolis_refused(struct cw_evolis *e, const char *reply, const char *op,
                        struct cw_printer_effect *effect, struct cw_fault *f);
/* Where the card is, with a short time of its own after the step's deadline. */
enum cw_where cw_evolis_locate(struct cw_evolis *e);
/* REJECT when the model's answers about card positions cannot be read; OPERATOR/REJECT by where the card is.
 */
cw_rc cw_evolis_need_card(struct cw_evolis *e, const char *op, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f);

/* status.c */
cw_rc cw_evolis_ask_where(struct cw_evolis *e, int64_t deadline_ns, enum cw_where *ret, char *vendor,
                          size_t vendor_cap, struct cw_fault *f);
cw_rc cw_evolis_ask_ribbon(struct cw_evolis *e, int64_t deadline_ns, struct cw_ribbon *ret,
                           struct cw_fault *f);
/* Rse;sensor >= 2.5 V; *ret_known false when the printer does not tell. */
cw_rc cw_evolis_ask_sensor(struct cw_evolis *e, char sensor, int64_t deadline_ns, bool *ret_high,
                           bool *ret_known, struct cw_fault *f);
cw_rc cw_evolis_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                       struct cw_fault *f);
cw_rc cw_evolis_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                         struct cw_fault *f);

/* stripe.c, print.c */
cw_rc cw_evolis_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                             struct cw_printer_effect *ret, struct cw_fault *f);
cw_rc cw_evolis_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns, struct cw_secret **ret,
                            struct cw_fault *f);
cw_rc cw_evolis_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                      struct cw_printer_effect *ret, struct cw_fault *f);
/* Before a sequence or a cycle: what others may have begun in this printer is emptied out of it, once. */
void cw_evolis_forget_strangers(struct cw_evolis *e, int64_t deadline_ns);
/* Ss unless a sequence is open already. */
cw_rc cw_evolis_begin_sequence(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f);
/* The answer to Se: the card must be out. */
cw_rc cw_evolis_end_sequence(struct cw_evolis *e, const char *op, int64_t deadline_ns,
                             struct cw_printer_effect *effect, struct cw_fault *f);

/* sheet.c */
cw_rc cw_evolis_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                      struct cw_printer_lines *ret, struct cw_fault *f);
cw_rc cw_evolis_setting(struct cw_printer *p, const char *name, const char *value, int64_t deadline_ns,
                        struct cw_fault *f);
