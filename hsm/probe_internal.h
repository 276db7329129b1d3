/* SPDX-License-Identifier: Apache-2.0 */
/* What probe.c, probe_wrap.c and probe_enforce.c share. */
#pragma once

#include "hsm/p11_wrap.h"
#include "hsm/probe.h"

/* CW_OK: the token does it. A fault text with CW_OK is kept as a remark. */
struct cw_probe_row {
        const char *name, *needed_for;
        cw_rc (*run)(const struct cw_prober *x, struct cw_fault *f);
};
CW_WARN_UNUSED cw_rc cw_probe_rows(const struct cw_prober *x, const struct cw_probe_row *rows, size_t count,
                                   struct cw_probe_report *ret, struct cw_fault *f);

/* 0123456789ABCDEFFEDCBA9876543210 and the answers to it; FIPS 197 C.1 key and block. */
extern const uint8_t cw_probe_tdes_key[16], cw_probe_tdes_zero[8];
extern const uint8_t cw_probe_aes_key[16], cw_probe_aes_plain[16], cw_probe_aes_ecb[16],
    cw_probe_aes_cmac[16];
/* RFC 3394 4.1 */
extern const uint8_t cw_probe_kw_kek[16], cw_probe_kw_wrapped[24];

/* Rows of CBC (probe_cbc.c). */
CW_WARN_UNUSED cw_rc cw_probe_tdes_cbc(const struct cw_prober *x, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_probe_aes_cbc(const struct cw_prober *x, struct cw_fault *f);
/* Rows of keys derived inside: with CMAC, and by data mixed in (probe_kdf.c). */
CW_WARN_UNUSED cw_rc cw_probe_cmac_derive(const struct cw_prober *x, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_probe_key_xor(const struct cw_prober *x, struct cw_fault *f);
/* Row of MACs made out of objects (probe_kdf.c). */
CW_WARN_UNUSED cw_rc cw_probe_retail_mac(const struct cw_prober *x, struct cw_fault *f);
/* CW_OK when a derived key, which enciphers, does it as a key of this value. */
CW_WARN_UNUSED cw_rc cw_probe_derived(const struct cw_prober *x, const struct cw_hsm_key *derived,
                                      const uint8_t *value, struct cw_fault *f);
/* Rows of chip certificates (probe_rsa.c). */
CW_WARN_UNUSED cw_rc cw_probe_rsa_generate(const struct cw_prober *x, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_probe_rsa_sign(const struct cw_prober *x, struct cw_fault *f);

/* REJECT/CW_E_MISMATCH when the token gave another answer. */
CW_WARN_UNUSED cw_rc cw_probe_answer(const void *got, const void *want, size_t len, struct cw_fault *f);
