/* SPDX-License-Identifier: Apache-2.0 */
/* Separation: what of a face goes on which panel, and where nothing may. */
#include "face_rig.h"

#include "drivers/face/canvas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sizes_and_order(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p = face_rig_render("", "{'type':'rect','panel':'ymc','x':0,'y':0,'w':9,'h':9,"
                                                  "'fill':'#000000'}");
        assert_int_equal(p->width, 648);
        assert_int_equal(p->height, 1016);
        assert_int_equal(p->count, 5);
        for (size_t i = 0; i < 5; i++) {
                assert_int_equal(p->panel[i].id, "ymcko"[i]);
                assert_int_equal(p->panel[i].bits, i < 3 ? 6 : 1);
                assert_int_equal(p->panel[i].len, i < 3 ? 493776 : 82296);
        }
        CW_AUTO(cw_panels_free)
        struct cw_panels *bare = face_rig_render(",'overcoat':false", "{'type':'rect','panel':'ymc','x':0,"
                                                                      "'y':0,'w':9,'h':9,'fill':'#000000'}");
        assert_int_equal(bare->count, 4);
}

/* Light removed by each dye; the curve is straight; every level keeps its neighbour's bits apart. */
static void colours_separate(void **state) {
        (void)state;
        static const struct {
                const char *colour;
                unsigned y, m, c;
        } cases[] = {{"#000000", 63, 63, 63}, {"#FFFFFF", 0, 0, 0},  {"#FFFF00", 63, 0, 0},
                     {"#FF00FF", 0, 63, 0},   {"#00FFFF", 0, 0, 63}, {"#FF0000", 63, 63, 0},
                     {"#7F7F7F", 32, 32, 32}, {"#FEFEFE", 0, 0, 0},  {"#103050", 43, 51, 59}};
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                char element[160];
                (void)snprintf(element, sizeof element,
                               "{'type':'rect','panel':'ymc','x':501,'y':301,'w':1,'h':1,'fill':'%s'}",
                               cases[i].colour);
                CW_AUTO(cw_panels_free) struct cw_panels *p = face_rig_render("", element);
                assert_int_equal(face_rig_level(p, 0, 501, 301), cases[i].y);
                assert_int_equal(face_rig_level(p, 1, 501, 301), cases[i].m);
                assert_int_equal(face_rig_level(p, 2, 501, 301), cases[i].c);
                assert_true(face_rig_inked(p, 0) <= 1);
                assert_int_equal(face_rig_inked(p, 3), 0);
        }
}

/* The curve of a panel, told at its points, between them and beyond; resin and overcoat know none. */
static void curves_bend_the_dye(void **state) {
        (void)state;
        static const struct {
                const char *curve;
                unsigned y, m, c; /* dye for half the light */
        } cases[] = {{"", 32, 32, 32},
                     {"ymc=128:64", 16, 16, 16},
                     {"y=128:128, mc=64:96 192:224", 32, 40, 40},
                     {"m=0:40 255:200,c=255:100", 32, 30, 12}};
        char path[256];
        face_rig_put_template("",
                              "{'type':'rect','panel':'ymc','x':501,'y':301,'w':1,'h':1,'fill':'#7F7F7F'},"
                              "{'type':'rect','panel':'k','x':600,'y':301,'w':1,'h':1,'fill':'#000000'}",
                              path, sizeof path);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                CW_AUTO(cw_panels_free) struct cw_panels *p = NULL;
                struct cw_fault f = {0};
                if (cw_face_render(path, &face_rig_card, cases[i].curve, &p, &f) != CW_OK)
                        fail_msg("%s", f.text);
                assert_int_equal(face_rig_level(p, 0, 501, 301), cases[i].y);
                assert_int_equal(face_rig_level(p, 1, 501, 301), cases[i].m);
                assert_int_equal(face_rig_level(p, 2, 501, 301), cases[i].c);
                assert_int_equal(face_rig_level(p, 3, 600, 301), 1);
                for (size_t c = 0; c < 3; c++)
                        assert_int_equal(face_rig_inked(p, c), 1); /* white stays bare */
        }
}

