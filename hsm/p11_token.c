/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_token.h"

#include "base/clock.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 64u

void cw_p11_watched(struct cw_p11 *p) {
        atomic_store_explicit(p->called_ns, cw_mono_ns(cw_clock_real()), memory_order_relaxed);
}

void cw_p11_close(struct cw_p11 *p) {
        if (p == NULL)
                return;
        if (p->fn != NULL) {
                cw_p11_called(p);
                (void)p->fn->C_Finalize(NULL);
        }
        /* No dlclose: modules leave threads and exit handlers behind that point into their code. */
        free(p);
}

/* NSS softokn has C_Initialize arguments of its own, with one more pointer than the standard's. */
struct nss_init_args {
        void *mutex_functions[4];
        CK_FLAGS flags;
        char *library_parameters;
        void *reserved;
};

static CK_RV initialize(CK_FUNCTION_LIST *list, const struct cw_config_hsm *cfg) {
        /* Modules take a pointer to non-const text that they only read. */
        union {
                const char *in;
                char *out;
        } text = {.in = cfg->module_init};
        struct nss_init_args nss = {.flags = CKF_OS_LOCKING_OK, .library_parameters = text.out};
        CK_C_INITIALIZE_ARGS reserved = {.flags = CKF_OS_LOCKING_OK, .pReserved = text.out};
        switch (cfg->module_init_style) {
        case CW_MODULE_INIT_NSS:
                return list->C_Initialize(&nss);
        case CW_MODULE_INIT_RESERVED:
                return list->C_Initialize(&reserved);
        case CW_MODULE_INIT_NONE:
                break;
        }
        return list->C_Initialize(NULL);
}

static cw_rc load(struct cw_p11 *p, const struct cw_config_hsm *cfg, struct cw_fault *f) {
        p->dl = dlopen(cfg->module, RTLD_NOW | RTLD_LOCAL);
        if (p->dl == NULL)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "p11.load",
                               "HSM_TOKEN",
                               "cannot load the PKCS#11 module; check hsm.module in the configuration");
        CK_RV (*get_list)(CK_FUNCTION_LIST_PTR_PTR) = NULL;
        *(void **)&get_list = dlsym(p->dl, "C_GetFunctionList");
        CK_FUNCTION_LIST_PTR list = NULL;
        if (get_list == NULL || get_list(&list) != CKR_OK || list == NULL)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "p11.load",
                               "HSM_TOKEN", "hsm.module is not a PKCS#11 module");
        cw_p11_called(p);
        CK_RV rv = initialize(list, cfg);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.initialize");
        p->fn = list;
        p->by_p11_kit = strstr(cfg->module, "p11-kit-client") != NULL;
        return CW_OK;
}

/* Token strings are padded with blanks and not terminated. */
static void copy_padded(char *out, const unsigned char *in, size_t len) {
        while (len > 0 && (in[len - 1] == ' ' || in[len - 1] == '\0'))
                len--;
        memcpy(out, in, len);
        out[len] = '\0';
        for (size_t i = 0; i < len; i++) {
                if ((unsigned char)out[i] < 0x20 || (unsigned char)out[i] > 0x7e)
                        out[i] = '?';
        }
}

static bool read_token(struct cw_p11 *p, CK_SLOT_ID slot, const char *label) {
        CK_TOKEN_INFO info = {0};
        char text[33];
        cw_p11_called(p);
        if (p->fn->C_GetTokenInfo(slot, &info) != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED) == 0)
                return false;
        copy_padded(text, info.label, sizeof(info.label));
        if (strcmp(text, label) != 0)
                return false;
        memcpy(p->label, text, sizeof(text));
        copy_padded(p->model, info.model, sizeof(info.model));
        copy_padded(p->manufacturer, info.manufacturerID, sizeof(info.manufacturerID));
        p->slot = slot;
        return true;
}

static cw_rc find_token(struct cw_p11 *p, const char *label, struct cw_fault *f) {
        CK_SLOT_ID slots[SLOTS_MAX] = {0};
        CK_ULONG count = SLOTS_MAX;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetSlotList(CK_TRUE, slots, &count);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.slots");
        if (count > SLOTS_MAX)
                return cw_p11_fail(f, CKR_BUFFER_TOO_SMALL, "p11.slots"); /* more than there was room for */
        unsigned found = 0;
        for (CK_ULONG i = 0; i < count; i++)
                found += read_token(p, slots[i], label) ? 1 : 0;
        if (found != 1)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_OPERATOR, CW_E_NOT_FOUND), (int64_t)found,
                               "p11.token", "HSM_TOKEN",
                               "%s token has the label \"%s\"; check hsm.token_label and the token",
                               found == 0 ? "no" : "more than one", label);
        return CW_OK;
}

cw_rc cw_p11_open(const struct cw_config_hsm *cfg, bool rw, _Atomic int64_t *called_ns, struct cw_p11 **ret,
                  struct cw_fault *f) {
        CW_AUTO(cw_p11_close) struct cw_p11 *p = calloc(1, sizeof(*p));
        if (p == NULL)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_RETRY, CW_E_NOMEM), 0, "p11.open", "",
                               "out of memory");
        p->called_ns = called_ns;
        cw_rc rc = load(p, cfg, f);
        if (rc != CW_OK || p->fn == NULL)
                return rc;
        rc = find_token(p, cfg->token_label, f);
        if (rc != CW_OK)
                return rc;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_OpenSession(p->slot, CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), NULL, NULL,
                                        &p->session);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.open_session");
        *ret = CW_STEAL(p);
        return CW_OK;
}

cw_rc cw_p11_login(struct cw_p11 *p, const struct cw_secret *pin, struct cw_fault *f) {
        cw_p11_called(p);
        CK_RV rv = p->fn->C_Login(p->session, CKU_USER, pin->ptr, pin->len);
        if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
                return CW_OK;
        cw_rc rc = cw_p11_fail(f, rv, "p11.login");
        /* What nobody knows may mean a wrong PIN: no second try. */
        if (cw_rc_class(rc) != CW_C_REJECT && cw_p11_rv_known(rv))
                return rc;
        return cw_fail(
            f, CW_RC(CW_L_PKCS11, CW_C_OPERATOR, CW_E_DENIED), (int64_t)rv, "p11.login", "HSM_LOGIN",
            "%s: the token refused the login; correct the PIN credential, then restart cardwright-hsmd",
            cw_p11_rv_name(rv));
}

cw_rc cw_p11_check(struct cw_p11 *p, struct cw_fault *f) {
        CK_SESSION_INFO info = {0};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetSessionInfo(p->session, &info);
        if (rv != CKR_OK)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_RECONNECT, CW_E_CLOSED), (int64_t)rv, "p11.check",
                               "HSM_TOKEN", "%s: the token's session is lost; it is opened anew",
                               cw_p11_rv_name(rv));
        return CW_OK;
}
