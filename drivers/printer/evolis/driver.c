/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, identity, and the vtable. */
#include "drivers/printer/evolis/move.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define CONTACT_LIMIT_MS 1500
#define AGREE_TRIES 5

static void evolis_close(struct cw_printer *p) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        cw_usb_close(e->base.usb);
        cw_secret_free(e->memory);
        free(e);
}

/*
 * The serial number, asked until two answers in a row agree: the answer to a command of a process before us
 * may still be on its way and would shift every answer after it. Stays "" when the firmware has none to tell.
 */
static cw_rc agree(struct cw_evolis *e, int64_t deadline_ns, char *ret, size_t cap, struct cw_fault *f) {
        CW_WIPED(char, last, CW_EVOLIS_REPLY_MAX); /* it may be a track that a dead process asked for */
        for (int i = 0; i < AGREE_TRIES; i++) {
                cw_rc rc = cw_evolis_drain(e, deadline_ns, f);
                if (rc == CW_OK)
                        rc = cw_evolis_ask(e, "Rsn", cw_printer_deadline(deadline_ns, CONTACT_LIMIT_MS), ret,
                                           cap, f);
                if (rc != CW_OK)
                        return rc;
                if (cw_evolis_kind(ret) != CW_EVOLIS_OK && i > 0 && strcmp(ret, last) == 0) {
                        if (cw_evolis_kind(ret) != CW_EVOLIS_VALUE)
                                ret[0] = '\0';
                        return CW_OK;
                }
                (void)snprintf(last, CW_EVOLIS_REPLY_MAX, "%s", ret);
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_SYNTAX), 0, "evolis.open",
                       "PRD_UNEXPECTED_DATA",
                       "the printer answers the same question differently each time; switch it off and on");
}

struct greeting {
        struct cw_evolis *e;
        char *serial; /* CW_EVOLIS_REPLY_MAX */
};

static cw_rc greet(void *ctx, int64_t deadline_ns, struct cw_fault *f) {
        const struct greeting *g = ctx;
        return agree(g->e, deadline_ns, g->serial, CW_EVOLIS_REPLY_MAX, f);
}

/* What is asked to get back into step: the serial number, or the firmware where there is none. */
static void set_sync(struct cw_evolis *e, const char *command, const char *answer) {
        if (e->sync_command || !answer[0] || strlen(answer) >= sizeof e->sync_answer)
                return;
        e->sync_command = command;
        (void)snprintf(e->sync_answer, sizeof e->sync_answer, "%s", answer);
}

static cw_rc ask_text(struct cw_evolis *e, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                      struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        cw_rc rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        if (rc != CW_OK)
                return rc;
        if (cw_evolis_kind(answer) != CW_EVOLIS_VALUE)
                answer[0] = '\0';
        set_sync(e, command, answer);
        cw_evolis_quote(answer, ret, cap);
        return CW_OK;
}

/* Only for the inventory: a printer that is silent about it is none the worse. A stray OK came before the
 * answer, which is then on its way. */
static cw_rc ask_head(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        cw_rc rc = cw_evolis_ask(e, "Rkn", deadline_ns, answer, sizeof answer, f);
        if (rc == CW_OK && cw_evolis_kind(answer) == CW_EVOLIS_OK)
                e->out_of_step = true;
        else if (rc == CW_OK && cw_evolis_kind(answer) == CW_EVOLIS_VALUE)
                cw_evolis_quote(answer, e->base.info.head, sizeof e->base.info.head);
        if (cw_rc_class(rc) == CW_C_RETRY && (rc & 0xffffu) == CW_E_TIMEOUT)
                return cw_evolis_drain(e, deadline_ns, f); /* and out of step, should it come later still */
        return rc;
}

static cw_rc identify(struct cw_evolis *e, const char *first, int64_t deadline_ns, struct cw_fault *f) {
        struct cw_printer_info *info = &e->base.info;
        char device_id[CW_USB_DEVICE_ID_MAX] = "", id_model[CW_PRINTER_TEXT_MAX] = "";
        set_sync(e, "Rsn", first);
        cw_evolis_quote(first, info->serial, sizeof info->serial);
        cw_rc rc = ask_text(e, "Rfv", deadline_ns, info->firmware, sizeof info->firmware, f);
        if (rc == CW_OK)
                rc = ask_text(e, "Rtp", deadline_ns, info->model, sizeof info->model, f);
        if (rc != CW_OK)
                return rc;
        /* The device id is a help, not a must: gadgets and old firmwares get it wrong. */
        if (cw_usb_device_id(e->base.usb, cw_printer_deadline(deadline_ns, 500), device_id, sizeof device_id,
                             NULL) == CW_OK)
                (void)cw_usb_device_id_get(device_id, "MDL", id_model, sizeof id_model);
        if (!info->serial[0])
                (void)snprintf(info->serial, sizeof info->serial, "%s", e->base.usb->info.serial);
        if (!info->model[0])
                (void)snprintf(info->model, sizeof info->model, "%s", id_model);
        e->model = cw_evolis_model_find(info->model, id_model);
        if (e->model->both_faces)
                info->caps |= CW_PRINTER_CAP_BOTH_FACES;
        if (e->model->generation != CW_EVOLIS_UNKNOWN)
                info->caps |= CW_PRINTER_CAP_CONTACTLESS;
        e->out_of_step = false;
        return ask_head(e, deadline_ns, f);
}

