/* SPDX-License-Identifier: Apache-2.0 */
/* A reader and a card of the fake service, and waits that a machine which stalls does not cut short. */
#pragma once

#include "fake_pcsc.h"

#include "drivers/reader/reader.h"

#define SOON_MS 20000 /* a machine may stall; what is waited for comes */
#define SHORT_MS 150  /* of a call that is meant to run out */

/* While the reader's thread looks at it. */
#define FAKE_SET(member, value)                                                                              \
        do {                                                                                                 \
                fake_pcsc_lock();                                                                            \
                fake.member = (value);                                                                       \
                fake_pcsc_unlock();                                                                          \
        } while (0)

void pause_ms(long ms);

typedef bool (*seen_fn)(const struct cw_card_reader_state *s);
bool is_ready(const struct cw_card_reader_state *s);
bool is_free(const struct cw_card_reader_state *s);
/* What the reader is like once seen says so. */
struct cw_card_reader_state await(struct cw_card_reader *r, seen_fn seen);

struct cw_card_reader *open_reader(const char *wanted);
/* The card of a reader that is ready. */
struct cw_card_channel *connected(struct cw_card_reader *r);
void assert_fails(cw_rc rc, enum cw_class cls, unsigned code);
/* GET DATA, any answer. */
cw_rc ask(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f);

/* The setup of each test. */
int start(void **state);
