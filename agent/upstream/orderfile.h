/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a PGK order before it is uploaded. Its layout is not public, so that only what every text
 * layout shares is checked: printable lines of sane length. Pure.
 */
#pragma once

#include <stddef.h>

/* NULL when it may be uploaded, else what is wrong with it, with no word of its content. */
const char *cw_orderfile_fault(const void *bytes, size_t len);
