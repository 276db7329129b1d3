/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated printer in this process: its bytes behind the USB vtable, its clock jumping instead of
 * waiting. */
#include "tests/contract/bench.h"

#include "base/clock.h"
#include "tests/emu/printer/family.h"
#include "tests/emu/printer/model.h"
#include "tests/emu/printer/usb_device.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct bench {
        struct emup_model *model;
        char dir[64];
        uint64_t now_ms;
        unsigned generation; /* a connection of an older one is dead */
        bool plugged;
        bool halted[2]; /* OUT, IN: a stalled endpoint stays so until CLEAR_HALT or a new enumeration */
};

struct model_usb {
        struct cw_usb base;
        struct bench *bench;
        unsigned generation;
};

static uint64_t bench_now(void *ctx) {
        return ((struct bench *)ctx)->now_ms;
}

static bool chip_present(void *ctx, const char *plastic_dir) {
        (void)ctx;
        return plastic_dir[0] != '\0';
}

static bool chip_remove(void *ctx) {
        (void)ctx;
        return true;
}

static bool dead(const struct model_usb *u) {
        return !u->bench->plugged || u->generation != u->bench->generation;
}

/* What a fault of the model asks of the bus. */
static void serve_action(struct bench *b) {
        uint32_t replug_ms = 0;
        enum emup_action action = emup_model_take_action(b->model, &replug_ms);
        if (action == EMUP_ACT_NONE)
                return;
        b->generation++;
        b->halted[0] = b->halted[1] = false;
        if (action == EMUP_ACT_POWER_CYCLE)
                emup_model_power_cycle(b->model);
        else {
                emup_model_bus_reset(b->model);
                b->plugged = replug_ms > 0;
        }
}

static cw_rc gone(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_CLOSED), -4, op, "PRT_NOT_REACHABLE", "gone");
}

static cw_rc late(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_RETRY, CW_E_TIMEOUT), -7, op, "PRT_TIMEOUT", "late");
}

static bool halted(struct bench *b, bool in) {
        if (emup_model_transfer_stalls(b->model, in))
                b->halted[in] = true;
        return b->halted[in];
}

/* Jumps to the next event of the model when it lies before the limit; false when nothing happens until then.
 */
static bool jump(struct bench *b, uint64_t limit_ms) {
        uint64_t due = emup_model_deadline_ms(b->model);
        if (due > limit_ms) {
                b->now_ms = limit_ms;
                return false;
        }
        b->now_ms = due > b->now_ms ? due : b->now_ms;
        emup_model_tick(b->model);
        return true;
}

static cw_rc model_control(struct cw_usb *usb, uint8_t request_type, uint8_t request, uint16_t value,
                           uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                           struct cw_fault *f) {
        (void)deadline_ns;
        struct model_usb *u = (struct model_usb *)usb;
        const struct emup_usb_strings strings = {emup_family.manufacturer, bench_family.model, "T1"};
        const uint8_t setup[8] = {request_type,           request,
                                  (uint8_t)(value & 255), (uint8_t)(value >> 8),
                                  (uint8_t)(index & 255), (uint8_t)(index >> 8),
                                  (uint8_t)(len & 255),   (uint8_t)(len >> 8)};
        uint8_t none[1];
        if (dead(u))
                return gone(f, "usb.control");
        int n = emup_usb_control(u->bench->model, &strings, setup, len ? data : none);
        serve_action(u->bench);
        if (n < 0)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), -9, "usb.control",
                               "PRT_NOT_REACHABLE", "stall");
        *ret_len = (uint16_t)n;
        return CW_OK;
}

