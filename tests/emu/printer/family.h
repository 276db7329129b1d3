/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sets one printer family apart from another. The mechanism (model.c, model_mech.c, model_steps.c, ...),
 * the plastics, the faults and the carriers are the same for all; a family is its language and the constant
 * below. Each emulator links exactly one.
 */
#pragma once

#include "model.h"

#include <stdbool.h>
#include <stdint.h>

struct emup_family {
        const char *program;          /* of the emulator, for messages */
        const char *manufacturer;     /* USB string, and MFG of the device id */
        const char *command_set;      /* CMD of the device id */
        const char *model, *firmware; /* when the command line says nothing */
        uint16_t vid, pid;
        uint8_t ep_out, ep_in;
        bool other_class; /* of a vendor's own interface class, without the requests of the printer class */
        enum emup_flip flip; /* when the command line says nothing */
        bool text_replies;   /* --positions and --reply-end mean something */
};
extern const struct emup_family emup_family;
