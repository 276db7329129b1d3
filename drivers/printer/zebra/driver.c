/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, identity, the technician's console, and the vtable. */
#include "drivers/printer/zebra/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define CONTACT_LIMIT_MS 800
#define AGREE_TRIES 4

const struct cw_printer_quirk cw_zebra_quirks[] = {
    {"counted-frames", "commands are framed by 00 00 00 and their length; then no colour can be printed"},
    {"overcoat-by-buffer", "IV 1 lays the varnish buffer and delivers the card"},
    {"image-forwards", "images are not mirrored along the card"},
    {"image-upside-down", "images are turned over across the card"},
    {"less-is-darker", "00 is the darkest level of a colour"},
    {NULL, NULL},
};

/* Models of the manuals. A printer not listed is told apart but never moved. */
static const struct {
        const char *word;
        bool colour;
} models[] = {
    {"P110i", true}, {"P120i", true}, {"P310i", true}, {"P310C", true}, {"P310", false}, {"P330i", true},
    {"P420i", true}, {"P420", true},  {"P430i", true}, {"P520i", true}, {"P520", true},
};

static void zebra_close(struct cw_printer *p) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        cw_usb_close(e->base.usb);
        cw_secret_free(e->memory);
        free(e);
}

/* The same vendor makes label printers: what says that it is one of them is not asked in this language. */
static cw_rc check_device(struct cw_zebra *e, char *ret_model, size_t cap, int64_t deadline_ns,
                          struct cw_fault *f) {
        char device_id[CW_USB_DEVICE_ID_MAX] = "";
        ret_model[0] = '\0';
        if (cw_usb_device_id(e->base.usb, cw_printer_deadline(deadline_ns, 500), device_id, sizeof device_id,
                             NULL) == CW_OK)
                (void)cw_usb_device_id_get(device_id, "MDL", ret_model, cap);
        if (strstr(ret_model, "ZPL") || strstr(ret_model, "EPL") || strncmp(ret_model, "ZTC", 3) == 0)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "zebra.open",
                               "PRT_SETUP_ERROR",
                               "the device is a label printer (%.40s); name the card printer's serial number",
                               ret_model);
        return CW_OK;
}

/* What V answers, asked until two answers in a row agree: the answer to a command of a process before us may
 * still be on its way. */
static cw_rc greet(void *ctx, int64_t deadline_ns, struct cw_fault *f) {
        struct cw_zebra *e = ctx;
        char last[CW_PRINTER_TEXT_MAX] = "";
        for (int i = 0; i < AGREE_TRIES; i++) {
                CW_WIPED(char, text, CW_ZEBRA_REPLY_MAX + 1);
                struct cw_zebra_reply reply;
                cw_rc rc = cw_zebra_drain(e, deadline_ns, f);
                if (rc == CW_OK)
                        rc = cw_zebra_ask(e, "V", cw_printer_deadline(deadline_ns, CONTACT_LIMIT_MS), &reply,
                                          text, f);
                if (rc != CW_OK)
                        return rc;
                bool sane = reply.kind == CW_ZEBRA_TEXT && text[0] && strlen(text) < sizeof last;
                if (sane && i > 0 && strcmp(text, last) == 0) {
                        (void)snprintf(e->version, sizeof e->version, "%s", last);
                        e->out_of_step = false;
                        return CW_OK;
                }
                (void)snprintf(last, sizeof last, "%.63s", sane ? text : "");
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_SYNTAX), 0, "zebra.open",
                       "PRD_UNEXPECTED_DATA",
                       "the printer does not tell its version as a card printer does; look which one it is");
}

/* V n: 06 says that the option is there. Any other answer says nothing. */
static cw_rc has_option(struct cw_zebra *e, const char *question, int64_t deadline_ns, bool *ret,
                        struct cw_fault *f) {
        CW_WIPED(char, text, CW_ZEBRA_REPLY_MAX + 1);
        struct cw_zebra_reply reply;
        cw_rc rc = cw_zebra_ask(e, question, deadline_ns, &reply, text, f);
        if (rc == CW_OK)
                *ret = reply.kind == CW_ZEBRA_ACK;
        return rc;
}

/* "P330i V4.02": model, then firmware. */
static void name_it(struct cw_zebra *e, const char *id_model) {
        struct cw_printer_info *info = &e->base.info;
        const char *gap = strchr(e->version, ' ');
        size_t n = gap ? (size_t)(gap - e->version) : strlen(e->version);
        (void)snprintf(info->model, sizeof info->model, "%.*s", (int)n, e->version);
        (void)snprintf(info->firmware, sizeof info->firmware, "%s", gap ? gap + 1 : "");
        (void)snprintf(info->serial, sizeof info->serial, "%s", e->base.usb->info.serial);
        for (size_t i = 0; !e->known && i < sizeof models / sizeof *models; i++)
                if (strstr(info->model, models[i].word) || strstr(id_model, models[i].word)) {
                        e->known = true;
                        if (models[i].colour && e->framing == CW_ZEBRA_ESCAPE)
                                info->caps |= CW_PRINTER_CAP_COLOUR;
                }
}

