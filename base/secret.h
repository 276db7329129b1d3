/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for PANs, PINs, tracks, CVVs and keys: locked, not dumped, wiped on fork and on free. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Own mapping with a guard page on both sides. len <= cap; the owner changes len. */
struct cw_secret {
        uint8_t *ptr;
        size_t len;
        size_t cap;
};

#define CW_SECRET_CAP_MAX ((size_t)1 << 20)

/* New zeroed secret, len 0. cap 0..CW_SECRET_CAP_MAX bytes. RETRY when memory or RLIMIT_MEMLOCK is short. */
CW_WARN_UNUSED cw_rc cw_secret_new(size_t cap, struct cw_secret **ret);
/* New secret holding a copy of len bytes. */
CW_WARN_UNUSED cw_rc cw_secret_dup(const void *bytes, size_t len, struct cw_secret **ret);
/* Wipes and unmaps. NULL is fine. */
void cw_secret_free(struct cw_secret *s);
CW_DEFINE_CLEANUP(struct cw_secret *, cw_secret_free);

/* Wipes memory in a way the compiler keeps: the bytes are an input of what it cannot see into. In line, as a
 * few bytes of a key or a PIN block are wiped after each use. */
static inline void cw_wipe(void *p, size_t len) {
        if (len)
                memset(p, 0, len);
        __asm__ __volatile__("" : : "r"(p) : "memory");
}
/* free() for libraries that keep secrets on the ordinary heap: wipes what malloc gave, then frees it. */
void cw_wiping_free(void *p);
/* Constant-time equality of len bytes. */
bool cw_equal_ct(const void *a, const void *b, size_t len);
/* A stack buffer that is wiped when its scope ends: CW_WIPED(uint8_t, block, 8); */
struct cw_wiped_scope {
        void *p;
        size_t len;
};
static inline void cw_wiped_cleanup(struct cw_wiped_scope *s) {
        cw_wipe(s->p, s->len);
}
#define CW_WIPED(T, name, n)                                                                                 \
        T name[n] = {0};                                                                                     \
        __attribute__((cleanup(cw_wiped_cleanup), unused)) struct cw_wiped_scope name##_scope_ = {           \
            name, sizeof(name)}

/* A large buffer that is filled as far as it is read: without it the compiler zeroes each byte beforehand. */
#define CW_UNINITIALIZED __attribute__((uninitialized))

/* For the start of main() of every daemon: no core dump, no ptrace by the same user, umask 077. */
void cw_process_harden(void);
