/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/results.h"

#include "agent/upstream/envelope.h"
#include "agent/upstream/mask.h"
#include "agent/upstream/rc.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define NEST_MAX 6
#define ROWS_MAX 100000u

void cw_results_done(struct cw_results *r) {
        free(r->kits);
        free(r->orders);
        free(r->delivered);
        *r = (struct cw_results){0};
}

/* Room for one more row; NULL when there is none. */
static void *next_row(void *rows, size_t count, size_t *cap, size_t row_size) {
        if (count < *cap)
                return rows;
        size_t more = *cap ? *cap * 2 : 16;
        void *bigger = more <= ROWS_MAX ? realloc(rows, more * row_size) : NULL;
        if (bigger)
                *cap = more;
        return bigger;
}

void cw_results_expiry(const json_t *value, char ret[5]) {
        ret[0] = '\0';
        if (json_is_integer(value) && json_integer_value(value) > 100000000000LL) {
                time_t seconds = (time_t)(json_integer_value(value) / 1000);
                struct tm tm;
                if (gmtime_r(&seconds, &tm) && tm.tm_year < 1000)
                        (void)snprintf(ret, 5, "%02u%02u", (unsigned)tm.tm_year % 100,
                                       (unsigned)(tm.tm_mon + 1) % 100);
                return;
        }
        const char *text = json_string_value(value);
        if (!text || strlen(text) < 10 || text[4] != '-' || text[7] != '-')
                return;
        const char digits[] = {text[2], text[3], text[5], text[6], '\0'};
        int month = (digits[2] - '0') * 10 + digits[3] - '0';
        if (strspn(digits, "0123456789") == 4 && month >= 1 && month <= 12)
                memcpy(ret, digits, sizeof digits);
}

bool cw_dcms_birth_date(const json_t *customer, const char *field, char ret[9]) {
        const char *text = json_string_value(json_object_get(customer, field));
        if (!text || strlen(text) != 10 || text[4] != '-' || text[7] != '-')
                return false;
        const char digits[9] = {text[0], text[1], text[2], text[3], text[5], text[6], text[8], text[9], '\0'};
        int month = (digits[4] - '0') * 10 + digits[5] - '0', day = (digits[6] - '0') * 10 + digits[7] - '0';
        if (strspn(digits, "0123456789") != 8 || month < 1 || month > 12 || day < 1 || day > 31)
                return false;
        memcpy(ret, digits, sizeof digits);
        return true;
}

static void upper(char *text) {
        for (; *text; text++)
                *text = (char)toupper((unsigned char)*text);
}

/* What an object around a kit says about it too. */
static void read_owner(const json_t *o, struct cw_dcms_kit *kit) {
        char text[64];
        if (cw_json_text(o, "entityId", text, sizeof kit->entity_id))
                (void)snprintf(kit->entity_id, sizeof kit->entity_id, "%s", text);
        if (cw_json_text(o, "accountNo", text, sizeof kit->account_no))
                (void)snprintf(kit->account_no, sizeof kit->account_no, "%.31s", text);
        if (cw_json_text(o, "branchId", text, sizeof kit->branch_id))
                (void)snprintf(kit->branch_id, sizeof kit->branch_id, "%s", text);
}

