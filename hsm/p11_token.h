/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PKCS#11 module and one logged-in session on the token with a given label. Only worker processes and the
 * provisioning tool use it: the module is loaded after the fork and lives as long as the process. All calls
 * block.
 */
#pragma once

#include "base/cleanup.h"
#include "base/secret.h"
#include "config/config.h"
#include "hsm/p11.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum cw_cbc { CW_CBC_NONE, CW_CBC_TDES, CW_CBC_AES, CW_CBC_COUNT };

struct cw_p11 {
        void *dl;
        CK_FUNCTION_LIST *fn;
        CK_SLOT_ID slot;
        CK_SESSION_HANDLE session;
        char label[33], model[17], manufacturer[33];
        bool host_derive; /* the token derives nothing: keys that derive may encipher instead, and what is
                             derived passes through host memory (hsm.allow_host_memory) */
        bool cipher_cmac; /* the token has no CMAC: keys that make MACs may encipher, and a CBC chain makes
                             them */
        bool cbc_by_ecb[CW_CBC_COUNT]; /* the token has no CBC of this cipher: it is chained here, by ECB
                                          calls */
        bool closed_mac;        /* the token makes retail MACs out of objects: keys of verification values may
                                   wrap, and derive beside it */
        bool by_p11_kit;        /* the module is p11-kit's client, which carries few mechanisms: for texts */
        CK_MECHANISM mechanism; /* of the call under way (p11_crypto.c) */
        CK_ULONG len;           /* bytes it is to make, then has made */
        _Atomic int64_t
            *called_ns; /* start of the running C_* call on the monotonic clock; NULL: nobody watches */
};

/*
 * Loads hsm.module, initialises it as hsm.module_init_style says, finds the token by its label, opens a
 * session (read-write when rw). OPERATOR/CW_E_NOT_FOUND when the module or the token is not there or the
 * label is not unique. called_ns may be NULL.
 */
CW_WARN_UNUSED cw_rc cw_p11_open(const struct cw_config_hsm *cfg, bool rw, _Atomic int64_t *called_ns,
                                 struct cw_p11 **ret, struct cw_fault *f);
/* C_Finalize; the module stays mapped. */
void cw_p11_close(struct cw_p11 *p);
CW_DEFINE_CLEANUP(struct cw_p11 *, cw_p11_close);

/* User login. OPERATOR with code HSM_LOGIN on any refusal: the caller must not try again. */
CW_WARN_UNUSED cw_rc cw_p11_login(struct cw_p11 *p, const struct cw_secret *pin, struct cw_fault *f);
/* RECONNECT when the session does not live any more. */
CW_WARN_UNUSED cw_rc cw_p11_check(struct cw_p11 *p, struct cw_fault *f);

void cw_p11_watched(struct cw_p11 *p);
/* To be called before every C_* call that may block: restarts the watcher's clock. */
static inline void cw_p11_called(struct cw_p11 *p) {
        if (p->called_ns != NULL)
                cw_p11_watched(p);
}
