/* SPDX-License-Identifier: Apache-2.0 */
/* What D1's answers mean. Pure: bytes in, verdict out. */
#pragma once

#include "agent/d1/d1.h"
#include "agent/upstream/http.h"

enum cw_d1_verdict {
        CW_D1_OK,
        CW_D1_AGAIN,   /* the same request may be repeated; effect_possible says whether it may have been done
                        */
        CW_D1_LOGIN,   /* the token was refused */
        CW_D1_REFUSED, /* D1 said no */
        CW_D1_PERSON,  /* TLS or credentials */
};
struct cw_d1_answer {
        enum cw_d1_verdict verdict;
        struct cw_fault fault; /* not OK */
        bool effect_possible;
        int64_t retry_after_ms;
        json_t *root; /* OK: the object, or NULL when the body is empty */
};
/* what: for texts, such as "the order". A 2xx whose body is not JSON is AGAIN with effect_possible. */
void cw_d1_answer_read(const struct cw_http_result *http, const char *what, struct cw_d1_answer *ret);
void cw_d1_answer_done(struct cw_d1_answer *a);

/* {"operations": [...]}, an array, or one operation; at most cap are kept, the newest. Returns their count.
 */
size_t cw_d1_operations_read(const json_t *root, struct cw_d1_operation *ret, size_t cap);
/* operationId of an order's 202; "" when there is none or it is not [A-Za-z0-9_-]{1,64}. */
void cw_d1_operation_id(const json_t *object, char ret[65]);
/*
 * The row of card_id in a batch's answer ({"cards": [...]}); NULL when the answer has no rows, as when the
 * whole batch has one operationId.
 */
const json_t *cw_d1_batch_row(const json_t *root, const char *card_id);
/* errorCode and error of a refused row or body into f (REJECT). False when there is neither. */
bool cw_d1_error_read(const json_t *object, const char *what, int status, struct cw_fault *f);

enum cw_d1_found {
        CW_D1_FOUND_NOTHING,
        CW_D1_FOUND_OURS,
        CW_D1_FOUND_FAILED,
        CW_D1_FOUND_PLAIN,
        CW_D1_FOUND_OTHER
};
/*
 * What a card's operations say about the order with request_id: OURS when a PRODUCE has that id, FAILED when
 * all that have it failed. Else of
 * those that did not fail: PLAIN when one has no id (D1 need not echo it), *ret_plain is how many; OTHER when
 * one has another id. *ret is the operation.
 */
enum cw_d1_found cw_d1_find_order(const struct cw_d1_operation *operations, size_t count,
                                  const char *request_id, const struct cw_d1_operation **ret,
                                  size_t *ret_plain);
/* The last PRODUCE of which a card may still come: neither over nor made. NULL when there is none. */
const struct cw_d1_operation *cw_d1_find_pending(const struct cw_d1_operation *operations, size_t count);
