/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kits leave the branch's stock only by the word of two people: a maker files the request, a checker with
 * another user id approves it. Requests live in memory, for a limited time; what became of them is in the
 * audit log. Pure, no I/O.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

#define CW_KIT_REQUEST_TTL_MS ((int64_t)30 * 60 * 1000)
#define CW_KIT_REQUESTS_MAX 64u

enum cw_kit_request_kind { CW_KIT_TRANSFER, CW_KIT_EXPIRE, CW_KIT_EXPIRE_PACK };

struct cw_kit_request {
        char id[9]; /* 8 hex digits, random: an old number never means a new request */
        enum cw_kit_request_kind kind;
        char to_branch[64]; /* TRANSFER */
        json_t *kits;       /* owned; kit numbers, or the one number of the pack */
        uint32_t maker_uid;
        char maker[32];
        int64_t expires_ms; /* wall clock */
        bool running;       /* approved, the server's answer is awaited */
        struct cw_kit_request *next;
};

struct cw_kit_requests;

struct cw_kit_requests *cw_kit_requests_new(void);
void cw_kit_requests_free(struct cw_kit_requests *q);
CW_DEFINE_CLEANUP(struct cw_kit_requests *, cw_kit_requests_free);

/*
 * Files a request (kits is copied, id and expiry are filled in). REJECT: too many wait, a kit is in another
 * request, or a number is malformed. *ret borrows.
 */
CW_WARN_UNUSED cw_rc cw_kit_requests_file(struct cw_kit_requests *q, const struct cw_kit_request *draft,
                                          int64_t now_ms, const struct cw_kit_request **ret,
                                          struct cw_fault *f);
/* The checker approves: *ret stays in the list as running. REJECT/CW_E_DENIED when checker and maker are one.
 */
CW_WARN_UNUSED cw_rc cw_kit_requests_approve(struct cw_kit_requests *q, const char *id, uint32_t checker_uid,
                                             int64_t now_ms, struct cw_kit_request **ret, struct cw_fault *f);
/* The request is over; anybody may take one back that is not running. REJECT/CW_E_NOT_FOUND, CW_E_BUSY. */
CW_WARN_UNUSED cw_rc cw_kit_requests_drop(struct cw_kit_requests *q, const char *id, int64_t now_ms,
                                          struct cw_fault *f);
/* A running request ended: done (it goes), or not (it waits for another approval until it expires). */
void cw_kit_requests_ended(struct cw_kit_requests *q, const char *id, bool done);
/* [{"id", "kind", "kits", "to_branch", "maker", "expires_ms", "running"}], those that expired left out. */
json_t *cw_kit_requests_json(struct cw_kit_requests *q, int64_t now_ms);
/* "transfer", "expire", "expire-pack" */
const char *cw_kit_request_kind_name(enum cw_kit_request_kind kind);
json_t *cw_kit_request_json(const struct cw_kit_request *r);
