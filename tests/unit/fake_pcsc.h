/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A smart card service that a test holds in its hand: the SCard calls themselves, linked in front of
 * libpcsclite, behaving as pcscd 1.9.9 was measured to. Change it under fake_pcsc_lock; fake_pcsc_moved wakes
 * who waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <winscard.h>

#define FAKE_READERS 4
#define FAKE_ANSWERS 8

struct fake_answer {
        LONG rv;
        const char *hex; /* NULL: success without a byte */
        bool hangs;      /* comes back only after fake_pcsc_release */
        int releases;    /* comes back only after so many of them */
};

struct fake_reader {
        char name[64], serial[32];
        uint32_t channel; /* SCARD_ATTR_CHANNEL_ID, 0 = not told */
        bool plugged, card, mute;
        uint16_t events;
        uint8_t atr;          /* first byte of the card's ATR */
        bool other_exclusive; /* another program has it for itself */
        bool other_transacts; /* another program holds a transaction: connecting blocks without end */
        bool reset_by_other;  /* told once, to the next call on the connection */
        int not_yet;          /* so many connects see the card of before */
        int begin_reset;      /* so many transactions are told of a reset */
        /* what we did to it */
        bool locked, powered, exclusive;
        int connects, begins, reconnects, shared_reconnects;
        DWORD end_disposition, disconnect_disposition;
};

struct fake_pcsc {
        bool service, denied, counts_readers;
        int generation; /* of pcscd; contexts of another one are dead, though they are called valid */
        uint16_t plugs, plugs_known; /* and what the last wait was told of it */
        struct fake_reader readers[FAKE_READERS];
        struct fake_answer answers[FAKE_ANSWERS]; /* of SCardTransmit, in order; the last again and again */
        size_t answer_count, transmits;
        DWORD smallest_buffer;
        int establishes, waits, lists, torn_lists;
        bool released;
        int releases;
};
extern struct fake_pcsc fake;

/* One reader "fake 00 00" with a card, pcscd up; nobody else there. */
void fake_pcsc_start(void);
void fake_pcsc_lock(void);
void fake_pcsc_unlock(void);
/* With the lock held: who waits looks again. */
void fake_pcsc_moved(void);
/* pcscd is killed; another one comes, which knows nothing of the one before. */
void fake_pcsc_stop(void);
void fake_pcsc_restart(void);
/* What hangs comes back. */
void fake_pcsc_release(void);
