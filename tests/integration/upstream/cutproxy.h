/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP proxy in a process of its own between clients and the simulator. It has lanes, each with a port: a
 * lane that is armed resets the connection after so many more bytes in one direction, once, and passes
 * everything else on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CUT_LANES 24u

struct cut_proxy;

struct cut_proxy *cut_proxy_start(unsigned server_port);
void cut_proxy_stop(struct cut_proxy *p);
unsigned cut_proxy_port(const struct cut_proxy *p, unsigned lane);
/*
 * Closes what the lane has open, starts its counts at 0, and resets its connection when limit bytes went up
 * (to the server) or down; limit 0 counts only. Returns when the proxy has done so.
 */
void cut_proxy_arm(struct cut_proxy *p, unsigned lane, bool down, uint32_t limit);
/* Bytes since arming. */
uint32_t cut_proxy_bytes(const struct cut_proxy *p, unsigned lane, bool down);
/* True when the cut was made. */
bool cut_proxy_cut(const struct cut_proxy *p, unsigned lane);
