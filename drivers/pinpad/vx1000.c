/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with a VeriFone 1000SE over a tty. */
#include "base/clock.h"
#include "base/secret.h"
#include "drivers/pinpad/vx1000_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ACK_MS 2000
#define WRITE_MS 2000
#define SILENCE_MS 60 /* drained when nothing comes for so long */
#define DRAIN_MS 1000
#define CHARACTER_GAP_MS 1000
#define LOOK_MS 250 /* how often the caller's wish to cancel is looked at */
#define TRIES_MAX 3
#define AT_ONCE_MS 150     /* nobody presses Cancel this fast: the pad refuses the prompt */
#define CLOCK_SLACK_MS 750 /* the pad's clock against ours */

struct vx {
        struct cw_pinpad base;
        int fd;
        bool dead;
        struct cw_vx_parser parser;
        char last_ksn[CW_KSN_HEX]; /* a repeated 71 has the same KSN: dropped */
};

static struct vx *vx_of(struct cw_pinpad *p) {
        return (struct vx *)(void *)p;
}

static cw_rc lost(struct vx *v, int native, struct cw_fault *f) {
        v->dead = true;
        return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_RECONNECT, CW_E_CLOSED), native, "pinpad.line", "",
                       "the line to the PIN pad is broken; look at its cable");
}

static cw_rc silent(struct vx *v, struct cw_fault *f) {
        v->dead = true;
        return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_RECONNECT, CW_E_TIMEOUT), 0, "pinpad.line", "",
                       "the PIN pad does not answer; look at its cable, its power and the configured speed");
}

/* ---- bytes ---- */

static cw_rc put(struct vx *v, const uint8_t *bytes, size_t len, struct cw_fault *f) {
        int64_t deadline_ns = cw_deadline_ns(WRITE_MS);
        while (len > 0) {
                ssize_t n = write(v->fd, bytes, len);
                if (n > 0) {
                        bytes += n;
                        len -= (size_t)n;
                        continue;
                }
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return lost(v, errno, f);
                struct pollfd pfd = {v->fd, POLLOUT, 0};
                if (cw_deadline_left_ms(deadline_ns) == 0)
                        return silent(v, f);
                if (poll(&pfd, 1, cw_deadline_left_ms(deadline_ns)) < 0 && errno != EINTR)
                        return lost(v, errno, f);
        }
        return CW_OK;
}

static cw_rc put_byte(struct vx *v, uint8_t byte, struct cw_fault *f) {
        return put(v, &byte, 1, f);
}

/* The next event, or NONE when nothing came in time; a frame cut off in the middle is forgotten after a gap.
 */
static cw_rc next_event(struct vx *v, int64_t deadline_ns, enum cw_vx_event *ret, struct cw_fault *f) {
        int64_t gap_ns = cw_deadline_ns(CHARACTER_GAP_MS);
        for (;;) {
                uint8_t byte;
                ssize_t n = read(v->fd, &byte, 1);
                if (n == 1) {
                        gap_ns = cw_deadline_ns(CHARACTER_GAP_MS);
                        *ret = cw_vx_parse(&v->parser, byte);
                        if (*ret != CW_VX_NONE)
                                return CW_OK;
                        continue;
                }
                if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        return lost(v, n == 0 ? 0 : errno, f);
                if (v->parser.state != CW_VX_IDLE && cw_deadline_left_ms(gap_ns) == 0)
                        cw_vx_parser_reset(&v->parser);
                int left = cw_deadline_left_ms(deadline_ns);
                if (left == 0) {
                        *ret = CW_VX_NONE;
                        return CW_OK;
                }
                struct pollfd pfd = {v->fd, POLLIN, 0};
                if (poll(&pfd, 1, left < LOOK_MS ? left : LOOK_MS) < 0 && errno != EINTR)
                        return lost(v, errno, f);
        }
}

/* ---- packets ---- */

/* What is still in the line belongs to nobody: an EOT means nothing, a repeated answer is acknowledged and
 * dropped. */
