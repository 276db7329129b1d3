/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the exact bulk OUT bytes of one card to stdout: the real face, the real driver, and behind the USB
 * vtable the emulated printer, which only supplies the answers. For decoders that none of us wrote. See
 * README.md.
 */
#include "tests/contract/bench.h"

#include "base/clock.h"
#include "drivers/face/render.h"

#include <stdio.h>
#include <string.h>

#define JOB_MS 600000

struct tap {
        struct cw_usb base;
        struct cw_usb *inner; /* owned */
        FILE *out;            /* NULL: not yet */
};

static struct cw_usb *inner_of(struct cw_usb *u) {
        return ((struct tap *)u)->inner;
}

static cw_rc tap_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                         uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                         struct cw_fault *f) {
        return inner_of(u)->ops->control(inner_of(u), request_type, request, value, index, data, len,
                                         deadline_ns, ret_len, f);
}

static cw_rc tap_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns, size_t *ret_sent,
                     struct cw_fault *f) {
        struct tap *t = (struct tap *)u;
        cw_rc rc = t->inner->ops->bulk_out(t->inner, data, len, deadline_ns, ret_sent, f);
        if (t->out && fwrite(data, 1, *ret_sent, t->out) != *ret_sent)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_FATAL, CW_E_IO), 0, "transcript", "",
                               "the transcript cannot be written");
        return rc;
}

static cw_rc tap_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                    struct cw_fault *f) {
        return inner_of(u)->ops->bulk_in(inner_of(u), data, cap, deadline_ns, ret_len, f);
}

static size_t tap_purge(struct cw_usb *u) {
        return inner_of(u)->ops->purge(inner_of(u));
}

static cw_rc tap_clear(struct cw_usb *u, struct cw_fault *f) {
        return inner_of(u)->ops->clear_halt(inner_of(u), f);
}

static cw_rc tap_reset(struct cw_usb *u, struct cw_fault *f) {
        return inner_of(u)->ops->reset(inner_of(u), f);
}

static bool tap_gone(struct cw_usb *u) {
        return inner_of(u)->ops->gone(inner_of(u));
}

static void tap_close(struct cw_usb *u) {
        cw_usb_close(inner_of(u));
        free(u);
}

static const struct cw_usb_ops tap_ops = {
    .name = "transcript",
    .control = tap_control,
    .bulk_out = tap_out,
    .bulk_in = tap_in,
    .purge = tap_purge,
    .clear_halt = tap_clear,
    .reset = tap_reset,
    .gone = tap_gone,
    .close = tap_close,
};

static struct tap *tap_on(struct bench *b, struct cw_fault *f) {
        struct tap *t = calloc(1, sizeof *t);
        if (!t || bench_ops.connect(b, &t->inner, f) != CW_OK) {
                free(t);
                return NULL;
        }
        t->base.ops = &tap_ops;
        t->base.info = t->inner->info;
        return t;
}

/* "track1" .. "track3" are the stripe, every other text is a field of the face. */
static bool read_data(json_t *data, struct cw_face_data *face, struct cw_tracks *tracks) {
        const char *key = NULL;
        json_t *value = NULL;
        if (!json_is_object(data))
                return false;
        json_object_foreach(data, key, value) {
                const char *text = json_string_value(value);
                size_t len = json_string_length(value);
                if (!text)
                        return false;
                if (strlen(key) == 6 && strncmp(key, "track", 5) == 0 && key[5] >= '1' && key[5] <= '3')
                        tracks->track[key[5] - '1'] = CW_SPAN((const uint8_t *)text, len);
                else if (face->count < CW_FACE_FIELDS_MAX)
                        face->field[face->count++] = (struct cw_face_field){key, text, len};
                else
                        return false;
        }
        return true;
}

