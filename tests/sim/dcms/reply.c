/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "crypto.h"
#include "dsim.h"
#include "text.h"

struct error_text {
        const char *dot;   /* dialect A */
        const char *brief; /* dialect B */
        const char *short_message;
        const char *detail;
        int http;
};

static const struct error_text ERRORS[] = {
    [CW_DSIM_E_INPUT] = {"invalid.input.request", "invalid.input.request", "Invalid request",
                         "The request does not match the documented fields", 400},
    [CW_DSIM_E_GATEWAY] = {"gateway.decryption.failed", "gateway.decryption.failed", "Decryption failed",
                           "The gateway cannot open the body", 400},
    [CW_DSIM_E_TENANT_MISSING] = {"tenant.header.missing", "tenant.header.missing", "Tenant header missing",
                                  "Every call must carry the TENANT header", 400},
    [CW_DSIM_E_TENANT_UNKNOWN] = {"tenant.not.found", "tenant.not.found", "Tenant not found",
                                  "The TENANT header names no tenant of this server", 400},
    [CW_DSIM_E_UNAUTHORIZED] = {"unauthorized", "unauthorized", "Unauthorized",
                                "The bearer token is missing, invalid or expired", 401},
    [CW_DSIM_E_FORBIDDEN] = {"access.denied", "access.denied", "Access denied",
                             "The role of the token lacks permission for this call", 403},
    [CW_DSIM_E_NO_PATH] = {"resource.not.found", "resource.not.found", "Not found",
                           "No documented API has this path", 404},
    [CW_DSIM_E_METHOD] = {"method.not.allowed", "method.not.allowed", "Method not allowed",
                          "This API is called with POST", 405},
    [CW_DSIM_E_RATE] = {"rate.limit.exceeded", "rate.limit.exceeded", "Too many requests",
                        "The tenant's rate limit is used up", 429},
    [CW_DSIM_E_INTERNAL] = {"internal.server.error", "internal.server.error", "Internal error",
                            "Unexpected error", 500},
    [CW_DSIM_E_ENTITY_EXISTS] = {"entity.already.exists", "entity.already.exists", "Entity already exists",
                                 "A customer with this entity ID is registered", 400},
    [CW_DSIM_E_ENTITY_NOT_FOUND] = {"entity.not.found", "entity.not.found", "Entity not found",
                                    "No customer found for the given entity ID", 400},
    [CW_DSIM_E_CUSTOMER_NOT_FOUND] = {"entity.not.found", "CUS001", "Customer not found",
                                      "No customer found for the given entity ID", 400},
    [CW_DSIM_E_KIT_NOT_FOUND] = {"kit.not.found", "kit.not.found", "Kit not found",
                                 "The kit is not in the inventory", 400},
    [CW_DSIM_E_KIT_INVALID] = {"invalid.kit.info", "invalid.kit.info", "Invalid kit",
                               "The kit is expired, already assigned or invalid", 400},
    [CW_DSIM_E_KIT_NOT_VALID] = {"kit.not.found", "MCC007", "valid kit not found",
                                 "No valid kit found for the given kit number", 400},
    [CW_DSIM_E_CARD_NOT_FOUND] = {"card.not.found", "card.not.found", "Card not found",
                                  "No card found for the given number", 400},
    [CW_DSIM_E_CARD_ACTIVE] = {"card.already.active", "card.already.active", "Card already active",
                               "The card is active", 400},
    [CW_DSIM_E_CARD_BLOCKED] = {"card.already.blocked", "card.already.blocked", "Card already blocked",
                                "The card is blocked", 400},
    [CW_DSIM_E_CARD_CLOSED] = {"card.already.closed", "card.already.closed", "Card already closed",
                               "The card is replaced or expired", 400},
    [CW_DSIM_E_CARD_STATUS] = {"card.status.active", "card.status.active", "Card status",
                               "The operation is not allowed in the card's current status", 400},
    [CW_DSIM_E_PIN_SET] = {"pin.already.set", "pin.already.set", "PIN already set",
                           "A PIN is set for this card", 400},
    [CW_DSIM_E_PIN_LOCKED] = {"pin.locked", "pin.locked", "PIN locked",
                              "Too many wrong PINs; the PIN is locked", 400},
    [CW_DSIM_E_PIN_FORMAT] = {"invalid.pin", "PIN001", "Invalid PIN format",
                              "encrypted PIN format is invalid or decryption failed", 400},
    [CW_DSIM_E_PIN_WRONG] = {"invalid.pin", "PIN002", "PIN validation failed", "The PIN is not correct", 400},
    [CW_DSIM_E_ACCOUNT] = {"invalid.source.account", "invalid.source.account", "Invalid account",
                           "The account is not linked to the customer", 400},
    [CW_DSIM_E_ORDER] = {"invalid.input.request", "ORD001", "Invalid order request",
                         "The order request is not valid", 400},
    [CW_DSIM_E_ORDER_FILE] = {"invalid.input.request", "ORD002", "File upload failed",
                              "The file could not be accepted", 400},
    [CW_DSIM_E_ORDER_CANCEL] = {"invalid.input.request", "ORD003", "Order cannot be cancelled",
                                "The order is not in a cancellable state", 400},
    [CW_DSIM_E_TRANSFER] = {"invalid.kit.info", "INV001", "Kit transfer failed",
                            "One or more kits could not be transferred", 400},
    [CW_DSIM_E_CARD_CHECK] = {"card.not.found", "CRD001", "Card validation failed",
                              "The provided card details do not match any card", 400},
    [CW_DSIM_E_CARD_ENDING] = {"card.not.found", "CRD002", "Card ending validation failed",
                               "One or more provided credentials do not match", 400},
    [CW_DSIM_E_WALLET_FULL] = {"invalid.input.request", "TX0057", "balance greater than Maximum Balance",
                               "The load amount would cause the wallet balance to exceed the maximum allowed "
                               "balance",
                               400},
    [CW_DSIM_E_DAILY_LIMIT] = {"invalid.daily.limit.product", "invalid.daily.limit.product",
                               "Invalid daily limit", "A daily limit is above the limit of the product", 400},
};