static cw_rc drain(struct vx *v, struct cw_fault *f) {
        int64_t end_ns = cw_deadline_ns(DRAIN_MS);
        while (cw_deadline_left_ms(end_ns) > 0) {
                enum cw_vx_event event = CW_VX_NONE;
                cw_rc rc = next_event(v, cw_deadline_ns(SILENCE_MS), &event, f);
                if (rc == CW_OK && event == CW_VX_GOT_FRAME)
                        rc = put_byte(v, CW_VX_ACK, f);
                if (rc != CW_OK)
                        return rc;
                if (event == CW_VX_NONE)
                        break;
        }
        cw_vx_parser_reset(&v->parser);
        return CW_OK;
}

/* Sends a frame until it is acknowledged. *ret_eot (may be NULL): an EOT counts as an answer, not as a
 * failure. */
static cw_rc send(struct vx *v, uint8_t start, struct cw_span payload, bool *ret_eot, struct cw_fault *f) {
        CW_WIPED(uint8_t, frame, CW_VX_FRAME_MAX);
        struct cw_writer w;
        cw_writer_init(&w, frame, CW_VX_FRAME_MAX);
        cw_vx_frame(&w, start, payload);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_REJECT, CW_E_TOO_BIG), 0, "pinpad.send", "",
                               "a packet for the PIN pad is too long");
        for (int i = 0; i < TRIES_MAX; i++) {
                enum cw_vx_event event = CW_VX_NONE;
                cw_rc rc = put(v, frame, w.len, f);
                if (rc == CW_OK)
                        rc = next_event(v, cw_deadline_ns(ACK_MS), &event, f);
                if (rc != CW_OK)
                        return rc;
                if (ret_eot)
                        *ret_eot = event == CW_VX_GOT_EOT;
                if (event == CW_VX_GOT_ACK || (ret_eot && event == CW_VX_GOT_EOT))
                        return CW_OK;
                if (event != CW_VX_GOT_NAK)
                        break;
        }
        return silent(v, f);
}

static cw_rc vx_show(struct cw_pinpad *p, const char *text, struct cw_fault *f) {
        struct vx *v = vx_of(p);
        uint8_t payload[3 + CW_PINPAD_TEXT_MAX];
        struct cw_writer w;
        cw_writer_init(&w, payload, sizeof payload);
        cw_put_bytes(&w, "Z2", 2);
        cw_put_u8(&w, CW_VX_SUB);
        cw_put_bytes(&w, text, strlen(text));
        cw_rc rc = drain(v, f);
        return rc == CW_OK ? send(v, CW_VX_STX, CW_SPAN(payload, w.len), NULL, f) : rc;
}

/* Stops an entry: the pad answers EOT, or ACK when the entry had just ended and its 71 is under way. */
static cw_rc stop_entry(struct vx *v, struct cw_fault *f) {
        static const uint8_t cancel[] = {'7', '2'};
        bool eot = false;
        cw_rc rc = send(v, CW_VX_STX, CW_SPAN(cancel, sizeof cancel), &eot, f);
        return rc == CW_OK ? drain(v, f) : rc;
}

struct entry {
        const struct cw_pin_ask *ask;
        int64_t start_ns, ours_ns; /* when it began; when we give up */
        int64_t pad_ms;            /* when the pad does */
        unsigned bad_frames;
        bool done;
};

static cw_rc given_up(struct entry *e, struct cw_fault *f) {
        int64_t elapsed_ms = (cw_mono_ns(cw_clock_real()) - e->start_ns) / 1000000;
        e->done = true;
        if (elapsed_ms < AT_ONCE_MS)
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_REJECT, CW_E_DENIED), 0, "pinpad.pin", "",
                               "the PIN pad refuses the prompt; this model shows certified texts only");
        int64_t limit_ms = e->pad_ms < e->ask->timeout_ms ? e->pad_ms : e->ask->timeout_ms;
        if (elapsed_ms + CLOCK_SLACK_MS >= limit_ms)
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_RETRY, CW_E_TIMEOUT), 0, "pinpad.pin", "",
                               "nobody entered a PIN in time");
        return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_RETRY, CW_E_CANCELLED), 0, "pinpad.pin", "",
                       "the customer cancelled the PIN entry");
}