static void what_is_no_curve_is_refused(void **state) {
        (void)state;
        static const char *const bad[] = {
            "y",
            "y=",
            "k=10:20",
            "y=10",
            "y=10:20x",
            "y=10:300",
            "y=20:10 10:20",
            "y=10:20 10:30",
            "y=10:20 20:10",
            "y=1:2,y=3:4",
            "ymcy=1:2",
            "=1:2",
            "y=1:2 3:4;m=1:2",
            "y=0001:2",
            "y=-1:2",
            "y=1:2,,m=1:2",
            ("y=1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9 10:10 11:11 12:12 13:13 14:14 "
             "15:15 16:16 17:17")};
        struct cw_face_curve curve;
        struct cw_fault f = {0};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                cw_rc rc = cw_face_curve_parse(bad[i], &curve, &f);
                if (cw_rc_class(rc) != CW_C_OPERATOR)
                        fail_msg("taken: %s", bad[i]);
                assert_string_equal(f.code, "PRT_SETUP_ERROR");
        }
        assert_int_equal(cw_face_curve_parse(" ymc = 1:2", &curve, &f) == CW_OK, false);
        assert_int_equal(cw_face_curve_parse(" cy=0:10  100:50 , m=255:255 ", &curve, &f), CW_OK);
        assert_int_equal(curve.level[0][0], 0);
        assert_int_equal(curve.level[0][1], 10);
        assert_int_equal(curve.level[2][100], 50);
        assert_int_equal(curve.level[2][255], 255);
        for (unsigned i = 0; i < 256; i++)
                assert_int_equal(curve.level[1][i], i);
}

/* Turned a quarter clockwise: the top left of the design is the end of the printer's first line. */
static void orientation(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            face_rig_render("", "{'type':'rect','panel':'k','x':0,'y':0,'w':8,'h':1,'fill':'#000000'},"
                                "{'type':'rect','panel':'k','x':1015,'y':647,'w':1,'h':1,'fill':'#000000'}");
        const uint8_t *k = face_rig_panel(p, 3)->ptr;
        for (unsigned line = 0; line < 8; line++) {
                assert_int_equal(k[line * 81 + 80], 0x01);
                assert_int_equal(k[line * 81], 0);
        }
        assert_int_equal(k[8 * 81 + 80], 0);
        assert_int_equal(k[1015 * 81], 0x80);
        assert_int_equal(face_rig_inked(p, 3), 9);
}

static void chip_window_is_clear(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p = face_rig_render(
            "", "{'type':'rect','panel':'ymc','x':-5,'y':-5,'w':1030,'h':660,'fill':'#000000'},"
                "{'type':'rect','panel':'k','x':0,'y':0,'w':1016,'h':648,'fill':'#000000'}");
        for (unsigned x = 0; x < 1016; x += 3)
                for (unsigned y = 0; y < 648; y += 3) {
                        bool chip = x >= 88 && x < 268 && y >= 198 && y < 370;
                        assert_int_equal(face_rig_level(p, 3, x, y), !chip);
                        assert_int_equal(face_rig_level(p, 4, x, y), !chip);
                        assert_int_equal(face_rig_level(p, 0, x, y), 0); /* knocked out by K, or chip */
                }
}

/* A ribbon without dye prints a face that has none. */
static void resin_alone_has_no_dye_panels(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            face_rig_render(",'overcoat':false",
                            "{'type':'rect','panel':'k','x':500,'y':300,'w':20,'h':20,'fill':'#000000'}");
        assert_int_equal(p->count, 1);
        assert_int_equal(p->panel[0].id, 'k');
        assert_int_equal(face_rig_inked(p, 3), 400);
}

/* The back is a face of its own: no chip there, but a stripe. */
static void stripe_window_is_clear(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            face_rig_render(",'back':{'elements':[{'type':'rect','panel':'k','x':0,'y':0,'w':1016,'h':648,"
                            "'fill':'#000000'}]}",
                            "{'type':'rect','panel':'ymc','x':500,'y':300,'w':20,'h':20,'fill':'#000000'}");
        assert_non_null(p->back);
        for (unsigned x = 0; x < 1016; x += 5)
                for (unsigned y = 0; y < 648; y += 3) {
                        bool stripe = y >= 54 && y < 225;
                        assert_int_equal(face_rig_level(p->back, 3, x, y), !stripe);
                        assert_int_equal(face_rig_level(p->back, 4, x, y), !stripe);
                        assert_int_equal(face_rig_level(p, 3, x, y), 0);
                }
        assert_int_equal(face_rig_level(p, 2, 510, 310), 63);
        assert_int_equal(face_rig_level(p->back, 2, 510, 310), 0);
}

