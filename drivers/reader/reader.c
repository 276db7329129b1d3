/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor: follows one reader through pcscd restarts, re-plugs and card changes. */
#include "drivers/reader/reader.h"

#include "base/clock.h"
#include "drivers/reader/census.h"
#include "drivers/reader/extended.h"
#include "drivers/reader/pcsc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_MS 1000 /* SCardCancel may come between two waits and be lost: no wait is longer */
#define BACKOFF_FIRST_MS 250
#define BACKOFF_LAST_MS 5000
#define LIST_MAX 8192
#define CLOSE_WAIT_S 2
#define ASK_MS 2000 /* the reader about itself */
#define SECOND_LOOK_MS 20
#define NO_READER SCARD_E_NO_READERS_AVAILABLE

struct cw_card_reader {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct cw_card_reader_state state;
        struct cw_reader_stuck *stuck;
        cw_card_reader_changed_fn fn;
        void *ctx;
        char wanted[CW_READER_NAME_MAX];
        bool stop;
        SCARDCONTEXT context; /* for SCardCancel; valid while has_context */
        bool has_context;
        struct cw_reader_census census; /* of the monitor thread, for a wanted port or serial number */
        atomic_bool extended;           /* cards may agree on extended APDUs */
        atomic_bool doubted; /* the reader under this name was not the one wanted: all are asked anew */
        DWORD known;         /* dwEventState last seen of the reader, 0 when not plugged in */
        DWORD plugged;  /* pcscd's count of readers that came and went, handed back so that a change between
                           two  waits ends the next at once; 0 before pcscd 2.3 */
        bool was_there; /* known belongs to the reader that is there now */
};

/* ---- monitor thread ---- */

static bool stopping(struct cw_card_reader *r) {
        (void)pthread_mutex_lock(&r->lock);
        bool stop = r->stop;
        (void)pthread_mutex_unlock(&r->lock);
        return stop;
}

static bool same_state(const struct cw_card_reader_state *a, const struct cw_card_reader_state *b) {
        return a->service == b->service && a->denied == b->denied && a->present == b->present &&
               a->card == b->card && a->mute == b->mute && a->events == b->events &&
               strcmp(a->name, b->name) == 0 && strcmp(a->others, b->others) == 0;
}

static void publish(struct cw_card_reader *r, const struct cw_card_reader_state *now) {
        (void)pthread_mutex_lock(&r->lock);
        bool same = same_state(&r->state, now);
        r->state = *now;
        (void)pthread_cond_broadcast(&r->changed);
        (void)pthread_mutex_unlock(&r->lock);
        if (!same && r->fn)
                r->fn(r->ctx);
}

static void set_context(struct cw_card_reader *r, bool has, SCARDCONTEXT context) {
        (void)pthread_mutex_lock(&r->lock);
        r->has_context = has;
        r->context = context;
        (void)pthread_mutex_unlock(&r->lock);
}

/* The wanted name itself, else the first that begins with it; names carry an index that moves. */
static bool choose(const char *list, const char *wanted, char *ret, size_t ret_cap) {
        const char *found = NULL;
        for (const char *name = list; *name; name += strlen(name) + 1) {
                if (strcmp(name, wanted) == 0) {
                        found = name;
                        break;
                }
                if (!found && strncmp(name, wanted, strlen(wanted)) == 0)
                        found = name;
        }
        return found && (size_t)snprintf(ret, ret_cap, "%s", found) < ret_cap;
}

/* By port or serial number: every reader of the list says who it is. */
static bool choose_asked(struct cw_card_reader *r, const char *list, char *ret, size_t ret_cap) {
        cw_reader_census_keep(&r->census, list);
        for (const char *name = list; *name; name += strlen(name) + 1) {
                struct cw_reader_identity id = {0};
                if (cw_reader_census_ask(&r->census, name, &id) &&
                    cw_reader_binding_matches(r->wanted, name, &id, CW_SYSFS_USB))
                        return (size_t)snprintf(ret, ret_cap, "%s", name) < ret_cap;
        }
        return false;
}