static cw_rc identify(struct cw_zebra *e, const char *id_model, int64_t deadline_ns, struct cw_fault *f) {
        bool stripe = false, extended = false;
        name_it(e, id_model);
        cw_rc rc = has_option(e, "V 12", deadline_ns, &stripe, f);
        if (rc == CW_OK)
                rc = has_option(e, "V 20", deadline_ns, &extended, f);
        if (rc != CW_OK)
                return rc;
        /* What a process before us was told, and nobody cleared. */
        if (cw_zebra_shows_error(cw_zebra_port(e, deadline_ns)))
                rc = cw_zebra_clear_error(e, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        if (stripe)
                e->base.info.caps |= CW_PRINTER_CAP_STRIPE;
        cw_zebra_area(extended, &e->area);
        e->area.forwards = (e->quirks & CW_ZEBRA_Q_FORWARDS) != 0;
        e->area.upside_down = (e->quirks & CW_ZEBRA_Q_UPSIDE_DOWN) != 0;
        return CW_OK;
}

static void fill_info(struct cw_zebra *e) {
        struct cw_printer_info *info = &e->base.info;
        (void)snprintf(info->family, sizeof info->family, "zebra");
        (void)snprintf(info->port, sizeof info->port, "%s", e->base.usb->info.port);
        info->caps = CW_PRINTER_CAP_TEST_CARD | CW_PRINTER_CAP_PRINT_EJECTS | CW_PRINTER_CAP_RIBBON_UNTOLD;
        if (!(e->quirks & CW_ZEBRA_Q_OVERCOAT))
                info->caps |= CW_PRINTER_CAP_NO_OVERCOAT;
        info->width = CW_PANEL_WIDTH;
        info->height = CW_PANEL_HEIGHT;
        info->colour_bits = CW_ZEBRA_COLOUR_BITS;
        info->maturity = CW_MATURITY_EXPERIMENTAL;
        info->barred = true;
}

static cw_rc begin(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f) {
        char id_model[CW_PRINTER_TEXT_MAX];
        cw_rc rc = cw_secret_new(CW_ZEBRA_REPLY_MAX, &e->memory);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "zebra.open", "", "not enough locked memory");
        rc = check_device(e, id_model, sizeof id_model, deadline_ns, f);
        const struct cw_printer_ladder ladder = {greet, e, "zebra.open", true};
        if (rc == CW_OK)
                rc = cw_printer_ladder(e->base.usb, &ladder, deadline_ns, f);
        return rc == CW_OK ? identify(e, id_model, deadline_ns, f) : rc;
}

static cw_rc zebra_open(struct cw_usb *take_usb, uint32_t quirks, int64_t deadline_ns,
                        struct cw_printer **ret, struct cw_fault *f) {
        struct cw_zebra *e = calloc(1, sizeof *e);
        if (!e) {
                cw_usb_close(take_usb);
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_NOMEM), 0, "zebra.open", "",
                               "out of memory");
        }
        e->base.ops = &cw_zebra_ops;
        e->base.usb = take_usb;
        e->quirks = quirks;
        e->framing = quirks & CW_ZEBRA_Q_COUNTED ? CW_ZEBRA_COUNTED : CW_ZEBRA_ESCAPE;
        e->where = CW_WHERE_UNKNOWN;
        CW_AUTO(cw_printer_close) struct cw_printer *p = &e->base;
        fill_info(e);
        cw_rc rc = begin(e, deadline_ns, f);
        if (rc == CW_OK && cw_usb_gone(take_usb))
                rc = cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_CLOSED), 0, "zebra.open",
                             "PRT_NOT_REACHABLE", "the printer was unplugged; look at its cable");
        if (rc == CW_OK)
                *ret = CW_STEAL(p);
        return rc;
}

/* Questions only: everything else has card data in it, moves, or changes the language. */
static bool raw_allowed(const char *command) {
        static const char *const questions[] = {"V", "V 12", "V 13", "V 20", "&P"};
        for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
                if (strcmp(command, questions[i]) == 0)
                        return true;
        return false;
}

static cw_rc zebra_raw(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                       struct cw_fault *f) {
        char text[CW_ZEBRA_REPLY_MAX + 1];
        struct cw_zebra_reply reply;
        if (cap == 0 || !raw_allowed(command))
                return cw_fail(
                    f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_DENIED), 0, "zebra.raw", "",
                    "the console takes questions only: \"V\", \"V 12\", \"V 13\", \"V 20\", \"&P\"");
        cw_rc rc = cw_zebra_ask((struct cw_zebra *)p, command, deadline_ns, &reply, text, f);
        if (rc != CW_OK)
                return rc;
        if (reply.kind == CW_ZEBRA_TEXT)
                cw_zebra_quote((const uint8_t *)text, strlen(text), ret, cap);
        else if (reply.kind == CW_ZEBRA_NACK)
                (void)snprintf(ret, cap, "NACK %02d", reply.code);
        else
                (void)snprintf(ret, cap, "%s", reply.kind == CW_ZEBRA_ACK ? "ACK" : "noise");
        return CW_OK;
}

/* +C: intensity of the resin panel; its end is inferred. Those of the others are not public. */
static const struct cw_printer_heat_range heat = {"k", 0, 10, false};

const struct cw_printer_ops cw_zebra_ops = {
    .abi = CW_PRINTER_ABI,
    .family = "zebra",
    .maturity = CW_MATURITY_EXPERIMENTAL,
    .vendor_id = 0x0a5f,
    .turns = false,
    .partial = true,
    .heat = &heat,
    .no_settings = "how the settings of this printer are read is not public, so none is changed; heat is "
                   "printer_heat of the station",
    .quirks = cw_zebra_quirks,
    .open = zebra_open,
    .close = zebra_close,
    .status = cw_zebra_status,
    .baseline = cw_zebra_baseline,
    .feed = cw_zebra_feed,
    .to_contact = cw_zebra_to_contact,
    .stripe_write = cw_zebra_stripe_write,
    .stripe_read = cw_zebra_stripe_read,
    .print = cw_zebra_print,
    .eject = cw_zebra_eject,
    .reject = cw_zebra_reject,
    .clean = cw_zebra_clean,
    .test_card = cw_zebra_test_card,
    .raw = zebra_raw,
    .sheet = cw_zebra_sheet,
};
