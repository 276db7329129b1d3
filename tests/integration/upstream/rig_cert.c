/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/ossl.h"
#include "rig.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

static EVP_PKEY *new_key(const char *dir, const char *name) {
        char path[192];
        EVP_PKEY *key = EVP_EC_gen("P-256");
        assert_non_null(key);
        (void)snprintf(path, sizeof path, "%s/%s.key", dir, name);
        CW_AUTO_FILE FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fchmod(fileno(file), 0600), 0);
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
        return key;
}

static void add_extension(X509 *cert, int nid, const char *value) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
        assert_non_null(ext);
        assert_int_equal(X509_add_ext(cert, ext, -1), 1);
        X509_EXTENSION_free(ext);
}

static void write_cert(const char *dir, const char *name, X509 *cert) {
        char path[192];
        (void)snprintf(path, sizeof path, "%s/%s.pem", dir, name);
        CW_AUTO_FILE FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(PEM_write_X509(file, cert), 1);
}

/* A certificate for name, valid from two days ago to days from now; issuer NULL makes a CA that signs itself.
 */
static X509 *new_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *san,
                      long days) {
        static long serial = 1;
        X509 *cert = X509_new();
        assert_non_null(cert);
        assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++), 1);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -2 * 86400));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400));
        X509_NAME *subject = X509_get_subject_name(cert);
        assert_int_equal(
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0),
            1);
        assert_int_equal(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject), 1);
        assert_int_equal(X509_set_pubkey(cert, key), 1);
        add_extension(cert, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
        if (san)
                add_extension(cert, NID_subject_alt_name, san);
        assert_true(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
        return cert;
}

static void make_leaf(const char *dir, const char *name, X509 *ca, EVP_PKEY *ca_key, const char *san,
                      long days) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *key = new_key(dir, name);
        CW_AUTO(X509_free) X509 *cert = new_cert(name, key, ca, ca_key, san, days);
        write_cert(dir, name, cert);
}

static void make_gateway_pair(const char *dir, const char *name) {
        char path[192];
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *key = new_key(dir, name);
        (void)snprintf(path, sizeof path, "%s/%s.pub", dir, name);
        CW_AUTO_FILE FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(PEM_write_PUBKEY(file, key), 1);
}

void rig_make_certs(const char *dir) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *ca_key = new_key(dir, "ca");
        CW_AUTO(X509_free) X509 *ca = new_cert("test CA", ca_key, NULL, NULL, NULL, 30);
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *other_key = new_key(dir, "other-ca");
        CW_AUTO(X509_free) X509 *other = new_cert("other CA", other_key, NULL, NULL, NULL, 30);
        write_cert(dir, "ca", ca);
        write_cert(dir, "other-ca", other);
        make_leaf(dir, "server", ca, ca_key, "IP:127.0.0.1,DNS:localhost", 9);
        make_leaf(dir, "elsewhere", ca, ca_key, "DNS:dcms.example.com", 9);
        make_leaf(dir, "expired", ca, ca_key, "IP:127.0.0.1", -1);
        make_leaf(dir, "client", ca, ca_key, NULL, 5);
        make_leaf(dir, "stranger", other, other_key, NULL, 5);
        make_gateway_pair(dir, "bank");
        make_gateway_pair(dir, "gateway");
        make_gateway_pair(dir, "bank-new");
        make_gateway_pair(dir, "gateway-new");
}
