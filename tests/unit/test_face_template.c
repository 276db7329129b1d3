/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: what is refused, and that the sentence names the place. */
#include "drivers/face/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A template with one element, ' for ". */
static cw_rc parse(const char *head, const char *element, struct cw_face_template **ret, struct cw_fault *f) {
        char json[1024];
        int n = snprintf(json, sizeof json, "{'cardwright-face':1%s,'elements':[%s]}", head, element);
        assert_true(n > 0 && (size_t)n < sizeof json);
        for (char *p = json; *p; p++)
                if (*p == '\'')
                        *p = '"';
        return cw_face_template_parse(json, strlen(json), "", ret, f);
}

static const char rect[] = "{'type':'rect','panel':'ymc','x':0,'y':0,'w':10,'h':10,'fill':'#000000'}";

static void elements_are_read(void **state) {
        (void)state;
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        struct cw_fault f = {0};
        cw_rc rc = parse(
            "",
            "{'type':'text','panel':'k','x':300,'y':20,'w':400,'h':50,'text':'{pan}','group':[4,4,4,4],"
            "'family':'DejaVu Sans','size':40,'size_min':30,'bold':true,'align':'right','valign':'bottom',"
            "'upper':true,'optional':true,'letter_spacing':2},"
            "{'type':'rect','panel':'ymc','x':-5,'y':-5,'w':20,'h':20,'radius':3,"
            "'fill':{'from':'#FF8000','to':'#00000080','angle':45},'stroke':'#102030','stroke_width':4},"
            "{'type':'qr','panel':'k','x':700.5,'y':200,'text':'{kit}','module':5,'level':'H'}",
            &t, &f);
        if (rc != CW_OK)
                fail_msg("%s", f.text);
        assert_int_equal(t->count, 3);
        const struct cw_face_element *e = t->element;
        assert_true(e[0].black && e[0].bold && e[0].upper && e[0].optional);
        assert_int_equal(e[0].group_count, 4);
        assert_int_equal(e[0].align, CW_FACE_END);
        assert_int_equal(e[0].valign, CW_FACE_END);
        assert_true(e[0].size > 39.9 && e[0].size_min < 30.1);
        assert_true(e[1].fill.gradient && e[1].stroke.set);
        assert_true(e[1].fill.from.r > 0.99 && e[1].fill.to.a < 0.51);
        assert_int_equal(e[2].level, 'H');
        assert_int_equal(e[2].module, 5);
        assert_true(e[2].box.x > 699.9 && e[2].box.x < 700.1);
        assert_true(t->overcoat && t->knockout && t->clear.w > 0);
}

static void heads_are_read(void **state) {
        (void)state;
        struct cw_face_template *t = NULL;
        assert_int_equal(
            parse(",'chip':false,'overcoat':false,'knockout':false,'name':'n','comment':'c'", rect, &t, NULL),
            CW_OK);
        assert_true(t->clear.w < 0.5 && !t->overcoat && !t->knockout);
        cw_face_template_free(t);
        assert_int_equal(parse(",'chip':{'x':1,'y':2,'w':3,'h':4}", rect, &t, NULL), CW_OK);
        assert_true(t->clear.h > 3.9);
        cw_face_template_free(t);
}

