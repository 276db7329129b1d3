/* SPDX-License-Identifier: Apache-2.0 */
/* Files read whole within a limit, credentials, atomic writes. All block on the file system. */
#pragma once

#include "base/error.h"
#include "base/secret.h"

/* Reads at most max_len bytes into *ret (NUL added after the end, not counted); REJECT when larger or
 * unreadable. */
CW_WARN_UNUSED cw_rc cw_file_read(const char *path, size_t max_len, char **ret, size_t *ret_len,
                                  struct cw_fault *f);
/*
 * Reads a credential into secret memory, trailing newline dropped: $CREDENTIALS_DIRECTORY/name when systemd
 * set it, else dir/name, which must be a regular file readable by its owner alone (REJECT otherwise). dir may
 * be NULL.
 */
CW_WARN_UNUSED cw_rc cw_credential_read(const char *dir, const char *name, size_t max_len,
                                        struct cw_secret **ret, struct cw_fault *f);
/* The same from dir alone, wherever systemd keeps its credentials. */
CW_WARN_UNUSED cw_rc cw_secret_file_read(const char *dir, const char *name, size_t max_len,
                                         struct cw_secret **ret, struct cw_fault *f);
/* Writes a temporary file beside path, fsyncs it and its directory, renames. */
CW_WARN_UNUSED cw_rc cw_file_write_atomic(const char *path, const void *bytes, size_t len, unsigned mode,
                                          struct cw_fault *f);
/* mkdir -p with mode for what is made. */
CW_WARN_UNUSED cw_rc cw_mkdirs(const char *path, unsigned mode, struct cw_fault *f);
