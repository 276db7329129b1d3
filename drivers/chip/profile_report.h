/* SPDX-License-Identifier: Apache-2.0 */
/* The linter and the judge of signatures for people: everything that is wrong in a profile file. */
#pragma once

#include "drivers/chip/profile_sign.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * Findings, "path:line: place: what is wrong; what to do", or one line of praise go to out, then one line
 * about the signature; true when there is nothing wrong. trust NULL: whose signature it is is told, not
 * judged. A file that cannot be read is told on errors.
 */
bool cw_profile_report(const char *path, const struct cw_profile_trust *trust, FILE *out, FILE *errors);
