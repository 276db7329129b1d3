/* SPDX-License-Identifier: Apache-2.0 */
/* Faults a test arms. A fault waits for its trigger, is then live, and bites at its hook until its count is
 * used up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { EMUP_FAULTS_MAX = 32 };

/* Where a fault bites. HOOK_NOW faults act the moment they are triggered. */
enum emup_hook {
        HOOK_NOW,
        HOOK_FEED,
        HOOK_MOVE, /* feeding, moving, ejecting, printing */
        HOOK_PANEL,
        HOOK_ENGAGE,
        HOOK_MAG_WRITE,
        HOOK_MAG_READ,
        HOOK_COMMAND,
        HOOK_REPLY,
        HOOK_TRANSFER_IN,
        HOOK_TRANSFER_OUT,
        HOOK_DEVICE_ID,
        HOOK_PORT_STATUS,
        HOOK_SOFT_RESET,
};

enum emup_trigger { TRIGGER_NOW, TRIGGER_COMMAND, TRIGGER_PANEL, TRIGGER_BYTE, TRIGGER_MS, TRIGGER_TRANSFER };

struct emup_fault_kind;

struct emup_fault {
        const struct emup_fault_kind *kind;
        enum emup_trigger trigger;
        char command[24]; /* TRIGGER_COMMAND: the command text starts with this name */
        char panel;       /* TRIGGER_PANEL */
        uint64_t left;    /* occurrences, bytes or transfers still to come; TRIGGER_MS: the moment */
        bool live;
        bool always;
        uint32_t count; /* bites left when not always */
        uint32_t ms;    /* head_hot, late_reply; replug_ms of unplug and power_cycle */
        char text[64];  /* match of error_cde, kind of ribbon_wrong, mode of device_id_bad, garbage */
        uint64_t hits;
};

struct emup_model;

/* Triggers. */
void emup_fault_on_command(struct emup_model *m, const char *text);
void emup_fault_on_panel(struct emup_model *m, char letter);
void emup_fault_on_bytes(struct emup_model *m, uint64_t n);
void emup_fault_on_transfer(struct emup_model *m);
void emup_fault_on_time(struct emup_model *m);
uint64_t emup_fault_deadline(const struct emup_model *m);
/* Bytes until the next byte trigger, UINT64_MAX when there is none. */
uint64_t emup_fault_bytes_left(const struct emup_model *m);

/* The live fault of that name, used up by one bite; NULL when there is none. */
const struct emup_fault *emup_fault_bite(struct emup_model *m, const char *name);
/* Same, for a fault whose text must be a prefix of what. */
const struct emup_fault *emup_fault_bite_match(struct emup_model *m, const char *name, const char *what);
const char *emup_fault_name(const struct emup_fault *f);
