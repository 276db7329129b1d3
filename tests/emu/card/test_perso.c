/* SPDX-License-Identifier: Apache-2.0 */
#include "test_perso.h"

#include "base/buf.h"
#include "des.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

/* EMV option A for PAN 1234567890123456, sequence number 00. */
static void icc_key(const char *imk, uint8_t ret[16]) {
        uint8_t key[16], y[16];

        (void)unhex(imk, key, sizeof key);
        (void)unhex("3456789012345600", y, 8);
        for (size_t i = 0; i < 8; i++)
                y[8 + i] = (uint8_t)~y[i];
        assert_true(emuc_des3_ecb(key, true, y, 16, ret));
        for (size_t i = 0; i < 16; i++) /* odd parity: PIN CHANGE mixes key bytes into the PIN block */
                if (__builtin_popcount(ret[i]) % 2 == 0)
                        ret[i] ^= 1;
}

void perso_items(struct perso_item items[PERSO_ITEMS]) {
        static const char *const imk[3] = {"0123456789ABCDEFFEDCBA9876543210",
                                           "FEDCBA98765432100123456789ABCDEF",
                                           "89ABCDEF0123456776543210FEDCBA98"};
        static char keys[97], kcvs[19];
        uint8_t k[48], v[9];

        for (size_t i = 0; i < 3; i++) {
                icc_key(imk[i], k + 16 * i);
                assert_true(emuc_des3_kcv(k + 16 * i, v + 3 * i));
        }
        assert_true(cw_hex_encode(k, sizeof k, keys, sizeof keys) &&
                    cw_hex_encode(v, sizeof v, kcvs, sizeof kcvs));
        const struct perso_item all[PERSO_ITEMS] = {
            {0x0101, "7015 57 13 4761340000000019D30122010000012300000F", false},
            {0x0201,
             "7044 5A 08 4761340000000019 5F24 03 301231 5F34 01 00"
             " 8C 15 9F0206 9F0306 9F1A02 9505 5F2A02 9A03 9C01 9F3704"
             " 8D 0B 9108 8A02 9505 9F3704 9C01"
             " 8E 0A 0000000000000000 0201",
             false},
            {0x3000, "9F3602 0000", false},
            {0x9102, "A5 10 50 05 4445424954 9F38 03 9F1A02 8701 01", false},
            {0x9104, "8202 1800 9408 08010100 10010101", false},
            {0x9200, "9F10 07 06011203A0B800", false},
            {0x8000, keys, true},
            {0x9000, kcvs, false},
            {0x8010, "241234FFFFFFFFFF", true},
            {0x9010, "0303", false},
        };
        memcpy(items, all, sizeof all);
}

void perso_static_keys(struct emuc_aes_key keys[3]) {
        for (size_t i = 0; i < 3; i++)
                keys[i].len = unhex(PERSO_D, keys[i].bytes, sizeof keys[i].bytes);
}

unsigned perso_run(struct host *h, uint16_t skip) {
        struct perso_item items[PERSO_ITEMS];
        uint8_t block = 0;
        unsigned sw = host_send(h, PERSO_INSTALL, NULL);

        perso_items(items);
        for (size_t i = 0; i < PERSO_ITEMS && sw == 0x9000; i++) {
                uint8_t last = i + 1 == PERSO_ITEMS ? 0x80 : 0;
                if (items[i].id == skip && !last)
                        continue;
                sw = host_dgi(h, (uint8_t)(last | (items[i].secret ? 0x60 : 0)), block++, items[i].id,
                              items[i].value);
        }
        return sw;
}

void perso_complete(struct rig *rig, uint8_t kvn, uint8_t level) {
        struct emuc_aes_key keys[3];
        struct host h;

        perso_static_keys(keys);
        assert_int_equal(rig_hex(rig, "00A4040000", NULL), 0x9000);
        assert_int_equal(host_open(&h, rig, keys, kvn, level), 0x9000);
        assert_int_equal(perso_run(&h, 0), 0x9000);
        assert_int_equal(rig_state(rig, "personalised"), 1);
}
