/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data groupings (EMV CPS 1.1, 2.2): their coding and the STORE DATA commands that carry them. The length of
 * a DGI is not BER: 00..FE is one byte, more is FF and two bytes.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

#define CW_DGI_MAX 128 /* groupings of one card */
#define CW_DGI_VALUE_MAX 0xffffu
#define CW_STORE_DATA_MAX                                                                                    \
        239u /* clear bytes a short command holds under C-MAC and C-ENC, SCP02 and SCP03                     \
              */

void cw_dgi_put(struct cw_writer *w, uint16_t id, const void *value, size_t len);
size_t cw_dgi_len(size_t value_len);
/* Takes one grouping off the front of *rest; false at the end and, with *ret_bad, on malformed bytes. */
bool cw_dgi_next(struct cw_span *rest, uint16_t *ret_id, struct cw_span *ret_value, bool *ret_bad);

/* What goes to the card as one logical STORE DATA: coded groupings and the P1 of its commands. */
struct cw_store_unit {
        struct cw_span coded; /* borrowed; one DGI, or several that travel together */
        uint8_t p1;           /* without the last-block bit */
        bool grouped;         /* CPS GROUP: one command, or none */
};
struct cw_store_plan {
        const struct cw_store_unit *units;
        size_t count;
        uint8_t last; /* or-ed into P1 of the last command, 0x80 by GlobalPlatform */
        size_t chunk; /* 1..CW_STORE_DATA_MAX clear bytes a command */
        bool le;      /* append Le 00: an answer is expected (R-MAC) */
};
/*
 * Writes the plain STORE DATA commands (80 E2 P1 P2 Lc data [Le]) as packed items. A unit longer than chunk
 * goes on bare in the next command (CPS 4.3.4.5). P2 counts from 00 and wraps. *ret_count = commands. REJECT
 * when there is nothing to send, out does not fit, or a group does not fit one command.
 */
CW_WARN_UNUSED cw_rc cw_store_data_build(const struct cw_store_plan *plan, struct cw_writer *out,
                                         size_t *ret_count, struct cw_fault *f);
