/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/keyblock.h"

#include "base/secret.h"

#include <string.h>

/* Key lengths that the header's algorithm may have. */
static bool length_fits(char algorithm, size_t len) {
        if (algorithm == 'T')
                return len == 16 || len == 24;
        if (algorithm == 'A')
                return len == 16 || len == 24 || len == 32;
        return len > 0 && len <= CW_KEYBLOCK_KEY_MAX;
}

cw_rc cw_keyblock_unwrap(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk, const char *block,
                         const struct cw_keyblock_policy *policy, struct cw_keyblock_header *ret_header,
                         struct cw_keyblock_key *ret_key, struct cw_fault *f) {
        struct cw_keyblock_header h;
        CW_WIPED(uint8_t, payload, CW_KEYBLOCK_PAYLOAD_MAX);
        size_t header_len = 0, len = 0;
        cw_rc rc = cw_keyblock_header_parse(block, strlen(block), &h, &header_len, f);
        if (rc == CW_OK && policy != NULL)
                rc = cw_keyblock_policy_check(&h, policy, f);
        if (rc == CW_OK)
                rc = cw_keyblock_open(c, kbpk, block, header_len, payload, &len, f);
        if (rc != CW_OK)
                return rc;
        size_t bits = (size_t)payload[0] << 8 | payload[1];
        if (bits % 8 != 0 || bits / 8 + 2 > len || !length_fits(h.algorithm, bits / 8))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), (int64_t)bits, "hsm.keyblock",
                               "KEY_BLOCK", "the key in the block is not of a length its header allows");
        memset(ret_key, 0, sizeof(*ret_key));
        memcpy(ret_key->value, payload + 2, bits / 8);
        ret_key->len = bits / 8;
        *ret_header = h;
        return CW_OK;
}

/* Length in bits, key and random bytes up to the longest key of the algorithm, in whole cipher blocks. */
static cw_rc payload_of(const struct cw_hsm_crypto *c, const struct cw_keyblock_header *h,
                        const struct cw_keyblock_key *key, uint8_t ret[CW_KEYBLOCK_PAYLOAD_MAX],
                        size_t *ret_len, struct cw_fault *f) {
        size_t block = cw_keyblock_cipher_block(h->version);
        size_t longest = h->algorithm == 'T' ? 24 : h->algorithm == 'A' ? 32 : CW_KEYBLOCK_KEY_MAX;
        size_t len = (2 + longest + block - 1) / block * block;
        cw_rc rc = cw_hsm_random(c, ret, len, f);
        if (rc != CW_OK)
                return rc;
        ret[0] = (uint8_t)(key->len * 8 >> 8);
        ret[1] = (uint8_t)(key->len * 8);
        memcpy(ret + 2, key->value, key->len);
        *ret_len = len;
        return CW_OK;
}

cw_rc cw_keyblock_wrap(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk,
                       const struct cw_keyblock_header *header, const struct cw_keyblock_policy *policy,
                       const struct cw_keyblock_key *key, char ret[CW_KEYBLOCK_MAX + 1], struct cw_fault *f) {
        CW_WIPED(uint8_t, payload, CW_KEYBLOCK_PAYLOAD_MAX);
        size_t header_len = 0, total = 0, len = 0;
        cw_rc rc = policy ? cw_keyblock_policy_check(header, policy, f) : CW_OK;
        if (rc != CW_OK)
                return rc;
        if (cw_keyblock_cipher_block(header->version) == 0 || !length_fits(header->algorithm, key->len))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), (int64_t)key->len, "hsm.keyblock",
                               "KEY_BLOCK", "the key is not of a length its header allows");
        rc = payload_of(c, header, key, payload, &len, f);
        if (rc == CW_OK)
                rc = cw_keyblock_header_write(header, len, ret, &header_len, &total, f);
        return rc != CW_OK ? rc : cw_keyblock_seal(c, kbpk, ret, header_len, payload, len, f);
}