static void bad_elements_name_themselves(void **state) {
        (void)state;
        static const struct {
                const char *element, *says;
        } cases[] = {
            {"{'type':'blob','panel':'k'}", "type"},
            {"{'panel':'k'}", "type"},
            {"7", "type"},
            {"{'type':'rect','panel':'cmyk'}", "panel"},
            {"{'type':'rect','panel':'k','x':0,'y':0,'w':10,'h':10,'fill':'#000000','colr':1}", "colr"},
            {"{'type':'rect','panel':'k','x':0,'y':0,'w':0,'h':10,'fill':'#000000'}", "x, y, w, h"},
            {"{'type':'rect','panel':'k','x':0,'y':0,'w':5000,'h':10,'fill':'#000000'}", "x, y, w, h"},
            {"{'type':'rect','panel':'k','x':0,'y':0,'w':10,'h':10}", "fill"},
            {"{'type':'rect','panel':'k','x':0,'y':0,'w':10,'h':10,'fill':'red'}", "#RRGGBB"},
            {"{'type':'rect','panel':'k','x':0,'y':0,'w':10,'h':10,'fill':{'from':'#000000','to':'#FFFFFF'}}",
             "gradient"},
            {"{'type':'line','panel':'k','x1':0,'y1':0,'x2':5,'stroke':'#000000'}", "line"},
            {"{'type':'path','panel':'k','fill':'#000000'}", "path"},
            {"{'type':'image','panel':'k','x':0,'y':0,'w':10,'h':10,'src':'a.png'}", "picture"},
            {"{'type':'image','panel':'ymc','x':0,'y':0,'w':10,'h':10,'src':'../a.png'}", "folder"},
            {"{'type':'image','panel':'ymc','x':0,'y':0,'w':10,'h':10,'src':'.a.png'}", "folder"},
            {"{'type':'qr','panel':'ymc','x':500,'y':100,'text':'a'}", "K panel"},
            {"{'type':'qr','panel':'k','x':500,'y':100,'text':'a','module':3}", "module"},
            {"{'type':'qr','panel':'k','x':500,'y':100,'text':'a','module':4.5}", "module"},
            {"{'type':'qr','panel':'k','x':500,'y':100,'text':'a','level':'X'}", "level"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'family':'F','size':20}", "text"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'text':'a','size':20}", "family"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'text':'a','family':'F','size':2}",
             "size"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'text':'a','family':'F','size':20,'size_"
             "min':30}",
             "size_min"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'text':'a','family':'F','size':20,'"
             "align':'up'}",
             "align"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'text':'a','family':'F','size':20,'"
             "group':[0]}",
             "group"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'text':'a','family':'F','size':20,"
             "'colour':'#FFFFFF'}",
             "colour"},
            {"{'type':'text','panel':'k','x':500,'y':100,'w':9,'h':9,'text':'a','family':'F','size':20,'bold'"
             ":1}",
             "bold"},
            {"{'type':'text','panel':'ymc','x':100,'y':210,'w':90,'h':40,'text':'a','family':'F','size':20}",
             "chip window"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct cw_face_template *t = NULL;
                struct cw_fault f = {0};
                char both[900];
                (void)snprintf(both, sizeof both, "%s,%s", rect, cases[i].element);
                assert_int_equal(cw_rc_class(parse("", both, &t, &f)), CW_C_REJECT);
                assert_null(t);
                assert_string_equal(f.code, "PRD_UNEXPECTED_DATA");
                if (!strstr(f.text, "element 2") || !strstr(f.text, cases[i].says))
                        fail_msg("case %zu says: %s", i, f.text);
        }
}

static void backs_are_read(void **state) {
        (void)state;
        struct cw_face_template *t = NULL;
        struct cw_fault f = {0};
        char head[512];
        (void)snprintf(head, sizeof head, ",'back':{'overcoat':false,'elements':[%s,%s]}", rect, rect);
        assert_int_equal(parse(head, rect, &t, &f), CW_OK);
        assert_int_equal(t->count, 1);
        assert_true(t->overcoat && !t->is_back && t->back && t->back->is_back && !t->back->overcoat);
        assert_int_equal(t->back->count, 2);
        assert_true(t->back->clear.w > 1015 && t->back->clear.y < 60 && t->back->clear.h > 160);
        cw_face_template_free(t);
        (void)snprintf(head, sizeof head, ",'back':{'stripe':false,'elements':[%s]}", rect);
        assert_int_equal(parse(head, rect, &t, &f), CW_OK);
        assert_true(t->back->clear.w < 0.5);
        cw_face_template_free(t);
}