static void read_kit(const json_t *o, struct cw_dcms_kit *kit) {
        (void)cw_json_text(o, "orderId", kit->order_id, sizeof kit->order_id);
        (void)cw_json_text(o, "bin", kit->bin, sizeof kit->bin);
        (void)cw_json_text(o, "productId", kit->product_id, sizeof kit->product_id);
        (void)cw_json_text(o, "plasticCode", kit->plastic_code, sizeof kit->plastic_code);
        (void)cw_json_text(o, "cardNumber", kit->masked_pan, sizeof kit->masked_pan);
        cw_mask_card_number(kit->masked_pan);
        if (!cw_json_text(o, "aliasName", kit->alias_name, sizeof kit->alias_name))
                (void)cw_json_text(o, "cardName", kit->alias_name, sizeof kit->alias_name);
        if (!cw_json_text(o, "cardStatus", kit->card_status, sizeof kit->card_status))
                (void)cw_json_text(o, "kitStatus", kit->card_status, sizeof kit->card_status);
        (void)cw_json_text(o, "deliveryStatus", kit->delivery_status, sizeof kit->delivery_status);
        upper(kit->card_status);
        upper(kit->delivery_status);
        if (!cw_json_text(o, "parentKitNo", kit->parent_kit_no, sizeof kit->parent_kit_no))
                (void)cw_json_text(json_object_get(o, "embeddedValues"), "parentKitNo", kit->parent_kit_no,
                                   sizeof kit->parent_kit_no);
        cw_results_expiry(json_object_get(o, "expDate"), kit->expiry);
        const char *sealed = json_string_value(json_object_get(o, "encryptedCardNumber"));
        kit->encrypted_card_number = sealed ? sealed : "";
}

static bool have_kit(const struct cw_results *r, const char *kit_no) {
        for (size_t i = 0; i < r->kit_count; i++)
                if (strcmp(r->kits[i].kit_no, kit_no) == 0)
                        return true;
        return false;
}

static cw_rc add_kit(struct cw_results *r, const json_t *o, struct cw_dcms_kit *kit) {
        if (!cw_json_text(o, "kitNo", kit->kit_no, sizeof kit->kit_no) || !kit->kit_no[0]) {
                r->skipped++;
                return CW_OK;
        }
        if (have_kit(r, kit->kit_no))
                return CW_OK;
        void *rows = next_row(r->kits, r->kit_count, &r->kit_cap, sizeof *kit);
        if (!rows)
                return CW_UP(RETRY, CW_E_NOMEM);
        r->kits = rows;
        read_kit(o, kit);
        r->kits[r->kit_count++] = *kit;
        return CW_OK;
}

static cw_rc walk_kits(struct cw_results *r, const json_t *at, struct cw_dcms_kit owner, int depth);

static cw_rc walk_array(struct cw_results *r, const json_t *array, struct cw_dcms_kit owner, int depth) {
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < json_array_size(array) && rc == CW_OK; i++) {
                const json_t *row = json_array_get(array, i);
                if (!json_is_object(row) && depth == 0)
                        r->skipped++;
                else
                        rc = walk_kits(r, row, owner, depth + 1);
        }
        return rc;
}

static cw_rc walk_kits(struct cw_results *r, const json_t *at, struct cw_dcms_kit owner, int depth) {
        if (depth > NEST_MAX)
                return CW_OK;
        if (json_is_array(at))
                return walk_array(r, at, owner, depth);
        if (!json_is_object(at))
                return CW_OK;
        read_owner(at, &owner);
        if (json_object_get(at, "kitNo"))
                return add_kit(r, at, &owner);
        cw_rc rc = CW_OK;
        size_t before = r->kit_count + r->skipped;
        /* Members are only read; the iterator wants no const. */
        for (void *i = json_object_iter((json_t *)(uintptr_t)at); i && rc == CW_OK;
             i = json_object_iter_next((json_t *)(uintptr_t)at, i))
                rc = walk_kits(r, json_object_iter_value(i), owner, depth + 1);
        /* A row of the list itself that holds no kit anywhere. */
        if (depth == 1 && before == r->kit_count + r->skipped)
                r->skipped++;
        return rc;
}

cw_rc cw_results_kits(struct cw_results *r, const json_t *result) {
        struct cw_dcms_kit owner = {.encrypted_card_number = ""};
        return walk_kits(r, result, owner, 0);
}

