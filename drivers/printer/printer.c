/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical printer: what every family gets for nothing. */
#include "drivers/printer/printer.h"

#include "base/clock.h"
#include "drivers/printer/common.h"
#include "drivers/printer/evolis/evolis.h"
#include "drivers/printer/magicard/magicard.h"
#include "drivers/printer/matica/matica.h"
#include "drivers/printer/probe/probe.h"
#include "drivers/printer/zebra/zebra.h"

#include <stdio.h>
#include <string.h>

#define STATUS_LIMIT_MS 2000

static const struct cw_printer_ops *const drivers[] = {&cw_evolis_ops, &cw_magicard_ops, &cw_matica_ops,
                                                       &cw_zebra_ops, &cw_probe_ops};

const struct cw_printer_ops *cw_printer_driver(const char *family) {
        for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
                if (strcmp(drivers[i]->family, family) == 0)
                        return drivers[i];
        return NULL;
}

static cw_rc past(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_TIMEOUT), 0, op, "",
                       "the time for this step was already over, nothing was sent");
}

#define CHECK_DEADLINE(op)                                                                                   \
        do {                                                                                                 \
                if (cw_deadline_left_ms(deadline_ns) == 0)                                                   \
                        return past(f, op);                                                                  \
        } while (0)

#define BEGIN_ACTION(op)                                                                                     \
        do {                                                                                                 \
                memset(ret, 0, sizeof *ret);                                                                 \
                CHECK_DEADLINE(op);                                                                          \
        } while (0)

cw_rc cw_printer_open(const struct cw_printer_ops *driver, struct cw_usb *take_usb,
                      const struct cw_printer_fitting *fitting, int64_t deadline_ns, struct cw_printer **ret,
                      struct cw_fault *f) {
        static const struct cw_printer_fitting none = {.both_faces = -1, .flip = -1};
        struct cw_printer *p = NULL;
        uint32_t quirks = 0;
        int16_t heat[5];
        fitting = fitting ? fitting : &none;
        cw_rc rc = cw_deadline_left_ms(deadline_ns) == 0
                       ? past(f, "printer.open")
                       : cw_printer_quirks(driver, fitting->quirks, &quirks, f);
        if (rc == CW_OK)
                rc = cw_printer_heats(driver, fitting->heat, heat, f);
        if (rc == CW_OK)
                rc = cw_face_curve_parse(fitting->curve, &(struct cw_face_curve){0}, f);
        if (rc != CW_OK) {
                cw_usb_close(take_usb);
                return rc;
        }
        rc = driver->open(take_usb, quirks, deadline_ns, &p, f);
        if (rc != CW_OK)
                return rc;
        memcpy(p->heat, heat, sizeof heat);
        if (!p->info.parts[0].part[0])
                cw_printer_put_firmware(&p->info, "main", p->info.firmware);
        cw_printer_fit(p, fitting);
        *ret = p;
        return CW_OK;
}

const struct cw_printer_info *cw_printer_info(const struct cw_printer *p) {
        return &p->info;
}

void cw_printer_fit(struct cw_printer *p, const struct cw_printer_fitting *fitting) {
        if (fitting->both_faces == 0)
                p->info.caps &= ~CW_PRINTER_CAP_BOTH_FACES;
        else if (fitting->both_faces == 1 && p->ops->turns && p->info.caps != 0)
                p->info.caps |= CW_PRINTER_CAP_BOTH_FACES;
        if (fitting->flip >= 0)
                p->info.flip = fitting->flip == CW_FLIP_LONG ? CW_FLIP_LONG : CW_FLIP_SHORT;
        (void)snprintf(p->ribbon, sizeof p->ribbon, "%s", fitting->ribbon ? fitting->ribbon : "");
        p->info.barred = p->ops->partial && !fitting->experimental;
        if (p->ops->fit)
                p->ops->fit(p, fitting);
}

/* Whatever makes or spoils a card; getting one out is always allowed. */
#define CHECK_BARRED(op)                                                                                     \
        do {                                                                                                 \
                cw_rc barred_rc = cw_printer_barred(p, op, f);                                               \
                if (barred_rc != CW_OK)                                                                      \
                        return barred_rc;                                                                    \
        } while (0)

