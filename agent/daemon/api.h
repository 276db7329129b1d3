/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of the control API. docs: agent/control/README.md */
#pragma once

#include "agent/daemon/daemon.h"

CW_WARN_UNUSED cw_rc cw_api_new(struct cw_daemon *d, struct cw_control **ret, struct cw_fault *f);
