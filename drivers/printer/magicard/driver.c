/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, identity, the technician's console, and the vtable. */
#include "drivers/printer/magicard/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define CONTACT_LIMIT_MS 800

static void magicard_close(struct cw_printer *p) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        cw_magicard_forget_tracks(e);
        cw_usb_close(e->base.usb);
        free(e);
}

static bool is_timeout(cw_rc rc) {
        return cw_rc_class(rc) == CW_C_RETRY && (rc & 0xffffu) == CW_E_TIMEOUT;
}

/* Only for the inventory: a printer that is silent about it is none the worse. */
static cw_rc ask_part(struct cw_magicard *e, const char *key, int64_t deadline_ns, char *ret, size_t cap,
                      struct cw_fault *f) {
        cw_rc rc = cw_magicard_ask_value(e, key, deadline_ns, ret, cap, f);
        return is_timeout(rc) ? cw_magicard_drain(e, deadline_ns, f) : rc;
}

/* Which generation is it: the newer one answers REQ,INF, the older one REQ,STA. */
static cw_rc greet(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_info *ret,
                   struct cw_fault *f) {
        *ret = (struct cw_magicard_info){.abilities = CW_MAGICARD_HAS_STRIPE | CW_MAGICARD_HAS_CHIP};
        cw_rc rc = cw_magicard_drain(e, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_magicard_ask_info(e, cw_printer_deadline(deadline_ns, CONTACT_LIMIT_MS), ret, f);
        e->old = false;
        if (!is_timeout(rc))
                return rc;
        rc = cw_magicard_ask_value(e, "MSR", cw_printer_deadline(deadline_ns, CONTACT_LIMIT_MS), ret->serial,
                                   sizeof ret->serial, f);
        if (rc == CW_OK)
                rc = cw_magicard_ask_value(e, "VRS", deadline_ns, ret->firmware, sizeof ret->firmware, f);
        if (rc == CW_OK)
                rc = ask_part(e, "PSR", deadline_ns, ret->head, sizeof ret->head, f);
        if (rc == CW_OK)
                rc = ask_part(e, "BSR", deadline_ns, ret->board, sizeof ret->board, f);
        e->old = rc == CW_OK;
        return rc;
}

struct greeting {
        struct cw_magicard *e;
        struct cw_magicard_info *found;
};

static cw_rc greeting_of(void *ctx, int64_t deadline_ns, struct cw_fault *f) {
        const struct greeting *g = ctx;
        return greet(g->e, deadline_ns, g->found, f);
}

static void identify(struct cw_magicard *e, const struct cw_magicard_info *found, int64_t deadline_ns) {
        struct cw_printer_info *info = &e->base.info;
        char device_id[CW_USB_DEVICE_ID_MAX] = "", id_model[CW_PRINTER_TEXT_MAX] = "";
        cw_magicard_quote(found->serial, info->serial, sizeof info->serial);
        cw_magicard_quote(found->firmware, info->firmware, sizeof info->firmware);
        cw_magicard_quote(found->head, info->head, sizeof info->head);
        cw_magicard_quote(found->board, info->board, sizeof info->board);
        cw_magicard_quote(found->model, info->model, sizeof info->model);
        /* The device id is a help, not a must; only the older printers need it for their name. */
        if (cw_usb_device_id(e->base.usb, cw_printer_deadline(deadline_ns, 500), device_id, sizeof device_id,
                             NULL) == CW_OK)
                (void)cw_usb_device_id_get(device_id, "MDL", id_model, sizeof id_model);
        if (!info->model[0])
                cw_magicard_quote(id_model, info->model, sizeof info->model);
        if (!info->serial[0])
                (void)snprintf(info->serial, sizeof info->serial, "%s", e->base.usb->info.serial);
        e->model = cw_magicard_model_find(info->model);
        if (found->abilities & CW_MAGICARD_HAS_STRIPE)
                info->caps |= CW_PRINTER_CAP_STRIPE;
        if (found->abilities & CW_MAGICARD_HAS_FLIP)
                info->caps |= CW_PRINTER_CAP_BOTH_FACES;
        if (found->abilities & CW_MAGICARD_HAS_CHIP)
                info->caps |= CW_PRINTER_CAP_CONTACT;
}

static void fill_info(struct cw_magicard *e) {
        struct cw_printer_info *info = &e->base.info;
        (void)snprintf(info->family, sizeof info->family, "magicard");
        (void)snprintf(info->port, sizeof info->port, "%s", e->base.usb->info.port);
        info->caps = CW_PRINTER_CAP_COLOUR | CW_PRINTER_CAP_CLEAN | CW_PRINTER_CAP_TEST_CARD |
                     CW_PRINTER_CAP_PRINT_EJECTS | CW_PRINTER_CAP_STRIPE_IN_PRINT;
        info->width = CW_PANEL_WIDTH;
        info->height = CW_PANEL_HEIGHT;
        info->colour_bits = CW_MAGICARD_COLOUR_BITS;
        info->maturity = CW_MATURITY_EXPERIMENTAL;
}

static cw_rc magicard_open(struct cw_usb *take_usb, uint32_t quirks, int64_t deadline_ns,
                           struct cw_printer **ret, struct cw_fault *f) {
        (void)quirks; /* nothing can be switched */
        struct cw_magicard *e = calloc(1, sizeof *e);
        struct cw_magicard_info found;
        if (!e) {
                cw_usb_close(take_usb);
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_NOMEM), 0, "magicard.open", "",
                               "out of memory");
        }
        e->base.ops = &cw_magicard_ops;
        e->base.usb = take_usb;
        e->model = cw_magicard_model_find("");
        e->where = CW_WHERE_UNKNOWN;
        CW_AUTO(cw_printer_close) struct cw_printer *p = &e->base;
        fill_info(e);
        struct greeting g = {e, &found};
        const struct cw_printer_ladder ladder = {greeting_of, &g, "magicard.open", true};
        cw_rc rc = cw_printer_ladder(take_usb, &ladder, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        identify(e, &found, deadline_ns);
        if (cw_usb_gone(take_usb))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_CLOSED), 0, "magicard.open",
                               "PRT_NOT_REACHABLE", "the printer was unplugged; look at its cable");
        *ret = CW_STEAL(p);
        return CW_OK;
}

