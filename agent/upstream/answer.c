/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/answer.h"

#include "agent/upstream/dcms.h"
#include "agent/upstream/mask.h"
#include "agent/upstream/rc.h"

#include <string.h>

static void say(struct cw_answer *a, enum cw_verdict verdict, bool effect_possible) {
        a->verdict = verdict;
        a->effect_possible = effect_possible;
}

/* The transfer itself failed. */
static void from_transport(const struct cw_http_result *http, struct cw_answer *a) {
        a->fault = http->fault;
        bool again = cw_rc_class(http->rc) == CW_C_RETRY;
        say(a, again ? CW_ANSWER_AGAIN : CW_ANSWER_PERSON, http->sent);
}

static void bad_answer(const struct cw_dcms_endpoint *e, int status, const char *why, struct cw_answer *a) {
        (void)cw_fail(&a->fault, CW_UP(RETRY, CW_E_SYNTAX), status, e->name, CW_DCMS_CODE_BAD_ANSWER,
                      "the server's answer to %s (HTTP %d) cannot be used: %s", e->name, status, why);
        say(a, CW_ANSWER_AGAIN, true);
}

static bool is_json_type(const char *type) {
        size_t n = strlen(type);
        return n == 0 || strcmp(type, "application/json") == 0 || strcmp(type, "text/json") == 0 ||
               (n > 5 && strcmp(type + n - 5, "+json") == 0);
}

/* Replaces the body by its clear text. An error status may come from in front of the gateway, in clear. */
static bool open_body(struct cw_gateway_codec *gateway, struct cw_http_result *http, bool *ret_opened,
                      struct cw_answer *a) {
        struct cw_secret *clear = NULL;
        if (!gateway)
                return true;
        cw_rc rc = gateway->ops->open(gateway, CW_SPAN(http->body->ptr, http->body->len), &clear, &a->fault);
        if (rc == CW_OK) {
                cw_secret_free(http->body);
                http->body = clear;
                *ret_opened = true;
                return true;
        }
        if (http->status >= 400 && rc == CW_UP(OPERATOR, CW_E_SYNTAX)) {
                a->fault = (struct cw_fault){0};
                return true;
        }
        bool effect_possible = http->status < 400 || http->status >= 500;
        /* Other keys on the two sides may be a matter of a moment: one side changes them before the other. */
        bool keys_differ = rc == CW_UP(OPERATOR, CW_E_MISMATCH);
        say(a, keys_differ || cw_rc_class(rc) == CW_C_RETRY ? CW_ANSWER_AGAIN : CW_ANSWER_PERSON,
            effect_possible);
        return false;
}

/* Masks, then parses. False with the fault filled when the text is no JSON. */
static bool parse_body(const struct cw_dcms_endpoint *e, struct cw_http_result *http, struct cw_answer *a) {
        struct cw_secret *body = http->body;
        struct cw_fault f = {0};
        bool login = e->id == CW_DCMS_EP_LOGIN && http->status < 300;
        if (login && cw_rc_class(cw_mask_take(body->ptr, body->len, "idtoken", &a->token)) == CW_C_RETRY) {
                bad_answer(e, http->status, "no memory for its token", a);
                return false;
        }
        if (cw_mask_json(body->ptr, body->len, &f) != CW_OK) {
                bad_answer(e, http->status, f.text, a);
                return false;
        }
        json_error_t error;
        a->root = json_loadb((const char *)body->ptr, body->len, JSON_REJECT_DUPLICATES, &error);
        if (a->root)
                return true;
        char why[80];
        (void)snprintf(why, sizeof why, "no JSON, or cut short, at byte %d of %zu", error.position,
                       body->len);
        bad_answer(e, http->status, why, a);
        return false;
}

/* The server encrypts and we do not. */
static bool is_sealed(const json_t *root) {
        return json_is_string(json_object_get(root, "refNo")) &&
               json_is_string(json_object_get(root, "body"));
}

