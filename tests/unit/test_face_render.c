/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing and separation, checked on the packed panels by a decoder of its own. */
#include "drivers/face/render.h"

#include "drivers/face/canvas.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int make_dir(void **state) {
        (void)state;
        (void)snprintf(dir, sizeof dir, "/tmp/cw-face-XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

static int remove_dir(void **state) {
        (void)state;
        return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_file(const char *name, const void *bytes, size_t len, char *ret_path, size_t cap) {
        (void)snprintf(ret_path, cap, "%s/%s", dir, name);
        FILE *file = fopen(ret_path, "wbe");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, len, file), len);
        (void)fclose(file);
}

/* A template of these elements, ' for ", in the test's folder. */
static void put_template(const char *head, const char *elements, char *ret_path, size_t cap) {
        char json[4096];
        int n = snprintf(json, sizeof json, "{'cardwright-face':1%s,'elements':[%s]}", head, elements);
        assert_true(n > 0 && (size_t)n < sizeof json);
        for (char *p = json; *p; p++)
                if (*p == '\'')
                        *p = '"';
        put_file("face.json", json, strlen(json), ret_path, cap);
}

static const struct cw_face_data card = {
    .count = 3, .field = {{"pan", "4000001234567899", 16}, {"name", "Jane Doe", 8}, {"empty", "", 0}}};

static struct cw_panels *render(const char *head, const char *elements) {
        char path[256];
        struct cw_panels *p = NULL;
        struct cw_fault f = {0};
        put_template(head, elements, path, sizeof path);
        if (cw_face_render(path, &card, NULL, &p, &f) != CW_OK)
                fail_msg("%s", f.text);
        return p;
}

static void refused(const char *elements, const char *says) {
        char path[256];
        struct cw_panels *p = NULL;
        struct cw_fault f = {0};
        put_template("", elements, path, sizeof path);
        assert_int_equal(cw_rc_class(cw_face_render(path, &card, NULL, &p, &f)), CW_C_REJECT);
        assert_null(p);
        if (!strstr(f.text, says))
                fail_msg("says: %s", f.text);
        assert_null(strstr(f.text, "400000"));
}

/* Panel i of y m c k o, NULL when the face has none. */
static const struct cw_panel *panel_of(const struct cw_panels *p, size_t i) {
        for (size_t n = 0; n < p->count; n++)
                if (p->panel[n].id == "ymcko"[i])
                        return &p->panel[n];
        return NULL;
}

/* Level of the design's pixel x, y on panel i. */
static unsigned at(const struct cw_panels *p, size_t i, unsigned x, unsigned y) {
        const struct cw_panel *panel = panel_of(p, i);
        if (!panel)
                return 0;
        size_t pixel = (size_t)x * 648 + (647 - y);
        unsigned v = 0;
        for (unsigned b = 0; b < panel->bits; b++) {
                size_t bit = pixel * panel->bits + b;
                v = v * 2 + ((panel->ptr[bit / 8] >> (7 - bit % 8)) & 1u);
        }
        return v;
}

static size_t inked(const struct cw_panels *p, size_t i) {
        size_t n = 0;
        for (unsigned x = 0; x < 1016; x++)
                for (unsigned y = 0; y < 648; y++)
                        n += at(p, i, x, y) != 0;
        return n;
}

