/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/endpoint.h"

#include <string.h>

static const struct cw_dcms_endpoint endpoints[] = {
#define CW_DCMS_ENDPOINT(id, group, name, method, path, timeout, body, request_id, lost, check, answer,      \
                         hidden, errors)                                                                     \
        {CW_DCMS_EP_##id,                                                                                    \
         group,                                                                                              \
         name,                                                                                               \
         method,                                                                                             \
         path,                                                                                               \
         CW_DCMS_T_##timeout,                                                                                \
         CW_DCMS_B_##body,                                                                                   \
         request_id,                                                                                         \
         CW_DCMS_LOST_##lost,                                                                                \
         CW_DCMS_CHECK_##check,                                                                              \
         CW_DCMS_A_##answer,                                                                                 \
         hidden,                                                                                             \
         errors},
#include "agent/upstream/endpoints.def"
};

static const struct cw_dcms_field fields[] = {
#define CW_DCMS_FIELD(id, member, kind, required, max, words)                                                \
        {CW_DCMS_EP_##id, member, CW_DCMS_F_##kind, required, max, words},
#include "agent/upstream/endpoints.def"
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

const struct cw_dcms_endpoint *cw_dcms_endpoint(enum cw_dcms_endpoint_id id) {
        return &endpoints[id];
}

const struct cw_dcms_endpoint *cw_dcms_endpoint_named(const char *name) {
        for (size_t i = 0; i < CW_DCMS_EP_MAX_; i++)
                if (strcmp(endpoints[i].name, name) == 0)
                        return &endpoints[i];
        return NULL;
}

const struct cw_dcms_field *cw_dcms_fields(size_t *ret_count) {
        *ret_count = FIELD_COUNT;
        return fields;
}

const struct cw_dcms_field *cw_dcms_field(enum cw_dcms_endpoint_id id, const char *name, unsigned *ret_bit) {
        unsigned bit = 0;
        for (size_t i = 0; i < FIELD_COUNT; i++) {
                if (fields[i].endpoint != id)
                        continue;
                if (strcmp(fields[i].name, name) == 0) {
                        if (ret_bit)
                                *ret_bit = bit;
                        return &fields[i];
                }
                bit++;
        }
        return NULL;
}

bool cw_dcms_endpoint_secret(const struct cw_dcms_endpoint *e) {
        for (size_t i = 0; i < FIELD_COUNT; i++)
                if (fields[i].endpoint == e->id && fields[i].kind == CW_DCMS_F_SECRET)
                        return true;
        return false;
}

bool cw_dcms_endpoint_pin(const struct cw_dcms_endpoint *e) {
        return cw_dcms_field(e->id, "pin", NULL) != NULL;
}

/* ---- as JSON ---- */

static const char *const timeout_names[] = {"read", "write", "report"};
static const char *const body_names[] = {"none", "object", "rows", "file"};
static const char *const lost_names[] = {"repeat", "same-request-id", "in-doubt", "once", "read-back"};
static const char *const check_names[] = {
    "",
    "viewCustomer: known now and not before",
    "kits of the entity before and after",
    "state of the old kit",
    "branch of each kit",
    "state of each kit",
    "branch.fetch: known now and not before",
    "card-order.fetchStatus: known now and not before",
    "card-order.fetchStatus: CANCELLED or still RECEIVED",
};
static const char *const answer_names[] = {"yes", "object", "list", "data", "text", "token"};
static const char *const kind_names[] = {
    "text",       "choice",     "digits",
    "amount",     "masked-pan", "MMYY",
    "YYYY-MM-DD", "DD-MM-YYYY", "YYYY-MM-DD HH:mm:ss",
    "ISO-8601Z",  "file-name",  "path",
    "query",      "secret",     "account",
    "number",     "bool",       "list",
    "free",       "free-list",  "object",
    "objects",
};

static json_t *words(const char *text, char separator) {
        json_t *list = json_array();
        while (*text) {
                const char *end = strchr(text, separator);
                size_t len = end ? (size_t)(end - text) : strlen(text);
                (void)json_array_append_new(list, json_stringn(text, len));
                text += len + (end ? 1 : 0);
        }
        return list;
}

static json_t *field_list(enum cw_dcms_endpoint_id id) {
        json_t *list = json_array();
        for (size_t i = 0; i < FIELD_COUNT; i++) {
                const struct cw_dcms_field *f = &fields[i];
                if (f->endpoint != id)
                        continue;
                json_t *row = json_pack("{s:s, s:s, s:b}", "name", f->name, "kind", kind_names[f->kind],
                                        "required", f->required);
                if (f->max)
                        (void)json_object_set_new(row, "max", json_integer((json_int_t)f->max));
                if (f->words[0])
                        (void)json_object_set_new(row, "words", words(f->words, '|'));
                (void)json_array_append_new(list, row);
        }
        return list;
}

json_t *cw_dcms_catalogue(void) {
        json_t *list = json_array();
        for (size_t i = 0; i < CW_DCMS_EP_MAX_; i++) {
                const struct cw_dcms_endpoint *e = &endpoints[i];
                bool by_hand = e->id != CW_DCMS_EP_LOGIN && !cw_dcms_endpoint_secret(e);
                json_t *row = json_pack(
                    "{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:o, s:o, s:b, s:o}", "name", e->name,
                    "group", e->group, "method", e->method, "path", e->path, "timeout",
                    timeout_names[e->timeout], "body", body_names[e->body], "request_id", e->request_id,
                    "lost_answer", lost_names[e->lost], "read_back", check_names[e->check], "answer",
                    answer_names[e->answer], "masked", words(e->hidden, ' '), "errors", words(e->errors, ' '),
                    "by_hand", by_hand, "fields", field_list(e->id));
                if (!row) {
                        json_decref(list);
                        return NULL;
                }
                (void)json_array_append_new(list, row);
        }
        return list;
}
