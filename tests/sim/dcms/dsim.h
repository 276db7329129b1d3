/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the simulator share: its state, one call, one reply, the documented error codes. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "config.h"
#include "schema.h"
#include "store.h"

struct cw_dsim_faults;
struct cw_dsim_traffic;
#define CW_DSIM_SEGMENT_MAX 40U

struct cw_dsim {
        struct cw_dsim_config cfg;
        sqlite3 *db;
        pthread_mutex_t lock; /* one request at a time works on the state; delays are outside */
        struct cw_dsim_faults *faults;
        struct cw_dsim_traffic *traffic;
        double rate_tokens;
        int64_t rate_at_ms;
        atomic_uint replies;      /* that traps were laid into */
        atomic_uint gateway_turn; /* answers sealed so far */
        /* Down and stop, guarded by gate_lock so that a request that holds lock cannot delay them. */
        pthread_mutex_t gate_lock;
        pthread_cond_t gate_changed;
        int64_t down_until_ms;
        bool down_silent;
        bool stopping;
};

struct cw_dsim_endpoint;

struct cw_dsim_call {
        struct cw_dsim *sim;
        const struct cw_dsim_endpoint *endpoint;
        json_t *body;           /* checked against the endpoint's fields; NULL when it takes none */
        const char *order_arg;  /* ?orderId= of the endpoints whose selector is not documented, or NULL */
        bool all_cards;         /* ?isAllCardsRequired=true */
        const char *segment;    /* what stands for the path parameter, "" without one */
        const char *request_id; /* requestId or txnId, "" when none was sent */
        const uint8_t *upload;  /* uploadFile: the file part */
        size_t upload_len;
        const char *upload_name;
        int64_t now_ms;
};

struct cw_dsim_reply {
        int http;
        json_t *result;
        json_t *pagination;
        json_t *exception;
        char code[48];     /* errorCode sent, "" on success; for the log */
        bool bare;         /* result is the whole body (authenticate) */
        bool keep;         /* the effects of a refused call stay (PIN failures, partial transfer) */
        int retry_after_s; /* > 0: Retry-After header */
};

/* The errors of the reference; dialect A has the dot notation, B the short codes where a page documents one.
 */
enum cw_dsim_error {
        CW_DSIM_E_INPUT,
        CW_DSIM_E_GATEWAY,
        CW_DSIM_E_TENANT_MISSING,
        CW_DSIM_E_TENANT_UNKNOWN,
        CW_DSIM_E_UNAUTHORIZED,
        CW_DSIM_E_FORBIDDEN,
        CW_DSIM_E_NO_PATH,
        CW_DSIM_E_METHOD,
        CW_DSIM_E_RATE,
        CW_DSIM_E_INTERNAL,
        CW_DSIM_E_ENTITY_EXISTS,
        CW_DSIM_E_ENTITY_NOT_FOUND,
        CW_DSIM_E_CUSTOMER_NOT_FOUND, /* CUS001 */
        CW_DSIM_E_KIT_NOT_FOUND,
        CW_DSIM_E_KIT_INVALID,
        CW_DSIM_E_KIT_NOT_VALID, /* MCC007 */
        CW_DSIM_E_CARD_NOT_FOUND,
        CW_DSIM_E_CARD_ACTIVE,
        CW_DSIM_E_CARD_BLOCKED,
        CW_DSIM_E_CARD_CLOSED,
        CW_DSIM_E_CARD_STATUS,
        CW_DSIM_E_PIN_SET,
        CW_DSIM_E_PIN_LOCKED,
        CW_DSIM_E_PIN_FORMAT, /* PIN001 */
        CW_DSIM_E_PIN_WRONG,  /* PIN002 */
        CW_DSIM_E_ACCOUNT,
        CW_DSIM_E_ORDER,        /* ORD001 */
        CW_DSIM_E_ORDER_FILE,   /* ORD002 */
        CW_DSIM_E_ORDER_CANCEL, /* ORD003 */
        CW_DSIM_E_TRANSFER,     /* INV001 */
        CW_DSIM_E_CARD_CHECK,   /* CRD001 */
        CW_DSIM_E_CARD_ENDING,  /* CRD002 */
        CW_DSIM_E_WALLET_FULL,  /* TX0057 */
        CW_DSIM_E_DAILY_LIMIT,
};

/* The exception object in the configured dialect; field goes into fieldError. */
json_t *cw_dsim_exception(const struct cw_dsim_config *cfg, enum cw_dsim_error error, const char *field);

/* Sets http, exception and code of the reply; result is dropped unless it is a partial one set afterwards. */
void cw_dsim_refuse(const struct cw_dsim_config *cfg, struct cw_dsim_reply *reply, enum cw_dsim_error error,
                    const char *field);

/* An exception with an errorCode of the caller's own, for injected faults. */
void cw_dsim_refuse_as(const struct cw_dsim_config *cfg, struct cw_dsim_reply *reply, int http,
                       const char *code);

/* The body that goes out: envelope or bare result. The caller frees the text. */
char *cw_dsim_reply_text(const struct cw_dsim_reply *reply);
void cw_dsim_reply_done(struct cw_dsim_reply *reply);

/* {list, pageNo, pageSize, totalElements, totalPages} of the inventory, or the guide's totalRecords form. */
json_t *cw_dsim_page_list(int64_t page_no, int64_t page_size, int64_t total);
json_t *cw_dsim_page_guide(int64_t page_no, int64_t page_size, int64_t total);

/* String member of the checked body, or fallback. */
const char *cw_dsim_body_text(const struct cw_dsim_call *call, const char *name, const char *fallback);
int64_t cw_dsim_body_int(const struct cw_dsim_call *call, const char *name, int64_t fallback);

/* Remembers an IV used under a key; false when the same IV comes back with other bytes (nonce reuse). */
bool cw_dsim_iv_fresh(struct cw_dsim *sim, const char *purpose, const void *iv, size_t iv_len,
                      const void *data, size_t len);
