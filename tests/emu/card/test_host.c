/* SPDX-License-Identifier: Apache-2.0 */
#include "test_host.h"

#include "base/buf.h"
#include "des.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const uint8_t zero[16];

static void des_session_key(const struct emuc_aes_key *key, uint8_t hi, uint8_t lo, const uint8_t ssc[2],
                            struct emuc_aes_key *ret) {
        uint8_t d[16] = {hi, lo, ssc[0], ssc[1]};

        ret->len = 16;
        assert_true(emuc_des3_cbc(key->bytes, true, zero, d, 16, ret->bytes));
}

/* host || card part, or card part || host, padded: 3DES CBC-MAC. */
static void cryptogram02(const struct host *h, const uint8_t a[8], const uint8_t b[8], uint8_t ret[8]) {
        uint8_t buf[24];

        memcpy(buf, a, 8);
        memcpy(buf + 8, b, 8);
        memcpy(buf + 16, (const uint8_t[]){0x80, 0, 0, 0, 0, 0, 0, 0}, 8);
        assert_true(emuc_des3_cbc(h->enc.bytes, true, zero, buf, 24, buf));
        memcpy(ret, buf + 16, 8);
}

static void start02(struct host *h, const struct emuc_aes_key keys[3], const uint8_t challenge[8],
                    const uint8_t *rsp, uint8_t crypt[8]) {
        uint8_t card[8];

        des_session_key(&keys[0], 0x01, 0x82, rsp + 12, &h->enc);
        des_session_key(&keys[1], 0x01, 0x01, rsp + 12, &h->mac);
        des_session_key(&keys[2], 0x01, 0x81, rsp + 12, &h->dek);
        cryptogram02(h, challenge, rsp + 12, card);
        assert_memory_equal(card, rsp + 20, 8);
        cryptogram02(h, rsp + 12, challenge, crypt);
}

static void start03(struct host *h, const struct emuc_aes_key keys[3], const uint8_t challenge[8],
                    const uint8_t *rsp, uint8_t crypt[8]) {
        uint8_t context[16], card[8];

        memcpy(context, challenge, 8);
        memcpy(context + 8, rsp + 13, 8);
        h->enc.len = h->mac.len = h->rmac.len = keys[0].len;
        h->dek = keys[2];
        assert_true(emuc_scp03_kdf(&keys[0], 4, context, 16, keys[0].len, h->enc.bytes));
        assert_true(emuc_scp03_kdf(&keys[1], 6, context, 16, keys[1].len, h->mac.bytes));
        assert_true(emuc_scp03_kdf(&keys[1], 7, context, 16, keys[1].len, h->rmac.bytes));
        assert_true(emuc_scp03_kdf(&h->mac, 0, context, 16, 8, card));
        assert_memory_equal(card, rsp + 21, 8);
        assert_true(emuc_scp03_kdf(&h->mac, 1, context, 16, 8, crypt));
}

static void mac_command(struct host *h, const uint8_t *head_and_data, size_t len, uint8_t ret[8]) {
        uint8_t msg[16 + 300], icv[8] = {0};

        if (h->version == 2) {
                bool first = memcmp(h->chain, zero, 8) == 0;
                if (!first)
                        assert_true(emuc_des1_block(h->mac.bytes, true, h->chain, icv));
                assert_true(emuc_retail_mac(h->mac.bytes, icv, head_and_data, len, ret));
                memcpy(h->chain, ret, 8);
                return;
        }
        memcpy(msg, h->chain, 16);
        memcpy(msg + 16, head_and_data, len);
        assert_true(emuc_aes_cmac(&h->mac, msg, 16 + len, h->chain));
        memcpy(ret, h->chain, 8);
}

unsigned host_open(struct host *h, struct rig *rig, const struct emuc_aes_key keys[3], uint8_t kvn,
                   uint8_t level) {
        uint8_t init[14] = {0x80, 0x50, kvn, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x00};
        uint8_t auth[21] = {0x84, 0x82, level, 0x00, 0x10}, rsp[300];
        size_t n = rig_apdu(rig, init, sizeof init, rsp);

        *h = (struct host){.rig = rig, .level = level};
        assert_true(n >= 2);
        if (n == 2)
                return (unsigned)(rsp[0] << 8 | rsp[1]);
        h->version = rsp[11];
        assert_true((h->version == 2 && n == 30) || (h->version == 3 && (n == 31 || n == 34)));
        (h->version == 2 ? start02 : start03)(h, keys, init + 5, rsp, auth + 5);
        mac_command(h, auth, 13, auth + 13);
        n = rig_apdu(rig, auth, sizeof auth, rsp);
        assert_int_equal(n, 2);
        return (unsigned)(rsp[0] << 8 | rsp[1]);
}