/* Questions only: a job has card data in it, and moves have functions of their own. */
static bool raw_allowed(const char *command) {
        return strcmp(command, ",REQ,ERR,") == 0 || strcmp(command, ",REQ,INF,") == 0 ||
               (strncmp(command, "REQ,STA,", 8) == 0 && strlen(command) == 12);
}

static cw_rc magicard_raw(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret,
                          size_t cap, struct cw_fault *f) {
        if (cap == 0 || !raw_allowed(command))
                return cw_fail(
                    f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_DENIED), 0, "magicard.raw", "",
                    "the console takes questions only: \",REQ,INF,\", \",REQ,ERR,\" and \"REQ,STA,xxx,\"");
        return cw_magicard_ask_text((struct cw_magicard *)p, command, deadline_ns, ret, cap, f);
}

static const struct cw_printer_heat_range heat = {"ymcko", 0, 100, true};

const struct cw_printer_ops cw_magicard_ops = {
    .abi = CW_PRINTER_ABI,
    .family = "magicard",
    .maturity = CW_MATURITY_EXPERIMENTAL,
    .vendor_id = 0x0c1f,
    .turns = true,
    .heat = &heat,
    .no_settings = "what is stored in this printer is set at its display: no public command does; heat is "
                   "printer_heat of the station",
    .open = magicard_open,
    .close = magicard_close,
    .status = cw_magicard_status,
    .baseline = cw_magicard_baseline,
    .feed = cw_magicard_feed,
    .to_contact = cw_magicard_to_contact,
    .stripe_write = cw_magicard_stripe_write,
    .stripe_read = cw_magicard_stripe_read,
    .print = cw_magicard_print,
    .eject = cw_magicard_eject,
    .reject = cw_magicard_reject,
    .clean = cw_magicard_clean,
    .test_card = cw_magicard_test_card,
    .raw = magicard_raw,
    .sheet = cw_magicard_sheet,
};
