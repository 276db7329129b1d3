/* SPDX-License-Identifier: Apache-2.0 */
/* Status from four questions: what stands, where the card is, the ink, the counters. */
#include "drivers/printer/matica/internal.h"

#include <stdio.h>
#include <string.h>

cw_rc cw_matica_error(struct cw_matica *e, int64_t deadline_ns, uint32_t *ret, struct cw_fault *f) {
        struct cw_matica_call test = {.cdb_len = 6};
        const uint8_t sense[6] = {0x03, 0, 0, 0, CW_MATICA_SENSE};
        uint8_t b[CW_MATICA_SENSE];
        cw_rc rc = cw_matica_do(e, &test, deadline_ns, f);
        if (cw_rc_class(rc) == CW_C_IN_DOUBT)
                return CW_RC(CW_L_PRINTER, CW_C_RECONNECT, rc & 0xffffu);
        if (rc == CW_OK)
                rc = cw_matica_ask(e, sense, sizeof sense, b, sizeof b, deadline_ns, f);
        if (rc == CW_OK)
                *ret = cw_matica_parse_sense(b, sizeof b);
        return rc;
}

cw_rc cw_matica_where(struct cw_matica *e, int64_t deadline_ns, enum cw_where *ret, struct cw_fault *f) {
        const uint8_t position[CW_MATICA_CDB] = {0x34};
        uint8_t b[CW_MATICA_POSITION];
        cw_rc rc = cw_matica_ask(e, position, sizeof position, b, sizeof b, deadline_ns, f);
        if (rc == CW_OK)
                *ret = cw_matica_parse_position(b, sizeof b);
        return rc;
}

bool cw_matica_astray(const struct cw_matica *e, uint32_t error) {
        return cw_matica_jammed(error) && !e->fitting.jam_place_told;
}

cw_rc cw_matica_ink(struct cw_matica *e, int64_t deadline_ns, struct cw_matica_ink *ret, struct cw_fault *f) {
        const uint8_t page[6] = {0x1a, 0, 0x63, 0, CW_MATICA_INK};
        uint8_t b[CW_MATICA_INK];
        cw_rc rc = cw_matica_ask(e, page, sizeof page, b, sizeof b, deadline_ns, f);
        if (rc == CW_OK)
                (void)cw_matica_parse_ink(b, sizeof b, ret);
        return rc;
}

static cw_rc counters(struct cw_matica *e, int64_t deadline_ns, struct cw_matica_counters *ret,
                      struct cw_fault *f) {
        const uint8_t page[CW_MATICA_CDB] = {0x4d, 0, 0x78, [8] = CW_MATICA_COUNTERS};
        uint8_t b[CW_MATICA_COUNTERS];
        cw_rc rc = cw_matica_ask(e, page, sizeof page, b, sizeof b, deadline_ns, f);
        if (rc == CW_OK)
                (void)cw_matica_parse_counters(b, sizeof b, ret);
        return rc;
}

/* How much of the ink is left is told over the network only. */
static void tell_ink(const struct cw_matica_ink *ink, uint32_t error, struct cw_ribbon *ret) {
        *ret = (struct cw_ribbon){.remaining = -1, .capacity = ink->kind[0] ? ink->total : -1};
        (void)snprintf(ret->kind, sizeof ret->kind, "%s", ink->kind);
        (void)snprintf(ret->serial, sizeof ret->serial, "%s", ink->lot);
        if (error == 0x3b200)
                ret->remaining = 0;
}

