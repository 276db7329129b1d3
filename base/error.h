/* SPDX-License-Identifier: Apache-2.0 */
/* One error type for every layer: it says what the caller must do next. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CW_WARN_UNUSED __attribute__((warn_unused_result))

/* 0xLLCCNNNN: layer, class, code inside the layer. 0 is success. */
typedef uint32_t cw_rc;
#define CW_OK ((cw_rc)0)

/* The orchestrator switches on the class alone. */
enum cw_class {
        CW_C_NONE = 0,
        CW_C_RETRY = 1,     /* nothing happened: the same call may be repeated           */
        CW_C_RECONNECT = 2, /* the handle is dead: reopen, then repeat                   */
        CW_C_OPERATOR = 3,  /* a person is needed: ribbon, door, jam, PIN locked         */
        CW_C_REJECT = 4,    /* this input can never succeed                              */
        CW_C_IN_DOUBT = 5,  /* the effect may have happened: reconcile, never repeat     */
        CW_C_FATAL = 6,     /* our own invariant is broken: stop the process             */
};

enum cw_layer {
        CW_L_BASE = 1,
        CW_L_IPC,
        CW_L_CONFIG,
        CW_L_JOURNAL,
        CW_L_UPSTREAM,
        CW_L_ISSUANCE,
        CW_L_CONTROL,
        CW_L_STATION,
        CW_L_USB,
        CW_L_PRINTER,
        CW_L_READER,
        CW_L_CHIP,
        CW_L_PINPAD,
        CW_L_FACE,
        CW_L_HSM,
        CW_L_PKCS11,
        CW_L_MAX_,
};

#define CW_RC(layer, cls, n) (((cw_rc)(layer) << 24) | ((cw_rc)(cls) << 16) | ((cw_rc)(n)&0xffffu))

static inline enum cw_class cw_rc_class(cw_rc rc) {
        return (enum cw_class)((rc >> 16) & 0xffu);
}
static inline enum cw_layer cw_rc_layer(cw_rc rc) {
        return (enum cw_layer)(rc >> 24);
}

/* Codes shared by all layers; a layer's own codes start at 0x100. */
enum {
        CW_E_NOMEM = 1,
        CW_E_TIMEOUT,
        CW_E_IO,
        CW_E_TOO_BIG,
        CW_E_SYNTAX,
        CW_E_MISSING,
        CW_E_RANGE,
        CW_E_STATE,
        CW_E_CLOSED,
        CW_E_NOT_FOUND,
        CW_E_DENIED,
        CW_E_BUSY,
        CW_E_UNSUPPORTED,
        CW_E_MISMATCH,
        CW_E_PARTIAL,
        CW_E_CANCELLED,
};

/*
 * What a person and a test need beside the class. Filled once, where the failure happened.
 *   native  the code underneath: errno, libusb, SW1SW2, CK_RV, HTTP status, SQLite
 *   op      what was being done, a static word such as "usb.bulk_out"
 *   code    stable code of the station taxonomy, "" when none ("PRT_RIBBON_ENDED")
 *   text    one sentence for a person: what happened and what to do. Never a secret.
 */
struct cw_fault {
        cw_rc rc;
        int64_t native;
        char op[48];
        char code[48];
        char text[240];
};

/* Fills *f (NULL is allowed) and returns rc, so that a failure is one line. Never blocks. */
cw_rc cw_fail(struct cw_fault *f, cw_rc rc, int64_t native, const char *op, const char *code, const char *fmt,
              ...) __attribute__((format(printf, 6, 7), cold));
#ifdef __clang_analyzer__
/* The analyzer sees one file at a time: it must know that what comes back is the rc that went in. */
#define cw_fail(f, rc, ...)                                                                                  \
        __extension__({                                                                                      \
                cw_rc fail_rc_ = (rc);                                                                       \
                (void)(cw_fail)((f), fail_rc_, __VA_ARGS__);                                                 \
                fail_rc_;                                                                                    \
        })
#endif

/* "RETRY", "OPERATOR", ...; "OK" for CW_C_NONE. */
const char *cw_class_name(enum cw_class cls);
/* Inverse of cw_class_name; CW_C_FATAL for an unknown word, since nothing else is safe. */
enum cw_class cw_class_from_name(const char *name);
const char *cw_layer_name(enum cw_layer layer);

/* {"rc":"0x..","class":"..","layer":"..","native":n,"op":"..","code":"..","text":".."}; NULL when out of
 * memory. */
json_t *cw_fault_to_json(const struct cw_fault *f);
/* Reads what cw_fault_to_json wrote; a malformed object becomes an IPC/FATAL fault. */
void cw_fault_from_json(const json_t *obj, struct cw_fault *ret);
