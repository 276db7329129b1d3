/* SPDX-License-Identifier: Apache-2.0 */
/* The 1000SE packets: worked bytes of drivers/pinpad/README.md, and a scripted pad at the other end of a pty.
 */
#include "drivers/pinpad/vx1000_frame.h"

#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PIN_REQUEST                                                                                          \
        "025A36322E343031323334353637383930391C303430344E454E544552204E45572050494E1C1C504C4541534520574149" \
        "541C320355"
#define PIN_ANSWER                                                                                           \
        "02373130393837363534333231304530303030313142394331383435454239393341374103"                         \
        "42"
#define SERIAL_REQUEST "0F30360E08"
#define SERIAL_ANSWER "060F3036323436383830343031303031323334350E0C"

/* ---- codec ---- */

static struct cw_pin_ask ask_of(void) {
        static const char pan[] = "4012345678909";
        return (struct cw_pin_ask){.pan = CW_SPAN((const uint8_t *)pan, sizeof pan - 1),
                                   .min = 4,
                                   .max = 4,
                                   .prompt = "ENTER NEW PIN",
                                   .processing = "PLEASE WAIT",
                                   .timeout_ms = 60000};
}

static void assert_hex(struct cw_span got, const char *want) {
        char text[512];
        assert_true(cw_hex_encode(got.ptr, got.len, text, sizeof text));
        assert_string_equal(text, want);
}

static void test_worked_request(void **state) {
        (void)state;
        uint8_t payload[CW_VX_PAYLOAD_MAX], frame[CW_VX_FRAME_MAX];
        struct cw_writer w, out;
        struct cw_pin_ask ask = ask_of();
        cw_writer_init(&w, payload, sizeof payload);
        cw_writer_init(&out, frame, sizeof frame);
        assert_int_equal(cw_vx_put_pin_request(&w, &ask, NULL), CW_OK);
        cw_vx_frame(&out, CW_VX_STX, CW_SPAN(payload, w.len));
        assert_hex(CW_SPAN(frame, out.len), PIN_REQUEST);
}

static enum cw_vx_event parse_hex(struct cw_vx_parser *p, const char *hex) {
        uint8_t bytes[512];
        size_t len = 0;
        enum cw_vx_event event = CW_VX_NONE;
        assert_true(cw_hex_decode(hex, strlen(hex), bytes, sizeof bytes, &len));
        for (size_t i = 0; i < len; i++) {
                event = cw_vx_parse(p, bytes[i]);
                if (i + 1 < len)
                        assert_int_equal(event, CW_VX_NONE);
        }
        return event;
}

static void test_worked_answer(void **state) {
        (void)state;
        struct cw_vx_parser p = {0};
        struct cw_pin_block block;
        assert_int_equal(parse_hex(&p, PIN_ANSWER), CW_VX_GOT_FRAME);
        assert_int_equal(cw_vx_read_pin(CW_SPAN(p.payload, p.len), &block, NULL), CW_OK);
        assert_string_equal(block.ksn, "FFFF9876543210E00001");
        assert_hex(CW_SPAN(block.block, 8), "1B9C1845EB993A7A");
}

static void test_frames(void **state) {
        (void)state;
        static const struct {
                const char *hex;
                enum cw_vx_event event;
        } cases[] = {
            {"06", CW_VX_GOT_ACK},           {"15", CW_VX_GOT_NAK},
            {"04", CW_VX_GOT_EOT},           {"41", CW_VX_NONE},
            {"025A310368", CW_VX_GOT_FRAME}, {"025A310369", CW_VX_GOT_BAD},
            {"0F30360E08", CW_VX_GOT_FRAME}, {"02DA3103E8", CW_VX_GOT_BAD},
            {"414106", CW_VX_GOT_ACK},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct cw_vx_parser p = {0};
                assert_int_equal(parse_hex(&p, cases[i].hex), cases[i].event);
        }
        struct cw_vx_parser p = {0};
        uint8_t lrc = CW_VX_ETX;
        assert_int_equal(cw_vx_parse(&p, CW_VX_STX), CW_VX_NONE);
        for (size_t i = 0; i <= CW_VX_PAYLOAD_MAX; i++) {
                assert_int_equal(cw_vx_parse(&p, 'A'), CW_VX_NONE);
                lrc ^= 'A';
        }
        assert_int_equal(cw_vx_parse(&p, CW_VX_ETX), CW_VX_NONE);
        assert_int_equal(cw_vx_parse(&p, lrc), CW_VX_GOT_BAD);
}