static void sealed_answer(const struct cw_dcms_endpoint *e, int status, struct cw_answer *a) {
        (void)cw_fail(
            &a->fault, CW_UP(OPERATOR, CW_E_MISMATCH), status, e->name, CW_DCMS_CODE_GATEWAY,
            "the server's answer to %s is encrypted, but server.gateway is \"none\"; set it and its keys as "
            "agreed with the bank",
            e->name);
        say(a, CW_ANSWER_PERSON, status < 400 || status >= 500);
}

static void refused(const struct cw_dcms_endpoint *e, int status, struct cw_answer *a) {
        const struct cw_envelope *v = &a->envelope;
        const char *code = v->code[0] ? v->code : CW_DCMS_CODE_REFUSED;
        bool login = e->id == CW_DCMS_EP_LOGIN;
        bool tenant = strncmp(v->code, "tenant.", 7) == 0;
        const char *hint = tenant  ? "; check server.tenant with the bank"
                           : login ? "; check server.username and its password credential with the bank"
                           : status == 403 ? "; the bank must give this user the right to it"
                           : v->refused    ? ""
                                           : "; check server.url";
        bool person = tenant || login;
        (void)cw_fail(&a->fault, person ? CW_UP(OPERATOR, CW_E_DENIED) : CW_UP(REJECT, CW_E_DENIED), status,
                      e->name, login && !tenant ? CW_DCMS_CODE_CREDENTIALS : code,
                      "the server refused %s (HTTP %d, %s)%s%s%s", e->name, status, code,
                      v->text[0] ? ": " : "", v->text, hint);
        say(a, person ? CW_ANSWER_PERSON : CW_ANSWER_REFUSED, false);
        a->spoken = v->refused;
}

static void again(const struct cw_dcms_endpoint *e, int status, struct cw_answer *a) {
        bool busy = status == 429 || status == 503 || status == 408;
        const struct cw_envelope *v = &a->envelope;
        const char *code = v->code[0] ? v->code : busy ? CW_DCMS_CODE_BUSY : CW_DCMS_CODE_SERVER;
        (void)cw_fail(&a->fault, busy ? CW_UP(RETRY, CW_E_BUSY) : CW_UP(RETRY, CW_E_IO), status, e->name,
                      code, "the server %s (%s, HTTP %d)%s%s", busy ? "is busy" : "failed", e->name, status,
                      v->text[0] ? ": " : "", v->text);
        say(a, CW_ANSWER_AGAIN, !busy);
}

/* The status of the answer, or the one inside an exception that came with 200. */
static void by_status(const struct cw_dcms_endpoint *e, int status, struct cw_answer *a) {
        if (status == 401) {
                (void)cw_fail(
                    &a->fault, CW_UP(OPERATOR, CW_E_DENIED), status, e->name, CW_DCMS_CODE_CREDENTIALS,
                    "the server does not accept this agent for %s (HTTP 401); check server.username and its "
                    "password credential with the bank, and this machine's clock",
                    e->name);
                say(a, CW_ANSWER_LOGIN, false);
        } else if (status >= 500 || status == 429 || status == 408) {
                again(e, status, a);
        } else if (status >= 400) {
                refused(e, status, a);
        } else {
                (void)cw_fail(
                    &a->fault, CW_UP(OPERATOR, CW_E_UNSUPPORTED), status, e->name, CW_DCMS_CODE_BAD_ANSWER,
                    "the server answered %s with HTTP %d, which is not part of DCMS (redirects are refused); "
                    "check server.url",
                    e->name, status);
                say(a, CW_ANSWER_PERSON, false);
        }
}

