/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/gp.h"

#include "drivers/chip/tlv.h"

#include <string.h>

#define TAG_CPLC 0x9f7fu
#define TAG_DF_NAME 0x84u
#define TAG_AID 0x4fu
#define TAG_MAX_DATA 0x9f65u
#define DATA_MIN 64u /* less is no card that could be personalised, but a card that tells nonsense */

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

void cw_gp_initialize_update(uint8_t kvn, struct cw_span challenge, struct cw_command *ret) {
        build(ret, 0x80500000u | (uint32_t)kvn << 8, challenge);
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

void cw_gp_install_load(const struct cw_aid *package, const struct cw_aid *domain, struct cw_command *ret) {
        uint8_t data[2 * (1 + CW_AID_MAX) + 3];
        struct cw_writer w;
        cw_writer_init(&w, data, sizeof data);
        put_lv(&w, package->bytes, package->len);
        put_lv(&w, domain->bytes, domain->len);
        cw_put_bytes(&w, (const uint8_t[3]){0}, 3);
        build(ret, 0x80e60200u, CW_SPAN(data, w.len));
}

void cw_gp_make_selectable(const struct cw_aid *instance, struct cw_command *ret) {
        uint8_t data[2 + 1 + CW_AID_MAX + 2 + 2];
        struct cw_writer w;
        cw_writer_init(&w, data, sizeof data);
        cw_put_be16(&w, 0);
        put_lv(&w, instance->bytes, instance->len);
        cw_put_be16(&w, 0x0100); /* one byte of privileges: none */
        cw_put_be16(&w, 0);      /* no parameters, no token */
        build(ret, 0x80e60800u, CW_SPAN(data, w.len));
}

void cw_gp_load(uint8_t number, bool last, struct cw_span block, struct cw_command *ret) {
        build(ret, 0x80e80000u | (last ? 0x8000u : 0u) | number, block);
}

void cw_gp_delete(const struct cw_aid *aid, bool related, struct cw_command *ret) {
        uint8_t data[2 + CW_AID_MAX];
        struct cw_writer w;
        cw_writer_init(&w, data, sizeof data);
        cw_tlv_put(&w, TAG_AID, aid->bytes, aid->len);
        build(ret, related ? 0x80e40080u : 0x80e40000u, CW_SPAN(data, w.len));
}

/* A case 3 command: it has no answer (GP table 11-85). */
void cw_gp_set_status(uint8_t of, uint8_t state, const struct cw_aid *aid, struct cw_command *ret) {
        build(ret, 0x80f00000u | (uint32_t)of << 8 | state, CW_SPAN(aid->bytes, aid->len));
        ret->len--;
}

void cw_gp_get_status(uint8_t of, bool next, struct cw_command *ret) {
        static const uint8_t any[] = {TAG_AID, 0x00};
        build(ret, 0x80f20000u | (uint32_t)of << 8 | (next ? 0x03u : 0x02u), CW_SPAN(any, sizeof any));
}

void cw_gp_get_data(uint16_t tag, struct cw_command *ret) {
        build(ret, 0x80ca0000u | tag, CW_SPAN(NULL, 0));
}

const char *cw_gp_card_state(uint8_t state) {
        switch (state) {
        case 0x01:
                return "OP_READY";
        case CW_CARD_INITIALIZED:
                return "INITIALIZED";
        case CW_CARD_SECURED:
                return "SECURED";
        case 0x7f:
                return "CARD_LOCKED";
        case 0xff:
                return "TERMINATED";
        default:
                return "";
        }
}

const char *cw_gp_application_state(uint8_t state) {
        if ((state & 0x83u) == 0x83u)
                return "LOCKED";
        switch (state) {
        case 0x03:
                return "INSTALLED";
        case 0x07:
                return "SELECTABLE";
        case 0x0f:
                return "PERSONALIZED";
        default:
                return "";
        }
}

const char *cw_gp_sw_text(uint16_t sw) {
        switch (sw) {
        case 0x6283:
                return "it is locked";
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

static void read_domain(struct cw_span fci, struct cw_gp_domain *ret) {
        struct cw_span v;
        *ret = (struct cw_gp_domain){.max_data = CW_GP_DATA_MAX};
        if (cw_tlv_find(fci, TAG_DF_NAME, &v) && v.len <= CW_AID_MAX) {
                memcpy(ret->aid.bytes, v.ptr, v.len);
                ret->aid.len = v.len;
        }
        if (!cw_tlv_find(fci, TAG_MAX_DATA, &v) || v.len < 1 || v.len > 2)
                return;
        size_t max = v.len == 1 ? v.ptr[0] : (size_t)v.ptr[0] << 8 | v.ptr[1];
        if (max >= DATA_MIN && max < CW_GP_DATA_MAX)
                ret->max_data = max;
}

/* Names that issuer security domains have had; the empty one selects whatever the card's default is. */
static cw_rc select_issuer_domain(struct cw_card_channel *c, int64_t timeout_ms, struct cw_rapdu *ret,
                                  struct cw_fault *f) {
        static const struct cw_aid known[] = {
            {{0}, 0},
            {{0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00}, 8},
            {{0xa0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00}, 8},
            {{0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00}, 7},
        };
        uint16_t first = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                cw_rc rc = cw_gp_do_select(c, &known[i], timeout_ms, ret, f);
                if (rc != CW_OK || ret->sw == 0x9000)
                        return rc;
                if (i == 0)
                        first = ret->sw;
        }
        ret->sw = first;
        return CW_OK;
}

/* Under the GlobalPlatform class, then under the ISO one. A card may refuse it: then it has none. */
static cw_rc read_cplc(struct cw_card_channel *c, int64_t timeout_ms, char ret_cplc[CW_CPLC_HEX],
                       struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_command command;
        struct cw_span cplc = {0};
        cw_gp_get_data(TAG_CPLC, &command);
        for (int i = 0; i < 2; i++) {
                cw_rc rc = cw_card_exchange(c, CW_SPAN(command.bytes, command.len), timeout_ms, &r, f);
                if (rc != CW_OK)
                        return rc;
                if (r.sw != 0x6e00 && r.sw != 0x6d00)
                        break;
                command.bytes[0] = 0x00;
        }
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

cw_rc cw_gp_identify(struct cw_card_channel *c, const struct cw_aid *sd, int64_t timeout_ms,
                     char ret_cplc[CW_CPLC_HEX], struct cw_gp_domain *ret_sd, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc =
            sd->len ? cw_gp_do_select(c, sd, timeout_ms, &r, f) : select_issuer_domain(c, timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw == 0x6a82 && !sd->len)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW), r.sw, "chip.select_sd",
                               "PRD_SMARTCARD",
                               "the card knows none of the usual names of a security domain; give its AID as "
                               "\"security_domain\" in the profile (SW 6A82)");
        if (r.sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.select_sd", r.sw, "the security domain cannot be selected");
        if (ret_sd)
                read_domain(CW_SPAN(r.data, r.len), ret_sd);
        return read_cplc(c, timeout_ms, ret_cplc, f);
}

bool cw_cplc_same_chip(const char *a, const char *b) {
        const size_t digits = (size_t)2 * CW_CPLC_CHIP_LEN;
        return strlen(a) >= digits && strlen(b) >= digits && strncmp(a, b, digits) == 0;
}
