/* SPDX-License-Identifier: Apache-2.0 */
/* The linter for people: everything that is wrong in a profile file. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Findings, "path:line: place: what is wrong; what to do", or one line of praise go to out; true when there
 * is nothing wrong. A file that cannot be read is told on errors. */
bool cw_profile_report(const char *path, FILE *out, FILE *errors);
