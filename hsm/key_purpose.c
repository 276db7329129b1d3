/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/key_purpose.h"

#include "hsm/dukpt.h"

#include <string.h>

static const struct cw_key_purpose purposes[] = {
    {"cvk", CW_USE_ENCRYPT, 0, 0, 0, 0, CW_COMPANION_LEFT,
     "the first DES block of each CVV; nothing of it when the key may wrap"},
    {"imk-ac", CW_USE_DERIVE, CW_USE_DERIVE, 0, 0, 0, CW_COMPANION_NONE,
     "the card's own master key, when it is written to the card"},
    {"imk-smi", CW_USE_DERIVE, CW_USE_DERIVE, 0, 0, 0, CW_COMPANION_NONE,
     "the card's own master key, when it is written to the card"},
    {"imk-smc", CW_USE_DERIVE, CW_USE_DERIVE, 0, 0, 0, CW_COMPANION_NONE,
     "the card's own master key, when it is written to the card"},
    {"kmc-enc", CW_USE_DERIVE, CW_USE_MAC, 0, 0, 0, CW_COMPANION_NONE,
     "AES: session and card keys, on their way back in unless it derives with CMAC; both: a card's own key "
     "that PUT KEY writes"},
    {"kmc-mac", CW_USE_DERIVE, CW_USE_MAC, 0, 0, 0, CW_COMPANION_NONE,
     "AES: session and card keys, on their way back in unless it derives with CMAC; both: a card's own key "
     "that PUT KEY writes"},
    {"kmc-dek", CW_USE_DERIVE, CW_USE_MAC | CW_USE_ENCRYPT, 0, 0, 0, CW_COMPANION_NONE,
     "AES: card keys, on their way back in unless it derives with CMAC; both: a card's own key that PUT KEY "
     "writes"},
    {"bdk", CW_USE_ENCRYPT, CW_USE_DERIVE, 0, 0, 0, CW_COMPANION_VARIANT,
     "TDES: initial key, transaction key; both: the clear PIN of an entry"},
    {"pin-transport", 0, CW_USE_ENCRYPT, 0, 0, 0, CW_COMPANION_NONE, "nothing; the clear PIN block goes in"},
    {"pan-transport", 0, CW_USE_ENCRYPT | CW_USE_DECRYPT, 0, 0, 0, CW_COMPANION_NONE,
     "the PAN, which the card needs"},
    {"pan-hash", 0, 0, CW_USE_MAC, 0, 0, CW_COMPANION_NONE, "the keyed hash"},
    {"kbpk", CW_USE_ENCRYPT | CW_USE_MAC, CW_USE_ENCRYPT | CW_USE_MAC, 0, 0, 0, CW_COMPANION_KBEK,
     "the keys derived from it for a block, the key in the block"},
    {"zpk-in", CW_USE_DECRYPT, CW_USE_DECRYPT, 0, 0, 0, CW_COMPANION_NONE,
     "the clear PIN block; nothing when the key may only unwrap"},
    {"zpk-out", CW_USE_ENCRYPT, CW_USE_ENCRYPT, 0, 0, 0, CW_COMPANION_NONE,
     "nothing; the clear PIN block goes in"},
    {"pvk", CW_USE_ENCRYPT, 0, 0, 0, 0, CW_COMPANION_NONE, "a PVV; IBM 3624: the natural PIN"},
    {"mac", CW_USE_ENCRYPT, CW_USE_MAC, 0, 0, 0, CW_COMPANION_LEFT,
     "MACs; TDES: the block between the two passes, but for messages of up to 72 bytes when the key may "
     "wrap"},
    {"cavk", CW_USE_ENCRYPT, 0, 0, 0, 0, CW_COMPANION_LEFT,
     "the first DES block of each CAVV; nothing of it when the key may wrap"},
    {"imk-dcvv", CW_USE_DERIVE, 0, 0, 0, 0, CW_COMPANION_NONE, "the values"},
    {"imk-cvc3", CW_USE_DERIVE, 0, 0, 0, 0, CW_COMPANION_NONE, "the values"},
    {"issuer-rsa", 0, 0, 0, CW_USE_MAC, 0, CW_COMPANION_NONE, "signatures"},
    {"d1-sign", 0, 0, 0, 0, CW_USE_MAC, CW_COMPANION_NONE, "signed token requests"},
};

const struct cw_key_purpose *cw_key_purpose_find(const char *name) {
        for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
                if (strcmp(purposes[i].name, name) == 0)
                        return &purposes[i];
        }
        return NULL;
}

/* A check value needs a flag of its own where the purpose does not allow to compute it. */
static unsigned with_kcv(unsigned usage, enum cw_hsm_alg alg, const char *kcv) {
        if (usage == 0 || alg == CW_ALG_GENERIC || cw_hsm_alg_is_pair(alg))
                return usage;
        if (strlen(kcv) == 10)
                return usage | CW_USE_MAC;
        return (usage & (CW_USE_ENCRYPT | CW_USE_DERIVE)) != 0 ? usage : usage | CW_USE_ENCRYPT;
}

bool cw_key_purpose_is_of_cards(const char *name) {
        return strncmp(name, "imk-", 4) == 0;
}

