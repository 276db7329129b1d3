/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of a face: texts, codes and pictures as they are drawn, and pictures of whole faces. */
#include "face_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(text, more)                                                                                     \
        "{'type':'text','panel':'k','x':300,'y':400,'w':700,'h':60,'text':'" text                            \
        "','family':'DejaVu Sans','size':40" more "}"

static void same_panels(const char *a, const char *b, bool want) {
        CW_AUTO(cw_panels_free) struct cw_panels *p = face_rig_render("", a);
        CW_AUTO(cw_panels_free) struct cw_panels *q = face_rig_render("", b);
        assert_int_equal(memcmp(face_rig_panel(p, 3)->ptr, face_rig_panel(q, 3)->ptr, 82296) == 0, want);
        assert_true(face_rig_inked(p, 3) > 100);
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
                        n += face_rig_level(p, 3, x, y);
        return n;
}

static void text_is_placed(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p = face_rig_render("", TEXT("H", ",'align':'right','valign':'bottom'"));
        assert_true(ink_in(p, 996, 1000, 456, 460) > 0);
        assert_int_equal(ink_in(p, 1000, 1016, 0, 648) + ink_in(p, 0, 1016, 460, 648), 0);
        CW_AUTO(cw_panels_free) struct cw_panels *q = face_rig_render("", TEXT("H", ""));
        assert_true(ink_in(q, 300, 304, 400, 404) > 0);
        assert_int_equal(ink_in(q, 0, 300, 0, 648) + ink_in(q, 0, 1016, 0, 400), 0);
        CW_AUTO(cw_panels_free)
        struct cw_panels *r = face_rig_render("", TEXT("H", ",'align':'center','valign':'middle'"));
        assert_true(ink_in(r, 645, 655, 428, 432) > 0);
        assert_int_equal(face_rig_inked(r, 3), face_rig_inked(q, 3));
}

