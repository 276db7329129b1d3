/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One powered card, reached by APDUs. Everything above this vtable knows nothing of PC/SC, so that the same
 * code runs over a reader, a script of expected bytes, or a recorder. Used by one thread. Nothing here logs
 * an APDU.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/secret.h"

#define CW_APDU_COMMAND_MAX 261u                   /* short: header, Lc, 255 bytes, Le */
#define CW_APDU_PART_MAX 258u                      /* short answer with SW */
#define CW_APDU_DATA_MAX 2048u                     /* answer put together by GET RESPONSE */
#define CW_APDU_ANSWER_MAX (CW_APDU_DATA_MAX + 2u) /* of an extended command, with SW */
#define CW_ATR_MAX 33u

/* Codes of CW_L_READER, beside those of base/error.h. */
enum {
        CW_E_READER_SERVICE = 0x100, /* pcscd is not there                                         */
        CW_E_READER_GONE,            /* the reader is not plugged in                               */
        CW_E_READER_NO_CARD,         /* no card, or it was taken out                               */
        CW_E_READER_MUTE,            /* a card that does not answer the reset                      */
        CW_E_READER_SHARED,          /* another program holds the card                             */
        CW_E_READER_RESET,           /* another program reset the card: every session on it is over */
        CW_E_READER_STUCK,           /* a call did not come back: the reader or its driver hangs   */
        CW_E_READER_SHORT,           /* no answer, or only a part: the card died in the APDU       */
};

struct cw_card_channel;
struct cw_card_channel_ops {
        /*
         * One TPDU-level exchange: the command as given, the answer with its SW (at least 2 bytes). Every
         * failure is RECONNECT, because the command may have reached the card: nobody may send it again.
         */
        cw_rc (*transmit)(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms, uint8_t *ret,
                          size_t ret_cap, size_t *ret_len, struct cw_fault *f);
        /*
         * NULL, or: command goes to the card as soon as it has answered the one before with 9000, and not at
         * all otherwise; the transmit of the same bytes then only fetches its answer. Called while the one
         * before is under way, at most once in it; nothing happens when it comes too late.
         */
        void (*behind)(struct cw_card_channel *c, struct cw_span command);
        /* Power off and on; atr and t0 are read again. */
        cw_rc (*reset)(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f);
        /* Powers the card off and frees the channel. */
        void (*close)(struct cw_card_channel *c);
        /*
         * A command to the reader itself (SCardControl), at most CW_APDU_COMMAND_MAX bytes; NULL where there
         * is no reader. REJECT/CW_E_UNSUPPORTED when the reader does not know code, REJECT/CW_E_MISMATCH when
         * it did not carry it out though the card is still there (libccid: two new PINs that differ); else
         * RECONNECT.
         */
        cw_rc (*control)(struct cw_card_channel *c, uint32_t code, struct cw_span in, int64_t timeout_ms,
                         uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f);
};
struct cw_card_channel {
        const struct cw_card_channel_ops *ops;
        bool t0;        /* protocol T=0: case 4 goes without Le, the answer is fetched */
        bool own_class; /* GET RESPONSE has the class of its command, without secure messaging; else 00 */
        uint8_t atr[CW_ATR_MAX];
        size_t atr_len;
        size_t answer_max; /* extended.h: longest answer of an extended command; 0 = short commands only */
        void (*meanwhile)(void *ctx); /* cw_card_meanwhile */
        void *meanwhile_ctx;
};

/*
 * fn(ctx) runs once within the next cw_card_exchange, whatever becomes of that: while its first command is
 * with the card, or behind it where the channel cannot do both at once. It may block; the card is not waited
 * for any longer.
 */
static inline void cw_card_meanwhile(struct cw_card_channel *c, void (*fn)(void *ctx), void *ctx) {
        c->meanwhile = fn;
        c->meanwhile_ctx = ctx;
}
/* For a channel's transmit, with the command under way. Nothing to do is fine. */
static inline void cw_card_run_meanwhile(struct cw_card_channel *c) {
        void (*fn)(void *ctx) = c->meanwhile;
        c->meanwhile = NULL;
        if (fn)
                fn(c->meanwhile_ctx);
}

/*
 * What the next cw_card_exchange will send, told from within meanwhile: where the channel can, the card gets
 * it right behind its 9000, without waiting for this thread. It may be on its way before the caller has seen
 * the answer to the one before; behind any other SW it is forgotten. The next exchange has to be this one, or
 * none.
 */
void cw_card_behind(struct cw_card_channel *c, struct cw_span command);

static inline void cw_card_close(struct cw_card_channel *c) {
        c->ops->close(c);
}
CW_DEFINE_CLEANUP(struct cw_card_channel *, cw_card_close);

/* An answer; may hold card data, so it is wiped when its scope ends: CW_AUTO_RAPDU struct cw_rapdu r = { 0 };
 */
struct cw_rapdu {
        uint16_t sw;
        size_t len; /* without SW */
        uint8_t data[CW_APDU_DATA_MAX];
};
static inline void cw_rapdu_cleanup(struct cw_rapdu *r) {
        cw_wipe(r, sizeof *r);
}
#define CW_AUTO_RAPDU __attribute__((cleanup(cw_rapdu_cleanup)))

/*
 * Sends one short command (4 to 261 bytes; REJECT otherwise) and brings the whole answer: 61xx is followed
 * with GET RESPONSE, 6Cxx by the right Le unless the command is under secure messaging (ISO 7816-4, EMV Book
 * 1 9.3). *ret is written only on success; any SW of the command is success. What a card says about GET
 * RESPONSE instead is none: the command is done and its answer lost (RECONNECT). Blocks up to timeout_ms per
 * exchange.
 */
CW_WARN_UNUSED cw_rc cw_card_exchange(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms,
                                      struct cw_rapdu *ret, struct cw_fault *f);

/*
 * The same for a command of case 2 with Le 00 (else REJECT) whose answer may be longer than 256 bytes:
 * extended where reader and card agreed (answer_max), as it is elsewhere. A card that calls the length wrong
 * after all (6700) is asked again with a short command, and with no extended one any more: so only for a
 * command that changes nothing.
 */
CW_WARN_UNUSED cw_rc cw_card_exchange_long(struct cw_card_channel *c, struct cw_span command,
                                           int64_t timeout_ms, struct cw_rapdu *ret, struct cw_fault *f);