/* As many names as there is room for. */
static void name_others(const char *list, char *ret, size_t ret_cap) {
        size_t len = 0;
        for (const char *name = list; *name; name += strlen(name) + 1) {
                int n = snprintf(ret + len, ret_cap - len, "%s\"%s\"", len ? ", " : "", name);
                if (n < 0 || (size_t)n >= ret_cap - len)
                        break;
                len += (size_t)n;
        }
        ret[len] = '\0';
}

static LONG find_reader(struct cw_card_reader *r, SCARDCONTEXT context, struct cw_card_reader_state *now,
                        char *ret, size_t ret_cap) {
        char list[LIST_MAX] = {0};
        DWORD len = sizeof list - 2;
        LONG rv = SCardListReaders(context, NULL, list, &len);
        now->others[0] = '\0';
        if (rv != SCARD_S_SUCCESS)
                return rv;
        bool found = cw_reader_binding_asks(r->wanted) ? choose_asked(r, list, ret, ret_cap)
                                                       : choose(list, r->wanted, ret, ret_cap);
        if (!found)
                name_others(list, now->others, sizeof now->others);
        return found ? SCARD_S_SUCCESS : NO_READER;
}

static void reader_gone(struct cw_card_reader *r, struct cw_card_reader_state *now) {
        if (r->was_there)
                now->events++;
        r->was_there = false;
        r->known = SCARD_STATE_UNAWARE;
        now->present = now->card = now->mute = false;
}

/*
 * The high word of dwEventState counts card events; a card swapped between two looks moves it by two. Our own
 * counter adds what it moved, and one for every reader that came back, so that it never repeats.
 */
static void take_state(struct cw_card_reader *r, DWORD seen, struct cw_card_reader_state *now) {
        bool card = (seen & SCARD_STATE_PRESENT) != 0;
        uint16_t before = (uint16_t)(r->known >> 16), after = (uint16_t)(seen >> 16);
        if (!r->was_there)
                now->events++;
        else
                now->events += (uint16_t)(after - before) ? (uint16_t)(after - before) : (card != now->card);
        r->was_there = true;
        r->known = seen & ~(DWORD)SCARD_STATE_CHANGED;
        now->present = (seen & (SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE)) == 0;
        now->card = card && now->present;
        now->mute = card && (seen & SCARD_STATE_MUTE) != 0;
}

/* One wait in pcscd; anything but success or a timeout means a new context. */
static LONG one_round(struct cw_card_reader *r, SCARDCONTEXT context, struct cw_card_reader_state *now) {
        char name[CW_READER_NAME_MAX] = {0};
        if (atomic_exchange(&r->doubted, false))
                cw_reader_census_forget(&r->census);
        LONG rv = find_reader(r, context, now, name, sizeof name);
        if (rv == NO_READER && r->was_there) {
                /* libpcsclite shares one table between contexts without a lock: one look may be torn, two are
                 * not. */
                (void)nanosleep(&(struct timespec){0, SECOND_LOOK_MS * 1000000L}, NULL);
                rv = find_reader(r, context, now, name, sizeof name);
        }
        if (rv != SCARD_S_SUCCESS && rv != NO_READER)
                return rv;
        now->service = true;
        now->denied = false;
        if (rv == NO_READER || strcmp(name, now->name) != 0)
                reader_gone(r, now);
        memcpy(now->name, name, sizeof now->name);
        publish(r, now);
        SCARD_READERSTATE states[2] = {{.szReader = "\\\\?PnP?\\Notification", .dwCurrentState = r->plugged},
                                       {.szReader = name, .dwCurrentState = r->known}};
        DWORD count = rv == SCARD_S_SUCCESS ? 2 : 1;
        rv = SCardGetStatusChange(context, ROUND_MS, states, count);
        r->plugged = states[0].dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
        if (rv == SCARD_E_TIMEOUT || rv == SCARD_E_CANCELLED)
                return SCARD_S_SUCCESS;
        if (rv == SCARD_S_SUCCESS && count == 2 && (states[1].dwEventState & SCARD_STATE_CHANGED))
                take_state(r, states[1].dwEventState, now);
        else if (rv == SCARD_E_UNKNOWN_READER)
                rv = SCARD_S_SUCCESS; /* went away between list and wait; the next list says so */
        return rv;
}