static void texts_that_would_spoil_are_refused(void **state) {
        (void)state;
        face_rig_refuses(TEXT("THIS LINE IS MUCH TOO LONG FOR THE BOX THAT IT IS IN", ""), "does not fit");
        face_rig_refuses(TEXT("\\u0F40\\uD83D\\uDE00", ""), "cannot show");
        face_rig_refuses(TEXT("{nickname}", ""), "no field \"nickname\"");
        face_rig_refuses(TEXT("{empty}", ""), "no field \"empty\"");
        face_rig_refuses(TEXT("{name", ""), "without");
        face_rig_refuses(TEXT("A\xe2\x80\xae"
                              "B",
                              ""),
                         "direction");
        face_rig_refuses(TEXT("A\xe2\x81\xa7", ""), "direction");
        face_rig_refuses(
            "{'type':'text','panel':'k','x':300,'y':400,'w':700,'h':60,'text':'a','family':'No Such "
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
        CW_AUTO(cw_panels_free) struct cw_panels *p = face_rig_render("", shrinking);
        for (unsigned x = 600; x < 1016; x++)
                for (unsigned y = 0; y < 648; y++)
                        assert_int_equal(face_rig_level(p, 3, x, y), 0);
        face_rig_refuses(fixed, "does not fit");
}

static void optional_elements_vanish(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            face_rig_render("", TEXT("{cvv2}", ",'optional':true") "," TEXT("{empty}", ",'optional':true"));
        assert_int_equal(face_rig_inked(p, 3), 0);
}

static void qr_has_whole_modules(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free)
        struct cw_panels *p =
            face_rig_render("", "{'type':'qr','panel':'k','x':600,'y':200,'text':'{pan}','module':6}");
        /* The finder pattern: 7 x 7 modules, black ring, white ring, black square. */
        for (unsigned x = 0; x < 42; x++)
                for (unsigned y = 0; y < 42; y++) {
                        unsigned mx = x / 6, my = y / 6, ring = mx < my ? mx : my, far = mx > my ? mx : my;
                        unsigned depth = ring < 6 - far ? ring : 6 - far;
                        assert_int_equal(face_rig_level(p, 3, 600 + x, 200 + y), depth != 1);
                }
        face_rig_refuses("{'type':'qr','panel':'k','x':900,'y':200,'text':'{pan}','module':6}", "quiet zone");
        face_rig_refuses("{'type':'qr','panel':'k','x':150,'y':250,'text':'{pan}','module':6}",
                         "chip window");
        face_rig_refuses("{'type':'qr','panel':'k','x':280,'y':200,'text':'{pan}','module':6}",
                         "chip window");
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
                CW_AUTO(cw_panels_free) struct cw_panels *p = face_rig_render("", element);
                unsigned x = 120;
                assert_int_equal(face_rig_level(p, 3, 119, 520), 0);
                for (size_t i = 0; codes[c].widths[i]; i++)
                        for (int k = 0; k < (codes[c].widths[i] - '0') * 4; k++, x++)
                                assert_int_equal(face_rig_level(p, 3, x, 520), i % 2 == 0);
                assert_int_equal(face_rig_level(p, 3, x, 520), 0);
                assert_int_equal(face_rig_level(p, 3, 121, 499), 0);
        }
        face_rig_refuses("{'type':'barcode','panel':'k','x':20,'y':500,'h':60,'text':'{pan}'}",
                         "quiet zones");
        face_rig_refuses("{'type':'barcode','panel':'k','x':200,'y':300,'h':60,'text':'{pan}'}",
                         "chip window");
        face_rig_refuses("{'type':'barcode','panel':'k','x':120,'y':500,'h':60,'text':'\xc3\xa9'}",
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
        CW_AUTO(cw_panels_free) struct cw_panels *p = face_rig_render("", element);
        for (unsigned x = 0; x < 1016; x++)
                for (unsigned y = 0; y < 648; y++)
                        if (face_rig_level(p, 3, x, y)) {
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
        CW_AUTO(cw_panels_free) struct cw_panels *p = face_rig_render("", element);
        unsigned left = 0, right = 0;
        for (unsigned x = 300; x < 1000; x++)
                for (unsigned y = 380; y < 500; y++)
                        if (face_rig_level(p, 3, x, y)) {
                                left = left ? left : x;
                                right = x;
                        }
        unsigned ink_left = 0, ink_right = 0;
        for (unsigned y = 380; y < 500; y++)
                for (unsigned x = 0; x < 8; x++) {
                        ink_left += face_rig_level(p, 3, left + x, y);
                        ink_right += face_rig_level(p, 3, right - x, y);
                }
        assert_true(ink_left < ink_right);
        face_rig_refuses(
            "{'type':'text','panel':'k','x':300,'y':380,'w':700,'h':120,'text':'\xe0\xa4\x95','family':'"
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
        face_rig_put("huge.png", huge, sizeof huge, path, sizeof path);
        face_rig_put("cut.png", png, 60, path, sizeof path);
        face_rig_put("no.png", "not a picture at all, really", 28, path, sizeof path);
        face_rig_refuses("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'huge.png'}",
                         "4000");
        face_rig_refuses("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'cut.png'}",
                         "damaged");
        face_rig_refuses("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'no.png'}",
                         "no PNG");
        face_rig_refuses("{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'gone.png'}",
                         "cannot be read");
        face_rig_put("good.png", png, sizeof png, path, sizeof path);
        face_rig_refuses("{'type':'image','panel':'ymc','x':500,'y':300,'w':40,'h':40,'src':'good.png'}",
                         "too small");
        CW_AUTO(cw_panels_free)
        struct cw_panels *p = face_rig_render(
            "", "{'type':'image','panel':'ymc','x':500,'y':300,'w':2,'h':2,'src':'good.png'}");
        assert_int_equal(face_rig_level(p, 0, 500, 300), 63); /* red keeps blue and green back */
        assert_int_equal(face_rig_level(p, 2, 500, 300), 0);
        assert_int_equal(face_rig_level(p, 1, 501, 300), 0); /* green */
        assert_int_equal(face_rig_level(p, 0, 500, 301), 0); /* blue */
        assert_int_equal(face_rig_level(p, 0, 501, 301), 0); /* white */
}

static char *preview(const struct cw_face_data *data, const char *const *bins, size_t bin_count,
                     size_t *ret_len) {
        char path[256], *text = NULL;
        struct cw_fault f = {0};
        face_rig_put_template(
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
        CW_AUTO(cw_panels_free) struct cw_panels *p = face_rig_render("", TEXT("{name}", ""));
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
        return cmocka_run_group_tests_name("face elements", tests, face_rig_open, face_rig_close);
}
