/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of key operations on their way to cardwrightd, whose audit log is hash-chained. A record is durable
 * here before the operation begins, and is kept until cardwrightd says that it is in the chain: key
 * operations leave their trace even while the agent is down. One file of JSON lines in hsmd's state folder,
 * no secrets.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

#define CW_AUDIT_SPOOL_MAX 1000u /* records; then key operations are refused */
#define CW_AUDIT_RECORD_MAX 4096u

struct cw_audit_spool;

/* <dir>/audit.jsonl. A last line that a crash cut off is dropped; a damaged file is OPERATOR. */
CW_WARN_UNUSED cw_rc cw_audit_spool_open(const char *dir, struct cw_audit_spool **ret, struct cw_fault *f);
void cw_audit_spool_close(struct cw_audit_spool *s);
/*
 * {"seq", "at_ms", "what", "actor", "detail"}; detail is borrowed. Durable when it returns CW_OK; else the
 * caller must not do what it wanted to record.
 */
CW_WARN_UNUSED cw_rc cw_audit_spool_add(struct cw_audit_spool *s, const char *what, const char *actor,
                                        const json_t *detail, struct cw_fault *f);
/* The oldest record, borrowed; NULL when there is none. */
const json_t *cw_audit_spool_first(const struct cw_audit_spool *s);
size_t cw_audit_spool_count(const struct cw_audit_spool *s);
/* Forgets the oldest record if it has this number; nothing otherwise. */
CW_WARN_UNUSED cw_rc cw_audit_spool_drop(struct cw_audit_spool *s, int64_t seq, struct cw_fault *f);