unsigned cw_key_purpose_usage(const struct cw_key_purpose *purpose, enum cw_hsm_alg alg, const char *kcv) {
        bool longer = purpose->companion == CW_COMPANION_KBEK; /* a KBPK may have three parts */
        unsigned usage = alg == CW_ALG_GENERIC           ? purpose->generic
                         : alg == CW_ALG_RSA             ? purpose->rsa
                         : alg == CW_ALG_P256            ? purpose->p256
                         : cw_hsm_alg_is_aes(alg)        ? purpose->aes
                         : alg == CW_ALG_TDES2 || longer ? purpose->tdes
                                                         : 0;
        return with_kcv(usage, alg, kcv);
}

unsigned cw_key_purpose_usage_in_token(const struct cw_key_purpose *purpose, enum cw_hsm_alg alg,
                                       const char *kcv) {
        static const struct {
                const char *name;
                unsigned usage;
        } moved[] = {{"zpk-in", CW_USE_UNWRAP}, {"zpk-out", CW_USE_WRAP}, {"pvk", CW_USE_WRAP}};
        if (purpose->companion == CW_COMPANION_LEFT && cw_hsm_alg_is_tdes(alg)) {
                unsigned usage = cw_key_purpose_usage(purpose, alg, kcv);
                return usage != 0 ? usage | CW_USE_WRAP : 0;
        }
        if (cw_key_purpose_usage(purpose, alg, kcv) == 0)
                return 0;
        for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
                if (strcmp(moved[i].name, purpose->name) == 0)
                        return with_kcv(moved[i].usage, alg, kcv);
        }
        return 0;
}

bool cw_key_purpose_inside(const struct cw_key_purpose *purpose, const struct cw_p11 *p, bool moves_pins) {
        return purpose->companion == CW_COMPANION_LEFT ? p->closed_mac : moves_pins;
}

size_t cw_key_mechanisms(enum cw_hsm_alg alg, unsigned usage, CK_MECHANISM_TYPE ret[CW_P11_MECHANISMS_MAX]) {
        bool aes = cw_hsm_alg_is_aes(alg);
        size_t n = 0;
        if (alg == CW_ALG_GENERIC) {
                ret[n++] = CKM_SHA256_HMAC;
                return n;
        }
        if (alg == CW_ALG_RSA) {
                ret[n++] = CKM_RSA_X_509;
                return n;
        }
        if (alg == CW_ALG_P256) {
                ret[n++] = CKM_ECDSA;
                return n;
        }
        if ((usage & (CW_USE_ENCRYPT | CW_USE_DECRYPT | CW_USE_WRAP | CW_USE_UNWRAP)) != 0) {
                ret[n++] = aes ? CKM_AES_ECB : CKM_DES3_ECB;
                ret[n++] = aes ? CKM_AES_CBC : CKM_DES3_CBC;
                if (aes)
                        ret[n++] = CKM_AES_GCM;
        }
        if ((usage & CW_USE_MAC) != 0)
                ret[n++] = aes ? CKM_AES_CMAC : CKM_DES3_CMAC;
        if ((usage & CW_USE_DERIVE) != 0) {
                ret[n++] = aes ? CKM_AES_ECB_ENCRYPT_DATA : CKM_DES3_ECB_ENCRYPT_DATA;
                ret[n++] = aes ? CKM_AES_CBC_ENCRYPT_DATA : CKM_DES3_CBC_ENCRYPT_DATA;
        }
        return n;
}

size_t cw_key_parts(const struct cw_key_purpose *purpose, enum cw_hsm_alg alg, unsigned usage,
                    struct cw_key_part ret[CW_KEY_COMPANIONS_MAX]) {
        if (!cw_hsm_alg_is_tdes(alg))
                return 0;
        switch (purpose->companion) {
        case CW_COMPANION_LEFT:
                ret[0] = (struct cw_key_part){
                    CW_COMPANION_LEFT, ".left",
                    (usage & CW_USE_WRAP) != 0 ? (usage & ~CW_USE_WRAP) | CW_USE_DERIVE : usage};
                return 1;
        case CW_COMPANION_VARIANT:
                ret[0] = (struct cw_key_part){CW_COMPANION_VARIANT, ".variant", usage};
                return 1;
        case CW_COMPANION_KBEK:
        case CW_COMPANION_KBAK:
                ret[0] = (struct cw_key_part){CW_COMPANION_KBEK, ".kbek", CW_USE_ENCRYPT | CW_USE_DECRYPT};
                ret[1] = (struct cw_key_part){CW_COMPANION_KBAK, ".kbak", CW_USE_ENCRYPT};
                return 2;
        case CW_COMPANION_NONE:
                break;
        }
        return 0;
}

void cw_key_companion_value(enum cw_key_companion kind, const uint8_t *key, size_t len, uint8_t *ret) {
        memcpy(ret, key, len);
        if (kind == CW_COMPANION_LEFT)
                memcpy(ret + 8, key, 8);
        else if (kind == CW_COMPANION_VARIANT)
                cw_dukpt_variant(key, ret);
        for (size_t i = 0; i < len && kind >= CW_COMPANION_KBEK; i++)
                ret[i] = key[i] ^ (kind == CW_COMPANION_KBEK ? 0x45 : 0x4d);
}