static cw_rc model_bulk_out(struct cw_usb *usb, const void *data, size_t len, int64_t deadline_ns,
                            size_t *ret_sent, struct cw_fault *f) {
        struct model_usb *u = (struct model_usb *)usb;
        const uint8_t *bytes = data;
        uint64_t limit_ms = u->bench->now_ms + (uint64_t)cw_deadline_left_ms(deadline_ns);
        if (dead(u))
                return gone(f, "usb.bulk_out");
        if (halted(u->bench, false))
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), -9, "usb.bulk_out",
                               "PRT_NOT_REACHABLE", "stall");
        bool late_now = false;
        while (*ret_sent < len && !late_now && !dead(u)) {
                size_t n = emup_model_write(u->bench->model, bytes + *ret_sent, len - *ret_sent);
                *ret_sent += n;
                serve_action(u->bench);
                late_now = n == 0 && !dead(u) && !jump(u->bench, limit_ms);
        }
        if (*ret_sent == len)
                return CW_OK;
        if (*ret_sent > 0)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_IN_DOUBT, CW_E_PARTIAL), -7, "usb.bulk_out",
                               dead(u) ? "PRT_NOT_REACHABLE" : "PRT_TIMEOUT", "%zu of %zu bytes", *ret_sent,
                               len);
        if (!dead(u))
                return late(f, "usb.bulk_out");
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_IN_DOUBT, CW_E_CLOSED), -4, "usb.bulk_out",
                       "PRT_NOT_REACHABLE", "gone while it was sent");
}

static cw_rc model_bulk_in(struct cw_usb *usb, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                           struct cw_fault *f) {
        struct model_usb *u = (struct model_usb *)usb;
        uint64_t limit_ms = u->bench->now_ms + (uint64_t)cw_deadline_left_ms(deadline_ns);
        if (dead(u))
                return gone(f, "usb.bulk_in");
        if (halted(u->bench, true))
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), -9, "usb.bulk_in",
                               "PRT_NOT_REACHABLE", "stall");
        for (;;) {
                size_t n = emup_model_read(u->bench->model, data, cap);
                serve_action(u->bench);
                if (dead(u))
                        return gone(f, "usb.bulk_in");
                if (n > 0) {
                        *ret_len = n;
                        return CW_OK;
                }
                if (!jump(u->bench, limit_ms))
                        return late(f, "usb.bulk_in");
        }
}

static size_t model_purge(struct cw_usb *usb) {
        struct model_usb *u = (struct model_usb *)usb;
        uint8_t bytes[512];
        size_t all = 0, n;
        while (!dead(u) && !u->bench->halted[1] &&
               (n = emup_model_read(u->bench->model, bytes, sizeof bytes)))
                all += n;
        return all;
}

static void no_halt(struct bench *b) {
        b->halted[0] = b->halted[1] = false;
}

static cw_rc model_clear_halt(struct cw_usb *usb, struct cw_fault *f) {
        struct model_usb *u = (struct model_usb *)usb;
        if (dead(u))
                return gone(f, "usb.clear_halt");
        no_halt(u->bench);
        return CW_OK;
}

static cw_rc model_reset(struct cw_usb *usb, struct cw_fault *f) {
        struct model_usb *u = (struct model_usb *)usb;
        if (dead(u))
                return gone(f, "usb.reset");
        emup_model_bus_reset(u->bench->model);
        u->bench->generation++;
        no_halt(u->bench);
        return CW_OK;
}

static bool model_gone(struct cw_usb *usb) {
        return dead((struct model_usb *)usb);
}

static void model_close(struct cw_usb *usb) {
        free(usb);
}

static const struct cw_usb_ops model_ops = {
    .name = "model",
    .control = model_control,
    .bulk_out = model_bulk_out,
    .bulk_in = model_bulk_in,
    .purge = model_purge,
    .clear_halt = model_clear_halt,
    .reset = model_reset,
    .gone = model_gone,
    .close = model_close,
};

static cw_rc bench_connect(struct bench *b, struct cw_usb **ret, struct cw_fault *f) {
        if (!b->plugged)
                return gone(f, "usb.open");
        struct model_usb *u = calloc(1, sizeof *u);
        assert_non_null(u);
        u->base.ops = &model_ops;
        u->base.info = (struct cw_usb_info){.vendor_id = emup_family.vid,
                                            .product_id = emup_family.pid,
                                            .serial = "T1",
                                            .port = "1-1",
                                            .protocol = 2,
                                            .endpoint_out = emup_family.ep_out,
                                            .endpoint_in = emup_family.ep_in};
        u->bench = b;
        u->generation = b->generation;
        *ret = &u->base;
        return CW_OK;
}

static enum emup_terminator terminator(const char *text) {
        if (text && strcmp(text, "cr") == 0)
                return EMUP_END_CR;
        return text && strcmp(text, "none") == 0 ? EMUP_END_NONE : EMUP_END_NUL;
}

