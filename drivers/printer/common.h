/* SPDX-License-Identifier: Apache-2.0 */
/* For drivers: what the families share. */
#pragma once

#include "drivers/printer/printer.h"

/* One sentence for a code of the station taxonomy that says what to do; a general one for an unknown code. */
const char *cw_printer_sentence(const char *code);
/* Fault of a code with its sentence, and in brackets what the printer said ("" = nothing). */
cw_rc cw_printer_fail(struct cw_fault *f, enum cw_class cls, unsigned error, const char *op, const char *code,
                      const char *vendor);
/* Fills state, code and text of a status from its other members, the most urgent finding first. */
void cw_printer_status_judge(struct cw_printer_status *s);
/* Does a ribbon of this kind ("ymcko", "ko", "kb", ...) carry the panel? */
bool cw_printer_ribbon_has(const char *kind, char panel);
/* A copy in memory of its own with every panel turned half way round, of one face. NULL without memory. */
struct cw_panels *cw_printer_turned(const struct cw_panels *face);
/* Bits of the words of a fitting; OPERATOR/PRT_SETUP_ERROR for a word that the driver does not know. */
cw_rc cw_printer_quirks(const struct cw_printer_ops *driver, const char *words, uint32_t *ret,
                        struct cw_fault *f);
/* Heat of y m c k o of a fitting, -1 where it says nothing; OPERATOR/PRT_SETUP_ERROR for what the driver
 * cannot set. */
cw_rc cw_printer_heats(const struct cw_printer_ops *driver, const char *words, int16_t ret[5],
                       struct cw_fault *f);
/* Of one panel, -1 = not to be sent. */
int cw_printer_heat(const struct cw_printer *p, char panel);
/* One more part of the firmware inventory, unless version is "". */
void cw_printer_put_firmware(struct cw_printer_info *info, const char *part, const char *version);
/* CW_OK, or OPERATOR/PRT_SETUP_ERROR for a driver that is public in part only and not switched on. */
cw_rc cw_printer_barred(const struct cw_printer *p, const char *op, struct cw_fault *f);
/* The earlier of a deadline and timeout_ms from now. */
int64_t cw_printer_deadline(int64_t deadline_ns, int64_t timeout_ms);
/* Of an act: something was sent and its end is unknown. Never CW_OK: IN_DOUBT with what went wrong and its
 * code, PRD_TIMEOUT where there is none. why and f may be one. */
cw_rc cw_printer_doubt(const char *op, const struct cw_fault *why, struct cw_fault *f);
/* OPERATOR/PRD_FEEDER_JAM: before a feed there is a card inside; the remedy is "eject" or "reject". */
cw_rc cw_printer_still_inside(const char *op, const char *remedy, struct cw_fault *f);
/* What became of a question: it has no effect, so half a question is RECONNECT and no doubt; other results
 * are as they were. */
cw_rc cw_printer_asked(cw_rc rc, const char *op, struct cw_fault *f);
/*
 * How a driver's open gets an answer out of a printer that gives none. identify asks who it is, and is asked
 * again after each remedy. Classes: those of identify; RETRY/PRT_PAUSED while the printer is at work;
 * RECONNECT when the port was reset (open again); OPERATOR/PRT_NOT_REACHABLE when all was tried.
 */
struct cw_printer_ladder {
        cw_rc (*identify)(void *ctx, int64_t deadline_ns, struct cw_fault *f);
        void *ctx;
        const char *op;
        bool class_requests; /* the device knows SOFT_RESET and GET_PORT_STATUS */
};
CW_WARN_UNUSED cw_rc cw_printer_ladder(struct cw_usb *usb, const struct cw_printer_ladder *l,
                                       int64_t deadline_ns, struct cw_fault *f);
/* Adds a line to a sheet; a number below 0 and an empty text are what the printer does not tell, and are left
 * out.
 */
void cw_printer_put_number(struct cw_printer_lines *l, const char *name, int64_t value, const char *unit);
void cw_printer_put_text(struct cw_printer_lines *l, const char *name, const char *value, const char *unit,
                         bool writable);
