/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11.h"

#include <stddef.h>

static const char gone[] = "the token does not answer as before; it is opened anew";
static const char login[] =
    "the token refused the login; no further try is made, since tokens lock after a few. "
    "Correct the PIN credential, then restart cardwright-hsmd";
static const char refused[] =
    "the token refused the operation; compare the key's attributes with its purpose";

static const struct rv_row {
        CK_RV rv;
        enum cw_class cls;
        unsigned code;
        const char *name, *fault_code, *text;
} rows[] = {
#define ROW(rv, cls, code, fault_code, text)                                                                 \
        { rv, CW_C_##cls, CW_E_##code, #rv, fault_code, text }
    ROW(CKR_HOST_MEMORY, RETRY, NOMEM, "HSM_TOKEN", "out of memory in the token's module"),
    ROW(CKR_GENERAL_ERROR, RECONNECT, IO, "HSM_TOKEN", gone),
    ROW(CKR_FUNCTION_FAILED, RECONNECT, IO, "HSM_TOKEN", gone),
    ROW(CKR_DEVICE_ERROR, RECONNECT, IO, "HSM_TOKEN", gone),
    ROW(CKR_DEVICE_MEMORY, RECONNECT, IO, "HSM_TOKEN", gone),
    ROW(CKR_DEVICE_REMOVED, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_TOKEN_NOT_PRESENT, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_SESSION_CLOSED, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_SESSION_HANDLE_INVALID, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_OBJECT_HANDLE_INVALID, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_KEY_HANDLE_INVALID, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_USER_NOT_LOGGED_IN, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED, RECONNECT, CLOSED, "HSM_TOKEN", gone),
    ROW(CKR_PIN_INCORRECT, OPERATOR, DENIED, "HSM_LOGIN", login),
    ROW(CKR_PIN_LOCKED, OPERATOR, DENIED, "HSM_LOGIN", login),
    ROW(CKR_PIN_EXPIRED, OPERATOR, DENIED, "HSM_LOGIN", login),
    ROW(CKR_PIN_INVALID, OPERATOR, DENIED, "HSM_LOGIN", login),
    ROW(CKR_PIN_LEN_RANGE, OPERATOR, DENIED, "HSM_LOGIN", login),
    ROW(CKR_USER_PIN_NOT_INITIALIZED, OPERATOR, DENIED, "HSM_LOGIN", login),
    ROW(CKR_TOKEN_NOT_RECOGNIZED, OPERATOR, NOT_FOUND, "HSM_TOKEN", "the token is not initialised"),
    ROW(CKR_MECHANISM_INVALID, REJECT, UNSUPPORTED, "HSM_TOKEN", "the token does not know this mechanism"),
    ROW(CKR_MECHANISM_PARAM_INVALID, REJECT, UNSUPPORTED, "HSM_TOKEN",
        "the token does not take this mechanism's parameter"),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, REJECT, DENIED, "HSM_KEY", refused),
    ROW(CKR_KEY_TYPE_INCONSISTENT, REJECT, DENIED, "HSM_KEY", refused),
    ROW(CKR_KEY_SIZE_RANGE, REJECT, DENIED, "HSM_KEY", refused),
    ROW(CKR_ACTION_PROHIBITED, REJECT, DENIED, "HSM_KEY", refused),
    ROW(CKR_ATTRIBUTE_SENSITIVE, REJECT, DENIED, "HSM_KEY", refused),
    ROW(CKR_ATTRIBUTE_READ_ONLY, REJECT, DENIED, "HSM_KEY", refused),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID, REJECT, UNSUPPORTED, "HSM_TOKEN", refused),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID, REJECT, UNSUPPORTED, "HSM_TOKEN", refused),
    ROW(CKR_TEMPLATE_INCOMPLETE, REJECT, UNSUPPORTED, "HSM_TOKEN", refused),
    ROW(CKR_TEMPLATE_INCONSISTENT, REJECT, UNSUPPORTED, "HSM_TOKEN", refused),
    ROW(CKR_DATA_INVALID, REJECT, SYNTAX, "HSM_TOKEN", refused),
    ROW(CKR_DATA_LEN_RANGE, REJECT, SYNTAX, "HSM_TOKEN", refused),
    ROW(CKR_ENCRYPTED_DATA_INVALID, REJECT, MISMATCH, "HSM_TOKEN", refused),
    ROW(CKR_ENCRYPTED_DATA_LEN_RANGE, REJECT, MISMATCH, "HSM_TOKEN", refused),
    ROW(CKR_ARGUMENTS_BAD, REJECT, UNSUPPORTED, "HSM_TOKEN", refused),
    ROW(CKR_FUNCTION_NOT_SUPPORTED, REJECT, UNSUPPORTED, "HSM_TOKEN", "the token does not do this"),
#undef ROW
};

static const struct rv_row *find(CK_RV rv) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                if (rows[i].rv == rv)
                        return &rows[i];
        }
        return NULL;
}

const char *cw_p11_rv_name(CK_RV rv) {
        const struct rv_row *row = find(rv);
        return row ? row->name : "CKR_?";
}

bool cw_p11_rv_known(CK_RV rv) {
        return find(rv) != NULL;
}

cw_rc cw_p11_fail(struct cw_fault *f, CK_RV rv, const char *op) {
        const struct rv_row *row = find(rv);
        /* A value nobody knows says nothing about the session's state: drop it. */
        if (row == NULL)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_RECONNECT, CW_E_IO), (int64_t)rv, op, "HSM_TOKEN",
                               "CKR 0x%lx: %s", rv, gone);
        return cw_fail(f, CW_RC(CW_L_PKCS11, row->cls, row->code), (int64_t)rv, op, row->fault_code, "%s: %s",
                       row->name, row->text);
}
