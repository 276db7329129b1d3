/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards whose data somebody sealed to us (JWE): what is in them, masked, and orders of 1 to 1000 of them at
 * D1. hsmd opens and seals; this process sees neither. An order comes in pieces, is checked and sealed in
 * whole, and only then sent. The request id of a row is the row's own, so the same file again makes no second
 * card.
 */
#include "agent/daemon/central.h"

#include "agent/daemon/api_dcms.h"
#include "base/ipc.h"
#include "hsm/client/hsm_client.h"

#include <string.h>

#define OP "api.d1"

struct row {
        char card[CW_D1_CARD_ID_MAX + 1], request[65], consumer[65], masked[CW_MASKED_PAN_CAP];
        char pan_hash[CW_PAN_HASH_CAP]; /* "" before it was sealed */
        const char *issuance;           /* static */
        const struct cw_config_product *product;
        char *jwe, *sealed;
};

struct cw_d1_batch {
        struct cw_daemon *daemon;
        char name[65];
        unsigned uid;
        struct cw_control_request *request; /* while it is carried out, else NULL */
        size_t count, at;
        struct row rows[CW_D1_BATCH_MAX];
};

static void empty(struct cw_d1_batch *b) {
        for (size_t i = 0; i < b->count; i++) {
                free(b->rows[i].jwe);
                free(b->rows[i].sealed);
        }
        b->count = b->at = 0;
        b->name[0] = '\0';
        b->request = NULL;
}

void cw_d1_batch_free(struct cw_daemon *d) {
        if (d->d1_batch)
                empty(d->d1_batch);
        free(CW_STEAL(d->d1_batch));
}

/* ---- rows as they come ---- */

static const char *text_of(const json_t *row, const char *name) {
        const char *text = json_string_value(json_object_get(row, name));
        return text ? text : "";
}

static const char *issuance_of(const char *word) {
        static const char *const words[] = {"CREATION", "RENEWAL", "REPLACEMENT"};
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                if (strcmp(words[i], word) == 0)
                        return words[i];
        return *word ? NULL : words[0];
}

static const char *take_request_id(struct row *r, const char *card, const char *given) {
        if (*given) {
                (void)snprintf(r->request, sizeof r->request, "%s", given);
                return cw_d1_is_id(given, 64) ? NULL : "request must be 1 to 64 letters, digits, '-' and '_'";
        }
        if (strcmp(r->issuance, "CREATION") != 0)
                return "a RENEWAL or REPLACEMENT needs a request id of its own (request)";
        (void)snprintf(r->request, sizeof r->request, "%s-CREATION", card);
        return NULL;
}

/* NULL, or the sentence why not. */
static const char *take_row(const struct cw_d1_batch *b, const json_t *from, struct row *r) {
        const char *card = text_of(from, "card"), *consumer = text_of(from, "consumer"),
                   *jwe = text_of(from, "jwe");
        if (!cw_d1_is_id(card, CW_D1_CARD_ID_MAX))
                return "card must be 1 to 48 letters, digits, '-' and '_'";
        if (*consumer && !cw_d1_is_id(consumer, 64))
                return "consumer must be 1 to 64 letters, digits, '-' and '_'";
        for (size_t i = 0; i < b->count; i++)
                if (strcmp(b->rows[i].card, card) == 0)
                        return "the card is in this order already";
        r->product = cw_config_product(b->daemon->config, text_of(from, "plastic_code"));
        if (!r->product || !*r->product->d1_product)
                return "plastic_code must be of a product with d1_product";
        const char *issuance = issuance_of(text_of(from, "issuance"));
        if (!issuance)
                return "issuance must be CREATION, RENEWAL or REPLACEMENT";
        r->issuance = issuance;
        if (!*jwe || strlen(jwe) > CW_D1_SEALED_MAX)
                return "jwe must be a compact JWE of at most 8192 characters";
        (void)snprintf(r->card, sizeof r->card, "%s", card);
        (void)snprintf(r->consumer, sizeof r->consumer, "%s", consumer);
        const char *why = take_request_id(r, card, text_of(from, "request"));
        return why || (r->jwe = strdup(jwe)) ? why : "out of memory";
}

