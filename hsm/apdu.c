/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/apdu.h"

#include <string.h>

cw_rc cw_capdu_parse(const uint8_t *bytes, size_t len, struct cw_capdu *ret, struct cw_fault *f) {
        size_t lc = len > 5 ? bytes[4] : 0;
        bool ok = len == 4 || len == 5 || (len > 5 && lc > 0 && (len == 5 + lc || len == 6 + lc));
        if (!ok)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), (int64_t)len, "hsm.apdu",
                               "HSM_APDU", "not a short command APDU");
        bool has_le = len == 5 || (lc > 0 && len == 6 + lc);
        *ret = (struct cw_capdu){.cla = bytes[0],
                                 .ins = bytes[1],
                                 .p1 = bytes[2],
                                 .p2 = bytes[3],
                                 .data = lc > 0 ? bytes + 5 : NULL,
                                 .data_len = lc,
                                 .has_le = has_le,
                                 .le = has_le ? bytes[len - 1] : 0};
        return CW_OK;
}

size_t cw_pad80(uint8_t *buf, size_t len, size_t block) {
        size_t padded = (len | (block - 1)) + 1; /* 8 or 16 */
        buf[len] = 0x80;
        memset(buf + len + 1, 0, padded - len - 1);
        return padded;
}

bool cw_unpad80(const uint8_t *buf, size_t len, size_t *ret_len) {
        while (len > 0 && buf[len - 1] == 0)
                len--;
        if (len == 0 || buf[len - 1] != 0x80)
                return false;
        *ret_len = len - 1;
        return true;
}
