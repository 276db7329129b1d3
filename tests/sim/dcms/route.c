/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth.h"
#include "crypto.h"
#include "endpoints.h"
#include "gate.h"
#include "gateway.h"
#include "orders.h"
#include "text.h"
#include "traps.h"

#define REQUEST_ID_MAX 64U

/* What a request has become on its way to the handler. */
struct passage {
        struct cw_dsim *sim;
        const struct cw_dsim_in *in;
        const struct cw_dsim_endpoint *endpoint;
        struct cw_dsim_call call;
        struct cw_dsim_reply reply;
        char request_id[REQUEST_ID_MAX + 1];
        char *stored; /* the answer a replayed requestId had */
        bool clear;   /* bodies are not sealed: no codec, or a caller behind the gateway */
};

bool cw_dsim_media_is(const char *header, const char *want) {
        size_t len = strlen(want);
        return header && strncasecmp(header, want, len) == 0 &&
               (header[len] == '\0' || header[len] == ';' || header[len] == ' ');
}

static bool refuse(struct passage *p, enum cw_dsim_error error, const char *field) {
        cw_dsim_refuse(&p->sim->cfg, &p->reply, error, field);
        return false;
}

/* Tenant, rate, method, token, role. */
static bool gate_checks(struct passage *p) {
        const struct cw_dsim_in *in = p->in;
        const char *why = NULL;
        if (!in->tenant || !*in->tenant)
                return refuse(p, CW_DSIM_E_TENANT_MISSING, "TENANT");
        if (strcmp(in->tenant, p->sim->cfg.tenant) != 0)
                return refuse(p, CW_DSIM_E_TENANT_UNKNOWN, "TENANT");
        int wait_s = cw_dsim_auth_rate(p->sim, p->call.now_ms);
        if (wait_s > 0) {
                p->reply.retry_after_s = wait_s;
                return refuse(p, CW_DSIM_E_RATE, NULL);
        }
        if (strcmp(in->method, p->endpoint->flags & CW_DSIM_PUT ? "PUT" : "POST") != 0)
                return refuse(p, CW_DSIM_E_METHOD, NULL);
        if (p->endpoint->flags & CW_DSIM_OPEN)
                return true;
        const struct cw_dsim_user *user = cw_dsim_auth_check(p->sim, in->authorization, p->call.now_ms, &why);
        if (!user)
                return refuse(p, CW_DSIM_E_UNAUTHORIZED, why);
        return cw_dsim_auth_allowed(user, p->endpoint->path) || refuse(p, CW_DSIM_E_FORBIDDEN, NULL);
}

static bool query_checks(struct passage *p) {
        char field[96];
        if (p->in->stray_arg) {
                (void)snprintf(field, sizeof field, "query argument is not a documented field");
                return refuse(p, CW_DSIM_E_INPUT, field);
        }
        if (p->in->order_arg && !(p->endpoint->flags & CW_DSIM_ORDER_ARG))
                return refuse(p, CW_DSIM_E_INPUT, "orderId is not a documented query argument here");
        p->call.order_arg = p->in->order_arg;
        const char *cards = p->in->cards_arg;
        if (cards && !(p->endpoint->flags & CW_DSIM_CARDS_ARG))
                return refuse(p, CW_DSIM_E_INPUT,
                              "isAllCardsRequired is not a documented query argument here");
        if (cards && strcmp(cards, "true") != 0 && strcmp(cards, "false") != 0)
                return refuse(p, CW_DSIM_E_INPUT, "isAllCardsRequired must be true or false");
        p->call.all_cards = cards && strcmp(cards, "true") == 0;
        return true;
}

static bool load_json(struct passage *p, const char *text, size_t len) {
        json_error_t error;
        p->call.body = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
        bool array = p->endpoint->kind == CW_DSIM_BODY_ARRAY;
        if (!p->call.body) {
                char field[96];
                (void)snprintf(field, sizeof field, "body is not JSON (line %d, column %d)", error.line,
                               error.column);
                return refuse(p, CW_DSIM_E_INPUT, field);
        }
        if (array ? json_is_array(p->call.body) : json_is_object(p->call.body))
                return true;
        return refuse(p, CW_DSIM_E_INPUT,
                      array ? "body must be a bare JSON array" : "body must be a JSON object");
}

