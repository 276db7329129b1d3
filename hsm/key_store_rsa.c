/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs of the key store. Their check value is the beginning of the SHA-1 over the modulus, or over the
 * coordinates of the point. */
#include "base/buf.h"
#include "hsm/key_store.h"
#include "hsm/p11_p256.h"
#include "hsm/p11_rsa.h"

#include <stdio.h>
#include <string.h>

static cw_rc note(struct cw_stored_key *k, const char *text) {
        (void)snprintf(k->text, sizeof(k->text), "%s", text);
        return CW_OK;
}

static cw_rc note_fault(struct cw_stored_key *k, cw_rc rc, const struct cw_fault *f) {
        enum cw_class cls = cw_rc_class(rc);
        return cls != CW_C_REJECT && cls != CW_C_OPERATOR ? rc : note(k, f->text);
}

static cw_rc check_value(const struct cw_hsm_crypto *c, struct cw_stored_key *k, const struct cw_hsm_key *key,
                         struct cw_fault *f) {
        struct cw_rsa_public pub;
        uint8_t hash[20];
        cw_rc rc = cw_rsa_public_of(c, key, &pub, f);
        if (rc == CW_OK)
                rc = cw_hsm_sha1(c, pub.n, pub.n_len, hash, f);
        if (rc != CW_OK)
                return note_fault(k, rc, f);
        size_t len = strlen(k->version.kcv) == 10 ? 5 : 3;
        (void)cw_hex_encode(hash, len, k->kcv, sizeof(k->kcv));
        if (strcmp(k->kcv, k->version.kcv) != 0)
                return note(k, "its check value (SHA-1 of the modulus) is not the configured one");
        k->key = *key;
        return CW_OK;
}

/* The public operation needs no key object: the modulus of the private one tells it. */
cw_rc cw_key_store_load_rsa(struct cw_p11 *p, const struct cw_hsm_crypto *c, const char *label,
                            struct cw_stored_key *k, struct cw_fault *f) {
        CK_OBJECT_HANDLE h = 0;
        size_t count = 0;
        struct cw_p11_attributes a;
        cw_rc rc = cw_p11_rsa_find(p, label, &h, &count, f);
        if (rc == CW_OK && count != 1)
                return note(k, count == 0 ? "no RSA private key has this label; load it into the token"
                                          : "several RSA private keys have this label; leave one of them");
        if (rc == CW_OK)
                rc = cw_p11_read_attributes(p, h, &a, f);
        if (rc != CW_OK)
                return note_fault(k, rc, f);
        k->object = h;
        if (!a.sensitive || a.extractable || !a.is_private)
                return note(k,
                            "the key is not protected (sensitive, not extractable, private); load it anew");
        if ((a.usage & CW_USE_MAC) == 0)
                return note(k, "the key may not sign; load it with the attributes of its purpose");
        if (a.usage != CW_USE_MAC)
                (void)note(k, "usable, but the token lets the key do more than its purpose");
        const struct cw_hsm_key key = {
            .handle = h, .alg = CW_ALG_RSA, .usage = CW_USE_MAC, .valid = true, .permanent = true};
        return check_value(c, k, &key, f);
}

cw_rc cw_key_store_load_p256(struct cw_p11 *p, const char *label, struct cw_stored_key *k,
                             struct cw_fault *f) {
        struct cw_p256 pair;
        cw_rc rc = cw_p11_p256_find(p, label, &pair, f);
        if (rc == CW_OK)
                rc = cw_p11_p256_prove(p, &pair, f);
        if (rc != CW_OK)
                return note_fault(k, rc, f);
        k->object = pair.handle;
        cw_p256_kcv(pair.point, strlen(k->version.kcv) == 10 ? 5 : 3, k->kcv);
        if (strcmp(k->kcv, k->version.kcv) != 0) {
                (void)snprintf(k->text, sizeof(k->text),
                               "its check value (SHA-1 of the point's coordinates) is %s, not the configured "
                               "one",
                               k->kcv);
                return CW_OK;
        }
        k->key = (struct cw_hsm_key){
            .handle = pair.handle, .alg = CW_ALG_P256, .usage = CW_USE_MAC, .valid = true, .permanent = true};
        return CW_OK;
}
