/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue, any of its calls by hand, and what every call made for a person has in common. */
#include "agent/daemon/api_dcms.h"

#include "agent/upstream/endpoint.h"

#include <stdlib.h>
#include <string.h>

void cw_bank_refuse(struct cw_control_request *r, unsigned code, const char *text) {
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_CONTROL, CW_C_REJECT, code), 0, "api", "", "%s", text);
        cw_control_fail(r, &f);
}

cw_rc cw_bank_audit(struct cw_daemon *d, struct cw_control_request *r, const char *what, json_t *take_detail,
                    struct cw_fault *f) {
        CW_AUTO_JSON json_t *detail = take_detail;
        return cw_daemon_check(d, cw_journal_audit(d->journal, what, cw_control_actor(r), detail, f), f);
}

/* ---- one call for one person ---- */

json_t *cw_bank_answer(const struct cw_bank_ask *ask, const struct cw_dcms_reply *reply) {
        json_t *result = reply->result ? json_deep_copy(reply->result) : json_null();
        return json_pack("{s:s, s:s, s:o, s:b, s:b, s:s}", "what", ask->what, "subject", ask->subject,
                         "result", result, "confirmed", reply->confirmed, "replayed", reply->replayed,
                         "request_id", reply->request_id);
}

static void audit_end(const struct cw_bank_ask *ask, const struct cw_fault *f,
                      const struct cw_dcms_reply *reply) {
        char what[64];
        struct cw_fault trouble = {0};
        (void)snprintf(what, sizeof what, "%s.end", ask->what);
        CW_AUTO_JSON json_t *detail =
            json_pack("{s:s, s:s, s:s, s:s, s:b}", "subject", ask->subject, "class",
                      f ? cw_class_name(cw_rc_class(f->rc)) : "OK", "code", f ? f->code : "", "request_id",
                      reply->request_id, "confirmed", reply->confirmed);
        (void)cw_daemon_check(ask->daemon,
                              cw_journal_audit(ask->daemon->journal, what, ask->actor, detail, &trouble),
                              &trouble);
}

static void on_answer(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_bank_ask *ask = ctx;
        if (!ask->quiet)
                audit_end(ask, f, reply);
        if (ask->done)
                ask->done(ask, rc, f, reply);
        else if (rc == CW_OK)
                cw_control_reply(ask->request, cw_bank_answer(ask, reply));
        else
                cw_control_fail(ask->request, f);
        free(ask);
}

/* Says who began what, before anything is sent. */
static cw_rc audit_begin(struct cw_daemon *d, const struct cw_bank_ask *ask, const char *call,
                         json_t *take_detail, struct cw_fault *f) {
        CW_AUTO_JSON json_t *detail = take_detail ? take_detail : json_object();
        if (ask->quiet)
                return CW_OK;
        (void)json_object_set_new(detail, "call", json_string(call));
        (void)json_object_set_new(detail, "subject", json_string(ask->subject));
        return cw_daemon_check(d, cw_journal_audit(d->journal, ask->what, ask->actor, detail, f), f);
}

void cw_bank_ask(struct cw_daemon *d, struct cw_control_request *r, const struct cw_bank_ask *ask,
                 const char *call, json_t *take_fields, const struct cw_dcms_secret_field *secrets,
                 size_t secret_count, json_t *take_detail) {
        CW_AUTO_JSON json_t *fields = take_fields;
        struct cw_fault f = {0};
        struct cw_bank_ask *own = malloc(sizeof *own);
        cw_rc rc =
            own ? CW_OK
                : cw_fail(&f, CW_RC(CW_L_CONTROL, CW_C_RETRY, CW_E_NOMEM), 0, "api", "", "out of memory");
        const struct cw_dcms_endpoint *e = cw_dcms_endpoint_named(call);
        if (rc == CW_OK && e)
                rc = cw_dcms_validate(e, fields, secrets, secret_count, &f);
        if (rc == CW_OK) {
                *own = *ask;
                own->daemon = d;
                own->request = r;
                (void)snprintf(own->actor, sizeof own->actor, "%s", cw_control_actor(r));
                rc = audit_begin(d, own, call, take_detail, &f);
                take_detail = NULL;
        }
        const struct cw_dcms_named named = {
            .name = call, .fields = fields, .secrets = secrets, .secret_count = secret_count};
        if (rc == CW_OK)
                rc = cw_dcms_call_named(d->dcms, &named, on_answer, own, &f);
        json_decref(take_detail);
        if (rc == CW_OK)
                return;
        if (own && ask->done) {
                const struct cw_dcms_reply nothing = {0};
                *own = *ask;
                own->daemon = d;
                own->request = r;
                ask->done(own, rc, &f, &nothing);
        } else {
                cw_control_fail(r, &f);
        }
        free(own);
}

