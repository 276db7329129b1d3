/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From template to plastic: each shipped face is drawn, printed by the driver on the emulated printer, and
 * what the emulator received is compared with the panels pixel for pixel; the orientation card proves turn
 * and mirror.
 */
#include "tests/contract/checks.h"

#include "drivers/face/render.h"
#include "tests/emu/printer/model_raster.h"
#include "tests/emu/printer/plastic_image.h"

#include <png.h>
#include <stdio.h>
#include <string.h>

static const struct cw_face_data card = {.count = 4,
                                         .field = {{"pan", "4000001234567899", 16},
                                                   {"name", "JANE DOE", 8},
                                                   {"expiry", "12/29", 5},
                                                   {"cvv2", "123", 3}}};

static void face_path(const char *name, char *ret, size_t cap) {
        assert_true((size_t)snprintf(ret, cap, "%s/%s", CW_FACES_DIR, name) < cap);
}

/* Renders and prints; the directory of the plastic into ret. */
static struct cw_panels *print_face(struct bench *b, const char *name, char *ret_dir, size_t cap) {
        char path[512];
        struct cw_panels *panels = NULL;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        face_path(name, path, sizeof path);
        check_ok(cw_face_render(path, &card, &panels, &f), &f);
        struct cw_printer *p = check_open(b);
        check_feed(p);
        bench_state_text(b, "", "card", ret_dir, cap);
        check_ok(cw_printer_print(p, panels, LONG_NS, &e, &f), &f);
        cw_printer_close(p);
        return panels;
}

static unsigned level(const struct cw_panel *panel, size_t pixel) {
        unsigned v = 0;
        for (unsigned i = 0; i < panel->bits; i++) {
                size_t bit = pixel * panel->bits + i;
                v = v * 2 + ((panel->ptr[bit / 8] >> (7 - bit % 8)) & 1u);
        }
        return v;
}

static void compare_panel(const struct cw_panel *panel, const char *dir) {
        static uint8_t received[EMUP_PIXELS];
        char path[1024];
        size_t wrong = 0, inked = 0;
        unsigned top = (1u << panel->bits) - 1;
        (void)snprintf(path, sizeof path, "%s/front-%c.png", dir, panel->id);
        assert_int_equal(emup_image_read_layer(path, received), 0);
        for (size_t i = 0; i < EMUP_PIXELS; i++) {
                unsigned want = level(panel, i), got = (received[i] * top + 127u) / 255u;
                unsigned x = (unsigned)(i % CW_PANEL_WIDTH);
                bool printed = x >= bench_family.edge && x < CW_PANEL_WIDTH - bench_family.edge;
                /* Areas may leave more free than the panel does, never less. */
                bool by_area = panel->id == 'o' && bench_family.coat == 'a';
                wrong += printed && (by_area ? got > want : want != got);
                wrong += !printed && got != 0;
                inked += got != 0;
        }
        assert_int_equal(wrong, 0);
        assert_true(inked > 0);
}

static void received_as_drawn(struct bench *b, const char *name) {
        char dir[512];
        CW_AUTO(cw_panels_free) struct cw_panels *panels = print_face(b, name, dir, sizeof dir);
        assert_int_equal(panels->count, 5);
        for (size_t i = 0; i < panels->count; i++)
                if (panels->panel[i].id != 'o' || bench_family.coat != 'n')
                        compare_panel(&panels->panel[i], dir);
}

static void classic_debit_received_as_drawn(void **state) {
        received_as_drawn(*state, "classic-debit.json");
}

static void orientation_received_as_drawn(void **state) {
        received_as_drawn(*state, "orientation.json");
}

static uint8_t *read_front(const char *dir) {
        char path[1024];
        png_image image = {.version = PNG_IMAGE_VERSION};
        (void)snprintf(path, sizeof path, "%s/front.png", dir);
        assert_true(png_image_begin_read_from_file(&image, path));
        image.format = PNG_FORMAT_RGB;
        assert_int_equal(image.width, CW_FACE_WIDTH);
        assert_int_equal(image.height, CW_FACE_HEIGHT);
        uint8_t *px = malloc(PNG_IMAGE_SIZE(image));
        assert_non_null(px);
        assert_true(png_image_finish_read(&image, NULL, px, 0, NULL));
        return px;
}

/* A person looking at the printed card sees the design the right way round. */
static void orientation_is_right_way_round(void **state) {
        static const struct {
                unsigned x, y;
                bool red, green, blue; /* light that comes back */
        } spots[] = {
            {90, 50, true, true, false},     /* yellow, top left */
            {930, 70, true, false, true},    /* magenta, top right */
            {942, 574, false, true, true},   /* cyan, bottom right */
            {40, 610, false, false, false},  /* black triangle, bottom left */
            {120, 520, true, true, true},    /* right of its slope */
            {360, 480, false, false, false}, /* stem of the F */
            {600, 180, false, false, false}, /* its top bar */
            {600, 330, true, true, true},    /* right of its middle bar */
            {600, 480, true, true, true},    /* nothing where an E would have a bar */
            {310, 590, true, true, true},    /* light end of the ramp */
            {770, 590, false, false, false}, /* dark end */
        };
        char dir[512];
        cw_panels_free(print_face(*state, "orientation.json", dir, sizeof dir));
        uint8_t *px = read_front(dir);
        for (size_t i = 0; i < sizeof spots / sizeof spots[0]; i++) {
                const uint8_t *rgb = px + (spots[i].y * CW_FACE_WIDTH + spots[i].x) * 3;
                assert_int_equal(rgb[0] > 127, spots[i].red);
                assert_int_equal(rgb[1] > 127, spots[i].green);
                assert_int_equal(rgb[2] > 127, spots[i].blue);
        }
        free(px);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            CHECK(classic_debit_received_as_drawn),
            CHECK(orientation_received_as_drawn),
            CHECK(orientation_is_right_way_round),
        };
        return cmocka_run_group_tests_name("golden faces", tests, NULL, NULL);
}
