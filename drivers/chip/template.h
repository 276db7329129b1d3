/* SPDX-License-Identifier: Apache-2.0 */
/* The template language of a profile: {"value": hex with {placeholders}}, {"text": ASCII}, {"of": [{"tag":
 * ..}, ..]}. */
#pragma once

#include "drivers/chip/prepare.h"

/* Appends what node stands for. REJECT with the place in the text when it cannot. */
CW_WARN_UNUSED cw_rc cw_template_expand(const json_t *node, const struct cw_card_values *values,
                                        struct cw_writer *w, struct cw_fault *f);
/* Checks the shape of a node without expanding it; place is its name for people. */
void cw_template_check(const json_t *node, const char *place, struct cw_profile_findings *fs);
/* CW_CERT_BIT of the certificates it has placeholders for. */
uint32_t cw_template_certs(const json_t *node);
