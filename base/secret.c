/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static size_t page_size(void) {
        static _Atomic size_t size;
        if (size == 0)
                size = (size_t)sysconf(_SC_PAGESIZE);
        return size;
}

/* Bytes of the readable middle: cap rounded up to whole pages, at least one. */
static size_t middle_size(size_t cap) {
        size_t page = page_size();
        return cap ? (cap + page - 1) / page * page : page;
}

/* Guard page, middle, guard page. */
static uint8_t *map_guarded(size_t middle) {
        size_t page = page_size();
        uint8_t *base = mmap(NULL, middle + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base == MAP_FAILED)
                return NULL;
        uint8_t *mid = base + page;
        if (mprotect(mid, middle, PROT_READ | PROT_WRITE) < 0 || mlock(mid, middle) < 0 ||
            madvise(mid, middle, MADV_DONTDUMP) < 0 || madvise(mid, middle, MADV_WIPEONFORK) < 0) {
                (void)munmap(base, middle + 2 * page);
                return NULL;
        }
        return mid;
}

/*
 * Mappings of one page that are free again: wiped, still locked, still guarded. Six system calls for each
 * attachment of a message would cost more than what is done with it. For the main thread alone, and not in
 * its children: locks do not outlive a fork. Neither is asked of the kernel each time, for the same reason.
 */
#define POOL_MAX 8u
static struct {
        size_t count;
        uint8_t *middle[POOL_MAX];
} pool;
static _Thread_local bool main_thread;

static void empty_pool(void) {
        pool.count = 0;
}

__attribute__((constructor)) static void start_pool(void) {
        main_thread = pthread_atfork(NULL, NULL, empty_pool) == 0;
}

static uint8_t *take_pooled(size_t cap) {
        bool fits = main_thread && pool.count > 0 && cap <= page_size();
        return fits ? pool.middle[--pool.count] : NULL;
}

static bool give_to_pool(uint8_t *middle, size_t size) {
        bool fits = main_thread && pool.count < POOL_MAX && size == page_size();
        if (fits)
                pool.middle[pool.count++] = middle;
        return fits;
}

cw_rc cw_secret_new(size_t cap, struct cw_secret **ret) {
        if (cap > CW_SECRET_CAP_MAX)
                return CW_RC(CW_L_BASE, CW_C_FATAL, CW_E_TOO_BIG);
        struct cw_secret *s = calloc(1, sizeof *s);
        if (!s)
                return CW_RC(CW_L_BASE, CW_C_RETRY, CW_E_NOMEM);
        s->ptr = take_pooled(cap);
        if (!s->ptr)
                s->ptr = map_guarded(middle_size(cap));
        if (!s->ptr) {
                free(s);
                return CW_RC(CW_L_BASE, CW_C_RETRY, CW_E_NOMEM);
        }
        s->cap = cap;
        *ret = s;
        return CW_OK;
}

cw_rc cw_secret_dup(const void *bytes, size_t len, struct cw_secret **ret) {
        struct cw_secret *s = NULL;
        cw_rc rc = cw_secret_new(len, &s);
        if (rc != CW_OK)
                return rc;
        if (len)
                memcpy(s->ptr, bytes, len);
        s->len = len;
        *ret = s;
        return CW_OK;
}

void cw_secret_free(struct cw_secret *s) {
        if (!s)
                return;
        size_t page = page_size();
        size_t middle = middle_size(s->cap);
        cw_wipe(s->ptr, middle);
        if (!give_to_pool(s->ptr, middle))
                (void)munmap(s->ptr - page, middle + 2 * page);
        free(s);
}

void cw_wiping_free(void *p) {
        if (!p)
                return;
        cw_wipe(p, malloc_usable_size(p));
        free(p);
}

bool cw_equal_ct(const void *a, const void *b, size_t len) {
        const volatile uint8_t *x = a;
        const volatile uint8_t *y = b;
        uint8_t diff = 0;
        for (size_t i = 0; i < len; i++)
                diff = (uint8_t)(diff | (x[i] ^ y[i]));
        return diff == 0;
}

void cw_process_harden(void) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)umask(077);
}
