/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/dgi.h"

#define LONG_LENGTH 0xffu

size_t cw_dgi_len(size_t value_len) {
        return 2 + (value_len < LONG_LENGTH ? 1u : 3u) + value_len;
}

void cw_dgi_put(struct cw_writer *w, uint16_t id, const void *value, size_t len) {
        if (len > CW_DGI_VALUE_MAX) {
                w->bad = true;
                return;
        }
        cw_put_be16(w, id);
        if (len < LONG_LENGTH) {
                cw_put_u8(w, (uint8_t)len);
        } else {
                cw_put_u8(w, LONG_LENGTH);
                cw_put_be16(w, (uint16_t)len);
        }
        cw_put_bytes(w, value, len);
}

bool cw_dgi_next(struct cw_span *rest, uint16_t *ret_id, struct cw_span *ret_value, bool *ret_bad) {
        *ret_bad = false;
        if (rest->len == 0)
                return false;
        struct cw_reader r;
        cw_reader_init(&r, rest->ptr, rest->len);
        uint16_t id = cw_get_be16(&r);
        size_t len = cw_get_u8(&r);
        if (len == LONG_LENGTH)
                len = cw_get_be16(&r);
        struct cw_span value = cw_get_bytes(&r, len);
        if (r.bad) {
                *ret_bad = true;
                return false;
        }
        *rest = CW_SPAN(r.ptr, r.left);
        *ret_id = id;
        *ret_value = value;
        return true;
}

static void put_command(struct cw_writer *out, uint8_t p1, uint8_t p2, struct cw_span data, bool le) {
        cw_put_be16(out, (uint16_t)(5 + data.len + (le ? 1 : 0)));
        cw_put_bytes(out, (const uint8_t[]){0x80, 0xe2, p1, p2, (uint8_t)data.len}, 5);
        cw_put_bytes(out, data.ptr, data.len);
        if (le)
                cw_put_u8(out, 0);
}

cw_rc cw_store_data_build(const struct cw_store_plan *plan, struct cw_writer *out, size_t *ret_count,
                          struct cw_fault *f) {
        size_t count = 0;
        if (plan->count == 0 || plan->chunk == 0 || plan->chunk > CW_STORE_DATA_MAX)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_RANGE), (int64_t)plan->chunk,
                               "chip.store_data", "",
                               "nothing to store, or more than %u bytes a command; check the product profile",
                               CW_STORE_DATA_MAX);
        for (size_t i = 0; i < plan->count; i++) {
                struct cw_span rest = plan->units[i].coded;
                if (plan->units[i].grouped && rest.len > plan->chunk)
                        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)rest.len,
                                       "chip.store_data", "PRT_SETUP_ERROR",
                                       "groupings of %zu bytes are to go in one STORE DATA, which takes %zu; "
                                       "make the group (GROUP, joined) smaller",
                                       rest.len, plan->chunk);
                while (rest.len) {
                        size_t take = rest.len < plan->chunk ? rest.len : plan->chunk;
                        bool last = i + 1 == plan->count && take == rest.len;
                        uint8_t p1 = (uint8_t)(plan->units[i].p1 | (last ? plan->last : 0));
                        put_command(out, p1, (uint8_t)count, CW_SPAN(rest.ptr, take), plan->le);
                        rest = CW_SPAN(rest.ptr + take, rest.len - take);
                        count++;
                }
        }
        if (out->bad)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_TOO_BIG), 0, "chip.store_data", "",
                               "the profile makes more data than one session carries; make it smaller");
        *ret_count = count;
        return CW_OK;
}
