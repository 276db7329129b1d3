/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A branch in a few hundred lines for the deterministic simulator: one station with its printer, plastics
 * that remember what was done to them, a person and a server. It judges: a rule of the house that is broken
 * ends the run with a text.
 */
#pragma once

#include "agent/issuance/issuance.h"

#define WORLD_PLASTICS_MAX 8
#define WORLD_SEQ_MAX 512

enum spot { SPOT_TRANSPORT, SPOT_OUTPUT, SPOT_REJECT };

struct plastic {
        enum spot spot;
        bool striped, personalised, inked; /* the whole effect */
        unsigned key_steps;                /* chip steps in which a key reached the chip */
        unsigned ink_steps;                /* print steps in which ink reached it */
        bool confirmed;                    /* a person saw it in the reject box */
        bool doubted;                      /* reconcile did not know, a person had to look */
};

struct world {
        uint64_t random;
        bool faults; /* off in the second phase: everything works */
        struct plastic plastics[WORLD_PLASTICS_MAX];
        unsigned drawn;
        bool performed[WORLD_SEQ_MAX];
        bool doubt;  /* the state of the card in the machine is not known to anybody */
        bool effect; /* the last step physically happened */
        enum cw_step doubt_step;
        bool kept_valid; /* the station's last result */
        struct cw_job_event kept;
        const char *broken; /* the rule that was broken, NULL while all is well */
};

uint32_t world_random(struct world *w, uint32_t below);
bool world_chance(struct world *w, uint32_t percent); /* only while faults are on */

/* Where the sensors see the card. */
enum cw_where world_where(const struct world *w);
/* The station performs the step. key_allowed: the ATTEMPT was acknowledged. The result is kept; false when it
 * was lost. */
bool world_perform(struct world *w, enum cw_step step, uint32_t seq, bool key_allowed);
struct cw_job_event world_reconcile(struct world *w, enum cw_step step, uint32_t seq);
/* The verdict unknown became durable. */
void world_doubted(struct world *w, enum cw_step step);
struct cw_job_event world_person_decides(struct world *w, const struct cw_job *job);
struct cw_job_event world_person_destroys(struct world *w);
void world_broke(struct world *w, const char *rule);
