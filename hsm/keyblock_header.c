/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/keyblock_header.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FIXED_LEN 16u
#define OPTIONS_COUNT_MAX 99u

static cw_rc bad(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.keyblock", "KEY_BLOCK",
                       "not an acceptable key block: %s", text);
}

size_t cw_keyblock_cipher_block(char version) {
        return version == 'D' ? 16 : version >= 'A' && version <= 'C' ? 8 : 0;
}

size_t cw_keyblock_mac_len(char version) {
        return version == 'D' ? 16 : version == 'B' ? 8 : version == 'A' || version == 'C' ? 4 : 0;
}

static bool is_alnum(char ch) {
        return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
}

static bool all_alnum(const char *p, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (!is_alnum(p[i]))
                        return false;
        }
        return true;
}

/* n digits of base 10 or 16 (upper case); false on any other character. */
static bool number(const char *p, size_t n, unsigned base, size_t *ret) {
        static const char digits[] = "0123456789ABCDEF";
        size_t v = 0;
        for (size_t i = 0; i < n; i++) {
                const char *at = p[i] != '\0' ? strchr(digits, p[i]) : NULL;
                if (at == NULL || (size_t)(at - digits) >= base)
                        return false;
                v = v * base + (size_t)(at - digits);
        }
        *ret = v;
        return true;
}

/* Length of the optional block at p with left characters; 0 when it is not one. 6.3.6: length 00 means that
 * two digits follow that say of how many digits the length is. */
static size_t option_len(const char *p, size_t left) {
        size_t len = 0, digits = 0, head = 4;
        if (left < 4 || !all_alnum(p, 2) || !number(p + 2, 2, 16, &len))
                return 0;
        if (len == 0) {
                if (left < 6 || !number(p + 4, 2, 16, &digits) || digits == 0 || digits > 4 ||
                    left < 6 + digits || !number(p + 6, digits, 16, &len))
                        return 0;
                head = 6 + digits;
        }
        if (len < head || len > left)
                return 0;
        for (size_t i = head; i < len; i++) {
                if (p[i] < 0x20 || p[i] > 0x7e)
                        return 0;
        }
        return len;
}

/* Walks count optional blocks; *ret_len is their length together. */
static bool options(const char *p, size_t left, size_t count, size_t *ret_len) {
        size_t at = 0;
        for (size_t i = 0; i < count; i++) {
                size_t n = option_len(p + at, left - at);
                if (n == 0)
                        return false;
                at += n;
        }
        *ret_len = at;
        return true;
}

static void fixed_fields(const char *block, struct cw_keyblock_header *h) {
        h->version = block[0];
        memcpy(h->usage, block + 5, 2);
        h->algorithm = block[7];
        h->mode = block[8];
        memcpy(h->key_version, block + 9, 2);
        h->exportability = block[11];
        h->context = block[14];
}

cw_rc cw_keyblock_header_parse(const char *block, size_t len, struct cw_keyblock_header *ret, size_t *ret_len,
                               struct cw_fault *f) {
        struct cw_keyblock_header h = {0};
        size_t total = 0, count = 0, options_len = 0;
        if (len < FIXED_LEN || cw_keyblock_cipher_block(block[0]) == 0)
                return bad("its version is not A, B, C or D, or it is too short", f);
        if (!number(block + 1, 4, 10, &total) || total != len)
                return bad("it is not as long as it says", f);
        if (len > CW_KEYBLOCK_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), (int64_t)len,
                               "hsm.keyblock", "KEY_BLOCK", "the key block holds more than a symmetric key");
        if (!all_alnum(block + 5, 7) || !number(block + 12, 2, 10, &count) || !all_alnum(block + 14, 2))
                return bad("its header has characters that are not allowed there", f);
        fixed_fields(block, &h);
        if (strchr("ENS", h.exportability) == NULL)
                return bad("its exportability is not E, N or S", f);
        if (!options(block + FIXED_LEN, len - FIXED_LEN, count, &options_len) ||
            options_len > CW_KEYBLOCK_OPTIONS_MAX)
                return bad("its optional blocks are malformed", f);
        if ((FIXED_LEN + options_len) % cw_keyblock_cipher_block(h.version) != 0)
                return bad("its header does not end on a cipher block", f);
        memcpy(h.options, block + FIXED_LEN, options_len);
        h.option_count = (unsigned)count;
        *ret = h;
        *ret_len = FIXED_LEN + options_len;
        return CW_OK;
}