/*
 * Error handling by the host: else the printer waits at its own display and hides the error. Lost at
 * power-off, hence on every open; what the printer then says it does is checked where it tells.
 */
static cw_rc take_charge(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX] = "";
        cw_rc rc = cw_evolis_set(e, "Pem;2", deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_evolis_ask(e, "Rem", deadline_ns, answer, sizeof answer, f);
        if (rc != CW_OK || (strcmp(answer, "0") != 0 && strncmp(answer, "0,", 2) != 0))
                return rc;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_STATE), 0, "evolis.open", "PRT_SETUP_ERROR",
                       "the printer keeps handling errors itself and would hide them; update its firmware");
}

static void fill_info(struct cw_evolis *e) {
        struct cw_printer_info *info = &e->base.info;
        (void)snprintf(info->family, sizeof info->family, "evolis");
        (void)snprintf(info->port, sizeof info->port, "%s", e->base.usb->info.port);
        info->caps = CW_PRINTER_CAP_COLOUR | CW_PRINTER_CAP_STRIPE | CW_PRINTER_CAP_CONTACT |
                     CW_PRINTER_CAP_REJECT | CW_PRINTER_CAP_CLEAN | CW_PRINTER_CAP_TEST_CARD |
                     CW_PRINTER_CAP_PRINT_EJECTS | CW_PRINTER_CAP_WHERE;
        info->width = CW_EVOLIS_WIDTH;
        info->height = CW_EVOLIS_HEIGHT;
        info->colour_bits = CW_EVOLIS_COLOUR_BITS;
        info->maturity = CW_MATURITY_TESTING;
}

static cw_rc begin(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        CW_WIPED(char, first, CW_EVOLIS_REPLY_MAX);
        cw_rc rc = cw_secret_new(CW_EVOLIS_REPLY_MAX, &e->memory);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "evolis.open", "", "not enough locked memory");
        e->stream.bytes = e->memory->ptr;
        e->model = cw_evolis_model_find("", "");
        struct greeting g = {e, first};
        const struct cw_printer_ladder ladder = {greet, &g, "evolis.open", true};
        rc = cw_printer_ladder(e->base.usb, &ladder, deadline_ns, f);
        if (rc == CW_OK)
                rc = identify(e, first, deadline_ns, f);
        if (rc == CW_OK)
                rc = take_charge(e, deadline_ns, f);
        return rc;
}

static cw_rc evolis_open(struct cw_usb *take_usb, uint32_t quirks, int64_t deadline_ns,
                         struct cw_printer **ret, struct cw_fault *f) {
        (void)quirks; /* nothing can be switched */
        struct cw_evolis *e = calloc(1, sizeof *e);
        if (!e) {
                cw_usb_close(take_usb);
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_NOMEM), 0, "evolis.open", "",
                               "out of memory");
        }
        e->base.ops = &cw_evolis_ops;
        e->base.usb = take_usb;
        CW_AUTO(cw_printer_close) struct cw_printer *p = &e->base;
        fill_info(e);
        cw_rc rc = begin(e, deadline_ns, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(p);
        return rc;
}

/* A technician's command may not carry card data, read it, or change the framing that everything rests on. */
static bool raw_allowed(const char *command) {
        static const char *const banned[] = {"D", "Smr", "Psc", "Pem", "Pcom", "Sp;"};
        for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++)
                if (strncmp(command, banned[i], strlen(banned[i])) == 0)
                        return false;
        return true;
}

static cw_rc evolis_raw(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                        struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        if (cap == 0 || !raw_allowed(command))
                return cw_fail(
                    f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_DENIED), 0, "evolis.raw", "",
                    "commands with card data and those that change the protocol are not for the console");
        struct cw_evolis *e = (struct cw_evolis *)p;
        if (command[0] != 'R') { /* no question: it may have begun something */
                e->cleared = false;
                e->in_sequence = false;
        }
        cw_rc rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        if (rc == CW_OK)
                cw_evolis_quote(answer, ret, cap);
        return rc;
}

/* Contrast, 10 unless it is set (guide); its end is inferred. */
static const struct cw_printer_heat_range heat = {"ymcko", 0, 20, false};

const struct cw_printer_ops cw_evolis_ops = {
    .abi = CW_PRINTER_ABI,
    .family = "evolis",
    .maturity = CW_MATURITY_TESTING,
    .vendor_id = 0x0f49,
    .turns = true,
    .heat = &heat,
    .open = evolis_open,
    .close = evolis_close,
    .status = cw_evolis_status,
    .baseline = cw_evolis_baseline,
    .feed = cw_evolis_feed,
    .to_contact = cw_evolis_to_contact,
    .to_contactless = cw_evolis_to_contactless,
    .stripe_write = cw_evolis_stripe_write,
    .stripe_read = cw_evolis_stripe_read,
    .print = cw_evolis_print,
    .eject = cw_evolis_eject,
    .reject = cw_evolis_reject,
    .clean = cw_evolis_clean,
    .test_card = cw_evolis_test_card,
    .raw = evolis_raw,
    .sheet = cw_evolis_sheet,
    .setting = cw_evolis_setting,
};
