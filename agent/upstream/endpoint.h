/* SPDX-License-Identifier: Apache-2.0 */
/* The table of DCMS calls, made from endpoints.def. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum cw_dcms_endpoint_id {
#define CW_DCMS_ENDPOINT(id, group, name, method, path, timeout, body, request_id, lost, check, answer,      \
                         hidden, errors)                                                                     \
        CW_DCMS_EP_##id,
#include "agent/upstream/endpoints.def"
        CW_DCMS_EP_MAX_,
};

enum cw_dcms_timeout { CW_DCMS_T_READ, CW_DCMS_T_WRITE, CW_DCMS_T_REPORT };
enum cw_dcms_body { CW_DCMS_B_NONE, CW_DCMS_B_OBJECT, CW_DCMS_B_ROWS, CW_DCMS_B_FILE };
enum cw_dcms_lost {
        CW_DCMS_LOST_REPEAT,
        CW_DCMS_LOST_SAME_ID,
        CW_DCMS_LOST_IN_DOUBT,
        CW_DCMS_LOST_ONCE,
        CW_DCMS_LOST_READ_BACK,
};
/* What READ_BACK reads; readback.c says how it is judged. */
enum cw_dcms_check {
        CW_DCMS_CHECK_NONE,
        CW_DCMS_CHECK_CUSTOMER,        /* viewCustomer: known now, not before            */
        CW_DCMS_CHECK_ENTITY_KITS,     /* kits of the entity before and after            */
        CW_DCMS_CHECK_KIT_STATE,       /* state of the old kit                           */
        CW_DCMS_CHECK_KITS_BRANCH,     /* branch of each kit                             */
        CW_DCMS_CHECK_KITS_EXPIRED,    /* state of each kit                              */
        CW_DCMS_CHECK_BRANCH,          /* branch/fetch: known now, not before            */
        CW_DCMS_CHECK_ORDER,           /* fetchStatus: known now, not before             */
        CW_DCMS_CHECK_ORDER_CANCELLED, /* fetchStatus: CANCELLED, or still RECEIVED      */
};
enum cw_dcms_answer {
        CW_DCMS_A_YES,    /* true, "success", or {"status": one of these}     */
        CW_DCMS_A_OBJECT, /* the documents show an object; an array is taken too */
        CW_DCMS_A_LIST,   /* the other way round                                */
        CW_DCMS_A_DATA,   /* not shown; an object, an array, or a yes           */
        CW_DCMS_A_TEXT,   /* a sentence                                         */
        CW_DCMS_A_TOKEN,  /* outside the envelope                               */
};
enum cw_dcms_kind {
        CW_DCMS_F_TEXT,
        CW_DCMS_F_CHOICE,     /* one of the words                              */
        CW_DCMS_F_DIGITS,     /* text of digits                                */
        CW_DCMS_F_AMOUNT,     /* text, digits with at most two decimals        */
        CW_DCMS_F_MASKED_PAN, /* text, first 6 and last 4 digits, X between    */
        CW_DCMS_F_MMYY,
        CW_DCMS_F_DATE,      /* YYYY-MM-DD                                    */
        CW_DCMS_F_DAY_FIRST, /* DD-MM-YYYY                                    */
        CW_DCMS_F_STAMP,     /* YYYY-MM-DD HH:mm:ss                           */
        CW_DCMS_F_ISO,       /* ISO-8601 UTC with Z                           */
        CW_DCMS_F_FILE_NAME, /* name.txt, no folder                           */
        CW_DCMS_F_PATH,      /* a word that stands in the path                */
        CW_DCMS_F_QUERY,     /* one of the words, as ?member=                 */
        CW_DCMS_F_SECRET,    /* never from a command line                     */
        CW_DCMS_F_ACCOUNT,   /* text of digits, or a whole number             */
        CW_DCMS_F_NUMBER,    /* whole number, 0 to 99999999                   */
        CW_DCMS_F_BOOL,
        CW_DCMS_F_LIST,      /* array of texts                                */
        CW_DCMS_F_FREE,      /* any object                                    */
        CW_DCMS_F_FREE_LIST, /* array of any objects                          */
        CW_DCMS_F_OBJECT,    /* its members follow as "name.member"           */
        CW_DCMS_F_OBJECTS,   /* their members follow as "name[].member"       */
};

struct cw_dcms_field {
        enum cw_dcms_endpoint_id endpoint;
        const char *name;
        enum cw_dcms_kind kind;
        bool required;
        size_t max;        /* longest text in bytes, longest list in items; 0 = by its kind */
        const char *words; /* of CHOICE and QUERY, separated by '|' */
};

struct cw_dcms_endpoint {
        enum cw_dcms_endpoint_id id;
        const char *group;
        const char *name;
        const char *method;
        const char *path; /* below server.url */
        enum cw_dcms_timeout timeout;
        enum cw_dcms_body body;
        bool request_id;
        enum cw_dcms_lost lost;
        enum cw_dcms_check check; /* of READ_BACK */
        enum cw_dcms_answer answer;
        const char *hidden; /* members of the answer that are masked before parsing, separated by blanks */
        const char *errors; /* errorCodes its page shows, separated by blanks */
};

/* id below CW_DCMS_EP_MAX_. Never NULL. */
const struct cw_dcms_endpoint *cw_dcms_endpoint(enum cw_dcms_endpoint_id id);
/* "kit-manager.getCvv"; NULL when the catalogue has no such call. */
const struct cw_dcms_endpoint *cw_dcms_endpoint_named(const char *name);
/* The fields of all endpoints, grouped by endpoint; *ret_count of them. */
const struct cw_dcms_field *cw_dcms_fields(size_t *ret_count);
/* The field of that endpoint, NULL when it has none of that name; *ret_bit (may be NULL) is its number in the
 * endpoint, below 64. */
const struct cw_dcms_field *cw_dcms_field(enum cw_dcms_endpoint_id id, const char *name, unsigned *ret_bit);
/* True when a member of the request is SECRET, so that a person cannot make this call from a command line. */
bool cw_dcms_endpoint_secret(const struct cw_dcms_endpoint *e);
/* True for the calls that carry a PIN: made at the kiosk, online, and nowhere else. */
bool cw_dcms_endpoint_pin(const struct cw_dcms_endpoint *e);

/*
 * The whole table as JSON, new reference, NULL without memory: [{"name", "group", "method", "path",
 * "timeout", "body", "request_id", "lost_answer", "read_back", "answer", "masked", "errors", "by_hand",
 * "fields": [{"name", "kind", "required", "max", "words"}]}].
 */
json_t *cw_dcms_catalogue(void);
