/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From template to plastic: each shipped face is drawn, printed by the driver on the emulated printer, and
 * what the emulator received is compared with the panels pixel for pixel; the orientation card proves turn
 * and mirror, of both faces.
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
static struct cw_panels *print_face(struct bench *b, const struct cw_printer_fitting *fitting,
                                    const char *name, char *ret_dir, size_t cap) {
        char path[512];
        struct cw_panels *panels = NULL;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        face_path(name, path, sizeof path);
        check_ok(cw_face_render(path, &card, NULL, &panels, &f), &f);
        struct cw_printer *p = check_open(b);
        if (fitting)
                cw_printer_fit(p, fitting);
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

/* turned: the raster went to the printer half way round. */
static void compare_panel(const struct cw_panel *panel, const char *dir, const char *side, bool turned) {
        static uint8_t received[EMUP_PIXELS];
        char path[1024];
        size_t wrong = 0, inked = 0;
        unsigned top = (1u << panel->bits) - 1;
        (void)snprintf(path, sizeof path, "%s/%s-%c.png", dir, side, panel->id);
        assert_int_equal(emup_image_read_layer(path, received), 0);
        for (size_t i = 0; i < EMUP_PIXELS; i++) {
                size_t at = turned ? EMUP_PIXELS - 1 - i : i;
                unsigned want = level(panel, at), got = (received[i] * top + 127u) / 255u;
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

static bool blank(const struct cw_panel *panel) {
        for (size_t i = 0; i < panel->len; i++)
                if (panel->ptr[i])
                        return false;
        return true;
}

static void compare_face(const struct cw_panels *face, const char *dir, const char *side, bool turned) {
        for (size_t i = 0; i < face->count; i++)
                if ((face->panel[i].id != 'o' || bench_family.coat != 'n') && !blank(&face->panel[i]))
                        compare_panel(&face->panel[i], dir, side, turned);
}

static void received_as_drawn(struct bench *b, const char *name) {
        char dir[512];
        CW_AUTO(cw_panels_free) struct cw_panels *panels = print_face(b, NULL, name, dir, sizeof dir);
        assert_int_equal(panels->count, 5);
        assert_null(panels->back);
        compare_face(panels, dir, "front", false);
}

static void classic_debit_received_as_drawn(void **state) {
        received_as_drawn(*state, "classic-debit.json");
}

static void orientation_received_as_drawn(void **state) {
        received_as_drawn(*state, "orientation.json");
}

/* A card of a printer that turns about axis; the driver is told so, or not. */
static void both_received_as_drawn(const char *name, const char *axis, enum cw_flip told) {
        struct bench *b = bench_ops.open(&(struct bench_options){.flip = axis});
        const struct cw_printer_fitting fitting = {.both_faces = 1, .flip = (int)told};
        char dir[512];
        CW_AUTO(cw_panels_free) struct cw_panels *panels = print_face(b, &fitting, name, dir, sizeof dir);
        assert_non_null(panels->back);
        compare_face(panels, dir, "front", false);
        compare_face(panels->back, dir, "back", told == CW_FLIP_LONG);
        assert_int_equal(bench_state(b, "", "violations"), 0);
        bench_ops.close(b);
}

/* What this family cannot do is checked elsewhere: a back is refused. */
static void only_where_cards_are_turned(void) {
        if (!cw_printer_driver(bench_family.driver)->turns)
                skip();
}

static void two_sided_debit_received_as_drawn(void **state) {
        (void)state;
        only_where_cards_are_turned();
        both_received_as_drawn("two-sided-debit.json", "short", CW_FLIP_SHORT);
}

static void both_orientations_received_as_drawn(void **state) {
        (void)state;
        only_where_cards_are_turned();
        both_received_as_drawn("orientation-both.json", "short", CW_FLIP_SHORT);
        both_received_as_drawn("orientation-both.json", "long", CW_FLIP_LONG);
}

static uint8_t *read_side(const char *dir, const char *side) {
        char path[1024];
        png_image image = {.version = PNG_IMAGE_VERSION};
        (void)snprintf(path, sizeof path, "%s/%s.png", dir, side);
        assert_true(png_image_begin_read_from_file(&image, path));
        image.format = PNG_FORMAT_RGB;
        assert_int_equal(image.width, CW_FACE_WIDTH);
        assert_int_equal(image.height, CW_FACE_HEIGHT);
        uint8_t *px = malloc(PNG_IMAGE_SIZE(image));
        assert_non_null(px);
        assert_true(png_image_finish_read(&image, NULL, px, 0, NULL));
        return px;
}

struct spot {
        unsigned x, y;
        bool red, green, blue; /* light that comes back */
};

/* How many spots are not as they should be. */
static size_t wrong_spots(const char *dir, const char *side, const struct spot *spots, size_t count) {
        uint8_t *px = read_side(dir, side);
        size_t wrong = 0;
        for (size_t i = 0; i < count; i++) {
                const uint8_t *rgb = px + (spots[i].y * CW_FACE_WIDTH + spots[i].x) * 3;
                wrong += (rgb[0] > 127) != spots[i].red || (rgb[1] > 127) != spots[i].green ||
                         (rgb[2] > 127) != spots[i].blue;
        }
        free(px);
        return wrong;
}

/* A person looking at the printed card sees the design the right way round. */
static void orientation_is_right_way_round(void **state) {
        static const struct spot spots[] = {
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
        cw_panels_free(print_face(*state, NULL, "orientation.json", dir, sizeof dir));
        assert_int_equal(wrong_spots(dir, "front", spots, sizeof spots / sizeof *spots), 0);
}

static const struct spot back_spots[] = {
    {100, 24, false, true, true},    /* cyan, top left, above the stripe */
    {980, 250, false, false, false}, /* black triangle, right below the stripe */
    {880, 350, true, true, true},    /* left of its slope */
    {74, 574, true, false, true},    /* magenta disc, bottom left */
    {930, 580, true, true, false},   /* yellow, bottom right */
    {330, 400, false, false, false}, /* stem of the L */
    {520, 540, false, false, false}, /* its foot goes right */
    {420, 270, false, false, false}, /* its flag */
    {420, 320, true, true, true},    /* below the flag */
    {500, 130, true, true, true},    /* a bar that would lie on the stripe is not printed */
    {210, 615, false, false, false}, /* dark end of the ramp */
    {670, 615, true, true, true},    /* light end */
};
#define BACK_SPOTS (sizeof back_spots / sizeof *back_spots)

/* Wrong spots on the back of a card whose printer turns about one axis while its driver is told another. */
static size_t back_spots_wrong(const char *axis, enum cw_flip told) {
        struct bench *b = bench_ops.open(&(struct bench_options){.flip = axis});
        const struct cw_printer_fitting fitting = {.both_faces = 1, .flip = (int)told};
        char dir[512];
        cw_panels_free(print_face(b, &fitting, "orientation-both.json", dir, sizeof dir));
        size_t wrong = wrong_spots(dir, "back", back_spots, BACK_SPOTS);
        bench_ops.close(b);
        return wrong;
}

/* Who turns the card like a page sees the back upright, whichever way the printer turned it. */
static void back_is_right_way_round(void **state) {
        (void)state;
        only_where_cards_are_turned();
        assert_int_equal(back_spots_wrong("short", CW_FLIP_SHORT), 0);
        assert_int_equal(back_spots_wrong("long", CW_FLIP_LONG), 0);
        assert_true(back_spots_wrong("long", CW_FLIP_SHORT) > BACK_SPOTS / 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            CHECK(classic_debit_received_as_drawn),
            CHECK(orientation_received_as_drawn),
            CHECK(orientation_is_right_way_round),
            cmocka_unit_test(two_sided_debit_received_as_drawn),
            cmocka_unit_test(both_orientations_received_as_drawn),
            cmocka_unit_test(back_is_right_way_round),
        };
        return cmocka_run_group_tests_name("golden faces", tests, NULL, NULL);
}