static void sizes_and_order(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p = render("", "{'type':'rect','panel':'ymc','x':0,'y':0,'w':9,'h':9,"
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
        struct cw_panels *bare = render(",'overcoat':false", "{'type':'rect','panel':'ymc','x':0,"
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
                CW_AUTO(cw_panels_free) struct cw_panels *p = render("", element);
                assert_int_equal(at(p, 0, 501, 301), cases[i].y);
                assert_int_equal(at(p, 1, 501, 301), cases[i].m);
                assert_int_equal(at(p, 2, 501, 301), cases[i].c);
                assert_true(inked(p, 0) <= 1);
                assert_int_equal(inked(p, 3), 0);
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
        put_template("",
                     "{'type':'rect','panel':'ymc','x':501,'y':301,'w':1,'h':1,'fill':'#7F7F7F'},"
                     "{'type':'rect','panel':'k','x':600,'y':301,'w':1,'h':1,'fill':'#000000'}",
                     path, sizeof path);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                CW_AUTO(cw_panels_free) struct cw_panels *p = NULL;
                struct cw_fault f = {0};
                if (cw_face_render(path, &card, cases[i].curve, &p, &f) != CW_OK)
                        fail_msg("%s", f.text);
                assert_int_equal(at(p, 0, 501, 301), cases[i].y);
                assert_int_equal(at(p, 1, 501, 301), cases[i].m);
                assert_int_equal(at(p, 2, 501, 301), cases[i].c);
                assert_int_equal(at(p, 3, 600, 301), 1);
                for (size_t c = 0; c < 3; c++)
                        assert_int_equal(inked(p, c), 1); /* white stays bare */
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
            "y=1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9 10:10 11:11 12:12 13:13 14:14 "
            "15:15 16:16 17:17"};
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
            render("", "{'type':'rect','panel':'k','x':0,'y':0,'w':8,'h':1,'fill':'#000000'},"
                       "{'type':'rect','panel':'k','x':1015,'y':647,'w':1,'h':1,'fill':'#000000'}");
        const uint8_t *k = panel_of(p, 3)->ptr;
        for (unsigned line = 0; line < 8; line++) {
                assert_int_equal(k[line * 81 + 80], 0x01);
                assert_int_equal(k[line * 81], 0);
        }
        assert_int_equal(k[8 * 81 + 80], 0);
        assert_int_equal(k[1015 * 81], 0x80);
        assert_int_equal(inked(p, 3), 9);
}

static void chip_window_is_clear(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            render("", "{'type':'rect','panel':'ymc','x':-5,'y':-5,'w':1030,'h':660,'fill':'#000000'},"
                       "{'type':'rect','panel':'k','x':0,'y':0,'w':1016,'h':648,'fill':'#000000'}");
        for (unsigned x = 0; x < 1016; x += 3)
                for (unsigned y = 0; y < 648; y += 3) {
                        bool chip = x >= 88 && x < 268 && y >= 198 && y < 370;
                        assert_int_equal(at(p, 3, x, y), !chip);
                        assert_int_equal(at(p, 4, x, y), !chip);
                        assert_int_equal(at(p, 0, x, y), 0); /* knocked out by K, or chip */
                }
}

/* A ribbon without dye prints a face that has none. */
static void resin_alone_has_no_dye_panels(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            render(",'overcoat':false",
                   "{'type':'rect','panel':'k','x':500,'y':300,'w':20,'h':20,'fill':'#000000'}");
        assert_int_equal(p->count, 1);
        assert_int_equal(p->panel[0].id, 'k');
        assert_int_equal(inked(p, 3), 400);
}

/* The back is a face of its own: no chip there, but a stripe. */
static void stripe_window_is_clear(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            render(",'back':{'elements':[{'type':'rect','panel':'k','x':0,'y':0,'w':1016,'h':648,"
                   "'fill':'#000000'}]}",
                   "{'type':'rect','panel':'ymc','x':500,'y':300,'w':20,'h':20,'fill':'#000000'}");
        assert_non_null(p->back);
        for (unsigned x = 0; x < 1016; x += 5)
                for (unsigned y = 0; y < 648; y += 3) {
                        bool stripe = y >= 54 && y < 225;
                        assert_int_equal(at(p->back, 3, x, y), !stripe);
                        assert_int_equal(at(p->back, 4, x, y), !stripe);
                        assert_int_equal(at(p, 3, x, y), 0);
                }
        assert_int_equal(at(p, 2, 510, 310), 63);
        assert_int_equal(at(p->back, 2, 510, 310), 0);
}

static void overcoat_has_windows(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            render(",'overcoat':{'windows':[{'x':600,'y':500,'w':300,'h':80},"
                   "{'x':10,'y':20,'w':30,'h':40}]}",
                   "{'type':'rect','panel':'ymc','x':500,'y':400,'w':500,'h':200,'fill':'#000000'}");
        assert_int_equal(at(p, 4, 599, 540), 1);
        assert_int_equal(at(p, 4, 600, 500), 0);
        assert_int_equal(at(p, 4, 899, 579), 0);
        assert_int_equal(at(p, 4, 900, 540), 1);
        assert_int_equal(at(p, 4, 20, 30), 0);
        assert_int_equal(at(p, 0, 700, 540), 63); /* dye goes on below */
}

static void knock_out_is_a_choice(void **state) {
        (void)state;
        static const char both[] =
            "{'type':'rect','panel':'ymc','x':500,'y':300,'w':20,'h':20,'fill':'#000000'},"
            "{'type':'rect','panel':'k','x':505,'y':305,'w':5,'h':5,'fill':'#000000'}";
        CW_AUTO(cw_panels_free) struct cw_panels *out = render("", both);
        CW_AUTO(cw_panels_free) struct cw_panels *kept = render(",'knockout':false", both);
        assert_int_equal(at(out, 2, 507, 307), 0);
        assert_int_equal(at(kept, 2, 507, 307), 63);
        assert_int_equal(at(out, 2, 501, 301), 63);
        assert_int_equal(at(out, 3, 507, 307), 1);
}

/* The K surface holds 0 and 255 only, whatever is drawn on it. */
static void black_is_never_antialiased(void **state) {
        (void)state;
        char path[256];
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = NULL;
        struct cw_fault f = {0};
        put_template(
            "",
            "{'type':'text','panel':'k','x':300,'y':100.5,'w':700,'h':90,'text':'{pan}','group':[4,4,4,4],"
            "'family':'DejaVu Sans','size':50},"
            "{'type':'ellipse','panel':'k','x':300.3,'y':300.7,'w':200,'h':133,'fill':'#000000'},"
            "{'type':'line','panel':'k','x1':300,'y1':500,'x2':900,'y2':633,'stroke':'#000000'},"
            "{'type':'path','panel':'k','d':'M 700 300 C 800 310 720 390 900 400 Z','fill':'#000000'}",
            path, sizeof path);
        assert_int_equal(cw_face_template_load(path, &t, &f), CW_OK);
        assert_int_equal(cw_face_canvas_new(&c, &f), CW_OK);
        assert_int_equal(cw_face_paint(t, &card, c, &f), CW_OK);
        const uint8_t *px = cairo_image_surface_get_data(c->black);
        size_t stride = (size_t)cairo_image_surface_get_stride(c->black), black = 0;
        for (size_t y = 0; y < 648; y++)
                for (size_t x = 0; x < 1016; x++) {
                        assert_true(px[y * stride + x] == 0 || px[y * stride + x] == 255);
                        black += px[y * stride + x] == 255;
                }
        assert_true(black > 5000);
}

#define TEXT(text, more)                                                                                     \
        "{'type':'text','panel':'k','x':300,'y':400,'w':700,'h':60,'text':'" text                            \
        "','family':'DejaVu Sans','size':40" more "}"

static void same_panels(const char *a, const char *b, bool want) {
        CW_AUTO(cw_panels_free) struct cw_panels *p = render("", a);
        CW_AUTO(cw_panels_free) struct cw_panels *q = render("", b);
        assert_int_equal(memcmp(panel_of(p, 3)->ptr, panel_of(q, 3)->ptr, 82296) == 0, want);
        assert_true(inked(p, 3) > 100);
}

static void text_is_expanded(void **state) {
        (void)state;
        same_panels(TEXT("{pan}", ",'group':[4,4,4,4]"), TEXT("4000 0012 3456 7899", ""), true);
        same_panels(TEXT("{pan}", ",'group':[6]"), TEXT("400000 1234567899", ""), true);
        same_panels(TEXT("{name}", ",'upper':true"), TEXT("JANE DOE", ""), true);
        same_panels(TEXT("{name}", ""), TEXT("JANE DOE", ""), false);
        same_panels(TEXT("{pan}", ""), TEXT("4000001234567890", ""), false);
        same_panels(TEXT("to {name}!", ""), TEXT("to Jane Doe!", ""), true);
}

/* Ink in the columns x0..x1-1 and rows y0..y1-1 of the K panel. */
static size_t ink_in(const struct cw_panels *p, unsigned x0, unsigned x1, unsigned y0, unsigned y1) {
        size_t n = 0;
        for (unsigned x = x0; x < x1; x++)
                for (unsigned y = y0; y < y1; y++)
                        n += at(p, 3, x, y);
        return n;
}

static void text_is_placed(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p = render("", TEXT("H", ",'align':'right','valign':'bottom'"));
        assert_true(ink_in(p, 996, 1000, 456, 460) > 0);
        assert_int_equal(ink_in(p, 1000, 1016, 0, 648) + ink_in(p, 0, 1016, 460, 648), 0);
        CW_AUTO(cw_panels_free) struct cw_panels *q = render("", TEXT("H", ""));
        assert_true(ink_in(q, 300, 304, 400, 404) > 0);
        assert_int_equal(ink_in(q, 0, 300, 0, 648) + ink_in(q, 0, 1016, 0, 400), 0);
        CW_AUTO(cw_panels_free)
        struct cw_panels *r = render("", TEXT("H", ",'align':'center','valign':'middle'"));
        assert_true(ink_in(r, 645, 655, 428, 432) > 0);
        assert_int_equal(inked(r, 3), inked(q, 3));
}

static void texts_that_would_spoil_are_refused(void **state) {
        (void)state;
        refused(TEXT("THIS LINE IS MUCH TOO LONG FOR THE BOX THAT IT IS IN", ""), "does not fit");
        refused(TEXT("\\u0F40\\uD83D\\uDE00", ""), "cannot show");
        refused(TEXT("{nickname}", ""), "no field \"nickname\"");
        refused(TEXT("{empty}", ""), "no field \"empty\"");
        refused(TEXT("{name", ""), "without");
        refused(TEXT("A\xe2\x80\xae"
                     "B",
                     ""),
                "direction");
        refused(TEXT("A\xe2\x81\xa7", ""), "direction");
        refused("{'type':'text','panel':'k','x':300,'y':400,'w':700,'h':60,'text':'a','family':'No Such "
                "Font','size':40}",
                "font is not installed");
}

static void text_shrinks_only_as_far_as_allowed(void **state) {
        (void)state;
        static const char narrow[] =
            "{'type':'text','panel':'k','x':300,'y':400,'w':300,'h':60,'text':'{pan}',"
            "'family':'DejaVu Sans','size':40%s}";
        char shrinking[256], fixed[256];
        (void)snprintf(shrinking, sizeof shrinking, narrow, ",'size_min':20");
        (void)snprintf(fixed, sizeof fixed, narrow, ",'size_min':39");
        CW_AUTO(cw_panels_free) struct cw_panels *p = render("", shrinking);
        for (unsigned x = 600; x < 1016; x++)
                for (unsigned y = 0; y < 648; y++)
                        assert_int_equal(at(p, 3, x, y), 0);
        refused(fixed, "does not fit");
}

static void optional_elements_vanish(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            render("", TEXT("{cvv2}", ",'optional':true") "," TEXT("{empty}", ",'optional':true"));
        assert_int_equal(inked(p, 3), 0);
}

static void qr_has_whole_modules(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            render("", "{'type':'qr','panel':'k','x':600,'y':200,'text':'{pan}','module':6}");
        /* The finder pattern: 7 x 7 modules, black ring, white ring, black square. */
        for (unsigned x = 0; x < 42; x++)
                for (unsigned y = 0; y < 42; y++) {
                        unsigned mx = x / 6, my = y / 6, ring = mx < my ? mx : my, far = mx > my ? mx : my;
                        unsigned depth = ring < 6 - far ? ring : 6 - far;
                        assert_int_equal(at(p, 3, 600 + x, 200 + y), depth != 1);
                }
        refused("{'type':'qr','panel':'k','x':900,'y':200,'text':'{pan}','module':6}", "quiet zone");
        refused("{'type':'qr','panel':'k','x':150,'y':250,'text':'{pan}','module':6}", "chip window");
        refused("{'type':'qr','panel':'k','x':280,'y':200,'text':'{pan}','module':6}", "chip window");
}

/* ISO/IEC 15417: start C, 12, 34, the check character, stop; and the example PJJ123C in code set B. */
static void barcode_has_whole_modules(void **state) {
        static const struct {
                const char *text, *widths;
        } codes[] = {{"1234", "211232"
                              "112232"
                              "131123"
                              "121241" /* 105 + 12 + 2 * 34 = 185 = 82 */
                              "2331112"},
                     {"PJJ123C", "211214"
                                 "313121"
                                 "112133"
                                 "112133"
                                 "123221"
                                 "223211"
                                 "221132"
                                 "131321"
                                 "311321" /* 55 */
                                 "2331112"}};
        (void)state;
        for (size_t c = 0; c < 2; c++) {
                char element[160];
                (void)snprintf(element, sizeof element,
                               "{'type':'barcode','panel':'k','x':120,'y':500,'h':60,'text':'%s'}",
                               codes[c].text);
                CW_AUTO(cw_panels_free) struct cw_panels *p = render("", element);
                unsigned x = 120;
                assert_int_equal(at(p, 3, 119, 520), 0);
                for (size_t i = 0; codes[c].widths[i]; i++)
                        for (int k = 0; k < (codes[c].widths[i] - '0') * 4; k++, x++)
                                assert_int_equal(at(p, 3, x, 520), i % 2 == 0);
                assert_int_equal(at(p, 3, x, 520), 0);
                assert_int_equal(at(p, 3, 121, 499), 0);
        }
        refused("{'type':'barcode','panel':'k','x':20,'y':500,'h':60,'text':'{pan}'}", "quiet zones");
        refused("{'type':'barcode','panel':'k','x':200,'y':300,'h':60,'text':'{pan}'}", "chip window");
        refused("{'type':'barcode','panel':'k','x':120,'y':500,'h':60,'text':'\xc3\xa9'}",
                "does not fit a barcode");
}

/* Width of the ink of a text. */
static unsigned ink_width(const char *family, const char *text, unsigned *ret_first) {
        char element[400];
        unsigned first = 1016, last = 0;
        (void)snprintf(
            element, sizeof element,
            "{'type':'text','panel':'k','x':300,'y':380,'w':700,'h':120,'text':'%s','family':'%s','size':60}",
            text, family);
        CW_AUTO(cw_panels_free) struct cw_panels *p = render("", element);
        for (unsigned x = 0; x < 1016; x++)
                for (unsigned y = 0; y < 648; y++)
                        if (at(p, 3, x, y)) {
                                first = x < first ? x : first;
                                last = x;
                        }
        *ret_first = first;
        assert_true(last > first);
        return last - first;
}

/* Consonants join into one glyph, letters into one word, and right-to-left text runs from the right. */
static void scripts_are_shaped(void **state) {
        unsigned at_first = 0;
        (void)state;
        unsigned ka = ink_width("Lohit Devanagari", "\xe0\xa4\x95", &at_first);
        unsigned ssa = ink_width("Lohit Devanagari", "\xe0\xa4\xb7", &at_first);
        unsigned kssa = ink_width("Lohit Devanagari", "\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7", &at_first);
        assert_true(kssa * 10 < (ka + ssa) * 9);
        /* Arabic lam and alef are one ligature; apart (zero width non-joiner) they are wider. */
        unsigned joined = ink_width("DejaVu Sans", "\xd9\x84\xd8\xa7", &at_first);
        unsigned apart = ink_width("DejaVu Sans", "\xd9\x84\xe2\x80\x8c\xd8\xa7", &at_first);
        assert_true(joined < apart);
        /* Hebrew alef and then a full stop: the stop is on the left of it. */
        char element[] =
            "{'type':'text','panel':'k','x':300,'y':380,'w':700,'h':120,'text':'\xd7\x90.','family':"
            "'DejaVu Sans','size':60}";
        CW_AUTO(cw_panels_free) struct cw_panels *p = render("", element);
        unsigned left = 0, right = 0;
        for (unsigned x = 300; x < 1000; x++)
                for (unsigned y = 380; y < 500; y++)
                        if (at(p, 3, x, y)) {
                                left = left ? left : x;
                                right = x;
                        }
        unsigned ink_left = 0, ink_right = 0;
        for (unsigned y = 380; y < 500; y++)
                for (unsigned x = 0; x < 8; x++) {
                        ink_left += at(p, 3, left + x, y);
                        ink_right += at(p, 3, right - x, y);
                }
        assert_true(ink_left < ink_right);
        refused("{'type':'text','panel':'k','x':300,'y':380,'w':700,'h':120,'text':'\xe0\xa4\x95','family':'"
                "DejaVu "
                "Sans','size':60}",
                "cannot show");
}

/* 2 x 2 pixels: red, green / blue, white. */
static const uint8_t png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44,
    0x52, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0xfd,
    0xd4, 0x9a, 0x73, 0x00, 0x00, 0x00, 0x12, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8,
    0xcf, 0xc0, 0xc0, 0x00, 0xc2, 0x0c, 0xff, 0x81, 0x00, 0x00, 0x1f, 0xee, 0x05, 0xfb, 0x0b,
    0xd9, 0x68, 0x8b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

static void pictures(void **state) {
        (void)state;
        char path[256];
        uint8_t huge[sizeof png];
        memcpy(huge, png, sizeof png);
        huge[16] = 1; /* 16 million pixels wide */
        put_file("huge.png", huge, sizeof huge, path, sizeof path);
        put_file("cut.png", png, 60, path, sizeof path);
        put_file("no.png", "not a picture at all, really", 28, path, sizeof path);
        refused("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'huge.png'}", "4000");
        refused("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'cut.png'}", "damaged");
        refused("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'no.png'}", "no PNG");
        refused("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'gone.png'}",
                "cannot be read");
        put_file("good.png", png, sizeof png, path, sizeof path);
        refused("{'type':'image','panel':'ymc','x':500,'y':300,'w':40,'h':40,'src':'good.png'}", "too small");
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            render("", "{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'good.png'}");
        assert_int_equal(at(p, 0, 500, 300), 63); /* red keeps blue and green back */
        assert_int_equal(at(p, 2, 500, 300), 0);
        assert_int_equal(at(p, 1, 501, 300), 0); /* green */
        assert_int_equal(at(p, 0, 500, 301), 0); /* blue */
        assert_int_equal(at(p, 0, 501, 301), 0); /* white */
}

static char *preview(const struct cw_face_data *data, const char *const *bins, size_t bin_count,
                     size_t *ret_len) {
        char path[256], *text = NULL;
        struct cw_fault f = {0};
        put_template(
            "",
            TEXT("{pan}",
                 ",'group':[4,4,4,4]") ",{'type':'text','panel':'k','x':300,'y':500,'w':200,'h':60,"
                                       "'text':'{cvv2}','optional':true,'family':'DejaVu Sans','size':40}",
            path, sizeof path);
        FILE *out = open_memstream(&text, ret_len);
        assert_non_null(out);
        if (cw_face_preview(path, CW_FACE_FRONT, data, NULL, bins, bin_count, out, &f) != CW_OK)
                fail_msg("%s", f.text);
        (void)fclose(out);
        assert_true(*ret_len > 100);
        assert_memory_equal(text, "\x89PNG", 4);
        return text;
}

static void previews_mask_the_pan(void **state) {
        (void)state;
        static const char *const bins[] = {"500000", "400000"};
        const struct cw_face_data clear = {.count = 2,
                                           .field = {{"pan", "4000001234567899", 16}, {"cvv2", "123", 3}}};
        const struct cw_face_data starred = {.count = 2,
                                             .field = {{"pan", "400000******7899", 16}, {"cvv2", "***", 3}}};
        size_t n = 0, m = 0, k = 0, l = 0;
        char *masked = preview(&clear, NULL, 0, &n), *stars = preview(&starred, bins, 2, &m);
        char *test_bin = preview(&clear, bins, 2, &k), *other_bin = preview(&clear, bins, 1, &l);
        assert_int_equal(n, m);
        assert_memory_equal(masked, stars, n);
        assert_int_equal(n, l);
        assert_memory_equal(masked, other_bin, n);
        assert_true(k != n || memcmp(masked, test_bin, n) != 0);
        free(masked);
        free(stars);
        free(test_bin);
        free(other_bin);
}

static void panels_become_pictures(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free) struct cw_panels *p = render("", TEXT("{name}", ""));
        char *text = NULL;
        size_t len = 0;
        struct cw_fault f = {0};
        FILE *out = open_memstream(&text, &len);
        assert_non_null(out);
        assert_int_equal(cw_face_panel_png(p, 1, out, &f), CW_OK);
        assert_int_equal(cw_rc_class(cw_face_panel_png(p, 5, out, &f)), CW_C_REJECT);
        (void)fclose(out);
        assert_memory_equal(text, "\x89PNG", 4);
        free(text);
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
            cmocka_unit_test(text_is_expanded),
            cmocka_unit_test(text_is_placed),
            cmocka_unit_test(texts_that_would_spoil_are_refused),
            cmocka_unit_test(text_shrinks_only_as_far_as_allowed),
            cmocka_unit_test(optional_elements_vanish),
            cmocka_unit_test(qr_has_whole_modules),
            cmocka_unit_test(barcode_has_whole_modules),
            cmocka_unit_test(scripts_are_shaped),
            cmocka_unit_test(pictures),
            cmocka_unit_test(previews_mask_the_pan),
            cmocka_unit_test(panels_become_pictures),
        };
        return cmocka_run_group_tests_name("face rendering", tests, make_dir, remove_dir);
}
