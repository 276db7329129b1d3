/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels to head bytes and back. The way back is written from the documents a second time, as tables. */
#include "drivers/printer/magicard/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define W CW_PANEL_WIDTH
#define H CW_PANEL_HEIGHT

static void set_level(uint8_t *panel, unsigned bits, size_t pixel, unsigned v) {
        for (unsigned i = 0; i < bits; i++) {
                size_t at = pixel * bits + i;
                uint8_t bit = (uint8_t)(0x80u >> at % 8);
                panel[at / 8] = (uint8_t)((panel[at / 8] & ~bit) | ((v >> (bits - 1 - i) & 1u) ? bit : 0));
        }
}

static uint8_t *new_panel(unsigned bits) {
        uint8_t *p = calloc(1, cw_panel_size(W, H, bits));
        assert_non_null(p);
        return p;
}

static uint8_t *pack(enum cw_magicard_layout layout, unsigned margin, uint8_t *panel, unsigned bits) {
        const struct cw_panel p = {bits == 1 ? 'k' : 'y', bits, panel, cw_panel_size(W, H, bits)};
        uint8_t *out = malloc(cw_magicard_plane_size(layout, bits));
        assert_non_null(out);
        cw_magicard_pack(layout, margin, &p, out);
        return out;
}

static void sizes_are_those_of_the_jobs(void **state) {
        (void)state;
        assert_int_equal(cw_magicard_plane_size(CW_MAGICARD_INTERLEAVED, 6), 585216);
        assert_int_equal(cw_magicard_plane_size(CW_MAGICARD_INTERLEAVED, 1), 97536);
        assert_int_equal(cw_magicard_plane_size(CW_MAGICARD_STRAIGHT, 6), 512064);
        assert_int_equal(cw_magicard_plane_size(CW_MAGICARD_STRAIGHT, 1), 85344);
}

/* Head pixel, and the byte and bit it has to come out at. */
static const struct spot {
        unsigned pixel;
        size_t byte;
        uint8_t bit;
} interleaved[] =
    {
        {0, 24, 0x80},   {1, 24, 0x20},  {3, 24, 0x02},  {4, 25, 0x80},  {15, 27, 0x02}, {16, 28, 0x80},
        {287, 95, 0x02}, {288, 0, 0x40}, {289, 0, 0x10}, {303, 3, 0x01}, {304, 4, 0x40}, {671, 95, 0x01},
},
  straight[] = {{0, 0, 0x80}, {1, 0, 0x40}, {7, 0, 0x01}, {8, 1, 0x80}, {671, 83, 0x01}};

static void check_spots(enum cw_magicard_layout layout, const struct spot *spots, size_t n, size_t stride) {
        for (size_t i = 0; i < n; i++) {
                /* Image pixel 0 or 641, put to the head pixel by the margin. */
                unsigned margin = spots[i].pixel <= 30 ? spots[i].pixel : 30;
                if (spots[i].pixel < margin || spots[i].pixel - margin >= CW_MAGICARD_IMAGE)
                        continue;
                unsigned image = spots[i].pixel - margin;
                uint8_t *panel = new_panel(6);
                set_level(panel, 6, (size_t)5 * W + 3 + image, 0x25);
                uint8_t *out = pack(layout, margin, panel, 6);
                const uint8_t *row = out + 5 * 6 * stride;
                for (unsigned plane = 0; plane < 6; plane++)
                        assert_int_equal(row[plane * stride + spots[i].byte],
                                         0x25 >> plane & 1 ? spots[i].bit : 0);
                size_t set = 0;
                for (size_t k = 0; k < cw_magicard_plane_size(layout, 6); k++)
                        set += out[k] != 0;
                assert_int_equal(set, 3);
                free(out);
                free(panel);
        }
}

static void pixels_come_out_where_they_should(void **state) {
        (void)state;
        check_spots(CW_MAGICARD_INTERLEAVED, interleaved, sizeof interleaved / sizeof interleaved[0], 96);
        check_spots(CW_MAGICARD_STRAIGHT, straight, sizeof straight / sizeof straight[0], 84);
}