/* The padding block that fills the header up; "" when it needs none. Returns its length. */
static size_t padding_block(size_t header_len, size_t block, char ret[48]) {
        size_t n = (block - header_len % block) % block;
        ret[0] = '\0';
        if (n == 0)
                return 0;
        n = n < 4 ? n + block : n;
        memset(ret, '0', n);
        (void)snprintf(ret, 5, "PB%02X", (unsigned)n);
        if (n > 4)
                ret[4] = '0';
        ret[n] = '\0';
        return n;
}

cw_rc cw_keyblock_header_write(const struct cw_keyblock_header *h, size_t payload_len,
                               char ret[CW_KEYBLOCK_MAX + 1], size_t *ret_len, size_t *ret_total,
                               struct cw_fault *f) {
        char pad[48];
        size_t block = cw_keyblock_cipher_block(h->version), options_len = strlen(h->options), walked = 0;
        if (block == 0 || !all_alnum(h->usage, 2) || !is_alnum(h->algorithm) || !is_alnum(h->mode) ||
            !all_alnum(h->key_version, 2) || strchr("ENS", h->exportability) == NULL ||
            !is_alnum(h->context) || !options(h->options, options_len, h->option_count, &walked) ||
            walked != options_len)
                return bad("the header to be written is incomplete", f);
        size_t pad_len = padding_block(FIXED_LEN + options_len, block, pad);
        size_t count = h->option_count + (pad_len > 0 ? 1 : 0);
        size_t total =
            FIXED_LEN + options_len + pad_len + 2 * (payload_len + cw_keyblock_mac_len(h->version));
        if (total > CW_KEYBLOCK_MAX || count > OPTIONS_COUNT_MAX)
                return bad("the block would be too long", f);
        int n = snprintf(ret, CW_KEYBLOCK_MAX + 1, "%c%04zu%.2s%c%c%.2s%c%02zu%c0%s%s", h->version, total,
                         h->usage, h->algorithm, h->mode, h->key_version, h->exportability, count, h->context,
                         h->options, pad);
        *ret_len = (size_t)n;
        *ret_total = total;
        return CW_OK;
}

static bool listed(const char *list, char ch) {
        return ch != '\0' && strchr(list, ch) != NULL;
}

static bool usage_listed(const char *list, const char usage[3]) {
        for (const char *p = list; *p != '\0'; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");
                if (n == 2 && memcmp(p, usage, 2) == 0)
                        return true;
                p += n;
        }
        return false;
}

cw_rc cw_keyblock_policy_check(const struct cw_keyblock_header *h, const struct cw_keyblock_policy *policy,
                               struct cw_fault *f) {
        const char *what = NULL;
        if (!listed(policy->versions, h->version))
                what = "version";
        else if (!usage_listed(policy->usages, h->usage))
                what = "key usage";
        else if (!listed(policy->algorithms, h->algorithm))
                what = "algorithm";
        else if (!listed(policy->modes, h->mode))
                what = "mode of use";
        else if (!listed(policy->exportability, h->exportability))
                what = "exportability";
        else if (h->algorithm == 'A' && h->version != 'D')
                what = "AES key under a TDES key";
        if (what == NULL)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.keyblock", "KEY_BLOCK",
                       "the policy for key blocks does not allow the %s of this one (%c %.2s %c %c %c)", what,
                       h->version, h->usage, h->algorithm, h->mode, h->exportability);
}