static void from_success(const struct cw_dcms_endpoint *e, const struct cw_http_result *http,
                         struct cw_answer *a) {
        if (e->id == CW_DCMS_EP_LOGIN && a->token) {
                a->verdict = CW_ANSWER_OK;
                return;
        }
        if (is_sealed(a->root)) {
                sealed_answer(e, http->status, a);
                return;
        }
        if (cw_envelope_read(a->root, &a->envelope) != CW_OK) {
                bad_answer(e, http->status, "it has neither result nor exception", a);
                return;
        }
        a->spoken = true;
        if (a->envelope.refused)
                by_status(e, a->envelope.status >= 400 ? a->envelope.status : 400, a);
        else if (e->id == CW_DCMS_EP_LOGIN)
                bad_answer(e, http->status, "it has no id_token", a);
        else
                a->verdict = CW_ANSWER_OK;
}

static bool is_documented(const struct cw_dcms_endpoint *e, const char *code) {
        size_t len = strlen(code);
        for (const char *at = e->errors; len > 0 && (at = strstr(at, code)) != NULL; at += len)
                if ((at == e->errors || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
                        return true;
        return strncmp(code, "tenant.", 7) == 0;
}

/*
 * Where whole bodies are encrypted, a refusal in clear with none of the call's own codes is the gateway's
 * word that it cannot open what we sent.
 */
static bool gateway_refused(const struct cw_dcms_endpoint *e, int status, struct cw_answer *a) {
        if ((status != 400 && status != 415 && status != 422) || is_documented(e, a->envelope.code))
                return false;
        (void)cw_fail(&a->fault, CW_UP(OPERATOR, CW_E_MISMATCH), status, e->name,
                      CW_DCMS_CODE_GATEWAY_REFUSED,
                      "the bank's gateway refused %s before DCMS saw it (HTTP %d%s%s); it is tried again, "
                      "and if it stays so check server.gateway, its key id and keys with the bank",
                      e->name, status, a->envelope.code[0] ? ", " : "", a->envelope.code);
        say(a, CW_ANSWER_AGAIN, false);
        return true;
}

/* Errors speak JSON when they come from DCMS, anything when they come from something in between. */
static void from_error(const struct cw_dcms_endpoint *e, const struct cw_gateway_codec *gateway, bool opened,
                       struct cw_http_result *http, struct cw_answer *a) {
        struct cw_answer tried = {0};
        if ((opened || is_json_type(http->content_type)) && parse_body(e, http, &tried)) {
                a->root = CW_STEAL(tried.root);
                /* Some gateways send the exception without the envelope around it. */
                if (cw_envelope_read(a->root, &a->envelope) != CW_OK && json_object_get(a->root, "errorCode"))
                        cw_envelope_exception(a->root, &a->envelope);
        }
        if (is_sealed(a->root))
                sealed_answer(e, http->status, a);
        else if (!gateway || opened || !gateway_refused(e, http->status, a))
                by_status(e, http->status, a);
}

void cw_answer_read(const struct cw_dcms_endpoint *e, struct cw_gateway_codec *gateway,
                    struct cw_http_result *http, struct cw_answer *ret) {
        *ret = (struct cw_answer){.retry_after_ms = http->retry_after_ms};
        if (http->rc != CW_OK) {
                from_transport(http, ret);
                return;
        }
        bool success = http->status >= 200 && http->status < 300;
        if (!success && http->status < 400) {
                by_status(e, http->status, ret);
                return;
        }
        if (success && !gateway && !is_json_type(http->content_type)) {
                bad_answer(e, http->status,
                           "it is not JSON; check server.url, and that nothing on the way answers "
                           "for the bank",
                           ret);
                ret->fault.rc = CW_UP(OPERATOR, CW_E_SYNTAX);
                ret->verdict = CW_ANSWER_PERSON;
                return;
        }
        bool opened = false;
        if (!open_body(gateway, http, &opened, ret))
                return;
        if (!success)
                from_error(e, gateway, opened, http, ret);
        else if (parse_body(e, http, ret))
                from_success(e, http, ret);
}

void cw_answer_done(struct cw_answer *a) {
        json_decref(a->root);
        cw_secret_free(a->token);
        *a = (struct cw_answer){0};
}