/* Head pixel at each bit of a row of the interleaved head, -1 = none: word by word, two columns of it. */
static void fill_table(int table[768]) {
        int even = 0, odd = 288;
        for (int word = 0; word < 24; word++)
                for (int bit = 0; bit < 32; bit++) {
                        int *to = &table[word * 32 + bit];
                        if (bit % 2)
                                *to = odd++;
                        else
                                *to = word >= 6 ? even++ : -1;
                }
}

/* A picture without symmetry through the packing and back. */
static void round_trip(enum cw_magicard_layout layout, unsigned bits, unsigned margin) {
        const size_t stride = layout == CW_MAGICARD_STRAIGHT ? 84 : 96;
        int table[768];
        uint8_t *panel = new_panel(bits), *seen = calloc(W, H);
        uint32_t seed = 7;
        assert_non_null(seen);
        for (size_t i = 0; i < (size_t)W * H; i++) {
                seed = seed * 1664525u + 1013904223u;
                seen[i] = (uint8_t)(seed >> 24 & ((1u << bits) - 1));
                set_level(panel, bits, i, seen[i]);
        }
        uint8_t *out = pack(layout, margin, panel, bits);
        fill_table(table);
        for (size_t y = 0; y < H; y++)
                for (size_t bit = 0; bit < stride * 8; bit++) {
                        int head = layout == CW_MAGICARD_STRAIGHT ? (int)bit : table[bit];
                        unsigned v = 0;
                        for (unsigned i = 0; i < bits; i++)
                                v |= (unsigned)(out[(y * bits + i) * stride + bit / 8] >> (7 - bit % 8) & 1)
                                     << i;
                        int image = head - (int)margin;
                        bool on_card = head >= 0 && image >= 0 && image < (int)CW_MAGICARD_IMAGE;
                        assert_int_equal(v, on_card ? seen[y * W + 3 + (size_t)image] : 0);
                }
        free(out);
        free(panel);
        free(seen);
}

static void pictures_survive(void **state) {
        (void)state;
        round_trip(CW_MAGICARD_INTERLEAVED, 6, 15);
        round_trip(CW_MAGICARD_INTERLEAVED, 1, 0);
        round_trip(CW_MAGICARD_INTERLEAVED, 1, 30);
        round_trip(CW_MAGICARD_STRAIGHT, 6, 15);
        round_trip(CW_MAGICARD_STRAIGHT, 1, 15);
}

static void coat(uint8_t *o, struct cw_magicard_coat *ret) {
        const struct cw_panel p = {'o', 1, o, cw_panel_size(W, H, 1)};
        cw_magicard_coat(&p, ret);
}

static void overcoat_becomes_areas(void **state) {
        (void)state;
        struct cw_magicard_coat c;
        uint8_t *o = new_panel(1);
        coat(o, &c);
        assert_false(c.coat);
        memset(o, 0xff, cw_panel_size(W, H, 1));
        coat(o, &c);
        assert_true(c.coat);
        assert_false(c.hole);
        for (size_t x = 90; x <= 260; x++)
                for (size_t y = 295; y <= 450; y++)
                        set_level(o, 1, x * W + 3 + y, 0);
        set_level(o, 1, 0, 0); /* beside what is printed: no matter */
        coat(o, &c);
        assert_true(c.coat && c.hole);
        assert_int_equal(c.x1, 90);
        assert_int_equal(c.x2, 260);
        assert_int_equal(c.y1, 295);
        assert_int_equal(c.y2, 450);
        set_level(o, 1, (size_t)1015 * W + 3 + 641, 0);
        set_level(o, 1, 3, 0);
        coat(o, &c);
        assert_false(c.coat); /* the smallest box is the whole card */
        free(o);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(sizes_are_those_of_the_jobs),
            cmocka_unit_test(pixels_come_out_where_they_should),
            cmocka_unit_test(pictures_survive),
            cmocka_unit_test(overcoat_becomes_areas),
        };
        return cmocka_run_group_tests_name("Magicard packing", tests, NULL, NULL);
}
