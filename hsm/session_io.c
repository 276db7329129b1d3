/* SPDX-License-Identifier: Apache-2.0 */
/* Members of requests, checked one by one, and of replies. */
#include "base/buf.h"
#include "hsm/session_internal.h"

#include <string.h>

cw_rc cw_sess_bad(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.request", "HSM_REQUEST", "%s",
                       text);
}

cw_rc cw_sess_text(const struct cw_msg *m, const char *key, char *ret, size_t cap, struct cw_fault *f) {
        const char *value = cw_msg_str(m, key, "");
        size_t len = strlen(value);
        bool ok = len > 0 && len < cap;
        for (size_t i = 0; ok && i < len; i++)
                ok = (unsigned char)value[i] >= 0x20 && value[i] != 0x7f;
        if (!ok)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), (int64_t)len, "hsm.request",
                               "HSM_REQUEST", "\"%s\" must be a text of 1 to %zu characters", key, cap - 1);
        memcpy(ret, value, len + 1);
        return CW_OK;
}

cw_rc cw_sess_digits(const struct cw_msg *m, const char *key, size_t count, char *ret, struct cw_fault *f) {
        const char *value = cw_msg_str(m, key, "");
        if (strlen(value) != count || strspn(value, "0123456789") != count)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.request", "HSM_REQUEST",
                               "\"%s\" must have %zu digits", key, count);
        memcpy(ret, value, count + 1);
        return CW_OK;
}

cw_rc cw_sess_expiry(const struct cw_msg *m, const char *key, char ret[5], struct cw_fault *f) {
        char text[5];
        cw_rc rc = cw_sess_digits(m, key, 4, text, f);
        if (rc != CW_OK)
                return rc;
        int month = (text[2] - '0') * 10 + (text[3] - '0');
        if (month < 1 || month > 12)
                return cw_sess_bad("\"expiry\" must be YYMM", f);
        memcpy(ret, text, sizeof(text));
        return CW_OK;
}

cw_rc cw_sess_hex(const struct cw_msg *m, const char *key, void *ret, size_t len, struct cw_fault *f) {
        const char *value = cw_msg_str(m, key, "");
        size_t n = 0;
        if (!cw_hex_decode(value, strlen(value), ret, len, &n) || n != len)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.request", "HSM_REQUEST",
                               "\"%s\" must have %zu hex digits", key, 2 * len);
        return CW_OK;
}

cw_rc cw_sess_att(const struct cw_msg *m, unsigned i, size_t min, size_t max, struct cw_span *ret,
                  struct cw_fault *f) {
        if (i >= m->att_count || m->att[i] == NULL || m->att[i]->len < min || m->att[i]->len > max)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), (int64_t)i, "hsm.request",
                               "HSM_REQUEST", "attachment %u must have %zu to %zu bytes", i, min, max);
        *ret = CW_SPAN(m->att[i]->ptr, m->att[i]->len);
        return CW_OK;
}

static cw_rc put(struct cw_msg *reply, const char *key, json_t *value, struct cw_fault *f) {
        if (json_object_set_new(reply->json, key, value) == 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.reply", "", "out of memory");
}

cw_rc cw_sess_put_str(struct cw_msg *reply, const char *key, const char *value, struct cw_fault *f) {
        return put(reply, key, json_string(value), f);
}

cw_rc cw_sess_put_int(struct cw_msg *reply, const char *key, int64_t value, struct cw_fault *f) {
        return put(reply, key, json_integer(value), f);
}

cw_rc cw_sess_put_bool(struct cw_msg *reply, const char *key, bool value, struct cw_fault *f) {
        return put(reply, key, json_boolean(value), f);
}

cw_rc cw_sess_put_hex(struct cw_msg *reply, const char *key, const void *p, size_t len, struct cw_fault *f) {
        char text[129];
        if (!cw_hex_encode(p, len, text, sizeof(text)))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_TOO_BIG), 0, "hsm.reply", "",
                               "value too long");
        return put(reply, key, json_string(text), f);
}

cw_rc cw_sess_put_att(struct cw_msg *reply, const void *p, size_t len, struct cw_fault *f) {
        cw_rc rc = cw_msg_attach_copy(reply, p, len);
        return rc == CW_OK ? CW_OK
                           : cw_fail(f, rc, 0, "hsm.reply", "", "out of locked memory; raise LimitMEMLOCK");
}