static const char *status_name(int http) {
        switch (http) {
        case 401:
                return "UNAUTHORIZED";
        case 403:
                return "FORBIDDEN";
        case 404:
                return "NOT_FOUND";
        case 405:
                return "METHOD_NOT_ALLOWED";
        case 429:
                return "TOO_MANY_REQUESTS";
        case 500:
                return "INTERNAL_SERVER_ERROR";
        case 502:
                return "BAD_GATEWAY";
        case 503:
                return "SERVICE_UNAVAILABLE";
        case 504:
                return "GATEWAY_TIMEOUT";
        default:
                return "BAD_REQUEST";
        }
}

static json_t *make_exception(enum cw_dsim_dialect dialect, int http, const char *code,
                              const char *short_message, const char *detail, const char *field) {
        if (dialect == CW_DSIM_DIALECT_A) {
                char status[64];
                (void)snprintf(status, sizeof status, "%d %s", http, status_name(http));
                char message[400];
                (void)snprintf(message, sizeof message, "%s: %s", short_message, field ? field : detail);
                return json_pack("{s:s, s:s, s:s}", "errorCode", code, "errorMessage", message, "httpStatus",
                                 status);
        }
        json_t *fields = json_array();
        if (field)
                (void)json_array_append_new(fields, json_string(field));
        return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:n, s:n, s:[]}", "errorCode", code, "shortMessage",
                         short_message, "detailMessage", detail, "httpStatus", status_name(http),
                         "fieldError", fields, "languageCode", "en", "cause", "message", "suppressed");
}

static const char *error_code(const struct cw_dsim_config *cfg, const struct error_text *text) {
        return cfg->dialect == CW_DSIM_DIALECT_A ? text->dot : text->brief;
}

json_t *cw_dsim_exception(const struct cw_dsim_config *cfg, enum cw_dsim_error error, const char *field) {
        const struct error_text *text = &ERRORS[error];
        return make_exception(cfg->dialect, text->http, error_code(cfg, text), text->short_message,
                              text->detail, field);
}