static void test_answers_that_are_none(void **state) {
        (void)state;
        static const struct {
                const char *payload;
                enum cw_class cls;
        } cases[] = {
            {"711", CW_C_OPERATOR},
            {"71A", CW_C_OPERATOR},
            {"71F", CW_C_OPERATOR},
            {"71Z", CW_C_OPERATOR},
            {"712", CW_C_REJECT},
            {"718", CW_C_REJECT},
            {"710", CW_C_REJECT},
            {"71", CW_C_RECONNECT},
            {"72", CW_C_RECONNECT},
            {"", CW_C_RECONNECT},
            {"7301234567890123456789ABCDEF01", CW_C_RECONNECT},
            {"7101B9C1845EB993A7A", CW_C_RECONNECT},                      /* no KSN */
            {"7109876543210E000011B9C1845EB993A7a", CW_C_RECONNECT},      /* lower case */
            {"7119876543210E000011B9C1845EB993A7A", CW_C_RECONNECT},      /* function key */
            {"710FFFFF9876543210E000011B9C1845EB993A7A", CW_C_RECONNECT}, /* 21 digits */
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct cw_pin_block block = {.ksn = "untouched"};
                struct cw_span payload = CW_SPAN((const uint8_t *)cases[i].payload, strlen(cases[i].payload));
                assert_int_equal(cw_rc_class(cw_vx_read_pin(payload, &block, NULL)), cases[i].cls);
                assert_string_equal(block.ksn, "untouched");
        }
}

static void test_requests_out_of_range(void **state) {
        (void)state;
        uint8_t payload[CW_VX_PAYLOAD_MAX];
        struct cw_writer w;
        static const char letters[] = "40123456789X9";
        for (int i = 0; i < 6; i++) {
                struct cw_pin_ask ask = ask_of();
                if (i == 0)
                        ask.pan.len = 11;
                if (i == 1)
                        ask.pan = CW_SPAN((const uint8_t *)letters, 13);
                if (i == 2)
                        ask.min = 3;
                if (i == 3)
                        ask.max = 13;
                if (i == 4)
                        ask.prompt = "THIS TEXT IS MUCH TOO LONG";
                if (i == 5)
                        ask.processing = "\x02";
                cw_writer_init(&w, payload, sizeof payload);
                assert_int_equal(cw_rc_class(cw_vx_put_pin_request(&w, &ask, NULL)), CW_C_REJECT);
                assert_int_equal(w.len, 0);
        }
        assert_int_equal(cw_vx_pad_timeout_s(1), 30);
        assert_int_equal(cw_vx_pad_timeout_s(30000), 30);
        assert_int_equal(cw_vx_pad_timeout_s(30001), 60);
        assert_int_equal(cw_vx_pad_timeout_s(3600000), 270);
}

/* ---- the pad at the other end ---- */

struct line {
        const char *expect; /* hex the driver must send; "" = nothing */
        int wait_ms;        /* before the answer */
        const char *answer; /* hex; NULL = hang up */
};

struct pad {
        int fd;
        char tty[64];
        const struct line *lines;
        size_t count;
        bool wrong;
        pthread_t thread;
};

static bool expect(int fd, const char *hex) {
        uint8_t want[512];
        size_t len = 0;
        if (!cw_hex_decode(hex, strlen(hex), want, sizeof want, &len))
                return false;
        for (size_t i = 0; i < len; i++) {
                uint8_t got = 0;
                struct pollfd p = {fd, POLLIN, 0};
                if (poll(&p, 1, 5000) != 1 || read(fd, &got, 1) != 1 || got != want[i])
                        return false;
        }
        return true;
}

static void *pad_main(void *arg) {
        struct pad *pad = arg;
        for (size_t i = 0; i < pad->count && !pad->wrong; i++) {
                uint8_t bytes[512];
                size_t len = 0;
                if (!expect(pad->fd, pad->lines[i].expect)) {
                        pad->wrong = true;
                        break;
                }
                (void)nanosleep(
                    &(struct timespec){pad->lines[i].wait_ms / 1000, pad->lines[i].wait_ms % 1000 * 1000000L},
                    NULL);
                if (!pad->lines[i].answer) {
                        (void)close(pad->fd);
                        pad->fd = -1;
                        break;
                }
                (void)cw_hex_decode(pad->lines[i].answer, strlen(pad->lines[i].answer), bytes, sizeof bytes,
                                    &len);
                pad->wrong = len && write(pad->fd, bytes, len) != (ssize_t)len;
        }
        return NULL;
}

