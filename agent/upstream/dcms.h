/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client of the bank's card management server (M2P DCMS, "Debit" API). Every call is asynchronous on a
 * cw_loop and never blocks it: it returns at once and calls fn exactly once, always later (from inside the
 * call itself only when there is no memory at all). One thread. Authentication, renewal of the token,
 * retries, the gateway codec and masking happen inside.
 *
 * What a caller sees (it switches on the class alone, as everywhere):
 *   OK         the server did it; reply->confirmed: not by an answer but by reading back
 *   RETRY      the same call may be repeated: the server was not reached, is busy, or lost an answer to a
 * call that is harmless to repeat (reads; calls with the same request_id); not before reply->retry_after_ms
 *   REJECT     the server refused; fault.code is its errorCode ("card.not.found", "MCC007") or one of the
 * codes below OPERATOR   a person must look: certificate, credentials, url, gateway key; fault.text says
 * which IN_DOUBT   sent, and nobody knows whether it was done: setPin after its replays, a call that is sent
 * once, a call whose state was read back and does not tell FATAL      the caller broke a rule of this header
 * (a missing or malformed argument) fault.native is the HTTP status when there was one, else the libcurl
 * code.
 */
#pragma once

#include "agent/upstream/validate.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/secret.h"
#include "config/config.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Codes of our own in fault.code; all others come from the server. */
#define CW_DCMS_CODE_OFFLINE "DCMS_OFFLINE"         /* not reached, or the connection broke            */
#define CW_DCMS_CODE_BUSY "DCMS_BUSY"               /* 429 or 503                                      */
#define CW_DCMS_CODE_SERVER "DCMS_SERVER_ERROR"     /* 5xx                                             */
#define CW_DCMS_CODE_TLS "DCMS_TLS"                 /* certificate, CA, host name, client certificate  */
#define CW_DCMS_CODE_CREDENTIALS "DCMS_CREDENTIALS" /* user name or password refused, 401 twice        */
#define CW_DCMS_CODE_BAD_ANSWER "DCMS_BAD_ANSWER"   /* not the JSON, size or type that was agreed      */
#define CW_DCMS_CODE_GATEWAY "DCMS_GATEWAY"         /* the body encryption of both sides differs       */
/* The bank's gateway refused a request in clear, so it never reached DCMS: momentary while keys change. */
#define CW_DCMS_CODE_GATEWAY_REFUSED "DCMS_GATEWAY_REFUSED"
#define CW_DCMS_CODE_REFUSED "DCMS_REFUSED"  /* 4xx without an errorCode                        */
#define CW_DCMS_CODE_LOST "DCMS_LOST_ANSWER" /* with IN_DOUBT                                   */

#define CW_DCMS_REQUEST_ID_LEN 36u

/* A kit as the server described it, number/string drift removed. Text is "" when the server did not say. */
struct cw_dcms_kit {
        char kit_no[32];
        char parent_kit_no[32];
        char entity_id[64];
        char order_id[64];
        char branch_id[64];
        char bin[12];
        char product_id[64];
        char plastic_code[16];
        char alias_name[64]; /* the name to print                                                    */
        char account_no[32];
        char masked_pan[24];      /* first 6 and last 4; masked here, whatever the server sent            */
        char expiry[5];           /* YYMM; "" when absent                                                 */
        char card_status[24];     /* UNALLOCATED ASSIGNED INACTIVE ACTIVE LOCKED BLOCKED REPLACED ...     */
        char delivery_status[24]; /* BANK IN_TRANSIT DELIVERED RETURNED, upper case                       */
        const char *encrypted_card_number; /* Base64 or hex text, borrowed for the callback; "" when absent */
};

struct cw_dcms_order {
        char order_id[64];
        char status[24]; /* RECEIVED PENDING PROCESSED SUCCESS FAILED ... */
        char branch_id[64];
        int64_t cards; /* sum of its product lines, 0 when not said */
};

/* One row of update/deliveryStatus: the server accepts and refuses kit by kit. */
struct cw_dcms_delivered {
        char kit_no[32];
        bool ok;
        char code[48]; /* errorCode when !ok */
        char text[160];
};

/* All members are borrowed for the time of the callback. Never NULL in a callback, also on failure. */
struct cw_dcms_reply {
        const json_t *result;   /* "result" of the envelope (all pages joined); NULL on failure without one */
        int http_status;        /* 0 when there was no answer                                               */
        int tries;              /* exchanges made for this call, the login not counted                      */
        int64_t retry_after_ms; /* RETRY: not before this, from now                                         */
        bool confirmed; /* OK not by an answer but by reading back (result is then what was read)      */
        bool replayed;  /* an earlier try of this call may already have had its effect, so that e.g.
                         * "pin.already.set" may be our own doing                                   */
        char request_id[CW_DCMS_REQUEST_ID_LEN + 29]; /* as sent; "" for calls without one                  */
        size_t
            rows_skipped; /* rows of the answer that cannot be used: no kit number, not an object, too long */
        size_t kit_count;
        const struct cw_dcms_kit *kits;
        size_t order_count;
        const struct cw_dcms_order *orders;
        size_t delivered_count;
        const struct cw_dcms_delivered *delivered;
};

