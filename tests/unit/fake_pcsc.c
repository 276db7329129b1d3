/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_pcsc.h"

#include "base/buf.h"
#include "base/clock.h"

#include <pthread.h>
#include <reader.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CONTEXT 1000 /* + generation */
#define PNP "\\\\?PnP?\\Notification"

struct fake_pcsc fake;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved;
static bool cond_made;
static int cancelled; /* contexts have no number of their own: any wait ends */

void fake_pcsc_lock(void) {
        (void)pthread_mutex_lock(&lock);
}

void fake_pcsc_unlock(void) {
        (void)pthread_mutex_unlock(&lock);
}

void fake_pcsc_moved(void) {
        (void)pthread_cond_broadcast(&moved);
}

void fake_pcsc_start(void) {
        fake_pcsc_lock();
        if (!cond_made) {
                pthread_condattr_t attr;
                (void)pthread_condattr_init(&attr);
                (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
                (void)pthread_cond_init(&moved, &attr);
                (void)pthread_condattr_destroy(&attr);
                cond_made = true;
        }
        int generation = fake.generation + 1;
        fake = (struct fake_pcsc){.service = true, .generation = generation, .smallest_buffer = 1u << 20};
        fake.readers[0] = (struct fake_reader){
            .name = "fake 00 00", .serial = "SN1", .plugged = true, .card = true, .events = 1, .atr = 0x3b};
        fake.answers[0] = (struct fake_answer){.hex = "9000"};
        fake.answer_count = 1;
        fake_pcsc_moved();
        fake_pcsc_unlock();
}

void fake_pcsc_release(void) {
        fake_pcsc_lock();
        fake.released = true;
        fake.releases++;
        for (size_t i = 0; i < FAKE_READERS; i++)
                fake.readers[i].other_transacts = false;
        fake_pcsc_moved();
        fake_pcsc_unlock();
}

void fake_pcsc_stop(void) {
        fake_pcsc_lock();
        fake.service = false;
        fake_pcsc_moved();
        fake_pcsc_unlock();
}

void fake_pcsc_restart(void) {
        fake_pcsc_lock();
        fake.generation++;
        for (size_t i = 0; i < FAKE_READERS; i++)
                fake.readers[i].locked = fake.readers[i].exclusive = false;
        fake.service = true;
        fake_pcsc_unlock();
}

static bool dead(SCARDCONTEXT context) {
        return !fake.service || context != CONTEXT + fake.generation;
}

static struct fake_reader *reader_called(const char *name) {
        for (size_t i = 0; i < FAKE_READERS; i++)
                if (fake.readers[i].plugged && strcmp(fake.readers[i].name, name) == 0)
                        return &fake.readers[i];
        return NULL;
}

/* A handle: generation of pcscd * 16 + index + 1. */
static struct fake_reader *reader_of(SCARDHANDLE card) {
        if (!fake.service || card / 16 != fake.generation)
                return NULL;
        return &fake.readers[card % 16 - 1];
}

/* ---- the service ---- */

LONG SCardEstablishContext(DWORD scope, LPCVOID r1, LPCVOID r2, LPSCARDCONTEXT ret) {
        (void)scope, (void)r1, (void)r2;
        fake_pcsc_lock();
        fake.establishes++;
        LONG rv = !fake.service ? SCARD_E_NO_SERVICE
                  : fake.denied ? SCARD_W_SECURITY_VIOLATION
                                : SCARD_S_SUCCESS;
        *ret = CONTEXT + fake.generation;
        fake_pcsc_unlock();
        return rv;
}

LONG SCardReleaseContext(SCARDCONTEXT context) {
        (void)context;
        return SCARD_S_SUCCESS;
}

LONG SCardIsValidContext(SCARDCONTEXT context) {
        (void)context;
        return SCARD_S_SUCCESS; /* measured: also after pcscd died */
}

LONG SCardCancel(SCARDCONTEXT context) {
        (void)context;
        fake_pcsc_lock();
        cancelled++;
        fake_pcsc_moved();
        fake_pcsc_unlock();
        return SCARD_S_SUCCESS;
}

LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups, LPSTR ret, LPDWORD len) {
        (void)groups;
        size_t at = 0;
        LONG rv = SCARD_E_NO_SERVICE;
        fake_pcsc_lock();
        fake.lists++;
        if (!dead(context)) {
                bool torn = fake.torn_lists > 0;
                fake.torn_lists -= torn;
                for (size_t i = 0; i < FAKE_READERS && !torn; i++)
                        if (fake.readers[i].plugged)
                                at += (size_t)snprintf(ret + at, *len - at, "%s", fake.readers[i].name) + 1;
                ret[at] = '\0';
                *len = at + 1;
                rv = at ? SCARD_S_SUCCESS : SCARD_E_NO_READERS_AVAILABLE;
        }
        fake_pcsc_unlock();
        return rv;
}