static int64_t count_cards(const json_t *lines) {
        int64_t cards = 0;
        for (size_t i = 0; i < json_array_size(lines); i++) {
                const json_t *line = json_array_get(lines, i);
                int64_t n = cw_json_whole(line, "noOfCard");
                if (n < 0)
                        n = cw_json_whole(line, "quantity");
                if (n > 0 && n < 10000000)
                        cards += n;
        }
        return cards;
}

static cw_rc add_order(struct cw_results *r, const json_t *o) {
        struct cw_dcms_order order = {.cards = 0};
        if (!cw_json_text(o, "orderId", order.order_id, sizeof order.order_id) &&
            !cw_json_text(o, "cardOrderId", order.order_id, sizeof order.order_id) &&
            !cw_json_text(o, "cardOrderName", order.order_id, sizeof order.order_id)) {
                r->skipped++;
                return CW_OK;
        }
        if (!cw_json_text(o, "status", order.status, sizeof order.status))
                (void)cw_json_text(o, "orderStatus", order.status, sizeof order.status);
        upper(order.status);
        if (!cw_json_text(o, "branchId", order.branch_id, sizeof order.branch_id))
                (void)cw_json_text(json_object_get(o, "branchInfo"), "branchId", order.branch_id,
                                   sizeof order.branch_id);
        order.cards = count_cards(json_object_get(o, "productDetails"));
        if (order.cards == 0)
                order.cards = count_cards(json_object_get(o, "products"));
        void *rows = next_row(r->orders, r->order_count, &r->order_cap, sizeof order);
        if (!rows)
                return CW_UP(RETRY, CW_E_NOMEM);
        r->orders = rows;
        r->orders[r->order_count++] = order;
        return CW_OK;
}

cw_rc cw_results_orders(struct cw_results *r, const json_t *result) {
        cw_rc rc = CW_OK;
        if (json_is_object(result))
                return add_order(r, result);
        for (size_t i = 0; i < json_array_size(result) && rc == CW_OK; i++)
                rc = add_order(r, json_array_get(result, i));
        return rc;
}

static const json_t *find_row(const json_t *rows, const char *kit_no) {
        for (size_t i = 0; i < json_array_size(rows); i++) {
                char text[32];
                const json_t *row = json_array_get(rows, i);
                if (cw_json_text(row, "kitNo", text, sizeof text) && strcmp(text, kit_no) == 0)
                        return row;
        }
        return NULL;
}

static void read_delivered(const json_t *row, struct cw_dcms_delivered *d) {
        struct cw_envelope e = {.status = 0};
        const json_t *exception = json_object_get(row, "exception");
        if (exception && !json_is_null(exception)) {
                cw_envelope_exception(exception, &e);
                (void)snprintf(d->code, sizeof d->code, "%s", e.code[0] ? e.code : CW_DCMS_CODE_REFUSED);
                (void)snprintf(d->text, sizeof d->text, "%s", e.text);
                return;
        }
        d->ok = json_is_true(json_object_get(row, "result")) || cw_json_whole(row, "status") == 200;
        if (!d->ok)
                (void)snprintf(d->code, sizeof d->code, "%s",
                               row ? CW_DCMS_CODE_REFUSED : CW_DCMS_CODE_BAD_ANSWER);
        if (!row)
                (void)snprintf(d->text, sizeof d->text, "the server's answer says nothing about this kit");
}

cw_rc cw_results_delivered(struct cw_results *r, const json_t *result, const json_t *asked) {
        size_t count = json_array_size(asked);
        struct cw_dcms_delivered *rows = calloc(count ? count : 1, sizeof *rows);
        if (!rows)
                return CW_UP(RETRY, CW_E_NOMEM);
        for (size_t i = 0; i < count; i++) {
                const char *kit_no = json_string_value(json_array_get(asked, i));
                (void)snprintf(rows[i].kit_no, sizeof rows[i].kit_no, "%s", kit_no);
                read_delivered(find_row(result, kit_no), &rows[i]);
        }
        free(r->delivered);
        r->delivered = rows;
        r->delivered_count = count;
        return CW_OK;
}
