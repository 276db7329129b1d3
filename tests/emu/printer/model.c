/* SPDX-License-Identifier: Apache-2.0 */
#include "model_int.h"

#include "family.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

uint64_t emup_now(const struct emup_model *m) {
        return m->cfg.now_ms(m->cfg.clock_ctx);
}

uint64_t emup_scaled(const struct emup_model *m, uint32_t ms) {
        return (uint64_t)((double)ms * m->cfg.time_scale);
}

/* The transcript stays text whatever a driver sends. */
static void note_line(struct emup_model *m, char mark, char *text) {
        for (char *p = text; *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        *p = '?';
        if (!m->cfg.transcript)
                return;
        (void)fprintf(m->cfg.transcript, "%8llu %c %s\n", (unsigned long long)(emup_now(m) - m->born_ms),
                      mark, text);
        (void)fflush(m->cfg.transcript);
}

void emup_note(struct emup_model *m, char mark, const char *format, ...) {
        char text[512];
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        note_line(m, mark, text);
}

void emup_violation(struct emup_model *m, const char *format, ...) {
        char text[512];
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        note_line(m, '!', text);
        if (m->stat.violations < EMUP_VIOLATIONS_KEPT)
                m->violation[m->stat.violations] = strdup(text);
        m->stat.violations++;
}

void emup_io(struct emup_model *m, int rc) {
        m->stat.io_errors += rc != 0;
}

static void copy(char *to, size_t cap, const char *from) {
        (void)snprintf(to, cap, "%s", from);
}

static int alloc_rasters(struct emup_model *m) {
        m->pending.pixels = malloc(EMUP_PIXELS);
        m->printing.pixels = malloc(EMUP_PIXELS);
        m->frame.data = malloc(EMUP_PANEL_DATA_MAX);
        return m->pending.pixels && m->printing.pixels && m->frame.data ? 0 : -1;
}

int emup_model_new(const struct emup_config *config, const struct emup_chip *chip, struct emup_model **ret) {
        struct emup_model *m = calloc(1, sizeof *m);
        if (!m)
                return -1;
        m->cfg = *config;
        if (chip)
                m->chip = *chip;
        copy(m->serial, sizeof m->serial, config->serial);
        copy(m->model, sizeof m->model, config->model);
        copy(m->firmware, sizeof m->firmware, config->firmware);
        copy(m->dir, sizeof m->dir, config->plastics_dir);
        m->born_ms = emup_now(m);
        m->hopper = config->hopper;
        if (alloc_rasters(m) != 0 || emup_language_new(m) != 0 ||
            emup_operator_ribbon(m, config->ribbon_kind, (int64_t)config->ribbon_remaining, true)) {
                emup_model_free(m);
                return -1;
        }
        *ret = m;
        return 0;
}

static void free_all(char **list, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                free(list[i]);
}

void emup_model_free(struct emup_model *m) {
        if (!m)
                return;
        emup_plastic_free(m->card);
        free_all(m->inserted, m->inserted_count);
        free_all(m->output, m->output_count);
        free_all(m->reject, m->reject_count);
        free_all(m->violation, EMUP_VIOLATIONS_KEPT);
        free(m->pending.pixels);
        free(m->printing.pixels);
        free(m->frame.data);
        free(m->language);
        free(m);
}

/* What waits in the interface goes on once the mechanism is free. */
static void drain_fifo(struct emup_model *m) {
        while (m->fifo_len && !emup_busy(m)) {
                size_t n = emup_frame_feed(m, m->fifo, m->fifo_len);
                memmove(m->fifo, m->fifo + n, m->fifo_len - n);
                m->fifo_len -= n;
        }
}

static size_t take(struct emup_model *m, const uint8_t *bytes, size_t n) {
        drain_fifo(m);
        if (!emup_busy(m))
                return emup_frame_feed(m, bytes, n);
        size_t room = EMUP_FIFO_BYTES - m->fifo_len;
        if (n > room)
                n = room;
        memcpy(m->fifo + m->fifo_len, bytes, n);
        m->fifo_len += n;
        return n;
}

size_t emup_model_write(struct emup_model *m, const uint8_t *bytes, size_t n) {
        size_t done = 0;
        emup_model_tick(m);
        while (done < n && m->action == EMUP_ACT_NONE) {
                uint64_t limit = emup_fault_bytes_left(m);
                size_t offer = n - done;
                if (offer > limit)
                        offer = (size_t)limit;
                size_t k = take(m, bytes + done, offer);
                if (!k)
                        break;
                done += k;
                m->stat.bytes_in += k;
                emup_fault_on_bytes(m, k);
        }
        return done;
}

void emup_model_tick(struct emup_model *m) {
        emup_fault_on_time(m);
        emup_mech_tick(m);
        drain_fifo(m);
}

uint64_t emup_model_deadline_ms(const struct emup_model *m) {
        uint64_t mech = emup_mech_deadline(m), fault = emup_fault_deadline(m), reply = emup_reply_deadline(m);
        uint64_t least = mech < fault ? mech : fault;
        return reply < least ? reply : least;
}

static void drop_io(struct emup_model *m) {
        emup_frame_reset(m);
        m->fifo_len = 0;
        m->reply_count = 0;
}

static void drop_job(struct emup_model *m) {
        emup_mech_abort(m);
        m->seq.active = false;
        m->seq.failed = ERR_NONE;
        m->seq.panels[0] = '\0';
        m->pending.letter = 0;
        m->latched = ERR_NONE;
}

void emup_model_bus_reset(struct emup_model *m) {
        emup_note(m, '=', "bus reset");
        drop_io(m);
        m->seq.active = false;
        m->pending.letter = 0;
        if (m->op.active)
                m->op.name[0] = '\0';
}

void emup_model_power_cycle(struct emup_model *m) {
        emup_note(m, '=', "power off and on");
        m->stat.power_cycles++;
        drop_job(m);
        drop_io(m);
        emup_disengage(m);
        emup_settings_power_on(m);
}

bool emup_model_soft_reset(struct emup_model *m) {
        if (emup_fault_bite(m, "soft_reset_stall"))
                return false;
        emup_note(m, '=', "soft reset");
        m->stat.soft_resets++;
        drop_job(m);
        drop_io(m);
        return true;
}

size_t emup_model_device_id(struct emup_model *m, uint8_t *bytes, size_t cap) {
        char text[256];
        int n = snprintf(text, sizeof text, "MFG:%s;MDL:%s;CLS:PRINTER;DES:%s %s;CMD:%s;",
                         emup_family.manufacturer, m->model, emup_family.manufacturer, m->model,
                         emup_family.command_set);
        if (*m->serial)
                n += snprintf(text + n, sizeof text - (size_t)n, "SN:%s;", m->serial);
        size_t len = (size_t)n, total = len + 2, told = total;
        const struct emup_fault *bad = emup_fault_bite(m, "device_id_bad");
        const char *mode = bad ? bad->text : "";
        if (strcmp(mode, "length") == 0)
                told = 0xffff;
        if (strcmp(mode, "without_length") == 0)
                told = len;
        uint8_t out[258] = {(uint8_t)(told >> 8), (uint8_t)told};
        if (strcmp(mode, "little_endian") == 0) {
                out[0] = (uint8_t)told;
                out[1] = (uint8_t)(told >> 8);
        }
        memcpy(out + 2, text, len);
        if (strcmp(mode, "short") == 0)
                total = 7;
        if (strcmp(mode, "empty") == 0)
                total = 0;
        if (total > cap)
                total = cap;
        memcpy(bytes, out, total);
        return total;
}

uint8_t emup_model_port_status(struct emup_model *m) {
        emup_model_tick(m);
        return emup_fault_bite(m, "port_status_zero") ? 0 : emup_port_status(m);
}

bool emup_model_transfer_stalls(struct emup_model *m, bool in) {
        if (in)
                m->stat.transfers_in++;
        else
                m->stat.transfers_out++;
        emup_fault_on_transfer(m);
        const struct emup_fault *f = emup_fault_bite(m, in ? "stall_in" : "stall_out");
        if (f)
                emup_note(m, '*', "STALL on bulk %s", in ? "IN" : "OUT");
        return f != NULL;
}

enum emup_action emup_model_take_action(struct emup_model *m, uint32_t *ret_replug_ms) {
        enum emup_action a = m->action;
        m->action = EMUP_ACT_NONE;
        if (a != EMUP_ACT_NONE)
                *ret_replug_ms = m->action_replug_ms;
        return a;
}
