/* SPDX-License-Identifier: Apache-2.0 */
/* One full-colour card through the Evolis driver, against one libusb bulk write of the same bytes to the same
 * emulated printer and the reading of as many answers. Runs under umockdev-wrapper. */
#include "measure.h"

#include "base/clock.h"
#include "tests/contract/checks.h"

#include <libusb.h>
#include <stdio.h>
#include <sys/resource.h>
#include <string.h>

#define CARDS 20
#define LIMIT_MS 60000
#define QUIET_MS 150
#define RATIO 1.10
#define RESIDENT_MIB 24
#define PANEL_BYTES 1024 /* more at once than any command has */

/* Passes everything on and keeps what was sent; knows when the first panel went and how many answers came. */
struct tap {
        struct cw_usb base;
        struct cw_usb *under;
};
static struct {
        bool keep;
        uint8_t bytes[8u << 20];
        size_t len, answers, transfers;
        int64_t panel_ns;
} sent;

/* An answer ends with NUL. */
static size_t ends(const uint8_t *bytes, size_t len) {
        size_t n = 0;
        for (size_t i = 0; i < len; i++)
                n += bytes[i] == 0;
        return n;
}

static struct cw_usb *under(struct cw_usb *u) {
        return ((struct tap *)u)->under;
}
static cw_rc tap_control(struct cw_usb *u, uint8_t type, uint8_t request, uint16_t value, uint16_t index,
                         void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                         struct cw_fault *f) {
        return cw_usb_control(under(u), type, request, value, index, data, len, deadline_ns, ret_len, f);
}
static cw_rc tap_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns, size_t *ret_sent,
                     struct cw_fault *f) {
        if (sent.keep) {
                assert_true(len <= sizeof sent.bytes - sent.len);
                memcpy(sent.bytes + sent.len, data, len);
                sent.len += len;
                sent.transfers++;
                if (len >= PANEL_BYTES && sent.panel_ns == 0)
                        sent.panel_ns = measure_now_ns();
        }
        return cw_usb_bulk_out(under(u), data, len, deadline_ns, ret_sent, f);
}
static cw_rc tap_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                    struct cw_fault *f) {
        cw_rc rc = cw_usb_bulk_in(under(u), data, cap, deadline_ns, ret_len, f);
        if (sent.keep && rc == CW_OK)
                sent.answers += ends(data, *ret_len);
        return rc;
}
static size_t tap_purge(struct cw_usb *u) {
        const uint64_t before = under(u)->unasked_bytes;
        cw_usb_purge(under(u));
        return (size_t)(under(u)->unasked_bytes - before);
}
static cw_rc tap_clear_halt(struct cw_usb *u, struct cw_fault *f) {
        return cw_usb_clear_halt(under(u), f);
}
static cw_rc tap_reset(struct cw_usb *u, struct cw_fault *f) {
        return cw_usb_reset(under(u), f);
}
static bool tap_gone(struct cw_usb *u) {
        return cw_usb_gone(under(u));
}
static void tap_close(struct cw_usb *u) {
        cw_usb_close(under(u));
        free(u);
}

static struct cw_printer *open_printer(struct bench *b) {
        static const struct cw_usb_ops ops = {"tap",          tap_control, tap_out,  tap_in,   tap_purge,
                                              tap_clear_halt, tap_reset,   tap_gone, tap_close};
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        struct tap *t = calloc(1, sizeof *t);
        assert_non_null(t);
        check_ok(bench_ops.connect(b, &t->under, &f), &f);
        t->base = (struct cw_usb){.ops = &ops, .info = t->under->info};
        check_ok(
            cw_printer_open(cw_printer_driver("evolis"), &t->base, NULL, cw_deadline_ns(LIMIT_MS), &p, &f),
            &f);
        return p;
}

/* A card at the print head, the printer free for the next who opens it. */
static void feed_and_close(struct bench *b, struct cw_usb_info *ret) {
        struct cw_printer *p = open_printer(b);
        check_feed(p);
        *ret = p->usb->info;
        cw_printer_close(p);
}

static struct samples by_driver, bare, first_byte, at_once;