/* As the station does: what was written is read back and compared. */
static cw_rc stripe(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                    struct cw_fault *f) {
        struct cw_printer_effect e;
        cw_rc rc = cw_printer_stripe_write(p, tracks, deadline_ns, &e, f);
        if (cw_printer_info(p)->caps & CW_PRINTER_CAP_STRIPE_IN_PRINT)
                return rc;
        for (unsigned i = 0; rc == CW_OK && i < 3; i++) {
                CW_AUTO(cw_secret_free) struct cw_secret *read = NULL;
                if (tracks->track[i].len == 0)
                        continue;
                rc = cw_printer_stripe_read(p, i + 1, deadline_ns, &read, f);
                if (rc == CW_OK && (read->len != tracks->track[i].len ||
                                    memcmp(read->ptr, tracks->track[i].ptr, read->len) != 0))
                        rc = cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISMATCH), 0, "transcript",
                                     "PRD_MAGSTRIPE", "the stripe reads back differently");
        }
        return rc;
}

static cw_rc one_card(struct cw_printer *p, const struct cw_tracks *tracks, const struct cw_panels *panels,
                      struct cw_fault *f) {
        struct cw_printer_effect e;
        int64_t deadline_ns = cw_deadline_ns(JOB_MS);
        cw_rc rc = cw_printer_feed(p, deadline_ns, &e, f);
        if (rc == CW_OK && (tracks->track[0].len || tracks->track[1].len || tracks->track[2].len))
                rc = stripe(p, tracks, deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_printer_print(p, panels, deadline_ns, &e, f);
        if (rc == CW_OK)
                rc = cw_printer_eject(p, deadline_ns, &e, f);
        return rc;
}

static cw_rc write_job(struct bench *b, const struct cw_tracks *tracks, const struct cw_panels *panels,
                       struct cw_fault *f) {
        CW_AUTO(cw_printer_close) struct cw_printer *p = NULL;
        struct tap *t = tap_on(b, f);
        if (!t)
                return CW_RC(CW_L_USB, CW_C_RETRY, CW_E_NOMEM);
        struct cw_printer_fitting fitting = {.flip = -1};
        if (bench_family.fitting)
                fitting = *bench_family.fitting;
        fitting.both_faces = 1;
        cw_rc rc = cw_printer_open(cw_printer_driver(bench_family.driver), &t->base, &fitting,
                                   cw_deadline_ns(JOB_MS), &p, f);
        if (rc != CW_OK)
                return rc;
        t->out = stdout; /* from here on it is the job */
        rc = one_card(p, tracks, panels, f);
        t->out = NULL;
        return rc;
}

int main(int argc, char **argv) {
        const struct bench_options standard = {.flip = "short"}; /* a back is printed when there is one */
        struct cw_face_data face = {0};
        struct cw_tracks tracks = {0};
        struct cw_fault f = {0};
        json_error_t error;
        if (argc != 3) {
                (void)fprintf(stderr, "usage: %s TEMPLATE DATA > job.prn\n", argv[0]);
                return 2;
        }
        CW_AUTO_JSON json_t *data = json_load_file(argv[2], JSON_REJECT_DUPLICATES, &error);
        if (!read_data(data, &face, &tracks)) {
                (void)fprintf(stderr, "%s is not a JSON object of texts\n", argv[2]);
                return 2;
        }
        CW_AUTO(cw_panels_free) struct cw_panels *panels = NULL;
        struct bench *b = bench_ops.open(&standard);
        cw_rc rc = cw_face_render(argv[1], &face, NULL, &panels, &f);
        if (rc == CW_OK)
                rc = write_job(b, &tracks, panels, &f);
        int64_t violations = bench_state(b, "", "violations");
        bench_ops.close(b);
        if (rc != CW_OK || violations != 0 || fflush(stdout) != 0)
                (void)fprintf(stderr, "no whole job: %s\n", rc == CW_OK ? "the printer complained" : f.text);
        return rc == CW_OK && violations == 0 ? 0 : 1;
}
