/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership by scope: CW_AUTO(free_fn) type *p = ...; any return frees p, CW_STEAL(p) moves it out. */
#pragma once

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Defines free_fn##p for a pointer type; free_fn must accept a non-NULL pointer. */
#define CW_DEFINE_CLEANUP(T, free_fn)                                                                        \
        static inline void free_fn##p(T *p) {                                                                \
                if (*p) {                                                                                    \
                        free_fn(*p);                                                                         \
                        *p = NULL;                                                                           \
                }                                                                                            \
        }                                                                                                    \
        struct cw_cleanup_semicolon_

#define CW_AUTO(free_fn) __attribute__((cleanup(free_fn##p)))
#define CW_STEAL(p)                                                                                          \
        __extension__({                                                                                      \
                __typeof__(p) *steal_from_ = &(p);                                                           \
                __typeof__(p) steal_value_ = *steal_from_;                                                   \
                *steal_from_ = NULL;                                                                         \
                steal_value_;                                                                                \
        })

static inline void cw_fd_cleanup(int *fd) {
        if (*fd >= 0)
                (void)close(*fd);
        *fd = -1;
}
#define CW_AUTO_FD __attribute__((cleanup(cw_fd_cleanup)))
#define CW_STEAL_FD(fd)                                                                                      \
        __extension__({                                                                                      \
                int *steal_from_ = &(fd);                                                                    \
                int steal_value_ = *steal_from_;                                                             \
                *steal_from_ = -1;                                                                           \
                steal_value_;                                                                                \
        })

static inline void cw_json_cleanup(json_t **j) {
        json_decref(*j);
        *j = NULL;
}
#define CW_AUTO_JSON __attribute__((cleanup(cw_json_cleanup)))

static inline void cw_mem_cleanup(void *p) {
        void **pp = p;
        free(*pp);
        *pp = NULL;
}
/* For plain malloc memory that holds no secret. */
#define CW_AUTO_MEM __attribute__((cleanup(cw_mem_cleanup)))

static inline void cw_file_cleanup(FILE **f) {
        if (*f)
                (void)fclose(*f);
        *f = NULL;
}
#define CW_AUTO_FILE __attribute__((cleanup(cw_file_cleanup)))