static void icv03(struct host *h, uint8_t first, uint8_t ret[16]) {
        uint8_t block[16] = {first};

        block[14] = (uint8_t)(h->counter >> 8);
        block[15] = (uint8_t)h->counter;
        assert_true(emuc_aes_block(&h->enc, block, ret));
}

/* Clear command in buf (head, data); returns its wrapped length without Le. */
static size_t wrap(struct host *h, uint8_t *buf, size_t data_len) {
        uint8_t icv[16];

        h->counter++;
        if (!(h->level & 0x01))
                return data_len ? 5 + data_len : 4;
        buf[0] |= 0x04;
        if (h->version == 3 && (h->level & 0x02) && data_len) {
                icv03(h, 0, icv);
                data_len = emuc_pad80(buf + 5, data_len, 255, 16);
                assert_true(emuc_aes_cbc(&h->enc, true, icv, buf + 5, data_len, buf + 5));
        }
        buf[4] = (uint8_t)(data_len + 8);
        uint8_t mac[8];
        mac_command(h, buf, 5 + data_len, mac);
        if (h->version == 2 && (h->level & 0x02) && data_len) {
                data_len = emuc_pad80(buf + 5, data_len, 255, 8);
                assert_true(emuc_des3_cbc(h->enc.bytes, true, zero, buf + 5, data_len, buf + 5));
                buf[4] = (uint8_t)(data_len + 8);
        }
        memcpy(buf + 5 + data_len, mac, 8);
        return 5 + data_len + 8;
}

static size_t unwrap(struct host *h, uint8_t *rsp, size_t n) {
        uint8_t msg[16 + 300], mac[16], icv[16];

        if (!(h->level & 0x10) || n < 10)
                return n;
        memcpy(msg, h->chain, 16);
        memcpy(msg + 16, rsp, n - 10);
        memcpy(msg + 16 + n - 10, rsp + n - 2, 2);
        assert_true(emuc_aes_cmac(&h->rmac, msg, 16 + n - 8, mac));
        assert_memory_equal(mac, rsp + n - 10, 8);
        uint8_t sw[2] = {rsp[n - 2], rsp[n - 1]};
        n -= 10;
        if ((h->level & 0x20) && n) {
                icv03(h, 0x80, icv);
                assert_true(emuc_aes_cbc(&h->enc, false, icv, rsp, n, rsp));
                n = emuc_unpad80(rsp, n, 16);
                assert_true(n != SIZE_MAX);
        }
        memcpy(rsp + n, sw, 2);
        return n + 2;
}

unsigned host_send(struct host *h, const char *text, char data[600]) {
        uint8_t cmd[600], buf[600], rsp[300];
        size_t len = unhex(text, cmd, sizeof cmd), data_len = len > 5 ? cmd[4] : 0, n;

        memcpy(buf, cmd, 4);
        buf[4] = (uint8_t)data_len;
        memcpy(buf + 5, cmd + 5, data_len);
        n = wrap(h, buf, data_len);
        if (len == 5 || len == 6 + data_len)
                buf[n++] = 0x00;
        n = rig_apdu(h->rig, buf, n, rsp);
        assert_true(n >= 2);
        n = unwrap(h, rsp, n);
        if (data)
                assert_true(cw_hex_encode(rsp, n - 2, data, 600));
        return (unsigned)(rsp[n - 2] << 8 | rsp[n - 1]);
}

unsigned host_dgi(struct host *h, uint8_t p1, uint8_t block, uint16_t id, const char *value) {
        uint8_t v[300];
        char text[700], hex[600];
        size_t n = unhex(value, v, sizeof v);

        if (p1 & 0x60) {
                size_t unit = h->version == 2 ? 8 : 16;
                if (n % unit)
                        n = emuc_pad80(v, n, sizeof v, unit);
                if (h->version == 2)
                        assert_true(emuc_des3_ecb(h->dek.bytes, true, v, n, v));
                else
                        assert_true(emuc_aes_cbc(&h->dek, true, zero, v, n, v));
        }
        assert_true(cw_hex_encode(v, n, hex, sizeof hex));
        (void)snprintf(text, sizeof text, "80E2%02X%02X%02X%04X%02X%s", p1, block, (unsigned)n + 3, id,
                       (unsigned)n, hex);
        return host_send(h, text, NULL);
}
