/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/tls.h"

#include "agent/upstream/dcms.h"
#include "agent/upstream/ossl.h"
#include "agent/upstream/rc.h"
#include "base/file.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <time.h>

#define PEM_MAX 262144u
#define OP "dcms.tls"

struct cw_tls {
        const char *section;
        char *ca;
        size_t ca_len;
        char *cert;
        size_t cert_len;
        struct cw_secret *key;
        int64_t server_end_ms, client_end_ms, ca_end_ms;
        int alert;     /* TLS alert number the server sent, -1 = none */
        bool asked;    /* the server asked for a client certificate in the last handshake */
        bool answered; /* the server has answered a request of ours at least once */
};

/* A setting a person must put right; empties OpenSSL's error queue, libcurl would read it. */
#define TROUBLE(f, ...)                                                                                      \
        (ERR_clear_error(), cw_fail((f), CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP, CW_DCMS_CODE_TLS, __VA_ARGS__))

static int64_t end_of(const X509 *cert) {
        struct tm tm;
        if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
                return 0;
        return (int64_t)timegm(&tm) * 1000;
}

static int no_passphrase(char *buf, int size, int writing, void *ctx) {
        (void)buf, (void)size, (void)writing, (void)ctx;
        return -1;
}

/* Number of certificates in the PEM text; *ret_end_ms is the earliest notAfter, *ret_first (may be NULL) the
 * first. */
static int read_certs(const char *pem, size_t len, int64_t *ret_end_ms, X509 **ret_first) {
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, (int)len);
        int count = 0;
        while (bio) {
                CW_AUTO(X509_free) X509 *cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
                if (!cert)
                        break;
                int64_t end = end_of(cert);
                if (count == 0 || end < *ret_end_ms)
                        *ret_end_ms = end;
                if (count++ == 0 && ret_first)
                        *ret_first = CW_STEAL(cert);
        }
        ERR_clear_error();
        return count;
}

static cw_rc load_ca(struct cw_tls *t, const char *path, struct cw_fault *f) {
        if (!path[0])
                return TROUBLE(f, "server.ca_file is not set; name the PEM file with the bank's CA");
        cw_rc rc = cw_file_read(path, PEM_MAX, &t->ca, &t->ca_len, f);
        if (rc != CW_OK)
                return TROUBLE(f, "server.ca_file %s cannot be read; check the path and its rights", path);
        if (read_certs(t->ca, t->ca_len, &t->ca_end_ms, NULL) == 0)
                return TROUBLE(f, "server.ca_file %s holds no certificate in PEM; get the bank's CA again",
                               path);
        return CW_OK;
}

static cw_rc check_pair(struct cw_tls *t, const X509 *cert, const char *path, struct cw_fault *f) {
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(t->key->ptr, (int)t->key->len);
        CW_AUTO(EVP_PKEY_free)
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
        if (!key)
                return TROUBLE(f, "the key in server.client_key_credential is not PEM without passphrase");
        if (X509_check_private_key(cert, key) != 1)
                return TROUBLE(
                    f, "server.client_cert_file %s and server.client_key_credential do not belong together",
                    path);
        return CW_OK;
}

static cw_rc load_client(struct cw_tls *t, const struct cw_tls_files *files, struct cw_fault *f) {
        const char *path = files->client_cert_file;
        if (!path[0] && !files->client_key_credential[0])
                return CW_OK;
        if (!path[0] || !files->client_key_credential[0])
                return TROUBLE(
                    f, "set server.client_cert_file and server.client_key_credential both, or neither");
        if (cw_file_read(path, PEM_MAX, &t->cert, &t->cert_len, f) != CW_OK)
                return TROUBLE(f, "server.client_cert_file %s cannot be read; check the path and its rights",
                               path);
        cw_rc rc =
            cw_credential_read(files->credential_dir, files->client_key_credential, PEM_MAX, &t->key, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO(X509_free) X509 *cert = NULL;
        if (read_certs(t->cert, t->cert_len, &t->client_end_ms, &cert) == 0)
                return TROUBLE(f, "server.client_cert_file %s holds no certificate in PEM", path);
        return check_pair(t, cert, path, f);
}

void cw_tls_name_section(const struct cw_tls *t, struct cw_fault *f) {
        static const char from[] = "server.";
        char text[sizeof f->text];
        size_t n = 0;
        if (!f || strcmp(t->section, "server") == 0)
                return;
        for (const char *p = f->text; *p && n + 1 < sizeof text;) {
                bool key = strncmp(p, from, sizeof from - 1) == 0;
                int put = key ? snprintf(text + n, sizeof text - n, "%s.", t->section) : 1;
                if (!key)
                        text[n] = *p;
                n = n + (size_t)put < sizeof text ? n + (size_t)put : sizeof text - 1;
                p += key ? sizeof from - 1 : 1;
        }
        text[n] = '\0';
        memcpy(f->text, text, n + 1);
}

cw_rc cw_tls_new(const struct cw_tls_files *files, struct cw_tls **ret, struct cw_fault *f) {
        CW_AUTO(cw_tls_free) struct cw_tls *t = calloc(1, sizeof *t);
        if (!t)
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, OP, "", "no memory");
        t->alert = -1;
        t->section = files->section;
        cw_rc rc = load_ca(t, files->ca_file, f);
        if (rc == CW_OK)
                rc = load_client(t, files, f);
        if (rc != CW_OK) {
                cw_tls_name_section(t, f);
                return rc;
        }
        *ret = CW_STEAL(t);
        return CW_OK;
}