static void bad_backs_are_refused(void **state) {
        (void)state;
        static const struct {
                const char *back, *says;
        } cases[] = {
            {"1", "\"back\""},
            {"{}", "elements"},
            {"{'elements':[]}", "elements"},
            {"{'chip':false,'elements':[1]}", "\"back\""},
            {"{'back':{},'elements':[1]}", "\"back\""},
            {"{'stripe':true,'elements':[1]}", "stripe"},
            {"{'overcoat':1,'elements':[1]}", "overcoat"},
            {"{'elements':[1]}", "back, element 1"},
            {"{'elements':[{'type':'text','panel':'k','x':500,'y':100,'w':300,'h':60,'text':'A','family':'F',"
             "'size':30}]}",
             "magnetic stripe"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct cw_face_template *t = NULL;
                struct cw_fault f = {0};
                char head[512];
                (void)snprintf(head, sizeof head, ",'back':%s", cases[i].back);
                assert_int_equal(cw_rc_class(parse(head, rect, &t, &f)), CW_C_REJECT);
                assert_null(t);
                if (!strstr(f.text, cases[i].says))
                        fail_msg("case %zu says: %s", i, f.text);
        }
}

static void bad_heads_are_refused(void **state) {
        (void)state;
        static const char *const bad[] = {
            "",
            "[]",
            "{",
            "{\"cardwright-face\":1}",
            "{\"cardwright-face\":1,\"elements\":[]}",
            "{\"cardwright-face\":2,\"elements\":[1]}",
            "{\"cardwright-face\":1,\"elements\":[1],\"elements\":[1]}",
            "{\"cardwright-face\":1,\"extra\":1,\"elements\":[1]}",
            "{\"cardwright-face\":1,\"chip\":true,\"elements\":[1]}",
            "{\"cardwright-face\":1,\"chip\":{\"x\":1},\"elements\":[1]}",
            "{\"cardwright-face\":1,\"stripe\":false,\"elements\":[1]}",
        };
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_face_template *t = NULL;
                struct cw_fault f = {0};
                assert_int_equal(cw_rc_class(cw_face_template_parse(bad[i], strlen(bad[i]), "", &t, &f)),
                                 CW_C_REJECT);
                assert_null(t);
                assert_string_not_equal(f.text, "");
        }
}

static void too_many_elements_are_refused(void **state) {
        (void)state;
        size_t cap = (CW_FACE_ELEMENTS_MAX + 1) * 8 + 64, n = 0;
        char *json = malloc(cap);
        assert_non_null(json);
        n += (size_t)snprintf(json, cap, "{\"cardwright-face\":1,\"elements\":[{}");
        for (int i = 0; i < CW_FACE_ELEMENTS_MAX; i++)
                n += (size_t)snprintf(json + n, cap - n, ",{}");
        n += (size_t)snprintf(json + n, cap - n, "]}");
        struct cw_face_template *t = NULL;
        struct cw_fault f = {0};
        assert_int_equal(cw_rc_class(cw_face_template_parse(json, n, "", &t, &f)), CW_C_REJECT);
        assert_non_null(strstr(f.text, "200"));
        free(json);
}

static void a_missing_file_is_refused(void **state) {
        (void)state;
        struct cw_face_template *t = NULL;
        struct cw_fault f = {0};
        assert_int_equal(cw_rc_class(cw_face_template_load("/nonexistent/face.json", &t, &f)), CW_C_REJECT);
        assert_non_null(strstr(f.text, "face_dir"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(elements_are_read),
            cmocka_unit_test(heads_are_read),
            cmocka_unit_test(bad_elements_name_themselves),
            cmocka_unit_test(bad_heads_are_refused),
            cmocka_unit_test(backs_are_read),
            cmocka_unit_test(bad_backs_are_refused),
            cmocka_unit_test(too_many_elements_are_refused),
            cmocka_unit_test(a_missing_file_is_refused),
        };
        return cmocka_run_group_tests_name("face template", tests, NULL, NULL);
}
