/* SPDX-License-Identifier: Apache-2.0 */
/* Offline data authentication in a profile: the chip's keys, and the CA keys a terminal has. */
#include "drivers/chip/profile_read.h"

#include <string.h>

#define RSA_BITS_MIN 512
#define RSA_BITS_MAX 1984
#define USUAL_BITS 1408 /* of CA and issuer, when the profile does not say */

static bool usual_exponent(const uint8_t *e, size_t len) {
        return (len == 1 && e[0] == 3) || (len == 3 && memcmp(e, "\1\0\1", 3) == 0);
}

static void read_rsa(const json_t *obj, const char *place, struct cw_profile_findings *fs,
                     struct cw_profile_rsa *ret) {
        struct cw_section s = {obj, place, fs};
        if (!obj)
                return;
        cw_section_only(&s, (const char *const[]){"bits", "exponent", "note", NULL});
        ret->bits = (unsigned)cw_section_number(&s, "bits", RSA_BITS_MIN, RSA_BITS_MAX, 0);
        ret->exponent = (unsigned)cw_section_number(&s, "exponent", 3, 65537, 3);
        if (ret->bits % 8 || ret->bits == 0)
                cw_profile_finding(fs, place, "bits is 512 to 1984, a multiple of 8; correct it");
        if (ret->exponent != 3 && ret->exponent != 65537)
                cw_profile_finding(fs, place, "exponent is 3 or 65537 (EMV Book 2 11.1); correct it");
}

void cw_profile_read_auth(struct cw_profile *p, struct cw_profile_findings *fs) {
        struct cw_section s = {json_object_get(p->root, "offline_auth"), "offline_auth", fs};
        size_t len = 0;
        if (!s.obj)
                return;
        cw_section_only(
            &s, (const char *const[]){"icc_key", "pin_key", "dac", "issuer_bits", "ca_bits", "note", NULL});
        read_rsa(json_object_get(s.obj, "icc_key"), "offline_auth.icc_key", fs, &p->auth.icc);
        read_rsa(json_object_get(s.obj, "pin_key"), "offline_auth.pin_key", fs, &p->auth.pin);
        cw_section_hex(&s, "dac", "0000", p->auth.dac, sizeof p->auth.dac, &len);
        if (len != sizeof p->auth.dac)
                cw_profile_finding(fs, "offline_auth.dac", "two bytes in hex are needed here; correct it");
        p->auth.issuer_bits =
            (unsigned)cw_section_number(&s, "issuer_bits", RSA_BITS_MIN, RSA_BITS_MAX, USUAL_BITS);
        p->auth.ca_bits = (unsigned)cw_section_number(&s, "ca_bits", RSA_BITS_MIN, RSA_BITS_MAX, USUAL_BITS);
        if (p->auth.icc.bits > p->auth.issuer_bits || p->auth.pin.bits > p->auth.issuer_bits ||
            p->auth.issuer_bits > p->auth.ca_bits)
                cw_profile_finding(fs, s.place,
                                   "a key must not be longer than the one that certifies it (EMV Book 2 "
                                   "5.1, 6.1); correct bits, issuer_bits or ca_bits");
}

static void read_ca_key(struct cw_profile *p, const struct cw_section *s) {
        struct cw_ca_key *key = &p->ca[p->ca_count++];
        cw_section_only(s, (const char *const[]){"index", "modulus", "exponent", "note", NULL});
        key->index = cw_section_byte(s, "index", NULL);
        cw_section_hex(s, "modulus", NULL, key->n, sizeof key->n, &key->n_len);
        cw_section_hex(s, "exponent", NULL, key->e, sizeof key->e, &key->e_len);
        if (key->n_len < RSA_BITS_MIN / 8 || key->n[0] < 0x80 || !(key->n[key->n_len - 1] & 1))
                cw_profile_finding(
                    s->fs, s->place,
                    "modulus is 64 to 248 bytes, its first bit and its last are 1; correct it");
        if (!usual_exponent(key->e, key->e_len))
                cw_profile_finding(s->fs, s->place, "exponent is 03 or 010001; correct it");
}

void cw_profile_read_ca_keys(struct cw_profile *p, struct cw_profile_findings *fs) {
        const json_t *list = json_object_get(json_object_get(p->root, "terminal"), "ca_keys");
        size_t i;
        json_t *item;
        if (list && (!json_is_array(list) || json_array_size(list) > CW_CA_KEYS_MAX)) {
                cw_profile_finding(fs, "terminal.ca_keys",
                                   "a list of at most %d keys is needed here; correct it", CW_CA_KEYS_MAX);
                return;
        }
        json_array_foreach(list, i, item) {
                char place[40];
                (void)snprintf(place, sizeof place, "terminal.ca_keys[%zu]", i);
                read_ca_key(p, &(struct cw_section){item, place, fs});
        }
}

bool cw_profile_read_part(const char *text, enum cw_rsa_part *ret, bool *ret_pin) {
        static const char *const names[] = {"", "q_inv", "dq", "dp", "q", "p", "d", "n"};
        bool pin = strncmp(text, "pin.", 4) == 0;
        if (!pin && strncmp(text, "icc.", 4) != 0)
                return false;
        for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
                if (strcmp(text + 4, names[i]) != 0)
                        continue;
                *ret = (enum cw_rsa_part)i;
                *ret_pin = pin;
                return true;
        }
        return false;
}
