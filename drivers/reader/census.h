/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the readers of the list say they are, for a reader that is wanted by port or serial number. Each is
 * asked once, when it appears: later its card may be ours, and nobody else gets in. The question goes by a
 * thread of its own, because connecting to a reader in which another program holds a transaction blocks
 * without end, and the monitor has the other readers to look after. Used by one thread.
 */
#pragma once

#include "drivers/reader/binding.h"
#include "drivers/reader/reader.h"

#define CW_CENSUS_MAX 64 /* more than pcscd can have at once (16, unlimited from 2.5 on) */

struct cw_reader_question;
struct cw_reader_census {
        struct cw_reader_question *questions[CW_CENSUS_MAX];
};

/* Forgets whoever is not in the list any more: names separated and ended by NUL, an empty one at the end. */
void cw_reader_census_keep(struct cw_reader_census *c, const char *list);
/* Forgets everybody; a question that hangs ends by itself. */
void cw_reader_census_forget(struct cw_reader_census *c);
/*
 * True when the reader said who it is. Waits a moment for the first answer, then not again: false until it
 * came. A question that failed is asked again by the next call.
 */
bool cw_reader_census_ask(struct cw_reader_census *c, const char *name, struct cw_reader_identity *ret);
