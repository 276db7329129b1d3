/* SPDX-License-Identifier: Apache-2.0 */
/* A line from the terminal that is not shown while it is typed. */
#pragma once

#include "base/secret.h"

/*
 * Writes prompt to stderr and reads one line from standard input, which must be a terminal, into locked
 * memory with the echo off. NULL after an end of input, a signal (INT, QUIT, TERM, HUP, TSTP), or when there
 * is no terminal; the terminal is always put back.
 */
struct cw_secret *cw_secret_prompt(const char *prompt);
