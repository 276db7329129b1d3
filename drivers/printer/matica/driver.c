/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, identity, the technician's console, and the vtable. */
#include "drivers/printer/matica/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define CONTACT_LIMIT_MS 6000 /* a feed that a dead process began is over by then */
#define DRAIN_MS 60
#define DRAIN_MAX 32

/* README.md says where each value comes from. */
static const struct {
        const char *word; /* the type begins with it */
        enum cw_matica_model model;
        bool flip;
} models[] = {{"XID8600", CW_MATICA_XID8600, true},
              {"XID8300", CW_MATICA_XID8300, false},
              {"XID580", CW_MATICA_XID580, false}};

static void matica_close(struct cw_printer *p) {
        struct cw_matica *e = (struct cw_matica *)p;
        cw_usb_close(e->base.usb);
        free(e);
}

/* By the type it tells, unless the fitting names the model it behaves as. */
static void take_for_model(struct cw_matica *e) {
        const enum cw_matica_model told = e->fitting.model;
        e->known = e->flip = false;
        for (size_t i = 0; e->fits && i < sizeof models / sizeof *models; i++)
                if (told == CW_MATICA_AS_IT_SAYS
                        ? strncmp(e->base.info.model, models[i].word, strlen(models[i].word)) == 0
                        : told == models[i].model) {
                        e->known = true;
                        e->flip = models[i].flip;
                }
        e->base.info.caps &= ~CW_PRINTER_CAP_CONTACTLESS;
        if (e->known)
                e->base.info.caps |= CW_PRINTER_CAP_CONTACTLESS;
}

static cw_rc identify(struct cw_matica *e, int64_t deadline_ns, struct cw_fault *f) {
        const uint8_t inquiry[6] = {0x12, 0, 0, 0, CW_MATICA_INQUIRY};
        const uint8_t mode[6] = {0x1a, 0, 0x68, 0, CW_MATICA_MODE};
        struct cw_printer_info *info = &e->base.info;
        struct cw_matica_inquiry found = {.maker = ""};
        uint8_t b[CW_MATICA_INQUIRY];
        cw_rc rc = cw_matica_ask(e, inquiry, sizeof inquiry, b, CW_MATICA_INQUIRY,
                                 cw_printer_deadline(deadline_ns, CONTACT_LIMIT_MS), f);
        if (rc != CW_OK)
                return rc;
        (void)cw_matica_parse_inquiry(b, sizeof b, &found);
        (void)snprintf(info->model, sizeof info->model, "%s", found.type);
        (void)snprintf(info->serial, sizeof info->serial, "%s",
                       found.serial[0] ? found.serial : e->base.usb->info.serial);
        (void)snprintf(info->firmware, sizeof info->firmware, "%s", found.version);
        cw_printer_put_firmware(info, "main", found.version);
        cw_printer_put_firmware(info, "second", found.second);
        cw_printer_put_firmware(info, "third", found.third);
        rc = cw_matica_ask(e, mode, sizeof mode, b, CW_MATICA_MODE, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        e->fits = cw_matica_parse_raster(b, CW_MATICA_MODE, &e->raster);
        take_for_model(e);
        return CW_OK;
}

static void matica_fit(struct cw_printer *p, const struct cw_printer_fitting *fitting) {
        struct cw_matica *e = (struct cw_matica *)p;
        e->fitting = fitting->matica;
        e->raster.right = fitting->matica.shift_right;
        e->raster.down = fitting->matica.shift_down;
        take_for_model(e);
}

/* What a process before us asked for and did not read. */
static cw_rc drain(struct cw_matica *e, int64_t deadline_ns, struct cw_fault *f) {
        for (int i = 0; i < DRAIN_MAX; i++) {
                CW_WIPED(uint8_t, bytes, 512); /* it may be a track */
                size_t len = 0;
                cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, 512, cw_printer_deadline(deadline_ns, DRAIN_MS),
                                          &len, f);
                if (rc != CW_OK)
                        return cw_rc_class(rc) == CW_C_RETRY ? CW_OK : rc;
        }
        return CW_OK;
}

/* What is owed to somebody before us is forgotten first: the endpoints were cleared in between. */
static cw_rc greet(void *ctx, int64_t deadline_ns, struct cw_fault *f) {
        struct cw_matica *e = ctx;
        e->owes = e->broken = false;
        cw_rc rc = drain(e, deadline_ns, f);
        return rc == CW_OK ? identify(e, deadline_ns, f) : rc;
}