/* Two rows with one number are two cards of it, whatever they are called. */
static cw_rc not_twice(struct cw_d1_batch *b, struct row *r, const char *pan_hash, struct cw_fault *f) {
        (void)snprintf(r->pan_hash, sizeof r->pan_hash, "%s", pan_hash);
        for (const struct row *o = b->rows; *pan_hash && o < r; o++)
                if (strcmp(o->pan_hash, r->pan_hash) == 0)
                        return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_STATE), 0, OP,
                                       "PAN_ALREADY_EXISTS",
                                       "cards %s and %s of the order have the same card number; nothing was "
                                       "ordered",
                                       o->card, r->card);
        return CW_OK;
}

/* Two cards of one number, or one kit made twice, would be the fault of whoever ordered. */
static cw_rc not_ours(struct cw_d1_batch *b, const struct row *r, const char *pan_hash, struct cw_fault *f) {
        struct cw_journal *j = b->daemon->journal;
        struct cw_job_row job;
        cw_rc rc = *pan_hash ? cw_journal_job_by_pan_hash(j, pan_hash, &job, f)
                             : cw_journal_job_by_kit(j, r->card, &job, f);
        if (cw_rc_class(rc) == CW_C_REJECT && (rc & 0xffffu) == CW_E_NOT_FOUND)
                return CW_OK;
        if (cw_daemon_check(b->daemon, rc, f) != CW_OK)
                return rc;
        bool made = job.job.state == CW_JOB_DELIVERED || job.job.state == CW_JOB_DIVERTED;
        if (cw_job_ended(&job.job) && made && strcmp(r->issuance, "CREATION") == 0)
                return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_STATE), 0, OP, "PRD_MADE_ALREADY",
                               "card %s was made already, by job %s of this branch; another one is a RENEWAL "
                               "or REPLACEMENT",
                               r->card, job.job.id);
        if (cw_job_ended(&job.job))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_STATE), 0, OP, "PRD_IN_BRANCH",
                       "job %s of this branch makes card %s; divert that job instead", job.job.id, r->card);
}

static cw_rc row_fault(const struct cw_d1_batch *b, size_t i, const char *why, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_SYNTAX), (int64_t)i + 1, OP, "",
                       "card %zu of the order%s%s: %s; nothing was ordered", i + 1,
                       b->rows[i].card[0] ? ", " : "", b->rows[i].card, why);
}