bool cw_printer_gone(struct cw_printer *p) {
        return cw_usb_gone(p->usb);
}

unsigned cw_printer_unasked(const struct cw_printer *p, uint64_t *ret_bytes) {
        *ret_bytes = p->usb->unasked_bytes;
        return p->usb->unasked;
}

cw_rc cw_printer_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                        struct cw_fault *f) {
        CHECK_DEADLINE("printer.status");
        return p->ops->status(p, cw_printer_deadline(deadline_ns, STATUS_LIMIT_MS), ret, f);
}

cw_rc cw_printer_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                          struct cw_fault *f) {
        CHECK_DEADLINE("printer.baseline");
        return p->ops->baseline(p, cw_printer_deadline(deadline_ns, STATUS_LIMIT_MS), ret, f);
}

cw_rc cw_printer_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f) {
        BEGIN_ACTION("printer.feed");
        CHECK_BARRED("printer.feed");
        return p->ops->feed(p, deadline_ns, ret, f);
}

cw_rc cw_printer_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                            struct cw_fault *f) {
        BEGIN_ACTION("printer.contact");
        CHECK_BARRED("printer.contact");
        return p->ops->to_contact(p, deadline_ns, ret, f);
}

cw_rc cw_printer_to_contactless(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                                struct cw_fault *f) {
        BEGIN_ACTION("printer.contactless");
        CHECK_BARRED("printer.contactless");
        if (!(p->info.caps & CW_PRINTER_CAP_CONTACTLESS))
                return cw_fail(
                    f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "printer.contactless",
                    "PRT_SETUP_ERROR",
                    "this printer has no contactless station that its driver could reach; read the "
                    "chip by its contacts");
        return p->ops->to_contactless(p, deadline_ns, ret, f);
}

/* ISO/IEC 7811-6: track 1 has 20h..5Fh, tracks 2 and 3 have 30h..3Fh; sentinels are the printer's business.
 */
static bool track_ok(unsigned track, struct cw_span t) {
        static const size_t max[] = {CW_TRACK1_MAX, CW_TRACK2_MAX, CW_TRACK3_MAX};
        if (t.len > max[track])
                return false;
        for (size_t i = 0; i < t.len; i++) {
                uint8_t c = t.ptr[i];
                bool set = track == 0 ? c >= 0x20 && c <= 0x5f && c != '%' : c >= 0x30 && c <= 0x3f;
                if (!set || c == ';' || c == '?')
                        return false;
        }
        return true;
}

cw_rc cw_printer_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                              struct cw_printer_effect *ret, struct cw_fault *f) {
        BEGIN_ACTION("printer.stripe_write");
        CHECK_BARRED("printer.stripe_write");
        bool any = false;
        for (unsigned i = 0; i < 3; i++) {
                any = any || tracks->track[i].len > 0;
                if (!track_ok(i, tracks->track[i]))
                        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_RANGE), i + 1,
                                       "printer.stripe_write", "PRD_MAGSTRIPE",
                                       "track %u is too long or has characters that a stripe cannot hold",
                                       i + 1);
        }
        if (!any)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_MISSING), 0, "printer.stripe_write",
                               "PRD_MAGSTRIPE", "there is no track to write");
        return p->ops->stripe_write(p, tracks, deadline_ns, ret, f);
}

cw_rc cw_printer_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns,
                             struct cw_secret **ret, struct cw_fault *f) {
        CHECK_DEADLINE("printer.stripe_read");
        if (track < 1 || track > 3)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_RANGE), track, "printer.stripe_read",
                               "", "a stripe has tracks 1 to 3");
        return p->ops->stripe_read(p, track, deadline_ns, ret, f);
}

static cw_rc bad_panels(struct cw_fault *f, const char *why) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_MISMATCH), 0, "printer.print",
                       "PRD_UNEXPECTED_DATA", "the card face does not fit this printer: %s", why);
}

