/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging with a fixed event table (base/events.def). Only daemons log, once per failure; libraries return
 * faults. Under systemd each event goes to journald with its MESSAGE_ID and fields, else as "<level>NAME text
 * KEY=value" to stderr. There is no function that takes bytes to log.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

enum cw_event {
#define CW_EVENT(name, level, id, text) CW_EV_##name,
#include "base/events.def"
#undef CW_EVENT
        CW_EV_MAX_
};

struct cw_field {
        const char *key; /* upper case, e.g. "JOB"; NULL ends the list */
        const char *str; /* borrowed; control characters are replaced */
        int64_t num;
};
#define CW_F_STR(k, v) ((struct cw_field){(k), (v), 0})
#define CW_F_INT(k, v) ((struct cw_field){(k), NULL, (int64_t)(v)})

/* Name of the daemon for all later events, e.g. "cardwrightd". Borrowed. */
void cw_log_open(const char *ident);
void cw_log_fields(enum cw_event ev, const struct cw_field *fields);
#define cw_log(ev, ...)                                                                                      \
        cw_log_fields((ev), (const struct cw_field[]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL, 0}})
/* The event with CLASS, CODE, LAYER, NATIVE, OP and the sentence of the fault. */
void cw_log_fault(enum cw_event ev, const struct cw_fault *f);
