/* SPDX-License-Identifier: Apache-2.0 */
/* From an HTTPS exchange to what it means for the call: gateway codec, masking, parsing, status and
 * exception. */
#pragma once

#include "agent/upstream/endpoint.h"
#include "agent/upstream/envelope.h"
#include "agent/upstream/gateway.h"
#include "agent/upstream/http.h"

enum cw_verdict {
        CW_ANSWER_OK,
        CW_ANSWER_REFUSED, /* by the server, for good                                */
        CW_ANSWER_AGAIN,   /* another try may help                                   */
        CW_ANSWER_LOGIN,   /* 401: the token is not good (any more)                  */
        CW_ANSWER_PERSON,  /* another try cannot help                                */
};

struct cw_answer {
        enum cw_verdict verdict;
        struct cw_fault fault;  /* not CW_ANSWER_OK */
        bool effect_possible;   /* not CW_ANSWER_OK: the server may have done it all the same */
        bool spoken;            /* the server itself said so, by an exception or a result */
        int64_t retry_after_ms; /* -1 = no hint */
        json_t *root;           /* owned; what envelope borrows from */
        struct cw_envelope envelope;
        struct cw_secret *token; /* of LOGIN */
};

/* gateway may be NULL. http->body is masked in place, or stolen and replaced by its clear text. */
void cw_answer_read(const struct cw_dcms_endpoint *e, struct cw_gateway_codec *gateway,
                    struct cw_http_result *http, struct cw_answer *ret);
void cw_answer_done(struct cw_answer *a);