static cw_rc check_face(const struct cw_printer *p, const struct cw_panels *panels, struct cw_fault *f) {
        static const char order[] = "ymcko";
        const char *last = order;
        if (panels->width != p->info.width || panels->height != p->info.height)
                return bad_panels(f, "its size differs");
        if (panels->count == 0 || panels->count > CW_PANELS_MAX)
                return bad_panels(f, "it has no panels");
        for (size_t i = 0; i < panels->count; i++) {
                const struct cw_panel *panel = &panels->panel[i];
                const char *at = panel->id ? strchr(last, panel->id) : NULL;
                bool mono = panel->id == 'k' || panel->id == 'o';
                if (!at)
                        return bad_panels(f, "its panels are not in the order y m c k o");
                if (panel->bits != (mono ? 1 : p->info.colour_bits))
                        return bad_panels(f, "a panel has the wrong number of levels");
                if (panel->len != cw_panel_size(panels->width, panels->height, panel->bits))
                        return bad_panels(f, "a panel has the wrong number of bytes");
                last = at + 1;
        }
        return CW_OK;
}

static cw_rc check_panels(const struct cw_printer *p, const struct cw_panels *panels, struct cw_fault *f) {
        cw_rc rc = check_face(p, panels, f);
        if (rc != CW_OK || !panels->back)
                return rc;
        if (!(p->info.caps & CW_PRINTER_CAP_BOTH_FACES))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "printer.print",
                               "PRT_SETUP_ERROR",
                               "this printer prints one face only; give the job to another station");
        return check_face(p, panels->back, f);
}

cw_rc cw_printer_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                       struct cw_printer_effect *ret, struct cw_fault *f) {
        BEGIN_ACTION("printer.print");
        CHECK_BARRED("printer.print");
        cw_rc rc = check_panels(p, panels, f);
        if (rc != CW_OK || !panels->back || p->info.flip == CW_FLIP_SHORT)
                return rc == CW_OK ? p->ops->print(p, panels, deadline_ns, ret, f) : rc;
        CW_AUTO(cw_panels_free) struct cw_panels *back = cw_printer_turned(panels->back);
        if (!back)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_NOMEM), 0, "printer.print", "",
                               "out of memory");
        struct cw_panels both = *panels;
        both.back = back;
        return p->ops->print(p, &both, deadline_ns, ret, f);
}

cw_rc cw_printer_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f) {
        BEGIN_ACTION("printer.eject");
        return p->ops->eject(p, deadline_ns, ret, f);
}

cw_rc cw_printer_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                        struct cw_fault *f) {
        BEGIN_ACTION("printer.reject");
        return p->ops->reject(p, deadline_ns, ret, f);
}

cw_rc cw_printer_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f) {
        BEGIN_ACTION("printer.clean");
        CHECK_BARRED("printer.clean");
        return p->ops->clean(p, deadline_ns, ret, f);
}

cw_rc cw_printer_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                           struct cw_printer_effect *ret, struct cw_fault *f) {
        BEGIN_ACTION("printer.test_card");
        CHECK_BARRED("printer.test_card");
        return p->ops->test_card(p, kind, deadline_ns, ret, f);
}

cw_rc cw_printer_reconcile(struct cw_printer *p, enum cw_printer_step step,
                           const struct cw_printer_baseline *baseline, int64_t deadline_ns,
                           struct cw_printer_finding *ret, struct cw_fault *f) {
        struct cw_printer_baseline now;
        cw_rc rc = cw_printer_baseline(p, deadline_ns, &now, f);
        if (rc != CW_OK)
                return rc;
        /* A card with two faces takes a panel set for each, mostly: after one it may still lack its back. */
        struct cw_printer_baseline before = *baseline;
        if (before.sets < 1)
                before.sets = p->info.caps & CW_PRINTER_CAP_BOTH_FACES ? 2 : 1;
        cw_printer_judge(step, &before, &now, ret);
        return CW_OK;
}

cw_rc cw_printer_raw(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                     struct cw_fault *f) {
        CHECK_DEADLINE("printer.raw");
        return p->ops->raw(p, command, deadline_ns, ret, cap, f);
}
