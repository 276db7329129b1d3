/* SPDX-License-Identifier: Apache-2.0 */
#include "appdata.h"

#include <string.h>

bool emuc_afl_names(const struct emuc_tlv *afl, uint32_t id) {
        for (size_t i = 0; i + 4 <= afl->len; i += 4) {
                const uint8_t *e = afl->value + i;
                if (id >> 8 == e[0] >> 3 && (id & 0xff) >= e[1] && (id & 0xff) <= e[2])
                        return true;
        }
        return false;
}

bool emuc_app_record_tag(const struct emuc_nvm *nvm, bool contactless, uint32_t tag, struct emuc_tlv *ret) {
        struct emuc_tlv template, aip, afl;

        if (!emuc_app_gpo_data(nvm, contactless, &aip, &afl))
                return false;
        for (size_t i = 0; i < nvm->dgi_count; i++) {
                const struct emuc_dgi *d = &nvm->dgis[i];
                if (d->id < 0x0101 || d->id > 0x0aff || !emuc_afl_names(&afl, d->id))
                        continue;
                if (emuc_tlv_read(d->value, d->len, &template) && template.tag == 0x70 &&
                    emuc_tlv_find(template.value, template.len, tag, ret))
                        return true;
        }
        return false;
}

bool emuc_app_gpo_data(const struct emuc_nvm *nvm, bool contactless, struct emuc_tlv *ret_aip,
                       struct emuc_tlv *ret_afl) {
        const struct emuc_dgi *d = emuc_nvm_dgi(nvm, contactless ? 0x9203 : 0x9104);

        return d && emuc_tlv_find(d->value, d->len, 0x82, ret_aip) && ret_aip->len == 2 &&
               emuc_tlv_find(d->value, d->len, 0x94, ret_afl) && ret_afl->len >= 4 && ret_afl->len % 4 == 0;
}

bool emuc_app_fci(const struct emuc_nvm *nvm, bool contactless, struct emuc_tlv *ret_a5) {
        const struct emuc_dgi *d = emuc_nvm_dgi(nvm, contactless ? 0x9103 : 0x9102);

        return d && emuc_tlv_read(d->value, d->len, ret_a5) && ret_a5->tag == 0xa5;
}

bool emuc_app_key(const struct emuc_nvm *nvm, unsigned which, struct emuc_card_key *ret) {
        const struct emuc_dgi *d = emuc_nvm_dgi(nvm, 0x8000);
        bool aes = emuc_app_core_version(nvm) == 6;

        if (!d || which > 2 || !(d->len == 48 || (aes && (d->len == 72 || d->len == 96))))
                return false;
        *ret = (struct emuc_card_key){.aes = aes, .key.len = d->len / 3};
        memcpy(ret->key.bytes, d->value + which * ret->key.len, ret->key.len);
        return true;
}

/* EMV Book 3, C7: 0F, the common core identifier A5 or A6, 14 bytes, 0F, 15 bytes. */
unsigned emuc_app_core_version(const struct emuc_nvm *nvm) {
        const uint8_t *iad;
        size_t len;

        if (!emuc_app_iad(nvm, &iad, &len) || len != 32 || iad[0] != 0x0f || iad[16] != 0x0f)
                return 0;
        return iad[1] == 0xa5 ? 5 : iad[1] == 0xa6 ? 6 : 0;
}

bool emuc_app_iad(const struct emuc_nvm *nvm, const uint8_t **ret, size_t *ret_len) {
        const struct emuc_dgi *d = emuc_nvm_dgi(nvm, 0x9200);
        struct emuc_tlv t;

        if (!d || !d->len)
                return false;
        if (emuc_tlv_read(d->value, d->len, &t) && t.tag == 0x9f10 && t.total == d->len) {
                *ret = t.value;
                *ret_len = t.len;
        } else {
                *ret = d->value;
                *ret_len = d->len;
        }
        return *ret_len >= 7 && *ret_len <= 32;
}

bool emuc_app_offers(const struct emuc_nvm *nvm, bool contactless, unsigned ways) {
        struct emuc_tlv aip, afl;

        return emuc_app_gpo_data(nvm, contactless, &aip, &afl) && (aip.value[0] & ways);
}
