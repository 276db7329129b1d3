/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket of an emulator: SOCK_STREAM unix, one JSON object a line in, one a line out, in order.
 * A line longer than 64 KiB or that is no JSON object gets {"ok":false,...}. Single-threaded; nothing here
 * blocks.
 */
#pragma once

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define EMU_JSONLINE_CLIENTS 8
#define EMU_JSONLINE_POLLFDS (EMU_JSONLINE_CLIENTS + 1)

struct emu_jsonline;

/* Answers one request (borrowed); returns a new reference, never NULL. */
typedef json_t *(*emu_jsonline_fn)(void *ctx, const json_t *request);

/* Listens on path (an old socket file there is removed); 0 or -1 with errno. */
int emu_jsonline_new(const char *path, emu_jsonline_fn fn, void *ctx, struct emu_jsonline **ret);
/* Closes everything and removes the socket file. */
void emu_jsonline_free(struct emu_jsonline *s);

/* Fills fds (room for EMU_JSONLINE_POLLFDS) and returns how many; unused ones have fd -1. */
size_t emu_jsonline_pollfds(const struct emu_jsonline *s, struct pollfd *fds);
/* Serves what poll() found in the same fds. */
void emu_jsonline_dispatch(struct emu_jsonline *s, const struct pollfd *fds);

/* {"ok":false,"error":text}; a new reference. */
json_t *emu_jsonline_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
