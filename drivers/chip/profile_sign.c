/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_sign.h"

#include "base/buf.h"
#include "base/file.h"
#include "drivers/chip/profile.h"

#include <limits.h>
#include <string.h>

#define FORMAT "cardwright-profile-signature-1"
#define OPERATOR(n) CW_RC(CW_L_CHIP, CW_C_OPERATOR, (n))
#define OP "chip.profile_signature"

static const char *file_name(const char *path) {
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

static cw_rc malformed(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, OP, "PRT_SETUP_ERROR",
                       "its signature file is none of cardwright; make it with cardwright profile sign");
}

static bool known_algorithm(const char *name) {
        return strcmp(name, "ed25519") == 0 || strcmp(name, "ecdsa-p256-sha256") == 0;
}

cw_rc cw_profile_signature_parse(const char *text, size_t len, struct cw_profile_signature *ret,
                                 struct cw_fault *f) {
        struct cw_profile_signature s = {.len = 0};
        uint8_t id[CW_PROFILE_KEY_ID / 2];
        size_t id_len = 0;
        const char *format = NULL, *algorithm = NULL, *key = NULL, *hex = NULL;
        CW_AUTO_JSON json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        /* "!" refuses any other member. */
        if (json_unpack(root, "{s:s, s:s, s:s, s:s !}", "format", &format, "algorithm", &algorithm, "key",
                        &key, "signature", &hex) != 0 ||
            strcmp(format, FORMAT) != 0 || !known_algorithm(algorithm))
                return malformed(f);
        if (!cw_hex_decode(key, strlen(key), id, sizeof id, &id_len) || id_len != sizeof id ||
            !cw_hex_decode(hex, strlen(hex), s.bytes, sizeof s.bytes, &s.len) || s.len == 0)
                return malformed(f);
        (void)cw_hex_encode(id, sizeof id, s.key, sizeof s.key);
        (void)snprintf(s.algorithm, sizeof s.algorithm, "%s", algorithm);
        *ret = s;
        return CW_OK;
}

char *cw_profile_signature_text(const struct cw_profile_signature *s) {
        char hex[2 * CW_PROFILE_SIGNATURE_BYTES + 1];
        if (!cw_hex_encode(s->bytes, s->len, hex, sizeof hex))
                return NULL;
        CW_AUTO_JSON json_t *root = json_pack("{s:s, s:s, s:s, s:s}", "format", FORMAT, "algorithm",
                                              s->algorithm, "key", s->key, "signature", hex);
        return root ? json_dumps(root, JSON_INDENT(2)) : NULL;
}

static cw_rc signature_path(const char *path, char ret[PATH_MAX], struct cw_fault *f) {
        int n = snprintf(ret, PATH_MAX, "%s" CW_PROFILE_SIGNATURE_SUFFIX, path);
        if (n > 0 && n < PATH_MAX)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_TOO_BIG), 0, OP, "",
                       "the profile's path is too long; move the file");
}

cw_rc cw_profile_sign_file(const char *path, const void *pem, size_t pem_len, FILE *errors,
                           char ret_key[CW_PROFILE_KEY_ID], struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        CW_AUTO_MEM char *signed_text = NULL;
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        struct cw_profile_signature s;
        size_t len = 0;
        char beside[PATH_MAX];
        cw_rc rc = signature_path(path, beside, f);
        if (rc == CW_OK)
                rc = cw_file_read(path, CW_PROFILE_FILE_MAX, &text, &len, f);
        if (rc == CW_OK)
                rc = cw_profile_parse(file_name(path), text, len, errors, &p, f);
        if (rc == CW_OK)
                rc = cw_profile_keys_sign(pem, pem_len, text, len, &s, f);
        if (rc != CW_OK)
                return rc;
        signed_text = cw_profile_signature_text(&s);
        if (!signed_text)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, OP, "",
                               "no memory; free some");
        memcpy(ret_key, s.key, CW_PROFILE_KEY_ID);
        return cw_file_write_atomic(beside, signed_text, strlen(signed_text), 0644, f);
}

/* What is wrong with this profile's signature, as the one sentence a person reads. */
static cw_rc refuse(const char *path, const struct cw_fault *why, struct cw_fault *f) {
        const struct cw_fault cause = *why;
        return cw_fail(f, OPERATOR(cause.rc & 0xffffu), cause.native, OP, "PRT_SETUP_ERROR",
                       "profile %.40s: %.180s", file_name(path), cause.text);
}

cw_rc cw_profile_judge(const char *path, const char *bytes, size_t len, const struct cw_profile_trust *trust,
                       char ret_key[CW_PROFILE_KEY_ID], struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        struct cw_profile_signature s;
        struct cw_fault why = {0};
        size_t text_len = 0;
        char beside[PATH_MAX];
        const size_t keys = trust->keys ? cw_profile_keys_count(trust->keys) : 0;
        ret_key[0] = '\0';
        if (keys == 0 && !trust->required)
                return CW_OK;
        if (keys == 0)
                return cw_fail(f, OPERATOR(CW_E_MISSING), 0, OP, "PRT_SETUP_ERROR",
                               "profile %.40s: no key is trusted to sign profiles; set profile_keys to the "
                               "bank's public key, or profile_signature to optional",
                               file_name(path));
        cw_rc rc = signature_path(path, beside, f);
        if (rc != CW_OK)
                return rc;
        if (access(beside, F_OK) != 0 && !trust->required)
                return CW_OK;
        if (access(beside, F_OK) != 0)
                return cw_fail(f, OPERATOR(CW_E_MISSING), 0, OP, "PRT_SETUP_ERROR",
                               "profile %.40s is not signed; have the bank sign it (cardwright profile sign) "
                               "and put the .sig file beside it",
                               file_name(path));
        rc = cw_file_read(beside, CW_PROFILE_SIGNATURE_FILE_MAX, &text, &text_len, &why);
        if (rc == CW_OK)
                rc = cw_profile_signature_parse(text, text_len, &s, &why);
        if (rc == CW_OK)
                rc = cw_profile_keys_verify(trust->keys, &s, bytes, len, &why);
        if (rc != CW_OK)
                return refuse(path, &why, f);
        memcpy(ret_key, s.key, CW_PROFILE_KEY_ID);
        return CW_OK;
}

cw_rc cw_profile_load_trusted(const char *path, const struct cw_profile_trust *trust, FILE *errors,
                              struct cw_profile **ret, char ret_key[CW_PROFILE_KEY_ID], struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        cw_rc rc = cw_file_read(path, CW_PROFILE_FILE_MAX, &text, &len, f);
        if (rc == CW_OK)
                rc = cw_profile_judge(path, text, len, trust, ret_key, f);
        return rc == CW_OK ? cw_profile_parse(file_name(path), text, len, errors, ret, f) : rc;
}