/* ---- the catalogue ---- */

void cw_api_dcms_endpoints(void *ctx, struct cw_control_request *r) {
        (void)ctx;
        json_t *rows = cw_dcms_catalogue();
        size_t i = 0;
        json_t *row = NULL;
        json_array_foreach(rows, i, row) {
                char test[120];
                const char *name = json_string_value(json_object_get(row, "name"));
                /* The test program fails when a row of the table has no step of its own. */
                (void)snprintf(test, sizeof test, "test_upstream_catalogue: %s", name);
                (void)json_object_set_new(row, "implemented",
                                          json_boolean(cw_dcms_endpoint_named(name) != NULL));
                (void)json_object_set_new(row, "test", json_string(test));
        }
        cw_control_reply(r, json_pack("{s:o}", "endpoints", rows));
}

/* ---- a call by hand ---- */

static json_t *comma_list(const char *text) {
        json_t *list = json_array();
        while (*text) {
                size_t len = strcspn(text, ",");
                (void)json_array_append_new(list, json_stringn(text, len));
                text += len + (text[len] == ',');
        }
        return list;
}

/* A word of a command line, as the member wants it. What does not fit is left for the check to refuse. */
static json_t *as_kind(enum cw_dcms_kind kind, const char *text) {
        char *rest = NULL;
        long long number = strtoll(text, &rest, 10);
        if (kind == CW_DCMS_F_NUMBER && *text && !*rest)
                return json_integer(number);
        if (kind == CW_DCMS_F_BOOL && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
                return json_boolean(*text == 't');
        if (kind == CW_DCMS_F_LIST)
                return comma_list(text);
        return json_string(text);
}

static json_t *typed_fields(const struct cw_dcms_endpoint *e, json_t *given) {
        json_t *fields = json_object();
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(given, name, value) {
                const struct cw_dcms_field *field = cw_dcms_field(e->id, name, NULL);
                if (field && json_is_string(value))
                        (void)json_object_set_new(fields, name,
                                                  as_kind(field->kind, json_string_value(value)));
                else
                        (void)json_object_set(fields, name, value);
        }
        return e->body == CW_DCMS_B_ROWS ? json_pack("[o]", fields) : fields;
}

/* Which members were given, and the numbers of the things meant; values of people stay out of the log. */
static json_t *call_detail(json_t *given) {
        static const char *const things[] = {"kitNo",   "oldKit",      "parentKitNo",
                                             "orderId", "cardOrderId", "branchId"};
        json_t *members = json_array();
        json_t *detail = json_object();
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(given, name, value)(void) json_array_append_new(members, json_string(name));
        (void)json_object_set_new(detail, "members", members);
        for (size_t i = 0; i < sizeof things / sizeof things[0]; i++)
                if (json_is_string(json_object_get(given, things[i])))
                        (void)json_object_set(detail, things[i], json_object_get(given, things[i]));
        return detail;
}

void cw_api_dcms_call(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_bank_ask ask = {.what = "dcms.call"};
        const char *name = json_string_value(json_object_get(cw_control_body(r), "name"));
        json_t *given = json_object_get(cw_control_body(r), "fields");
        const struct cw_dcms_endpoint *e = name ? cw_dcms_endpoint_named(name) : NULL;
        if (!e || e->id == CW_DCMS_EP_LOGIN)
                cw_bank_refuse(r, CW_E_NOT_FOUND,
                               "the catalogue has no call of this name; see cardwright dcms endpoints");
        else if (given && !json_is_object(given))
                cw_bank_refuse(r, CW_E_SYNTAX, "\"fields\" must be an object");
        else if (cw_dcms_endpoint_pin(e))
                cw_bank_refuse(r, CW_E_DENIED,
                               "a call with a PIN is made at the kiosk, online, and nowhere else");
        else if (cw_dcms_endpoint_secret(e))
                cw_bank_refuse(r, CW_E_DENIED,
                               "this call carries card data, which never comes from a command line; orders "
                               "with a file are "
                               "placed with cardwright order create-with-file");
        else {
                (void)snprintf(ask.subject, sizeof ask.subject, "%s", e->name);
                cw_bank_ask(d, r, &ask, e->name, typed_fields(e, given), NULL, 0, call_detail(given));
        }
}
