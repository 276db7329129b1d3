/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile_module.h"
#include "tap.h"

#define CRYPTOKI_COMPAT
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))
#define HUGE_LEN 0x7fffffffUL
#define BOGUS_HANDLE 0x0badf00dUL

static CK_FUNCTION_LIST real, shim;

/* Set by cw_hostile_set. */
static struct {
        char function[48];
        enum cw_hostile_action action;
        CK_RV rv;
        unsigned skip, *calls;
} set;

static const char *const words[] = {"off", "rv", "after", "sleep", "crash", "sigpipe", "lie", "long", "none"};

PUBLIC void cw_hostile_set(const char *function, enum cw_hostile_action action, unsigned long rv,
                           unsigned skip, unsigned *ret_calls);
PUBLIC void cw_hostile_set(const char *function, enum cw_hostile_action action, unsigned long rv,
                           unsigned skip, unsigned *ret_calls) {
        (void)snprintf(set.function, sizeof(set.function), "%s", function);
        set.action = action;
        set.rv = rv;
        set.skip = skip;
        set.calls = ret_calls;
}

static bool path_of(const char *name, char path[PATH_MAX]) {
        const char *dir = getenv("CW_SHIM_DIR");
        return dir != NULL && snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

/* This process's own file, else the one for all. */
static FILE *control_file(void) {
        char path[PATH_MAX], own[32];
        (void)snprintf(own, sizeof(own), "control.%d", (int)getpid());
        FILE *f = path_of(own, path) ? fopen(path, "re") : NULL;
        return f == NULL && path_of("control", path) ? fopen(path, "re") : f;
}

/* The line of the control file for this function. */
static enum cw_hostile_action from_file(const char *function, CK_RV *ret_rv) {
        char name[48], word[16], line[128];
        enum cw_hostile_action action = CW_HOSTILE_OFF;
        unsigned long rv = 0;
        FILE *f = control_file();
        if (f == NULL)
                return action;
        while (action == CW_HOSTILE_OFF && fgets(line, sizeof(line), f) != NULL) {
                if (sscanf(line, "%47s %15s %lx", name, word, &rv) < 2)
                        continue;
                for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                        if (strcmp(name, function) == 0 && strcmp(word, words[i]) == 0)
                                action = (enum cw_hostile_action)i;
                }
        }
        (void)fclose(f);
        *ret_rv = rv;
        return action;
}

static enum cw_hostile_action asked(const char *function, CK_RV *ret_rv) {
        if (strcmp(set.function, function) != 0)
                return from_file(function, ret_rv);
        if (set.calls != NULL)
                (*set.calls)++;
        if (set.skip > 0) {
                set.skip--;
                return CW_HOSTILE_OFF;
        }
        *ret_rv = set.rv;
        return set.action;
}

/* True when the call is not made: *ret is what it returns. AFTER, LIE and LONG are done after it. */
static bool misbehave(const char *function, enum cw_hostile_action *ret_action, CK_RV *ret) {
        *ret = CKR_OK;
        *ret_action = asked(function, ret);
        switch (*ret_action) {
        case CW_HOSTILE_CRASH:
                abort();
        case CW_HOSTILE_SLEEP:
                while (asked(function, ret) == CW_HOSTILE_SLEEP)
                        (void)usleep(20000);
                return false;
        case CW_HOSTILE_SIGPIPE:
                (void)raise(SIGPIPE);
                *ret = CKR_DEVICE_ERROR;
                return true;
        case CW_HOSTILE_NONE:
        case CW_HOSTILE_RV:
                return true;
        default:
                return false;
        }
}

static CK_RV finish(enum cw_hostile_action action, CK_RV rv, CK_RV wanted) {
        return action == CW_HOSTILE_AFTER ? wanted : rv;
}

/* ---- what crosses the boundary ---- */

static void tap(const char *function, const void *value, CK_ULONG len) {
        char path[PATH_MAX];
        struct cw_tap_head head = {.len = (uint32_t)len};
        int fd = -1;
        if (value != NULL && len > 0 && len < HUGE_LEN && path_of("tap", path))
                fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (fd < 0)
                return;
        (void)snprintf(head.function, sizeof(head.function), "%s", function);
        struct iovec parts[2] = {{&head, sizeof(head)}, {(void *)(uintptr_t)value, len}};
        if (writev(fd, parts, 2) != (ssize_t)(sizeof(head) + len))
                abort();
        (void)close(fd);
}

static void tap_attributes(const char *function, const CK_ATTRIBUTE *t, CK_ULONG count) {
        for (CK_ULONG i = 0; i < count; i++)
                tap(function, t[i].pValue, t[i].ulValueLen);
}

/* Of a derivation the data as well, which its parameter points to. */
static void tap_mechanism(const char *function, const CK_MECHANISM *m) {
        const CK_KEY_DERIVATION_STRING_DATA *data = m->pParameter;
        tap(function, m->pParameter, m->ulParameterLen);
        if (m->mechanism == CKM_XOR_BASE_AND_DATA || m->mechanism == CKM_CONCATENATE_BASE_AND_DATA ||
            m->mechanism == CKM_CONCATENATE_DATA_AND_BASE || m->mechanism == CKM_DES3_ECB_ENCRYPT_DATA ||
            m->mechanism == CKM_AES_ECB_ENCRYPT_DATA)
                tap(function, data->pData, data->ulLen);
}

