/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/gp.h"

#include "drivers/chip/tlv.h"

#include <string.h>

#define TAG_CPLC 0x9f7fu
#define TAG_DF_NAME 0x84u

bool cw_aid_parse(const char *hex, bool empty_ok, struct cw_aid *ret) {
        struct cw_aid aid = {0};
        size_t digits = strlen(hex);
        if (digits == 0 && empty_ok) {
                *ret = aid;
                return true;
        }
        if (!cw_hex_decode(hex, digits, aid.bytes, sizeof aid.bytes, &aid.len) || aid.len < 5)
                return false;
        *ret = aid;
        return true;
}

/* Header, Lc, data, Le; data short enough by construction of every caller. */
static void build(struct cw_command *ret, uint32_t header, struct cw_span data) {
        struct cw_writer w;
        cw_writer_init(&w, ret->bytes, sizeof ret->bytes);
        cw_put_be32(&w, header);
        if (data.len) {
                cw_put_u8(&w, (uint8_t)data.len);
                cw_put_bytes(&w, data.ptr, data.len);
        }
        cw_put_u8(&w, 0);
        ret->len = w.len;
}

void cw_gp_select(const struct cw_aid *aid, struct cw_command *ret) {
        build(ret, 0x00a40400u, CW_SPAN(aid->bytes, aid->len));
}

void cw_gp_initialize_update(uint8_t kvn, const uint8_t challenge[8], struct cw_command *ret) {
        build(ret, 0x80500000u | (uint32_t)kvn << 8, CW_SPAN(challenge, 8));
}

static void put_lv(struct cw_writer *w, const void *p, size_t len) {
        cw_put_u8(w, (uint8_t)len);
        cw_put_bytes(w, p, len);
}

void cw_gp_install_personalize(const struct cw_aid *aid, struct cw_command *ret) {
        uint8_t data[2 + 1 + CW_AID_MAX + 3];
        struct cw_writer w;
        cw_writer_init(&w, data, sizeof data);
        cw_put_be16(&w, 0);
        put_lv(&w, aid->bytes, aid->len);
        cw_put_bytes(&w, (const uint8_t[3]){0}, 3);
        build(ret, 0x80e62000u, CW_SPAN(data, w.len));
}

void cw_gp_install_selectable(const struct cw_gp_install *install, struct cw_command *ret) {
        uint8_t data[3 * (1 + CW_AID_MAX) + 1 + 3 + 1 + sizeof install->parameters + 1];
        struct cw_writer w;
        cw_writer_init(&w, data, sizeof data);
        put_lv(&w, install->package.bytes, install->package.len);
        put_lv(&w, install->class_aid.bytes, install->class_aid.len);
        put_lv(&w, install->instance.bytes, install->instance.len);
        put_lv(&w, install->privileges, install->privileges_len);
        put_lv(&w, install->parameters, install->parameters_len);
        cw_put_u8(&w, 0);
        build(ret, 0x80e60c00u, CW_SPAN(data, w.len));
}

const char *cw_gp_sw_text(uint16_t sw) {
        switch (sw) {
        case 0x6300:
                return "the card refuses our authentication: wrong card keys, and one try is burnt";
        case 0x6581:
                return "the card could not write its memory";
        case 0x6700:
                return "the card finds the length wrong";
        case 0x6982:
                return "the card finds the secure channel or its MAC wrong";
        case 0x6983:
                return "the card or its key is blocked";
        case 0x6985:
                return "the card is not in the state for this command: already personalised, or not prepared "
                       "for it";
        case 0x6988:
                return "the card finds the secure messaging data wrong";
        case 0x6999:
        case 0x6a82:
                return "the application is not on the card";
        case 0x6a80:
                return "the card finds the data wrong; compare the product profile with the card";
        case 0x6a83:
                return "the record is not on the card";
        case 0x6a84:
                return "the card has no memory left";
        case 0x6a86:
                return "the card finds P1 or P2 wrong; compare the product profile with the card";
        case 0x6a88:
                return "the card does not know this key version or data object";
        case 0x6d00:
        case 0x6e00:
                return "the card does not know the command";
        default:
                return "the card refuses";
        }
}

cw_rc cw_chip_fail_sw(struct cw_fault *f, const char *op, uint16_t sw, const char *what) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW), sw, op, "PRD_SMARTCARD",
                       "%s: %s (SW %04X)", what, cw_gp_sw_text(sw), sw);
}

cw_rc cw_gp_do_select(struct cw_card_channel *c, const struct cw_aid *aid, int64_t timeout_ms,
                      struct cw_rapdu *ret, struct cw_fault *f) {
        struct cw_command command;
        cw_gp_select(aid, &command);
        return cw_card_exchange(c, CW_SPAN(command.bytes, command.len), timeout_ms, ret, f);
}

static void domain_name(const struct cw_rapdu *fci, struct cw_aid *ret) {
        struct cw_span name;
        *ret = (struct cw_aid){0};
        if (!cw_tlv_find(CW_SPAN(fci->data, fci->len), TAG_DF_NAME, &name) || name.len > CW_AID_MAX)
                return;
        memcpy(ret->bytes, name.ptr, name.len);
        ret->len = name.len;
}

cw_rc cw_gp_identify(struct cw_card_channel *c, const struct cw_aid *sd, int64_t timeout_ms,
                     char ret_cplc[CW_CPLC_HEX], struct cw_aid *ret_sd, struct cw_fault *f) {
        static const uint8_t get_cplc[] = {0x80, 0xca, 0x9f, 0x7f, 0x00};
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc = cw_gp_do_select(c, sd, timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.select_sd", r.sw, "the security domain cannot be selected");
        if (ret_sd)
                domain_name(&r, ret_sd);
        rc = cw_card_exchange(c, CW_SPAN(get_cplc, sizeof get_cplc), timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        struct cw_span cplc = {0};
        ret_cplc[0] = '\0';
        /* Some cards answer the bare 42 bytes. */
        if (r.sw == 0x9000 && r.len == CW_CPLC_LEN)
                cplc = CW_SPAN(r.data, r.len);
        else if (r.sw != 0x9000 || !cw_tlv_find(CW_SPAN(r.data, r.len), TAG_CPLC, &cplc) ||
                 cplc.len != CW_CPLC_LEN)
                return CW_OK;
        (void)cw_hex_encode(cplc.ptr, cplc.len, ret_cplc, CW_CPLC_HEX);
        return CW_OK;
}

bool cw_cplc_same_chip(const char *a, const char *b) {
        const size_t digits = (size_t)2 * CW_CPLC_CHIP_LEN;
        return strlen(a) >= digits && strlen(b) >= digits && strncmp(a, b, digits) == 0;
}
