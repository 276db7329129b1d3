/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded byte views: a span that is read, a writer that cannot overflow, a reader that cannot overrun. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cw_span {
        const uint8_t *ptr;
        size_t len;
};
#define CW_SPAN(p, n) ((struct cw_span){(p), (n)})

/* Writes into memory of the caller. After the first write that does not fit, bad stays true and nothing more
 * is written. */
struct cw_writer {
        uint8_t *ptr;
        size_t len;
        size_t cap;
        bool bad;
};
static inline void cw_writer_init(struct cw_writer *w, void *mem, size_t cap) {
        *w = (struct cw_writer){.ptr = mem, .cap = cap};
}
static inline void cw_put_bytes(struct cw_writer *w, const void *p, size_t len) {
        if (w->bad || len > w->cap - w->len) {
                w->bad = true;
                return;
        }
        if (len)
                memcpy(w->ptr + w->len, p, len);
        w->len += len;
}
static inline void cw_put_u8(struct cw_writer *w, uint8_t v) {
        cw_put_bytes(w, &v, 1);
}
void cw_put_be16(struct cw_writer *w, uint16_t v);
void cw_put_be32(struct cw_writer *w, uint32_t v);
/* be16 length, then the bytes: the item format of packed IPC attachments. */
void cw_put_item(struct cw_writer *w, const void *p, size_t len);

/* Reads from memory of the caller. After the first short read, bad stays true and values are 0. */
struct cw_reader {
        const uint8_t *ptr;
        size_t left;
        bool bad;
};
void cw_reader_init(struct cw_reader *r, const void *mem, size_t len);
uint8_t cw_get_u8(struct cw_reader *r);
uint16_t cw_get_be16(struct cw_reader *r);
uint32_t cw_get_be32(struct cw_reader *r);
/* Borrows len bytes; an empty span and bad on a short read. */
struct cw_span cw_get_bytes(struct cw_reader *r, size_t len);
/* Borrows one be16-length-prefixed item. */
struct cw_span cw_get_item(struct cw_reader *r);

/* Upper-case hex into ret (2*len+1 bytes); false when it does not fit. */
bool cw_hex_encode(const void *p, size_t len, char *ret, size_t ret_cap);
/* 2 * len ASCII digits to len bytes of BCD; false when one of them is no digit (ret is filled all the same).
 */
bool cw_bcd_pack(const char *digits, void *ret, size_t len);
/* Even number of hex digits of either case; *ret_len bytes written; false on any other character or when it
 * does not fit. */
bool cw_hex_decode(const char *hex, size_t hex_len, void *ret, size_t ret_cap, size_t *ret_len);