static cw_rc take_rows(struct cw_d1_batch *b, const json_t *cards, struct cw_fault *f) {
        size_t n = json_array_size(cards);
        if (n < 1 || n > CW_D1_BATCH_MAX - b->count)
                return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_RANGE), (int64_t)n, OP, "",
                               "an order has 1 to %u cards", CW_D1_BATCH_MAX);
        for (size_t i = 0; i < n; i++) {
                struct row *r = &b->rows[b->count];
                *r = (struct row){.issuance = "CREATION"};
                const char *why = take_row(b, json_array_get(cards, i), r);
                if (why)
                        return row_fault(b, b->count, why, f);
                b->count++;
                cw_rc rc = not_ours(b, r, "", f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* ---- the order ---- */

static void fail_batch(struct cw_d1_batch *b, const struct cw_fault *f) {
        struct cw_control_request *r = b->request;
        empty(b);
        cw_control_fail(r, f);
}

static const char *outcome_of(const struct cw_d1_made *m) {
        if (m->ok)
                return "ordered";
        enum cw_class c = cw_rc_class(m->fault.rc);
        return c == CW_C_IN_DOUBT ? "unclear" : c == CW_C_REJECT ? "refused" : "not_sent";
}

static json_t *made_row(const struct row *r, const struct cw_d1_made *m) {
        return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "card", r->card, "request", r->request,
                         "masked_pan", r->masked, "outcome", outcome_of(m), "confirmed", m->confirmed,
                         "operation", m->operation_id, "code", m->fault.code, "text", m->fault.text);
}

static cw_rc audit(struct cw_d1_batch *b, const char *what, json_t *take_detail, struct cw_fault *f) {
        CW_AUTO_JSON json_t *detail = take_detail;
        struct cw_daemon *d = b->daemon;
        return cw_daemon_check(d, cw_journal_audit(d->journal, what, cw_control_actor(b->request), detail, f),
                               f);
}

static void on_made(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_d1_reply *reply) {
        static const char *const outcomes[] = {"ordered", "refused", "unclear", "not_sent"};
        struct cw_d1_batch *b = ctx;
        struct cw_fault why = {0};
        json_t *rows = json_array(), *counts = json_object();
        (void)rc;
        (void)f;
        for (size_t o = 0; o < 4; o++) {
                json_int_t n = 0;
                for (size_t i = 0; i < reply->made_count; i++)
                        n += strcmp(outcome_of(&reply->made[i]), outcomes[o]) == 0;
                (void)json_object_set_new(counts, outcomes[o], json_integer(n));
        }
        for (size_t i = 0; i < reply->made_count; i++)
                (void)json_array_append_new(rows, made_row(&b->rows[i], &reply->made[i]));
        (void)audit(b, "d1.order.end", json_deep_copy(counts), &why);
        (void)json_object_set_new(counts, "correlation", json_string(reply->correlation_id));
        (void)json_object_set_new(counts, "cards", rows);
        struct cw_control_request *r = b->request;
        empty(b);
        cw_control_reply(r, counts);
}

static void send_order(struct cw_d1_batch *b) {
        struct cw_fault f = {0};
        struct cw_d1 *d1 = cw_central_d1(b->daemon->central);
        struct cw_d1_order *orders = calloc(b->count, sizeof *orders);
        cw_rc rc = CW_OK;
        if (!orders || !d1)
                rc = cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, OP, "", "out of memory");
        for (size_t i = 0; rc == CW_OK && i < b->count; i++) {
                const struct row *r = &b->rows[i];
                orders[i] = (struct cw_d1_order){r->card,     r->request, r->consumer,
                                                 r->issuance, r->sealed,  r->product};
        }
        if (rc == CW_OK)
                rc = audit(b, "d1.order",
                           json_pack("{s:I, s:s}", "cards", (json_int_t)b->count, "first", b->rows[0].card),
                           &f);
        if (rc == CW_OK)
                rc = cw_d1_order(d1, orders, b->count, on_made, b, &f);
        free(orders);
        if (rc != CW_OK)
                fail_batch(b, &f);
}

/* ---- sealing ---- */

static void seal_next(struct cw_d1_batch *b);

static void on_sealed(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_d1_batch *b = ctx;
        struct row *r = &b->rows[b->at];
        struct cw_fault why = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *jwe = NULL;
        if (rc != CW_OK) {
                if (cw_rc_class(rc) == CW_C_REJECT)
                        (void)row_fault(b, b->at, f->text, &why);
                fail_batch(b, cw_rc_class(rc) == CW_C_REJECT ? &why : f);
                return;
        }
        rc = cw_hsm_reply_text(reply, &jwe, &why);
        if (rc == CW_OK)
                rc = not_twice(b, r, cw_msg_str(reply, "pan_hash", ""), &why);
        if (rc == CW_OK)
                rc = not_ours(b, r, r->pan_hash, &why);
        if (rc == CW_OK && !(r->sealed = strndup((const char *)jwe->ptr, jwe->len)))
                rc = cw_fail(&why, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, OP, "", "out of memory");
        if (rc != CW_OK) {
                fail_batch(b, &why);
                return;
        }
        (void)snprintf(r->masked, sizeof r->masked, "%s", cw_msg_str(reply, "masked_pan", ""));
        free(CW_STEAL(r->jwe));
        b->at++;
        seal_next(b);
}

static struct cw_msg *jwe_request(const char *call, const char *jwe) {
        struct cw_msg *m = cw_msg_request(call);
        if (m && cw_msg_attach_copy(m, jwe, strlen(jwe)) == CW_OK)
                return m;
        cw_msg_free(m);
        return NULL;
}

