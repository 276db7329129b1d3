/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/kit_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KITS_MAX 200u
#define REJECT(n) CW_RC(CW_L_CONTROL, CW_C_REJECT, (n))

struct cw_kit_requests {
        struct cw_kit_request *first;
};

struct cw_kit_requests *cw_kit_requests_new(void) {
        return calloc(1, sizeof(struct cw_kit_requests));
}

static void request_free(struct cw_kit_request *r) {
        json_decref(r->kits);
        free(r);
}

void cw_kit_requests_free(struct cw_kit_requests *q) {
        while (q && q->first) {
                struct cw_kit_request *r = q->first;
                q->first = r->next;
                request_free(r);
        }
        free(q);
}

static void remove_one(struct cw_kit_requests *q, struct cw_kit_request *r) {
        for (struct cw_kit_request **at = &q->first; *at; at = &(*at)->next) {
                if (*at != r)
                        continue;
                *at = r->next;
                request_free(r);
                return;
        }
}

/* What runs is not over, however late it is. */
static void forget_expired(struct cw_kit_requests *q, int64_t now_ms) {
        for (struct cw_kit_request *r = q->first, *next = NULL; r; r = next) {
                next = r->next;
                if (!r->running && r->expires_ms <= now_ms)
                        remove_one(q, r);
        }
}

static struct cw_kit_request *find(struct cw_kit_requests *q, const char *id) {
        for (struct cw_kit_request *r = q->first; r; r = r->next)
                if (strcmp(r->id, id) == 0)
                        return r;
        return NULL;
}

static bool number_ok(const json_t *kit) {
        const char *text = json_string_value(kit);
        size_t len = text ? strlen(text) : 0;
        return len > 0 && len < 32 &&
               strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

static bool holds(const json_t *kits, const json_t *kit) {
        for (size_t i = 0; i < json_array_size(kits); i++)
                if (json_equal(json_array_get(kits, i), kit))
                        return true;
        return false;
}

static const char *draft_fault(const struct cw_kit_requests *q, const struct cw_kit_request *draft) {
        size_t count = json_array_size(draft->kits), waiting = 0;
        if (count == 0 || count > KITS_MAX || (draft->kind != CW_KIT_TRANSFER && count != 1))
                return "a transfer names 1 to 200 kits, an expiry one";
        for (size_t i = 0; i < count; i++)
                if (!number_ok(json_array_get(draft->kits, i)))
                        return "a kit number is letters and digits, at most 31";
        for (const struct cw_kit_request *r = q->first; r; r = r->next, waiting++)
                for (size_t i = 0; i < count; i++)
                        if (holds(r->kits, json_array_get(draft->kits, i)))
                                return "a kit of this request waits in another one; approve or drop that "
                                       "first";
        return waiting >= CW_KIT_REQUESTS_MAX ? "too many requests wait; approve or drop some first" : NULL;
}

cw_rc cw_kit_requests_file(struct cw_kit_requests *q, const struct cw_kit_request *draft, int64_t now_ms,
                           const struct cw_kit_request **ret, struct cw_fault *f) {
        uint32_t number = 0;
        forget_expired(q, now_ms);
        const char *fault = draft_fault(q, draft);
        if (fault)
                return cw_fail(f, REJECT(CW_E_RANGE), 0, "kit.request", "", "%s", fault);
        struct cw_kit_request *r = calloc(1, sizeof *r);
        if (!r || getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
                free(r);
                return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_RETRY, CW_E_NOMEM), 0, "kit.request", "",
                               "out of memory");
        }
        *r = *draft;
        (void)snprintf(r->id, sizeof r->id, "%08x", number);
        r->kits = json_deep_copy(draft->kits);
        r->expires_ms = now_ms + CW_KIT_REQUEST_TTL_MS;
        r->running = false;
        r->next = q->first;
        q->first = r;
        *ret = r;
        return CW_OK;
}

static cw_rc not_found(struct cw_fault *f) {
        return cw_fail(f, REJECT(CW_E_NOT_FOUND), 0, "kit.request", "",
                       "no request has this number any more; see cardwright kit requests");
}

cw_rc cw_kit_requests_approve(struct cw_kit_requests *q, const char *id, uint32_t checker_uid, int64_t now_ms,
                              struct cw_kit_request **ret, struct cw_fault *f) {
        forget_expired(q, now_ms);
        struct cw_kit_request *r = find(q, id);
        if (!r)
                return not_found(f);
        if (r->maker_uid == checker_uid)
                return cw_fail(f, REJECT(CW_E_DENIED), 0, "kit.approve", "SAME_PERSON",
                               "who filed the request cannot approve it; another operator must");
        if (r->running)
                return cw_fail(f, REJECT(CW_E_BUSY), 0, "kit.approve", "",
                               "the request is being carried out");
        r->running = true;
        *ret = r;
        return CW_OK;
}

cw_rc cw_kit_requests_drop(struct cw_kit_requests *q, const char *id, int64_t now_ms, struct cw_fault *f) {
        forget_expired(q, now_ms);
        struct cw_kit_request *r = find(q, id);
        if (!r)
                return not_found(f);
        if (r->running)
                return cw_fail(f, REJECT(CW_E_BUSY), 0, "kit.drop", "", "the request is being carried out");
        remove_one(q, r);
        return CW_OK;
}

void cw_kit_requests_ended(struct cw_kit_requests *q, const char *id, bool done) {
        struct cw_kit_request *r = find(q, id);
        if (!r)
                return;
        r->running = false;
        if (done)
                remove_one(q, r);
}

const char *cw_kit_request_kind_name(enum cw_kit_request_kind kind) {
        return kind == CW_KIT_TRANSFER ? "transfer" : kind == CW_KIT_EXPIRE ? "expire" : "expire-pack";
}

json_t *cw_kit_request_json(const struct cw_kit_request *r) {
        return json_pack("{s:s, s:s, s:O, s:s, s:s, s:I, s:b}", "id", r->id, "kind",
                         cw_kit_request_kind_name(r->kind), "kits", r->kits, "to_branch", r->to_branch,
                         "maker", r->maker, "expires_ms", (json_int_t)r->expires_ms, "running", r->running);
}

json_t *cw_kit_requests_json(struct cw_kit_requests *q, int64_t now_ms) {
        json_t *list = json_array();
        forget_expired(q, now_ms);
        for (const struct cw_kit_request *r = q->first; r; r = r->next)
                (void)json_array_append_new(list, cw_kit_request_json(r));
        return list;
}
