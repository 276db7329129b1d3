/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client of Thales D1's physical issuance: card orders (one, or 1 to 1000), their status. One thread, one
 * cw_loop; nothing blocks but cw_d1_new, which reads files. Card data come sealed (JWE); the token request is
 * signed by whoever implements cw_d1_signer. Answers are read tolerantly: unknown members, operations and
 * status words are no error.
 *
 * An order is made once: before it is sent, the card's operations are read; a lost answer is read back, twice
 * with a pause between, before the same order with the same issuerRequestId is sent again.
 */
#pragma once

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/secret.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

#define CW_D1_CARD_ID_MAX 48u
#define CW_D1_BATCH_MAX 1000u
#define CW_D1_SEALED_MAX 8192u
#define CW_D1_OPERATIONS_MAX 32u

/* Codes of faults that are not D1's own errorCode. */
#define CW_D1_CODE_OFFLINE "D1_OFFLINE"
#define CW_D1_CODE_LOST "D1_ANSWER_LOST"
#define CW_D1_CODE_BAD_ANSWER "D1_BAD_ANSWER"
#define CW_D1_CODE_ORDERED "D1_ALREADY_ORDERED"
#define CW_D1_CODE_FAILED "D1_ORDER_FAILED"
#define CW_D1_CODE_REQUEST "D1_BAD_REQUEST"
#define CW_D1_CODE_DENIED "D1_CREDENTIALS"

struct cw_d1;

/* Asks for a signed token request; the answer goes to cw_d1_signed, at once or later. */
struct cw_d1_signer {
        void (*sign)(void *ctx, struct cw_d1 *d);
        void *ctx;
};

/* config, clock, loop and signer's ctx are borrowed. OPERATOR with the setting that is wrong. */
CW_WARN_UNUSED cw_rc cw_d1_new(struct cw_loop *loop, const struct cw_config *config,
                               const struct cw_clock *clock, const struct cw_d1_signer *signer,
                               struct cw_d1 **ret, struct cw_fault *f);
/* Every call under way ends with RETRY/CW_E_CANCELLED, an order that was sent with IN_DOUBT. */
void cw_d1_free(struct cw_d1 *d);
CW_DEFINE_CLEANUP(struct cw_d1 *, cw_d1_free);

/* The signer's answer: rc CW_OK with the assertion (borrowed), or why there is none. */
void cw_d1_signed(struct cw_d1 *d, cw_rc rc, const struct cw_fault *f, const struct cw_secret *assertion);

/* ---- orders ---- */

/* [A-Za-z0-9_-]{1,max} */
bool cw_d1_is_id(const char *text, size_t max);

/* Texts are borrowed for the call; "" or NULL = not sent. */
struct cw_d1_order {
        const char *card_id;     /* [A-Za-z0-9_-]{1,48} */
        const char *request_id;  /* issuerRequestId: kept by the caller, the same for every repetition */
        const char *consumer_id; /* [A-Za-z0-9_-]{1,64} */
        const char *issuance;    /* CREATION, RENEWAL, REPLACEMENT */
        const char *sealed;      /* encryptedData: JWE of at most CW_D1_SEALED_MAX characters */
        const struct cw_config_product *product; /* channel, cardProductId, key indexes, station, delivery */
};

enum cw_d1_status { CW_D1_STATUS_OTHER, CW_D1_PENDING, CW_D1_SUCCESSFUL, CW_D1_FAILED };
/* details.status; OTHER keeps its word. */
enum cw_d1_detail {
        CW_D1_DETAIL_OTHER,
        CW_D1_REQUESTED,
        CW_D1_DATA_PREPARED,
        CW_D1_DATA_EXCEPTION,
        CW_D1_READY,
        CW_D1_ONGOING,
        CW_D1_DONE,
        CW_D1_EXCEPTION,
        CW_D1_SHIPPED,
        CW_D1_CANCELED,
};
struct cw_d1_operation {
        char id[65], operation[40], card_id[CW_D1_CARD_ID_MAX + 1], request_id[65];
        enum cw_d1_status status;
        enum cw_d1_detail detail;
        char status_word[24], detail_word[40]; /* as sent */
        char reason[160], code[48];            /* details.reason or error, errorCode */
        char start[32], end[32];
};

/* One card of an order. */
struct cw_d1_made {
        char card_id[CW_D1_CARD_ID_MAX + 1];
        bool ok;
        bool confirmed;        /* found by reading back, not in an answer */
        char operation_id[65]; /* "" when D1 named none */
        struct cw_fault fault; /* when not ok */
        bool refused_whole;    /* D1 refused the order as such and said nothing about this card */
};
/* All borrowed for the callback. */
struct cw_d1_reply {
        int tries;              /* exchanges made */
        int64_t retry_after_ms; /* with RETRY; with OK of a status: D1's hint, 0 = none */
        char correlation_id[65];
        size_t made_count;
        const struct cw_d1_made *made;
        size_t operation_count;
        const struct cw_d1_operation *operations; /* oldest first, as sent */
};
typedef void (*cw_d1_fn)(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_d1_reply *reply);

/*
 * Orders count (1 to CW_D1_BATCH_MAX) cards; one alone goes to its own path, more go to the batch path. fn is
 * called once, later. OK: look at reply->made, one for each card (of a batch some may be refused). One card
 * refused is REJECT with D1's errorCode. RETRY: surely not ordered. IN_DOUBT: not known, read the status.
 * D1_ALREADY_ORDERED: the card has an order of another request id that did not fail; for a RENEWAL or
 * REPLACEMENT one whose card may still come. REJECT at once, without fn, when a member is not as D1 wants it.
 */
CW_WARN_UNUSED cw_rc cw_d1_order(struct cw_d1 *d, const struct cw_d1_order *cards, size_t count, cw_d1_fn fn,
                                 void *ctx, struct cw_fault *f);
/* productionStatus of the card: reply->operations. A card D1 does not know is REJECT/CW_E_NOT_FOUND. */
CW_WARN_UNUSED cw_rc cw_d1_production_status(struct cw_d1 *d, const char *card_id, cw_d1_fn fn, void *ctx,
                                             struct cw_fault *f);

/* ---- state, from memory ---- */

enum cw_d1_state { CW_D1_UNTRIED, CW_D1_ONLINE, CW_D1_OFFLINE, CW_D1_NEEDS_PERSON };
struct cw_d1_health {
        enum cw_d1_state state;
        int64_t last_contact_ms; /* wall clock, 0 = never */
        struct cw_fault last_fault;
        bool token_held;
        int64_t token_expires_ms;
        int64_t server_cert_end_ms, client_cert_end_ms;
        unsigned open_calls;
};
void cw_d1_health(const struct cw_d1 *d, struct cw_d1_health *ret);
const char *cw_d1_state_name(enum cw_d1_state state);
const char *cw_d1_status_name(enum cw_d1_status status);