/* ---- false answers ---- */

static void lie_bytes(enum cw_hostile_action action, CK_BYTE *out, CK_ULONG *len) {
        if (action == CW_HOSTILE_LIE && out != NULL && *len > 0)
                out[0] ^= 0x55;
        if (action == CW_HOSTILE_LONG)
                *len = HUGE_LEN;
}

static void lie_count(enum cw_hostile_action action, CK_ULONG *count) {
        if (action == CW_HOSTILE_LIE)
                *count = 0;
        if (action == CW_HOSTILE_LONG)
                *count = HUGE_LEN;
}

static void lie_handle(enum cw_hostile_action action, CK_ULONG *handle) {
        if (action == CW_HOSTILE_LIE)
                *handle = BOGUS_HANDLE;
        if (action == CW_HOSTILE_LONG)
                *handle = 0;
}

/* Booleans are the other way round, numbers one larger; or lengths without end. */
static void lie_attributes(enum cw_hostile_action action, CK_ATTRIBUTE *t, CK_ULONG count) {
        for (CK_ULONG i = 0; i < count; i++) {
                CK_BYTE *value = t[i].pValue;
                if (action == CW_HOSTILE_LIE && value != NULL && t[i].ulValueLen > 0 &&
                    t[i].ulValueLen != (CK_ULONG)-1)
                        value[0] ^= 1;
                if (action == CW_HOSTILE_LONG)
                        t[i].ulValueLen = HUGE_LEN;
        }
}

/* ---- one wrapper for each function ---- */

#define WRAP(name, params, args, lie) WRAP_CALL(name, real.name, params, args, lie)
#define WRAP_CALL(name, call, params, args, lie)                                                             \
        static CK_RV shim_##name params {                                                                    \
                enum cw_hostile_action action;                                                               \
                CK_RV wanted;                                                                                \
                if (misbehave(#name, &action, &wanted))                                                      \
                        return wanted;                                                                       \
                CK_RV rv = call args;                                                                        \
                if (rv == CKR_OK) {                                                                          \
                        lie;                                                                                 \
                }                                                                                            \
                return finish(action, rv, wanted);                                                           \
        }
#define NO_LIE (void)0

WRAP(C_Finalize, (CK_VOID_PTR reserved), (reserved), NO_LIE)
WRAP(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count), (present, slots, count),
     lie_count(action, count))
/* SoftHSM answers an unknown slot by a C++ exception, which sanitizers of a C program cannot bear. */
static CK_RV real_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
        CK_SLOT_ID slots[64];
        CK_ULONG count = sizeof(slots) / sizeof(slots[0]);
        CK_RV rv = real.C_GetSlotList(CK_TRUE, slots, &count);
        for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
                if (slots[i] == slot)
                        return real.C_GetTokenInfo(slot, info);
        }
        return rv == CKR_OK ? CKR_SLOT_ID_INVALID : rv;
}
WRAP_CALL(C_GetTokenInfo, real_token_info, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info),
          lie_bytes(action, info->label, &(CK_ULONG){sizeof(info->label)}))
WRAP(C_OpenSession,
     (CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE *ret),
     (slot, flags, app, notify, ret), lie_handle(action, ret))
WRAP(C_GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO *info), (s, info), NO_LIE)
WRAP(C_CreateObject, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret),
     (s, t, n, ret), tap_attributes("C_CreateObject", t, n);
     lie_handle(action, ret))
WRAP(C_CopyObject,
     (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret),
     (s, h, t, n, ret), lie_handle(action, ret))
WRAP(C_DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h), (s, h), NO_LIE)
WRAP(C_GetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n),
     (s, h, t, n), tap_attributes("C_GetAttributeValue", t, n);
     lie_attributes(action, t, n))
WRAP(C_SetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n),
     (s, h, t, n), NO_LIE)
WRAP(C_FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n), (s, t, n), NO_LIE)
WRAP(C_FindObjects, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *ret, CK_ULONG max, CK_ULONG *count),
     (s, ret, max, count), lie_handle(*count > 0 ? action : CW_HOSTILE_OFF, ret);
     if (action == CW_HOSTILE_LONG) *count = HUGE_LEN)
