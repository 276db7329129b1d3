/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON of messages. Nearly all of it is one flat object of plain texts and whole numbers without white
 * space, and for such a one jansson's general way costs more time than its datagram does: it is written and
 * read here. Whatever is not of that kind is jansson's, which also has the last word on what is malformed.
 */
#include "base/ipc_wire.h"

#include <string.h>

#define DIGITS_MAX 18 /* of a number that cannot overflow */

/* Printable ASCII that stands for itself in a JSON text. */
static bool is_plain(char c) {
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

struct out {
        char *at;
        size_t left;
};

static bool put(struct out *o, const char *text, size_t len) {
        if (len > o->left)
                return false;
        memcpy(o->at, text, len);
        o->at += len;
        o->left -= len;
        return true;
}

static bool put_text(struct out *o, const char *text, size_t len) {
        if (o->left < 2 || len > o->left - 2)
                return false;
        char *at = o->at;
        *at++ = '"';
        for (size_t i = 0; i < len; i++) {
                if (!is_plain(text[i]))
                        return false;
                *at++ = text[i];
        }
        *at++ = '"';
        o->left -= len + 2;
        o->at = at;
        return true;
}

static bool put_number(struct out *o, json_int_t value) {
        char digits[DIGITS_MAX + 1];
        size_t n = sizeof digits;
        if (value <= -1000000000000000000 || value >= 1000000000000000000)
                return false;
        json_int_t rest = value < 0 ? -value : value;
        do
                digits[--n] = (char)('0' + rest % 10);
        while ((rest /= 10) > 0);
        if (value < 0)
                digits[--n] = '-';
        return put(o, digits + n, sizeof digits - n);
}

static bool put_value(struct out *o, const json_t *value) {
        switch (json_typeof(value)) {
        case JSON_STRING:
                return put_text(o, json_string_value(value), json_string_length(value));
        case JSON_INTEGER:
                return put_number(o, json_integer_value(value));
        case JSON_TRUE:
                return put(o, "true", 4);
        case JSON_FALSE:
                return put(o, "false", 5);
        default:
                return false;
        }
}

static bool put_flat(struct out *o, json_t *json) {
        const char *separator = "{";
        for (void *i = json_object_iter(json); i; i = json_object_iter_next(json, i)) {
                const char *key = json_object_iter_key(i);
                if (!put(o, separator, 1) || !put_text(o, key, json_object_iter_key_len(i)) ||
                    !put(o, ":", 1) || !put_value(o, json_object_iter_value(i)))
                        return false;
                separator = ",";
        }
        return *separator == ',' && put(o, "}", 1);
}

size_t cw_ipc_json_encode(json_t *json, char *ret, size_t cap) {
        struct out o = {ret, cap};
        return put_flat(&o, json) ? cap - o.left : json_dumpb(json, ret, cap, JSON_COMPACT);
}

struct in {
        const char *at, *end;
};

static bool take(struct in *in, const char *text, size_t len) {
        if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0)
                return false;
        in->at += len;
        return true;
}

static bool take_text(struct in *in, const char **ret, size_t *ret_len) {
        if (!take(in, "\"", 1))
                return false;
        const char *at = in->at;
        while (at < in->end && is_plain(*at))
                at++;
        *ret = in->at;
        *ret_len = (size_t)(at - in->at);
        in->at = at;
        return take(in, "\"", 1);
}

static json_t *take_number(struct in *in) {
        bool negative = take(in, "-", 1);
        const char *first = in->at;
        json_int_t value = 0;
        for (; in->at < in->end && *in->at >= '0' && *in->at <= '9' && in->at - first < DIGITS_MAX; in->at++)
                value = value * 10 + (*in->at - '0');
        ptrdiff_t count = in->at - first;
        if (count == 0 || (*first == '0' && (negative || count > 1)))
                return NULL;
        return json_integer(negative ? -value : value);
}

static json_t *take_value(struct in *in) {
        const char *text = NULL;
        size_t len = 0;
        if (in->at == in->end)
                return NULL;
        if (*in->at == '"')
                return take_text(in, &text, &len) ? json_stringn_nocheck(text, len) : NULL;
        if (take(in, "true", 4))
                return json_true();
        return take(in, "false", 5) ? json_false() : take_number(in);
}

static bool take_member(struct in *in, json_t *object) {
        const char *key = NULL;
        size_t len = 0;
        if (!take_text(in, &key, &len) || !take(in, ":", 1) || json_object_getn(object, key, len) != NULL)
                return false;
        return json_object_setn_new_nocheck(object, key, len, take_value(in)) == 0;
}

/* NULL when it is not of the simple kind, well formed or not. */
static json_t *take_flat(struct in *in) {
        CW_AUTO_JSON json_t *object = json_object();
        if (object == NULL || !take(in, "{", 1))
                return NULL;
        do {
                if (!take_member(in, object))
                        return NULL;
        } while (take(in, ",", 1));
        return take(in, "}", 1) && in->at == in->end ? CW_STEAL(object) : NULL;
}

json_t *cw_ipc_json_decode(const char *text, size_t len) {
        struct in in = {text, text + len};
        json_t *json = take_flat(&in);
        if (json != NULL)
                return json;
        json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(json))
                return json;
        json_decref(json);
        return NULL;
}
