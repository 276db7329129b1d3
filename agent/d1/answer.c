/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/d1/answer.h"

#include "agent/upstream/mask.h"
#include "agent/upstream/rc.h"

#include <string.h>

#define OP "d1.answer"

static const char *text_of(const json_t *object, const char *name) {
        const char *text = json_string_value(json_object_get(object, name));
        return text ? text : "";
}

/* Printable ASCII of what the server wrote, cut to cap; the rest becomes a blank. */
static void copy_text(char *ret, size_t cap, const char *text) {
        size_t n = 0;
        for (; text[n] && n + 1 < cap; n++)
                ret[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : ' ';
        ret[n] = '\0';
}

static bool is_id(const char *text, size_t max) {
        size_t len = strlen(text);
        return len >= 1 && len <= max &&
               strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

/* ---- verdicts ---- */

bool cw_d1_error_read(const json_t *object, const char *what, int status, struct cw_fault *f) {
        char code[48], text[140];
        copy_text(code, sizeof code, text_of(object, "errorCode"));
        copy_text(text, sizeof text, text_of(object, "error"));
        if (!*code && !*text)
                return false;
        (void)cw_fail(f, CW_UP(REJECT, CW_E_STATE), status, OP, *code ? code : CW_D1_CODE_BAD_ANSWER,
                      "D1 refused %s: %s", what, *text ? text : code);
        return true;
}

static void refused(struct cw_d1_answer *a, const char *what, int status) {
        a->verdict = CW_D1_REFUSED;
        if (!cw_d1_error_read(a->root, what, status, &a->fault))
                (void)cw_fail(&a->fault, CW_UP(REJECT, CW_E_STATE), status, OP, CW_D1_CODE_BAD_ANSWER,
                              "D1 refused %s with HTTP %d and no reason; ask Thales with the correlation id",
                              what, status);
        if (status == 404)
                a->fault.rc = CW_UP(REJECT, CW_E_NOT_FOUND);
}

static void again(struct cw_d1_answer *a, const char *what, int status, bool effect_possible) {
        a->verdict = CW_D1_AGAIN;
        a->effect_possible = effect_possible;
        (void)cw_fail(&a->fault, CW_UP(RETRY, CW_E_BUSY), status, OP, CW_D1_CODE_OFFLINE,
                      "D1 could not answer %s now (HTTP %d)", what, status);
}

/* 429 and 503 are refusals to begin; other 5xx may come after the work. New codes count as their class. */
static void by_status(struct cw_d1_answer *a, const char *what, int status) {
        if (status >= 200 && status <= 299) {
                a->verdict = CW_D1_OK;
        } else if (status == 401) {
                a->verdict = CW_D1_LOGIN;
                (void)cw_fail(&a->fault, CW_UP(OPERATOR, CW_E_DENIED), status, OP, CW_D1_CODE_DENIED,
                              "D1 does not accept our access token for %s; check d1.issuer_id and the rights "
                              "given at onboarding",
                              what);
        } else if (status == 429 || status == 503) {
                again(a, what, status, false);
        } else if (status >= 500) {
                again(a, what, status, true);
        } else {
                refused(a, what, status);
        }
}

static void broken(struct cw_d1_answer *a, const char *what, int status) {
        a->verdict = CW_D1_AGAIN;
        a->effect_possible = true;
        (void)cw_fail(&a->fault, CW_UP(RETRY, CW_E_SYNTAX), status, OP, CW_D1_CODE_BAD_ANSWER,
                      "D1's answer to %s is not JSON", what);
}

void cw_d1_answer_read(const struct cw_http_result *http, const char *what, struct cw_d1_answer *ret) {
        struct cw_d1_answer a = {.retry_after_ms = http->retry_after_ms};
        if (http->rc != CW_OK) {
                a.fault = http->fault;
                bool person = cw_rc_class(http->rc) == CW_C_OPERATOR;
                a.verdict = person ? CW_D1_PERSON : CW_D1_AGAIN;
                a.effect_possible = http->sent && !person;
                *ret = a;
                return;
        }
        bool empty = http->body->len == 0, deep = false;
        /* What an answer has no business to hold is masked before anything else reads it. */
        struct cw_fault ignored = {0};
        deep = cw_mask_json(http->body->ptr, http->body->len, &ignored) != CW_OK;
        if (!empty && !deep)
                a.root = json_loadb((const char *)http->body->ptr, http->body->len, 0, NULL);
        by_status(&a, what, http->status);
        if (a.verdict == CW_D1_OK && !empty && !json_is_object(a.root) && !json_is_array(a.root))
                broken(&a, what, http->status);
        *ret = a;
}

void cw_d1_answer_done(struct cw_d1_answer *a) {
        json_decref(a->root);
        a->root = NULL;
}

/* ---- operations ---- */

static enum cw_d1_status status_of(const char *word) {
        return strcmp(word, "PENDING") == 0      ? CW_D1_PENDING
               : strcmp(word, "SUCCESSFUL") == 0 ? CW_D1_SUCCESSFUL
               : strcmp(word, "FAILED") == 0     ? CW_D1_FAILED
                                                 : CW_D1_STATUS_OTHER;
}

static enum cw_d1_detail detail_of(const char *word) {
        static const struct {
                const char *word;
                enum cw_d1_detail detail;
        } words[] = {
            {"CARD_PROD_REQUESTED", CW_D1_REQUESTED}, {"DATA_PREPARED", CW_D1_DATA_PREPARED},
            {"DATA_EXCEPTION", CW_D1_DATA_EXCEPTION}, {"CARD_PROD_READY", CW_D1_READY},
            {"CARD_PROD_ONGOING", CW_D1_ONGOING},     {"CARD_PROD_DONE", CW_D1_DONE},
            {"CARD_PROD_EXCEPTION", CW_D1_EXCEPTION}, {"CARD_SHIPPED", CW_D1_SHIPPED},
            {"CARD_PROD_CANCELED", CW_D1_CANCELED},
        };
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                if (strcmp(words[i].word, word) == 0)
                        return words[i].detail;
        return CW_D1_DETAIL_OTHER;
}

void cw_d1_operation_id(const json_t *object, char ret[65]) {
        const char *id = text_of(object, "operationId");
        (void)snprintf(ret, 65, "%s", is_id(id, 64) ? id : "");
}

static void read_operation(const json_t *o, struct cw_d1_operation *ret) {
        const json_t *details = json_object_get(o, "details");
        const char *request = text_of(o, "issuerRequestId");
        const char *reason = text_of(details, "reason");
        *ret = (struct cw_d1_operation){0};
        cw_d1_operation_id(o, ret->id);
        copy_text(ret->operation, sizeof ret->operation, text_of(o, "operation"));
        copy_text(ret->card_id, sizeof ret->card_id, text_of(o, "cardId"));
        copy_text(ret->request_id, sizeof ret->request_id,
                  *request ? request : text_of(details, "issuerRequestId"));
        copy_text(ret->status_word, sizeof ret->status_word, text_of(o, "status"));
        copy_text(ret->detail_word, sizeof ret->detail_word, text_of(details, "status"));
        copy_text(ret->reason, sizeof ret->reason, *reason ? reason : text_of(o, "error"));
        copy_text(ret->code, sizeof ret->code, text_of(o, "errorCode"));
        copy_text(ret->start, sizeof ret->start, text_of(o, "startTime"));
        copy_text(ret->end, sizeof ret->end, text_of(o, "endTime"));
        ret->status = status_of(ret->status_word);
        ret->detail = detail_of(ret->detail_word);
}

size_t cw_d1_operations_read(const json_t *root, struct cw_d1_operation *ret, size_t cap) {
        const json_t *list = json_is_array(root) ? root : json_object_get(root, "operations");
        if (!json_is_array(list)) {
                if (!json_object_get(root, "operationId") || cap == 0)
                        return 0;
                read_operation(root, ret);
                return 1;
        }
        size_t all = json_array_size(list), n = 0;
        for (size_t i = all > cap ? all - cap : 0; i < all; i++)
                if (json_is_object(json_array_get(list, i)))
                        read_operation(json_array_get(list, i), &ret[n++]);
        return n;
}

const json_t *cw_d1_batch_row(const json_t *root, const char *card_id) {
        const json_t *rows = json_is_array(root) ? root : json_object_get(root, "cards");
        for (size_t i = 0; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i);
                if (strcmp(text_of(row, "cardId"), card_id) == 0)
                        return row;
        }
        return NULL;
}

static bool has_failed(const struct cw_d1_operation *o) {
        return o->status == CW_D1_FAILED || o->detail == CW_D1_DATA_EXCEPTION ||
               o->detail == CW_D1_EXCEPTION || o->detail == CW_D1_CANCELED;
}

/* No card comes of it. An exception of an operation that is still pending may yet be mended at D1. */
static bool is_over(const struct cw_d1_operation *o) {
        return o->status == CW_D1_FAILED || o->detail == CW_D1_CANCELED;
}

enum cw_d1_found cw_d1_find_order(const struct cw_d1_operation *operations, size_t count,
                                  const char *request_id, const struct cw_d1_operation **ret,
                                  size_t *ret_plain) {
        const struct cw_d1_operation *other = NULL, *plain = NULL, *failed = NULL;
        *ret_plain = 0;
        for (size_t i = 0; i < count; i++) {
                const struct cw_d1_operation *o = &operations[i];
                if (strcmp(o->operation, "PRODUCE") != 0)
                        continue;
                bool ours = strcmp(o->request_id, request_id) == 0;
                if (ours && !is_over(o)) {
                        *ret = o;
                        return CW_D1_FOUND_OURS;
                }
                failed = ours ? o : failed;
                if (has_failed(o))
                        continue;
                *ret_plain += !*o->request_id;
                *(*o->request_id ? &other : &plain) = o;
        }
        *ret = failed ? failed : plain ? plain : other;
        if (failed)
                return CW_D1_FOUND_FAILED;
        return plain ? CW_D1_FOUND_PLAIN : other ? CW_D1_FOUND_OTHER : CW_D1_FOUND_NOTHING;
}

const struct cw_d1_operation *cw_d1_find_pending(const struct cw_d1_operation *operations, size_t count) {
        const struct cw_d1_operation *found = NULL;
        for (size_t i = 0; i < count; i++) {
                const struct cw_d1_operation *o = &operations[i];
                bool made =
                    o->status == CW_D1_SUCCESSFUL || o->detail == CW_D1_DONE || o->detail == CW_D1_SHIPPED;
                if (strcmp(o->operation, "PRODUCE") == 0 && !made && !is_over(o))
                        found = o;
        }
        return found;
}