cw_rc cw_matica_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                       struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        struct cw_printer_status s = {0};
        struct cw_matica_ink ink = {0};
        struct cw_matica_counters count = {-1, -1, -1, -1, -1};
        const char *code = "";
        uint32_t error = 0;
        cw_rc rc = cw_matica_error(e, deadline_ns, &error, f);
        if (rc == CW_OK && !cw_matica_astray(e, error))
                rc = cw_matica_where(e, deadline_ns, &s.where, f);
        if (rc == CW_OK)
                rc = cw_matica_ink(e, deadline_ns, &ink, f);
        if (rc == CW_OK)
                rc = counters(e, deadline_ns, &count, f);
        if (rc != CW_OK)
                return rc;
        if (cw_matica_astray(e, error))
                s.where = CW_WHERE_TRANSPORT;
        enum cw_matica_need need = cw_matica_judge(error, &code);
        tell_ink(&ink, error, &s.ribbon);
        s.counters = (struct cw_printer_counters){count.total, count.head, count.clean, -1};
        s.cover_open = error == 0x2d100;
        s.hopper_empty = error == CW_MATICA_NO_CARDS;
        s.vendor_error = need == CW_MATICA_HELP && strcmp(code, "PRT_SETUP_ERROR") == 0;
        (void)snprintf(s.vendor, sizeof s.vendor, "error %05X", error);
        cw_printer_status_judge(&s);
        if (!s.code[0] && need != CW_MATICA_WELL) {
                s.state = CW_PRINTER_NEEDS_OPERATOR;
                (void)snprintf(s.code, sizeof s.code, "%s", code);
                (void)snprintf(s.text, sizeof s.text, "%s", cw_printer_sentence(code));
        }
        *ret = s;
        return CW_OK;
}

cw_rc cw_matica_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                         struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        struct cw_printer_baseline b = {.ribbon_remaining = -1};
        struct cw_matica_counters count = {-1, -1, -1, -1, -1};
        uint32_t error = 0;
        (void)snprintf(b.serial, sizeof b.serial, "%s", p->info.serial);
        cw_rc rc = cw_matica_error(e, deadline_ns, &error, f);
        if (rc == CW_OK && !cw_matica_astray(e, error))
                rc = cw_matica_where(e, deadline_ns, &b.where, f);
        if (rc == CW_OK)
                rc = counters(e, deadline_ns, &count, f);
        if (rc != CW_OK)
                return rc;
        if (cw_matica_astray(e, error))
                b.where = CW_WHERE_TRANSPORT;
        b.cards_fed = e->fitting.counters_prove_nothing ? -1 : count.total;
        b.panels = e->fitting.counters_prove_nothing ? -1 : count.head;
        *ret = b;
        return CW_OK;
}

static cw_rc counter_lines(struct cw_matica *e, int64_t deadline_ns, struct cw_printer_lines *ret,
                           struct cw_fault *f) {
        struct cw_matica_counters c = {-1, -1, -1, -1, -1};
        cw_rc rc = counters(e, deadline_ns, &c, f);
        cw_printer_put_number(ret, "cards", c.total, "cards");
        cw_printer_put_number(ret, "cards.since_reset", c.free, "cards");
        cw_printer_put_number(ret, "head", c.head, "prints");
        cw_printer_put_number(ret, "cleaning.since", c.clean, "cards");
        cw_printer_put_number(ret, "errors", c.error, "");
        return rc;
}

static cw_rc sensor_lines(struct cw_matica *e, int64_t deadline_ns, struct cw_printer_lines *ret,
                          struct cw_fault *f) {
        char text[16];
        enum cw_where where = CW_WHERE_UNKNOWN;
        uint32_t error = 0;
        cw_rc rc = cw_matica_error(e, deadline_ns, &error, f);
        if (rc == CW_OK)
                rc = cw_matica_where(e, deadline_ns, &where, f);
        if (rc != CW_OK)
                return rc;
        (void)snprintf(text, sizeof text, "%05X", error);
        cw_printer_put_text(ret, "error", text, "hex", false);
        cw_printer_put_text(ret, "card", cw_where_name(where), "", false);
        return CW_OK;
}

cw_rc cw_matica_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                      struct cw_printer_lines *ret, struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        struct cw_matica_ink ink = {0};
        if (sheet == CW_SHEET_COUNTERS)
                return counter_lines(e, deadline_ns, ret, f);
        if (sheet == CW_SHEET_SENSORS)
                return sensor_lines(e, deadline_ns, ret, f);
        cw_rc rc = cw_matica_ink(e, deadline_ns, &ink, f);
        if (rc != CW_OK)
                return rc;
        cw_printer_put_number(ret, "resolution", (int64_t)e->raster.dpi, "dpi");
        cw_printer_put_number(ret, "raster.columns", (int64_t)e->raster.columns, "px");
        cw_printer_put_number(ret, "raster.rows", (int64_t)e->raster.rows, "px");
        cw_printer_put_text(ret, "ink", ink.kind, "", false);
        cw_printer_put_text(ret, "ink.lot", ink.lot, "", false);
        return CW_OK;
}
