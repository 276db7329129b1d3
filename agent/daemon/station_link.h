/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to one station: connects again by itself, keeps its last hello and status. */
#pragma once

#include "base/ipc.h"
#include "config/config.h"

struct cw_station_link;

struct cw_station_ops {
        void (*on_up)(void *ctx, struct cw_station_link *l); /* hello is there */
        void (*on_down)(void *ctx,
                        struct cw_station_link *l); /* once, after the calls under way were answered */
        void (*on_status)(void *ctx, struct cw_station_link *l); /* a fresh status */
        void (*on_event)(void *ctx, struct cw_station_link *l, struct cw_msg *event);
};

/* config, station and ops are borrowed. */
CW_WARN_UNUSED cw_rc cw_station_link_new(struct cw_loop *loop, const struct cw_config *config,
                                         const struct cw_config_station *station, uint32_t generation,
                                         const struct cw_station_ops *ops, void *ctx,
                                         struct cw_station_link **ret);
/* For the end of the daemon: hangs up for good, answers every call under way, tells nobody (no on_down). */
void cw_station_link_close(struct cw_station_link *l);
void cw_station_link_free(struct cw_station_link *l);

const struct cw_config_station *cw_station_link_config(const struct cw_station_link *l);
const char *cw_station_link_name(const struct cw_station_link *l);
bool cw_station_link_up(const struct cw_station_link *l);
/* Working on a step by its own word, at the last hello or status. */
bool cw_station_link_busy(const struct cw_station_link *l);
/* Borrowed, NULL while there is none. */
const json_t *cw_station_link_hello(const struct cw_station_link *l);
const json_t *cw_station_link_status(const struct cw_station_link *l);
const char *cw_station_link_trouble(const struct cw_station_link *l);
/* Takes m. fn is called once, at once with RECONNECT while the station is away. */
void cw_station_link_call(struct cw_station_link *l, struct cw_msg *m, int64_t timeout_ms, cw_reply_fn fn,
                          void *ctx);
/* Hangs up and connects anew: for a station that does not answer. */
void cw_station_link_reset(struct cw_station_link *l, const char *why);
/* Asks for status now rather than at the next poll. */
void cw_station_link_poll(struct cw_station_link *l);
