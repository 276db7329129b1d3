/* SPDX-License-Identifier: Apache-2.0 */
/* The data elements a terminal knows in one transaction (EMV Book 3 10), in secret memory: PAN and track 2
 * are among them. */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"

struct cw_elements;

CW_WARN_UNUSED cw_rc cw_elements_new(struct cw_elements **ret);
/* Wipes. */
void cw_elements_free(struct cw_elements *e);
CW_DEFINE_CLEANUP(struct cw_elements *, cw_elements_free);

/* Sets or replaces. REJECT when a card brings more than a terminal keeps. */
CW_WARN_UNUSED cw_rc cw_elements_set(struct cw_elements *e, uint32_t tag, struct cw_span value,
                                     struct cw_fault *f);
/* Borrowed until the next set; false when unknown. */
bool cw_elements_get(const struct cw_elements *e, uint32_t tag, struct cw_span *ret);
/* Every primitive object inside well-formed templates. REJECT when malformed. */
CW_WARN_UNUSED cw_rc cw_elements_add_template(struct cw_elements *e, struct cw_span tlv, struct cw_fault *f);
/*
 * Appends what a data object list asks for, cut or padded by the format of each tag (EMV Book 3 5.4); an
 * unknown one is zeros. The value as sent becomes the element's value, because a cryptogram is computed over
 * that. REJECT when malformed.
 */
CW_WARN_UNUSED cw_rc cw_elements_fill_dol(struct cw_elements *e, struct cw_span dol, struct cw_writer *out,
                                          struct cw_fault *f);