static void back_off(struct cw_card_reader *r, int64_t delay_ms) {
        int64_t deadline = cw_deadline_ns(delay_ms);
        (void)pthread_mutex_lock(&r->lock);
        int err = 0;
        while (!r->stop && err == 0)
                err = cw_cond_wait_until(&r->changed, &r->lock, deadline);
        (void)pthread_mutex_unlock(&r->lock);
}

/* Lives with one context; a context never heals after pcscd died. True when it had worked. */
static bool watch(struct cw_card_reader *r, struct cw_card_reader_state *now) {
        SCARDCONTEXT context = 0;
        bool worked = false;
        LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
        now->denied = rv == SCARD_W_SECURITY_VIOLATION;
        if (rv != SCARD_S_SUCCESS)
                return false;
        r->plugged = 0; /* a new pcscd counts from the beginning */
        set_context(r, true, context);
        while (!stopping(r) && one_round(r, context, now) == SCARD_S_SUCCESS) {
                worked = true;
                publish(r, now);
        }
        set_context(r, false, 0);
        (void)SCardReleaseContext(context);
        return worked;
}

static void *monitor_main(void *arg) {
        struct cw_card_reader *r = arg;
        struct cw_card_reader_state now = {0};
        int64_t delay_ms = BACKOFF_FIRST_MS;
        while (!stopping(r)) {
                if (watch(r, &now))
                        delay_ms = BACKOFF_FIRST_MS;
                reader_gone(r, &now);
                now.service = false;
                publish(r, &now);
                back_off(r, delay_ms);
                delay_ms = delay_ms * 2 < BACKOFF_LAST_MS ? delay_ms * 2 : BACKOFF_LAST_MS;
        }
        return NULL;
}

/* ---- callers ---- */

static void reader_free(struct cw_card_reader *r) {
        cw_reader_census_forget(&r->census);
        (void)pthread_mutex_destroy(&r->lock);
        (void)pthread_cond_destroy(&r->changed);
        if (r->stuck)
                cw_reader_stuck_unref(r->stuck);
        free(r);
}

static bool init_sync(struct cw_card_reader *r) {
        (void)pthread_mutex_init(&r->lock, NULL);
        return cw_cond_init(&r->changed);
}

cw_rc cw_card_reader_open(const char *name, cw_card_reader_changed_fn fn, void *ctx,
                          struct cw_card_reader **ret, struct cw_fault *f) {
        const cw_rc short_of = CW_RC(CW_L_READER, CW_C_RETRY, CW_E_NOMEM);
        struct cw_card_reader *r = calloc(1, sizeof *r);
        if (!r)
                return cw_fail(f, short_of, 0, "reader.open", "",
                               "no memory for the reader monitor; free memory");
        r->fn = fn;
        r->ctx = ctx;
        (void)snprintf(r->wanted, sizeof r->wanted, "%s", name);
        r->stuck = calloc(1, sizeof *r->stuck);
        if (r->stuck)
                atomic_store(&r->stuck->refs, 1);
        if (!init_sync(r) || !r->stuck || pthread_create(&r->thread, NULL, monitor_main, r) != 0) {
                reader_free(r);
                return cw_fail(f, short_of, 0, "reader.open", "",
                               "no memory or no thread for the reader monitor; free memory");
        }
        *ret = r;
        return CW_OK;
}

void cw_card_reader_close(struct cw_card_reader *r) {
        (void)pthread_mutex_lock(&r->lock);
        r->stop = true;
        if (r->has_context)
                (void)SCardCancel(r->context);
        (void)pthread_cond_broadcast(&r->changed);
        (void)pthread_mutex_unlock(&r->lock);
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += CLOSE_WAIT_S;
        /* A monitor that hangs inside libpcsclite keeps its memory: freeing it under its feet would be worse.
         */
        if (pthread_timedjoin_np(r->thread, NULL, &until) == 0)
                reader_free(r);
}

void cw_card_reader_get(struct cw_card_reader *r, struct cw_card_reader_state *ret) {
        (void)pthread_mutex_lock(&r->lock);
        *ret = r->state;
        (void)pthread_mutex_unlock(&r->lock);
        ret->stuck = atomic_load(&r->stuck->hanging) > 0;
}

