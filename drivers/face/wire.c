/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/face/wire.h"

#include "base/buf.h"

#include <string.h>

bool cw_face_field_ok(const char *name, size_t name_len, const char *value, size_t value_len) {
        if (name_len == 0 || name_len > CW_FACE_NAME_MAX || value_len > CW_FACE_VALUE_MAX)
                return false;
        for (size_t i = 0; i < name_len; i++)
                if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name[i]) || name[i] == '\0')
                        return false;
        for (size_t i = 0; i < value_len; i++)
                if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
                        return false;
        return true;
}

cw_rc cw_face_request(const char *template_path, const struct cw_face_data *data, const char *curve,
                      struct cw_msg **ret) {
        size_t size = 0;
        if (data->count > CW_FACE_FIELDS_MAX)
                return CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_TOO_BIG);
        for (size_t i = 0; i < data->count; i++) {
                const struct cw_face_field *field = &data->field[i];
                if (!cw_face_field_ok(field->name, strlen(field->name), field->value, field->value_len))
                        return CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX);
                size += 4 + strlen(field->name) + field->value_len;
        }
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_request(CW_FACE_CALL);
        CW_AUTO(cw_secret_free) struct cw_secret *packed = NULL;
        if (!m || json_object_set_new(m->json, "template", json_string(template_path)) != 0 ||
            json_object_set_new(m->json, "curve", json_string(curve ? curve : "")) != 0)
                return CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX);
        cw_rc rc = cw_secret_new(size, &packed);
        if (rc != CW_OK)
                return rc;
        struct cw_writer w;
        cw_writer_init(&w, packed->ptr, packed->cap);
        for (size_t i = 0; i < data->count; i++) {
                cw_put_item(&w, data->field[i].name, strlen(data->field[i].name));
                cw_put_item(&w, data->field[i].value, data->field[i].value_len);
        }
        packed->len = w.len;
        rc = cw_msg_attach(m, packed);
        if (rc != CW_OK)
                return rc;
        (void)CW_STEAL(packed);
        *ret = CW_STEAL(m);
        return CW_OK;
}

cw_rc cw_face_request_data(const struct cw_msg *m, struct cw_face_data *ret,
                           char names[CW_FACE_FIELDS_MAX][CW_FACE_NAME_MAX + 1]) {
        struct cw_reader r;
        struct cw_face_data data = {0};
        if (m->att_count != 1)
                return CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX);
        cw_reader_init(&r, m->att[0]->ptr, m->att[0]->len);
        while (r.left > 0) {
                struct cw_span name = cw_get_item(&r), value = cw_get_item(&r);
                if (r.bad || data.count == CW_FACE_FIELDS_MAX ||
                    !cw_face_field_ok((const char *)name.ptr, name.len, (const char *)value.ptr, value.len))
                        return CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX);
                char *own = names[data.count];
                memcpy(own, name.ptr, name.len);
                own[name.len] = '\0';
                data.field[data.count++] = (struct cw_face_field){own, (const char *)value.ptr, value.len};
        }
        *ret = data;
        return CW_OK;
}