static void set_exception(struct cw_dsim_reply *reply, int http, json_t *exception) {
        const char *code = json_string_value(json_object_get(exception, "errorCode"));
        json_decref(reply->result);
        json_decref(reply->pagination);
        json_decref(reply->exception);
        reply->result = NULL;
        reply->pagination = NULL;
        reply->exception = exception;
        reply->http = http;
        reply->bare = false;
        (void)snprintf(reply->code, sizeof reply->code, "%s", code ? code : "");
}

void cw_dsim_refuse(const struct cw_dsim_config *cfg, struct cw_dsim_reply *reply, enum cw_dsim_error error,
                    const char *field) {
        int http = ERRORS[error].http;
        bool business = error >= CW_DSIM_E_ENTITY_EXISTS;
        set_exception(reply, business && cfg->business_errors_ok ? 200 : http,
                      cw_dsim_exception(cfg, error, field));
}

void cw_dsim_refuse_as(const struct cw_dsim_config *cfg, struct cw_dsim_reply *reply, int http,
                       const char *code) {
        set_exception(reply, http,
                      make_exception(cfg->dialect, http, code, status_name(http), "Unexpected error", NULL));
}

char *cw_dsim_reply_text(const struct cw_dsim_reply *reply) {
        if (reply->bare)
                return json_dumps(reply->result, JSON_COMPACT | JSON_ENCODE_ANY);
        CW_AUTO_JSON json_t *envelope = json_pack("{s:O?, s:O?, s:O?}", "result", reply->result, "exception",
                                                  reply->exception, "pagination", reply->pagination);
        static const char *const names[] = {"result", "exception", "pagination"};
        for (size_t i = 0; i < 3; i++)
                if (!json_object_get(envelope, names[i]))
                        (void)json_object_set_new(envelope, names[i], json_null());
        return json_dumps(envelope, JSON_COMPACT);
}

void cw_dsim_reply_done(struct cw_dsim_reply *reply) {
        json_decref(reply->result);
        json_decref(reply->pagination);
        json_decref(reply->exception);
        memset(reply, 0, sizeof *reply);
}

static int64_t page_count(int64_t page_size, int64_t total) {
        return (total + page_size - 1) / page_size;
}

json_t *cw_dsim_page_list(int64_t page_no, int64_t page_size, int64_t total) {
        return json_pack("{s:b, s:I, s:I, s:I, s:I}", "list", 1, "pageNo", (json_int_t)page_no, "pageSize",
                         (json_int_t)page_size, "totalElements", (json_int_t)total, "totalPages",
                         (json_int_t)page_count(page_size, total));
}

json_t *cw_dsim_page_guide(int64_t page_no, int64_t page_size, int64_t total) {
        return json_pack("{s:I, s:I, s:I, s:I}", "pageNo", (json_int_t)page_no, "pageSize",
                         (json_int_t)page_size, "totalRecords", (json_int_t)total, "totalPages",
                         (json_int_t)page_count(page_size, total));
}

const char *cw_dsim_body_text(const struct cw_dsim_call *call, const char *name, const char *fallback) {
        const char *text = json_string_value(json_object_get(call->body, name));
        return text ? text : fallback;
}

int64_t cw_dsim_body_int(const struct cw_dsim_call *call, const char *name, int64_t fallback) {
        const json_t *value = json_object_get(call->body, name);
        return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool cw_dsim_iv_fresh(struct cw_dsim *sim, const char *purpose, const void *iv, size_t iv_len,
                      const void *data, size_t len) {
        uint8_t digest[32];
        cw_dsim_sha256(data, len, digest);
        (void)cw_dsim_store_run(sim->db, "INSERT OR IGNORE INTO iv_used VALUES(?1, ?2, ?3)", "tbb", purpose,
                                iv, iv_len, digest, sizeof digest);
        return cw_dsim_store_int(
                   sim->db, "SELECT count(*) FROM iv_used WHERE purpose = ?1 AND iv = ?2 AND digest = ?3",
                   "tbb", purpose, iv, iv_len, digest, sizeof digest) == 1;
}
