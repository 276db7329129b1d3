/* SPDX-License-Identifier: Apache-2.0 */
#include "test_hsm_sess_rig.h"

#include "hsm/card_number.h"

#include <stdlib.h>
#include <string.h>

static const struct {
        const char *label, *purpose;
        enum cw_hsm_alg alg;
        unsigned usage;
} table[] = {
    {"pan", "pan-transport", CW_ALG_AES256, CW_USE_ENCRYPT | CW_USE_DECRYPT},
    {"pin", "pin-transport", CW_ALG_AES256, CW_USE_ENCRYPT},
    {"hash", "pan-hash", CW_ALG_GENERIC, CW_USE_MAC},
    {"bdk", "bdk", CW_ALG_TDES2, CW_USE_ENCRYPT},
    {"cvk", "cvk", CW_ALG_TDES2, CW_USE_ENCRYPT},
    {"ac", "imk-ac", CW_ALG_TDES2, CW_USE_DERIVE},
    {"smi", "imk-smi", CW_ALG_TDES2, CW_USE_DERIVE},
    {"smc", "imk-smc", CW_ALG_TDES2, CW_USE_DERIVE},
    {"enc", "kmc-enc", CW_ALG_AES128, CW_USE_MAC},
    {"mac", "kmc-mac", CW_ALG_AES128, CW_USE_MAC},
    {"dek", "kmc-dek", CW_ALG_AES128, CW_USE_MAC | CW_USE_ENCRYPT},
    {"zin", "zpk-in", CW_ALG_TDES2, CW_USE_DECRYPT},
    {"zout", "zpk-out", CW_ALG_TDES2, CW_USE_ENCRYPT},
    {"pvk", "pvk", CW_ALG_TDES2, CW_USE_ENCRYPT},
    {"tmac", "mac", CW_ALG_TDES2, CW_USE_ENCRYPT},
    {"amac", "mac", CW_ALG_AES128, CW_USE_MAC},
    {"cavk", "cavk", CW_ALG_TDES2, CW_USE_ENCRYPT},
    {"bdk4", "bdk", CW_ALG_AES128, CW_USE_DERIVE},
    {"dcvv", "imk-dcvv", CW_ALG_TDES2, CW_USE_DERIVE},
};
#define KEYS (sizeof(table) / sizeof(table[0]))

static struct cw_hsm_key make(struct sess_rig *r, enum cw_hsm_alg alg, unsigned usage, const uint8_t *value) {
        struct cw_hsm_key k = {0};
        if (alg == CW_ALG_GENERIC)
                return soft_generic(r->soft, value, 32);
        if (cw_hsm_import(&r->crypto, alg, usage, value, &k, NULL) != CW_OK)
                abort();
        return k;
}

static void add_key(struct sess_rig *r, size_t i) {
        /* K-ENC 00.., K-MAC 10.., as in the published secure channels; any value does for the others */
        uint8_t value[32], companion[16];
        struct cw_stored_key *k = &r->keys.keys[i];
        for (size_t b = 0; b < sizeof(value); b++)
                value[b] = (uint8_t)((strcmp(table[i].label, "mac") == 0 ? 0x10 : 0) + b);
        r->keys_cfg[i] = (struct cw_config_key){
            .label = table[i].label, .purpose = table[i].purpose, .algorithm = "", .kcv = ""};
        k->cfg = &r->keys_cfg[i];
        k->purpose = cw_key_purpose_find(table[i].purpose);
        k->key = make(r, table[i].alg, table[i].usage, value);
        k->ok = true;
        if (k->purpose->companion == CW_COMPANION_NONE || !cw_hsm_alg_is_tdes(table[i].alg))
                return;
        cw_key_companion_value(k->purpose->companion, value, sizeof(companion), companion);
        k->companion = make(r, table[i].alg, table[i].usage, companion);
}

size_t sess_rig_own_keys(void) {
        return KEYS + 4; /* companions */
}

void sess_rig_init(struct sess_rig *r, const char *state_dir) {
        memset(r, 0, sizeof(*r));
        r->soft = soft_hsm_new(&r->crypto);
        for (size_t i = 0; i < KEYS; i++)
                add_key(r, i);
        r->keys.count = KEYS;
        r->cfg.pan_transport_key = "pan";
        r->cfg.pan_hash_key = "hash";
        r->cfg.hsm.allow_host_memory = 1;
        r->cfg.pin = (struct cw_config_pin){
            .key = "pin", .bdk = "bdk", .attempts = 3, .length_min = 4, .length_max = 6};
        r->cfg.product_count = 1;
        r->cfg.products[0] = (struct cw_config_product){
            .plastic_code = "71",
            .service_code = "101",
            .psn = "00",
            .discretionary = "00000{cvv}00",
            .cvk = "cvk",
            .imk_ac = "ac",
            .imk_smi = "smi",
            .imk_smc = "smc",
            .kmc_enc = "enc",
            .kmc_mac = "mac",
            .kmc_dek = "dek",
            .diversification = "none",
            .cvn = CW_CVN18,
            .imk_dcvv = "",
            .imk_cvc3 = "",
            .cavk = "cavk",
            .new_kmc_enc = "",
            .new_kmc_mac = "",
            .new_kmc_dek = "",
            .new_diversification = "none",
            .pin_method = CW_PIN_METHOD_PVV,
            .pvk = "pvk",
            .pvki = 1,
            .decimalisation = "0123456789012345",
            .validation_length = 16,
            .validation_pad = "F",
            .weak_pins = "repeated,sequential",
            .issuer_key = "",
            .issuer_certificate = "",
            .scp = 3,
            .security_level = 0x01,
        };
        r->env = (struct cw_sess_env){&r->cfg, &r->crypto, &r->keys, state_dir, NULL};
}

void sess_rig_done(struct sess_rig *r) {
        soft_hsm_free(r->soft);
}

void sess_rig_seal(struct sess_rig *r, const char *digits, char ret[128]) {
        struct cw_pan pan;
        if (cw_pan_set(&pan, digits, strlen(digits), NULL) != CW_OK ||
            cw_card_number_seal(&r->crypto, &r->keys.keys[0].key, &pan, ret, NULL) != CW_OK)
                abort();
}