/* ---- waiting ---- */

static DWORD state_of(const struct fake_reader *r) {
        DWORD state = (DWORD)r->events << 16 | (r->card ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY);
        return state | (r->card && r->mute ? SCARD_STATE_MUTE : 0);
}

/* True when there is something to tell. */
static bool look(SCARD_READERSTATE *s) {
        const DWORD known = s->dwCurrentState;
        if (strcmp(s->szReader, PNP) == 0) {
                fake.plugs_known = (uint16_t)(known >> 16);
                s->dwEventState = fake.counts_readers ? (DWORD)fake.plugs << 16 : 0;
                bool changed = s->dwEventState && known >> 16 && known >> 16 != fake.plugs;
                s->dwEventState |= changed ? SCARD_STATE_CHANGED : 0;
                return changed;
        }
        const struct fake_reader *r = reader_called(s->szReader);
        s->dwEventState = r ? state_of(r) : SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE;
        bool changed = known == SCARD_STATE_UNAWARE || s->dwEventState != known;
        s->dwEventState |= changed ? SCARD_STATE_CHANGED : 0;
        return changed;
}

static size_t plugged_in(void) {
        size_t n = 0;
        for (size_t i = 0; i < FAKE_READERS; i++)
                n += fake.readers[i].plugged;
        return n;
}

LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout_ms, SCARD_READERSTATE *states, DWORD count) {
        int64_t deadline = cw_deadline_ns((int64_t)timeout_ms);
        struct timespec until = {deadline / 1000000000, deadline % 1000000000};
        LONG rv = SCARD_S_SUCCESS;
        int err = 0;
        fake_pcsc_lock();
        fake.waits++;
        const int before = cancelled;
        const size_t readers = plugged_in();
        for (bool changed = false; !changed;) {
                for (DWORD i = 0; i < count; i++)
                        changed = look(&states[i]) || changed;
                changed = changed || plugged_in() != readers;
                if (dead(context))
                        rv = SCARD_E_NO_SERVICE;
                else if (!changed && cancelled != before)
                        rv = SCARD_E_CANCELLED;
                else if (!changed && err != 0)
                        rv = SCARD_E_TIMEOUT;
                if (changed || rv != SCARD_S_SUCCESS)
                        break;
                err = pthread_cond_timedwait(&moved, &lock, &until);
        }
        fake_pcsc_unlock();
        return rv;
}

/* ---- a card ---- */

static LONG connect_reader(struct fake_reader *r, DWORD share) {
        r->connects++;
        if (r->other_exclusive || (r->locked && share != SCARD_SHARE_DIRECT))
                return SCARD_E_SHARING_VIOLATION;
        if (share == SCARD_SHARE_DIRECT)
                return SCARD_S_SUCCESS;
        if (!r->card)
                return SCARD_E_NO_SMARTCARD;
        if (r->mute)
                return SCARD_W_UNRESPONSIVE_CARD;
        if (r->not_yet > 0) {
                r->not_yet--;
                return SCARD_W_REMOVED_CARD;
        }
        r->powered = true;
        r->exclusive = share == SCARD_SHARE_EXCLUSIVE;
        r->reset_by_other = false;
        return SCARD_S_SUCCESS;
}

LONG SCardConnect(SCARDCONTEXT context, LPCSTR name, DWORD share, DWORD protocols, LPSCARDHANDLE ret,
                  LPDWORD protocol) {
        (void)protocols;
        LONG rv = SCARD_E_NO_SERVICE;
        fake_pcsc_lock();
        struct fake_reader *r = reader_called(name);
        while (r && r->other_transacts)
                (void)pthread_cond_wait(&moved, &lock);
        if (!dead(context))
                rv = r ? connect_reader(r, share) : SCARD_E_UNKNOWN_READER;
        if (rv == SCARD_S_SUCCESS) {
                *ret = (SCARDHANDLE)fake.generation * 16 + (r - fake.readers) + 1;
                *protocol = SCARD_PROTOCOL_T1;
        }
        fake_pcsc_unlock();
        return rv;
}

LONG SCardReconnect(SCARDHANDLE card, DWORD share, DWORD protocols, DWORD how, LPDWORD protocol) {
        (void)protocols, (void)how;
        fake_pcsc_lock();
        struct fake_reader *r = reader_of(card);
        LONG rv = r ? r->card ? SCARD_S_SUCCESS : SCARD_E_NO_SMARTCARD : SCARD_E_NO_SERVICE;
        if (r) {
                r->reconnects++;
                r->shared_reconnects += share == SCARD_SHARE_SHARED; /* and the lock stays */
                r->reset_by_other = false;
                *protocol = SCARD_PROTOCOL_T1;
        }
        fake_pcsc_unlock();
        return rv;
}