static cw_rc take_answer(struct vx *v, struct entry *e, struct cw_pin_block *ret, struct cw_fault *f) {
        struct cw_pin_block block = {0};
        cw_rc rc = put_byte(v, CW_VX_ACK, f);
        if (rc != CW_OK)
                return rc;
        e->done = true;
        rc = cw_vx_read_pin(CW_SPAN(v->parser.payload, v->parser.len), &block, f);
        cw_vx_parser_reset(&v->parser);
        if (rc == CW_OK && strcmp(block.ksn, v->last_ksn) == 0) {
                e->done = false;
                return CW_OK;
        }
        if (rc == CW_OK) {
                memcpy(v->last_ksn, block.ksn, sizeof v->last_ksn);
                *ret = block;
        }
        cw_wipe(&block, sizeof block);
        return rc;
}

static cw_rc bad_frame(struct vx *v, struct entry *e, struct cw_fault *f) {
        if (++e->bad_frames < TRIES_MAX)
                return put_byte(v, CW_VX_NAK, f);
        e->done = true;
        cw_rc rc = put_byte(v, CW_VX_EOT, f);
        v->dead = true;
        return rc != CW_OK ? rc
                           : cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_RECONNECT, CW_E_IO), 0, "pinpad.pin", "",
                                     "the line to the PIN pad is disturbed; look at its cable");
}

static cw_rc one_event(struct vx *v, struct entry *e, struct cw_pin_block *ret, struct cw_fault *f) {
        enum cw_vx_event event = CW_VX_NONE;
        int64_t look_ns = cw_deadline_ns(LOOK_MS);
        cw_rc rc = next_event(v, look_ns < e->ours_ns ? look_ns : e->ours_ns, &event, f);
        if (rc != CW_OK)
                return rc;
        if (event == CW_VX_GOT_FRAME)
                return take_answer(v, e, ret, f);
        if (event == CW_VX_GOT_EOT)
                return given_up(e, f);
        if (event == CW_VX_GOT_BAD)
                return bad_frame(v, e, f);
        bool wanted = e->ask->cancel && atomic_load(e->ask->cancel);
        bool late = cw_deadline_left_ms(e->ours_ns) == 0;
        if (!wanted && !late)
                return CW_OK;
        e->done = true;
        rc = stop_entry(v, f);
        if (rc != CW_OK)
                return rc;
        return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_RETRY, wanted ? CW_E_CANCELLED : CW_E_TIMEOUT), 0,
                       "pinpad.pin", "",
                       wanted ? "the PIN entry was cancelled" : "nobody entered a PIN in time");
}

