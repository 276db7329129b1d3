/* SPDX-License-Identifier: Apache-2.0 */
#include "kits.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "crypto.h"
#include "text.h"

static void put_text(json_t *object, const char *name, const char *text) {
        if (*text)
                (void)json_object_set_new(object, name, json_string(text));
}

static void put_time(json_t *object, const char *name, int64_t ms) {
        char text[40];
        if (ms <= 0)
                return;
        cw_dsim_iso_time(ms, text, sizeof text);
        (void)json_object_set_new(object, name, json_string(text));
}

json_t *cw_dsim_number_or_string(struct cw_dsim *sim, const char *digits, bool is_number) {
        if (sim->cfg.number_drift && cw_dsim_store_add(sim->db, "drift", 1) % 2 == 0)
                is_number = !is_number;
        /* A JSON number keeps neither leading zeros nor more than 18 digits. */
        bool fits = strlen(digits) <= 18 && digits[0] != '0' && cw_dsim_is_digits(digits, 1, 18);
        return is_number && fits ? json_integer(strtoll(digits, NULL, 10)) : json_string(digits);
}

json_t *cw_dsim_kit_sealed_pan(struct cw_dsim *sim, const char *kit_no) {
        char pan[CW_DSIM_PAN_MAX];
        uint8_t sealed[CW_DSIM_IV_LEN + CW_DSIM_PAN_MAX + CW_DSIM_TAG_LEN];
        char text[CW_DSIM_B64_SIZE(sizeof sealed)];
        if (!cw_dsim_kit_pan(sim, kit_no, pan))
                return json_null();
        size_t len = strlen(pan);
        cw_dsim_random(sealed, CW_DSIM_IV_LEN);
        bool ok = cw_dsim_gcm_seal(sim->cfg.card_number_key, sealed, (const uint8_t *)pan, len,
                                   sealed + CW_DSIM_IV_LEN, sealed + CW_DSIM_IV_LEN + len);
        OPENSSL_cleanse(pan, sizeof pan);
        if (!ok)
                abort();
        cw_dsim_b64_encode(sealed, CW_DSIM_IV_LEN + len + CW_DSIM_TAG_LEN, text);
        return json_string(text);
}

/* The old forms of the documented samples: AES-256-ECB with PKCS#7, 64 hex digits or 44 Base64 characters. */
static json_t *ecb_pan(struct cw_dsim *sim, const char *kit_no) {
        char pan[CW_DSIM_PAN_MAX];
        uint8_t out[48];
        char text[2 * sizeof out + 1];
        size_t len = 0;
        if (!cw_dsim_kit_pan(sim, kit_no, pan))
                return json_null();
        bool ok = cw_dsim_aes_encrypt(sim->cfg.card_number_v1_key, NULL, (const uint8_t *)pan, strlen(pan),
                                      out, &len);
        OPENSSL_cleanse(pan, sizeof pan);
        if (!ok)
                abort();
        if (sim->cfg.card_form_v1 == CW_DSIM_CARD_ECB_HEX)
                cw_dsim_hex_encode(out, len, text);
        else
                cw_dsim_b64_encode(out, len, text);
        return json_string(text);
}

static void put_card_number(struct cw_dsim *sim, const struct cw_dsim_kit *kit, enum cw_dsim_kit_view view,
                            json_t *object) {
        if (view == CW_DSIM_VIEW_SUMMARY && sim->cfg.clear_pan_in_summary) {
                char pan[CW_DSIM_PAN_MAX];
                if (cw_dsim_kit_pan(sim, kit->kit_no, pan))
                        put_text(object, "cardNumber", pan);
                OPENSSL_cleanse(pan, sizeof pan);
        } else {
                put_text(object, "cardNumber", kit->masked_pan);
        }
        if (view == CW_DSIM_VIEW_V2 || (view == CW_DSIM_VIEW_V1 && sim->cfg.card_form_v1 == CW_DSIM_CARD_GCM))
                (void)json_object_set_new(object, "encryptedCardNumber",
                                          cw_dsim_kit_sealed_pan(sim, kit->kit_no));
        else if (view == CW_DSIM_VIEW_V1)
                (void)json_object_set_new(object, "encryptedCardNumber", ecb_pan(sim, kit->kit_no));
}

static void put_product(struct cw_dsim *sim, const struct cw_dsim_kit *kit, json_t *object) {
        const struct cw_dsim_product *product = cw_dsim_config_product(&sim->cfg, kit->product_id);
        put_text(object, "productId", kit->product_id);
        if (!product)
                return;
        put_text(object, "bin", product->bin);
        put_text(object, "cardType", product->card_type);
        put_text(object, "networkType", product->network);
        put_text(object, "plasticCode", product->plastic_code);
        put_text(object, "productName", product->name);
        put_text(object, "tierType", product->tier);
}

json_t *cw_dsim_kit_json(struct cw_dsim *sim, const struct cw_dsim_kit *kit, enum cw_dsim_kit_view view) {
        json_t *object = json_object();
        if (*kit->account_no)
                (void)json_object_set_new(
                    object, "accountNo",
                    cw_dsim_number_or_string(sim, kit->account_no, kit->account_is_number));
        put_text(object, "aliasName", kit->alias);
        put_text(object, "branchId", kit->branch_id);
        put_time(object, "cardActivationDate", kit->activated_ms);
        put_text(object, "cardCategory", "DEBIT");
        put_text(object, "cardStatus", kit->status);
        put_time(object, "changedDate", kit->changed_ms);
        put_time(object, "createdDate", kit->created_ms);
        put_text(object, "entityId", kit->entity_id);
        put_time(object, "expDate", cw_dsim_kit_expiry_ms(kit));
        put_text(object, "kitNo", kit->kit_no);
        put_text(object, "parentKitNo", kit->parent_kit_no);
        (void)json_object_set_new(object, "embeddedValues",
                                  json_pack("{s:s}", "parentKitNo", kit->parent_kit_no));
        put_product(sim, kit, object);
        put_card_number(sim, kit, view, object);
        if (sim->cfg.inventory_extra_fields && view == CW_DSIM_VIEW_INVENTORY) {
                put_text(object, "deliveryStatus", kit->delivery);
                put_text(object, "orderId", kit->order_id);
        }
        return object;
}
