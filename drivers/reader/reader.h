/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PC/SC reader. A monitor thread sits in SCardGetStatusChange and keeps a snapshot; each connected card
 * has a worker thread of its own, so that a call that never comes back costs that thread and not the station.
 * The caller's thread never enters libpcsclite.
 */
#pragma once

#include "drivers/reader/card_channel.h"

#include <stdatomic.h>

#define CW_READER_NAME_MAX 128

struct cw_card_reader_state {
        bool service; /* pcscd answers */
        bool denied;  /* it does, but not to us: polkit */
        bool present; /* the reader is plugged in */
        bool card;
        bool mute;       /* a card is there that does not answer the reset */
        bool stuck;      /* a call on the card has not come back yet */
        uint32_t events; /* insertions and removals of this reader, counted over re-plugs and restarts of
                            pcscd too */
        char name[CW_READER_NAME_MAX];
        char others[2 * CW_READER_NAME_MAX]; /* the readers that are there when this one is not */
};

struct cw_card_reader;

/* Called from the monitor thread after the snapshot changed; must not block nor call back into the reader. */
typedef void (*cw_card_reader_changed_fn)(void *ctx);

/*
 * Starts watching the reader whose PC/SC name is name, or, when there is none, the first one that begins with
 * name; "usb:1-1.2" and "serial:ABC" name it by port and serial number (binding.h). pcscd and the reader may
 * come later. fn may be NULL. RETRY when threads or memory are short. Does not block.
 */
CW_WARN_UNUSED cw_rc cw_card_reader_open(const char *name, cw_card_reader_changed_fn fn, void *ctx,
                                         struct cw_card_reader **ret, struct cw_fault *f);
/* Ends the monitor. Channels must be closed before. Waits up to two seconds for a thread that hangs, then
 * leaves it. */
void cw_card_reader_close(struct cw_card_reader *r);
CW_DEFINE_CLEANUP(struct cw_card_reader *, cw_card_reader_close);

/* The snapshot; pcscd may be 0.4 s behind the card. Any thread, does not block. */
void cw_card_reader_get(struct cw_card_reader *r, struct cw_card_reader_state *ret);

/* Wakes a cw_card_reader_wait of another thread, which ends with CW_E_CANCELLED when *cancel is set. */
void cw_card_reader_wake(struct cw_card_reader *r);

/*
 * Waits until a card is there (want_card) or gone. With after != NULL a card only counts once the event
 * counter differs from *after: it is then not the one that was there before. cancel may be NULL. OPERATOR:
 * timeout (CW_E_READER_NO_CARD), no pcscd, no reader, mute card, each with its own sentence;
 * RETRY/CW_E_CANCELLED.
 */
CW_WARN_UNUSED cw_rc cw_card_reader_wait(struct cw_card_reader *r, bool want_card, const uint32_t *after,
                                         int64_t timeout_ms, const atomic_bool *cancel, struct cw_fault *f);

/* Cards connected from now on may agree on extended APDUs (extended.h); else all are short. */
void cw_card_reader_allow_extended(struct cw_card_reader *r, bool allowed);

/*
 * Connects exclusively, powers the card and opens a transaction, waiting up to timeout_ms for another program
 * to let go. OPERATOR: nobody home, shared, mute, stuck; RECONNECT: the service went away.
 */
CW_WARN_UNUSED cw_rc cw_card_reader_connect(struct cw_card_reader *r, int64_t timeout_ms,
                                            struct cw_card_channel **ret, struct cw_fault *f);