static enum emup_flip flip(const char *text) {
        if (!text)
                return emup_family.flip;
        if (strcmp(text, "long") == 0)
                return EMUP_FLIP_LONG;
        return strcmp(text, "short") == 0 ? EMUP_FLIP_SHORT : EMUP_FLIP_NONE;
}

static struct bench *bench_open(const struct bench_options *o) {
        struct bench *b = calloc(1, sizeof *b);
        assert_non_null(b);
        b->now_ms = 1000;
        b->plugged = true;
        (void)snprintf(b->dir, sizeof b->dir, "/dev/shm/cw-contract-XXXXXX"); /* many small files */
        if (!mkdtemp(b->dir)) {
                (void)snprintf(b->dir, sizeof b->dir, "/tmp/cw-contract-XXXXXX");
                assert_non_null(mkdtemp(b->dir));
        }
        const struct emup_chip chip = {chip_present, chip_remove, b};
        const struct emup_config config = {
            .serial = "T1",
            .model = o->model ? o->model : bench_family.model,
            .firmware = bench_family.firmware,
            .plastics_dir = b->dir,
            .ribbon_kind = "ymcko",
            .ribbon_remaining = 100,
            .hopper = 5,
            .time_scale = o->pace > 0 ? o->pace : 1.0,
            .flip = flip(o->flip),
            .hico_stripe = true,
            .old_positions = o->positions && strcmp(o->positions, "old") == 0,
            .terminator = terminator(o->reply_end),
            .now_ms = bench_now,
            .clock_ctx = b,
        };
        assert_int_equal(emup_model_new(&config, &chip, &b->model), 0);
        return b;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

static void bench_close(struct bench *b) {
        emup_model_free(b->model);
        (void)nftw(b->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(b);
}

static const char *text_of(const json_t *q, const char *key, const char *fallback) {
        const char *s = json_string_value(json_object_get(q, key));
        return s ? s : fallback;
}

static const char *plug_command(struct bench *b, const char *name) {
        if (strcmp(name, "plug") == 0) {
                b->plugged = true;
                return NULL;
        }
        b->generation++;
        no_halt(b);
        if (strcmp(name, "power_cycle") == 0) {
                emup_model_power_cycle(b->model);
                return NULL;
        }
        emup_model_bus_reset(b->model);
        b->plugged = false;
        return NULL;
}

static const char *run(struct bench *b, const json_t *q) {
        const char *name = text_of(q, "cmd", "");
        char path[256];
        json_int_t count = json_integer_value(json_object_get(q, "count"));
        if (strcmp(name, "hopper") == 0)
                return emup_operator_hopper(b->model, (uint32_t)count);
        if (strcmp(name, "cover") == 0)
                return emup_operator_cover(b->model, json_is_true(json_object_get(q, "open")));
        if (strcmp(name, "ribbon") == 0) {
                const json_t *remaining = json_object_get(q, "remaining");
                return emup_operator_ribbon(b->model, json_string_value(json_object_get(q, "kind")),
                                            remaining ? json_integer_value(remaining) : -1,
                                            !json_is_false(json_object_get(q, "present")));
        }
        if (strcmp(name, "take") == 0 || strcmp(name, "take_reject") == 0)
                return emup_operator_take(b->model, name[4] == '_', NULL, path, sizeof path);
        if (strcmp(name, "clear") == 0)
                return emup_operator_clear(b->model, text_of(q, "to", "taken"), path, sizeof path);
        if (strcmp(name, "fault") == 0) {
                const char *wrong = emup_fault_arm(b->model, q);
                serve_action(b);
                return wrong;
        }
        if (strcmp(name, "faults_off") == 0) {
                emup_fault_disarm_all(b->model);
                return NULL;
        }
        if (strcmp(name, "plug") == 0 || strcmp(name, "unplug") == 0 || strcmp(name, "power_cycle") == 0)
                return plug_command(b, name);
        return "no such command";
}

static json_t *bench_command(struct bench *b, const json_t *request) {
        if (strcmp(text_of(request, "cmd", ""), "state") == 0) {
                json_t *state = emup_model_state(b->model);
                (void)json_object_set_new(state, "ok", json_true());
                return state;
        }
        const char *wrong = run(b, request);
        return wrong ? json_pack("{s:b,s:s}", "ok", 0, "error", wrong) : json_pack("{s:b}", "ok", 1);
}

const struct bench_ops bench_ops = {"model", true, bench_open, bench_close, bench_connect, bench_command};