static cw_rc vx_pin(struct cw_pinpad *p, const struct cw_pin_ask *ask, struct cw_pin_block *ret,
                    struct cw_fault *f) {
        struct vx *v = vx_of(p);
        CW_WIPED(uint8_t, payload, CW_VX_PAYLOAD_MAX);
        struct cw_writer w;
        cw_writer_init(&w, payload, CW_VX_PAYLOAD_MAX);
        cw_rc rc = cw_vx_put_pin_request(&w, ask, f);
        if (rc == CW_OK)
                rc = drain(v, f);
        if (rc == CW_OK)
                rc = send(v, CW_VX_STX, CW_SPAN(w.ptr, w.len), NULL, f);
        if (rc != CW_OK)
                return rc;
        struct entry e = {.ask = ask,
                          .start_ns = cw_mono_ns(cw_clock_real()),
                          .ours_ns = cw_deadline_ns(ask->timeout_ms),
                          .pad_ms = (int64_t)cw_vx_pad_timeout_s(ask->timeout_ms) * 1000};
        while (!e.done) {
                rc = one_event(v, &e, ret, f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* ---- line ---- */

static bool vx_alive(struct cw_pinpad *p) {
        struct vx *v = vx_of(p);
        struct pollfd pfd = {v->fd, 0, 0};
        return !v->dead && poll(&pfd, 1, 0) >= 0 && (pfd.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

static void vx_close(struct cw_pinpad *p) {
        struct vx *v = vx_of(p);
        cw_vx_parser_reset(&v->parser);
        cw_fd_cleanup(&v->fd);
        free(v);
}

static const struct cw_pinpad_ops vx_ops = {"VeriFone 1000SE", vx_show, vx_pin, vx_alive, vx_close};

static bool speed_of(int64_t baud, speed_t *ret) {
        static const struct {
                int64_t baud;
                speed_t speed;
        } speeds[] = {{1200, B1200}, {2400, B2400}, {4800, B4800}, {9600, B9600}, {19200, B19200}};
        for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
                if (speeds[i].baud != baud)
                        continue;
                *ret = speeds[i].speed;
                return true;
        }
        return false;
}

/* 7 data bits, even parity, nothing translated, no flow control; a parity error arrives as a byte 0 and
 * spoils its frame. */
static bool set_line(int fd, speed_t speed) {
        struct termios t;
        if (tcgetattr(fd, &t) < 0)
                return false;
        cfmakeraw(&t);
        t.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | CRTSCTS | PARODD);
        t.c_cflag |= CS7 | PARENB | CLOCAL | CREAD;
        t.c_iflag |= INPCK;
        t.c_cc[VMIN] = 1;
        t.c_cc[VTIME] = 0;
        if (cfsetispeed(&t, speed) < 0 || cfsetospeed(&t, speed) < 0)
                return false;
        /* A line that keeps 8 bits whatever is asked (a USB bridge, a pty) is EINVAL from the second opening
         * on. Whether it is good shows in the pad's answer. */
        return tcsetattr(fd, TCSANOW, &t) == 0 || errno == EINVAL;
}

/* An entry of a process that died is stopped. Then packet 06, the serial number: harmless, and answered on
 * the right speed only. */
static cw_rc say_hello(struct vx *v, struct cw_fault *f) {
        static const uint8_t serial[] = {'0', '6'};
        enum cw_vx_event event = CW_VX_NONE;
        cw_rc rc = drain(v, f);
        if (rc == CW_OK)
                rc = stop_entry(v, f);
        if (rc == CW_OK)
                rc = send(v, CW_VX_SI, CW_SPAN(serial, sizeof serial), NULL, f);
        if (rc == CW_OK)
                rc = next_event(v, cw_deadline_ns(ACK_MS), &event, f);
        if (rc == CW_OK && event != CW_VX_GOT_FRAME)
                rc = silent(v, f);
        return rc == CW_OK ? put_byte(v, CW_VX_ACK, f) : rc;
}

cw_rc cw_vx1000_open(const char *tty, int64_t baud, struct cw_pinpad **ret, struct cw_fault *f) {
        speed_t speed = B1200;
        if (!speed_of(baud, &speed))
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_REJECT, CW_E_RANGE), baud, "pinpad.open",
                               "PRT_SETUP_ERROR",
                               "the PIN pad speaks 1200, 2400, 4800, 9600 or 19200 bits a second; correct "
                               "the configuration");
        CW_AUTO_FD int fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || !isatty(fd) || !set_line(fd, speed))
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_OPERATOR, CW_E_NOT_FOUND), errno, "pinpad.open",
                               "PRT_NOT_REACHABLE",
                               "the PIN pad's line cannot be opened; plug it in and check pinpad_tty");
        struct vx *v = calloc(1, sizeof *v);
        if (!v)
                return cw_fail(f, CW_RC(CW_L_PINPAD, CW_C_RETRY, CW_E_NOMEM), 0, "pinpad.open", "",
                               "no memory; free some");
        v->base.ops = &vx_ops;
        v->fd = CW_STEAL_FD(fd);
        CW_AUTO(cw_pinpad_close) struct cw_pinpad *pad = &v->base;
        cw_rc rc = say_hello(v, f);
        if (rc != CW_OK)
                return rc;
        *ret = CW_STEAL(pad);
        return CW_OK;
}
