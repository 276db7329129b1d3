/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and signatures recovered from a card. The key above them has exponent 1, so that the input is
 * what was recovered; head, trailer and hash are made right, since no fuzzer would guess them.
 */
#include "drivers/chip/oda.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cw_span take(const uint8_t **data, size_t *size, size_t max) {
        size_t len = *size ? (*data)[0] % (max + 1) : 0;
        if (*size) {
                (*data)++;
                (*size)--;
        }
        if (len > *size)
                len = *size;
        struct cw_span s = CW_SPAN(*data, len);
        *data += len;
        *size -= len;
        return s;
}

/* The block's own hash over its body and what follows. */
static void make_right(uint8_t *block, size_t len, uint8_t format, const struct cw_span *more, size_t count) {
        uint8_t all[2048];
        struct cw_writer w;
        block[0] = 0x6a;
        block[1] = format;
        block[len - 1] = 0xbc;
        cw_writer_init(&w, all, sizeof all);
        cw_put_bytes(&w, block + 1, len - 22);
        for (size_t i = 0; i < count; i++)
                cw_put_bytes(&w, more[i].ptr, more[i].len);
        if (w.bad || cw_oda_sha1(CW_SPAN(all, w.len), block + len - 21, NULL) != CW_OK)
                abort();
}

static void judge(const struct cw_oda_key *key) {
        if (key->n_len < CW_ODA_KEY_MIN || key->n_len > CW_ODA_KEY_MAX || key->e_len == 0 || key->e_len > 3)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char pan[] = "4000001234567899";
        struct cw_oda_key above = {.n_len = 64, .e = {1}, .e_len = 1}, key = {0};
        struct cw_ca_key ca = {.e = {1}, .e_len = 1};
        struct cw_oda_who who = {.pan = CW_SPAN((const uint8_t *)pan, 16), .today = "2611"};
        uint8_t block[CW_ODA_KEY_MAX] = {0}, dac[2], dynamic[CW_ODA_KEY_MAX];
        size_t dynamic_len = 0;
        if (size < 3)
                return 0;
        unsigned what = data[0] % 4;
        above.n_len += data[1] % (CW_ODA_KEY_MAX - 64 + 1);
        memset(above.n, 0xff, above.n_len);
        memcpy(ca.n, above.n, above.n_len);
        ca.n_len = above.n_len;
        data += 2;
        size -= 2;
        struct cw_span body = take(&data, &size, above.n_len);
        struct cw_oda_cert cert = {.remainder = take(&data, &size, 248), .exponent = take(&data, &size, 4)};
        struct cw_span rest = CW_SPAN(data, size < 512 ? size : 512);
        if (body.len)
                memcpy(block, body.ptr, body.len);
        static const uint8_t format[4] = {2, 4, 3, 5};
        const struct cw_span more[3] = {what < 2 ? cert.remainder : rest, cert.exponent, rest};
        make_right(block, above.n_len, format[what], more, what == 0 ? 2 : what == 1 ? 3 : 1);
        cert.value = CW_SPAN(block, above.n_len);
        if (what == 0 && cw_oda_issuer(&ca, &cert, &who, &key, NULL) == CW_OK)
                judge(&key);
        if (what == 1 && cw_oda_icc(&above, &cert, &who, rest, &key, NULL) == CW_OK)
                judge(&key);
        if (what == 2 && cw_oda_ssad(&above, cert.value, rest, dac, NULL) == CW_OK &&
            memcmp(dac, block + 3, sizeof dac) != 0)
                abort();
        if (what == 3 && cw_oda_dynamic(&above, cert.value, rest, dynamic, &dynamic_len, NULL) == CW_OK &&
            dynamic_len > above.n_len - 25)
                abort();
        return 0;
}