void cw_tls_free(struct cw_tls *t) {
        if (!t)
                return;
        free(t->ca);
        free(t->cert);
        cw_secret_free(t->key);
        free(t);
}

static int ctx_index(void) {
        static int index = -1;
        if (index < 0)
                index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
        return index;
}

/* Sees the alert the server sends, its wish for a client certificate, and the certificate it showed. */
static void on_info(const SSL *ssl, int where, int value) {
        struct cw_tls *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_index());
        if (!t)
                return;
        if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL)
                t->alert = value & 0xff;
        if (where & SSL_CB_HANDSHAKE_START)
                t->asked = false;
        if ((where & SSL_CB_CONNECT_LOOP) == SSL_CB_CONNECT_LOOP && SSL_get_state(ssl) == TLS_ST_CR_CERT_REQ)
                t->asked = true;
        if (where & SSL_CB_HANDSHAKE_DONE) {
                const X509 *cert = SSL_get0_peer_certificate(ssl);
                if (cert)
                        t->server_end_ms = end_of(cert);
        }
}

static CURLcode on_context(CURL *easy, void *ssl_ctx, void *ctx) {
        (void)easy;
        SSL_CTX *ssl = ssl_ctx;
        if (ctx_index() < 0 || SSL_CTX_set_ex_data(ssl, ctx_index(), ctx) != 1)
                return CURLE_OUT_OF_MEMORY;
        SSL_CTX_set_info_callback(ssl, on_info);
        /* Record buffers hold clear answers: given back, and so wiped, as soon as they are empty. */
        (void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
        return CURLE_OK;
}

static bool set_blob(CURL *easy, CURLoption option, const void *bytes, size_t len) {
        /* libcurl does not write to it, its struct only lacks the const. */
        struct curl_blob blob = {.len = len, .flags = CURL_BLOB_NOCOPY};
        memcpy(&blob.data, &bytes, sizeof blob.data);
        return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

bool cw_tls_apply(struct cw_tls *t, CURL *easy) {
        bool ok = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t) == CURLE_OK &&
                  set_blob(easy, CURLOPT_CAINFO_BLOB, t->ca, t->ca_len);
        if (!ok || !t->cert)
                return ok;
        return curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM") == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM") == CURLE_OK &&
               set_blob(easy, CURLOPT_SSLCERT_BLOB, t->cert, t->cert_len) &&
               set_blob(easy, CURLOPT_SSLKEY_BLOB, t->key->ptr, t->key->len);
}

void cw_tls_clear_alert(struct cw_tls *t) {
        t->alert = -1;
}

void cw_tls_answered(struct cw_tls *t) {
        t->answered = true;
}

static const char *verify_text(long verify) {
        switch (verify) {
        case X509_V_OK:
        case X509_V_ERR_UNSPECIFIED: /* libcurl looks at the name first and leaves this behind */
                return "the server's certificate is not for the host name in server.url; check server.url, "
                       "or ask the "
                       "bank for a certificate with that name";
        case X509_V_ERR_CERT_HAS_EXPIRED:
                return "a certificate of the server has expired; check this machine's clock, then ask the "
                       "bank to renew "
                       "it";
        case X509_V_ERR_CERT_NOT_YET_VALID:
                return "the server's certificate is not valid yet; check this machine's clock";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
                return "the server's certificate is not from the CA in server.ca_file; check that file with "
                       "the bank, "
                       "and that nothing on the way opens TLS";
        default:
                return NULL;
        }
}

