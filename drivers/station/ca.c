/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/ca.h"

#include "base/file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ISSUER_FILE_MAX 8192u

static bool hex_of(const json_t *obj, const char *name, uint8_t *ret, size_t cap, size_t *ret_len) {
        const char *text = json_string_value(json_object_get(obj, name));
        return text && cw_hex_decode(text, strlen(text), ret, cap, ret_len) && *ret_len > 0;
}

static bool read_ca(const json_t *obj, struct cw_ca_key *ret) {
        size_t n = 0;
        struct cw_ca_key key = {0};
        if (!hex_of(obj, "ca_index", &key.index, 1, &n) ||
            !hex_of(obj, "ca_modulus", key.n, sizeof key.n, &key.n_len) ||
            !hex_of(obj, "ca_exponent", key.e, sizeof key.e, &key.e_len))
                return false;
        *ret = key;
        return true;
}

/* The CA's half of the issuer certificate file, which may be a list (hsm/README.md); returns their count. */
static size_t read_issuer_file(const char *path, struct cw_ca_key ret[CW_STATION_ISSUERS_MAX]) {
        CW_AUTO_MEM char *text = NULL;
        struct cw_fault f = {0};
        size_t len = 0, count = 0;
        if (cw_file_read(path, ISSUER_FILE_MAX, &text, &len, &f) != CW_OK)
                return 0;
        CW_AUTO_JSON json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        size_t there = json_is_array(root) ? json_array_size(root) : 1;
        for (size_t i = 0; i < there && count < CW_STATION_ISSUERS_MAX; i++)
                count += read_ca(json_is_array(root) ? json_array_get(root, i) : root, &ret[count]) ? 1 : 0;
        return count;
}

void cw_station_ca(const struct cw_config *config, const struct cw_config_product *product,
                   const struct cw_profile *profile, struct cw_station_ca *ret) {
        char path[PATH_MAX];
        int n = 0;
        ret->count = 0;
        if (product && product->issuer_certificate[0])
                n = snprintf(path, sizeof path, "%s/%s", config->profile_dir, product->issuer_certificate);
        if (n > 0 && (size_t)n < sizeof path)
                ret->count = read_issuer_file(path, ret->key);
        memcpy(ret->key + ret->count, profile->ca, profile->ca_count * sizeof profile->ca[0]);
        ret->count += profile->ca_count;
}