static bool decode_body(struct passage *p) {
        const struct cw_dsim_in *in = p->in;
        const char *why = NULL;
        size_t len = 0;
        if (in->too_large)
                return refuse(p, CW_DSIM_E_INPUT, "body is too large");
        if (p->endpoint->kind == CW_DSIM_BODY_FILE) {
                if (in->upload_fault)
                        return refuse(p, CW_DSIM_E_ORDER_FILE, in->upload_fault);
                p->call.upload = in->upload;
                p->call.upload_len = in->upload_len;
                p->call.upload_name = in->upload_name;
                return true;
        }
        if (p->endpoint->kind == CW_DSIM_BODY_OPTIONAL && in->body_len == 0)
                return true;
        const char *media = p->clear ? "application/json" : cw_dsim_gateway_media(p->sim);
        if (!cw_dsim_media_is(in->content_type, media))
                return refuse(p, CW_DSIM_E_INPUT, "Content-Type must be that of the bodies agreed on");
        if (p->clear)
                return load_json(p, in->body, in->body_len);
        CW_AUTO_MEM char *clear = cw_dsim_gateway_open(p->sim, in->body, in->body_len, &len, &why);
        if (clear)
                return load_json(p, clear, len);
        p->clear = p->sim->cfg.gateway.refuse_in_clear;
        return refuse(p, p->clear ? CW_DSIM_E_GATEWAY : CW_DSIM_E_INPUT, why);
}

static bool good_request_id(const char *id) {
        size_t len = strlen(id);
        for (size_t i = 0; i < len; i++)
                if (!isalnum((unsigned char)id[i]) && !strchr("-_.:/", id[i]))
                        return false;
        return len > 0 && len <= REQUEST_ID_MAX;
}

/* requestId or txnId of the body, or the header; taken out of the body so that the schema need not know it.
 */
static bool take_request_id(struct passage *p) {
        static const char *const names[] = {"requestId", "txnId"};
        const char *id = p->in->request_id;
        for (size_t i = 0; i < 2; i++) {
                const json_t *value = json_object_get(p->call.body, names[i]);
                if (!value)
                        continue;
                if (!json_is_string(value) || (id && strcmp(id, json_string_value(value)) != 0))
                        return refuse(p, CW_DSIM_E_INPUT,
                                      "requestId must be one string, the same wherever it is sent");
                id = json_string_value(value);
        }
        if (id && !good_request_id(id))
                return refuse(p, CW_DSIM_E_INPUT, "requestId must be 1 to 64 letters, digits or - _ . : /");
        (void)snprintf(p->request_id, sizeof p->request_id, "%s", id ? id : "");
        (void)json_object_del(p->call.body, "requestId");
        (void)json_object_del(p->call.body, "txnId");
        return true;
}

static bool body_checks(struct passage *p) {
        struct cw_dsim_complaint complaint = {.missing = false};
        if (!decode_body(p) || !take_request_id(p))
                return false;
        bool ok = true;
        if (p->endpoint->kind == CW_DSIM_BODY_ARRAY)
                ok = cw_dsim_schema_check_array(p->call.body, p->endpoint->fields, &complaint);
        else if (p->call.body)
                ok = cw_dsim_schema_check(p->call.body, p->endpoint->fields, &complaint);
        return ok || refuse(p, complaint.missing ? p->endpoint->missing : CW_DSIM_E_INPUT, complaint.text);
}