static cw_rc verify_fault(long verify, struct cw_fault *f) {
        const char *text = verify_text(verify);
        return cw_fail(f, CW_UP(OPERATOR, CW_E_DENIED), verify, OP, CW_DCMS_CODE_TLS, "%s%s",
                       text ? text : "the server's certificate is refused, check server.ca_file: ",
                       text ? "" : X509_verify_cert_error_string(verify));
}

static const char *what_to_check(const struct cw_tls *t, int64_t now_wall_ms) {
        if (!t->cert)
                return "the bank wants a client certificate: set server.client_cert_file and its key";
        if (t->client_end_ms < now_wall_ms)
                return "the client certificate in server.client_cert_file has expired: get a new one from "
                       "the bank";
        return "check server.client_cert_file and its key with the bank";
}

static void alert_fault(const struct cw_tls *t, int64_t now_wall_ms, struct cw_fault *f) {
        bool ours = t->asked || t->alert == SSL_AD_HANDSHAKE_FAILURE;
        (void)cw_fail(f, CW_UP(OPERATOR, CW_E_DENIED), t->alert, OP, CW_DCMS_CODE_TLS,
                      "the server ended the TLS handshake (alert %d, %s); %s", t->alert,
                      SSL_alert_desc_string_long(t->alert),
                      ours ? what_to_check(t, now_wall_ms)
                           : "check server.url and the TLS versions the server speaks");
}

/*
 * Servers that refuse our certificate under TLS 1.3 often just close, after libcurl thought the handshake
 * done. Taken for that as long as the server never answered us, or when the certificate has expired.
 */
static bool closed_on_us(const struct cw_tls *t, CURLcode code, int64_t now_wall_ms) {
        bool closed = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
                      code == CURLE_SSL_CONNECT_ERROR;
        return closed && t->asked && (!t->answered || (t->cert && t->client_end_ms < now_wall_ms));
}

/* True when the alert is about who we are or which TLS we speak, not about a bad moment. */
static bool alert_needs_person(int alert) {
        return alert >= 0 && alert != SSL_AD_INTERNAL_ERROR && alert != SSL_AD_CLOSE_NOTIFY &&
               alert != SSL_AD_USER_CANCELLED;
}

bool cw_tls_explain(struct cw_tls *t, CURL *easy, CURLcode code, int64_t now_wall_ms, struct cw_fault *f) {
        long verify = 0;
        (void)curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify);
        if (alert_needs_person(t->alert)) {
                alert_fault(t, now_wall_ms, f);
                return true;
        }
        if (closed_on_us(t, code, now_wall_ms)) {
                (void)cw_fail(f, CW_UP(OPERATOR, CW_E_DENIED), code, OP, CW_DCMS_CODE_TLS,
                              "the server asked for a client certificate and closed the connection; %s",
                              what_to_check(t, now_wall_ms));
                return true;
        }
        switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
                (void)verify_fault(verify, f);
                return true;
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_ENGINE_NOTFOUND:
        case CURLE_SSL_ENGINE_SETFAILED:
        case CURLE_SSL_ISSUER_ERROR:
                (void)cw_fail(
                    f, CW_UP(OPERATOR, CW_E_SYNTAX), code, OP, CW_DCMS_CODE_TLS,
                    "TLS could not be set up (%s); check server.ca_file, server.client_cert_file and its "
                    "key",
                    curl_easy_strerror(code));
                return true;
        default:
                return false;
        }
}

bool cw_tls_shut_out(const struct cw_tls *t) {
        return (t->alert >= SSL_AD_BAD_CERTIFICATE && t->alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
               t->alert == SSL_AD_UNKNOWN_CA || t->alert == SSL_AD_ACCESS_DENIED ||
               t->alert == SSL_AD_HANDSHAKE_FAILURE || t->alert == TLS13_AD_CERTIFICATE_REQUIRED;
}

int64_t cw_tls_server_end_ms(const struct cw_tls *t) {
        return t->server_end_ms;
}
int64_t cw_tls_client_end_ms(const struct cw_tls *t) {
        return t->client_end_ms;
}
int64_t cw_tls_ca_end_ms(const struct cw_tls *t) {
        return t->ca_end_ms;
}

int cw_tls_days_left(int64_t end_ms, int64_t now_wall_ms) {
        const int64_t day = 24LL * 60 * 60 * 1000;
        int64_t left = end_ms - now_wall_ms;
        int64_t days = left >= 0 ? left / day : -((-left + day - 1) / day);
        return days > INT_MAX ? INT_MAX : days < INT_MIN ? INT_MIN : (int)days;
}
