/* SPDX-License-Identifier: Apache-2.0 */
/* VERIFY with a plaintext PIN. */
#include "chip.h"

#include <openssl/crypto.h>
#include <string.h>

bool emuc_pin_well_formed(const uint8_t *v, size_t len) {
        unsigned digits = len == 8 ? v[0] & 0x0fU : 0;

        if (len != 8 || v[0] >> 4 != 2 || digits < 4 || digits > 12)
                return false;
        for (unsigned i = 0; i < 14; i++) {
                unsigned n = i % 2 ? v[1 + i / 2] & 0x0fU : (unsigned)(v[1 + i / 2] >> 4);
                if (i < digits ? n > 9 : n != 0xf)
                        return false;
        }
        return true;
}

uint16_t emuc_emv_verify(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (cmd->p1 || cmd->p2 != 0x80) {
                emuc_violate(c, "VERIFY: P1 %02X, P2 %02X", cmd->p1, cmd->p2);
                return 0x6a86;
        }
        if (!emuc_pin_well_formed(cmd->data, cmd->lc)) {
                emuc_violate(c, "VERIFY: PIN block of %zu bytes", cmd->lc);
                return cmd->lc == 8 ? 0x6a80 : 0x6700;
        }
        if (c->nvm->pin_tries == 0)
                return 0x6983;
        c->nvm->pin_tries--;
        if (emuc_save(c, 0x9000) != 0x9000)
                return 0x6581;
        c->tx.pin_done = true;
        c->tx.pin_failed = CRYPTO_memcmp(cmd->data, c->nvm->pin, 8) != 0;
        if (c->tx.pin_failed)
                return (uint16_t)(0x63c0 | c->nvm->pin_tries);
        c->nvm->pin_tries = c->nvm->pin_limit;
        return emuc_save(c, 0x9000);
}
