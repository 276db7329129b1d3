/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed header of a message, little of it visible outside base. */
#pragma once

#include "base/ipc.h"

#define CW_IPC_MAGIC 0x43574931u /* "CWI1" */
#define CW_IPC_HEADER_BYTES (20u + 4u * CW_IPC_ATT_MAX)
#define CW_IPC_DATAGRAM_MAX (CW_IPC_HEADER_BYTES + CW_IPC_JSON_MAX + CW_IPC_ATT_BYTES_MAX)

/* Big-endian on the wire, in this order: magic, type, att_count, fd_count, zero, generation, id, json_len,
 * att_len[]. */
struct cw_ipc_header {
        uint8_t type;
        uint8_t att_count;
        uint8_t fd_count;
        uint32_t generation;
        uint32_t id;
        uint32_t json_len;
        uint32_t att_len[CW_IPC_ATT_MAX];
};

/* Whether every field is inside the limits of base/ipc.h. */
bool cw_ipc_header_valid(const struct cw_ipc_header *h);
/* bytes holds CW_IPC_HEADER_BYTES. */
void cw_ipc_header_encode(const struct cw_ipc_header *h, uint8_t *bytes);
/* False when it is no header or not a valid one. */
bool cw_ipc_header_decode(const uint8_t *bytes, size_t len, struct cw_ipc_header *ret);
/* Length of the whole datagram. */
size_t cw_ipc_header_total(const struct cw_ipc_header *h);
/* Parses the JSON part: one object, no duplicate keys, nothing behind it. NULL when it is not. */
json_t *cw_ipc_json_decode(const char *text, size_t len);
/*
 * Room for one datagram of CW_IPC_DATAGRAM_MAX bytes, the calling thread's own: locked, not dumped, empty in
 * a child. Who receives into it wipes what it got. NULL when memory or RLIMIT_MEMLOCK is short.
 */
uint8_t *cw_ipc_inbox(void);
