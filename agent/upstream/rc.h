/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/* CW_UP(RETRY, CW_E_IO): a return code of this layer. */
#define CW_UP(cls, n) CW_RC(CW_L_UPSTREAM, CW_C_##cls, n)
