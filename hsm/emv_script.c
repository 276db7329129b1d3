/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_script.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/emv_aes.h"

#include <string.h>

cw_rc cw_emv_script_mac(const struct cw_hsm_crypto *c, const struct cw_retail_key *smi,
                        const uint8_t header[5], const void *context, size_t context_len, const void *data,
                        size_t len, uint8_t ret[8], struct cw_fault *f) {
        uint8_t msg[5 + 16 + 256];
        struct cw_writer w;
        cw_writer_init(&w, msg, sizeof(msg));
        cw_put_bytes(&w, header, 5);
        cw_put_bytes(&w, context, context_len);
        cw_put_bytes(&w, data, len);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "hsm.script_mac",
                               "", "a script command has at most 255 bytes of data");
        return cw_retail_mac(c, smi, 2, NULL, msg, w.len, ret, f);
}

cw_rc cw_emv_script_mac_chained(const struct cw_hsm_crypto *c, const struct cw_retail_key *smi,
                                const uint8_t chain[CW_EMV_CHAIN_MAX], const uint8_t header[4],
                                const void *objects, size_t len, uint8_t ret[CW_EMV_CHAIN_MAX],
                                struct cw_fault *f) {
        static const uint8_t padding[CW_EMV_CHAIN_MAX] = {0x80};
        const bool aes = cw_hsm_alg_is_aes(smi->full.alg);
        const size_t block = cw_hsm_alg_block(smi->full.alg);
        uint8_t msg[3 * CW_EMV_CHAIN_MAX + 256];
        struct cw_writer w;
        cw_writer_init(&w, msg, sizeof(msg));
        cw_put_bytes(&w, chain, block);
        cw_put_bytes(&w, header, 4);
        cw_put_bytes(&w, padding, block - 4);
        cw_put_bytes(&w, objects, len);
        if (aes && len) /* CMAC would pad whole blocks in another way */
                cw_put_bytes(&w, padding, block - len % block);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "hsm.script_mac",
                               "", "a script command has at most 255 bytes of data");
        /* ISO 7816-4: a header that ends a block is not padded again; padding 1 adds nothing to whole blocks.
         */
        return aes ? cw_emv_aes_mac(c, &smi->full, msg, w.len, ret, f)
                   : cw_retail_mac(c, smi, len ? 2 : 1, NULL, msg, w.len, ret, f);
}

static void put_nibble(uint8_t block[8], size_t i, unsigned v) {
        block[i / 2] ^= (uint8_t)(i % 2 == 0 ? v << 4 : v);
}

/* (00000000 | MK-AC bytes 4..7) ^ (length | PIN | F..F) ^ (current PIN | 0..0) */
static void visa_block(const uint8_t *mk_ac, const struct cw_pin *pin, const struct cw_pin *current,
                       uint8_t ret[8]) {
        memset(ret, 0, 8);
        memcpy(ret + 4, mk_ac + 4, 4);
        put_nibble(ret, 1, pin->len);
        for (size_t i = 0; i < CW_PIN_FILLER; i++)
                put_nibble(ret, 2 + i, i < pin->len ? pin->digit[i] : 0xfu);
        for (size_t i = 0; current != NULL && i < current->len; i++)
                put_nibble(ret, i, current->digit[i]);
}

cw_rc cw_emv_pin_change(const struct cw_hsm_crypto *c, const struct cw_hsm_key *smc,
                        enum cw_emv_pin_scheme scheme, const uint8_t *mk_ac, const struct cw_pin *pin,
                        const struct cw_pin *current, uint8_t ret[CW_EMV_PIN_CHANGE_MAX], size_t *ret_len,
                        struct cw_fault *f) {
        CW_WIPED(uint8_t, data, CW_EMV_PIN_CHANGE_MAX);
        CW_WIPED(uint8_t, block, 8);
        bool visa = scheme == CW_EMV_PIN_VISA || scheme == CW_EMV_PIN_VISA22;
        bool bound = scheme == CW_EMV_PIN_VISA || (visa && current != NULL);
        struct cw_writer w;
        if ((bound && mk_ac == NULL) || (!visa && current != NULL))
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISSING), 0, "hsm.pin_change", "HSM_REQUEST",
                    "a Visa PIN change needs the card's AC master key; others carry no current PIN");
        if (bound)
                visa_block(mk_ac, pin, current, block);
        else
                cw_pinblock_encode2(pin, block);
        cw_writer_init(&w, data, sizeof(data));
        if (visa)
                cw_put_u8(&w, 8);
        cw_put_bytes(&w, block, 8);
        if (scheme != CW_EMV_PIN_MCHIP)
                cw_put_u8(&w, 0x80);
        size_t len = scheme == CW_EMV_PIN_MCHIP ? 8 : 16;
        cw_rc rc = cw_hsm_encrypt(c, smc, visa ? CW_MODE_ECB : CW_MODE_CBC, NULL, data, len, ret, f);
        if (rc == CW_OK)
                *ret_len = len;
        return rc;
}