static void body_digest(const struct passage *p, uint8_t digest[32]) {
        CW_AUTO_MEM char *text =
            p->call.body ? json_dumps(p->call.body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (text)
                cw_dsim_sha256(text, strlen(text), digest);
        else
                cw_dsim_sha256(p->in->upload ? p->in->upload : (const uint8_t *)"", p->in->upload_len,
                               digest);
}

/* True when the answer is already known (or the id belongs to another call). */
static bool replayed(struct passage *p) {
        uint8_t digest[32];
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            p->sim->db, "SELECT endpoint, http, response, digest FROM request WHERE request_id = ?1", "t",
            p->request_id);
        if (!cw_dsim_store_step(stmt))
                return false;
        if (strcmp(cw_dsim_store_text(stmt, 0), p->endpoint->path) != 0) {
                (void)refuse(p, CW_DSIM_E_INPUT, "requestId was used for another call");
                return true;
        }
        body_digest(p, digest);
        if (sqlite3_column_bytes(stmt, 3) != 32 || memcmp(sqlite3_column_blob(stmt, 3), digest, 32) != 0)
                (void)cw_dsim_store_add(p->sim->db, "request_id_other_body", 1);
        p->reply.http = sqlite3_column_int(stmt, 1);
        p->stored = strdup(cw_dsim_store_text(stmt, 2));
        (void)cw_dsim_store_run(p->sim->db, "UPDATE request SET replays = replays + 1 WHERE request_id = ?1",
                                "t", p->request_id);
        return true;
}

static void remember(struct passage *p) {
        uint8_t digest[32];
        CW_AUTO_MEM char *text = cw_dsim_reply_text(&p->reply);
        body_digest(p, digest);
        (void)cw_dsim_store_run(p->sim->db, "INSERT INTO request VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0)", "ttbiti",
                                p->request_id, p->endpoint->path, digest, sizeof digest,
                                (int64_t)p->reply.http, text, p->call.now_ms);
}

/* The handler in a savepoint: a refused call leaves nothing behind unless it says so. */
static void run_handler(struct passage *p) {
        bool idempotent = *p->request_id && (p->endpoint->flags & CW_DSIM_EFFECT);
        if (idempotent && replayed(p))
                return;
        cw_dsim_store_exec(p->sim->db, "SAVEPOINT handler");
        p->endpoint->handler(&p->call, &p->reply);
        if (p->reply.exception && !p->reply.keep)
                cw_dsim_store_exec(p->sim->db, "ROLLBACK TO handler");
        cw_dsim_store_exec(p->sim->db, "RELEASE handler");
        if (idempotent)
                remember(p);
}

/* Under the lock, in one transaction. */
static void serve(struct passage *p, const struct cw_dsim_fault *fault) {
        p->call.now_ms = cw_dsim_now_ms();
        cw_dsim_store_exec(p->sim->db, "BEGIN IMMEDIATE");
        cw_dsim_orders_advance(p->sim, p->call.now_ms);
        if (fault && fault->status && !fault->after_commit)
                cw_dsim_refuse_as(&p->sim->cfg, &p->reply, fault->status,
                                  *fault->exception ? fault->exception : "injected.fault");
        else if (gate_checks(p) && query_checks(p) && body_checks(p))
                run_handler(p);
        cw_dsim_store_exec(p->sim->db, "COMMIT");
        if (fault && fault->status && fault->after_commit) {
                free(p->stored);
                p->stored = NULL;
                cw_dsim_refuse_as(&p->sim->cfg, &p->reply, fault->status,
                                  *fault->exception ? fault->exception : "injected.fault");
        }
}

/* Counts the call and finds its fault. */
static bool meet_fault(struct cw_dsim *sim, const struct cw_dsim_in *in, const char *path,
                       struct cw_dsim_fault *fault) {
        char name[128];
        (void)snprintf(name, sizeof name, "calls:%s", path);
        (void)pthread_mutex_lock(&sim->lock);
        cw_dsim_store_exec(sim->db, "BEGIN IMMEDIATE");
        (void)cw_dsim_store_add(sim->db, name, 1);
        bool hit = cw_dsim_faults_match(sim->faults, path, in->body, in->body_len, fault);
        if (hit && fault->expire_token)
                cw_dsim_auth_expire_tokens(sim);
        cw_dsim_store_exec(sim->db, "COMMIT");
        (void)pthread_mutex_unlock(&sim->lock);
        return hit;
}