static void print_by_driver(struct bench *b, struct cw_panels *panels) {
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        struct cw_printer *p = open_printer(b);
        check_feed(p);
        sent.len = sent.answers = sent.transfers = 0;
        sent.panel_ns = 0;
        sent.keep = true;
        int64_t start_ns = measure_now_ns();
        check_ok(cw_printer_print(p, panels, cw_deadline_ns(LIMIT_MS), &e, &f), &f);
        measure_add(&by_driver, start_ns);
        sent.keep = false;
        assert_true(sent.panel_ns > 0);
        first_byte.us[first_byte.count++] = (double)(sent.panel_ns - start_ns) / 1000;
        cw_printer_close(p);
}

/* The card is done when the last command is answered. */
static void read_answers(libusb_device_handle *h, uint8_t endpoint) {
        unsigned char answer[512];
        int n = 0;
        for (size_t count = 0; count < sent.answers; count += ends(answer, (size_t)n))
                assert_int_equal(libusb_bulk_transfer(h, endpoint, answer, sizeof answer, &n, LIMIT_MS), 0);
}

/* What is left of the last answer must not be there for the next card. */
static void drain(libusb_device_handle *h, uint8_t endpoint) {
        unsigned char answer[512];
        int n = 0;
        while (libusb_bulk_transfer(h, endpoint, answer, sizeof answer, &n, QUIET_MS) == 0)
                continue;
}

static void print_bare(struct bench *b) {
        struct cw_usb_info info;
        libusb_context *context = NULL;
        int n = 0;
        feed_and_close(b, &info);
        assert_int_equal(libusb_init(&context), 0);
        libusb_device_handle *h = libusb_open_device_with_vid_pid(context, info.vendor_id, info.product_id);
        assert_non_null(h);
        (void)libusb_set_auto_detach_kernel_driver(h, 1);
        assert_int_equal(libusb_claim_interface(h, info.interface), 0);
        int64_t start_ns = measure_now_ns();
        assert_int_equal(libusb_bulk_transfer(h, info.endpoint_out, sent.bytes, (int)sent.len, &n, LIMIT_MS),
                         0);
        measure_add(&at_once, start_ns);
        assert_int_equal(n, sent.len);
        read_answers(h, info.endpoint_in);
        measure_add(&bare, start_ns);
        drain(h, info.endpoint_in);
        (void)libusb_release_interface(h, info.interface);
        libusb_close(h);
        libusb_exit(context);
}

static void report(void) {
        static const struct measure_row card = {"driver: print job ymcko", "evolis",
                                                "one bulk write, the answers", MEASURE_RATIO, RATIO};
        static const struct measure_row head = {"driver: first byte of the first panel", "evolis",
                                                "one bulk write alone", MEASURE_NO_GOAL, 0};
        struct rusage use;
        measure_head();
        measure_print(&card, &by_driver, &bare);
        measure_print(&head, &first_byte, &at_once);
        measure_print_value("driver: bytes of a card", "evolis", (double)sent.len, "bytes", 0);
        measure_print_value("driver: transfers of a card", "evolis", (double)sent.transfers, "out", 0);
        /* the bytes of a card, kept for the bare write, among them */
        if (getrusage(RUSAGE_SELF, &use) == 0)
                measure_print_value("driver: resident at most", "evolis", (double)use.ru_maxrss / 1024, "MiB",
                                    RESIDENT_MIB);
}

static void driver_against_bulk(void **state) {
        (void)state;
        struct cw_panels *panels = check_panels();
        struct bench *b = bench_ops.open(&(struct bench_options){0});
        for (int64_t i = 1; i <= CARDS; i++) {
                bench_order(b, "{'cmd':'hopper','count':5}");
                print_by_driver(b, panels);
                print_bare(b);
                assert_int_equal(bench_state(b, "counters", "sets"), 2 * i);
        }
        report();
        bench_ops.close(b);
        cw_panels_free(panels);
}

int main(int argc, char **argv) {
        const struct CMUnitTest run[] = {cmocka_unit_test(driver_against_bulk)};
        if (argc != 2)
                return 2;
        bench_emulator = argv[1];
        return cmocka_run_group_tests(run, NULL, NULL);
}