static void overcoat_has_windows(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            face_rig_render(",'overcoat':{'windows':[{'x':600,'y':500,'w':300,'h':80},"
                            "{'x':10,'y':20,'w':30,'h':40}]}",
                            "{'type':'rect','panel':'ymc','x':500,'y':400,'w':500,'h':200,'fill':'#000000'}");
        assert_int_equal(face_rig_level(p, 4, 599, 540), 1);
        assert_int_equal(face_rig_level(p, 4, 600, 500), 0);
        assert_int_equal(face_rig_level(p, 4, 899, 579), 0);
        assert_int_equal(face_rig_level(p, 4, 900, 540), 1);
        assert_int_equal(face_rig_level(p, 4, 20, 30), 0);
        assert_int_equal(face_rig_level(p, 0, 700, 540), 63); /* dye goes on below */
}

static void knock_out_is_a_choice(void **state) {
        (void)state;
        static const char both[] =
            "{'type':'rect','panel':'ymc','x':500,'y':300,'w':20,'h':20,'fill':'#000000'},"
            "{'type':'rect','panel':'k','x':505,'y':305,'w':5,'h':5,'fill':'#000000'}";
        CW_AUTO(cw_panels_free) struct cw_panels *out = face_rig_render("", both);
        CW_AUTO(cw_panels_free) struct cw_panels *kept = face_rig_render(",'knockout':false", both);
        assert_int_equal(face_rig_level(out, 2, 507, 307), 0);
        assert_int_equal(face_rig_level(kept, 2, 507, 307), 63);
        assert_int_equal(face_rig_level(out, 2, 501, 301), 63);
        assert_int_equal(face_rig_level(out, 3, 507, 307), 1);
}

/* The K surface holds 0 and 255 only, whatever is drawn on it. */
static void black_is_never_antialiased(void **state) {
        (void)state;
        char path[256];
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = NULL;
        struct cw_fault f = {0};
        face_rig_put_template(
            "",
            "{'type':'text','panel':'k','x':300,'y':100.5,'w':700,'h':90,'text':'{pan}','group':[4,4,4,4],"
            "'family':'DejaVu Sans','size':50},"
            "{'type':'ellipse','panel':'k','x':300.3,'y':300.7,'w':200,'h':133,'fill':'#000000'},"
            "{'type':'line','panel':'k','x1':300,'y1':500,'x2':900,'y2':633,'stroke':'#000000'},"
            "{'type':'path','panel':'k','d':'M 700 300 C 800 310 720 390 900 400 Z','fill':'#000000'}",
            path, sizeof path);
        assert_int_equal(cw_face_template_load(path, &t, &f), CW_OK);
        assert_int_equal(cw_face_canvas_new(&c, &f), CW_OK);
        assert_int_equal(cw_face_paint(t, &face_rig_card, c, &f), CW_OK);
        const uint8_t *px = cairo_image_surface_get_data(c->black);
        size_t stride = (size_t)cairo_image_surface_get_stride(c->black), black = 0;
        for (size_t y = 0; y < 648; y++)
                for (size_t x = 0; x < 1016; x++) {
                        assert_true(px[y * stride + x] == 0 || px[y * stride + x] == 255);
                        black += px[y * stride + x] == 255;
                }
        assert_true(black > 5000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(sizes_and_order),
            cmocka_unit_test(colours_separate),
            cmocka_unit_test(curves_bend_the_dye),
            cmocka_unit_test(what_is_no_curve_is_refused),
            cmocka_unit_test(orientation),
            cmocka_unit_test(chip_window_is_clear),
            cmocka_unit_test(stripe_window_is_clear),
            cmocka_unit_test(resin_alone_has_no_dye_panels),
            cmocka_unit_test(overcoat_has_windows),
            cmocka_unit_test(knock_out_is_a_choice),
            cmocka_unit_test(black_is_never_antialiased),
        };
        return cmocka_run_group_tests_name("face rendering", tests, face_rig_open, face_rig_close);
}