static void fill_info(struct cw_matica *e) {
        struct cw_printer_info *info = &e->base.info;
        (void)snprintf(info->family, sizeof info->family, "matica");
        (void)snprintf(info->port, sizeof info->port, "%s", e->base.usb->info.port);
        info->caps = CW_PRINTER_CAP_COLOUR | CW_PRINTER_CAP_STRIPE | CW_PRINTER_CAP_CONTACT |
                     CW_PRINTER_CAP_REJECT | CW_PRINTER_CAP_PRINT_EJECTS | CW_PRINTER_CAP_WHERE |
                     CW_PRINTER_CAP_FILM | CW_PRINTER_CAP_BOTH_FACES;
        info->width = CW_PANEL_WIDTH;
        info->height = CW_PANEL_HEIGHT;
        info->colour_bits = CW_PANEL_YMC_BITS;
        info->maturity = CW_MATURITY_EXPERIMENTAL;
}

static cw_rc matica_open(struct cw_usb *take_usb, uint32_t quirks, int64_t deadline_ns,
                         struct cw_printer **ret, struct cw_fault *f) {
        (void)quirks; /* what can be switched is in the fitting */
        struct cw_matica *e = calloc(1, sizeof *e);
        if (!e) {
                cw_usb_close(take_usb);
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_NOMEM), 0, "matica.open", "",
                               "out of memory");
        }
        e->base.ops = &cw_matica_ops;
        e->base.usb = take_usb;
        CW_AUTO(cw_printer_close) struct cw_printer *p = &e->base;
        fill_info(e);
        const struct cw_printer_ladder ladder = {greet, e, "matica.open", false};
        cw_rc rc = cw_printer_ladder(take_usb, &ladder, deadline_ns, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(p);
        return rc;
}

/* There is no public command for either. */
static cw_rc unsupported(struct cw_fault *f, const char *op, const char *what) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, op, "PRT_SETUP_ERROR",
                       "this printer has no public command for %s; start it at its display", what);
}

static cw_rc matica_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                          struct cw_fault *f) {
        (void)p;
        (void)deadline_ns;
        (void)ret;
        return unsupported(f, "matica.clean", "cleaning");
}

static cw_rc matica_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                              struct cw_printer_effect *ret, struct cw_fault *f) {
        (void)p;
        (void)kind;
        (void)deadline_ns;
        (void)ret;
        return unsupported(f, "matica.test_card", "a test card");
}

/* Questions by name; the answer in hex. */
static const struct {
        const char *name;
        uint8_t cdb[CW_MATICA_CDB];
        uint8_t cdb_len;
        uint8_t want;
} questions[] = {
    {"INQUIRY", {0x12, 0, 0, 0, CW_MATICA_INQUIRY}, 6, CW_MATICA_INQUIRY},
    {"SENSE", {0x03, 0, 0, 0, CW_MATICA_SENSE}, 6, CW_MATICA_SENSE},
    {"SETTINGS", {0x1a, 0, 0x68, 0, CW_MATICA_MODE}, 6, CW_MATICA_MODE},
    {"INK", {0x1a, 0, 0x63, 0, CW_MATICA_INK}, 6, CW_MATICA_INK},
    {"COUNTERS", {0x4d, 0, 0x78, [8] = CW_MATICA_COUNTERS}, 10, CW_MATICA_COUNTERS},
    {"POSITION", {0x34}, 10, CW_MATICA_POSITION},
};

static cw_rc matica_raw(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                        struct cw_fault *f) {
        uint8_t b[CW_MATICA_INQUIRY];
        for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
                if (strcmp(questions[i].name, command) != 0)
                        continue;
                cw_rc rc = cw_matica_ask((struct cw_matica *)p, questions[i].cdb, questions[i].cdb_len, b,
                                         questions[i].want, deadline_ns, f);
                if (rc == CW_OK && !cw_hex_encode(b, questions[i].want, ret, cap))
                        (void)snprintf(ret, cap, "answer too long");
                return rc;
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_DENIED), 0, "matica.raw", "",
                       "the console takes INQUIRY, SENSE, SETTINGS, INK, COUNTERS and POSITION");
}

const struct cw_printer_ops cw_matica_ops = {
    .abi = CW_PRINTER_ABI,
    .family = "matica",
    .maturity = CW_MATURITY_EXPERIMENTAL,
    .vendor_id = 0x2166,
    .turns = true,
    .no_settings = "what is stored in this printer is set at its display: of its settings only the places "
                   "of some values are public",
    .open = matica_open,
    .close = matica_close,
    .status = cw_matica_status,
    .baseline = cw_matica_baseline,
    .feed = cw_matica_feed,
    .to_contact = cw_matica_to_contact,
    .to_contactless = cw_matica_to_contactless,
    .stripe_write = cw_matica_stripe_write,
    .stripe_read = cw_matica_stripe_read,
    .print = cw_matica_print,
    .eject = cw_matica_eject,
    .reject = cw_matica_reject,
    .clean = matica_clean,
    .test_card = matica_test_card,
    .raw = matica_raw,
    .sheet = cw_matica_sheet,
    .fit = matica_fit,
};