WRAP(C_FindObjectsFinal, (CK_SESSION_HANDLE s), (s), NO_LIE)
WRAP(C_EncryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE h), (s, m, h), NO_LIE)
WRAP(C_DecryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE h), (s, m, h), NO_LIE)
WRAP(C_SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE h), (s, m, h), NO_LIE)
WRAP(C_DigestInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m), (s, m), NO_LIE)
#define WRAP_BYTES(name)                                                                                     \
        WRAP(name, (CK_SESSION_HANDLE s, CK_BYTE * in, CK_ULONG len, CK_BYTE * out, CK_ULONG * out_len),     \
             (s, in, len, out, out_len), tap(#name, in, len);                                                \
             tap(#name, out, out != NULL ? *out_len : 0); lie_bytes(action, out, out_len))
WRAP_BYTES(C_Encrypt)
WRAP_BYTES(C_Decrypt)
WRAP_BYTES(C_Sign)
WRAP_BYTES(C_Digest)
WRAP(C_WrapKey,
     (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k, CK_OBJECT_HANDLE h, CK_BYTE *out,
      CK_ULONG *len),
     (s, m, k, h, out, len), tap("C_WrapKey", out, out != NULL ? *len : 0);
     lie_bytes(action, out, len))
WRAP(C_UnwrapKey,
     (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k, CK_BYTE *in, CK_ULONG len, CK_ATTRIBUTE *t,
      CK_ULONG n, CK_OBJECT_HANDLE *ret),
     (s, m, k, in, len, t, n, ret), tap("C_UnwrapKey", in, len);
     lie_handle(action, ret))
WRAP(C_DeriveKey,
     (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE k, CK_ATTRIBUTE *t, CK_ULONG n,
      CK_OBJECT_HANDLE *ret),
     (s, m, k, t, n, ret), tap_mechanism("C_DeriveKey", m);
     lie_handle(action, ret))
WRAP(C_GenerateRandom, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG len), (s, out, len),
     if (action == CW_HOSTILE_LIE) memset(out, 0, len))

WRAP(C_GenerateKeyPair,
     (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *pub, CK_ULONG pub_n, CK_ATTRIBUTE *prv,
      CK_ULONG prv_n, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_prv),
     (s, m, pub, pub_n, prv, prv_n, ret_pub, ret_prv), lie_handle(action, ret_pub);
     lie_handle(action, ret_prv))

static void note_login(void) {
        char path[PATH_MAX];
        int fd = path_of("logins", path) ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
        if (fd >= 0) {
                if (write(fd, "x", 1) != 1)
                        abort();
                (void)close(fd);
        }
}

static CK_RV shim_C_Login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len) {
        enum cw_hostile_action action;
        CK_RV wanted;
        note_login();
        if (misbehave("C_Login", &action, &wanted))
                return wanted;
        return finish(action, real.C_Login(s, user, pin, len), wanted);
}

/* NSS softokn's own arguments, from the environment. */
static CK_RV real_initialize(void *args) {
        struct {
                void *mutex_functions[4];
                CK_FLAGS flags;
                char *library_parameters;
                void *reserved;
        } nss = {.flags = CKF_OS_LOCKING_OK};
        nss.library_parameters = getenv("CW_REAL_INIT");
        if (nss.library_parameters != NULL && *nss.library_parameters != '\0')
                return real.C_Initialize(&nss);
        return real.C_Initialize(args);
}

static CK_RV shim_C_Initialize(void *args) {
        enum cw_hostile_action action;
        CK_RV wanted;
        if (misbehave("C_Initialize", &action, &wanted))
                return wanted;
        return finish(action, real_initialize(args), wanted);
}

static void take_over(void) {
        shim = real;
#define TAKE(name) shim.name = shim_##name
        TAKE(C_Initialize);
        TAKE(C_Finalize);
        TAKE(C_GetSlotList);
        TAKE(C_GetTokenInfo);
        TAKE(C_OpenSession);
        TAKE(C_GetSessionInfo);
        TAKE(C_Login);
        TAKE(C_CreateObject);
        TAKE(C_CopyObject);
        TAKE(C_DestroyObject);
        TAKE(C_GetAttributeValue);
        TAKE(C_SetAttributeValue);
        TAKE(C_FindObjectsInit);
        TAKE(C_FindObjects);
        TAKE(C_FindObjectsFinal);
        TAKE(C_EncryptInit);
        TAKE(C_Encrypt);
        TAKE(C_DecryptInit);
        TAKE(C_Decrypt);
        TAKE(C_SignInit);
        TAKE(C_Sign);
        TAKE(C_DigestInit);
        TAKE(C_Digest);
        TAKE(C_WrapKey);
        TAKE(C_UnwrapKey);
        TAKE(C_DeriveKey);
        TAKE(C_GenerateRandom);
        TAKE(C_GenerateKeyPair);
#undef TAKE
}

PUBLIC CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
        const char *module = getenv("CW_REAL_MODULE");
        void *dl = dlopen(module && *module ? module : CW_REAL_MODULE, RTLD_NOW | RTLD_LOCAL);
        CK_RV (*get)(CK_FUNCTION_LIST_PTR_PTR) = NULL;
        CK_FUNCTION_LIST_PTR found = NULL;
        if (dl == NULL)
                return CKR_GENERAL_ERROR;
        *(void **)&get = dlsym(dl, "C_GetFunctionList");
        if (get == NULL || get(&found) != CKR_OK)
                return CKR_GENERAL_ERROR;
        real = *found;
        take_over();
        *list = &shim;
        return CKR_OK;
}
