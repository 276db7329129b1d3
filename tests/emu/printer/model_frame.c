/* SPDX-License-Identifier: Apache-2.0 */
/* Commands out of the byte stream: ESC text CR, and rasters whose bytes are counted, never searched. */
#include "model_int.h"

#include <string.h>

int emup_language_new(struct emup_model *m) {
        emup_frame_reset(m);
        emup_settings_power_on(m);
        return 0;
}

void emup_frame_reset(struct emup_model *m) {
        struct emup_frame *f = &m->frame;
        f->state = FRAME_IDLE;
        f->after_cr = false;
        f->start = 0x1b;
        f->sep = ';';
        f->end = '\r';
        f->len = 0;
        f->overlong = false;
        f->data_len = f->data_want = 0;
        f->wait_head = false;
}

bool emup_busy(const struct emup_model *m) {
        return m->op.active || m->frame.wait_head;
}

static void begin_text(struct emup_frame *f) {
        f->state = FRAME_TEXT;
        f->len = 0;
        f->overlong = false;
}

static void dispatch(struct emup_model *m, const uint8_t *data, size_t n) {
        struct emup_frame *f = &m->frame;
        f->state = FRAME_IDLE;
        f->after_cr = true;
        f->text[f->len] = '\0';
        f->data_len = f->data_want = 0;
        emup_command(m, f->text, data, n);
}

static void begin_data(struct emup_model *m, size_t want) {
        struct emup_frame *f = &m->frame;
        struct emup_args a;
        f->text[f->len] = '\0';
        f->state = FRAME_DATA;
        f->data_len = 0;
        f->data_want = want;
        emup_args_split(f->sep, f->text, &a);
        if (m->head.active)
                f->wait_head = true;
        else
                emup_download_header(m, &a);
}

void emup_frame_head_free(struct emup_model *m) {
        struct emup_args a;
        if (!m->frame.wait_head)
                return;
        m->frame.wait_head = false;
        emup_args_split(m->frame.sep, m->frame.text, &a);
        emup_download_header(m, &a);
}

static void text_byte(struct emup_model *m, char c) {
        struct emup_frame *f = &m->frame;
        if (c == f->start) {
                emup_violation(m, "ESC inside a command that began \"%.*s\"", f->len < 4 ? (int)f->len : 4,
                               f->text);
                begin_text(f);
        } else if (c == f->end && f->overlong) {
                emup_violation(m, "command longer than %d bytes", EMUP_COMMAND_MAX);
                f->state = FRAME_IDLE;
                f->after_cr = true;
                emup_reply_err(m, ERR_COMMAND);
        } else if (c == f->end) {
                dispatch(m, NULL, 0);
        } else if (f->len == EMUP_COMMAND_MAX) {
                f->overlong = true;
        } else {
                f->text[f->len++] = c;
                long want = c == f->sep ? emup_command_data(m, f->text, f->len) : 0;
                if (want > 0)
                        begin_data(m, (size_t)want);
        }
}

static void idle_byte(struct emup_model *m, char c) {
        struct emup_frame *f = &m->frame;
        if (c == f->start) {
                begin_text(f);
        } else if (c == '\0') {
                f->after_cr = false; /* padding, as the Windows driver sends it after a job */
        } else if (f->after_cr) {
                begin_text(f);
                text_byte(m, c);
        } else {
                emup_violation(m, "byte %02x outside of a command", (unsigned)(unsigned char)c);
                f->state = FRAME_LOST;
        }
}

/* After a raster of the wrong size nobody knows where a command begins: up to the next CR ESC everything is
 * noise. */
static void lost_byte(struct emup_model *m, char c) {
        struct emup_frame *f = &m->frame;
        if (c == f->start && f->after_cr)
                begin_text(f);
        f->after_cr = c == f->end;
}

static void data_end_byte(struct emup_model *m, char c) {
        struct emup_frame *f = &m->frame;
        if (c == f->end) {
                dispatch(m, f->data, f->data_len);
                return;
        }
        f->text[f->len] = '\0';
        emup_violation(m, "%s: %zu bytes of raster are not followed by CR but by %02x", f->text, f->data_len,
                       (unsigned)(unsigned char)c);
        f->state = FRAME_LOST;
        f->after_cr = false;
        emup_reply_err(m, ERR_DATA);
}

static size_t data_bytes(struct emup_model *m, const uint8_t *bytes, size_t n) {
        struct emup_frame *f = &m->frame;
        size_t want = f->data_want - f->data_len;
        if (n > want)
                n = want;
        memcpy(f->data + f->data_len, bytes, n);
        f->data_len += n;
        if (f->data_len == f->data_want)
                f->state = FRAME_DATA_END;
        return n;
}

size_t emup_frame_feed(struct emup_model *m, const uint8_t *bytes, size_t n) {
        size_t i = 0;
        while (i < n && !emup_busy(m)) {
                if (m->frame.state == FRAME_DATA) {
                        i += data_bytes(m, bytes + i, n - i);
                        continue;
                }
                char c = (char)bytes[i++];
                switch (m->frame.state) {
                case FRAME_IDLE:
                        idle_byte(m, c);
                        break;
                case FRAME_TEXT:
                        text_byte(m, c);
                        break;
                case FRAME_DATA_END:
                        data_end_byte(m, c);
                        break;
                case FRAME_LOST:
                        lost_byte(m, c);
                        break;
                case FRAME_DATA:
                        break;
                }
        }
        return i;
}