typedef void (*cw_dcms_fn)(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply);

struct cw_dcms;

/*
 * Reads CA, client certificate, key, password and gateway key named in config->server (blocks on the file
 * system, no network). loop, config and clock are borrowed and must live longer. OPERATOR with the sentence
 * of what is wrong.
 */
CW_WARN_UNUSED cw_rc cw_dcms_new(struct cw_loop *loop, const struct cw_config *config,
                                 const struct cw_clock *clock, struct cw_dcms **ret, struct cw_fault *f);
/*
 * Answers what is still open (inside this call) with RETRY/CW_E_CANCELLED, a setPin that may have been sent
 * with IN_DOUBT, then frees. Must not be called from inside one of its callbacks.
 */
void cw_dcms_free(struct cw_dcms *d);
/*
 * Reads the gateway's keys as fresh->server names them (blocks on the file system; fresh is not kept). From
 * then on requests are sealed with the new keys; answers to what the old ones sealed are opened too.
 * OPERATOR: nothing changed; the variant cannot change, and keys that cannot be read do not replace those in
 * use.
 */
CW_WARN_UNUSED cw_rc cw_dcms_gateway_reload(struct cw_dcms *d, const struct cw_config *fresh,
                                            struct cw_fault *f);
/* The fault of a call is that one side could not open what the other sealed. */
bool cw_dcms_keys_differ(const struct cw_fault *f);
CW_DEFINE_CLEANUP(struct cw_dcms *, cw_dcms_free);

/*
 * Once, first in main(), before threads: libcurl, OpenSSL and jansson get a free() that wipes, and the
 * environment loses what would log TLS keys. cw_dcms_new calls it too, but then what OpenSSL allocated before
 * is not covered.
 */
void cw_dcms_process_init(void);

/* A new random UUID (version 4) as text: the request_id to journal with an INTENT before the call. */
CW_WARN_UNUSED cw_rc cw_dcms_request_id(char ret[CW_DCMS_REQUEST_ID_LEN + 1]);

/* ---- calls. Arguments are copied before the call returns. ---- */

/* POST api/authenticate, even when a token is at hand. For doctor and start-up; other calls log in by
 * themselves. */
void cw_dcms_login(struct cw_dcms *d, cw_dcms_fn fn, void *ctx);

/* POST card-order/received: the orders waiting as RECEIVED beyond the server's threshold. reply->orders. */
void cw_dcms_orders_received(struct cw_dcms *d, cw_dcms_fn fn, void *ctx);
/* POST card-order/process: sends one RECEIVED order on. request_id NULL: a new one, good for this call only.
 */
void cw_dcms_order_process(struct cw_dcms *d, const char *order_id, const char *request_id, cw_dcms_fn fn,
                           void *ctx);
/* POST card-order/fetchStatus. reply->orders has one. */
void cw_dcms_order_status(struct cw_dcms *d, const char *order_id, cw_dcms_fn fn, void *ctx);

struct cw_dcms_kit_filter {
        const char *ref_type;       /* "DC_KIT" or "PARENT_KIT"; NULL = "DC_KIT"                    */
        const char *const *kit_nos; /* at least one of kit_nos, order_ids, branch_id                */
        size_t kit_no_count;
        const char *const *order_ids;
        size_t order_id_count;
        const char *branch_id;
        const char *kit_status;      /* NULL = any, else e.g. "ASSIGNED"                             */
        const char *delivery_status; /* NULL = any, else e.g. "BANK"                                 */
        int64_t page_size;           /* 0 = 50                                                       */
};
/* POST inventory/fetchKitDetailsFromInventory, page after page. reply->kits: every kit once. */
void cw_dcms_kits_inventory(struct cw_dcms *d, const struct cw_dcms_kit_filter *filter, cw_dcms_fn fn,
                            void *ctx);
/* POST kit-manager/v2/fetchKitsByEntityId. reply->kits with encrypted_card_number where the bank configured
 * it. */
void cw_dcms_kits_by_entity(struct cw_dcms *d, const char *entity_id, cw_dcms_fn fn, void *ctx);
/* POST kit-manager/v2/fetchByCardNo with the sealed PAN (Base64 text, att0 of kiosk.seal_pan). reply->kits.
 */
void cw_dcms_kit_by_card(struct cw_dcms *d, const char *encrypted_card_number, cw_dcms_fn fn, void *ctx);

/* POST viewCustomer. reply->result as the server sent it: personal data, to be looked at and not kept. */
void cw_dcms_customer(struct cw_dcms *d, const char *entity_id, cw_dcms_fn fn, void *ctx);
/* The date of birth in such a result, YYYYMMDD: member field, a text YYYY-MM-DD. False without one. */
bool cw_dcms_birth_date(const json_t *customer, const char *field, char ret[9]);

