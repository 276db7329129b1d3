/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that change while calls are under way. The codec in front seals; those it took the place of open
 * answers to what they sealed for a while longer, whether or not the new keys name the old pair.
 */
#include "agent/upstream/dcms.h"
#include "agent/upstream/gateway.h"
#include "agent/upstream/gateway_key.h"
#include "agent/upstream/rc.h"

#include <string.h>

/* Longer than any call with all its tries may wait for its answer. */
#define BEFORE_MS ((int64_t)15 * 60 * 1000)

/* More reloads than that within the time: the oldest keys go. */
#define BEFORE_MAX 4

struct former {
        struct cw_gateway_codec *codec;
        int64_t until_ns;
};

struct rotation {
        struct cw_gateway_codec base;
        struct cw_gateway_ops ops; /* name and content type of what is inside */
        const struct cw_clock *clock;
        struct cw_gateway_codec *now;
        struct former before[BEFORE_MAX]; /* newest first; the first without a codec ends them */
};

static cw_rc rotation_seal(struct cw_gateway_codec *codec, struct cw_span clear, struct cw_secret **ret,
                           struct cw_fault *f) {
        struct rotation *r = (struct rotation *)codec;
        return r->now->ops->seal(r->now, clear, ret, f);
}

static void drop_from(struct rotation *r, size_t first) {
        for (size_t i = first; i < BEFORE_MAX; i++) {
                cw_gateway_free(r->before[i].codec);
                r->before[i] = (struct former){0};
        }
}

static void drop_expired(struct rotation *r) {
        size_t i = 0;
        while (i < BEFORE_MAX && r->before[i].codec && cw_mono_ns(r->clock) <= r->before[i].until_ns)
                i++;
        drop_from(r, i);
}

static cw_rc rotation_open(struct cw_gateway_codec *codec, struct cw_span wire, struct cw_secret **ret,
                           struct cw_fault *f) {
        struct rotation *r = (struct rotation *)codec;
        cw_rc rc = r->now->ops->open(r->now, wire, ret, f);
        if (rc != CW_UP(OPERATOR, CW_E_MISMATCH))
                return rc;
        drop_expired(r);
        for (size_t i = 0; i < BEFORE_MAX && r->before[i].codec; i++) {
                struct cw_fault unheard = {0};
                if (r->before[i].codec->ops->open(r->before[i].codec, wire, ret, &unheard) == CW_OK) {
                        *f = (struct cw_fault){0};
                        return CW_OK;
                }
        }
        return rc;
}

static void rotation_free(struct cw_gateway_codec *codec) {
        struct rotation *r = (struct rotation *)codec;
        cw_gateway_free(r->now);
        drop_from(r, 0);
        free(r);
}

cw_rc cw_gateway_rotation_new(struct cw_gateway_codec *take, const struct cw_clock *clock,
                              struct cw_gateway_codec **ret, struct cw_fault *f) {
        struct rotation *r = calloc(1, sizeof *r);
        if (!r) {
                cw_gateway_free(take);
                return cw_gateway_no_memory(f);
        }
        *r = (struct rotation){
            .ops = {take->ops->name, take->ops->content_type, rotation_seal, rotation_open, rotation_free},
            .clock = clock,
            .now = take};
        r->base.ops = &r->ops;
        *ret = &r->base;
        return CW_OK;
}

cw_rc cw_gateway_rotation_take(struct cw_gateway_codec *codec, struct cw_gateway_codec *take,
                               struct cw_fault *f) {
        struct rotation *r = (struct rotation *)codec;
        if (strcmp(take->ops->name, r->ops.name) != 0) {
                cw_gateway_free(take);
                return cw_fail(f, CW_UP(OPERATOR, CW_E_STATE), 0, "gateway.reload", CW_DCMS_CODE_GATEWAY,
                               "server.gateway cannot change while the agent runs, only its keys; restart "
                               "cardwrightd");
        }
        drop_expired(r);
        drop_from(r, BEFORE_MAX - 1);
        memmove(&r->before[1], &r->before[0], (BEFORE_MAX - 1) * sizeof r->before[0]);
        r->before[0] = (struct former){r->now, cw_mono_ns(r->clock) + BEFORE_MS * 1000000};
        r->now = take;
        return CW_OK;
}
