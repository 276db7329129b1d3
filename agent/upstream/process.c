/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, OpenSSL and jansson keep copies of what passes through them in ordinary memory. They are given a
 * free() that wipes, so that a token, a request or an answer does not stay behind on the heap.
 */
#include "agent/upstream/dcms.h"
#include "base/secret.h"

#include <curl/curl.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void *wiping_realloc(void *p, size_t size) {
        if (!p)
                return malloc(size);
        if (size == 0) {
                cw_wiping_free(p);
                return NULL;
        }
        size_t old = malloc_usable_size(p);
        if (size <= old && size > old / 2)
                return p;
        void *q = malloc(size);
        if (!q)
                return NULL;
        memcpy(q, p, old < size ? old : size);
        cw_wiping_free(p);
        return q;
}

static char *plain_strdup(const char *text) {
        return strdup(text);
}

static void *ossl_malloc(size_t size, const char *file, int line) {
        (void)file, (void)line;
        return size ? malloc(size) : NULL;
}
static void *ossl_realloc(void *p, size_t size, const char *file, int line) {
        (void)file, (void)line;
        return wiping_realloc(p, size);
}
static void ossl_free(void *p, const char *file, int line) {
        (void)file, (void)line;
        cw_wiping_free(p);
}

void cw_dcms_process_init(void) {
        static bool done;
        if (done)
                return;
        done = true;
        /* libcurl would write the keys of every TLS session into the file this names. */
        (void)unsetenv("SSLKEYLOGFILE");
        /* Refused when OpenSSL has allocated already: then its own OPENSSL_cleanse on secrets has to do. */
        (void)CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free);
        json_set_alloc_funcs(malloc, cw_wiping_free);
        (void)curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, cw_wiping_free, wiping_realloc, plain_strdup,
                                   calloc);
}
