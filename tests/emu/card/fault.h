/* SPDX-License-Identifier: Apache-2.0 */
/* What a test makes go wrong: {"cmd":"fault","kind":K,("nth":n | "ins":"E2")?,"repeat":bool?, ...}. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum emuc_fault_kind {
        EMUC_FAULT_NONE,
        EMUC_FAULT_DIE,  /* connection dropped instead of executing */
        EMUC_FAULT_TEAR, /* executed, then connection dropped instead of answering */
        EMUC_FAULT_MUTE, /* executed, never answered */
        EMUC_FAULT_SW,   /* not executed; answers "sw" */
        EMUC_FAULT_LATE, /* answers after "ms" */
        EMUC_FAULT_RMAC, /* executed; the last byte before the status word is another */
        EMUC_FAULT_SWAP, /* another plastic, "plastic", is there of a sudden */
};

#define EMUC_FAULTS 8U

struct emuc_fault {
        enum emuc_fault_kind kind;
        unsigned nth; /* counts APDUs that match; 1 = the next */
        int ins;      /* -1 = any */
        bool repeat;
        bool reconnect; /* after die and tear */
        uint16_t sw;
        int64_t ms;
        char plastic[512];
};

/* True and *ret; false and a sentence in err. */
bool emuc_fault_parse(const json_t *request, struct emuc_fault *ret, char *err, size_t err_cap);
/* The first fault in the list this INS sets off, copied to *ret; one-shot ones are removed from the list. */
bool emuc_fault_match(struct emuc_fault list[EMUC_FAULTS], uint8_t ins, struct emuc_fault *ret);
