/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#11 types with the names of the standard, and how its return values are told to a person. */
#pragma once

#include "base/error.h"

#define CRYPTOKI_COMPAT
#include <p11-kit/pkcs11.h>

/* Cryptoki takes pointers to non-const memory for what it only reads. */
static inline void *cw_p11_input(const void *in) {
        union {
                const void *in;
                void *out;
        } pointer = {.in = in};
        return pointer.out;
}

/*
 * Fills f for a failed C_* call and returns its rc. RECONNECT: the module, token or session is not usable any
 * more, the worker process is to be replaced. OPERATOR: login. RETRY: memory. REJECT: this call can never
 * succeed.
 */
cw_rc cw_p11_fail(struct cw_fault *f, CK_RV rv, const char *op) __attribute__((cold));
/* "CKR_PIN_INCORRECT", or "CKR_?" */
const char *cw_p11_rv_name(CK_RV rv);
/* It is among the values whose meaning is known here. */
bool cw_p11_rv_known(CK_RV rv);