static void seal_next(struct cw_d1_batch *b) {
        if (b->at == b->count) {
                send_order(b);
                return;
        }
        const struct row *r = &b->rows[b->at];
        struct cw_fault f = {0};
        struct cw_msg *m = jwe_request("d1.seal", r->jwe);
        if (!m) {
                (void)cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, OP, "", "out of memory");
                fail_batch(b, &f);
                return;
        }
        (void)json_object_set_new(m->json, "from", json_string("jwe"));
        (void)json_object_set_new(m->json, "plastic_code", json_string(r->product->plastic_code));
        cw_hsm_link_call(b->daemon->hsm, m, on_sealed, b);
}

/* ---- routes ---- */

/* offset is of the cards of this piece; 0 begins anew, whatever was begun and not ended. */
static struct cw_d1_batch *batch_for(struct cw_daemon *d, struct cw_control_request *r, const char *name,
                                     json_int_t offset) {
        if (!d->d1_batch)
                d->d1_batch = calloc(1, sizeof *d->d1_batch);
        struct cw_d1_batch *b = d->d1_batch;
        if (!b) {
                cw_bank_refuse(r, CW_E_NOMEM, "out of memory");
                return NULL;
        }
        if (b->request) {
                cw_bank_refuse(r, CW_E_BUSY,
                               "another order is being carried out; try again when it has ended");
                return NULL;
        }
        b->daemon = d;
        if (offset == 0) {
                empty(b);
                (void)snprintf(b->name, sizeof b->name, "%s", name);
                b->uid = cw_control_uid(r);
        } else if (strcmp(b->name, name) != 0 || b->uid != cw_control_uid(r) ||
                   offset != (json_int_t)b->count) {
                cw_bank_refuse(r, CW_E_STATE,
                               "this piece of the order does not follow the one before; nothing was ordered, "
                               "send the order again from the start");
                return NULL;
        }
        return b;
}

/* {"batch", "offset", "cards": [{"card", "plastic_code", "jwe", "consumer", "issuance", "request"}], "more"}
 */
void cw_api_d1_order(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        const json_t *body = cw_control_body(r);
        const char *name = text_of(body, "batch");
        const json_t *offset = json_object_get(body, "offset");
        if (!cw_central_d1(d->central)) {
                cw_bank_refuse(r, CW_E_UNSUPPORTED, "D1 is not configured; set the section d1");
                return;
        }
        if (!cw_d1_is_id(name, 64) || !json_is_integer(offset)) {
                cw_bank_refuse(
                    r, CW_E_SYNTAX,
                    "the body needs \"batch\", a name of this order, \"offset\", the number of cards "
                    "sent before, and \"cards\"");
                return;
        }
        struct cw_d1_batch *b = batch_for(d, r, name, json_integer_value(offset));
        if (!b)
                return;
        if (take_rows(b, json_object_get(body, "cards"), &f) != CW_OK) {
                empty(b);
                cw_control_fail(r, &f);
        } else if (json_is_true(json_object_get(body, "more"))) {
                cw_control_reply(r, json_pack("{s:I}", "received", (json_int_t)b->count));
        } else {
                b->request = r;
                seal_next(b);
        }
}

static void on_opened(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_control_request *r = ctx;
        if (rc != CW_OK) {
                cw_control_fail(r, f);
                return;
        }
        cw_control_reply(r, json_pack("{s:s, s:s, s:s, s:b, s:b}", "masked_pan",
                                      cw_msg_str(reply, "masked_pan", ""), "expiry",
                                      cw_msg_str(reply, "expiry", ""), "name", cw_msg_str(reply, "name", ""),
                                      "tracks", json_is_true(json_object_get(reply->json, "tracks")),
                                      "emv_data", json_is_true(json_object_get(reply->json, "emv_data"))));
}

void cw_api_d1_open(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        const char *jwe = text_of(cw_control_body(r), "jwe");
        struct cw_msg *m = *jwe ? jwe_request("d1.open", jwe) : NULL;
        if (m)
                cw_hsm_link_call(d->hsm, m, on_opened, r);
        else
                cw_bank_refuse(r, CW_E_SYNTAX, "the body needs \"jwe\", a compact JWE sealed to d1.own_kid");
}
