/* SPDX-License-Identifier: Apache-2.0 */
/* Scope ownership of the OpenSSL objects used here. */
#pragma once

#include "base/cleanup.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>

CW_DEFINE_CLEANUP(BIO *, BIO_free_all);
CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
CW_DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
CW_DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free);
CW_DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free);
CW_DEFINE_CLEANUP(X509 *, X509_free);
