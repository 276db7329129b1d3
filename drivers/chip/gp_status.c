/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/gp_status.h"

#include "drivers/chip/tlv.h"

#include <string.h>

#define TAG_ENTRY 0xe3u
#define TAG_AID 0x4fu
#define TAG_STATE 0x9f70u
#define TAG_PRIVILEGES 0xc5u
#define TAG_PACKAGE 0xc4u
#define TAG_DOMAIN 0xccu
#define TAG_MODULE 0x84u

static bool take_aid(struct cw_span value, struct cw_aid *ret) {
        if (value.len > CW_AID_MAX)
                return false;
        memcpy(ret->bytes, value.ptr, value.len);
        ret->len = value.len;
        return true;
}

static bool take_object(const struct cw_tlv *item, struct cw_gp_status *s) {
        switch (item->tag) {
        case TAG_AID:
                return take_aid(item->value, &s->aid);
        case TAG_PACKAGE:
                return take_aid(item->value, &s->package);
        case TAG_DOMAIN:
                return take_aid(item->value, &s->domain);
        case TAG_STATE: /* a second byte tells of another interface (Amendment C) */
                if (item->value.len < 1)
                        return false;
                s->state = item->value.ptr[0];
                return true;
        case TAG_PRIVILEGES:
                if (item->value.len != 1 && item->value.len != 3)
                        return false;
                memcpy(s->privileges, item->value.ptr, item->value.len);
                s->privileges_len = item->value.len;
                return true;
        case TAG_MODULE:
                s->modules++;
                return true;
        default:
                return true;
        }
}

enum cw_gp_status_result cw_gp_status_next(struct cw_span *rest, struct cw_gp_status *ret) {
        struct cw_tlv entry, item;
        struct cw_gp_status s = {0};
        enum cw_tlv_result got = cw_tlv_next(rest, &entry);
        if (got == CW_TLV_END)
                return CW_GP_STATUS_END;
        if (got == CW_TLV_BAD || entry.tag != TAG_ENTRY)
                return CW_GP_STATUS_BAD;
        struct cw_span inner = entry.value;
        while ((got = cw_tlv_next(&inner, &item)) == CW_TLV_ITEM)
                if (!take_object(&item, &s))
                        return CW_GP_STATUS_BAD;
        if (got == CW_TLV_BAD || s.aid.len == 0)
                return CW_GP_STATUS_BAD;
        *ret = s;
        return CW_GP_STATUS_ENTRY;
}

static bool take_lv(struct cw_reader *r, struct cw_aid *ret) {
        struct cw_span value = cw_get_bytes(r, cw_get_u8(r));
        return !r->bad && take_aid(value, ret);
}

enum cw_gp_status_result cw_gp_status_plain_next(uint8_t of, struct cw_span *rest, struct cw_gp_status *ret) {
        struct cw_reader r;
        struct cw_gp_status s = {0};
        struct cw_aid module;
        if (rest->len == 0)
                return CW_GP_STATUS_END;
        cw_reader_init(&r, rest->ptr, rest->len);
        if (!take_lv(&r, &s.aid) || s.aid.len == 0)
                return CW_GP_STATUS_BAD;
        s.state = cw_get_u8(&r);
        s.privileges[0] = cw_get_u8(&r);
        s.privileges_len = 1;
        s.modules = of == CW_STATUS_MODULES ? cw_get_u8(&r) : 0;
        for (unsigned i = 0; i < s.modules && !r.bad; i++)
                if (!take_lv(&r, &module))
                        return CW_GP_STATUS_BAD;
        if (r.bad)
                return CW_GP_STATUS_BAD;
        *rest = CW_SPAN(rest->ptr + (rest->len - r.left), r.left);
        *ret = s;
        return CW_GP_STATUS_ENTRY;
}
