/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "nvm.h"

/* Fills nvm from nvm->path; a file that does not exist leaves the blank chip. -1 and a sentence in err when
 * damaged. */
int emuc_nvm_read_json(struct emuc_nvm *nvm, char *err, size_t err_cap);
