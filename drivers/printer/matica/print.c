/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panels go into the printer's memory, are printed onto the film, and the film onto the card, which then
 * leaves. Up to the print command nothing is on the card and no ink is used.
 */
#include "drivers/printer/matica/internal.h"

#include "base/clock.h"

#include <sys/mman.h>

#define PANEL_MS 30000
#define PRINT_YMC 0x02u
#define PRINT_K 0x04u
#define FLIP 0x02u

static uint8_t buffer_of(char panel) {
        switch (panel) {
        case 'y':
                return 3;
        case 'm':
                return 2;
        case 'c':
                return 1;
        default:
                return 0;
        }
}

/* The film covers the whole card: an overcoat panel is not laid. */
static const struct cw_panel *panel_of(const struct cw_panels *p, char id) {
        for (size_t i = 0; i < p->count; i++)
                if (p->panel[i].id == id)
                        return &p->panel[i];
        return NULL;
}

static bool face_blank(const struct cw_panels *face) {
        for (size_t i = 0; i < face->count; i++)
                if (face->panel[i].id != 'o' && !cw_matica_blank(&face->panel[i]))
                        return false;
        return true;
}

static cw_rc send_panel(struct cw_matica *e, const struct cw_panel *panel, uint8_t *memory,
                        int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f) {
        uint32_t len = (uint32_t)(e->raster.columns * e->raster.rows);
        struct cw_matica_call c = {.cdb = {0x2a, 0, buffer_of(panel->id), 0, 0, (uint8_t)(len >> 24),
                                           (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len},
                                   .cdb_len = CW_MATICA_CDB,
                                   .out = memory,
                                   .len = len};
        cw_matica_spread(&e->raster, e->flip, panel, memory);
        return cw_matica_act(e, &c, "matica.print", cw_printer_deadline(deadline_ns, PANEL_MS), effect, f);
}

static cw_rc send_panels(struct cw_matica *e, const struct cw_panels *panels, uint8_t *memory,
                         uint8_t *ret_set, int64_t deadline_ns, struct cw_printer_effect *effect,
                         struct cw_fault *f) {
        cw_rc rc = CW_OK;
        const struct cw_panel *k = panel_of(panels, 'k');
        bool colour = false;
        for (const char *id = "ymc"; *id; id++)
                colour = colour || (panel_of(panels, *id) && !cw_matica_blank(panel_of(panels, *id)));
        for (const char *id = "ymc"; colour && *id && rc == CW_OK; id++)
                if (panel_of(panels, *id))
                        rc = send_panel(e, panel_of(panels, *id), memory, deadline_ns, effect, f);
        bool black = k && !cw_matica_blank(k);
        if (rc == CW_OK && black)
                rc = send_panel(e, k, memory, deadline_ns, effect, f);
        *ret_set = (uint8_t)((colour ? PRINT_YMC : 0) | (black ? PRINT_K : 0));
        return rc;
}

/* From here on ink is used. */
static cw_rc print_film(struct cw_matica *e, uint8_t set, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_matica_call print = {.cdb = {0x31, 0x08, set}, .cdb_len = CW_MATICA_CDB};
        cw_rc rc = cw_matica_act(e, &print, "matica.print", deadline_ns, effect, f);
        effect->ribbon_used = effect->ribbon_used || print.started;
        return rc;
}

/* The film of the front onto the card, which is turned over; a front that stays as it is, is only turned. */
static cw_rc turn_over(struct cw_matica *e, bool printed, int64_t deadline_ns,
                       struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_matica_call transfer = {.cdb = {0x31, 0x0a}, .cdb_len = CW_MATICA_CDB};
        struct cw_matica_call turn = {.cdb = {0x31, 0x0b, [4] = FLIP, [7] = cw_matica_place(CW_WHERE_PRINT)},
                                      .cdb_len = CW_MATICA_CDB};
        return cw_matica_act(e, printed ? &transfer : &turn, "matica.print", deadline_ns, effect, f);
}

static cw_rc transfer_out(struct cw_matica *e, int64_t deadline_ns, struct cw_printer_effect *effect,
                          struct cw_fault *f) {
        struct cw_matica_call transfer = {.cdb = {0x31, 0x09}, .cdb_len = CW_MATICA_CDB};
        cw_rc rc = cw_matica_act(e, &transfer, "matica.print", deadline_ns, effect, f);
        /* The ink that ended with this card is a trouble of the next one. */
        bool out = transfer.good && cw_rc_class(rc) == CW_C_OPERATOR && effect->where == CW_WHERE_NONE;
        if (rc != CW_OK && !out)
                return rc;
        /* The card is made: whatever goes wrong from here on, it may lie in the tray. */
        rc = cw_matica_where(e, deadline_ns, &effect->where, f);
        if (rc != CW_OK || effect->where != CW_WHERE_NONE) {
                effect->where = rc != CW_OK ? CW_WHERE_UNKNOWN : effect->where;
                return cw_printer_fail(f, CW_C_IN_DOUBT, CW_E_MISMATCH, "matica.print", "PRD_UNEXPECTED_DATA",
                                       "said done");
        }
        e->delivered = true;
        effect->where = CW_WHERE_OUTPUT;
        return CW_OK;
}

static cw_rc check_ink(struct cw_matica *e, const struct cw_panels *panels, int64_t deadline_ns,
                       struct cw_fault *f) {
        struct cw_matica_ink ink = {0};
        cw_rc rc = cw_matica_ink(e, deadline_ns, &ink, f);
        if (rc != CW_OK)
                return rc;
        if (!ink.kind[0])
                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_MISSING, "matica.print", "PRT_RIBBON_MISSING",
                                       "");
        for (const struct cw_panels *face = panels; face; face = face->back)
                for (size_t i = 0; i < face->count; i++)
                        if (face->panel[i].id != 'o' && !cw_printer_ribbon_has(ink.kind, face->panel[i].id))
                                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_MISMATCH, "matica.print",
                                                       "PRT_RIBBON", ink.kind);
        return CW_OK;
}