void cw_card_reader_wake(struct cw_card_reader *r) {
        (void)pthread_mutex_lock(&r->lock);
        (void)pthread_cond_broadcast(&r->changed);
        (void)pthread_mutex_unlock(&r->lock);
}

static cw_rc not_there(const struct cw_card_reader_state *s, bool want_card, struct cw_fault *f) {
        const char *op = "reader.wait";
        if (s->denied)
                return cw_pcsc_fail(f, SCARD_W_SECURITY_VIOLATION, op);
        if (!s->service)
                return cw_fail(
                    f, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_READER_SERVICE), 0, op, "PRT_NOT_REACHABLE",
                    "the smart card service pcscd does not answer; start it: systemctl start pcscd.socket");
        if (!s->present && s->others[0])
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_READER_GONE), 0, op,
                               "PRT_NOT_REACHABLE",
                               "the chip reader is not plugged in; plug it in, or name one that is there: %s",
                               s->others);
        if (!s->present)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_READER_GONE), 0, op,
                               "PRT_NOT_REACHABLE",
                               "the chip reader is not plugged in; plug it in and look at its cable");
        if (s->mute)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_READER_MUTE), 0, op, "PRD_SMARTCARD",
                               "the chip does not answer: wrong way round, dirty contacts or a dead chip");
        if (!want_card)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_STATE), 0, op, "PRD_SMARTCARD",
                               "a card stays in the chip reader; take it out");
        return cw_fail(f, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_READER_NO_CARD), 0, op,
                       "PRD_SMARTCARD_CARD_NOT_IN_READER",
                       "no card came to the chip reader in time; check the contact station and how the cards "
                       "lie in the feeder");
}

static bool satisfied(const struct cw_card_reader_state *s, bool want_card, const uint32_t *after) {
        if (!want_card)
                return !s->card;
        return s->card && !s->mute && (!after || s->events != *after);
}

cw_rc cw_card_reader_wait(struct cw_card_reader *r, bool want_card, const uint32_t *after, int64_t timeout_ms,
                          const atomic_bool *cancel, struct cw_fault *f) {
        int64_t deadline = cw_deadline_ns(timeout_ms);
        bool cancelled = false, ok = false;
        (void)pthread_mutex_lock(&r->lock);
        for (int err = 0;;) {
                cancelled = cancel && atomic_load(cancel);
                ok = satisfied(&r->state, want_card, after);
                if (ok || cancelled || err != 0)
                        break;
                err = cw_cond_wait_until(&r->changed, &r->lock, deadline);
        }
        struct cw_card_reader_state last = r->state;
        (void)pthread_mutex_unlock(&r->lock);
        if (ok)
                return CW_OK;
        if (cancelled)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_RETRY, CW_E_CANCELLED), 0, "reader.wait", "",
                               "waiting for a card was given up");
        return not_there(&last, want_card, f);
}

void cw_card_reader_allow_extended(struct cw_card_reader *r, bool allowed) {
        atomic_store(&r->extended, allowed);
}

cw_rc cw_card_reader_connect(struct cw_card_reader *r, int64_t timeout_ms, struct cw_card_channel **ret,
                             struct cw_fault *f) {
        struct cw_card_reader_state now;
        cw_card_reader_get(r, &now);
        if (!now.service || !now.present)
                return not_there(&now, true, f);
        if (now.stuck)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_OPERATOR, CW_E_READER_STUCK), 0, "reader.connect",
                               "PRD_TIMEOUT",
                               "the chip reader hangs; unplug it and plug it in again, or restart pcscd");
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        cw_rc rc = cw_pcsc_channel_open(now.name, r->wanted, r->stuck, timeout_ms, &channel, f);
        if (rc != CW_OK && (rc & 0xffffu) == CW_E_READER_GONE)
                atomic_store(&r->doubted, true);
        if (rc == CW_OK && atomic_load(&r->extended))
                rc = cw_card_agree_extended(channel, ASK_MS, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(channel);
        return rc;
}