LONG SCardDisconnect(SCARDHANDLE card, DWORD how) {
        fake_pcsc_lock();
        struct fake_reader *r = reader_of(card);
        if (r) {
                r->disconnect_disposition = how;
                r->exclusive = r->locked = false;
                r->powered = r->powered && how == SCARD_LEAVE_CARD;
        }
        fake_pcsc_unlock();
        return r ? SCARD_S_SUCCESS : SCARD_E_NO_SERVICE;
}

LONG SCardBeginTransaction(SCARDHANDLE card) {
        LONG rv = SCARD_E_NO_SERVICE;
        fake_pcsc_lock();
        struct fake_reader *r = reader_of(card);
        if (r) {
                r->begins++;
                rv = r->begin_reset > 0 ? SCARD_W_RESET_CARD : SCARD_S_SUCCESS;
                r->begin_reset -= r->begin_reset > 0;
                r->locked = rv == SCARD_S_SUCCESS;
        }
        fake_pcsc_unlock();
        return rv;
}

LONG SCardEndTransaction(SCARDHANDLE card, DWORD how) {
        fake_pcsc_lock();
        struct fake_reader *r = reader_of(card);
        if (r) {
                r->end_disposition = how;
                r->locked = false;
        }
        fake_pcsc_unlock();
        return r ? SCARD_S_SUCCESS : SCARD_E_NO_SERVICE;
}

LONG SCardStatus(SCARDHANDLE card, LPSTR name, LPDWORD name_len, LPDWORD state, LPDWORD protocol, LPBYTE atr,
                 LPDWORD atr_len) {
        (void)name, (void)name_len;
        fake_pcsc_lock();
        struct fake_reader *r = reader_of(card);
        if (r) {
                *state = SCARD_PRESENT;
                *protocol = SCARD_PROTOCOL_T1;
                atr[0] = r->atr;
                *atr_len = 1;
        }
        fake_pcsc_unlock();
        return r ? SCARD_S_SUCCESS : SCARD_E_NO_SERVICE;
}

static LONG answer(DWORD cap, LPBYTE ret, LPDWORD len) {
        size_t at = fake.transmits < fake.answer_count ? fake.transmits : fake.answer_count - 1, got = 0;
        const struct fake_answer *a = &fake.answers[at];
        fake.transmits++;
        while ((a->hangs && !fake.released) || fake.releases < a->releases)
                (void)pthread_cond_wait(&moved, &lock);
        if (a->hex && !cw_hex_decode(a->hex, strlen(a->hex), ret, cap, &got))
                return SCARD_E_INSUFFICIENT_BUFFER; /* measured: executed all the same */
        *len = got;
        return a->rv;
}

LONG SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *send, LPCBYTE command, DWORD command_len,
                   SCARD_IO_REQUEST *receive, LPBYTE ret, LPDWORD len) {
        (void)send, (void)command, (void)command_len, (void)receive;
        LONG rv = SCARD_E_NO_SERVICE;
        fake_pcsc_lock();
        struct fake_reader *r = reader_of(card);
        if (r && *len < fake.smallest_buffer)
                fake.smallest_buffer = *len;
        if (r && r->reset_by_other) {
                rv = SCARD_W_RESET_CARD;
                r->reset_by_other = false; /* measured: told once */
        } else if (r) {
                rv = answer(*len, ret, len);
        }
        fake_pcsc_unlock();
        return rv;
}

LONG SCardControl(SCARDHANDLE card, DWORD code, LPCVOID in, DWORD in_len, LPVOID ret, DWORD cap,
                  LPDWORD len) {
        (void)code, (void)in, (void)in_len;
        fake_pcsc_lock();
        LONG rv = reader_of(card) ? answer(cap, ret, len) : SCARD_E_NO_SERVICE;
        fake_pcsc_unlock();
        return rv;
}

LONG SCardGetAttrib(SCARDHANDLE card, DWORD attribute, LPBYTE ret, LPDWORD len) {
        LONG rv = SCARD_E_UNSUPPORTED_FEATURE;
        fake_pcsc_lock();
        const struct fake_reader *r = reader_of(card);
        if (r && attribute == SCARD_ATTR_VENDOR_IFD_SERIAL_NO && r->serial[0]) {
                *len = strlen(r->serial);
                memcpy(ret, r->serial, *len);
                rv = SCARD_S_SUCCESS;
        } else if (r && attribute == SCARD_ATTR_CHANNEL_ID && r->channel) {
                memcpy(ret, &r->channel, sizeof r->channel);
                *len = sizeof r->channel;
                rv = SCARD_S_SUCCESS;
        }
        fake_pcsc_unlock();
        return rv;
}
