/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS#11 module around SoftHSM that misbehaves on demand, for tests: in the folder CW_SHIM_DIR the file
 * "stall" makes C_Encrypt hang, "crash" makes it abort; every C_Login appends a byte to "logins".
 */
#define CRYPTOKI_COMPAT
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static CK_FUNCTION_LIST real, shim;

static void path_of(const char *name, char path[PATH_MAX]) {
        const char *dir = getenv("CW_SHIM_DIR");
        (void)snprintf(path, PATH_MAX, "%s/%s", dir ? dir : ".", name);
}

static bool asked_for(const char *name) {
        char path[PATH_MAX];
        path_of(name, path);
        return access(path, F_OK) == 0;
}

static CK_RV shim_encrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out,
                          CK_ULONG_PTR out_len) {
        if (asked_for("crash"))
                abort();
        while (asked_for("stall"))
                (void)pause();
        return real.C_Encrypt(session, in, in_len, out, out_len);
}

static CK_RV shim_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len) {
        char path[PATH_MAX];
        path_of("logins", path);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd >= 0) {
                if (write(fd, "x", 1) != 1)
                        abort();
                (void)close(fd);
        }
        return real.C_Login(session, user, pin, pin_len);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
        void *dl = dlopen(CW_REAL_MODULE, RTLD_NOW | RTLD_LOCAL);
        CK_RV (*get)(CK_FUNCTION_LIST_PTR_PTR) = NULL;
        CK_FUNCTION_LIST_PTR found = NULL;
        if (dl == NULL)
                return CKR_GENERAL_ERROR;
        *(void **)&get = dlsym(dl, "C_GetFunctionList");
        if (get == NULL || get(&found) != CKR_OK)
                return CKR_GENERAL_ERROR;
        real = *found;
        shim = *found;
        shim.C_Encrypt = shim_encrypt;
        shim.C_Login = shim_login;
        *list = &shim;
        return CKR_OK;
}
