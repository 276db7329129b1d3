/* SPDX-License-Identifier: Apache-2.0 */
#include "des.h"
#include "scp.h"

/* SCP02: 3DES-ECB under the session DEK; SCP03: AES-CBC under the static DEK, IV zero. */
bool emuc_scp_dek_open(const struct emuc_chip *c, uint8_t *data, size_t len) {
        static const uint8_t zero[16];

        if (c->scp.version == 2)
                return len && len % 8 == 0 && emuc_des3_ecb(c->scp.dek.bytes, false, data, len, data);
        return len && len % 16 == 0 && emuc_aes_cbc(&c->scp.dek, false, zero, data, len, data);
}