/* One face onto the film; *ret_printed false: it is white, nothing was sent. */
static cw_rc print_face(struct cw_matica *e, const struct cw_panels *face, bool *ret_printed,
                        int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f) {
        size_t len = (size_t)e->raster.columns * e->raster.rows;
        uint8_t set = 0;
        void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return cw_fail(f,
                               CW_RC(CW_L_PRINTER, effect->started ? CW_C_IN_DOUBT : CW_C_RETRY, CW_E_NOMEM),
                               0, "matica.print", "", "out of memory");
        (void)madvise(memory, len, MADV_DONTDUMP);
        cw_rc rc = send_panels(e, face, memory, &set, deadline_ns, effect, f);
        cw_wipe(memory, len);
        (void)munmap(memory, len);
        *ret_printed = rc == CW_OK && set != 0;
        return *ret_printed ? print_film(e, set, deadline_ns, effect, f) : rc;
}

/* The back comes after the card was turned over; the film of the last face is still to be transferred. */
static cw_rc print_back(struct cw_matica *e, const struct cw_panels *back, bool *printed, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = turn_over(e, *printed, deadline_ns, effect, f);
        return rc == CW_OK ? print_face(e, back, printed, deadline_ns, effect, f) : rc;
}

cw_rc cw_matica_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                      struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        bool printed = false;
        cw_rc rc = cw_matica_need_card(e, "matica.print", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = check_ink(e, panels, deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_matica_move_to(e, CW_WHERE_PRINT, "matica.print", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = print_face(e, panels, &printed, deadline_ns, ret, f);
        if (rc == CW_OK && panels->back && !face_blank(panels->back))
                rc = print_back(e, panels->back, &printed, deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        if (printed)
                return transfer_out(e, deadline_ns, ret, f);
        /* Nothing to print: the card only leaves. */
        return cw_matica_move_to(e, CW_WHERE_OUTPUT, "matica.print", deadline_ns, ret, f);
}