/* For setPin and validatePin alike. */
struct cw_dcms_set_pin {
        const char *entity_id;
        const char *kit_no;
        const char *expiry_mmyy;     /* 4 digits */
        const struct cw_secret *pin; /* Base64 text from pin.form; copied into secret memory */
        const char *request_id;      /* journalled with the INTENT; NULL = a new one */
        bool v1;                     /* the call of the first version */
};
/*
 * POST kit-manager/v2/setPin, or setPin. A lost answer is replayed inside the call with identical bytes and
 * request_id, then IN_DOUBT. "pin.already.set" comes as REJECT with that code: success only for the caller's
 * own INTENT.
 */
void cw_dcms_set_pin(struct cw_dcms *d, const struct cw_dcms_set_pin *in, cw_dcms_fn fn, void *ctx);
/*
 * POST kit-manager/v2/validatePin, or validatePin. OK: this is the kit's PIN. REJECT "PIN002": it is not, and
 * a try was counted. Sent once: a lost answer is IN_DOUBT.
 */
void cw_dcms_validate_pin(struct cw_dcms *d, const struct cw_dcms_set_pin *in, cw_dcms_fn fn, void *ctx);
/*
 * POST kit-manager/kitActivation. Repeat with the same request_id after RETRY; "card.already.active" comes as
 * REJECT with that code.
 */
void cw_dcms_activate(struct cw_dcms *d, const char *entity_id, const char *kit_no, const char *request_id,
                      cw_dcms_fn fn, void *ctx);

struct cw_dcms_delivery {
        const char *kit_no;
        const char *status; /* "BANK", "IN_TRANSIT", "DELIVERED", "RETURNED" */
};
/*
 * POST inventory/update/deliveryStatus. OK when the server answered kit by kit, even when it refused some or
 * all: look at reply->delivered, which has one row for every kit asked (a kit the answer left out is !ok,
 * DCMS_BAD_ANSWER).
 */
void cw_dcms_delivery(struct cw_dcms *d, const struct cw_dcms_delivery *items, size_t count, cw_dcms_fn fn,
                      void *ctx);
/* POST branch/fetch. reply->result as the server sent it. */
void cw_dcms_branch(struct cw_dcms *d, const char *branch_id, cw_dcms_fn fn, void *ctx);

/* ---- every call of the catalogue, by name ---- */

struct cw_dcms_named {
        const char *name;     /* "kit-manager.manageKit"; endpoints.def has them all                 */
        const json_t *fields; /* object (array of objects for deliveryStatus); NULL = no member; borrowed for
                                 the call */
        const struct cw_dcms_secret_field *secrets; /* SECRET members; copied */
        size_t secret_count;
        const char
            *request_id; /* for calls that have one; NULL = a new one. Keep it to repeat the same call. */
};
/*
 * Checks the members against the table (REJECT with the member's name: nothing was sent and fn is not
 * called), then makes the call. What a lost answer means is the table's rule: READ_BACK calls read the state
 * back and are repeated only when it says that nothing was done; "unclear" is IN_DOUBT, like the calls that
 * are sent once.
 */
CW_WARN_UNUSED cw_rc cw_dcms_call_named(struct cw_dcms *d, const struct cw_dcms_named *in, cw_dcms_fn fn,
                                        void *ctx, struct cw_fault *f);

/* ---- state, for status and doctor; all from memory ---- */

enum cw_dcms_state { CW_DCMS_UNTRIED, CW_DCMS_ONLINE, CW_DCMS_OFFLINE, CW_DCMS_NEEDS_PERSON };
struct cw_dcms_health {
        enum cw_dcms_state state;
        int64_t last_contact_ms;    /* wall clock of the last answer, 0 = never                            */
        int64_t last_try_ms;        /* wall clock of the last exchange, answered or not                    */
        struct cw_fault last_fault; /* rc CW_OK when the last exchange was answered                        */
        int64_t clock_offset_ms;    /* the server's Date minus our wall clock at the last answer           */
        bool token_held;
        int64_t token_expires_ms;   /* wall clock, 0 = none                                                */
        int64_t server_cert_end_ms; /* notAfter of the server's certificate, wall clock, 0 = not seen yet  */
        int server_cert_days_left;  /* meaningful when server_cert_end_ms is not 0; negative = expired     */
        int64_t client_cert_end_ms; /* 0 = no client certificate configured                                */
        int client_cert_days_left;
        int64_t ca_end_ms; /* the first of the CA file to expire                                  */
        int ca_days_left;
        uint64_t exchanges, failures; /* since start */
        unsigned open_calls;
};
void cw_dcms_health(const struct cw_dcms *d, struct cw_dcms_health *ret);
/* "untried", "online", "offline", "needs-person" */
const char *cw_dcms_state_name(enum cw_dcms_state state);
