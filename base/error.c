/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[] = {
    [CW_C_NONE] = "OK",           [CW_C_RETRY] = "RETRY",   [CW_C_RECONNECT] = "RECONNECT",
    [CW_C_OPERATOR] = "OPERATOR", [CW_C_REJECT] = "REJECT", [CW_C_IN_DOUBT] = "IN_DOUBT",
    [CW_C_FATAL] = "FATAL",
};

static const char *const layer_names[CW_L_MAX_] = {
    [CW_L_BASE] = "base",       [CW_L_IPC] = "ipc",           [CW_L_CONFIG] = "config",
    [CW_L_JOURNAL] = "journal", [CW_L_UPSTREAM] = "upstream", [CW_L_ISSUANCE] = "issuance",
    [CW_L_CONTROL] = "control", [CW_L_STATION] = "station",   [CW_L_USB] = "usb",
    [CW_L_PRINTER] = "printer", [CW_L_READER] = "reader",     [CW_L_CHIP] = "chip",
    [CW_L_PINPAD] = "pinpad",   [CW_L_FACE] = "face",         [CW_L_HSM] = "hsm",
    [CW_L_PKCS11] = "pkcs11",
};

static void copy_text(char *to, size_t cap, const char *from) {
        size_t len = from ? strnlen(from, cap - 1) : 0;
        if (len)
                memcpy(to, from, len);
        to[len] = '\0';
}

cw_rc(cw_fail)(struct cw_fault *f, cw_rc rc, int64_t native, const char *op, const char *code,
               const char *fmt, ...) {
        if (!f)
                return rc;
        f->rc = rc;
        f->native = native;
        copy_text(f->op, sizeof f->op, op);
        copy_text(f->code, sizeof f->code, code);
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(f->text, sizeof f->text, fmt, args);
        va_end(args);
        return rc;
}

const char *cw_class_name(enum cw_class cls) {
        if ((unsigned)cls > CW_C_FATAL)
                return "FATAL";
        return class_names[cls];
}

enum cw_class cw_class_from_name(const char *name) {
        for (unsigned i = 0; name && i <= CW_C_FATAL; i++)
                if (strcmp(class_names[i], name) == 0)
                        return (enum cw_class)i;
        return CW_C_FATAL;
}

const char *cw_layer_name(enum cw_layer layer) {
        if ((unsigned)layer >= CW_L_MAX_ || !layer_names[layer])
                return "unknown";
        return layer_names[layer];
}

json_t *cw_fault_to_json(const struct cw_fault *f) {
        char rc[16];
        (void)snprintf(rc, sizeof rc, "0x%08" PRIX32, f->rc);
        return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "rc", rc, "class",
                         cw_class_name(cw_rc_class(f->rc)), "layer", cw_layer_name(cw_rc_layer(f->rc)),
                         "native", (json_int_t)f->native, "op", f->op, "code", f->code, "text", f->text);
}

/* "0x" and 8 hex digits; 0 when it is anything else. */
static cw_rc parse_rc(const char *text) {
        if (!text || strlen(text) != 10 || strncmp(text, "0x", 2) != 0)
                return CW_OK;
        char *end = NULL;
        unsigned long v = strtoul(text + 2, &end, 16);
        return *end ? CW_OK : (cw_rc)v;
}

void cw_fault_from_json(const json_t *obj, struct cw_fault *ret) {
        cw_rc rc = parse_rc(json_string_value(json_object_get(obj, "rc")));
        enum cw_class cls = cw_rc_class(rc);
        if (cls == CW_C_NONE || cls > CW_C_FATAL) {
                (void)cw_fail(
                    ret, CW_RC(CW_L_IPC, CW_C_FATAL, CW_E_SYNTAX), 0, "ipc.error", "",
                    "the peer reported a failure that cannot be read; check that both run the same version");
                return;
        }
        memset(ret, 0, sizeof *ret);
        ret->rc = rc;
        ret->native = json_integer_value(json_object_get(obj, "native"));
        copy_text(ret->op, sizeof ret->op, json_string_value(json_object_get(obj, "op")));
        copy_text(ret->code, sizeof ret->code, json_string_value(json_object_get(obj, "code")));
        copy_text(ret->text, sizeof ret->text, json_string_value(json_object_get(obj, "text")));
}
