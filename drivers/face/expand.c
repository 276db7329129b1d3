/* SPDX-License-Identifier: Apache-2.0 */
/* Text of an element with the card's data in it. */
#include "drivers/face/canvas.h"

#include "base/secret.h"
#include "drivers/face/wire.h"

#include <stdio.h>
#include <string.h>

struct text {
        char *ptr;
        size_t len, cap;
};

static bool put(struct text *t, const char *s, size_t n) {
        if (n >= t->cap - t->len)
                return false;
        memcpy(t->ptr + t->len, s, n);
        t->len += n;
        t->ptr[t->len] = '\0';
        return true;
}

static const struct cw_face_field *find(const struct cw_face_data *data, const char *name, size_t len) {
        for (size_t i = 0; i < data->count; i++)
                if (strlen(data->field[i].name) == len && memcmp(data->field[i].name, name, len) == 0)
                        return data->field[i].value_len ? &data->field[i] : NULL;
        return NULL;
}

static cw_rc too_long(const struct cw_face_element *e, struct cw_fault *f) {
        return cw_face_element_fail(f, e, "its text is too long");
}

static cw_rc absent(const struct cw_face_element *e, const char *name, size_t len, struct cw_fault *f) {
        char what[96];
        (void)snprintf(what, sizeof what, "the card has no field \"%.*s\"", (int)(len > 31 ? 31 : len), name);
        return cw_face_element_fail(f, e, what);
}

/* Fields replaced; "{" without "}" is an error, not text. */
static cw_rc fill_in(const struct cw_face_element *e, const struct cw_face_data *data, struct text *t,
                     bool *ret_skip, struct cw_fault *f) {
        for (const char *s = e->text; *s;) {
                size_t plain = strcspn(s, "{");
                if (!put(t, s, plain))
                        return too_long(e, f);
                s += plain;
                if (!*s)
                        break;
                size_t name = strcspn(++s, "}");
                if (!s[name])
                        return cw_face_element_fail(f, e, "\"{\" without \"}\" in its text");
                const struct cw_face_field *field = find(data, s, name);
                if (!field && e->optional) {
                        *ret_skip = true;
                        return CW_OK;
                }
                if (!field)
                        return absent(e, s, name, f);
                if (!cw_face_field_ok(field->name, strlen(field->name), field->value, field->value_len))
                        return cw_face_element_fail(f, e, "a field has characters that cannot be printed");
                if (!put(t, field->value, field->value_len))
                        return too_long(e, f);
                s += name + 1;
        }
        return CW_OK;
}

/* "4000001234567899" in groups of 4: a blank after each group, what is left over as the last one. */
static bool regroup(const struct cw_face_element *e, struct text *t) {
        CW_WIPED(char, copy, CW_FACE_EXPANDED_MAX);
        size_t n = t->len, at = 0;
        memcpy(copy, t->ptr, n);
        t->len = 0;
        for (size_t g = 0; at < n; g++) {
                size_t width = g < e->group_count ? e->group[g] : n - at;
                if (width > n - at)
                        width = n - at;
                if ((at > 0 && !put(t, " ", 1)) || !put(t, copy + at, width))
                        return false;
                at += width;
        }
        return true;
}

cw_rc cw_face_expand(const struct cw_face_element *e, const struct cw_face_data *data, char *ret, size_t cap,
                     bool *ret_skip, struct cw_fault *f) {
        struct text t = {ret, 0, cap};
        *ret_skip = false;
        ret[0] = '\0';
        cw_rc rc = fill_in(e, data, &t, ret_skip, f);
        if (rc != CW_OK || *ret_skip)
                return rc;
        /* Only ASCII letters: what upper case means elsewhere depends on a language a card does not have. */
        for (size_t i = 0; e->upper && i < t.len; i++)
                if (t.ptr[i] >= 'a' && t.ptr[i] <= 'z')
                        t.ptr[i] = (char)(t.ptr[i] - 32);
        return e->group_count == 0 || regroup(e, &t) ? CW_OK : too_long(e, f);
}
