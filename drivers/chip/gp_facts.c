/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/gp_facts.h"

#include "drivers/chip/tlv.h"

#include <string.h>

#define TAG_OID 0x06u
#define TAG_KEYS 0xe0u
#define TAG_KEY 0xc0u
#define KEY_DES 0x80u
#define KEY_DES_LAST 0x84u /* ECB, CBC and implicit variants */
#define KEY_AES 0x88u
#define NESTED_MAX 4

/* {iso(1) member-body(2) country-USA(840) globalPlatform(114283) 4}, then scp and i. */
static const uint8_t scp_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x04};

/* The last arc of the OID; 81 01 is 0x81. */
static bool take_i(struct cw_span rest, uint8_t *ret) {
        if (rest.len == 1 && rest.ptr[0] < 0x80) {
                *ret = rest.ptr[0];
                return true;
        }
        if (rest.len != 2 || rest.ptr[0] != 0x81 || rest.ptr[1] >= 0x80)
                return false;
        *ret = (uint8_t)(0x80 | rest.ptr[1]);
        return true;
}

static void take_oid(struct cw_gp_facts *facts, struct cw_span oid) {
        uint8_t i = 0;
        if (oid.len < sizeof scp_oid + 2 || memcmp(oid.ptr, scp_oid, sizeof scp_oid) != 0 ||
            !take_i(CW_SPAN(oid.ptr + sizeof scp_oid + 1, oid.len - sizeof scp_oid - 1), &i))
                return;
        uint8_t scp = oid.ptr[sizeof scp_oid];
        if (scp == 2 && !facts->has_scp02) {
                facts->has_scp02 = true;
                facts->i02 = i;
        } else if (scp == 3 && !facts->has_scp03) {
                facts->has_scp03 = true;
                facts->i03 = i;
        }
}

static void walk(struct cw_gp_facts *facts, struct cw_span bytes, int depth) {
        struct cw_tlv item;
        while (depth <= NESTED_MAX && cw_tlv_next(&bytes, &item) == CW_TLV_ITEM) {
                if (item.constructed)
                        walk(facts, item.value, depth + 1);
                else if (item.tag == TAG_OID)
                        take_oid(facts, item.value);
        }
}

void cw_gp_facts_recognition(struct cw_gp_facts *facts, struct cw_span answer) {
        if (cw_tlv_valid(answer))
                walk(facts, answer, 0);
}

static enum cw_gp_cipher cipher_of(uint8_t type) {
        if (type >= KEY_DES && type <= KEY_DES_LAST)
                return CW_GP_CIPHER_DES;
        return type == KEY_AES ? CW_GP_CIPHER_AES : CW_GP_CIPHER_OTHER;
}

void cw_gp_facts_keys(struct cw_gp_facts *facts, struct cw_span answer) {
        struct cw_span list = {0};
        struct cw_tlv item;
        if (!cw_tlv_valid(answer) || !cw_tlv_find(answer, TAG_KEYS, &list))
                return;
        while (facts->key_count < CW_GP_KEYS_MAX && cw_tlv_next(&list, &item) == CW_TLV_ITEM) {
                if (item.tag != TAG_KEY || item.value.len < 4)
                        continue;
                const uint8_t *v = item.value.ptr;
                facts->keys[facts->key_count].id = v[0];
                facts->keys[facts->key_count].kvn = v[1];
                facts->keys[facts->key_count].cipher = cipher_of(v[2]);
                facts->key_count++;
        }
}

uint8_t cw_gp_facts_kvn(const struct cw_gp_facts *facts, uint8_t scp) {
        enum cw_gp_cipher want = scp == 3 ? CW_GP_CIPHER_AES : CW_GP_CIPHER_DES;
        uint8_t initial = 0;
        for (size_t i = 0; i < facts->key_count; i++) {
                size_t same = 0;
                for (size_t k = 0; k < facts->key_count; k++)
                        same += facts->keys[k].kvn == facts->keys[i].kvn && facts->keys[k].cipher == want &&
                                facts->keys[k].id >= 1 && facts->keys[k].id <= 3;
                if (same < 3)
                        continue;
                if (facts->keys[i].kvn != 0xff)
                        return facts->keys[i].kvn;
                initial = 0xff;
        }
        return initial;
}

/* GET DATA under the GlobalPlatform class, then under the ISO one; an empty answer when the card has none. */
static cw_rc get(struct cw_card_channel *c, uint8_t tag, int64_t timeout_ms, struct cw_rapdu *ret,
                 struct cw_fault *f) {
        const uint8_t classes[] = {0x80, 0x00};
        for (size_t i = 0; i < sizeof classes; i++) {
                const uint8_t command[] = {classes[i], 0xca, 0x00, tag, 0x00};
                cw_rc rc = cw_card_exchange_long(c, CW_SPAN(command, sizeof command), timeout_ms, ret, f);
                if (rc != CW_OK)
                        return rc;
                if (ret->sw == 0x9000)
                        return CW_OK;
                if (ret->sw != 0x6e00 && ret->sw != 0x6d00)
                        break;
        }
        ret->len = 0;
        return CW_OK;
}

cw_rc cw_gp_facts_read_keys(struct cw_card_channel *c, int64_t timeout_ms, struct cw_gp_facts *facts,
                            struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc = get(c, TAG_KEYS, timeout_ms, &r, f);
        if (rc == CW_OK)
                cw_gp_facts_keys(facts, CW_SPAN(r.data, r.len));
        return rc;
}

cw_rc cw_gp_facts_read(struct cw_card_channel *c, int64_t timeout_ms, struct cw_gp_facts *ret,
                       struct cw_fault *f) {
        struct cw_gp_facts facts = {0};
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc = get(c, 0x66, timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        cw_gp_facts_recognition(&facts, CW_SPAN(r.data, r.len));
        rc = cw_gp_facts_read_keys(c, timeout_ms, &facts, f);
        if (rc == CW_OK)
                *ret = facts;
        return rc;
}
