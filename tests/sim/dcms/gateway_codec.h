/* SPDX-License-Identifier: Apache-2.0 */
/* What gateway.c asks of the codecs that have a file of their own. */
#pragma once

#include "gateway.h"

/* ---- gateway_opaque.c ---- */
char *cw_dsim_opaque_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                          const char **why);
char *cw_dsim_opaque_seal(const struct cw_dsim_gateway_pair *pair, const char *body);

/* ---- gateway_jwe.c ---- */
char *cw_dsim_jwe_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len, const char **why);
char *cw_dsim_jwe_seal(const struct cw_dsim_gateway_pair *pair, const char *body);

/* ---- gateway_field.c ---- */
char *cw_dsim_field_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                         const char **why);
char *cw_dsim_field_seal(const struct cw_dsim *sim, const struct cw_dsim_gateway_pair *pair,
                         const char *body);