static struct cw_pinpad *start(struct pad *pad, const struct line *lines, size_t count) {
        struct cw_pinpad *p = NULL;
        struct cw_fault f = {0};
        int slave = -1;
        *pad = (struct pad){.lines = lines, .count = count};
        assert_int_equal(openpty(&pad->fd, &slave, pad->tty, NULL, NULL), 0);
        assert_int_equal(pthread_create(&pad->thread, NULL, pad_main, pad), 0);
        if (cw_vx1000_open(pad->tty, 9600, &p, &f) != CW_OK)
                fail_msg("%s", f.text);
        (void)close(slave);
        return p;
}

static void finish(struct pad *pad, struct cw_pinpad *p) {
        cw_pinpad_close(p);
        (void)pthread_join(pad->thread, NULL);
        if (pad->fd >= 0)
                (void)close(pad->fd);
        assert_false(pad->wrong);
}

#define HELLO                                                                                                \
        {"0237320306", 0, "06"}, {SERIAL_REQUEST, 0, SERIAL_ANSWER}, {                                       \
                "06", 0, "04"                                                                                \
        }
#define RUN(pad, lines) start(&(pad), (lines), sizeof(lines) / sizeof *(lines))

static void test_pin_is_entered(void **state) {
        (void)state;
        static const struct line lines[] = {HELLO,
                                            {"025A321A57454C434F4D45032B", 0, "06"},
                                            {PIN_REQUEST, 0, "06"},
                                            {"", 300, PIN_ANSWER},
                                            {"06", 0, "04"}};
        struct pad pad;
        struct cw_pinpad *p = RUN(pad, lines);
        struct cw_pin_ask ask = ask_of();
        struct cw_pin_block block;
        assert_int_equal(cw_pinpad_show(p, "WELCOME", NULL), CW_OK);
        assert_int_equal(cw_pinpad_pin(p, &ask, &block, NULL), CW_OK);
        assert_string_equal(block.ksn, "FFFF9876543210E00001");
        assert_true(cw_pinpad_alive(p));
        finish(&pad, p);
}

/* Our ACK was lost: the same answer comes again before the next request, and is no answer to it. */
static void test_repeated_answer_is_dropped(void **state) {
        (void)state;
        static const char second[] =
            "0237313039383736353433323130453030303032313041303143384430324336393130370345";
        static const struct line lines[] = {HELLO,
                                            {PIN_REQUEST, 0, "06"},
                                            {"", 200, PIN_ANSWER},
                                            {"06", 0, PIN_ANSWER},
                                            {"06" PIN_REQUEST, 0, "06" PIN_ANSWER},
                                            {"06", 200, second},
                                            {"06", 0, ""}};
        struct pad pad;
        struct cw_pinpad *p = RUN(pad, lines);
        struct cw_pin_ask ask = ask_of();
        struct cw_pin_block block;
        assert_int_equal(cw_pinpad_pin(p, &ask, &block, NULL), CW_OK);
        assert_int_equal(cw_pinpad_pin(p, &ask, &block, NULL), CW_OK);
        assert_string_equal(block.ksn, "FFFF9876543210E00002");
        finish(&pad, p);
}

static cw_rc pin_with(const struct line *lines, size_t count, int64_t timeout_ms, const atomic_bool *cancel) {
        struct pad pad;
        struct cw_pinpad *p = start(&pad, lines, count);
        struct cw_pin_ask ask = ask_of();
        struct cw_pin_block block = {.ksn = "untouched"};
        struct cw_fault f = {0};
        ask.timeout_ms = timeout_ms;
        ask.cancel = cancel;
        cw_rc rc = cw_pinpad_pin(p, &ask, &block, &f);
        assert_string_equal(block.ksn, "untouched");
        assert_null(strstr(f.text, "4012345678909"));
        finish(&pad, p);
        return rc;
}
#define PIN(lines, timeout_ms, cancel)                                                                       \
        pin_with((lines), sizeof(lines) / sizeof *(lines), (timeout_ms), (cancel))

static void test_customer_cancels(void **state) {
        (void)state;
        static const struct line lines[] = {HELLO, {PIN_REQUEST, 0, "06"}, {"", 400, "04"}};
        assert_int_equal(PIN(lines, 60000, NULL), CW_RC(CW_L_PINPAD, CW_C_RETRY, CW_E_CANCELLED));
}

