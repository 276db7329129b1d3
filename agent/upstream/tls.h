/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS side of the connection: the bank's CA pinned by file (no system store), TLS 1.2 or newer, our
 * client certificate, and what the handshake showed: certificate dates, alerts, the sentence for a person.
 */
#pragma once

#include "base/error.h"
#include "base/secret.h"

#include <curl/curl.h>

struct cw_tls;

/* Where the files are; section is that of the configuration ("server"), for what a person is told. */
struct cw_tls_files {
        const char *section;
        const char *ca_file, *client_cert_file, *client_key_credential, *credential_dir;
};
/* Reads and checks CA file, client certificate and key. OPERATOR with what is wrong with which setting. The
 * section's name is borrowed. */
CW_WARN_UNUSED cw_rc cw_tls_new(const struct cw_tls_files *files, struct cw_tls **ret, struct cw_fault *f);
void cw_tls_free(struct cw_tls *t);
CW_DEFINE_CLEANUP(struct cw_tls *, cw_tls_free);

/* The sentences here and in http.c name keys of the section server: puts in the section of t. */
void cw_tls_name_section(const struct cw_tls *t, struct cw_fault *f);
/* Sets the TLS options of one transfer; t must outlive it. False when libcurl refused one. */
bool cw_tls_apply(struct cw_tls *t, CURL *easy);
/* Forgets the last alert; before each transfer. */
void cw_tls_clear_alert(struct cw_tls *t);
/* The server answered a request. */
void cw_tls_answered(struct cw_tls *t);
/* True when the last alert says that the server never let us in, so that it saw no request. */
bool cw_tls_shut_out(const struct cw_tls *t);
/*
 * True when a failed transfer failed for a certificate or another matter of TLS that a person must settle;
 * fills *f with OPERATOR and what to check. False: it was the network.
 */
bool cw_tls_explain(struct cw_tls *t, CURL *easy, CURLcode code, int64_t now_wall_ms, struct cw_fault *f);

/* notAfter as Unix milliseconds; 0 when not known. */
int64_t cw_tls_server_end_ms(const struct cw_tls *t);
int64_t cw_tls_client_end_ms(const struct cw_tls *t);
int64_t cw_tls_ca_end_ms(const struct cw_tls *t);
/* Whole days from now until end_ms, rounded down; negative when past. */
int cw_tls_days_left(int64_t end_ms, int64_t now_wall_ms);
