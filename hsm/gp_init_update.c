/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/gp_init_update.h"

#include "base/buf.h"

#include <string.h>

#define I_PSEUDO_RANDOM 0x10u

static cw_rc refuse(unsigned code, const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, code), 0, "hsm.init_update", "HSM_INIT_UPDATE", "%s",
                       text);
}

static void take(struct cw_reader *r, void *out, size_t len) {
        struct cw_span s = cw_get_bytes(r, len);
        if (!r->bad)
                memcpy(out, s.ptr, len);
}

cw_rc cw_gp_init_update_parse(const uint8_t *response, size_t len, struct cw_gp_init_update *ret,
                              struct cw_fault *f) {
        struct cw_gp_init_update u = {0};
        struct cw_reader r;
        cw_reader_init(&r, response, len);
        take(&r, u.kdd, sizeof(u.kdd));
        u.kvn = cw_get_u8(&r);
        u.scp = cw_get_u8(&r);
        if (!r.bad && u.scp != 2 && u.scp != 3)
                return refuse(CW_E_UNSUPPORTED, "the card speaks neither SCP02 nor SCP03", f);
        if (u.scp == 3)
                u.i = cw_get_u8(&r);
        u.mode_len = u.scp == 3 && r.left >= 2 * CW_GP_CHALLENGE_MAX ? CW_GP_CHALLENGE_MAX : 8;
        take(&r, u.card_challenge, u.mode_len);
        take(&r, u.cryptogram, u.mode_len);
        if (u.scp == 2) {
                u.has_sequence = true;
                memcpy(u.sequence + 1, u.card_challenge, 2);
        } else if ((u.i & I_PSEUDO_RANDOM) != 0) {
                u.has_sequence = true;
                take(&r, u.sequence, sizeof(u.sequence));
        }
        if (r.bad || r.left != 0)
                return refuse(CW_E_SYNTAX, "the response of INITIALIZE UPDATE has a wrong length", f);
        *ret = u;
        return CW_OK;
}