static void test_pad_refuses_the_prompt(void **state) {
        (void)state;
        static const struct line lines[] = {HELLO, {PIN_REQUEST, 0, "0604"}};
        assert_int_equal(PIN(lines, 60000, NULL), CW_RC(CW_L_PINPAD, CW_C_REJECT, CW_E_DENIED));
}

static void test_nobody_types(void **state) {
        (void)state;
        /* one unit of 30 s: the frame of 600 ms differs from the worked one in its last field */
        static const struct line lines[] = {HELLO,
                                            {"025A36322E343031323334353637383930391C303430344E454E544552204E4"
                                             "5572050494E1C1C504C4541534520574149541C310356",
                                             0, "06"},
                                            {"0237320306", 0, "04"}};
        assert_int_equal(PIN(lines, 1200, NULL), CW_RC(CW_L_PINPAD, CW_C_RETRY, CW_E_TIMEOUT));
}

static void test_we_cancel(void **state) {
        (void)state;
        static const struct line lines[] = {HELLO, {PIN_REQUEST, 0, "06"}, {"0237320306", 0, "04"}};
        atomic_bool cancel = true;
        assert_int_equal(PIN(lines, 60000, &cancel), CW_RC(CW_L_PINPAD, CW_C_RETRY, CW_E_CANCELLED));
}

static void test_bad_answers_then_give_up(void **state) {
        (void)state;
        static const struct line lines[] = {HELLO,
                                            {PIN_REQUEST, 0, "06"},
                                            {"", 200, "0237313103FF"},
                                            {"15", 0, "0237313103FF"},
                                            {"15", 0, "0237313103FF"},
                                            {"04", 0, ""}};
        assert_int_equal(cw_rc_class(PIN(lines, 60000, NULL)), CW_C_RECONNECT);
}

static void test_nak_is_repeated_three_times(void **state) {
        (void)state;
        static const struct line lines[] = {
            HELLO, {PIN_REQUEST, 0, "15"}, {PIN_REQUEST, 0, "15"}, {PIN_REQUEST, 0, "15"}};
        assert_int_equal(cw_rc_class(PIN(lines, 60000, NULL)), CW_C_RECONNECT);
}

static void test_pad_without_key(void **state) {
        (void)state;
        static const struct line lines[] = {
            HELLO, {PIN_REQUEST, 0, "06"}, {"", 200, "023731410344"}, {"06", 0, ""}};
        assert_int_equal(cw_rc_class(PIN(lines, 60000, NULL)), CW_C_OPERATOR);
}

static void test_unplugged_during_entry(void **state) {
        (void)state;
        static const struct line lines[] = {HELLO, {PIN_REQUEST, 0, "06"}, {"", 300, NULL}};
        assert_int_equal(cw_rc_class(PIN(lines, 60000, NULL)), CW_C_RECONNECT);
}

static void test_not_there(void **state) {
        (void)state;
        struct cw_pinpad *p = NULL;
        assert_int_equal(cw_rc_class(cw_vx1000_open("/dev/null", 9600, &p, NULL)), CW_C_OPERATOR);
        assert_int_equal(cw_rc_class(cw_vx1000_open("/nowhere/pad", 9600, &p, NULL)), CW_C_OPERATOR);
        assert_int_equal(cw_rc_class(cw_vx1000_open("/dev/null", 300, &p, NULL)), CW_C_REJECT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_worked_request),
            cmocka_unit_test(test_worked_answer),
            cmocka_unit_test(test_frames),
            cmocka_unit_test(test_answers_that_are_none),
            cmocka_unit_test(test_requests_out_of_range),
            cmocka_unit_test(test_pin_is_entered),
            cmocka_unit_test(test_repeated_answer_is_dropped),
            cmocka_unit_test(test_customer_cancels),
            cmocka_unit_test(test_pad_refuses_the_prompt),
            cmocka_unit_test(test_nobody_types),
            cmocka_unit_test(test_we_cancel),
            cmocka_unit_test(test_bad_answers_then_give_up),
            cmocka_unit_test(test_nak_is_repeated_three_times),
            cmocka_unit_test(test_pad_without_key),
            cmocka_unit_test(test_unplugged_during_entry),
            cmocka_unit_test(test_not_there),
        };
        return cmocka_run_group_tests_name("pinpad vx1000", tests, NULL, NULL);
}
