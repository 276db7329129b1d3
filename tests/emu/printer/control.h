/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the control socket (README.md), one JSON object in, one out. Main thread only. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "carrier.h"

struct emup_control {
        struct emup_carrier *carrier;
        struct emup_model *model;
        bool quit; /* set by the command quit */
};

/* Answers one request (borrowed); a new reference, never NULL. */
json_t *emup_control_answer(void *control, const json_t *request);