/* Envelope, then what a fault does to the text. */
static void finish(struct passage *p, struct cw_dsim_out *out) {
        if (!p->stored && !p->reply.bare)
                cw_dsim_traps_apply(p->sim, p->reply.result);
        char *text = p->stored ? CW_STEAL(p->stored) : cw_dsim_reply_text(&p->reply);
        if (text && !p->clear) {
                char *sealed = cw_dsim_gateway_seal(p->sim, text);
                free(text);
                text = sealed;
        }
        out->status = p->reply.http;
        out->retry_after_s = p->reply.retry_after_s;
        out->body = text;
        out->body_len = text ? strlen(text) : 0;
        out->media = p->clear ? NULL : cw_dsim_gateway_media(p->sim);
        (void)snprintf(out->code, sizeof out->code, "%s", p->reply.code);
        if (!out->has_fault)
                return;
        if (out->fault.retry_after_s > 0)
                out->retry_after_s = out->fault.retry_after_s;
        if (out->fault.malformed_json && out->body_len > 0)
                out->body[0] = ']';
        if (out->fault.truncate >= 0 && (size_t)out->fault.truncate < out->body_len)
                out->body_len = (size_t)out->fault.truncate;
}

static void run_endpoint(struct cw_dsim *sim, const struct cw_dsim_in *in,
                         const struct cw_dsim_endpoint *endpoint, const char *segment,
                         struct cw_dsim_out *out) {
        struct passage p = {.sim = sim, .in = in, .endpoint = endpoint};
        p.call.sim = sim;
        p.call.endpoint = endpoint;
        p.call.segment = segment;
        p.call.request_id = p.request_id;
        p.reply.http = 200;
        p.clear = sim->cfg.gateway.codec == CW_DSIM_CODEC_NONE || cw_dsim_simside_token_ok(sim, in);
        out->has_fault = meet_fault(sim, in, endpoint->path, &out->fault);
        if (out->has_fault && out->fault.delay_ms > 0)
                cw_dsim_gate_sleep(sim, out->fault.delay_ms);
        if (out->has_fault && out->fault.drop == CW_DSIM_DROP_BEFORE) {
                out->dropped = true;
                return;
        }
        (void)pthread_mutex_lock(&sim->lock);
        serve(&p, out->has_fault ? &out->fault : NULL);
        (void)pthread_mutex_unlock(&sim->lock);
        if (out->has_fault && out->fault.delay_after_ms > 0)
                cw_dsim_gate_sleep(sim, out->fault.delay_after_ms);
        finish(&p, out);
        out->dropped = out->has_fault && out->fault.drop == CW_DSIM_DROP_AFTER;
        json_decref(p.call.body);
        cw_dsim_reply_done(&p.reply);
}

static void unknown_path(struct cw_dsim *sim, struct cw_dsim_out *out) {
        struct passage p = {.sim = sim, .clear = sim->cfg.gateway.codec == CW_DSIM_CODEC_NONE};
        (void)refuse(&p, CW_DSIM_E_NO_PATH, NULL);
        finish(&p, out);
        cw_dsim_reply_done(&p.reply);
}

void cw_dsim_route(struct cw_dsim *sim, const struct cw_dsim_in *in, struct cw_dsim_out *out) {
        size_t base = strlen(sim->cfg.base_path);
        memset(out, 0, sizeof *out);
        if (strncmp(in->path, "/_sim/", 6) == 0) {
                cw_dsim_simside(sim, in, in->path + 5, out);
                return;
        }
        if (!cw_dsim_gate_pass(sim)) {
                out->dropped = true;
                return;
        }
        char segment[CW_DSIM_SEGMENT_MAX + 1] = "";
        const struct cw_dsim_endpoint *endpoint =
            strncmp(in->path, sim->cfg.base_path, base) == 0
                ? cw_dsim_endpoint_find(in->path + base, in->method, segment)
                : NULL;
        out->known = endpoint != NULL;
        if (endpoint)
                run_endpoint(sim, in, endpoint, segment, out);
        else
                unknown_path(sim, out);
}
