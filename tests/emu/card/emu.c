/* SPDX-License-Identifier: Apache-2.0 */
#include "emu.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECONNECT_MS 100
#define TEAR_OUT_MS 600 /* longer than one round of the reader driver's presence poll */
#define VIOLATIONS_KEPT 1000U

int64_t emuc_now_ms(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void emuc_log(struct emuc_emu *e, const char *fmt, ...) {
        va_list ap;

        if (!e->log)
                return;
        (void)fprintf(e->log, "%lld ", (long long)emuc_now_ms());
        va_start(ap, fmt);
        (void)vfprintf(e->log, fmt, ap);
        va_end(ap);
        (void)fputc('\n', e->log);
        (void)fflush(e->log);
}

/* "<plastic> <what> [bytes]": what a test judges the host by, besides what the host says of itself. */
static void wire(struct emuc_emu *e, const char *what, const uint8_t *p, size_t len) {
        const char *name = strrchr(e->dir, '/');

        if (!e->wire)
                return;
        (void)fprintf(e->wire, "%s %s", name ? name + 1 : e->dir, what);
        for (size_t i = 0; i < len; i++)
                (void)fprintf(e->wire, i ? "%02X" : " %02X", p[i]);
        (void)fputc('\n', e->wire);
        (void)fflush(e->wire);
}

static void on_violation(void *ctx, const char *text) {
        struct emuc_emu *e = ctx;

        e->violation_count++;
        emuc_log(e, "violation: %s", text);
        if (json_array_size(e->violations) < VIOLATIONS_KEPT)
                json_array_append_new(e->violations, json_string(text));
}

static int connect_reader(struct emuc_emu *e) {
        e->late_len = 0;
        e->reconnect_at_ms = 0;
        if (emuc_vpcd_connect(&e->vpcd, e->host, e->port) < 0)
                return -1;
        emuc_chip_reset(e->chip);
        wire(e, "in", NULL, 0);
        emuc_log(e, "card in the reader: %s", e->chip->nvm->plastic);
        return 0;
}

int emuc_emu_present(struct emuc_emu *e, const char *dir, char *err, size_t err_cap) {
        struct emuc_nvm *nvm = NULL;

        if (strlen(dir) >= sizeof e->dir) {
                (void)snprintf(err, err_cap, "plastic: path too long");
                return -1;
        }
        emuc_emu_remove(e);
        if (emuc_nvm_open(dir, e->cfg.key_tries, &nvm, err, err_cap) < 0)
                return -1;
        if (!emuc_chip_new(&e->cfg, &e->keys, nvm, on_violation, e, &e->chip)) {
                (void)snprintf(err, err_cap, "no card manager keys for this chip");
                e->chip = NULL;
                return -1;
        }
        (void)snprintf(e->dir, sizeof e->dir, "%s", dir);
        if (connect_reader(e) < 0) {
                (void)snprintf(err, err_cap, "the reader at %s:%u does not answer: %s", e->host, e->port,
                               strerror(errno));
                emuc_emu_remove(e);
                return -1;
        }
        return 0;
}

void emuc_emu_remove(struct emuc_emu *e) {
        emuc_vpcd_close(&e->vpcd);
        if (e->chip) {
                (void)emuc_nvm_save(e->chip->nvm);
                emuc_log(e, "card out: %s", e->chip->nvm->plastic);
                wire(e, "out", NULL, 0);
                emuc_chip_free(e->chip);
        }
        e->chip = NULL;
        e->dead = false;
        e->late_len = 0;
        e->reconnect_at_ms = 0;
}

/* The plastic stays, its contacts are gone for after_ms (negative: until it is presented anew). */
static void lose_contact(struct emuc_emu *e, int64_t after_ms) {
        emuc_vpcd_close(&e->vpcd);
        emuc_chip_reset(e->chip);
        (void)emuc_nvm_save(e->chip->nvm);
        e->late_len = 0;
        e->dead = after_ms < 0;
        e->reconnect_at_ms = after_ms < 0 ? 0 : emuc_now_ms() + after_ms;
}

static void swap(struct emuc_emu *e, const char *plastic) {
        char err[160];

        if (emuc_emu_present(e, plastic, err, sizeof err) < 0)
                emuc_log(e, "swap failed: %s", err);
}

static void answer(struct emuc_emu *e, const uint8_t *p, size_t len) {
        if (!emuc_vpcd_send(&e->vpcd, p, len))
                lose_contact(e, RECONNECT_MS);
}

/* The end of the R-MAC, where an answer has one; under T=0 GET RESPONSE will fetch it. */
static void spoil_mac(struct emuc_emu *e, uint8_t *rsp, size_t n) {
        struct emuc_chip *c = e->chip;

        if (n == 2 && rsp[0] == 0x61 && c->pending_len >= 8)
                c->pending[c->pending_len - 1] ^= 0x01;
        else if (n >= 2 + 8)
                rsp[n - 3] ^= 0x01;
        else
                on_violation(e, "fault rmac hit an answer without R-MAC");
}

static void serve_apdu(struct emuc_emu *e, const uint8_t *p, size_t len) {
        struct emuc_fault f = {0};
        uint8_t rsp[EMUC_RSP_MAX + 2];
        bool hit = len >= 2 && emuc_fault_match(e->faults, p[1], &f);
        size_t n;

        emuc_log(e, "INS %02X, %zu bytes%s", len >= 2 ? p[1] : 0U, len, hit ? ", fault" : "");
        wire(e, "apdu", p, len);
        if (hit)
                wire(e, "fault", NULL, 0);
        if (hit && f.kind == EMUC_FAULT_DIE) {
                lose_contact(e, f.reconnect ? TEAR_OUT_MS : -1);
                return;
        }
        if (hit && f.kind == EMUC_FAULT_SWAP) {
                swap(e, f.plastic);
                return;
        }
        if (hit && f.kind == EMUC_FAULT_SW) {
                rsp[0] = (uint8_t)(f.sw >> 8);
                rsp[1] = (uint8_t)f.sw;
                n = 2;
        } else {
                n = emuc_chip_apdu(e->chip, p, len, rsp);
                emuc_log(e, "SW %02X%02X, %zu bytes", rsp[n - 2], rsp[n - 1], n);
        }
        if (hit && f.kind == EMUC_FAULT_RMAC)
                spoil_mac(e, rsp, n);
        if (hit && f.kind == EMUC_FAULT_TEAR) {
                lose_contact(e, f.reconnect ? TEAR_OUT_MS : -1);
        } else if (hit && f.kind == EMUC_FAULT_LATE) {
                memcpy(e->late, rsp, n);
                e->late_len = n;
                e->late_at_ms = emuc_now_ms() + f.ms;
        } else if (!hit || f.kind != EMUC_FAULT_MUTE) {
                answer(e, rsp, n);
        }
}

static void serve_frame(struct emuc_emu *e, const uint8_t *p, size_t len) {
        uint8_t atr[33];

        if (len != 1) {
                serve_apdu(e, p, len);
                return;
        }
        switch (p[0]) {
        case EMUC_VPCD_ATR:
                answer(e, atr, emuc_chip_atr(e->chip, atr));
                break;
        case EMUC_VPCD_OFF:
        case EMUC_VPCD_ON:
        case EMUC_VPCD_RESET:
                wire(e, p[0] == EMUC_VPCD_RESET ? "reset" : p[0] == EMUC_VPCD_ON ? "on" : "off", NULL, 0);
                emuc_chip_reset(e->chip);
                break;
        default:
                on_violation(e, "unknown control byte from the reader");
        }
}

void emuc_emu_readable(struct emuc_emu *e) {
        const uint8_t *p = NULL;
        size_t len = 0;

        if (!emuc_vpcd_read(&e->vpcd)) {
                emuc_log(e, "reader hung up");
                lose_contact(e, RECONNECT_MS);
                return;
        }
        while (e->vpcd.fd >= 0 && emuc_vpcd_frame(&e->vpcd, &p, &len)) {
                uint8_t copy[300];
                size_t n = len < sizeof copy ? len : sizeof copy;
                memcpy(copy, p, n);
                emuc_vpcd_consume(&e->vpcd);
                serve_frame(e, copy, n);
        }
}

void emuc_emu_tick(struct emuc_emu *e) {
        int64_t now = emuc_now_ms();

        if (e->late_len && now >= e->late_at_ms) {
                size_t n = e->late_len;
                e->late_len = 0;
                answer(e, e->late, n);
        }
        if (e->chip && !e->dead && e->vpcd.fd < 0 && e->reconnect_at_ms && now >= e->reconnect_at_ms &&
            connect_reader(e) < 0)
                e->reconnect_at_ms = now + RECONNECT_MS;
}

int emuc_emu_timeout_ms(const struct emuc_emu *e) {
        int64_t now = emuc_now_ms(), due = now + 60000;

        if (e->late_len && e->late_at_ms < due)
                due = e->late_at_ms;
        if (e->reconnect_at_ms && e->reconnect_at_ms < due)
                due = e->reconnect_at_ms;
        return due > now ? (int)(due - now) : 0;
}
